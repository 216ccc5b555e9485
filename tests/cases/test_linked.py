"""Tables beside the cases: what the bundled one holds, what is refused and where, and what travels with the cases."""

import csv
from pathlib import Path

import pytest

import casepool as cp
from casepool._resources import bundled
from casepool.cases import codebook_of
from casepool.cases.linked_rules import candidates_of
from casepool.errors import CasepoolError

FOLDER = bundled("data") / "alk_crizotinib"
LONG, PRINTED = (
    list(csv.DictReader((FOLDER / name).read_text("utf-8").splitlines()))
    for name in ("adverse_events_long.csv", "adverse_events.csv")
)
BOOK = """
public = {public}
[columns.os_months]
type = "number"
role = "time"
[columns.death]
type = "boolean"
role = "event"
[columns.told]
type = "category"
[columns.paper]
type = "category"
[columns.next]
type = "list"
[columns.answer]
type = "list"
[tables.events]
file = "events.csv"
reported = "told"
unit = "paper"
types = {types}
[tables.lines]
lists = {{ drug = "next", response = "answer" }}
"""
CASES = [
    ["patient", "os_months", "death", "told", "paper", "next", "answer"],
    ["a", "10", "true", "events", "p", "x;y", "PR;NA"],
    ["b", "12", "false", "events", "p", "x", "SD"],
    ["c", "8", "false", "", "q", "", ""],
]
EVENTS = [
    ["patient", "event", "grade_low", "grade_high", "action", "onset"],
    ["a", "rash", "1", "2", "none", "3"],
    ["a;b", "fever", "3", "4", "stopped", "11"],
    ["a", "bleeding", "5", "5", "death", "10"],
]


def folder_of(tmp_path, cases=CASES, events=EVENTS, *, types="[]", public="true"):
    for name, rows in (("cases.csv", cases), ("events.csv", events)):
        with (tmp_path / name).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(rows)
    (tmp_path / "codebook.toml").write_text(BOOK.format(types=types, public=public), encoding="utf-8")
    return tmp_path


def changed(rows, row, column, cell):
    place = rows[0].index(column)
    return [[cell if (i, j) == (row, place) else old for j, old in enumerate(cells)] for i, cells in enumerate(rows)]


def test_the_long_table_is_the_printed_one_unlisted():
    made = []
    for row in PRINTED:
        low, high = {"1-2": "12", "3-4": "34", "fatal": "55"}[row["grade"]]
        pairs = zip(row["cases"].split(";"), row["references"].split(";"), strict=True)
        made += [(case.replace("|", ";"), row["event"], low, high, reference) for case, reference in pairs]
    keys = ("patient", "event", "grade_low", "grade_high", "reference")
    assert [tuple(row[key] for key in keys) for row in LONG] == made


def test_the_long_table_counts_as_described():
    cases = cp.load("alk_crizotinib")
    papers = {str(paper) for paper in cases["reference"]}
    who = {grade: {row["patient"] for row in LONG if row["grade_low"] == grade} for grade in "135"}
    assert (len(LONG), len({row["event"] for row in LONG}), len({row["reference"] for row in LONG})) == (30, 23, 13)
    assert [len(who[grade]) for grade in "135"] == [7, 7, 2]
    assert len(set().union(*who.values())) == 13
    assert who["5"] == {"6", "15"}
    assert all(row["action"] != "none" for row in LONG if row["grade_low"] == "3")
    assert {row["reference"] for row in LONG} <= papers
    three = codebook_of(cp.recode(cases, reference_23="three_patients")).linked["adverse_events"].rows()
    assert len({(row["patient"], row["who"]) for row in three}) == 15


@pytest.mark.parametrize(
    ("row", "column", "cell", "said"),
    [
        (1, "patient", "z", "not in the cases"),
        (2, "patient", "a;z", "not in the cases"),
        (3, "patient", "b", "did not die"),
        (1, "onset", "10.5", "after the end of follow-up"),
        (2, "onset", "12.5", "after the end of follow-up"),
        (1, "onset", "soon", "no time"),
        (3, "event", "", "no type"),
        (1, "grade_low", "6", "no grade"),
        (1, "grade_low", "3", "above the higher"),
        (1, "action", "waited", "unknown action"),
    ],
)
def test_a_wrong_event_is_refused_with_its_place(tmp_path, row, column, cell, said):
    folder = folder_of(tmp_path, events=changed(EVENTS, row, column, cell))
    with pytest.raises(CasepoolError, match=said) as refused:
        cp.read_cases(folder)
    assert refused.value.file == "events.csv"
    assert refused.value.row == f"row {row}, line {row + 1}"
    assert refused.value.column == ("grade_low" if said == "did not die" else column) or said == "did not die"
    found = cp.validate(folder)
    assert (found["severity"] == "error").any()
    assert said.split()[0] in found["problem"].iloc[0] or said in found["problem"].iloc[0]


def test_the_untouched_tables_are_read_and_travel_with_the_cases(tmp_path):
    cases = cp.read_cases(folder_of(tmp_path))
    book = codebook_of(cases)
    assert [row["event"] for row in book.linked["events"].rows()] == ["rash", "fever", "bleeding"]
    assert codebook_of(cp.read_cases(cases)) == book
    assert candidates_of(book.linked["events"].columns["patient"][1]) == ("a", "b")


def test_what_contradicts_itself_is_refused(tmp_path):
    twice = [*EVENTS, EVENTS[1]]
    for events, cases, types, said in [
        (twice, CASES, "[]", "the same patient, event and grade as row 1"),
        (EVENTS, CASES, '["rash", "fever"]', "not among the types"),
        (EVENTS, changed(CASES, 1, "told", "none"), "[]", "an event is listed|another answer"),
        (EVENTS, changed(CASES, 2, "told", ""), "[]", "another answer than row 1"),
        (EVENTS, changed(CASES, 3, "told", "perhaps"), "[]", "unknown word"),
        (EVENTS, changed(CASES, 1, "answer", "PR"), "[]", "1 items beside 2"),
        ([["who", "event"], ["a", "rash"]], CASES, "[]", "no such column"),
    ]:
        with pytest.raises(CasepoolError, match=said):
            cp.read_cases(folder_of(tmp_path, cases, events, types=types))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('file = "../events.csv"', "names no file beside"),
        ('file = "nowhere.csv"', "no such file|nowhere"),
        ('file = "events.csv"\ncolour = "red"', "unknown key 'colour'"),
        ('lists = { drug = "next" }\nunit = "paper"', "unknown key 'unit'"),
        ('lists = { drug = "os_months" }', "holds no lists"),
        ('file = "events.csv"\nunit = "nowhere"', "no such column"),
    ],
)
def test_what_a_codebook_may_not_say_of_a_table(tmp_path, line, said):
    folder = folder_of(tmp_path)
    book = (folder / "codebook.toml").read_text("utf-8").partition("[tables.events]")[0]
    (folder / "codebook.toml").write_text(f"{book}[tables.events]\n{line}\n", "utf-8")
    with pytest.raises(CasepoolError, match=said):
        cp.read_cases(folder)


def test_a_reason_for_stopping_that_is_not_told_is_noted():
    found = cp.validate(Path(FOLDER))
    noted = found[found["column"] == "stopped_because"]
    assert set(noted["severity"]) == {"note"}
    assert noted["row"].tolist() == [10, 19, 20, 21, 22, 23]


def test_events_stay_out_of_the_fit_of_another_model():
    fit = cp.fit("complete_response", "alk_crizotinib", seed=1, draws=100, progress=False)
    assert "Cellulitis" not in str(fit.attrs)
