"""Rules across columns that a table of cases must keep (errors), and those it usually keeps (warnings).

A rule reads columns by their roles. A row in which a cell it needs is empty or unreadable breaks no rule, but for
"event without time", which is about the empty cell.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from casepool.cases.codebook import entry_of
from casepool.cases.duplicates import possible_duplicates
from casepool.cases.problems import ERROR, IDLE, NOTE, WARNING, Problem
from casepool.cases.record import Record
from casepool.cases.roles import EXPOSURE, NO_ROLE, RESECTION, TIMES
from casepool.cases.units import DAYS

SLACK = 1e-6
"""Days by which times may differ and still be the same, for units converted."""
ROUNDING = 3.1
"""Days by which the parts of a follow-up may miss the whole: a tenth of a month, as printed times are rounded."""
LIFETIME = 120
"""Years beyond which a time or an age is in another unit than it is said to be."""


@dataclass(frozen=True)
class Rule:
    """A rule across columns.

    Parameters
    ----------
    severity : str
        Of what it finds.
    needs : tuple of tuples of str
        Roles without which it cannot run: one of each inner tuple.
    find : callable
        Yields a problem (without rule and severity) for every row that breaks it.
    """

    severity: str
    needs: tuple[tuple[str, ...], ...]
    find: Callable[[Record], Iterator[Problem]]


class Interval(NamedTuple):
    """When one exposure began: columns of its flag, its limits and the flag's values, empty where there are none."""

    flag: str
    earliest: str
    latest: str
    exposed: list[bool | None]


def negative_time(record: Record) -> Iterator[Problem]:
    """Require that a time is not below zero."""
    for name in record.having(*TIMES):
        for row, days in enumerate(record.days(name)):
            if days is not None and days < 0:
                yield _at(record, row, name, "a time before time zero", "a time of 0 or more", "correct the time")


def event_without_time(record: Record) -> Iterator[Problem]:
    """Require a time of a patient who had the event (by ``event``, or by ``status`` where no column is the event)."""
    time, event = record.one("time"), record.one("event") or record.one("status")
    for row, happened in enumerate(record.flags(event)):
        if happened and record.shown(time, row) is None and not record.unread(time, row):
            yield _at(
                record, row, time, "an event without a time", "the time of the event", "give the time of the event"
            )


def response_after_follow_up(record: Record) -> Iterator[Problem]:
    """Require that a response is judged by the last follow-up."""
    yield from _after_follow_up(record, record.one("evaluation"), "the response was judged")


def entry_after_follow_up(record: Record) -> Iterator[Problem]:
    """Require that a patient comes under observation by the last follow-up."""
    yield from _after_follow_up(record, record.one("entry"), "the patient came under observation")


def exposure_after_follow_up(record: Record) -> Iterator[Problem]:
    """Require that an exposed patient's exposure began, at the latest, by the last follow-up.

    A patient whose flag is false or unknown is not judged; without a flag column every dated patient is.
    """
    for interval in _intervals(record):
        judged = interval.exposed if interval.flag else [True] * record.n
        if interval.latest:
            yield from _after_follow_up(record, interval.latest, "the exposure may have begun", judged)


def latest_before_earliest(record: Record) -> Iterator[Problem]:
    """Require that an exposure's latest date is not before its earliest, exposed or not."""
    for interval in _intervals(record):
        if not interval.earliest or not interval.latest:
            continue
        limits = zip(record.days(interval.earliest), record.days(interval.latest), strict=True)
        for row, (low, high) in enumerate(limits):
            if low is not None and high is not None and high < low - SLACK:
                yield _at(
                    record,
                    row,
                    interval.latest,
                    f"the latest date is before the earliest ({record.shown(interval.earliest, row):g})",
                    f"a time from {record.shown(interval.earliest, row):g}",
                    "correct the dates",
                )


def status_against_event(record: Record) -> Iterator[Problem]:
    """Require that status and event agree on whether it happened; a row in which either is empty is not judged."""
    event, status = record.one("event"), record.one("status")
    pairs = zip(record.flags(event), record.flags(status), strict=True)
    words = {True: "the event", False: "no event"}
    for row, (happened, told) in enumerate(pairs):
        if happened is not None and told is not None and happened != told:
            said = f"{status} says {words[told]}, {event} says {words[happened]}"
            yield _at(record, row, status, said, f"a status that agrees with {event}", "correct one of the two")


