"""Diagnostics on plain arrays are those of ArviZ."""

import numpy as np
import pytest
from arviz_stats.base import array_stats
from scipy import stats

from casepool.inference import diagnostics

KINDS = ("white", "walk", "ties", "constant", "missing", "fading", "binary", "turning")


def draws_of(kind: str, rng: np.random.Generator, chains: int, size: int) -> np.ndarray:
    x = rng.standard_normal((chains, size))
    if kind == "walk":
        x = np.cumsum(x, axis=1)
    if kind == "ties":
        x = np.round(x)
    if kind == "constant":
        x[:] = 1.5
    if kind == "missing":
        x[0, 0] = np.nan
    if kind == "fading":
        x = x * (-0.9) ** np.arange(size)
    if kind == "binary":
        x = (x > 0) * 1.0
    if kind == "turning":
        for t in range(1, size):
            x[:, t] -= 0.8 * x[:, t - 1]
    return x


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of ArviZ, for chains that never move
@pytest.mark.parametrize("kind", KINDS)
def test_they_are_arvizs_to_1e_10(kind: str) -> None:
    """25 arrays of a kind: one to five chains, odd and even numbers of draws, from three on."""
    rng = np.random.default_rng(KINDS.index(kind))
    asked = [
        (diagnostics.rhat, array_stats.rhat, {}),
        (diagnostics.ess_bulk, array_stats.ess, {"method": "bulk"}),
        (diagnostics.ess_tail, array_stats.ess, {"method": "tail", "prob": 0.89}),
        (diagnostics.ess_mean, array_stats.ess, {"method": "mean"}),
        (diagnostics.mcse_mean, array_stats.mcse, {"method": "mean"}),
    ]
    for _ in range(25):
        x = draws_of(kind, rng, int(rng.integers(1, 6)), int(rng.integers(3, 200)))
        for ours, theirs, settings in asked:
            np.testing.assert_allclose(ours(x), theirs(x, **settings), rtol=1e-10, err_msg=ours.__name__)
        for q in (0.1, 0.5):
            at = {"method": "quantile", "prob": q}
            np.testing.assert_allclose(diagnostics.ess_quantile(x, q), array_stats.ess(x, **at), rtol=1e-10)
            np.testing.assert_allclose(diagnostics.mcse_quantile(x, q), array_stats.mcse(x, **at), rtol=1e-10)
        np.testing.assert_allclose(diagnostics.bfmi(x), array_stats.bfmi(x), rtol=1e-10)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_nested_rhat_is_arvizs(kind: str) -> None:
    rng = np.random.default_rng(KINDS.index(kind))
    for groups, own in ((2, 1), (3, 4), (16, 2)):
        x, superchain = draws_of(kind, rng, groups * own, 21), rng.permutation(np.repeat(np.arange(groups), own))
        expected = array_stats.rhat_nested(x, superchain)
        np.testing.assert_allclose(diagnostics.nested_rhat(x, superchain), expected, rtol=1e-10)


def test_many_numbers_at_once_are_each_as_alone() -> None:
    rng = np.random.default_rng(9)
    kinds = [draws_of(kind, rng, 4, 101) for kind in KINDS]
    whole = np.stack(kinds, axis=-1).reshape(4, 101, 2, 4)
    for measure in (diagnostics.rhat, diagnostics.ess_bulk, diagnostics.ess_tail, diagnostics.mcse_mean):
        alone = np.array([measure(own) for own in kinds]).reshape(2, 4)
        np.testing.assert_allclose(measure(whole), alone, rtol=1e-12)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_ranks_are_scipys(axis: int) -> None:
    values = np.random.default_rng(5).integers(0, 9, (30, 7, 5)) / 9
    for found, method in zip(diagnostics.ranks(values, axis), ("min", "max"), strict=True):
        assert np.array_equal(found, stats.rankdata(values, method=method, axis=axis))
