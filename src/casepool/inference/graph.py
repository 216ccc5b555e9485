"""A Design becomes a plain ``pymc.Model``: named dims, everything a refit may vary in ``pm.Data``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytensor.tensor as pt

from casepool.cases import resolve_cases
from casepool.inference.fit_contents import observed
from casepool.inference.mixture import mixture_quantile
from casepool.modelling import Design, Model, make_design
from casepool.modelling import model as get_model
from casepool.modelling.arrays import Namespace
from casepool.modelling.borrowing import exchangeable, location, own_priors
from casepool.modelling.endpoints import steps
from casepool.modelling.families import FAMILIES
from casepool.modelling.likelihood import Data, data_of, has_nodes, has_shares, log_likelihood
from casepool.modelling.medians import follows_shape, given_shape, stated_times
from casepool.modelling.pieces import random_walk
from casepool.modelling.priors import Prior
from casepool.modelling.spec import Term
from casepool.modelling.wanted import wanted_priors


def _log_normal_tail(x: Any) -> Any:
    """Compute log P(Z > x), by the scaled complement in the upper tail, where the plain one underflows."""
    upper = pt.maximum(x, 0.0)
    tail = pt.log(pt.erfcx(upper / np.sqrt(2.0)) / 2.0) - upper**2 / 2.0
    return pt.where(x > 0, tail, pt.log1p(-pt.erfc(-pt.minimum(x, 0.0) / np.sqrt(2.0)) / 2.0))


SYMBOLIC = Namespace(
    exp=pt.exp,
    log=pt.log,
    expm1=pt.expm1,
    log1p=pt.log1p,
    maximum=pt.maximum,
    minimum=pt.minimum,
    where=pt.where,
    softplus=pt.softplus,
    sigmoid=pt.sigmoid,
    log_normal_tail=_log_normal_tail,
    logsumexp=lambda x: pt.logsumexp(x, axis=-1),
)

CONSTRUCTORS: dict[str, Callable[..., Any]] = {
    "Normal": pm.Normal,
    "StudentT": pm.StudentT,
    "HalfNormal": pm.HalfNormal,
    "HalfStudentT": pm.HalfStudentT,
    "Exponential": pm.Exponential,
    "Gamma": pm.Gamma,
    "LogNormal": pm.LogNormal,
    "Beta": pm.Beta,
}


def build(model: str | Path | Model, cases: str | Path | pd.DataFrame) -> pm.Model:
    """Build the PyMC model of a model and cases.

    Parameters
    ----------
    model : str or pathlib.Path or Model
        A bundled model's name, a model file, or a model.
    cases : str or pathlib.Path or pandas.DataFrame
        A bundled dataset's name, a folder, a file, or a frame.

    Returns
    -------
    pymc.Model
        Dimensions ``patient`` and one per factor; the observed variable ``outcome`` has one entry per patient
        in the fit, and its log probability sums out what is missing.

    Raises
    ------
    CasepoolError
        For a table or model that cannot be used.
    """
    return build_design(make_design(get_model(model), resolve_cases(cases)))


def build_design(design: Design) -> pm.Model:
    """Build the PyMC model of a Design."""
    with pm.Model(coords={"patient": list(design.patients), **labels(design)}) as built:
        parameters = _parameters(design)
        _missing(design, parameters)
        _observe(design, parameters)
    return built


def labels(design: Design) -> dict[str, list[str]]:
    """Return every dimension of a model's parameters with its labels."""
    model = design.model
    found: dict[str, list[str]] = {}
    for name, term in design.terms.items():
        coded = term.coded
        if coded.levels:
            found[name] = list(coded.levels if coded.term.kind == "group" else coded.coefficients)
        if has_shares(term):
            found[f"{name}_level"] = list(coded.levels)
        if coded.term.kind == "smooth":
            found[f"{name}_basis"] = [str(k + 1) for k in range(len(coded.term.knots) - 2)]
    if model.is_ordinal:
        found |= {"step": list(steps(model)), "gap": list(steps(model)[1:])}
    if design.pieces is not None:
        found |= {"piece": list(design.pieces.labels), "next_piece": list(design.pieces.labels[1:])}
    return found


def sizes(design: Design) -> str:
    """Describe the structure of a design's graph: equal descriptions share one compiled graph.

    The number of patients and of rows is none of it: a graph takes tables of any length.
    """
    model = design.model
    inputs = sorted((name, np.ndim(values)) for name, values in input_values(design).items())
    lengths = [(name, len(values)) for name, values in labels(design).items()]
    priors = [(name, model.prior(name).dist, follows_shape(model, name)) for name in prior_names(design)]
    terms = [
        (
            t.coded.term.kind,
            t.coded.term.borrowing,
            t.coded.term.own,
            t.coded.term.bounds,
            t.coded.term.centre,
            t.coded.term.scale,
            t.coded.term.knots,
            t.coded.term.by_category,
        )
        for t in design.terms.values()
    ]
    exposures = [(e.name, e.as_, e.dating == "intensity") for e in model.exposures.values()]
    return repr((model.family, model.form, inputs, lengths, priors, terms, exposures))


