import importlib.util
from pathlib import Path

from casepool.claims import read_claims

ROOT = Path(__file__).parents[2]


def load_script():
    spec = importlib.util.spec_from_file_location("numerals", ROOT / "benchmarks" / "numerals.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_numeral_is_covered_by_a_claim_or_says_why_not():
    script = load_script()
    rows = list(script.listed())
    claims = {claim.id: claim for claim in read_claims(ROOT / "data" / "alk_crizotinib")}
    assert script.problems(rows, claims) == []
    assert {row[0] for row in rows} == {"Abstract", "Results", "Table 2", "Table 3", "Table 4"}


def test_a_numeral_left_out_or_laid_on_the_wrong_claim_is_found():
    script = load_script()
    rows = list(script.listed())
    claims = {claim.id: claim for claim in read_claims(ROOT / "data" / "alk_crizotinib")}
    place, numeral, _, text = rows[0]
    assert script.problems([(place, numeral, "adults", text), *rows[1:]], claims)
    assert script.problems([(place, numeral, "no_such_claim", text), *rows[1:]], claims)
    assert script.problems([row for row in rows if row[2] != "adults"], claims) == ["claim adults covers no numeral"]
