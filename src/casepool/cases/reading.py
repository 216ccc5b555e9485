"""Names, folders, files and frames become cases."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pandas as pd

from casepool._resources import bundled
from casepool.arguments import bytes_of, path_of
from casepool.cases.cells import is_missing
from casepool.cases.codebook import Codebook, read_codebook
from casepool.cases.decimal_commas import with_points
from casepool.cases.delimited import read_delimited
from casepool.cases.linked_rules import linked_problems, placed_at
from casepool.cases.linked_tables import LinkedRows
from casepool.cases.problems import refuse
from casepool.cases.sheet import MOST_BYTES, Sheet
from casepool.cases.tables import typed_by
from casepool.cases.workbooks import read_parquet, read_workbook
from casepool.errors import CasepoolError
from casepool.escaping import printable

log = logging.getLogger("casepool")

CASES, CODEBOOK = "cases.csv", "codebook.toml"
"""Files of a dataset's folder."""
FOREIGN = {
    b"\xd0\xcf\x11\xe0": "an Excel workbook of before 2007, or a locked one",
    b"\x1f\x8b": "a compressed file",
    b"%PDF": "a PDF",
    b"SQLite": "a database",
}
"""First bytes of files that are no table, and what they are."""


LINES = ("header", "last")
READ_WITH = {
    "a workbook": ("sheet", "decimal", *LINES),
    "a Parquet file": (),
    "a text file": ("separator", "decimal", "encoding", *LINES),
}
"""Keys of ``[file]`` that say something of each kind of file."""


def list_datasets() -> list[str]:
    """Return the names of the bundled datasets, sorted.

    See Also
    --------
    load, read_cases

    Examples
    --------
    >>> import casepool as cp
    >>> cp.list_datasets()
    ['alk_crizotinib', 'alk_imt_trials', 'sarcoma_imatinib']
    """
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

    See Also
    --------
    read_cases, validate, fit

    Examples
    --------
    >>> import casepool as cp
    >>> len(cp.load("alk_crizotinib"))
    33
    """
    if not isinstance(name, str) or name not in list_datasets():
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
        A dataset folder (``cases.csv`` and, if there, ``codebook.toml``), a file, or a frame. A file is separated
        text (comma, semicolon, tab or bar), an Excel workbook or Parquet (needs
        ``casepool[parquet]``).
    codebook : path or Codebook, optional
        What the columns mean. Without one the types are guessed from the values, and said in the log;
        a file is read without the codebook that may lie beside it.

    Returns
    -------
    pandas.DataFrame
        One row per patient, typed, the codebook in ``frame.attrs["codebook"]``.

    Raises
    ------
    CasepoolError
        For anything that cannot be read, with file, row, column, value and remedy.

    See Also
    --------
    load, validate, new_dataset, fit

    Examples
    --------
    >>> import casepool as cp
    >>> import pandas as pd
    >>> table = pd.DataFrame({"patient": ["A", "B"], "age": ["44", "9,5"], "best_response": ["PR", "SD"]})
    >>> cases = cp.read_cases(table)
    >>> list(cases.columns), cases.attrs["codebook"]["columns"]["best_response"]["type"]
    (['patient', 'age', 'best_response'], 'category')
    """
    return read_typed(source, codebook)[0]


def read_typed(
    source: str | Path | pd.DataFrame, codebook: str | Path | Codebook | None = None
) -> tuple[pd.DataFrame, Codebook]:
    """Read a table as `read_cases` does, and return beside it the codebook it carries."""
    if isinstance(source, pd.DataFrame):
        return _checked(*typed_by(source, given_codebook(codebook), name="the DataFrame"), codebook is not None)
    path = as_path(source)
    book = given_codebook(codebook, path)
    if path.is_dir():
        book = book or codebook_in(path) or Codebook(name=printable(path.name))
        return _cases_of(held(path, CASES), book)
    return _cases_of(path, book)


def resolve_cases(cases: str | Path | pd.DataFrame) -> pd.DataFrame:
    """Return typed cases for a dataset's name, a path or a frame."""
    return resolve_typed(cases)[0]


def resolve_typed(cases: str | Path | pd.DataFrame) -> tuple[pd.DataFrame, Codebook]:
    """Return typed cases for a dataset's name, a path or a frame, and the codebook they carry."""
    if isinstance(cases, str) and cases in list_datasets():
        return read_typed(bundled("data") / cases)
    if isinstance(cases, str) and not path_of(cases).exists():
        raise CasepoolError(
            "there is no bundled dataset, file or folder of this name",
            value=cases,
            remedy=f"bundled are {', '.join(list_datasets())}",
        )
    return read_typed(cases)


