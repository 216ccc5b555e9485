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
            "hazard_powers": self.powers.transpose(0, 2, 1).reshape(len(self.powers), -1),  # power by power
        }


def constant_pieces(cuts: tuple[float, ...], unit: str) -> Pieces:
    """Return a hazard constant between cuts; a time at a cut belongs to the piece it ends."""
    breaks = np.array([0.0, *cuts])
    ends = [f"{a:g} to {b:g} {unit}" for a, b in itertools.pairwise(breaks)]
    labels = (*ends, f"from {breaks[-1]:g} {unit}")
    return Pieces(breaks, np.eye(len(breaks))[:, :, None], np.zeros(len(breaks)), labels=labels)


def m_splines(knots: tuple[float, ...], unit: str) -> Pieces:
    """Return cubic M-splines on [0, last knot], each of integral 1 (Ramsay 1988), constant from the last knot on."""
    breaks, last = np.array([0.0, *knots]), knots[-1]
    padded = np.array([0.0] * DEGREE + [*breaks] + [last] * DEGREE)
    rising = _b_splines(padded, breaks[:-1])
    width = (padded[DEGREE + 1 :] - padded[: len(rising)]) / (DEGREE + 1)
    powers = np.zeros((len(rising), len(breaks), DEGREE + 1))
    powers[:, :-1] = rising / width[:, None, None] / np.arange(1, DEGREE + 2)
    powers[-1, -1, 0] = 1 / width[-1]  # at the last knot all other splines have come down to 0
    labels = tuple(f"spline {j + 1}" for j in range(len(rising)))
    return Pieces(breaks, powers, np.log(width / last), labels=labels)


def _b_splines(knots: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Return cubic B-splines as polynomials in the time since the start of each piece, by Cox's and de Boor's rule.

    Array (splines, pieces, powers from 0).
    """
    found = ((knots[:-1, None] <= starts) & (starts < knots[1:, None]))[..., None] * 1.0
    for degree in range(1, DEGREE + 1):
        first, end = knots[: len(found), None], knots[degree:, None]
        share = found / np.where(end > first, end - first, 1.0)[..., None]  # a spline between equal knots is 0
        still, times_time = (np.pad(share, ((0, 0), (0, 0), padding)) for padding in ((0, 1), (1, 0)))
        rises = still * (starts - first)[..., None] + times_time
        falls = still * (end - starts)[..., None] - times_time
        found = rises[:-1] + falls[1:]
    return np.asarray(found)


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


def _cumulative_of_bases(u: Array, p: Mapping[str, Array], xp: Namespace) -> Array:
    """Weigh the integrals of the bases up to `u`: of times that all draws share, one product of matrices."""
    if u.ndim > 1:
        return _cumulative(u, p, xp)
    since = xp.minimum(xp.maximum(u[:, None] - p["breaks"], 0.0), p["widths"])
    return p["weights"] @ (p["powers"] @ xp.concatenate(_rising(since, since, p)).T)


def _log_hazard_of_bases(u: Array, p: Mapping[str, Array], xp: Namespace) -> Array:
    """Return the log of the weighed bases at `u`, as `_cumulative_of_bases`."""
    if u.ndim > 1:
        return _log_hazard(u, p, xp)
    since = u[:, None] - p["breaks"]
    begins = np.where(np.arange(len(p["polynomials"])) > 0, 0.0, -np.inf)  # time 0 belongs to the first piece
    inside = (since > begins) & (since <= p["widths"])
    slopes = _rising(inside * 1.0, xp.where(inside, since, 0.0), p)
    slopes = [power * values for power, values in enumerate(slopes, start=1)]
    return xp.log(xp.maximum(p["weights"] @ (p["powers"] @ xp.concatenate(slopes).T), TINY))


def _rising(first: Array, since: Array, p: Mapping[str, Array]) -> list[Array]:
    """Return `first` (rows, pieces) times rising powers of the time since each break, one for each power of a piece."""
    found = [first]
    for _ in p["polynomials"][0][1:]:
        found.append(found[-1] * since)
    return found


PIECES = Baseline(_cumulative, _log_hazard)
SPLINES = Baseline(_cumulative_of_bases, _log_hazard_of_bases)
"""The same of many powers, whose sums over pieces would be taken anew for every draw."""


def polynomials(log_hazard: Array, arrays: Mapping[str, Array], pieces: Pieces, xp: Namespace) -> dict[str, Array]:
    """Return what `PIECES` and `SPLINES` read as parameters.

    Breaks, widths, the weights of the bases (..., bases), their powers (bases, powers times pieces), and each piece's
    weights of the powers of time.
    """
    weights = xp.exp(log_hazard)
    summed, count = weights @ arrays["hazard_powers"], len(pieces.breaks)
    rows = [
        [summed[..., count * power + piece][..., None] for power in range(pieces.powers.shape[-1])]
        for piece in range(count)
    ]
    found = {"polynomials": rows, "breaks": arrays["hazard_breaks"], "widths": arrays["hazard_widths"]}
    return found | {"weights": weights, "powers": arrays["hazard_powers"]}
