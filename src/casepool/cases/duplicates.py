"""Two rows that may be one patient."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from casepool.cases.problems import Problem
from casepool.cases.record import Record
from casepool.cases.roles import TRAIT

AGREEING = 3
"""Filled columns in which two rows must agree to be noticed."""
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
        yield Problem(
            "",
            f"may be the patient of row {first + 1}{_name(record, first)} reported again: both agree in "
            + (", ".join(both) if traits else "every column"),
            "patients who differ",
            "check the sources; a coding with drop = [...] leaves one of the two out",
            row=row + 1,
            column=record.codebook.id if record.codebook.id in record.columns else "",
            value=record.shown(record.codebook.id, row) if record.codebook.id in record.columns else None,
        )


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


def _codes(values: list[object]) -> list[int]:
    """Return distinct values numbered from 0; empty ones are -1."""
    numbers: dict[object, int] = {}
    return [-1 if value is None else numbers.setdefault(value, len(numbers)) for value in values]


def _name(record: Record, row: int) -> str:
    if record.codebook.id not in record.columns:
        return ""
    return f" ({record.codebook.id} {record.shown(record.codebook.id, row)})"
