"""What a distribution is worth: how many patients, or events, would leave as much known."""

from __future__ import annotations

import numpy as np
from scipy import special

STEPS = 50
"""Newton steps, of which a handful are needed."""


def patients_worth(draws: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Return how many patients a distribution of probabilities is worth: array (levels) from (chain, draw, levels).

    Infinity where the probability is known, NaN where it is nowhere.
    """
    m, v = _moments(draws, weights)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.maximum(np.where(v > 0, m * (1 - m) / v, np.where(np.isnan(v), np.nan, np.inf)) - 1, 0.0))


def events_worth(draws: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Return how many events a distribution of log hazards is worth: array (levels) from (chain, draw, levels).

    The shape of the gamma distribution whose logarithm varies as much: infinity where the hazard is known, NaN where it
    is nowhere.
    """
    variance = _moments(draws, weights)[1]
    known = variance == 0
    return np.asarray(np.where(known, np.inf, inverse_trigamma(np.where(known, 1.0, variance))))


def inverse_trigamma(x: np.ndarray) -> np.ndarray:
    """Return the w whose trigamma(w) is `x`, above 0 (Smyth 2004, appendix: Newton's steps for 1 / trigamma)."""
    w = 0.5 + 1 / np.asarray(x, float)
    for _ in range(STEPS):
        value = special.polygamma(1, w)
        w = w + value * (1 - value / x) / special.polygamma(2, w)
    return np.asarray(w)


def _moments(draws: np.ndarray, weights: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Return means and variances, (levels,)."""
    mean = np.average(draws, axis=(0, 1), weights=weights)
    return mean, np.average((draws - mean) ** 2, axis=(0, 1), weights=weights)
