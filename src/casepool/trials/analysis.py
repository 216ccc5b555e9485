"""The posterior of every table a trial may bring: means, standard deviations, probabilities, each computed once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from casepool.errors import CasepoolError
from casepool.inference.basket_sums import Fineness
from casepool.inference.baskets import DECIMALS, FINENESS, SAME, Baskets, alike, factor_of
from casepool.inference.level_priors import LevelPriors
from casepool.modelling import Model
from casepool.modelling.families.parameters import Laid
from casepool.studies.journal import Journal
from casepool.trials.counts import Counts, counts_of

AT_ONCE = 2000
"""Distinct tables computed, and written to a journal, together."""
MOST_KEPT = 2000
"""Pairs of responders and patients whose sums are kept for further tables."""
MOST_RATES = 3
"""Rates asked about together: each splits every sum once more."""
NEAR = 3 * SAME
"""Of a limit: a probability so close to it is computed again with finer sums."""
NEARER = 1e-6
"""What finer sums leave open."""
Said = Callable[[int, int], None]
"""Told how many tables are done, of how many."""


@dataclass(frozen=True)
class Told:
    """What is known of the rates in some tables.

    Parameters
    ----------
    mean, sd : array (tables, baskets)
    above : array (tables, baskets, rates)
        Probability that the rate lies above each of the rates asked about.
    log_evidence : array (tables,)
        Log probability of the outcomes one by one, without the ways to arrange them.
    """

    mean: np.ndarray
    sd: np.ndarray
    above: np.ndarray
    log_evidence: np.ndarray

    def at(self, rows: np.ndarray) -> Told:
        """Return some tables."""
        return Told(self.mean[rows], self.sd[rows], self.above[rows], self.log_evidence[rows])


@dataclass
class Analysis:
    """A trial's posterior under a model, with or without cases.

    Parameters
    ----------
    priors : LevelPriors
        Of the baskets, and behind them the other levels of the cases.
    size : int
        How many of the levels are baskets.
    base : array (2, levels)
        Responders and patients of the cases, weighed.
    most : integer array (baskets,)
        Patients a basket can have: how fine sums must be is settled for these.
    rates : tuple of float
        Rates asked about.
    journal : Journal
    said : callable, optional
    """

    priors: LevelPriors
    size: int
    base: np.ndarray
    most: np.ndarray
    rates: tuple[float, ...]
    journal: Journal = field(default_factory=lambda: Journal(None, {}))
    said: Said | None = None
    _known: dict[tuple[bool, bytes], np.ndarray] = field(default_factory=dict)
    _sums: dict[tuple[float, ...], dict[tuple[float, ...], np.ndarray]] = field(default_factory=dict)
    _fineness: int | None = None
    _is_read: bool = False

    @classmethod
    def of(
        cls, model: Model, baskets: Mapping[str, int], cases: str, weight: float, rates: Sequence[float], file: str = ""
    ) -> Analysis:
        """Make the analysis of a trial's baskets, given with the most patients of each, by a model.

        Raises
        ------
        CasepoolError
            For a model that cannot be summed over, and baskets that its cases can never have.
        """
        factor = factor_of(model)
        counts: Counts = counts_of(model, factor, cases, tuple(baskets), file) if cases else {}
        names = (*baskets, *(level for level in counts if level not in baskets))
        base = weight * np.array([counts.get(name, (0.0, 0.0)) for name in names]).T
        return cls(
            LevelPriors(model, Laid({factor.name: names})),
            len(baskets),
            base,
            np.array(list(baskets.values())),
            tuple(rates),
        )

    @cached_property
    def _alike(self) -> np.ndarray:
        """For every basket the first that has the same prior and cases: integer array (baskets,)."""
        told = np.vstack([alike(self.priors, self.base.shape[1]), self.base])[:, : self.size]
        return np.array([int(np.flatnonzero((told == own[:, None]).all(axis=0))[0]) for own in told.T])

    def asking(self, rates: Sequence[float]) -> Analysis:
        """Return the same analysis asked about other rates."""
        other = Analysis(self.priors, self.size, self.base, self.most, tuple(rates), self.journal, self.said)
        other._fineness = self._fineness
        return other

    def told(self, events: np.ndarray, n: np.ndarray, *, finer: bool = False) -> Told:
        """Return what is known in tables of responders and patients, each (tables, baskets).

        Parameters
        ----------
        finer : bool
            Whether sums have half as many nodes again, as near a limit.
        """
        if not self._is_read:
            self._read_journal()
        pairs = np.stack([events, n], axis=-1).astype(np.int32)
        order = np.lexsort((pairs[..., 1], pairs[..., 0], np.broadcast_to(self._alike, events.shape)), axis=1)
        pairs = np.take_along_axis(pairs, order[..., None], axis=1)  # baskets that are alike, in one order
        tables, place = np.unique(pairs.transpose(0, 2, 1).reshape(len(pairs), -1), axis=0, return_inverse=True)
        keys = [(finer, row.tobytes()) for row in tables]
        new = [i for i, key in enumerate(keys) if key not in self._known]
        for start in range(0, len(new), AT_ONCE):
            some = tables[new[start : start + AT_ONCE]]
            for row, answer in zip(some, self._answers(some, finer), strict=True):
                self._known[finer, row.tobytes()] = answer
            if self.said:
                self.said(min(start + AT_ONCE, len(new)), len(new))
        flat = np.array([self._known[key] for key in keys])[place.ravel()]
        found = flat[:, 1:].reshape(len(flat), self.size, 2 + len(self.rates))
        found = np.take_along_axis(found, np.argsort(order, axis=1)[..., None], axis=1)
        return Told(found[..., 0], found[..., 1], found[..., 2:], flat[:, 0])

    def nothing(self) -> float:
        """Return the log evidence of the cases alone."""
        none = np.zeros((1, self.size), int)
        return float(self.told(none, none).log_evidence[0])

    def _answers(self, tables: np.ndarray, finer: bool) -> np.ndarray:
        """Compute the answers of new tables, and keep them in the journal: (tables, 1 + baskets * values)."""
        found = self._computed(tables, finer)
        if self.journal.path is not None:
            rows = [{"table": t, "answers": a} for t, a in zip(tables.tolist(), found.tolist(), strict=True)]
            self.journal.add(f"{self._key(finer)}:{hashlib.sha256(tables.tobytes()).hexdigest()}", rows)
        return found

    def _read_journal(self) -> None:
        """Take over what the journal holds of this analysis."""
        self._is_read = True
        asked = {self._key(finer): finer for finer in (False, True)}
        for key, rows in self.journal.known.items():
            if (finer := asked.get(key.partition(":")[0])) is not None:
                for row in rows:
                    self._known[finer, np.array(row["table"], np.int32).tobytes()] = np.array(row["answers"])

    def _key(self, finer: bool) -> str:
        priors = self.priors
        asked = (priors.model.to_toml(), priors.laid, self.base.tolist(), self.most.tolist(), self.rates, finer)
        return hashlib.sha256(repr(asked).encode()).hexdigest()

    def _computed(self, tables: np.ndarray, finer: bool) -> np.ndarray:
        if self._fineness is None:
            self._fineness = self._settle()
        fineness = FINENESS[min(self._fineness + finer, len(FINENESS) - 1)]
        with threadpool_limits(1):  # several threads spin longer than they work on matrices of this size
            groups = [self.rates[i : i + MOST_RATES] for i in range(0, len(self.rates), MOST_RATES)] or [()]
            parts = [self._summed(tables, rates, fineness) for rates in groups]
        mean, sd, _, evidence = parts[0]
        above = np.concatenate([part[2] for part in parts], axis=2)
        whole = np.concatenate([mean[..., None], sd[..., None], above], axis=2).reshape(len(tables), -1)
        return np.round(np.hstack([evidence[:, None], whole]), DECIMALS)

    def _summed(self, tables: np.ndarray, rates: Sequence[float], fineness: Fineness) -> tuple[np.ndarray, ...]:
        baskets = Baskets.of(self.priors, self._whole(tables), np.array(rates))
        known = self._sums.setdefault((*rates, fineness.zero), {})
        if sum(map(len, self._sums.values())) > MOST_KEPT:
            self._sums.clear()
        found, evidence = baskets.without_ways(fineness, baskets.tables, known)
        found = found[baskets.table[:, None], baskets.kind][:, : self.size]
        sd = np.sqrt(np.maximum(found[..., 1] - found[..., 0] ** 2, 0.0))
        return found[..., 0], sd, found[..., 2:-1], evidence[baskets.table]

    def _whole(self, tables: np.ndarray) -> np.ndarray:
        """Add the cases to tables (tables, 2 * baskets): array (2, tables, levels)."""
        both = np.repeat(self.base[:, None], len(tables), axis=1)
        both[:, :, : self.size] += tables.reshape(len(tables), 2, self.size).transpose(1, 0, 2)
        return both

    def _settle(self) -> int:
        """Return how fine sums must be for the largest tables: from none to all responding, and halves."""
        n = self.most
        shares = np.vstack([np.outer([0.0, 0.25, 1.0], np.ones(self.size)), np.arange(self.size) % 2 * 0.6])
        tables = np.hstack([np.floor(shares * n), np.tile(n, (len(shares), 1))])
        asked = self.rates[:MOST_RATES]
        finer = self._summed(tables, asked, FINENESS[0])
        for place, (_, next_one) in enumerate(pairwise(FINENESS)):
            found, finer = finer, self._summed(tables, asked, next_one)
            if max(np.abs(a - b).max(initial=0.0) for a, b in zip(found, finer, strict=True)) <= SAME:
                return place
        raise CasepoolError(
            "the sums over this model's parameters do not settle", value=self.priors.model.name,
            remedy="give narrower priors",
        )  # fmt: skip


def spoken(progress: bool, say: Callable[[bool, str], None], what: str) -> Said | None:
    """Return what tells how many tables are done, at most twice a second."""
    import time

    if not progress:
        return None
    began: list[Any] = [time.monotonic(), 0.0]

    def told(done: int, of: int) -> None:
        now = time.monotonic()
        if of > AT_ONCE and (now - began[1] > 0.5 or done == of):
            began[1] = now
            left = (now - began[0]) / done * (of - done)
            say(True, f"{what}: {done} of {of} tables, {left:.0f} s left")

    return told
