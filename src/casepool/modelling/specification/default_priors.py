"""Priors to begin with: weakly informative on the scale of the model's family, each marked to be replaced.

None looks at an outcome. They follow from what an unknown is to the model (its role, its support, whether it is a ratio
of odds or of hazards), so that a model file can be completed before anybody has seen the cases. No default can know a
median survival: there a placeholder stands that says so.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import tomli_w

from casepool.modelling.families.parameters import Parameter, Role
from casepool.modelling.families.priors import Prior
from casepool.modelling.families.registry import REPORTING
from casepool.modelling.families.supports import POSITIVE
from casepool.modelling.specification.model import REPLACE, Model
from casepool.modelling.specification.prior_files import of_median_time, read_prior
from casepool.modelling.terms.joint import Interaction, Slope

YEAR = {"days": 365, "weeks": 52, "months": 12, "years": 1}
"""A year, in each unit a model file may count in."""
TENFOLD = 10
"""How many times the median its 97.5% limit is, where it is a placeholder."""
Table = dict[str, Any]


def default_priors(model: Model, names: Iterable[str] | None = None) -> dict[str, Table]:
    """Return a default for every prior that a model lacks, as a model file's tables of priors hold it.

    Parameters
    ----------
    model : Model
        Whole but for its priors, of which it may have some, or none.
    names : iterable of str, optional
        Keys of `Model.prior_keys`; by default those the model gives no prior.

    Returns
    -------
    dict of str to dict
        By key, in the order of the linear predictor; every ``why`` begins with `REPLACE`.

    Examples
    --------
    >>> import casepool as cp
    >>> from casepool.modelling.specification.default_priors import default_priors
    >>> default_priors(cp.model("objective_response"), ["histology_sd"])["histology_sd"]["dist"]
    'HalfNormal'
    """
    wanted = [key for key in model.prior_keys if key not in model.priors] if names is None else list(names)
    return {key: _default(model, _owner(model, key)) for key in dict.fromkeys(wanted)}


def prior_text(tables: Mapping[str, Mapping[str, Any]]) -> str:
    """Return tables of priors as the text of a model file, to be pasted at its end."""
    return tomli_w.dumps({"priors": tables})


def _owner(model: Model, key: str) -> Parameter:
    """Return the unknown whose prior a key of the model file is."""
    return next(own for own in model.parameters if own.key == key)


def _default(model: Model, own: Parameter) -> Table:
    if own.name == REPORTING.name or own.role is Role.SELECTION:
        return _publication(own)
    if not own.is_stated:
        return _own_level(model, own)
    if own.role is Role.LOCATION:
        return _zero_point(model)
    if own.role is Role.INTENSITY:
        return _median_time(model, f"when {own.owner.replace('_', ' ')} begins")
    if own.role in (Role.SD, Role.CURVE_SD):
        return _spread(model, own)
    return _effect(model, own) if own.role is Role.EFFECT else _of_family(model, own)


def _publication(own: Parameter) -> Table:
    """Return the prior of what is told of, or of who is."""
    if own.name == REPORTING.name:
        return _table("Fixed", {"value": 1.0}, "every event was told of, so that silence means none")
    words = "a success is published a quarter to four times as readily, in either direction"
    return {"from": "ratio", "median": 1.0, "upper": 4.0, "why": f"{REPLACE}; {words}"}


def _zero_point(model: Model) -> Table:
    """Return the prior of the intercept: of a response any probability, of survival a placeholder."""
    if model.is_survival:
        return _median_time(model, f"the {model.outcome.median}")
    if model.is_ordinal:
        return _normal(_worst(model), 1.5, "all categories alike, from hardly anybody in the worst to nearly all")
    if model.outcome.target:
        return _normal(0.0, 1.5, "odds from 0.05 to 19 times those of the target rate stay plausible")
    return _normal(0.0, 1.5, "success in 5% to 95% stays plausible")


def _own_level(model: Model, own: Parameter) -> Table:
    """Return the prior of levels of their own: of their effect, or of where a patient of the level lies."""
    if getattr(model.terms[own.owner], "own", "") == "effect":
        return _normal(0.0, 1.5, "a level of its own lies anywhere about the others")
    if model.is_survival:
        return _normal(*_median_as_normal(model), _placeholder(model, f"the {model.outcome.median} of a level"))
    if model.is_ordinal:
        return _normal(-_worst(model), 1.5, "in each level all categories alike, from 5% to 95% or wider")
    return _normal(0.0, 1.5, "in each level success in 5% to 95% stays plausible")


def _effect(model: Model, own: Parameter) -> Table:
    """Return the prior of a plain effect: of labels, of a step of a number, of a cell, or of an exposure."""
    joint = model.joint.get(own.owner)
    term = model.terms.get(joint.of if isinstance(joint, Slope) else own.owner)
    if isinstance(joint, Interaction):
        return _normal(0.0, 0.5, "a cell leaves the sum of its two terms by a factor of 2.7 at most, either way")
    if term is not None and not model.is_survival and not term.is_number:
        return _normal(0.0, 1.5, "odds ratios from 0.05 to 19, below and above 1 alike")
    per = f" per {getattr(term, 'scale', 1.0):g}" if term is not None and term.is_number else ""
    ratio = "odds" if not model.is_survival else "time" if model.effects == "accelerated" else "hazard"
    return _normal(0.0, 1.0, f"{ratio} ratios{per} from 0.14 to 7.1, below and above 1 alike")


def _spread(model: Model, own: Parameter) -> Table:
    """Return the prior of a standard deviation: of levels, or of a curve about its line."""
    if own.role is Role.CURVE_SD or model.is_survival or own.owner in model.joint:
        return _table("HalfNormal", {"sigma": 0.5}, "differences of more than 2.7 times are unlikely")
    return _table("HalfNormal", {"sigma": 1.0}, "differences of more than 7 times in odds are unlikely (Roever 2021)")


def _of_family(model: Model, own: Parameter) -> Table:
    """Return the prior of a family's own parameter, by where it lies and what it is counted per."""
    if own.dims == ("gap",) and own.support is POSITIVE:
        words = "from one cutpoint to the next the odds fall about 5 times, from hardly at all to 260 times"
        return _table("Gamma", {"alpha": 2.0, "beta": 1.0}, words)
    if own.per_time:
        sigma = float(f"{0.5 / YEAR[model.outcome.unit]:.1g}")
        return _normal(0.0, sigma, "over a year the hazard falls or rises up to about 2.7 times")
    if own.name.endswith("_sd"):
        return _table("HalfNormal", {"sigma": 0.5}, "steps of more than 2.7 times in the hazard are unlikely")
    if own.support is POSITIVE:
        return _table("LogNormal", {"mu": 0.0, "sigma": 0.5}, f"{own.name} of 1 is the middle, from 0.38 to 2.7")
    return _normal(0.0, 1.5, "0 is the middle, from -2.9 to 2.9")


