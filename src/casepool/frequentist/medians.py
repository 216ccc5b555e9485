"""Median survival: the estimate with an explicit rule at one half, and its intervals."""

from __future__ import annotations

from fractions import Fraction
from itertools import accumulate
from operator import mul
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from casepool.errors import CasepoolError
from casepool.frequentist.confidence_limits import Scale, survival_limits
from casepool.frequentist.counting_process import Floats
from casepool.frequentist.curves import StepCurve
from casepool.frequentist.proportions import check_confidence

NEAR_HALF = 1e-9
"""How near 1/2 survival counts as 1/2 where weights are fractional; with whole weights it is exact."""


def median(curve: StepCurve, at_half: Literal["midpoint", "first", "last"] = "midpoint") -> float:
    """Median survival time.

    Parameters
    ----------
    curve : StepCurve
    at_half : {"midpoint", "first", "last"}
        The rule where survival equals 1/2 exactly over an interval: its middle (as for the median of an even
        number of values; R's survfit), its start, or its end. If follow-up ends on that interval, its middle
        is taken between its start and the last follow-up, and its end is not reached.

    Returns
    -------
    float
        In the unit of the data; inf if survival stays above 1/2, NaN without patients.

    Raises
    ------
    CasepoolError
        For an unknown rule.

    Notes
    -----
    Whether survival equals 1/2 is decided in rational arithmetic if all weights are whole, and within
    `NEAR_HALF` otherwise; never by the luck of rounding.
    """
    if at_half not in {"midpoint", "first", "last"}:
        raise CasepoolError(
            "unknown rule for survival of exactly one half",
            remedy="use 'midpoint', 'first' or 'last'",
            value=at_half,
        )
    if curve.spells.time.size == 0:
        return np.nan
    side = side_of_half(curve)
    first, last = _first(curve.times, side <= 0), _first(curve.times, side < 0)
    if at_half == "midpoint" and np.isfinite(first):
        return (first + (last if np.isfinite(last) else curve.spells.end)) / 2 if (side == 0).any() else first
    return last if at_half == "last" else first


def side_of_half(curve: StepCurve) -> NDArray[np.int64]:
    """Say on which side of 1/2 survival lies, step by step.

    Parameters
    ----------
    curve : StepCurve

    Returns
    -------
    numpy.ndarray of int, (steps,)
        1 above, 0 at, -1 below one half; exact if all weights are whole.
    """
    if np.issubdtype(curve.at_risk.dtype, np.integer):
        steps = zip(curve.survivors.tolist(), curve.at_risk.tolist(), strict=True)
        exact = accumulate((Fraction(left, n) for left, n in steps), mul)
        return np.array([(s > Fraction(1, 2)) - (s < Fraction(1, 2)) for s in exact], dtype=np.int64)
    away = curve.survival - 0.5
    return np.where(np.abs(away) <= NEAR_HALF, 0, np.sign(away)).astype(np.int64)


def brookmeyer_crowley(curve: StepCurve, scale: Scale = "log-log", confidence: float = 0.95) -> tuple[float, float]:
    """Interval for the median by inverting the test of survival one half.

    Parameters
    ----------
    curve : StepCurve
    scale : {"plain", "log", "log-log", "logit"}
        The scale of the test; "plain" is the original.
    confidence : float
        Between 0 and 1, both excluded.

    Returns
    -------
    lower, upper : float
        Where the lower and the upper pointwise limit first reach 1/2. NaN for a lower limit never reached,
        which the data leave open; inf for an upper one.

    Raises
    ------
    CasepoolError
        As `survival_limits`.

    Notes
    -----
    Brookmeyer and Crowley (1982), Biometrics 38, 29-41. Limits are undefined where survival is 0, so there
    they are not reached, as in R's survfit.
    """
    below, above = survival_limits(curve, scale, confidence)
    lower, upper = _first(curve.times, below <= 0.5), _first(curve.times, above <= 0.5)
    return (lower if np.isfinite(lower) else np.nan), upper


def order_statistic_interval(times: ArrayLike, confidence: float = 0.95) -> tuple[float, float]:
    """Distribution-free interval for the median of uncensored times, by inverting the sign test.

    Parameters
    ----------
    times : array_like of float, (patients,)
        Uncensored times, 0 or later.
    confidence : float
        Between 0 and 1, both excluded; the interval covers at least that.

    Returns
    -------
    lower, upper : float
        Two order statistics; (0, inf) with too few patients for any (below 6 at 95%).

    Raises
    ------
    CasepoolError
        For a confidence outside (0, 1), or times that are negative or missing.

    Notes
    -----
    Conover (1999), Practical Nonparametric Statistics, section 3.2; computed by `scipy.stats.quantile_test`.
    """
    check_confidence(confidence)
    known = np.asarray(times, dtype=float)
    if known.ndim != 1 or not np.all(known >= 0):
        raise CasepoolError(
            "times must be one flat column of numbers, 0 or later",
            remedy="leave out what is missing",
            value=times,
        )
    if known.size == 0:
        return 0.0, np.inf
    from scipy import stats  # a second to load

    found = stats.quantile_test(known, p=0.5).confidence_interval(confidence)
    lower, upper = float(found.low), float(found.high)
    return (0.0 if np.isnan(lower) else lower), (np.inf if np.isnan(upper) else upper)


def _first(times: Floats, reached: NDArray[np.bool_]) -> float:
    """Find the first time at which a condition holds; inf if it never does."""
    return float(times[np.argmax(reached)]) if reached.any() else np.inf
