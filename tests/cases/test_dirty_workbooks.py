"""Workbooks as clinics keep them: each is read right, or refused with the line to paste, which then reads it right."""

import datetime
import zipfile

import openpyxl
import pandas as pd
import pytest

import casepool as cp
from casepool.cli import main

HEAD = ["patient", "age", "sex", "months", "dead"]
ROWS = [
    ["p1", 30, "F", 12.5, True],
    ["p2", 41, "M", 3.0, False],
    ["p3", 8, "F", 22.0, True],
    ["p4", 55, "M", 7.5, False],
]
GROUPS = ["patient", "Demographics", None, "Outcome", None]
NAMES = ["patient", "Demographics age", "Demographics sex", "Outcome months", "Outcome dead"]
SPANS = ("B{}:C{}", "D{}:E{}")
BELOW = [None, *HEAD[1:]]


def saved(path, rows, merged=(), change=None):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    for cells in merged:
        book.active.merge_cells(cells)
    if change:
        change(book)
    book.save(path / "t.xlsx")
    return path / "t.xlsx"


def spans(line):
    return [span.format(line, line) for span in SPANS]


def legend_first(book):
    sheet = book.create_sheet("Legend", 0)
    for text in ("Legend", "F = female", "M = male"):
        sheet.append([text])


READ_RIGHT = {
    "as it should be": ([HEAD, *ROWS], [], None, HEAD, 2),
    "titles, one of two cells": ([["Table 1. Patients"], ["updated", datetime.date(2024, 1, 1)], [], HEAD, *ROWS],
                                 ["A1:E1"], None, HEAD, 5),
    "two rows, merged": ([GROUPS, BELOW, *ROWS], [*spans(1), "A1:A2"], None, NAMES, 3),
    "a title and two rows": ([["Clinic"], [], GROUPS, BELOW, *ROWS], spans(3), None, NAMES, 5),
    "a group and a name of its own": ([GROUPS, HEAD, *ROWS], spans(1), None, NAMES, 3),
    "notes below": ([HEAD, *ROWS, [], ["* by RECIST 1.1"], ["seen in Rome"]], [], None, HEAD, 2),
    "a note right below": ([HEAD, *ROWS, ["Abbreviations: F, female"]], [], None, HEAD, 2),
    "names of two lines": ([["patient", "age", "sex", "mon\nths", "dead"], *ROWS], [], None,
                           ["patient", "age", "sex", "mon ths", "dead"], 2),
    "a legend on the first sheet": ([HEAD, *ROWS], [], legend_first, HEAD, 2),
    "a table in a corner": ([[], [None, None, *HEAD], *([None, None, *row] for row in ROWS)], [], None, HEAD, 3),
}  # fmt: skip


@pytest.mark.parametrize(("rows", "merged", "change", "names", "line"), READ_RIGHT.values(), ids=READ_RIGHT)
def test_it_is_read_right(tmp_path, rows, merged, change, names, line):
    """The cells are those of the table alone, and the sheet's own numbers name its rows."""
    read = cp.read_cases(saved(tmp_path, rows, merged, change))
    assert list(read) == names
    pd.testing.assert_frame_equal(
        pd.DataFrame(read.to_numpy(dtype=object)), pd.DataFrame(ROWS, dtype=object), check_dtype=False
    )
    for row in (row for row in rows if ROWS[1][0] in row):
        row[row.index("p2")] = "p1"
    twice = cp.validate(saved(tmp_path, rows, merged, change)).query("severity == 'error'")
    for row in (row for row in rows if ROWS[1][1] in row):
        row[row.index(41) - 1] = "p2"
    assert twice[["row", "line"]].to_numpy().tolist() == [[2, line + 1]]


def test_a_header_that_repeats_on_every_page_is_left_out(tmp_path):
    made = saved(tmp_path, [HEAD, *ROWS[:2], HEAD, *ROWS[2:]])
    assert cp.read_cases(made)["age"].tolist() == [30, 41, 8, 55]
    assert "line 4" in cp.validate(made).query("rule == 'header again'")["problem"].iloc[0]


LED_ON = {
    "two rows, not merged": ([GROUPS, BELOW, *ROWS], "header = [1, 2]", NAMES),
    "groups beside the names": ([[None, "Demographics", None, "Outcome"], HEAD, *ROWS], "header = [1, 2]", NAMES),
    "groups that repeat": ([["patient", "Demographics", "Demographics", "Outcome", "Outcome"], BELOW, *ROWS],
                           "header = [1, 2]", NAMES),
    "a summary below": ([HEAD, *ROWS, [], ["Summary"], ["women", 2]], "last = 5", HEAD),
    "units below the names": ([HEAD, ["", "years", "", "months", "0/1"], *ROWS], "header = [1, 2]",
                              ["patient", "age years", "sex", "months", "dead 0/1"]),
}  # fmt: skip


