"""Between a linear predictor and the median survival it means, the family's own parameters at stated values."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from casepool.modelling.arrays import NUMPY
from casepool.modelling.families import FAMILIES
from casepool.modelling.priors import Prior, frozen

HALVINGS = 80
LONGEST = 200.0
"""Largest logarithm of an operational time."""


def log_hazard_at(
    family: str, values: Mapping[str, np.ndarray], log_time: np.ndarray | float, knots: tuple[float, ...]
) -> np.ndarray:
    """Return the baseline's log cumulative hazard at a log time; a hazard made of pieces stands constant.

    Parameters
    ----------
    family : str
    values : mapping of str to array
        The family's own parameters.
    log_time : array or float
    knots : tuple of float
        Of M-splines, whose cumulative hazard at the last knot is 1.
    """
    entry = FAMILIES[family]
    if entry.baseline is None:
        raise ValueError(f"{family} is no survival family")
    if entry.shape_keys:
        return np.asarray(log_time - math.log(knots[-1] if knots else 1.0))
    with np.errstate(over="ignore", divide="ignore"):
        return np.asarray(np.log(entry.baseline.cumulative_hazard(np.exp(log_time), values, NUMPY)))


def log_median(family: str, values: Mapping[str, np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    """Return the log of the operational time at which the baseline's survival is one half, by bisection."""
    low, high = np.full(shape, -LONGEST), np.full(shape, LONGEST)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        alive = log_hazard_at(family, values, middle, ()) < math.log(math.log(2))
        low, high = np.where(alive, middle, low), np.where(alive, high, middle)
    return np.asarray((low + high) / 2)


def of_median_time(
    family: str, effects: str, priors: Mapping[str, Prior], knots: tuple[float, ...]
) -> Callable[[float], float]:
    """Return what turns a median survival into the intercept, the family's parameters at their priors' medians."""
    names = [name for name in FAMILIES[family].parameters if name in priors]
    values = {name: np.asarray(frozen(priors[name]).ppf([0.5]), float) for name in names}

    def intercept(median: float) -> float:
        if effects == "accelerated":
            return math.log(median) - float(log_median(family, values, (1,))[0])
        return math.log(math.log(2)) - float(np.ravel(log_hazard_at(family, values, math.log(median), knots))[0])

    return intercept


def of_waiting_time(median: float) -> float:
    """Return the log intensity at which half have begun an exposure by `median`."""
    return math.log(math.log(2)) - math.log(median)
