"""Pointwise confidence limits along a survival curve."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from casepool.errors import CasepoolError
from casepool.frequentist.counting_process import Floats
from casepool.frequentist.curves import StepCurve, step_at
from casepool.frequentist.proportions import check_confidence

Scale = Literal["plain", "log", "log-log", "logit"]


@dataclass(frozen=True)
class _Transform:
    """A scale on which survival is taken as normal: there, back, and the size of the slope times survival."""

    to: Callable[[Floats], Floats]
    back: Callable[[Floats], Floats]
    slope: Callable[[Floats], Floats]


# By the delta method the standard error on a scale g is |g'(S)| S sqrt(greenwood); `slope` is |g'(S)| S.
TRANSFORMS: dict[str, _Transform] = {
    "plain": _Transform(lambda s: s, lambda g: g, lambda s: s),
    "log": _Transform(np.log, np.exp, np.ones_like),
    "log-log": _Transform(lambda s: -np.log(-np.log(s)), lambda g: np.exp(-np.exp(-g)), lambda s: -1 / np.log(s)),
    "logit": _Transform(special.logit, special.expit, lambda s: 1 / (1 - s)),
}


def survival_limits(curve: StepCurve, scale: Scale = "log-log", confidence: float = 0.95) -> tuple[Floats, Floats]:
    """Pointwise confidence limits of survival, from each step on.

    Parameters
    ----------
    curve : StepCurve
    scale : {"plain", "log", "log-log", "logit"}
        The scale on which the estimate is taken as normal; "plain" is Greenwood's.
    confidence : float
        Between 0 and 1, both excluded.

    Returns
    -------
    lower, upper : numpy.ndarray of float, (steps,)
        Cut off at 0 and 1. NaN where survival is 0, because Greenwood's variance is undefined there.

    Raises
    ------
    CasepoolError
        For an unknown scale, or a confidence outside (0, 1).

    Notes
    -----
    Greenwood (1926); Kalbfleisch and Prentice (1980) for log-log; Klein and Moeschberger (2003), section 4.3.
    """
    transform = _transform(scale)
    check_confidence(confidence)
    s = np.where(curve.survival > 0, curve.survival, np.nan)
    centre = transform.to(s)
    reach = -special.ndtri((1 - confidence) / 2) * transform.slope(s) * np.sqrt(curve.greenwood)
    lower, upper = transform.back(centre - reach), transform.back(centre + reach)
    return np.clip(lower, 0, 1), np.clip(upper, 0, 1)


def survival_limits_at(
    curve: StepCurve, t: ArrayLike, scale: Scale = "log-log", confidence: float = 0.95
) -> tuple[Floats, Floats]:
    """Pointwise confidence limits of survival at given times.

    Parameters
    ----------
    curve : StepCurve
    t : array_like of float
        Times in the unit of the data.
    scale, confidence
        As in `survival_limits`.

    Returns
    -------
    lower, upper : numpy.ndarray of float, shape of `t`
        (1, 1) before the first event, where the variance estimate is 0; NaN where survival is 0 and beyond
        the last follow-up.

    Raises
    ------
    CasepoolError
        As `survival_limits`.
    """
    lower, upper = survival_limits(curve, scale, confidence)
    return step_at(curve, lower, t, before=1.0), step_at(curve, upper, t, before=1.0)


def _transform(scale: str) -> _Transform:
    """Look a scale up."""
    if scale not in TRANSFORMS:
        raise CasepoolError("unknown scale for survival limits", remedy=f"use one of {sorted(TRANSFORMS)}", value=scale)
    return TRANSFORMS[scale]