def _worst(model: Model) -> float:
    """Return where the first cutpoint lies if all categories are alike: 0 between any two of an adjacent link."""
    return round(-math.log(len(model.outcome.levels) - 1), 1) if model.link == "cumulative" else 0.0


def _median_time(model: Model, what: str) -> Table:
    median, upper = _placeholders(model)
    return {"from": "median_time", "median": median, "upper": upper, "why": f"{REPLACE}; {_placeholder(model, what)}"}


def _placeholders(model: Model) -> tuple[int, int]:
    """Return a year and ten, in the outcome's unit."""
    year = YEAR[model.outcome.unit]
    return year, TENFOLD * year


def _placeholder(model: Model, what: str) -> str:
    median, upper = _placeholders(model)
    unit = model.outcome.unit
    return f"no default can know {what}: {median} {unit}, 97.5% below {upper}, are placeholders"


def _median_as_normal(model: Model) -> tuple[float, float]:
    """Return mean and standard deviation of the linear predictor that the placeholders mean."""
    family = model.of_family
    stated = {own.name: own for own in family.parameters_of(model.form) if own.is_stated}
    priors = {name: _read(_of_family(model, own)) for name, own in stated.items()}
    link = of_median_time(model.family, model.effects, priors, model.knots, "")
    median, upper = _placeholders(model)
    prior = read_prior(
        {"from": "median_time", "median": median, "upper": upper}, file="", key="", scales={"median_time": link}
    )
    return round(prior.parameters["mu"], 2), round(prior.parameters["sigma"], 2)


def _read(table: Table) -> Prior:
    return read_prior(table, file="", key="")


def _normal(mu: float, sigma: float, why: str) -> Table:
    return _table("Normal", {"mu": mu, "sigma": sigma}, why)


def _table(dist: str, numbers: Mapping[str, float], why: str) -> Table:
    return {"dist": dist, **numbers, "why": f"{REPLACE}; {why}"}
