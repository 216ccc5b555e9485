"""A smooth term's curve: what it adds to its straight line, as truncated powers over any arrays."""

from __future__ import annotations

from functools import cache

import numpy as np

from casepool.modelling.families.arrays import Array, Namespace


def wiggle(values: Array, coefficients: Array, knots: tuple[float, ...], xp: Namespace) -> Array:
    """Return a natural cubic spline's deviation from its straight line.

    Parameters
    ----------
    values : array (..., rows)
    coefficients : array (..., knots less two)
        Of independent normals with standard deviation s, the deviation at the knots has the root mean square s.
    knots : tuple of float
        Rising, in the unit of `values`. Between them the curve is cubic, outside straight.

    Returns
    -------
    array (..., rows)

    Notes
    -----
    Coefficients weigh curves so that a curve's prior density falls with its integrated squared second derivative, as
    in a smoothing spline (Green and Silverman 1994, Wood 2017). The straight line is the least-squares one at the
    knots. Nothing here depends on the data, so a prior means the same in every table.
    """
    weights = coefficients @ truncated_powers(knots)
    total = weights[..., 0][..., None] + weights[..., 1][..., None] * values
    for k, knot in enumerate(knots):
        total = total + weights[..., 2 + k][..., None] * xp.maximum(values - knot, 0.0) ** 3
    return total


@cache
def truncated_powers(knots: tuple[float, ...]) -> np.ndarray:
    """Return each basis curve's weights of 1, t and (t - knot)+^3 for every knot: array (knots - 2, knots + 2)."""
    t = np.array(knots)
    natural = _natural(t)
    shapes = np.linalg.solve(np.linalg.cholesky(_roughness(t, natural)), natural)
    at_knots = np.maximum(t[:, None] - t, 0.0) ** 3 @ shapes.T
    line = np.column_stack([np.ones(len(t)), t])
    fitted = np.linalg.lstsq(line, at_knots)[0]
    size = np.sqrt(((at_knots - line @ fitted) ** 2).sum() / len(t))
    return np.asarray(np.hstack([-fitted.T, shapes]) / size)


def _natural(t: np.ndarray) -> np.ndarray:
    """Return the natural cubic splines that vanish before their knot, as weights of the truncated powers.

    Hastie, Tibshirani and Friedman 2009, equation 5.4: array (knots - 2, knots).
    """
    last = len(t) - 1
    d = (np.eye(len(t))[:last] - np.eye(len(t))[last]) / (t[last] - t[:last, None])
    return np.asarray(d[:-1] - d[-1])


def _roughness(t: np.ndarray, natural: np.ndarray) -> np.ndarray:
    """Return the integrals of products of second derivatives, which are straight between knots: Simpson is exact."""
    middle = (t[1:] + t[:-1]) / 2
    first, centre, second = (6 * np.maximum(at[:, None] - t, 0.0) @ natural.T for at in (t[:-1], middle, t[1:]))
    width = np.diff(t)[:, None, None] / 6
    products = [width * weight * x[:, :, None] * x[:, None, :] for weight, x in ((1, first), (4, centre), (1, second))]
    return np.asarray(sum(products).sum(axis=0))
