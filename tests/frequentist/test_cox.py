import numpy as np
import pytest
from scipy import optimize

from casepool.errors import CasepoolError
from casepool.frequentist.cox import fit_cox

from .cohorts import cohort, split
from .freireich import ARM, ENTRY, EVENT, LOG_WBC, TIME

DROP_95 = 3.841458820694124


def log_likelihood(beta, time, event, x):
    """Log partial likelihood of one covariate and untied times, from its definition."""
    return sum(beta * x[i] - np.log(np.exp(beta * x[time >= time[i]]).sum()) for i in np.flatnonzero(event))


def penalised_log_likelihood(beta, time, event, x):
    """The same with Firth's penalty; for a covariate of 0 and 1 the information adds up binary variances."""
    information = 0.0
    for i in np.flatnonzero(event):
        weights = np.exp(beta * x[time >= time[i]])
        share = weights @ x[time >= time[i]] / weights.sum()
        information += share * (1 - share)
    return log_likelihood(beta, time, event, x) + np.log(information) / 2


def test_the_6_mp_trial_as_in_r_and_lifelines():
    # R's coxph (Efron) prints 1.572 (0.412); more digits computed with lifelines 0.30.3 (CoxPHFitter).
    fit = fit_cox(TIME, EVENT, ARM)
    assert fit.coefficients == pytest.approx([1.572125], abs=1e-6)
    assert fit.standard_errors == pytest.approx([0.412397], abs=1e-6)
    assert fit.log_likelihood == pytest.approx(-85.008424577, abs=1e-8)
    assert 2 * (fit.log_likelihood - fit.log_likelihood_null) == pytest.approx(16.351690838, abs=1e-8)
    assert (fit.n, fit.events, fit.monotone) == (42, 30, (0,))


# coxph of R's survival 3.5-3: coefficient, standard error, log likelihoods with and without it.
TIED = {
    "breslow": (1.509191412586, 0.409564406367, -86.379622071146, -93.985050478245),
    "exact": (1.628243951592, 0.433131296485, -74.543101164519, -82.669279252792),
}


@pytest.mark.parametrize("ties", TIED)
def test_other_ways_to_take_ties_are_those_of_r(ties):
    fit = fit_cox(TIME, EVENT, ARM, ties=ties)
    found = (fit.coefficients[0], fit.standard_errors[0], fit.log_likelihood, fit.log_likelihood_null)
    assert found == pytest.approx(TIED[ties], abs=1e-8)


def test_without_ties_all_ways_to_take_them_agree_also_with_delayed_entry():
    time, event, _ = cohort(1, tied=False)
    x, entry = np.arange(time.size) % 3, np.where(np.arange(time.size) % 2 == 0, time / 2, 0.0)
    efron, exact = (fit_cox(time, event, x, entry, ties=ties) for ties in ("efron", "exact"))
    assert exact.profile == pytest.approx(efron.profile)
    assert exact.log_likelihood == pytest.approx(efron.log_likelihood)
    with pytest.raises(CasepoolError, match="no penalised likelihood"):
        fit_cox(time, event, x, ties="exact", penalised=True)


def test_two_covariates_as_in_lifelines():
    # Computed with lifelines 0.30.3 (CoxPHFitter).
    fit = fit_cox(TIME, EVENT, np.column_stack([ARM, LOG_WBC]))
    assert fit.coefficients == pytest.approx([1.3860755, 1.6908904], abs=1e-6)
    assert fit.standard_errors == pytest.approx([0.4247984, 0.3358976], abs=1e-6)
    assert fit.log_likelihood == pytest.approx(-69.828101060, abs=1e-8)


def test_delayed_entry_as_in_lifelines():
    # Computed with lifelines 0.30.3 (CoxPHFitter, entry_col=).
    fit = fit_cox(TIME, EVENT, ARM, ENTRY)
    assert fit.coefficients == pytest.approx([1.5019198], abs=1e-6)
    assert fit.standard_errors == pytest.approx([0.4137883], abs=1e-6)
    assert fit.log_likelihood == pytest.approx(-80.891102203, abs=1e-8)


@pytest.mark.parametrize(("penalised", "likelihood"), [(False, log_likelihood), (True, penalised_log_likelihood)])
@pytest.mark.parametrize("number", range(3))
def test_maximum_and_profile_limits_of_a_likelihood_written_down_anew(penalised, likelihood, number):
    time, event, _ = cohort(number, tied=False)
    x = (np.arange(time.size) % 3 == 0).astype(float)
    fit = fit_cox(time, event, x, penalised=penalised)
    best = optimize.minimize_scalar(lambda b: -likelihood(b, time, event, x), bounds=(-4, 4), method="bounded")
    assert fit.coefficients[0] == pytest.approx(best.x, abs=1e-4)
    for limit in fit.profile[0]:
        assert 2 * (-best.fun - likelihood(limit, time, event, x)) == pytest.approx(DROP_95, abs=1e-6)
    assert fit.profile[0, 0] < fit.coefficients[0] < fit.profile[0, 1]


