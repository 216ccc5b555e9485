"""The incidence of one cause beside others, and Gray's test: printed numbers, another program, and their limits."""

import numpy as np
import pytest

import casepool as cp
from casepool.errors import CasepoolError
from casepool.frequentist.competing import aalen_johansen, gray_test
from casepool.frequentist.curves import kaplan_meier

from .cohorts import cohort
from .transplants import CAUSE, DISEASE, TIME

OTHER = np.array([0, 2, 1])[CAUSE]


def test_grays_test_is_the_one_printed():
    # R's cmprsk prints of bmtcrr by disease 2.8623325 (P 0.09067592) for relapse, 0.4481279 (0.50322531) for death.
    relapse, death = gray_test(TIME, CAUSE, DISEASE), gray_test(TIME, OTHER, DISEASE)
    assert (round(relapse.statistic, 7), round(relapse.p, 8), relapse.df) == (2.8623325, 0.09067592, 1)
    assert (round(death.statistic, 7), round(death.p, 8)) == (0.4481279, 0.50322531)


def test_the_incidence_is_the_one_of_r():
    # survfit(Surv(t, factor(c)) ~ 1) of survival 3.5-3.
    assert aalen_johansen(TIME, CAUSE).at(12)[0] == pytest.approx(0.271374764595, abs=1e-11)
    assert aalen_johansen(TIME, OTHER).at(24)[0] == pytest.approx(0.419990714068, abs=1e-11)


@pytest.mark.parametrize("number", range(4))
def test_causes_add_up_to_all_and_one_cause_alone_is_kaplan_meier_with_greenwoods_variance(number):
    time, event, entry = cohort(number)
    cause = event * (1 + np.arange(time.size) % 2)
    first, second = aalen_johansen(time, cause, entry), aalen_johansen(time, np.array([0, 2, 1])[cause], entry)
    curve = kaplan_meier(time, event, entry)
    assert first.incidence + second.incidence == pytest.approx(1 - curve.survival)
    alone = aalen_johansen(time, event.astype(int), entry)
    assert alone.incidence == pytest.approx(1 - curve.survival)
    left = curve.survival > 0
    assert alone.variance[left] == pytest.approx((curve.survival**2 * np.where(left, curve.greenwood, 0))[left])


def test_without_censoring_it_is_a_share_with_its_binomial_variance():
    time, cause = np.arange(1.0, 21.0), 1 + np.arange(20) % 3 // 2
    curve = aalen_johansen(time, cause)
    share = np.cumsum(cause == 1) / 20
    assert curve.incidence == pytest.approx(share)
    assert curve.variance == pytest.approx(share * (1 - share) / 20)


def test_grays_test_knows_no_order_of_groups_or_units_and_without_another_cause_is_near_the_log_rank():
    assert gray_test(10 * TIME, CAUSE, np.where(DISEASE == "L", "z", "a")).statistic == pytest.approx(
        gray_test(TIME, CAUSE, DISEASE).statistic
    )
    assert np.isnan(gray_test(TIME, CAUSE, np.repeat("a", TIME.size)).p)
    three = gray_test(TIME, CAUSE, np.arange(TIME.size) % 3)
    assert three.df == 2
    assert 0 < three.p < 1


@pytest.fixture(scope="module")
def told():
    return cp.classical("death_of_disease", "alk_crizotinib", by="sex", at=[12.0], competing=["DOC"])


def test_classical_tells_an_incidence_and_never_a_survival_where_another_end_competes(told):
    assert set(told["method"]) == {"Aalen-Johansen", "Gray"}
    assert not told["estimand"].str.contains("survival").any()
    assert (told["estimand"][0], told["at"][0]) == ("P(death of disease by 12 months)", 12.0)
    assert told["note"].str.contains("another end (DOC)", regex=False).any()
    both = [
        cp.classical(model, "alk_crizotinib", at=[24.0], competing=[code])["estimate"][0]
        for model, code in (("death_of_disease", "DOC"), ("death_of_complications", "DOD"))
    ]
    dead = cp.classical("overall_survival", "alk_crizotinib", at=[24.0])
    alive = dead[(dead["method"] == "Kaplan-Meier") & (dead["at"] == 24.0)]["estimate"].iloc[0]
    assert sum(both) == pytest.approx(1 - alive)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"competing": ["DEAD"]}, "no such other code"),
        ({"competing": ["DOD"]}, "no such other code"),
        ({"competing": "DOC"}, "needs codes of the event"),
        ({"competing": ["DOC"], "by": "surgery"}, "an exposure makes no groups"),
        ({"ties": "breslov"}, "unknown way to take ties"),
        ({"competing": ["DOC"], "ties": "exact"}, "no Cox model is made where ends compete"),
    ],
)
def test_what_cannot_compete_is_refused(more, said):
    with pytest.raises(CasepoolError, match=said):
        cp.classical("death_of_disease", "alk_crizotinib", **more)
    with pytest.raises(CasepoolError):
        cp.classical("objective_response", "alk_crizotinib", competing=["DOC"])
    with pytest.raises(CasepoolError, match="no tied events"):
        cp.classical("objective_response", "alk_crizotinib", ties="exact")


def test_a_code_named_twice_is_one_end(told):
    twice = cp.classical("death_of_disease", "alk_crizotinib", by="sex", at=[12.0], competing=["DOC", "DOC"])
    assert twice.equals(told)


def test_an_incidence_is_known_beyond_the_end_where_nobody_is_left_without_an_event():
    assert aalen_johansen([1.0, 2.0, 4.0], [1, 2, 1]).at(9.0)[0] == pytest.approx(2 / 3)
    assert np.isnan(aalen_johansen([1.0, 2.0, 4.0], [1, 2, 0]).at(9.0)[0])
