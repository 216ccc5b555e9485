"""A fit carries what it takes to make it again, and a change is seen."""

import json

import pytest
import xarray as xr

import casepool as cp
from casepool.cli import main
from casepool.cli.answering import NOT_REPRODUCED

FEW = {"engine": "nuts", "draws": 100, "tune": 200, "chains": 2, "progress": False}


@pytest.fixture(scope="module")
def recoded_fit(tmp_path_factory: pytest.TempPathFactory) -> xr.DataTree:
    """A fit of recoded cases, with predictions, that went through a file."""
    cases = cp.recode(cp.load("alk_crizotinib"), surgery="any_text", adjuvant="left_out")
    fit = cp.fit("overall_survival", cases, seed=3, predictive=True, **FEW)
    return cp.open_fit(cp.save_fit(fit, tmp_path_factory.mktemp("fits") / "fit.nc"))


def changed(fit: xr.DataTree, **attributes: str) -> xr.DataTree:
    copy = fit.copy()
    copy.attrs |= attributes
    return copy


def test_a_fit_of_recoded_cases_reproduces_bit_by_bit(recoded_fit: xr.DataTree) -> None:
    table = cp.verify(recoded_fit, progress=False)
    assert set(table["verdict"]) == {"pass"}
    assert table["difference"].tolist() == [0.0] * len(table)
    parts = set(table["part"])
    assert {"versions", "data", "posterior: surgery_effect", "log_likelihood: outcome"} <= parts
    assert "posterior_predictive: outcome" in parts


def test_another_seed_does_not_and_the_difference_is_said(recoded_fit: xr.DataTree) -> None:
    table = cp.verify(changed(recoded_fit, seed="4"), progress=False).set_index("part")
    draws = table.loc["posterior: surgery_effect"]
    assert draws["verdict"] == "fail"
    assert draws["difference"] > 0.1
    assert "though nothing else changed" in draws["sentence"]
    assert table.loc["data", "verdict"] == "pass"


def test_another_version_is_named_and_draws_that_agree_in_distribution_are_a_concern(recoded_fit) -> None:
    versions = json.loads(recoded_fit.attrs["versions"]) | {"nutpie": "0.1.0"}
    table = cp.verify(changed(recoded_fit, seed="4", versions=json.dumps(versions)), progress=False).set_index("part")
    assert table.loc["versions", "verdict"] == "concern"
    assert "nutpie was 0.1.0" in table.loc["versions", "sentence"]
    assert table.loc["posterior: surgery_effect", "verdict"] == "concern"


def test_a_shifted_posterior_fails_whatever_the_versions(recoded_fit: xr.DataTree) -> None:
    other = changed(recoded_fit, machine="another")
    posterior = other["posterior"].to_dataset()
    other["posterior"] = posterior.assign(surgery_effect=posterior["surgery_effect"] + 3)
    table = cp.verify(other, progress=False).set_index("part")
    assert table.loc["posterior: surgery_effect", "verdict"] == "fail"
    assert table.loc["posterior: surgery_effect", "difference"] == pytest.approx(3)
    assert table.loc["posterior: intercept", "verdict"] == "pass"


def test_other_data_under_the_same_hash_are_seen(recoded_fit: xr.DataTree) -> None:
    other = recoded_fit.copy()
    patients = other["patients"].to_dataset()
    other["patients"] = patients.assign(os_months=patients["os_months"] + 1)
    table = cp.verify(other, progress=False).set_index("part")
    assert table.loc["data", "verdict"] == "fail"
    assert table.loc["posterior: intercept", "verdict"] == "fail"


def test_the_command_line_says_it_and_leaves_with_its_status(recoded_fit: xr.DataTree, tmp_path, capsys) -> None:
    path = cp.save_fit(changed(recoded_fit, seed="4"), tmp_path / "fit.nc")
    with pytest.raises(SystemExit) as left:
        main(["verify", str(path), "--quiet"])
    assert left.value.code == NOT_REPRODUCED
    out, err = capsys.readouterr()
    assert "pass       data: the 31 rows" in out
    assert "does not reproduce" in err


def test_what_is_no_fit_is_refused() -> None:
    with pytest.raises(cp.CasepoolError, match="no fit made by casepool"):
        cp.verify(xr.DataTree())
