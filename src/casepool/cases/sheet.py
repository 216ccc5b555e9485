"""A grid of cells, from any kind of file, becomes a raw frame; a grid of the wrong shape is said row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from casepool.cases.header_rows import Merged, Place, is_empty, is_second_row, names_of, needs_second_row, place_of
from casepool.cases.problems import NOTE, WARNING, Problem, on_line
from casepool.errors import CasepoolError

MOST_BYTES = 50_000_000
"""Bytes of the largest file read: beyond it, it is no table of cases."""
MOST_CELLS = 2_000_000
"""Cells of the largest table read: beyond it, it is no table of cases."""


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
        Position, among the rows that were read, of the last one with names of columns.
    names : tuple of str
        What stands in the header, by place.
    """

    frame: pd.DataFrame
    problems: list[Problem] = field(default_factory=list)
    lines: tuple[int, ...] = ()
    header: int = 0
    names: tuple[str, ...] = ()

    def numbered(self) -> list[Problem]:
        """Return the problems, each with the number its row has in the file."""
        return [on_line(problem, self.lines) for problem in self.problems]


def warning(rule: str, problem: str, expected: str, remedy: str, **where: Any) -> Problem:
    """Make a warning of how a file was read."""
    return Problem(rule, problem, expected, remedy, severity=WARNING, **where)


def note(rule: str, problem: str, expected: str, remedy: str, **where: Any) -> Problem:
    """Make a note of how a file was read."""
    return Problem(rule, problem, expected, remedy, severity=NOTE, **where)


def to_sheet(
    rows: Sequence[Sequence[Any]],
    file: str,
    lines: Sequence[int] = (),
    told: Mapping[str, str] | None = None,
    merged: Sequence[Merged] = (),
) -> Sheet:
    """Make a frame of a header and rows of cells.

    Wholly empty rows above the header and at the end and wholly empty nameless columns are left out, and so, with a
    warning, are what stands above the header (`above_header`), notes below the table and rows that repeat the header.
    The names of a header of two rows are joined, which is said. Every nameless or repeated column and every row that
    is not as wide as the header is an error; where no row is, they are one.

    Parameters
    ----------
    rows : sequence of sequences
    file : str
    lines : sequence of int, optional
        The number the file gives to each row; counted from 1 by default.
    told : mapping of str to str, optional
        ``[file]`` of the codebook: of it the lines of the ``header`` and of the ``last`` row.
    merged : sequence of Merged, optional
        Ranges of merged cells.

    Raises
    ------
    CasepoolError
        If there is no header.
    """
    told, lines = told or {}, lines or range(1, len(rows) + 1)
    if all(is_empty(cell) for row in rows for cell in row):
        raise CasepoolError("the file is empty", file=file, remedy="give a header and one row per patient")
    place, notes = place_of(rows, lines, told, merged, file)
    header = names_of(rows, place, lines, merged)
    said = _said_of_lines(rows, lines, place, header, told, file)
    said += [_notes_left_out(notes, file)] if notes else []
    numbered = list(zip(lines[place.body : place.end], rows[place.body : place.end], strict=True))
    again = [line for line, row in numbered if place.body == place.head + 1 and _repeats(row, rows[place.head])]
    said += [_header_again(again, file)] if again else []
    numbered = [(line, row) for line, row in numbered if line not in again]
    body, lines = [row for _, row in numbered], tuple(line for line, _ in numbered)
    if ragged := _ragged(body, header, file):
        return Sheet(pd.DataFrame(columns=header), said + ragged, lines, place.body - 1, tuple(header))
    if "header" not in told and needs_second_row(header, body):
        said.append(_two_rows(body[0], lines[0], file))
        return Sheet(pd.DataFrame(columns=header), said, lines, place.body - 1, tuple(header))
    if "header" not in told and is_second_row(body):
        said.append(_units(body[0], lines[0], file))
    kept = [i for i, name in enumerate(header) if name or not all(is_empty(row[i]) for row in body)]
    problems = [
        Problem("shape", f"column {i + 1} has no name", "a name", "name it, or delete the column", file=file)
        for i in kept
        if not header[i]
    ]
    cells = [[row[i] for i in kept] for row in body]
    text = all(isinstance(cell, str) for row in cells for cell in row)
    frame = pd.DataFrame(cells, columns=[header[i] for i in kept], dtype="str" if text else object)
    return Sheet(frame, said + problems, lines, place.body - 1, tuple(header))


