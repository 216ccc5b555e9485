"""Importance weights with their largest ones smoothed, and the Pareto k that says how far they can be trusted.

References
----------
Vehtari, Simpson, Gelman, Yao and Gabry 2024 (Pareto smoothed importance sampling); Zhang and Stephens 2009 (the fit of
the generalised Pareto distribution).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy import special

FEW = 225
"""Effective draws up to which the tail is a fifth of them, and three times their square root beyond."""
LEAST_TAIL = 5
"""Weights of a tail below which none is fitted."""
CANDIDATES = 30
"""Values of the fit's parameter that are averaged over, besides one for each square root of the tail."""
SPREAD_OF_CANDIDATES = 3.0
PRIOR_DRAWS, PRIOR_K = 10.0, 0.5
"""The fit is held near k = 0.5 as if by that many draws."""
NEGLIGIBLE = 10 * np.finfo(float).eps
"""Weight of a candidate that is left out."""
MOST_K, EVEN_ENOUGH, NEARLY_EVEN = 0.7, 0.5, 0.99
"""Of proposals: Pareto k, and the share of them that their Kish size must be; from the last on k is not asked."""
AT_ONCE = 64
"""Columns computed together."""


def smoothed(log_weights: np.ndarray, relative_efficiency: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Smooth the largest importance weights and normalise all of them.

    Parameters
    ----------
    log_weights : array (draws, ...)
        Log importance ratios, up to a constant of each column.
    relative_efficiency : float
        Effective draws over draws, where the draws are of a chain.

    Returns
    -------
    log_weights : array (draws, ...)
        Whose exponentials sum to 1 in each column.
    k : array (...)
        Shape of the generalised Pareto distribution of the largest weights: below 0.7, sums with them can be trusted.
        -inf where the largest weights are equal, so that there is no tail; inf where draws are too few to tell; NaN
        where a quarter of the tail is one value, so that no Pareto distribution fits.
    """
    draws = log_weights.shape[0]
    found = log_weights.reshape(draws, -1) - log_weights.reshape(draws, -1).max(axis=0)
    k = np.full(found.shape[1], np.inf)
    tail = _tail_length(draws, relative_efficiency)
    if tail >= LEAST_TAIL:
        for start in range(0, found.shape[1], AT_ONCE):
            some = slice(start, start + AT_ONCE)
            k[some] = _smooth(found[:, some], tail)
    found -= special.logsumexp(found, axis=0)
    return found.reshape(log_weights.shape), k.reshape(log_weights.shape[1:])


def kish(log_weights: np.ndarray) -> float:
    """Return how many equally weighted draws weighted ones are worth (Kish 1965), from log weights (draws,)."""
    weights = np.exp(log_weights - log_weights.max())
    return float(weights.sum() ** 2 / np.square(weights).sum())


def weigh_evenly(weights: Mapping[str, float]) -> bool:
    """Whether proposals weigh evenly enough to be kept by chance: ``k``, ``kish`` and number of ``proposals``.

    Where they hardly differ their largest are noise, and k says nothing.
    """
    share = weights["kish"] / weights["proposals"]
    return bool(share >= NEARLY_EVEN or (share >= EVEN_ENOUGH and weights["k"] < MOST_K))


def _tail_length(draws: int, relative_efficiency: float) -> int:
    """Return how many of the largest weights are smoothed."""
    if draws * relative_efficiency > FEW:
        return int(3 * (draws / relative_efficiency) ** 0.5)
    return draws // 5


def _smooth(log_weights: np.ndarray, tail: int) -> np.ndarray:
    """Smooth the largest `tail` weights of (draws, columns) in place, and return k of each column."""
    order = np.argsort(log_weights, axis=0, kind="stable")
    ordered = np.take_along_axis(log_weights, order[-tail - 1 :], axis=0)
    largest, cutoff = ordered[1:], np.exp(ordered[0])
    k, sigma = _pareto(np.exp(largest) - cutoff)
    level = largest[-1] - largest[0] < np.finfo(float).tiny
    fits = np.isfinite(k) & ~level & (sigma > 0)
    place = -np.log1p(-(np.arange(tail) + 0.5) / tail)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        quantiles = np.where(k == 0, place, np.expm1(k * place) / k)
        new = np.minimum(np.log(cutoff + sigma * quantiles), largest[-1])
    np.put_along_axis(log_weights, order[-tail:], np.where(fits, new, largest), axis=0)
    return np.where(level, -np.inf, k)


def _pareto(excess: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fit generalised Pareto distributions to rising excesses (tail, columns): shape and scale of each column.

    The posterior mean of ``b = -k / sigma`` over a grid of candidates (Zhang and Stephens 2009), then k from it.
    """
    size = len(excess)
    candidates = CANDIDATES + int(size**0.5)
    quarter, last = excess[int(size / 4 + 0.5) - 1], excess[-1]
    step = 1 - np.sqrt(candidates / (np.arange(1, candidates + 1) - 0.5))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        b = step[:, None] / (SPREAD_OF_CANDIDATES * quarter) + 1 / last
        k = np.log1p(-b[:, None] * excess).mean(axis=1)
        profile = size * (np.log(-b / k) - k - 1)
        weight = np.exp(profile - special.logsumexp(profile, axis=0))
        weight = np.where(weight >= NEGLIGIBLE, weight, 0.0)
        mean = (b * weight).sum(axis=0) / weight.sum(axis=0)
        shape = np.log1p(-mean * excess).mean(axis=0)
        sigma = -shape / mean
    shape = (size * shape + PRIOR_DRAWS * PRIOR_K) / (size + PRIOR_DRAWS)
    shape = np.where(np.isnan(shape), np.inf, shape)
    return np.where(quarter > excess[0], shape, np.nan), sigma
