"""Maximum of a survival model's likelihood, without priors: a check on the fit, by the same likelihood.

Only what has no prior by construction can be maximised: no group terms, no smooth ones, no hazard made of pieces, no
missing covariates. Whether there is a maximum is asked before it is looked for (`recession.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy import optimize, stats

from casepool.errors import CasepoolError
from casepool.frequentist.climbing import Top, climb
from casepool.frequentist.counting_process import Floats
from casepool.frequentist.patient_likelihood import PatientLikelihood, patient_likelihood
from casepool.frequentist.recession import Limit, limit, rises_for_ever, signs_of
from casepool.modelling.design.design import Design
from casepool.modelling.families.arrays import NUMPY
from casepool.modelling.families.baselines import LOG_LOG_2, TINY

STEP = 1e-4
"""Of differences that stand for the derivatives of a function of the parameters."""
FURTHEST = 50.0
"""Log ratio beyond which a limit is infinite."""
CLOSE = 1e-6
"""Of a limit's deviance."""
SOUGHT = 60
STARTS = (-2.0, 0.0, 2.0)
"""Log time ratios to start from where an exposure bends time: there may be several tops."""
HORIZON = 25.0
"""Logarithms of times, in multiples of the time at risk per event, between which a median is sought."""

RISES = "the likelihood rises without end"
UNTOLD = "the outcomes do not tell this ratio"
LOST = "the search for the maximum of the likelihood did not end"


@dataclass(frozen=True)
class Maximum:
    """A maximum of the likelihood.

    Parameters
    ----------
    likelihood : PatientLikelihood
    top : Top
    free : boolean array (coordinates,)
        Those that are estimated.
    """

    likelihood: PatientLikelihood
    top: Top
    free: np.ndarray

    @cached_property
    def parameters(self) -> Mapping[str, np.ndarray]:
        """By posterior name, as the likelihood takes them."""
        return self.likelihood.parameters(self.top.point)

    @cached_property
    def log_likelihood(self) -> float:
        """In the unit of the cases."""
        return self.likelihood.log_likelihood(self.top.point)

    def log_risk(self, time: float) -> tuple[float, float]:
        """Return the log of minus the log of survival to a time, averaged over patients, and its standard error."""
        log_time = float(np.log(time / self.likelihood.unit))
        return self._log_risk(self.top.point, log_time), self._error(log_time)

    def log_median(self) -> tuple[float, float]:
        """Return the log of the median survival, averaged over patients, and its standard error; inf if never."""
        point = self.top.point
        if self._log_risk(point, HORIZON) < LOG_LOG_2:
            return np.inf, np.nan
        middle = float(optimize.brentq(lambda u: self._log_risk(point, u) - LOG_LOG_2, -HORIZON, HORIZON))
        rise = (self._log_risk(point, middle + STEP) - self._log_risk(point, middle - STEP)) / (2 * STEP)
        return middle + float(np.log(self.likelihood.unit)), self._error(middle) / rise

    def _log_risk(self, point: Floats, log_time: float) -> float:
        likelihood = self.likelihood
        with np.errstate(all="ignore"):
            hazard = likelihood.hazard(likelihood.seen(point), NUMPY)
            risk = hazard.cumulative(np.exp(np.array([log_time])), np.array(np.inf))
        alive = np.mean(np.exp(-np.nan_to_num(risk, nan=np.inf)))  # beyond all numbers: nobody is left
        return float(np.log(np.clip(-np.log(np.clip(alive, TINY, 1.0)), TINY, None)))

    def _error(self, log_time: float) -> float:
        """Return the standard error of `_log_risk` by the delta method."""
        point = self.top.point
        moves = STEP * np.eye(len(point))
        change = np.array([self._log_risk(point + h, log_time) - self._log_risk(point - h, log_time) for h in moves])
        slope = change / (2 * STEP) * self.free
        solved = self.top.curvature.solve(slope, self.free)
        return float(np.sqrt(slope @ solved)) if solved is not None else np.nan


