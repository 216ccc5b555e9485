"""Baseline hazards made of pieces: constant between cuts, or cubic M-splines; constant beyond the last knot.

Both are one thing: a weighted sum of basis hazards, each a polynomial between breaks. The weights' logarithms are
the parameter ``log_hazard``: a random walk about the weights of a constant hazard.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import override

import numpy as np
from scipy.interpolate import BSpline, PPoly

from casepool.modelling.families.arrays import Array, Namespace
from casepool.modelling.families.baselines import TINY, Baseline
from casepool.modelling.families.distributions import Numbers
from casepool.modelling.families.parameters import Arrays, Image, Laid

DEGREE = 3
"""Of the M-splines."""


@dataclass(frozen=True)
class Pieces:
    """Basis hazards of one model on one table.

    Parameters
    ----------
    breaks : array (breaks,)
        Where polynomials change, from 0; the last holds for ever.
    powers : array (bases, breaks, powers)
        Each basis hazard's integral over the piece that a break begins: weights of the time since it to the power
        1, 2, and so on.
    constant : array (bases,)
        Log weights of a constant hazard, about which the random walk is centred.
    labels : tuple of str
        Names of the basis hazards.
    """

    breaks: np.ndarray
    powers: np.ndarray
    constant: np.ndarray
    labels: tuple[str, ...]

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """What a likelihood reads of it, by name."""
        return {
            "hazard_breaks": self.breaks,
            "hazard_widths": np.append(np.diff(self.breaks), np.inf),
            "hazard_powers": self.powers.reshape(len(self.powers), -1),
        }


def constant_pieces(cuts: tuple[float, ...], unit: str) -> Pieces:
    """Return a hazard constant between cuts; a time at a cut belongs to the piece it ends."""
    breaks = np.array([0.0, *cuts])
    ends = [f"{a:g} to {b:g} {unit}" for a, b in itertools.pairwise(breaks)]
    labels = (*ends, f"from {breaks[-1]:g} {unit}")
    return Pieces(breaks, np.eye(len(breaks))[:, :, None], np.zeros(len(breaks)), labels=labels)


def m_splines(knots: tuple[float, ...], unit: str) -> Pieces:
    """Return cubic M-splines on [0, last knot], each of integral 1 (Ramsay 1988), constant from the last knot on."""
    inner, last = knots[:-1], knots[-1]
    padded = np.array([0.0] * (DEGREE + 1) + [*inner] + [last] * (DEGREE + 1))
    count = len(padded) - DEGREE - 1
    breaks = np.array([0.0, *knots])
    width = (padded[DEGREE + 1 :] - padded[:count]) / (DEGREE + 1)
    powers = np.zeros((count, len(breaks), DEGREE + 1))
    for j in range(count):
        spline = BSpline(padded, np.eye(count)[j] / width[j], DEGREE)
        pieces = PPoly.from_spline(spline)
        inside = np.searchsorted(pieces.x, breaks[:-1], side="right") - 1
        rising = pieces.c[::-1, inside].T  # weights of the powers 0, 1, 2, 3 since each break
        powers[j, :-1] = rising / np.arange(1, DEGREE + 2)
        powers[j, -1, 0] = spline(last)
    labels = tuple(f"spline {j + 1}" for j in range(count))
    return Pieces(breaks, powers, np.log(width / last), labels=labels)


@dataclass(frozen=True)
class Walk(Image):
    """A random walk over the bases, ``log_hazard`` (..., bases), from standard normal steps (..., bases - 1).

    Neighbours differ by Normal(0, sd) beyond what a constant hazard has between them; the logarithms of pieces have
    mean 0, the weights of splines sum to 1 (Jackson 2023).

    Parameters
    ----------
    sd : str
        Parameter that is the standard deviation of the steps.
    normalised : bool
        Whether weights sum to 1.
    """

    sd: str
    normalised: bool

    @override
    def inputs(self, laid: Laid) -> dict[str, np.ndarray]:
        return {"hazard_constant": laid.constant_hazard}

    @override
    def constants(self, laid: Laid) -> dict[str, np.ndarray]:
        size = len(laid.constant_hazard)
        walk = np.tri(size, size - 1, -1)  # cumulative sums from 0
        return {"hazard_walk": walk - walk.mean(axis=0)}

    @override
    def numbers(self, inputs: Arrays, made: Arrays, xp: Namespace) -> Numbers:
        return {"constant": inputs["hazard_constant"], "walk": inputs["hazard_walk"], "sd": made[self.sd]}

    @override
    def from_normal(self, z: Array, numbers: Numbers, xp: Namespace) -> Array:
        logs = numbers["constant"] + numbers["sd"][..., None] * (z @ numbers["walk"].T)
        return logs - xp.logsumexp(logs)[..., None] if self.normalised else logs


def _cumulative(u: Array, p: Mapping[str, Array], xp: Namespace) -> Array:
    """Sum the integrals of every piece up to `u`."""
    total: Array = 0.0
    for piece, weights in enumerate(p["polynomials"]):
        since = xp.minimum(xp.maximum(u - p["breaks"][piece], 0.0), p["widths"][piece])
        total = total + _horner([*reversed(weights), 0.0], since)
    return total


def _log_hazard(u: Array, p: Mapping[str, Array], xp: Namespace) -> Array:
    """Return the log of the polynomial of the piece in which `u` lies; a break belongs to the piece it ends."""
    hazard: Array = 0.0
    for piece, weights in enumerate(p["polynomials"]):
        since = u - p["breaks"][piece]
        inside = (since > 0) & (since <= p["widths"][piece])
        if piece == 0:
            inside = since <= p["widths"][piece]
        slopes = [power * weight for power, weight in enumerate(weights, start=1)]
        hazard = hazard + xp.where(inside, _horner(slopes[::-1], xp.where(inside, since, 0.0)), 0.0)
    return xp.log(xp.maximum(hazard, TINY))


def _horner(falling: list[Array], x: Array) -> Array:
    """Evaluate a polynomial, its weights from the highest power down."""
    total = falling[0]
    for weight in falling[1:]:
        total = total * x + weight
    return total


PIECES = Baseline(_cumulative, _log_hazard)


def polynomials(log_hazard: Array, arrays: Mapping[str, Array], pieces: Pieces, xp: Namespace) -> dict[str, Array]:
    """Return what `PIECES` reads as parameters: breaks, widths, and each piece's weights of the powers of time."""
    weights = xp.exp(log_hazard) @ arrays["hazard_powers"]
    size = pieces.powers.shape[-1]
    rows = [
        [weights[..., size * piece + power][..., None] for power in range(size)] for piece in range(len(pieces.breaks))
    ]
    return {"polynomials": rows, "breaks": arrays["hazard_breaks"], "widths": arrays["hazard_widths"]}
