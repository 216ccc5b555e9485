"""Simultaneous bands of the ECDF of ranks that should be uniform on 0, ..., L (Sailynoja, Burkner and Vehtari 2022)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import stats

BISECTIONS = 16


@dataclass(frozen=True)
class Band:
    """Limits of the number of ranks below each of 1, ..., L, and the pointwise coverage they come from.

    Parameters
    ----------
    lower, upper : integer array (L,)
    gamma : float
        Each point's interval holds at least a share 1 - gamma.
    coverage : float
        Probability that uniform ranks stay inside everywhere.
    """

    lower: np.ndarray
    upper: np.ndarray
    gamma: float
    coverage: float


@cache
def band(tables: int, draws: int, level: float) -> Band:
    """Return the narrowest equal-tailed band that holds all of the ECDF with probability `level` or more.

    Parameters
    ----------
    tables : int
        Number of ranks.
    draws : int
        L, the largest rank.
    level : float

    Notes
    -----
    Ranks below k number Binomial(tables, k / (L + 1)); the probability of staying inside is exact, by the recursion
    of the paper over the number of ranks from one point to the next.
    """
    low, high = 0.0, 1.0 - level  # gamma: none too small, by the union bound none larger than this is needed
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        inside = _inside(*_limits(tables, draws, middle), tables, draws) >= level
        low, high = (middle, high) if inside else (low, middle)
    limits = _limits(tables, draws, low)
    return Band(*limits, low, _inside(*limits, tables, draws))


def _limits(tables: int, draws: int, gamma: float) -> tuple[np.ndarray, np.ndarray]:
    places = np.arange(1, draws + 1) / (draws + 1)
    lower = stats.binom.ppf(gamma / 2, tables, places)
    upper = stats.binom.ppf(1.0 - gamma / 2, tables, places) if gamma > 1e-12 else np.full(draws, tables)
    return lower.astype(int), upper.astype(int)


def _inside(lower: np.ndarray, upper: np.ndarray, tables: int, draws: int) -> float:
    """Probability that the counts of uniform ranks keep within limits at every point."""
    counts, chance = np.array([0]), np.array([1.0])
    for point in range(draws):
        step = 1.0 / (draws + 1 - point)  # of the ranks not yet below, the share below the next point
        reached = np.arange(lower[point], upper[point] + 1)
        added = reached[:, None] - counts[None, :]
        chance = stats.binom.pmf(added, tables - counts[None, :], step) @ chance
        counts = reached
    return float(chance.sum())


def counts_below(ranks: np.ndarray, draws: int) -> np.ndarray:
    """Count the ranks below each of 1, ..., L: array (L,)."""
    return np.cumsum(np.bincount(ranks, minlength=draws + 1))[:draws]


def excess(ranks: np.ndarray, draws: int, allowed: Band) -> tuple[float, float]:
    """Return the largest deviation of the ECDF from uniform, and the largest as a share of the band (inside: <= 1).

    The share is taken where the band can be left at all: no count is below none.
    """
    below = counts_below(ranks, draws)
    expected = len(ranks) * np.arange(1, draws + 1) / (draws + 1)
    off = below - expected
    limit = np.where(off > 0, allowed.upper, allowed.lower)
    can_leave = (limit > 0) & (limit < len(ranks))  # no count is below none, or above all
    share = np.abs(off) / np.maximum(np.abs(limit - expected), 1e-9)
    return float(np.abs(off).max() / len(ranks)), float(share[can_leave].max(initial=0.0))
