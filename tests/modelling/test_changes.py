"""Models changed in Python: what comes out is what the edited file would have been, what goes in stays."""

import tomllib
from dataclasses import replace

import numpy as np
import pytest

from casepool.errors import CasepoolError
from casepool.modelling import Model, list_models, model, model_from_dict
from casepool.modelling.specification.model import model_dict

WHY = {"why": "convention"}
NORMAL = {"dist": "Normal", "mu": 0.0, "sigma": 1.0, **WHY}
HALF = {"dist": "HalfNormal", "sigma": 0.5, **WHY}


def like(name: str, **numbers: object) -> object:
    """A distribution as PreliZ has it: its class is its name, its numbers are attributes, None where they are open."""
    return type(name, (), {"tau": 1.0, **numbers})()


def tables(made: Model) -> dict:
    """The priors of a model's file by their names in Python."""
    found = {}
    for head, table in model_dict(made)["priors"].items():
        if table.get("from") == "trials":
            found[head] = table
            continue
        levels = {key: inner for key, inner in table.items() if isinstance(inner, dict)}
        found |= {f"{head}.{level}": inner for level, inner in levels.items()}
        if own := {key: value for key, value in table.items() if key not in levels}:
            found[head] = own
    return found


@pytest.mark.parametrize("name", list_models())
def test_a_prior_replaced_by_itself_changes_nothing(name):
    made = model(name)
    for key, table in tables(made).items():
        assert made.with_prior(key, **table) == made


@pytest.mark.parametrize("name", list_models())
def test_a_term_taken_out_and_put_back_is_the_model_it_was(name):
    made = model(name)
    for term, table in model_dict(made).get("terms", {}).items():
        own = [key for key in made.priors if (of := made.parameter(key)) and of.owner == term]
        rest = replace(
            made,
            terms={key: other for key, other in made.terms.items() if key != term},
            priors={key: prior for key, prior in made.priors.items() if key not in own},
        )
        told = tables(made)
        removed = {}
        if not made.has_zero_point:
            rest = replace(rest, priors={**rest.priors, "intercept": model("objective_response").prior("intercept")})
            removed = {"intercept": None}
        back = rest.with_term(term, **table, priors={key: told[key] for key in own} | removed)
        assert back == made
        assert list(back.terms)[-1] == term
        assert term not in rest.terms


def test_a_prior_on_the_clinical_scale_is_what_the_file_would_say():
    made = model("objective_response")
    stated = {"from": "probability", "median": 0.3, "upper": 0.8, **WHY}
    spelt = {"from_" if key == "from" else key: value for key, value in stated.items()}
    plain = model_dict(made)
    plain["priors"]["intercept"] = stated
    assert made.with_prior("intercept", **spelt) == model_from_dict(plain, name=made.name)
    assert made == model("objective_response")


def test_a_median_survival_is_stated_given_a_shape_that_came_later():
    narrow = model("overall_survival").with_prior("shape", "LogNormal", mu=0.5, sigma=0.1, **WHY)
    again = narrow.with_prior("intercept", **tables(narrow)["intercept"])
    assert again == narrow
    assert narrow.prior("intercept").parameters != model("overall_survival").prior("intercept").parameters


def test_one_level_has_a_prior_of_its_own():
    made = model("basket_exnex").with_prior("histology_own.EIMT", "Normal", mu=1, sigma=2, **WHY)
    assert made.prior("histology_own.EIMT").parameters == {"mu": 1.0, "sigma": 2.0}
    assert made.prior("histology_own") == model("basket_exnex").prior("histology_own")
    wider = made.with_prior("histology_own", "Normal", mu=0, sigma=3, **WHY)
    assert wider.prior("histology_own.EIMT") == made.prior("histology_own.EIMT")
    assert model_from_dict(tomllib.loads(wider.to_toml()), name=made.name) == wider


@pytest.mark.parametrize(
    ("key", "given", "printed"),
    [
        ("intercept", like("Normal", mu=np.float64(1), sigma=2), "Normal(mu = 1, sigma = 2)"),
        ("intercept", like("StudentT", nu=np.int64(4), mu=0, sigma=2), "StudentT(nu = 4, mu = 0, sigma = 2)"),
        ("histology_sd", like("Gamma", alpha=2, beta=4.0, mu=0.5), "Gamma(alpha = 2, beta = 4)"),
        ("histology_sd", like("Exponential", lam=2, beta=0.5), "Exponential(lam = 2)"),
    ],
)
def test_a_distribution_brings_its_numbers(key, given, printed):
    made = model("objective_response").with_prior(key, given, **WHY)
    assert str(made.prior(key)) == printed
    assert made.prior(key).why == "convention"
    assert model_from_dict(tomllib.loads(made.to_toml()), name=made.name) == made


