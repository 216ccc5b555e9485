"""Tables simulated from a study's prior, and what is true of them: by formulas of their own, not by the package's.

Only the draws of the parameters are the package's (`prior_draws`); outcomes, dates, censoring and the true values of
what is reported are written here from the models' equations as METHODS states them, so that a fault of the package's
likelihood does not appear on both sides.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import integrate, interpolate, optimize, special, stats

from benchmarks.calibrated import CUTS, KNOTS, Study
from casepool.inference.predictive import prior_draws
from casepool.modelling import Design, make_design
from casepool.modelling.families.names import effect_of

CATEGORIES = ("PD", "SD", "PR", "CR")
INSPECTED = 1 / 24
"""Inspections per month, between which an operation's date is hidden; independent of everything else."""
VISIT = 3.0
"""Months between the visits at which patients are seen alive."""
HORIZON, MEAN_TO, OPERATED_AT = 24.0, 36.0, 6.0
AGE = 110.0
GRID = stats.norm.ppf((np.arange(800) + 0.5) / 800)
"""Stands for a standard normal where a missing age is averaged over."""
Values = Mapping[str, np.ndarray]
_DESIGNS: dict[str, Design] = {}
"""Of the bundled table: made once a study, for the shapes of its parameters."""


@dataclass(frozen=True)
class Simulated:
    """One table and its truth.

    Parameters
    ----------
    frame : pandas.DataFrame
    parameters : mapping of str to array
        True parameters, without axes for chains and draws.
    estimands : mapping of str to float
        True values of what is reported.
    """

    frame: pd.DataFrame
    parameters: Values
    estimands: Mapping[str, float]


def simulate(study: Study, rng: np.random.Generator) -> Simulated:
    """Draw parameters from the prior, and a table from them."""
    frame = study.patients()
    if study.name not in _DESIGNS:
        _DESIGNS[study.name] = make_design(study.model, frame)
    design = _DESIGNS[study.name]
    levels = {name: term.coded.levels for name, term in design.terms.items()}
    while True:
        drawn = {name: np.asarray(values)[0, 0] for name, values in prior_draws(design, rng, (1, 1)).items()}
        known, hidden = _covariates(study, frame, drawn, levels, rng)
        # a table without one of the sexes has another structure; leaving it out leaves ranks uniform, since it
        # conditions on what is seen
        if "sex" not in levels or known["sex"].nunique() == 2:
            break
    if study.survival:
        table = _survival(study, known, drawn, levels, rng)
        return Simulated(table, drawn, _true_survival(study, table, drawn, levels))
    table = _responses(study, known, hidden, drawn, levels, rng)
    return Simulated(table, drawn, _true_responses(study, table, drawn, levels))


