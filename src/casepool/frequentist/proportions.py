"""Intervals for a proportion of patients, exact and approximate."""

from __future__ import annotations

from scipy import stats

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
    Clopper and Pearson (1934), Biometrika 26, 404-413; computed by `scipy.stats.binomtest`.
    """
    return _interval(events, n, confidence, method="exact")


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
    Wilson (1927), JASA 22, 209-212; computed by `scipy.stats.binomtest`.
    """
    return _interval(events, n, confidence, method="wilson")


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
    return _interval(events, n, confidence, method="exact", alternative="less" if events == 0 else "greater")


def _interval(
    events: int, n: int, confidence: float, *, method: str, alternative: str = "two-sided"
) -> tuple[float, float]:
    """Check the counts and ask scipy for the interval."""
    if not (0 <= events <= n and int(events) == events and int(n) == n):
        raise CasepoolError(
            "events of n must be whole numbers with 0 <= events <= n",
            remedy="count each patient once, and events among these patients only",
            value=(events, n),
        )
    check_confidence(confidence)
    if n == 0:
        return 0.0, 1.0
    test = stats.binomtest(int(events), int(n), alternative=alternative)
    limits = test.proportion_ci(confidence_level=confidence, method=method)
    return float(limits.low), float(limits.high)


def check_confidence(confidence: float) -> None:
    """Refuse a confidence outside (0, 1), such as 95 for 0.95."""
    if not 0 < confidence < 1:
        raise CasepoolError("confidence must lie between 0 and 1", remedy="write 0.95 for 95%", value=confidence)
