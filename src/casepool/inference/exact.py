"""Independent draws of models of one group factor and an intercept, by quadrature.

The unknowns are the zero point, the standard deviation of the levels' effects, and the effects. Given the first two,
levels are independent of each other and each is one integral (`one_factor`, `level_tables`). The two stand on a grid,
in the standard normal coordinates of their priors, that closes in on where their posterior has its mass. Draws come
from the cells of the grid, within a cell from the tangent of the log density there, and are kept in proportion to what
the density exceeds that by (von Neumann 1951): no draw is weighed, and none is another's double. Effects follow by
inversion; of an exnex level first whether it is exchangeable.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from casepool.inference.drawn import Drawn, EngineRefusal
from casepool.inference.level_priors import WIDEST
from casepool.inference.one_factor import OneFactor, one_factor_of
from casepool.inference.psis import kish, smoothed, weigh_evenly
from casepool.modelling.design.design import Design
from casepool.random_streams import Stream, stream

SIZES = (32, 24)
"""Cells for zero point and standard deviation on the coarsest grid."""
STRIDES = (4, 2, 1)
"""Rows of a level's table from one node to the next, coarsest first; cells are halved with them."""
FAINT = 1e-9
"""Share of the largest density on a grid: rows and columns of cells fainter than this are left out."""
PEAKS = 1.3
"""Widths of its peak, at half its height, within which cells are nearly even."""
ZOOMS = 60
SAME_BOX, SHRINKS = 0.1, 0.8
"""Closing in ends where no edge moves by more than that share of the whole, and the peak is that much as wide."""
SAME = 0.01
"""Largest difference that twice the nodes may make to a mean or standard deviation, in standard deviations."""
SPARE = 1.1
"""Draws proposed for each that is still wanted."""
STEEPEST = 40.0
"""Slope of the log density across a cell beyond which its tangent is not followed."""


def draw(design: Design, seed: int, *, chains: int, draws: int, progress: bool) -> Drawn:
    """Draw from the posterior of a model of one group factor and an intercept; every draw is independent.

    Parameters
    ----------
    design : Design
    seed : int
    chains, draws : int
        No more than the shape of the result.
    progress : bool
        Of no use here: it is done before there is anything to say.

    Raises
    ------
    EngineRefusal
        For any other model, before any work; where twice the nodes change the answer, or draws from the grid would
        have to be weighed too unevenly.
    """
    model = one_factor_of(design)
    grid, refinement = settled(model)
    rng = stream(seed, Stream.EXACT)
    z, gauges = _coordinates(grid, chains * draws, rng)
    made = model.priors.made(z)
    zero = model.priors.zero(made, len(z))
    made |= model.draw_effects(made, zero, rng, grid.stride)
    lead = (chains, draws)
    stats = {"lp": model.log_joint(made, zero).reshape(lead), "diverging": np.zeros(lead, bool)}
    parameters = {own.name: made[own.name].reshape(*lead, *made[own.name].shape[1:]) for own in design.parameters}
    return Drawn(parameters, stats, {**gauges, "refinement": refinement})


