"""Survival of a model's patients under a stated path of the exposure: arrays, for tables and for pictures."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import override

import numpy as np

from casepool.arguments import is_number
from casepool.errors import CasepoolError
from casepool.estimation.draws import HUGE, Fitted
from casepool.inference.fit_contents import report_start_of
from casepool.modelling import Design
from casepool.modelling.design.exposure_dates import nodes
from casepool.modelling.design.likelihood import data_of, hazard_of, patient_mean
from casepool.modelling.families.arrays import NUMPY
from casepool.modelling.families.baselines import TINY
from casepool.modelling.families.hazards import Hazard
from casepool.modelling.specification.exposure import TYPICAL, Exposure
from casepool.remarks import NONE, Remarks, remark
from casepool.writing import FEW

HALVINGS = 60
"""Bisection steps for a median: they shrink the bracket by 10^18."""


@dataclass(frozen=True)
class Strategy:
    """One path of the exposure, or one level of a factor, for the same patients.

    Parameters
    ----------
    level, words : str
        Short name and description.
    switch : float
        When the exposure begins: inf for never.
    curve : Curve
    n, events : float
        Of the patients of the fit who were in this arm or level.
    """

    level: str
    words: str
    switch: float
    curve: Curve
    n: float
    events: float


@dataclass(frozen=True)
class Curve:
    """Survival averaged over the patients of a design, as a function of time: 1 up to `origin`, where it begins."""

    design: Design
    fitted: Fitted
    hazard: Hazard
    switch: float
    origin: float = 0.0

    def survival(self, time: float | np.ndarray) -> np.ndarray:
        """Probability of surviving to `time`, a number or an array (chain, draw): array (chain, draw)."""
        return np.asarray(self.by_patient(time).mean(axis=-1))

    def by_patient(self, time: float | np.ndarray) -> np.ndarray:
        """Each patient's probability of surviving to `time`: array (chain, draw, patients), one where all are alike."""
        return self._of_patients(np.exp(-self._cumulative(time)))

    def log_cumulative_hazard(self, time: float) -> np.ndarray:
        """Log of -log S(time): array (chain, draw). Neither S near 1 nor S near 0 is rounded away."""
        with np.errstate(over="ignore", invalid="ignore"):  # under a vague prior
            since = np.clip(self._cumulative(time), TINY, 1 / TINY)
        least = since.min(axis=-1, keepdims=True)
        gone = self._of_patients(-np.expm1(least - since)).mean(axis=-1)
        return np.asarray(np.log(least[..., 0] - np.log1p(-gone)))

    def _cumulative(self, time: float | np.ndarray) -> np.ndarray:
        """Cumulative hazard from `origin` to `time`: array (chain, draw, rows), one where all are alike."""
        at = np.maximum(_time_of_draws(time), self.origin)
        switch = np.array(self.switch)
        since = self.hazard.cumulative(at, switch)
        if self.origin:
            since = since - self.hazard.cumulative(_time_of_draws(self.origin), switch)
        return np.broadcast_to(since, np.broadcast_shapes(since.shape, (*self.draws, 1)))

    def hazard_at(self, time: float) -> np.ndarray:
        """Hazard at `time` of those still event-free: array (chain, draw).

        The patients' hazards averaged over who is left, E[h S] / E[S]; from a start of the exposure on, the exposed
        one. 0 before `origin`; infinite where a falling hazard begins.
        """
        if time < self.origin:
            return np.zeros(self.draws)
        at, switch = _time_of_draws(time), np.array(self.switch)
        alive = np.exp(-self.hazard.cumulative(at, switch))
        # a hazard is told of what follows: at the very start of the exposure that of the exposed
        begun = np.nextafter(switch, 0.0)
        dying = np.exp(self.hazard.log_hazard(at, begun)) * alive
        shape = np.broadcast_shapes(dying.shape, alive.shape, (*self.draws, 1))
        parts = (self._of_patients(np.broadcast_to(rows, shape)).mean(axis=-1) for rows in (dying, alive))
        rate = next(parts) / np.maximum(next(parts), TINY)
        return np.where(rate < HUGE, rate, np.inf)

    def _of_patients(self, rows: np.ndarray) -> np.ndarray:
        return rows if rows.shape[-1] == 1 else patient_mean(self.design, rows, self.fitted.parameters, NUMPY)

    @property
    def draws(self) -> tuple[int, ...]:
        """Numbers of chains and draws."""
        return self.fitted.shape

    @property
    def begins(self) -> float:
        """When it leaves 1."""
        return self.origin

    @property
    def weights(self) -> np.ndarray | None:
        """Weight of each draw, array (chain, draw) with mean 1; None where all weigh alike."""
        return None

    def median(self) -> np.ndarray:
        """Time by which half have had the event, inf if that never happens: array (chain, draw). By bisection.

        At the times it begins with a rising hazard may be beyond all numbers: nobody is left by then.
        """
        latest = 1e6 * float(self.fitted.design.outcome["time"].max())
        low, high = np.zeros(self.draws), np.full(self.draws, latest)
        with np.errstate(over="ignore", invalid="ignore"):
            never = self.survival(high) > 0.5
            for _ in range(HALVINGS):
                middle = (low + high) / 2
                alive = self.survival(middle) > 0.5
                low, high = np.where(alive, middle, low), np.where(alive, high, middle)
        return np.where(never, np.inf, (low + high) / 2)

    def restricted_mean(self, until: float) -> np.ndarray:
        """Mean time event-free within the first `until`: array (chain, draw). Gauss-Legendre on each smooth piece.

        Nodes crowd where the curve begins, as events may do.
        """
        breaks = [] if self.design.pieces is None else list(self.design.pieces.breaks)
        start = min(self.begins, until)
        total = np.full(self.draws, start)
        for time, weight in zip(*nodes(start, until, [*breaks, self.switch]), strict=True):
            total = total + weight * self.survival(time)
        return total


