"""Priors of cutpoints, of one level, and of bounded numbers: read, written, drawn, refused."""

import math
import tomllib

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import casepool as cp
from casepool.inference.graph import build_design
from casepool.inference.predictive import prior_draws
from casepool.modelling import make_design, model_from_dict
from casepool.modelling.design.density import Density
from casepool.modelling.families.arrays import NUMPY
from casepool.modelling.families.cutpoints import Ordered
from casepool.modelling.families.priors import Prior
from casepool.modelling.specification.printing import describe
from tests.small import counts, fixed, half_normal, normal, response_model

LEVELS = ["PD", "SD", "PR", "CR"]
SEX = {"sex": {"kind": "category", "reference": "F"}}
SITE = {"site": {"kind": "group"}}
WIDE = {"dist": "StudentT", "nu": 3.0, "mu": 0.0, "sigma": 2.5, "why": "test"}
EVEN = {"dist": "Uniform", "lower": 0.0, "upper": 3.0, "why": "test"}
PRECISION = {"dist": "GammaPrecision", "alpha": 1.5, "beta": 0.7, "why": "test"}
INVERSE = {"dist": "InverseGamma", "alpha": 1.5, "beta": 0.7, "why": "test"}
ONE = {**normal(1.5), "SD | PR": normal(0.7, 0.5)}


def ordinal(cutpoints, link="cumulative", terms=None, **priors):
    outcome = {"column": "response", "levels": LEVELS}
    plain = {"family": "ordinal", "link": link, "outcome": outcome, "terms": terms or {}}
    return model_from_dict({**plain, "priors": {"cutpoints": cutpoints, **priors}}, name="small")


def patients():
    response = ["PD", "SD", "PR", "CR", "PD", "PR", "SD", "CR", "PR", "PR", "SD", "PD"]
    return pd.DataFrame({"patient": range(12), "response": response, "sex": list("FMFFMFFMFFMF")})


SITES = counts([1, 2, 5], [4, 6, 6], site=["a", "b", "c"])
BY_SEX = {**normal(1.0), "M": normal(0.2, 0.3)}
MODELS = {
    "uniform": (response_model(SITE, {"intercept": {**EVEN, "lower": -2.0}, "site_sd": EVEN}), SITES),
    "precision": (response_model(SITE, {"intercept": normal(1.0), "site_sd": PRECISION}), SITES),
    "inverse gamma": (response_model(SITE, {"intercept": normal(1.0), "site_sd": INVERSE}), SITES),
    "one level": (ordinal(normal(1.5), terms=SEX, sex_effect=BY_SEX), patients()),
    "student cutpoints": (ordinal(WIDE), patients()),
    "one cutpoint": (ordinal(ONE), patients()),
    "adjacent": (ordinal(ONE, "adjacent"), patients()),
    "adjacent student": (ordinal(WIDE, "adjacent"), patients()),
}


@pytest.mark.parametrize("name", MODELS)
def test_the_density_is_that_of_the_graph(name) -> None:
    """The graph's priors are PyMC's own distributions, ours are arrays."""
    design = make_design(*MODELS[name])
    density, built = Density(design), build_design(design)
    vectors = np.random.default_rng(1).normal(size=(3, density.size))
    log_p, names = built.compile_logp(mode="FAST_COMPILE"), [variable.name for variable in built.value_vars]
    for vector in vectors:
        parts = density.split(vector)
        point = {own: np.asarray(parts[next(key for key in parts if own.startswith(key))]) for own in names}
        assert float(log_p(point)) == pytest.approx(float(density.log_density(vector, NUMPY)), abs=1e-10)


@pytest.mark.parametrize("name", MODELS)
def test_a_model_survives_being_written(name) -> None:
    model = MODELS[name][0]
    again = model_from_dict(tomllib.loads(model.to_toml()), name="small")
    assert again.priors == model.priors
    assert again.prior_keys == model.prior_keys
    assert all(key in describe(model) for key in model.priors)


