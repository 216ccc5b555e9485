import pytest

from casepool.cases import load
from casepool.claims import audit
from casepool.claims.rows import selected, table_of_cases, table_of_file
from casepool.errors import CasepoolError

from .conftest import FOLDER


@pytest.fixture(scope="module")
def table():
    return table_of_cases(load("alk_crizotinib"))


@pytest.mark.parametrize(
    ("where", "cases"),
    [
        ({"patient": [13, 14]}, [13, 14]),
        ({"best_response": "PD"}, [13]),
        ({"partner": "HIP1"}, [14]),
        ({"partner": {"members_at_least": 2}}, [14]),
        ({"best_response": {"is": "missing"}}, [5, 10, 12]),
        ({"best_response": {"not": ["PR", "CR"]}}, [4, 13, 19, 28]),
        ({"age": {"above": 60}}, [13, 32]),
        ({"age": {"at_least": 60}}, [13, 31, 32]),
        ({"age": {"below": 6}}, [19]),
        ({"os_months": {"at_most": 0.5}}, [13, 15]),
        ({"os_months": {"minus": "months_on", "above": 26}}, [19, 21, 30]),
        ({"surgery_any": {"is": "missing"}}, [25]),
        ({"surgery_any": True, "status": "AWD"}, [30]),
        ({"next_therapy": {"any": ["Alectinib"], "paired": "next_response", "having": ["SD"]}}, [30, 31]),
        ({"or": [{"patient": 1}, {"age": {"is": "missing"}}]}, [1, 11, 17, 25]),
        ({"and": [{"sex": "F"}, {"histology": "EIMT"}]}, [16]),
        ({}, list(range(1, 34))),
    ],
)
def test_conditions_choose_rows(table, where, cases):
    assert [int(table.labels[i]) for i in selected(table, where)] == cases


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ({"hight": 3}, "no such column"),
        ({"age": {"over": 3}}, "unknown test"),
        ({"age": {"is": "there"}}, "present or missing"),
        ({"age": {"minus": "nothing", "above": 3}}, "no such column"),
    ],
)
def test_conditions_that_say_nothing_are_refused(table, where, said):
    with pytest.raises(CasepoolError, match=said):
        selected(table, where)


def test_a_side_table_is_read_as_text_and_lists():
    events = table_of_file(FOLDER / "adverse_events.csv")
    assert events.rows[0]["references"] == ("4", "13")
    assert events.rows[0]["consequence"] is None


def test_rows_can_be_left_out():
    left = table_of_cases(load("alk_crizotinib"), ["3", "12"])
    assert len(left.rows) == len(left.labels) == 31
    assert not {"3", "12"} & set(left.labels)


def test_a_table_that_is_not_public_names_rows_by_number(tmp_path):
    (tmp_path / "cases.csv").write_text("patient,age\nSmith,3\nJones,4\nBrown,70\n")
    book = 'name = "clinic"\npublic = false\n[columns.age]\ntype = "number"\nunit = "years"\n'
    book += '[codings.doubt.without]\nwhy = "one of two"\ndrop = ["Smith"]\n'
    (tmp_path / "codebook.toml").write_text(book)
    claim = '[[claim]]\nid = "ages"\nwhere = "text"\nprinted = "2"\nconvention = "count"\nstatistic = "count"\n'
    (tmp_path / "published.toml").write_text(claim + "arguments = { where = { age = { above = 3.5 } } }\n")
    table = audit(tmp_path)
    assert table["evidence"].tolist() == ["2†: row 2, row 3; 1 convention tried, 1 agree"]
    assert table.attrs == {"public": False}
    assert not table.astype(str).apply(lambda cells: cells.str.contains("Smith|Jones|Brown")).to_numpy().any()
