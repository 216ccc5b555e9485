"""Patients of simulated trials: who responds at which rate, and when they enter. Drawn once, shared by all scenarios.

A patient responds if a uniform number lies below the basket's rate. The numbers are keyed by seed, basket and block of
trials, so that scenarios and designs share patients, more trials keep the first ones, and another basket or more
patients change nobody's.
"""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32

import numpy as np

from casepool.random_streams import Stream, stream
from casepool.trials.enumeration import OPEN
from casepool.trials.specification import MONTHS, SIZES, TrialDesign

BLOCK = 1000
"""Trials whose random numbers come from one stream."""


def uniforms(seed: int, of: Stream, basket: str, patients: int, trials: int) -> np.ndarray:
    """Return uniform random numbers (patients, trials)."""
    blocks = range(-(-trials // BLOCK))
    key = crc32(basket.encode())
    each: list[np.ndarray] = [stream(seed, of, key, block).random((patients, BLOCK)) for block in blocks]
    return np.asarray(np.concatenate(each, axis=1)[:, :trials])


@dataclass(frozen=True)
class Patients:
    """The patients of one scenario's trials.

    Parameters
    ----------
    responders : integer array (baskets, patients + 1, trials)
        Among the first of every basket.
    entry : array (baskets, patients, trials)
        Months; infinite beyond a basket's most patients. Empty without accrual.
    """

    responders: np.ndarray
    entry: np.ndarray

    def events(self, n: np.ndarray) -> np.ndarray:
        """Return the responders among so many patients (trials, baskets)."""
        trial, basket = np.ogrid[: n.shape[0], : n.shape[1]]
        return np.asarray(self.responders[basket, n, trial].astype(int))


def patients_of(design: TrialDesign, seed: int, rates: np.ndarray) -> Patients:
    """Return patients whose baskets have given rates (trials, baskets)."""
    trials, most = len(rates), max(design.most.values())
    responders = np.zeros((len(design.baskets), most + 1, trials), np.int16)
    for j, own in enumerate(design.baskets):
        u = uniforms(seed, Stream.TRIAL_OUTCOMES, own.name, own.n[-1], trials)
        np.cumsum(u < rates[:, j], axis=0, out=responders[j, 1 : own.n[-1] + 1])
    return Patients(responders, _entries(design, seed, trials, most))


def _entries(design: TrialDesign, seed: int, trials: int, most: int) -> np.ndarray:
    if not design.has_accrual:
        return np.zeros((len(design.baskets), 0, trials))
    entry = np.full((len(design.baskets), most, trials), np.inf)
    for j, own in enumerate(design.baskets):
        u = uniforms(seed, Stream.TRIAL_ENTRIES, own.name, own.n[-1], trials)
        entry[j, : own.n[-1]] = np.cumsum(-np.log1p(-u), axis=0) / (own.accrual or np.inf)
    return entry


@dataclass
class Clock:
    """How far trials have come: when baskets closed, and who is analysed.

    Parameters
    ----------
    design : TrialDesign
    patients : Patients
    closing : array (baskets, trials)
        Months at which a basket was closed, infinite while it is open.
    """

    design: TrialDesign
    patients: Patients
    closing: np.ndarray

    def look(self, look: int, closed_at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the patients analysed at a look (trials, baskets), and its month (trials,), NaN without accrual."""
        if not self.design.has_accrual:
            at = np.where(closed_at == OPEN, look, closed_at - 1)
            return self.design.sizes[np.arange(len(self.design.baskets)), at], np.full(len(closed_at), np.nan)
        entered = np.where(self.patients.entry <= self.closing[:, None], self.patients.entry, np.inf)
        known = entered + self.design.looks.response_after
        month = self._month(look, known, closed_at)
        return (known <= month).sum(axis=1).T, month

    def _month(self, look: int, known: np.ndarray, closed_at: np.ndarray) -> np.ndarray:
        looks = self.design.looks
        if looks.when == MONTHS:
            return np.full(known.shape[2], looks.at[look])
        if looks.when == SIZES:
            sizes = self.design.sizes[:, look]
            own = known[np.arange(len(sizes)), sizes - 1]
            return np.where(closed_at.T == OPEN, own, 0.0).max(axis=0)
        flat = np.sort(known.reshape(-1, known.shape[2]), axis=0)
        there = np.isfinite(flat).sum(axis=0)
        place = np.minimum(int(np.ceil(looks.at[look])), there) - 1
        return np.asarray(flat[place, np.arange(flat.shape[1])])

    def recruited(self, n: np.ndarray, month: np.ndarray) -> np.ndarray:
        """Return the patients entered by the end of trials (trials, baskets)."""
        if not self.design.has_accrual:
            return n
        return np.asarray((self.patients.entry <= np.minimum(self.closing, month)[:, None]).sum(axis=1).T)
