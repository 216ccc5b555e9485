"""Statistics that count: patients, shares, distinct labels, ranges, averages."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean, median
from typing import Any

from casepool.claims.rows import Table, members, need, number, selected
from casepool.claims.statistic import Answer, Arguments, Choice, Data, Evidence, Sources, Statistic, listed
from casepool.errors import CasepoolError
from casepool.remarks import Count

WEEKS_A_MONTH = {"calendar": 365.25 / 84, "four_weeks": 4.0}


def _rows(sources: Sources, arguments: Arguments, *conditions: str) -> tuple[Table, list[int]]:
    """Return the table a claim is about and the rows that meet its conditions."""
    table = sources.table(arguments.get("table", ""))
    where: dict[str, Any] = {"and": [arguments.get(name, {}) for name in conditions or ("where",)]}
    return table, selected(table, where)


def _labels(table: Table, positions: list[int]) -> tuple[str, ...]:
    return tuple(table.labels[i] for i in positions)


def _unknown(table: Table, where: Arguments) -> tuple[str, ...]:
    """Return rows that meet a claim's conditions but for a cell that has to be filled and is empty."""
    needs = [c for c, test in where.items() if isinstance(test, Mapping) and test.get("is") == "present"]
    loose = {c: test for c, test in where.items() if c not in needs}
    strict = set(selected(table, where))
    return tuple(table.labels[i] for i in selected(table, loose) if needs and i not in strict)


def _read_count(sources: Sources, arguments: Arguments) -> Data:
    table, found = _rows(sources, arguments)
    return _labels(table, found), _unknown(table, arguments.get("where", {}))


def _count(data: Data, choices: Mapping[str, str]) -> Answer:
    del choices
    found, unknown = data
    who = f": {listed(found)}" + (f"; empty in {listed(unknown)}" if unknown else "")
    return Answer((len(found),), (Count(len(found)), who))


def read_share(sources: Sources, arguments: Arguments) -> Data:
    """Read who meets the conditions, and among whom: those named, and everyone in the table."""
    table, among = _rows(sources, arguments, "among")
    _, found = _rows(sources, arguments, "where", "among")
    _, found_of_all = _rows(sources, arguments, "where")
    return (
        (_labels(table, found), _labels(table, among)),
        (_labels(table, found_of_all), table.labels),
        "among" in arguments,
    )


def share_of(data: Data, choices: Mapping[str, str]) -> tuple[float, float, Evidence] | None:
    """Return the two counts and their evidence."""
    named, everyone, limited = data
    if choices["denominator"] == "everyone" and not limited:
        return None
    found, among = named if choices["denominator"] == "named" else everyone
    outside = sorted(set(everyone[1]) - set(among))
    rest = [label for label in among if label not in set(found)]
    who = f"; without: {listed(rest)}" if len(rest) <= len(found) else f"; with: {listed(found)}"
    who += f"; left out: {listed(outside)}" if 0 < len(outside) < len(among) else ""
    return len(found), len(among), (Count(len(found)), " of ", Count(len(among)), who)


def _fraction(data: Data, choices: Mapping[str, str]) -> Answer | None:
    share = share_of(data, choices)
    return None if share is None else Answer(share[:2], share[2])


def _percentage(data: Data, choices: Mapping[str, str]) -> Answer | None:
    share = share_of(data, choices)
    if share is None:
        return None
    found, among, evidence = share
    return Answer((100 * found / among if among else float("nan"),), evidence)


def _read_distinct(sources: Sources, arguments: Arguments) -> Data:
    table, found = _rows(sources, arguments)
    for column in (arguments["column"], arguments.get("within", arguments["column"])):
        need(table, column)
    groups: dict[str, set[str]] = {}
    for i in found:
        group = ";".join(members(table.rows[i][arguments["within"]])) if "within" in arguments else ""
        groups.setdefault(group, set()).update(members(table.rows[i][arguments["column"]]))
    return tuple((group, tuple(sorted(labels))) for group, labels in groups.items())


def _distinct(data: Data, choices: Mapping[str, str]) -> Answer:
    del choices
    total = sum(len(labels) for _, labels in data)
    everything = [label for _, labels in data for label in labels]
    twice = {label for label in everything if everything.count(label) > 1}
    evidence = "; ".join(f"{group + ': ' if group else ''}{len(labels)} ({listed(labels)})" for group, labels in data)
    return Answer((total,), (evidence, f"; in more than one: {listed(frozenset(twice))}" if twice else ""))


