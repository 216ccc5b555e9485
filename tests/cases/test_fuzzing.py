"""Mutated tables end in our own refusals, where a judge of the documents asks for one; harmless ones change nothing."""

import pytest

from benchmarks.fuzz_mutations import harmful, harmless, written
from benchmarks.fuzzing import examined, subjects, tally, unchanged
from benchmarks.hostile_runs import outcome_of
from casepool.cases import codebook, rules, tables, workbooks
from casepool.modelling.specification import values


@pytest.fixture(scope="module")
def bundled():
    return subjects()


def test_200_mutated_tables_end_as_the_judge_has_it(bundled, tmp_path):
    counts, wrong = tally(harmful(bundled), examined, tmp_path / "cases.csv", 200)
    assert not wrong
    assert counts["tables"].sum() == 200
    assert set(counts["casepool"]) == {"refused", "accepted"}


def test_200_harmless_mutations_give_the_same_design(bundled, tmp_path):
    counts, wrong = tally(harmless(bundled), unchanged, tmp_path / "cases.csv", 200)
    assert not wrong
    assert counts["tables"].sum() == 200


@pytest.mark.parametrize("rule", ["status against event", "event without time", "latest before earliest"])
def test_a_rule_that_is_forgotten_is_noticed(bundled, tmp_path, monkeypatch, rule):
    monkeypatch.delitem(rules.RULES, rule)
    kinds = ("rule across columns",)
    assert tally(harmful(bundled[:1], kinds), examined, tmp_path / "cases.csv", 60)[1]


def test_identifiers_that_are_not_compared_are_noticed(bundled, tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "identifier_problems", lambda *_: [])
    assert tally(harmful(bundled[:1], ("duplicate id",)), examined, tmp_path / "cases.csv", 20)[1]


def test_a_cell_that_matters_gives_another_design(bundled, tmp_path):
    grid = [list(row) for row in bundled[0].grid]
    for name, value in {"best_response": "PD", "os_months": "31"}.items():
        grid[1][grid[0].index(name)] = value
    outcome = unchanged(bundled[0], written(grid).encode(), tmp_path / "cases.csv")
    assert outcome.wrong == ["another design: response", "another design: survival"]


@pytest.mark.parametrize(
    ("kind", "count"),
    [("workbook", 25), ("parquet", 30), ("model", 60), ("codebook", 40), ("command", 15), ("name", 15)],
)
def test_hostile_input_ends_as_the_documents_have_it(kind, count):
    """A small sample; `benchmarks.fuzzing --kind` makes thousands."""
    if kind == "parquet":
        pytest.importorskip("pyarrow")
    wrong = {number: outcome_of(kind, 2, number, heavy=False).wrong for number in range(count)}
    assert {number: said for number, said in wrong.items() if said} == {}


@pytest.mark.parametrize(
    ("kind", "where", "name", "planted"),
    [
        ("workbook", workbooks, "overlooked", lambda *_: []),
        ("codebook", codebook, "check_keys", lambda *_, **__: None),
        ("model", values, "LARGEST", 1e308),
    ],
)
def test_a_fault_that_is_planted_is_noticed(kind, where, name, planted, monkeypatch):
    monkeypatch.setattr(where, name, planted)
    assert any(outcome_of(kind, 2, number, heavy=False).wrong for number in range(120))
