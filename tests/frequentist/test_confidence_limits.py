import warnings

import numpy as np
import pytest
from scipy import stats

from casepool.errors import CasepoolError
from casepool.frequentist.confidence_limits import survival_limits, survival_limits_at
from casepool.frequentist.curves import kaplan_meier

from .cohorts import cohort
from .freireich import ARM, ENTRY, EVENT, TIME

SCALES = ["plain", "log", "log-log", "logit"]


@pytest.mark.parametrize("number", range(6))
@pytest.mark.parametrize(("scale", "method"), [("plain", "linear"), ("log-log", "log-log")])
def test_right_censored_data_as_in_scipy(number, scale, method):
    time, event, _ = cohort(number)
    curve = kaplan_meier(time, event)
    alive = curve.survival > 0
    reference = stats.ecdf(stats.CensoredData(uncensored=time[event], right=time[~event])).sf
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # scipy says where its limits are undefined
        expected = reference.confidence_interval(0.9, method=method)
    lower, upper = survival_limits_at(curve, curve.times[alive], scale, 0.9)
    assert lower == pytest.approx(expected.low.evaluate(curve.times[alive]))
    assert upper == pytest.approx(expected.high.evaluate(curve.times[alive]))


def test_delayed_entry_as_in_lifelines():
    # Computed with lifelines 0.30.3 (KaplanMeierFitter, entry=, log-log limits).
    lower, upper = survival_limits_at(kaplan_meier(TIME, EVENT, ENTRY), [5, 10, 17, 23])
    assert lower == pytest.approx([0.52871532, 0.31734062, 0.15233571, 0.0603786], abs=5e-9)
    assert upper == pytest.approx([0.8415946, 0.6355836, 0.42963852, 0.29600514], abs=5e-9)


@pytest.mark.parametrize("scale", SCALES)
def test_limits_enclose_the_curve_inside_zero_and_one(scale):
    curve = kaplan_meier(TIME, EVENT)
    lower, upper = survival_limits(curve, scale)
    alive = curve.survival > 0
    assert (lower[alive] >= 0).all()
    assert (lower[alive] < curve.survival[alive]).all()
    assert (curve.survival[alive] < upper[alive]).all()
    assert (upper[alive] <= 1).all()


@pytest.mark.parametrize("scale", SCALES)
def test_more_confidence_is_wider(scale):
    curve = kaplan_meier(TIME, EVENT)
    low90, high90 = survival_limits(curve, scale, 0.9)
    low99, high99 = survival_limits(curve, scale, 0.99)
    assert (low99 <= low90).all()
    assert (high90 <= high99).all()


@pytest.mark.parametrize("scale", SCALES)
def test_in_a_large_sample_the_scale_no_longer_matters(scale):
    curve = kaplan_meier(TIME, EVENT, weight=np.full(42, 10**8))
    middle = (curve.survival > 0.1) & (curve.survival < 0.9)
    plain, other = survival_limits(curve), survival_limits(curve, scale)
    for one, two in zip(plain, other, strict=True):
        assert one[middle] == pytest.approx(two[middle], abs=1e-8)


@pytest.mark.parametrize("scale", SCALES)
def test_limits_where_survival_is_one_zero_or_unknown(scale):
    complete = kaplan_meier(TIME[ARM == 1], EVENT[ARM == 1])
    assert survival_limits_at(complete, 0.5, scale) == (1, 1)
    assert np.isnan(survival_limits_at(complete, [23, 30], scale)).all()
    assert np.isnan(survival_limits_at(kaplan_meier([1, 2, 3], [1, 1, 0]), 4, scale)).all()


def test_an_unknown_scale_is_refused():
    with pytest.raises(CasepoolError, match="log-log"):
        survival_limits(kaplan_meier(TIME, EVENT), "loglog")