def prior_names(design: Design) -> list[str]:
    """Posterior names with a prior of their own, in the order of the linear predictor."""
    names = [name for name in wanted_priors(design.model) if not name.endswith("_own")]
    for name, term in design.terms.items():
        if has_nodes(term):
            names += [f"{name}_mean", f"{name}_spread"]
        if has_shares(term):
            names.append(f"{name}_share")
    return names


def shape_first(design: Design) -> list[str]:
    """Return `prior_names`, an intercept whose prior follows the shape behind the shape."""
    return sorted(prior_names(design), key=lambda name: follows_shape(design.model, name))


def input_values(design: Design) -> dict[str, np.ndarray]:
    """Return every array the graph takes as data, by name: what ``with_data`` may replace."""
    model = design.model
    values = {f"{name}_data": np.asarray(array) for name, array in data_of(design).arrays.items()}
    for name in prior_names(design):
        if follows_shape(model, name):
            values |= {key: np.array(value) for key, value in stated_times(model).items()}
            continue
        for parameter, value in model.prior(name).parameters.items():
            values[f"{name}_{parameter}"] = np.array(value)
    for name, term in design.terms.items():
        for parameter, array in own_priors(model, term.coded.term, term.coded.levels).items():
            values[f"{name}_own_{parameter}"] = array
        if term.coded.term.kind == "group" and term.coded.term.borrowing == "exnex":
            values[f"{name}_exchangeable"] = exchangeable(term.coded.term, term.coded.levels)
        if term.coded.term.kind == "group" and term.coded.term.borrowing == "robust":
            values[f"{name}_df"] = np.array(term.coded.term.df)
        if has_nodes(term) or has_shares(term):
            values[f"{name}_recorded"] = term.recorded
    if design.pieces is not None:
        values["hazard_constant"] = design.pieces.constant
    return values


def scattered(design: Design, built: pm.Model) -> set[Any]:
    """Return the variables whose starting points the sampler scatters by up to 1 about the centre of the prior.

    All but those counted per unit of time: a Gompertz shape that starts at 1 a month makes the hazard of a year e^12
    times that of its beginning, and a chain may never come back.
    """
    return {variable for variable in built.free_RVs if variable.name not in FAMILIES[design.model.family].per_time}


def prior_dims(design: Design, name: str) -> dict[str, int]:
    """Return the dimensions of a parameter with a prior of its own, and their lengths; none of a scalar."""
    owner, _, ending = name.rpartition("_")
    dims = {"cutpoint_gap": ["gap"]}.get(name, [])
    if ending == "share":
        dims = [f"{owner}_level"]
    if ending == "effect" and owner in design.terms:
        coded = design.terms[owner].coded
        dims = [owner] * bool(coded.coefficients) + ["step"] * coded.term.by_category
    return {dim: len(labels(design)[dim]) for dim in dims}


def _parameters(design: Design) -> dict[str, Any]:
    """Declare every parameter of the linear predictor and the family."""
    model = design.model
    made: dict[str, Any] = {}
    for name in shape_first(design):
        if follows_shape(model, name):
            made[name] = _of_median(design, name, made)
        else:
            made[name] = _declare(name, model.prior(name), prior_dims(design, name))
    for name, term in design.terms.items():
        if term.coded.term.kind == "group":
            effect = BORROWING[term.coded.term.borrowing](design, term.coded.term, made)
            if effect is not None:
                made[f"{name}_effect"] = effect
        if term.coded.term.kind == "smooth":
            made[f"{name}_wiggle"] = _scaled(f"{name}_wiggle", made[f"{name}_wiggle_sd"], f"{name}_basis")
    if design.pieces is not None:
        z = pm.Normal("log_hazard_z", 0.0, 1.0, dims="next_piece")
        constant = pm.Data("hazard_constant", design.pieces.constant)
        walk = random_walk(z, made["hazard_sd"], design.pieces, constant, SYMBOLIC)
        made["log_hazard"] = pm.Deterministic("log_hazard", walk, dims="piece")
    return made


