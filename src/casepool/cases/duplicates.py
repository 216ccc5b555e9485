"""Two rows that may be one patient."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from casepool.cases.codebook import toml_text
from casepool.cases.columns import folded
from casepool.cases.problems import Problem
from casepool.cases.record import Record
from casepool.cases.role_inference import PUBLICATION, TRAITS
from casepool.cases.roles import TRAIT

AGREEING = 3
"""Filled columns in which two rows must agree to be noticed."""
SHARED = 4
"""Traits that two rows of different publications must both tell, to be noticed where numbers differ."""
MOST_COMPARED = 1_000
"""Rows compared at most where numbers may differ, the first ones."""
MOST = 5_000
"""Rows compared at most, the first ones: comparing traits, of which some are empty, grows with their square."""


def possible_duplicates(record: Record) -> Iterator[Problem]:
    """Ask that no two rows agree in all that describes a patient.

    Compared are the columns with the role ``trait``: two rows are noticed if they agree in every one that both have
    filled, and these are at least three. Without such columns, every column but the identifier is compared, empty
    cells with empty ones, and at least three must be filled. Each later row is named once, with the first row it
    resembles.
    """
    traits = record.having(TRAIT)
    names = traits or [name for name in record.columns if name != record.codebook.id]
    if len(names) < AGREEING:
        return
    codes = np.array([_codes(record.columns[name].values[:MOST]) for name in names]).T
    for row, first in _agreeing(codes) if traits else _equal(codes):
        both = [name for name, a, b in zip(names, codes[row], codes[first], strict=True) if a >= 0 and b >= 0]
        said = f"may be the patient of row {first + 1}{_name(record, first)} reported again: both agree in "
        yield _repeated(record, row, said + (", ".join(both) if traits else "every column"))


def _repeated(record: Record, row: int, said: str) -> Problem:
    named = record.codebook.id in record.columns
    own = record.shown(record.codebook.id, row) if named else None
    drop = f"drop = [{toml_text(own) if isinstance(own, str) else own}]" if named else "drop = [...]"
    return Problem(
        "",
        said,
        "patients who differ",
        f"check the sources; a coding with {drop} leaves one of the two out",
        row=row + 1,
        column=record.codebook.id if named else "",
        value=own,
    )


def near_duplicates(record: Record) -> Iterator[Problem]:
    """Ask that no two rows of different publications describe nearly the same patient.

    Compared are the columns with the role ``trait`` or, where none has it, those whose names say one. Two rows are
    noticed if at least four traits are filled in both, all labels of these agree, and no number differs by more than 1
    (an age is told at diagnosis here and at treatment there). Rows that agree in everything are possible duplicates.
    """
    names = record.having(TRAIT) or [n for n in record.columns if re.fullmatch(TRAITS, n) and n != record.codebook.id]
    origin = record.codebook.publication or next((n for n in record.columns if re.fullmatch(PUBLICATION, n)), "")
    names = [name for name in names if name != origin]
    if len(names) < SHARED or origin not in record.columns:
        return
    sources = record.columns[origin].values[:MOST_COMPARED]
    cells = np.array([_places(record.columns[name].values[:MOST_COMPARED]) for name in names])
    for row in range(1, cells.shape[1]):
        both = ~np.isnan(cells[:, :row]) & ~np.isnan(cells[:, row, None])
        far = np.abs(cells[:, :row] - cells[:, row, None]) > 1
        for first in np.flatnonzero(~(both & far).any(axis=0) & (both.sum(axis=0) >= SHARED)):
            same = (cells[both[:, first], first] == cells[both[:, first], row]).all() and bool(record.having(TRAIT))
            if same or None in (sources[row], sources[first]) or sources[row] == sources[first]:
                continue
            said = f"may be the patient of row {first + 1}{_name(record, int(first))}, in another publication: "
            told_in = ", ".join(name for name, own in zip(names, both[:, first], strict=True) if own)
            yield _repeated(record, row, said + f"both agree, numbers to within 1, in {told_in}")
            break


def _equal(codes: np.ndarray) -> Iterator[tuple[int, int]]:
    """Yield rows of codes that are the same as an earlier one, and the first such."""
    seen: dict[bytes, int] = {}
    for row, own in enumerate(codes):
        first = seen.setdefault(own.tobytes(), row)
        if first != row and (own >= 0).sum() >= AGREEING:
            yield row, first


def _agreeing(codes: np.ndarray) -> Iterator[tuple[int, int]]:
    """Yield rows of codes that differ from an earlier one nowhere and share enough, and the first such.

    Column by column, the one with most values first, fewer earlier rows remain.
    """
    order = np.argsort(-codes.max(axis=0), kind="stable")
    columns = np.ascontiguousarray(codes.T[order])
    for row in range(1, len(codes)):
        like = np.arange(row)
        for column in columns[columns[:, row] >= 0]:
            like = like[(column[like] == column[row]) | (column[like] < 0)]
            if not len(like):
                break
        shared = ((codes[like] >= 0) & (codes[row] >= 0)).sum(axis=1) >= AGREEING
        if shared.any():
            yield row, int(like[np.argmax(shared)])


def _places(values: list[Any]) -> list[float]:
    """Return numbers as they are, and labels numbered so that different ones lie more than 1 apart."""
    seen: dict[str, float] = {}
    places = []
    for value in values:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        own = float(value) if number else seen.setdefault(folded(str(value)), 2.0 * len(seen))
        places.append(np.nan if value is None else own)
    return places


def _codes(values: list[object]) -> list[int]:
    """Return distinct values numbered from 0; empty ones are -1."""
    numbers: dict[object, int] = {}
    return [-1 if value is None else numbers.setdefault(value, len(numbers)) for value in values]


def _name(record: Record, row: int) -> str:
    if record.codebook.id not in record.columns:
        return ""
    return f" ({record.codebook.id} {record.shown(record.codebook.id, row)})"
