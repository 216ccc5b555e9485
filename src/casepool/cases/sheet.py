"""A grid of cells, from any kind of file, becomes a raw frame; a grid of the wrong shape is said row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from casepool.cases.problems import NOTE, WARNING, Problem
from casepool.errors import CasepoolError

MOST_BYTES = 50_000_000
"""Bytes of the largest file read: beyond it, it is no table of cases."""


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
    """

    frame: pd.DataFrame
    problems: list[Problem] = field(default_factory=list)


def warning(rule: str, problem: str, expected: str, remedy: str, **where: Any) -> Problem:
    """Make a warning of how a file was read."""
    return Problem(rule, problem, expected, remedy, severity=WARNING, **where)


def note(rule: str, problem: str, expected: str, remedy: str, **where: Any) -> Problem:
    """Make a note of how a file was read."""
    return Problem(rule, problem, expected, remedy, severity=NOTE, **where)


def to_sheet(rows: Sequence[Sequence[Any]], file: str) -> Sheet:
    """Make a frame of a header and rows of cells.

    Wholly empty rows above the header and at the end and wholly empty nameless columns are left out. Every nameless or
    repeated column and every row that is not as wide as the header is an error.

    Raises
    ------
    CasepoolError
        If there is no header.
    """
    filled = [number for number, row in enumerate(rows) if not all(_empty(cell) for cell in row)]
    rows = rows[filled[0] : filled[-1] + 1] if filled else []
    if not rows:
        raise CasepoolError("the file is empty", file=file, remedy="give a header and one row per patient")
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
    if ragged:
        return Sheet(pd.DataFrame(columns=header), ragged)
    kept = [i for i, name in enumerate(header) if name or not all(_empty(row[i]) for row in rows[1:])]
    problems = [
        Problem("shape", f"column {i + 1} has no name", "a name", "name it", file=file) for i in kept if not header[i]
    ]
    cells = [[row[i] for i in kept] for row in rows[1:]]
    text = all(isinstance(cell, str) for row in cells for cell in row)
    return Sheet(pd.DataFrame(cells, columns=[header[i] for i in kept], dtype="str" if text else object), problems)


def _empty(cell: object) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())
