"""Independent draws of one-factor models: against sums of our own over dense grids, in natural units."""

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from casepool.cases import resolve_cases
from casepool.inference import exact
from casepool.inference.drawn import Drawn, EngineRefusal
from casepool.inference.exact import draw, settled
from casepool.inference.one_factor import one_factor_of
from casepool.modelling import make_design, model
from casepool.modelling.design.density import Density
from casepool.modelling.design.design import Design
from casepool.modelling.families.arrays import NUMPY
from tests.small import counts, fixed, half_normal, normal, response_model, survival_model

LETTERS = [f"level {i:03d}" for i in range(300)]


def design_of(events: list[int], n: list[int], priors: dict, **group: object) -> Design:
    term = {"kind": "group", "borrowing": "partial", **group}
    return make_design(response_model({"site": term}, priors), counts(events, n, site=LETTERS[: len(n)]))


def drawn(design: Design, seed: int = 1, draws: int = 1000) -> Drawn:
    return draw(design, seed, chains=4, draws=draws, progress=False)


class Dense:
    """Posterior means and standard deviations by sums over zero point, log sd and linear predictor, all even.

    `levels`: log likelihoods of the linear predictor, each with where it matters. `others`: for each level, the share
    of being exchangeable, and the normal distribution, given the zero point, of what it is instead.
    """

    def __init__(self, levels, location, sd, *, t, log_s, df=np.inf, others=None, size=61):
        t, log_s = np.linspace(*t, size if t[0] < t[1] else 1), np.linspace(*log_s, 61 if sd else 1)
        s, size = np.exp(log_s), (len(t), len(log_s))
        log_p = np.broadcast_to(location(t)[:, None] + (sd(s) + log_s if sd else 0.0), size)
        moments = []
        for j, (level, ends) in enumerate(levels):
            x = np.linspace(*ends, 2001)
            own = np.stack([self.summed(level, x, t, scale, df) for scale in s], axis=-1)
            if others is not None:
                share, centre, sigma = others[j]
                other = self.summed(level, x, t, sigma, np.inf, centre(t))[..., None]
                own = share * own + (1 - share) * other
            log_p = log_p + np.log(own[0] + 1e-300)
            moments.append(own[1:] / (own[0] + 1e-300))
        p = np.exp(log_p - log_p.max())
        p /= p.sum()
        shared = [np.stack(np.broadcast_arrays(v, v**2)) * np.ones((2, *size)) for v in (t[:, None], s[None])]
        first, second = np.array([(p * one).sum(axis=(1, 2)) for one in [*shared, *moments]]).T
        self.mean, self.sd = first, np.sqrt(np.maximum(second - first**2, 0))

    @staticmethod
    def summed(level, x, t, scale, df, centre=None):
        """Likelihood times prior, and times the distance to t and its square, summed over x: array (3, t)."""
        middle = t if centre is None else centre
        step, top = x[1] - x[0], level(x).max()
        if scale > 2 * step:
            z = (x - middle[:, None]) / scale
            density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) if np.isinf(df) else (1 + z**2 / df) ** (-(df + 1) / 2)
            weight = density * (step / scale) * np.exp(level(x) - top)
        else:
            z = np.linspace(-8, 8, 161)
            x = middle[:, None] + scale * z
            weight = np.exp(level(x) - top - z**2 / 2) * 0.1 / np.sqrt(2 * np.pi)
        return np.stack([(weight * (x - t[:, None]) ** power).sum(axis=1) for power in range(3)])


def binomial(events: int, n: int, target: float = 0.5):
    """A level's log likelihood, and where it matters to priors of these tests."""
    shift, middle = np.log(target / (1 - target)), np.log((events + 0.5) / (n - events + 0.5))
    reach = 9 / np.sqrt((events + 0.3) * (n - events + 0.3) / n)
    ends = (-30.0 if events == 0 else middle - 1.5 * reach, 30.0 if events == n else middle + 1.5 * reach)
    return lambda x: events * (x + shift) - n * np.logaddexp(0, x + shift), (ends[0] - shift, ends[1] - shift)


def normally(mu: float, sigma: float):
    return stats.norm(mu, sigma).logpdf


def half_normally(scale: float):
    return stats.halfnorm(0, scale).logpdf


PRIORS = {"intercept": normal(2.0, -1.0), "site_sd": half_normal(1.0)}
ALL = ["intercept", "site_sd", "site_effect"]


