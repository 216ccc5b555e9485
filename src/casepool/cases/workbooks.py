"""An Excel workbook or a Parquet file becomes a sheet; a small file that would grow to gigabytes is refused.

A workbook is a zip of XML, so its limits are checked on the XML before openpyxl sees it, in bounded memory: see
`check_workbook`. openpyxl then reads row by row, which a library that builds a whole rectangle at once (calamine) does
not offer: there a cell in the last corner of a sheet costs gigabytes.
"""

from __future__ import annotations

import io
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.parsers import expat

import pandas as pd

from casepool.cases.codebook import toml_text
from casepool.cases.overlooked import layout_of, overlooked
from casepool.cases.problems import Problem
from casepool.cases.sheet import MOST_CELLS, Sheet, to_sheet, warning
from casepool.errors import CasepoolError

MOST_PARTS = 2_000
MOST_XML = 30_000_000
"""Bytes of XML in a workbook, unpacked."""
MOST_ELEMENTS = 500_000
"""XML elements in a workbook: some 200,000 cells."""
DEEPEST = 60
LONGEST_TAG = 1_000_000
DAMAGED = (zipfile.BadZipFile, zlib.error, expat.ExpatError, EOFError, OSError, LookupError, ValueError, RuntimeError)
"""What zipfile and expat raise for a damaged file."""
OTHER_PROGRAMS = {"content.xml": "an OpenDocument spreadsheet", "xl/workbook.bin": "a binary Excel workbook (.xlsb)"}
"""Parts that tell another kind of zip, and what it is."""
SAVE = "save it as .xlsx or .csv"
SMALLER = "copy the table alone into a new workbook, or save it as CSV"


def read_workbook(data: bytes, path: Path, told: Mapping[str, str]) -> Sheet:
    """Read one sheet of an .xlsx or .xlsm workbook.

    Parameters
    ----------
    data : bytes
        The file.
    path : pathlib.Path
        Its name.
    told : mapping of str to str
        ``[file]`` of the codebook. The ``sheet`` to read is by default the first visible one that holds anything, with
        a warning if there are more.

    Raises
    ------
    CasepoolError
        If the workbook is damaged, locked or too large, or a formula was never computed.
    """
    import openpyxl

    seen = check_workbook(data, path.name)
    try:
        with warnings.catch_warnings(action="ignore"):
            book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
            name, problems = _chosen(book, told.get("sheet", ""), path.name)
            rows = list(_grid(book[name], path.name))
            width = max((len(row) for row in rows), default=0)
            _refuse_if(width * len(rows) > MOST_CELLS, f"the sheet has {width * len(rows):,} cells", path.name)
            size = sum(len(cell) for row in rows for cell in row if isinstance(cell, str))
            _refuse_if(size > MOST_XML, f"the sheet unpacks to {size / 1e6:,.0f} MB of text", path.name)
            layout = layout_of(book[name])
            even = [[*row, *[None] * (width - len(row))] for row in rows]
            found = _on_one_line(to_sheet(even, path.name, told=told, merged=layout.merged))
            if "f" in seen:
                plain = openpyxl.load_workbook(io.BytesIO(data), read_only=True)
                problems += _uncomputed(rows, _grid(plain[name], path.name), found, path.name)
            problems += overlooked(book[name], layout, found, seen, path.name)
    except CasepoolError:
        raise
    except Exception as error:  # openpyxl meets a damaged file with whatever exception comes first
        raise CasepoolError(f"not readable as an Excel workbook ({error})", file=path.name, remedy=SMALLER) from None
    return replace(found, problems=found.problems + problems)


def check_workbook(data: bytes, file: str) -> set[str]:
    """Refuse a workbook that is no zip of modest, plain XML, and return the names of the elements it holds.

    Judged is every part that is XML, whatever its name. Refused are: more than `MOST_PARTS` parts, `MOST_XML` bytes or
    `MOST_ELEMENTS` elements, deeper nesting than `DEEPEST`, a tag longer than `LONGEST_TAG` bytes, document type
    declarations (and so entities), encryption, and compression other than deflate. Nothing is unpacked whole.

    Raises
    ------
    CasepoolError
        Naming the limit.
    """
    parts = data.count(b"PK\x01\x02")
    _refuse_if(parts > MOST_PARTS, f"the workbook has {parts:,} parts", file)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            inside = set(archive.namelist())
            for name, kind in OTHER_PROGRAMS.items():
                _refuse_if(name in inside, f"this is {kind}, which is not read", file, SAVE)
            odd = any(part.flag_bits & 1 or part.compress_type not in (0, 8) for part in archive.infolist())
            _refuse_if(odd, "the workbook is locked, or packed in no way Excel uses", file)
            texts = [part for part in archive.infolist() if _is_xml(archive, part)]
            size = sum(part.file_size for part in texts)
            _refuse_if(size > MOST_XML, f"the workbook unpacks to {size / 1e6:,.0f} MB", file)
            scan = _Scan(file)
            for part in texts:
                with archive.open(part) as stream:
                    scan.part(stream)
    except CasepoolError:
        raise
    except DAMAGED as error:
        raise CasepoolError(f"not readable as an Excel workbook ({error})", file=file, remedy=SMALLER) from None
    return scan.names


