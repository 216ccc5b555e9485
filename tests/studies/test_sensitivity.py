"""Sensitivity points the way it must: wider priors between levels spread the levels, tighter ones pull further."""

import pandas as pd
import pytest
import xarray as xr

import casepool as cp


@pytest.fixture(scope="module")
def table(response_fit: xr.DataTree) -> pd.DataFrame:
    return cp.sensitivity(response_fit, scales=(0.25, 1.0, 2.0), progress=False)


def by_scale(table: pd.DataFrame, factor: str, level: str) -> list[float]:
    rows = table[(table["level"] == level) & table["note"].str.startswith(f"{factor}_sd ~")]
    return rows["estimate"].tolist()


@pytest.mark.parametrize(
    ("factor", "level", "sign"), [("histology", "EIMT", 1), ("partner", "FN1", -1), ("partner", "RANBP2", 1)]
)
def test_a_wider_prior_lets_extreme_levels_go_further(table: pd.DataFrame, factor: str, level: str, sign: int) -> None:
    first, middle, last = (sign * value for value in by_scale(table, factor, level))
    assert first < middle < last


def test_the_scale_of_the_fit_gives_the_fit_again(table: pd.DataFrame, response_fit: xr.DataTree) -> None:
    own = cp.estimates(response_fit, "histology").set_index("level")["estimate"]
    assert by_scale(table, "histology", "IMT")[1] == own["IMT"]


def test_every_prior_has_its_row(table: pd.DataFrame) -> None:
    rows = table[table["unit"] == "sensitivity"].set_index("level")
    assert set(rows.index) == {"intercept", "histology_sd", "partner_sd", "age_effect", "age_mean", "age_spread"}
    assert rows.loc["histology_sd", "estimate"] > 0.05 > rows.loc["age_spread", "estimate"]


def test_an_exposures_answer_is_shown_under_three_priors_and_both_datings(survival_fit: xr.DataTree) -> None:
    rows = cp.exposure_sensitivity(survival_fit, progress=False)
    ratios = rows[rows["estimand"] == "hazard ratio"]
    assert len(ratios) == 6
    for dating in ("intensity", "uniform"):
        own = ratios[ratios["note"].str.contains(f"dates of surgery: {dating}")]["estimate"].tolist()
        assert own == sorted(own, reverse=True)  # the wider the prior, the further no death in the exposed can pull
    assert rows[rows["unit"] == "probability"]["note"].str.startswith("under the prior alone 0.5;").all()
    fitted = cp.contrast(survival_fit, "surgery")["estimate"][0]
    assert fitted in ratios["estimate"].tolist()


def test_a_scale_that_is_none_is_refused(response_fit: xr.DataTree) -> None:
    with pytest.raises(cp.CasepoolError, match="must be positive"):
        cp.sensitivity(response_fit, scales=(0.0, 1.0))
