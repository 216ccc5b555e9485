"""Laws of `validate`: it lists at once what `read_cases` refuses one by one, whatever the file the table comes in."""

import datetime
import decimal
import tomllib

import numpy as np
import pandas as pd
import pytest

import casepool as cp
from casepool.cases import codebook_of
from casepool.cases.codebook import codebook_from_dict
from casepool.cases.problems import LAYOUT, as_text
from casepool.errors import CasepoolError
from casepool.modelling import make_design
from casepool.presenting.files import table_text
from tests.cases.edge_tables import BOOK, FINE
from tests.small import half_normal, normal, response_model

BROKEN = FINE.replace("41.5", "old").replace("0.5", "-1").replace("true", "perhaps")


@pytest.fixture
def book(tmp_path):
    path = tmp_path / "codebook.toml"
    path.write_text(BOOK, encoding="utf-8")
    return path


def written(tmp_path, text):
    path = tmp_path / "mine.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_problem_is_listed_at_once_worst_first(tmp_path, book):
    found = cp.validate(written(tmp_path, BROKEN), book)
    assert found.dtypes.astype(str).to_dict() == LAYOUT
    errors = found[found["severity"] == "error"]
    assert errors[["rule", "row", "column", "value"]].to_numpy().tolist() == [
        ["type", 1, "death", "'perhaps'"],
        ["type", 2, "age", "'old'"],
        ["negative time", 3, "months", "-1.0"],
    ]
    assert set(errors["file"]) == {"mine.csv"}
    assert errors["patient"].tolist() == ["patient 1", "patient 2", "patient 3"]
    worst = found["severity"].map({"error": 0, "warning": 1, "note": 2})
    assert worst.is_monotonic_increasing


def test_mending_what_is_listed_ends_in_a_table_that_is_read(tmp_path, book):
    cells = [line.split(",") for line in BROKEN.strip().split("\n")]
    good = [line.split(",") for line in FINE.strip().split("\n")]
    for _ in range(3):
        path = written(tmp_path, "\n".join(map(",".join, cells)))
        found = cp.validate(path, book).query("severity == 'error'")
        with pytest.raises(CasepoolError):
            cp.read_cases(path, book)
        row, column = found[["row", "column"]].iloc[0]
        at = cells[0].index(column)
        cells[row][at] = good[row][at]
    path = written(tmp_path, "\n".join(map(",".join, cells)))
    assert cp.validate(path, book).query("severity == 'error'").empty
    assert len(cp.read_cases(path, book)) == 3


@pytest.mark.parametrize("name", cp.list_datasets())
def test_a_bundled_dataset_has_no_error(name):
    assert cp.validate(name).query("severity == 'error'").empty


def test_the_warnings_on_the_bundled_table_are_those_its_readme_gives():
    warned = cp.validate("alk_crizotinib").query("severity == 'warning'")
    assert sorted(warned[["rule", "row"]].to_numpy().tolist()) == [
        ["complete response after resection", 32],
        ["possible duplicate", 3],
        ["possible duplicate", 12],
    ]


def test_a_coding_may_contradict_the_record_and_is_read_again():
    cases = cp.recode(cp.load("alk_crizotinib"), deaths_of_complications="censored")
    assert cp.read_cases(cases)["death"].sum() == 5


@pytest.mark.parametrize("column", ["group", "the group", 'gr"oup'])
def test_a_factor_of_twins_is_refused_whatever_its_type_and_the_remedy_mends_it(column):
    labels = [f"Type {i}" for i in range(12)] + ["type 0"]
    response = {"response": {"type": "category"}}
    frame = pd.DataFrame({column: labels, "response": ["yes", "no"] * 6 + ["no"]})
    model = response_model(
        {"kind_of": {"kind": "group", "column": column}}, {"intercept": normal(1), "kind_of_sd": half_normal(1)}
    )
    with pytest.raises(CasepoolError, match=r"row 13.*'Type 0'") as refused:
        make_design(model, cp.read_cases(frame, codebook_from_dict({"columns": response})))
    entry = refused.value.remedy.removeprefix("correct the cell, or add ")
    keys, head = entry.rsplit(" to ", 1)
    entry = tomllib.loads(head + "\n" + keys.replace(" and ", "\n"))["columns"]
    book = codebook_from_dict({"columns": response | entry})
    assert len(make_design(model, cp.read_cases(frame, book)).terms["kind_of"].coded.levels) == 12


@pytest.mark.parametrize(
    "source", ["nothing.csv", 5, None, "a\0b", "a" * 5000, pd.DataFrame(), pd.DataFrame({"a": []})]
)
def test_nothing_is_raised_for_what_cannot_be_read(source):
    found = cp.validate(source)
    assert found["severity"].iloc[0] == "error"
    assert found["remedy"].iloc[0]
    with pytest.raises(CasepoolError):
        cp.read_cases(source)
    with pytest.raises(CasepoolError):
        cp.new_dataset("a" * 5000 if isinstance(source, str) else "nowhere", source)


