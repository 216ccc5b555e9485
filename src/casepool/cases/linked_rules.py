"""What a table beside the cases must keep: its own cells, and what they say beside the patients'."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pandas as pd

from casepool.cases.cells import is_missing
from casepool.cases.codebook import Codebook
from casepool.cases.linked_tables import ACTIONS, CANDIDATES, LinkedRows, LinkedTable
from casepool.cases.problems import NOTE, Problem
from casepool.cases.roles import STOPPED
from casepool.cases.tables import bare

RULE = "linked table"
FATAL = 5
"""Grade of an event that the patient died of."""
GRADES = ("1", "2", "3", "4", "5")


@dataclass(frozen=True)
class Beside:
    """A table with the cases it belongs to.

    Parameters
    ----------
    name : str
        Of ``[tables.<name>]``.
    table : LinkedTable
    rows : LinkedRows
    frame : pandas.DataFrame
        The cases, typed.
    codebook : Codebook
    """

    name: str
    table: LinkedTable
    rows: LinkedRows
    frame: pd.DataFrame
    codebook: Codebook

    @cached_property
    def position(self) -> dict[str, int]:
        """Return the row of every patient, by identifier."""
        return {str(label): i for i, label in enumerate(self.frame[self.codebook.id])}

    def of_role(self, role: str) -> str:
        """Return the column of the cases with a role; "" without one."""
        return next((name for name, column in self.codebook.columns.items() if column.role == role), "")

    def cell(self, column: str, patient: str) -> Any:
        """Return a patient's cell, None where it is empty."""
        value = self.frame[column].iloc[self.position[patient]] if column in self.frame.columns else None
        return None if value is None or is_missing(value, ()) else value

    def problem(self, place: int, said: str, expected: str, remedy: str, column: str, value: object) -> Problem:
        """Make the error for one cell of the table's file."""
        return Problem(RULE, said, expected, remedy, file=self.table.file, row=place + 1, line=self.rows.lines[place],
                       column=column, value=value)  # fmt: skip


def candidates_of(cell: str) -> tuple[str, ...]:
    """Return whose event a row is: one patient, or several of whom one had it."""
    return tuple(part.strip() for part in cell.split(CANDIDATES) if part.strip())


def linked_problems(frame: pd.DataFrame, codebook: Codebook) -> Iterator[Problem]:
    """Yield every error of the tables beside typed cases."""
    frame = bare(frame)
    for name, table in codebook.tables.items():
        absent = [c for c in (table.reported, table.unit, *table.lists.values(), *table.carry) if c]
        for column in absent:
            if column not in frame.columns:
                said = f"there is no such column, which [tables.{name}] names"
                yield Problem(RULE, said, "the column", "correct the name", file=codebook.name, column=column)
                return
        if table.lists:
            yield from _list_problems(name, table, frame, codebook)
        elif name in codebook.linked:
            yield from _file_problems(Beside(name, table, codebook.linked[name], frame, codebook))


def stopped_notes(frame: pd.DataFrame, codebook: Codebook) -> Iterator[Problem]:
    """Note every patient whose reason for stopping does not tell what the actions of a table of events do."""
    frame = bare(frame)
    for name, table in codebook.tables.items():
        if table.lists or name not in codebook.linked:
            continue
        beside = Beside(name, table, codebook.linked[name], frame, codebook)
        column = beside.of_role(STOPPED)
        rows = [row for row in beside.rows.rows() if row.get("action") == "stopped"] if column else []
        for patient in dict.fromkeys(who for row in rows for who in candidates_of(row[table.patient])):
            if str(beside.cell(column, patient)) not in codebook.columns[column].counts:
                said = f"the action 'stopped' of [tables.{name}] for the patient, or one of several, is not told here"
                yield Problem(RULE, said, "one reason", "look into the source", NOTE, row=beside.position[patient] + 1,
                              column=column, value=beside.cell(column, patient))  # fmt: skip


def items_of(cell: object, separator: str) -> list[str]:
    """Return the items of a cell that holds a list; none of an empty one."""
    return [] if is_missing(cell, ()) else [part.strip() for part in str(cell).split(separator)]


def _list_problems(name: str, table: LinkedTable, frame: pd.DataFrame, codebook: Codebook) -> Iterator[Problem]:
    """Yield lists of a patient that have different lengths."""
    first, *others = table.lists.values()
    for column in table.lists.values():
        if codebook.columns[column].type != "list":
            said, remedy = f"[tables.{name}] unlists it, and it holds no lists", 'give it the type "list"'
            yield Problem(RULE, said, "a list", remedy, file=codebook.name, column=column)
            return
    cells = {column: frame[column].tolist() for column in table.lists.values()}
    items = {c: [items_of(cell, codebook.columns[c].separator) for cell in own] for c, own in cells.items()}
    for place, count in enumerate(map(len, items[first])):
        for other in others:
            own = len(items[other][place])
            if own and own != count:  # an empty cell tells nothing of any item
                yield Problem(RULE, f"{own} items beside {count} of {first!r}", "lists of equal lengths",
                              "write NA for an item that is not known", file=codebook.name, row=place + 1,
                              column=other, value=cells[other][place])  # fmt: skip


