"""Follow-up simulated from a true hazard, and true survival: by the equations of the families, not by the package's."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import integrate, interpolate, optimize, stats

from benchmarks.calibrated import CUTS, KNOTS
from benchmarks.simulated_effects import Levels, Values, predictor, ways
from benchmarks.study import Study
from casepool.modelling.families.names import log_intensity_of

INSPECTED = 1 / 24
"""Inspections per month, between which an operation's date is hidden; independent of everything else."""
VISIT = 3.0
"""Months between the visits at which patients are seen alive."""
LATEST = 75.0
"""Months within which everybody would be operated, every date equally likely, where no intensity is modelled."""
EVER = 0.4
"""Share operated, where it counts from time zero on."""
EARLY_DEATHS = 60.0
"""Mean months to death before a landmark, which tells nothing of what comes after."""
HORIZON, MEAN_TO = 24.0, 36.0


@dataclass(frozen=True)
class Risk:
    """A true hazard: cumulative baseline hazard and its inverse, how covariates act, the effect of surgery."""

    cumulative: Callable[[float], float]
    inverse: Callable[[float], float]
    accelerated: bool
    effect: float

    def total(self, time: float, switch: float, eta: float) -> float:
        """Cumulative hazard up to `time` of a patient operated at `switch`."""
        if self.accelerated:
            own = min(time, switch) + math.exp(-self.effect) * max(time - switch, 0.0)
            return self.cumulative(own * math.exp(-eta))
        before = self.cumulative(min(time, switch))
        return math.exp(eta) * (before + math.exp(self.effect) * (self.cumulative(time) - before))

    def when(self, total: float, switch: float, eta: float) -> float:
        """Time at which the cumulative hazard reaches `total`."""
        if self.accelerated:
            own = self.inverse(total) * math.exp(eta)
            return own if own <= switch else switch + (own - switch) * math.exp(self.effect)
        plain = self.inverse(total * math.exp(-eta))
        if plain <= switch:
            return plain
        before = self.cumulative(switch)
        return self.inverse(before + (total * math.exp(-eta) - before) * math.exp(-self.effect))


def risk(study: Study, true: Values) -> Risk:
    """Return the true hazard of a study, from the equation of its family."""
    shape, scale = float(true.get("shape", 1.0)), float(true.get("scale", 1.0))
    family = study.model.family
    pairs: dict[str, tuple[Callable[[float], float], Callable[[float], float]]] = {
        "exponential": (lambda t: t, lambda h: h),
        "weibull": (lambda t: t**shape, lambda h: h ** (1.0 / shape)),
        "gompertz": (lambda t: math.expm1(shape * t) / shape, lambda h: _gompertz_time(h, shape)),
        "log_normal": (
            lambda t: -float(stats.norm.logsf(math.log(t) / scale)) if t > 0 else 0.0,
            lambda h: math.exp(scale * float(stats.norm.isf(math.exp(-h)))),
        ),
        "log_logistic": (lambda t: math.log1p(t ** (1.0 / scale)), lambda h: math.expm1(h) ** scale),
    }
    if family in ("piecewise_exponential", "m_spline"):
        pairs[family] = (_steps if family == "piecewise_exponential" else _splines)(true["log_hazard"])
    cumulative, inverse = pairs[family]
    accelerated = study.model.effects == "accelerated"
    return Risk(cumulative, inverse, accelerated, float(true.get("surgery_effect", 0.0)))


def _gompertz_time(h: float, shape: float) -> float:
    inside = 1.0 + shape * h
    return math.log(inside) / shape if inside > 0 else math.inf


def _steps(log_hazard: np.ndarray) -> tuple[Callable[[float], float], Callable[[float], float]]:
    """Constant hazards between the cuts."""
    far = 1e9
    times = np.array([0.0, *CUTS, far])
    totals = np.concatenate([[0.0], np.cumsum(np.exp(log_hazard) * np.diff(times))])
    return (
        lambda t: float(np.interp(t, times, totals)),
        lambda h: float(np.interp(h, totals, times)) if h < totals[-1] else math.inf,
    )


def _splines(log_weight: np.ndarray) -> tuple[Callable[[float], float], Callable[[float], float]]:
    """Cubic M-splines, each B-spline divided by its integral; constant beyond the last knot."""
    last, weights = KNOTS[-1], np.exp(log_weight)
    knots = np.array([0.0] * 4 + KNOTS[:-1] + [last] * 4)
    heights = weights * 4.0 / (knots[4:] - knots[:-4])
    hazard = interpolate.BSpline(knots, heights, 3)
    integral = hazard.antiderivative()
    end, rate = float(integral(last)), float(hazard(last))

    def cumulative(t: float) -> float:
        return float(integral(min(t, last))) + rate * max(t - last, 0.0)

    def inverse(h: float) -> float:
        if h >= end:
            return last + (h - end) / rate if rate > 0 else math.inf
        return float(optimize.brentq(lambda t: cumulative(t) - h, 0.0, last, xtol=1e-12))

    return cumulative, inverse


