"""Every edge table ends as its list says, and `validate` and `read_cases` agree on it."""

import pytest

from casepool import validate
from casepool.cases import read_cases
from casepool.errors import CasepoolError
from tests.cases.edge_tables import ANSWER, EDGES, REFUSE, WARN

SEVERITY = {REFUSE: "error", WARN: "warning"}


@pytest.mark.parametrize("edge", EDGES, ids=[edge.name for edge in EDGES])
def test_an_edge_table_ends_as_listed(tmp_path, edge):
    path = tmp_path / "mine.csv"
    path.write_bytes(edge.table if isinstance(edge.table, bytes) else edge.table.encode("utf-8"))
    book = None
    if edge.book is not None:
        book = tmp_path / "codebook.toml"
        book.write_text(edge.book, encoding="utf-8")
    found = validate(path, book)
    errors = found[found["severity"] == "error"]
    told = found[found["severity"] == SEVERITY.get(edge.outcome, "error")]
    if edge.outcome == ANSWER:
        assert found.query("severity != 'note'").empty, found.to_string()
    else:
        assert told["rule"].iloc[0] == edge.rule, found.to_string()
        assert (None if told["row"].isna().iloc[0] else told["row"].iloc[0]) == edge.row
        assert told["column"].iloc[0] == edge.column or not edge.column
        assert told["expected"].iloc[0]
        assert told["remedy"].iloc[0]
    if edge.outcome == REFUSE:
        with pytest.raises(CasepoolError) as caught:
            read_cases(path, book)
        assert caught.value.problem in errors["problem"].tolist()
    else:
        assert errors.empty
        cases = read_cases(path, book)
        if edge.cells:
            assert cases[edge.cells[0]].tolist() == edge.cells[1]


def test_the_list_is_long_and_of_every_kind():
    assert len(EDGES) >= 60
    assert len({edge.name for edge in EDGES}) == len(EDGES)
    assert {edge.outcome for edge in EDGES} == {ANSWER, WARN, REFUSE}