def _file_problems(beside: Beside) -> Iterator[Problem]:
    table, rows = beside.table, beside.rows.rows()
    for column in (table.patient, table.event):
        if column not in beside.rows.columns:
            said, remedy = "there is no such column", f"the columns are {', '.join(beside.rows.columns)}"
            yield Problem(RULE, said, "the column", remedy, file=table.file, column=column)
            return
    if beside.codebook.id not in beside.frame.columns:
        said, remedy = "events need patients with identifiers", "set `id` in the codebook"
        yield Problem(RULE, said, "identifiers", remedy, file=beside.codebook.name, column=beside.codebook.id)
        return
    seen: dict[tuple[str, ...], int] = {}
    for place, row in enumerate(rows):
        strangers = [who for who in candidates_of(row[table.patient]) or ("",) if who not in beside.position]
        if strangers:
            yield beside.problem(place, "an event of a patient not in the cases", "a patient of the cases",
                                 "correct it, or add the patient", table.patient, strangers[0])  # fmt: skip
            continue
        yield from _cell_problems(beside, place, row)
        key = (row[table.patient], row[table.event], *(row.get(g, "") for g in ("grade_low", "grade_high", "who")))
        if key in seen:
            yield beside.problem(place, f"the same patient, event and grade as row {seen[key]}", "one row",
                                 "remove one of the two", table.event, row[table.event])  # fmt: skip
        seen.setdefault(key, place + 1)
    yield from _reporting_problems(beside)


def _cell_problems(beside: Beside, place: int, row: Mapping[str, str]) -> Iterator[Problem]:
    """Yield what is wrong with one row by itself, and beside the patient's death and follow-up."""
    table, who = beside.table, candidates_of(row[beside.table.patient])
    event, low, high = row[table.event], row.get("grade_low", ""), row.get("grade_high", "")
    action, onset = row.get("action", ""), row.get("onset", "")
    if not event:
        yield beside.problem(place, "no type of event", "a type", "name it", table.event, "")
    elif table.types and event not in table.types:
        remedy = f"correct it, or add it to types of [tables.{beside.name}]"
        said = "not among the types that were looked for"
        yield beside.problem(place, said, "one of `types`", remedy, table.event, event)
    for column, grade in (("grade_low", low), ("grade_high", high)):
        if grade and grade not in GRADES:
            yield beside.problem(place, "no grade", "1 to 5", "write 1 to 5, or leave it empty", column, grade)
    if low in GRADES and high in GRADES and low > high:
        yield beside.problem(
            place, "the lower grade is above the higher", "low, high", "exchange them", "grade_low", low
        )
    if action and action not in ACTIONS:
        remedy = f"use one of {', '.join(ACTIONS)}, or leave it empty"
        yield beside.problem(place, "unknown action", "a known action", remedy, "action", action)
    died = beside.of_role("event")
    if (action == "death" or low == str(FATAL)) and all(beside.cell(died, one) in (False, "false") for one in who):
        column = "action" if action == "death" else "grade_low"
        yield beside.problem(place, f"a fatal event of a patient who did not die ({died})", "a death",
                             "correct one of the two", column, row[column])  # fmt: skip
    if onset:
        yield from _onset_problems(beside, place, who, onset)


def _onset_problems(beside: Beside, place: int, who: Sequence[str], onset: str) -> Iterator[Problem]:
    try:
        began = float(onset)
    except ValueError:
        began = -1.0
    if not 0 <= began < float("inf"):
        yield beside.problem(place, "no time", "a number from 0", "write a number", "onset", onset)
        return
    times = [beside.cell(beside.of_role("time"), one) for one in who]
    if all(time is not None and began > float(time) for time in times):
        last = max(float(time) for time in times)
        yield beside.problem(place, f"an onset after the end of follow-up ({last:g})", "an onset within follow-up",
                             "correct one of the two", "onset", onset)  # fmt: skip


def _reporting_problems(beside: Beside) -> Iterator[Problem]:
    """Yield units that contradict themselves in what they reported, or the events listed for them."""
    table = beside.table
    if not table.reported:
        return
    listed = {who for row in beside.rows.rows() for who in candidates_of(row[table.patient])}
    told: dict[object, tuple[str, int]] = {}
    for patient, place in beside.position.items():
        said = str(beside.cell(table.reported, patient) or "")
        unit = beside.cell(table.unit, patient) if table.unit else patient
        where: dict[str, Any] = {"file": beside.codebook.name, "row": place + 1, "column": table.reported}
        if said not in ("", "events", "none"):
            yield Problem(RULE, "unknown word for what was reported", "events, none or empty", "use one of these",
                          value=said, **where)  # fmt: skip
        elif said != told.setdefault(unit, (said, place))[0]:
            yield Problem(RULE, f"another answer than row {told[unit][1] + 1} of the same unit", "one answer a unit",
                          "correct one of the two", value=said, **where)  # fmt: skip
        elif patient in listed and said != "events":
            yield Problem(RULE, f"an event is listed in {table.file}", "events", "write events", value=said, **where)


def placed_at(problems: Iterator[Problem], frame: pd.DataFrame, codebook: Codebook) -> list[Problem]:
    """Name the patient in problems of rows of the cases."""
    ids = frame[codebook.id] if codebook.id in frame.columns else None
    found = []
    for problem in problems:
        at = problem
        if problem.file in ("", codebook.name) and problem.row and ids is not None:
            at = replace(problem, patient=f"{codebook.id} {ids.iloc[problem.row - 1]}")
        found.append(at if at.file else replace(at, file=codebook.name))
    return found
