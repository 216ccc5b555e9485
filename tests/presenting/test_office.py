"""Documents and workbooks: read back they hold what the CSV file does, and nothing in them acts."""

import csv
import math
import re
import zipfile
from numbers import Real
from pathlib import Path

import docx
import openpyxl
import pandas as pd
import pytest
from openpyxl.utils.escape import unescape

import casepool as cp
from casepool.escaping import csv_cell, one_line, printable
from casepool.presenting.layout import layout_of
from casepool.presenting.office import is_own
from casepool.writing import RARE_NOTE
from tests.safety.labels import HOSTILE

NAMES = ["raw", "raw survival", "estimates", "contrast", "survival", "compared", "one row", "ledger", "hostile"]


def lines_of_docx(path: Path) -> list[list[str]]:
    (table,) = docx.Document(str(path)).tables
    return [[docx.table._Cell(cell, table).text for cell in row._tr.tc_lst] for row in table.rows]


def lines_of(layout) -> list[list[str]]:
    """Headings, the groups' headings and the rows of a layout."""
    blocks = [
        line for block in layout.groups for line in [*([[block.name]] if block.name else []), *map(list, block.rows)]
    ]
    return [list(layout.headings), *blocks]


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", [name for name in NAMES if name != "hostile"])
def test_a_document_holds_the_cells_of_the_csv_file(tables: dict[str, pd.DataFrame], name: str, tmp_path: Path) -> None:
    table = tables[name]
    back = pd.DataFrame(read_csv(cp.write_table(table, tmp_path / "t.csv")))
    for column in back:  # a number is one where the table has one
        cells = zip(back[column], table[column], strict=True)
        held = [float(text or "nan") if isinstance(own, Real) else text for text, own in cells]
        back[column] = pd.Series(held, dtype=object if "" in held else None)
    path = cp.write_table(table, tmp_path / "t.docx")
    assert lines_of_docx(path) == lines_of(layout_of(back))
    paragraphs = [p.text for p in docx.Document(str(path)).paragraphs]
    assert [note for note in layout_of(back).footnotes if note not in paragraphs] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_workbook_holds_the_cells_of_the_csv_file(tables: dict[str, pd.DataFrame], name: str, tmp_path: Path) -> None:
    table = tables[name]
    rows = read_csv(cp.write_table(table, tmp_path / "t.csv"))
    book = openpyxl.load_workbook(cp.write_table(table, tmp_path / "t.xlsx"))
    head, *found = book["Data"].iter_rows()
    assert [cell.value for cell in head] == list(rows[0])
    for cells, row in zip(found, rows, strict=True):
        for cell, text in zip(cells, row.values(), strict=True):
            if cell.data_type == "n" and cell.value is not None:
                assert math.isclose(cell.value, float(text), rel_tol=1e-12)
            else:
                assert cell.data_type in ("s", "n", "b")
                assert csv_cell("" if cell.value is None else str(cell.value)) == text
    seen = [[c.value or "" for c in row if c.value is not None or c.column <= 1] for row in book["Table"].iter_rows()]
    for line in lines_of(layout_of(table)):
        assert [text for text in line if text] in [[text for text in row if text] for row in seen]


def test_nothing_in_a_workbook_or_a_document_acts(tables: dict[str, pd.DataFrame], tmp_path: Path) -> None:
    odd = [*HOSTILE, "\ufffe\uffff", "_x0041_", "=1+1", "-2+3"]
    table = tables["hostile"].head(1).loc[[0] * len(odd)].assign(level=odd)
    workbook, document = cp.write_table(table, tmp_path / "t.xlsx"), cp.write_table(table, tmp_path / "t.docx")
    book = openpyxl.load_workbook(workbook)
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row if isinstance(cell.value, str)]
    assert {cell.data_type for cell in cells} == {"s"}
    levels = next(c for c in book["Data"].iter_cols() if c[0].value == "level")[1:]
    assert [unescape(cell.value) for cell in levels] == [printable(label) for label in odd]
    assert all(cell.quotePrefix for cell in levels if csv_cell(cell.value).startswith("'"))
    assert [line[0] for line in lines_of_docx(document)[1:]] == [
        one_line(label)[:999] + "…" * (len(label) > 1000) for label in odd
    ]
    for path in (workbook, document):
        with zipfile.ZipFile(path) as file:
            parts = {name: file.read(name) for name in file.namelist()}
        assert not any(b"<f>" in part or b"instrText" in part or b"hyperlink r:" in part for part in parts.values())
        assert not any("vba" in name or "external" in name.lower() for name in parts)


