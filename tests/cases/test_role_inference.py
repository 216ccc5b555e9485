"""Roles that names say: the rules run on a codebook that declares none, and no honest table is refused."""

import re

import pandas as pd
import pytest

import casepool as cp
from casepool._resources import bundled
from casepool.cases.codebook import codebook_from_dict

FOLDER = bundled("data") / "alk_crizotinib"
ROLES = ("time", "event", "status", "response", "earliest", "latest")
COLUMNS = {
    "os_months": {"type": "number", "unit": "months"},
    "death": {"type": "boolean"},
    "status": {"type": "category", "levels": ["NED", "AWD", "DOD"]},
    "surgery_any": {"type": "boolean"},
    "surgery_earliest": {"type": "number", "unit": "months"},
    "surgery_latest": {"type": "number", "unit": "months"},
}
HONEST = {"os_months": 12, "death": True, "status": "DOD", "surgery_any": True, "surgery_earliest": 2}
HONEST |= {"surgery_latest": 5}


def errors(cells, columns=COLUMNS):
    """The rules that a table of one patient breaks under a codebook."""
    kept = {name: column for name, column in columns.items() if name in cells}
    found = cp.validate(pd.DataFrame([{"patient": "a", **cells}]), codebook_from_dict({"columns": kept}))
    return found.query("severity == 'error'")["rule"].tolist()


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """The bundled folder, its codebook without roles."""
    folder = tmp_path_factory.mktemp("bare")
    book = re.sub(r"(?m)^(role|counts|exposure) +=.*\n", "", (FOLDER / "codebook.toml").read_text("utf-8"))
    book = re.sub(r"(?m)^(role|counts|exposure) = .*\n", "", book)
    (folder / "codebook.toml").write_text(book, encoding="utf-8")
    for name in ("cases.csv", "adverse_events_long.csv"):
        (folder / name).write_bytes((FOLDER / name).read_bytes())
    return folder


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"os_months": -1}, "negative time"),
        ({"os_months": None}, "event without time"),
        ({"surgery_latest": 13}, "exposure after follow-up"),
        ({"surgery_latest": 1}, "latest before earliest"),
        ({"status": "AWD"}, "status against event"),
    ],
)
def test_a_rule_runs_where_names_say_the_roles(changed, rule):
    cells = HONEST | changed
    assert rule in errors(cells)
    denied = {name: column | {"role": "none"} for name, column in COLUMNS.items()}
    assert errors(cells, denied) == []
    bare = cp.validate(pd.DataFrame([{"patient": "a", **cells}, {"patient": "b", **HONEST}]))
    comparable = rule != "exposure after follow-up"  # the dates are in no unit that is known
    assert bare.query("severity == 'error'")["rule"].tolist() == [rule] * comparable


def test_a_declared_role_wins():
    other = {"months": {"type": "number", "unit": "months", "role": "time"}}
    assert errors(HONEST | {"os_months": -1, "months": 12}, COLUMNS | other) == []


@pytest.mark.parametrize(
    "renamed",
    [
        {"os_months": "os_rank"},
        {"os_months": "pos_nodes"},
        {"os_months": "months_to_progression"},
        {"death": "event"},
        {"surgery_any": "second_surgery"},
    ],
    ids=str,
)
def test_a_name_that_may_say_something_else_says_nothing(renamed):
    odd = HONEST | {"os_months": 1, "surgery_any": True}
    assert "exposure after follow-up" in errors(odd)
    cells = {renamed.get(name, name): value for name, value in odd.items()}
    columns = {renamed.get(name, name): column for name, column in COLUMNS.items()}
    assert errors(cells, columns) == [] or "death" in renamed


@pytest.mark.parametrize(
    ("changed", "columns"),
    [
        ({"os_months": None, "os": 2, "surgery_latest": 20}, {"os": {"type": "number", "unit": "years"}}),
        (
            {"os_months": None, "os": 2},
            {"os": {"type": "number", "unit": "years"}} | {"surgery_latest": {"type": "number"}},
        ),
        ({"os_months": 1, "surgery_latest": 20, "surgery_any": False}, {}),
        (
            {"os_months": 1, "surgery_latest": 20, "surgery_latest_days": 20},
            {"surgery_latest_days": {"type": "number"}},
        ),
        ({"os_months": -1, "os_days": 5}, {"os_days": {"type": "number"}}),
        ({"status": "lost"}, {"status": {"type": "category"}}),
        ({"death": 2, "os_months": None}, {"death": {"type": "integer"}}),
        ({"death": None, "status": "DOD"}, {}),
        ({"os_months": None, "survival": 0}, {"survival": {"type": "integer"}}),
    ],
    ids=str,
)
def test_no_honest_table_is_refused(changed, columns):
    cells = {name: value for name, value in (HONEST | changed).items() if value is not None or name == "death"}
    assert errors(cells, COLUMNS | columns) == []


def test_the_bundled_names_say_what_its_codebook_declares(bare):
    found = cp.validate(bare)
    assert found.query("severity == 'error'").empty
    taken = found[found["problem"].str.startswith("taken for")]
    said = dict(zip(taken["column"], taken["problem"].str.split(" ").str[3], strict=True))
    declared = cp.cases.codebook_of(cp.load("alk_crizotinib")).columns
    assert said == {n: c.role for n, c in declared.items() if c.role in ROLES} | {"surgery_any": "exposure"}


def test_a_coding_may_contradict_a_presumed_role(bare):
    cases = cp.recode(cp.read_cases(bare), deaths_of_complications="censored", surgery="any_adjuvant")
    assert cp.read_cases(cases)["death"].sum() == 5


def test_a_new_codebook_offers_what_the_names_say_in_comments(bare, tmp_path):
    folder = cp.new_dataset(tmp_path / "made", bare / "cases.csv")
    text = (folder / "codebook.toml").read_text("utf-8")
    assert '# role = "status"\n# counts = ["DOC", "DOD"]\n' in text
    assert '# role = "latest"\n# exposure = "surgery"\n' in text
