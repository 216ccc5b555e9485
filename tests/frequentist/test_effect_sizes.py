"""Differences and ratios of two rates: printed examples, other programs, and what a limit means."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

import casepool as cp
from casepool.frequentist.effect_sizes import odds_ratio, risk_difference, risk_ratio
from casepool.frequentist.response_rows import MOST_PAIRED
from tests.small import counts, half_normal, normal, response_model, survival_model

NEWCOMBE_1998 = [
    # Statistics in Medicine 17, 873-890, table II, method 10
    ((56, 70), (48, 80), 0.0524, 0.3339),
    ((9, 10), (3, 10), 0.1705, 0.8090),
    ((6, 7), (2, 7), 0.0582, 0.8062),
    ((5, 56), (0, 29), -0.0381, 0.1926),
    ((0, 10), (0, 20), -0.1611, 0.2775),
    ((0, 10), (0, 10), -0.2775, 0.2775),
    ((10, 10), (0, 20), 0.6791, 1.0000),
]
RNG = np.random.default_rng(1)
PAIRS = [
    ((int(RNG.integers(0, n + 1)), int(n)), (int(RNG.integers(0, m + 1)), int(m)))
    for n, m in RNG.integers(1, 30, (60, 2))
]


@pytest.mark.parametrize(("first", "second", "lower", "upper"), NEWCOMBE_1998)
def test_the_limits_of_a_difference_are_those_printed(first, second, lower, upper):
    _, low, high = risk_difference(first, second)
    assert (round(low, 4), round(high, 4)) == (lower, upper)


def test_limits_of_differences_turn_over_with_the_arms():
    for first, second in PAIRS:
        d, low, high = risk_difference(first, second)
        assert risk_difference(second, first) == pytest.approx((-d, -high, -low))
        assert -1 <= low <= d <= high <= 1


def likeliest(first, second, ratio):
    """Two rates of a given ratio under which the counts are likeliest, by searching."""
    (a, n), (b, m) = first, second

    def fallen(q):
        return -stats.binom.logpmf(a, n, min(ratio * q, 1.0)) - stats.binom.logpmf(b, m, q)

    return optimize.minimize_scalar(fallen, bounds=(0, min(1.0, 1 / ratio)), method="bounded", options={"xatol": 1e-12})


def test_at_a_limit_of_a_risk_ratio_the_score_test_is_at_its_level():
    for first, second in PAIRS:
        _, *limits = risk_ratio(first, second)
        for limit in limits:
            if 0 < limit < math.inf:
                q = likeliest(first, second, limit).x
                score = sum(
                    (x - n * p) ** 2 / (n * p * (1 - p))
                    for (x, n), p in zip((first, second), (limit * q, q), strict=True)
                )
                assert score == pytest.approx(stats.chi2.isf(0.05, 1), rel=1e-4)


def test_a_risk_ratio_of_one_is_inside_just_where_pearson_does_not_reject():
    for first, second in PAIRS:
        (a, n), (b, m) = first, second
        if 0 < a + b < n + m:
            p = stats.chi2_contingency([[a, n - a], [b, m - b]], correction=False).pvalue
            _, low, high = risk_ratio(first, second)
            assert (low < 1 < high) == (p > 0.05)


def test_risk_ratios_turn_over_with_the_arms_and_end_where_nothing_is_told():
    for first, second in PAIRS:
        ratio, low, high = risk_ratio(first, second)
        turned = [1 / x if x else math.inf for x in (ratio, high, low)]
        assert risk_ratio(second, first) == pytest.approx(turned, nan_ok=True)
    assert risk_ratio((0, 9), (0, 4))[1:] == (0.0, math.inf)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_odds_ratios_are_those_of_another_program():
    for (a, n), (b, m) in PAIRS[:30]:
        if 0 < a + b < n + m:
            found = stats.contingency.odds_ratio(np.array([[a, n - a], [b, m - b]]))
            other = (found.statistic, *found.confidence_interval(0.95))
            assert odds_ratio((a, n), (b, m)) == pytest.approx(other, rel=1e-6)


def test_effect_sizes_stand_beside_the_tests_of_every_pair():
    events, n = [3, 5, 9], [10, 11, 12]
    model = response_model({"arm": {"kind": "category"}}, {"intercept": normal(1.5), "arm_effect": normal(1.0)})
    table = cp.classical(model, counts(events, n, arm=["a", "b", "c"]), by="arm")
    sizes = table[table["estimand"].isin(["risk difference", "risk ratio", "odds ratio"])]
    assert list(sizes["level"].unique()) == ["b vs a", "c vs a", "c vs b"]
    [row] = sizes[(sizes["level"] == "c vs a") & (sizes["estimand"] == "risk difference")].to_dict("records")
    assert (row["n"], row["events"], row["kind"]) == (22, 12, "difference")
    assert (row["estimate"], row["lower"], row["upper"]) == pytest.approx(risk_difference((9, 12), (3, 10)))


def test_many_levels_are_not_paired():
    sites = [f"s{i}" for i in range(MOST_PAIRED + 1)]
    model = response_model({"site": {"kind": "group"}}, {"intercept": normal(1.5), "site_sd": half_normal(1.0)})
    table = cp.classical(model, counts([2] * len(sites), [5] * len(sites), site=sites), by="site")
    assert not table["estimand"].eq("risk ratio").any()


def test_levels_of_a_factor_are_compared_by_cox_in_pairs():
    table = cp.classical("time_on_crizotinib", cp.load("alk_crizotinib"), by="age_group")
    cox = table[table["method"] == "Cox, Efron ties"]
    assert list(cox["level"]) == ["18 and over vs under 18"] * 2
    ratio, p = cox.to_dict("records")
    assert ratio["lower"] < ratio["estimate"] < ratio["upper"]
    assert (p["estimate"] > 0.05) == (ratio["lower"] < 1 < ratio["upper"])


def test_follow_up_is_that_of_everybody_whom_no_event_cut_short():
    """Had nobody died, half are followed as long as the median; who dies first is as one not followed."""
    times, last = [3.0, 5.0, 8.0, 13.0, 21.0], ["no"] * 5
    model = survival_model({"intercept": normal(1.5)})
    for first, median in (("no", 8.0), ("yes", 10.5)):  # of 5, 8, 13, 21: between the second and third
        frame = pd.DataFrame({"patient": list("abcde"), "time": times, "event": [first, *last[1:]]})
        table = cp.classical(model, frame)
        [row] = table[table["method"] == "reverse Kaplan-Meier"].to_dict("records")
        assert row["estimate"] == median
        assert row["events"] == (first == "yes")