def why_not(design: Design) -> str:
    """Say why a model's likelihood is not maximised; "" where it is."""
    model = design.model
    if not design.outcome["event"].any():
        return "no event: the likelihood rises for ever as the hazard falls"
    if model.of_family.needs_prior:
        return model.of_family.needs_prior
    if model.joint or any(term.held_by_prior for term in model.terms.values()):
        return "the levels of a group, or the bends of a curve, are held together by their prior"
    if any(term.is_incomplete for term in design.terms.values()):
        return "a covariate is missing for some patients"
    return ""


def maximum(design: Design) -> Maximum | None:
    """Maximise the likelihood of a design's model; what its file fixes of the family's own parameters stays so.

    Parameters
    ----------
    design : Design
        Of a survival model that `why_not` has nothing against.

    Returns
    -------
    Maximum or None
        None where the likelihood rises without end, as with a single event or where an event separates.

    Raises
    ------
    CasepoolError
        Where the search ends at no maximum although none of these reasons is known.
    """
    likelihood = patient_likelihood(design)
    found = limit(likelihood)
    if found.direction.any() or rises_for_ever(likelihood):
        return None
    top = climb(likelihood, likelihood.start, found.free)
    if not top.reached:
        raise CasepoolError(LOST, remedy="use another family")
    return Maximum(likelihood, top, found.free)


@dataclass(frozen=True)
class Ratio:
    """A log ratio by maximum likelihood: estimate, profile-likelihood limits, and the P value of a ratio of 1.

    Where it is not computed, `reason` says why, and all numbers are NaN.
    """

    estimate: float = np.nan
    lower: float = np.nan
    upper: float = np.nan
    p: float = np.nan
    reason: str = ""


class Ratios:
    """The log ratios of a design, each with limits by profile likelihood.

    Parameters
    ----------
    design : Design
        Of a survival model that `why_not` has nothing against.
    confidence : float
    """

    def __init__(self, design: Design, *, confidence: float = 0.95) -> None:
        self.likelihood = patient_likelihood(design)
        self.drop = float(stats.chi2.isf(1 - confidence, 1))

    def of(self, by: str, k: int = 0) -> Ratio:
        """Estimate one coefficient.

        Parameters
        ----------
        by : str
            The exposure or term whose coefficient it is.
        k : int
            Which of the coefficients of a factor.

        Returns
        -------
        Ratio
            On the log scale, per unit of the design; an estimate of minus or plus infinity, and that limit too, where
            the likelihood rises for ever in that direction alone.
        """
        if self._rises:
            return Ratio(reason=RISES)
        place = self.likelihood.place(by, k)
        falls, grows = self._signs(place)
        if falls and grows:
            return Ratio(reason=UNTOLD)
        if not self._best.reached:
            return Ratio(reason=LOST)
        end = np.inf if grows else -np.inf if falls else float(self._best.point[place])
        inner = self._inner(place) if by in self.likelihood.design.model.exposures and self.likelihood.bends else None
        if inner is not None and inner.value > self._best.value:
            return self._profiled(place, float(inner.point[place]), inner)
        return self._profiled(place, end, self._best)

    @cached_property
    def _rises(self) -> bool:
        return rises_for_ever(self.likelihood)

    @cached_property
    def _limit(self) -> Limit:
        return limit(self.likelihood)

    @cached_property
    def _best(self) -> Top:
        """The highest point there is, or that of the likelihood's limit."""
        return climb(replace(self.likelihood, rows=self._limit.rows), self.likelihood.start, self._limit.free)

    def _signs(self, place: int) -> tuple[bool, bool]:
        return (False, False) if self._limit.told[place] else signs_of(self.likelihood, place)

    def _inner(self, place: int) -> Top | None:
        """Return the highest point at which a coefficient is finite, of a likelihood that may have several."""
        at, tops = self._slice(place), []
        free = at.free.copy()
        free[place] = True
        for value in STARTS:
            start = self.likelihood.start.copy()
            start[place] = value
            tops.append(climb(replace(self.likelihood, rows=at.rows), start, free))
        return max((top for top in tops if top.reached), key=lambda top: top.value, default=None)

    def _profiled(self, place: int, at: float, best: Top) -> Ratio:
        profile = _Profile(self.likelihood, best, self._slice(place), place, self.drop)
        lower, upper = (at if at == sign * np.inf else profile.crossing(at, sign) for sign in (-1.0, 1.0))
        p = float(stats.chi2.sf(max(profile.above(0.0)[0] + self.drop, 0.0), 1))
        scale = 1.0
        if place >= len(self.likelihood.shared):
            scale = float(self.likelihood.scales[place - len(self.likelihood.shared)])
        return Ratio(at / scale, lower / scale, upper / scale, p)

    def _slice(self, place: int) -> Limit:
        """Find the likelihood's limit while one coordinate is held."""
        if not self._limit.told[place]:
            return limit(self.likelihood, frozenset([place]))
        free = self._limit.free.copy()
        free[place] = False
        return replace(self._limit, free=free)


