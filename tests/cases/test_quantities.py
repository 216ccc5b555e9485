"""Cells as they are written: a number with its unit, with a sign of who is still followed, with a decimal comma."""

import math

import openpyxl
import pandas as pd
import pytest

import casepool as cp
from casepool.cases.units import DAYS, amount_in

WRITTEN = {
    "6 months": {"years": 0.5, "months": 6.0},
    "12 mo": {"years": 1.0, "months": 12.0},
    "3y": {"years": 3.0, "months": 36.0},
    "17 years": {"years": 17.0, "months": 204.0},
    "2 y 6 m": {"years": 2.5, "months": 30.0},
    "1 Jahr": {"years": 1.0, "months": 12.0},
    "14 d.": {},
    "30 M": {},
    "12 mo 3": {},
    "3;6": {},
    "45%": {"%": 45.0},
    "3.5 cm": {"cm": 3.5},
    "2 cm 3 mm": {},
}


@pytest.mark.parametrize("text", WRITTEN)
@pytest.mark.parametrize("unit", ["years", "months", "%", "cm", ""])
def test_a_cell_means_the_same_in_the_unit_of_its_column_or_nothing(text: str, unit: str) -> None:
    """A lone m or d is the letter of a sex as often as a unit, and is left to a person."""
    expected = WRITTEN[text].get(unit, math.nan)
    assert amount_in(text, unit) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("unit", DAYS)
def test_the_unit_of_a_column_divides_what_it_holds(unit: str) -> None:
    frame = pd.DataFrame({"patient": ["a", "b", "c"], "seen": ["3 weeks", "2 years", "5"]})
    read = cp.read_cases(frame, cp.cases.codebook.Codebook(columns={"seen": cp.cases.column.Column("number", unit)}))
    weeks, years, plain = read["seen"]
    assert plain == 5
    assert (weeks * DAYS[unit], years * DAYS[unit]) == pytest.approx((21, 2 * 365.25))


def followed(tmp_path, died: str, sign: str = "+") -> pd.DataFrame:
    (tmp_path / "cases.csv").write_text(f"patient,os,dead\na,14+,{died}\nb,3,yes\n", encoding="utf-8")
    book = f'[columns.os]\ntype = "number"\nunit = "months"\nrole = "time"\nfollowed = "{sign}"\n'
    (tmp_path / "codebook.toml").write_text(book + '[columns.dead]\ntype = "boolean"\nrole = "event"\n')
    return tmp_path


def test_a_plus_is_of_a_patient_still_followed_and_contradicts_the_event(tmp_path) -> None:
    assert cp.read_cases(followed(tmp_path, "no"))["os"].tolist() == [14, 3]
    found = cp.validate(followed(tmp_path, "yes")).query("severity == 'error'")
    assert found[["rule", "row", "column"]].to_numpy().tolist() == [["event while followed", 1, "os"]]


@pytest.mark.parametrize("sign", ["5", "++", "-", ".", " "])
def test_what_could_be_part_of_a_number_is_no_sign(tmp_path, sign: str) -> None:
    with pytest.raises(cp.CasepoolError, match=r"columns\.os\.followed"):
        cp.read_cases(followed(tmp_path, "no", sign))


def book_of(path, rows) -> None:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)


COMMAS = [["patient", "age", "size"], ["a", "20,5", 3], ["b", "7,25", 4.5], ["c", "31", "2,0"], ["d", 40, 1]]


def test_texts_with_decimal_commas_in_a_workbook_are_numbers_and_that_is_said(tmp_path) -> None:
    book_of(tmp_path / "t.xlsx", COMMAS)
    read = cp.read_cases(tmp_path / "t.xlsx")
    assert read[["age", "size"]].to_numpy().T.tolist() == [[20.5, 7.25, 31, 40], [3, 4.5, 2, 1]]
    assert cp.validate(tmp_path / "t.xlsx").query("rule == 'decimal comma'")["severity"].tolist() == ["warning"]


def test_what_may_be_thousands_in_a_workbook_is_left_and_read_once_it_is_told(tmp_path) -> None:
    book_of(tmp_path / "t.xlsx", [["patient", "cells"], ["a", "1,234"], ["b", "2,500"], ["c", 3.5]])
    assert cp.validate(tmp_path / "t.xlsx").query("rule == 'mostly numbers'")["row"].tolist() == [1, 2]
    (tmp_path / "book.toml").write_text('[file]\ndecimal = ","\n')
    assert cp.read_cases(tmp_path / "t.xlsx", tmp_path / "book.toml")["cells"].tolist() == [1.234, 2.5, 3.5]