def _ragged(body: Sequence[Sequence[Any]], header: Sequence[str], file: str) -> list[Problem]:
    """Return the rows that are not as wide as the header; one problem where no row is."""
    found = [
        Problem(
            "shape",
            f"{len(row)} cells where the header has {len(header)}",
            f"{len(header)} cells",
            "check separators and quotes in this row",
            file=file,
            row=number,
            value=row[0] if row else None,
        )
        for number, row in enumerate(body, start=1)
        if len(row) != len(header)
    ]
    if len(found) == len(body) > 1 and len({p.problem for p in found}) == 1:
        said, remedy = f"the rows have {found[0].problem}", "remove what stands above the header, or mend the header"
        return [Problem("shape", said, found[0].expected, remedy, file=file, value=header[0])]
    return found


def _said_of_lines(
    rows: Sequence[Sequence[Any]],
    lines: Sequence[int],
    place: Place,
    header: Sequence[str],
    told: Mapping[str, str],
    file: str,
) -> list[Problem]:
    """Return what is said of a header that was found, and not told."""
    if "header" in told:
        return []
    first, last = lines[place.head], lines[place.body - 1]
    top = next(number for number, row in enumerate(rows) if not all(map(is_empty, row)))
    said = []
    if place.head > top:
        problem = f"the header was found in line {first}, and what stands above it is left out"
        shown = first if last == first else [first, last]
        remedy = f"remove the lines above it, or set header = {shown} under [file]"
        if last == first and sum(not is_empty(cell) for cell in rows[place.head - 1]) > 1:
            remedy += f", or header = [{lines[place.head - 1]}, {first}] if the line above names groups of columns"
        value = next((cell for cell in rows[top] if not is_empty(cell)), None)
        said.append(warning("header", problem, "the header in the first line", remedy, file=file, value=value))
    if last > first:
        problem = f"the header stands in lines {first} and {last}, whose names are joined: {', '.join(header)}"
        remedy = f"set header = [{first}, {last}] under [file] if it is so, and else header = {first}"
        said.append(warning("header of two rows", problem, "a header of one row", remedy, file=file, value=header[0]))
    return said


def _two_rows(second: Sequence[Any], line: int, file: str) -> Problem:
    """Make the error of a header that seems to go on in the row below it, of which the line is given."""
    value = next((cell for cell in second if not is_empty(cell)), None)
    said = "columns have no name or the same one, and the row below the header seems to tell them apart"
    remedy = f"set header = [{line - 1}, {line}] under [file] of the codebook, or give every column its own name"
    return Problem("shape", said, "a name for every column", remedy, file=file, row=1, value=value)


def _units(second: Sequence[Any], line: int, file: str) -> Problem:
    """Make the warning of a row of units or further names that is read as a patient."""
    value = next((cell for cell in second if not is_empty(cell)), None)
    said = "read as a patient, and seems to belong to the header: it holds words where all other rows hold none"
    remedy = (
        f"delete the row, or set header = [{line - 1}, {line}] under [file] of the codebook to join it to the names"
    )
    return warning("row below the header", said, "a patient", remedy, file=file, row=1, value=value)


def _notes_left_out(notes: Sequence[int], file: str) -> Problem:
    many = (
        f"lines {notes[0]} to {notes[-1]} hold notes and are"
        if len(notes) > 1
        else f"line {notes[0]} holds a note and is"
    )
    said, remedy = f"below the table {many} left out", f"remove them, or set last = {notes[0] - 1} under [file]"
    return warning("notes below", said, "patients only", remedy, file=file)


def _repeats(row: Sequence[Any], header: Sequence[Any]) -> bool:
    return [*row] == [*header]


def _header_again(again: Sequence[int], file: str) -> Problem:
    said = f"the header stands again in line{'s' * (len(again) > 1)} {', '.join(map(str, again[:10]))}, and is left out"
    return warning("header again", said, "the header once", "remove the line", file=file)
