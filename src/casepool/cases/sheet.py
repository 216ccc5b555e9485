"""A grid of cells, from any kind of file, becomes a raw frame; a grid of the wrong shape is said row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from casepool.cases.problems import NOTE, WARNING, Problem, on_line
from casepool.cases.remedies import is_number
from casepool.errors import CasepoolError

MOST_BYTES = 50_000_000
"""Bytes of the largest file read: beyond it, it is no table of cases."""
MOST_CELLS = 2_000_000
"""Cells of the largest table read: beyond it, it is no table of cases."""
MOST_ABOVE = 50
"""Rows above a header, at most."""


@dataclass(frozen=True)
class Sheet:
    """What a file held.

    Parameters
    ----------
    frame : pandas.DataFrame
        Raw cells, one row per patient.
    problems : list of Problem
        What is wrong with the file's shape (errors: the frame is then not to be used), and how it was read where it
        could be read in more than one way (warnings and notes).
    lines : tuple of int
        The number that the file gives to each row of the frame; empty where it numbers none.
    header : int
        Position, among the rows that were read, of the one with the names of columns.
    """

    frame: pd.DataFrame
    problems: list[Problem] = field(default_factory=list)
    lines: tuple[int, ...] = ()
    header: int = 0

    def numbered(self) -> list[Problem]:
        """Return the problems, each with the number its row has in the file."""
        return [on_line(problem, self.lines) for problem in self.problems]


def warning(rule: str, problem: str, expected: str, remedy: str, **where: Any) -> Problem:
    """Make a warning of how a file was read."""
    return Problem(rule, problem, expected, remedy, severity=WARNING, **where)


def note(rule: str, problem: str, expected: str, remedy: str, **where: Any) -> Problem:
    """Make a note of how a file was read."""
    return Problem(rule, problem, expected, remedy, severity=NOTE, **where)


def to_sheet(rows: Sequence[Sequence[Any]], file: str, lines: Sequence[int] = ()) -> Sheet:
    """Make a frame of a header and rows of cells.

    Wholly empty rows above the header and at the end and wholly empty nameless columns are left out, and so, with a
    warning, is what stands above the header (`above_header`). Every nameless or repeated column and every row that is
    not as wide as the header is an error; where no row is, they are one.

    Parameters
    ----------
    rows : sequence of sequences
    file : str
    lines : sequence of int, optional
        The number the file gives to each row; counted from 1 by default.

    Raises
    ------
    CasepoolError
        If there is no header.
    """
    all_rows = rows
    filled = [number for number, row in enumerate(rows) if not all(_empty(cell) for cell in row)]
    if not filled:
        raise CasepoolError("the file is empty", file=file, remedy="give a header and one row per patient")
    lines = lines or range(1, len(rows) + 1)
    top = filled[0]
    head = top + above_header(rows[top : filled[-1] + 1])
    rows, lines = rows[head : filled[-1] + 1], tuple(lines)[head : filled[-1] + 1]
    said = [] if head == top else [_found_below(all_rows[top], lines[0], file)]
    header = [str("" if _empty(name) else name).strip().strip("\ufeff\u200b") for name in rows[0]]
    ragged = [
        Problem(
            "shape",
            f"{len(row)} cells where the header has {len(header)}",
            f"{len(header)} cells",
            "check separators and quotes in this row",
            file=file,
            row=number,
            value=row[0] if row else None,
        )
        for number, row in enumerate(rows[1:], start=1)
        if len(row) != len(header)
    ]
    if len(ragged) == len(rows) - 1 > 1 and len({p.problem for p in ragged}) == 1:
        said_once, remedy = (
            f"the rows have {ragged[0].problem}",
            "remove what stands above the header, or mend the header",
        )
        ragged = [Problem("shape", said_once, ragged[0].expected, remedy, file=file, value=header[0])]
    if ragged:
        return Sheet(pd.DataFrame(columns=header), ragged, lines[1:], head)
    kept = [i for i, name in enumerate(header) if name or not all(_empty(row[i]) for row in rows[1:])]
    problems = [
        Problem("shape", f"column {i + 1} has no name", "a name", "name it", file=file) for i in kept if not header[i]
    ]
    cells = [[row[i] for i in kept] for row in rows[1:]]
    text = all(isinstance(cell, str) for row in cells for cell in row)
    frame = pd.DataFrame(cells, columns=[header[i] for i in kept], dtype="str" if text else object)
    return Sheet(frame, said + problems, lines[1:], head)


def above_header(rows: Sequence[Sequence[Any]]) -> int:
    """Return how many rows stand above the header: those that begin with #, and titles, which fill one cell at most.

    They stand there only if a row follows that looks like a header, of different texts in two cells or more; a row that
    begins with # may be one itself.
    """
    above = next((i for i, row in enumerate(rows) if not _text(row[:1]).startswith("#")), len(rows))
    while above < min(len(rows), MOST_ABOVE) and sum(not _empty(cell) for cell in rows[above]) < 2:
        above += 1
    return above if above < len(rows) and _is_header(rows[above]) else 0


def _is_header(row: Sequence[Any]) -> bool:
    names = [cell for cell in row if not _empty(cell)]
    texts = all(isinstance(name, str) and not is_number(name) for name in names)
    return texts and len(names) > 1 and len(set(names)) == len(names)


def _text(cells: Sequence[Any]) -> str:
    return cells[0].strip() if cells and isinstance(cells[0], str) else ""


def _found_below(first: Sequence[Any], line: int, file: str) -> Problem:
    said = f"the header was found in line {line}, and what stands above it is left out"
    value = next((cell for cell in first if not _empty(cell)), None)
    return warning("header", said, "the header in the first line", "remove the lines above it", file=file, value=value)


def _empty(cell: object) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())
