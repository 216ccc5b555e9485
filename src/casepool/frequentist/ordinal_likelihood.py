"""The likelihood of an ordinal response in its cutpoints and coefficients, and where it rises for ever.

A patient sees of them "cutpoint less linear predictor", one number a step from a category to the next. Both links are
concave in those, so that there is one top or none. Along a direction the likelihood never falls where no patient's own
category loses against another; where one gains for ever there is no top (Albert and Anderson 1984), and the likelihood
goes to a limit, which is that of what is still open. Whether there is such a direction is a linear programme.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, sparse, special

from casepool.errors import CasepoolError
from casepool.frequentist.counting_process import Floats

Flags = NDArray[np.bool_]
FAR = 1e4
"""Length of a direction at most: gains that differ by less than its inverse are the same."""
SOME = 1e-3
"""Of a gain that may be 1, what is no rounding."""


@dataclass(frozen=True)
class Derivatives:
    """The log-likelihood at a point, its slope and its exact matrix of second derivatives."""

    value: float
    slope: Floats
    second: Floats


class OrdinalLikelihood(Protocol):
    """What is climbed."""

    @property
    def forms(self) -> Floats:
        """Of every patient and step, the weights of all coordinates in cutpoint less linear predictor."""

    @property
    def gains(self) -> Floats:
        """Linear forms (n, coordinates) that must not fall along a direction, lest the likelihood do."""

    def without(self, gone: Flags) -> OrdinalLikelihood:
        """Return the likelihood in the limit in which some of these have grown for ever."""

    def at(self, point: Floats) -> Derivatives:
        """Return value and derivatives."""


@dataclass(frozen=True)
class Cumulative:
    """Cumulative logit: the category lies between two cutpoints, of which either side may be open.

    Parameters
    ----------
    forms : array (rows, steps, coordinates)
    category : integer array (rows,)
    n : array (rows,)
    below, above : boolean array (rows,)
        Whether there is a cutpoint that the patient's category lies below, and above.
    """

    forms: Floats
    category: NDArray[np.int64]
    n: Floats
    below: Flags
    above: Flags

    def _sides(self) -> tuple[Floats, Floats]:
        """Return the forms of the cutpoints on the two sides of each category; meaningless where there is none."""
        rows, last = np.arange(len(self.category)), self.forms.shape[1] - 1
        return (self.forms[rows, np.minimum(self.category, last)], self.forms[rows, np.maximum(self.category - 1, 0)])

    @property
    def gains(self) -> Floats:
        """As of `OrdinalLikelihood`."""
        upper, lower = self._sides()
        return np.concatenate([upper[self.below], -lower[self.above]])

    def without(self, gone: Flags) -> Cumulative:
        """As of `OrdinalLikelihood`."""
        below, above = self.below.copy(), self.above.copy()
        first = int(below.sum())
        below[np.flatnonzero(below)[gone[:first]]] = False
        above[np.flatnonzero(above)[gone[first:]]] = False
        return replace(self, below=below, above=above)

    def at(self, point: Floats) -> Derivatives:
        """As of `OrdinalLikelihood`: log of logistic(u) less logistic(l), of the two sides u and l."""
        upper, lower = self._sides()
        u, low, both = upper @ point, lower @ point, self.below & self.above
        apart = np.where(both, u - low, 1.0)
        if (apart <= 0).any():
            return Derivatives(-np.inf, np.zeros(len(point)), np.zeros((len(point),) * 2))
        value = np.where(self.below, -np.logaddexp(0.0, -u), 0.0) - np.where(self.above, np.logaddexp(0.0, low), 0.0)
        value = value + np.where(both, np.log(-np.expm1(-apart)), 0.0)
        narrow = np.where(both, 1 / np.expm1(np.minimum(apart, 700.0)), 0.0)
        by_u = np.where(self.below, special.expit(-u), 0.0) + narrow
        by_low = -np.where(self.above, special.expit(low), 0.0) - narrow
        cross = narrow * (1 + narrow)
        by_uu = -np.where(self.below, special.expit(u) * special.expit(-u), 0.0) - cross
        by_ll = -np.where(self.above, special.expit(low) * special.expit(-low), 0.0) - cross
        slope = upper.T @ (self.n * by_u) + lower.T @ (self.n * by_low)
        mixed = upper.T @ ((self.n * cross)[:, None] * lower)
        second = upper.T @ ((self.n * by_uu)[:, None] * upper) + lower.T @ ((self.n * by_ll)[:, None] * lower)
        return Derivatives(float(self.n @ value), slope, second + mixed + mixed.T)


@dataclass(frozen=True)
class Adjacent:
    """Adjacent categories: shares in proportion to exponentials of scores, of which some may have died out.

    Parameters
    ----------
    forms, category, n
        As of `Cumulative`.
    alive : boolean array (rows, categories)
    """

    forms: Floats
    category: NDArray[np.int64]
    n: Floats
    alive: Flags

    @property
    def scores(self) -> Floats:
        """Weights of all coordinates in each category's score: array (rows, categories, coordinates)."""
        none = np.zeros((len(self.n), 1, self.forms.shape[2]))
        return np.concatenate([none, -self.forms.cumsum(axis=1)], axis=1)

    def _others(self) -> Flags:
        others = self.alive.copy()
        others[np.arange(len(self.category)), self.category] = False
        return others

    @property
    def gains(self) -> Floats:
        """As of `OrdinalLikelihood`."""
        scores = self.scores
        own = scores[np.arange(len(self.category)), self.category]
        return (own[:, None] - scores)[self._others()]

    def without(self, gone: Flags) -> Adjacent:
        """As of `OrdinalLikelihood`."""
        alive, places = self.alive.copy(), np.argwhere(self._others())[gone]
        alive[places[:, 0], places[:, 1]] = False
        return replace(self, alive=alive)

    def at(self, point: Floats) -> Derivatives:
        """As of `OrdinalLikelihood`."""
        scores = self.scores
        of_each = np.where(self.alive, scores @ point, -np.inf)
        total = special.logsumexp(of_each, axis=1)
        p = np.exp(of_each - total[:, None])
        rows = np.arange(len(self.category))
        mean = np.einsum("rk,rkc->rc", p, scores)
        slope = self.n @ (scores[rows, self.category] - mean)
        weighed = (self.n[:, None] * p)[..., None] * scores
        second = (self.n[:, None] * mean).T @ mean - np.einsum("rkc,rkd->cd", weighed, scores)
        return Derivatives(float(self.n @ (of_each[rows, self.category] - total)), slope, second)


