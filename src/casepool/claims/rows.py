"""The rows a claim counts: cells as plain values, and conditions on them written as data."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from casepool.cases import codebook_of
from casepool.cases.codebook import Codebook
from casepool.errors import CasepoolError

Cell = str | float | bool | tuple[str, ...] | None
Row = Mapping[str, Cell]


@dataclass(frozen=True)
class Table:
    """Rows of plain cells: None is empty, a set or list is a tuple of its members.

    Attributes
    ----------
    name : str
        What errors call it.
    rows : tuple of mappings
    labels : tuple of str
        How evidence names each row.
    columns : tuple of str
    order : mapping of str to tuple of str
        Declared levels of a column, in order.
    """

    name: str
    rows: tuple[Row, ...]
    labels: tuple[str, ...]
    columns: tuple[str, ...]
    order: Mapping[str, tuple[str, ...]]

    @cached_property
    def _members(self) -> dict[str, list[tuple[str, ...]]]:
        return {}

    def members_of(self, column: str) -> list[tuple[str, ...]]:
        """Return the labels in every row's cell of a column: read once, as hundreds of claims ask for the same."""
        if column not in self._members:
            self._members[column] = [members(row[column]) for row in self.rows]
        return self._members[column]


def table_of_cases(cases: pd.DataFrame, left_out: Sequence[str] = ()) -> Table:
    """Turn typed cases into a table of plain cells, without the patients whose identifiers are left out.

    Rows are named by identifier; of a table that has none, or is not public, by number.
    """
    codebook = codebook_of(cases) or Codebook()
    kinds = codebook.columns
    cases = cases.copy(deep=False)
    cases.attrs = {}  # pandas copies them deeply with every column it hands out
    columns = [str(name) for name in cases.columns]
    separators = {
        name: kinds[name].separator for name in columns if name in kinds and kinds[name].type in ("set", "list")
    }
    rows = [
        {name: _cell(value, separators.get(name, "")) for name, value in zip(columns, values, strict=True)}
        for values in zip(*(cases[name].tolist() for name in columns), strict=True)
    ]
    names = [str(row[codebook.id]) for row in rows] if codebook.id in columns else _numbered(rows)
    names = [name.removesuffix(".0") for name in names]
    labels = names if codebook.public else _numbered(rows)
    kept = [i for i, name in enumerate(names) if name not in left_out]
    order = {name: kinds[name].levels for name in columns if name in kinds and kinds[name].levels}
    return Table(codebook.name, tuple(rows[i] for i in kept), tuple(labels[i] for i in kept), tuple(columns), order)


def table_of_file(path: Path) -> Table:
    """Read a side table of a dataset, every cell as text; a ";" in a cell parts its members.

    Raises
    ------
    CasepoolError
        If it cannot be read.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines, strict=True)
            raw = list(reader)
            columns = tuple(reader.fieldnames or ())
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CasepoolError(
            f"the side table is not readable ({error})", file=str(path), remedy="check the file"
        ) from None
    rows = [
        {name: _cell(row[name] or None, ";" if ";" in (row[name] or "") else "") for name in columns} for row in raw
    ]
    return Table(path.name, tuple(rows), tuple(_numbered(rows)), columns, {})


def _numbered(rows: Sequence[Row]) -> list[str]:
    return [f"row {number}" for number in range(1, len(rows) + 1)]


def _cell(value: Any, separator: str) -> Cell:
    """Make one plain cell."""
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return None
    if separator:
        return tuple(part.strip() for part in str(value).split(separator) if part.strip())
    if isinstance(value, str | bool):
        return value
    return bool(value) if type(value).__name__ in ("bool_", "bool") else float(value)


def members(cell: Cell) -> tuple[str, ...]:
    """Return what a cell holds, as labels: several of a set or list, one of anything else, none if empty."""
    if cell is None:
        return ()
    return cell if isinstance(cell, tuple) else (label_of(cell),)


def label_of(value: object) -> str:
    """Write a value as the label it is compared by: 23, 23.0 and "23" are one label, true is "true"."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float) and float(value).is_integer():
        return str(int(value))
    return str(value)


Condition = Any
"""A value, a list of values, or a table of tests; see `TESTS`."""


