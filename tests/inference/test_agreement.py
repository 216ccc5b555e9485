"""Statistics of an outcome against replicated ones: P values that are right, replicates that follow the model."""

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, special, stats

from casepool.cases.tables import typed
from casepool.inference.agreement import FAIL, agreement, limits, product_limit, statistics, tail_chance
from casepool.inference.predictive import replicate_counts, replicate_follow_up
from casepool.modelling import make_design
from tests.small import counts, normal, response_model, survival_model

ONE = (1, 4000)


def test_one_number_has_its_two_sided_tail() -> None:
    rng = np.random.default_rng(1)
    drawn = rng.binomial(20, 0.3, size=(20000, 1)).astype(float)
    for seen in (1, 3, 6, 10):
        p, _ = tail_chance(np.array([float(seen)]), drawn)
        one = min(stats.binom.cdf(seen, 20, 0.3), stats.binom.sf(seen - 1, 20, 0.3))
        # the largest two-sided P value among outcomes at least as extreme, which the other tail may reach first
        tails = [min(stats.binom.cdf(k, 20, 0.3), stats.binom.sf(k - 1, 20, 0.3)) for k in range(21)]
        exact = sum(stats.binom.pmf(k, 20, 0.3) for k in range(21) if tails[k] <= one * (1 + 1e-9))
        assert p == pytest.approx(exact, abs=0.012)


def test_several_numbers_are_wrong_no_more_often_than_said() -> None:
    rng = np.random.default_rng(2)
    found = [tail_chance(drawn[0], drawn[1:])[0] for drawn in (rng.gamma(0.7, size=(400, 15)) for _ in range(400))]
    for limit in (0.02, 0.1, 0.5):
        assert stats.binomtest(int(np.sum(np.array(found) < limit)), 400, limit).pvalue > 0.001


def test_one_strange_number_among_many_is_found() -> None:
    rng = np.random.default_rng(3)
    drawn = rng.standard_normal((2001, 30))
    drawn[0, 17] = 8.0
    p, worst = tail_chance(drawn[0], drawn[1:])
    assert worst == 17
    assert p < FAIL


def test_the_product_limit_is_scipys() -> None:
    rng = np.random.default_rng(4)
    time, event = rng.exponential(10, (5, 40)), rng.random((5, 40)) < 0.6
    found = product_limit(time, event, np.zeros(40), 8.0)
    for row in range(5):
        data = stats.CensoredData.right_censored(time[row], ~event[row])
        assert found[row] == pytest.approx(float(stats.ecdf(data).sf.evaluate(8.0)), abs=1e-12)


def test_limits_are_censoring_times_and_lie_beyond_events() -> None:
    outcome = {"time": np.array([5.0, 8.0, 3.0, 20.0]), "event": np.array([0.0, 1.0, 1.0, 0.0]), "entry": np.zeros(4)}
    drawn = limits(outcome, (1, 500), np.random.default_rng(5))[0]
    assert set(drawn[:, 0]) == {5.0}
    assert set(drawn[:, 3]) == {20.0}
    assert set(drawn[:, 1]) == {20.0}
    assert set(drawn[:, 2]) == {5.0, 20.0}
    # of the two censored, one at 5 among the three still at risk then: Kaplan-Meier of the censoring
    assert (drawn[:, 2] == 5.0).mean() == pytest.approx(1 / 3, abs=0.08)


def test_replicated_follow_up_is_that_of_an_illness_death_model() -> None:
    rate, moves, ratio = 0.05, 0.08, np.log(3.0)
    priors = {"intercept": normal(1, -3), "surgery_effect": normal(1), "surgery_log_intensity": normal(1, -3)}
    frame = pd.DataFrame({"patient": ["a"], "time": [30.0], "event": [False], "surgery": [False]})
    design = make_design(survival_model(priors, exposure={"earliest": "", "latest": ""}), frame)
    values = {"intercept": np.log(rate), "surgery_effect": ratio, "surgery_log_intensity": np.log(moves)}
    drawn = {name: np.full((1, 20000), value) for name, value in values.items()}
    time, event, exposed = replicate_follow_up(design, drawn, np.full((1, 20000, 1), 30.0), np.random.default_rng(6))

    def alive(t: float) -> float:
        path = integrate.quad(lambda s: moves * np.exp(-(moves + rate) * s - 3 * rate * (t - s)), 0, t)[0]
        return float(np.exp(-(rate + moves) * t) + path)

    assert 1 - event.mean() == pytest.approx(alive(30.0), abs=0.012)
    assert (time > 10).mean() == pytest.approx(alive(10.0), abs=0.012)
    assert exposed.mean() == pytest.approx(moves / (moves + rate) * (1 - np.exp(-30 * (moves + rate))), abs=0.012)


def test_replicated_counts_add_up_and_have_the_models_mean() -> None:
    design = make_design(response_model({}, {"intercept": normal(1)}), counts([2, 5], [4, 30]))
    failures, events = replicate_counts(design, {"intercept": np.full(ONE, 0.4)}, np.random.default_rng(7))
    assert (failures + events == [4, 30]).all()
    assert events.mean(axis=(0, 1)) == pytest.approx(special.expit(0.4) * np.array([4, 30]), rel=0.02)


@pytest.mark.parametrize("events", [12, 24, 29])
def test_the_conflict_of_prior_and_data_is_the_prior_predictive_tail(events: int) -> None:
    frame = counts([events], [30])
    design = make_design(response_model({}, {"intercept": normal(0.5, -0.5)}), frame)
    [asked, *_] = agreement(design, frame, {"intercept": np.zeros(ONE)}, 1)

    def chance(k: int) -> float:
        density = lambda b: stats.binom.pmf(k, 30, special.expit(b)) * stats.norm.pdf(b, -0.5, 0.5)  # noqa: E731
        return float(integrate.quad(density, -4, 3)[0])

    each = np.array([chance(k) for k in range(31)])
    tails = np.minimum(np.cumsum(each), np.cumsum(each[::-1])[::-1])
    assert asked["question"] == "prior against data"
    assert asked["value"] == pytest.approx(each[tails <= tails[events] + 1e-12].sum(), abs=0.02)
    assert (asked["verdict"] == "fail") == (events == 29)


def test_what_is_asked_of_a_response_is_counted_by_hand() -> None:
    frame = typed(counts([3, 0, 2], [3, 4, 2], kind=["A", "B", "C"]))
    priors = {"intercept": normal(1), "kind_sd": {"dist": "HalfNormal", "sigma": 1.0, "why": "test"}}
    design = make_design(response_model({"kind": {"kind": "group"}}, priors), frame)
    parameters = {"intercept": np.zeros(ONE), "kind_sd": np.ones(ONE), "kind_effect": np.zeros((*ONE, 3))}
    found = {item.name: item for item in statistics(design, frame, parameters, np.random.default_rng(8))}
    assert found["responders"].seen.tolist() == [5]
    assert dict(zip(found["responders by kind"].of, found["responders by kind"].seen, strict=True)) == {
        "A": 3,
        "B": 0,
        "C": 2,
    }
    assert found["levels of kind without failure"].seen.tolist() == [2]
    whole = found["levels of kind without failure"].replicated.mean()
    assert whole == pytest.approx(0.5**3 + 0.5**4 + 0.5**2, abs=0.03)
