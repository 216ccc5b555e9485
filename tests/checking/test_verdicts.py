"""A fit that worked passes; one that did not is marked wherever it appears."""

import re
from pathlib import Path

import arviz as az
import numpy as np
import pytest
import xarray as xr

import casepool as cp
from casepool.checking.leave_one_out import LeftOneOut
from casepool.checking.verdicts import _single
from casepool.estimation.draws import Fitted
from casepool.modelling import make_design
from tests.small import counts, normal, response_model

FITS = Path(__file__).parents[1] / "oracle" / "fits"


@pytest.fixture(scope="module")
def bad_fit() -> xr.DataTree:
    return cp.fit("objective_response_by_age_group", "alk_crizotinib", seed=1, draws=30, progress=False)


def test_shipped_fits_have_no_failing_answer(response_fit, age_fit, survival_fit) -> None:
    for fit in (response_fit, age_fit, survival_fit):
        table = cp.check(fit)
        assert "fail" not in set(table["verdict"])
        assert set(table["question"]) >= {"convergence", "effective draws", "divergences", "energy", "single patients"}
        assert (table["sentence"].str.len() > 10).all()
        assert set(table["about"]) <= {"sampling", "fit", "information"}


def test_an_unconverged_fit_fails_everywhere(bad_fit: xr.DataTree) -> None:
    assert "fail" in set(cp.check(bad_fit)["verdict"])
    assert set(cp.estimates(bad_fit, "age")["verdict"]) == {"fail"}
    assert set(cp.contrast(bad_fit, "age")["verdict"]) == {"fail"}
    assert set(cp.estimates(bad_fit)["verdict"]) == {"fail"}


def test_too_few_effective_draws_say_how_many_to_ask_for(bad_fit: xr.DataTree) -> None:
    row = cp.check(bad_fit).set_index("question").loc["effective draws"]
    asked = int(re.search(r"draws=(\d+)", row["sentence"])[1])
    assert row["verdict"] == "fail"
    assert 400 < asked / 30 * row["value"] < 400 * 4 / 3 + 100 / 30 * row["value"]


def test_a_row_of_several_patients_is_no_single_patient() -> None:
    """Importance sampling that cannot leave out a whole basket is no concern about a patient; a refit can."""
    doubt = LeftOneOut(np.zeros(2), np.array([0.2, 0.9]), np.zeros(2, dtype=bool), {})
    model = response_model({"group": {"kind": "group", "borrowing": "none"}}, {"group_own": normal(1.0)})
    for n, refits, verdict in (([9, 8], False, "not asked"), ([9, 8], True, "concern"), ([1, 1], False, "concern")):
        design = make_design(model, counts([1, 0], n, group=["a", "b"]))
        answer = _single(Fitted(xr.DataTree(), model, design, {}, "pass"), doubt, refits=refits)
        assert answer["verdict"] == verdict
        assert "0.90 (limit 0.7)" in answer["sentence"]


def test_the_numbers_are_arvizs(response_fit: xr.DataTree) -> None:
    """The R-hat of nuts, and effective draws of any engine."""
    nuts = cp.open_fit(FITS / "objective_response.nc")
    for fit in (nuts, response_fit):
        table = cp.check(fit).set_index("question")["value"]
        summary = az.summary(fit, round_to="none")
        assert table["effective draws"] == pytest.approx(summary[["ess_bulk", "ess_tail"]].min().min(), abs=1)
        if fit is nuts:
            assert table["convergence"] == pytest.approx(summary["r_hat"].max(), abs=1e-6)
