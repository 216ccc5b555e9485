"""A design is text: both ways, in sentences, and refused where it cannot be."""

from pathlib import Path

import pytest

import casepool as cp
from casepool.cli import main
from casepool.trials.files import design_from_dict

ONE = {"baskets": {"a": {"n": [5, 10]}, "b": {"n": [4, 8]}}, "null": 0.2, "target": 0.4}
COUNTS = {"success": {"responders": 4}}
SHARE = {"success": {"probability_above": {"rate": "null", "more_than": 0.9}}}


def design(**keys):
    return design_from_dict(ONE | COUNTS | keys, name="mine")


@pytest.mark.parametrize("name", cp.list_trials())
def test_a_bundled_design_is_the_same_written_and_read_again(name: str, tmp_path: Path) -> None:
    own = cp.trial_design(name)
    path = tmp_path / f"{name}.toml"
    path.write_text(own.to_toml(), encoding="utf-8")
    assert cp.trial_design(path) == own
    assert "Success at the end" in str(own)


def test_keys_that_spell_a_default_out_change_nothing() -> None:
    spelt = design(
        baskets={"a": {"n": [5, 10], "null": 0.2, "target": 0.4}, "b": {"n": [4, 8], "target": 0.4}},
        looks={"when": "sizes", "closed": "kept"},
    )
    assert spelt == design()


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"nul": 0.2}, "unknown key 'nul' in the top level"),
        ({"baskets": {"a": {"n": [5, 4]}}}, "column 'baskets.a.n': must rise"),
        ({"baskets": {"a": {"n": [5, 4000]}}}, "whole numbers from 1 to 1000"),
        ({"baskets": {"a": {"n": [5, 10]}, "b": {"n": 5}}}, "equally many looks"),
        ({"baskets": {"a": {"n": 5, "accrual": 1}, "b": {"n": 5}}}, "an accrual, or none"),
        ({"target": 0.2}, "the target must lie above the null"),
        ({"null": None}, "must be a number between 0 and 1"),
        ({"success": {}}, "the rule has no criterion"),
        (SHARE, "there is no model"),
        ({"success": {"responders": 2.5}}, "must be a whole number"),
        ({"success": {"probability_above": {"rate": "null", "more_than": 1.0}}}, "number between 0 and 1"),
        ({"success": {"probability_above": {"rate": "nul", "more_than": 0.9}}}, "null, target or a number"),
        ({"futility": {"responders": [1, 2, 3]}}, "these are 3 limits"),
        ({"looks": {"when": "months", "at": [1]}}, "needs an accrual"),
        ({"scenarios": {"null": {"rates": {}}}}, "always there"),
        ({"scenarios": {"x": {"rates": {"c": 0.1}}}}, "unknown key 'c' in [scenarios.x.rates]"),
        ({"scenarios": {"x": {"rates": [0.1]}}}, "needs 2 rates"),
        ({"scenarios": {"x": {"sweep": {"from": 0.5, "to": 0.1, "by": 0.1}}}}, "must go up"),
        ({"scenarios": {"x": {"drawn_from": "posterior", "model": "basket_berry"}}}, "a posterior has cases"),
        ({"cases": "alk_crizotinib"}, "no rule reads the cases"),
        (SHARE | {"model": "objective_response"}, "cannot be summed over"),
        (SHARE | {"model": "basket_berry", "cases": "sarcoma_imatinib", "cases_weight": 2}, "between 0 and 1"),
        ({"baskets": {str(i): {"n": 5} for i in range(61)}}, "at most 60 baskets"),
        (
            {"baskets": {str(i): {"n": 5} for i in range(11)}, "scenarios": {"x": {"configurations": True}}},
            "more than 10 baskets",
        ),
    ],
)
def test_what_is_no_design_is_refused_in_one_line_with_its_file(keys: dict, said: str) -> None:
    with pytest.raises(cp.CasepoolError) as refusal:
        design(**keys)
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_rule_that_can_never_hold_is_refused_with_the_largest_probability() -> None:
    never = design(**SHARE, model="basket_independent", null=0.95, target=0.99)
    with pytest.raises(cp.CasepoolError, match=r"never possible, as with all responding P is 0\.\d{4} at most"):
        cp.operating_characteristics(never, progress=False)
    with pytest.raises(cp.CasepoolError, match="never possible"):
        cp.operating_characteristics(design(success={"responders": 11}), progress=False)


def test_simulation_wants_a_seed_and_patients_in_time_are_simulated() -> None:
    timed = design(baskets={"a": {"n": [5, 10], "accrual": 1}})
    with pytest.raises(cp.CasepoolError, match="needs a seed"):
        cp.operating_characteristics(timed, progress=False)
    with pytest.raises(cp.CasepoolError, match="patients enter in time"):
        cp.operating_characteristics(timed, method="enumeration", progress=False)


def test_the_commands_say_what_the_functions_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "strict.toml"
    for words in (
        ["trials"],
        ["operating-characteristics", "simon_two_stage", "--csv"],
        ["calibrate", "imatinib_baskets", "--at", "0.1", "--out", str(out), "--quiet"],
    ):
        with pytest.raises(SystemExit) as left:
            main(words)
        assert not left.value.code
        said = capsys.readouterr().out
        if words[0] == "trials":
            assert [line.split("  ")[0] for line in said.splitlines()] == cp.list_trials()
    assert "Monte Carlo" not in said
    limit = cp.trial_design(out).success.criteria[0].limits
    assert limit == cp.calibrate("imatinib_baskets", at=0.1, progress=False).success.criteria[0].limits