@pytest.mark.parametrize("penalised", [False, True])
def test_splitting_a_patient_at_any_time_changes_nothing(penalised):
    time, event, entry = cohort(1)
    x = np.arange(time.size) % 2
    *pieces, rows = split(time, event, entry, 1)
    whole = fit_cox(time, event, x, entry, penalised=penalised)
    cut = fit_cox(pieces[0], pieces[1], x[rows], pieces[2], penalised=penalised)
    assert cut.coefficients == pytest.approx(whole.coefficients, abs=1e-8)
    assert cut.profile == pytest.approx(whole.profile, abs=1e-6)


@pytest.mark.parametrize("penalised", [False, True])
def test_the_unit_and_sign_of_a_covariate_only_rescale_it(penalised):
    fit = fit_cox(TIME, EVENT, np.column_stack([ARM, LOG_WBC]), penalised=penalised)
    turned = fit_cox(TIME, EVENT, np.column_stack([1 - ARM, 7 + 100 * LOG_WBC]), penalised=penalised)
    scale = np.array([-1, 0.01])
    assert turned.coefficients == pytest.approx(fit.coefficients * scale, rel=1e-7)
    assert turned.standard_errors == pytest.approx(fit.standard_errors * abs(scale), rel=1e-7)
    assert np.sort(turned.profile) == pytest.approx(np.sort(fit.profile * scale[:, None]), rel=1e-6)
    assert turned.profile_p == pytest.approx(fit.profile_p, rel=1e-6)


def test_the_interval_and_the_p_value_agree_at_zero():
    time, event, _ = cohort(2, tied=False)
    x = (np.arange(time.size) % 3 == 0).astype(float)
    for penalised in (False, True):
        fit = fit_cox(time, event, x, penalised=penalised)
        at_p = fit_cox(time, event, x, penalised=penalised, confidence=1 - fit.profile_p[0])
        assert np.abs(at_p.profile).min() == pytest.approx(0, abs=1e-6)
        at_wald = fit_cox(time, event, x, penalised=penalised, confidence=1 - fit.wald_p[0])
        assert np.abs(at_wald.wald).min() == pytest.approx(0, abs=1e-9)


def test_a_group_without_events_separates_and_the_penalty_mends_it():
    # As in published series in which nobody operated on died.
    time, event = np.arange(1.0, 13), np.array([1, 0, 1, 0, 1, 0, 0, 1, 0, 0, 0, 0])
    operated = np.array([0, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 1])
    plain = fit_cox(time, event, operated)
    assert plain.monotone == (-1,)
    assert np.isnan(plain.coefficients).all()
    assert np.isnan(plain.profile).all()
    firth = fit_cox(time, event, operated, penalised=True)
    assert firth.monotone == (-1,)
    assert firth.coefficients[0] < 0
    assert np.isfinite(firth.profile).all()
    assert firth.profile[0, 0] < firth.wald[0, 0]  # the profile is skewed to where the likelihood is flat
    assert 2 * (firth.log_likelihood - firth.log_likelihood_null) > 0


def test_separation_by_a_combination_of_covariates_is_seen():
    # Each covariate overlaps; their sum orders the events perfectly.
    total = np.array([6.0, 5, 4, 3, 2, 1])
    first = np.array([1.0, 3, 0, 2, 0.5, 0])
    fit = fit_cox(np.arange(1, 7), np.ones(6), np.column_stack([first, total - first]))
    assert fit.monotone == (1, 1)
    assert fit_cox(np.arange(1, 7), np.ones(6), first).monotone == (0,)


@pytest.mark.parametrize(("exposed", "others"), [(1, 1), (1, 9), (7, 2), (30, 1)])
def test_of_one_event_the_penalised_ratio_is_known(exposed, others):
    """One of the others dies first: 1.5 log(1-p) + 0.5 log p, of p, the share of the exposed among those at risk."""
    operated = np.repeat([0, 1], [others, exposed])
    time = np.arange(1.0, 1 + operated.size)
    firth = fit_cox(time, time == 1, operated, penalised=True)
    assert np.exp(firth.coefficients[0]) == pytest.approx(others / (3 * exposed), rel=1e-8)
    profile = 1.5 * np.log(0.75) + 0.5 * np.log(0.25)
    for limit in firth.profile[0]:
        p = exposed * np.exp(limit) / (others + exposed * np.exp(limit))
        assert 2 * (profile - 1.5 * np.log(1 - p) - 0.5 * np.log(p)) == pytest.approx(DROP_95, abs=1e-6)


def test_the_penalty_fades_with_more_patients():
    def gap(copies):
        data = [np.tile(x, copies) for x in (TIME, EVENT, ARM)]
        return abs(fit_cox(*data).coefficients - fit_cox(*data, penalised=True).coefficients)[0]

    assert gap(4) == pytest.approx(gap(1) / 4, rel=0.2)


def test_what_cannot_be_fitted_is_refused():
    with pytest.raises(CasepoolError, match="needs an event"):
        fit_cox([1, 2], [0, 0], [0, 1])
    with pytest.raises(CasepoolError, match="do not vary"):
        fit_cox(TIME, EVENT, np.ones(42))
    with pytest.raises(CasepoolError, match="do not vary"):
        fit_cox(TIME, EVENT, np.column_stack([ARM, 2 * ARM]))
    with pytest.raises(CasepoolError, match="finite numbers"):
        fit_cox(TIME, EVENT, ARM[:-1])
    with pytest.raises(CasepoolError, match="finite numbers"):
        fit_cox([1, 2], [0, 1], [0, np.nan])
