"""Table 1 of a paper: the patients' characteristics, of everyone and by exposure."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from casepool.cases.column import LABELLED, NUMBERS
from casepool.errors import CasepoolError
from casepool.estimation.material import Material
from casepool.frequentist.characteristics import UNKNOWN, characteristics_of, may_describe
from casepool.numbers import capital
from casepool.reporting.blocks import Block, Cell, Table
from casepool.reporting.course import exposed_column
from casepool.reporting.layouts import finished

MOST_LEVELS = 6
"""Levels of a variable that are listed."""


def described(material: Material) -> list[Block]:
    """Lay out the characteristics; nothing of a table of counts, or without columns to describe."""
    if "n" in material.cases.columns:
        return []
    by = exposed_column(material) or None
    columns, withheld = _columns(material, by)
    try:
        table = characteristics_of(material.cases, material.codebook, by, columns=columns)
    except CasepoolError:  # a fit keeps too little of its table
        return []
    groups = [str(g) for g in dict.fromkeys(table["group"]) if g != UNKNOWN]
    words = _group_words(material)
    sizes = table[table["kind"] == "patients"].set_index("group")["n"]
    rows = [
        [Cell(name), *(Cell(_text(material, own[own["group"] == group])) for group in groups)]
        for name, own in _variables(table)
    ]
    if not rows:
        return []
    headings = ["", *(f"{capital(words.get(group, group))}, {material.count(sizes[group])}" for group in groups)]
    notes = ["Of those of whom the item is known."]
    if more := _left_out(table):
        notes.append(f"Levels with the most patients; not shown: {', '.join(more)}.")
    if withheld:
        notes.append(f"{withheld} more not shown, as the codebook does not list the levels.")
    if by is not None:
        lost = float(sizes.get(UNKNOWN, 0))
        notes.append(
            "Groups are of what patients came to receive: they had to live, free of the event, until then."
            + (f" Not recorded in {material.count(lost)}." if lost else "")
        )
    return [finished(Table("Characteristics.", headings, rows, notes), not material.public)]


def _group_words(material: Material) -> dict[str, str]:
    """Return what patients are called of whom the exposure is no and yes."""
    exposure = next((e for fitted in material.fits for e in fitted.model.exposures.values()), None)
    return {} if exposure is None else dict(zip(("no", "yes"), exposure.arms, strict=True))


def _columns(material: Material, by: str | None) -> tuple[list[str] | None, int]:
    """Choose what is described: traits, and what the fits take as a factor; None leaves it to the codebook's roles.

    Behind it stands how many a private table's page may not show, nor name.
    """
    book = material.codebook
    traits = [name for name, column in book.columns.items() if column.role == "trait"]
    terms = [term.source for fitted in material.fits for term in fitted.model.terms.values()]
    named = [name for name in dict.fromkeys([*traits, *terms]) if name in material.cases.columns and name != by]
    fit = [name for name in named if book.columns[name].type in (*LABELLED, *NUMBERS)]
    shown = [name for name in fit if may_describe(book, name)]
    return shown or None, len(fit) - len(shown)


def _left_out(table: pd.DataFrame) -> list[str]:
    """Say how many levels of every variable have no row on the page."""
    levels = table[table["kind"] == "level"].groupby("label", sort=False)
    more = {str(label): own["level"].nunique() - len(_levels_shown(own)) for label, own in levels}
    return [f"{n} more of {label}" for label, n in more.items() if n]


def _levels_shown(levels: pd.DataFrame) -> list[str]:
    """Choose the levels of a variable that have a row: of two patients or more, where it has such."""
    sizes = levels.groupby("level", sort=False)["n"].max()
    kept = sizes[sizes > 1] if (sizes > 1).any() else sizes
    return [str(level) for level in kept.index[:MOST_LEVELS]]


def _variables(table: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Return every row of the page with its name: a number, or a level of a variable."""
    found = []
    for _, own in table[table["variable"] != ""].groupby("variable", sort=False):
        label = capital(str(own["label"].iloc[0]))
        numbers = own[own["kind"] == "number"]
        if len(numbers):
            unit = str(own["unit"].iloc[0])
            found.append((f"{label}, median (range){f', {unit}' if unit else ''}", numbers))
        levels = own[own["kind"] == "level"]
        found += [(f"{label}: {level}", levels[levels["level"] == level]) for level in _levels_shown(levels)]
    return found


def _text(material: Material, row: pd.DataFrame) -> str:
    """Write what is told of a group."""
    if row.empty:
        return "–"
    own: pd.Series[Any] = row.iloc[0]
    if own["kind"] == "level":
        return f"{material.count(own['n'])} of {material.count(own['patients'])}"
    if math.isnan(own["median"]):
        return "–"
    limits = "" if math.isnan(own["smallest"]) else f" ({own['smallest']:g} to {own['largest']:g})"
    return f"{own['median']:.3g}{limits}"
