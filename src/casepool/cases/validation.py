"""Every problem of a table at once; `casepool.validate` adds those of model files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from casepool._resources import bundled
from casepool.cases.codebook import Codebook, entry_of
from casepool.cases.column import Column
from casepool.cases.columns import odd_cells, spelling_problems
from casepool.cases.linked_rules import linked_problems, placed_at, stopped_notes
from casepool.cases.problems import NOTE, WARNING, Problem, as_table, from_refusal, refuse
from casepool.cases.reading import CASES, as_path, codebook_in, given_codebook, held, list_datasets, read_sheet
from casepool.cases.roles import NO_ROLE, ROLES
from casepool.cases.rules import broken, not_run
from casepool.cases.sheet import Sheet
from casepool.cases.tables import Examined, doubts, examine, nameless_index, placed
from casepool.errors import CasepoolError


def sized(problems: Sequence[Problem], size: tuple[int, int]) -> pd.DataFrame:
    """Lay problems out, with the size of the table that was looked through."""
    table = as_table(problems)
    table.attrs |= {"rows": size[0], "columns": size[1]}
    return table


def problems_of(
    source: str | Path | pd.DataFrame, codebook: str | Path | Codebook | None
) -> tuple[list[Problem], tuple[int, int]]:
    """Return everything wrong with a table, and how many rows and columns were looked through."""
    problems: list[Problem] = []
    size = (0, 0)
    try:
        sheet, book = _opened(source, codebook)
        problems += sheet.numbered()
        if not any(problem.severity == "error" and problem.rule == "shape" for problem in problems):
            found = examine(sheet.frame, book, name=_name(source), lines=sheet.lines)
            size = (len(found.raw), len(found.raw.columns))
            problems += found.problems
            remarks = [*nameless_index(sheet.frame, found.codebook), *remarks_on(found)]
            problems += placed(remarks, found)
            problems += _beside(found)
    except CasepoolError as refusal:
        problems.append(from_refusal(refusal, file=_name(source)))
    return problems, size


def _beside(found: Examined) -> list[Problem]:
    """Return the problems of tables beside cases that can themselves be read."""
    book = found.codebook
    if not book.tables or any(problem.severity == "error" for problem in found.problems):
        return []
    frame = pd.DataFrame({name: pd.Series(own.values, dtype=object) for name, own in found.columns.items()})
    errors = placed_at(linked_problems(frame, book), frame, book)
    return errors or placed_at(stopped_notes(frame, book), frame, book)


def examined(source: str | Path | pd.DataFrame) -> Examined:
    """Look a table through, whatever is wrong with it short of a file that is none."""
    sheet, book = _opened(source, None)
    refuse(sheet.numbered())
    return examine(sheet.frame, book, name=_name(source), lines=sheet.lines)


def _opened(source: str | Path | pd.DataFrame, codebook: str | Path | Codebook | None) -> tuple[Sheet, Codebook | None]:
    """Return the raw cells of a source, and its codebook."""
    if isinstance(source, pd.DataFrame):
        return Sheet(source), given_codebook(codebook)
    path = bundled("data") / source if isinstance(source, str) and source in list_datasets() else as_path(source)
    book = given_codebook(codebook, path)
    if not path.is_dir():
        return read_sheet(path, book), book
    book = book or codebook_in(path) or Codebook(name=path.name)
    return read_sheet(held(path, CASES), book), book


def remarks_on(found: Examined) -> Iterator[Problem]:
    """Yield the warnings and notes on a table of proper shape."""
    record = found.record
    if record is None:
        return
    yield from doubts(found)
    yield from broken(record, WARNING)
    for name in found.codebook.guessed:
        if name in found.columns:
            yield from odd_cells(found.raw[name], found.codebook, name)
            if found.codebook.columns[name].type == "text" and name != found.codebook.id:
                twins = spelling_problems(found.columns[name].values, Column("text"), name)
                yield from (replace(problem, severity=WARNING) for problem in twins)
    for name in found.codebook.guessed:
        if name in found.columns:
            kind = found.codebook.columns[name].type
            said = f"the codebook has no entry for this column, which is read as {kind}"
            yield Problem("guess", said, "a type", f'add {entry_of(name)} with type = "{kind}"', NOTE, column=name)
    for name, column in record.presumed.items():
        said = f"taken for the {column.role} by its name: {ROLES[column.role]}"
        remedy = f'add role = "{column.role}" to {entry_of(name)}, or role = "{NO_ROLE}" if it is not'
        yield Problem("guess", said, "a role", remedy, NOTE, column=name)
    yield from not_run(record)


def _name(source: str | Path | pd.DataFrame) -> str:
    return Path(source).name if isinstance(source, str | Path) else "the DataFrame"
