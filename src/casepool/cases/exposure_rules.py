"""Rules of an exposure across columns: its flag, the dates between which it began, and what happened before it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from casepool.cases.codebook import entry_of
from casepool.cases.findings import SLACK, after_follow_up, at, earlier, same_time
from casepool.cases.problems import Problem
from casepool.cases.record import Record
from casepool.cases.roles import EXPOSURE, NO_ROLE, RESECTION


class Interval(NamedTuple):
    """When one exposure began: columns of its flag, its limits and the flag's values, empty where there are none."""

    flag: str
    earliest: str
    latest: str
    exposed: list[bool | None]


def exposure_after_follow_up(record: Record) -> Iterator[Problem]:
    """Require that an exposed patient's exposure began, at the latest, by the last follow-up.

    A patient whose flag is false or unknown is not judged; without a flag column every dated patient is.
    """
    for interval in _intervals(record):
        judged = interval.exposed if interval.flag else [True] * record.n
        if interval.latest:
            yield from after_follow_up(record, interval.latest, "the exposure may have begun", judged)


def latest_before_earliest(record: Record) -> Iterator[Problem]:
    """Require that an exposure's latest date is not before its earliest, exposed or not."""
    for interval in _intervals(record):
        if not interval.earliest or not interval.latest:
            continue
        limits = zip(record.days(interval.earliest), record.days(interval.latest), strict=True)
        for row, (low, high) in enumerate(limits):
            if low is not None and high is not None and high < low - SLACK:
                yield at(
                    record,
                    row,
                    interval.latest,
                    f"the latest date is before the earliest ({record.shown(interval.earliest, row):g})",
                    f"a time from {record.shown(interval.earliest, row):g}",
                    "correct the dates",
                )


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
                yield at(
                    record,
                    row,
                    response,
                    "a complete response that may have been recorded only after the resection",
                    "an evaluation before the operation",
                    "check the source: what was removed is no response to the drug",
                )


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
                yield at(record, row, name, said, "both ends, or neither", "give the other end")


def dated_but_not_exposed(record: Record) -> Iterator[Problem]:
    """Ask that a patient who was not exposed has no date of it; one at time zero is no exposure during follow-up."""
    for interval in _intervals(record):
        dates = [name for name in dict.fromkeys((interval.earliest, interval.latest)) if name]
        for row, exposed in enumerate(interval.exposed):
            dated = next((name for name in dates if record.shown(name, row)), "")
            if exposed is False and dated:
                said = f"dated, and {interval.flag} says that there was none"
                yield at(record, row, dated, said, "an empty cell, or a flag that is true", "correct one of the two")


def event_at_the_start(record: Record) -> Iterator[Problem]:
    """Ask whether an event at the very time an exposure began came after it: as it stands, it counts as before it."""
    time, happened = record.one("time"), record.flags(record.one("event"))
    ends = record.days(time)
    for interval in _intervals(record):
        name = interval.latest or interval.earliest
        if not interval.earliest or not record.comparable(name, time):
            continue
        exposed = interval.exposed or [True] * record.n
        limits = zip(record.days(interval.earliest), record.days(name), strict=True)
        for row, (low, high) in enumerate(limits):
            known = low is not None and low == high and low > 0
            if known and exposed[row] and happened[row] and same_time(high, ends[row]):
                said = f"the exposure began at the very time of the event ({time}), which counts as before it"
                remedy = f"if it began before the event, write {earlier(record, name, row)}, half a day earlier"
                yield at(record, row, name, said, "a start before the event, or none", remedy)


def no_contrast(record: Record) -> Iterator[Problem]:
    """Ask that some patients had an exposure and some had not, as else nothing can be told of it."""
    for interval in _intervals(record):
        told = {exposed for exposed in interval.exposed if exposed is not None}
        if len(told) == 1 and record.n > 1:
            said = f"{'every' if True in told else 'no'} patient had it, so that the table tells nothing of its effect"
            remedy = f'leave it out of the model, and set role = "{NO_ROLE}" in {entry_of(interval.flag)}'
            yield Problem("", said, "patients with and without it", remedy, column=interval.flag)


def _intervals(record: Record) -> Iterator[Interval]:
    for exposure in record.exposures():
        flag = record.one(EXPOSURE, RESECTION, exposure=exposure)
        low = record.one("earliest", "start", exposure=exposure)
        high = record.one("latest", "start", exposure=exposure)
        yield Interval(flag, low, high, record.flags(flag) if flag else [])