@pytest.mark.parametrize(
    ("name", "dist", "more", "said"),
    [
        ("intercpt", "Normal", {"mu": 0, "sigma": 1, **WHY}, "the model has intercept, histology_sd, partner_sd, age_"),
        (5, "Normal", {"mu": 0, "sigma": 1, **WHY}, "`name` needs a name .value 5"),
        ("intercept", "Normal", {"mu": 0, "sigma": 1}, "needs a reason; give why="),
        ("intercept", "Normal", {"mu": 0, "sigma": 1, "why": 3}, "`why` must be text"),
        ("intercept", "Cauchy", {"mu": 0, "sigma": 1, **WHY}, "set dist to one of Normal, "),
        ("intercept", None, WHY, "set dist to one of Normal, "),
        ("intercept", "Normal", {"mu": 0, **WHY}, "Normal takes mu and sigma, not mu"),
        ("histology_sd", "Normal", {"mu": 0, "sigma": 1, **WHY}, "needs a prior on positive numbers"),
        ("age_effect.x", "Normal", {"mu": 0, "sigma": 1, **WHY}, "an effect without levels has one prior"),
        ("intercept", like("Normal", mu=0, sigma=None), WHY, "this Normal has no number for sigma; fix all"),
        ("intercept", like("Normal", mu=0, sigma=1), {"sigma": 2, **WHY}, "brings its own numbers; leave out sigma"),
        ("intercept", like("Truncated", mu=0, sigma=1), WHY, "a Truncated is no prior of a model file; use one of Nor"),
        ("intercept", like("Flat"), WHY, "a Flat is no prior"),
        ("intercept", 3.0, WHY, "a float is no prior"),
    ],
)
def test_what_is_no_prior_of_the_model_is_refused_in_one_line(name, dist, more, said):
    with pytest.raises(CasepoolError, match=said) as refusal:
        model("objective_response").with_prior(name, dist, **more)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "keys", "said"),
    [
        ("age", {"kind": "linear"}, "has a term of this name already; choose another name, and say its `column`"),
        ("surgery", {"kind": "category"}, "meets that of another term or exposure"),
        ("shape", {"kind": "category"}, "not a usable name"),
        (7, {"kind": "category"}, "`name` needs a name"),
        ("site", {"kind": "factor"}, "choose one of .*group"),
        (
            "site",
            {"kind": "group", "borowing": "partial"},
            "unknown key 'borowing' in .terms.site.; allowed there: b",
        ),
        ("site", {"kind": "group", "borrowing": "some"}, "choose one of none, complete, partial"),
        ("size", {"kind": "banded", "cuts": (5, 3), "labels": ("a", "b", "c")}, "banded needs rising cuts"),
        ("size", {"kind": "linear", "scale": 0}, "scale must be positive"),
        ("site", {"kind": "group", "priors": [HALF]}, "`priors` needs a table"),
        ("site", {"kind": "group", "priors": {"site_sd": 0.5}}, "'priors.site_sd': this is no prior"),
        ("site", {"kind": "group", "priors": {"site_sd": {"dist": "HalfNormal", "sigma": 1}}}, "needs a reason"),
        ("site", {"kind": "group", "priors": {"site_sd": HALF, "site_effect": NORMAL}}, "a prior for nothing"),
        (
            "site",
            {"kind": "group", "borrowing": "none", "priors": {"site_own": NORMAL}},
            "'priors.intercept': a ",
        ),
    ],
)
def test_a_term_that_no_file_could_have_is_refused_in_one_line(name, keys, said):
    base = model("overall_survival").with_term("age", kind="linear", priors={"age_effect": NORMAL})
    with pytest.raises(CasepoolError, match=said) as refusal:
        base.with_term(name, **keys)
    assert "\n" not in str(refusal.value)


def test_priors_of_a_new_term_that_are_missing_are_told_with_text_to_paste():
    made = model("objective_response")
    with pytest.raises(CasepoolError, match=r"add \[priors.dose_effect\], \[priors.dose_wiggle_sd\]") as refusal:
        made.with_term("dose", kind="smooth", knots=(1, 2, 5), scale=np.float64(2))
    pasted = tomllib.loads(refusal.value.paste)["priors"]
    grown = made.with_term("dose", kind="smooth", knots=(1, 2, 5), scale=np.float64(2), priors=pasted)
    assert grown.prior_keys == [*made.prior_keys, "dose_effect", "dose_wiggle_sd"]
    assert grown.terms["dose"].knots == (1.0, 2.0, 5.0)
    assert model_from_dict(tomllib.loads(grown.to_toml()), name=made.name) == grown
    assert "dose" not in made.terms


def test_a_term_whose_levels_stand_alone_takes_the_intercept_out():
    alone = model("overall_survival").with_term(
        "site", kind="group", borrowing="none", priors={"site_own": NORMAL, "intercept": None}
    )
    assert "intercept" not in alone.priors
    assert not alone.has_zero_point
