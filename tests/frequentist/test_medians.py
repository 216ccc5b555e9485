import numpy as np
import pytest
from scipy import stats

from casepool.errors import CasepoolError
from casepool.frequentist.confidence_limits import survival_limits_at
from casepool.frequentist.curves import kaplan_meier
from casepool.frequentist.medians import brookmeyer_crowley, median, order_statistic_interval, side_of_half

from .cohorts import cohort
from .freireich import ARM, EVENT, TIME

SCALES = ["plain", "log", "log-log", "logit"]
RULES = ["first", "midpoint", "last"]


@pytest.mark.parametrize("n", range(1, 40))
def test_without_censoring_the_midpoint_is_the_sample_median(n):
    time = np.random.default_rng(n).permutation(np.arange(1.0, n + 1) ** 2)
    assert median(kaplan_meier(time, np.ones(n))) == np.median(time)


def test_exactly_one_half_is_seen_where_floating_point_misses_it():
    unlucky = 0
    for n in range(2, 60, 2):
        curve = kaplan_meier(np.arange(1, n + 1), np.ones(n))
        unlucky += curve.survival[n // 2 - 1] != 0.5
        assert side_of_half(curve)[n // 2 - 1] == 0
        assert [median(curve, rule) for rule in RULES] == [n / 2, n / 2 + 0.5, n / 2 + 1]
    assert unlucky > 0


def test_nearly_one_half_is_not_one_half():
    n = 10**6
    curve = kaplan_meier([1, 2, 3], [1, 1, 0], weight=[n, 1, n])
    assert side_of_half(curve).tolist() == [1, -1]
    assert [median(curve, rule) for rule in RULES] == [2, 2, 2]


def test_fractional_weights_count_as_one_half_within_rounding():
    curve = kaplan_meier([1, 2, 3, 4], [1, 1, 1, 1], weight=[0.1, 0.2, 0.1, 0.2])
    assert [median(curve, rule) for rule in RULES] == [2, 2.5, 3]


@pytest.mark.parametrize("number", range(6))
def test_the_rules_are_ordered_and_differ_only_at_one_half(number):
    curve = kaplan_meier(*cohort(number))
    first, middle, last = (median(curve, rule) for rule in RULES)
    assert first <= middle <= last
    assert (first == last) == (0 not in side_of_half(curve))


def test_follow_up_that_ends_on_the_level_of_one_half():
    curve = kaplan_meier([1, 2, 3, 7], [1, 1, 0, 0])
    assert [median(curve, rule) for rule in RULES] == [2, 4.5, np.inf]


def test_a_median_not_reached_is_infinite_and_of_nobody_unknown():
    assert [median(kaplan_meier([1, 2, 3], [1, 0, 0]), rule) for rule in RULES] == [np.inf] * 3
    assert [median(kaplan_meier([1, 2], [0, 0]), rule) for rule in RULES] == [np.inf] * 3
    assert np.isnan(median(kaplan_meier([], [])))


def test_an_unknown_rule_is_refused():
    with pytest.raises(CasepoolError, match="midpoint"):
        median(kaplan_meier([1], [1]), "middle")


def test_the_printed_medians_of_the_6_mp_trial():
    # R's survfit as printed in Venables and Ripley (2002), section 13.1: 23 (16, not reached) and 8 (4, 12).
    treated, placebo = (kaplan_meier(TIME[a], EVENT[a]) for a in (ARM == 0, ARM == 1))
    assert (median(treated), *brookmeyer_crowley(treated, "log")) == (23, 16, np.inf)
    assert (median(placebo), *brookmeyer_crowley(placebo, "log")) == (8, 4, 12)
    # Computed with lifelines 0.30.3 (median_survival_times of log-log limits).
    assert brookmeyer_crowley(treated, "log-log") == (13, np.inf)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("number", range(4))
def test_the_interval_holds_the_times_at_which_one_half_is_inside_the_limits(scale, number):
    time, event, _ = cohort(number, n=60, tied=False)
    curve = kaplan_meier(time, event)
    lower, upper = brookmeyer_crowley(curve, scale)
    at = np.linspace(0, curve.times[-2], 400)
    below, above = survival_limits_at(curve, at, scale)
    inside = (below <= 0.5) & (above > 0.5)
    assert inside.tolist() == ((at >= lower) & (at < upper)).tolist()
    assert lower <= median(curve) <= upper


@pytest.mark.parametrize("scale", SCALES)
def test_an_interval_the_data_leave_open(scale):
    lower, upper = brookmeyer_crowley(kaplan_meier([1, 2, 3], [0, 0, 0]), scale)
    assert np.isnan(lower)
    assert upper == np.inf


@pytest.mark.parametrize("n", [6, 9, 20, 33])
def test_the_order_statistics_are_the_narrowest_with_the_coverage(n):
    lower, upper = order_statistic_interval(np.arange(1, n + 1))
    rank = int(lower)
    assert upper == n + 1 - rank
    # The median lies between them if at least `rank` and at most n - `rank` values lie below it.
    assert stats.binom(n, 0.5).pmf(range(rank, n - rank + 1)).sum() >= 0.95
    assert stats.binom(n, 0.5).pmf(range(rank + 1, n - rank)).sum() < 0.95


@pytest.mark.parametrize("n", [0, 1, 5])
def test_too_few_patients_bound_nothing(n):
    assert order_statistic_interval(np.arange(n)) == (0, np.inf)


def test_missing_times_are_refused():
    with pytest.raises(CasepoolError, match="leave out"):
        order_statistic_interval([1, np.nan])
