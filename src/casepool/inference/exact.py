"""Independent draws of models of one group factor and an intercept, by quadrature.

The unknowns are the zero point, the standard deviation of the levels' effects, and the effects. Given the first two,
levels are independent of each other and each is one integral (`one_factor`, `level_tables`). The two stand on a grid,
in the standard normal coordinates of their priors, that closes in on where their posterior has its mass. Draws come
from the cells of the grid, within a cell from the tangent of the log density there, and are kept in proportion to what
the density exceeds that by (von Neumann 1951): no draw is weighed, and none is another's double. Effects follow by
inversion; of an exnex level first whether it is exchangeable.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from casepool.inference.drawn import Drawn, EngineRefusal
from casepool.inference.one_factor import WIDEST, Integrals, OneFactor, one_factor_of
from casepool.inference.psis import kish, smoothed
from casepool.modelling.design.design import Design
from casepool.progress import say
from casepool.random_streams import Stream, stream

SIZES = (32, 24)
"""Cells for zero point and standard deviation on the coarsest grid."""
STRIDES = (4, 2, 1)
"""Rows of a level's table from one node to the next, coarsest first; cells are halved with them."""
FAINT = 23.0
"""Below the largest log density on a grid: rows and columns of cells fainter than this are left out."""
ZOOMS = 60
SHRINKS = 0.7
"""Share of its area that a grid must lose for closing in to go on."""
SAME = 0.01
"""Largest difference that twice the nodes may make to a mean or standard deviation, in standard deviations."""
LARGEST_K = 0.7
LEAST_SHARE = 0.5
"""Of the draws proposed, how many equally weighted ones theirs must be worth."""
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
        Whether to say on standard error what is going on.

    Raises
    ------
    EngineRefusal
        For any other model, before any work; where twice the nodes change the answer, or draws from the grid would
        have to be weighed too unevenly.
    """
    model = one_factor_of(design)
    say(progress, f"{chains * draws} independent draws by quadrature")
    grid, refinement = _settled(model)
    rng = stream(seed, Stream.EXACT)
    z, gauges = _coordinates(grid, chains * draws, rng)
    made = model.made(z)
    zero = model.zero(made, len(z))
    made |= model.draw_effects(made, zero, rng, grid.stride)
    lead = (chains, draws)
    stats = {"lp": model.log_joint(made, zero).reshape(lead), "diverging": np.zeros(lead, bool)}
    parameters = {own.name: made[own.name].reshape(*lead, *made[own.name].shape[1:]) for own in design.parameters}
    return Drawn(parameters, stats, {**gauges, "refinement": refinement})


@dataclass(frozen=True)
class Grid:
    """Zero point and standard deviation on a grid of cells, in standard normal coordinates.

    Parameters
    ----------
    model : OneFactor
    low, high : array (2,)
        The outer edges; equal where there is nothing unknown.
    size : tuple of int
        Number of cells along either axis.
    stride : int
        Rows of a level's table from one node to the next.
    """

    model: OneFactor
    low: np.ndarray
    high: np.ndarray
    size: tuple[int, int]
    stride: int

    @property
    def cell(self) -> np.ndarray:
        """Width of a cell along either axis."""
        return (self.high - self.low) / self.size

    @cached_property
    def points(self) -> np.ndarray:
        """The middle of every cell: array (cells, 2)."""
        axes = [self.low[k] + (np.arange(n) + 0.5) * self.cell[k] for k, n in enumerate(self.size)]
        return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)

    @cached_property
    def integrals(self) -> Integrals:
        """Of every level at every cell."""
        return self.model.integrals(self.points, self.stride)

    @cached_property
    def log_density(self) -> np.ndarray:
        """Log posterior density of every cell, up to a constant: array of the grid's size."""
        return _log_density(self.points, self.integrals).reshape(self.size)

    def closer(self) -> Grid:
        """Return the grid about the cells that matter, one cell more to each side; wider where they reach its edge."""
        matters = self.log_density > self.log_density.max() - FAINT
        low, high = self.low.copy(), self.high.copy()
        for k in np.flatnonzero(self.cell):
            on = np.flatnonzero(matters.any(axis=1 - int(k)))
            more = [(self.high - self.low)[k] / 2 if at_edge else self.cell[k] for at_edge in (on[0] == 0, on[-1] == self.size[k] - 1)]
            low[k] = max(-WIDEST, self.low[k] + on[0] * self.cell[k] - more[0])
            high[k] = min(WIDEST, self.low[k] + (on[-1] + 1) * self.cell[k] + more[1])
        return Grid(self.model, low, high, self.size, self.stride)

    def finer(self) -> Grid:
        """Return the grid with half the width of cells, and levels integrated on twice the nodes."""
        size = tuple(n if width == 0 else 2 * n for n, width in zip(self.size, self.cell, strict=True))
        return Grid(self.model, self.low, self.high, size, self.stride // 2)  # type: ignore[arg-type]

    def summary(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the posterior mean and standard deviation of every parameter, by the sum over all cells."""
        weight = np.exp(self.log_density - self.log_density.max()).ravel()[:, None]
        weight /= weight.sum()
        made = self.model.made(self.points)
        shared = np.stack([*made.values(), np.zeros(len(self.points))], axis=1)
        centred = shared - shared[weight.argmax()]
        means = np.concatenate([centred, self.integrals.mean], axis=1)
        squares = np.concatenate([centred**2, self.integrals.square], axis=1)
        mean = (weight * means).sum(axis=0)
        sd = np.sqrt(np.maximum((weight * squares).sum(axis=0) - mean**2, 0.0))
        return mean + np.concatenate([shared[weight.argmax()], np.zeros(self.integrals.mean.shape[1])]), sd


def _log_density(points: np.ndarray, integrals: Integrals) -> np.ndarray:
    """Return the log posterior density of standard normal coordinates (points, 2): array (points,)."""
    return np.asarray(integrals.log_likelihood.sum(axis=1) - np.square(points).sum(axis=1) / 2)


def _settled(model: OneFactor) -> tuple[Grid, float]:
    """Return a grid that half the nodes agree with, and how well.

    Raises
    ------
    EngineRefusal
    """
    free = np.array(model.free)
    size = tuple(int(n) if own else 1 for n, own in zip(SIZES, free, strict=True))
    grid = Grid(model, -WIDEST * free, WIDEST * free, size, STRIDES[0])  # type: ignore[arg-type]
    for _ in range(ZOOMS):
        last, grid = grid, grid.closer()
        area = [np.prod((own.high - own.low)[free]) for own in (last, grid)]
        if SHRINKS * area[0] <= area[1] <= area[0]:
            break
    difference = np.inf
    while difference > SAME and grid.stride > STRIDES[-1]:
        grid, (mean, sd) = grid.finer(), grid.summary()
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
    if not any(grid.model.free):
        return np.zeros((wanted, 2)), {"k": -np.inf, "kish": float(wanted)}
    z, log_weight = _proposed(grid, wanted, rng)
    gauges, most = _gauged(log_weight), log_weight.max()
    kept = z[np.log(rng.random(len(z))) < log_weight - most]
    while len(kept) < wanted:
        z, log_weight = _proposed(grid, wanted - len(kept), rng)
        kept = np.concatenate([kept, z[np.log(rng.random(len(z))) < log_weight - most]])
    return kept[:wanted], gauges


def _proposed(grid: Grid, wanted: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw from the tangents of the log density in every cell: coordinates (proposals, 2), and their log weights."""
    size = int(SPARE * wanted) + 20
    axes = [k for k in (0, 1) if grid.size[k] > 1]
    slope = np.zeros((*grid.size, 2))
    for k in axes:
        slope[..., k] = np.clip(np.gradient(grid.log_density, axis=k), -STEEPEST, STEEPEST)
    slope = slope.reshape(-1, 2)
    level = np.abs(slope) < 1e-6
    bulge = np.where(level, 1.0, np.sinh(slope / 2) / np.where(level, 1.0, slope / 2)).prod(axis=1)
    density = grid.log_density.ravel()
    reached = np.cumsum(np.exp(density - density.max()) * bulge)
    cell = np.minimum(np.searchsorted(reached, rng.random(size) * reached[-1]), len(reached) - 1)
    place, own = rng.random((size, 2)), np.where(level, 1.0, slope)[cell]
    inside = np.where(level[cell], place, np.log1p(place * np.expm1(own)) / own) - 0.5
    z = grid.points[cell] + inside * grid.cell
    return z, _log_density(z, grid.model.integrals(z, grid.stride)) - density[cell] - (slope[cell] * inside).sum(axis=1)


def _gauged(log_weight: np.ndarray) -> dict[str, float]:
    """Return how evenly proposals weigh.

    Raises
    ------
    EngineRefusal
        Where they weigh too unevenly.
    """
    gauges = {"k": float(smoothed(log_weight)[1]), "kish": kish(log_weight)}
    if gauges["k"] > LARGEST_K:
        raise EngineRefusal("k", f"Pareto k of the proposals is {gauges['k']:.2f}")
    if gauges["kish"] < LEAST_SHARE * len(log_weight):
        raise EngineRefusal("kish", f"{len(log_weight)} proposals are worth {gauges['kish']:.0f} only")
    return gauges
