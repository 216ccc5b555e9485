"""Events known to lie between two times, against closed forms, quadrature and the sum of all that may happen."""

import numpy as np
import pytest
from scipy import integrate, stats

from casepool.errors import CasepoolError
from casepool.modelling import make_design, model_from_dict

from .small import EACH, HALF, NORMAL, by_patient, own_values, survival_model, table
from .test_survival_families import CLOSED

LOWER = [4.0, 4.0, 0.0, np.nan, 13.0, 22.6, 2.0]
UPPER = [4.0, 7.3, 1.9, 5.5, np.nan, 55.2, 2.4]
BETWEEN = table(lower=LOWER, upper=UPPER)
ETA, BETA, RHO = -2.4, -0.8, 0.04
INTERVAL = {"earliest": "first", "latest": "last"}
VALUES = {"intercept": ETA, "surgery_effect": BETA, "surgery_log_intensity": np.log(RHO)}


def closed(of, lower, upper, entry=0.0):
    """Log probability of what is known, from a distribution: exact, right-censored, or between."""
    if np.isnan(upper):
        known = of.logsf(lower)
    elif lower == upper:
        known = of.logpdf(upper)
    else:
        known = np.log(of.sf(np.fmax(lower, entry)) - of.sf(upper))
    return known - of.logsf(entry)


@pytest.mark.parametrize(("family", "effects", "own", "distribution"), CLOSED)
def test_every_kind_of_censoring_is_the_distributions(family, effects, own, distribution):
    eta = -2.1 if effects == "proportional" else 2.1
    expected = [closed(distribution(eta), a, b) for a, b in zip(LOWER, UPPER, strict=True)]
    got = by_patient(survival_model(family, effects, between=True), BETWEEN, intercept=eta, **own)
    assert got == pytest.approx(expected, abs=1e-8, rel=1e-8)


@pytest.mark.parametrize(("family", "effects", "own", "distribution"), CLOSED)
def test_late_entry_bounds_what_lies_between_from_below(family, effects, own, distribution):
    eta = -2.1 if effects == "proportional" else 2.1
    entry = [1.0, 5.0, 0.5, 3.0, 12.0, 0.0, 2.0]
    expected = [closed(distribution(eta), *row) for row in zip(LOWER, UPPER, entry, strict=True)]
    model = survival_model(family, effects, between=True, entry=True)
    assert by_patient(model, BETWEEN.assign(entry=entry), intercept=eta, **own) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize(("family", "effects"), EACH)
def test_everything_that_may_happen_has_probability_one(family, effects):
    cuts = [0.0, 0.3, 2.5, 6.0, 11.0, 40.0]
    all_of_them = table(lower=cuts, upper=[*cuts[1:], np.nan])
    got = by_patient(survival_model(family, effects, between=True), all_of_them, intercept=-2.0, **own_values(family))
    assert np.exp(got).sum() == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(("family", "effects"), EACH)
def test_with_an_exposure_too_everything_that_may_happen_has_probability_one(family, effects):
    """Event before 20 or not, exposed before it or not: the only four histories."""
    histories = table(
        lower=[0.0, 20.0, 0.0, 20.0],
        upper=[20.0, np.nan, 20.0, np.nan],
        surgery=[False, False, True, True],
        first=[np.nan, np.nan, 0.0, 0.0],
        last=[np.nan, np.nan, 20.0, 20.0],
    )
    model = survival_model(family, effects, between=True, exposure=INTERVAL)
    eta = {"intercept": ETA if effects == "proportional" else -ETA}
    got = by_patient(model, histories, **VALUES | eta, **own_values(family))
    assert np.exp(got).sum() == pytest.approx(1.0, abs=1e-7)