def _covariates(
    study: Study, frame: pd.DataFrame, true: Values, levels: Mapping[str, tuple[str, ...]], rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw ages and sexes of everybody; return the table as seen, and with what is missing in it."""
    whole, seen = frame.copy(), frame.copy()
    if "age_mean" in true:
        logit = true["age_mean"] + true["age_spread"] * rng.standard_normal(len(frame))
        whole["age"] = AGE * special.expit(logit)
        seen["age"] = whole["age"].where(frame["age"].notna())
    if "sex_share" in true:
        whole["sex"] = rng.choice(levels["sex"], len(frame), p=true["sex_share"])
        seen["sex"] = whole["sex"].where(frame["sex"].notna())
    seen.attrs = whole.attrs = frame.attrs
    return seen, whole


# --- responses


def _group_effects(study: Study, row: Mapping[str, Any], true: Values, levels: Mapping[str, tuple[str, ...]]) -> float:
    """Sum over factors the mean effect of the patient's levels."""
    total = 0.0
    for name, term in study.model.terms.items():
        if term.borrows:
            members = str(row[name]).split(";")
            total += float(np.mean([true[effect_of(name)][levels[name].index(member)] for member in members]))
    return total


def _category_probabilities(
    study: Study, row: Mapping[str, Any], true: Values, levels: Mapping[str, tuple[str, ...]]
) -> np.ndarray:
    """Probability of each category of one patient, averaged over an age and a sex that are missing."""
    ages = np.array([row["age"]])
    if pd.isna(row["age"]):
        ages = AGE * special.expit(true["age_mean"] + true["age_spread"] * GRID)
    eta = _group_effects(study, row, true, levels) + true["age_effect"] * (ages - 18.0) / 10.0
    if "sex_effect" not in true:
        return _categories(study, [eta] * 3, true).mean(axis=-1)
    shares = dict(zip(levels["sex"], true["sex_share"], strict=True))
    if not pd.isna(row["sex"]):
        shares = {str(row["sex"]): 1.0}
    found: np.ndarray | float = 0.0
    for sex, share in shares.items():
        own = np.broadcast_to(true["sex_effect"][0], 3) * (sex == levels["sex"][1])
        steps = [eta + own[k] for k in range(3)]
        found = found + share * _categories(study, steps, true).mean(axis=-1)
    return np.asarray(found)


def _categories(study: Study, etas: list[np.ndarray], true: Values) -> np.ndarray:
    """Probability of each category, worst first (two of them for a bernoulli): array (categories, ...)."""
    if study.model.family == "bernoulli":
        p = special.expit(true["intercept"] + etas[0])
        return np.stack([1.0 - p, p])
    cuts = true["first_cutpoint"] + np.concatenate([[0.0], np.cumsum(true["cutpoint_gap"])])
    if study.model.link == "cumulative":
        worse = [special.expit(cut - etas[0]) for cut in cuts]
        return np.diff(np.stack([0.0 * etas[0], *worse, 0.0 * etas[0] + 1.0]), axis=0)
    odds = np.cumprod(np.exp([0.0 * etas[0], *(eta - cut for eta, cut in zip(etas, cuts, strict=True))]), axis=0)
    return odds / odds.sum(axis=0)


def _responses(
    study: Study,
    seen: pd.DataFrame,
    whole: pd.DataFrame,
    true: Values,
    levels: Mapping[str, tuple[str, ...]],
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Draw a best response for every evaluable patient, from the age and sex the patient has."""
    answers = []
    for row in whole.to_dict("records"):
        p = _category_probabilities(study, row, true, levels)
        k = int(rng.choice(len(p), p=p / p.sum()))
        # of a bernoulli model any success and any failure are alike
        answers.append(CATEGORIES[k] if len(p) == 4 else ("PD", "PR")[k])
    table = seen.copy()
    table["best_response"] = pd.Series(answers, index=seen.index).where(seen["best_response"].notna())
    return table


def _true_responses(
    study: Study, table: pd.DataFrame, true: Values, levels: Mapping[str, tuple[str, ...]]
) -> dict[str, float]:
    """Mean probability of every endpoint among all patients of the fit, and among those of each histology."""
    fitted = table[table["best_response"].notna()]
    p = np.array([_category_probabilities(study, row, true, levels) for row in fitted.to_dict("records")])
    better = p[:, ::-1].cumsum(axis=1)[:, ::-1]
    ends = {"response": p[:, 1]} if p.shape[1] == 2 else {"DCR": better[:, 1], "ORR": better[:, 2], "CR": p[:, 3]}
    found = {}
    for end, values in ends.items():
        found[f"{end}, everyone"] = float(values.mean())
        for level in levels.get("histology", ()):
            own = (fitted["histology"] == level).to_numpy()
            if own.any():
                found[f"{end}, {level}"] = float(values[own].mean())
    return found


# --- survival


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


def _survival(
    study: Study, frame: pd.DataFrame, true: Values, levels: Mapping[str, tuple[str, ...]], rng: np.random.Generator
) -> pd.DataFrame:
    """Draw every patient's follow-up: limit, entry, operation, death, and what is seen of them."""
    hazard, rows = risk(study, true), frame.to_dict("records")
    limits = [
        row["os_months"] for row in rows if row["os_months"] > 0 and row["death"] is not pd.NA and not row["death"]
    ]
    for row in rows:
        if pd.isna(row["os_months"]):
            continue
        limit = float(rng.choice(limits))
        entry = min(6.0, limit / 2) * float(rng.random()) * float(study.late and rng.random() < 1 / 3)
        eta = float(true["intercept"]) + _group_effects(study, row, true, levels)
        switch = math.inf
        if study.dates:
            switch = entry + float(rng.exponential(math.exp(-float(true["surgery_log_intensity"]))))
        death = hazard.when(hazard.total(entry, switch, eta) + float(rng.exponential()), switch, eta)
        row.update(_seen(study, entry, limit, death, switch, rng))
    table = pd.DataFrame(rows).astype(frame.dtypes.to_dict())
    table.attrs = frame.attrs
    return table


def _seen(
    study: Study, entry: float, limit: float, death: float, switch: float, rng: np.random.Generator
) -> dict[str, object]:
    """Say what a table holds of one patient."""
    if study.visits:
        visits = np.append(np.arange(0.0, limit, VISIT), limit)
        if death > limit:
            return {"seen_alive": limit, "seen_dead": np.nan}
        return {"seen_alive": visits[visits < death].max(), "seen_dead": visits[visits >= death].min()}
    end = min(death, limit)
    operated = switch < end
    low = high = switch if operated else np.nan
    if operated and study.dates == "hidden":
        low, high = _between_inspections(switch, end, rng)
    found = {"os_months": end, "death": death <= limit, "entry": entry, "surgery_any": operated}
    return {**found, "surgery_earliest": low, "surgery_latest": high}


def _between_inspections(switch: float, end: float, rng: np.random.Generator) -> tuple[float, float]:
    """Return the inspections before and after an operation; no dates at all if there was none in follow-up."""
    inspections = end * rng.random(rng.poisson(INSPECTED * end))
    low = inspections[inspections < switch].max(initial=0.0)
    high = inspections[inspections >= switch].min(initial=end)
    return (np.nan, np.nan) if (low, high) == (0.0, end) else (low, high)


def _true_survival(
    study: Study, table: pd.DataFrame, true: Values, levels: Mapping[str, tuple[str, ...]]
) -> dict[str, float]:
    """Survival and its restricted mean, averaged over the patients, under each strategy."""
    hazard = risk(study, true)
    fitted = table[table["os_months"].notna()]
    etas = [float(true["intercept"]) + _group_effects(study, row, true, levels) for row in fitted.to_dict("records")]
    counted = [(eta, etas.count(eta) / len(etas)) for eta in sorted(set(etas))]

    def alive(time: float, switch: float) -> float:
        return sum(share * math.exp(-hazard.total(time, switch, eta)) for eta, share in counted)

    never = alive(HORIZON, math.inf)
    mean = integrate.quad(alive, 0.0, MEAN_TO, args=(math.inf,), points=[*CUTS], limit=200)[0]
    found = {"survival, never operated": never, "restricted mean, never operated": mean}
    if study.dates:
        found["survival, operated"] = alive(HORIZON, OPERATED_AT)
        found["difference in survival"] = found["survival, operated"] - never
    return found