def agree(design: Design, dense: Dense) -> Drawn:
    """Sums agree to a 500th of a standard deviation; means and sds of draws within four of their errors."""
    grid, refinement = settled(one_factor_of(design))
    mean, sd = grid.summary()
    assert refinement < 0.01
    got = drawn(design)
    values = np.concatenate([got.parameters[name].reshape(4000, -1) for name in ALL], axis=1)
    kept = dense.sd > 1e-6
    np.testing.assert_allclose(values[:, ~kept], np.tile(dense.mean[~kept], (4000, 1)))
    mean, sd, wanted, spread, values = mean[kept], sd[kept], dense.mean[kept], dense.sd[kept], values[:, kept]
    np.testing.assert_allclose(mean / spread, wanted / spread, atol=2e-3)
    np.testing.assert_allclose(sd / spread, 1, atol=2e-3)
    assert (np.abs(values.mean(axis=0) - wanted) < 4 * spread / np.sqrt(4000)).all()
    errors = np.sqrt((stats.kurtosis(values, fisher=False) - 1) / 4 / 4000)
    assert (np.abs(values.std(axis=0) / spread - 1) < 4 * errors).all()
    return got


TABLES = {
    "no events": ([0, 0, 0, 0], [10, 15, 8, 2]),
    "events only": ([10, 15, 8], [10, 15, 8]),
    "one a level": ([0, 1, 1, 0, 1, 0], [1] * 6),
    "one level": ([3], [12]),
    "usual": ([2, 0, 7, 1], [12, 13, 20, 5]),
    "large": ([310, 280, 350, 100], [1000] * 4),
    "one huge level": ([4000, 1, 0, 2], [10000, 12, 9, 3]),
}


@pytest.mark.parametrize("table", TABLES)
def test_partial_borrowing(table: str) -> None:
    events, n = TABLES[table]
    levels = [binomial(y, m) for y, m in zip(events, n, strict=True)]
    # a huge level leaves the zero point no room where levels hardly differ
    at = {"size": 301, "t": (-8, 4)} if max(n) > 1000 else {"t": (-10, 8)}
    dense = Dense(levels, normally(-1, 2), half_normally(1), log_s=(-9, 1.8), **at)
    agree(design_of(events, n, PRIORS), dense)


def test_a_fixed_zero_point_and_a_fixed_standard_deviation() -> None:
    events, n = TABLES["usual"]
    levels = [binomial(y, m) for y, m in zip(events, n, strict=True)]
    zero = Dense(levels, lambda t: 0 * t, half_normally(1), t=(-0.5, -0.5), log_s=(-9, 1.8))
    agree(design_of(events, n, PRIORS | {"intercept": fixed(-0.5)}), zero)
    sd = Dense(levels, normally(-1, 2), None, t=(-10, 8), log_s=(np.log(0.3), 0))
    agree(design_of(events, n, PRIORS | {"site_sd": fixed(0.3)}), sd)


@pytest.mark.parametrize(("sigma", "scale"), [(2.0, 0.01), (60.0, 15.0)], ids=["sd near zero", "vague"])
def test_priors_at_the_limits(sigma: float, scale: float) -> None:
    events, n = TABLES["usual"]
    levels = [binomial(y, m) for y, m in zip(events, n, strict=True)]
    far = {"t": (-60, 60), "log_s": (-6, 4.5)} if scale > 1 else {"t": (-6, 4), "log_s": (-14, -2)}
    if scale > 1:
        levels = [(level, (-220, ends[1]) if ends[0] == -30 else ends) for level, ends in levels]
    priors = {"intercept": normal(sigma, -1.0), "site_sd": half_normal(scale)}
    agree(
        design_of(events, n, priors),
        Dense(levels, normally(-1, sigma), half_normally(scale), size=181 if scale > 1 else 61, **far),
    )


def test_robust_borrowing_with_a_level_far_away() -> None:
    events, n = [2, 3, 2, 1, 19], [20, 22, 18, 15, 20]
    levels = [binomial(y, m) for y, m in zip(events, n, strict=True)]
    dense = Dense(levels, normally(-1, 2), half_normally(1), t=(-10, 8), log_s=(-3.3, 1.8), df=4)
    agree(design_of(events, n, PRIORS, borrowing="robust", df=4.0), dense)