def followed(
    study: Study, seen: pd.DataFrame, whole: pd.DataFrame, true: Values, levels: Levels, rng: np.random.Generator
) -> pd.DataFrame:
    """Draw every patient's follow-up: limit, entry, operation, death, and what is seen of them."""
    hazard, rows = risk(study, true), seen.to_dict("records")
    limits = [
        row["os_months"] for row in rows if row["os_months"] > 0 and row["death"] is not pd.NA and not row["death"]
    ]
    for row, known in zip(rows, whole.to_dict("records"), strict=True):
        if pd.isna(row["os_months"]) or any(pd.isna(known[term.source]) for term in study.model.terms.values()):
            continue
        limit = float(rng.choice(limits))
        entry = min(6.0, limit / 2) * float(rng.random()) * float(study.late and rng.random() < 1 / 3)
        ((_, values),) = ways(study, known, true, levels)
        eta = zero(true) + float(predictor(study, values, true, levels)[0, 0])
        switch = _operation(study, true, entry, rng)
        death = _death(study, hazard, entry, switch, eta, rng)
        row.update(_seen(study, entry, limit, death, switch, rng))
    table = pd.DataFrame(rows).astype(seen.dtypes.to_dict())
    table.attrs = seen.attrs
    return table


def zero(true: Values) -> float:
    """Return the linear predictor of a patient without effects."""
    return float(true.get("intercept", 0.0))


def _operation(study: Study, true: Values, entry: float, rng: np.random.Generator) -> float:
    """Draw when a patient would be operated."""
    own = study.exposure
    if own is None:
        return math.inf
    if own.modelled:
        return entry + float(rng.exponential(math.exp(-float(true[log_intensity_of(own.name)]))))
    if own.as_ == "baseline":
        return 0.0 if rng.random() < EVER else math.inf
    return float(rng.uniform(0.0, LATEST))


def _death(study: Study, hazard: Risk, entry: float, switch: float, eta: float, rng: np.random.Generator) -> float:
    """Draw when a patient dies; up to a landmark by a hazard of its own, from there on as what was done until then."""
    start, counted = entry, switch
    if study.landmark:
        early = float(rng.exponential(EARLY_DEATHS))
        if early < study.landmark:
            return early
        start, counted = study.landmark, 0.0 if switch <= study.landmark else math.inf
    return hazard.when(hazard.total(start, counted, eta) + float(rng.exponential()), counted, eta)


def _seen(
    study: Study, entry: float, limit: float, death: float, switch: float, rng: np.random.Generator
) -> dict[str, object]:
    """Say what a table holds of one patient."""
    end = min(death, limit)
    operated = switch < end
    low, high = _dates(study, switch, end, rng) if operated else (np.nan, np.nan)
    found = {"os_months": end, "death": death <= limit, "entry": entry, "surgery_any": operated}
    found |= {"surgery_earliest": low, "surgery_latest": high}
    if not study.visits:
        return found
    visits = np.append(np.arange(0.0, limit, VISIT), limit)
    if death > limit:
        return {**found, "seen_alive": limit, "seen_dead": np.nan}
    return {**found, "seen_alive": visits[visits < death].max(), "seen_dead": visits[visits >= death].min()}


def _dates(study: Study, switch: float, end: float, rng: np.random.Generator) -> tuple[float, float]:
    """Return between which dates an operation is known to have been; NaN without any."""
    own = study.exposure
    if own is None or own.as_ == "baseline":
        return np.nan, np.nan
    if own.dating == "early":
        return switch, float(rng.uniform(switch, end))
    if own.dating == "late":
        return float(rng.uniform(0.0, switch)), switch
    return _between_inspections(switch, end, rng) if study.dates == "hidden" else (switch, switch)


def _between_inspections(switch: float, end: float, rng: np.random.Generator) -> tuple[float, float]:
    """Return the inspections before and after an operation; no dates at all if there was none in follow-up."""
    inspections = end * rng.random(rng.poisson(INSPECTED * end))
    low = inspections[inspections < switch].max(initial=0.0)
    high = inspections[inspections >= switch].min(initial=end)
    return (np.nan, np.nan) if (low, high) == (0.0, end) else (low, high)


def true_survival(study: Study, table: pd.DataFrame, true: Values, levels: Levels) -> dict[str, float]:
    """Survival and its restricted mean, averaged over the patients of the fit, under each strategy."""
    hazard, origin = risk(study, true), study.landmark
    dropped = [term.source for term in study.model.terms.values() if term.missing == "drop"]
    fitted = table[table[["os_months", *dropped]].notna().all(axis=1) & ~(table["os_months"] <= origin)]
    counted: Counter[float] = Counter()
    for row in fitted.to_dict("records"):
        for share, values in ways(study, row, true, levels):
            counted[zero(true) + float(predictor(study, values, true, levels)[0, 0])] += share / len(fitted)

    def alive(time: float, switch: float) -> float:
        if time <= origin:
            return 1.0
        return sum(
            share * math.exp(hazard.total(origin, switch, eta) - hazard.total(time, switch, eta))
            for eta, share in counted.items()
        )

    never = alive(HORIZON, math.inf)
    mean = integrate.quad(alive, 0.0, MEAN_TO, args=(math.inf,), points=[*CUTS], limit=200)[0]
    found = {"survival, never operated": never, "restricted mean, never operated": mean}
    if study.exposure:
        found["survival, operated"] = alive(HORIZON, study.operated_at)
        found["difference in survival"] = found["survival, operated"] - never
    return found