def _is_xml(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> bool:
    """Tell whether a part begins as XML does in any encoding, whatever a workbook calls it."""
    with archive.open(part) as stream:
        return stream.read(64).strip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n")[:1] in (b"<", b"")


class _Scan:
    """Counts what the XML parts of one workbook hold."""

    def __init__(self, file: str) -> None:
        self.file, self.names, self.elements, self.depth = file, set[str](), 0, 0

    def part(self, stream: Any) -> None:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end
        parser.StartDoctypeDeclHandler = self._doctype
        self.depth, fed = 0, 0
        while chunk := stream.read(65_536):
            parser.Parse(chunk)
            fed += len(chunk)
            _refuse_if(fed - parser.CurrentByteIndex > LONGEST_TAG, "the workbook holds an endless tag", self.file)
        parser.Parse(b"", True)

    def _start(self, name: str, _: object) -> None:
        self.elements += 1
        self.depth += 1
        if self.elements > MOST_ELEMENTS or self.depth > DEEPEST:
            deep = self.depth > DEEPEST
            limit = f"nested deeper than {DEEPEST} levels" if deep else f"of more than {MOST_ELEMENTS:,} elements"
            _refuse_if(True, f"the workbook is {limit}", self.file)
        if len(self.names) < 1_000:
            self.names.add(name.rpartition(" ")[2])

    def _end(self, _: str) -> None:
        self.depth -= 1

    def _doctype(self, *_: object) -> None:
        _refuse_if(True, "the workbook declares a document type, which Excel never does", self.file)


def _chosen(book: Any, sheet: str, file: str) -> tuple[str, list[Problem]]:
    """Name the sheet to read, and say so where there was a choice."""
    names = [each.title for each in book.worksheets]
    if sheet:
        if sheet not in names:
            raise CasepoolError(
                "there is no such sheet", file=file, value=sheet, remedy=f"there are {', '.join(names)}"
            )
        return sheet, []
    sizes = {w.title: _size(w, file) for w in book.worksheets if w.sheet_state == "visible"}
    filled = [title for title, size in sizes.items() if size]
    if not filled:
        raise CasepoolError("the workbook is empty", file=file, remedy="give a header and one row per patient")
    if len(filled) == 1:
        return filled[0], []
    read = next((title for title in filled if min(sizes[title]) > 1), filled[0])
    others = ", ".join(title for title in filled if title != read)
    said = f"of {len(filled)} sheets the first that may be a table was read; the others are {others}"
    remedy = f"set sheet = {toml_text(read)}, or the one meant, under [file] of the codebook"
    return read, [warning("sheets", said, "one sheet", remedy, file=file, value=read)]


def _size(sheet: Any, file: str) -> tuple[int, ...]:
    """Return how many rows of a sheet are filled, and its width; nothing of an empty one."""
    widths = [len(row) for row in _grid(sheet, file) if row]
    return (len(widths), max(widths)) if widths else ()


def _grid(sheet: Any, file: str) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a sheet without the empty cells at their ends, up to a limit."""
    sheet.reset_dimensions()  # what the file says of its size may be wrong, and openpyxl would pad to it
    cells, waiting = 0, 0
    for row in sheet.iter_rows(values_only=True):
        cells += len(row) + 1
        if cells > MOST_CELLS:  # no call here: a bomb may have a billion rows
            raise CasepoolError(
                f"the sheet {sheet.title!r} has more than {MOST_CELLS:,} cells", file=file, remedy=SMALLER
            )
        width = next((i for i in range(len(row), 0, -1) if row[i - 1] is not None), 0)
        if not width:
            waiting += 1
            continue
        yield from [()] * waiting
        waiting = 0
        yield tuple(row[:width])


def _on_one_line(found: Sheet) -> Sheet:
    """Write names of columns that are broken into lines on one."""
    frame = found.frame.set_axis([" ".join(name.split()) for name in found.frame.columns], axis=1)
    return replace(found, frame=frame, names=tuple(" ".join(name.split()) for name in found.names))


def _uncomputed(
    rows: list[tuple[Any, ...]], plain: Iterator[tuple[Any, ...]], found: Sheet, file: str
) -> Iterator[Problem]:
    """Yield an error for every formula in the header or the table whose value the workbook does not hold."""
    place = {line: row for row, line in enumerate(found.lines, start=1)}
    for number, formulas in enumerate(plain):
        held = rows[number] if number < len(rows) else ()
        for position, cell in enumerate(formulas):
            there = number == found.header or number + 1 in place
            formula = there and isinstance(cell, str) and cell.startswith("=")
            if formula and (held[position] if position < len(held) else None) is None:
                yield Problem(
                    "formula",
                    "a formula whose value the workbook does not hold",
                    "a value",
                    "open and save the workbook in a spreadsheet, or paste the values",
                    file=file,
                    row=place.get(number + 1),
                    column=found.names[position] if position < len(found.names) else "",
                    value=cell,
                )


def read_parquet(data: bytes, path: Path) -> Sheet:
    """Read a Parquet file of at most `MOST_CELLS` cells, each one value; repeated ones are kept once."""
    with needing("pyarrow", "parquet", path.name):
        import pyarrow
        from pyarrow import parquet
    try:
        file = parquet.ParquetFile(pyarrow.BufferReader(data))
        cells = file.metadata.num_rows * file.metadata.num_columns
        packed = sum(file.metadata.row_group(i).total_byte_size for i in range(file.metadata.num_row_groups))
        _refuse_if(cells > MOST_CELLS, f"the table has {cells:,} cells", path.name)
        _refuse_if(packed > MOST_XML, f"the file unpacks to {packed / 1e6:,.0f} MB", path.name)
        own = {field.name: field.type for field in file.schema_arrow}
        nested = next((name for name, type_ in own.items() if pyarrow.types.is_nested(type_)), "")
        _refuse_if(bool(nested), f"the cells of the column {nested!r} hold more than one value", path.name)
        bytes_long = [name for name, type_ in own.items() if _has_any_length(type_)]
        once = parquet.ParquetFile(pyarrow.BufferReader(data), read_dictionary=bytes_long)
        table = once.read()
        repeated = sum(map(_repeated, table.columns))
        _refuse_if(repeated > MOST_XML, f"the file unpacks to {repeated / 1e6:,.0f} MB", path.name)
        frame = table.to_pandas()
    except CasepoolError:
        raise
    except Exception as error:  # pyarrow has no common class of its exceptions
        raise CasepoolError(f"not readable as Parquet ({error})", file=path.name, remedy="save it as CSV") from None
    columns = [_each_once(frame.iloc[:, i]) for i in range(frame.shape[1])]  # by place: a name may be there twice
    return Sheet(pd.concat(columns, axis=1).set_axis(frame.columns, axis=1) if columns else frame)


def _each_once(cells: pd.Series[Any]) -> pd.Series[Any]:
    """Return the cells of a column of repeated values as objects of which each different one is there once."""
    if not isinstance(cells.dtype, pd.CategoricalDtype):
        return cells
    different = [*cells.cat.categories, None]  # the last for -1, where there is none
    return pd.Series([different[code] for code in cells.cat.codes], index=cells.index, name=cells.name, dtype=object)


def _repeated(column: Any) -> int:
    """Return how many bytes the texts of a column take where each cell has its own."""
    from pyarrow import compute, types

    if not types.is_dictionary(column.type):
        return 0
    lengths = (compute.binary_length(chunk.dictionary).take(chunk.indices) for chunk in column.chunks)
    return sum(compute.sum(each).as_py() or 0 for each in lengths)


def _has_any_length(kind: Any) -> bool:
    """Tell whether values of a type of Arrow may be of any length, so that repeating one may fill the memory."""
    return any(word in str(kind) for word in ("string", "binary", "utf8"))


@contextmanager
def needing(library: str, extra: str, file: str) -> Iterator[None]:
    """Import a library that casepool does not insist on, or say how to get it."""
    try:
        yield
    except ImportError:
        raise CasepoolError(
            f"reading this kind of file needs {library}, which is not installed",
            file=file,
            remedy=f"pip install 'casepool[{extra}]', or save the table as CSV",
        ) from None


def _refuse_if(true: bool, problem: str, file: str, remedy: str = SMALLER) -> None:
    if true:
        raise CasepoolError(problem, file=file, remedy=remedy)
