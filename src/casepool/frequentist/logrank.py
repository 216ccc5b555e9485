"""The log-rank test on counting-process data, and its time-dependent form (Mantel and Byar)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg, stats

from casepool.errors import CasepoolError
from casepool.frequentist.counting_process import Floats, Spells, as_spells, split_at_switch


@dataclass(frozen=True)
class LogRank:
    """A log-rank test.

    Attributes
    ----------
    statistic, p : float
        NaN where the data hold no comparison: one group, no event, or groups never at risk together.
    df : int
        Degrees of freedom, the rank of the variance: groups less one, if all are at risk together.
    groups : tuple
        The labels, sorted.
    observed, expected : numpy.ndarray of float, (groups,)
        Events per group, and those expected if the hazard were the same in all.
    """

    statistic: float
    df: int
    p: float
    groups: tuple[object, ...]
    observed: Floats
    expected: Floats


def log_rank(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    entry: ArrayLike | None = None,
    weight: ArrayLike | None = None,
) -> LogRank:
    """Log-rank test that the hazard is the same in all groups.

    Parameters
    ----------
    time : array_like of float, (rows,)
        End of follow-up, 0 or later.
    event : array_like of bool, (rows,)
        Whether the event happened at `time`.
    group : array_like, (rows,)
        Labels of one kind, none missing.
    entry : array_like of float, (rows,), optional
        Start of follow-up (delayed entry); zero is follow-up from time zero on.
    weight : array_like of int, (rows,), optional
        Patients the row stands for.

    Returns
    -------
    LogRank

    Raises
    ------
    CasepoolError
        As `as_spells`; for fractional weights, which the hypergeometric variance has no meaning for; for a
        group column of another length or with missing labels.

    Notes
    -----
    Mantel (1966); Peto and Peto (1972), with the hypergeometric variance at tied events.
    """
    labels = np.asarray(group)
    if labels.shape != np.shape(time) or any(label is None or label != label for label in labels.tolist()):  # noqa: PLR0124
        raise CasepoolError("every row needs a group", remedy="give one label per row", column="group")
    kept = slice(None) if weight is None else np.asarray(weight, dtype=float) != 0
    return _test(as_spells(time, event, entry, weight), labels[kept])


def mantel_byar(time: ArrayLike, event: ArrayLike, switch: ArrayLike, entry: ArrayLike | None = None) -> LogRank:
    """Log-rank test of an exposure that starts during follow-up.

    Parameters
    ----------
    time, event : array_like, (patients,)
        End of follow-up, and whether the event happened there.
    switch : array_like of float, (patients,)
        When the exposure started; inf or NaN if never, 0 if from time zero on.
    entry : array_like of float, (patients,), optional
        Start of follow-up (delayed entry).

    Returns
    -------
    LogRank
        The groups are False, follow-up before the exposure, and True, after its start.

    Raises
    ------
    CasepoolError
        As `split_at_switch`.

    Notes
    -----
    Mantel and Byar (1974), JASA 69, 81-86. It removes immortal time, and no other bias.
    """
    return _test(*split_at_switch(time, event, switch, entry))


def _test(spells: Spells, labels: NDArray[np.generic]) -> LogRank:
    """Compare the groups at every event time."""
    if not np.issubdtype(spells.weight.dtype, np.integer):
        raise CasepoolError("a log-rank test needs whole weights", remedy="give numbers of patients", column="weight")
    groups, times = np.unique(labels), spells.event_times
    members = [spells.weight * (labels == label) for label in groups]
    at_risk = np.array([spells.at_risk(times, weight) for weight in members]).reshape(len(groups), times.size)
    events = np.array([spells.events_at(times, weight) for weight in members]).reshape(len(groups), times.size)
    share = at_risk / at_risk.sum(axis=0)
    expected = (share * events.sum(axis=0)).sum(axis=1)
    observed = events.sum(axis=1).astype(float)
    statistic, df = _quadratic_form(observed - expected, _variance(at_risk.sum(axis=0), events.sum(axis=0), share))
    p = float(stats.chi2.sf(statistic, df)) if df else np.nan
    return LogRank(statistic, df, p, tuple(groups.tolist()), observed, expected)


def _variance(n: NDArray[np.int64], events: NDArray[np.int64], share: Floats) -> Floats:
    """Hypergeometric covariance of the events per group, summed over event times: (groups, groups)."""
    spread = events * (n - events) / np.maximum(n - 1, 1)
    return np.asarray(np.diag(share @ spread) - (share * spread) @ share.T)


def _quadratic_form(difference: Floats, variance: Floats) -> tuple[float, int]:
    """Chi-square statistic and its degrees of freedom."""
    # The differences add up to 0, so the variance is singular; its pseudo-inverse needs no group left out,
    # and its rank sees groups that were never at risk with others.
    if not difference.size or np.max(np.abs(variance)) == 0:
        return np.nan, 0
    inverse, rank = linalg.pinvh(variance, rtol=1e-10, return_rank=True)
    return float(difference @ inverse @ difference), int(rank)