@pytest.mark.parametrize("own", ["level", "effect"])
def test_exnex(own: str) -> None:
    """Levels with priors and probabilities of their own; one certainly exchangeable, one certainly not."""
    events, n = [2, 0, 9, 1], [12, 13, 20, 5]
    shares = dict(zip(LETTERS[:4], (1.0, 0.3, 0.6, 0.0), strict=True))
    priors = PRIORS | {"site_own": normal(1.5, -1.5) | {LETTERS[2]: normal(0.5, 0.2)}}
    levels = [binomial(y, m) for y, m in zip(events, n, strict=True)]
    zero = (lambda t: 0 * t) if own == "level" else (lambda t: t)
    centres = (-1.5, -1.5, 0.2, -1.5)
    others = [
        (p, lambda t, c=c: zero(t) + c, 0.5 if c > 0 else 1.5) for p, c in zip(shares.values(), centres, strict=True)
    ]
    dense = Dense(levels, normally(-1, 2), half_normally(1), t=(-10, 8), log_s=(-9, 1.8), others=others)
    agree(design_of(events, n, priors, borrowing="exnex", exchangeable=shares, own=own), dense)


def test_target_rates_shift_the_linear_predictor() -> None:
    events, n, rates = [2, 0, 7], [12, 13, 20], [0.1, 0.3, 0.2]
    chosen = response_model({"site": {"kind": "group"}}, PRIORS, target="aim")
    design = make_design(chosen, counts(events, n, site=LETTERS[:3], aim=rates))
    levels = [binomial(y, m, rate) for y, m, rate in zip(events, n, rates, strict=True)]
    agree(design, Dense(levels, normally(-1, 2), half_normally(1), t=(-10, 8), log_s=(-9, 1.8)))


def survival(frame: pd.DataFrame, **outcome: str) -> tuple[Design, list]:
    """A design, and each level's log likelihood of its log hazard term by term."""
    group = {"site": {"kind": "group"}}
    chosen = survival_model(PRIORS, terms=group, effects="proportional", outcome=outcome)

    def of_level(own: pd.DataFrame):
        def log_p(x: np.ndarray) -> np.ndarray:
            total = np.zeros_like(x, dtype=float)
            for row in own.itertuples():
                begin, end = (row.lower, row.upper) if "lower" in own else (row.time, row.time)
                if np.isnan(end) or ("event" in own and row.event == "no"):
                    total += -np.exp(x) * begin
                elif begin == end:
                    total += x - np.exp(x) * begin
                else:
                    total += np.log(-np.expm1(-np.exp(x) * (end - begin))) - np.exp(x) * begin
                total += np.exp(x) * row.entry
            return total

        return log_p, (-25.0, 3.5)

    return make_design(chosen, frame), [of_level(own) for _, own in frame.groupby("site")]


def test_exponential_survival_with_late_entry() -> None:
    rng = np.random.default_rng(5)
    entry = rng.uniform(0, 2, 24)
    frame = pd.DataFrame(
        {
            "patient": [f"p{i}" for i in range(24)],
            "site": np.repeat(LETTERS[:4], [3, 12, 1, 8]),
            "time": entry + rng.exponential(5, 24),
            "entry": entry,
            "event": np.where(np.arange(24) % 3 == 0, "no", "yes"),
        }
    )
    design, levels = survival(frame, entry="entry")
    agree(design, Dense(levels, normally(-1, 2), half_normally(1), t=(-10, 8), log_s=(-9, 1.8)))


def test_exponential_survival_between_two_visits() -> None:
    frame = pd.DataFrame(
        {
            "patient": [f"p{i}" for i in range(8)],
            "site": [*LETTERS[:2] * 3, *LETTERS[2:4]],
            "lower": [1.0, 0.0, 3.0, 2.0, 2.5, 1.0, 4.0, 5.0],
            "upper": [4.0, 2.0, 3.0, np.nan, 9.0, 1.5, np.nan, np.nan],
            "entry": [0.5, 0.0, 0.0, 1.0, 0.0, 0.0, 2.0, 0.0],
        }
    )
    design, levels = survival(frame, time="", event="", lower="lower", upper="upper", entry="entry")
    agree(design, Dense(levels, normally(-1, 2), half_normally(1), t=(-12, 8), log_s=(-9, 1.8)))


