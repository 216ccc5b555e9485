"""Bad claims files are refused with file, entry and remedy."""

import pytest

from casepool.claims import audit, read_claims
from casepool.errors import CasepoolError

GOOD = """
[[claim]]
id = "adults"
where = "Abstract"
printed = "19"
convention = "count"
statistic = "count"
arguments = { where = { age_group = "18 and over" } }
"""

BAD = {
    "unknown statistic": (GOOD.replace('statistic = "count"', 'statistic = "cuont"'), "unknown statistic", "fraction"),
    "missing printed": (GOOD.replace('printed = "19"\n', ""), "missing", 'write printed = "..."'),
    "empty where": (GOOD.replace('where = "Abstract"', 'where = " "'), "missing", 'write where = "..."'),
    "printed as a number": (GOOD.replace('"19"', "19"), "no text", 'write printed = "..."'),
    "unknown key": (GOOD + 'unit = "patients"\n', "unknown key 'unit'", "allowed there"),
    "unknown table": (GOOD + "[claims]\n", "unknown key 'claims'", "allowed there"),
    "two with one id": (GOOD + GOOD, "two claims have one id", "rename one"),
    "wrong argument": (GOOD.replace("{ where =", "{ were ="), "unknown argument", "takes table, where"),
    "argument of another type": (
        GOOD.replace('{ where = { age_group = "18 and over" } }', '{ where = "adults" }'),
        "wrong type of argument",
        "see the other claims",
    ),
    "missing argument": (GOOD.replace('statistic = "count"', 'statistic = "fraction"').replace(
        '{ where = { age_group = "18 and over" } }', '{ among = {} }').replace('"19"', '"1/2"'),
        "needs the argument 'where'", "add it"),
    "unknown convention": (
        GOOD.replace('statistic = "count"', 'statistic = "contingency_test"').replace(
            '{ where = { age_group = "18 and over" } }', '{ rows = "a", columns = "b", test = "fishy" }'
        ),
        "unknown convention",
        "pearson",
    ),
    "too few numbers": (GOOD.replace('statistic = "count"', 'statistic = "fraction"'), "holds 1 number", "gives 2"),
    "no number": (GOOD.replace('"19"', '"many"'), "holds 0 numbers", "name another one"),
    "no table": (GOOD.replace('{ where = { age_group = "18 and over" } }', "3"), "must be a table", "write {"),
    "unknown column": (GOOD.replace("age_group", "age_grup"), "no such column", "age_group"),
    "unknown test": (GOOD.replace('"18 and over"', "{ over = 18 }"), "unknown test", "at_least"),
    "limit that is no number": (GOOD.replace('"18 and over"', '{ at_least = "many" }').replace("age_group", "age"),
        "cannot be read", "as the other claims do"),
    "readings that are no list": (GOOD + "readings = 3\n", "must be a list", "[[claim.readings]]"),
    "no claim": ("", "holds no claim", "[[claim]]"),
    "no TOML": ("[[claim]", "TOML", ""),
    "reading without a name": (GOOD + "readings = [{ arguments = {} }]\n", "a reading needs a name", "give it one"),
    "unknown side table": (
        GOOD.replace("{ where = {", '{ table = "events.csv", where = {'), "no such side table", "adverse_events.csv"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_refused(copy, case):
    text, problem, remedy = BAD[case]
    (copy / "published.toml").write_text(text, encoding="utf-8")
    with pytest.raises(CasepoolError) as refusal:
        audit(copy)
    said = str(refusal.value)
    assert problem in said
    assert remedy in said
    assert "published.toml" in said
    assert "\n" not in said
    if case not in ("unknown table", "no claim", "no TOML"):
        assert "'adults'" in said


def test_a_claim_without_an_id_is_named_by_its_number(copy):
    (copy / "published.toml").write_text(GOOD + GOOD.replace('id = "adults"\n', ""), encoding="utf-8")
    with pytest.raises(CasepoolError, match="claim number 2"):
        read_claims(copy)


def test_a_folder_without_claims_is_refused(copy):
    (copy / "published.toml").unlink()
    with pytest.raises(CasepoolError, match="no such file"):
        audit(copy)


def test_a_dataset_of_ones_own_carries_its_own_claims(tmp_path):
    (tmp_path / "cases.csv").write_text("patient,arm,alive\n1,A,yes\n2,A,no\n3,B,yes\n", encoding="utf-8")
    (tmp_path / "published.toml").write_text(
        '[[claim]]\nid = "a"\nwhere = "p. 3"\nprinted = "50%"\nconvention = "share"\nstatistic = "percentage"\n'
        "arguments = { where = { alive = true }, among = { arm = 'A' } }\n",
        encoding="utf-8",
    )
    table = audit(tmp_path)
    assert table[["recomputed", "verdict"]].to_numpy().tolist() == [["50%", "reproduces"]]
