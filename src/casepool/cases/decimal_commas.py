"""The decimal sign of a file: commas in its numbers become points, where that is what they mean."""

from __future__ import annotations

import re

import pandas as pd

from casepool.cases.cells import counted, is_missing
from casepool.cases.codebook import Codebook
from casepool.cases.problems import Problem
from casepool.cases.remedies import most_are, stands_for_number
from casepool.cases.sheet import note, warning
from casepool.errors import CasepoolError, RowName

COMMA_NUMBER = re.compile(r"[-+]?\d*,\d+")
POINT_NUMBER = re.compile(r"[-+]?\d*\.\d+")


def with_points(
    frame: pd.DataFrame, codebook: Codebook | None, file: str, *, mixed: bool = False
) -> tuple[pd.DataFrame, list[Problem]]:
    """Write decimal commas in texts as points, where the comma is the decimal sign of the file.

    Parameters
    ----------
    frame : pandas.DataFrame
        Cells as they came, texts and, of a workbook, numbers.
    codebook : Codebook or None
        Of it ``decimal`` of ``[file]``, the tokens of empty cells and the types it declares.
    file : str
    mixed : bool
        Whether numbers stand beside texts, as in a workbook: then cells are left as they are where the sign cannot be
        told, and that it was told is a warning.

    Raises
    ------
    CasepoolError
        If the sign cannot be told, or is none.
    """
    decimal = codebook.file.get("decimal", "") if codebook else ""
    if decimal not in ("", ".", ","):
        raise CasepoolError("a decimal sign is a point or a comma", file=file, value=decimal, remedy="correct [file]")
    if decimal == ".":
        return frame, []
    missing = codebook.missing if codebook else ("", "NA")
    columns = [i for i, name in enumerate(frame.columns) if _numeric(frame.iloc[:, i], str(name), codebook, missing)]
    every = ((i, row, cell) for i in columns for row, cell in enumerate(frame.iloc[:, i]))
    cells = [(i, row, cell.strip()) for i, row, cell in every if isinstance(cell, str)]
    commas = [place for place in cells if COMMA_NUMBER.fullmatch(place[2])]
    points = [place for place in cells if POINT_NUMBER.fullmatch(place[2])]
    if not decimal and not commas:
        return frame, []
    thousands = all(re.fullmatch(r"[-+]?\d{1,3},\d{3}", cell) for _, _, cell in commas)
    if not decimal and (points or thousands):
        if mixed:
            return frame, []
        i, row, cell = commas[0]
        other = f"{points[0][2]!r} elsewhere in the file" if points else cell.replace(",", "")
        raise CasepoolError(
            f"the decimal sign cannot be told: {cell.replace(',', '.')}, or {other}?",
            file=file,
            row=RowName(row + 1),
            column=str(frame.columns[i]),
            value=cell,
            remedy='set decimal = "," or decimal = "." under [file] of the codebook',
        )
    raw = frame.astype(object)
    for i, row, cell in commas:
        raw.iloc[row, i] = cell.replace(",", ".")
    said = [
        Problem(
            "type",
            "a point in a file whose decimal sign is told to be the comma",
            "a number with a decimal comma",
            "correct the cell, or the decimal sign under [file]",
            file=file,
            row=row + 1,
            column=str(frame.columns[i]),
            value=cell,
        )
        for i, row, cell in points
    ]
    if not decimal:
        told = (warning if mixed else note)(
            "decimal comma",
            "numbers are written with a decimal comma, and read so",
            "a decimal point, or the sign told",
            'set decimal = "," under [file] of the codebook',
            file=file,
            value=commas[0][2],
        )
        said.append(told)
    return (raw if mixed else raw.astype("str")), said


def _numeric(cells: pd.Series, name: str, codebook: Codebook | None, missing: tuple[str, ...]) -> bool:
    """Tell whether a column holds numbers: as declared, or if most of its filled cells stand for one."""
    if codebook and name in codebook.columns:
        return codebook.columns[name].type in ("number", "integer")
    return most_are(stands_for_number, counted(cell for cell in cells if not is_missing(cell, missing)))
