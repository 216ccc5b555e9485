"""A Design becomes a plain ``pymc.Model``: named dims, everything a refit may vary in ``pm.Data``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytensor.tensor as pt

from casepool.cases import resolve_cases
from casepool.inference.mixture import mixture_quantile
from casepool.inference.outcome_variable import declare_outcome
from casepool.inference.own_distributions import OWN
from casepool.modelling import Design, Model, make_design
from casepool.modelling import model as get_model
from casepool.modelling.design.density import prior_constants, prior_inputs
from casepool.modelling.design.likelihood import data_of, log_recorded
from casepool.modelling.families.arrays import Namespace
from casepool.modelling.families.distributions import Distribution, Numbers
from casepool.modelling.families.facts import structure
from casepool.modelling.families.names import input_of, recorded_of
from casepool.modelling.families.parameters import STANDARD, Arrays, Parameter
from casepool.modelling.families.supports import SIMPLEX


def _log_normal_tail(x: Any) -> Any:
    """Compute log P(Z > x), by the scaled complement in the upper tail, where the plain one underflows."""
    upper = pt.maximum(x, 0.0)
    tail = pt.log(pt.erfcx(upper / np.sqrt(2.0)) / 2.0) - upper**2 / 2.0
    return pt.where(x > 0, tail, pt.log1p(-pt.erfc(-pt.minimum(x, 0.0) / np.sqrt(2.0)) / 2.0))


def _below(z: Any) -> Any:
    """Compute P(Z < z), its digits kept in the lower tail."""
    return pt.erfc(-z / np.sqrt(2.0)) / 2.0


def _beta_quantile(z: Any, alpha: Any, beta: Any) -> Any:
    low = pt.betaincinv(alpha, beta, _below(z))
    return pt.where(z < 0, low, 1.0 - pt.betaincinv(beta, alpha, _below(-z)))


def _student_quantile(z: Any, nu: Any) -> Any:
    """By the Beta distribution of nu / (nu + t^2), which is small where t is far out."""
    rest = pt.betaincinv(nu / 2.0, 0.5, 2.0 * _below(-pt.abs(z)))
    return pt.sign(z) * pt.sqrt(nu * (1.0 - rest) / rest)


def _refuse_normals(*_: Any) -> Any:
    raise NotImplementedError("a graph samples the parameter of a Mixture itself, and needs no quantile")


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
    logsumexp_of_rows=lambda rows, numbers, log_weight: pt.logsumexp(rows[..., numbers] + log_weight, axis=-1),
    concatenate=lambda parts: pt.concatenate(parts, axis=-1),
    half_normal_quantile=lambda z: np.sqrt(2.0) * pt.where(z < 0, pt.erfinv(_below(z)), pt.erfcinv(_below(-z))),
    student_quantile=_student_quantile,
    gamma_quantile=lambda z, alpha: pt.where(
        z < 0, pt.gammaincinv(alpha, _below(z)), pt.gammainccinv(alpha, _below(-z))
    ),
    beta_quantile=_beta_quantile,
    mixture_quantile=mixture_quantile,
    normals_quantile=_refuse_normals,
)


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

    See Also
    --------
    adopt, fit

    Examples
    --------
    >>> import casepool as cp
    >>> graph = cp.build("basket_pooled", "sarcoma_imatinib")
    >>> [variable.name for variable in graph.free_RVs]
    ['intercept']
    """
    return build_design(make_design(get_model(model), resolve_cases(cases)))


def build_design(design: Design) -> pm.Model:
    """Build the PyMC model of a Design."""
    dims = {dim: list(names) for dim, names in design.laid.labels.items()}
    with pm.Model(coords={"patient": list(design.patients), **dims}) as built:
        inputs = {name: pm.Data(name, values) for name, values in input_values(design).items()}
        made: dict[str, Any] = {}
        for parameter in design.declared:
            all_inputs = inputs | prior_constants(design)
            made[parameter.name] = _declared(parameter, design, all_inputs, made)
            if not parameter.given.is_exact:
                beyond = parameter.correction(made[parameter.name], all_inputs, made, SYMBOLIC)
                pm.Potential(f"{parameter.name}_together", beyond.sum())
        recorded = {name: inputs[recorded_of(name)] for name in design.recorded}
        for name, log_p in log_recorded(design, recorded, made, SYMBOLIC).items():
            pm.Potential(f"{name}_of_the_recorded", log_p)
        arrays = {name: inputs[input_of(name)] for name in data_of(design).arrays}
        declare_outcome(design, arrays, made, SYMBOLIC)
    return built


def structure_key(design: Design) -> str:
    """Describe the structure of a design's graph: equal descriptions share one compiled graph.

    All of the model but what its nouns declare to be data, all of its parameters but the numbers of their priors, and
    the number of axes of every input. The number of patients and of rows is none of it: a graph takes tables of any
    length.
    """
    inputs = sorted((name, np.ndim(values)) for name, values in input_values(design).items())
    laws = [(own.name, type(own.given).__name__, own.given.distribution.name) for own in design.declared]
    shapes = [(own.dims, own.shape(design.laid), own.coordinate_shape(design.laid)) for own in design.declared]
    return repr((structure(design.model), design.model.form, inputs, laws, shapes))


def input_values(design: Design) -> dict[str, np.ndarray]:
    """Return every array the graph takes as data, by name: what ``with_data`` may replace."""
    values = {input_of(name): np.asarray(array) for name, array in data_of(design).arrays.items()}
    values |= {recorded_of(name): recorded for name, recorded in design.recorded.items()}
    return values | prior_inputs(design)


def scattered(design: Design, built: pm.Model) -> set[Any]:
    """Return the variables whose starting points the sampler scatters by up to 1 about the centre of the prior.

    All but those counted per unit of time: a Gompertz shape that starts at 1 a month makes the hazard of a year e^12
    times that of its beginning, and a chain may never come back.
    """
    fine = {own.coordinate for own in design.parameters if own.per_time}
    return {variable for variable in built.free_RVs if variable.name not in fine}


def _declared(parameter: Parameter, design: Design, inputs: Arrays, made: Arrays) -> Any:
    """Declare one parameter, or the standard variable it is the image of."""
    law = parameter.given
    numbers = law.numbers(inputs, made, SYMBOLIC)
    if not parameter.is_free:
        values = pt.full(parameter.shape(design.laid), numbers["value"])
        return pm.Deterministic(parameter.name, values, dims=parameter.dims or None)
    if law.centred:
        return _variable(parameter.name, law.distribution, numbers, parameter, design)
    standard = {**numbers, **STANDARD}
    x = _variable(parameter.coordinate, law.standard, standard, parameter, design)
    return pm.Deterministic(parameter.name, law.from_standard(x, numbers, SYMBOLIC), dims=parameter.dims or None)


def _variable(name: str, distribution: Distribution, numbers: Numbers, parameter: Parameter, design: Design) -> Any:
    """Declare a variable with PyMC's distribution of the same name."""
    arguments = {distribution.argument.get(key, key): numbers[key] for key in distribution.parameters}
    if distribution.support is SIMPLEX:
        arguments = {key: pt.full(parameter.shape(design.laid), value) for key, value in arguments.items()}
    declare = OWN.get(distribution.in_pymc) or getattr(pm, distribution.in_pymc)
    return declare(name, **arguments, dims=parameter.moving_dims or None)
