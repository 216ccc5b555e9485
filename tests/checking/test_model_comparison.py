"""Models weighed: weights against a search of the simplex, mixtures against closed forms, scores against integrals."""

import itertools

import numpy as np
import pytest
import xarray as xr
from arviz_stats import loo
from scipy import integrate, optimize, special, stats

import casepool as cp
from casepool.checking.model_comparison import mixture, stacking_weights
from tests.small import counts, normal, response_model, survival_model
from tests.studies.test_tipping import INTERVAL, PRIORS, cohort

FAST = {"seed": 5, "progress": False}
EVENTS, N = [7, 1, 8, 2, 9, 0], [10] * 6


@pytest.fixture(scope="module")
def fits() -> list[xr.DataTree]:
    """One structure under three priors: far too low, about right, far too high."""
    table = counts(EVENTS, N, kind=["A", "B"] * 3)
    models = [response_model({}, {"intercept": normal(0.3, mu)}, name) for name, mu in (("low", -2), ("middle", 0))]
    return cp.refit([(model, table) for model in models], **FAST)


@pytest.mark.parametrize("models", [2, 3])
def test_weights_are_the_best_of_the_simplex(models: int) -> None:
    for seed in range(5):
        elpd = np.random.default_rng(seed).normal(-1, 0.7, (25, models))
        found = stacking_weights(elpd)
        assert found.sum() == pytest.approx(1, abs=1e-12)
        steps = np.linspace(0, 1, 101)
        grid = np.array([w for w in itertools.product(steps, repeat=models) if abs(sum(w) - 1) < 1e-9])
        values = np.log(np.exp(elpd) @ grid.T).sum(axis=0)
        best = np.log(np.exp(elpd) @ found).sum()
        assert best >= values.max() - 1e-9
        assert found == pytest.approx(grid[values.argmax()], abs=0.02)


def test_weights_find_the_root_of_two_models() -> None:
    elpd = np.random.default_rng(9).normal(-1, 1, (40, 2))
    p, q = np.exp(elpd).T
    root = optimize.brentq(lambda w: float(((p - q) / (w * p + (1 - w) * q)).sum()), 0, 1)
    assert stacking_weights(elpd)[0] == pytest.approx(root, abs=1e-5)


def test_a_model_better_everywhere_takes_all_the_weight() -> None:
    elpd = np.random.default_rng(1).normal(-1, 0.1, (20, 1)) - np.array([[0.0, 3.0, 5.0]])
    assert stacking_weights(elpd) == pytest.approx([1, 0, 0], abs=1e-6)


def test_a_mixture_has_the_quantiles_of_its_distribution() -> None:
    draws = [stats.norm.ppf((np.arange(size) + 0.5) / size, mean) for size, mean in ((4000, 0.0), (1000, 3.0))]
    found = mixture(draws, np.array([0.3, 0.7]), 0.9)
    for name, at in (("lower", 0.05), ("estimate", 0.5), ("upper", 0.95)):
        cdf = 0.3 * stats.norm.cdf(found[name]) + 0.7 * stats.norm.cdf(found[name], 3)
        assert cdf == pytest.approx(at, abs=2e-3)
    assert found["mean"] == pytest.approx(2.1, abs=1e-3)
    assert found["sd"] == pytest.approx(np.sqrt(1 + 0.3 * 0.7 * 9), abs=5e-3)


