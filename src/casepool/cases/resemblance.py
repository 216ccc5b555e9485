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
"""Rows compared at most, the first ones: the comparison grows with their square."""


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
    for row in range(1, len(codes)):
        both = (codes[:row] >= 0) & (codes[row] >= 0)
        differs = codes[:row] != codes[row]
        against = (differs & both).any(axis=1) if traits else differs.any(axis=1)
        like = np.flatnonzero(~against & (both.sum(axis=1) >= AGREEING))
        if len(like):
            first = int(like[0])
            yield Problem(
                "",
                f"may be the patient of row {first + 1}{_name(record, first)} reported again: both agree in "
                + (", ".join(names[i] for i in np.flatnonzero(both[first])) if traits else "every column"),
                "patients who differ",
                "check the sources; a coding with drop = [...] leaves one of the two out",
                row=row + 1,
                column=record.codebook.id if record.codebook.id in record.columns else "",
                value=record.shown(record.codebook.id, row) if record.codebook.id in record.columns else None,
            )


def _codes(values: list[object]) -> list[int]:
    """Return distinct values numbered from 0; empty ones are -1."""
    numbers: dict[object, int] = {}
    return [-1 if value is None else numbers.setdefault(value, len(numbers)) for value in values]


def _name(record: Record, row: int) -> str:
    if record.codebook.id not in record.columns:
        return ""
    return f" ({record.codebook.id} {record.shown(record.codebook.id, row)})"