@pytest.mark.parametrize(
    ("name", "warned"),
    [
        *((name, True) for name in ("age", "Age (years)", "age_at_diagnosis", "ageYears")),
        *((name, False) for name in ("age_months", "Age (mo)", "stage", "age_group", "dosage")),
    ],
)
def test_ages_in_months_are_noticed_by_the_name_of_the_column(name, warned):
    found = cp.validate(pd.DataFrame({"patient": ["a", "b"], name: [30, 400]}))
    assert ("beyond a lifetime" in set(found.query("severity == 'warning'")["rule"])) is warned


def test_an_ambiguous_decimal_is_told_with_its_row(tmp_path):
    path = written(tmp_path, "patient;age\na;30\nb;1,234\n")
    found = cp.validate(path)
    assert found.loc[0, ["row", "column"]].tolist() == [2, "age"]


@pytest.mark.parametrize(("role", "rows"), [("trait", [3, 4]), ("", [3])])
def test_rows_that_agree_are_named_and_an_empty_cell_agrees_with_any_trait(role, rows):
    cells = {"a": "xyxx", "b": "xxxx", "c": "xxxx", "d": ["x", "x", "x", None]}
    columns = {name: {"type": "category", "role": role} for name in cells}
    frame = pd.DataFrame({name: list(values) for name, values in cells.items()} | {"patient": list("1234")})
    found = cp.validate(frame, codebook_from_dict({"columns": columns})).query("rule == 'possible duplicate'")
    assert found["row"].tolist() == rows
    assert found["problem"].str.contains("row 1 ").all()


def test_a_bad_codebook_is_a_row_too(tmp_path):
    (tmp_path / "codebook.toml").write_text("[columns.age]\ntype = 'float'", encoding="utf-8")
    found = cp.validate(written(tmp_path, FINE), tmp_path / "codebook.toml")
    assert found[["severity", "file", "column"]].to_numpy().tolist() == [["error", "codebook.toml", "columns.age"]]


@pytest.mark.parametrize("engine", ['"fast"', '"NUTS"', "1", '["nuts"]', "true"])
def test_an_engine_is_one_of_those_there_are(tmp_path, engine):
    (tmp_path / "codebook.toml").write_text(f"engine = {engine}\n", encoding="utf-8")
    found = cp.validate(written(tmp_path, FINE), tmp_path / "codebook.toml")
    assert found[["severity", "column"]].to_numpy().tolist() == [["error", "engine"]]
    assert "auto, exact, lockstep, nuts" in found["remedy"][0]
    with pytest.raises(CasepoolError, match="unknown engine"):
        cp.read_cases(tmp_path / "mine.csv", codebook_from_dict(tomllib.loads(f"engine = {engine}")))


def test_a_table_keeps_the_engine_of_its_codebook(tmp_path):
    """Through reading and recoding, and what is written of it; a new folder leaves it to the default, in a comment."""
    folder = cp.new_dataset(tmp_path / "made", written(tmp_path, FINE))
    text = (folder / "codebook.toml").read_text(encoding="utf-8")
    assert "engine" not in tomllib.loads(text)
    assert codebook_of(cp.read_cases(folder)).engine == ""
    (folder / "codebook.toml").write_text(text.replace("# engine = ", "engine = "), encoding="utf-8")
    assert cp.validate(folder).query("severity == 'error'").empty
    cases = cp.read_cases(folder)
    for table in (cases, cp.recode(cases), cp.read_cases(cases)):
        assert codebook_from_dict(codebook_of(table).to_dict()).engine == "nuts"


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ({"type": "number", "role": "tyme"}, "unknown role"),
        ({"type": "text", "role": "time"}, "must be a number"),
        ({"type": "number", "role": "time", "unit": "moons"}, "unit of time"),
        ({"type": "category", "role": "status"}, "which codes count"),
        ({"type": "category", "levels": ["A"], "role": "status", "counts": ["B"]}, "no level"),
        ({"type": "number", "counts": ["1"]}, "role in codes"),
        ({"type": "number", "exposure": "surgery"}, "exposure"),
        ({"type": "set", "separator": ""}, "not be empty"),
        ({"type": "category", "aliases": {"a": 1}}, "table of texts"),
        ({"type": "category", "levels": ["a", "a", "b"]}, "lists a code twice"),
    ],
)
def test_a_role_that_cannot_be_is_refused(column, said):
    with pytest.raises(CasepoolError, match=said):
        codebook_from_dict({"columns": {"x": column}})