def test_scores_are_those_of_integrals_and_differences_are_paired(fits: list[xr.DataTree]) -> None:
    table = cp.compare_models(fits, progress=False)
    scores = table[table["unit"] == "log score"].set_index(["model", "estimand"])
    exact = {}
    for name, mu in (("low", -2), ("middle", 0)):

        def chance(rows: list[int], mu: float = mu) -> float:
            def density(b: float) -> float:
                return float(np.prod([stats.binom.pmf(EVENTS[i], 10, special.expit(b)) for i in rows])) * float(
                    stats.norm.pdf(b, mu, 0.3)
                )

            return float(integrate.quad(density, mu - 3, mu + 3)[0])

        whole = chance(list(range(6)))
        exact[name] = np.array([np.log(whole / chance([j for j in range(6) if j != i])) for i in range(6)])
    expected = "expected log predictive density of patients left out one at a time"
    for name, values in exact.items():
        row = scores.loc[(name, expected)]
        assert row["estimate"] == pytest.approx(values.sum(), abs=0.3)
        assert row["sd"] == pytest.approx(np.sqrt(6 * values.var(ddof=1)), abs=0.3)
    [difference] = table[table["estimand"].str.startswith("difference from middle")].to_dict("records")
    apart = exact["low"] - exact["middle"]
    assert difference["estimate"] == pytest.approx(apart.sum(), abs=0.4)
    assert difference["sd"] == pytest.approx(np.sqrt(6 * apart.var(ddof=1)), abs=0.3)
    weights = table[table["unit"] == "weight"].set_index("model")["estimate"]
    assert weights.to_dict() == pytest.approx(
        dict(zip(("low", "middle"), stacking_weights(np.stack(list(exact.values()), axis=1)), strict=True)), abs=0.1
    )


@pytest.mark.parametrize("by", [None, "kind"])
def test_the_answer_is_each_models_own_and_the_mixture_lies_between(fits: list[xr.DataTree], by: str | None) -> None:
    table = cp.compare_models(fits, by, progress=False)
    answers = table[table["unit"] == "probability"]
    for fit, name in zip(fits, ("low", "middle"), strict=True):
        own = answers[answers["model"] == name].set_index("level")
        there = cp.estimates(fit, by).set_index("level")
        for column in ("estimate", "lower", "upper", "n", "events"):
            assert own[column].to_dict() == pytest.approx(there[column].to_dict())
    for _, same in answers.groupby("level"):
        mixed = same[same["source"] == "stacked"].iloc[0]
        rest = same[same["source"] != "stacked"]
        assert rest["estimate"].min() <= mixed["estimate"] <= rest["estimate"].max()
        assert mixed["model"] == "low and middle"


def test_what_cannot_be_compared_is_refused_by_name(fits: list[xr.DataTree]) -> None:
    with pytest.raises(cp.CasepoolError, match="two or more"):
        cp.compare_models(fits[:1], progress=False)
    model = response_model({}, {"intercept": normal(0.3, 0)}, "other")
    fewer = cp.fit(model, counts(EVENTS[:5], N[:5]), **FAST)
    with pytest.raises(cp.CasepoolError, match=r"row 5: .low. and .other. are fits of different patients"):
        cp.compare_models([fits[0], fewer], progress=False)
    changed = cp.fit(model, counts([*EVENTS[:5], 3], N), **FAST)
    with pytest.raises(cp.CasepoolError, match=r"row 5: .*different outcomes \(events\)"):
        cp.compare_models([fits[0], changed], progress=False)


def test_models_with_and_without_modelled_dates_score_like_with_like() -> None:
    """The dates' own probability is no part of the score: with it the model that leaves them out would win by them."""
    cases = cohort().assign(first=[2.0, 4.0, 5.0, 6.0] + [np.nan] * 4, last=[2.0, 4.0, 5.0, 6.0] + [np.nan] * 4)
    fits = []
    for dating in ("intensity", "uniform"):
        priors = {name: prior for name, prior in PRIORS.items() if dating == "intensity" or "intensity" not in name}
        model = survival_model(priors, exposure={**INTERVAL, "dating": dating})
        fits.append(cp.fit(model, cases, engine="lockstep", **FAST))
    modelled, uniform = (fit["log_likelihood"]["outcome"] for fit in fits)
    assert float(abs(modelled.mean() - uniform.mean())) < 0.05
    scores = [loo(fit).elpd for fit in fits]
    assert scores[0] == pytest.approx(scores[1], abs=0.1)
    table = cp.compare_models(fits, progress=False)
    apart = table[table["estimand"].str.startswith("difference from")]
    assert abs(apart["estimate"].iloc[0]) < 0.2