@pytest.mark.parametrize(("rows", "line", "names"), LED_ON.values(), ids=LED_ON)
def test_it_is_refused_or_warned_of_with_a_line_that_reads_it_right(tmp_path, rows, line, names):
    made = saved(tmp_path, rows)
    said = cp.validate(made).query("severity != 'note'")["remedy"]
    assert said.str.contains(line, regex=False).any()
    (tmp_path / "book.toml").write_text(f"[file]\n{line}\n")
    read = cp.read_cases(made, tmp_path / "book.toml")
    assert list(read) == names
    assert read.iloc[:, 1].tolist() == [30, 41, 8, 55]
    folder = cp.new_dataset(tmp_path / "made", made, tmp_path / "book.toml")
    assert list(cp.read_cases(folder)) == names
    with pytest.raises(SystemExit) as ended:
        main(["new", str(tmp_path / "other"), "--from", str(made), "--codebook", str(tmp_path / "book.toml")])
    assert ended.value.code == 0


def test_a_text_file_has_the_same_lines(tmp_path):
    rows = [["Table 1"], ["patient", "Tumour", "", "Outcome"], ["", "age", "sex", "months"], ["a", "3", "F", "2"]]
    (tmp_path / "t.csv").write_text("\n".join(map(",".join, [*rows, ["b", "4", "M", "5"], ["Source: the clinic"]])))
    (tmp_path / "book.toml").write_text("[file]\nheader = [2, 3]\nlast = 5\n")
    read = cp.read_cases(tmp_path / "t.csv", tmp_path / "book.toml")
    assert list(read) == ["patient", "Tumour age", "Tumour sex", "Outcome months"]
    assert read["Outcome months"].tolist() == [2, 5]


@pytest.mark.parametrize("value", ["0", "-1", "true", "1.5", "[1, 3]", "[2, 1]", "[1, 2, 3]", "[]", "'x'", "''"])
def test_a_line_that_is_none_is_refused(tmp_path, value):
    (tmp_path / "book.toml").write_text(f"[file]\nheader = {value}\n")
    with pytest.raises(cp.CasepoolError, match=r"column 'file\.header'"):
        cp.read_cases(saved(tmp_path, [HEAD, *ROWS]), tmp_path / "book.toml")


def test_a_line_beyond_the_file_is_refused_with_those_there_are(tmp_path):
    (tmp_path / "book.toml").write_text("[file]\nheader = 9\n")
    with pytest.raises(cp.CasepoolError, match="from 1 to 5"):
        cp.read_cases(saved(tmp_path, [HEAD, *ROWS]), tmp_path / "book.toml")


def test_a_mean_below_the_patients_is_doubted(tmp_path):
    made = saved(tmp_path, [HEAD, *ROWS, ["Mean", 33.5, None, 11.25, None]])
    assert cp.validate(made).query("rule == 'total row'")["line"].tolist() == [6]


@pytest.mark.parametrize("part", ["content.xml", "xl/workbook.bin"])
def test_files_of_other_programs_are_named(tmp_path, part):
    with zipfile.ZipFile(tmp_path / "t.xlsx", "w") as archive:
        archive.writestr(part, "<a/>")
    assert cp.validate(tmp_path / "t.xlsx")["remedy"].iloc[0] == "save it as .xlsx or .csv"


def test_merged_cells_of_the_table_are_warned_of_and_those_of_a_title_are_not(tmp_path):
    rows = [["Table 1"], HEAD, *ROWS]
    told = {cells: cp.validate(saved(tmp_path, rows, [cells]))["rule"].tolist() for cells in ("A1:E1", "C3:C4")}
    assert ["merged cells" in rules for rules in told.values()] == [False, True]


def test_dates_of_cells_of_texts_and_of_the_spreadsheets_numbers(tmp_path):
    days = [datetime.datetime(2019, 1, 2), "02.05.2019", 43832, "2018-01"]
    made = saved(tmp_path, [["patient", "zero", "seen"], *([f"p{i}", "2018-01-01", day] for i, day in enumerate(days))])
    text = '[file]\ntime_zero = "zero"\n[columns.zero]\ntype = "date"\n[columns.seen]\ntype = "date"\n'
    (tmp_path / "book.toml").write_text(text)
    errors = cp.validate(made, tmp_path / "book.toml").query("severity == 'error'")
    assert errors[["line", "column"]].to_numpy().tolist() == [[3, "seen"], [4, "seen"]]
    assert errors["remedy"].str.contains("[columns.seen]", regex=False).all()
