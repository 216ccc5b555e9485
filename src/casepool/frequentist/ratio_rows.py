"""Rows of hazard and time ratios without priors: Cox regression, and the maximum of the model's own likelihood."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import optimize, stats

from casepool.errors import CasepoolError
from casepool.frequentist.counting_process import Floats
from casepool.frequentist.cox import fit_cox
from casepool.frequentist.maximum_likelihood import maximum, profiled, why_not
from casepool.modelling.design.design import Design
from casepool.modelling.design.likelihood import data_of, hazard_of
from casepool.modelling.families.arrays import NUMPY
from casepool.modelling.families.baselines import LOG_LOG_2, TINY
from casepool.remarks import NONE, Remarks, remark

Row = dict[str, Any]

Z = float(stats.norm.ppf(0.975))
HORIZON = 25.0
"""Logarithms of times between which a median is sought."""
SURVIVAL = {"estimand": "survival", "unit": "probability"}
"""The row of a survival that is not computed."""


def cox_rows(
    follow_up: Mapping[str, np.ndarray], exposed: np.ndarray, shared: Row, *, kind: str, compared: str, p_value: str
) -> list[Row]:
    """Return a Cox model's hazard ratio of two arms and its P value, penalised where an arm has no event.

    Parameters
    ----------
    follow_up : mapping of str to array (rows,)
        `time`, `event`, `entry`; a patient whose exposure begins has several rows.
    exposed : array (rows,)
    shared : dict
        What both rows have in common; its ``note`` is kept.
    kind : str
        What is compared, for the method's name.
    compared, p_value : str
        Words for the two estimands.
    """
    time, event, entry = (follow_up[name] for name in ("time", "event", "entry"))
    if not event.any():
        return []
    covariate, note = exposed.astype(float), shared["note"]
    shared = {"source": "raw", **shared, "method": f"Cox, Efron ties, {kind}"}
    try:
        fit = fit_cox(time, event, covariate, entry=entry)
    except CasepoolError:  # nobody of one arm is at risk at an event
        return []
    if any(fit.monotone):
        fit = fit_cox(time, event, covariate, entry=entry, penalised=True)
        shared["method"] = f"Cox, Firth-penalised, {kind}"
        note = remark("no Cox") + note
    low, high = np.exp(fit.profile[0])
    ratio: Row = {"estimand": f"hazard ratio, {compared}", "interval": "95% CI", "unit": "ratio", "kind": "ratio"}
    ratio |= {"estimate": float(np.exp(fit.coefficients[0])), "lower": low, "upper": high}
    p: Row = {"estimand": p_value, "unit": "P value", "kind": "P value", "estimate": float(fit.profile_p[0])}
    return [
        shared | ratio | {"note": remark("profile") + note},
        shared | p | {"note": remark("likelihood ratio") + note},
    ]


def likelihood_rows(design: Design, by: str | None, times: list[float], shared: Row) -> list[Row]:
    """Return what the maximum of the model's own likelihood says: of survival, or of the ratios of an exposure or term.

    Parameters
    ----------
    design : Design
    by : str or None
        An exposure, a factor of the model without a prior of its levels, or everyone.
    times : list of float
    shared : dict
        What all rows have in common.
    """
    model = design.model
    shared = {"source": "raw", **shared, "method": f"maximum likelihood, {model.family} ({model.effects})"}
    if reason := why_not(design):
        row = {"estimand": f"{_ratio_name(design)} of {by}", "unit": "ratio", "kind": "ratio"} if by else SURVIVAL
        return [shared | row | {"note": remark("not computed", reason=reason)}]
    if by in model.exposures:
        exposure, dates = model.exposures[str(by)], NONE
        without, with_ = exposure.arms
        if exposure.begins:
            dates, shared = remark("dates", exposure=by, dating=exposure.dating), shared | {"dating": exposure.dating}
        return _ratio_rows(design, str(by), 0, f"{with_} vs {without}", dates, shared)
    if by is not None:
        return _term_rows(design, by, shared)
    return [] if model.exposures else _survival_rows(design, times, shared)


def _ratio_name(design: Design) -> str:
    return "time ratio" if design.model.effects == "accelerated" else "hazard ratio"


def _ratio_rows(design: Design, by: str, k: int, level: str, said: Remarks, shared: Row) -> list[Row]:
    found = profiled(design, by, k)
    note = remark("profile") + said + remark("no prior")
    if np.isinf(found.estimate):
        note = remark("at its limit") + note
    ratio: Row = {"estimand": _ratio_name(design), "unit": "ratio", "kind": "ratio", "interval": "95% CI", "note": note}
    ratio |= {key: float(np.exp(getattr(found, key))) for key in ("estimate", "lower", "upper")}
    p: Row = {"estimand": f"{_ratio_name(design)} of 1", "unit": "P value", "kind": "P value", "estimate": found.p}
    p["note"] = remark("likelihood ratio") + said + remark("no prior")
    return [shared | {"level": level} | row for row in (ratio, p)]


def _term_rows(design: Design, by: str, shared: Row) -> list[Row]:
    """Compare every level of a factor with its reference."""
    coded = design.terms[by].coded
    [reference] = [level for level in coded.levels if not coded.choice_of(level).any()]
    rows = []
    for k, label in enumerate(coded.coefficients):
        rows += _ratio_rows(design, by, k, f"{label} vs {reference}", NONE, shared)
    return rows


def _survival_rows(design: Design, times: list[float], shared: Row) -> list[Row]:
    """Survival at times and its median, averaged over the patients; limits by profiling each."""
    best, by_delta = maximum(design), remark("delta") + remark("no prior")
    unit = design.model.outcome.unit
    if best is None:
        return [shared | SURVIVAL | {"note": remark("no maximum")}]
    data, last = data_of(design), float(design.outcome["time"].max())

    def log_risk(x: Floats, t: float) -> float:
        """Log of minus the log of survival, averaged over the patients: what limits are symmetric on."""
        hazard = hazard_of(data, best.likelihood.parameters(x), NUMPY)
        alive = np.mean(np.exp(-hazard.cumulative(np.array([t]), np.array(np.inf))))
        return float(np.log(np.clip(-np.log(np.clip(alive, TINY, 1.0)), TINY, None)))

    def log_median(x: Floats) -> float:
        if log_risk(x, np.exp(HORIZON)) < LOG_LOG_2:
            return np.inf
        return float(optimize.brentq(lambda u: log_risk(x, np.exp(u)) - LOG_LOG_2, -HORIZON, HORIZON))

    rows: list[Row] = []
    for t in times:
        limits = log_risk(best.point, t) + Z * best.spread_of(lambda x, t=t: log_risk(x, t)) * np.array([0, 1, -1])  # type: ignore[misc]
        note = by_delta + (remark("extrapolated", last=f"{last:g}", unit=unit) if t > last else NONE)
        row = {"estimand": f"survival at {t:g} {unit}", "at": t, "unit": "probability", "note": note}
        rows.append(shared | row | _limited(np.exp(-np.exp(limits))))
    row = {"estimand": "median survival", "unit": unit, "note": by_delta}
    middle = log_median(best.point)
    if np.isinf(middle):
        return [*rows, shared | row | {"estimate": np.inf, "note": remark("cured")}]
    spread = best.spread_of(log_median)
    return [*rows, shared | row | _limited(np.exp(middle + Z * spread * np.array([0, -1, 1])))]


def _limited(values: Floats) -> Row:
    middle, low, high = values.tolist()
    return {"estimate": middle, "lower": low, "upper": high, "interval": "95% CI"}
