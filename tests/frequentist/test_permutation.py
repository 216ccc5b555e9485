"""The permutation test of a log-rank statistic: against full enumeration by the log-rank test, and closed forms."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest

import casepool as cp
from casepool.frequentist import permutation
from casepool.frequentist.logrank import log_rank
from casepool.frequentist.permutation import permuted_log_rank
from tests.small import normal, survival_model

from .cohorts import cohort


def by_enumeration(time, event, group, entry):
    """Share of all different ways to write the labels that are as extreme, by the log-rank test of each."""
    n = len(time)
    labels, counts = np.unique(group, return_counts=True)

    def statistic(ordered):
        test = log_rank(time, event, ordered, entry)
        return float(((test.observed - test.expected) ** 2 / counts).sum())

    ways = sorted(set(itertools.permutations(np.asarray(group).tolist()))) if n < 8 else []
    if not ways:
        assert len(labels) == 2
        ways = [np.isin(np.arange(n), chosen) for chosen in itertools.combinations(range(n), int(counts[1]))]
    found = np.array([statistic(np.asarray(way)) for way in ways])
    own = np.asarray(group) if n < 8 else np.asarray(group) == labels[1]
    return float((found >= statistic(own) - 1e-9).mean()), len(ways)


def log_rank_rows(cases):
    """Rows of log-rank tests of a table without other warnings."""
    rows = cp.classical(survival_model({"intercept": normal(1.5, -3)}), cases, by="arm", at=[5])
    return rows[rows["method"].str.contains("log-rank")].reset_index(drop=True)


@pytest.mark.parametrize("number", range(6))
@pytest.mark.parametrize("late", [False, True])
def test_two_arms_are_as_enumerated_by_the_log_rank_test(number, late):
    time, event, entry = (column[:11] for column in cohort(number))
    group = np.arange(11) % 3 == 0
    entry = entry if late else np.zeros(11)
    found = permuted_log_rank(time, event, group, entry)
    p, ways = by_enumeration(time, event, group, entry)
    assert (found.p, found.arrangements, found.error) == (pytest.approx(p, abs=1e-12), ways, 0.0)


@pytest.mark.parametrize("number", range(4))
def test_three_arms_are_as_enumerated_by_the_log_rank_test(number):
    time, event, entry = (column[:7] for column in cohort(number))
    group = np.array(["a", "b", "c", "a", "b", "c", "a"])
    found = permuted_log_rank(time, event, group, entry)
    p, ways = by_enumeration(time, event, group, entry)
    assert (found.p, found.arrangements) == (pytest.approx(p, abs=1e-12), ways)


def test_two_patients_tell_nothing():
    found = permuted_log_rank([1, 2], [1, 0], ["a", "b"])
    assert (found.p, found.arrangements) == (1.0, 2)


@pytest.mark.parametrize(("own", "other"), [(1, 1), (2, 5), (5, 2), (1, 9), (3, 40)])
def test_of_one_event_it_is_the_chance_that_it_falls_into_the_smaller_arm(own, other):
    n = own + other
    found = permuted_log_rank([1.0] + [2.0] * (n - 1), [1] + [0] * (n - 1), ["a"] * own + ["b"] * other)
    smaller = own / n if own < other else 1.0
    assert found.p == pytest.approx(smaller, abs=4 * found.error + 1e-12)


def test_arms_that_do_not_overlap_have_the_smallest_p_there_is():
    found = permuted_log_rank(range(1, 9), [1] * 8, [0] * 4 + [1] * 4)
    assert found.p == 2 / math.comb(8, 4)


@pytest.mark.parametrize("number", range(3))
def test_drawn_arrangements_agree_with_all_of_them(number, monkeypatch):
    time, event, entry = (column[:13] for column in cohort(number))
    group = np.arange(13) % 3 == 0
    exact = permuted_log_rank(time, event, group, entry)
    monkeypatch.setattr(permutation, "MOST_ENUMERATED", 10)
    drawn = permuted_log_rank(time, event, group, entry)
    assert drawn == permuted_log_rank(time, event, group, entry)
    assert exact.error == 0 < drawn.error
    assert abs(drawn.p - exact.p) < 4 * drawn.error


def test_of_many_patients_it_is_the_chi_square_test():
    time = np.random.default_rng(1).exponential(size=300)
    group = np.arange(300) % 2
    assert permuted_log_rank(time * (1 + 0.3 * group), time < 1, group).p == pytest.approx(
        log_rank(time * (1 + 0.3 * group), time < 1, group).p, abs=0.01
    )


def test_it_stands_beside_a_doubtful_log_rank_test_only():
    cases = pd.DataFrame({"patient": range(12), "time": np.arange(1.0, 13), "event": True, "arm": list("aabbbbbbbbbb")})
    table = log_rank_rows(cases)
    assert list(table["method"]) == ["log-rank", "exact log-rank"]
    assert "fewer" not in table["note"].iloc[1]
    assert "all 66 ways" in table["note"].iloc[1]
    many = pd.concat([cases.assign(patient=range(12 * i, 12 * i + 12)) for i in range(9)], ignore_index=True)
    assert list(log_rank_rows(many.assign(arm=list("ab") * 54))["method"]) == ["log-rank"]
    drawn = log_rank_rows(many.assign(arm=["a"] * 3 + ["b"] * 105))
    assert list(drawn["method"]) == ["log-rank", "permutation log-rank"]
    assert "Monte Carlo error" in drawn["note"].iloc[1]
    assert log_rank_rows(many.assign(arm=["a"] * 3 + ["b"] * 105)).equals(drawn)
