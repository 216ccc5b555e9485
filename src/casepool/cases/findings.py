"""What rules share: the problem of one cell, and a time held against the last follow-up."""

from __future__ import annotations

from collections.abc import Iterator

from casepool.cases.problems import Problem
from casepool.cases.record import Record

SLACK = 1e-6
"""Days by which times may differ and still be the same, for units converted."""

HALF_A_DAY = 0.5
"""Days by which a time known to the day may be moved, where two things of one day came one after the other."""


def at(record: Record, row: int, column: str, problem: str, expected: str, remedy: str) -> Problem:
    """Make a problem of one cell; which rule found it, and how bad that is, is said where the rule is run."""
    return Problem("", problem, expected, remedy, row=row + 1, column=column, value=record.shown(column, row))


def same_time(one: float | None, other: float | None) -> bool:
    """Tell whether two times in days are one and the same, but for rounding."""
    return one is not None and other is not None and abs(one - other) <= SLACK


def earlier(record: Record, name: str, row: int) -> str:
    """Write a time half a day before the one of a cell, in its own unit."""
    days = record.days(name)[row]
    shown = record.shown(name, row)
    return f"{shown * (days - HALF_A_DAY) / days:.6g}" if days else f"{shown:g}"


def after_follow_up(
    record: Record, name: str, what: str, judged: list[bool | None] | list[bool] | None = None
) -> Iterator[Problem]:
    """Yield a problem for every time of a judged row that lies after the last follow-up."""
    time = record.one("time")
    if not record.comparable(name, time):
        return
    for row, (since, end) in enumerate(zip(record.days(name), record.days(time), strict=True)):
        if (judged is None or judged[row]) and since is not None and end is not None and since > end + SLACK:
            last = f"{record.shown(time, row):g}"
            said = f"{what} after the last follow-up ({time} {last})"
            yield at(record, row, name, said, f"a time of at most {last}", "correct one of the two")
