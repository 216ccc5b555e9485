"""Quantile functions of mixtures of normals: of two, how an exnex effect becomes a standard normal; of many, a prior's.

A level's effect has the density ``p Normal(0, sd) + (1 - p) Normal(centre, spread)``. Sampled as it stands, that
density is a funnel: where `sd` is small the effects of exchangeable levels are confined. As the image of a standard
normal z, ``effect = Q(Phi(z))``, the effect has the same density whatever `sd` is, and z keeps its scale.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special

STEPS = 200
"""Halvings after which any interval of doubles that matters is closed."""
ENOUGH = 1e-6
"""Step, in the smaller of the two standard deviations, after which the next one would not change a double."""
LARGEST_LOG = 700.0
"""Logarithms beyond which an exponential is no double."""
VERSION = 2
"""To be raised when `quantile` changes: code compiled from it is kept on disk by this number."""
SLOPE = math.sqrt(2.0 / math.pi)
"""Derivative of the complementary error function, as it enters here, at zero."""


def quantile(z: float, p: float, sd: float, centre: float, spread: float) -> float:
    """Return the x at which ``p Phi(x / sd) + (1 - p) Phi((x - centre) / spread)`` is ``Phi(z)``.

    Parameters
    ----------
    z : float
        Standard normal quantile of the probability.
    p : float
        Share of the first normal, 0 and 1 included.
    sd : float
        Standard deviation of the first normal, whose mean is 0.
    centre, spread : float
        Mean and standard deviation of the second normal.

    Returns
    -------
    float

    Notes
    -----
    The root lies between the quantiles of the two normals. Halley's steps, three as a rule, are taken where they stay
    inside and shrink fast enough, halving otherwise. Always in the lower tail, where probabilities keep their digits:
    the upper one is its mirror image.
    """
    side = -1.0 if z > 0.0 else 1.0
    z, centre = side * z, side * centre
    if p >= 1.0:
        return side * sd * z
    if p <= 0.0:
        return side * (centre + spread * z)
    low, high = min(sd * z, centre + spread * z), max(sd * z, centre + spread * z)
    root = math.sqrt(2.0)
    target = math.erfc(-z / root)
    x = low + p * (high - low) if sd * z > centre + spread * z else high - p * (high - low)
    last = high - low
    enough = ENOUGH * min(sd, spread)
    for _ in range(STEPS):
        a, b = x / sd, (x - centre) / spread
        excess = p * math.erfc(-a / root) + (1.0 - p) * math.erfc(-b / root) - target
        if excess < 0.0:
            low = x
        else:
            high = x
        first, second = p * math.exp(-0.5 * a * a) / sd, (1.0 - p) * math.exp(-0.5 * b * b) / spread
        slope = (first + second) * SLOPE
        step = math.inf
        if slope > 0.0:
            step = excess / slope
            bend = 1.0 + 0.5 * step * (first * a / sd + second * b / spread) / (first + second)
            step = step / bend if bend > 0.5 else step
        if abs(step) <= enough:
            return side * (x - step)
        new = x - step
        if not low < new < high or abs(step) > 0.5 * last:
            new = 0.5 * (low + high)
        last, x = abs(new - x), new
        if last <= 1e-15 * abs(x) or high <= low:
            break
    return side * x


def mixture_quantiles(z: Any, p: Any, sd: Any, centre: Any, spread: Any) -> Any:
    """Return `quantile` of arrays that broadcast."""
    return np.vectorize(quantile, otypes=[float])(z, p, sd, centre, spread)


def normals_quantile(z: Any, weights: Any, mu: Any, sigma: Any) -> np.ndarray:
    """Return the x at which normals in any number, weighed, have as much below them as a standard normal has below z.

    Parameters
    ----------
    z : array
    weights, mu, sigma : array (components,)

    Notes
    -----
    Newton's steps on the scale of z, on which the equation is a straight line where one component dominates, held
    within the components' own quantiles. Of each z the smaller tail is solved for, in logarithms.
    """
    z, log_w = np.asarray(z, dtype=float), np.log(weights)
    mu, sigma = np.asarray(mu, dtype=float), np.asarray(sigma, dtype=float)
    side = np.where(z > 0.0, -1.0, 1.0)
    target = side * z
    own = mu + sigma * z[..., None]
    low, high = own.min(axis=-1), own.max(axis=-1)
    x = (np.exp(log_w) * own).sum(axis=-1)
    for _ in range(STEPS):
        apart = (x[..., None] - mu) / sigma
        log_tail = _log_sum(log_w + special.log_ndtr(side[..., None] * apart))
        at = special.ndtri_exp(log_tail)
        log_slope = _log_sum(log_w - np.log(sigma) - 0.5 * apart**2) + 0.5 * at**2
        excess = side * (at - target)
        low, high = np.where(excess <= 0.0, x, low), np.where(excess >= 0.0, x, high)
        step = excess * np.exp(-np.clip(log_slope, -LARGEST_LOG, LARGEST_LOG))
        new = x - step
        inside = (new > low) & (new < high)
        done = (np.abs(step) <= 1e-3 * ENOUGH * sigma.min()) | (high - low <= 1e-15 * np.abs(x))
        x = np.where(inside | done, new, 0.5 * (low + high))
        if done.all():
            break
    return np.asarray(x)


def _log_sum(x: np.ndarray) -> np.ndarray:
    top = x.max(axis=-1)
    return np.asarray(top + np.log(np.exp(x - top[..., None]).sum(axis=-1)))
