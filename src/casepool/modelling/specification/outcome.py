"""The outcome of a model file: which columns hold it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from casepool.modelling.specification.cautions import EVENT, EVENT_FREE

ALIVE = "alive"
"""What patients are called who have not had an event that is death."""


TYPE, PATIENT, BOTH = "type", "patient", "patient and type"
PER = (TYPE, PATIENT, BOTH)
"""What a row of a table of events is made for: a type of event, a patient, or each of both."""


@dataclass(frozen=True)
class Outcome:
    """Which columns hold the outcome; the fields are the keys of ``[outcome]`` in a model file.

    `table` names one beside the cases, `per` what its rows are made for, `where` of which rows the outcome is.
    What the event of a survival outcome is called (`what`) and patients who have not had it (`free`) may be empty.
    """

    column: str = ""
    levels: tuple[str, ...] = ()
    success: tuple[str, ...] = ()
    events: str = ""
    n: str = ""
    target: str | float = ""
    time: str = ""
    lower: str = ""
    upper: str = ""
    event: str = ""
    event_levels: tuple[str, ...] = ()
    unit: str = "months"
    entry: str = ""
    what: str = ""
    free: str = ""
    table: str = ""
    per: str = ""
    where: Mapping[str, Any] = field(default_factory=dict)

    @property
    def has_rate(self) -> bool:
        """Whether events of a table are counted over each patient's time."""
        return bool(self.per and self.time)

    @property
    def called(self) -> str:
        """What the event is called in a sentence."""
        return self.what or EVENT

    @property
    def without(self) -> str:
        """What patients are called who have not had the event."""
        return self.free or (f"free of {self.what}" if self.what else EVENT_FREE)

    @property
    def staying(self) -> str:
        """What the probability of not having had the event by a time is called: survival, unless the file says else."""
        return f"share {self.free}" if self.free and self.free != ALIVE else "survival"

    @property
    def median(self) -> str:
        """What the time is called by which half have had the event."""
        return "median survival" if self.staying == "survival" else f"median {self.time_to}"

    @property
    def restricted_mean(self) -> str:
        """What the mean time without the event up to a limit is called."""
        return "restricted mean survival" if self.staying == "survival" else f"restricted mean time {self.free}"

    @property
    def reaches(self) -> str:
        """What a patient does whose response is a success."""
        return f"reaches {_or(self.success)}" if self.success else "has the event"

    @property
    def time_to(self) -> str:
        """What the outcome is a time to: "time to relapse"."""
        return f"time to {self.called}"

    def worded(self, what: str) -> Outcome:
        """Return the outcome with another name of its event where it has none of its own."""
        return replace(self, what=self.what or what)

    def columns(self) -> list[str]:
        """Return the columns it may read."""
        target = self.target if isinstance(self.target, str) else ""
        if self.per:
            if self.per == TYPE:
                return ["events", "n", *(("seen_type", "lot", "bearers", self.time) if self.time else ("seen_only",))]
            return ["events", "n", "told", "unit", "lot", "bearers", *((self.time,) if self.time else ())]
        names = [self.column, self.events, self.n, target, self.time, self.lower, self.upper, self.event, self.entry]
        return [name for name in names if name]

    def __str__(self) -> str:
        if self.per:
            laid = ", ".join(f"`{column}`" for column in self.columns())
            return f"events of the table `{self.table}`{self._rows()}, per {self.per}, laid out in {laid}{self._over()}"
        if self.lower or self.time:
            entry = f", from late entry at `{self.entry}` on" if self.entry else ""
            return f"{self._interval() if self.lower else self._time()}{entry}"
        forms = []
        if self.column:
            codes = f"codes {' < '.join(self.levels)}; empty: not evaluable"
            n = f", for `{self.n}` patients a row" if self.n and not self.events else ""
            success = f"success is {_or(self.success)} in " if self.success else ""
            forms.append(f"{success}`{self.column}` ({codes}){n}")
        if self.events:
            forms.append(f"`{self.events}` of {f'`{self.n}` patients' if self.n else 'one patient'} a row")
        target = f"; target rate {self.target}" if self.target else ""
        table = f"; rows of the table `{self.table}`{self._rows()}" if self.table else ""
        return "; or, in a table of counts, ".join(forms) + target + table

    def _over(self) -> str:
        """Say over which time events are counted."""
        return f"; over the time `{self.time}` in {self.unit}, in which their onset is anywhere" if self.time else ""

    def _rows(self) -> str:
        """Say of which rows of a table the outcome is."""
        parts = (f"`{column}` is {_or(map(str, values))}" for column, values in self.where.items())
        return f" where {' and '.join(parts)}" if self.where else ""

    def _interval(self) -> str:
        return (
            f"the event between `{self.lower}` and `{self.upper}` in {self.unit}: at that time where they are "
            f"equal, not yet by `{self.lower}` where `{self.upper}` is empty"
        )

    def _time(self) -> str:
        event = f"`{self.event}`"
        if self.levels:
            codes = ", ".join(level or "empty" for level in self.levels)
            event += f" being {_or(self.event_levels)} (of {codes})"
        return f"time `{self.time}` in {self.unit} to the event {event}, right-censored without it"


def _or(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last
