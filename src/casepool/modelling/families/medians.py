"""Between a linear predictor and the median survival it means."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import override

import numpy as np

from casepool.modelling.families.arrays import Array, Namespace
from casepool.modelling.families.baselines import LOG_LOG_2
from casepool.modelling.families.distributions import Numbers
from casepool.modelling.families.parameters import Arrays, Image, Laid
from casepool.modelling.families.priors import Z_UPPER
from casepool.modelling.families.registry import Family

STATED = ("intercept_log_median", "intercept_log_upper")
"""What a graph takes of an intercept stated as a median survival: its logarithm, and that of its 97.5% limit."""


def intercept_at(
    family: Family, effects: str, values: Mapping[str, Array], log_time: Array, knots: tuple[float, ...], xp: Namespace
) -> Array:
    """Return the intercept at which the median survival is `exp(log_time)`; a hazard made of pieces stands constant.

    Parameters
    ----------
    family : Family
        Of survival times.
    effects : str
    values : mapping of str to array
        The family's own parameters.
    log_time : array or float
    knots : tuple of float
        Of M-splines, whose cumulative hazard at the last knot is 1.
    xp : Namespace
    """
    if family.baseline is None:
        raise ValueError("this is no survival family")
    if family.shape_keys:
        return LOG_LOG_2 - (log_time - math.log(knots[-1] if knots else 1.0))
    if effects == "accelerated" and family.baseline.log_median is not None:
        return log_time - family.baseline.log_median(values)
    return LOG_LOG_2 - xp.log(family.baseline.cumulative_hazard(xp.exp(log_time), values, xp))


@dataclass(frozen=True)
class MedianTime(Image):
    """An intercept stated as a median survival and its 97.5% limit, which the family's parameters bend.

    A median survival time of 23 months is another intercept under another Weibull shape: given the shape the
    intercept is normal, so that what was stated of the median holds whatever the shape. Under proportional Weibull
    effects the log of the median is then exactly normal; in every family the stated median and its upper limit hold
    exactly.

    Parameters
    ----------
    family : Family
    effects : str
    median, upper : float
        In the outcome's unit.
    """

    family: Family
    effects: str
    median: float
    upper: float

    @override
    def inputs(self, laid: Laid) -> dict[str, np.ndarray]:
        return {name: np.array(math.log(t)) for name, t in zip(STATED, (self.median, self.upper), strict=True)}

    @override
    def numbers(self, inputs: Arrays, made: Arrays, xp: Namespace) -> Numbers:
        middle, upper = (intercept_at(self.family, self.effects, made, inputs[name], (), xp) for name in STATED)
        sign = 1.0 if self.effects == "accelerated" else -1.0
        return {"mu": middle, "sigma": sign * (upper - middle) / Z_UPPER}
