"""Rows that are no patient: totals, and rows with nothing in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from casepool.cases.codebook import Codebook, toml_text
from casepool.cases.column import NUMBERS, SPELT
from casepool.cases.columns import Recorded
from casepool.cases.header_rows import TOTAL
from casepool.cases.problems import WARNING, Problem

TOTAL_ROW = "total row"
"""The rule that names rows that seem to add up the others."""
MOST = 2_000
"""Rows of the largest table in which a sum of all others is looked for."""


def blank_rows(columns: Mapping[str, Recorded]) -> list[int]:
    """Return the positions of the rows in which nothing is filled."""
    n = max((len(column.values) for column in columns.values()), default=0)
    filled = np.zeros(n, dtype=bool)
    for column in columns.values():
        filled |= np.array([value is not None for value in column.values], dtype=bool)
        filled[list(column.unread)] = True
    return [int(row) for row in np.flatnonzero(~filled)]


def odd_rows(columns: Mapping[str, Recorded], codebook: Codebook) -> Iterator[Problem]:
    """Yield a warning on every row that is empty (but for an identifier), called a total, or the sum of all others."""
    n = max((len(column.values) for column in columns.values()), default=0)
    others = {name: column for name, column in columns.items() if name != codebook.id} or columns
    for row in blank_rows(others) if len(others) > 1 else ():
        yield _problem("blank row", "an empty row", row, columns, codebook)
    called = set(_called_total(columns, codebook))
    for row in sorted(called | set(_sums(columns, codebook, n))):
        why = "it is called so" if row in called else "its numbers are the sums of all other rows"
        said = f"read as a patient, and seems to be a total: {why}"
        yield _problem(TOTAL_ROW, said, row, columns, codebook)


def _called_total(columns: Mapping[str, Recorded], codebook: Codebook) -> Iterator[int]:
    """Yield the rows whose identifier, or else first label, is a word for all others."""
    labelled = [name for name in columns if codebook.columns[name].type in (*SPELT, "text")]
    for name in {codebook.id: 0} | dict.fromkeys(labelled[:1]):
        values = columns[name].values if name in columns else []
        found = [i for i, value in enumerate(values) if isinstance(value, str) and TOTAL.fullmatch(value.strip())]
        leukaemia = name != codebook.id and len(found) == 1 and values[found[0]] == "ALL"
        yield from found if len(found) == 1 and not leukaemia else ()


def _sums(columns: Mapping[str, Recorded], codebook: Codebook, n: int) -> Iterator[int]:
    """Yield the rows of which two numbers or more are what those of all others add up to, and none is not."""
    numbers = [name for name in columns if codebook.columns[name].type in NUMBERS and name != codebook.id]
    if len(numbers) < 2 or not 3 < n <= MOST:
        return
    cells = np.array([[np.nan if v is None else float(v) for v in columns[name].values] for name in numbers])
    rest = np.nansum(cells, axis=1, keepdims=True) - np.nan_to_num(cells)
    same = np.isclose(cells, rest, rtol=1e-9, atol=1e-9) & (cells != 0)
    enough = (same.sum(axis=0) >= 2) & (same | np.isnan(cells)).all(axis=0)
    yield from map(int, np.flatnonzero(enough))


def _problem(rule: str, said: str, row: int, columns: Mapping[str, Recorded], codebook: Codebook) -> Problem:
    value, remedy = columns[codebook.id].values[row] if codebook.id in columns else None, "remove the row"
    if value is not None:
        shown = toml_text(value) if isinstance(value, str) else value
        remedy += f', or leave it out by [codings.rows.patients] with why = "no patient" and drop = [{shown}]'
    column = codebook.id * (value is not None)
    return Problem(rule, said, "a patient", remedy, WARNING, row=row + 1, column=column, value=value)
