import numpy as np
import pytest
from scipy import stats

from casepool.errors import CasepoolError
from casepool.frequentist.logrank import log_rank, mantel_byar

from .cohorts import cohort, split
from .freireich import ARM, EVENT, TIME


def same_test(one, other):
    assert one.statistic == pytest.approx(other.statistic, rel=1e-9)
    assert one.p == pytest.approx(other.p, rel=1e-9)
    assert one.df == other.df
    assert sorted(one.observed) == pytest.approx(sorted(other.observed))
    assert sorted(one.expected) == pytest.approx(sorted(other.expected))


def score_test(time, event, exposed, entry):
    """Score test at 0 of the Cox partial likelihood, by differences; without ties it is the log-rank test."""

    def log_likelihood(beta):
        total = 0.0
        for i in np.flatnonzero(event):
            risk = (entry < time[i]) & (time[i] <= time)
            total += beta * exposed[i] - np.log(np.exp(beta * exposed[risk]).sum())
        return total

    step = 1e-3
    down, middle, up = (log_likelihood(beta) for beta in (-step, 0.0, step))
    return ((up - down) / (2 * step)) ** 2 / -((up - 2 * middle + down) / step**2)


def test_the_printed_6_mp_result():
    # Kleinbaum and Klein, Survival Analysis, chapter 2: 9 against 19.25, 21 against 10.75, chi-square 16.79.
    result = log_rank(TIME, EVENT, ARM)
    assert round(result.statistic, 2) == 16.79
    assert result.observed.tolist() == [9, 21]
    assert result.expected == pytest.approx([19.25, 10.75], abs=5e-3)
    assert (result.df, result.groups) == (1, (0, 1))


def test_more_groups_as_in_lifelines():
    # Computed with lifelines 0.30.3 (multivariate_logrank_test).
    three, six = np.arange(42) % 3, np.arange(42) % 3 + 3 * ARM
    assert log_rank(TIME, EVENT, three).statistic == pytest.approx(0.71638058917, rel=1e-9)
    assert log_rank(TIME, EVENT, three).p == pytest.approx(0.69894005784, rel=1e-9)
    assert log_rank(TIME, EVENT, six).statistic == pytest.approx(17.8674331278, rel=1e-9)
    assert log_rank(TIME, EVENT, six).df == 5


@pytest.mark.parametrize("number", range(6))
def test_two_groups_as_in_scipy(number):
    time, event, _ = cohort(number)
    group = np.arange(time.size) % 2
    samples = [
        stats.CensoredData(uncensored=time[event & (group == g)], right=time[~event & (group == g)]) for g in (0, 1)
    ]
    reference = stats.logrank(*samples)
    result = log_rank(time, event, group)
    assert result.statistic == pytest.approx(reference.statistic**2)
    assert result.p == pytest.approx(reference.pvalue)


@pytest.mark.parametrize("number", range(4))
def test_with_delayed_entry_it_is_the_score_test_of_the_partial_likelihood(number):
    time, event, entry = cohort(number, tied=False)
    group = np.arange(time.size) % 2
    result = log_rank(time, event, group, entry)
    assert result.statistic == pytest.approx(score_test(time, event, group, entry), rel=1e-4)


@pytest.mark.parametrize("number", range(4))
def test_mantel_byar_is_the_score_test_of_a_time_dependent_covariate(number):
    time, event, _ = cohort(number, tied=False)
    switch = np.where(np.arange(time.size) % 2 == 0, time / 3, np.inf)
    switched = np.isfinite(switch)
    pieces = np.concatenate([np.minimum(time, switch), time[switched]])
    events = np.concatenate([event & ~switched, event[switched]])
    exposed = np.repeat([0, 1], [time.size, switched.sum()])
    entry = np.concatenate([np.zeros(time.size), switch[switched]])
    expected = score_test(pieces, events, exposed, entry)
    assert mantel_byar(time, event, switch).statistic == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("number", range(6))
