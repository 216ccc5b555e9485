"""A table as a document of Word or a workbook of Excel: the layout for readers, and in a workbook every column too.

Nothing of it is computed by who opens it: a cell that begins like a formula is marked as text.
"""

from __future__ import annotations

import io
import math
import re
import zipfile
import zlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from casepool.escaping import is_formula, printable, shorten
from casepool.presenting.layout import Layout

if TYPE_CHECKING:
    import pandas as pd

AUTHOR = "casepool"
"""Says of a document, in its properties, that casepool wrote it."""
MARK = re.compile(rf"<dc:creator[^>]*>{AUTHOR}</dc:creator>".encode())
PROPERTIES = "docProps/core.xml"
UNREADABLE = (OSError, ValueError, KeyError, NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error)
LONGEST_CELL = 32_767
"""Characters that Excel takes in a cell."""
WIDEST = 60
"""Characters by which a column of a workbook is at most wide."""
LANDSCAPE = 7
"""Columns from which a document's page lies on its side."""
Line = tuple[Sequence[str], bool]
ESCAPE = re.compile(r"_(x[0-9A-Fa-f]{4}_)")
"""What a workbook would take for the code of a character."""


def is_own(path: Path) -> bool:
    """Whether casepool wrote a document or a workbook."""
    with suppress(*UNREADABLE), zipfile.ZipFile(path) as file, file.open(PROPERTIES) as part:
        return MARK.search(part.read(4096)) is not None
    return False


def docx_of(layout: Layout) -> bytes:
    """Write a layout as a document of Word: title, table with a head that is repeated on every page, notes."""
    from docx import Document
    from docx.enum.section import WD_ORIENT
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.oxml import OxmlElement

    document = Document()
    document.core_properties.author, document.core_properties.comments = AUTHOR, ""
    document.core_properties.title = shorten(layout.title, 255)
    page = document.sections[0]
    if len(layout.headings) >= LANDSCAPE:
        page.orientation = WD_ORIENT.LANDSCAPE
        page.page_width, page.page_height = page.page_height, page.page_width
    if layout.title:
        document.add_paragraph().add_run(layout.title).bold = True
    if layout.shared:
        document.add_paragraph(layout.caption)
    table = document.add_table(rows=0, cols=len(layout.headings), style="Light List")
    for number, (texts, bold) in enumerate(_lines(layout)):
        cells = table.add_row().cells
        if number and bold:  # a group's heading stands over all columns
            cells[0].merge(cells[-1])
        for cell, text, numeric in zip(cells, texts, layout.numeric, strict=False):
            run = cell.paragraphs[0].add_run(text)
            run.bold = bold
            if numeric and len(texts) > 1:
                cell.paragraphs[0].alignment = WD_ALIGN_PARAGRAPH.RIGHT
    repeated = OxmlElement("w:tblHeader")
    table.rows[0]._tr.get_or_add_trPr().append(repeated)
    for note in layout.footnotes:
        document.add_paragraph(note)
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()


def xlsx_of(layout: Layout, table: pd.DataFrame) -> bytes:
    """Write a workbook: a sheet "Table" with the layout, and a sheet "Data" with every column, numbers as numbers."""
    from openpyxl import Workbook

    book = Workbook()
    book.properties.creator = AUTHOR
    sheet = book.active
    sheet.title = "Table"
    above = [text for text in (layout.title, layout.caption) if text]
    head = len(above) + 1 + bool(above)
    lines: list[Line] = [((text,), number == 0) for number, text in enumerate(above)]
    lines += [
        *[((), False)] * bool(above),
        *_lines(layout),
        ((), False),
        *(((note,), False) for note in layout.footnotes),
    ]
    for number, (texts, bold) in enumerate(lines, start=1):
        _fill(sheet, number, texts, bold=bold)
    rows = [layout.headings, *(row for group in layout.groups for row in group.rows)]
    _fit(sheet, rows, head)
    data = book.create_sheet("Data")
    cells = [list(map(str, table.columns)), *table.itertuples(index=False, name=None)]
    for number, values in enumerate(cells, start=1):
        _fill(data, number, values, bold=number == 1)
    _fit(data, cells, 1)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def _lines(layout: Layout) -> list[Line]:
    """Return the cells of the headings, of the groups' and of the rows, and whether they stand out."""
    lines: list[Line] = [(layout.headings, True)]
    for group in layout.groups:
        lines += [((group.name,), True)] * bool(group.name) + [(row, False) for row in group.rows]
    return lines


def _fill(sheet: Any, row: int, values: Any, *, bold: bool) -> None:
    """Write cells of a row: finite numbers and truths as what they are, all else as text that computes nothing."""
    from openpyxl.styles import Font

    for column, value in enumerate(values, start=1):
        held = _held(value)
        if held is None:
            continue
        cell = sheet.cell(row, column)
        if isinstance(held, str):
            cell.value = ESCAPE.sub(r"_x005F_\1", shorten(printable(held), LONGEST_CELL))
            cell.data_type, cell.quotePrefix = "s", is_formula(held)
        else:
            cell.value = held
        if bold:
            cell.font = Font(bold=True)


def _held(value: Any) -> Any:
    """Return what a cell holds, None if nothing."""
    import pandas as pd

    if pd.isna(value) or value == "":
        return None
    if isinstance(value, bool):
        return value
    number = getattr(value, "item", lambda: value)()  # of numpy's numbers Python's
    return number if isinstance(number, int | float) and math.isfinite(number) else str(value)


def _fit(sheet: Any, rows: Any, head: int) -> None:
    """Make columns wide enough, long texts apart, and keep the headings in sight."""
    from openpyxl.utils import get_column_letter

    for number, column in enumerate(zip(*rows, strict=True), start=1):
        longest = max(len(str(value)) for value in column)
        sheet.column_dimensions[get_column_letter(number)].width = min(longest, WIDEST) + 2
    sheet.freeze_panes = f"A{head + 1}"
