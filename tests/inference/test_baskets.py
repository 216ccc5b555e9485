"""Posteriors of many basket tables: against adaptive integration, enumeration and published numbers."""

import itertools
import re

import numpy as np
import pytest
from scipy import integrate, special, stats

import casepool as cp
from tests.small import fixed, half_normal, normal, response_model

TABLES = np.array(
    [
        [[0, 10], [0, 15], [0, 1], [0, 30], [0, 5]],
        [[10, 10], [15, 15], [1, 1], [30, 30], [5, 5]],
        [[3, 15], [2, 10], [4, 20], [6, 30], [1, 5]],
        [[0, 12], [12, 12], [0, 12], [12, 12], [6, 12]],
        [[1, 1], [0, 1], [1, 1], [0, 1], [0, 0]],
        [[3, 15], [3, 15], [3, 15], [3, 15], [3, 15]],
        [[2, 15], [0, 13], [1, 12], [6, 28], [7, 29]],
        [[9, 20], [1, 20], [4, 20], [4, 20], [0, 2]],
        [[0, 25], [5, 25], [5, 25], [6, 25], [20, 25]],
        [[40, 200], [2, 10], [1, 5], [0, 3], [8, 40]],
    ]
)
"""Ten tables of five baskets: no events, events only, and rates at the target among them."""
TARGET = 0.2
X, W = special.roots_legendre(44)


def inner(t: np.ndarray, s: float) -> np.ndarray:
    """Likelihood of all 50 baskets, summed over their log odds given t and s; times the rate; above the target."""
    z = np.clip((special.logit(TARGET) - t) / s, -9.5, 9.5)
    found = np.zeros((3, 50))
    for low, high, above in ((-9.5, z, 0.0), (z, 9.5, 1.0)):
        at = t + s * ((high + low) / 2 + (high - low) / 2 * X)
        y, n = TABLES.reshape(-1, 2).T[:, :, None]
        f = np.exp(y * special.log_expit(at) + (n - y) * special.log_expit(-at))
        f = f * stats_normal((at - t) / s) * W * (high - low) / 2
        found += np.stack([f.sum(axis=1), (f * special.expit(at)).sum(axis=1), above * f.sum(axis=1)])
    return found


def stats_normal(z: np.ndarray) -> np.ndarray:
    return np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)


def test_fifty_baskets_by_adaptive_integration() -> None:
    """QUADPACK's adaptive rule over the zero point, split at the target, at 24 standard deviations."""
    got = cp.basket_posteriors("basket_exnex", TABLES[..., 0], TABLES[..., 1], above=[TARGET])
    y, n = TABLES[..., 0], TABLES[..., 1]
    ways = (special.gammaln(n + 1) - special.gammaln(y + 1) - special.gammaln(n - y + 1)).sum(axis=1)
    scale, own = np.exp(ways - got.log_evidence.values), inner(-1.734, 2.795)

    def integrand(t: float, s: float) -> np.ndarray:
        each = (inner(t, s) + own) / 2
        ratio = (each[1:] / each[0]).reshape(2, 10, 5)
        whole = each[0].reshape(10, 5).prod(axis=1) * scale
        return stats.norm.pdf(t, -1.735, 2.617) * np.concatenate([whole, (ratio * whole[:, None]).ravel()])

    x, weight = special.roots_legendre(12)
    found = np.zeros(110)
    for low, high in ((0.0, 1.0), (1.0, 6.0)):
        for s, w in zip((high + low + (high - low) * x) / 2, weight * (high - low) / 2, strict=True):
            whole = integrate.quad_vec(
                lambda t, s=s: integrand(t, s), -16, 13, points=[special.logit(TARGET)], epsabs=3e-6, norm="max"
            )
            found += w * stats.halfnorm.pdf(s) * whole[0]
    evidence, answers = found[:10], found[10:].reshape(2, 10, 5) / found[:10][:, None]
    np.testing.assert_allclose(evidence, 1, atol=3e-5)
    np.testing.assert_allclose(got["mean"].values, answers[0], atol=1e-5)
    np.testing.assert_allclose(got["above"].values[..., 0], answers[1], atol=1e-5)


def test_published_posteriors() -> None:
    """Neuenschwander 2016, table of imatinib in sarcoma: means to the printed digits; and our own exact shares."""
    events, n = [2, 0, 1, 6, 7, 3, 5, 1, 0, 3], [15, 13, 12, 28, 29, 29, 26, 5, 2, 20]
    got = cp.basket_posteriors("basket_exnex", events, n, above=[0.2])
    means = [0.151, 0.053, 0.127, 0.188, 0.205, 0.131, 0.177, 0.178, 0.131, 0.157]
    shares = [0.186631, 0.021634, 0.127910, 0.361203, 0.460342, 0.089339, 0.292344, 0.302858, 0.188118, 0.200941]
    np.testing.assert_allclose(got["mean"].values[0], means, atol=6e-4)
    np.testing.assert_allclose(got["above"].values[0, :, 0], shares, atol=1e-5)


def test_every_outcome_of_a_trial() -> None:
    """Evidence of all outcomes sums to 1; error rates of `basket_berry`, three of 15 at a rate of 0.2, exact."""
    every = np.array(list(itertools.product(range(16), repeat=3)))
    got = cp.basket_posteriors("basket_berry", every, np.full_like(every, 15), above=[0.2])
    assert np.exp(got.log_evidence.values).sum() == pytest.approx(1, abs=1e-6)
    chance = stats.binom.pmf(every, 15, 0.2).prod(axis=1)
    success = got["above"].values[..., 0] > 0.95
    np.testing.assert_allclose(chance @ success, 0.025875, atol=1e-6)
    assert chance @ success.any(axis=1) == pytest.approx(0.061085, abs=1e-6)
    few = every[::200]
    swapped = cp.basket_posteriors("basket_berry", few[:, ::-1], np.full_like(few, 15), above=[0.2])
    np.testing.assert_allclose(swapped["above"].values[:, ::-1], got["above"].values[::200], atol=1e-5)


