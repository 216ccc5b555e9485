"""Between a linear predictor and the median survival it means; an intercept's prior stated as a median survival."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy import stats

from casepool.modelling.arrays import NUMPY, Array, Namespace
from casepool.modelling.baselines import LOG_LOG_2
from casepool.modelling.families import FAMILIES
from casepool.modelling.priors import Z_UPPER, Prior, frozen
from casepool.modelling.spec import Model

STATED = ("intercept_log_median", "intercept_log_upper")
"""What a graph takes of an intercept stated as a median survival: its logarithm, and that of its 97.5% limit."""


def intercept_at(
    family: str, effects: str, values: Mapping[str, Array], log_time: Array, knots: tuple[float, ...], xp: Namespace
) -> Array:
    """Return the intercept at which the median survival is `exp(log_time)`; a hazard made of pieces stands constant.

    Parameters
    ----------
    family, effects : str
    values : mapping of str to array
        The family's own parameters.
    log_time : array or float
    knots : tuple of float
        Of M-splines, whose cumulative hazard at the last knot is 1.
    xp : Namespace
    """
    entry = FAMILIES[family]
    if entry.baseline is None:
        raise ValueError(f"{family} is no survival family")
    if entry.shape_keys:
        return LOG_LOG_2 - (log_time - math.log(knots[-1] if knots else 1.0))
    if effects == "accelerated" and entry.baseline.log_median is not None:
        return log_time - entry.baseline.log_median(values)
    return LOG_LOG_2 - xp.log(entry.baseline.cumulative_hazard(xp.exp(log_time), values, xp))


def at_prior_medians(family: str, priors: Mapping[str, Prior]) -> dict[str, np.ndarray]:
    """Return the family's own parameters at the medians of their priors, those that have any."""
    names = [name for name in FAMILIES[family].parameters if name in priors]
    return {name: np.asarray(frozen(priors[name]).ppf([0.5]), float) for name in names}


def of_median_time(
    family: str, effects: str, priors: Mapping[str, Prior], knots: tuple[float, ...]
) -> Callable[[float], float]:
    """Return what turns a median survival into the intercept, the family's parameters at their priors' medians."""
    values = at_prior_medians(family, priors)
    return lambda median: float(np.ravel(intercept_at(family, effects, values, math.log(median), knots, NUMPY))[0])


def of_waiting_time(median: float) -> float:
    """Return the log intensity at which half have begun an exposure by `median`."""
    return LOG_LOG_2 - math.log(median)


def follows_shape(model: Model, name: str) -> bool:
    """Say whether a prior is the intercept's, stated as a median survival, where a parameter of the family bends it.

    A median survival time of 23 months is another intercept under another Weibull shape: the prior of the intercept
    then depends on the shape, so that what was stated of the median holds whatever the shape.
    """
    family = FAMILIES[model.family]
    stated = name == "intercept" and model.prior(name).elicited.get("from") == "median_time"
    return stated and bool(family.parameters) and not family.shape_keys


def stated_times(model: Model) -> dict[str, float]:
    """Return the logarithms of the stated median and of its upper limit, by the names of `STATED`."""
    said = model.prior("intercept").elicited
    return {name: math.log(said[key]) for name, key in zip(STATED, ("median", "upper"), strict=True)}


def given_shape(
    model: Model, stated: Mapping[str, Array], values: Mapping[str, Array], xp: Namespace
) -> tuple[Array, Array]:
    """Return mean and standard deviation of the intercept given the family's own parameters.

    Under proportional Weibull effects the log of the median is then exactly normal; in every family the stated median
    and its upper limit hold exactly.
    """
    middle, upper = (
        intercept_at(model.family, model.effects, values, stated[name], model.knots, xp) for name in STATED
    )
    sign = 1.0 if model.effects == "accelerated" else -1.0
    return middle, sign * (upper - middle) / Z_UPPER


def frozen_given(model: Model, name: str, parameters: Mapping[str, np.ndarray]) -> Any:
    """Return a prior as an object with ``logpdf(x)`` and ``rvs(size, random_state)``, given the other parameters."""
    if not follows_shape(model, name):
        return frozen(model.prior(name))
    return stats.norm(*given_shape(model, stated_times(model), parameters, NUMPY))