def furthest(likelihood: OrdinalLikelihood, places: list[int]) -> tuple[Floats, Flags]:
    """Find the direction in some coordinates along which most forms gain, and which do; zeros, and none, if none."""
    gains = likelihood.gains
    direction, gone = np.zeros(gains.shape[1]), np.zeros(len(gains), dtype=bool)
    if not len(gains) or not places:
        return direction, gone
    size, n = len(places), len(gains)
    below = sparse.hstack([sparse.csr_array(-gains[:, places]), sparse.eye_array(n)])
    cost = np.concatenate([np.zeros(size), -np.ones(n)])
    found = solved(cost, below, [(-FAR, FAR)] * size + [(0.0, 1.0)] * n)
    gone = found[size:] > SOME
    if gone.any():
        direction[places] = found[:size]
    return direction, gone


def signs_of(likelihood: OrdinalLikelihood, place: int) -> tuple[bool, bool]:
    """Say whether a coordinate may fall, and rise, for ever without the likelihood ever falling."""
    gains = likelihood.gains
    cost = np.zeros(gains.shape[1])
    cost[place] = 1.0
    found = [solved(sign * cost, -gains, [(-1.0, 1.0)] * len(cost))[place] for sign in (1.0, -1.0)]
    return bool(found[0] < -SOME), bool(found[1] > SOME)


def solved(cost: Floats, below: object, bounds: list[tuple[float, float]]) -> Floats:
    """Minimise a linear cost where forms lie below 0.

    Raises
    ------
    CasepoolError
        If the programme has no answer, which rounding alone could make of it.
    """
    fine = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
    zeros = np.zeros(below.shape[0])  # type: ignore[attr-defined]
    found = optimize.linprog(cost, A_ub=below, b_ub=zeros, bounds=bounds, method="highs", options=fine)
    if found.x is None:
        raise CasepoolError("the search for a maximum did not end", remedy="report this table")
    return np.asarray(found.x)
