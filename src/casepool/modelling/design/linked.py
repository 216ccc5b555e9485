"""A table beside the cases becomes a table of its own rows, which a model is laid on as on any cases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from casepool.cases.cells import is_missing
from casepool.cases.codebook import Codebook
from casepool.cases.column import Column
from casepool.cases.linked_rules import candidates_of, items_of
from casepool.cases.linked_tables import LinkedTable
from casepool.cases.tables import bare, missing_column, typed_by
from casepool.errors import CasepoolError
from casepool.modelling.specification.model import Model
from casepool.modelling.specification.outcome import BOTH, PATIENT, TYPE

ROW, EVENTS, N, TOLD, UNIT, LOT, BEARERS = "row", "events", "n", "told", "unit", "lot", "bearers"
SEEN_TYPE = "seen_type"
"""Columns of a laid-out table of events. Told: whether the unit told of events at all. A lot: candidates of whom
unknown ones had events; bearers: which of these had it, by the binary digits of a number. The number of a type in a
list of types seen, 0 in a full one, stands where each patient has a time of their own."""
POSITION, PREVIOUS = "position", "previous"
NOBODY = "first"
"""Stands for what was given before the first of a patient's lines."""
Held = tuple[pd.DataFrame, Codebook]


def laid_out(model: Model, cases: pd.DataFrame, codebook: Codebook) -> Held:
    """Return the table a model is of: of one beside the cases its rows, typed, with a codebook of their own."""
    name = model.outcome.table
    if not name or codebook.rows_of == name:
        return cases, codebook
    if name not in codebook.tables:
        raise CasepoolError("there is no such table beside the cases", file=codebook.name, column="outcome.table",
                            value=name, remedy=f"the codebook has {', '.join(codebook.tables) or 'none'}")  # fmt: skip
    table, cases = codebook.tables[name], bare(cases)
    if bool(table.lists) == bool(model.outcome.per):
        per = "leave `per` out" if table.lists else f"set per to one of {', '.join((TYPE, PATIENT, BOTH))}"
        raise CasepoolError("`per` goes with a table of events", file=model.name, column="outcome.per", remedy=per)
    if not codebook.public and not (table.types or table.lists):
        raise CasepoolError("types of events of a table that is not public may be names", file=codebook.name,
                            column=f"tables.{name}.types", remedy="list the types that may be shown")  # fmt: skip
    make = _lines if table.lists else _types if model.outcome.per == TYPE and not model.outcome.time else _cells
    columns, kinds = make(model, table, cases, codebook)
    own = Codebook(name=codebook.name, public=codebook.public, id=ROW, missing=codebook.missing, engine=codebook.engine,
                   publication=codebook.publication if codebook.publication in columns else "", columns=kinds,
                   rows_of=name)  # fmt: skip
    return typed_by(pd.DataFrame({ROW: [str(i + 1) for i in range(len(next(iter(columns.values()))))], **columns}),
                    replace(own, columns={ROW: Column("text"), **kinds}))  # fmt: skip


def _labels(cases: pd.DataFrame, codebook: Codebook) -> list[str]:
    """Return what patients are called in a table of several rows each: of one that is not public, by number."""
    if codebook.public and codebook.id in cases.columns:
        return [str(value) for value in cases[codebook.id]]
    return [str(i + 1) for i in range(len(cases))]


def _chosen(model: Model, rows: list[dict[str, str]], file: str) -> list[dict[str, str]]:
    """Keep the rows that a model is of."""
    for column in model.outcome.where if rows else ():
        if column not in rows[0]:
            raise CasepoolError("there is no such column", file=file, column=f"outcome.where.{column}",
                                remedy=f"there are {', '.join(rows[0])}")  # fmt: skip
    allowed = {column: {*map(str, values)} for column, values in model.outcome.where.items()}
    return [row for row in rows if all(row[column] in values for column, values in allowed.items())]


def _events(model: Model, table: LinkedTable, cases: pd.DataFrame, codebook: Codebook) -> list[dict[str, str]]:
    """Return the events a model is of, whose patients are in the cases."""
    there = {str(value) for value in cases[codebook.id]}
    found = []
    for row in _chosen(model, codebook.linked[model.outcome.table].rows(), table.file):
        who = candidates_of(row[table.patient])
        inside = [one for one in who if one in there]
        if inside and len(inside) < len(who):
            raise CasepoolError("some of the candidates for an event are no longer in the cases", file=table.file,
                                column=table.patient, value=row[table.patient],
                                remedy="keep all of them, or none")  # fmt: skip
        found += [row] if inside else []
    return found


