"""Pareto smoothed importance sampling on plain arrays is ArviZ's."""

import numpy as np
import pytest
from arviz_stats.base import array_stats

from casepool.inference.psis import kish, smoothed, weigh_evenly


@pytest.mark.parametrize("draws", [25, 100, 226, 1000, 4001])
@pytest.mark.parametrize("spread", [0.01, 0.3, 1.0, 3.0, 8.0])
def test_weights_and_k_are_arvizs(draws: int, spread: float) -> None:
    rng = np.random.default_rng([draws, int(100 * spread)])
    ratios = np.stack([spread * rng.standard_normal(draws), spread * rng.standard_cauchy(draws), rng.random(draws)], 1)
    for efficiency in (1.0, 0.4):
        log_weights, k = smoothed(ratios, efficiency)
        for j, column in enumerate(ratios.T):
            theirs, their_k = array_stats.psislw(-column[None], r_eff=efficiency)
            np.testing.assert_allclose(log_weights[:, j], np.ravel(theirs), rtol=1e-8, atol=1e-8)
            np.testing.assert_allclose(k[j], their_k, rtol=1e-8)


def test_columns_are_smoothed_each_for_itself_and_one_needs_no_axis() -> None:
    ratios = 2 * np.random.default_rng(0).standard_t(3, (500, 7, 30))
    log_weights, k = smoothed(ratios)
    assert (log_weights.shape, k.shape) == (ratios.shape, (7, 30))
    alone, own = smoothed(ratios[:, 3, 4])
    assert own.shape == ()
    np.testing.assert_allclose(alone, log_weights[:, 3, 4], rtol=1e-12)
    np.testing.assert_allclose(own, k[3, 4], rtol=1e-12)
    np.testing.assert_allclose(np.exp(log_weights).sum(axis=0), 1)


def test_where_nothing_can_be_fitted() -> None:
    equal, k = smoothed(np.full(400, 3.0))
    assert k == -np.inf
    np.testing.assert_allclose(np.exp(equal), 1 / 400)
    few, k = smoothed(np.arange(20.0))
    assert k == np.inf
    np.testing.assert_allclose(few[1:] - few[:-1], 1)
    ties = np.zeros(400)
    ties[-3:] = 1.0, 2.0, 3.0
    assert np.isnan(smoothed(ties)[1])


def test_kish_counts_equal_weights() -> None:
    assert kish(np.zeros(50)) == pytest.approx(50)
    assert kish(np.where(np.arange(50) < 10, 700.0, -np.inf)) == pytest.approx(10)


def test_proposals_that_weigh_evenly_and_those_that_do_not() -> None:
    """Half of them must be left, and k be small, unless they hardly differ: then the largest are noise."""
    known = {"proposals": 1000.0, "kish": 700.0, "k": 0.5}
    assert weigh_evenly(known)
    assert weigh_evenly({**known, "kish": 995.0, "k": 0.9})
    for worse in ({"kish": 400.0}, {"k": 0.7}, {"k": np.nan}, {"kish": np.nan}):
        assert not weigh_evenly({**known, **worse})
