"""Product-limit survival curves on counting-process data: Kaplan-Meier, Nelson-Aalen, Simon-Makuch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from casepool.frequentist.counting_process import Counts, Floats, Spells, as_spells, only, split_at_switch
from casepool.modelling.families.ties import TIED

ROUNDING = 1e-12
"""Relative difference below which sums of fractional weights are the same number."""


@dataclass(frozen=True)
class StepCurve:
    """A survival curve, which steps at the event times.

    Attributes
    ----------
    times : numpy.ndarray of float, (steps,)
        Distinct event times, rising, in the unit of the data.
    at_risk, events : numpy.ndarray, (steps,)
        Patients at risk just before each time, and with the event at it; integers if all weights are whole.
    survival : numpy.ndarray of float, (steps,)
        Kaplan-Meier estimate from each time on.
    greenwood : numpy.ndarray of float, (steps,)
        Greenwood's sum, the estimated variance of log survival; infinite where survival is 0.
    hazard, hazard_variance : numpy.ndarray of float, (steps,)
        Nelson-Aalen estimate of the cumulative hazard, and its variance (Aalen 1978).
    spells : Spells
        The follow-up the curve was made from.
    """

    times: Floats
    at_risk: Counts
    events: Counts
    survival: Floats
    greenwood: Floats
    hazard: Floats
    hazard_variance: Floats
    spells: Spells

    @property
    def survivors(self) -> Counts:
        """Patients at risk who pass each time without the event."""
        return _survivors(self.at_risk, self.events)


def kaplan_meier(
    time: ArrayLike, event: ArrayLike, entry: ArrayLike | None = None, weight: ArrayLike | None = None
) -> StepCurve:
    """Kaplan-Meier and Nelson-Aalen estimates.

    Parameters
    ----------
    time : array_like of float, (rows,)
        End of follow-up, 0 or later. Censored at an event time counts as at risk there.
    event : array_like of bool, (rows,)
        Whether the event happened at `time`.
    entry : array_like of float, (rows,), optional
        Start of follow-up (delayed entry); at risk in (entry, time]. Zero is follow-up from time zero on.
    weight : array_like, (rows,), optional
        Patients the row stands for. The variances take weights as numbers of patients.

    Returns
    -------
    StepCurve
        Without events it has no steps, and survival is 1 as long as there is follow-up.

    Raises
    ------
    CasepoolError
        As `as_spells`.

    Notes
    -----
    Kaplan and Meier (1958), JASA 53, 457-481. With delayed entry the first risk sets can be so small that all
    in one of them have the event; the curve is then 0 from there on, as the definition demands.
    """
    return curve_of(as_spells(time, event, entry, weight))


def follow_up(outcome: Mapping[str, np.ndarray]) -> StepCurve:
    """Kaplan-Meier of the ends of follow-up, which events cut short (Schemper and Smith 1996).

    Parameters
    ----------
    outcome : mapping of str to array (n,)
        ``time``, ``event`` and ``entry``, as of a Design.
    """
    return kaplan_meier(outcome["time"], 1 - outcome["event"], entry=outcome["entry"])


def simon_makuch(time: ArrayLike, event: ArrayLike, switch: ArrayLike) -> tuple[StepCurve, StepCurve]:
    """Survival by an exposure that starts during follow-up.

    Parameters
    ----------
    time, event : array_like, (patients,)
        End of follow-up, and whether the event happened there.
    switch : array_like of float, (patients,)
        When the exposure started; inf or NaN if never, 0 if from time zero on.

    Returns
    -------
    never, exposed : StepCurve
        Patients leave the first risk set at their switch and enter the second one there.

    Raises
    ------
    CasepoolError
        As `split_at_switch`.

    Notes
    -----
    Simon and Makuch (1984), Statistics in Medicine 3, 35-44, without a landmark.
    """
    spells, exposed = split_at_switch(time, event, switch)
    return curve_of(only(spells, ~exposed)), curve_of(only(spells, exposed))


def curve_of(spells: Spells) -> StepCurve:
    """Make the curve of checked spells; see `kaplan_meier`."""
    times = spells.event_times
    at_risk, events = spells.at_risk(times), spells.events_at(times)
    left = _survivors(at_risk, events)
    with np.errstate(divide="ignore"):
        # Once nobody is left, survival is 0 for good, whoever enters later.
        greenwood = np.cumsum(np.where(left > 0, events / (at_risk * left.astype(float)), np.inf))
    return StepCurve(
        times=times,
        at_risk=at_risk,
        events=events,
        survival=np.cumprod(left / at_risk),
        greenwood=greenwood,
        hazard=np.cumsum(events / at_risk),
        hazard_variance=np.cumsum(events / at_risk.astype(float) ** 2),
        spells=spells,
    )


def _survivors(at_risk: Counts, events: Counts) -> Counts:
    """Take the events from those at risk, without the rounding that fractional weights leave."""
    left = at_risk - events
    return np.where(left <= ROUNDING * at_risk, 0, left)


def survival_at(curve: StepCurve, t: ArrayLike) -> Floats:
    """Kaplan-Meier survival at given times.

    Parameters
    ----------
    curve : StepCurve
    t : array_like of float
        Times in the unit of the data.

    Returns
    -------
    numpy.ndarray of float, shape of `t`
        NaN beyond the last follow-up, unless survival is 0 by then.
    """
    return step_at(curve, curve.survival, t, before=1.0)


def hazard_at(curve: StepCurve, t: ArrayLike) -> Floats:
    """Nelson-Aalen cumulative hazard at given times.

    Parameters
    ----------
    curve : StepCurve
    t : array_like of float
        Times in the unit of the data.

    Returns
    -------
    numpy.ndarray of float, shape of `t`
        NaN beyond the last follow-up.
    """
    hazard = step_at(curve, curve.hazard, t, before=0.0)
    return np.where(np.asarray(t, dtype=float) * (1 - TIED) > curve.spells.end, np.nan, hazard)


def step_at(curve: StepCurve, values: Floats, t: ArrayLike, before: float) -> Floats:
    """Read a step function along a curve.

    Parameters
    ----------
    curve : StepCurve
    values : numpy.ndarray of float, (steps,)
        The value from each of the curve's times on.
    t : array_like of float
        Times in the unit of the data.
    before : float
        The value before the first step.

    Returns
    -------
    numpy.ndarray of float, shape of `t`
        NaN beyond the last follow-up (everywhere, without patients), unless survival is 0 by then.
    """
    at = np.asarray(t, dtype=float)
    read = np.concatenate([[before], values])[np.searchsorted(curve.times, at * (1 + TIED), side="right")]
    if curve.survival.size and curve.survival[-1] == 0:
        return read
    return np.where(at * (1 - TIED) <= curve.spells.end, read, np.nan)


def numbers_at_risk(curve: StepCurve, times: ArrayLike) -> Counts:
    """Patients at risk just before given times, for a risk table.

    Parameters
    ----------
    curve : StepCurve
    times : array_like of float
        Times in the unit of the data.

    Returns
    -------
    numpy.ndarray, shape of `times`
        Those with entry < t <= end of follow-up; at time 0, everyone followed from time zero on.
    """
    return curve.spells.at_risk(np.asarray(times, dtype=float) * (1 - TIED))


def left_before(curve: StepCurve, times: ArrayLike) -> tuple[Counts, Counts]:
    """Patients who are no more at risk just before given times, beside those of `numbers_at_risk`.

    Parameters
    ----------
    curve : StepCurve
    times : array_like of float
        Times in the unit of the data.

    Returns
    -------
    events, censored : numpy.ndarray, shape of `times`
        Those whose follow-up ended before t with the event, and without.
    """
    just_before = np.asarray(times, dtype=float) * (1 - TIED)
    spells = curve.spells
    happened = spells.left_by(just_before, spells.weight * spells.event)
    return happened, spells.left_by(just_before) - happened


def restricted_mean(curve: StepCurve, to: float) -> tuple[float, float]:
    """Mean survival time up to `to`: the area under the curve.

    Parameters
    ----------
    curve : StepCurve
    to : float
        In the unit of the data.

    Returns
    -------
    mean, standard_error : float
        NaN if `to` lies beyond the last follow-up while survival is above 0: the area is then unknown.

    Notes
    -----
    Klein and Moeschberger (2003), Survival Analysis, section 4.5.
    """
    inside = curve.times < to
    if np.isnan(survival_at(curve, to)):
        return np.nan, np.nan
    edges = np.concatenate([[0.0], curve.times[inside], [to]])
    areas = np.diff(edges) * np.concatenate([[1.0], curve.survival[inside]])
    # Area still to come after each event: it is what the hazard there puts at stake.
    ahead = np.cumsum(areas[::-1])[::-1][1:]
    alive = curve.survivors[inside]
    steps = curve.events[inside] / (curve.at_risk[inside] * np.where(alive > 0, alive, np.inf).astype(float))
    return float(areas.sum()), float(np.sqrt(np.sum(ahead**2 * steps)))
