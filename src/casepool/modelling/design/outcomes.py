"""The outcome columns become arrays, and patients without the endpoint are listed with the reason."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from casepool.cases.cells import BadCellError, is_missing, parse_boolean
from casepool.cases.codebook import Codebook, entry_of, missing_with
from casepool.cases.column import Column
from casepool.cases.tables import missing_column, row_name
from casepool.cases.units import DAYS, named_unit
from casepool.errors import CasepoolError
from casepool.modelling.design.outcome_codes import code_of, refuse_codes
from casepool.modelling.families.ties import TIED, tied
from casepool.modelling.specification.exposure import Exposure
from casepool.modelling.specification.model import Model
from casepool.modelling.specification.outcome import PATIENT, TYPE, Outcome

log = logging.getLogger("casepool")

DECIMALS = 9
"""Times are rounded to this many decimals after conversion, so that any unit gives the same numbers."""
NEVER_AT_RISK = "follow-up ends at entry"
"""Why a patient is left out of whom nothing was seen: risk sets are open on the left."""
MISSING = "no {}"
"""Why a patient is left out whose cell is empty."""


class Reason(str):
    """Why a patient is left out, in words, and the columns whose cells it hangs on."""

    words: str
    columns: tuple[str, ...]

    def __new__(cls, words: str, *columns: str, called: str = "") -> Reason:
        """Say what is wrong with columns, in `words` with a place for each; a model may have `called` one otherwise."""
        made = super().__new__(cls, words.format(*([called] if called else columns)))
        made.words, made.columns = words, columns
        return made

    def labelled(self, label: Callable[[str], str]) -> str:
        """Say it with what a reader calls the columns."""
        return self.words.format(*map(label, self.columns))


@dataclass(frozen=True)
class Read:
    """An outcome read from n patients: arrays of length n, and why each patient is left out ("": is not).

    A response has `events` and `n` (and `offset`), an ordinal one `category` (0 for the worst) instead of `events`; a
    survival outcome `time`, `event`, `entry`. Where the event may be known to lie in an interval only, `time` is its
    end, `lower` its beginning, and `between` is 1 for such patients.
    """

    arrays: Mapping[str, np.ndarray]
    left_out: list[str]


class Reader:
    """Access to one table's columns, naming the place in every refusal."""

    def __init__(self, cases: pd.DataFrame, codebook: Codebook, model: Model) -> None:
        self.cases, self.codebook, self.model = cases, codebook, model

    def __contains__(self, column: str) -> bool:
        return column in self.cases.columns

    def refuse(self, problem: str, position: int, column: str, remedy: str) -> CasepoolError:
        """Make the error for one cell."""
        value = self.cases[column].iloc[position]
        return CasepoolError(
            problem,
            file=self.codebook.name,
            row=row_name(self.cases, self.codebook, position),
            column=column,
            value=None if is_missing(value, ()) else value,
            remedy=remedy,
        )

    def need(self, column: str) -> None:
        """Refuse a table without the column."""
        if column not in self.cases.columns:
            raise missing_column(self.cases, self.codebook, column, f"the model {self.model.name!r}")

    def numbers(self, column: str) -> np.ndarray:
        """Read a numeric column as floats, NaN where empty."""
        self.need(column)
        kind = self.codebook.columns[column].type
        if kind not in ("number", "integer") and self.cases[column].notna().any():
            raise CasepoolError(
                f"numbers are needed, and this column is of type {kind}",
                file=self.codebook.name,
                column=column,
                remedy="correct the column or the codebook",
            )
        if self.cases[column].isna().all():
            return np.full(len(self.cases), np.nan)
        return np.asarray(self.cases[column].to_numpy(dtype=float, na_value=np.nan))

    def times(self, column: str, unit: str) -> np.ndarray:
        """Read a column of times in `unit`, converted from that of the codebook or else of its name."""
        values = self.numbers(column)
        told = self.codebook.columns[column].unit
        own = told or named_unit(column) or unit
        if own not in DAYS:
            raise CasepoolError(
                "unknown unit of time",
                file=self.codebook.name,
                column=column,
                value=own,
                remedy=f"set the unit to one of {', '.join(DAYS)}",
            )
        self._refuse_partial(column, values)
        if (values < 0).any():
            raise self.refuse("a time before time zero", int(np.argmax(values < 0)), column, "correct the time")
        if own not in (told, unit):
            _say_converted(self.codebook.name, column, own, unit)
        exact = own == unit and column not in self.codebook.dated
        return values if exact else np.round(values * DAYS[own] / DAYS[unit], DECIMALS)

    def _refuse_partial(self, column: str, values: np.ndarray) -> None:
        """Refuse times made of dates that are partly known, in favour of the columns of their limits."""
        stems = dict.fromkeys((column, column.removesuffix("_time"))) if column in self.codebook.dated else ()
        for stem, (first, last) in itertools.product(stems, (("lower", "upper"), ("earliest", "latest"))):
            limit, other = f"{stem}_{first}", f"{stem}_{last}"
            if limit in self.codebook.dated and limit in self:
                between = np.isnan(values) & ~np.isnan(self.numbers(limit))
                if between.any():
                    remedy = f'write {first} = "{limit}" and {last} = "{other}" in the model, or give the day'
                    said = "a date known to lie between two days only"
                    raise self.refuse(said, int(np.argmax(between)), column, remedy)

    def flags(self, column: str) -> list[bool | None]:
        """Read a true/false column."""
        self.need(column)
        kind = self.codebook.columns[column].type
        out: list[bool | None] = []
        for position, value in enumerate(self.cases[column]):
            try:
                out.append(None if is_missing(value, ()) else parse_boolean(value, Column("boolean")))
            except BadCellError:
                raise self.refuse(
                    f"expected true or false (type {kind})", position, column, "correct the cell"
                ) from None
        return out