def complete_after_resection(record: Record) -> Iterator[Problem]:
    """Ask of a complete response of a patient whose tumour was removed that it is shown to have been there before.

    Complete is the last level of the response (worst first), or its last code in `counts` without levels. It is shown
    if the evaluation's time is at or before the earliest date of the operation.
    """
    response, evaluation = record.one("response"), record.one("evaluation")
    column = record.codebook.columns[response]
    best = (column.levels or column.counts)[-1]
    judged = record.days(evaluation) if evaluation else [None] * record.n
    for interval in _intervals(record):
        if not interval.flag or record.codebook.columns[interval.flag].role != RESECTION:
            continue
        operated = record.days(interval.earliest) if interval.earliest else [None] * record.n
        for row, exposed in enumerate(interval.exposed):
            before, since = judged[row], operated[row]
            shown = before is not None and since is not None and before <= since + SLACK
            if exposed and record.shown(response, row) == best and not shown:
                yield _at(
                    record,
                    row,
                    response,
                    "a complete response that may have been recorded only after the resection",
                    "an evaluation before the operation",
                    "check the source: what was removed is no response to the drug",
                )


def adjuvant_responder(record: Record) -> Iterator[Problem]:
    """Ask that a patient treated after all tumour was removed does not count as a responder."""
    response, adjuvant = record.one("response"), record.one("adjuvant")
    pairs = zip(record.flags(response), record.flags(adjuvant), strict=True)
    for row, (responder, treated) in enumerate(pairs):
        if responder and treated:
            yield _at(
                record,
                row,
                response,
                "adjuvant treatment counted as a response",
                "no response: there was no tumour to measure",
                "leave the response empty, or correct the treatment",
            )


def parts_of_follow_up(record: Record) -> Iterator[Problem]:
    """Ask that time on and time off the drug add up to the follow-up.

    With time off empty, time on must be no longer than it. A tenth of a month (3.1 days) is forgiven.
    """
    on, off, time = record.one("on"), record.one("off"), record.one("time")
    without = record.days(off) if off else [None] * record.n
    for row, (spent, rest, whole) in enumerate(zip(record.days(on), without, record.days(time), strict=True)):
        if spent is None or whole is None:
            continue
        wrong = spent > whole + ROUNDING if rest is None else abs(spent + rest - whole) > ROUNDING
        if wrong:
            parts = "time on the drug" if rest is None else "time on and off the drug, added up,"
            said = f"{parts} differs from the follow-up ({record.shown(time, row):g})"
            yield _at(record, row, on, said, "parts that make up the follow-up", "check the times in the source")


def beyond_a_lifetime(record: Record) -> Iterator[Problem]:
    """Ask that an age or a time is at most 120 years.

    Judged are columns of numbers with a unit of time, with a role that is a time, or named an age without a unit (then
    taken for years, unless the name says otherwise).
    """
    time = record.one("time")
    unit_of_time = record.codebook.columns[time].unit if time else ""
    for name, recorded in record.columns.items():
        column = record.codebook.columns[name]
        if column.type not in ("number", "integer"):
            continue
        unit = column.unit or _unit_of_age(name)
        unit = unit or (unit_of_time or "months") * (column.role in TIMES)
        if unit not in DAYS:
            continue
        what, guess = ("age", "months") if unit == "years" else ("time", "days, or a date")
        for row, value in enumerate(recorded.values):
            if value is not None and abs(value) * DAYS[unit] > LIFETIME * DAYS["years"]:
                yield _at(
                    record,
                    row,
                    name,
                    f"{what} of {value:g} {unit}, which looks like {guess}",
                    f"at most {LIFETIME} years",
                    "correct the cell, or the unit in the codebook",
                )


def _unit_of_age(name: str) -> str:
    """Return the unit that the name of an age says, "years" where it says none; nothing of another name."""
    words = re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).casefold())
    units = [unit for unit in DAYS if {unit, unit[:-1], unit[:2]} & set(words)]
    return (units or ["years"])[0] if "age" in words and not {"group", "band", "class"} & set(words) else ""


def event_at_zero(record: Record) -> Iterator[Problem]:
    """Ask for an event after time zero: no survival model takes one at it."""
    time, event = record.one("time"), record.one("event")
    for row, (happened, days) in enumerate(zip(record.flags(event), record.days(time), strict=True)):
        if happened and days == 0:
            said = "an event at time zero, which no survival model takes"
            yield _at(record, row, time, said, "a time above 0", "give it more exactly, say as half a day")