def person_of(row: Mapping[str, str], table: LinkedTable) -> tuple[str, str]:
    """Return who had an event: a patient, or one of several candidates, told from others of them by ``who``."""
    return row[table.patient], row.get("who", "") if len(candidates_of(row[table.patient])) > 1 else ""


def types_of(table: LinkedTable, events: list[dict[str, str]]) -> tuple[str, ...]:
    """Return the types a table is about: those looked for, or else those seen."""
    return table.types or tuple(sorted({row[table.event] for row in events}))


def _types(
    model: Model, table: LinkedTable, cases: pd.DataFrame, codebook: Codebook
) -> tuple[dict[str, list[Any]], dict[str, Column]]:
    """Lay out a row a type: how many of the patients had it."""
    events = _events(model, table, cases, codebook)
    types = types_of(table, events)
    had = {kind: {person_of(row, table) for row in events if row[table.event] == kind} for kind in types}
    columns: dict[str, list[Any]] = {table.event: list(types), EVENTS: [len(had[kind]) for kind in types]}
    columns |= {N: [len(cases)] * len(types), "seen_only": [not table.types] * len(types)}
    kinds = {table.event: Column("category", levels=types), EVENTS: Column("integer"), N: Column("integer")}
    return columns, kinds | {"seen_only": Column("boolean")}


def _counted(
    model: Model, table: LinkedTable, events: list[dict[str, str]], cases: pd.DataFrame, codebook: Codebook
) -> list[dict[str, str]]:
    """Return the events of patients whose time is known, where a model has times: a type of no other is not seen."""
    if not model.outcome.time:
        return events
    if model.outcome.time not in cases.columns:
        raise missing_column(cases, codebook, model.outcome.time, f"the model {model.name!r}")
    pairs = zip(cases[codebook.id], cases[model.outcome.time], strict=True)
    timed = {str(patient) for patient, time in pairs if not is_missing(time, ())}
    return [row for row in events if timed.issuperset(candidates_of(row[table.patient]))]


def told_of(table: LinkedTable, name: str, cases: pd.DataFrame, codebook: Codebook) -> tuple[list[str], list[bool]]:
    """Return every patient's unit, and whether it told of events: by the file, or by what is said to be reported."""
    ids = [str(value) for value in cases[codebook.id]]
    units = [str(value) for value in cases[table.unit]] if table.unit else ids
    listed = {who for row in codebook.linked[name].rows() for who in candidates_of(row[table.patient])}
    if table.reported:
        return units, [not is_missing(value, ()) for value in cases[table.reported]]
    telling = {unit for unit, patient in zip(units, ids, strict=True) if patient in listed}
    return units, [unit in telling for unit in units]