@lru_cache(1_000)
def _say_converted(file: str, column: str, own: str, unit: str) -> None:
    """Say once that the name of a column told its unit, however often it is read."""
    said = "%s, column %r: in %s by its name, converted to %s; add unit = %r to %s, or the unit it is in"
    log.warning(said, file, column, own, unit, own, entry_of(column))


def read_outcome(reader: Reader) -> Read:
    """Read the outcome of a model from its cases.

    Raises
    ------
    CasepoolError
        For an unknown code, an event without a time, more events than patients, and the like.
    """
    outcome = reader.model.outcome
    if outcome.per:
        return _of_table(reader, outcome)
    if reader.model.is_survival:
        return _survival(reader, outcome)
    return _response(reader, outcome)


def _of_table(reader: Reader, outcome: Outcome) -> Read:
    """Read events of a table beside the cases, laid out, and who told of them where that is not certain."""
    model = reader.model
    found = {name: reader.numbers(name) for name in ("events", "n")}
    found["offset"], left_out = _log_times(reader, outcome, found["events"])
    uncertain = not model.reporting_is_fixed or model.reporting != 1.0
    if uncertain and model.reporting_is_fixed:
        found["reporting"] = np.full(len(found["events"]), model.reporting)
    if outcome.per == TYPE and not outcome.time:
        flags = [bool(flag) for flag in reader.flags("seen_only")]
        if any(flags) and (found["events"] == 0).any():
            raise reader.refuse("a type that nobody had in a list of types seen", int(np.argmin(found["events"])),
                                "events", "give the full list in `types`")  # fmt: skip
        return Read(found | ({"seen_only": np.ones(len(flags))} if any(flags) else {}), [""] * len(flags))
    if outcome.per == TYPE:
        seen = reader.numbers("seen_type")
        found |= {"seen_type": seen} if seen.any() else {}
    elif uncertain:
        found["told"] = np.array([float(bool(flag)) for flag in reader.flags("told")])
        found["unit"] = np.array([float(unit) for unit in reader.cases["unit"]])
    lots = reader.numbers("lot")
    if lots.any() and (outcome.per != PATIENT or outcome.time or model.terms):  # candidates may not be alike
        found |= {"lot": lots, "bearers": reader.numbers("bearers"), "bearer": _numbered(reader)}
    return Read(found, left_out)


