"""Competing causes without a model: the incidence of one of them (Aalen-Johansen), and Gray's test between groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg, stats

from casepool.errors import CasepoolError
from casepool.frequentist.counting_process import Floats, as_spells
from casepool.modelling.families.ties import TIED

Z = float(stats.norm.ppf(0.975))


@dataclass(frozen=True)
class Incidence:
    """The probability of a cause by a time, where others end follow-up too.

    Attributes
    ----------
    times, incidence, variance : numpy.ndarray of float, (steps,)
        Times of events of any cause, and the estimate with its variance from each of them on.
    at_risk : numpy.ndarray of int, (steps,)
    end : float
        Last follow-up; NaN without patients, infinite where it left nobody without an event.
    """

    times: Floats
    incidence: Floats
    variance: Floats
    at_risk: NDArray[np.int64]
    end: float

    def at(self, time: float) -> tuple[float, float, float]:
        """Return the incidence by a time, with limits on the log-log scale: NaN beyond the last follow-up."""
        if np.isnan(self.end) or time * (1 - TIED) > self.end:
            return np.nan, np.nan, np.nan
        step = int(np.searchsorted(self.times, time * (1 + TIED), side="right")) - 1
        found = float(self.incidence[step]) if step >= 0 else 0.0
        if not 0 < found < 1:
            return found, np.nan, np.nan
        reach = Z * float(np.sqrt(self.variance[step])) / (found * np.log(found))
        return found, float(found ** np.exp(-reach)), float(found ** np.exp(reach))


def aalen_johansen(time: ArrayLike, cause: ArrayLike, entry: ArrayLike | None = None) -> Incidence:
    """Estimate the incidence of cause 1, others than it being 2.

    Parameters
    ----------
    time : array_like of float, (patients,)
        End of follow-up, 0 or later.
    cause : array_like of int, (patients,)
        0 censored, 1 the cause of interest, 2 any other one.
    entry : array_like of float, (patients,), optional
        Start of follow-up (delayed entry).

    Returns
    -------
    Incidence

    Raises
    ------
    CasepoolError
        As `as_spells`.

    Notes
    -----
    Aalen and Johansen (1978), Scandinavian Journal of Statistics 5, 141-150. The variance is that of the delta
    method, which is Greenwood's where there is no other cause, and the binomial one where nobody is censored.
    """
    which = np.asarray(cause)
    spells = as_spells(time, which > 0, entry)
    times = spells.event_times
    n, d = spells.at_risk(times).astype(float), spells.events_at(times).astype(float)
    own = np.array([np.sum((spells.time == t) & (which == 1)) for t in times], dtype=float)
    before = np.concatenate([[1.0], np.cumprod(1 - d / n)])[:-1] if times.size else np.zeros(0)
    incidence = np.cumsum(before * own / n)
    variance = np.array([_variance(incidence[: k + 1], before, n, d, own) for k in range(times.size)])
    end = np.inf if (n == d).any() else spells.end  # where every follow-up ended in an event, nothing is left to come
    return Incidence(times, incidence, variance, n.astype(np.int64), end)


def _variance(incidence: Floats, before: Floats, n: Floats, d: Floats, own: Floats) -> float:
    """Return the variance of the last of some incidences."""
    k = incidence.size
    before, n, d, own = before[:k], n[:k], d[:k], own[:k]
    ahead = incidence[-1] - incidence
    left = np.where(n > d, n - d, np.inf)  # once nobody is left nothing is ahead either
    own_part = before**2 * own * (n - own) / n**3
    return float(np.sum(ahead**2 * d / (n * left) + own_part - 2 * ahead * before * own / n**2))


@dataclass(frozen=True)
class GrayTest:
    """Gray's test: `statistic` is chi-square with `df` degrees of freedom; NaN where nothing can be compared."""

    statistic: float
    df: int
    p: float


