"""The laws of shrinkage and borrowing, one test a sentence of the method."""

import numpy as np
import pytest
import xarray as xr
from scipy import integrate, stats

import casepool as cp
from casepool.modelling import make_design
from casepool.modelling.design.likelihood import data_of, log_likelihood
from casepool.modelling.families.arrays import NUMPY
from tests.small import counts, fixed, half_normal, normal, response_model

GRID = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99]
TABLE = counts([6, 0, 2, 0, 7], [6, 2, 4, 9, 10], group=["all", "none", "half", "never", "most"])
ONE = {"group": {"kind": "group"}}


@pytest.fixture(scope="module")
def one_factor() -> xr.DataTree:
    model = response_model(ONE, {"intercept": normal(1.5), "group_sd": half_normal(1.0)})
    return cp.fit(model, TABLE, seed=1, draws=4000, progress=False)


@pytest.fixture(scope="module")
def known_spread() -> xr.DataTree:
    model = response_model(ONE, {"intercept": fixed(-0.5), "group_sd": fixed(1.2)})
    return cp.fit(model, TABLE, seed=1, draws=4000, progress=False)


def log_odds(fit: xr.DataTree, level: str) -> np.ndarray:
    posterior = fit["posterior"]
    return (posterior["intercept"] + posterior["group_effect"].sel(group=level)).to_numpy().ravel()


def unseen(fit: xr.DataTree) -> np.ndarray:
    """Log odds of a level nobody has seen, drawn here and not by the package."""
    posterior = fit["posterior"]
    z = np.random.default_rng(5).standard_normal(posterior["group_sd"].shape)
    return (posterior["intercept"].to_numpy() + posterior["group_sd"].to_numpy() * z).ravel()


@pytest.mark.parametrize(("level", "sign"), [("all", 1), ("none", -1), ("never", -1)])
def test_a_level_where_all_or_none_responded_lies_beyond_an_unseen_one(one_factor, level: str, sign: int) -> None:
    seen, new = np.quantile(log_odds(one_factor, level), GRID), np.quantile(unseen(one_factor), GRID)
    assert (sign * (seen - new) > 0).all()


def test_of_two_such_levels_the_larger_lies_closer_to_its_raw_rate(one_factor) -> None:
    table = cp.estimates(one_factor, "group").set_index("level")["estimate"]
    assert table["never"] < table["none"]


def test_with_known_spread_a_seen_level_is_narrower_than_an_unseen_one(known_spread) -> None:
    for level in known_spread["posterior"]["group"].values:
        assert log_odds(known_spread, str(level)).std() < 1.2


def test_the_unseen_level_of_the_table_is_the_one_of_the_model(one_factor) -> None:
    row = cp.estimates(one_factor, "group", target="new").iloc[-1]
    assert row["level"] == "(unseen level)"
    p = 1 / (1 + np.exp(-unseen(one_factor)))
    assert abs(row["estimate"] - np.median(p)) < 0.02
    assert abs(row["sd"] - p.std()) < 0.01


def test_a_known_spread_agrees_with_quadrature(known_spread) -> None:
    """Intercept and spread fixed: each level is a one-dimensional integral of its own."""
    table = cp.estimates(known_spread, "group").set_index("level")
    for level, k, n in zip(TABLE["group"], TABLE["events"], TABLE["n"], strict=True):

        def weight(x: float, k: int = k, n: int = n) -> float:
            return stats.binom.pmf(k, n, 1 / (1 + np.exp(-x))) * stats.norm.pdf(x, -0.5, 1.2)

        total = integrate.quad(weight, -12, 12)[0]
        mean = integrate.quad(lambda x, w=weight: w(x) / (1 + np.exp(-x)), -12, 12)[0] / total
        assert abs(table.loc[level, "mean"] - mean) < 4 * table.loc[level, "sd"] / np.sqrt(table.loc[level, "ess"])


CROSSED = counts([3, 1, 4, 0], [4, 3, 4, 2], side=["a", "a", "b", "b"], colour=["x", "y", "x", "y"])


