"""Priors stated as a median survival time: what they say comes back out of the model."""

import math
import tomllib

import numpy as np
import pytest
from scipy import stats

from casepool.errors import CasepoolError
from casepool.modelling import model_from_dict
from casepool.modelling.families.parameters import NOWHERE
from casepool.modelling.specification.prior_implications import median_survival

from .small import EACH, PIECES

STATED = {"from": "median_time", "median": 18, "upper": 90, "why": "test"}
OWN = {
    "weibull": {"shape": {"dist": "LogNormal", "mu": 0.2, "sigma": 0.5}},
    "gompertz": {"shape": {"dist": "Normal", "mu": 0.01, "sigma": 0.02}},
    "log_normal": {"scale": {"dist": "HalfNormal", "sigma": 1.0}},
    "log_logistic": {"scale": {"dist": "HalfNormal", "sigma": 1.0}},
} | {key: {"hazard_sd": {"dist": "HalfNormal", "sigma": 1.0}} for key in PIECES}


def stated(family, effects, prior=STATED, **priors):
    plain = {
        "family": family,
        "effects": effects,
        "outcome": {"time": "time", "event": "event"},
        "priors": {"intercept": prior} | OWN.get(family, {}) | priors,
    }
    return model_from_dict(plain | PIECES.get(family, {}), name="mine")


@pytest.mark.parametrize(("family", "effects"), EACH)
def test_what_was_stated_is_what_the_prior_says(family, effects):
    """The upper limit exactly, whichever way the linear predictor runs; the lower by the normal's symmetry."""
    said = median_survival(stated(family, effects))
    assert said.median == pytest.approx(18, rel=1e-6)
    if family != "gompertz":  # whose shape stands beside the intercept
        assert said.upper == pytest.approx(90, rel=1e-6)
        assert said.lower == pytest.approx(18 * 18 / 90, rel=1e-6)


def drawn_given(model, shape, rng):
    """Draws of the intercept given as many shapes."""
    return model.parameter("intercept").draw(NOWHERE, {"shape": shape}, shape.shape, rng)


def test_a_weibull_by_hand():
    prior = stated("weibull", "proportional").prior("intercept")
    shape = math.exp(0.2)
    assert prior.parameters["mu"] == pytest.approx(math.log(math.log(2)) - shape * math.log(18))
    assert prior.parameters["sigma"] == pytest.approx(shape * math.log(5) / stats.norm.ppf(0.975))
    assert stated("weibull", "accelerated").prior("intercept").parameters["mu"] == pytest.approx(
        math.log(18) - math.log(math.log(2)) / shape
    )


@pytest.mark.parametrize(("family", "effects"), [("weibull", "proportional"), ("weibull", "accelerated")])
def test_what_was_stated_holds_whatever_the_shape(family, effects):
    """Simulated, the median survival worked out by hand from intercept and shape."""
    model = stated(family, effects)
    rng = np.random.default_rng(3)
    shape = np.exp(0.2 + 0.5 * rng.standard_normal(400_000))
    eta = drawn_given(model, shape, rng)
    median = np.exp(eta) * math.log(2) ** (1 / shape)
    if effects == "proportional":
        median = (math.log(2) * np.exp(-eta)) ** (1 / shape)
    for part in (median, median[shape < 0.7], median[shape > 2]):
        assert np.quantile(part, [0.5, 0.975, 0.025]) == pytest.approx([18, 90, 18 * 18 / 90], rel=0.03)
    said = median_survival(model, vary=True)
    assert [said.median, said.upper] == pytest.approx([18, 90], rel=1e-6)


def test_a_gompertz_median_is_stated_under_any_shape():
    """Its log is not normal, but half the draws lie below the stated median and 97.5% below the upper limit."""
    rng = np.random.default_rng(4)
    for shape in (-0.01, 0.02, 0.1):
        eta = drawn_given(stated("gompertz", "proportional"), np.full(200_000, shape), rng)
        for time, share in ((18.0, 0.5), (90.0, 0.975)):
            dead_by_then = np.exp(eta) * np.expm1(shape * time) / shape > math.log(2)
            assert dead_by_then.mean() == pytest.approx(share, abs=0.004)


def test_a_waiting_time_is_an_intensity():
    exposure = {"surgery": {"column": "surgery"}}
    plain = {
        "family": "exponential",
        "outcome": {"time": "time", "event": "event"},
        "exposure": exposure,
        "priors": {
            "intercept": STATED,
            "surgery_effect": {"from": "ratio", "median": 1, "upper": 7.1},
            "surgery_log_intensity": {"from": "median_time", "median": 20, "upper": 200},
        },
    }
    made = model_from_dict(plain, name="mine")
    assert made.prior("surgery_log_intensity").parameters["mu"] == pytest.approx(math.log(math.log(2) / 20))
    assert model_from_dict(tomllib.loads(made.to_toml()), name="mine") == made


@pytest.mark.parametrize(
    "prior",
    [
        STATED | {"upper": 10},
        STATED | {"median": 0},
        STATED | {"median": -3},
        {"from": "median_time", "median": 3},
    ],
)
def test_impossible_times_are_refused(prior):
    with pytest.raises(CasepoolError, match="median"):
        stated("weibull", "proportional", prior)


def test_only_a_survival_models_intercept_has_a_median_time():
    with pytest.raises(CasepoolError, match="from the clinical scale"):
        stated("weibull", "proportional", age_effect=STATED)
    with pytest.raises(CasepoolError, match="probability, ratio"):
        model_from_dict(
            {
                "family": "bernoulli",
                "outcome": {"column": "r", "levels": ["a", "b"], "success": ["b"]},
                "priors": {"intercept": STATED},
            },
            name="mine",
        )