def _log_times(reader: Reader, outcome: Outcome, events: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Return the log of every row's time, 0 where the model has none, and who is left out as theirs is not known."""
    if not outcome.time:
        return np.zeros(len(events)), [""] * len(events)
    times = reader.times(outcome.time, outcome.unit)
    if (times == 0).any():
        raise reader.refuse("no time at all, in which nothing can happen", int(np.argmax(times == 0)), outcome.time,
                            "give a time above 0, or leave it empty")  # fmt: skip
    unknown = np.isnan(times)
    return np.log(np.where(unknown, 1.0, times)), [Reason(MISSING, outcome.time) if lost else "" for lost in unknown]


def refuse_some(reader: Reader, outcome: Mapping[str, np.ndarray], left_out: Sequence[str]) -> None:
    """Refuse an event of one of several candidates some of whom are left out."""
    lots, out = outcome.get("lot", np.zeros(0)), np.array([bool(reason) for reason in left_out])
    for lot in np.unique(lots[lots > 0]):
        if 0 < out[lots == lot].sum() < (lots == lot).sum():
            place = int(np.argmax(out & (lots == lot)))
            raise reader.refuse(f"a candidate for an event is left out ({left_out[place]}), and others are not", place,
                                "lot", "complete the cell, or leave all candidates out")  # fmt: skip


def _numbered(reader: Reader) -> np.ndarray:
    """Give a number to every patient of a table of several rows each."""
    patient = next(name for name in reader.cases.columns if name != reader.codebook.id)
    return np.asarray(pd.factorize(reader.cases[patient])[0], dtype=float)


def _response(reader: Reader, outcome: Outcome) -> Read:
    by_code = bool(outcome.column) and outcome.column in reader
    by_count = bool(outcome.events) and outcome.events in reader
    if by_code and by_count:
        raise CasepoolError(
            f"the table has both {outcome.column!r} and {outcome.events!r}, so the response is told twice",
            file=reader.codebook.name,
            remedy="remove one of the columns",
        )
    if by_count:
        read = _counts(reader, outcome)
    else:
        reader.need(outcome.column or outcome.events)
        read = _codes(reader, outcome)
    return Read({**read.arrays, "offset": _offset(reader, outcome)}, read.left_out)


def _codes(reader: Reader, outcome: Outcome) -> Read:
    """One best response per row, coded; an empty cell is a patient who is not evaluable."""
    column = reader.cases[outcome.column]
    reasons: list[str] = []
    codes = []
    for position, value in enumerate(column):
        empty = is_missing(value, ())
        code = "" if empty else code_of(value, outcome.levels)
        if not empty and code not in outcome.levels:
            raise reader.refuse(
                "unknown response code",
                position,
                outcome.column,
                f"use one of {', '.join(outcome.levels)}, leave it empty, add it to levels in [outcome] of the model, "
                f"or set {missing_with(reader.codebook.missing, str(value))} in the codebook",
            )
        reasons.append(Reason(MISSING, outcome.column) if empty else "")
        codes.append(outcome.levels[0] if empty else code)
    n = reader.numbers(outcome.n) if outcome.n and outcome.n in reader else np.ones(len(column))
    bad = ~((n >= 1) & (n == np.round(n)))
    if bad.any():
        raise reader.refuse("not a number of patients", int(np.argmax(bad)), outcome.n, "give a whole number from 1")
    if reader.model.is_ordinal:
        return Read(
            {"category": np.array([outcome.levels.index(code) for code in codes], dtype=float), "n": n}, reasons
        )
    return Read({"events": np.array([code in outcome.success for code in codes]) * n, "n": n}, reasons)


def _counts(reader: Reader, outcome: Outcome) -> Read:
    """`events` of `n` patients per row; a row of no patients is left out."""
    events = reader.numbers(outcome.events)
    n = reader.numbers(outcome.n) if outcome.n else np.ones(len(events))
    for position in range(len(n)):
        e, m = events[position], n[position]
        if np.isnan(m) or m < 0 or m != round(m):
            raise reader.refuse("not a number of patients", position, outcome.n, "give a whole number from 0")
        if np.isnan(e) or e < 0 or e != round(e) or e > m:
            raise reader.refuse(
                f"not a number of events among {m:g} patients",
                position,
                outcome.events,
                f"give a whole number from 0 to {m:g}",
            )
    return Read({"events": events, "n": n}, ["no patients" if m == 0 else "" for m in n])


def _offset(reader: Reader, outcome: Outcome) -> np.ndarray:
    """Return the logit of the target rate (Berry 2013), zero without one."""
    if outcome.target == "":
        return np.zeros(len(reader.cases))
    if isinstance(outcome.target, str):
        rates = reader.numbers(outcome.target)
    else:
        rates = np.full(len(reader.cases), outcome.target)
    bad = ~((rates > 0) & (rates < 1))
    if bad.any() and isinstance(outcome.target, str):
        raise reader.refuse("a target rate must lie between 0 and 1", int(np.argmax(bad)), outcome.target, "correct it")
    if bad.any():
        raise CasepoolError(
            "a target rate must lie between 0 and 1",
            column="outcome.target",
            value=outcome.target,
            remedy="correct it",
        )
    return np.asarray(np.log(rates / (1 - rates)))


def _survival(reader: Reader, outcome: Outcome) -> Read:
    if outcome.lower:
        return _interval_censored(reader, outcome)
    time = reader.times(outcome.time, outcome.unit)
    entry = reader.times(outcome.entry, outcome.unit) if outcome.entry else np.zeros(len(time))
    time, entry = tied(time, entry)
    event = _events(reader, outcome)
    reasons: list[str] = []
    for position, (t, d) in enumerate(zip(time, event, strict=True)):
        if d and np.isnan(t):
            raise reader.refuse("an event without a time", position, outcome.time, "give the time of the event")
        if d and t == 0:
            raise reader.refuse("an event at time zero", position, outcome.time, "give a time above 0")
        if not np.isnan(t) and np.isnan(entry[position]):
            raise reader.refuse("no entry time", position, outcome.entry, "give it, 0 for time zero")
        if not np.isnan(t) and not entry[position] <= t:
            raise reader.refuse("entry after the last follow-up", position, outcome.entry, "correct one of the two")
        lacking = outcome.time if np.isnan(t) else outcome.event if d is None else ""
        reasons.append(
            Reason(MISSING, lacking) if lacking else NEVER_AT_RISK * bool(outcome.entry and entry[position] == t)
        )
    arrays = {"time": time, "event": np.array([float(bool(d)) for d in event]), "entry": entry}
    return Read(arrays, reasons)


def _interval_censored(reader: Reader, outcome: Outcome) -> Read:
    """Read the limits between which the event lies: equal, exact; no upper one, right-censored at the lower."""
    lower, upper = (reader.times(column, outcome.unit) for column in (outcome.lower, outcome.upper))
    entry = reader.times(outcome.entry, outcome.unit) if outcome.entry else np.zeros(len(lower))
    lower, upper, entry = tied(lower, upper, entry)
    reasons: list[str] = []
    for position, (a, b) in enumerate(zip(lower, upper, strict=True)):
        if b < a:
            raise reader.refuse("the upper limit is before the lower", position, outcome.upper, "correct the limits")
        if b == 0:
            raise reader.refuse("an event at time zero", position, outcome.upper, "give a time above 0")
        last = a if np.isnan(b) else b
        if not np.isnan(last) and np.isnan(entry[position]):
            raise reader.refuse("no entry time", position, outcome.entry, "give it, 0 for time zero")
        if not np.isnan(last) and not entry[position] <= last:
            raise reader.refuse("entry after the last follow-up", position, outcome.entry, "correct one of the two")
        lacking = Reason("neither {} nor {}", outcome.lower, outcome.upper)
        reasons.append(lacking if np.isnan(last) else NEVER_AT_RISK * bool(outcome.entry and entry[position] == last))
    event = (~np.isnan(upper)).astype(float)
    between = event * (np.nan_to_num(lower) < np.nan_to_num(upper))
    since = np.maximum(np.nan_to_num(lower), entry)
    time = np.where(event == 1, upper, lower)
    arrays = {"time": time, "event": event, "entry": entry, "lower": since, "between": between}
    return Read(arrays, reasons)


def at_landmark(read: Read, landmark: float, unit: str) -> Read:
    """Keep the patients event-free and followed beyond the landmark, and count their time from there on."""
    since = read.arrays.get("lower", read.arrays["time"])
    known = np.where(read.arrays.get("between", 0.0) == 1, since >= landmark, read.arrays["time"] > landmark)
    out = f"not known to be event-free and followed beyond the landmark ({landmark:g} {unit})"
    reasons = [reason or ("" if kept else out) for reason, kept in zip(read.left_out, known, strict=True)]
    return Read({**read.arrays, "entry": np.maximum(read.arrays["entry"], landmark)}, reasons)


def _events(reader: Reader, outcome: Outcome) -> list[bool | None]:
    if not outcome.levels:
        reader.need(outcome.event)
        refuse_codes(reader.cases, reader.codebook, outcome.event)
        return reader.flags(outcome.event)
    reader.need(outcome.event)
    out: list[bool | None] = []
    for position, value in enumerate(reader.cases[outcome.event]):
        code = "" if is_missing(value, ()) else code_of(value, outcome.levels)
        if not code and code not in outcome.levels:
            out.append(None)
        elif code not in outcome.levels:
            raise reader.refuse(
                "unknown status code", position, outcome.event, f"use one of {', '.join(outcome.levels)}"
            )
        else:
            out.append(code in outcome.event_levels)
    return out


@dataclass(frozen=True)
class Dates:
    """When each of n patients' exposure began: in [earliest, latest]; both inf if it never did.

    Of a patient who is `undated` the table says no more than that it was during follow-up.
    """

    earliest: np.ndarray
    latest: np.ndarray
    left_out: list[str]
    undated: np.ndarray


def read_exposure(reader: Reader, exposure: Exposure, outcome: Mapping[str, Any], unit: str) -> Dates:
    """Read when an exposure began, and refuse one that lies outside follow-up.

    A patient whose exposure is unknown is left out; one exposed without a date may have been so at any time
    from 0 to the end of follow-up, if the model allows it.
    """
    flags = reader.flags(exposure.column)
    names = (exposure.start, exposure.start) if exposure.start else (exposure.earliest, exposure.latest)
    empty = np.full(len(flags), np.nan)
    low, high = (reader.times(name, unit) if name else empty for name in names)
    for known in (outcome["time"], outcome["entry"]):
        low, high = (np.where(np.isclose(dates, known, rtol=TIED, atol=0), known, dates) for dates in (low, high))
    earliest, latest = np.full(len(flags), np.inf), np.full(len(flags), np.inf)
    for position, exposed in enumerate(flags):
        end = outcome["time"][position]
        if not exposed or np.isnan(end):
            continue
        a, b = low[position], high[position]
        if np.isnan(a) != np.isnan(b):
            raise reader.refuse("only one end of the interval", position, names[0], "give both, or neither")
        if np.isnan(a) and exposure.undated == "refuse" and exposure.as_ != "baseline":
            raise reader.refuse(f"exposed ({exposure.name}) without a date", position, exposure.column, "give the date")
        a, b = (0.0, end) if np.isnan(a) else (a, b)
        if b < a:
            raise reader.refuse("the latest date is before the earliest", position, names[1], "correct the dates")
        if b > end or (a == end and outcome.get("between", np.zeros(len(flags)))[position]):
            raise reader.refuse(
                f"the exposure {exposure.name!r} may start after the last follow-up ({end:g} {unit})",
                position,
                names[1],
                "correct the date or the follow-up",
            )
        earliest[position], latest[position] = a, b
    reasons = [Reason("{} unknown", exposure.column) if flag is None else "" for flag in flags]
    return Dates(earliest, latest, reasons, undated=np.isnan(low))
