"""What a reader of a workbook does not see, or sees as crossed out, and a program would read like all else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from casepool.cases.problems import Problem
from casepool.cases.sheet import Sheet, warning

FALSE = ("", "0", "false")
TOLD = 10
"""Rows or columns that are named, at most."""


@dataclass
class Layout:
    """Of one sheet: numbers of its hidden rows and columns, and whether a filter hides rows."""

    rows: list[int] = field(default_factory=list)
    columns: list[int] = field(default_factory=list)
    filtered: bool = False
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


def overlooked(sheet: Any, rows: Sequence[Sequence[Any]], found: Sheet, seen: set[str], file: str) -> Iterator[Problem]:
    """Yield warnings on rows and columns of a sheet that are read, and are hidden, filtered or struck out.

    Parameters
    ----------
    sheet : openpyxl.worksheet._read_only.ReadOnlyWorksheet
    rows : sequence of sequences
        Its cells, the first row being the sheet's first.
    found : Sheet
        What was read of it.
    seen : set of str
        Names of all XML elements of the workbook.
    file : str
    """
    layout = _layout(sheet)
    place = {line: row for row, line in enumerate(found.lines, start=1)}
    header = rows[found.header] if rows else ()
    why = "hidden, perhaps by a filter," if layout.filtered else "hidden"
    if hidden := [line for line in layout.rows if line in place]:
        yield _rows("hidden rows", f"{why} and are read like all others", hidden, place, file)
    names = [str(header[i - 1]) for i in layout.columns if i <= len(header) and header[i - 1] is not None]
    if names:
        said, remedy = f"hidden columns are read: {', '.join(names[:TOLD])}", "unhide and check them, or delete them"
        yield warning("hidden columns", said, "columns that can be seen", remedy, file=file, column=names[0])
    if "strike" in seen and (struck := [line for line in _struck(sheet) if line in place]):
        yield _rows("struck out", "struck out, in part or whole, and are read like all others", struck, place, file)


def _rows(rule: str, said: str, lines: list[int], place: dict[int, int], file: str) -> Problem:
    listed = ", ".join(map(str, lines[:TOLD])) + (f" and {len(lines) - TOLD} more" if len(lines) > TOLD else "")
    remedy = "check them, and delete what is not to be read, or leave patients out by a coding with drop = [...]"
    return warning(rule, f"rows {listed} are {said}", "rows that hold", remedy, file=file, row=place[lines[0]])


def _layout(sheet: Any) -> Layout:
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
