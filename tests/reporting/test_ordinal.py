"""What a report tells of an ordinal model: success, never the first category that comes."""

import xarray as xr

import casepool as cp
from casepool.estimation.draws import open_draws
from casepool.reporting.answers import of_success


def test_a_report_tells_of_success(ordinal_age_fit: xr.DataTree) -> None:
    fitted = open_draws(ordinal_age_fit)
    told = of_success(cp.estimates(ordinal_age_fit, "age"), fitted)
    assert list(told["events"]) == [9, 14]
    raw = of_success(cp.classical(fitted.model, "alk_crizotinib", "age"), fitted)
    assert list(raw.loc[raw["method"] == "Wilson", "events"]) == [9, 14]
    assert "odds ratio" in list(of_success(cp.contrast(ordinal_age_fit, "age"), fitted)["estimand"])


def test_a_plain_response_is_told_as_it_is(age_fit: xr.DataTree) -> None:
    table = cp.estimates(age_fit, "age")
    assert of_success(table, open_draws(age_fit)).equals(table)
