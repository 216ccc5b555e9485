"""Statistics of survival: medians and their intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from casepool.claims.rows import Row, Table, members, need, number, selected
from casepool.claims.statistic import Answer, Arguments, Choice, Data, Evidence, Sources, Statistic, listed
from casepool.errors import CasepoolError
from casepool.frequentist.confidence_limits import survival_limits_at
from casepool.frequentist.curves import StepCurve, kaplan_meier, numbers_at_risk, survival_at
from casepool.frequentist.medians import brookmeyer_crowley, median, order_statistic_interval
from casepool.remarks import Count

EVENTS = (
    Choice("censored", "censoring honoured"),
    Choice(
        "all_deaths",
        "every survival time taken as an event",
        "it counts patients printed without the event among those with it",
    ),
)
AT_HALF = (
    Choice("midpoint", "where survival is one half: the middle of the interval"),
    Choice("first", "where survival is one half: the start of the interval"),
    Choice("last", "where survival is one half: the end of the interval"),
)
OF_EVENTS = ("event_levels",)
"""Arguments that say which codes are the event, where the column is not true or false."""
OPTIONAL = ("where", *OF_EVENTS)
SCALES = (
    Choice("log-log", "log-log limits"),
    Choice("plain", "plain Greenwood limits"),
    Choice("log", "log limits"),
    Choice("logit", "logit limits"),
)
LIMITS = (*SCALES, Choice("order", "order statistics (sign test)"))


def follow_up(sources: Sources, arguments: Arguments) -> tuple[tuple[tuple[str, float, bool], ...], tuple[str, ...]]:
    """Read label, time and event of the patients a claim is about, and who lacks one of the two."""
    table = sources.table()
    check_events(table, arguments)
    people, left_out = [], []
    for i in selected(table, arguments.get("where", {})):
        time = number(table, table.rows[i], arguments["time"])
        event = had_event(table, table.rows[i], arguments)
        if time is None or event is None:
            left_out.append(table.labels[i])
        else:
            people.append((table.labels[i], time, event))
    return tuple(people), tuple(left_out)


def had_event(table: Table, row: Row, arguments: Arguments) -> bool | None:
    """Say whether a patient had the event, true or one of the codes that mean it; None if the cell is empty."""
    found, levels = members(row[arguments["event"]]), arguments.get("event_levels")
    if levels is None and not set(found) <= {"true", "false"}:
        raise CasepoolError(
            "the event is neither true nor false", column=arguments["event"], value=found[0], remedy="name event_levels"
        )
    return None if not found else found[0] in (levels or ("true",))


def check_events(table: Table, arguments: Arguments) -> None:
    """Refuse a column that is not there, and codes of the event that are none of its labels."""
    column = arguments["event"]
    need(table, column)
    known = {*table.order.get(column, ()), *(label for labels in table.members_of(column) for label in labels)}
    for level in arguments.get("event_levels", ()):
        if level not in known:
            remedy = f"its labels are {', '.join(sorted(known))}"
            raise CasepoolError("there is no such label", column=column, value=level, remedy=remedy)


def as_events(event: np.ndarray, how: str) -> np.ndarray:
    """Return the events as recorded, or all true."""
    return np.ones(len(event), dtype=bool) if how == "all_deaths" else event


def _curve(data: Data, how: str) -> tuple[StepCurve, np.ndarray, Evidence]:
    people, left_out = data
    time = np.array([person[1] for person in people])
    event = np.array([person[2] for person in people], dtype=bool)
    without = [person[0] for person in people if not person[2]]
    who = f" events; without: {listed(without)}"
    who += f"; no survival time or status: {listed(left_out)}" if left_out else ""
    evidence = (Count(len(people)), " patients, ", Count(int(event.sum())), who)
    return kaplan_meier(time, as_events(event, how)), time, evidence


def _median(data: Data, choices: Mapping[str, Any]) -> Answer:
    curve, _, said = _curve(data, choices["events"])
    found = median(curve, choices["at_half"])
    return Answer((found,), (f"{'median not reached' if np.isinf(found) else f'median {found:g}'}; ", *said))


def _median_limits(data: Data, choices: Mapping[str, Any]) -> Answer | None:
    curve, time, said = _curve(data, choices["events"])
    if choices["limits"] == "order":
        if choices["events"] == "censored" and curve.events.sum() < len(time):
            return None  # order statistics are of uncensored times
        low, high = order_statistic_interval(time)
    elif time.size == 0:
        low = high = float("nan")
    else:
        low, high = brookmeyer_crowley(curve, choices["limits"])
    return Answer((low, high), said)


def _read_survival_at(sources: Sources, arguments: Arguments) -> Data:
    return follow_up(sources, arguments), float(arguments["at"])


def _survival_at(data: Data, choices: Mapping[str, Any]) -> Answer:
    curve, time, said = _curve(data[0], choices["events"])
    if not time.size:
        return Answer((float("nan"),) * 3, said)
    low, high = survival_limits_at(curve, [data[1]], choices["limits"])
    at_risk = Count(int(numbers_at_risk(curve, [data[1]])[0]))
    alive = float(survival_at(curve, [data[1]])[0])
    return Answer((alive, float(low[0]), float(high[0])), (at_risk, f" at risk at {data[1]:g}; ", *said))


SURVIVALS: dict[str, Statistic] = {
    "median_survival": Statistic(
        "number", follow_up, _median, ("time", "event"), OPTIONAL, {"events": EVENTS, "at_half": AT_HALF}
    ),
    "median_survival_limits": Statistic(
        "pair", follow_up, _median_limits, ("time", "event"), OPTIONAL, {"events": EVENTS, "limits": LIMITS}
    ),
    "survival_at": Statistic(
        "limited",
        _read_survival_at,
        _survival_at,
        ("time", "event", "at"),
        OPTIONAL,
        {"events": EVENTS, "limits": SCALES},
        share=True,
    ),
}
"""Statistics of survival."""
