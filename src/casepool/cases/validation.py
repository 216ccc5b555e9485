"""Every problem of a table at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd

from casepool._resources import bundled
from casepool.cases.codebook import Codebook, entry_of, read_codebook
from casepool.cases.column import Column
from casepool.cases.columns import odd_cells, spelling_problems
from casepool.cases.problems import NOTE, WARNING, Problem, as_table, from_refusal, refuse
from casepool.cases.reading import as_path, given_codebook, list_datasets, read_sheet
from casepool.cases.roles import NO_ROLE, ROLES
from casepool.cases.rules import broken, not_run
from casepool.cases.sheet import Sheet
from casepool.cases.tables import Examined, doubts, examine, nameless_index, placed
from casepool.errors import CasepoolError


def validate(source: str | Path | pd.DataFrame, codebook: str | Path | Codebook | None = None) -> pd.DataFrame:
    """List everything wrong with a table, worst first.

    Errors are what `read_cases` refuses, found by the same functions: cells that are not of their column's type, range
    or levels; identifiers missing or given twice; levels that differ in `casepool.cases.columns.folded` respects only;
    columns the codebook names and the table lacks; a file that is no table; and the rules across columns that no
    table may break (`casepool.cases.rules`). Warnings are what should be looked at in the source: further such rules,
    cells that are no number among numbers, and guesses about the file. Notes are guesses of types and roles, and the
    rules that could not run because no column has the role they need.

    Parameters
    ----------
    source : str or pathlib.Path or pandas.DataFrame
        A bundled dataset's name, a folder, a file (separated text, Excel, Parquet) or a frame.
    codebook : str or pathlib.Path or Codebook, optional
        What the columns mean, and their roles. Without one a folder's own is used, or types are guessed.

    Returns
    -------
    pandas.DataFrame
        One row a problem: ``severity`` (error, warning, note), ``rule``, ``file``, ``row`` (from 1 below the header;
        empty for the whole table), ``line`` (that row as a spreadsheet numbers it, from 1 for the file's first row),
        ``patient``, ``column``, ``value``, ``problem``, ``expected``, ``remedy``. No rows if nothing is to be said.
        ``attrs`` holds ``rows`` and ``columns``, the size of the table looked through. Nothing is raised for a bad
        table, codebook or path: that is a row as well.

    Examples
    --------
    >>> import casepool as cp
    >>> found = cp.validate("alk_crizotinib")
    >>> found.loc[found["severity"] == "warning", ["rule", "row"]].values.tolist()
    [['possible duplicate', 3], ['possible duplicate', 12], ['complete response after resection', 32]]
    """
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
    except CasepoolError as refusal:
        problems.append(from_refusal(refusal, file=_name(source)))
    table = as_table(problems)
    table.attrs = {"rows": size[0], "columns": size[1]}
    return table


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
    beside = path / "codebook.toml"
    if book is None and beside.is_file():
        book = read_codebook(beside)
    return read_sheet(path / "cases.csv", book), book or Codebook(name=path.name)


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