def test_two_crossed_factors_agree_with_quadrature() -> None:
    """Posterior means of a 2 x 2 table against a Gauss-Hermite sum over intercept and four effects."""
    priors = {"intercept": normal(1.0), "side_sd": fixed(0.8), "colour_sd": fixed(0.5)}
    model = response_model({"side": {"kind": "group"}, "colour": {"kind": "group"}}, priors)
    fit = cp.fit(model, CROSSED, seed=1, draws=4000, progress=False)
    z, w = np.polynomial.hermite_e.hermegauss(24)
    w = w / w.sum()
    mesh = np.stack(np.meshgrid(*[z] * 5, indexing="ij")).reshape(5, -1)
    weight = np.stack(np.meshgrid(*[w] * 5, indexing="ij")).reshape(5, -1).prod(axis=0)
    intercept, a, b, x, y = mesh * np.array([[1.0], [0.8], [0.8], [0.5], [0.5]])
    eta = [intercept + a + x, intercept + a + y, intercept + b + x, intercept + b + y]
    p = [1 / (1 + np.exp(-e)) for e in eta]
    for pi, k, n in zip(p, CROSSED["events"], CROSSED["n"], strict=True):
        weight = weight * pi**k * (1 - pi) ** (n - k)
    weight = weight / weight.sum()
    exact = {"a": (weight * (4 * p[0] + 3 * p[1]) / 7).sum(), "b": (weight * (4 * p[2] + 2 * p[3]) / 6).sum()}
    table = cp.estimates(fit, "side").set_index("level")
    for level, mean in exact.items():
        assert abs(table.loc[level, "mean"] - mean) < 4 * table.loc[level, "sd"] / np.sqrt(table.loc[level, "ess"])


def test_a_vanishing_spread_is_complete_borrowing() -> None:
    rng = np.random.default_rng(2)
    partial = response_model(ONE, {"intercept": normal(1.5), "group_sd": fixed(1e-6)})
    complete = response_model({"group": {"kind": "group", "borrowing": "complete"}}, {"intercept": normal(1.5)})
    for intercept in rng.normal(size=5):
        effect = 1e-6 * rng.standard_normal(5)
        one = {"intercept": np.array(intercept), "group_effect": effect}
        two = {"intercept": np.array(intercept)}
        np.testing.assert_allclose(
            log_likelihood(data_of(make_design(partial, TABLE)), one, NUMPY).sum(),
            log_likelihood(data_of(make_design(complete, TABLE)), two, NUMPY).sum(),
            rtol=1e-6,
        )


def test_fixed_spread_and_intercept_is_no_borrowing() -> None:
    """Levels independent around a fixed centre, either way the model is written."""
    none = response_model({"group": {"kind": "group", "borrowing": "none"}}, {"group_own": normal(1.2, mu=-0.5)})
    apart = cp.fit(none, TABLE, seed=1, draws=4000, progress=False)
    together = cp.fit(
        response_model(ONE, {"intercept": fixed(-0.5), "group_sd": fixed(1.2)}),
        TABLE,
        seed=2,
        draws=4000,
        progress=False,
    )
    a, b = cp.estimates(apart, "group"), cp.estimates(together, "group")
    error = np.sqrt(a["sd"] ** 2 / a["ess"] + b["sd"] ** 2 / b["ess"])
    assert ((a["mean"] - b["mean"]).abs() < 4 * error).all()


def test_exnex_agrees_with_a_sum_over_memberships() -> None:
    """Intercept and spread fixed: a level's posterior mean is a mixture of two integrals, weighed by evidence."""
    term = {"group": {"kind": "group", "borrowing": "exnex", "exchangeable": 0.3, "own": "level"}}
    priors = {"intercept": fixed(-1.0), "group_sd": fixed(0.5), "group_own": normal(2.0, mu=0.4)}
    fit = cp.fit(response_model(term, priors), TABLE, seed=1, draws=4000, progress=False)
    table = cp.estimates(fit, "group").set_index("level")
    for level, k, n in zip(TABLE["group"], TABLE["events"], TABLE["n"], strict=True):
        parts = []
        for share, centre, sd in ((0.3, -1.0, 0.5), (0.7, 0.4, 2.0)):

            def weight(x: float, k: int = k, n: int = n, c: float = centre, s: float = sd) -> float:
                return stats.binom.pmf(k, n, 1 / (1 + np.exp(-x))) * stats.norm.pdf(x, c, s)

            evidence = share * integrate.quad(weight, -25, 25, points=[centre])[0]
            parts.append(
                (
                    evidence,
                    share * integrate.quad(lambda x, w=weight: w(x) / (1 + np.exp(-x)), -25, 25, points=[centre])[0],
                )
            )
        mean = sum(m for _, m in parts) / sum(e for e, _ in parts)
        assert abs(table.loc[level, "mean"] - mean) < 4.5 * table.loc[level, "sd"] / np.sqrt(table.loc[level, "ess"])
