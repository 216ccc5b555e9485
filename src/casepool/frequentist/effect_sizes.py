"""Differences and ratios of two rates, with limits that small counts do not break."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from casepool.frequentist.proportions import wilson

Counts = tuple[int, int]
"""Patients with the event, and patients, above 0."""
Found = tuple[float, float, float]
"""Estimate and limits; NaN where nothing is told."""

FURTHEST = 40.0
"""Log ratio between which a limit is sought."""


def risk_difference(first: Counts, second: Counts, confidence: float = 0.95) -> Found:
    """First rate minus the second, with Newcombe's limits.

    Parameters
    ----------
    first, second : (int, int)
        Patients with the event, and patients.
    confidence : float

    Returns
    -------
    estimate, lower, upper : float

    References
    ----------
    Newcombe (1998), Statistics in Medicine 17, 873-890, method 10: from the Wilson limits of both rates.
    """
    (a, n), (b, m) = first, second
    p, q = a / n, b / m
    (low, high), (least, most) = wilson(a, n, confidence), wilson(b, m, confidence)
    return p - q, p - q - math.hypot(p - low, most - q), p - q + math.hypot(high - p, q - least)


def risk_ratio(first: Counts, second: Counts, confidence: float = 0.95) -> Found:
    """First rate over the second, with Koopman's limits: the ratios that a score test does not reject.

    Parameters
    ----------
    first, second : (int, int)
        Patients with the event, and patients.
    confidence : float

    Returns
    -------
    estimate, lower, upper : float
        Infinite over a rate of 0; NaN, 0 and infinite if both rates are.

    References
    ----------
    Koopman (1984), Biometrics 40, 513-517.
    """
    (a, n), (b, m) = first, second
    if a == b == 0:
        return math.nan, 0.0, math.inf
    limit = float(special.ndtri((1 + confidence) / 2)) ** 2

    def above(log_ratio: float) -> float:
        return _score(first, second, math.exp(log_ratio)) - limit

    middle = math.log(a * m / (n * b)) if a and b else math.copysign(FURTHEST, a - b)
    lower = math.exp(optimize.brentq(above, -FURTHEST, middle)) if a else 0.0
    upper = math.exp(optimize.brentq(above, middle, FURTHEST)) if b else math.inf
    return a * m / (n * b) if b else math.inf, lower, upper


def _score(first: Counts, second: Counts, ratio: float) -> float:
    """Return the score statistic of a ratio of rates, at the likeliest rates that have it."""
    (a, n), (b, m) = first, second
    half = (ratio * (n + b) + a + m) / 2
    product = ratio * (n + m) * (a + b)
    # The smaller root of a quadratic, from the larger one, which loses no digits.
    q = (a + b) / (half + math.sqrt(max(half * half - product, 0.0)))
    p = min(ratio * q, 1.0)
    parts = ((a, n, p), (b, m, q))
    return sum((x - size * rate) ** 2 / (size * rate * (1 - rate)) for x, size, rate in parts if 0 < rate < 1)


def odds_ratio(first: Counts, second: Counts, confidence: float = 0.95) -> Found:
    """Odds of the first over those of the second: the likeliest given all margins, with exact limits, as Fisher's test.

    Parameters
    ----------
    first, second : (int, int)
        Patients with the event, and patients.
    confidence : float

    Returns
    -------
    estimate, lower, upper : float
        NaN, 0 and infinite if all patients have the same outcome.

    References
    ----------
    Cornfield (1956), Proceedings of the Third Berkeley Symposium 4, 135-148.
    """
    (a, n), (b, m) = first, second
    if a + b in (0, n + m):
        return math.nan, 0.0, math.inf
    low, high = max(0, a + b - m), min(a + b, n)
    counts = np.arange(low, high + 1)
    log_ways = _log_choose(n, counts) + _log_choose(m, a + b - counts)

    def chances(log_ratio: float) -> NDArray[np.float64]:
        return np.asarray(special.softmax(log_ways + log_ratio * counts))

    def solved(excess: Callable[[float], float]) -> float:
        return math.exp(optimize.brentq(excess, -FURTHEST, FURTHEST))

    tail = (1 - confidence) / 2
    middle = math.inf if a == high else 0.0 if a == low else solved(lambda x: float(chances(x) @ counts) - a)
    lower = 0.0 if a == low else solved(lambda x: float(chances(x)[counts >= a].sum()) - tail)
    upper = math.inf if a == high else solved(lambda x: tail - float(chances(x)[counts <= a].sum()))
    return middle, lower, upper


def _log_choose(n: int, k: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.asarray(special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1))