def test_small_counts_are_marked_in_both(private: pd.DataFrame, tmp_path: Path) -> None:
    document = docx.Document(str(cp.write_table(private, tmp_path / "t.docx")))
    assert [p.text for p in document.paragraphs].count(RARE_NOTE) == 1
    book = openpyxl.load_workbook(cp.write_table(private, tmp_path / "t.xlsx"))
    texts = [cell.value for row in book["Table"].iter_rows() for cell in row]
    assert {"1†", "2†", RARE_NOTE} <= set(texts)
    few = read_csv(cp.write_table(private, tmp_path / "t.csv"))
    column = next(c for c in book["Data"].iter_cols() if c[0].value == "few")
    assert [cell.value or "" for cell in column[1:]] == [row["few"] for row in few]
    shown = openpyxl.load_workbook(cp.write_table(private, tmp_path / "p.xlsx", public=True))
    assert "few" not in [cell.value for cell in shown["Data"][1]]


def test_a_title_stands_above(private: pd.DataFrame, tmp_path: Path) -> None:
    document = docx.Document(str(cp.write_table(private, tmp_path / "t.docx", title="Table 2. Response")))
    assert document.paragraphs[0].text == document.core_properties.title == "Table 2. Response"
    book = openpyxl.load_workbook(cp.write_table(private, tmp_path / "t.xlsx", title="=Table"))
    assert (book["Table"]["A1"].value, book["Table"]["A1"].data_type) == ("=Table", "s")
    with pytest.raises(cp.CasepoolError, match="one line of text"):
        cp.write_table(private, tmp_path / "t.docx", title="two\nlines")


def test_a_file_of_others_is_told_from_ones_own(private: pd.DataFrame, tmp_path: Path) -> None:
    assert is_own(cp.write_table(private, tmp_path / "t.docx"))
    docx.Document().save(str(tmp_path / "others.docx"))
    assert not is_own(tmp_path / "others.docx")
    (tmp_path / "text.docx").write_text("casepool")
    with zipfile.ZipFile(tmp_path / "empty.docx", "w"):
        pass
    assert not any(is_own(tmp_path / name) for name in ("text.docx", "empty.docx", "none.docx"))


def cells_of_markdown(path: Path) -> list[list[str]]:
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    plain = [re.sub(r"\\([\\`*\[\]|$~])", r"\1", line) for i, line in enumerate(lines) if i != 1]
    return [line.removeprefix("| ").removesuffix(" |").split(" | ") for line in plain]


@pytest.mark.parametrize("name", [name for name in NAMES if name != "hostile"])
def test_texts_have_the_columns_of_the_document_and_all_of_them_if_asked(tables, name: str, tmp_path: Path) -> None:
    table, layout = tables[name], layout_of(tables[name])
    plain = cells_of_markdown(cp.write_table(table, tmp_path / "t.md"))
    assert plain[0] == list(layout.headings)
    bold = [f"**{line[0]}**" if len(line) == 1 else line[0] for line in lines_of(layout)]
    assert [row[0] for row in plain] == bold
    every = cells_of_markdown(cp.write_table(table, tmp_path / "t.md", every_column=True))
    assert every[0] == list(table.columns)
    assert len(every) == len(table) + 1
    latex = cp.write_table(table, tmp_path / "t.tex").read_text(encoding="utf-8").splitlines()
    rows = [line for line in latex if line.endswith(r" \\")]
    assert len(rows) == len(lines_of(layout))
    page = cp.write_table(table, tmp_path / "t.html").read_text(encoding="utf-8")
    assert page.count("<tr>") == len(lines_of(layout))


@pytest.mark.parametrize("form", ["md", "tex", "html"])
def test_a_text_is_replaced_where_it_is_casepools_and_nowhere_else(tables, form: str, tmp_path: Path) -> None:
    path = cp.write_table(tables["survival"], tmp_path / f"t.{form}")
    assert cp.write_table(tables["ledger"], path) == path
    assert cp.write_table(tables["raw"], path, every_column=True) == path
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(cp.CasepoolError, match="did not write"):
        cp.write_table(tables["raw"], path)
