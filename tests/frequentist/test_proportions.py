import pytest
from scipy import stats

from casepool.errors import CasepoolError
from casepool.frequentist.proportions import clopper_pearson, one_sided_bound, wilson


@pytest.mark.parametrize(
    ("events", "n", "exact", "score"),
    [
        (81, 263, (0.2527, 0.3676), (0.2553, 0.3662)),
        (15, 148, (0.0578, 0.1617), (0.0624, 0.1605)),
        (0, 20, (0.0, 0.1684), (0.0, 0.1611)),
        (1, 29, (0.0009, 0.1776), (0.0061, 0.1718)),
    ],
)
def test_the_printed_examples_of_newcombe_1998_table_i(events, n, exact, score):
    assert clopper_pearson(events, n) == pytest.approx(exact, abs=5e-5)
    assert wilson(events, n) == pytest.approx(score, abs=5e-5)


@pytest.mark.parametrize(("events", "n"), [(1, 3), (26, 30), (7, 28)])
@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_each_exact_limit_leaves_its_half_of_the_error_in_the_tail(events, n, confidence):
    lower, upper = clopper_pearson(events, n, confidence)
    tail = (1 - confidence) / 2
    assert stats.binom.sf(events - 1, n, lower) == pytest.approx(tail, rel=1e-6)
    assert stats.binom.cdf(events, n, upper) == pytest.approx(tail, rel=1e-6)


@pytest.mark.parametrize("n", [1, 2, 9, 40, 1_000])
def test_the_limits_are_those_of_scipys_binomial_test(n):
    for events in {0, 1, n // 3, n - 1, n}:
        for confidence in (0.5, 0.9, 0.999):
            for interval, method in ((clopper_pearson, "exact"), (wilson, "wilson")):
                expected = stats.binomtest(events, n).proportion_ci(confidence, method)
                assert interval(events, n, confidence) == pytest.approx((expected.low, expected.high), abs=1e-11)


@pytest.mark.parametrize("interval", [clopper_pearson, wilson])
@pytest.mark.parametrize(("events", "n"), [(0, 1), (0, 7), (2, 7), (30, 30), (4, 8)])
def test_exchanging_events_and_non_events_mirrors_the_interval(interval, events, n):
    lower, upper = interval(events, n)
    mirrored = interval(n - events, n)
    assert (1 - upper, 1 - lower) == pytest.approx(mirrored, abs=1e-12)
    assert 0 <= lower <= events / n <= upper <= 1


@pytest.mark.parametrize("n", [1, 3, 30])
def test_the_bound_at_none_and_at_all_is_where_the_outcome_has_probability_5_percent(n):
    lower, upper = one_sided_bound(0, n)
    assert lower == 0
    assert (1 - upper) ** n == pytest.approx(0.05)
    lower, upper = one_sided_bound(n, n)
    assert upper == 1
    assert lower**n == pytest.approx(0.05)


@pytest.mark.parametrize("interval", [clopper_pearson, wilson, one_sided_bound])
def test_no_patients_rule_nothing_out(interval):
    assert interval(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize("interval", [clopper_pearson, wilson, one_sided_bound])
@pytest.mark.parametrize("bad", [(3, 2), (-1, 2), (1.5, 1.5), (0, float("nan"))])
def test_what_is_no_count_is_refused(interval, bad):
    with pytest.raises(CasepoolError, match="whole numbers"):
        interval(*bad)


def test_a_percentage_for_a_confidence_is_refused():
    with pytest.raises(CasepoolError, match=r"0\.95 for 95%"):
        wilson(1, 2, 95)


def test_a_one_sided_bound_in_between_is_refused():
    with pytest.raises(CasepoolError, match="clopper_pearson"):
        one_sided_bound(1, 2)
