"""Maximum of an ordinal model's likelihood, without priors: proportional odds, or adjacent categories.

Only what has no prior by construction can be maximised: no group terms, no smooth ones, no missing covariates. Whether
there is a maximum is asked before it is looked for (`ordinal_likelihood.py`); where a coefficient goes to infinity the
others are those of the limit.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import linalg, optimize, stats

from casepool.frequentist.counting_process import Floats
from casepool.frequentist.maximum_likelihood import FURTHEST, LOST, UNTOLD, Ratio
from casepool.frequentist.ordinal_likelihood import (
    Adjacent,
    Cumulative,
    Derivatives,
    Flags,
    OrdinalLikelihood,
    furthest,
    signs_of,
)
from casepool.frequentist.recession import determined, independent
from casepool.modelling.design.design import Design
from casepool.modelling.design.likelihood import by_step, data_of, linear_predictor
from casepool.modelling.families.arrays import NUMPY
from casepool.modelling.families.parameters import Role

STEPS, HALVINGS = 100, 60
CONVERGED = 1e-12
"""What the log-likelihood may still rise by."""
FINEST = 1e-9
"""Of a limit on the log scale."""
HIGHEST = 1e9
"""Of a deviance that is looked at: where a climb is lost there is none."""


@dataclass(frozen=True)
class Estimate(Ratio):
    """A log odds ratio, or a cutpoint, by maximum likelihood, with the standard error of the exact second derivatives.

    The error is NaN where the estimate is infinite.
    """

    error: float = math.nan


def why_not(design: Design) -> str:
    """Say why an ordinal model's likelihood is not maximised; "" where it is."""
    model = design.model
    if model.joint or any(term.held_by_prior for term in model.terms.values()):
        return "the levels of a group, or the bends of a curve, are held together by their prior"
    if any(term.is_incomplete for term in design.terms.values()):
        return "a covariate is missing for some patients"
    if model.selection:
        return "how readily a success is published is known from its prior alone"
    if len(np.unique(design.outcome["category"])) < 2:
        return "all patients have the same outcome"
    return ""


class OrdinalMaximum:
    """The cutpoints and log odds ratios of a design, each with its standard error and limits.

    Parameters
    ----------
    design : Design
        Of an ordinal model that `why_not` has nothing against.
    confidence : float
    """

    def __init__(self, design: Design, *, confidence: float = 0.95) -> None:
        self.drop = float(stats.chi2.isf(1 - confidence, 1))
        self.names, forms, self.scales = _coordinates(design)
        category = design.outcome["category"].astype(int)
        self.used = np.unique(category) if design.model.link == "cumulative" else np.arange(len(design.model.steps) + 1)
        """Categories: cumulative cutpoints on the two sides of one that nobody has are one."""
        self.steps, kept = _joined(design.model.steps, self.used)
        cuts = len(self.steps)
        forms = np.concatenate([np.broadcast_to(np.eye(cuts), (len(category), cuts, cuts)), forms[:, kept]], axis=2)
        category, n = np.searchsorted(self.used, category), design.outcome["n"]
        rows = (forms, category, n)
        self.whole: OrdinalLikelihood = (
            Cumulative(*rows, category < cuts, category > 0)
            if design.model.link == "cumulative"
            else Adjacent(*rows, np.ones((len(n), cuts + 1), dtype=bool))
        )
        counts = np.array([n[category <= k].sum() for k in range(cuts)])
        self.start = np.append(np.log((counts + 0.5) / (n.sum() - counts + 0.5)), np.zeros(len(self.names)))

    @property
    def size(self) -> int:
        """Number of coordinates."""
        return len(self.start)

    def of(self, place: int) -> Estimate:
        """Estimate one coordinate: cutpoints come first, then coefficients as in `names`."""
        told = self._told[place]
        falls, grows = (False, False) if told else signs_of(self.whole, place)
        if (falls and grows) or not (told or falls or grows):
            return Estimate(reason=UNTOLD)
        top = self._top
        if top is None:
            return Estimate(reason=LOST)
        at = math.inf if grows else -math.inf if falls else float(top.point[place])
        height = self._profile(place)
        lower, upper = (at if at == sign * math.inf else self._crossing(height, at, sign) for sign in (-1.0, 1.0))
        p = float(stats.chi2.sf(max(2 * (top.found.value - height(0.0)), 0.0), 1))
        scale = self.scales[place - len(self.steps)] if place >= len(self.steps) else 1.0
        return Estimate(at / scale, lower / scale, upper / scale, p, error=self._error(place) / scale)

    @cached_property
    def _limit(self) -> tuple[OrdinalLikelihood, Flags]:
        """The likelihood, or its limit where it rises for ever, and the coordinates that decide it."""
        return limited(self.whole, list(range(self.size)))

    @cached_property
    def _told(self) -> Flags:
        """Which coordinates are the same in all points of the limit."""
        return determined(self._limit[0].gains)

    @cached_property
    def _top(self) -> Top | None:
        return climb(self._limit[0], self.start, self._limit[1])

    def _error(self, place: int) -> float:
        if not self._told[place] or self._top is None:
            return math.nan
        unit = np.zeros(self.size)
        unit[place] = 1.0
        return float(np.sqrt(unit @ linalg.pinvh(-self._top.found.second) @ unit))  # in the limit some tell nothing

    def _profile(self, place: int) -> Callable[[float], float]:
        """Return the likelihood's height as one coordinate is moved, all others following."""
        others = [k for k in range(self.size) if k != place]
        likelihood, free = limited(self.whole, others)
        last = self._top.point if self._top is not None else self.start

        def height(value: float) -> float:
            nonlocal last
            for start in (last, self.start):
                moved = _held(likelihood, start, place, value, len(self.steps))
                top = climb(likelihood, moved, free)
                if top is not None:
                    last = top.point
                    return top.found.value
            return -math.inf

        return height

    def _crossing(self, height: Callable[[float], float], at: float, sign: float) -> float:
        """Find where the likelihood has fallen by the drop, on one side of the highest point."""
        best = -math.inf if self._top is None else self._top.found.value

        def above(value: float) -> float:
            return min(2 * (best - height(value)) - self.drop, HIGHEST)

        inside = at if math.isfinite(at) else 0.0
        outside_here = above(inside) > 0  # of an infinite estimate 0 may lie outside: the limit is on the way to it
        step = -sign if outside_here else sign
        while abs(outside := inside + step) < FURTHEST:
            if (above(outside) > 0) != outside_here:
                return float(optimize.brentq(above, *sorted((inside, outside)), xtol=FINEST))
            inside, step = outside, 2 * step
        return sign * math.inf


