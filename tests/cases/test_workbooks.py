"""A table is the same in every kind of file, and a small file that would grow to gigabytes is refused."""

import io
import random
import subprocess
import sys
import zipfile

import openpyxl
import pandas as pd
import pytest

import casepool as cp
from benchmarks import hostile_workbooks as made
from benchmarks.hostile_tables import fine
from casepool.cases import workbooks
from casepool.errors import CasepoolError

ROWS = [["patient", "age", "group", "dead"], ["a", 30, "x", True], ["b", 41.5, "y", False], ["c", None, "x", None]]
SHEET = "xl/worksheets/sheet1.xml"
HEAD = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'


def workbook(path, rows=ROWS, *more):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    for title, others in more:
        sheet = book.create_sheet(title)
        for row in others:
            sheet.append(row)
    book.save(path)
    return path


def with_part(tmp_path, chunks, part=SHEET):
    """A workbook one part of which is replaced."""
    plain = zipfile.ZipFile(workbook(tmp_path / "plain.xlsx"))
    made = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name in plain.namelist():
            if name != part:
                archive.writestr(name, plain.read(name))
        with archive.open(part, "w") as stream:
            for chunk in chunks:
                stream.write(chunk)
    return made


def test_blank_rows_above_the_header_mean_nothing(tmp_path):
    plain = cp.read_cases(workbook(tmp_path / "plain.xlsx"))
    pd.testing.assert_frame_equal(cp.read_cases(workbook(tmp_path / "low.xlsx", [[], [None, " "], *ROWS])), plain)
    (tmp_path / "low.csv").write_text("\n,,,\n" + "\n".join(",".join(map(str, row)) for row in ROWS[:3]))
    assert list(cp.read_cases(tmp_path / "low.csv")) == ROWS[0]
    broken = cp.validate(workbook(tmp_path / "broken.xlsx", [[], ROWS[0], ["a", "=1+1", "x", True]]))
    assert broken.loc[0, ["rule", "row", "column"]].tolist() == ["formula", 1, "age"]


def test_a_table_is_the_same_in_every_kind_of_file(tmp_path):
    frame = pd.DataFrame(ROWS[1:], columns=ROWS[0]).convert_dtypes()
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet", index=False)
    workbook(tmp_path / "t.xlsx")
    as_frame = cp.read_cases(frame)
    for name in ("t.csv", "t.parquet", "t.xlsx"):
        read = cp.read_cases(tmp_path / name)
        read.attrs = as_frame.attrs = {}
        pd.testing.assert_frame_equal(read, as_frame)


def test_the_content_and_not_the_name_says_what_a_file_is(tmp_path):
    made = workbook(tmp_path / "t.csv")
    assert len(cp.read_cases(made)) == 3
    (tmp_path / "old.xls").write_bytes(b"\xd0\xcf\x11\xe0" + b"\0" * 100)
    assert "before 2007" in cp.validate(tmp_path / "old.xls")["problem"].iloc[0]


def test_further_sheets_merged_cells_and_idle_formulas_are_said(tmp_path):
    made = workbook(tmp_path / "t.xlsx", ROWS, ("notes", [["hello"]]))
    assert cp.validate(made).query("severity == 'warning'")["rule"].tolist() == ["sheets"]
    book = openpyxl.load_workbook(made)
    del book["notes"]
    book.active.merge_cells("B2:B3")
    book.active["B4"] = "=1+1"
    book.save(made)
    found = cp.validate(made).query("severity != 'note'")
    assert found[["severity", "rule"]].to_numpy().tolist() == [["error", "formula"], ["warning", "merged cells"]]
    assert found[["row", "column", "value"]].iloc[0].tolist() == [3, "age", "'=1+1'"]


def test_a_missing_library_names_the_extra(tmp_path, monkeypatch):
    made = tmp_path / "t.parquet"
    made.write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(CasepoolError, match=r"pip install 'casepool\[parquet\]'"):
        cp.read_cases(made)


@pytest.mark.parametrize("keep", [4, 100, 2000, -30])
def test_a_damaged_workbook_is_refused(tmp_path, keep):
    made = workbook(tmp_path / "t.xlsx")
    made.write_bytes(made.read_bytes()[:keep])
    assert cp.validate(made)["problem"].iloc[0].startswith("not readable as an Excel workbook")