def _cells(
    model: Model, table: LinkedTable, cases: pd.DataFrame, codebook: Codebook
) -> tuple[dict[str, list[Any]], dict[str, Column]]:
    """Lay out a row a patient, or a patient and type: whether it happened.

    An event of one of several candidates stands with the first of them, and what tells them apart in `LOT`.
    """
    events, by_type = _events(model, table, cases, codebook), model.outcome.per != PATIENT
    types = types_of(table, _counted(model, table, events, cases, codebook)) if by_type else ("",)
    ids, labels = [str(value) for value in cases[codebook.id]], _labels(cases, codebook)
    units, told = told_of(table, model.outcome.table, cases, codebook)
    place = {(i, kind): j for j, (i, kind) in enumerate((i, kind) for i in range(len(ids)) for kind in types)}
    happened, lot, bearers = [0] * len(place), [0] * len(place), [0] * len(place)
    unknown = (row[table.patient] for row in events if len(candidates_of(row[table.patient])) > 1)
    numbers = {who: k + 1 for k, who in enumerate(dict.fromkeys(unknown))}
    known: dict[str, list[str]] = {}
    for row in events:
        who, kind = candidates_of(row[table.patient]), row[table.event] if by_type else ""
        if kind not in types:
            continue
        if len(who) == 1:
            happened[place[ids.index(who[0]), kind]] = 1
            continue
        persons = known.setdefault(row[table.patient], [])
        persons += [row.get("who", "")] if row.get("who", "") not in persons else []
        which = persons.index(row.get("who", ""))
        happened[place[ids.index(who[min(which, len(who) - 1)]), kind]] = 1
        for one in who:
            at = place[ids.index(one), kind]
            lot[at], bearers[at] = numbers[row[table.patient]], bearers[at] | 1 << which
    if any(len(persons) > len(candidates_of(who)) for who, persons in known.items()):
        raise CasepoolError("more patients had events than there are candidates", file=table.file, column="who",
                            remedy="give fewer of them a name")  # fmt: skip
    unit_number = {unit: str(k + 1) for k, unit in enumerate(dict.fromkeys(units))}
    columns: dict[str, list[Any]] = {codebook.id: [labels[i] for i, _ in place]}
    kinds = {codebook.id: Column("category")}
    for name in _columns_of(model, codebook, cases, (codebook.id, table.event)):
        own = list(cases[name])
        columns[name], kinds[name] = [own[i] for i, _ in place], codebook.columns[name]
    if by_type:
        columns[table.event], kinds[table.event] = [kind for _, kind in place], Column("category", levels=types)
    columns |= {EVENTS: happened, N: [1] * len(place), TOLD: [told[i] for i, _ in place]}
    columns |= {UNIT: [unit_number[units[i]] for i, _ in place], LOT: lot, BEARERS: bearers}
    columns |= {SEEN_TYPE: [0 if table.types else types.index(kind) + 1 for _, kind in place]}
    kinds |= {EVENTS: Column("integer"), N: Column("integer"), TOLD: Column("boolean"), UNIT: Column("category")}
    return columns, kinds | {LOT: Column("integer"), BEARERS: Column("integer"), SEEN_TYPE: Column("integer")}


def _columns_of(model: Model, codebook: Codebook, cases: pd.DataFrame, but: tuple[str, ...]) -> list[str]:
    """Return the columns of patients that go with their rows: what the model reads, and labels that may be shown."""
    read = {term.source for term in model.terms.values()} | {model.outcome.time}
    found = []
    for name in cases.columns:
        column = codebook.columns[name]
        labelled = column.type in ("category", "ordered", "set", "boolean") and codebook.may_show(name)
        if (name in read or labelled) and name not in (*but, ROW, EVENTS, N, TOLD, UNIT, LOT, BEARERS, SEEN_TYPE):
            found.append(name)
    return found


def lines_of(table: LinkedTable, cases: pd.DataFrame, codebook: Codebook) -> list[dict[str, str]]:
    """Unlist cells: patient, position and items of every line, what stood above it, and `of`, the row of the cases."""
    labels, empty = _labels(cases, codebook), {*codebook.missing, *table.missing}
    names, rows = list(table.lists), list[dict[str, str]]()
    for i, patient in enumerate(labels):
        lists = [items_of(cases[c].iloc[i], codebook.columns[c].separator) for c in table.lists.values()]
        above = dict.fromkeys(names, NOBODY)
        for position, items in enumerate(zip(*(own or [""] * len(lists[0]) for own in lists), strict=True)):
            own = {name: "" if item in empty else item for name, item in zip(names, items, strict=True)}
            row = {codebook.id: patient, POSITION: str(position + 1), **own, PREVIOUS: above[names[0]]}
            row |= {f"{PREVIOUS}_{name}": above[name] for name in names[1:]} | {"of": str(i)}
            rows.append(row)
            above = own
    return rows


def _lines(
    model: Model, table: LinkedTable, cases: pd.DataFrame, codebook: Codebook
) -> tuple[dict[str, list[Any]], dict[str, Column]]:
    """Unlist cells: a row an item, with its position, what was carried, and what stood above it."""
    rows = lines_of(table, cases, codebook)
    rows = _chosen(model, rows, codebook.name)
    if not rows:
        raise CasepoolError("no row is left", file=codebook.name, column="outcome.where", remedy="widen `where`")
    columns: dict[str, list[Any]] = {key: [row[key] for row in rows] for key in rows[0] if key != "of"}
    kinds = {key: Column("integer" if key == POSITION else "category") for key in columns}
    for name in table.carry:
        held = list(cases[name])
        columns[name], kinds[name] = [held[int(row["of"])] for row in rows], codebook.columns[name]
    return columns, kinds