@dataclass(frozen=True)
class Top:
    """Where a climb ended."""

    point: Floats
    found: Derivatives


def limited(likelihood: OrdinalLikelihood, places: list[int]) -> tuple[OrdinalLikelihood, Flags]:
    """Return a likelihood's limit while all but some coordinates are held, and those of them that decide it."""
    _, gone = furthest(likelihood, places)
    left = likelihood.without(gone)
    free = np.zeros(likelihood.forms.shape[2], dtype=bool)
    free[independent(left.gains, places)] = True
    return left, free


def climb(likelihood: OrdinalLikelihood, start: Floats, free: Flags) -> Top | None:
    """Climb a concave likelihood by Newton's steps over the free coordinates; None where the way is lost."""
    point, here = start, likelihood.at(start)
    for _ in range(STEPS):
        if not np.isfinite(here.value):
            return None
        step = np.zeros(len(point))
        try:
            factor = linalg.cho_factor(-here.second[np.ix_(free, free)]) if free.any() else None
        except linalg.LinAlgError:
            return None
        if factor is not None:
            step[free] = linalg.cho_solve(factor, here.slope[free])
        rise = float(here.slope @ step)
        if rise < CONVERGED:
            last = likelihood.at(point + step)
            return Top(point + step, last) if np.isfinite(last.value) else Top(point, here)
        for _ in range(HALVINGS):
            there = likelihood.at(point + step)
            if there.value > here.value:
                break
            step = step / 2
        else:  # nothing but rounding is left to rise by
            return Top(point, here) if rise < math.sqrt(CONVERGED) else None
        point, here = point + step, there
    return None


def _held(likelihood: OrdinalLikelihood, start: Floats, place: int, value: float, cuts: int) -> Floats:
    """Move one coordinate of a point; the other cutpoints make room for one of them."""
    point = start.copy()
    if place < cuts:
        point[:cuts] += value - point[place]
    point[place] = value
    return point


def _joined(steps: tuple[str, ...], used: np.ndarray) -> tuple[tuple[str, ...], list[int]]:
    """Return the steps between categories somebody has, each with the place of its first in all steps."""
    codes = [*(step.partition(" | ")[0] for step in steps), steps[-1].partition(" | ")[2]]
    kept = [codes[k] for k in used]
    return tuple(f"{a} | {b}" for a, b in itertools.pairwise(kept)), [int(k) for k in used[:-1]]


def _coordinates(design: Design) -> tuple[list[tuple[str, str, str]], Floats, Floats]:
    """Return every coefficient's term, label and step, minus its weights (rows, steps, coefficients), and its scale."""
    effects = [own for own in design.parameters if own.role is Role.EFFECT and own.owner in design.terms]
    sizes = [math.prod(own.shape(design.laid)) for own in effects]
    eye, parameters, names, done = np.eye(sum(sizes)), {}, [], 0
    for own, size in zip(effects, sizes, strict=True):
        shape = own.shape(design.laid)
        parameters[own.name] = eye[:, done : done + size].reshape((len(eye), *shape))
        done += size
        for index in np.ndindex(shape):
            labels = {dim: design.laid.labels[dim][k] for dim, k in zip(own.dims, index, strict=True)}
            names.append((own.owner, labels.get(own.owner, ""), labels.get("step", "")))
    data, rows = data_of(design), len(design.patient_of_row)
    each = [
        np.zeros((len(eye), rows)) + linear_predictor(data, step, NUMPY) for step in by_step(design.model, parameters)
    ]
    forms = -np.stack(each).transpose(2, 0, 1)
    scales = np.abs(forms).max(axis=(0, 1), initial=0.0)
    scales = np.where(scales > 0, scales, 1.0)
    return names, forms / scales, scales