BOMBS = {
    "gigabytes": (lambda: (b"<row><c/></row>" * 100_000 for _ in range(30)), "unpacks to"),
    "deep": (lambda: [HEAD, b"<a>" * 100_000], "nested deeper"),
    "elements": (lambda: [HEAD, b"<a/>" * 600_000], "elements"),
    "endless tag": (lambda: [HEAD, b"<a b='" + b" " * 5_000_000], "endless tag"),
    "entities": (lambda: [b"<!DOCTYPE l [<!ENTITY a 'lol'>]>", HEAD, b"&a;</worksheet>"], "document type"),
    "far corner": (
        lambda: [
            HEAD,
            b'<sheetData><row r="1"><c r="A1"><v>1</v></c></row><row r="9">'
            b'<c r="XFD9"><v>1</v></c></row><row r="40000"><c r="B40000"><v>1</v></c></row></sheetData></worksheet>',
        ],
        "cells",
    ),
    "endless rows": (
        lambda: [HEAD, b'<sheetData><row r="99999999999"><c><v>1</v></c></row></sheetData></worksheet>'],
        "cells",
    ),
}


@pytest.mark.parametrize(("chunks", "said"), BOMBS.values(), ids=BOMBS)
def test_a_bomb_is_refused(tmp_path, chunks, said):
    assert said in cp.validate(with_part(tmp_path, chunks()))["problem"].iloc[0]


@pytest.mark.parametrize("part", ["xl/worksheets/sheet1.bin", "xl/media/image1.png", "a.txt"])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf", b"\r\n "])
def test_a_bomb_under_another_name_is_refused(tmp_path, part, start):
    """Which the workbook's relations may call a sheet."""
    made = with_part(tmp_path, [start, HEAD, *(b"<row><c/></row>" * 100_000 for _ in range(30))], part)
    assert "unpacks to" in cp.validate(made)["problem"].iloc[0]


def test_a_bomb_takes_little_memory(tmp_path):
    """Refused inside 200 MB more than the imports take; in a process of its own, whose peak is its own."""
    resource = pytest.importorskip("resource")
    made = with_part(tmp_path, (b"<row><c/></row>" * 100_000 for _ in range(200)))
    assert made.stat().st_size < 5_000_000
    code = (
        "import resource, sys, openpyxl, casepool as cp; cp.validate('sarcoma_imatinib')\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = peak(); found = cp.validate(sys.argv[1]); print(found['severity'].iloc[0], peak() - before)"
    )
    ended = subprocess.run([sys.executable, "-c", code, made], capture_output=True, text=True, check=True)
    severity, kilobytes = ended.stdout.split()
    assert severity == "error"
    assert int(kilobytes) < 200_000
    assert resource


def test_a_part_in_an_encoding_nobody_knows_is_refused(tmp_path):
    made = with_part(tmp_path, [b"<?xml version='1.0' encoding='nothing'?>", HEAD, b"</worksheet>"])
    problem = cp.validate(made)["problem"].iloc[0]
    assert "not readable as an Excel workbook" in problem
    assert "\n" not in problem


def test_a_text_kept_once_and_shown_in_many_cells_is_refused(tmp_path):
    table = fine(random.Random(1))
    parts = made.parts_of(made.saved(made.sheet_of(table)))
    made.shared_strings(random.Random(1), table, parts)
    made.repeated_text(random.Random(1), table, parts)
    (tmp_path / "t.xlsx").write_bytes(made.zipped(parts))
    assert "unpacks to" in cp.validate(tmp_path / "t.xlsx")["problem"].iloc[0]


def test_too_many_parts_are_refused(tmp_path):
    made = tmp_path / "parts.xlsx"
    with zipfile.ZipFile(made, "w") as archive:
        for number in range(workbooks.MOST_PARTS + 1):
            archive.writestr(f"{number}.xml", "<a/>")
    with pytest.raises(CasepoolError, match="parts"):
        workbooks.check_workbook(made.read_bytes(), "parts.xlsx")
    assert zipfile.is_zipfile(io.BytesIO(made.read_bytes()))
