"""Estimate tables as tables to read: raw beside shrunk, tests, survival by strategy, ratios under several priors."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from casepool.estimation.told import MARKS, legend
from casepool.modelling.families.priors import Prior
from casepool.numbers import TIMES, shown, with_interval
from casepool.plotting.style import UNCONVERGED
from casepool.remarks import parts
from casepool.reporting.blocks import Cell, Table
from casepool.writing import HIDDEN, HIDDEN_NOTE, hidden_text, hides

Row = pd.Series


def common_notes(*tables: pd.DataFrame) -> list[str]:
    """Return what every noted row says, to be said once below the table."""
    notes = [set(parts(note)) for table in tables for note in table["note"]]
    shared = set.intersection(*notes) if notes else set()
    first = next((note for table in tables for note in table["note"]), "")
    return [part for part in parts(first) if part in shared]


def own_note(row: Row, shared: Sequence[str]) -> str:
    """Return what only this row says."""
    return "; ".join(part for part in parts(row["note"]) if part not in shared)


def number_cell(row: Row, shared: Sequence[str] = ()) -> Cell:
    """Lay out one number with its limits and what only it says."""
    if math.isnan(row["estimate"]) and row["interval"]:
        return Cell("no patient" if row["n"] == 0 else "–", _reason(row, shared))
    if not row["interval"]:
        text = shown(row["estimate"], row["unit"])
    else:
        text = with_interval(row["estimate"], row["lower"], row["upper"], row["unit"])
    failed = row["verdict"] == "fail"
    return Cell(f"{text} ×" if failed else text, own_note(row, shared), failed, row["told"])


def _reason(row: Row, shared: Sequence[str]) -> str:
    said = own_note(row, shared)
    return "" if row["n"] == 0 else said


def finished(table: Table, mark_rare: bool) -> Table:
    """Add the notes that marks in the table call for."""
    failed = table.failed or any(cell.failed for row in table.rows for cell in row)
    notes = list(table.notes)
    if failed:
        notes.insert(0, f"× {UNCONVERGED}.")
    if words := [word for word in MARKS if any(cell.told == word for row in table.rows for cell in row)]:
        notes.append(legend(words))
    if mark_rare and any(HIDDEN in cell.text for row in table.rows for cell in row):
        notes.append(HIDDEN_NOTE)
    return Table(table.caption, table.headings, table.rows, notes, failed)


def kind(table: pd.DataFrame) -> str:
    """Return the kind and width of a table's intervals: "95% CrI"."""
    return next((str(name) for name in table["interval"] if name), "")


def side_by_side(
    caption: str,
    label: str,
    event: str,
    raw: pd.DataFrame,
    shrunk: pd.DataFrame,
    new: pd.DataFrame,
    *,
    mark_rare: bool,
) -> Table:
    """Lay the rates of levels side by side: raw, shrunk, and for a new patient."""
    raw = raw[raw["method"] == "Clopper-Pearson"]
    levels = list(dict.fromkeys([*raw["level"], *shrunk["level"], *new["level"]]))
    tables = [(table, common_notes(table)) for table in (raw, shrunk, new)]
    rows = []
    for level in levels:
        found = [table[table["level"] == level] for table, _ in tables]
        counted = next((rows.iloc[0] for rows in found[:2] if len(rows)), found[2].iloc[0])
        counts = f"{hidden_text(counted['events'], mark_rare)} of {hidden_text(counted['n'], mark_rare)}"
        cells = [
            number_cell(rows.iloc[0], shared) if len(rows) and not _told_by(rows.iloc[0], mark_rare) else Cell("–")
            for rows, (_, shared) in zip(found, tables, strict=True)
        ]
        rows.append([Cell(str(level)), Cell(counts), *cells])
    headings = [
        label,
        f"{event}, of evaluable",
        f"raw, {kind(raw)} (Clopper-Pearson)",
        f"shrunk, {kind(shrunk)}: the level's own patients",
        f"shrunk, {kind(new)}: a new patient",
    ]
    notes = list(dict.fromkeys(part for _, shared in tables for part in shared))
    return finished(Table(caption, headings, rows, notes), mark_rare)