def test_baskets_that_share_nothing_are_each_one_integral() -> None:
    y, n = np.array([[0, 3, 12]]), np.array([[9, 15, 12]])
    got = cp.basket_posteriors("basket_independent", y, n, above=[0.2, 0.5])
    for basket in range(3):

        def f(x: float, power: int, basket: int = basket) -> float:
            p = special.expit(x)
            return stats.binom.pmf(y[0, basket], n[0, basket], p) * stats.norm.pdf(x, -1.734, 2.795) * p**power

        whole, first, second = (integrate.quad(f, -25, 20, args=(k,), epsabs=1e-12, limit=200)[0] for k in range(3))
        share = [integrate.quad(f, special.logit(q), 20, args=(0,), epsabs=1e-12)[0] / whole for q in (0.2, 0.5)]
        np.testing.assert_allclose(got["mean"].values[0, basket], first / whole, atol=1e-7)
        np.testing.assert_allclose(
            got["sd"].values[0, basket], np.sqrt(second / whole - (first / whole) ** 2), atol=1e-7
        )
        np.testing.assert_allclose(got["above"].values[0, basket], share, atol=1e-7)
    assert (got.exchangeable.values == 0).all()


def test_limits_of_borrowing() -> None:
    """No heterogeneity is pooling; never exchangeable is independence; a level's own prior is its own."""
    y, n = [[2, 0, 9], [1, 5, 5]], [[12, 13, 20], [7, 9, 11]]
    term = {"kind": "group", "borrowing": "partial"}
    priors = {"intercept": normal(2.617, -1.735), "site_sd": half_normal(1e-4)}
    near = cp.basket_posteriors(response_model({"site": term}, priors), y, n, above=[0.3])
    pooled = cp.basket_posteriors("basket_pooled", y, n, above=[0.3])
    for name in ("mean", "sd", "above", "log_evidence"):
        np.testing.assert_allclose(near[name].values, pooled[name].values, atol=2e-4)
    own = {"site_own": normal(2.795, -1.734)}
    never = response_model({"site": term | {"borrowing": "exnex", "exchangeable": 0.0, "own": "level"}}, priors | own)
    alone = cp.basket_posteriors("basket_independent", y, n, above=[0.3])
    np.testing.assert_allclose(cp.basket_posteriors(never, y, n, above=[0.3])["above"], alone["above"], atol=1e-6)
    apart = {"a": 0.0, "b": 1.0, "other": 0.5}
    own = {"site_own": normal(2.795, -1.734) | {"c": normal(0.1, 1.0)}}
    told = response_model({"site": term | {"borrowing": "exnex", "exchangeable": apart, "own": "level"}}, priors | own)
    got = cp.basket_posteriors(told, y, n, levels=["a", "b", "c"])
    np.testing.assert_allclose(got.exchangeable.values[:, :2], [[0, 1], [0, 1]])
    np.testing.assert_allclose(got["mean"].values[:, 0], alone["mean"].values[:, 0], atol=1e-6)
    turned = cp.basket_posteriors(told, np.flip(y, 1), np.flip(n, 1), levels=["c", "b", "a"])
    np.testing.assert_allclose(turned["mean"].values[:, ::-1], got["mean"].values, atol=1e-9)


@pytest.mark.parametrize("borrowing", ["partial", "robust"])
def test_outcomes_no_prior_expects_and_a_fixed_sd(borrowing: str) -> None:
    """A prior and two hundred events that rule each other out: numbers, by dense sums of our own."""
    term = {"kind": "group", "borrowing": borrowing}
    chosen = response_model({"site": term}, {"intercept": fixed(-3.0), "site_sd": fixed(0.4)})
    got = cp.basket_posteriors(chosen, [[180, 2]], [[200, 9]], above=[0.3])
    x = np.linspace(-20, 20, 400_001)
    prior = stats.norm.logpdf(x, -3, 0.4) if borrowing == "partial" else stats.t.logpdf(x, 4, -3, 0.4)
    for basket, (y, n) in enumerate(((180, 200), (2, 9))):
        log_f = y * x - n * np.logaddexp(0, x) + prior
        f = np.exp(log_f - log_f.max())
        np.testing.assert_allclose(got["mean"].values[0, basket], (f * special.expit(x)).sum() / f.sum(), atol=1e-6)
        share = f[x > special.logit(0.3)].sum() / f.sum()
        np.testing.assert_allclose(got["above"].values[0, basket, 0], share, atol=2e-5)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"model": "objective_response"}, "one group factor"),
        ({"model": "overall_survival"}, "binomial"),
        ({"events": [[5, 1]]}, "5 of 4"),
        ({"events": [[-1, 1]]}, "-1 of 4"),
        ({"events": [[0.5, 1]]}, "whole numbers"),
        ({"events": [[1, 1, 1]]}, "do not belong"),
        ({"n": [[10**7, 9]]}, "100000"),
        ({"above": [1.0]}, "between 0 and 1"),
        ({"above": ["a"]}, "above"),
        ({"levels": ["a"]}, "2 baskets"),
        ({"levels": ["a", "a"]}, "2 baskets"),
    ],
)
def test_refusals_name_the_value_and_the_remedy(given: dict, words: str) -> None:
    asked = {"model": "basket_exnex", "events": [[1, 2]], "n": [[4, 9]]} | given
    with pytest.raises(cp.CasepoolError, match=re.escape(words)) as refused:
        cp.basket_posteriors(**asked)
    assert refused.value.remedy
