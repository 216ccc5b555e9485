"""The outcome of a model file: which columns hold it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from casepool.modelling.specification.cautions import EVENT, EVENT_FREE

ALIVE = "alive"
"""What patients are called who have not had an event that is death."""


@dataclass(frozen=True)
class Outcome:
    """Which columns hold the outcome; the fields are the keys of ``[outcome]`` in a model file.

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
        names = [self.column, self.events, self.n, target, self.time, self.lower, self.upper, self.event, self.entry]
        return [name for name in names if name]

    def __str__(self) -> str:
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
        return "; or, in a table of counts, ".join(forms) + target

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
