import numpy as np
import pytest
from scipy import stats

from casepool.frequentist.curves import (
    hazard_at,
    kaplan_meier,
    numbers_at_risk,
    restricted_mean,
    simon_makuch,
    survival_at,
)

from .cohorts import cohort, split
from .freireich import ARM, ENTRY, EVENT, TIME

COHORTS = range(6)


def same_curve(one, other):
    assert one.times.tolist() == other.times.tolist()
    assert one.at_risk == pytest.approx(other.at_risk)
    assert one.events == pytest.approx(other.events)
    for name in ("survival", "greenwood", "hazard", "hazard_variance"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-12)


def test_the_printed_curve_of_the_6_mp_arm():
    # Kleinbaum and Klein, Survival Analysis, chapter 2.
    curve = kaplan_meier(TIME[ARM == 0], EVENT[ARM == 0])
    assert curve.times.tolist() == [6, 7, 10, 13, 16, 22, 23]
    assert curve.at_risk.tolist() == [21, 17, 15, 12, 11, 7, 6]
    assert curve.survival == pytest.approx([0.8571, 0.8067, 0.7529, 0.6902, 0.6275, 0.5378, 0.4482], abs=5e-5)


@pytest.mark.parametrize("number", COHORTS)
def test_right_censored_data_as_in_scipy(number):
    time, event, _ = cohort(number)
    curve = kaplan_meier(time, event)
    reference = stats.ecdf(stats.CensoredData(uncensored=time[event], right=time[~event])).sf
    at = np.linspace(0, time.max(), 57)
    assert survival_at(curve, at) == pytest.approx(reference.evaluate(at), abs=1e-14)


def test_delayed_entry_and_weights_as_in_lifelines():
    # Computed with lifelines 0.30.3 (KaplanMeierFitter, entry=, weights=).
    at = [5, 10, 17, 23]
    delayed = survival_at(kaplan_meier(TIME, EVENT, ENTRY), at)
    assert delayed == pytest.approx([0.7178295, 0.48614908, 0.28342294, 0.15745719], abs=5e-9)
    weighted = survival_at(kaplan_meier(TIME, EVENT, weight=1 + np.arange(42) % 4 / 2), at)
    assert weighted == pytest.approx([0.7862069, 0.57823755, 0.33177564, 0.17694701], abs=5e-9)


def test_without_censoring_survival_is_the_share_still_alive():
    time = TIME[ARM == 1]
    curve = kaplan_meier(time, np.ones(21))
    at = np.arange(25)
    assert survival_at(curve, at) == pytest.approx([(time > t).mean() for t in at])


@pytest.mark.parametrize("number", COHORTS)
def test_splitting_a_patient_at_any_time_changes_nothing(number):
    time, event, entry = cohort(number)
    pieces = split(time, event, entry, number)[:3]
    whole, cut = kaplan_meier(time, event, entry), kaplan_meier(*pieces)
    same_curve(whole, cut)
    at = np.linspace(0, 15, 31)
    assert numbers_at_risk(cut, at).tolist() == numbers_at_risk(whole, at).tolist()


@pytest.mark.parametrize("number", COHORTS)
def test_weights_are_repetitions_and_their_common_size_leaves_survival_alone(number):
    time, event, entry = cohort(number)
    weight = np.random.default_rng(number).integers(0, 4, time.size)
    weighted = kaplan_meier(time, event, entry, weight)
    same_curve(weighted, kaplan_meier(*(np.repeat(x, weight) for x in (time, event, entry))))
    tenth = kaplan_meier(time, event, entry, weight / 10)
    assert tenth.survival == pytest.approx(weighted.survival, rel=1e-9, abs=1e-15)
    assert (tenth.survival == 0).tolist() == (weighted.survival == 0).tolist()


@pytest.mark.parametrize("number", COHORTS)
def test_the_cumulative_hazard_lies_below_minus_log_survival(number):
    curve = kaplan_meier(*cohort(number))
    with np.errstate(divide="ignore"):
        assert (curve.hazard <= -np.log(curve.survival)).all()
        assert (curve.hazard_variance <= curve.greenwood).all()


def test_the_nelson_aalen_estimate_of_complete_data_is_a_harmonic_sum():
    curve = kaplan_meier([1, 2, 3, 4], [1, 1, 1, 1])
    assert hazard_at(curve, [0.5, 1, 4]) == pytest.approx([0, 1 / 4, 25 / 12])
    assert np.isnan(hazard_at(curve, 5))