def test_splitting_a_patient_at_any_time_changes_nothing(number):
    time, event, entry = cohort(number)
    group = np.arange(time.size) % 3
    *pieces, rows = split(time, event, entry, number)
    cut = log_rank(pieces[0], pieces[1], group[rows], pieces[2])
    same_test(cut, log_rank(time, event, group, entry))


@pytest.mark.parametrize("number", range(6))
def test_weights_are_repetitions(number):
    time, event, entry = cohort(number)
    group = np.arange(time.size) % 3
    weight = np.random.default_rng(number).integers(0, 4, time.size)
    repeated = log_rank(*(np.repeat(x, weight) for x in (time, event, group, entry)))
    same_test(log_rank(time, event, group, entry, weight), repeated)


@pytest.mark.parametrize("number", range(6))
def test_relabelling_the_groups_changes_nothing(number):
    time, event, entry = cohort(number)
    group = np.arange(time.size) % 3
    relabelled = np.array(["b", "c", "a"])[group]
    result = log_rank(time, event, relabelled, entry)
    assert result.groups == ("a", "b", "c")
    same_test(result, log_rank(time, event, group, entry))


@pytest.mark.parametrize("number", range(6))
def test_the_unit_of_time_does_not_matter_and_expected_add_up_to_observed(number):
    time, event, entry = cohort(number)
    group = np.arange(time.size) % 3
    result = log_rank(time, event, group, entry)
    same_test(result, log_rank(time * 30.4375, event, group, entry * 30.4375))
    assert result.expected.sum() == pytest.approx(result.observed.sum())


@pytest.mark.parametrize("number", range(6))
def test_mantel_byar_with_switches_at_zero_or_never_is_the_log_rank_test(number):
    time, event, _ = cohort(number)
    exposed = np.arange(time.size) % 3 == 0
    fixed = log_rank(time, event, exposed)
    switching = mantel_byar(time, event, np.where(exposed, 0.0, np.nan))
    same_test(switching, fixed)
    assert switching.groups == (False, True)


def test_survivors_who_switch_late_look_protected_until_their_waiting_is_counted():
    # A constant hazard and no effect: whoever lives to week 10 switches. Ever against never is all bias.
    time = -20 * np.log(1 - (np.arange(200) + 0.5) / 200)
    ever = time > 10
    assert log_rank(time, np.ones(200), ever).p < 1e-12
    assert mantel_byar(time, np.ones(200), np.where(ever, 10.0, np.inf)).df == 0  # never at risk together
    half = ever & (np.arange(200) % 2 == 0)
    assert log_rank(time, np.ones(200), half).p < 1e-3
    assert mantel_byar(time, np.ones(200), np.where(half, 10.0, np.inf)).p > 0.5


@pytest.mark.parametrize(("event", "group"), [([1, 1, 0], [1, 1, 1]), ([0, 0, 0], [1, 2, 2]), ([0, 0, 1], [1, 1, 2])])
def test_data_without_a_comparison_have_no_test(event, group):
    result = log_rank([1, 2, 3], event, group)
    assert np.isnan(result.statistic)
    assert np.isnan(result.p)
    assert result.df == 0


def test_a_group_never_at_risk_with_others_costs_its_degree_of_freedom():
    group = np.where(ARM == 0, "a", "b")
    late = log_rank(
        np.append(TIME, [90, 95]), np.append(EVENT, [1, 0]), np.append(group, ["c", "c"]), [0] * 42 + [80, 80]
    )
    assert late.df == 1
    assert late.statistic == pytest.approx(log_rank(TIME, EVENT, ARM).statistic)


def test_nobody_and_one_event():
    assert log_rank([], [], []).df == 0
    assert log_rank([1, 2], [1, 0], ["a", "b"]).statistic == pytest.approx(1.0)


def test_bad_groups_and_weights_are_refused():
    with pytest.raises(CasepoolError, match="needs a group"):
        log_rank([1, 2], [1, 0], [1])
    with pytest.raises(CasepoolError, match="needs a group"):
        log_rank([1, 2], [1, 0], [1, np.nan])
    with pytest.raises(CasepoolError, match="whole weights"):
        log_rank([1, 2], [1, 0], [1, 2], weight=[0.5, 1])