def _declare(name: str, prior: Prior, dims: Mapping[str, int]) -> Any:
    """Declare one parameter, its prior's numbers as data."""
    numbers = {key: pm.Data(f"{name}_{key}", value) for key, value in prior.parameters.items()}
    shape, axes = tuple(dims.values()), tuple(dims) or None
    if prior.dist == "Fixed":
        return pm.Deterministic(name, pt.full(shape, numbers["value"]), dims=axes)
    if prior.dist == "Flat":
        return pm.Flat(name, dims=axes)
    if prior.dist == "Dirichlet":
        return pm.Dirichlet(name, pt.full(shape, numbers["concentration"]), dims=axes)
    return CONSTRUCTORS[prior.dist](name, **numbers, dims=axes)


def _of_median(design: Design, name: str, made: Mapping[str, Any]) -> Any:
    """Declare an intercept stated as a median survival: a standard normal moves the median, which the shape leaves."""
    stated = {key: pm.Data(key, value) for key, value in stated_times(design.model).items()}
    mean, sd = given_shape(design.model, stated, made, SYMBOLIC)
    return pm.Deterministic(name, mean + sd * pm.Normal(f"{name}_z", 0.0, 1.0))


def _scaled(name: str, sd: Any, dim: str) -> Any:
    """Declare independent normals of a common standard deviation, non-centred."""
    return pm.Deterministic(name, sd * pm.Normal(f"{name.removesuffix('_effect')}_z", 0.0, 1.0, dims=dim), dims=dim)


def _own(design: Design, term: Term) -> tuple[Any, Any]:
    own = own_priors(design.model, term, design.terms[term.name].coded.levels)
    mu, sigma = (pm.Data(f"{term.name}_own_{key}", own[key], dims=term.name) for key in ("mu", "sigma"))
    return mu, sigma


def _none(design: Design, term: Term, made: Mapping[str, Any]) -> Any:
    mu, sigma = _own(design, term)
    return pm.Normal(f"{term.name}_effect", mu, sigma, dims=term.name)


def _partial(design: Design, term: Term, made: Mapping[str, Any]) -> Any:
    return _scaled(f"{term.name}_effect", made[f"{term.name}_sd"], term.name)


def _robust(design: Design, term: Term, made: Mapping[str, Any]) -> Any:
    z = pm.StudentT(f"{term.name}_z", nu=pm.Data(f"{term.name}_df", term.df), mu=0.0, sigma=1.0, dims=term.name)
    return pm.Deterministic(f"{term.name}_effect", made[f"{term.name}_sd"] * z, dims=term.name)


def _exnex(design: Design, term: Term, made: Mapping[str, Any]) -> Any:
    """Two normals per level, membership summed out (Neuenschwander 2016); the effect is the image of a normal."""
    mu, sigma = _own(design, term)
    levels = design.terms[term.name].coded.levels
    p = pm.Data(f"{term.name}_exchangeable", exchangeable(term, levels), dims=term.name)
    if term.own == "level":
        mu = mu - location(design.model, made)
    z = pm.Normal(f"{term.name}_z", 0.0, 1.0, dims=term.name)
    effect = mixture_quantile(z, p, made[f"{term.name}_sd"], mu, sigma)
    return pm.Deterministic(f"{term.name}_effect", effect, dims=term.name)


BORROWING: dict[str, Callable[[Design, Term, Mapping[str, Any]], Any]] = {
    "none": _none,
    "complete": lambda design, term, made: None,
    "partial": _partial,
    "robust": _robust,
    "exnex": _exnex,
}
"""How levels of a factor inform each other: each makes the factor's effect."""


def _missing(design: Design, made: Mapping[str, Any]) -> None:
    """Let the recorded covariates inform the distribution of the missing ones."""
    for name, term in design.terms.items():
        recorded = pm.Data(f"{name}_recorded", term.recorded) if has_nodes(term) or has_shares(term) else None
        if has_nodes(term):
            density = pm.logp(pm.Normal.dist(made[f"{name}_mean"], made[f"{name}_spread"]), recorded)
            pm.Potential(f"{name}_of_the_recorded", density.sum())
        if has_shares(term):
            pm.Potential(f"{name}_of_the_recorded", (recorded * pt.log(made[f"{name}_share"])).sum())


def _observe(design: Design, made: Mapping[str, Any]) -> None:
    """Observe one outcome per patient, its log probability from the shared likelihood.

    The outcome's numbers enter the likelihood with the other data, spread over rows; so the observed variable
    hands its log probability on instead of computing it from its value again.
    """
    inputs = {name: pm.Data(f"{name}_data", np.asarray(array)) for name, array in data_of(design).arrays.items()}
    per_patient = log_likelihood(Data(design, inputs), made, SYMBOLIC)
    pm.CustomDist("outcome", per_patient, logp=lambda value, given: given, observed=observed(design), dims="patient")
