"""Where a table stands among the rows of a file: below titles, under a header of one row or two, above notes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from casepool.cases.cells import FALSE, TRUE
from casepool.cases.remedies import is_date, is_number
from casepool.errors import CasepoolError

MOST_ABOVE = 50
"""Rows above a header, at most."""
LOOKED_AT = 20
"""Rows below a header that are asked whether they look like it."""
NOTE_WORDS = 5
"""Words of a cell that stands alone below a table, from which on it is no label."""
NOTE = re.compile(
    r"(?i)([*†‡§¶#•]|[a-d]\)|(foot)?notes?\b|n\.?b\.|abbreviations?\b|abbr\.|source\b|legend\b|data (as|from)\b).*",
    re.DOTALL,
)
"""How a note below a table begins."""
TOTAL = re.compile(
    r"(?i)((grand|sub)[- ]?total|totals?|all|overall|mean|average|median|mittelwert|sum|summe|gesamt|insgesamt)"
    r"( (patients|cases|subjects))?\s*(:|\(.*\)|,?\s*n\s*=\s*\d+)?"
)
"""How the first cell of a row reads that adds up the others, or averages them."""
Rows = Sequence[Sequence[Any]]


class Merged(NamedTuple):
    """A range of merged cells: its first and last line and column, counted from 1."""

    top: int
    left: int
    bottom: int
    right: int


@dataclass(frozen=True)
class Place:
    """Positions of the first row of the header, of the first row of patients and of what follows the last one."""

    head: int
    body: int
    end: int


def place_of(
    rows: Rows, lines: Sequence[int], told: Mapping[str, str], merged: Sequence[Merged], file: str
) -> tuple[Place, list[int]]:
    """Find a table among rows of which one at least is filled.

    Parameters
    ----------
    rows : sequence of sequences
    lines : sequence of int
        The number the file gives to each row.
    told : mapping of str to str
        ``header`` and ``last`` of ``[file]``: lines.
    merged : sequence of Merged
        Ranges of merged cells, by which a header of two rows is known.
    file : str

    Returns
    -------
    place : Place
    notes : list of int
        Lines below the table that hold a note only.

    Raises
    ------
    CasepoolError
        If there is no such line.
    """
    filled = [number for number, row in enumerate(rows) if not all(map(is_empty, row))]
    end = filled[-1] + 1
    if last := told.get("last"):
        end = min(end, sum(line <= _line("last", last, lines, file) for line in lines))
    if header := told.get("header"):
        first, _, second = header.partition("-")
        head = list(lines).index(_line("header", first, lines, file))
        body = list(lines).index(_line("header", second or first, lines, file)) + 1
    else:
        head = filled[0] + above_header(rows[filled[0] : end])
        body = head + 1 + _has_second_row(rows[:end], head, lines, merged)
    kept = body if "last" in told else 0
    notes = [] if kept else _notes(rows, body, end)
    return Place(head, body, notes[0] if notes else max(end, body)), [lines[i] for i in notes if i in set(filled)]


def _line(key: str, text: str, lines: Sequence[int], file: str) -> int:
    """Return a line that `[file]` names."""
    if text.isascii() and text.isdigit() and int(text) in lines:
        return int(text)
    remedy = f"give a line from {lines[0]} to {lines[-1]}, as the file numbers them"
    raise CasepoolError("there is no such line", file=file, column=f"file.{key}", value=text, remedy=remedy)


def above_header(rows: Rows) -> int:
    """Return how many rows stand above the header: those that begin with #, and titles.

    Titles fill one cell at most, or half as many as a row below them that looks like a header and unlike what follows
    it. They stand there only if a row follows that looks like a header, of different texts in two cells or more; a row
    that begins with # may be one itself.
    """
    above = next((i for i, row in enumerate(rows) if not _text(row[:1]).startswith("#")), len(rows))
    while above < min(len(rows), MOST_ABOVE) and width_of(rows[above]) < 2:
        above += 1
    near = range(above + 1, min(len(rows), above + 5))
    fuller = [i for i in near if width_of(rows[i]) >= 2 * width_of(rows[above]) and heads(rows, i)]
    above = fuller[0] if fuller and not heads(rows, above) else above
    return above if above < len(rows) and is_header(rows[above]) else 0


def _has_second_row(rows: Rows, head: int, lines: Sequence[int], merged: Sequence[Merged]) -> bool:
    """Tell whether cells of a header are merged over the names of several columns in the row below."""
    if head + 1 >= len(rows) or not heads(rows, head + 1, named=False):
        return False
    spans = [m for m in merged if m.top == m.bottom == lines[head] and m.right > m.left]
    below = rows[head + 1]
    return any(sum(not is_empty(cell) for cell in below[m.left - 1 : m.right]) > 1 for m in spans)


def is_second_row(body: Rows) -> bool:
    """Tell whether the first row below a header holds words alone, in two columns of which the others hold none."""
    return len(body) > 2 and heads(body, 0, named=False, columns=2)


def heads(rows: Rows, head: int, *, named: bool = True, columns: int = 1) -> bool:
    """Tell whether a row looks like a header, and like none of the rows below: there some columns hold no texts.

    With `named`, of different texts; a second row may hold one twice, under different groups.
    """
    row, below = rows[head], rows[head + 1 : head + 1 + LOOKED_AT]
    if not (is_header(row) if named else all(is_empty(c) or _is_name(c) for c in row)):
        return False
    filled = ([r[i] for r in below if i < len(r) and not is_empty(r[i])] for i, c in enumerate(row) if not is_empty(c))
    return sum(2 * sum(not _is_name(cell) for cell in cells) > len(cells) for cells in filled) >= columns


def is_header(row: Sequence[Any]) -> bool:
    """Tell whether a row holds different texts in two cells or more."""
    names = [cell for cell in row if not is_empty(cell)]
    return (
        all(isinstance(n, str) and not is_number(n) for n in names) and len(names) > 1 and len(set(names)) == len(names)
    )


def _is_name(cell: object) -> bool:
    """Tell whether a cell may be the name of a column: a text that is no number, date or truth value."""
    words = (*TRUE, *FALSE, "na", "n/a")
    return isinstance(cell, str) and not (is_number(cell) or is_date(cell) or cell.strip().lower() in words)


def names_of(rows: Rows, place: Place, lines: Sequence[int], merged: Sequence[Merged]) -> list[str]:
    """Return the names of the columns; those of a second row stand behind the name of their group.

    A group spans the cells it is merged over; where none are, all that follow it up to the next one and have a name.
    """
    top, *more = ([_name(cell) for cell in row] for row in rows[place.head : place.body])
    if not more:
        return top
    width = max(len(top), len(more[-1]))
    top, below = ([*names, *[""] * (width - len(names))] for names in (top, more[-1]))
    spans = [m for m in merged if m.top <= lines[place.head] <= m.bottom]
    groups = [*top]
    for m in spans:
        groups[m.left - 1 : m.right] = [top[m.left - 1]] * len(groups[m.left - 1 : m.right])
    for i in range(1, width) if not spans else ():
        groups[i] = groups[i] or (groups[i - 1] if below[i - 1] and below[i] else "")
    return [" ".join(dict.fromkeys(filter(None, pair))) for pair in zip(groups, below, strict=True)]


def _name(cell: object) -> str:
    return ("" if is_empty(cell) else str(cell)).strip().strip("\ufeff\u200b")


def needs_second_row(names: Sequence[str], body: Rows) -> bool:
    """Tell whether nameless or repeated names of a header are told apart in the row below, which is no patient."""
    often = Counter(names)
    unclear = [i for i, name in enumerate(names) if not name or often[name] > 1]
    told = [i for i in unclear if body and i < len(body[0]) and not is_empty(body[0][i])]
    return bool(told) and heads(body, 0, named=False)


def _notes(rows: Rows, body: int, end: int) -> list[int]:
    """Return the positions of the rows at the end of a table that hold a note in their first cell, and no more.

    A cell that stands alone is one if it begins as notes do or has as many words as a sentence; and if a blank row
    stands before it, whatever it says. Below a blank row totals are left out like notes.
    """
    width = max((width_of(row) for row in rows[body - 1 : end]), default=0)
    first = end
    for i in range(end - 1, body, -1) if width > 2 else ():
        row = rows[i]
        total = TOTAL.fullmatch(_text(row[:1])) is not None
        if (width_of(row) > 1 and not total) or (width_of(row) == 1 and is_empty(row[0])):
            break
        blank = width_of(rows[i - 1]) == 0
        text = _text(row[:1])
        if (
            width_of(row)
            and not (total and not blank)
            and (blank or NOTE.fullmatch(text) or len(text.split()) >= NOTE_WORDS)
        ):
            first = i - blank
    return list(range(first, end))


def width_of(row: Sequence[Any]) -> int:
    """Return how many cells of a row are filled."""
    return sum(not is_empty(cell) for cell in row)


def _text(cells: Sequence[Any]) -> str:
    return cells[0].strip() if cells and isinstance(cells[0], str) else ""


def is_empty(cell: object) -> bool:
    """Tell whether a cell of a file holds nothing."""
    return cell is None or (isinstance(cell, str) and not cell.strip())