@dataclass(frozen=True)
class Onward(Curve):
    """The curve of patients who are known to be event-free at a time, 1 up to it: S(t) / S(alive_at), draw by draw.

    Parameters
    ----------
    alive_at : float
    counted : float
        Up to when their survival is in the draws already: 0 for patients whom the fit does not know. Having survived
        from then to `alive_at` is data, by which draws are weighed (Bayes' rule).
    """

    alive_at: float = 0.0
    counted: float = 0.0

    @override
    def survival(self, time: float | np.ndarray) -> np.ndarray:
        return np.asarray(super().survival(np.maximum(time, self.alive_at)) / self._alive)

    @property
    @override
    def begins(self) -> float:
        return max(self.origin, self.alive_at)

    @cached_property
    def _alive(self) -> np.ndarray:
        return np.asarray(np.maximum(super().survival(self.alive_at), TINY))

    @property
    @override
    def weights(self) -> np.ndarray | None:
        if self.alive_at <= max(self.counted, self.origin):
            return None
        survived = self._alive / np.maximum(super().survival(self.counted), TINY)
        return np.asarray(survived / survived.mean())


def _time_of_draws(time: float | np.ndarray) -> np.ndarray:
    """Return a time of every draw, or one for all of them, with an axis for patients: array (chain, draw, 1).

    One time for all has axes of draws too: where a vector of times holds all rows of a likelihood, splines are one
    product of matrices, which rounds otherwise.
    """
    return np.asarray(np.atleast_2d(np.asarray(time, float))[..., None])


def curve(fitted: Fitted, design: Design, switch: float) -> Curve:
    """Make the curve of a design's patients under one path of the exposure, from the landmark on where there is one."""
    hazard = hazard_of(data_of(design), fitted.parameters, NUMPY)
    if not design.terms:  # all patients alike: one row says it
        hazard = replace(hazard, eta=np.asarray(hazard.eta)[..., :1])
    origin = max((exposure.landmark for exposure in fitted.model.exposures.values()), default=0.0)
    return Curve(design, fitted, hazard, switch, origin)


def paths_of(fitted: Fitted, start: float | None) -> list[tuple[str, str, float]]:
    """Return the paths an exposure offers: never, and from `start` on if still without the event.

    Each has a short name, a description, and when the exposure begins in it (inf: never).

    Raises
    ------
    CasepoolError
        If the start is negative, or given for a baseline or landmark comparison, which have none.
    """
    exposure = next(iter(fitted.model.exposures.values()))
    if start is not None and not (exposure.begins and is_number(start) and start >= 0):
        raise CasepoolError(
            "start must be a time from 0" if exposure.begins else f"the {exposure.as_} comparison has no start",
            value=start,
            remedy="leave it out",
        )
    begin = begins_at(fitted, exposure, start)
    without, with_ = exposure.compared_arms(fitted.unit)
    unit = fitted.unit.removesuffix("s")
    described = {
        "baseline": f"ever {with_}, fixed at baseline",
        "landmark": f"{with_}, among those event-free then",
    }.get(exposure.as_, f"{with_} at {unit} {begin:g} if still {fitted.model.outcome.without}")
    return [(without, without, np.inf), (with_, described, begin)]


def strategies(fitted: Fitted, start: float | None) -> list[Strategy]:
    """Return the curves of all patients under the paths of the exposure."""
    exposed, event = fitted.design.exposed, fitted.design.outcome["event"]
    arms = zip(paths_of(fitted, start), (~exposed, exposed), strict=True)
    return [
        Strategy(level, words, switch, curve(fitted, fitted.undated, switch), inside.sum(), event[inside].sum())
        for (level, words, switch), inside in arms
    ]


def begins_at(fitted: Fitted, exposure: Exposure, start: float | None) -> float:
    """Return when an exposure begins in its strategy: as asked, as the model says, or as the fitted table has it."""
    if not exposure.begins:
        return 0.0
    chosen = exposure.report_start if start is None else float(start)
    if chosen is None:
        chosen = report_start_of(fitted.tree) or 0.0
    return 0.0 if math.isnan(chosen) else chosen


def said_start(fitted: Fitted, exposure: Exposure, start: float | None) -> Remarks:
    """Say when the strategy begins where nobody chose it, and whether that is when no patient's exposure did."""
    if not exposure.begins:
        return NONE
    begin, exposed = begins_at(fitted, exposure, start), fitted.design.exposed
    when = {"time": f"{begin:g}", "unit": fitted.unit}
    said = NONE
    if start is None and exposure.start_is_open:
        withheld = math.isnan(report_start_of(fitted.tree) or 0.0)
        said = remark("start withheld", few=FEW) if withheld else remark("typical start", **when, which=TYPICAL)
    earliest, latest = fitted.design.earliest[exposed], fitted.design.latest[exposed]
    if not exposed.any() or not earliest.min() <= begin <= latest.max():
        said += remark("start of nobody", **when)
    return said