@dataclass(frozen=True)
class Grid:
    """Zero point and standard deviation on a grid of cells, even in ``y``, where ``z = centre + bend sinh(y)``.

    ``z`` are the standard normal coordinates of their priors. So cells are small where the posterior has its peak, and
    grow outwards, where an exnex model may have mass as far as its prior has.

    Parameters
    ----------
    model : OneFactor
    centre, bend : array (2,)
    low, high : array (2,)
        The outer edges in ``z``; equal where there is nothing unknown.
    size : tuple of int
        Number of cells along either axis.
    stride : int
        Rows of a level's table from one node to the next.
    """

    model: OneFactor
    centre: np.ndarray
    bend: np.ndarray
    low: np.ndarray
    high: np.ndarray
    size: tuple[int, ...]
    stride: int

    @cached_property
    def edges(self) -> list[np.ndarray]:
        """The edges of the cells along either axis, in ``y``."""
        ends = (np.arcsinh((end - self.centre) / self.bend) for end in (self.low, self.high))
        return [np.linspace(low, high, n + 1) for low, high, n in zip(*ends, self.size, strict=True)]

    @property
    def cell(self) -> np.ndarray:
        """Width of a cell along either axis, in ``y``."""
        return np.array([own[1] - own[0] for own in self.edges])

    @cached_property
    def points(self) -> np.ndarray:
        """The middle of every cell, in ``y``: array (cells, 2)."""
        middles = [(own[1:] + own[:-1]) / 2 for own in self.edges]
        return np.stack(np.meshgrid(*middles, indexing="ij"), axis=-1).reshape(-1, 2)

    def z(self, y: np.ndarray) -> np.ndarray:
        """Return standard normal coordinates."""
        return np.asarray(self.centre + self.bend * np.sinh(y))

    @cached_property
    def moments(self) -> np.ndarray:
        """Log likelihood, mean and mean square of the effect of every level in every cell: array (3, cells, levels)."""
        return self.model.moments(self.z(self.points), self.stride, 2)

    @cached_property
    def log_density(self) -> np.ndarray:
        """Log posterior density of ``y`` in every cell, up to a constant: array of the grid's size."""
        return self._weighed(self.points, self.moments[0]).reshape(self.size)

    def log_density_at(self, y: np.ndarray) -> np.ndarray:
        """Return the same of any points (points, 2): array (points,)."""
        return self._weighed(y, self.model.moments(self.z(y), self.stride, 0)[0])

    def _weighed(self, y: np.ndarray, log_likelihood: np.ndarray) -> np.ndarray:
        """Add the log prior of ``y`` (points, 2) to the log likelihoods of levels (points, levels)."""
        log_prior = np.log(np.cosh(y)) - np.square(self.z(y)) / 2
        return np.asarray(log_likelihood.sum(axis=1) + log_prior[:, self.model.priors.free].sum(axis=1))

    def closer(self) -> Grid:
        """Return the grid about the cells that matter, with the peak in its centre."""
        density = np.exp(self.log_density - self.log_density.max())
        found = np.stack([self.centre, self.bend, self.low, self.high])
        for k in np.flatnonzero(self.model.priors.free):
            found[:, k] = self._closer_along(int(k), density)
        return replace(self, centre=found[0], bend=found[1], low=found[2], high=found[3])

    def _closer_along(self, axis: int, density: np.ndarray) -> tuple[float, float, float, float]:
        """Return centre, bend and edges of an axis: one cell more to either side, further where its end matters."""
        z = self.centre[axis] + self.bend[axis] * np.sinh(self.edges[axis])
        matters = np.flatnonzero((density > FAINT).any(axis=1 - axis))
        first, last, half = matters[0], matters[-1] + 1, (z[-1] - z[0]) / 2
        low = z[first - 1] if first > 0 else max(z[0] - half, -WIDEST)
        high = z[last + 1] if last < len(z) - 1 else min(z[-1] + half, WIDEST)
        marginal = density.sum(axis=1 - axis) / np.diff(z)
        highest = int(marginal.argmax())
        peak = np.diff(z)[marginal > marginal[highest] / 2].sum()
        return (z[highest] + z[highest + 1]) / 2, PEAKS * peak, low, high

    def finer(self) -> Grid:
        """Return the grid with half the width of cells, and levels integrated on twice the nodes."""
        size = tuple(2 * n if own else 1 for n, own in zip(self.size, self.model.priors.free, strict=True))
        return replace(self, size=size, stride=self.stride // 2)

    def summary(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the posterior mean and standard deviation of every parameter, by the sum over all cells."""
        weight = np.exp(self.log_density - self.log_density.max()).ravel()
        weight /= weight.sum()
        _, effect, square = self.moments
        shared = np.reshape(list(self.model.priors.made(self.z(self.points)).values()), (-1, len(weight))).T
        likely = shared[weight.argmax()]
        means = np.concatenate([shared - likely, effect], axis=1)
        squares = np.concatenate([(shared - likely) ** 2, square], axis=1)
        mean = (weight[:, None] * means).sum(axis=0)
        sd = np.sqrt(np.maximum((weight[:, None] * squares).sum(axis=0) - mean**2, 0.0))
        mean[: len(likely)] += likely
        return mean, sd


def settled(model: OneFactor) -> tuple[Grid, float]:
    """Return a grid that half the nodes agree with, and how well.

    Raises
    ------
    EngineRefusal
    """
    free = np.array(model.priors.free)
    size = tuple(n if own else 1 for n, own in zip(SIZES, free, strict=True))
    grid = Grid(model, np.zeros(2), np.full(2, WIDEST), -WIDEST * free, WIDEST * free, size, STRIDES[0])
    for _ in range(ZOOMS):
        last, grid = grid, grid.closer()
        moved = np.abs(np.stack([grid.low - last.low, grid.high - last.high])).max(axis=0)
        if (moved <= SAME_BOX * (last.high - last.low)).all() and (grid.bend >= SHRINKS * last.bend).all():
            break
    difference = np.inf
    while difference > SAME and grid.stride > STRIDES[-1]:
        mean, sd = grid.summary()
        grid = grid.finer()
        new_mean, new_sd = grid.summary()
        unknown = new_sd > 0
        apart = np.maximum(np.abs(new_mean - mean), np.abs(new_sd - sd))[unknown] / new_sd[unknown]
        difference = float(apart.max(initial=0.0))
    if not difference <= SAME:
        raise EngineRefusal("refinement", f"twice the nodes change an answer by {difference:.2g} standard deviations")
    return grid, difference


def _coordinates(grid: Grid, wanted: int, rng: np.random.Generator) -> tuple[np.ndarray, dict[str, float]]:
    """Draw standard normal coordinates (wanted, 2) from their posterior, and say how evenly proposals weighed.

    Raises
    ------
    EngineRefusal
    """
    if not any(grid.model.priors.free):
        return np.zeros((wanted, 2)), {"k": 0.0, "kish": float(wanted), "proposals": wanted}
    y, log_weight = _proposed(grid, wanted, rng)
    gauges, most = _gauged(log_weight), log_weight.max()
    kept = y[np.log(rng.random(len(y))) < log_weight - most]
    while len(kept) < wanted:
        y, log_weight = _proposed(grid, wanted - len(kept), rng)
        kept = np.concatenate([kept, y[np.log(rng.random(len(y))) < log_weight - most]])
    return grid.z(kept[:wanted]), gauges


def _proposed(grid: Grid, wanted: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw from the tangents of the log density in every cell: points (proposals, 2), and their log weights."""
    size = int(SPARE * wanted) + 20
    slope = np.zeros((*grid.size, 2))
    for k in np.flatnonzero(grid.model.priors.free):
        slope[..., k] = np.clip(np.gradient(grid.log_density, axis=int(k)), -STEEPEST, STEEPEST)
    slope = slope.reshape(-1, 2)
    level = np.abs(slope) < 1e-6
    bulge = np.where(level, 1.0, np.sinh(slope / 2) / np.where(level, 1.0, slope / 2)).prod(axis=1)
    density = grid.log_density.ravel()
    reached = np.cumsum(np.exp(density - density.max()) * bulge)
    cell = np.minimum(np.searchsorted(reached, rng.random(size) * reached[-1]), len(reached) - 1)
    place, own = rng.random((size, 2)), np.where(level, 1.0, slope)[cell]
    inside = np.where(level[cell], place, np.log1p(place * np.expm1(own)) / own) - 0.5
    y = grid.points[cell] + inside * grid.cell
    tangent = density[cell] + (slope[cell] * inside).sum(axis=1)
    return y, grid.log_density_at(y) - tangent


def _gauged(log_weight: np.ndarray) -> dict[str, float]:
    """Return how evenly proposals weigh.

    Raises
    ------
    EngineRefusal
        Where they weigh too unevenly.
    """
    gauges = {"k": float(smoothed(log_weight)[1]), "kish": kish(log_weight), "proposals": len(log_weight)}
    if not weigh_evenly(gauges):
        worth = f"{len(log_weight)} proposals are worth {gauges['kish']:.0f} even ones"
        raise EngineRefusal("weights", f"{worth}, Pareto k of their weights is {gauges['k']:.2f}")
    return gauges
