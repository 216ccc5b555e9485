"""Reading cases: what a cell becomes, what is guessed, and what is refused, in one line that says where."""

import csv
import decimal
import fractions
import io
from shutil import copy

import numpy as np
import pandas as pd
import pytest

import casepool as cp
from casepool._resources import bundled
from casepool.cases import Codebook, Column, codebook_of, list_datasets, load, read_cases, resolve_cases
from casepool.cases.type_inference import guess_type
from casepool.errors import CasepoolError
from casepool.modelling import make_design, model

FOLDER = bundled("data") / "alk_crizotinib"
TEXT = (FOLDER / "cases.csv").read_text(encoding="utf-8")
BARE, BY_CODEBOOK = "bare", "by codebook"


def rows_of(text):
    return list(csv.reader(io.StringIO(text)))


def edited(tmp_path, edits, *, codebook):
    """A copy of the bundled table with some cells changed: ``{(patient, column): text}``."""
    header, *rows = rows_of(TEXT)
    for (patient, column), value in edits.items():
        next(row for row in rows if row[0] == str(patient))[header.index(column)] = value
    return folder_of(tmp_path, [header, *rows], codebook=codebook)


def folder_of(tmp_path, rows, *, codebook):
    folder = tmp_path / "mine"
    folder.mkdir()
    with (folder / "cases.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    if codebook == BY_CODEBOOK:
        text = (FOLDER / "codebook.toml").read_text(encoding="utf-8")
        (folder / "codebook.toml").write_text(text, encoding="utf-8")
        copy(FOLDER / "adverse_events_long.csv", folder)
    return folder


def refusal(read):
    """The one line of an error, which ends with a remedy."""
    with pytest.raises(CasepoolError) as caught:
        read()
    message = str(caught.value)
    assert "\n" not in message
    assert caught.value.remedy
    assert caught.value.remedy in message
    return message


# --- the bundled table


def test_the_bundled_table_is_typed():
    cases = load("alk_crizotinib")
    assert "alk_crizotinib" in list_datasets()
    assert len(cases) == 33
    assert cases["best_response"].notna().sum() == 30
    assert cases["best_response"].isin(["CR", "PR"]).sum() == 26
    assert {name: str(cases[name].dtype) for name in ("patient", "age", "death", "histology", "partner")} == {
        "patient": "Int64",
        "age": "float64",
        "death": "boolean",
        "histology": "str",
        "partner": "str",
    }
    assert cases.loc[18, "age"] == 0.7
    assert cases.loc[13, "partner"] == "TPM3;MPRIP;KLC1;KIF5B;EML4;HIP1"
    assert cases.loc[16, "death"] is pd.NA
    assert codebook_of(cases).guessed == ()


def test_the_paper_s_table_2_follows():
    cases = load("alk_crizotinib").dropna(subset=["age_group", "best_response"])
    counts = pd.crosstab(cases["age_group"], cases["best_response"])
    assert counts.loc["under 18"].to_dict() == {"CR": 3, "PD": 0, "PR": 6, "SD": 1}
    assert counts.loc["18 and over"].to_dict() == {"CR": 2, "PD": 1, "PR": 12, "SD": 2}


def test_a_name_a_path_and_a_frame_are_the_same_cases():
    one = load("alk_crizotinib")
    for source in ("alk_crizotinib", str(FOLDER), FOLDER, one):
        pd.testing.assert_frame_equal(resolve_cases(source), one)


def test_typing_twice_is_typing_once():
    once = load("alk_crizotinib")
    twice = read_cases(once)
    pd.testing.assert_frame_equal(once, twice)
    assert once.attrs == twice.attrs
    assert twice is not once


def test_a_misspelt_dataset_lists_what_there_is():
    for read in (load, resolve_cases):
        message = refusal(lambda read=read: read("alk_crizotini"))
        assert "alk_crizotini" in message
        assert "alk_crizotinib" in message.split(";")[-1]


# --- what is refused

RESPONSE, SURVIVAL = "objective_response", "overall_survival"
CODE, TIME, EARLIEST, LATEST = "best_response", "os_months", "surgery_earliest", "surgery_latest"
IN_7 = "row 7 (patient 7)"

WRONG = [
    # what is wrong, the edits, the model that meets it (None: reading does), what the line names either way
    ("age -5", {(7, "age"): "-5"}, RESPONSE, [IN_7, "'age'", "-5"]),
    ("unknown code", {(7, CODE): "RP"}, RESPONSE, [IN_7, f"'{CODE}'", "'RP'", "PD, SD, PR, CR"]),
    ("event without a time", {(24, TIME): ""}, SURVIVAL, ["row 24 (patient 24)", f"'{TIME}'", "without a time"]),
    ("event at time zero", {(24, TIME): "0"}, SURVIVAL, ["row 24 (patient 24)", f"'{TIME}'", "time zero"]),
    ("exposed after follow-up", {(7, LATEST): "28"}, SURVIVAL, [IN_7, f"'{LATEST}'", "28", "last follow-up"]),
    ("latest before earliest", {(7, LATEST): "6"}, SURVIVAL, [IN_7, f"'{LATEST}'", "6", "before the earliest"]),
    ("one date only", {(7, LATEST): ""}, SURVIVAL, [IN_7, "one end of the interval"]),
    ("negative time", {(7, TIME): "-27"}, SURVIVAL, [IN_7, f"'{TIME}'", "-27"]),
    ("negative date", {(7, EARLIEST): "-1"}, SURVIVAL, [IN_7, f"'{EARLIEST}'", "-1"]),
    ("no number", {(7, "age"): "32 or so"}, RESPONSE, ["'age'"]),
    ("comma for a point", {(19, "age"): "0,7"}, RESPONSE, ["'age'"]),
    ("neither true nor false", {(7, "surgery_any"): "maybe"}, SURVIVAL, [IN_7, "'surgery_any'", "maybe", "true"]),
    ("patient twice", {(8, "patient"): "7"}, None, ["row 8", "'patient'", "7", "first in row 7"]),
    ("no identifier", {(8, "patient"): ""}, None, ["row 8", "'patient'", "no identifier"]),
]


@pytest.mark.parametrize("way", [BARE, BY_CODEBOOK])
@pytest.mark.parametrize(("edits", "name", "said"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
def test_a_wrong_cell_is_refused_where_it_stands(tmp_path, way, edits, name, said):
    folder = edited(tmp_path, edits, codebook=way)
    source = folder if way == BY_CODEBOOK else folder / "cases.csv"
    if name is None:
        message = refusal(lambda: read_cases(source))
    else:
        message = refusal(lambda: make_design(model(name), read_cases(source)))
    assert message.startswith("mine" if way == BY_CODEBOOK else "cases.csv")
    for words in said:
        assert words in message, message


def test_a_number_that_is_none_is_found_in_its_row_by_the_codebook(tmp_path):
    message = refusal(lambda: read_cases(edited(tmp_path, {(7, "age"): "32 or so"}, codebook=BY_CODEBOOK)))
    assert "row 7 (patient 7), line 8, column 'age': expected a number (value '32 or so')" in message


@pytest.mark.parametrize("way", [BARE, BY_CODEBOOK])
def test_a_wrong_column_is_refused_with_the_nearest_name(tmp_path, way):
    header, *rows = rows_of(TEXT)
    header[header.index("best_response")] = "best_respnse"
    folder = folder_of(tmp_path, [header, *rows], codebook=way)
    source = folder if way == BY_CODEBOOK else folder / "cases.csv"
    message = refusal(lambda: make_design(model("objective_response"), read_cases(source)))
    assert "'best_response'" in message
    assert "did you mean 'best_respnse'" in message


def test_a_ragged_row_is_refused(tmp_path):
    header, *rows = rows_of(TEXT)
    rows[4] = rows[4][:-1]
    message = refusal(lambda: read_cases(folder_of(tmp_path, [header, *rows], codebook=BARE) / "cases.csv"))
    assert message.startswith(f"cases.csv, row 5, line 6: {len(header) - 1} cells where the header has {len(header)}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("patient,age\n", "no rows"),
        ("patient,,age\n1,2,3\n", "no name"),
        ("patient,age,age\n1,2,3\n", "'age': the column appears twice"),
        ('patient,age\n1,"2\n', "CSV"),
    ],
)
def test_a_file_that_is_no_table_is_refused(tmp_path, text, said):
    path = tmp_path / "mine.csv"
    path.write_text(text, encoding="utf-8")
    message = refusal(lambda: read_cases(path))
    assert message.startswith("mine.csv")
    assert said in message


def test_a_file_in_another_encoding_is_read_and_said(tmp_path, caplog):
    path = tmp_path / "mine.csv"
    path.write_bytes("patient,note\n1,Müller\n".encode("latin-1"))
    assert read_cases(path)["note"].tolist() == ["Müller"]
    assert "read as Windows-1252 (value 'Müller')" in caplog.text


def test_a_file_that_is_not_there_is_refused(tmp_path):
    assert "no such file" in refusal(lambda: read_cases(tmp_path / "absent.csv"))


def test_further_problems_are_counted(tmp_path):
    edits = {(7, "age"): "x", (9, "age"): "y", (11, "sex"): "Z"}
    message = refusal(lambda: read_cases(edited(tmp_path, edits, codebook=BY_CODEBOOK)))
    assert "row 7 (patient 7), line 8, column 'age'" in message
    assert "2 more problems" in message


def test_a_long_value_is_cut_and_a_line_break_does_not_break_the_line(tmp_path):
    message = refusal(lambda: read_cases(edited(tmp_path, {(7, "age"): "x\n" * 500}, codebook=BY_CODEBOOK)))
    assert len(message) < 400


def test_the_untouched_table_passes_either_way(tmp_path):
    for way in (BARE, BY_CODEBOOK):
        folder = edited(tmp_path / way, {}, codebook=way) if (tmp_path / way).mkdir() is None else None
        for name in ("objective_response", "overall_survival"):
            assert make_design(model(name), read_cases(folder)).patients


# --- what cells become


@pytest.mark.parametrize(
    ("type_", "cells", "values"),
    [
        ("number", ["1.5", " 2 ", "-3e2", ".5", "", "NA"], [1.5, 2.0, -300.0, 0.5, None, None]),
        ("number", [1, 2.5, np.float64(3), None, np.nan, pd.NA], [1.0, 2.5, 3.0, None, None, None]),
        ("integer", ["3", "4.0", 5, 6.0, ""], [3, 4, 5, 6, None]),
        (
            "boolean",
            ["true", "FALSE", "Yes", "n", "1", "0", True, ""],
            [True, False, True, False, True, False, True, None],
        ),
        ("category", ["IMT", " IMT ", "EIMS", 3, 3.0, ""], ["IMT", "IMT", "EIMT", "3", "3", None]),
        ("set", ["A;B", " B ; A ", "EIMS;B;", "A"], ["A;B", "B;A", "EIMT;B", "A"]),
        ("text", ["a; b", "", " kept "], ["a; b", None, " kept "]),
    ],
)
def test_cells_become_values(type_, cells, values):
    book = Codebook(columns={"x": Column(type_, aliases={"EIMS": "EIMT"})})
    got = read_cases(pd.DataFrame({"x": pd.Series(cells, dtype=object)}), book)["x"]
    assert [None if pd.isna(value) else value for value in got] == values


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        (Column("number"), "1_000"),
        (Column("number"), "1e999"),
        (Column("number"), "inf"),
        (Column("number"), True),
        (Column("number"), np.timedelta64(5, "s")),
        (Column("number"), fractions.Fraction(10**400)),
        (Column("number", range=(0.0, 110.0)), "110.5"),
        (Column("integer"), "2.5"),
        (Column("boolean"), "2"),
        (Column("category", levels=("F", "M")), "f"),
        (Column("set", levels=("A", "B")), "A;C"),
    ],
)
def test_cells_that_are_not_of_the_type_are_refused(column, cell):
    frame = pd.DataFrame({"x": pd.Series([cell], dtype=object)})
    assert "row 1, column 'x'" in refusal(lambda: read_cases(frame, Codebook(columns={"x": column})))