def test_levels_that_do_not_differ_and_levels_that_share_nothing() -> None:
    events, n = TABLES["usual"]
    pooled = drawn(design_of(events, n, {"intercept": normal(2.0, -1.0)}, borrowing="complete"))
    x = np.linspace(-6, 4, 20001)
    log_p = sum(binomial(y, m)[0](x) for y, m in zip(events, n, strict=True)) + stats.norm.logpdf(x, -1, 2)
    reached = np.cumsum(np.exp(log_p - log_p.max()))
    assert (
        stats.kstest(pooled.parameters["intercept"].ravel(), lambda v: np.interp(v, x, reached / reached[-1])).pvalue
        > 1e-3
    )
    assert pooled.parameters.keys() == {"intercept"}
    alone = drawn(design_of(events, n, {"site_own": normal(2.0, -1.0)}, borrowing="none"))
    for level in range(4):
        log_p = binomial(events[level], n[level])[0](x := np.linspace(-16, 10, 20001)) + stats.norm.logpdf(x, -1, 2)
        reached = np.cumsum(np.exp(log_p - log_p.max()))
        own = alone.parameters["site_effect"][..., level].ravel()
        assert stats.kstest(own, lambda v, r=reached: np.interp(v, x, r / r[-1])).pvalue > 1e-3


def test_published_means_of_a_mixture() -> None:
    """Neuenschwander 2016: imatinib in sarcoma, with two bumps in most levels."""
    got = drawn(make_design(model("basket_exnex"), resolve_cases("sarcoma_imatinib")))
    eta = got.parameters["intercept"][..., None] + got.parameters["histology_effect"]
    rate = 1 / (1 + np.exp(-eta))
    means = [0.151, 0.053, 0.127, 0.188, 0.205, 0.131, 0.177, 0.178, 0.131, 0.157]
    assert (np.abs(rate.mean(axis=(0, 1)) - means) < 4 * rate.std(axis=(0, 1)) / np.sqrt(4000) + 5e-4).all()


def test_three_hundred_levels() -> None:
    rng = np.random.default_rng(3)
    n = rng.integers(1, 30, 300)
    events = rng.binomial(n, 1 / (1 + np.exp(1 - 0.7 * rng.standard_normal(300))))
    got = draw(design_of(list(events), list(n), PRIORS), 1, chains=2, draws=100, progress=False)
    assert got.gauges["refinement"] < 0.01
    assert abs(got.parameters["site_sd"].mean() - 0.7) < 0.25
    assert abs(got.parameters["intercept"].mean() + 1) < 0.3


def test_draws_are_independent_and_none_is_stored_twice() -> None:
    got = drawn(design_of(*TABLES["usual"], PRIORS))
    for values in got.parameters.values():
        flat = values.reshape(4000, -1)
        assert all(len(np.unique(column)) == 4000 for column in flat.T)
        after = [np.corrcoef(column[1:], column[:-1])[0, 1] for column in flat.T]
        assert np.abs(after).max() < 4 / np.sqrt(4000)
    assert {name: values.shape for name, values in got.stats.items()} == {"lp": (4, 1000), "diverging": (4, 1000)}
    assert got.gauges["kish"] > 0.99 * got.gauges["proposals"] > 4000


def test_the_density_stored_is_that_of_parameters_and_outcomes() -> None:
    """Up to a constant: of the Density that PyMC's graph is held to."""
    design = design_of(*TABLES["usual"], PRIORS | {"site_own": normal(1.5)}, borrowing="exnex", own="level")
    got = drawn(design, draws=25)
    density, made = Density(design), {name: values.reshape(100, -1) for name, values in got.parameters.items()}
    made = {name: values[:, 0] if values.shape[1] == 1 else values for name, values in made.items()}
    total = density.log_likelihood(made, NUMPY).sum(axis=-1)
    for own in design.parameters:
        log_p = own.log_density(made[own.name], density.inputs, made, NUMPY)
        total = total + log_p.reshape(100, -1).sum(axis=-1)
    assert np.ptp(total - got.stats["lp"].ravel()) < 1e-4


BYTES = """
import hashlib
from casepool.inference.exact import draw
from casepool.modelling import make_design, model
from casepool.cases import resolve_cases
design = make_design(model("basket_exnex"), resolve_cases("sarcoma_imatinib"))
got = draw(design, 7, chains=2, draws=200, progress=False)
print(hashlib.sha256(b"".join(v.tobytes() for v in (*got.parameters.values(), *got.stats.values()))).hexdigest())
import sys
sys.exit(bool({"pymc", "pytensor", "nutpie", "numba", "arviz", "matplotlib", "scipy.stats"} & set(sys.modules)))
"""


