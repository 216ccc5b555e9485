"""Small models and tables, and their log-likelihood, for the tests of this folder."""

import numpy as np
import pandas as pd

from casepool.cases.codebook import Codebook
from casepool.cases.column import Column
from casepool.modelling import make_design, model_from_dict
from casepool.modelling.design.likelihood import data_of, log_likelihood
from casepool.modelling.families.arrays import NUMPY
from casepool.modelling.families.registry import FAMILIES

NORMAL = {"dist": "Normal", "mu": 0.0, "sigma": 1.0}
HALF = {"dist": "HalfNormal", "sigma": 1.0}
RESPONSE = {"column": "response", "levels": ["PD", "SD", "PR", "CR"], "success": ["PR", "CR"]}
LEVELS = ("PD", "SD", "PR", "CR")


def response_model(terms, outcome=RESPONSE):
    """A logistic model of the given terms, every prior standard."""
    priors = {"intercept": NORMAL}
    for name, term in terms.items():
        if term["kind"] == "group":
            priors |= {f"{name}_sd": HALF}
        else:
            priors |= {f"{name}_effect": NORMAL}
    plain = {"family": "bernoulli", "outcome": outcome, "terms": terms, "priors": priors}
    return model_from_dict(plain, name="small")


PIECES = {"piecewise_exponential": {"cuts": [3.0, 10.0]}, "m_spline": {"knots": [4.0, 9.0, 20.0]}}
LOG_HAZARD = {"piecewise_exponential": [0.4, -0.9, 0.5], "m_spline": np.log([0.1, 0.2, 0.3, 0.15, 0.15, 0.1])}
EACH = [
    (family, effects) for family in FAMILIES if FAMILIES[family].is_survival for effects in FAMILIES[family].equation
]


def own_values(family):
    """Plausible values of a family's own parameters."""
    if family in PIECES:
        return {"hazard_sd": 0.7, "log_hazard": LOG_HAZARD[family]}
    names = [own.name for own in FAMILIES[family].parameters]
    return dict.fromkeys(names, 0.03 if family == "gompertz" else 0.7)


def survival_model(family, effects, *, exposure=None, entry=False, unit="months", between=False):
    """A survival model, with one exposure called surgery or none."""
    columns = {"lower": "lower", "upper": "upper"} if between else {"time": "time", "event": "event"}
    outcome = columns | {"unit": unit} | ({"entry": "entry"} if entry else {})
    priors = {"intercept": NORMAL}
    if family in ("weibull", "gompertz"):
        priors |= {"shape": HALF}
    if family in ("log_normal", "log_logistic"):
        priors |= {"scale": HALF}
    if family in PIECES:
        priors |= {"hazard_sd": HALF}
    if exposure is not None:
        priors |= {"surgery_effect": NORMAL, "surgery_log_intensity": NORMAL}
    plain = {"family": family, "effects": effects, "outcome": outcome, "priors": priors} | PIECES.get(family, {})
    if exposure is not None:
        plain |= {"exposure": {"surgery": {"column": "surgery"} | exposure}}
    return model_from_dict(plain, name="small")


def table(**columns):
    """A table of patients numbered from 1."""
    return pd.DataFrame({"patient": range(1, len(next(iter(columns.values()))) + 1)} | columns)


def with_units(frame, unit, columns):
    """The table with a codebook that says in which unit some of its columns are."""
    frame = frame.copy()
    frame.attrs["codebook"] = Codebook(columns={name: Column("number", unit=unit) for name in columns}).to_dict()
    return frame


def parameters(**values):
    """Parameters as the likelihood takes them."""
    return {name: np.asarray(value, dtype=float) for name, value in values.items()}


def by_patient(model, cases, **values):
    """Log-likelihood of every patient in the fit."""
    design = make_design(model, cases)
    return log_likelihood(data_of(design), parameters(**values), NUMPY)


def total(model, cases, **values):
    """Log-likelihood of all patients."""
    return float(by_patient(model, cases, **values).sum())


def assert_same_design(one, other):
    """Two designs agree in every array, exactly."""
    assert one.patients == other.patients
    assert dict(one.left_out) == dict(other.left_out)
    assert one.outcome.keys() == other.outcome.keys()
    for name in one.outcome:
        np.testing.assert_array_equal(one.outcome[name], other.outcome[name])
    for name in ("patient_of_row", "log_weight", "switch", "exposed"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert one.terms.keys() == other.terms.keys()
    for name, term in one.terms.items():
        assert term.coded.levels == other.terms[name].coded.levels
        for field in ("matrix", "node", "share", "recorded"):
            np.testing.assert_array_equal(getattr(term, field), getattr(other.terms[name], field))
