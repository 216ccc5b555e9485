"""A fit that worked passes; one that did not is marked wherever it appears."""

import warnings

import arviz as az
import pytest
import xarray as xr

import casepool as cp


@pytest.fixture(scope="module")
def bad_fit() -> xr.DataTree:
    return cp.fit("objective_response_by_age_group", "alk_crizotinib", seed=1, draws=30, tune=10, progress=False)


def test_shipped_fits_have_no_failing_answer(response_fit, age_fit, survival_fit) -> None:
    for fit in (response_fit, age_fit, survival_fit):
        table = cp.check(fit)
        assert "fail" not in set(table["verdict"])
        assert set(table["question"]) >= {"convergence", "effective draws", "divergences", "energy", "single patients"}
        assert (table["sentence"].str.len() > 10).all()


def test_an_unconverged_fit_fails_everywhere(bad_fit: xr.DataTree) -> None:
    assert "fail" in set(cp.check(bad_fit)["verdict"])
    assert set(cp.estimates(bad_fit, "age")["verdict"]) == {"fail"}
    assert set(cp.contrast(bad_fit, "age")["verdict"]) == {"fail"}
    assert set(cp.estimates(bad_fit)["verdict"]) == {"fail"}


def test_too_few_effective_draws_say_how_many_to_ask_for(bad_fit: xr.DataTree) -> None:
    row = cp.check(bad_fit).set_index("question").loc["effective draws"]
    asked = int(row["sentence"].partition("draws=")[2].partition(",")[0])
    assert row["verdict"] == "fail"
    assert 400 < asked / 30 * row["value"] < 400 * 4 / 3 + 100 / 30 * row["value"]


def test_the_numbers_are_arvizs(response_fit: xr.DataTree) -> None:
    table = cp.check(response_fit).set_index("question")["value"]
    summary = az.summary(response_fit, round_to="none")
    assert table["convergence"] == pytest.approx(summary["r_hat"].max(), abs=1e-6)
    assert table["effective draws"] == pytest.approx(summary[["ess_bulk", "ess_tail"]].min().min(), abs=1)


def test_arviz_takes_a_fit_unchanged(response_fit: xr.DataTree) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        az.plot_trace_dist(response_fit, var_names=["intercept"])
        az.plot_forest(response_fit, var_names=["histology_effect"])
        az.plot_energy(response_fit)
        assert float(az.loo(response_fit).elpd) < 0
