"""A table of raw cells becomes a typed, checked DataFrame that carries its codebook."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

import pandas as pd

from casepool.cases.cells import PARSERS, BadCellError, guess_type, is_missing
from casepool.cases.codebook import Codebook, Column, codebook_from_dict
from casepool.errors import CasepoolError

log = logging.getLogger("casepool")


def codebook_of(frame: pd.DataFrame) -> Codebook | None:
    """Return the codebook a frame carries in ``frame.attrs["codebook"]``, if any."""
    plain = frame.attrs.get("codebook")
    return None if plain is None else codebook_from_dict(plain, file="frame.attrs['codebook']")


def typed(raw: pd.DataFrame, codebook: Codebook | None = None, *, name: str = "cases") -> pd.DataFrame:
    """Type and check a table.

    Parameters
    ----------
    raw : pandas.DataFrame
        One row per patient; cells of any type.
    codebook : Codebook, optional
        What the columns mean. Without one (neither here nor in ``raw.attrs``) types are guessed and said.
    name : str
        What errors call the table where the codebook has no name for it.

    Returns
    -------
    pandas.DataFrame
        A new frame: ``float64``, ``Int64``, ``boolean`` or ``str`` columns, a fresh index, the codebook
        (with the guesses) in ``attrs["codebook"]``.

    Raises
    ------
    CasepoolError
        The first problem, with the number of further ones.
    """
    codebook = codebook or _carried(raw) or Codebook(name=name)
    raw = bare(raw)
    codebook = with_guesses(raw, codebook)
    problems = list(table_problems(raw, codebook))
    if problems:
        raise first_of(problems)
    columns = {column: _typed_column(raw[column], codebook, column) for column in raw.columns}
    frame = pd.DataFrame(columns, index=pd.RangeIndex(len(raw)))
    frame.attrs["codebook"] = codebook.to_dict()
    return frame


def bare(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame without its attributes, which pandas copies deeply whenever a column is taken."""
    lean = frame.copy(deep=False)
    lean.attrs = {}
    return lean


def _carried(frame: pd.DataFrame) -> Codebook | None:
    """Return the codebook a frame carries, without the columns that were dropped from the frame."""
    codebook = codebook_of(frame)
    if codebook is None:
        return None
    return replace(codebook, columns={k: v for k, v in codebook.columns.items() if k in frame.columns})


def first_of(problems: list[CasepoolError]) -> CasepoolError:
    """Return the first problem, its remedy ending with how many more there are."""
    first = problems[0]
    if len(problems) > 1:
        more = f"{first.remedy} ({len(problems) - 1} more problem{'s' * (len(problems) > 2)} in this table)"
        first = CasepoolError(
            first.problem, remedy=more, file=first.file, row=first.row, column=first.column, value=first.value
        )
    return first


def with_guesses(raw: pd.DataFrame, codebook: Codebook) -> Codebook:
    """Add a guessed type for every column the codebook does not name, and say so in one line of the log."""
    guesses = {
        str(name): Column(guess_type(value for value in raw[name] if not is_missing(value, codebook.missing)))
        for name in raw.columns
        if name not in codebook.columns
    }
    if not guesses:
        return codebook
    said = ", ".join(f"{name} ({column.type})" for name, column in guesses.items())
    log.warning("%s: no codebook entry, types guessed: %s", codebook.name, said)
    return replace(codebook, columns={**codebook.columns, **guesses}, guessed=(*codebook.guessed, *guesses))


def table_problems(raw: pd.DataFrame, codebook: Codebook) -> Iterator[CasepoolError]:
    """Yield everything wrong with a table as its codebook describes it: header, identifiers, then cells."""
    yield from _header_problems(raw, codebook)
    for column in raw.columns:
        yield from _cell_problems(raw, codebook, str(column))
    yield from _identifier_problems(raw, codebook)


def _header_problems(raw: pd.DataFrame, codebook: Codebook) -> Iterator[CasepoolError]:
    if not len(raw):
        yield CasepoolError("the table has no rows", file=codebook.name, remedy="give at least one patient")
    for column in raw.columns[raw.columns.duplicated()]:
        yield CasepoolError(
            "the column appears twice", file=codebook.name, column=str(column), remedy="rename one of the two"
        )
    for column in codebook.columns:
        if column not in raw.columns:
            yield missing_column(raw, codebook, column)


def missing_column(
    frame: pd.DataFrame, codebook: Codebook, column: str, wanted_by: str = "the codebook"
) -> CasepoolError:
    """Make the error for a column that is named but not there, with the nearest name there is."""
    near = get_close_matches(column, [str(name) for name in frame.columns], n=1)
    hint = f"did you mean {near[0]!r}" if near else f"the columns are {', '.join(map(str, frame.columns))}"
    return CasepoolError(
        f"there is no such column, which {wanted_by} names",
        file=codebook.name,
        column=column,
        remedy=f"{hint}?" if near else hint,
    )


def _cell_problems(raw: pd.DataFrame, codebook: Codebook, name: str) -> Iterator[CasepoolError]:
    if name not in codebook.columns or (raw.columns == name).sum() != 1:
        return
    column = codebook.columns[name]
    parser = PARSERS[column.type][0]
    for position, value in enumerate(raw[name]):
        if is_missing(value, codebook.missing):
            continue
        try:
            parser(value, column)
        except BadCellError as expected:
            yield CasepoolError(
                str(expected),
                file=codebook.name,
                row=row_name(raw, codebook, position),
                column=name,
                value=value,
                remedy="correct the cell or the codebook",
            )


def _identifier_problems(raw: pd.DataFrame, codebook: Codebook) -> Iterator[CasepoolError]:
    if codebook.id not in raw.columns or (raw.columns == codebook.id).sum() != 1:
        return
    seen: dict[str, int] = {}
    for position, value in enumerate(raw[codebook.id]):
        where = {"file": codebook.name, "row": f"row {position + 1}", "column": codebook.id}
        if is_missing(value, codebook.missing):
            yield CasepoolError("the patient has no identifier", remedy="give every patient one", **where)
            continue
        label = str(value).strip()
        if label in seen:
            yield CasepoolError(
                f"the patient appears twice, first in row {seen[label]}",
                value=value,
                remedy="remove one row or give it an identifier of its own",
                **where,
            )
        seen.setdefault(label, position + 1)


def row_name(frame: pd.DataFrame, codebook: Codebook, position: int) -> str:
    """Name a row as a user finds it: counted from 1 below the header, with the patient's identifier."""
    if codebook.id in frame.columns:
        return f"row {position + 1} ({codebook.id} {frame[codebook.id].iloc[position]})"
    return f"row {position + 1}"


def _typed_column(cells: pd.Series[Any], codebook: Codebook, name: str) -> pd.Series[Any]:
    column = codebook.columns[str(name)]
    parser, dtype = PARSERS[column.type]
    values = [None if is_missing(value, codebook.missing) else parser(value, column) for value in cells]
    return pd.Series(values, dtype=dtype)