def gray_test(time: ArrayLike, cause: ArrayLike, group: ArrayLike) -> GrayTest:
    """Test that the incidence of cause 1 is the same in all groups.

    Parameters
    ----------
    time, cause : array_like, (patients,)
        As of `aalen_johansen`; nobody enters late.
    group : array_like, (patients,)

    Returns
    -------
    GrayTest

    Raises
    ------
    CasepoolError
        As `as_spells`.

    Notes
    -----
    Gray (1988), Annals of Statistics 16, 1141-1154, with rho = 0: events of the cause less those expected where the
    hazard of its subdistribution is the same in all groups; the variance is the sum, over the events of every group, of
    what each adds to the martingale, with the hypergeometric factor at ties.
    """
    which, label = np.asarray(cause), np.asarray(group)
    if label.shape != which.shape:
        raise CasepoolError("every patient needs a group", remedy="give one label per patient", column="group")
    spells = as_spells(time, which > 0)
    groups, times = np.unique(label), spells.event_times
    if groups.size < 2 or not (which == 1).any():
        return GrayTest(np.nan, 0, np.nan)
    at_risk, own, other = (np.zeros((times.size, groups.size)) for _ in range(3))
    for k, name in enumerate(groups):
        inside = label == name
        at_risk[:, k] = [(inside & (spells.time >= t)).sum() for t in times]
        own[:, k] = [(inside & (spells.time == t) & (which == 1)).sum() for t in times]
        other[:, k] = [(inside & (spells.time == t) & (which == 2)).sum() for t in times]
    score, variance = _score_and_variance(at_risk, own, other)
    inverse, rank = linalg.pinvh(variance, rtol=1e-10, return_rank=True)
    statistic = float(score @ inverse @ score)
    return GrayTest(statistic, int(rank), float(stats.chi2.sf(statistic, rank)) if rank else np.nan)


def _score_and_variance(at_risk: Floats, own: Floats, other: Floats) -> tuple[Floats, Floats]:
    """Return the score of every group and its covariance, of counts (times, groups)."""
    there = at_risk > 0
    n = np.where(there, at_risk, 1.0)
    kept = np.where(there, 1 - (own + other) / n, 1.0)
    after = np.cumprod(kept, axis=0)  # event-free in each group, from each time on
    before = np.vstack([np.ones(at_risk.shape[1]), after[:-1]])
    incidence = np.cumsum(np.where(there, before * own / n, 0.0), axis=0)
    incidence_before = np.vstack([np.zeros(at_risk.shape[1]), incidence[:-1]])
    weight = np.where(there, at_risk / np.where(before > 0, before, 1.0), 0.0)  # patients as if nobody had left
    total, events = weight.sum(axis=1), own.sum(axis=1)
    shared = np.cumsum(events / total)  # the incidence in all groups together
    shared_before = np.concatenate([[0.0], shared[:-1]])
    expected = weight * (1 - incidence_before)
    score = (own - events[:, None] * expected / expected.sum(axis=1, keepdims=True)).sum(axis=0)
    share = weight / total[:, None]
    here = weight[:, :, None] * (np.eye(at_risk.shape[1]) - share[:, None, :])  # (times, groups, groups)
    summed = np.cumsum(here * (events / (total * (1 - shared_before)))[:, None, None], axis=0)
    ahead = summed[-1] - summed
    living = np.where(after > 0, after, 1.0)
    part = np.where(after > 0, (1 - shared)[:, None] / living, 0.0)
    tie = 1 - np.maximum(events - 1, 0)[:, None] / np.maximum(total[:, None] * before - 1, 1e-300)
    spread = np.where(there, tie * before * events[:, None] / (total[:, None] * n), 0.0)
    other_tie = 1 - np.maximum(other - 1, 0) / np.maximum(n - 1, 1)
    other_spread = np.where(there & (after > 0), other_tie * before**2 * other / n**2, 0.0)
    slope = np.where(after > 0, 1 - part, 1.0)
    of_own = here + slope[:, None, :] * ahead
    of_other = part[:, None, :] * ahead
    variance = np.einsum("tik,tjk,tk->ij", of_own, of_own, spread)
    return score, variance + np.einsum("tik,tjk,tk->ij", of_other, of_other, other_spread)