def _read_members(sources: Sources, arguments: Arguments) -> Data:
    table, found = _rows(sources, arguments)
    need(table, arguments["column"])
    seen = [label for i in found for label in members(table.rows[i][arguments["column"]])]
    least = arguments.get("at_least", 1)
    return tuple(sorted({label for label in seen if seen.count(label) >= least}))


def _members(data: Data, choices: Mapping[str, str]) -> Answer:
    del choices
    return Answer((), (f"{len(data)}: {listed(data)}",), frozenset(data))


def _read_values(sources: Sources, arguments: Arguments) -> Data:
    table, found = _rows(sources, arguments)
    values = [(number(table, table.rows[i], arguments["column"]), table.labels[i]) for i in found]
    known = sorted((value, label) for value, label in values if value is not None)
    return tuple(known), tuple(label for value, label in values if value is None)


def _values(data: Data, choices: Mapping[str, str]) -> Answer:
    del choices
    known, unknown = data
    said = ", ".join(f"{label}: {value:g}" for value, label in known)
    return Answer(tuple(value for value, _ in known), (said, f"; empty in {listed(unknown)}" if unknown else ""))


def _range(data: Data, choices: Mapping[str, str]) -> Answer | None:
    del choices
    known, unknown = data
    if not known:
        return Answer((float("nan"), float("nan")), ("no value",))
    (low, lowest), (high, highest) = known[0], known[-1]
    said = f", {low:g} (case {lowest}) to {high:g} (case {highest})"
    said += f"; empty in {listed(unknown)}" if unknown else ""
    return Answer((low, high), (Count(len(known)), " values", said))


def _average(data: Data, choices: Mapping[str, str]) -> Answer | None:
    known, unknown = data[0]
    weeks = data[1] == "weeks"
    if not weeks and choices["month"] != "calendar":
        return None
    factor = WEEKS_A_MONTH[choices["month"]] if weeks else 1.0
    if not known:
        return Answer((float("nan"),), ("no value",))
    values = [value * factor for value, _ in known]
    found = fmean(values) if choices["of"] == "mean" else median(values)
    empty = f"; empty in {listed(unknown)}" if unknown else ""
    return Answer((found,), (Count(len(values)), f" values, {found:.4g}{empty}"))


def _read_average(sources: Sources, arguments: Arguments) -> Data:
    if arguments.get("months_as", "months") not in ("months", "weeks"):
        raise CasepoolError(
            "months are shown as months or weeks", value=arguments["months_as"], remedy="write one of the two"
        )
    return _read_values(sources, arguments), arguments.get("months_as", "months")


def _sum_of_printed(data: Data, choices: Mapping[str, str]) -> Answer:
    del choices
    return Answer((float(sum(data)),), (" + ".join(f"{term:g}" for term in data),))


DENOMINATORS = (
    Choice("named", "of those named"),
    Choice("everyone", "of everyone in the table, evaluable or not"),
)

COUNTS: dict[str, Statistic] = {
    "count": Statistic("number", _read_count, _count, optional=("where", "table")),
    "fraction": Statistic("pair", read_share, _fraction, ("where",), ("among", "table"), {"denominator": DENOMINATORS}),
    "percentage": Statistic(
        "number", read_share, _percentage, ("where",), ("among", "table"), {"denominator": DENOMINATORS}
    ),
    "distinct": Statistic("number", _read_distinct, _distinct, ("column",), ("where", "table", "within")),
    "members": Statistic("labels", _read_members, _members, ("column",), ("where", "table", "at_least")),
    "values": Statistic("numbers", _read_values, _values, ("column",), ("where", "table")),
    "range": Statistic("pair", _read_values, _range, ("column",), ("where", "table")),
    "average": Statistic(
        "number",
        _read_average,
        _average,
        ("column",),
        ("where", "table", "months_as"),
        {
            "of": (Choice("mean", "the mean"), Choice("median", "the median")),
            "month": (
                Choice("calendar", "a month of 365.25/12 days"),
                Choice("four_weeks", "a month of four weeks"),
            ),
        },
    ),
    "sum_of_printed": Statistic("number", lambda _, arguments: tuple(arguments["terms"]), _sum_of_printed, ("terms",)),
}
"""Statistics that count."""
