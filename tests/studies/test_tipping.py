"""The tipping curve: dates moved through their intervals, and where the answer stops being clear."""

import numpy as np
import pandas as pd
import pytest

import casepool as cp
from casepool.cases.reading import resolve_typed
from casepool.modelling import make_design
from casepool.modelling.design.making import design_of_typed
from casepool.remarks import note_of
from casepool.studies.tipping import _at, _intervals, _tips
from tests.small import normal, survival_model

FAST = {"draws": 500, "progress": False}
INTERVAL = {"earliest": "first", "latest": "last"}
PRIORS = {"intercept": normal(1.5, -3.0), "surgery_effect": normal(1.0), "surgery_log_intensity": normal(1.5, -3.0)}


def cohort() -> pd.DataFrame:
    """Eight patients, four operated: one at a known date, two within intervals, one undated."""
    return pd.DataFrame(
        {
            "patient": list("abcdefgh"),
            "time": [10.0, 20.0, 30.0, 40.0, 5.0, 8.0, 12.0, 3.0],
            "event": [False, False, True, False, True, True, False, True],
            "surgery": [True, True, True, True, False, False, False, False],
            "first": [2.0, 4.0, 0.0, np.nan, np.nan, np.nan, np.nan, np.nan],
            "last": [2.0, 16.0, 30.0, np.nan, np.nan, np.nan, np.nan, np.nan],
        }
    )


def test_the_ends_are_the_early_and_the_late_dating():
    model, frame = survival_model(PRIORS, exposure=INTERVAL), cohort()
    frame, codebook = resolve_typed(frame)
    name, early, late = _intervals(make_design(model, frame), frame, codebook)
    assert name == "surgery"
    assert early[:4].tolist() == [2.0, 4.0, 0.0, 0.0]
    assert late[:4].tolist() == [2.0, 16.0, 30.0, 40.0]
    assert np.isnan(early[4:]).all()
    half = design_of_typed(*_at(model, frame, codebook, name, (early + late) / 2))
    assert half.switch.tolist() == [2.0, 10.0, 15.0, 20.0] + [np.inf] * 4


def test_later_dates_move_event_free_time_out_of_the_exposed_and_raise_the_ratio():
    table = cp.tipping(survival_model(PRIORS, exposure=INTERVAL), cohort(), fractions=[0, 0.5, 1], **FAST)
    ratios = table[table["unit"] == "ratio"]
    assert ratios["at"].tolist() == [0.0, 0.5, 1.0]
    assert ratios["estimate"].is_monotonic_increasing
    chances = table[table["unit"] == "probability"]["estimate"]
    assert chances.is_monotonic_decreasing
    assert cp.plot_tipping(table).get_xlabel()


@pytest.mark.parametrize(
    ("lower", "upper", "found", "said"),
    [
        ([0.1, 0.1, 0.1], [0.5, 0.8, 1.25], 0.75, ""),  # log limits -.223 and .223 about 0: half-way from .5 to 1
        ([0.1, 0.1, 0.1], [0.5, 0.6, 0.7], np.nan, "never"),
        ([0.1, 0.1, 0.1], [1.5, 1.6, 1.7], 0.0, "from the earliest"),
    ],
)
def test_where_the_interval_first_reaches_one(lower, upper, found, said):
    rows = {"by": "surgery", "level": "a vs b", "n": 8, "events": 4, "source": "shrunk", "model": "m"}
    table = pd.DataFrame({"at": [0.0, 0.5, 1.0], "estimate": 0.4, "lower": lower, "upper": upper, "unit": "ratio"})
    row = _tips(table.assign(verdict="pass", **rows))
    assert row.get("estimate", np.nan) == pytest.approx(found, nan_ok=True)
    assert said in note_of(row.get("note", ()))
    if not said:
        assert (row["lower"], row["upper"]) == (0.5, 1.0)


def test_refused_without_anything_to_move():
    model, frame = survival_model(PRIORS, exposure=INTERVAL), cohort().iloc[[0, 4, 5]]
    with pytest.raises(cp.CasepoolError, match="nothing to move"):
        cp.tipping(model, frame)
    with pytest.raises(cp.CasepoolError, match="no exposure that starts"):
        cp.tipping(survival_model({"intercept": normal(1.0)}), frame)
    with pytest.raises(cp.CasepoolError, match="rising numbers from 0 to 1"):
        cp.tipping(model, cohort(), fractions=[0.5, 0.2])
