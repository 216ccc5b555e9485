"""Follow-up in counting-process form: every row is a spell (entry, time], at whose end an event may stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from casepool.errors import CasepoolError
from casepool.modelling.families.ties import tied

Floats = NDArray[np.float64]
Counts = NDArray[np.int64] | NDArray[np.float64]


@dataclass(frozen=True)
class Spells:
    """Checked spells of follow-up, one row each.

    Attributes
    ----------
    entry, time : numpy.ndarray of float, (rows,)
        The spell is (entry, time]. `entry` is -inf for follow-up from time zero on, so that an event at time
        zero finds its patient at risk.
    event : numpy.ndarray of bool, (rows,)
        Whether the event happened at `time`.
    weight : numpy.ndarray, (rows,)
        Patients the row stands for, above 0; whole numbers are kept as such, so that sums are exact.
    """

    entry: Floats
    time: Floats
    event: NDArray[np.bool_]
    weight: Counts

    @property
    def end(self) -> float:
        """Last follow-up; NaN without patients."""
        return float(self.time.max()) if self.time.size else np.nan

    def at_risk(self, times: Floats, weight: Counts | None = None) -> Counts:
        """Add up the weights of the rows at risk just before each of `times`."""
        weight = self.weight if weight is None else weight
        return _sums(self.entry, weight, times) - self.left_by(times, weight)

    def left_by(self, times: Floats, weight: Counts | None = None) -> Counts:
        """Add up the weights of the rows that ended before each of `times`."""
        return _sums(self.time, self.weight if weight is None else weight, times)

    def events_at(self, times: Floats, weight: Counts | None = None) -> Counts:
        """Add up the weights of the rows with an event at exactly each of `times`."""
        weight = self.weight if weight is None else weight
        ends, counted = self.time[self.event], weight[self.event]
        return _sums(ends, counted, times, side="right") - _sums(ends, counted, times)

    @property
    def event_times(self) -> Floats:
        """Distinct times at which an event happened, rising."""
        return np.unique(self.time[self.event])


def as_spells(
    time: ArrayLike, event: ArrayLike, entry: ArrayLike | None = None, weight: ArrayLike | None = None
) -> Spells:
    """Check follow-up and put it in counting-process form; times that differ by rounding only are one time.

    Parameters
    ----------
    time : array_like of float, (rows,)
        End of follow-up, 0 or later.
    event : array_like of bool, (rows,)
        Whether the event happened at `time`.
    entry : array_like of float, (rows,), optional
        Start of follow-up, before `time`. Zero, or anything earlier, is follow-up from time zero on.
    weight : array_like, (rows,), optional
        Patients the row stands for; rows of weight 0 are left out. Default 1.

    Returns
    -------
    Spells

    Raises
    ------
    CasepoolError
        For arrays of different lengths, missing or negative times, an event that is neither true nor false,
        an entry not before its time, a negative or missing weight.
    """
    ends = _column(time, "time")
    events = _column(event, "event")
    starts = np.zeros(ends.size) if entry is None else _column(entry, "entry")
    weights = np.ones(ends.size) if weight is None else _column(weight, "weight")
    if len({ends.size, events.size, starts.size, weights.size}) > 1:
        sizes = (ends.size, events.size, starts.size, weights.size)
        raise CasepoolError(
            "time, event, entry and weight differ in length", remedy="give one of each per row", value=sizes
        )
    ends, starts = tied(ends, starts)
    starts = np.where(starts <= 0, -np.inf, starts)
    _refuse(~(np.isfinite(ends) & (ends >= 0)), ends, "time", "a time must be finite and 0 or later")
    _refuse(~np.isin(events, (0.0, 1.0)), events, "event", "an event must be true or false")
    _refuse(~(starts < ends), starts, "entry", "an entry must lie before the end of follow-up")
    _refuse(~(np.isfinite(weights) & (weights >= 0)), weights, "weight", "a weight must be 0 or more")
    kept = weights > 0
    exact = whole(weights[kept])
    return Spells(starts[kept], ends[kept], events[kept].astype(bool), exact)


def split_at_switch(
    time: ArrayLike, event: ArrayLike, switch: ArrayLike, entry: ArrayLike | None = None
) -> tuple[Spells, NDArray[np.bool_]]:
    """Split every patient's follow-up where an exposure starts.

    Parameters
    ----------
    time, event : array_like, (patients,)
        End of follow-up, and whether the event happened there.
    switch : array_like of float, (patients,)
        When the exposure started; inf or NaN if never, 0 or earlier if from time zero on. The exposure acts
        after its start: an event at the very time of the switch counts as unexposed.
    entry : array_like of float, (patients,), optional
        Start of follow-up (delayed entry): who was exposed by then enters exposed.

    Returns
    -------
    spells : Spells
        Up to two spells per patient.
    exposed : numpy.ndarray of bool, (rows,)
        Whether the spell is exposed.

    Raises
    ------
    CasepoolError
        As `as_spells`, and for a switch after the end of follow-up.
    """
    whole_follow_up = as_spells(time, event, entry)
    start = _column(switch, "switch")
    if start.size != whole_follow_up.time.size:
        raise CasepoolError("time and switch differ in length", remedy="give one of each per patient", value=start.size)
    ends, entered, start = tied(whole_follow_up.time, np.maximum(whole_follow_up.entry, 0.0), start)
    events, start = whole_follow_up.event, np.where(np.isnan(start), np.inf, start)
    late = np.isfinite(start) & (start > ends)
    _refuse(late, start, "switch", "an exposure must start within follow-up (inf or NaN if it never did)")
    before, after = start > entered, (start < ends) | (start <= entered)
    first = as_spells(np.minimum(start, ends)[before], (events & ~after)[before], entry=entered[before])
    second = as_spells(ends[after], events[after], entry=np.maximum(start, entered)[after])
    parts = [(getattr(first, name), getattr(second, name)) for name in ("entry", "time", "event", "weight")]
    return Spells(*(np.concatenate(part) for part in parts)), np.repeat([False, True], [before.sum(), after.sum()])


def only(spells: Spells, rows: NDArray[np.bool_]) -> Spells:
    """Keep the rows where `rows` is true."""
    return Spells(spells.entry[rows], spells.time[rows], spells.event[rows], spells.weight[rows])


def whole(weights: Floats) -> Counts:
    """Turn weights into integers where all of them are whole."""
    return weights.astype(np.int64) if np.all(weights == np.round(weights)) else weights


def _sums(at: Floats, weight: Counts, times: Floats, side: Literal["left", "right"] = "left") -> Counts:
    """Add up the weights of everything before each of `times` (or at it too, from the right side)."""
    order = np.argsort(at, kind="stable")
    running = np.concatenate([np.zeros(1, dtype=weight.dtype), np.cumsum(weight[order])])
    return running[np.searchsorted(at[order], times, side=side)]


def _column(values: ArrayLike, name: str) -> Floats:
    """Read one flat column of numbers."""
    column = np.asarray(values, dtype=float)
    if column.ndim != 1:
        raise CasepoolError(f"{name} must be one flat column", remedy="give one value per row", value=column.shape)
    return column


def _refuse(bad: NDArray[np.bool_], values: Floats, column: str, problem: str) -> None:
    """Refuse the first bad value, naming its row."""
    if bad.any():
        row = int(np.argmax(bad))
        raise CasepoolError(
            problem,
            remedy="correct it or leave the row out",
            row=f"row {row}",
            column=column,
            value=float(values[row]),
        )
