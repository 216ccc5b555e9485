"""The Cox partial likelihood with tied events taken as they are: all choices of as many patients count."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from casepool.frequentist.counting_process import Floats, Spells


@dataclass(frozen=True)
class TiedEvents:
    """One event time, going back in time.

    Attributes
    ----------
    anew : bool
        Whether those at risk are listed whole; else just who is not at risk later.
    rows : tuple of int
    events : int
    total : numpy.ndarray of float, (covariates,)
        Covariates added over the patients with the event.
    """

    anew: bool
    rows: tuple[int, ...]
    events: int
    total: Floats


@dataclass(frozen=True)
class ExactLikelihood:
    """The discrete partial likelihood (Cox 1972): that just these of all equally many patients at risk had the event.

    Attributes
    ----------
    x : numpy.ndarray of float, (rows, covariates)
    event_rows : numpy.ndarray of int, (events,)
    times : tuple of TiedEvents
        The last one first.
    gaps : numpy.ndarray of float, (pairs, covariates)
        Covariates of a patient with the event less those of one at risk then without it.
    """

    x: Floats
    event_rows: NDArray[np.int64]
    times: tuple[TiedEvents, ...]
    gaps: Floats
    penalised: bool = False

    def derivatives(self, beta: Floats) -> tuple[float, Floats, Floats]:
        """Evaluate the log partial likelihood, its gradient and the information, as `PartialLikelihood` does.

        The sum over all choices of k patients is the k-th coefficient of the product of (1 + weight z) over those at
        risk; sums of their covariates, and of products of these, are carried along.
        """
        p, most = beta.size, max(time.events for time in self.times)
        eta = self.x @ beta
        shift = float(eta.max())
        weight = np.exp(eta - shift)
        value, gradient, information = 0.0, np.zeros(p), np.zeros((p, p))
        for time in self.times:
            if time.anew:
                scale = 0.0
                one, first, second = np.zeros(most + 1), np.zeros((most + 1, p)), np.zeros((most + 1, p, p))
                one[0] = 1.0
            for row in time.rows:
                x, w = self.x[row], weight[row]
                cross = first[:-1, :, None] * x
                second[1:] += w * (
                    second[:-1] + cross + cross.transpose(0, 2, 1) + one[:-1, None, None] * np.outer(x, x)
                )
                first[1:] += w * (first[:-1] + one[:-1, None] * x)
                one[1:] += w * one[:-1]
            size, d = one.max(), time.events
            one, first, second, scale = one / size, first / size, second / size, scale + float(np.log(size))
            mean = first[d] / one[d]
            value += float(time.total @ beta) - (scale + float(np.log(one[d])) + d * shift)
            gradient += time.total - mean
            information += second[d] / one[d] - np.outer(mean, mean)
        return value, gradient, information

    def value(self, beta: Floats) -> float:
        """Evaluate the log partial likelihood."""
        return self.derivatives(beta)[0]


def exact_likelihood(spells: Spells, x: Floats) -> ExactLikelihood:
    """Set the discrete partial likelihood up, of spells with an event: at risk in (entry, time]."""
    delayed = bool(np.isfinite(spells.entry).any())
    times: list[TiedEvents] = []
    events: list[int] = []
    gaps = [np.zeros((1, x.shape[1]))]
    before = np.zeros(spells.time.size, dtype=bool)
    for t in spells.event_times[::-1]:
        at_risk = (spells.entry < t) & (t <= spells.time)
        had = spells.event & (spells.time == t)
        rows = np.flatnonzero(at_risk & ~(before & (not delayed)))
        times.append(TiedEvents(delayed or not times, tuple(rows.tolist()), int(had.sum()), x[had].sum(axis=0)))
        events += np.flatnonzero(had).tolist()
        others = np.unique(x[at_risk & ~had], axis=0)
        gaps += [row - others for row in np.unique(x[had], axis=0)]
        before = at_risk
    return ExactLikelihood(x, np.array(events), tuple(times), np.unique(np.concatenate(gaps), axis=0))
