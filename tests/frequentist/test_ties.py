"""Times that rounding alone sets apart are one time, wherever times are compared."""

import numpy as np
import pytest

from casepool.frequentist.cox import fit_cox
from casepool.frequentist.curves import kaplan_meier, numbers_at_risk, simon_makuch, survival_at
from casepool.frequentist.logrank import log_rank, mantel_byar
from casepool.modelling.families.ties import tied

from .cohorts import cohort

TIME, EVENT, ENTRY = cohort(5)
ARM = np.arange(30) % 2
SWITCH = np.where(np.arange(30) % 3 == 0, np.inf, np.where(np.arange(30) % 3 == 1, TIME, np.minimum(ENTRY + 1, TIME)))


def rounded(times, seed):
    """Give times as one age less another: right but for the last digits."""
    age = np.random.default_rng(seed).uniform(1, 80, times.size)
    known = np.isfinite(times)
    return np.where(known, (age + np.where(known, times, 0.0)) - age, times)


ANSWERS = {
    "Kaplan-Meier": lambda t, e, s: survival_at(kaplan_meier(t, EVENT, entry=e), np.arange(15.0)),
    "numbers at risk": lambda t, e, s: numbers_at_risk(kaplan_meier(t, EVENT, entry=e), np.arange(15.0)),
    "Simon-Makuch": lambda t, e, s: np.concatenate([curve.survival for curve in simon_makuch(t, EVENT, s)]),
    "log-rank": lambda t, e, s: log_rank(t, EVENT, ARM, entry=e).p,
    "Mantel-Byar": lambda t, e, s: mantel_byar(t, EVENT, s, entry=e).p,
    "Cox": lambda t, e, s: fit_cox(t, EVENT, ARM, entry=e).coefficients,
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_rounding_changes_no_answer(answer):
    exact = ANSWERS[answer](TIME, ENTRY, SWITCH)
    times = rounded(TIME, 1), rounded(ENTRY, 2), rounded(SWITCH, 3)
    assert (times[0] != TIME).any()
    assert ANSWERS[answer](*times) == pytest.approx(exact, rel=1e-9, nan_ok=True)


def test_two_ages_less_two_others_are_one_time():
    times, [entry] = tied([64.3 - 62.2, 14.8 - 12.7, 3.0, np.inf, np.nan], [2.1])
    assert 64.3 - 62.2 != 14.8 - 12.7
    assert times[0] == times[1] == entry
    assert times[2:] == pytest.approx([3.0, np.inf, np.nan], nan_ok=True)


def test_times_apart_stay_apart_in_any_unit():
    for unit in (1e-6, 1.0, 1e6):
        first, second = tied(np.array([1.0, 1.00001]) * unit)[0]
        assert first < second
        assert np.ptp(tied(np.array([1.0, 1.0 + 1e-12]) * unit)[0]) == 0
