"""What a reader of a workbook does not see, or sees as crossed out, and a program would read like all else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from casepool.cases.header_rows import Merged
from casepool.cases.problems import Problem
from casepool.cases.sheet import Sheet, warning

FALSE = ("", "0", "false")
RANGE = r"(?P<left>[A-Z]{1,3})(?P<top>\d{1,7}):(?P<right>[A-Z]{1,3})(?P<bottom>\d{1,7})"
TOLD = 10
"""Rows or columns that are named, at most."""


@dataclass
class Layout:
    """Of one sheet: numbers of its hidden rows and columns, whether a filter hides rows, and merged ranges."""

    rows: list[int] = field(default_factory=list)
    columns: list[int] = field(default_factory=list)
    filtered: bool = False
    merged: list[Merged] = field(default_factory=list)
    row: int = 0

    def element(self, name: str, keys: dict[str, str]) -> None:
        """Take note of the beginning of an element of the sheet's XML."""
        hidden = keys.get("hidden", "") not in FALSE
        if name == "row":
            self.row = int(keys.get("r", self.row + 1))
            self.rows += [self.row] * hidden
        elif name == "col" and hidden:
            self.columns += range(int(keys["min"]), min(int(keys["max"]), int(keys["min"]) + 1_000) + 1)
        elif name == "autoFilter":
            self.filtered = True
        elif name == "mergeCell" and (ends := re.fullmatch(RANGE, keys.get("ref", ""))):
            left, right = (_number(ends[side]) for side in ("left", "right"))
            self.merged.append(Merged(int(ends["top"]), left, int(ends["bottom"]), right))


def _number(letters: str) -> int:
    """Return the number of a column, 1 for A."""
    return sum((ord(letter) - 64) * 26**power for power, letter in enumerate(reversed(letters)))


def overlooked(sheet: Any, layout: Layout, found: Sheet, seen: set[str], file: str) -> Iterator[Problem]:
    """Yield warnings on rows and columns of a sheet that are read, and are hidden, filtered, struck out or merged.

    Parameters
    ----------
    sheet : openpyxl.worksheet._read_only.ReadOnlyWorksheet
    layout : Layout
    found : Sheet
        What was read of it.
    seen : set of str
        Names of all XML elements of the workbook.
    file : str
    """
    place = {line: row for row, line in enumerate(found.lines, start=1)}
    why = "hidden, perhaps by a filter," if layout.filtered else "hidden"
    if hidden := [line for line in layout.rows if line in place]:
        yield _rows("hidden rows", f"{why} and read like all others", hidden, place, file)
    names = [found.names[i - 1] for i in layout.columns if i <= len(found.names) and found.names[i - 1]]
    if names:
        said, remedy = f"hidden columns are read: {', '.join(names[:TOLD])}", "unhide and check them, or delete them"
        yield warning("hidden columns", said, "columns that can be seen", remedy, file=file, column=names[0])
    if "strike" in seen and (struck := [line for line in _struck(sheet) if line in place]):
        yield _rows("struck out", "struck out, in part or whole, and read like all others", struck, place, file)

    if merged := [line for m in layout.merged for line in range(m.top, m.bottom + 1) if line in place]:
        said = "cells of the table are merged, of which only the first holds the value"
        where = {"file": file, "row": place[merged[0]]}
        yield warning("merged cells", said, "one value in every cell", "unmerge them and fill each", **where)


def _rows(rule: str, said: str, lines: list[int], place: dict[int, int], file: str) -> Problem:
    listed = ", ".join(map(str, lines[:TOLD])) + (f" and {len(lines) - TOLD} more" if len(lines) > TOLD else "")
    remedy = "check them, and delete what is not to be read, or leave patients out by a coding with drop = [...]"
    are = "row {} is" if len(lines) == 1 else "rows {} are"
    return warning(rule, f"{are.format(listed)} {said}", "rows that hold", remedy, file=file, row=place[lines[0]])


def layout_of(sheet: Any) -> Layout:
    """Read the layout from the XML of a sheet, which has been checked."""
    layout, parser = Layout(), expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = lambda name, keys: layout.element(name.rpartition(" ")[2], keys)
    with sheet._get_source() as stream:  # the part of the workbook, which openpyxl finds
        while chunk := stream.read(65_536):
            parser.Parse(chunk)
    return layout


def _struck(sheet: Any) -> list[int]:
    """Return the numbers of the rows in which a filled cell is struck out."""
    lines = {cell.row for row in sheet.iter_rows() for cell in row if cell.value is not None and cell.font.strike}
    return sorted(lines)