@pytest.mark.parametrize(
    ("cells", "type_"),
    [
        (["1", "2", "30"], "integer"),
        ([1.0, 2.0], "integer"),
        (["1", "2.5"], "number"),
        (["true", "False"], "boolean"),
        (["Y", "N"], "boolean"),
        (["F", "F", "F"], "category"),
        (["F", "M"], "category"),
        (["0", "1"], "integer"),
        ([1.5, float("inf"), -float("inf")], "number"),
        ([2, decimal.Decimal("Infinity")], "integer"),
        ([2**53, 2**53 + 1], "text"),
        (["12345678901234567890", "12345678901234567891"], "text"),
        (["Yes", "no", "1", "TRUE"], "boolean"),
        (["T", "N", "1", "0"], "category"),
        (["TPM3;EML4", "CLTC"], "set"),
        (["stopped early; then relapsed after a long interval of rest", "a"], "text"),
        (["Epithelioid inflammatory myofibroblastic sarcoma", "sarcoma of bone"] * 4, "category"),
        (["Ashby", "Bell", "Cole", "Dean", "Ellis", "Bell"], "text"),
        (["Ewing", "Ewing", "MPNST", "MFH", "MFH"], "category"),
        (["1961-04-02", "1970-05-01", "unknown"] * 3, "text"),
        (["2 Apr 1961", "1-May-1970"] * 3, "text"),
        (["her sister reports that she felt better", "none", "none"], "text"),
        ([f"a note of its own, number {i}" for i in range(30)], "text"),
        ([], "text"),
    ],
)
def test_types_are_guessed_from_values(cells, type_):
    assert guess_type(cells) == type_


