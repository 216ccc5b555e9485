"""What of a table a reader sees: a title, what all rows share, the cells, and footnotes.

Numbers are written as on a report's page (`casepool.numbers`). A column is left out only if it is empty or if its one
value is told above the table; of those that are for code and for diagnosis (`BESIDE`) the names are told below.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from numbers import Real
from typing import TYPE_CHECKING, Any

from casepool.escaping import one_line, shorten
from casepool.numbers import capital, shown, with_interval
from casepool.remarks import parts
from casepool.writing import COUNTS, RARE, RARE_NOTE, count_text

if TYPE_CHECKING:
    import pandas as pd

LIMITS = ("lower", "upper")
ESTIMATE = ("estimand", "level", "at", "kind", "estimate", *LIMITS, "interval", "unit", "verdict", "told", "note")
"""Columns by which an estimate table is known."""
BESIDE = ("kind", "mean", "sd", "ess", "mcse", "learnt", "prior_estimate", "prior_lower", "prior_upper")
"""Columns of an estimate table that are not shown: their names are."""
TELLING = ("by", "source", "model", "method", "prior", "dating", "coding")
"""Columns whose names alone are shown unless rows are told apart by nothing else."""
ALWAYS = ("level", "n", "events", "estimate", "note")
"""Columns that are never told above the table instead."""
LONG = 40
"""Characters of what is estimated from which it stands above its row."""
LONGEST_CELL = 1000
"""Characters of a cell that are shown."""
GOOD = "pass"
"""The verdict that may be told once for all rows."""


@dataclass(frozen=True)
class Block:
    """Rows under a heading of their own, or under none ("")."""

    name: str
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Layout:
    """A table as text, cell by cell.

    Parameters
    ----------
    title : str
        What all rows are estimates of, or "".
    shared : tuple of (str, str)
        Columns with one value, and the value.
    headings : tuple of str
    numeric : tuple of bool
        Which columns hold numbers.
    groups : tuple of Block
    notes : tuple of (str, str)
        Footnotes, each with its mark in the column ``note``; with "" what holds of all rows.
    """

    title: str
    shared: tuple[tuple[str, str], ...]
    headings: tuple[str, ...]
    numeric: tuple[bool, ...]
    groups: tuple[Block, ...]
    notes: tuple[tuple[str, str], ...]

    @property
    def caption(self) -> str:
        """What all rows share, on one line."""
        return "; ".join(f"{name}: {value}" for name, value in self.shared)

    def hidden(self, most: int | None) -> range:
        """Return the places of the rows in the middle that are not shown where at most so many are."""
        size = sum(len(block.rows) for block in self.groups)
        return range(most - most // 2, size - most // 2) if most is not None and size > most else range(0)

    @property
    def footnotes(self) -> list[str]:
        """The notes, each behind its mark."""
        return [f"{mark}: {note}" if mark else note for mark, note in self.notes]


def layout_of(table: pd.DataFrame, *, public: bool | None = None) -> Layout:
    """Lay a table out for readers.

    Parameters
    ----------
    table : pandas.DataFrame
        A table of answers; one with the columns `ESTIMATE` shows an estimate and its limits as one cell, any other
        has a cell for a value, numbers at four significant digits.
    public : bool, optional
        Whether small counts may be shown as they are; by default what the table says.
    """
    private = not (table.attrs.get("public", True) if public is None else public)
    columns = {str(name): list(table[name]) for name in table.columns}
    if set(ESTIMATE) <= set(columns):
        return _estimates(columns, private)
    texts = {name: [_text(name, value, private) for value in column] for name, column in columns.items()}
    notes: list[tuple[str, str]] = []
    if "note" in texts:
        texts["note"], notes = _footnotes([parts(note) for note in texts["note"]])
    empty = _empty(texts)
    shown = {name: column for name, column in _with_limits(texts).items() if name not in empty}
    said = [name for name in empty if name not in ("note", *LIMITS)]
    told = {name: _one(column) for name, column in shown.items() if name not in (*ALWAYS, "verdict")}
    told = {name: value for name, value in told.items() if value and not _are_numbers(columns[name])}
    told = told if len(told) < len(shown) and len(next(iter(columns.values()))) > 1 else {}
    shown = {name: column for name, column in shown.items() if name not in told}
    return _laid_out(
        "", tuple(told.items()), shown, columns, "", [*notes, *[("", f"Empty: {', '.join(said)}")] * bool(said)]
    )


def _with_limits(texts: dict[str, list[str]]) -> dict[str, list[str]]:
    """Put limits behind the number they are of: columns ``x``, ``x_lower`` and ``x_upper`` become one."""
    found = {
        name: [f"{name}_lower", f"{name}_upper"] for name in texts if {f"{name}_lower", f"{name}_upper"} <= set(texts)
    }
    whole = dict(texts)
    for name, limits in found.items():
        cells = zip(texts[name], *(whole.pop(limit) for limit in limits), strict=True)
        whole[name] = [f"{x} ({low} to {high})" if low or high else x for x, low, high in cells]
    return whole


def _estimates(columns: dict[str, list[Any]], private: bool) -> Layout:
    kinds = list(dict.fromkeys(filter(None, columns["interval"])))
    marks, notes = _footnotes([parts(str(note)) for note in columns["note"]])
    texts = {name: [_text(name, value, private) for value in column] for name, column in columns.items()}
    numbers = zip(*(columns[name] for name in ("estimate", *LIMITS, "interval", "unit")), strict=True)
    texts |= {"estimate": [_estimate(*row) for row in numbers], "note": marks}
    hidden = {*LIMITS, *BESIDE, *(["interval"] if len(kinds) == 1 else [])}
    told = {name: _one(column) for name, column in texts.items() if name not in {*hidden, *ALWAYS, "verdict"}}
    told["verdict"] = GOOD if set(texts["verdict"]) == {GOOD} else ""
    told = {name: told[name] for name in columns if told.get(name)}
    title = capital(told.pop("estimand", ""))
    gone = {*told, *_empty(texts), *(["estimand"] if title else [])}
    beside = [name for name in columns if name not in gone and name in {*BESIDE, *_idle(texts, gone)}]
    cells = {name: texts[name] for name in columns if name not in {*gone, *hidden, *beside}}
    by = next((name for name in ("estimand", "level") if name in cells and _runs(cells[name])), "")
    if not by and max(map(len, cells.get("estimand", [""]))) > LONG:
        by = "estimand"
    if beside:
        notes.append(("", f"Further columns: {', '.join(beside)}"))
    if by and not title and len(set(cells[by])) == 1:
        title, by = cells.pop(by)[0], ""
    laid_out = _laid_out(title, tuple(told.items()), cells, columns, by, notes)
    headings = tuple(f"estimate ({kinds[0]})" if h == "estimate" and len(kinds) == 1 else h for h in laid_out.headings)
    return replace(laid_out, headings=headings)


def _idle(texts: dict[str, list[str]], gone: Collection[str]) -> list[str]:
    """Return the columns of `TELLING` without which rows are told apart as well as with them."""
    known = {"kind", "n", "events", "estimate", *LIMITS, "verdict", "told", "note", *BESIDE, *TELLING}
    key, idle = [name for name in texts if name not in known], []
    for name in (name for name in TELLING if name not in gone):
        if _different(texts, [*key, name]) > _different(texts, key):
            key.append(name)
        else:
            idle.append(name)
    return idle


def _different(texts: dict[str, list[str]], key: Sequence[str]) -> int:
    return len(set(zip(*(texts[name] for name in key), strict=True)))


def _laid_out(
    title: str,
    shared: tuple[tuple[str, str], ...],
    cells: dict[str, list[str]],
    columns: dict[str, list[Any]],
    by: str,
    notes: list[tuple[str, str]],
) -> Layout:
    """Put the cells together, under headings of the column `by` where there is one."""
    names = [name for name in cells if name != by]
    rows = list(zip(*(cells[name] for name in names), strict=True))
    heads = cells[by] if by else [""] * len(rows)
    groups = [
        Block(head, [row for _, row in same])
        for head, same in groupby(zip(heads, rows, strict=True), key=lambda both: both[0])
    ]
    if any(RARE in cell for row in rows for cell in row):
        notes = [*notes, ("", RARE_NOTE)]
    numeric = tuple(_are_numbers(columns[name]) for name in names)
    return Layout(title, shared, tuple(map(one_line, names)), numeric, tuple(groups), tuple(notes))


def _estimate(estimate: float, lower: float, upper: float, interval: str, unit: str) -> str:
    return with_interval(estimate, lower, upper, unit) if interval else shown(estimate, unit)


def _text(name: str, value: Any, private: bool) -> str:
    """Write a cell: a count, marked where it may identify a patient, a number at four significant digits, or text."""
    if _is_number(value):
        if name in COUNTS:
            return count_text(value, private)
        return "" if math.isnan(value) else f"{float(value):.4g}"
    return "" if _is_missing(value) else shorten(one_line(str(value)), LONGEST_CELL)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _are_numbers(column: Sequence[Any]) -> bool:
    return all(_is_number(value) for value in column)


def _is_missing(value: Any) -> bool:
    return value is None or (type(value).__name__ in ("NAType", "NaTType"))


def _footnotes(notes: Sequence[Sequence[str]]) -> tuple[list[str], list[tuple[str, str]]]:
    """Replace each row's remarks by the numbers of its footnotes; what all rows say comes last, unnumbered."""
    said = list(dict.fromkeys(part for own in notes for part in own))
    common = [part for part in said if all(part in own for own in notes)]
    numbers = {part: str(i) for i, part in enumerate((p for p in said if p not in common), start=1)}
    marks = [",".join(numbers[part] for part in own if part in numbers) for own in notes]
    return marks, [
        *((number, one_line(part)) for part, number in numbers.items()),
        *(("", one_line(p)) for p in common),
    ]


def _empty(texts: dict[str, list[str]]) -> list[str]:
    """Return the columns that say nothing in any row."""
    return [name for name, column in texts.items() if not set(column) - {"", "–"}]


def _one(column: Sequence[str]) -> str:
    """Return what all rows of a column say, "" if they differ."""
    return column[0] if len(set(column)) == 1 else ""


def _runs(column: Sequence[str]) -> bool:
    """Whether equal values stand together so often that they are better said once, above their rows."""
    runs = [value for value, _ in groupby(column)]
    return len(column) >= 2 * len(runs) and len(set(runs)) == len(runs) and "" not in runs
