"""The landmark comparison: patients event-free at a time, by what they had received until then."""

import numpy as np
import pytest

from casepool.errors import CasepoolError
from casepool.modelling import make_design

from .small import by_patient, survival_model, table

LANDMARK = {"as": "landmark", "landmark": 6.0, "dating": "uniform"}
INTERVAL = {"earliest": "first", "latest": "last"}
VALUES = {"intercept": -2.4, "surgery_effect": -0.8, "shape": 0.7}
PATIENTS = table(
    time=[3.0, 6.0, 8.0, 20.0, 15.0, 30.0, 9.0],
    event=[True, False, True, False, True, True, False],
    surgery=[False, True, False, True, True, True, False],
    first=[np.nan, 1.0, np.nan, 2.0, 7.0, 4.0, np.nan],
    last=[np.nan, 2.0, np.nan, 5.0, 12.0, 10.0, np.nan],
)


def test_it_is_the_fixed_comparison_of_those_beyond_the_landmark_from_there_on():
    model = survival_model("weibull", "proportional", exposure=LANDMARK | INTERVAL)
    design = make_design(model, PATIENTS)
    out = "not known to be event-free and followed beyond the landmark (6 months)"
    assert dict(design.left_out) == {"1": out, "2": out}
    assert design.exposed.tolist() == [False, True, False, False, False]
    beyond = PATIENTS.iloc[[2, 3, 4, 6]].assign(entry=6.0, surgery=[False, True, False, False])
    fixed = survival_model("weibull", "proportional", exposure={"as": "baseline"} | INTERVAL, entry=True)
    expected = by_patient(fixed, beyond, **VALUES)
    assert by_patient(model, PATIENTS, **VALUES)[[0, 1, 2, 4]] == pytest.approx(expected, abs=1e-12)


def test_an_interval_across_the_landmark_counts_in_proportion():
    """Dates from 4 to 10 months: one third lies before month 6."""
    model = survival_model("weibull", "proportional", exposure=LANDMARK | INTERVAL)
    one = PATIENTS.iloc[[5]]
    fixed = survival_model("weibull", "proportional", exposure={"as": "baseline"}, entry=True)
    ways = [by_patient(fixed, one.assign(entry=6.0, surgery=ever), **VALUES)[0] for ever in (True, False)]
    expected = np.logaddexp(np.log(1 / 3) + ways[0], np.log(2 / 3) + ways[1])
    assert by_patient(model, one, **VALUES)[0] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("dating", "exposed"), [("early", True), ("late", False)])
def test_early_and_late_dating_settle_it(dating, exposed):
    model = survival_model("weibull", "proportional", exposure=LANDMARK | INTERVAL | {"dating": dating})
    design = make_design(model, PATIENTS.iloc[[5]])
    assert np.isfinite(design.switch).tolist() == [exposed] == design.exposed.tolist()


def test_an_event_that_may_lie_before_the_landmark_leaves_the_patient_out():
    model = survival_model("exponential", "proportional", exposure=LANDMARK | {"undated": "follow_up"}, between=True)
    limits = table(lower=[2.0, 6.0, 7.0], upper=[8.0, 8.0, np.nan], surgery=[False, False, True])
    assert list(make_design(model, limits).left_out) == ["1"]


@pytest.mark.parametrize("exposure", [{"as": "landmark"}, {"landmark": 6.0}, {"as": "landmark", "landmark": -1.0}])
def test_a_landmark_and_its_time_go_together(exposure):
    with pytest.raises(CasepoolError, match="landmark"):
        survival_model("exponential", "proportional", exposure=exposure | INTERVAL)


def test_the_guard_is_printed():
    text = " ".join(str(survival_model("weibull", "proportional", exposure=LANDMARK | INTERVAL)).split())
    assert "whoever had surgery had to be event-free until then" in text
    assert "at month 6" in text
