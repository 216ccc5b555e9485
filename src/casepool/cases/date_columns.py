"""Dates become times since time zero, once, on reading; what is known to the month or year only becomes an interval.

A column of dates keeps its name and becomes the time since ``[file] time_zero``, in its own unit, or in months. Where
one of its dates is known to lie between two days only (its own, or through time zero), ``<name>_earliest`` and
``<name>_latest`` stand beside it, and its own cell is empty. A column of dates of an event that names in
``censored_at`` how long others were followed has beside it ``<name>_time`` and ``<name>_event``; and where dates are
partly known, as the last follow-up with the role ``time`` has too, ``<name>_lower`` and ``<name>_upper``: the limits of
an interval-censored outcome.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from casepool.cases.codebook import Codebook, check_dates, entry_of
from casepool.cases.column import Column
from casepool.cases.columns import Recorded
from casepool.cases.date_cells import time_column
from casepool.cases.dates import Span
from casepool.cases.problems import NOTE, WARNING, Problem
from casepool.cases.record import Record
from casepool.cases.role_inference import NAMES
from casepool.cases.roles import BIRTH, NO_ROLE, TRAIT
from casepool.cases.units import DAYS, words_of

FREE = (TRAIT, NO_ROLE, BIRTH)
"""Roles of dates that may lie before time zero, or after the last follow-up."""
DEATH = rf"(.*_)?({NAMES['event']}|dod)(_.*)?"
"""Names of a column of dates of death."""
LIMITED = {"start": ("earliest", "latest"), "time": ("", "latest"), "latest": ("", "latest")}
"""Roles that the two columns of limits take over where dates are partly known; of any other role the first does."""


@dataclass
class Days:
    """The first and last day since time zero that a date may be, or neither where there is none."""

    low: list[int | None]
    high: list[int | None]

    def known(self, row: int) -> tuple[int, int] | None:
        """Return both ends, where there are any."""
        low, high = self.low[row], self.high[row]
        return None if low is None or high is None else (low, high)

    def put(self, row: int, low: int | None, high: int | None) -> None:
        """Set both ends."""
        self.low[row], self.high[row] = low, high

    def exact(self) -> list[int | None]:
        """Return the days that are known, and nothing where there are several."""
        return [low if low == high else None for low, high in zip(self.low, self.high, strict=True)]

    def ages(self) -> list[float | None]:
        """Return the years from each date, or the middle of what it may be, to time zero."""
        pairs = [self.known(row) for row in range(len(self.low))]
        return [pair and max(-sum(pair) / 2 / DAYS["years"], 0.0) for pair in pairs]

    @property
    def partial(self) -> bool:
        """Whether a date is known to lie between two days only."""
        return self.low != self.high


@dataclass
class Laid:
    """Columns in their new order, the codebook's entries for those that were dates, and what is wrong.

    `read` are the columns of the table, `taken` all names that it and its codebook have already.
    """

    read: Mapping[str, Recorded]
    taken: Collection[str]
    columns: dict[str, Recorded] = field(default_factory=dict)
    kinds: dict[str, Column] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def add(self, source: str, ending: str, values: list[Any], kind: Column, unread: frozenset[int]) -> None:
        """Add a column that is made of dates."""
        name = source + ending
        if ending and name in self.taken:
            said = f"this name is given to what is made of the dates of {source!r}"
            self.problems.append(Problem("shape", said, "another name", "rename the column", column=name))
            return
        problems = [] if ending else self.read[source].problems
        self.columns[name], self.kinds[name] = Recorded(values, unread, problems), kind


def with_times(
    columns: Mapping[str, Recorded], codebook: Codebook, raw: pd.DataFrame
) -> tuple[dict[str, Recorded], Codebook, list[Problem]]:
    """Return the columns with times in the place of dates, the codebook that says so, and what is wrong with them.

    Parameters
    ----------
    columns : mapping of str to Recorded
        Every column of the table; those of type ``date`` hold a `Span` a cell.
    codebook : Codebook
    raw : pandas.DataFrame
        The cells as they came.
    """
    kinds = codebook.columns
    dates = [name for name in columns if kinds[name].type == "date"]
    if not dates:
        return dict(columns), codebook, []
    check_dates(codebook, file=codebook.name)
    table = _Dates(columns, codebook, raw, dates)
    laid = Laid(columns, {*columns, *kinds}, problems=table.checked())
    for name, recorded in columns.items():
        if name in dates:
            table.lay(name, laid)
        else:
            laid.columns[name] = recorded
    book = replace(codebook, columns={**kinds, **laid.kinds}, dated=(*codebook.dated, *laid.kinds))
    return laid.columns, book, laid.problems


class _Dates:
    """The columns of dates of one table, as days since time zero."""

    def __init__(
        self, columns: Mapping[str, Recorded], codebook: Codebook, raw: pd.DataFrame, dates: list[str]
    ) -> None:
        self.columns, self.kinds, self.raw, self.dates = columns, codebook.columns, raw, dates
        self.zero = codebook.file["time_zero"]
        self.n = len(raw)
        self.spans: dict[str, list[Span | None]] = {name: columns[name].values for name in dates}
        self.days = {name: self._since_zero(name) for name in dates}
        self.unread = {name: set(columns[name].unread) for name in dates}
        others = {name: recorded for name, recorded in columns.items() if name not in dates}
        self.others = Record(others, codebook)
        self.final = self._final()
        self.ends = [name for name in dict.fromkeys([self.final, *self._deaths()]) if name]
        self.flag = self._flag()
        self.happened = self._happened()

    def _since_zero(self, name: str) -> Days:
        """Return the days from time zero to each date."""
        zeros: Sequence[Span | None] = self.spans.get(self.zero, [None] * self.n)
        days = Days([None] * self.n, [None] * self.n)
        for row, (span, zero) in enumerate(zip(self.spans[name], zeros, strict=True)):
            if span and zero:
                itself = name == self.zero
                days.put(row, *((0, 0) if itself else ((span.first - zero.last).days, (span.last - zero.first).days)))
        return days

    def counted(self) -> list[str]:
        """Return the columns whose dates lie between time zero and the last follow-up."""
        return [name for name in self.dates if name != self.zero and self.kinds[name].role not in FREE]

    def _final(self) -> str:
        """Return the column after whose date nothing can be: that of the role ``time``, or else of death."""
        told = [name for name in self.dates if self.kinds[name].role == "time"]
        return (told or [*self._deaths(), ""])[0]

    def _deaths(self) -> list[str]:
        return [name for name in self.counted() if re.fullmatch(DEATH, words_of(name))]

    def _flag(self) -> str:
        """Return the column that says whether the event of the last date happened, if one does."""
        if not self.final:
            return ""
        flag = self.others.one("event") or self.others.one("status")
        fits = flag not in self.others.presumed or self.kinds[self.final].role == "time" or self.final in self._deaths()
        return flag if fits else ""

    def _happened(self) -> list[bool | None]:
        """Return whether the event of the last date was seen, None where nothing says so."""
        if self.final and (self.kinds[self.final].censored_at or self.kinds[self.final].role != "time"):
            return [span is not None for span in self.spans[self.final]]
        return self.others.flags(self.flag) if self.flag else [None] * self.n

    def last(self, row: int) -> tuple[int, int] | None:
        """Return the days of the last date of a patient."""
        own = self.days[self.final].known(row) if self.final else None
        until = self.kinds[self.final].censored_at if self.final else ""
        return self.days[until].known(row) if own is None and until in self.days else own

    def checked(self) -> list[Problem]:
        """Return every date that cannot be, and narrow the others to what the order of things leaves of them."""
        found: list[Problem] = []
        for row in range(self.n):
            found += self._without_zero(row)
            found += self._before_zero(row)
            found += self._after_the_last(row)
            self._narrow(row)
        found += self._against_flag()
        found += self._births()
        return found

    def _refuse(self, row: int, name: str, said: str, expected: str, remedy: str) -> Problem:
        """Take a date for unread, and say why."""
        self.days[name].put(row, None, None)
        self.unread[name].add(row)
        return self._problem(row, name, said, expected, remedy)

    def _problem(self, row: int, name: str, said: str, expected: str, remedy: str, **more: Any) -> Problem:
        rule = more.pop("rule", "order of dates")
        value = self.raw[name].iloc[row]
        return Problem(rule, said, expected, remedy, row=row + 1, column=name, value=value, **more)

    def _without_zero(self, row: int) -> Iterator[Problem]:
        if self.zero in self.spans and not self.spans[self.zero][row]:
            filled = next((n for n in self.dates if self.spans[n][row]), "")
            if filled and row not in self.unread[self.zero]:
                said = "a patient with dates and no time zero, whose dates are left out"
                remedy = f"give {self.zero}, if only its year"
                yield self._problem(row, self.zero, said, "the date of time zero", remedy, severity=WARNING)

    def _before_zero(self, row: int) -> Iterator[Problem]:
        for name in self.counted():
            days = self.days[name].known(row)
            if days and days[1] < 0:
                said, remedy = f"before time zero ({self.zero}), by {-days[1]} days", "correct one of the two dates"
                free = f', or set role = "{NO_ROLE}" in {entry_of(name)} if it may lie before'
                yield self._refuse(row, name, said, "a date from time zero on", remedy + free)
            elif days:
                self.days[name].put(row, max(days[0], 0), days[1])

    def _after_the_last(self, row: int) -> Iterator[Problem]:
        """Yield dates after the role ``time``'s, or after death; only what cannot be otherwise."""
        for end in self.ends:
            limit = self.last(row) if end == self.final else self.days[end].known(row)
            for name in self.counted():
                days = self.days[name].known(row)
                if name not in self.ends and days and limit and days[0] > limit[1]:
                    said, remedy = f"after {end!r}, by {days[0] - limit[1]} days", "correct one of the two dates"
                    free = f', or set role = "{NO_ROLE}" in {entry_of(name)} if it may lie after'
                    yield self._refuse(row, name, said, f"a date up to {end}", remedy + free)

    def _narrow(self, row: int) -> None:
        """Cut the intervals of a patient: nothing is after the last date, which is before nothing."""
        limit = self.last(row)
        if not limit:
            return
        own = self.final if self.days[self.final].known(row) else self.kinds[self.final].censored_at
        others = [self.days[name] for name in self.counted() if name not in (own, *self.ends)]
        known = [(each, days) for each in others if (days := each.known(row))]
        low = max([limit[0], *(days[0] for _, days in known)])
        self.days[own].put(row, low, limit[1])
        end = low if self.happened[row] is False else limit[1]
        for each, days in known:
            each.put(row, days[0], min(days[1], end))

    def _against_flag(self) -> Iterator[Problem]:
        """Yield patients of whom one column says that the event happened, and the column of its dates the contrary."""
        flag = self.flag if self.final and self.kinds[self.final].censored_at else ""
        for row, happened in enumerate(self.others.flags(flag) if flag else ()):
            dated = self.spans[self.final][row] is not None
            if happened and not dated and row not in self.unread[self.final]:
                said, remedy = f"{flag} says that it happened, and it has no date", "give the date, if only its year"
                yield self._problem(row, self.final, said, "the date of the event", remedy, rule="event without time")
            if happened is False and dated:
                said, remedy = f"{flag} says that it did not happen", "correct one of the two"
                rule = "status against event"
                yield self._problem(row, self.final, said, f"no date, or another {flag}", remedy, rule=rule)

    def _births(self) -> Iterator[Problem]:
        for name in (name for name in self.dates if self.kinds[name].role == BIRTH):
            for row in range(self.n):
                days = self.days[name].known(row)
                if days and days[0] > 0:
                    said, remedy = f"born after time zero ({self.zero})", "correct one of the two dates"
                    yield self._problem(row, name, said, "a birth before it", remedy)
            if partial := sum(low != high for low, high in zip(self.days[name].low, self.days[name].high, strict=True)):
                said = f"{partial} ages are those at the middle of the interval in which the patient was born"
                yield Problem("age of dates", said, "dates to the day", "give the days where they matter", NOTE,
                              column=name)  # fmt: skip

    def lay(self, name: str, laid: Laid) -> None:
        """Add the columns of times that a column of dates becomes."""
        column, days, unread = self.kinds[name], self.days[name], frozenset(self.unread[name])
        if column.role == BIRTH:
            laid.add(name, "", days.ages(), time_column(column, unit="years", role=TRAIT), unread)
            return
        outcome = bool(column.censored_at)
        moved = {"role": "", "exposure": ""} if outcome or days.partial else {}
        laid.add(name, "", _over(days.exact(), column), time_column(column, **moved), unread)
        if days.partial:
            self._lay_limits(name, laid)
        if outcome:
            self._lay_outcome(name, laid)
        elif days.partial and name == self.final and column.role == "time" and self.flag:
            self._lay_interval(name, laid, days, self.happened)

    def _lay_limits(self, name: str, laid: Laid) -> None:
        column, days = self.kinds[name], self.days[name]
        roles = ("", "") if column.censored_at else LIMITED.get(column.role, (column.role, ""))
        for ending, role, ends in zip(("_earliest", "_latest"), roles, (days.low, days.high), strict=True):
            kind = time_column(column, label="", role=role, exposure=column.exposure * bool(role))
            laid.add(name, ending, _over(ends, column), kind, frozenset(self.unread[name]))

    def _lay_outcome(self, name: str, laid: Laid) -> None:
        """Lay the time to an event or else to the end of follow-up, and whether it was seen."""
        column, unread = self.kinds[name], frozenset(self.unread[name])
        seen = [None if row in unread else span is not None for row, span in enumerate(self.spans[name])]
        days = Days([None] * self.n, [None] * self.n)
        for row, happened in enumerate(seen):
            source = self.days.get(name if happened else column.censored_at)
            known = source and source.known(row)
            days.put(row, *(known or (None, None)))
            if happened and not known:  # without time zero nothing is known of when, and so of whether by then
                seen[row] = None
        role = column.role or "time" * (name == self.final and not self.others.having("time"))
        event = "event" * (role == "time" and not self.others.having("event"))
        laid.add(
            name, "_time", _over(days.exact(), column), time_column(column, role=role * (not days.partial)), unread
        )
        laid.add(name, "_event", [*seen], Column("boolean", label=column.label, what=column.what, role=event), unread)
        if days.partial:
            self._lay_interval(name, laid, days, seen)

    def _lay_interval(self, name: str, laid: Laid, days: Days, seen: Sequence[bool | None]) -> None:
        """Lay the limits of an interval-censored outcome: of a patient without the event only the lower one."""
        kind, unread = time_column(self.kinds[name], role="", exposure="", label=""), frozenset(self.unread[name])
        low = [None if happened is None else day for happened, day in zip(seen, days.low, strict=True)]
        high = [day if happened else None for happened, day in zip(seen, days.high, strict=True)]
        laid.add(name, "_lower", _over(low, self.kinds[name]), kind, unread)
        laid.add(name, "_upper", _over(high, self.kinds[name]), kind, unread)


def _over(days: Sequence[int | None], column: Column) -> list[float | None]:
    """Return days in the unit of a column of dates."""
    per = DAYS[column.unit or "months"]
    return [None if value is None else value / per for value in days]