class _Profile:
    """The likelihood's height as one coordinate is moved, all others following."""

    def __init__(self, likelihood: PatientLikelihood, best: Top, at: Limit, place: int, drop: float) -> None:
        self.likelihood, self.best = replace(likelihood, rows=at.rows), best
        self.free, self.place, self.drop = at.free, place, drop
        self.nearest = best if at.told[place] else climb(self.likelihood, likelihood.start, at.free)

    def above(self, value: float) -> tuple[float, float, bool]:
        """Return by how much twice the fall of the log-likelihood exceeds the drop, its slope, and if both hold."""
        start = self.nearest.point.copy()
        start[self.place] = value
        curvature = self.nearest.curvature
        follow = curvature.solve(curvature.column(self.place), self.free)
        if follow is not None:
            start = start - follow * (value - self.nearest.point[self.place])
        top = climb(self.likelihood, start, self.free)
        if not top.reached:
            start = self.likelihood.start.copy()
            start[self.place] = value
            top = climb(self.likelihood, start, self.free)
        if top.reached:  # where a climb lost its way is no place to start the next from
            self.nearest = top
        return 2 * (self.best.value - top.value) - self.drop, -2 * float(top.slope[self.place]), top.reached

    def crossing(self, at: float, sign: float) -> float:
        """Find where the likelihood has fallen by the drop, on one side of the highest point.

        The root of the fall is nearly a straight line: steps along it, kept between where it is known to lie.
        """
        inside, outside = (at, sign * np.inf)
        value = self._first(at, sign)
        for _ in range(SOUGHT):
            above, slope, reached = self.above(value)
            if not reached and np.isfinite(inside):
                value = (inside + value) / 2
                continue
            if abs(above) < CLOSE:
                return value
            inside, outside = (inside, value) if above > 0 else (value, outside)
            if abs(inside if np.isfinite(inside) else outside) > FURTHEST:
                return sign * np.inf
            value = self._next(value, above, slope, inside, outside, sign)
        return outside if np.isinf(outside) else np.nan  # as far as any climb came, it has not fallen

    def _first(self, at: float, sign: float) -> float:
        if np.isinf(at):
            return 0.0
        unit = np.zeros(self.likelihood.size)
        unit[self.place] = 1.0
        solved = self.best.curvature.solve(unit, self.free | (unit == 1))
        return at + sign * float(np.sqrt(self.drop * solved[self.place] if solved is not None else 1.0))

    def _next(self, value: float, above: float, slope: float, inside: float, outside: float, sign: float) -> float:
        fallen = max(above + self.drop, 0.0)
        root = np.sqrt(fallen)
        step = 2 * root * (np.sqrt(self.drop) - root) / slope if slope else np.nan
        known = np.isfinite([inside, outside])
        if known.all():
            low, high = sorted((inside, outside))
            return value + step if low < value + step < high else (low + high) / 2
        reach = 2.0 + abs(value)
        away = sign if np.isinf(outside) else -sign
        bounded = away * float(np.clip(away * step, 0.0, reach)) if np.isfinite(step) else 0.0
        return value + (bounded or away * reach)


def profiled(design: Design, by: str, k: int = 0, *, confidence: float = 0.95) -> Ratio:
    """Estimate one coefficient of a design with limits by profile likelihood: see `Ratios.of`."""
    return Ratios(design, confidence=confidence).of(by, k)
