"""The engine lockstep: its map is one to one, its sampler leaves a density alone, its gates say no where they must."""

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

from casepool.inference import exact, lockstep
from casepool.inference.drawn import EngineRefusal
from casepool.inference.laplace import normal_map
from casepool.inference.split_hmc import begin, sweep, warm_up
from casepool.modelling import make_design
from casepool.modelling.design.density import Density
from casepool.modelling.families.arrays import NUMPY
from tests.oracle.structures import structures
from tests.small import counts, fixed, half_normal, normal, response_model, survival_model

SMALL = response_model(
    {"kind": {"kind": "category", "column": "kind"}},
    {"intercept": normal(1.5), "kind_effect": normal(1.5)},
)
FEW = counts([0, 9], [8, 10], kind=["a", "b"])


def drawn(model, cases, seed=1, chains=4, draws=1000):
    return lockstep.draw(make_design(model, cases), seed, chains=chains, draws=draws, progress=False)


@pytest.mark.parametrize("name", ["objective_response", "m_spline", "all_terms", "weibull", "counts_robust"])
def test_the_map_is_one_to_one_and_its_jacobian_its_own(name) -> None:
    density = Density(make_design(*structures()[name]))
    mapped = normal_map(density)
    steps = 1e-6 * np.eye(density.size)
    ours, differences = [], []
    for e in np.random.default_rng(1).standard_normal((4, density.size)):
        up, down = (mapped.to_normal(e + s, NUMPY)[0] for s in (steps, -steps))
        sign, log_slope = np.linalg.slogdet((up - down) / 2e-6)
        assert sign > 0
        differences.append(log_slope)
        ours.append(float(mapped.to_normal(e, NUMPY)[1]))
    assert np.diff(ours) == pytest.approx(np.diff(differences), abs=1e-4)  # both up to a constant


def test_every_axis_reaches_both_infinities() -> None:
    """A bend that levelled off would lose whatever lies beyond."""
    density = Density(make_design(SMALL, FEW))
    mapped = normal_map(density)
    far = mapped.to_normal(np.array([[-1e6, 0.0], [1e6, 0.0], [0.0, -1e6], [0.0, 1e6]]), NUMPY)[0]
    assert np.abs(far).max(axis=1).min() > 1e4


class Skewed:
    """The density of the log of a Gamma variate beside a normal: far from normal, and known."""

    shape = 1.5

    def __call__(self, x):
        value = self.shape * x[:, 0] - np.exp(x[:, 0]) - 0.5 * x[:, 1] ** 2
        return value, np.column_stack([self.shape - np.exp(x[:, 0]), -x[:, 1]])


def test_the_sampler_leaves_a_known_density_alone() -> None:
    target, rng = Skewed(), np.random.default_rng(2)
    start = np.column_stack([np.log(rng.gamma(Skewed.shape, size=4_000)), rng.standard_normal(4_000)])
    _, found = sweep(target, begin(target, start), 12, rng)
    last = found.kept[-1]
    assert stats.kstest(np.exp(last[:, 0]), stats.gamma(Skewed.shape).cdf).pvalue > 1e-3
    assert stats.kstest(last[:, 1], stats.norm.cdf).pvalue > 1e-3
    assert 0.5 < found.acceptance.mean() < 0.999  # proposals are refused, so acceptance is put to the test


def test_the_sampler_finds_a_known_density() -> None:
    target, rng = Skewed(), np.random.default_rng(3)
    chains = warm_up(target, begin(target, np.full((4_000, 2), 2.0)), 12, rng)
    assert stats.kstest(np.exp(chains.at[:, 0]), stats.gamma(Skewed.shape).cdf).pvalue > 1e-3  # noqa: PD008 - where chains are


def quadrature(design):
    """Means and standard deviations of the two parameters of a posterior by adaptive integration."""
    density = Density(design)

    def moment(power):
        def values(a, b):
            x = np.array([a, b])
            made = density.from_normal(x, NUMPY)
            own = np.concatenate([np.ravel(made[p.name]) for p in density.free])
            return np.append(own**power, 1.0) * np.exp(density.log_density_of_normal(x, NUMPY) - top)

        grid = np.linspace(-6, 6, 241)
        a, b = np.meshgrid(grid, grid, indexing="ij")
        x = np.stack([a, b], axis=-1)
        height = np.exp(density.log_density_of_normal(x, NUMPY) - top)
        made = density.from_normal(x, NUMPY)
        flat = [np.reshape(made[p.name], a.shape) for p in density.free]
        return [integrate.simpson(integrate.simpson(v**power * height, grid), grid) for v in [*flat, np.ones_like(a)]]

    top = float(density.log_density_of_normal(np.zeros(2), NUMPY))
    first, second = moment(1), moment(2)
    means = np.array(first[:2]) / first[2]
    return means, np.sqrt(np.array(second[:2]) / second[2] - means**2)


