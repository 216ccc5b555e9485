"""Names, folders, files and frames become cases."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pandas as pd

from casepool._resources import bundled
from casepool.cases.codebook import Codebook, read_codebook
from casepool.cases.tables import typed
from casepool.errors import CasepoolError


def list_datasets() -> list[str]:
    """Return the names of the bundled datasets, sorted."""
    return sorted(folder.name for folder in bundled("data").iterdir() if (folder / "cases.csv").is_file())


def load(name: str) -> pd.DataFrame:
    """Load a bundled dataset.

    Parameters
    ----------
    name : str
        One of `list_datasets`.

    Returns
    -------
    pandas.DataFrame
        One row per patient, typed by the codebook in ``frame.attrs["codebook"]``.

    Raises
    ------
    CasepoolError
        If there is no such dataset.

    Examples
    --------
    >>> import casepool as cp
    >>> len(cp.load("alk_crizotinib"))
    33
    """
    if name not in list_datasets():
        raise CasepoolError(
            "there is no bundled dataset of this name",
            value=name,
            remedy=f"there are {', '.join(list_datasets())}",
        )
    return read_cases(bundled("data") / name)


def read_cases(source: str | Path | pd.DataFrame, codebook: str | Path | Codebook | None = None) -> pd.DataFrame:
    """Read a table of cases.

    Parameters
    ----------
    source : path or pandas.DataFrame
        A dataset folder (``cases.csv`` and, if there, ``codebook.toml``), a CSV file, or a frame.
    codebook : path or Codebook, optional
        What the columns mean. Without one the types are guessed from the values, and said in the log;
        a CSV file is read without the codebook that may lie beside it.

    Returns
    -------
    pandas.DataFrame
        One row per patient, typed, the codebook in ``frame.attrs["codebook"]``.

    Raises
    ------
    CasepoolError
        For anything that cannot be read, with file, row, column, value and remedy.
    """
    book = codebook if codebook is None or isinstance(codebook, Codebook) else read_codebook(codebook)
    if isinstance(source, pd.DataFrame):
        return typed(source, book, name="the DataFrame")
    path = Path(source)
    if path.is_dir():
        beside = path / "codebook.toml"
        if book is None and beside.is_file():
            book = read_codebook(beside)
        return typed(_read_csv(path / "cases.csv"), book, name=path.name)
    return typed(_read_csv(path), book, name=path.name)


def resolve_cases(cases: str | Path | pd.DataFrame) -> pd.DataFrame:
    """Return typed cases for a dataset's name, a path or a frame."""
    if isinstance(cases, str) and cases in list_datasets():
        return load(cases)
    if isinstance(cases, str) and not Path(cases).exists():
        raise CasepoolError(
            "there is no bundled dataset, file or folder of this name",
            value=cases,
            remedy=f"bundled are {', '.join(list_datasets())}",
        )
    return read_cases(cases)


def _read_csv(path: Path) -> pd.DataFrame:
    """Read a CSV file as text, refusing rows whose cells do not match the header."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise CasepoolError("there is no such file", file=str(path), remedy="check the path") from None
    except (OSError, UnicodeDecodeError) as error:
        raise CasepoolError(
            f"not readable as UTF-8 text ({error})", file=str(path), remedy="save it as UTF-8"
        ) from None
    try:
        rows = [row for row in csv.reader(io.StringIO(text), strict=True) if row]
    except csv.Error as error:
        raise CasepoolError(f"not readable as CSV ({error})", file=path.name, remedy="check its quotes") from None
    if not rows:
        raise CasepoolError("the file is empty", file=path.name, remedy="give a header and one row per patient")
    header = [name.strip() for name in rows[0]]
    for position, name in enumerate(header):
        if not name:
            raise CasepoolError(
                "a column has no name", file=path.name, row=f"header, column {position + 1}", remedy="name it"
            )
    for number, row in enumerate(rows[1:], start=1):
        if len(row) != len(header):
            raise CasepoolError(
                f"{len(row)} cells where the header has {len(header)}",
                file=path.name,
                row=f"row {number}",
                value=row[0],
                remedy="check separators and quotes in this row",
            )
    return pd.DataFrame(rows[1:], columns=header, dtype="str")
