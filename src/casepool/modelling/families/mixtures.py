"""The quantile function of a mixture of two normals: how an exnex effect becomes a standard normal.

A level's effect has the density ``p Normal(0, sd) + (1 - p) Normal(centre, spread)``. Sampled as it stands, that
density is a funnel: where `sd` is small the effects of exchangeable levels are confined. As the image of a standard
normal z, ``effect = Q(Phi(z))``, the effect has the same density whatever `sd` is, and z keeps its scale.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

STEPS = 200
"""Halvings after which any interval of doubles that matters is closed."""
ENOUGH = 1e-6
"""Step, in the smaller of the two standard deviations, after which the next one would not change a double."""
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
