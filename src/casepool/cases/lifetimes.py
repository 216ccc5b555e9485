"""Rules of ages and times on their own: what no patient can have, and what is likely to be in another unit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from statistics import median

from casepool.cases.codebook import entry_of
from casepool.cases.column import NUMBERS
from casepool.cases.findings import SLACK, at
from casepool.cases.problems import Problem
from casepool.cases.record import Record
from casepool.cases.roles import EXPOSURE, RESECTION, TIMES
from casepool.cases.units import DAYS

LIFETIME = 120
"""Years beyond which a time or an age is in another unit than it is said to be."""
LONG, LONGEST = 25, 60
"""Years of follow-up that the median patient, and any patient, does not have."""


def negative_age(record: Record) -> Iterator[Problem]:
    """Require that an age is not below zero: a column of numbers that is named so."""
    for name, recorded in record.columns.items():
        if record.codebook.columns[name].type in NUMBERS and _unit_of_age(name):
            for row, value in enumerate(recorded.values):
                if value is not None and value < 0:
                    remedy = "correct it, or add its code for unknown to `missing` in the codebook"
                    yield at(record, row, name, "an age below zero", "an age of 0 or more", remedy)


def too_long(record: Record) -> Iterator[Problem]:
    """Ask that a follow-up is as long as follow-ups are: days taken for months are thirty times as long."""
    time = record.one("time")
    years = [(days / DAYS["years"], row) for row, days in enumerate(record.days(time)) if days is not None]
    if not years:
        return
    middle, (most, row) = median(length for length, _ in years), max(years)
    if (middle > LONG or most > LONGEST) and most <= LIFETIME:
        unit = record.unit(time) or "months"
        said = f"a follow-up of {most:.0f} years (median {middle:.0f}), if in {unit}"
        remedy = f'correct the cell, or set the unit it is in, say unit = "days", in {entry_of(time)}'
        yield at(record, row, time, said, "follow-up in the unit that is told", remedy)


def unit_not_told(record: Record) -> Iterator[Problem]:
    """Ask for the unit of a time which, taken to be in that of the follow-up, lies after it."""
    time = record.one("time")
    for name in record.having("entry", "evaluation", "latest", "start"):
        flag = record.one(EXPOSURE, RESECTION, exposure=record.codebook.columns[name].exposure)
        judged = record.flags(flag) if flag else [True] * record.n
        for row, (since, end) in enumerate(zip(record.days(name), record.days(time), strict=True)):
            late = since is not None and end is not None and since > end + SLACK and judged[row]
            if late and not record.comparable(name, time):
                silent = name if not record.unit(name) else time
                said = f"after the last follow-up ({time} {record.shown(time, row):g}), if in its unit"
                remedy = f'add unit = "days", or the unit it is in, to {entry_of(silent)}'
                yield at(record, row, name, said, f"a unit of {silent}, which neither codebook nor name tells", remedy)


def beyond_a_lifetime(record: Record) -> Iterator[Problem]:
    """Ask that an age or a time is at most 120 years.

    Judged are columns of numbers with a unit of time, with a role that is a time, or named an age without a unit (then
    taken for years, unless the name says otherwise).
    """
    unit_of_time = record.unit(record.one("time"))
    for name, recorded in record.columns.items():
        column = record.codebook.columns[name]
        if column.type not in NUMBERS:
            continue
        unit = column.unit or _unit_of_age(name)
        unit = unit or (record.unit(name) or unit_of_time or "months") * (column.role in TIMES)
        if unit not in DAYS:
            continue
        what, guess = ("age", "months") if unit == "years" else ("time", "days, or a date")
        for row, value in enumerate(recorded.values):
            if value is not None and abs(value) * DAYS[unit] > LIFETIME * DAYS["years"]:
                yield at(
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