@pytest.mark.parametrize("name", ["student cutpoints", "one cutpoint"])
def test_cutpoints_drawn_from_their_priors_are_independent_ones_that_rise(name) -> None:
    model, frame = MODELS[name]
    drawn = prior_draws(make_design(model, frame), np.random.default_rng(2), (1, 4000))
    own = np.concatenate([drawn["first_cutpoint"][0][:, None], drawn["cutpoint_gap"][0]], axis=1).cumsum(axis=1)
    rng = np.random.default_rng(3)
    raw = np.stack([prior.draw((40_000,), rng) for prior in model.cutpoint_priors], axis=1)
    kept = raw[(np.diff(raw) > 0).all(axis=1)]
    assert len(kept) / len(raw) == pytest.approx(np.exp(Ordered(model.cutpoint_priors).log_share), abs=0.01)
    for k in range(3):
        assert stats.ks_2samp(own[:, k], kept[:, k]).pvalue > 1e-3


@pytest.mark.parametrize("size", [2, 3, 6])
def test_cutpoints_of_one_prior_rise_in_one_order_of_all(size) -> None:
    joint = Ordered((Prior("StudentT", {"nu": 3.0, "mu": 0.3, "sigma": 2.0}),) * size)
    assert joint.log_share == pytest.approx(-math.lgamma(size + 1), abs=1e-4)


def test_the_stored_prior_of_cutpoints_is_the_joint_density() -> None:
    model, frame = MODELS["one cutpoint"]
    density = Density(make_design(model, frame))
    made = {"first_cutpoint": np.array(-1.0), "cutpoint_gap": np.array([0.7, 1.9])}
    found = density.log_prior(made, NUMPY)
    parts = stats.norm([0.0, 0.5, 0.0], [1.5, 0.7, 1.5]).logpdf([-1.0, -0.3, 1.6])
    total = float(found["first_cutpoint"] + found["cutpoint_gap"].sum())
    share = Ordered(model.cutpoint_priors).log_share
    assert total == pytest.approx(parts.sum() - share, abs=1e-10)


def test_the_prior_of_one_level_is_of_that_level_alone() -> None:
    levels = {"sex": {"kind": "category", "reference": "a"}}
    model = response_model(levels, {"intercept": normal(1.0), "sex_effect": {**WIDE, "c": {**WIDE, "mu": 1.5}}})
    design = make_design(model, counts([1, 2, 2], [3, 3, 3], sex=["a", "b", "c"]))
    made = {"intercept": np.array(0.0), "sex_effect": np.array([0.4, 0.9])}
    expected = stats.t(3.0, [0.0, 1.5], 2.5).logpdf([0.4, 0.9])
    assert Density(design).log_prior(made, NUMPY)["sex_effect"] == pytest.approx(expected, abs=1e-10)
    drawn = prior_draws(design, np.random.default_rng(1), (1, 4000))["sex_effect"][0]
    assert np.median(drawn, axis=0) == pytest.approx([0.0, 1.5], abs=0.2)


def test_python_states_what_a_file_states() -> None:
    plain = {"family": "ordinal", "link": "cumulative", "outcome": {"column": "response", "levels": LEVELS}}
    plain["priors"] = {"first_cutpoint": normal(1.0), "cutpoint_gap": half_normal(1.0)}
    changed = model_from_dict(plain, name="small").with_prior(
        "cutpoints", "StudentT", nu=3, mu=0, sigma=2.5, why="test"
    )
    assert changed.prior_keys == ["cutpoints"]
    one = changed.with_prior("cutpoints.PR | CR", "StudentT", nu=3, mu=1, sigma=1, why="test")
    assert [str(prior) for prior in one.cutpoint_priors][1:] == [
        "StudentT(nu = 3, mu = 0, sigma = 2.5)", "StudentT(nu = 3, mu = 1, sigma = 1)"
    ]  # fmt: skip
    with pytest.raises(cp.CasepoolError, match="cutpoint_gap"):
        one.with_prior("first_cutpoint", "Normal", mu=0, sigma=1, why="test")


