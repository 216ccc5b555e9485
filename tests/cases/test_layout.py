"""Where a table stands in its file: its header is found, its rows bear the file's numbers, hidden ones are said."""

import openpyxl
import pandas as pd
import pytest
from openpyxl.styles import Font

import casepool as cp
from casepool.errors import CasepoolError

TABLE = "patient,age,sex\na,30,F\nb,41,M\nc,8,F\n"
PORTAL = (
    "#Patient Identifier\tOverall Survival (Months)\tSex\n#Identifier to uniquely specify a patient.\tMonths.\tSex\n"
    "#STRING\tNUMBER\tSTRING\n#1\t1\t1\nPATIENT_ID\tOS_MONTHS\tSEX\nTCGA-1\t8.2\tMale\nTCGA-2\t11.5\tFemale\n"
)
ABOVE = [
    "Table 1. Patients\n",
    "Table 1: Patients, treated in Rome\n\n",
    "Table 1,,\nof the paper,,\n",
    "# made by hand\n#\n",
]


@pytest.mark.parametrize("above", ABOVE)
@pytest.mark.parametrize("separator", [",", "\t", ";"])
def test_the_header_is_found_below_a_title_and_said(tmp_path, above, separator):
    """The cells are those of the table alone; rows are numbered as the file has them."""
    if "Rome" in above:
        above = above.replace(",", " and" if separator == "," else ",")
    else:
        above = above.replace(",", separator)
    (tmp_path / "plain.csv").write_text(TABLE.replace(",", separator))
    (tmp_path / "titled.csv").write_text(above + TABLE.replace(",", separator).replace("30", "-30"))
    found = cp.validate(tmp_path / "titled.csv")
    assert found.query("rule == 'header'")[["severity", "file"]].to_numpy().tolist() == [["warning", "titled.csv"]]
    line = above.count("\n") + 2
    assert found.loc[0, ["rule", "row", "line"]].tolist() == ["negative age", 1, line]
    with pytest.raises(CasepoolError, match=rf"row 1 \(patient a\), line {line}"):
        cp.read_cases(tmp_path / "titled.csv")
    (tmp_path / "titled.csv").write_text(above + TABLE.replace(",", separator))
    read, plain = cp.read_cases(tmp_path / "titled.csv"), cp.read_cases(tmp_path / "plain.csv")
    read.attrs = plain.attrs = {}
    pd.testing.assert_frame_equal(read, plain)


def test_the_rows_of_remarks_of_a_clinical_portal_are_no_patients(tmp_path):
    (tmp_path / "portal.txt").write_text(PORTAL)
    read = cp.read_cases(tmp_path / "portal.txt")
    assert read["OS_MONTHS"].tolist() == [8.2, 11.5]
    said = cp.validate(tmp_path / "portal.txt").query("rule == 'header'")
    assert "line 5" in said["problem"].iloc[0]


@pytest.mark.parametrize(
    "text", [TABLE, "#,age\n1,30\n2,41\n", "age\n30\n41\n", "note\nx\ny\n", "a,b\n,\n1,2\n", "patient,\n1,\n2,\n"]
)
def test_a_header_in_the_first_row_is_left_alone(tmp_path, text):
    (tmp_path / "t.csv").write_text(text)
    assert "header" not in set(cp.validate(tmp_path / "t.csv")["rule"])
    assert cp.read_cases(tmp_path / "t.csv").columns[0] == text.split("\n")[0].split(",")[0]


def test_blank_lines_count_as_a_spreadsheet_counts_them(tmp_path):
    (tmp_path / "t.csv").write_text('sep=,\npatient,age\n\na,"30"\n\n"b\nb",-1\n')
    assert cp.validate(tmp_path / "t.csv").loc[0, ["row", "line"]].tolist() == [2, 5]


def test_rows_ragged_alike_are_one_problem(tmp_path):
    """As below a title that holds the separator."""
    (tmp_path / "t.csv").write_text("a,b\n" + "1,2,3\n" * 14)
    assert len(cp.validate(tmp_path / "t.csv")) == 1


def book(tmp_path, change):
    made = openpyxl.Workbook()
    for row in [["Table 1"], ["patient", "age", "sex"], ["a", 30, "F"], ["b", 41, "M"], ["c", 8, "F"]]:
        made.active.append(row)
    change(made.active)
    made.save(tmp_path / "t.xlsx")
    return tmp_path / "t.xlsx"


def hide_row(sheet):
    sheet.row_dimensions[4].hidden = True


def filter_rows(sheet):
    sheet.auto_filter.ref = "A2:C5"
    sheet.row_dimensions[4].hidden = True


def hide_column(sheet):
    sheet.column_dimensions["B"].hidden = True


def strike(sheet):
    sheet["A4"].font = Font(strike=True)


@pytest.mark.parametrize(
    ("change", "rule", "row", "column"),
    [
        (hide_row, "hidden rows", 2, ""),
        (filter_rows, "hidden rows", 2, ""),
        (hide_column, "hidden columns", None, "age"),
        (strike, "struck out", 2, ""),
    ],
)
def test_what_a_reader_of_the_workbook_does_not_see_is_said(tmp_path, change, rule, row, column):
    found = cp.validate(book(tmp_path, change)).query("severity == 'warning'")
    assert found["rule"].tolist() == ["header", rule]
    assert found[["row", "column"]].iloc[-1].tolist() == [row if row else pd.NA, column]
    assert found["line"].iloc[-1] is pd.NA if row is None else found["line"].iloc[-1] == row + 2
    assert ("filter" in found["problem"].iloc[-1]) == (change is filter_rows)
    assert ("row 4 is" in found["problem"].iloc[-1]) == (change is not hide_column)
    assert len(cp.read_cases(book(tmp_path, change))) == 3


def test_a_plain_workbook_is_not_doubted(tmp_path):
    assert cp.validate(book(tmp_path, lambda sheet: None)).query("severity == 'warning'")["rule"].tolist() == ["header"]