def test_a_role_is_held_by_one_column_and_a_trait_by_many():
    both = {"type": "number", "role": "time"}
    with pytest.raises(CasepoolError, match="held by 'x'"):
        codebook_from_dict({"columns": {"x": both, "y": both}})
    codebook_from_dict({"columns": {name: {"type": "number", "role": "trait"} for name in "xy"}})


def test_times_in_other_units_are_compared_as_times():
    columns = {
        "time": {"type": "number", "unit": "years", "role": "time"},
        "judged": {"type": "number", "unit": "weeks", "role": "evaluation"},
    }
    frame = pd.DataFrame({"time": [1.0, 1.0], "judged": [52.0, 53.0]})
    found = cp.validate(frame, codebook_from_dict({"columns": columns})).query("severity == 'error'")
    assert found[["rule", "row"]].to_numpy().tolist() == [["response after follow-up", 2]]


@pytest.mark.parametrize(
    ("values", "type_"),
    [
        (pd.Categorical(["a", "b", "a"]), "category"),
        (pd.array([1, 2, None], dtype="Int64"), "integer"),
        (pd.array([1.5, 2, None], dtype="Float64"), "number"),
        (pd.array([True, None, False], dtype="boolean"), "boolean"),
        (np.array([True, False, True]), "boolean"),
        (pd.array(["a", None, "b"], dtype="string[pyarrow]"), "category"),
        (pd.array([1.5, 2.5, 3.5], dtype=pd.SparseDtype(float)), "number"),
        (np.array([1, 2, 3], dtype="uint8"), "integer"),
        (np.array([1, 2, 3], dtype="float32"), "integer"),
        ([decimal.Decimal("1.5"), 2, "3"], "number"),
        (pd.to_datetime(["2020-01-01", "2020-01-02", None]), "text"),
        ([1, "a", None], "category"),
    ],
    ids=str,
)
def test_every_dtype_is_read_as_its_values(values, type_):
    found = cp.read_cases(pd.DataFrame({"x": values}))
    assert cp.cases.codebook_of(found).columns["x"].type == type_
    assert len(found) == 3


@pytest.mark.parametrize("cell", [[1, 2], {"a": 1}, b"x", np.array([1, 2]), "\ud800", "a\0b", 10**400], ids=repr)
def test_a_cell_that_is_no_single_value_is_refused(cell):
    frame = pd.DataFrame({"x": pd.Series([cell, "a"], dtype=object)})
    book = codebook_from_dict({"columns": {"x": {"type": "number" if isinstance(cell, int) else "category"}}})
    assert cp.validate(frame, book)["rule"].iloc[0] == "type"


def test_a_name_that_is_no_text_is_refused(tmp_path):
    frame = pd.DataFrame({"a\0b": ["x"]})
    assert cp.validate(frame)["rule"].iloc[0] == "shape"
    with pytest.raises(CasepoolError, match="no text"):
        cp.new_dataset(tmp_path / "made", frame)


def test_attributes_that_are_no_codebook_are_refused():
    frame = pd.DataFrame({"age": [1]})
    frame.attrs["codebook"] = 5
    assert cp.validate(frame)["file"].iloc[0] == "frame.attrs['codebook']"


def test_dates_for_times_are_warned_of_and_refused_as_numbers():
    frame = pd.DataFrame({"start": [datetime.date(2020, 1, 1), pd.Timestamp("2020-02-01")]})
    assert cp.validate(frame).query("severity == 'warning'")["rule"].tolist() == ["dates"]
    refused = cp.validate(frame, codebook_from_dict({"columns": {"start": {"type": "number"}}}))
    assert "not a date" in refused["remedy"].iloc[0]


def test_a_named_index_is_a_column_and_a_column_twice_is_refused():
    frame = pd.DataFrame({"patient": ["a", "b"], "age": [1, 2]})
    pd.testing.assert_frame_equal(cp.read_cases(frame.set_index("patient")), cp.read_cases(frame))
    twice = pd.concat([frame, frame], axis=1)
    assert cp.validate(twice).query("severity == 'error'")["column"].tolist() == ["patient", "age"]


def test_the_text_and_the_csv_of_an_answer_do_no_harm(tmp_path):
    found = cp.validate(pd.DataFrame({"=cmd\u202e": ["1", "2", "x\x1b[31m"]}))
    assert "\u202e" not in as_text(found)
    assert "\x1b" not in as_text(found)
    assert all(not cell.startswith("=") for line in table_text(found, "csv").splitlines() for cell in line.split(","))


def test_a_clean_table_reads_well():
    clean = as_text(cp.validate("sarcoma_imatinib"))
    assert clean.endswith("no problem in 10 rows of 3 columns")