def test_beyond_follow_up_survival_is_unknown_unless_nobody_was_left():
    assert np.isnan(survival_at(kaplan_meier([1, 2], [1, 0]), 2.1))
    assert survival_at(kaplan_meier([1, 2], [0, 1]), 9) == 0
    assert survival_at(kaplan_meier([1, 2], [0, 0]), [0, 2]).tolist() == [1, 1]


def test_no_patients_make_a_curve_that_knows_nothing():
    curve = kaplan_meier([], [])
    assert curve.times.size == 0
    assert np.isnan(survival_at(curve, 0))
    assert numbers_at_risk(curve, [0, 1]).tolist() == [0, 0]


def test_an_event_at_time_zero_counts():
    curve = kaplan_meier([0, 1, 2, 2], [1, 0, 1, 0])
    assert survival_at(curve, [0, 1, 2]) == pytest.approx([0.75, 0.75, 0.375])
    assert numbers_at_risk(curve, [0, 0.5, 2]).tolist() == [4, 3, 2]


def test_the_risk_table_counts_those_present():
    curve = kaplan_meier(TIME[ARM == 0], EVENT[ARM == 0])
    assert numbers_at_risk(curve, [0, 6, 10, 10.5, 35, 36]).tolist() == [21, 21, 15, 13, 1, 0]


def test_once_nobody_is_left_survival_stays_zero_whoever_enters_later():
    curve = kaplan_meier([1, 5, 6], [1, 1, 0], [0, 2, 2])
    assert curve.survival.tolist() == [0, 0]
    assert np.isinf(curve.greenwood).all()


@pytest.mark.parametrize("to", [4.5, 8, 23, 30])
def test_the_restricted_mean_of_complete_data_is_the_mean_of_the_cut_times(to):
    time = TIME[ARM == 1]
    mean, error = restricted_mean(kaplan_meier(time, np.ones(21)), to)
    cut = np.minimum(time, to)
    assert mean == pytest.approx(cut.mean())
    assert error == pytest.approx(cut.std() / np.sqrt(21))


def test_the_restricted_mean_is_the_area_under_the_curve_as_in_lifelines():
    # Computed with lifelines 0.30.3 (restricted_mean_survival_time).
    curve = kaplan_meier(TIME[ARM == 0], EVENT[ARM == 0])
    assert restricted_mean(curve, 20)[0] == pytest.approx(16.11652661, abs=5e-9)


def test_the_restricted_mean_beyond_follow_up_is_unknown():
    curve = kaplan_meier([1, 2], [1, 0])
    assert restricted_mean(curve, 2)[0] == pytest.approx(1.5)
    assert np.isnan(restricted_mean(curve, 2.1)).all()
    assert restricted_mean(kaplan_meier([], []), 1) == pytest.approx((np.nan, np.nan), nan_ok=True)


@pytest.mark.parametrize("number", COHORTS)
def test_simon_makuch_from_time_zero_is_kaplan_meier_by_group(number):
    time, event, _ = cohort(number)
    exposed = np.arange(time.size) % 3 == 0
    curves = simon_makuch(time, event, np.where(exposed, 0.0, np.inf))
    for curve, group in zip(curves, (~exposed, exposed), strict=True):
        same_curve(curve, kaplan_meier(time[group], event[group]))


@pytest.mark.parametrize("number", COHORTS)
def test_simon_makuch_shares_out_everyone_at_risk_at_every_time(number):
    time, event, _ = cohort(number)
    switch = np.where(np.arange(time.size) % 2 == 0, time / 3, np.nan)
    never, exposed = simon_makuch(time, event, switch)
    at = np.linspace(0, 15, 41)
    together = numbers_at_risk(never, at) + numbers_at_risk(exposed, at)
    assert together.tolist() == numbers_at_risk(kaplan_meier(time, event), at).tolist()
    assert never.events.sum() + exposed.events.sum() == event.sum()
    switched = np.isfinite(switch)
    same_curve(exposed, kaplan_meier(time[switched], event[switched], switch[switched]))


def test_simon_makuch_with_nobody_exposed():
    never, exposed = simon_makuch(TIME, EVENT, np.full(42, np.inf))
    same_curve(never, kaplan_meier(TIME, EVENT))
    assert exposed.times.size == 0