def test_equal_bytes_whatever_the_threads_and_no_sampler_in_sight() -> None:
    found = set()
    for threads in ("1", "2"):
        env = os.environ | {"OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads}
        done = subprocess.run([sys.executable, "-c", BYTES], env=env, capture_output=True, text=True, check=True)
        found.add(done.stdout)
    assert len(found) == 1
    design = design_of(*TABLES["usual"], PRIORS)
    first, again, other = (drawn(design, seed, 50) for seed in (1, 1, 2))
    for name, values in first.parameters.items():
        assert values.tobytes() == again.parameters[name].tobytes() != other.parameters[name].tobytes()


@pytest.mark.parametrize(
    ("name", "cases", "gate"),
    [
        ("objective_response", "alk_crizotinib", "terms"),
        ("overall_survival", "alk_crizotinib", "exposure"),
        ("best_response", "alk_crizotinib", "terms"),
    ],
)
def test_bundled_models_it_is_not_made_for(name: str, cases: str, gate: str) -> None:
    with pytest.raises(EngineRefusal) as refused:
        draw(make_design(model(name), resolve_cases(cases)), 1, chains=4, draws=1000, progress=False)
    assert refused.value.gate == gate


def test_what_else_is_refused() -> None:
    site = {"kind": "group", "missing": "model"}
    lost = counts([1, 0, 0], [1, 1, 1], site=["x", None, "y"])
    shape = {"shape": {"dist": "LogNormal", "mu": 0.0, "sigma": 0.5, "why": "test"}}
    times = pd.DataFrame({"patient": ["a", "b"], "site": ["x", "y"], "time": [1.0, 2.0], "event": ["yes", "no"]})
    refusals = {
        "parameters": [
            (response_model({"site": site}, PRIORS), lost),
            (survival_model(PRIORS | shape, "weibull", effects="proportional", terms={"site": site}), times),
        ],
        "improper_prior": [
            (
                response_model({"site": site}, PRIORS | {"intercept": {"dist": "Flat", "why": "test"}}),
                counts([1, 2], [3, 4], site=["a", "b"]),
            )
        ],
        "terms": [(response_model({}, {"intercept": normal(2.0)}), counts([1, 2], [3, 4]))],
    }
    for gate, pairs in refusals.items():
        for chosen, frame in pairs:
            with pytest.raises(EngineRefusal) as refused:
                drawn(make_design(chosen, frame))
            assert refused.value.gate == gate


def test_a_grid_too_coarse_for_its_posterior_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tampered with until each gate says no: cells too few, nodes too few."""
    design = design_of(*TABLES["usual"], PRIORS)
    monkeypatch.setattr(exact, "SAME", 1e-15)
    with pytest.raises(EngineRefusal, match="standard deviations") as refused:
        drawn(design)
    assert refused.value.gate == "refinement"
    monkeypatch.undo()
    monkeypatch.setattr(exact, "STEEPEST", 0.0)
    monkeypatch.setattr(exact, "SAME", 9.0)
    monkeypatch.setattr(exact, "SIZES", (3, 3))
    monkeypatch.setattr(exact, "PEAKS", 1000.0)
    with pytest.raises(EngineRefusal) as refused:
        drawn(design)
    assert refused.value.gate == "weights"


@pytest.mark.parametrize("borrowing", ["partial", "robust", "exnex"])
def test_likelihoods_that_plunge_far_from_where_the_prior_looks(borrowing: str) -> None:
    """Of an exponential model a log likelihood falls like exp(x): the wide end of the first grid must not lure it."""
    rng = np.random.default_rng(6)
    frame = pd.DataFrame(
        {"patient": [f"p{i}" for i in range(40)], "site": LETTERS[:5] * 8, "time": rng.exponential(100, 40)}
    ).assign(event="yes")
    priors = {"intercept": normal(3.0, -4.7), "site_sd": half_normal(1.0)}
    priors |= {"site_own": normal(3.0, -4.7)} if borrowing == "exnex" else {}
    terms = {"site": {"kind": "group", "borrowing": borrowing}}
    got = drawn(make_design(survival_model(priors, "exponential", terms=terms), frame)).parameters
    rate = np.log(40 / frame["time"].sum())
    assert got["intercept"].mean() == pytest.approx(rate, abs=0.3)
    assert 0.1 < got["intercept"].std() < 0.6
    levels = got["intercept"][..., None] + got["site_effect"]
    alone = np.log(8 / frame.groupby("site")["time"].sum().to_numpy())
    assert levels.mean(axis=(0, 1)) == pytest.approx((rate + alone) / 2, abs=0.4)
