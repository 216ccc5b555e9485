"""The posterior of every table a trial may bring: means, standard deviations, probabilities, each computed once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
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
from casepool.workers import Piece, in_order

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
    client : distributed.Client, optional
        Whose workers compute.
    """

    priors: LevelPriors
    size: int
    base: np.ndarray
    most: np.ndarray
    rates: tuple[float, ...]
    journal: Journal = field(default_factory=lambda: Journal(None, {}))
    said: Said | None = None
    client: Any = None
    _known: dict[tuple[bool, bytes], np.ndarray] = field(default_factory=dict)
    _sums: dict[tuple[float, ...], dict[tuple[float, ...], np.ndarray]] = field(default_factory=dict)
    _elsewhere: dict[tuple[bool, bytes], list[float]] | None = None

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
        other = replace(self, rates=tuple(rates), _known={}, _sums={}, _elsewhere=None)
        other.__dict__["_fineness"] = self._fineness  # sums as fine, whatever was asked of either before
        return other

    def with_means_of(self, other: Analysis) -> Analysis:
        """Return this analysis with another one's journal, client, and whom it tells how far it is."""
        return replace(self, journal=other.journal, said=other.said, client=other.client)

    def told(self, events: np.ndarray, n: np.ndarray, *, finer: bool = False) -> Told:
        """Return what is known in tables of responders and patients, each (tables, baskets).

        Parameters
        ----------
        finer : bool
            Whether sums have half as many nodes again, as near a limit.
        """
        pairs = np.stack([events, n], axis=-1).astype(np.int32)
        order = np.lexsort((pairs[..., 1], pairs[..., 0], np.broadcast_to(self._alike, events.shape)), axis=1)
        pairs = np.take_along_axis(pairs, order[..., None], axis=1)  # baskets that are alike, in one order
        rows = pairs.transpose(0, 2, 1).reshape(len(pairs), -1)
        first, place = distinct(rows)
        tables = np.ascontiguousarray(rows[first])
        keys = [(finer, row.tobytes()) for row in tables]
        new = tables[[i for i, key in enumerate(keys) if key not in self._known]]
        done = 0
        for some, answers in self._answered([new[i : i + AT_ONCE] for i in range(0, len(new), AT_ONCE)], finer):
            self._known.update(zip([(finer, row.tobytes()) for row in some], answers, strict=True))
            done += len(some)
            if self.said:
                self.said(done, len(new))
        flat = np.array([self._known[key] for key in keys])[place]
        found = flat[:, 1:].reshape(len(flat), self.size, 2 + len(self.rates))
        found = np.take_along_axis(found, np.argsort(order, axis=1)[..., None], axis=1)
        return Told(found[..., 0], found[..., 1], found[..., 2:], flat[:, 0])

    def nothing(self) -> float:
        """Return the log evidence of the cases alone."""
        none = np.zeros((1, self.size), int)
        return float(self.told(none, none).log_evidence[0])

    def _answered(self, chunks: list[np.ndarray], finer: bool) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Hand on chunks of new tables with their answers (tables, 1 + baskets * values), which the journal keeps.

        A chunk is named by its tables, not by who asks or what is known by then. Of one that the journal lacks, tables
        that it holds in chunks of other designs are taken from there.
        """
        names = [f"{self._key(finer)}:{hashlib.sha256(own.tobytes()).hexdigest()}" for own in chunks]
        journal, elsewhere = self.journal, self._read_elsewhere()
        lacking = [i for i, name in enumerate(names) if name not in journal.known]
        left = [
            chunks[i][[(finer, row.tobytes()) not in elsewhere for row in chunks[i]]] if elsewhere else chunks[i]
            for i in lacking
        ]
        pieces = [self._piece(tables, finer) for tables in left]
        kept: dict[int, np.ndarray] = {}

        def keep(place: int, found: np.ndarray) -> None:
            whole = chunks[lacking[place]]
            if len(left[place]) < len(whole):
                new = {(finer, row.tobytes()): own for row, own in zip(left[place], found, strict=True)}
                keys = [(finer, row.tobytes()) for row in whole]
                found = np.array([new[key] if key in new else elsewhere[key] for key in keys])
            kept[lacking[place]] = found
            if journal.path is not None:
                rows = [{"table": t, "answers": a} for t, a in zip(whole.tolist(), found.tolist(), strict=True)]
                journal.add(names[lacking[place]], rows)

        answers, asked = in_order(pieces, self.client, keep), set(lacking)
        for i, name in enumerate(names):
            if i in asked:
                next(answers)
            yield chunks[i], kept.pop(i) if i in asked else np.array([row["answers"] for row in journal.known[name]])
        for _ in answers:  # what is wrong with others is said when all else is done
            pass

    def _piece(self, tables: np.ndarray, finer: bool) -> Piece:
        """Return what computes some tables, parted into halves where it kills workers."""
        fineness = FINENESS[min(self._fineness + finer, len(FINENESS) - 1)]
        function: Callable[..., Any] = self.computed
        arguments: tuple[Any, ...] = (tables, fineness)
        if self.client is not None:
            bare = replace(
                self, journal=Journal(None, {}), said=None, client=None, _known={}, _sums={}, _elsewhere=None
            )
            function, arguments = computed, (self._key(False), bare, tables, fineness)

        def halves() -> tuple[Piece, Piece, Callable[[Any, Any], Any]] | None:
            if len(tables) < 2:
                return None
            first, second = np.array_split(tables, 2)
            return self._piece(first, finer), self._piece(second, finer), lambda a, b: np.concatenate([a, b])

        what = ", ".join(f"{y} of {n}" for y, n in tables[0].reshape(2, -1).T.tolist()) if len(tables) else ""
        return Piece(f"the table {what}", function, arguments, halves)

    def _read_elsewhere(self) -> dict[tuple[bool, bytes], list[float]]:
        """Return the tables that the journal held of this analysis when it was first asked."""
        if self._elsewhere is None:
            self._elsewhere = {}
            asked = {self._key(finer): finer for finer in (False, True)}
            for key, rows in self.journal.known.items():
                if (finer := asked.get(key.partition(":")[0])) is not None:
                    for row in rows:
                        self._elsewhere[finer, np.array(row["table"], np.int32).tobytes()] = row["answers"]
        return self._elsewhere

    def _key(self, finer: bool) -> str:
        priors = self.priors
        asked = (priors.model.to_toml(), priors.laid, self.base.tolist(), self.most.tolist(), self.rates, finer)
        return hashlib.sha256(repr(asked).encode()).hexdigest()

    def computed(self, tables: np.ndarray, fineness: Fineness) -> np.ndarray:
        """Compute the answers of tables (tables, 2 * baskets): array (tables, 1 + baskets * values)."""
        if not len(tables):
            return np.zeros((0, 1 + self.size * (2 + len(self.rates))))
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

    @cached_property
    def _fineness(self) -> int:
        """How fine sums must be for the largest tables: from none to all responding, and halves."""
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


HERE: dict[str, Analysis] = {}
"""In a worker: the analysis it was last asked about, whose sums further chunks share."""


def computed(key: str, analysis: Analysis, tables: np.ndarray, fineness: Fineness) -> np.ndarray:
    """Compute the answers of tables in a worker, by the equal analysis that is at hand if there is one."""
    if key not in HERE:
        HERE.clear()
    return HERE.setdefault(key, analysis).computed(tables, fineness)


def distinct(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where each distinct row of whole numbers from 0 (rows, columns) stands first, and which every row is."""
    code, codes = np.zeros(len(rows), np.int64), 1
    for column in rows.astype(np.int64).T:
        span = int(column.max(initial=0)) + 1
        if codes * span > 2**62:
            seen, code = np.unique(code, return_inverse=True)
            codes = len(seen)
        code, codes = code * span + column, codes * span
    _, first, place = np.unique(code, return_index=True, return_inverse=True)
    return first, place


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
