"""The survival outcome of a table: a follow-up, whether the event happened, and an exposure that began meanwhile."""

from __future__ import annotations

import re
from dataclasses import replace

from casepool.cases.cells import FALSE, ONE, TRUE, ZERO
from casepool.cases.codebook import entry_of, toml_text
from casepool.cases.role_inference import ALIVE, is_code_of_death
from casepool.cases.units import words_of
from casepool.drafting.exposures import exposure_of
from casepool.drafting.found import Found
from casepool.drafting.looking import Codes, Table
from casepool.drafting.words import FOLLOW_UP, GENERAL, HAPPENED, LAST, NOUNS, OF_DEATH, STATE, SURVIVED, bare, is_named
from casepool.modelling.specification.outcome import ALIVE as FREE
from casepool.modelling.specification.outcome import Outcome
from casepool.modelling.specification.outcome_keys import UNKNOWN


def survival(table: Table) -> Found:
    """Find a follow-up, its event, and an exposure.

    Raises
    ------
    CasepoolError
        If no column is the one or the other.
    """
    lower, upper = _limits(table)
    time, others = (lower, list[str]()) if lower else _time(table)
    unit = table.record.unit(time)
    taken = _also(time, "follow-up", others)
    if not unit:
        taken += (f"{time!r} tells no unit and is taken to be in months: add unit to {entry_of(time)} if it is not",)
    asked, more = Codes(), Codes()
    if lower:
        outcome = Outcome(lower=lower, upper=upper)
    else:
        outcome, asked, more = _event(table, time)
        outcome = replace(outcome, time=time)
    exposure, about = exposure_of(table, outcome.columns())
    outcome = replace(outcome, unit=unit or "months", entry=table.record.one("entry"))
    return Found("weibull", outcome, "proportional", exposure=exposure, asked=asked, taken=(*taken, *more, *about))


def _limits(table: Table) -> tuple[str, str]:
    """Return two columns of numbers called _lower and _upper, between which lies what is called like an event."""
    numbers = {words_of(name): name for name in table.names if table.is_number(name)}
    for words, lower in numbers.items():
        stem, ending, _ = words.rpartition("_lower")
        upper = numbers.get(f"{stem}_upper", "")
        if ending and upper and any(is_named(pattern, stem) for pattern in (*FOLLOW_UP, *HAPPENED, LAST)):
            return lower, upper
    return "", ""


def _time(table: Table) -> tuple[str, list[str]]:
    declared = table.record.one("time")
    if declared:
        return declared, []
    time, others = table.first(FOLLOW_UP, [name for name in table.names if table.is_number(name)])
    if not time:
        raise table.refuse(
            "no column of numbers is a follow-up by its role or its name",
            'give the column that is it role = "time" and its unit in the codebook',
        )
    return time, others


def _event(table: Table, time: str) -> tuple[Outcome, Codes, Codes]:
    """Return an outcome with its event, what is open about it and what was taken for granted."""
    name, others = _event_column(table, time)
    if not name:
        raise table.refuse(
            f"no column says by its role or its name whether the event happened at {time!r}",
            'give the column that is it role = "event" in the codebook, and counts = ["..."] if it is in codes',
        )
    outcome = _coded(table, name)
    taken = _also(name, "event", others)
    asked: Codes = ()
    events = outcome.event_levels
    free = [code for code in outcome.levels if code not in events and not _is_alive(table, name, code)]
    if events == (UNKNOWN,):
        listed = ", ".join(map(toml_text, outcome.levels))
        asked = (f"which codes of {name!r} mean the event: event_levels = [...], of {listed}",)
    elif free and not table.column(name).counts:
        taken += (f"{', '.join(map(repr, free))} in {name!r} counts as no event",)
    return outcome, asked, taken


def _event_column(table: Table, time: str) -> tuple[str, list[str]]:
    """Return the event of a time: the one declared, that of its own name, else by what each is called.

    A time to another event than death takes death for its event only where there is nothing else.
    """
    held = [name for role in ("event", "status") if (name := table.record.one(role))]
    declared = [name for name in held if name not in table.record.presumed]
    among = [name for name in table.names if name != time and table.is_coded(name)]
    beside = re.sub("_time$", "", bare(time)) + "_event"
    own = [name for name in among if bare(name) == beside]
    other = is_named(FOLLOW_UP[2], time) and table.first((HAPPENED[4], GENERAL), among)
    if first := [*declared, *own]:
        return first[0], []
    if other and other[0]:
        return other
    return (held[0], []) if held else table.first(HAPPENED, among)


def _coded(table: Table, name: str) -> Outcome:
    """Return the event of a column: true, or some of its codes, or unknown ones."""
    column, codes = table.column(name), table.codes(name)
    truths = {code: table.meaning(name, code).lower() for code in codes}
    are_truths = set(truths.values()) <= {*TRUE, *FALSE, *ONE, *ZERO} and len(codes) == 2
    if column.counts:
        return _worded(name, Outcome(event=name, levels=codes, event_levels=column.counts))
    if are_truths and is_named(SURVIVED, name):
        alive = tuple(code for code in codes if truths[code] in (*FALSE, *ZERO))
        return Outcome(event=name, levels=codes, event_levels=alive)
    open_ = is_named(STATE, name) and column.role != "event"
    if are_truths and not open_:
        events = tuple(code for code in codes if truths[code] in (*TRUE, *ONE))
        plain = column.type == "boolean" or truths == {code: code for code in codes}
        return _worded(name, Outcome(event=name) if plain else Outcome(event=name, levels=codes, event_levels=events))
    dead = tuple(code for code in codes if is_code_of_death(table.meaning(name, code)))
    return Outcome(event=name, levels=codes, event_levels=dead if set(dead) < set(codes) and dead else (UNKNOWN,))


def _worded(name: str, outcome: Outcome) -> Outcome:
    """Call the event what its column is called, if that is what an event is called in a sentence."""
    if not is_named(NOUNS, name):
        return outcome
    return replace(outcome, what=bare(name).replace("_", " "), free=FREE if is_named(OF_DEATH, name) else "")


def _is_alive(table: Table, name: str, code: str) -> bool:
    return re.fullmatch(rf"(\d+_)?({ALIVE})", words_of(table.meaning(name, code))) is not None


def _also(name: str, what: str, others: list[str]) -> Codes:
    return (f"{name!r} is taken for the {what}; it could be {', '.join(map(repr, others))} as well",) * bool(others)