@pytest.mark.parametrize(
    "cells",
    [
        ["12345678901234567890", "12345678901234567891"],
        np.array([12345678901234567890, 12345678901234567891], dtype="uint64"),
        [2**53, 2**53 + 1],
        ["001", "1", "01"],
        [10**400, 10**400 + 1],
    ],
    ids=lambda cells: f"{cells[0]!s:.9}",
)
def test_different_identifiers_stay_different(tmp_path, cells):
    frame = pd.DataFrame({"patient": pd.Series(cells, dtype=object), "age": range(len(cells))})
    expected = [str(int(cell)) if not isinstance(cell, str) else cell for cell in cells]
    assert read_cases(frame)["patient"].tolist() == expected
    assert read_cases(cp.new_dataset(tmp_path / "made", frame))["patient"].tolist() == expected


@pytest.mark.parametrize("cell", [2**53, 2**53 + 1, "9007199254740993", np.uint64(2**63 + 1)])
def test_a_whole_number_is_exact_or_refused(cell):
    book = Codebook(columns={"x": Column("integer")})
    frame = pd.DataFrame({"x": pd.Series([cell, 2**53 - 1], dtype=object)})
    assert "15 digits (value" in refusal(lambda: read_cases(frame, book))
    assert read_cases(frame[1:], book)["x"].tolist() == [2**53 - 1]
    labels = read_cases(frame, Codebook(columns={"x": Column("category")}))
    assert labels["x"].tolist() == [str(cell), str(2**53 - 1)]


