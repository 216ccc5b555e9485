"""Rules across columns that a table of cases must keep (errors), and those it usually keeps (warnings).

A rule reads columns by their roles. A row in which a cell it needs is empty or unreadable breaks no rule, but for
"event without time", which is about the empty cell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from casepool.cases.codebook import entry_of
from casepool.cases.duplicates import near_duplicates, possible_duplicates
from casepool.cases.exposure_rules import (
    complete_after_resection,
    dated_but_not_exposed,
    event_at_the_start,
    exposure_after_follow_up,
    latest_before_earliest,
    no_contrast,
    one_date_only,
)
from casepool.cases.findings import after_follow_up, at, earlier, same_time
from casepool.cases.lifetimes import beyond_a_lifetime, negative_age, too_long, unit_not_told
from casepool.cases.problems import ERROR, NOTE, WARNING, Problem
from casepool.cases.record import Record
from casepool.cases.roles import EXPOSURE, NO_ROLE, RESECTION, TIMES
from casepool.cases.units import words_of

ROUNDING = 3.1
"""Days by which the parts of a follow-up may miss the whole: a tenth of a month, as printed times are rounded."""
CENSORING = {"cnsr", "cens", "censor", "censored", "censoring"}
"""Words of a name that is true where no event was seen."""


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
    said : bool
        Whether reading a table says in the log what a rule finds that is no error, as answers would be wrong.
    """

    severity: str
    needs: tuple[tuple[str, ...], ...]
    find: Callable[[Record], Iterator[Problem]]
    said: bool = False


def negative_time(record: Record) -> Iterator[Problem]:
    """Require that a time is not below zero."""
    for name in record.having(*TIMES):
        for row, days in enumerate(record.days(name)):
            if days is not None and days < 0:
                yield at(record, row, name, "a time before time zero", "a time of 0 or more", "correct the time")


def event_without_time(record: Record) -> Iterator[Problem]:
    """Require a time of a patient who had the event (by ``event``, or by ``status`` where no column is the event)."""
    time, event = record.one("time"), record.one("event") or record.one("status")
    for row, happened in enumerate(record.flags(event)):
        if happened and record.shown(time, row) is None and not record.unread(time, row):
            yield at(
                record, row, time, "an event without a time", "the time of the event", "give the time of the event"
            )


def event_while_followed(record: Record) -> Iterator[Problem]:
    """Require that who was still followed at a time ("14+") did not have the event then."""
    time, event = record.one("time"), record.one("event") or record.one("status")
    for row, happened in enumerate(record.flags(event)):
        if happened and row in record.columns[time].followed:
            said = f"still followed at {record.shown(time, row):g}, and {event} says that the event happened"
            yield at(record, row, time, said, "one of the two", "correct one of the two")


def response_after_follow_up(record: Record) -> Iterator[Problem]:
    """Require that a response is judged by the last follow-up."""
    yield from after_follow_up(record, record.one("evaluation"), "the response was judged")


def entry_after_follow_up(record: Record) -> Iterator[Problem]:
    """Require that a patient comes under observation by the last follow-up."""
    yield from after_follow_up(record, record.one("entry"), "the patient came under observation")


def status_against_event(record: Record) -> Iterator[Problem]:
    """Require that status and event agree on whether it happened; a row in which either is empty is not judged."""
    event, status = record.one("event"), record.one("status")
    pairs = zip(record.flags(event), record.flags(status), strict=True)
    words = {True: "the event", False: "no event"}
    for row, (happened, told) in enumerate(pairs):
        if happened is not None and told is not None and happened != told:
            said = f"{status} says {words[told]}, {event} says {words[happened]}"
            yield at(record, row, status, said, f"a status that agrees with {event}", "correct one of the two")


