"""Survival families against scipy's distributions, and against numerical integration of the hazard."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from casepool.modelling import model_from_dict
from casepool.modelling.families.registry import FAMILIES

from .small import EACH, HALF, NORMAL, PIECES, by_patient, own_values, survival_model, table, total

TIMES = [0.5, 1.9, 4.0, 7.3, 13.0, 22.6, 55.2]
EVENTS = [True, False, True, True, False, True, False]
PATIENTS = table(time=TIMES, event=EVENTS)

CLOSED = [
    ("exponential", "proportional", {}, lambda eta: stats.expon(scale=np.exp(-eta))),
    ("exponential", "accelerated", {}, lambda eta: stats.expon(scale=np.exp(eta))),
    *(
        ("weibull", "proportional", {"shape": k}, lambda eta, k=k: stats.weibull_min(k, scale=np.exp(-eta / k)))
        for k in (0.5, 1.0, 2.3)
    ),
    *(
        ("weibull", "accelerated", {"shape": k}, lambda eta, k=k: stats.weibull_min(k, scale=np.exp(eta)))
        for k in (0.5, 1.0, 2.3)
    ),
    *(
        ("gompertz", "proportional", {"shape": k}, lambda eta, k=k: stats.gompertz(np.exp(eta) / k, scale=1 / k))
        for k in (0.005, 0.02)
    ),
    *(
        ("log_normal", "accelerated", {"scale": s}, lambda eta, s=s: stats.lognorm(s, scale=np.exp(eta)))
        for s in (0.4, 1.0, 2.5)
    ),
    *(
        ("log_logistic", "accelerated", {"scale": s}, lambda eta, s=s: stats.fisk(1 / s, scale=np.exp(eta)))
        for s in (0.4, 1.0, 2.5)
    ),
]


@pytest.mark.parametrize(("family", "effects", "own", "distribution"), CLOSED)
@pytest.mark.parametrize("eta", [-3.2, 1.4])
def test_right_censored_likelihood_is_the_distributions(family, effects, own, distribution, eta):
    of = distribution(eta)
    with np.errstate(under="ignore"):
        expected = np.where(EVENTS, of.logpdf(TIMES), of.logsf(TIMES))
    got = by_patient(survival_model(family, effects), PATIENTS, intercept=eta, **own)
    assert got == pytest.approx(expected, abs=1e-8, rel=1e-10)


@pytest.mark.parametrize(("family", "effects", "own", "distribution"), CLOSED)
def test_late_entry_conditions_on_survival_to_it(family, effects, own, distribution):
    entry = [0.0, 0.4, 3.9, 0.0, 6.0, 20.0, 54.0]
    patients = PATIENTS.assign(entry=entry)
    of = distribution(-1.1 if effects == "proportional" else 2.1)
    expected = np.where(EVENTS, of.logpdf(TIMES), of.logsf(TIMES)) - of.logsf(entry)
    eta = -1.1 if effects == "proportional" else 2.1
    got = by_patient(survival_model(family, effects, entry=True), patients, intercept=eta, **own)
    assert got == pytest.approx(expected, abs=1e-8, rel=1e-10)


@pytest.mark.parametrize("shape", [-0.2, -0.01, -1e-10, 0.0, 1e-10, 0.1])
def test_gompertz_is_the_integral_of_its_hazard_also_where_it_falls_or_stays(shape):
    expected = []
    for time, event in zip(TIMES, EVENTS, strict=True):
        at_risk = integrate.quad(lambda t: np.exp(-2.0 + shape * t), 0, time, epsabs=1e-12)[0]
        expected.append(event * (-2.0 + shape * time) - at_risk)
    got = by_patient(survival_model("gompertz", "proportional"), PATIENTS, intercept=-2.0, shape=shape)
    assert got == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize(("family", "effects"), EACH)
def test_covariates_move_the_linear_predictor(family, effects):
    own_priors = {own.name: HALF for own in FAMILIES[family].parameters if own.key}
    plain = {
        "family": family,
        "effects": effects,
        "outcome": {"time": "time", "event": "event"},
        "terms": {"age": {"kind": "linear", "centre": 20, "scale": 10}},
        "priors": {"intercept": NORMAL, "age_effect": NORMAL} | own_priors,
    } | PIECES.get(family, {})
    own = own_values(family)
    ages = np.array([3.0, 20.0, 35.0, 61.0, 8.0, 44.0, 0.7])
    got = by_patient(
        model_from_dict(plain, name="small"), PATIENTS.assign(age=ages), intercept=-2.0, age_effect=0.4, **own
    )
    alone = survival_model(family, effects)
    for i, age in enumerate(ages):
        expected = by_patient(alone, PATIENTS, intercept=-2.0 + 0.4 * (age - 20) / 10, **own)[i]
        assert got[i] == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize(("family", "effects"), EACH)
@settings(max_examples=10, deadline=None)
@given(share=st.floats(0.001, 0.999), patient=st.integers(0, len(TIMES) - 1))
def test_splitting_a_patient_anywhere_changes_nothing(family, effects, share, patient):
    own = own_values(family)
    whole = PATIENTS.assign(entry=0.0)
    chosen = survival_model(family, effects, entry=True)
    cut = share * TIMES[patient]
    split = table(
        time=[cut, *TIMES],
        event=[False, *EVENTS],
        entry=[0.0, *(cut if i == patient else 0.0 for i in range(len(TIMES)))],
    )
    assert total(chosen, split, intercept=-1.5, **own) == pytest.approx(
        total(chosen, whole, intercept=-1.5, **own), abs=1e-10
    )


def test_a_longer_time_without_the_event_is_never_more_likely():
    grid = np.linspace(0.01, 60, 200)
    for family, effects in EACH:
        own = own_values(family)
        alive = by_patient(
            survival_model(family, effects), table(time=grid, event=[False] * 200), intercept=-2.0, **own
        )
        assert (alive <= 0).all()
        assert (np.diff(alive) <= 0).all()


def test_time_zero_without_the_event_says_nothing():
    for family, effects in EACH:
        own = own_values(family)
        got = by_patient(
            survival_model(family, effects), table(time=[0.0, 3.0], event=[False, True]), intercept=-2.0, **own
        )
        assert got[0] == pytest.approx(0.0, abs=1e-12)
        assert np.isfinite(got).all()
