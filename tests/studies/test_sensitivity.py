"""Sensitivity points the way it must: wider priors between levels spread the levels, tighter ones pull further."""

import pandas as pd
import pytest
import xarray as xr

import casepool as cp
from casepool.studies.exposure import exposure_variants
from tests.small import normal, survival_model


@pytest.fixture(scope="module")
def table(response_fit: xr.DataTree) -> pd.DataFrame:
    unchecked = response_fit.copy()
    unchecked.attrs.pop("checks", None)  # what other tests found out about it marks no row here
    return cp.sensitivity(unchecked, scales=(0.25, 1.0, 2.0), progress=False)


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


@pytest.mark.parametrize("scales", [(0.0, 1.0), [float("inf")], ["a"], "a", 1.0, [], [True], [float("nan")]])
def test_scales_that_are_none_are_refused(response_fit: xr.DataTree, scales: object) -> None:
    with pytest.raises(cp.CasepoolError, match=r"positive|one or more numbers"):
        cp.sensitivity(response_fit, scales=scales)


def test_the_model_says_which_prior_a_row_was_made_under(table: pd.DataFrame) -> None:
    rows = table[table["unit"] != "sensitivity"]
    priors = [note.split("; ")[0] for note in rows["note"]]
    assert all(prior in name for prior, name in zip(priors, rows["model"], strict=True))
    own = {name for name in rows["model"] if "(the model's own)" in name}
    assert own == {
        f"objective_response, {factor}_sd ~ HalfNormal(sigma = 1) (the model's own)"
        for factor in ("histology", "partner")
    }


def test_a_forest_draws_the_scales_apart(table: pd.DataFrame) -> None:
    axes = cp.plot_forest(table[table["by"] == "histology"])
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert len(legend) == 3
    assert sum("the model's own" in label for label in legend) == 1
    assert axes.get_title(loc="left") == f"{cp.model('objective_response').title}\nby histology"


def test_dates_are_modelled_only_where_the_model_has_a_prior_for_them() -> None:
    exposure = {"earliest": "first", "latest": "last"}
    priors = {"intercept": normal(1.0, -3.0), "surgery_effect": normal(1.0)}
    for dating, more, datings in (
        ("uniform", {}, {"uniform"}),
        ("intensity", {"surgery_log_intensity": normal(1.0, -3.0)}, {"uniform", "intensity"}),
    ):
        model = survival_model(priors | more, exposure=exposure | {"dating": dating})
        assert {each.exposures["surgery"].dating for each in exposure_variants(model)} == datings
