"""Priors to begin with: a model file with them is read, whatever the model, and none looks at an outcome."""

import tomllib
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.structures import structures
from casepool.errors import CasepoolError
from casepool.modelling import model_from_dict
from casepool.modelling.families.parameters import NOWHERE
from casepool.modelling.specification.default_priors import REPLACE, default_priors, prior_text
from casepool.modelling.specification.model import Model, model_dict
from casepool.modelling.specification.prior_implications import median_survival

STRUCTURES = structures()


def bare(made: Model) -> Model:
    return replace(made, priors={})


def completed(made: Model) -> Model:
    plain = model_dict(bare(made)) | tomllib.loads(prior_text(default_priors(bare(made))))
    return model_from_dict(plain, name=made.name)


@pytest.mark.parametrize("name", STRUCTURES)
def test_a_model_of_any_structure_is_whole_with_them(name):
    made = completed(STRUCTURES[name].model)
    assert set(made.priors) == set(made.prior_keys)
    assert all(prior.why.startswith(REPLACE) for prior in made.priors.values())
    rng = np.random.default_rng(1)
    values = {own.name: own.draw(NOWHERE, {}, (500,), rng) for own in made.parameters if not own.stage and not own.dims}
    assert all(np.isfinite(drawn).all() for drawn in values.values())


@pytest.mark.parametrize("name", STRUCTURES)
def test_what_a_model_has_is_left_alone(name):
    made = STRUCTURES[name].model
    assert default_priors(made) == {}
    asked = made.prior_keys[-1]
    assert list(default_priors(replace(made, priors={k: v for k, v in made.priors.items() if k != asked}))) == [asked]


@pytest.mark.parametrize("unit", ["days", "weeks", "months", "years"])
@pytest.mark.parametrize("family", ["exponential", "weibull", "gompertz", "log_normal", "log_logistic", "m_spline"])
@pytest.mark.parametrize("alone", [False, True])
def test_a_median_survival_is_a_year_in_any_unit_and_family(family, unit, alone):
    term = {"site": {"kind": "group", "borrowing": "none" if alone else "complete"}}
    top = {"family": family, "outcome": {"time": "t", "event": "e", "unit": unit}, "terms": term}
    top |= {"knots": [6, 18, 36]} if family == "m_spline" else {}
    with pytest.raises(CasepoolError, match="the model needs") as refusal:
        model_from_dict(top, name="m")
    made = model_from_dict(top | tomllib.loads(refusal.value.paste), name="m")
    year = {"days": 365, "weeks": 52, "months": 12, "years": 1}[unit]
    if alone:
        location = replace(made, terms={}, priors={**made.priors, "intercept": made.priors["site_own"]})
        assert median_survival(location).median == pytest.approx(year, rel=0.02)
    else:
        assert median_survival(made).median == pytest.approx(year, rel=0.02)
