"""Intervals for a proportion of patients, exact and approximate."""

from __future__ import annotations

import math
from collections.abc import Callable

from scipy import special

from casepool.errors import CasepoolError


def clopper_pearson(events: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Exact (Clopper-Pearson) interval for a proportion.

    Parameters
    ----------
    events, n : int
        Patients with the event, and patients; ``0 <= events <= n``.
    confidence : float
        Between 0 and 1, both excluded.

    Returns
    -------
    lower, upper : float
        Limits as proportions; (0, 1) for no patients, who rule nothing out.

    Raises
    ------
    CasepoolError
        For counts that are no counts, or a confidence outside (0, 1).

    Notes
    -----
    Clopper and Pearson (1934), Biometrika 26, 404-413: quantiles of Beta distributions.
    """
    return _interval(events, n, confidence, lambda: _exact(events, n, (1 - confidence) / 2))


def wilson(events: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson score interval for a proportion, without continuity correction.

    Parameters
    ----------
    events, n : int
        Patients with the event, and patients; ``0 <= events <= n``.
    confidence : float
        Between 0 and 1, both excluded.

    Returns
    -------
    lower, upper : float
        Limits as proportions; (0, 1) for no patients.

    Raises
    ------
    CasepoolError
        For counts that are no counts, or a confidence outside (0, 1).

    Notes
    -----
    Wilson (1927), JASA 22, 209-212: the proportions that a score test does not reject.
    """
    return _interval(events, n, confidence, lambda: _score(events, n, float(special.ndtri((1 + confidence) / 2))))


def one_sided_bound(events: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Exact one-sided bound where no patient, or every patient, had the event.

    Parameters
    ----------
    events, n : int
        Patients with the event, and patients; `events` is 0 or `n`.
    confidence : float
        One-sided, between 0 and 1, both excluded.

    Returns
    -------
    lower, upper : float
        (0, bound) for 0 of n, (bound, 1) for n of n, and (0, 1) for no patients.

    Raises
    ------
    CasepoolError
        For bad counts, a confidence outside (0, 1), or 0 < events < n: there the side is a choice.

    Notes
    -----
    The one-sided Clopper-Pearson limit; for 0 of n near the "rule of three", 3/n
    (Hanley and Lippman-Hand 1983, JAMA 249, 1743-1745).
    """
    if 0 < events < n:
        raise CasepoolError(
            "a one-sided bound is defined here for 0 of n and n of n only",
            remedy="use clopper_pearson for counts in between",
            value=(events, n),
        )
    return _interval(events, n, confidence, lambda: _exact(events, n, 1 - confidence))


def _interval(events: int, n: int, confidence: float, limits: Callable[[], tuple[float, float]]) -> tuple[float, float]:
    """Check the counts, and compute the limits of those that leave something to compute."""
    if not (0 <= events <= n and int(events) == events and int(n) == n):
        raise CasepoolError(
            "events of n must be whole numbers with 0 <= events <= n",
            remedy="count each patient once, and events among these patients only",
            value=(events, n),
        )
    check_confidence(confidence)
    return limits() if n else (0.0, 1.0)


def _exact(events: int, n: int, tail: float) -> tuple[float, float]:
    """Return the proportions under which as many events or more, and as few or fewer, have the probability `tail`."""
    lower = special.betaincinv(events, n - events + 1, tail) if events > 0 else 0.0
    upper = special.betainccinv(events + 1, n - events, tail) if events < n else 1.0
    return float(lower), float(upper)


def _score(events: int, n: int, z: float) -> tuple[float, float]:
    """Return the proportions from which the one seen is `z` of their standard errors away."""
    p, whole = events / n, 2 * (n + z**2)
    middle, reach = (2 * n * p + z**2) / whole, z / whole * math.sqrt(4 * n * p * (1 - p) + z**2)
    return middle - reach if events > 0 else 0.0, middle + reach if events < n else 1.0


def check_confidence(confidence: float) -> None:
    """Refuse a confidence outside (0, 1), such as 95 for 0.95."""
    if not 0 < confidence < 1:
        raise CasepoolError("confidence must lie between 0 and 1", remedy="write 0.95 for 95%", value=confidence)
