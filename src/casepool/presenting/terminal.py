"""A layout as plain text, no wider than the terminal."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest

from casepool.escaping import one_line
from casepool.numbers import MINUS
from casepool.presenting.layout import Block, Layout

WIDTH = 100
"""Columns of text where there is no terminal; the environment variable COLUMNS says another."""
NARROWEST = 12
"""Columns a column of texts keeps, and where there is no other way its longest word, or in the end half of these."""
GAP = "  "
INDENT = "  "


def width() -> int:
    """Return how many columns the terminal has."""
    return shutil.get_terminal_size((WIDTH, 24)).columns


def text_of(layout: Layout, columns: int, most: int | None = None) -> str:
    """Write a layout as text.

    Parameters
    ----------
    layout : Layout
    columns : int
        Width of the text; of a table that cannot be as narrow, lines are longer.
    most : int, optional
        Rows that are shown; of more, the first and the last.
    """
    inner = INDENT if any(block.name for block in layout.groups) else ""
    above = [line for text in (layout.title, layout.caption) if text for line in wrapped(text, columns)]
    parts = [_body(part, columns, inner, most) for part in _parts(layout, columns - len(inner))]
    below = [line for note in layout.footnotes for line in wrapped(note, columns, INDENT)]
    lines = [line for part in filter(None, [above, *parts, below]) for line in ["", *part]]
    return "\n".join(lines[1:]).replace(MINUS, "-")


def _parts(layout: Layout, room: int) -> Iterator[Layout]:
    """Yield a layout whole, or where its words cannot stand side by side in parts that begin with the same column."""
    least = _longest_words(layout)
    place = 1
    while place < len(least) or place == 1:
        end, used = place, least[0]
        while end < len(least) and (end == place or used + len(GAP) + least[end] <= room):
            used, end = used + len(GAP) + least[end], end + 1
        kept = [0, *range(place, end)]
        place = max(end, place + 1)
        yield _chosen(layout, kept)


def _chosen(layout: Layout, kept: Sequence[int]) -> Layout:
    """Return a layout with some of its columns."""
    blocks = [Block(block.name, [[row[i] for i in kept] for row in block.rows]) for block in layout.groups]
    headings, numeric = tuple(layout.headings[i] for i in kept), tuple(layout.numeric[i] for i in kept)
    return replace(layout, headings=headings, numeric=numeric, groups=tuple(blocks))


def _body(layout: Layout, columns: int, inner: str, most: int | None) -> list[str]:
    """Return the lines of the headings and rows, of too many the first and the last."""
    widths = _widths(layout, columns - len(inner))
    hidden, place = layout.hidden(most), 0
    lines = _row(layout.headings, widths, layout.numeric, inner)
    for block in layout.groups:
        places = range(place, place := place + len(block.rows))
        lines += wrapped(block.name, columns) if block.name and not set(places) <= set(hidden) else []
        for i, row in zip(places, block.rows, strict=True):
            lines += [f"… {len(hidden)} rows more"] if hidden and i == hidden[0] else []
            lines += _row(row, widths, layout.numeric, inner) if i not in hidden else []
    return lines


def wrapped(text: str, columns: int, indent: str = "") -> list[str]:
    """Break text into lines of at most so many columns, those after the first indented."""
    from rich.cells import cell_len

    if cell_len(text) <= columns:
        return [text]
    first, *_ = _folded(text, columns)
    rest = text[len(first) :].lstrip(" ")
    return [first.rstrip(), *(indent + line for line in _folded(rest, max(1, columns - len(indent))))]


def sentences_of(said: Sequence[tuple[str, str]], columns: int) -> str:
    """Write sentences one below the other, each behind its verdict."""
    lines = []
    for verdict, sentence in said:
        head = f"{one_line(verdict):<9}  "
        first, *rest = wrapped(one_line(sentence), max(NARROWEST, columns - len(head)))
        lines += [head + first, *(" " * len(head) + line for line in rest)]
    return "\n".join(lines)


def wrapped_lines(text: str, indent: str) -> str:
    """Break lines that are longer than the terminal is wide, their continuations indented."""
    columns = width()
    return "\n".join(part for line in text.splitlines() for part in wrapped(line, columns, indent))


def _folded(text: str, columns: int) -> list[str]:
    """Break text at its spaces, and within words that are longer than a line."""
    from rich.console import Console
    from rich.text import Text

    console = Console(file=io.StringIO(), width=columns, color_system=None, force_terminal=False)
    return [line.plain.rstrip() for line in Text(text).wrap(console, columns, overflow="fold")]


def _widths(layout: Layout, room: int) -> list[int]:
    """Give every column what it needs; where that is too much the widest texts less, and last of all break words."""
    from rich.cells import cell_len

    widths = [max(map(cell_len, column)) for column in _columns(layout)]
    words = _longest_words(layout)
    for least in ([max(NARROWEST, word) for word in words], words, [NARROWEST // 2] * len(words)):
        while sum(widths) + len(GAP) * (len(widths) - 1) > room:
            spare = [(w, i) for i, w in enumerate(widths) if w > least[i] and not layout.numeric[i]]
            if not spare:
                break
            widths[max(spare)[1]] -= 1
    return widths


def _columns(layout: Layout) -> list[tuple[str, ...]]:
    """Return the cells of every column, its heading first."""
    return list(zip(layout.headings, *(row for block in layout.groups for row in block.rows), strict=True))


def _longest_words(layout: Layout) -> list[int]:
    """Return how wide every column is at least if no word of it is broken and no number."""
    from rich.cells import cell_len

    cells = zip(_columns(layout), layout.numeric, strict=True)
    parts = ([c for cell in column for c in ([cell] if number else cell.split(" "))] for column, number in cells)
    return [max(map(cell_len, ["", *words])) for words in parts]


def _row(cells: Sequence[str], widths: Sequence[int], numeric: Sequence[bool], inner: str) -> list[str]:
    from rich.cells import cell_len

    columns = [wrapped(cell, width) for cell, width in zip(cells, widths, strict=True)]
    lines = []
    for line in zip_longest(*columns, fillvalue=""):
        padded = [
            " " * (width - cell_len(text)) + text if number else text + " " * (width - cell_len(text))
            for text, width, number in zip(line, widths, numeric, strict=True)
        ]
        lines.append((inner + GAP.join(padded)).rstrip())
    return lines