def selected(table: Table, where: Mapping[str, Condition]) -> list[int]:
    """Return the positions of the rows that meet every condition.

    Parameters
    ----------
    table : Table
    where : mapping of column to condition
        A value (of a set: a member), a list of values (any of them), or tests by name: ``is`` = "present" or
        "missing", ``not``, ``at_least``, ``at_most``, ``above``, ``below`` (with ``minus``, another column
        taken off first), ``members_at_least``, ``any`` with ``paired`` and ``having`` (a member whose
        partner in another list is among those). The key ``or`` holds a list of alternatives, ``and`` one of
        further conditions.

    Raises
    ------
    CasepoolError
        For an unknown column or test.
    """
    return [i for i, met in enumerate(_met(table, where)) if met]


def _met(table: Table, where: Mapping[str, Condition]) -> list[bool]:
    """Say of every row whether it meets every condition."""
    each = [_held(table, column, condition) for column, condition in where.items()]
    return [all(of_row) for of_row in zip(*each, strict=True)] if each else [True] * len(table.rows)


def _held(table: Table, column: str, condition: Condition) -> list[bool]:
    if column in ("or", "and"):
        each = [_met(table, one) for one in condition]
        whole = any if column == "or" else all
        return [whole(of_row) for of_row in zip(*each, strict=True)] if each else [column == "and"] * len(table.rows)
    need(table, column)
    if not isinstance(condition, Mapping):
        wanted = {label_of(value) for value in (condition if isinstance(condition, list) else [condition])}
        return [not wanted.isdisjoint(labels) for labels in table.members_of(column)]
    for test in condition:
        if test not in TESTS and test not in ("minus", "paired", "having"):
            raise CasepoolError(
                "unknown test of a column", column=column, value=test, remedy=f"use one of {', '.join(sorted(TESTS))}"
            )
    tests = [TESTS[test] for test in condition if test in TESTS]
    return [all(test(table, row, column, condition) for test in tests) for row in table.rows]


def need(table: Table, column: str) -> None:
    """Refuse a column the table does not have."""
    if column not in table.columns:
        raise CasepoolError(
            f"{table.name} has no such column", value=column, remedy=f"its columns are {', '.join(table.columns)}"
        )


def number(table: Table, row: Row, column: str) -> float | None:
    """Read a cell as a number; None if it is empty or none."""
    need(table, column)
    cell = row[column]
    if isinstance(cell, bool | tuple) or cell is None:
        return None
    try:
        return float(cell)
    except ValueError:
        return None


def _compared(name: str, holds: Callable[[float, float], bool]) -> Callable[[Table, Row, str, Condition], bool]:
    """Make the test of a number against a limit, another column taken off first where asked."""

    def test(table: Table, row: Row, column: str, condition: Condition) -> bool:
        value = number(table, row, column)
        taken = number(table, row, condition["minus"]) if "minus" in condition else 0.0
        return value is not None and taken is not None and holds(value - taken, float(condition[name]))

    return test


def _present(table: Table, row: Row, column: str, condition: Condition) -> bool:
    del table
    if condition["is"] not in ("present", "missing"):
        raise CasepoolError(
            "a cell is present or missing", column=column, value=condition["is"], remedy="write one of the two"
        )
    wanted: bool = condition["is"] == "present"
    return bool(members(row[column])) == wanted


def _not(table: Table, row: Row, column: str, condition: Condition) -> bool:
    del table
    other = condition["not"] if isinstance(condition["not"], list) else [condition["not"]]
    held = set(members(row[column]))
    return bool(held) and held.isdisjoint({label_of(value) for value in other})


def _any(table: Table, row: Row, column: str, condition: Condition) -> bool:
    """Look for a member among the wanted whose partner in another list, where asked, is so too."""
    wanted = {label_of(value) for value in condition["any"]}
    held = members(row[column])
    if "paired" not in condition:
        return bool(wanted & set(held))
    need(table, condition["paired"])
    partners = members(row[condition["paired"]])
    having = {label_of(value) for value in condition["having"]}
    return any(a in wanted and b in having for a, b in zip(held, partners, strict=False))


TESTS: dict[str, Callable[[Table, Row, str, Condition], bool]] = {
    "is": _present,
    "not": _not,
    "any": _any,
    "at_least": _compared("at_least", lambda value, limit: value >= limit),
    "at_most": _compared("at_most", lambda value, limit: value <= limit),
    "above": _compared("above", lambda value, limit: value > limit),
    "below": _compared("below", lambda value, limit: value < limit),
    "members_at_least": lambda _table, row, column, condition: (
        len(set(members(row[column]))) >= condition["members_at_least"]
    ),
}
"""Every test a condition may name."""