def test_both_intervals_are_the_illness_death_integral():
    """Exposed in (1, 9), event in (4, 12], Weibull; and never exposed, event in (4, 12]."""
    shape = 0.7
    both = table(lower=[4.0, 4.0], upper=[12.0, 12.0], surgery=[True, False], first=[1.0, np.nan], last=[9.0, np.nan])
    h0 = stats.weibull_min(shape, scale=np.exp(-ETA / shape))

    def died(s):
        before = -h0.logsf(s)
        chance = [np.exp(-before - np.exp(BETA) * (-h0.logsf(t) - before)) for t in (max(4.0, s), 12.0)]
        return RHO * np.exp(-RHO * s) * (chance[0] - chance[1])

    tight = {"epsabs": 1e-13, "epsrel": 1e-12}
    exposed = integrate.quad(died, 1.0, 4.0, **tight)[0] + integrate.quad(died, 4.0, 9.0, **tight)[0]
    never = integrate.quad(lambda t: np.exp(-RHO * t) * h0.pdf(t), 4.0, 12.0, **tight)[0]
    model = survival_model("weibull", "proportional", between=True, exposure=INTERVAL)
    assert by_patient(model, both, **VALUES, shape=shape) == pytest.approx(np.log([exposed, never]), abs=1e-8)


def test_a_known_start_inside_the_interval_bounds_it_from_below():
    """Whoever was operated at 6 was alive then: the event lies in (6, 12], not (4, 12]."""
    model = survival_model(
        "exponential", "proportional", between=True, exposure={"start": "start", "dating": "uniform"}
    )
    got = by_patient(model, table(lower=[4.0], upper=[12.0], surgery=[True], start=[6.0]), **VALUES)
    rate = np.exp(ETA)
    after = rate * np.exp(BETA)
    assert got[0] == pytest.approx(-6 * rate + np.log(-np.expm1(-6 * after)), abs=1e-12)


def test_exact_limits_are_the_exact_model():
    times, events = [2.0, 5.0, 7.0], [True, False, True]
    exact = by_patient(
        survival_model("weibull", "proportional"), table(time=times, event=events), intercept=-2.0, shape=1.4
    )
    limits = table(lower=times, upper=[2.0, np.nan, 7.0])
    model = survival_model("weibull", "proportional", between=True)
    assert by_patient(model, limits, intercept=-2.0, shape=1.4) == pytest.approx(exact, abs=1e-12)


def test_events_are_counted_and_patients_without_limits_listed():
    design = make_design(
        survival_model("exponential", "proportional", between=True),
        table(lower=[*LOWER, np.nan], upper=[*UPPER, np.nan]),
    )
    assert design.outcome["event"].sum() == 6
    assert design.outcome["between"].tolist() == [0, 1, 1, 1, 0, 1, 1]
    assert dict(design.left_out) == {"8": "neither lower nor upper"}


@pytest.mark.parametrize(
    ("lower", "upper", "said"),
    [
        (5.0, 4.0, "upper limit is before the lower"),
        (0.0, 0.0, "event at time zero"),
        (np.nan, 0.0, "event at time zero"),
        (-1.0, 4.0, "before time zero"),
    ],
)
def test_impossible_limits_are_refused_with_their_place(lower, upper, said):
    with pytest.raises(CasepoolError, match=said) as refused:
        make_design(
            survival_model("exponential", "proportional", between=True), table(lower=[1.0, lower], upper=[2.0, upper])
        )
    assert "2" in str(refused.value)


def test_a_surgery_at_or_after_the_event_is_refused():
    model = survival_model("exponential", "proportional", between=True, exposure={"start": "start"})
    with pytest.raises(CasepoolError, match="after the last follow-up"):
        make_design(model, table(lower=[2.0], upper=[6.0], surgery=[True], start=[6.0]))


@pytest.mark.parametrize(
    "outcome",
    [
        {"lower": "lower"},
        {"lower": "lower", "upper": "upper", "event": "event"},
        {"time": "time", "event": "event", "upper": "upper"},
        {"lower": "lower", "upper": "upper", "levels": ["a", "b"], "event_levels": ["a"]},
    ],
)
def test_keys_that_do_not_belong_together_are_refused(outcome):
    plain = {"family": "weibull", "outcome": outcome, "priors": {"intercept": NORMAL, "shape": HALF}}
    with pytest.raises(CasepoolError, match="`event`"):
        model_from_dict(plain, name="mine")