def test_an_infinite_number_is_refused_where_it_stands():
    message = refusal(lambda: read_cases(pd.DataFrame({"age": [1.5, np.inf]})))
    assert "row 2, column 'age': expected a number (value inf); leave an empty cell" in message


@pytest.mark.parametrize(
    "nothing", [decimal.Decimal("NaN"), decimal.Decimal("sNaN"), np.float32("nan"), pd.NaT, np.timedelta64("NaT", "s")]
)
@pytest.mark.parametrize("type_", ["number", "category"])
def test_what_is_no_number_is_an_empty_cell(nothing, type_):
    frame = pd.DataFrame({"x": pd.Series([nothing, 1], dtype=object)})
    assert pd.isna(read_cases(frame, Codebook(columns={"x": Column(type_)}))["x"][0])


def test_guesses_are_said_and_kept(caplog):
    frame = read_cases(pd.DataFrame({"patient": [1, 2], "age": [3.5, 4.0]}))
    assert codebook_of(frame).guessed == ("patient", "age")
    assert "age (number)" in caplog.text


def test_nothing_is_mutated():
    raw = pd.DataFrame({"patient": [2, 1], "partner": [" A;B", None], "age": ["3", "NA"]}, index=[7, 9])
    raw.attrs["mine"] = {"kept": True}
    before = raw.copy(deep=True)
    typed = read_cases(raw)
    pd.testing.assert_frame_equal(raw, before)
    assert raw.attrs == {"mine": {"kept": True}}
    assert list(typed.index) == [0, 1]
    typed.loc[0, "age"] = 99.0
    pd.testing.assert_frame_equal(raw, before)