def test_distributions_of_prior_elicitation_tools_are_taken() -> None:
    class Uniform:
        lower, upper = -1.0, 2.0

    class InverseGamma:
        alpha, beta = np.float64(2.0), 3

    model = MODELS["precision"][0]
    assert str(model.with_prior("intercept", Uniform(), why="t").prior("intercept")) == "Uniform(lower = -1, upper = 2)"
    changed = model.with_prior("site_sd", InverseGamma(), why="test")
    assert changed.prior("site_sd").parameters == {"alpha": 2.0, "beta": 3.0}


LINE = {"age": {"kind": "linear"}}
INTERCEPT = {"intercept": normal(1.0)}
WRONG = [
    (lambda: response_model({}, {"intercept": {**EVEN, "upper": 0.0}}), "priors.intercept.*lower must lie below upper"),
    (lambda: response_model({}, {"intercept": {**EVEN, "upper": "x"}}), "priors.intercept.*upper must be a number"),
    (lambda: response_model({}, {"intercept": {**INVERSE, "alpha": 0}}), "alpha must be a positive number"),
    (lambda: response_model(SITE, {**INTERCEPT, "site_sd": {**EVEN, "lower": -1.0}}), "site_sd.*positive numbers"),
    (lambda: response_model(SEX, {**INTERCEPT, "sex_effect": {"M": normal(1.0)}}), "sex_effect.M.*none of the others"),
    (
        lambda: response_model(SEX, {**INTERCEPT, "sex_effect": {**normal(1.0), "M": WIDE}}),
        'sex_effect.M.*set dist = "Normal"',
    ),
    (
        lambda: response_model(SEX, {**INTERCEPT, "sex_effect": {**fixed(0.0), "M": fixed(1.0)}}),
        "distribution of the others",
    ),
    (lambda: response_model(LINE, {**INTERCEPT, "age_effect": {**normal(1.0), "x": normal(1.0)}}), "without levels"),
    (lambda: response_model({}, {"intercept": {**normal(1.0), "x": normal(1.0)}}), "priors by level"),
    (lambda: response_model({}, {**INTERCEPT, "cutpoints": normal(1.0)}), "for nothing in this model"),
    (lambda: ordinal(normal(1.0), first_cutpoint=normal(1.0)), "first_cutpoint.*for nothing.*has cutpoints"),
    (lambda: ordinal({**normal(1.0), "PD | PR": normal(1.0)}), "no such cutpoint.*SD | PR"),
    (lambda: ordinal({"PD | SD": normal(1.0)}), "none of the others.*add"),
    (lambda: ordinal(EVEN), "a cutpoint's prior is Normal or StudentT"),
    (lambda: ordinal({**normal(1.0), "PD | SD": WIDE}), "distribution of the others"),
    (lambda: ordinal(normal(1.0), terms={"site": {"kind": "group", "borrowing": "none"}}, site_own=normal(1.0)),
     "cutpoints.*for nothing"),
]  # fmt: skip


@pytest.mark.parametrize(("made", "said"), WRONG)
def test_what_is_no_prior_is_refused_in_one_line(made, said) -> None:
    with pytest.raises(cp.CasepoolError, match=said) as refusal:
        made()
    assert "\n" not in str(refusal.value).split("\n\n")[0]


@pytest.mark.parametrize(("level", "said"), [("F", "the reference of a term has no effect"), ("X", "no such level")])
def test_a_prior_of_a_level_without_an_effect_is_refused(level, said) -> None:
    model = response_model(SEX, {**INTERCEPT, "sex_effect": {**normal(1.0), level: normal(1.0)}})
    with pytest.raises(cp.CasepoolError, match=said):
        make_design(model, counts([1, 2], [3, 3], sex=["F", "M"]))


def test_a_probability_of_being_told_needs_a_prior_between_0_and_1() -> None:
    from casepool.modelling.families.registry import REPORTING

    assert REPORTING.refusal(Prior("Normal", {"mu": 0.5, "sigma": 0.1})) is not None
    assert REPORTING.refusal(Prior("Uniform", {"lower": 0.2, "upper": 1.5})) is not None
    for good in (Prior("Uniform", {"lower": 0.2, "upper": 1.0}), Prior("Beta", {"alpha": 2.0, "beta": 2.0})):
        assert REPORTING.refusal(good) is None
