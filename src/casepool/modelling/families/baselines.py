"""Baseline hazards of the parametric families, over any arrays."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from casepool.modelling.families.arrays import Array, Namespace

LOG_LOG_2 = math.log(math.log(2))
"""Log of the cumulative hazard at which survival is one half."""
TINY = 1e-300
"""Stands for a time of zero inside logarithms: 0 to a power has no derivative there."""

Parameters = Mapping[str, Array]


@dataclass(frozen=True)
class Baseline:
    """A survival family's baseline at operational time u > 0, its own parameters ending in an axis of one.

    Where effects may be accelerated, `log_median` is the log of the operational time at which survival is one half.
    `grows` is what of a time the log of the cumulative hazard grows with, where the family's own parameter goes to the
    end of its support; None where a likelihood has no maximum for other reasons alone.
    """

    cumulative_hazard: Callable[[Array, Parameters, Namespace], Array]
    log_hazard: Callable[[Array, Parameters, Namespace], Array]
    log_median: Callable[[Parameters], Array] | None = None
    grows: Callable[[Array], Array] | None = None


def _log(u: Array, xp: Namespace) -> Array:
    return xp.log(xp.maximum(u, TINY))


def _power(u: Array, exponent: Array, xp: Namespace) -> Array:
    return xp.exp(exponent * _log(u, xp))


EXPONENTIAL = Baseline(
    cumulative_hazard=lambda u, p, xp: u,
    log_hazard=lambda u, p, xp: 0.0 * u,
    log_median=lambda p: LOG_LOG_2,
)
WEIBULL = Baseline(
    cumulative_hazard=lambda u, p, xp: _power(u, p["shape"], xp),
    log_hazard=lambda u, p, xp: xp.log(p["shape"]) + (p["shape"] - 1.0) * _log(u, xp),
    log_median=lambda p: LOG_LOG_2 / p["shape"],
    grows=np.log,
)


def _gompertz_cumulative(u: Array, p: Parameters, xp: Namespace) -> Array:
    """(exp(shape u) - 1)/shape, continued through shape = 0 by its series."""
    shape = p["shape"]
    small = (shape > -1e-8) & (shape < 1e-8)
    safe = xp.where(small, 1.0, shape)
    return xp.where(small, u * (1.0 + shape * u / 2.0), xp.expm1(safe * u) / safe)


GOMPERTZ = Baseline(
    cumulative_hazard=_gompertz_cumulative,
    log_hazard=lambda u, p, xp: p["shape"] * u,
    grows=lambda u: u,
)


def _log_normal_log_hazard(u: Array, p: Parameters, xp: Namespace) -> Array:
    z = _log(u, xp) / p["scale"]
    log_density = -0.5 * z * z - 0.5 * math.log(2 * math.pi) - xp.log(p["scale"]) - _log(u, xp)
    return log_density - xp.log_normal_tail(z)


LOG_NORMAL = Baseline(
    cumulative_hazard=lambda u, p, xp: -xp.log_normal_tail(_log(u, xp) / p["scale"]),
    log_hazard=_log_normal_log_hazard,
    log_median=lambda p: 0.0,
    grows=np.log,
)
LOG_LOGISTIC = Baseline(
    cumulative_hazard=lambda u, p, xp: xp.softplus(_log(u, xp) / p["scale"]),
    log_hazard=lambda u, p, xp: -xp.log(p["scale"]) - _log(u, xp) - xp.softplus(-_log(u, xp) / p["scale"]),
    log_median=lambda p: 0.0,
    grows=np.log,
)
