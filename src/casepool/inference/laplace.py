"""A map under which a posterior is nearly standard normal, made from its mode: where a sampler begins and how it moves.

Three spaces. *x* are the standard normals of `Density.from_normal`. *y* is x less what it owes to the standard
deviations of factors (`casepool.inference.centring`). *e* is y whitened by the curvature at the mode, each axis bent
where the posterior is skewed. Every map's Jacobian is in the density, so nothing is approximated: a poor map makes the
sampler slow, not wrong.

References
----------
Jones and Pewsey 2009 (the sinh-arcsinh transform, of which ours is the one that skews alone).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from casepool.inference.centring import Centring, centring
from casepool.inference.drawn import EngineRefusal
from casepool.modelling.design.density import Density
from casepool.modelling.families.arrays import NUMPY, Array, Namespace
from casepool.modelling.families.gradients import TRACED
from casepool.modelling.families.tape import value_and_gradient

MOST_AT_ONCE, LEAST_AT_ONCE = 256, 8
NUMBERS_AT_ONCE = 60_000
"""Rows of all points whose densities are computed together: as many as stay in the processor's own memory."""
MOST_STEPS = 80
"""Newton steps to the mode before it is given up."""
NEAR = 1e-6
"""Expected gain in log density below which a Newton step is the last."""
FLAT = 1e-7
"""Curvature below which a direction has none."""
DIFFERENCE = 1e-4
"""Step of the differences of gradients that make the curvature."""
LEAST_CURVATURE = 0.05
"""What stands in for the curvature of a direction in which the posterior is not concave at its mode."""
LOOK = 1.5
"""How many standard deviations from the mode skewness is looked for."""
MOST_BEND = 0.9
"""Of the slope of the stretch: at 1 it would be level on one side, and not reach everywhere."""
LEAST_FALL, MOST_FALL = 0.15, 30.0
"""Of the log density on the way there, taken at its word."""
Differentiable = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""From points (points, size) to values (points,) and gradients (points, size)."""


@dataclass(frozen=True)
class NormalMap:
    """From e, nearly standard normal under the posterior, to x, standard normal under the prior.

    Parameters
    ----------
    density : Density
    centring : Centring
    mean : array (size,)
    root : array (size, size)
        Of the covariance in y; the globals come first among its columns.
    bend : array (size,)
        How the slope of every e differs between its two sides, from -1 to 1.
    """

    density: Density
    centring: Centring
    mean: np.ndarray
    root: np.ndarray
    bend: np.ndarray

    def to_normal(self, e: Array, xp: Namespace) -> tuple[Array, Array]:
        """Return x (..., size) and the log Jacobian (...), up to a constant."""
        stretched, log_slope = _bent(e, self.bend, xp)
        x, log_move = self.centring.moved(stretched @ self.root.T + self.mean, self.density.inputs, xp)
        return x, log_slope + log_move

    def log_density(self, e: Array, xp: Namespace) -> Array:
        """Return the log density of e under the posterior, up to a constant."""
        x, log_jacobian = self.to_normal(e, xp)
        return self.density.log_density_of_normal(x, xp) + log_jacobian

    def values(self, e: np.ndarray) -> np.ndarray:
        """Return log densities of many points: array (points,)."""
        return np.concatenate([self.log_density(some, NUMPY) for some in self._chunks(e)])

    def gradients(self, e: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return log densities and their gradients at many points."""
        found = [value_and_gradient(lambda z: self.log_density(z, TRACED), some) for some in self._chunks(e)]
        return np.concatenate([value for value, _ in found]), np.concatenate([gradient for _, gradient in found])

    def _chunks(self, points: np.ndarray) -> list[np.ndarray]:
        rows = len(self.density.design.patient_of_row)
        size = min(max(NUMBERS_AT_ONCE // rows, LEAST_AT_ONCE), MOST_AT_ONCE)
        return np.array_split(points, -(-len(points) // size))


def _bent(e: Array, bend: np.ndarray, xp: Namespace) -> tuple[Array, Array | float]:
    """Return e with another slope on either side of 0, 1 + bend and 1 - bend far out, and the log of the slope."""
    if not bend.any():
        return e, 0.0
    far = (1.0 + e * e) ** 0.5
    return e + bend * (far - 1.0), xp.log(1.0 + bend * (e / far)).sum(axis=-1)


def normal_map(density: Density) -> NormalMap:
    """Make the map of a posterior, from its mode.

    Raises
    ------
    EngineRefusal
        If no finite mode is found.
    """
    size = density.size
    flat = np.zeros(size)
    plain = NormalMap(density, Centring((), flat, flat, flat), flat, np.eye(size), flat)
    x, curvature = _mode(plain.gradients, flat)
    moved = replace(plain, centring=centring(density, x, curvature))
    if moved.centring.factors:
        x, curvature = _mode(moved.gradients, moved.centring.unmoved(x, density.inputs))
    order = _globals_first(density)
    whitened = replace(moved, mean=x, root=_root(curvature, order))
    return _unskewed(whitened)


def _mode(function: Differentiable, start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Climb to the mode by damped Newton steps; return it and the negative curvature there: (size,), (size, size)."""
    x = start
    (value,), (slope,) = function(x[None])
    for _ in range(MOST_STEPS):
        if not np.isfinite(value) or not np.isfinite(slope).all():
            break
        step = _newton_step(_curvature(function, x), slope)
        shares = 0.5 ** np.arange(12)
        tried, slopes = function(x + shares[:, None] * step)
        tried = np.where(np.isfinite(tried), tried, -np.inf)
        best = int(tried.argmax())
        if tried[best] <= value:
            return x, _curvature(function, x)
        last = bool(slope @ step < NEAR)
        x, value, slope = x + shares[best] * step, tried[best], slopes[best]
        if last:
            return x, _curvature(function, x)
    raise EngineRefusal("mode", "no finite mode of the posterior was found")


def _newton_step(curvature: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Return a step uphill: Newton's, curvature taken as positive in every direction, and of bounded length."""
    if not np.isfinite(curvature).all():
        raise EngineRefusal("mode", "the posterior has no finite curvature on the way to its mode")
    bends, directions = np.linalg.eigh(curvature)
    step = directions @ ((directions.T @ slope) / np.maximum(np.abs(bends), FLAT))
    longest = 5.0 * np.sqrt(len(step))
    return np.asarray(step * min(1.0, longest / max(float(np.linalg.norm(step)), FLAT)))


def _curvature(function: Differentiable, x: np.ndarray) -> np.ndarray:
    """Return the negative matrix of second derivatives, from differences of gradients."""
    steps = DIFFERENCE * np.eye(len(x))
    _, slopes = function(np.concatenate([x + steps, x - steps]))
    rows = (slopes[len(x) :] - slopes[: len(x)]) / (2 * DIFFERENCE)
    return np.asarray((rows + rows.T) / 2)


def _globals_first(density: Density) -> np.ndarray:
    """Return the order of a vector's entries that puts those of single numbers before those of vectors."""
    of_vectors = np.concatenate([np.full(int(np.prod(shape)), bool(shape)) for shape in density.shapes.values()])
    return np.argsort(of_vectors, kind="stable")


def _root(curvature: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Return a root of the covariance: the columns of the first entries move along what depends on them."""
    bends, directions = np.linalg.eigh(curvature)
    covariance = (directions / np.where(bends > FLAT, bends, LEAST_CURVATURE)) @ directions.T
    root = np.empty_like(covariance)
    root[order] = np.linalg.cholesky((covariance + covariance.T)[np.ix_(order, order)] / 2)
    return root


def _unskewed(whitened: NormalMap) -> NormalMap:
    """Bend every axis so that the density falls alike on both sides of the mode."""
    size = len(whitened.mean)
    steps = LOOK * np.eye(size)
    with np.errstate(all="ignore"):
        heights = whitened.values(np.concatenate([np.zeros((1, size)), steps, -steps]))
    falls = np.clip(np.nan_to_num(heights[0] - heights[1:], nan=MOST_FALL), LEAST_FALL, MOST_FALL)
    up, down = np.split(LOOK / np.sqrt(2 * falls), 2)  # the standard deviation of a normal that falls as far
    reach = (np.sqrt(1 + LOOK**2) - 1) / LOOK  # share of the bend that a slope has taken on there
    bend = np.clip((up - down) / (up + down) / reach, -MOST_BEND, MOST_BEND)
    return replace(whitened, root=whitened.root * np.clip((up + down) / 2, 0.5, 2.0), bend=bend)