def given_codebook(codebook: str | Path | Codebook | None, table: Path | None = None) -> Codebook | None:
    """Return the codebook given beside a table; one read for a single file bears that file's name."""
    if codebook is None or isinstance(codebook, Codebook):
        return codebook
    book = read_book(as_path(codebook))
    return book if table is None or table.is_dir() else replace(book, name=printable(table.name))


def codebook_in(folder: Path) -> Codebook | None:
    """Read the codebook of a folder, if it has one."""
    beside = held(folder, CODEBOOK)
    return read_book(beside) if beside.is_file() else None


def held(folder: Path, name: str) -> Path:
    """Return a file of a folder; where only capitals differ it is that one, as on machines that see no difference."""
    if not (folder / name).exists():
        with suppress(OSError):
            return min((path for path in folder.iterdir() if path.name.lower() == name), default=folder / name)
    return folder / name


def as_path(source: object) -> Path:
    """Return a path, refusing what is none."""
    return path_of(source, "a path or a DataFrame")


def read_sheet(path: Path, codebook: Codebook | None) -> Sheet:
    """Read a file of any kind; its content, not its name, says which.

    Raises
    ------
    CasepoolError
        If it cannot be opened at all.
    """
    data = bytes_of(path, MOST_BYTES, "cut it to one table")
    if data.startswith(b"PK"):
        _refuse_idle("a workbook", path, codebook)
        sheet = read_workbook(data, path, codebook.file if codebook else {})
        frame, said = with_points(sheet.frame, codebook, path.name, mixed=True)
        return replace(sheet, frame=frame, problems=[*sheet.problems, *said])
    if data.startswith(b"PAR1"):
        _refuse_idle("a Parquet file", path, codebook)
        return read_parquet(data, path)
    for mark, kind in FOREIGN.items():
        if data.startswith(mark):
            raise CasepoolError(
                f"this is {kind}, which is not read", file=path.name, remedy="save it as .xlsx, .parquet or .csv"
            )
    _refuse_idle("a text file", path, codebook)
    return read_delimited(data, path, codebook)


def _refuse_idle(kind: str, path: Path, codebook: Codebook | None) -> None:
    """Refuse a key of ``[file]`` that says nothing of a file of this kind."""
    for key, value in codebook.file.items() if codebook else ():
        if key not in (*READ_WITH[kind], "time_zero"):
            raise CasepoolError(f"{kind} has no {key}", file=path.name, column=f"file.{key}", value=value,
                                remedy="remove the key from the codebook")  # fmt: skip


def _cases_of(path: Path, codebook: Codebook | None) -> tuple[pd.DataFrame, Codebook]:
    """Read a file and type it; how it was read, where there was a choice, is said in the log."""
    sheet = read_sheet(path, codebook)
    refuse(sheet.numbered())
    for problem in sheet.problems:
        log.warning("%s", problem.refusal())
    return _checked(*typed_by(sheet.frame, codebook, name=printable(path.name), lines=sheet.lines), True)


def _checked(frame: pd.DataFrame, codebook: Codebook, new: bool) -> tuple[pd.DataFrame, Codebook]:
    """Refuse tables beside the cases that contradict them, where they have just been read."""
    if new and codebook.tables:
        refuse(placed_at(linked_problems(frame, codebook), frame, codebook))
    return frame, codebook


def read_book(path: Path) -> Codebook:
    """Read a codebook, and the files beside it that hold its tables."""
    book = read_codebook(path)
    files = {name: path.parent / table.file for name, table in book.tables.items() if table.file}
    return replace(book, linked={name: _rows_of(own, book) for name, own in files.items()}) if files else book


def _rows_of(path: Path, book: Codebook) -> LinkedRows:
    """Read the file of a table beside the cases: its cells as text, empty where the codebook says so."""
    sheet = read_sheet(path, Codebook(name=printable(path.name), missing=book.missing))
    refuse(sheet.numbered())
    cells = {str(name): sheet.frame[name].tolist() for name in sheet.frame.columns}
    texts = {name: tuple(_text(value, book) for value in own) for name, own in cells.items()}
    return LinkedRows(texts, tuple(sheet.lines) or tuple(range(1, len(sheet.frame) + 1)))


def _text(value: object, book: Codebook) -> str:
    if is_missing(value, book.missing):
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()