@pytest.mark.parametrize("case", ["separated", "nobody", "weibull"])
def test_posteriors_are_those_of_quadrature(case) -> None:
    """Means to 4 Monte Carlo errors, standard deviations to a tenth."""
    if case == "weibull":
        frame = structures()["weibull"][1]
        shape = {"dist": "LogNormal", "mu": 0.0, "sigma": 0.5, "why": "test"}
        model = survival_model({"intercept": normal(3.0, -3.0), "shape": shape}, "weibull")
    else:
        frame = FEW if case == "separated" else counts([0, 0], [8, 10], kind=["a", "b"])
        model = SMALL
    design = make_design(model, frame)
    means, sds = quadrature(design)
    parameters = lockstep.draw(design, 1, chains=4, draws=2000, progress=False).parameters
    found = [parameters[own.name].reshape(8000) for own in Density(design).free]
    for own, mean, sd in zip(found, means, sds, strict=True):
        assert own.mean() == pytest.approx(mean, abs=4 * sd / np.sqrt(3000))
        assert own.std() == pytest.approx(sd, rel=0.1)


@pytest.mark.parametrize(("chains", "draws"), [(1, 5), (3, 100), (4, 1000), (2, 3000)])
def test_as_many_draws_are_stored_as_were_asked_for(chains, draws) -> None:
    own = drawn(SMALL, FEW, chains=chains, draws=draws)
    assert own.parameters["intercept"].shape == (chains, draws)
    assert own.parameters["kind_effect"].shape == (chains, draws, 1)
    assert {values.shape for values in own.stats.values()} == {(chains, draws)}
    groups = [set(row.tolist()) for row in own.stats["superchain"]]
    assert len(set.union(*groups)) == sum(map(len, groups))  # no superchain in two stored chains


def test_no_draw_is_stored_twice_but_where_a_proposal_was_refused() -> None:
    own = drawn(SMALL, FEW)
    values = own.parameters["intercept"]
    for chain in values:
        _, where = np.unique(chain, return_index=True)
        again = len(chain) - len(where)
        assert again == (np.diff(chain) == 0).sum()


def test_equal_seeds_give_equal_draws_and_other_seeds_others() -> None:
    a, b, c = (drawn(SMALL, FEW, seed=seed).parameters["intercept"] for seed in (1, 1, 2))
    assert np.array_equal(a, b)
    assert not np.isin(a, c).any()


def test_fixed_parameters_stand_beside_the_draws() -> None:
    model = response_model(
        {"kind": {"kind": "group", "borrowing": "partial"}}, {"intercept": fixed(0.3), "kind_sd": half_normal(1.0)}
    )
    own = drawn(model, FEW)
    assert (own.parameters["intercept"] == 0.3).all()
    assert own.parameters["intercept"].shape == (4, 1000)


def test_what_the_engine_is_not_made_for_is_refused_by_name() -> None:
    for name, gate in {"two_exnex": "exnex", "priors_flat": "improper"}.items():
        with pytest.raises(EngineRefusal) as refusal:
            drawn(*structures()[name])
        assert refusal.value.gate == gate
    many = 500
    model = response_model(
        {"kind": {"kind": "group", "borrowing": "partial"}}, {"intercept": normal(1.0), "kind_sd": half_normal(1.0)}
    )
    with pytest.raises(EngineRefusal) as refusal:
        drawn(model, counts([1] * many, [2] * many, kind=[f"k{i}" for i in range(many)]))
    assert refusal.value.gate == "parameters"


GOOD = {
    "acceptance": 0.9,
    "divergences": 0,
    "stuck": 0,
    "nested_rhat": 1.004,
    "nested_rhat_of": "a",
    "ess": 900.0,
    "ess_of": "a",
}


@pytest.mark.parametrize(
    ("gate", "worse"),
    [
        ("acceptance", {"acceptance": 0.5}),
        ("acceptance", {"acceptance": np.nan}),
        ("divergences", {"divergences": 1}),
        ("stuck", {"stuck": 1}),
        ("nested_rhat", {"nested_rhat": 1.02}),
        ("nested_rhat", {"nested_rhat": np.nan}),
        ("ess", {"ess": 399.0}),
    ],
)
def test_each_gate_says_no(gate, worse) -> None:
    assert lockstep._gate(GOOD) is None
    refusal = lockstep._gate({**GOOD, **worse})
    assert refusal is not None
    assert refusal.gate == gate


def test_chains_that_never_agree_are_refused(monkeypatch) -> None:
    """A superchain held where it began: nested R-hat sees it, and no number of sweeps mends it."""
    once = lockstep.sweep

    def stuck(target, chains, count, rng):
        moved, found = once(target, chains, count, rng)
        found.kept[:, :16] = 3.0
        return moved, found

    monkeypatch.setattr(lockstep, "sweep", stuck)
    with pytest.raises(EngineRefusal) as refusal:
        drawn(SMALL, FEW)
    assert refusal.value.gate == "nested_rhat"


def test_spreads_where_prior_and_data_conflict_are_those_of_independent_draws() -> None:
    """Rates of 1 in 2 months under a prior about 1 in 110: every gate is open, and the spread a fifth too small."""
    times = 2 * np.random.default_rng(1).exponential(size=60)[30:]
    frame = pd.DataFrame(
        {"patient": range(30), "time": np.maximum(times, 0.05).round(2), "kind": [f"k{i % 5}" for i in range(30)]}
    ).assign(event=True)
    priors = {"intercept": normal(1.0, -4.7), "kind_sd": half_normal(1.0)}
    terms = {"kind": {"kind": "group", "borrowing": "partial"}}
    design = make_design(survival_model(priors, "exponential", terms=terms), frame)
    ours, independent = (
        engine.draw(design, 1, chains=4, draws=4000, progress=False).parameters["intercept"]
        for engine in (lockstep, exact)
    )
    assert ours.std() == pytest.approx(independent.std(), rel=0.12)