def _told_by(row: Row, mark_rare: bool) -> bool:
    """Whether a rate without a model would tell a count that is not told."""
    return mark_rare and row["source"] == "raw" and row["kind"] == "value" and hides(row["events"], row["n"])


def by_prior(caption: str, label: str, refits: Sequence[tuple[Prior, pd.DataFrame]], own: str) -> Table:
    """Lay a factor's answers out under every prior of its group standard deviation, `own` being the model's."""
    shared = common_notes(*(table for _, table in refits))
    first = refits[0][1]
    several = first["level"].duplicated().any()
    rows = []
    for place, (level, estimand) in enumerate(zip(first["level"], first["estimand"], strict=True)):
        name = f"{level}: {estimand}" if several else str(level)
        found = [table.iloc[place] for _, table in refits]
        rows.append([Cell(name), *(number_cell(row, parts(row["note"])) for row in found)])
    marks = [" (the model's own)" if str(prior) == own else "" for prior, _ in refits]
    told = [f"sd between levels ~ {prior}{mark}" for (prior, _), mark in zip(refits, marks, strict=True)]
    return finished(Table(f"{caption} ({kind(first)})", [label, *told], rows, shared), False)


def tests(raw: pd.DataFrame, by: str) -> Table | None:
    """Lay out the tests of a classical table; None if it has none."""
    rows = raw[raw["kind"] == "P value"]
    if rows.empty:
        return None
    cells = [
        [Cell(r["estimand"], r["level"]), Cell(r["method"]), Cell(shown(r["estimate"], "P value")), Cell(r["note"])]
        for _, r in rows.iterrows()
    ]
    return Table(f"Tests between {by} levels, which the model replaces", ["tested", "method", "P", "details"], cells)


def plain(caption: str, table: pd.DataFrame, *, mark_rare: bool) -> Table:
    """Lay an estimate table out row by row."""
    shared = common_notes(table)
    rows = [
        [
            Cell(with_unit(r["estimand"], r["unit"])),
            Cell(r["level"]),
            Cell(f"{hidden_text(r['events'], mark_rare)} of {hidden_text(r['n'], mark_rare)}"),
            Cell(r["method"]),
            Cell("–") if _told_by(r, mark_rare) else number_cell(r, shared),
        ]
        for _, r in table.iterrows()
    ]
    kinds = ", ".join(dict.fromkeys(name for name in table["interval"] if name))
    headings = ["", "level", "events of patients", "method", f"estimate ({kinds})" if kinds else "estimate"]
    return finished(Table(caption, headings, rows, shared), mark_rare)


def with_unit(name: str, unit: str) -> str:
    """Name a quantity with its unit, if it is a time that does not say so, or a rate."""
    return f"{name}, {unit}" if unit.startswith("per ") or (unit in TIMES and not name.endswith(unit)) else name


def ratios(
    caption: str, table: pd.DataFrame, exposure: str, own: tuple[str, str], alone: Mapping[str, float | None]
) -> Table:
    """Lay an exposure's ratio out under every prior and dating, the probability of the better side beside it.

    `own` is the model's own prior and dating, whose line is marked; `alone` what every prior says by itself.
    """
    chances = table[table["kind"] == "probability"].reset_index(drop=True)
    values = table[table["kind"] == "ratio"].reset_index(drop=True)
    rows = []
    for (_, value), (_, chance) in zip(values.iterrows(), chances.iterrows(), strict=True):
        prior, dating = str(value["prior"]), str(value["dating"])
        marked = " (the model's own)" if (prior, dating) == own else ""
        cells = [prior + marked, dating or "fixed at baseline"]
        numbers = [number_cell(value, parts(value["note"])), number_cell(chance, parts(chance["note"]))]
        before = alone.get(prior)
        rows.append([*map(Cell, cells), *numbers, Cell("–" if before is None else shown(before, "probability"))])
    name = str(values["estimand"].iloc[0])
    chance_name = str(chances["estimand"].iloc[0])
    headings = [
        "prior of the log ratio",
        f"dates of {exposure}",
        f"{name}, {kind(values)}",
        f"{chance_name}, posterior",
        f"{chance_name}, prior",
    ]
    return finished(Table(caption, headings, rows), False)
