"""Statistics of survival: medians and their intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from casepool.claims.rows import members, need, number, selected
from casepool.claims.statistic import Answer, Arguments, Choice, Data, Evidence, Sources, Statistic, listed
from casepool.frequentist.curves import StepCurve, kaplan_meier
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
LIMITS = (
    Choice("log-log", "log-log limits"),
    Choice("plain", "plain Greenwood limits"),
    Choice("log", "log limits"),
    Choice("logit", "logit limits"),
    Choice("order", "order statistics (sign test)"),
)


def follow_up(sources: Sources, arguments: Arguments) -> tuple[tuple[tuple[str, float, bool], ...], tuple[str, ...]]:
    """Read label, time and event of the patients a claim is about, and who lacks one of the two."""
    table = sources.table()
    need(table, arguments["event"])
    people, left_out = [], []
    for i in selected(table, arguments.get("where", {})):
        time = number(table, table.rows[i], arguments["time"])
        event = members(table.rows[i][arguments["event"]])
        if time is None or not event:
            left_out.append(table.labels[i])
        else:
            people.append((table.labels[i], time, event == ("true",)))
    return tuple(people), tuple(left_out)


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


SURVIVALS: dict[str, Statistic] = {
    "median_survival": Statistic(
        "number", follow_up, _median, ("time", "event"), ("where",), {"events": EVENTS, "at_half": AT_HALF}
    ),
    "median_survival_limits": Statistic(
        "pair", follow_up, _median_limits, ("time", "event"), ("where",), {"events": EVENTS, "limits": LIMITS}
    ),
}
"""Statistics of survival."""
