"""The way to a maximum: Newton's steps, whose cost grows in proportion to the levels of one factor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from casepool.frequentist.counting_process import Floats
from casepool.frequentist.patient_likelihood import PatientLikelihood

STEPS = 100
HALVINGS = 40
LONGEST = 2.0
"""Of a step, in any coordinate, besides half of what it is: hazards of the last deaths may rise steeply."""
CONVERGED = 1e-8
"""What the log-likelihood may still rise by: one step more, and it is that squared."""
STEEPEST = 12.0
"""Log of a family's parameter beyond which the likelihood is taken to have no maximum."""
RIDGES = (0.0, *np.logspace(-8, 4, 13).tolist())
"""Shares of the diagonal that are added until a curvature is that of a hill."""


@dataclass(frozen=True)
class Curvature:
    """Minus the second derivatives at a point; those of one factor's levels are diagonal.

    Parameters
    ----------
    near, apart : integer array
        Coordinates of all else, and of the levels' coefficients.
    block : array (near, near)
    cross : array (near, apart)
    diagonal : array (apart,)
    """

    near: NDArray[np.int64]
    apart: NDArray[np.int64]
    block: Floats
    cross: Floats
    diagonal: Floats

    def column(self, place: int) -> Floats:
        """Return the column of one coordinate."""
        found = np.zeros(len(self.near) + len(self.apart))
        at = np.flatnonzero(self.apart == place)
        if at.size:
            found[self.near], found[place] = self.cross[:, at[0]], self.diagonal[at[0]]
        else:
            at = np.flatnonzero(self.near == place)
            found[self.near], found[self.apart] = self.block[:, at[0]], self.cross[at[0]]
        return found

    def solve(self, b: Floats, free: NDArray[np.bool_], ridge: float = 0.0) -> Floats | None:
        """Return the step to the top of a hill with slope `b`, over the free coordinates; None where it is no hill."""
        near, apart = free[self.near], free[self.apart]
        block, cross, diagonal = self.block[np.ix_(near, near)], self.cross[np.ix_(near, apart)], self.diagonal[apart]
        block = block + ridge * np.diag(np.abs(np.diag(block)) + np.finfo(float).tiny)
        diagonal = diagonal + ridge * np.abs(diagonal)
        if not (diagonal > 0).all() or not np.isfinite(block).all():
            return None
        scaled = cross / diagonal
        rest = block - scaled @ cross.T
        size = np.sqrt(np.maximum(np.diag(rest), 0.0))
        if (size <= 1e-7 * np.sqrt(np.abs(np.diag(block)))).any():  # told by nothing but rounding
            return None
        try:
            factor = linalg.cho_factor(rest / np.outer(size, size))
        except linalg.LinAlgError:
            return None
        found = np.zeros(len(b))
        top, below = b[self.near[near]], b[self.apart[apart]]
        first = linalg.cho_solve(factor, (top - scaled @ below) / size) / size
        found[self.near[near]] = first
        found[self.apart[apart]] = below / diagonal - scaled.T @ first
        return found


@dataclass(frozen=True)
class Top:
    """Where a climb ended: the point, its log-likelihood, slope and curvature, and whether it is a maximum."""

    point: Floats
    value: float
    slope: Floats
    curvature: Curvature
    reached: bool


def climb(likelihood: PatientLikelihood, start: Floats, free: NDArray[np.bool_]) -> Top:
    """Climb from a point over the free coordinates.

    Parameters
    ----------
    likelihood : PatientLikelihood
    start : array (coordinates,)
    free : boolean array (coordinates,)
    """
    point, value = start, likelihood.value(start)
    own = [likelihood.shared.index(p.name) for p in likelihood.own if p.support.positive]
    for _ in range(STEPS):
        slope, curvature = slopes(likelihood, point)
        with np.errstate(all="ignore"):  # beyond all numbers there is no step
            ridge, step = _step(curvature, slope, free)
        if step is None or np.abs(point[own]).max(initial=0.0) > STEEPEST:
            return Top(point, value, slope, curvature, reached=False)
        with np.errstate(all="ignore"):
            rise = float(slope @ step)
        if rise < CONVERGED:
            there = likelihood.value(point + step)
            if not np.isfinite(there):  # the last step, of next to nothing, may leave where numbers are
                step, there = np.zeros_like(step), value
            return Top(point + step, there, slope, curvature, reached=ridge == 0)
        step = step / max(1.0, float((np.abs(step) / (LONGEST + np.abs(point) / 2)).max()))
        for _ in range(HALVINGS):
            there = likelihood.value(point + step)
            if there > value:
                break
            step = step / 2
        else:  # nothing but rounding is left to rise by
            return Top(point, value, slope, curvature, reached=ridge == 0 and rise < 1e-6)
        point, value = point + step, there
    return Top(point, value, slope, curvature, reached=False)


def _step(curvature: Curvature, slope: Floats, free: NDArray[np.bool_]) -> tuple[float, Floats | None]:
    """Return Newton's step, and what had to be added to the diagonal for it to lead up."""
    for ridge in RIDGES:
        step = curvature.solve(slope, free, ridge)
        if step is not None and np.isfinite(step).all():
            return ridge, step
    return np.inf, None


def slopes(likelihood: PatientLikelihood, point: Floats) -> tuple[Floats, Curvature]:
    """Return the slope of the log-likelihood at a point, and its curvature."""
    first, second = likelihood.derivatives(point)
    g, plain, inside = len(likelihood.shared), likelihood.together, likelihood.levels
    own, cross, curved = second[:, :g, :g].sum(axis=0), second[:, :g, g], second[:, g, g]
    block = np.block([[own, cross.T @ plain], [plain.T @ cross, plain.T @ (curved[:, None] * plain)]])
    weighed = np.concatenate([cross, curved[:, None] * plain], axis=1)
    near = np.concatenate([np.arange(g), g + likelihood.others])
    slope = np.zeros(likelihood.size)
    slope[near] = np.concatenate([first[:, :g].sum(axis=0), plain.T @ first[:, g]])
    slope[g + likelihood.apart] = inside.T @ first[:, g]
    diagonal = -(inside.power(2).T @ curved)
    return slope, Curvature(near, g + likelihood.apart, -block, -(inside.T @ weighed).T, diagonal)