def one_date_only(record: Record) -> Iterator[Problem]:
    """Ask for both limits of an exposed patient's date, or neither: no survival model takes one."""
    for interval in _intervals(record):
        if not interval.earliest or not interval.latest or not interval.flag:
            continue
        for row, exposed in enumerate(interval.exposed):
            ends = [record.shown(interval.earliest, row), record.shown(interval.latest, row)]
            if exposed and ends.count(None) == 1:
                name = (interval.earliest, interval.latest)[ends.index(None)]
                said = "only one end of the interval, which no survival model takes"
                yield _at(record, row, name, said, "both ends, or neither", "give the other end")


RULES: dict[str, Rule] = {
    "negative time": Rule(ERROR, (TIMES,), negative_time),
    "event without time": Rule(ERROR, (("event", "status"), ("time",)), event_without_time),
    "response after follow-up": Rule(ERROR, (("evaluation",), ("time",)), response_after_follow_up),
    "entry after follow-up": Rule(ERROR, (("entry",), ("time",)), entry_after_follow_up),
    "exposure after follow-up": Rule(ERROR, (("latest", "start"), ("time",)), exposure_after_follow_up),
    "latest before earliest": Rule(ERROR, (("earliest",), ("latest",)), latest_before_earliest),
    "status against event": Rule(ERROR, (("event",), ("status",)), status_against_event),
    "complete response after resection": Rule(WARNING, (("response",), (RESECTION,)), complete_after_resection),
    "adjuvant responder": Rule(WARNING, (("response",), ("adjuvant",)), adjuvant_responder),
    "possible duplicate": Rule(WARNING, (), possible_duplicates),
    "parts of follow-up": Rule(WARNING, (("on",), ("time",)), parts_of_follow_up),
    "beyond a lifetime": Rule(WARNING, (), beyond_a_lifetime),
    "event at time zero": Rule(WARNING, (("event",), ("time",)), event_at_zero),
    "one date only": Rule(WARNING, ((EXPOSURE, RESECTION), ("earliest",), ("latest",)), one_date_only),
}
"""Every rule across columns, by the name its findings bear."""


def broken(record: Record, severity: str) -> Iterator[Problem]:
    """Yield what the rules of one severity find in a table."""
    for name, rule in RULES.items():
        if rule.severity == severity and all(record.having(*roles) for roles in rule.needs):
            read = {n: record.codebook.columns[n].role for roles in rule.needs for n in record.having(*roles)}
            denied = "".join(
                f', or set role = "{NO_ROLE}" in {entry_of(n)}, which is taken for the {role} by its name'
                for n, role in read.items()
                if n in record.presumed
            )
            for problem in rule.find(record):
                yield replace(problem, rule=name, severity=severity, remedy=problem.remedy + denied)


def not_run(record: Record) -> Iterator[Problem]:
    """Yield a note for every rule that could not run, with the roles no column has."""
    for name, rule in RULES.items():
        lacking = [" or ".join(roles) for roles in rule.needs if not record.having(*roles)]
        if lacking:
            yield Problem(
                name,
                f"{IDLE}: no column has the role {' nor '.join(lacking)}",
                "the roles of columns, in the codebook",
                f'add, say, role = "{lacking[0].split(" or ")[0]}" to the column that is it',
                severity=NOTE,
            )


def _at(record: Record, row: int, column: str, problem: str, expected: str, remedy: str) -> Problem:
    return Problem("", problem, expected, remedy, row=row + 1, column=column, value=record.shown(column, row))


def _after_follow_up(
    record: Record, name: str, what: str, judged: list[bool | None] | list[bool] | None = None
) -> Iterator[Problem]:
    time = record.one("time")
    if not record.comparable(name, time):
        return
    for row, (at, end) in enumerate(zip(record.days(name), record.days(time), strict=True)):
        if (judged is None or judged[row]) and at is not None and end is not None and at > end + SLACK:
            last = f"{record.shown(time, row):g}"
            said = f"{what} after the last follow-up ({time} {last})"
            yield _at(record, row, name, said, f"a time of at most {last}", "correct one of the two")


def _intervals(record: Record) -> Iterator[Interval]:
    for exposure in record.exposures():
        flag = record.one(EXPOSURE, RESECTION, exposure=exposure)
        low = record.one("earliest", "start", exposure=exposure)
        high = record.one("latest", "start", exposure=exposure)
        yield Interval(flag, low, high, record.flags(flag) if flag else [])