def test_a_frame_s_codebook_survives_a_dropped_column_and_names_a_new_one():
    cases = load("alk_crizotinib").drop(columns="note").assign(score=1.5)
    again = read_cases(cases)
    assert "note" not in codebook_of(again).columns
    assert codebook_of(again).guessed == ("score",)
    assert codebook_of(again).columns["histology"] == codebook_of(cases).columns["histology"]


# --- codebooks


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('titel = "x"', ["titel", "title"]),
        ('missing = "NA"', ["missing", "list of strings"]),
        ('public = "yes"', ["public", "true or false"]),
        ("columns = 3", ["columns", "[columns.<name>]"]),
        ("[columns]\nage = 3", ["columns.age", "type"]),
        ("[columns.age]\nunit = 'years'", ["columns.age", "number"]),
        ("[columns.age]\ntype = 'float'", ["columns.age", "'float'", "number"]),
        ("[columns.age]\ntype = 'number'\nrnage = [0, 1]", ["rnage", "range"]),
        ("[columns.age]\ntype = 'number'\nrange = [5, 1]", ["columns.age.range", "[low, high]"]),
        ("[columns.age]\ntype = 'number'\nrange = 5", ["columns.age.range", "[low, high]"]),
        ("[columns.sex]\ntype = 'category'\nlevels = 'F'", ["columns.sex.levels", "list of strings"]),
        ("[columns.sex", ["TOML"]),
    ],
)
def test_what_is_no_codebook_is_refused(tmp_path, text, said):
    path = tmp_path / "codebook.toml"
    path.write_text(text, encoding="utf-8")
    message = refusal(lambda: read_cases(pd.DataFrame({"age": [1]}), path))
    for words in said:
        assert words in message, message


def test_a_codebook_survives_the_frame(tmp_path):
    cases = load("alk_crizotinib")
    book = codebook_of(cases)
    assert book.columns["age"].range == (0.0, 110.0)
    assert book.columns["best_response"].levels == ("PD", "SD", "PR", "CR")
    assert book.columns["partner"].aliases["Rrbp1"] == "RRBP1"
    assert codebook_of(cases.head(3)) == book


def test_an_id_by_another_name_is_used():
    frame = pd.DataFrame({"case": ["a", "b", "a"], "age": [1, 2, 3]})
    assert "row 3, column 'case'" in refusal(lambda: read_cases(frame, Codebook(id="case")))