def adjuvant_responder(record: Record) -> Iterator[Problem]:
    """Ask that a patient treated after all tumour was removed does not count as a responder."""
    response, adjuvant = record.one("response"), record.one("adjuvant")
    pairs = zip(record.flags(response), record.flags(adjuvant), strict=True)
    for row, (responder, treated) in enumerate(pairs):
        if responder and treated:
            yield at(
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
            yield at(record, row, on, said, "parts that make up the follow-up", "check the times in the source")


def event_at_zero(record: Record) -> Iterator[Problem]:
    """Ask for an event after time zero: no survival model takes one at it."""
    time, event = record.one("time"), record.one("event")
    for row, (happened, days) in enumerate(zip(record.flags(event), record.days(time), strict=True)):
        if happened and days == 0:
            said, remedy = (
                "an event at time zero, which no survival model takes",
                "give it more exactly, say as half a day",
            )
            if time in record.codebook.dated:
                remedy = "count from an earlier date, or leave the patient out by a coding with drop = [...]"
            yield at(record, row, time, said, "a time above 0", remedy)


def no_follow_up(record: Record) -> Iterator[Problem]:
    """Ask that a patient who came under observation late was followed from then on: else the row tells nothing."""
    entry, time = record.one("entry"), record.one("time")
    if not record.comparable(entry, time):
        return
    event = record.one("event")
    happened = record.flags(event) if event else [None] * record.n
    for row, (since, end) in enumerate(zip(record.days(entry), record.days(time), strict=True)):
        if same_time(since, end):
            what = "the event happened" if happened[row] else "follow-up ended"
            said = f"{what} at the very time the patient came under observation: the row is left out and counted"
            remedy = f"if the patient came before, write {earlier(record, entry, row)}, half a day earlier"
            yield at(record, row, entry, said, "an entry before the end of follow-up", remedy)


def censoring_for_event(record: Record) -> Iterator[Problem]:
    """Ask that a column named after censoring, in which true may mean no event, says which codes are the event."""
    name = record.one("event")
    if is_named_after_censoring(name) and not record.codebook.columns[name].counts:
        said = "named after censoring, and true is taken for the event"
        remedy = f'set type = "category", levels = ["0", "1"] and counts = ["0"] in {entry_of(name)}'
        yield Problem("", said, "a column that is true where the event happened", remedy, column=name)


def is_named_after_censoring(name: str) -> bool:
    """Tell whether a name is that of an indicator of censoring, as `CNSR` of CDISC: 1 where no event was seen."""
    return bool(CENSORING & set(words_of(name).split("_")))


FLAG = (EXPOSURE, RESECTION)
RULES: dict[str, Rule] = {
    "negative time": Rule(ERROR, (TIMES,), negative_time),
    "event without time": Rule(ERROR, (("event", "status"), ("time",)), event_without_time),
    "event while followed": Rule(ERROR, (("event", "status"), ("time",)), event_while_followed),
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
    "negative age": Rule(ERROR, (), negative_age),
    "follow-up too long": Rule(WARNING, (("time",),), too_long, said=True),
    "unit not told": Rule(WARNING, (("time",), ("entry", "evaluation", "latest", "start")), unit_not_told, said=True),
    "censoring for event": Rule(WARNING, (("event",),), censoring_for_event, said=True),
    "possible near-duplicate": Rule(WARNING, (), near_duplicates, said=True),
    "dated but not exposed": Rule(WARNING, (FLAG, ("earliest", "latest", "start")), dated_but_not_exposed, said=True),
    "no contrast": Rule(WARNING, (FLAG,), no_contrast, said=True),
    "event at time zero": Rule(WARNING, (("event",), ("time",)), event_at_zero),
    "no follow-up": Rule(WARNING, (("entry",), ("time",)), no_follow_up, said=True),
    "event at the start": Rule(WARNING, (("event",), ("time",), ("earliest", "start")), event_at_the_start, said=True),
    "one date only": Rule(WARNING, (FLAG, ("earliest",), ("latest",)), one_date_only),
}
"""Every rule across columns, by the name its findings bear."""


def broken(record: Record, severity: str, *, said: bool = False) -> Iterator[Problem]:
    """Yield what the rules of one severity find in a table; only those that reading says too, if asked for."""
    for name, rule in RULES.items():
        if rule.severity == severity and rule.said >= said and all(record.having(*roles) for roles in rule.needs):
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
        lacking = [roles for roles in rule.needs if not record.having(*roles)]
        if lacking:
            needed = " nor ".join(" or ".join(roles) for roles in lacking)
            yield Problem(
                name,
                f"the rule could not run: no column has the role {needed}",
                "the roles of columns, in the codebook",
                f'add, say, role = "{lacking[0][0]}" to the column that is it',
                severity=NOTE,
                idle=True,
            )
