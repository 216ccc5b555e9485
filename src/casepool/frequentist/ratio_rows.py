"""Rows of hazard and time ratios without priors: Cox regression, and the maximum of the model's own likelihood."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import stats

from casepool.errors import CasepoolError
from casepool.frequentist.counting_process import Floats
from casepool.frequentist.cox import fit_cox
from casepool.frequentist.maximum_likelihood import RISES, Ratios, maximum, why_not
from casepool.modelling.design.design import Design
from casepool.progress import steps
from casepool.remarks import NONE, OfOne, Remarks, remark

Row = dict[str, Any]

Z = float(stats.norm.ppf(0.975))


def cox_rows(
    follow_up: Mapping[str, np.ndarray],
    exposed: np.ndarray,
    shared: Row,
    *,
    kind: str,
    compared: str,
    p_value: str,
    ties: str = "efron",
) -> list[Row]:
    """Return a Cox model's hazard ratio of two arms and its P value, penalised where events tell one way only.

    Parameters
    ----------
    follow_up : mapping of str to array (rows,)
        `time`, `event`, `entry`; a patient whose exposure begins has several rows.
    exposed : array (rows,)
    shared : dict
        What both rows have in common; its ``note`` is kept.
    kind : str
        How exposed patients are told, for the method's name; empty where levels are compared.
    compared, p_value : str
        Words for the two estimands.
    ties : {"efron", "breslow", "exact"}
        Where events tell one way only, exact ties are taken as Efron has them.
    """
    time, event, entry = (follow_up[name] for name in ("time", "event", "entry"))
    covariate, note = exposed.astype(float), shared["note"]
    kind = f", {kind}" if kind else ""
    shared = {"source": "raw", **shared, "method": f"Cox, {ties.capitalize()} ties{kind}"}
    ratio: Row = {"estimand": f"hazard ratio, {compared}", "unit": "ratio", "kind": "ratio"}
    try:
        fit = fit_cox(time, event, covariate, entry=entry, ties=ties)
    except CasepoolError:  # no event, or nobody of one arm is at risk at an event
        return [shared | ratio | {"note": remark("fewer than two arms") + note}]
    if any(fit.monotone):
        fit = fit_cox(time, event, covariate, entry=entry, penalised=True, ties="efron" if ties == "exact" else ties)
        shared["method"] = f"Cox, Firth-penalised{kind}"
        note = remark("no Cox") + note
    low, high = np.exp(fit.profile[0])
    ratio |= {"interval": "95% CI", "estimate": float(np.exp(fit.coefficients[0])), "lower": low, "upper": high}
    p: Row = {"estimand": p_value, "unit": "P value", "kind": "P value", "estimate": float(fit.profile_p[0])}
    return [
        shared | ratio | {"note": remark("profile") + note},
        shared | p | {"note": remark("likelihood ratio") + note},
    ]


def likelihood_rows(
    design: Design, by: str | None, times: list[float], shared: Row, *, progress: bool = False
) -> list[Row]:
    """Return what the maximum of the model's own likelihood says: of survival, or of the ratios of an exposure or term.

    Parameters
    ----------
    design : Design
    by : str or None
        An exposure, a factor of the model without a prior of its levels, or everyone.
    times : list of float
    shared : dict
        What all rows have in common.
    progress : bool
        Whether to say on standard error how far many ratios are.
    """
    model = design.model
    shared = {"source": "raw", **shared, "method": f"maximum likelihood, {model.family} ({model.effects})"}
    if reason := why_not(design):
        row = (
            {"estimand": f"{_ratio_name(design)} of {by}", "unit": "ratio", "kind": "ratio"} if by else _staying(design)
        )
        return [shared | row | {"note": remark("not computed", reason=reason)}]
    if by in model.exposures:
        exposure, dates = model.exposures[str(by)], NONE
        without, with_ = exposure.arms
        if exposure.begins:
            dates, shared = remark("dates", exposure=by, dating=exposure.dating), shared | {"dating": exposure.dating}
        return _ratio_rows(Ratios(design), str(by), 0, f"{with_} vs {without}", dates, shared)
    if by is not None:
        return _term_rows(design, by, shared, progress=progress)
    return [] if model.exposures else _survival_rows(design, times, shared)


def _staying(design: Design) -> Row:
    """Return what stands in the row of a survival that is not computed."""
    return {"estimand": design.model.outcome.staying, "unit": "probability"}


def _ratio_name(design: Design) -> str:
    return "time ratio" if design.model.effects == "accelerated" else "hazard ratio"


def _ratio_rows(ratios: Ratios, by: str, k: int, level: str, said: Remarks, shared: Row) -> list[Row]:
    found, name = ratios.of(by, k), _ratio_name(ratios.likelihood.design)
    ratio: Row = {"estimand": name, "unit": "ratio", "kind": "ratio"}
    if found.reason:
        return [shared | {"level": level} | ratio | {"note": remark("not computed", reason=found.reason) + said}]
    note = remark("profile") + said + remark("no prior")
    if np.isinf(found.estimate):
        note = remark("at its limit") + note
    ratio |= {"interval": "95% CI", "note": note}
    with np.errstate(over="ignore"):
        ratio |= {key: float(np.exp(getattr(found, key))) for key in ("estimate", "lower", "upper")}
    p: Row = {"estimand": f"{name} of 1", "unit": "P value", "kind": "P value", "estimate": found.p}
    p["note"] = remark("likelihood ratio") + said + remark("no prior")
    return [shared | {"level": level} | row for row in (ratio, p)]


def _term_rows(design: Design, by: str, shared: Row, *, progress: bool) -> list[Row]:
    """Compare every level of a factor with its reference."""
    coded = design.terms[by].coded
    [reference] = [level for level in coded.levels if not coded.choice_of(level).any()]
    rows, ratios = [], Ratios(design)
    for k, label in enumerate(steps(progress, coded.coefficients, f"{by}: ratios")):
        rows += _ratio_rows(ratios, by, k, f"{label} vs {reference}", NONE, shared)
    return rows


def _survival_rows(design: Design, times: list[float], shared: Row) -> list[Row]:
    """Survival at times and its median, averaged over the patients; limits by profiling each."""
    unit, last, by_delta = (
        design.model.outcome.unit,
        float(design.outcome["time"].max()),
        remark("delta") + remark("no prior"),
    )
    try:
        best, reason = maximum(design), RISES
    except CasepoolError as error:
        best, reason = None, error.problem
    if best is None:
        return [shared | _staying(design) | {"note": remark("not computed", reason=reason)}]
    rows: list[Row] = []
    for t in times:
        note = by_delta + (remark("extrapolated", last=OfOne(f"{last:g} {unit}")) if t > last else NONE)
        row = {
            "estimand": f"{design.model.outcome.staying} at {t:g} {unit}",
            "at": t,
            "unit": "probability",
            "note": note,
        }
        middle, spread = best.log_risk(t) if t else (-np.inf, np.nan)
        rows.append(shared | row | _limited(np.exp(-np.exp(middle + Z * spread * np.array([0, 1, -1])))))
    row = {"estimand": design.model.outcome.median, "unit": unit, "note": by_delta}
    middle, spread = best.log_median()
    if np.isinf(middle):
        return [*rows, shared | row | {"estimate": np.inf, "note": remark("cured")}]
    return [*rows, shared | row | _limited(np.exp(middle + Z * spread * np.array([0, -1, 1])))]


def _limited(values: Floats) -> Row:
    middle, low, high = values.tolist()
    return {"estimate": middle, "lower": low, "upper": high, "interval": "95% CI"}
