"""Leaving one patient out by weighing the draws again: what a patient who tells nothing may not change."""

import numpy as np
import pandas as pd

import casepool as cp
from casepool.checking.importance import MOST_K, weighed
from casepool.estimation.draws import open_draws
from tests.small import normal, survival_model

COHORT = pd.DataFrame({"time": [15.0, 20, 8, 30, 12, 0, 0], "event": [True, False, True, False, True, False, False]})


def test_patients_lost_on_the_first_day_leave_the_scores_of_the_others_alone() -> None:
    model = survival_model({"intercept": normal(1.0, -3.0)})
    fits = [cp.fit(model, own, seed=1, engine="lockstep", progress=False) for own in (COHORT, COHORT[:5])]
    whole, without = (weighed(open_draws(fit)) for fit in fits)
    np.testing.assert_array_equal(whole.k[:5], without.k)
    np.testing.assert_array_equal(whole.elpd[:5], without.elpd)
    np.testing.assert_array_equal(whole.elpd[5:], 0.0)
    assert (whole.k < MOST_K).all()
    np.testing.assert_allclose(np.exp(whole.log_weights).sum(axis=1), 1.0)
