"""Coordinates in which the effects of levels, and what they are borrowed towards, no longer depend on their spread.

Given the standard deviations of all factors a posterior is nearly normal. Of a level it then is, to the second order
at the mode, what its own patients tell and what is borrowed, weighed by that standard deviation; of an intercept or a
slope, what the levels tell together, less what their own scatter hides. Both are moved out: what is left is standard
normal whatever the standard deviations, so that neither end of them is a funnel.

References
----------
Papaspiliopoulos, Roberts and Skold 2007 (between centred and non-centred, as far as the data inform); Lindley and Smith
1972 (the normal hierarchy, whose conditional moments these are).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from casepool.modelling.design.density import Density
from casepool.modelling.families.arrays import NUMPY, Array, Namespace
from casepool.modelling.families.parameters import Law

MOST_TOLD = 20.0
"""Effect of a level, or standard normal, beyond which the likelihood says no more."""
LEAST_PRECISION = 1e-8


@dataclass(frozen=True)
class Factor:
    """The effects of one factor.

    Parameters
    ----------
    sd_law : Law
        Of the standard deviation of the effects.
    sd_at : int
        Where in a vector its standard normal lies.
    levels : slice
        Where those of the effects lie.
    precision : array (levels,)
        How sharply the likelihood of a level tells its effect.
    told : array (levels,)
        The precision times the effect it tells, where all else is at the mode.
    tilt : array (size, levels)
        What is added to that as everything else moves.
    share : array (levels, size)
        Of what the table tells of every other coordinate, how much it tells through each level.
    """

    sd_law: Law
    sd_at: int
    levels: slice
    precision: np.ndarray
    told: np.ndarray
    tilt: np.ndarray
    share: np.ndarray

    def sd(self, x: Array, inputs: Any, xp: Namespace) -> Array:
        """Return the standard deviation of the effects: array (..., 1)."""
        return self.sd_law.from_normal(x[..., self.sd_at], self.sd_law.numbers(inputs, {}, xp), xp)[..., None]

    def kept(self, sd: Array) -> Array:
        """Return the share of what is told of every coordinate that the scatter of levels leaves: array (..., size)."""
        return (1.0 - self.share.sum(axis=0)) + (1.0 / (1.0 + sd * sd * self.precision)) @ self.share


@dataclass(frozen=True)
class Centring:
    """From y, nearly normal whatever the standard deviations, to x, standard normal under the prior.

    Parameters
    ----------
    factors : tuple of Factor
        In the order of the vector.
    mode : array (size,)
        Of x.
    information : array (size,)
        How sharply the table tells what lies beside levels and their standard deviations, were there no scatter.
    told : array (size,)
        Which x it tells.
    """

    factors: tuple[Factor, ...]
    mode: np.ndarray
    information: np.ndarray
    told: np.ndarray

    def moved(self, y: Array, inputs: Any, xp: Namespace) -> tuple[Array, Array | float]:
        """Return x (..., size) from y, and the log Jacobian (...)."""
        if not self.factors:
            return y, 0.0
        sds = [own.sd(y, inputs, xp) for own in self.factors]
        sharpness = self._sharpness(sds)
        x, total = y * sharpness**-0.5 + self._shift(sharpness), -0.5 * xp.log(sharpness).sum(axis=-1)
        parts, start = [], 0
        for own, sd in zip(self.factors, sds, strict=True):
            sharpness = 1.0 + sd * sd * own.precision
            levels = sd * (own.told + (x - self.mode) @ own.tilt) / sharpness + y[..., own.levels] * sharpness**-0.5
            parts += [x[..., start : own.levels.start], levels]
            total, start = total - 0.5 * xp.log(sharpness).sum(axis=-1), own.levels.stop
        return xp.concatenate([*parts, x[..., start:]]), total

    def unmoved(self, x: np.ndarray, inputs: Any) -> np.ndarray:
        """Return y from x."""
        sds = [own.sd(x, inputs, NUMPY) for own in self.factors]
        sharpness = self._sharpness(sds)
        y = np.asarray((x - self._shift(sharpness)) * np.sqrt(sharpness))
        for own, sd in zip(self.factors, sds, strict=True):
            sharpness = 1.0 + sd * sd * own.precision
            shift = sd * (own.told + (x - self.mode) @ own.tilt) / sharpness
            y[..., own.levels] = (x[..., own.levels] - shift) * np.sqrt(sharpness)
        return y

    def _sharpness(self, sds: list[Array]) -> Array:
        """Return the precision of everything but levels, given their standard deviations: array (..., size)."""
        hidden = sum(1.0 / own.kept(sd) - 1.0 for own, sd in zip(self.factors, sds, strict=True))
        return 1.0 + self.information / (1.0 + hidden)

    def _shift(self, sharpness: Array) -> Array:
        return self.told - self.told / sharpness


def centring(density: Density, x: np.ndarray, curvature: np.ndarray) -> Centring:
    """Read off the mode (size,), and the curvature there, how much each level and everything else is told.

    Without factors nothing moves. What levels of several factors hide of an intercept adds up as in a balanced design.
    """
    by_name, places = {own.name: own for own in density.free}, density.places
    pairs = [(own, by_name[own.given.scale]) for own in density.free if own.given.scale in by_name]
    pairs = [(own, sd) for own, sd in pairs if density.shapes[sd.coordinate] == ()]
    beside = np.full(len(x), bool(pairs))
    for own, sd in pairs:
        beside[places[own.coordinate]] = beside[places[sd.coordinate]] = False
    bends = np.diag(curvature) - 1.0  # less what the prior tells
    information = np.where(beside & (bends > LEAST_PRECISION), bends, 0.0)
    made = density.from_normal(x, NUMPY)
    factors = []
    for own, sd in pairs:
        at, spread = places[own.coordinate], float(made[sd.name])
        precision = np.maximum(bends[at], LEAST_PRECISION) / spread**2
        effect = np.clip(spread * x[at] + x[at] / (spread * precision), -MOST_TOLD, MOST_TOLD)
        tilt = np.where(beside[:, None], -curvature[:, at] / spread, 0.0)
        share = _share(tilt, precision, information)
        factors.append(Factor(sd.given, places[sd.coordinate].start, at, precision, precision * effect, tilt, share))
    found = Centring(tuple(factors), x, information, np.zeros(len(x)))
    sharpness = found._sharpness([own.sd(x, density.inputs, NUMPY) for own in factors])
    told = np.divide(x * sharpness, sharpness - 1.0, out=np.zeros(len(x)), where=information > 0)
    return Centring(found.factors, x, information, np.clip(told, -MOST_TOLD, MOST_TOLD))


def _share(tilt: np.ndarray, precision: np.ndarray, information: np.ndarray) -> np.ndarray:
    """Return `Factor.share`: array (levels, size)."""
    through = np.square(tilt).T / precision[:, None]
    share = np.divide(through, information, out=np.zeros_like(through), where=information > 0)
    return np.asarray(share / np.maximum(share.sum(axis=0), 1.0))
