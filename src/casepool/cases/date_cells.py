"""A column of dates: its cells become the days each may mean, once the order of day and month is told."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from casepool.cases.cells import is_missing
from casepool.cases.codebook import Codebook, entry_of, missing_with
from casepool.cases.column import Column
from casepool.cases.columns import Recorded
from casepool.cases.dates import DAY_FIRST, MONTH_FIRST, BadDateError, order_of, parse_date
from casepool.cases.problems import WARNING, Problem
from casepool.cases.remedies import is_failed_formula, says_nothing

ORDER = "order of day and month"
"""The rule of a column in which it cannot be told."""


def read_dates(cells: pd.Series[Any], codebook: Codebook, name: str) -> Recorded:
    """Read every cell of a column of dates as a `Span`, each different one once.

    Where the order of day and month can be told from no cell, or is not the same in all, that is one error, and the
    cells that ask for it are left unread.
    """
    column, raw = codebook.columns[name], cells.tolist()
    asking = [i for i, value in enumerate(raw) if order_of(value) is not None]
    problems = [] if column.format else list(_order_problems(raw, asking, name))
    unread = set(asking) if problems else set[int]()
    form = column.format or next((order for i in asking if (order := order_of(raw[i]))), "")
    values: list[Any] = [None] * len(raw)
    for row, value in enumerate(raw):
        if row in unread or is_missing(value, codebook.missing):
            continue
        try:
            values[row] = parse_date(value, form or "")
        except BadDateError as bad:
            unread.add(row)
            problems.append(_bad(bad, value, codebook, row=row + 1, column=name))
    problems += _turned_around(raw, form, name)
    return Recorded(values, frozenset(unread), problems)


def _bad(bad: BadDateError, value: Any, codebook: Codebook, **where: Any) -> Problem:
    """Make the problem of one cell."""
    rule, remedy = "type", bad.remedy.format(column=entry_of(where["column"]))
    if says_nothing(value) or is_failed_formula(value):
        rule = "spreadsheet error" if is_failed_formula(value) else rule
        remedy = f"empty the cell, or set {missing_with(codebook.missing, str(value).strip())} in the codebook"
    return Problem(rule, str(bad), bad.expected, remedy, value=value, **where)


def _order_problems(raw: Sequence[Any], asking: Sequence[int], name: str) -> Iterator[Problem]:
    """Yield an error if the order of day and month differs within a column, or nothing tells it."""
    told = {order: i for i in reversed(asking) if (order := order_of(raw[i]))}
    remedy = f'add format = "{DAY_FIRST}" or format = "{MONTH_FIRST}" to {entry_of(name)}'
    if len(told) > 1:
        first, other = sorted(told.values())
        said = f"day and month stand in another order than in row {first + 1}"
        remedy = "write all dates of the column as 2019-03-31"
        yield Problem(ORDER, said, "one order", remedy, row=other + 1, column=name, value=raw[other])
    elif asking and not told:
        said = "whether the day or the month stands first can be told from no cell of the column"
        yield Problem(ORDER, said, "a known order", remedy, row=asking[0] + 1, column=name, value=raw[asking[0]])


def _turned_around(raw: Sequence[Any], form: str, name: str) -> Iterator[Problem]:
    """Warn of a spreadsheet that took the day for the month wherever it could, and left the other dates as text."""
    made = [(i, value) for i, value in enumerate(raw) if isinstance(value, datetime.date) and not pd.isna(value)]
    if form == DAY_FIRST and len(made) > 1 and all(value.day <= 12 for _, value in made):
        said = "dates of the spreadsheet beside texts with the day first: it may have taken days for months"
        remedy = f"look whether {len(made)} cells such as this one have day and month exchanged, and write 2019-03-31"
        row, value = made[0]
        yield Problem("dates turned around", said, "dates of one kind", remedy, WARNING, row=row + 1, column=name,
                      value=str(value))  # fmt: skip


def time_column(column: Column, **keys: Any) -> Column:
    """Return the column of times that a column of dates becomes."""
    plain = replace(column, type="number", unit=column.unit or "months", format="", censored_at="")
    return replace(plain, **keys)
