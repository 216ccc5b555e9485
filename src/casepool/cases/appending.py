"""Rows put below those of a text file, in its own encoding, separator, line ends and decimal sign."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from casepool.cases.codebook import Codebook
from casepool.cases.delimited import open_text, read_delimited
from casepool.cases.problems import refuse
from casepool.cases.reading import FOREIGN
from casepool.cases.sheet import Sheet
from casepool.errors import CasepoolError

FORMATS = {b"PK": "an Excel workbook", b"PAR1": "a Parquet file", **FOREIGN}
"""First bytes of files to which no row is added."""
BYTES = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le"}
"""How what stands behind a byte order mark is encoded."""


def with_rows(data: bytes, path: Path, codebook: Codebook, rows: Sequence[Mapping[str, Any]]) -> tuple[bytes, Sheet]:
    """Put rows below those of a file, every byte of which stays.

    Parameters
    ----------
    data : bytes
        The file.
    path : pathlib.Path
    codebook : Codebook
        Whose ``[file]`` says how the file is written.
    rows : sequence of mapping of str to str or float
        Cells by column, those that are absent left empty; numbers are written with the decimal sign of the file, texts
        as they are.

    Returns
    -------
    content : bytes
    sheet : Sheet
        The file as it will be read.

    Raises
    ------
    CasepoolError
        If the file is no text, has no column of that name or no letter of a cell, or would not read back as its own
        rows and these.
    """
    for mark, kind in FORMATS.items():
        if data.startswith(mark):
            remedy = "save it as text (CSV), or add the row there yourself and give the table as it was by was="
            raise CasepoolError(f"this is {kind}, to which no row is added", file=path.name, remedy=remedy)
    before = read_delimited(data, path, codebook)
    refuse(before.numbered())
    told = codebook.file
    opened = open_text(data, told, path.name)
    comma = told.get("decimal") == "," or any(problem.rule == "decimal comma" for problem in before.problems)
    cells = [[_written(row.get(name, ""), comma) for name in before.names] for row in rows]
    content = data + _encoded(_lines(opened.text, opened.separator, cells), data, opened.encoding, path)
    after = read_delimited(content, path, codebook)
    _refuse_other(before, after, len(rows), path)
    return content, after


def _written(value: str | float, comma: bool) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text.replace(".", ",") if comma and not isinstance(value, str) else text


def _lines(text: str, separator: str, cells: Sequence[Sequence[str]]) -> str:
    """Write cells as lines that end as those of the text do."""
    end = next((end for end in ("\r\n", "\n", "\r") if end in text), "\n")
    written = io.StringIO(newline="")
    csv.writer(written, delimiter=separator, lineterminator=end).writerows(cells)
    return ("" if text.endswith(("\n", "\r")) else end) + written.getvalue()


def _encoded(text: str, data: bytes, encoding: str, path: Path) -> bytes:
    big = encoding.lower() == "utf-16" and data.startswith(b"\xfe\xff")
    try:
        return text.encode("utf-16-be" if big else BYTES.get(encoding.lower(), encoding))
    except UnicodeEncodeError as error:
        letter = error.object[error.start]
        raise CasepoolError(f"the file is written as {encoding}, which lacks a letter of the case", file=path.name,
                            value=letter, remedy="save the file as UTF-8 first") from None  # fmt: skip


def _refuse_other(before: Sheet, after: Sheet, added: int, path: Path) -> None:
    """Refuse a file that does not read back as it did, with the added rows below."""
    refuse(after.numbered())
    n = len(before.frame)
    same = list(before.frame.columns) == list(after.frame.columns) and len(after.frame) == n + added
    if not same or before.frame.astype(str).to_numpy().tolist() != after.frame[:n].astype(str).to_numpy().tolist():
        problem = "a row added at the end would not be read as one of the table"
        remedy = "remove what stands below the table (notes, or `last` under [file] of the codebook)"
        raise CasepoolError(problem, file=path.name, remedy=remedy)
