"""Rows of odds ratios and cutpoints without priors: the maximum of an ordinal model's own likelihood."""

from __future__ import annotations

from typing import Any

import numpy as np

from casepool.frequentist.ordinal_maximum import Estimate, OrdinalMaximum, why_not
from casepool.frequentist.ratio_rows import Z
from casepool.modelling.design.design import Design
from casepool.modelling.terms.numbers import as_number
from casepool.remarks import NONE, Remarks, remark

Row = dict[str, Any]
LINKS = {"cumulative": "cumulative", "adjacent": "adjacent-category"}


def likelihood_rows(design: Design, by: str | None, shared: Row) -> list[Row]:
    """Return the odds ratios of a term, or the cutpoints of everyone, each with profile limits and with Wald's.

    Parameters
    ----------
    design : Design
        Of an ordinal model.
    by : str or None
        A term of the model.
    shared : dict
        What all rows have in common.
    """
    model = design.model
    shared = shared | {"source": "raw", "method": f"maximum likelihood, {model.family} ({model.link})"}
    ratio: Row = {"estimand": f"{LINKS[model.link]} odds ratio", "unit": "ratio", "kind": "ratio"}
    if reason := why_not(design):
        return [shared | ratio | {"note": remark("not computed", reason=reason)}] if by is not None else []
    best = OrdinalMaximum(design)
    if by is None:
        return [row for place, step in enumerate(best.steps) for row in _cutpoint(best.of(place), step, shared)]
    rows = []
    terms = ", ".join(name for name in dict.fromkeys(owner for owner, _, _ in best.names) if name != by)
    others = remark("adjusted", terms=terms) if terms else NONE
    for place, (owner, label, step) in enumerate(best.names, len(best.steps)):
        if owner == by:
            about = shared | {"level": _compared(design, by, label), "at": step}
            rows += _ratio_rows(best.of(place), about, ratio, others)
    return rows


def _compared(design: Design, by: str, label: str) -> str:
    """Name what a coefficient compares: a level with the reference, or a step of a number."""
    coded = design.terms[by].coded
    if coded.term.is_number and not label:
        return f"per {as_number(coded.term).scale:g}"
    [reference] = [level for level in coded.levels if not coded.choice_of(level).any()]
    return f"{label} vs {reference}"


def _limits(found: Estimate, method: str, note: Remarks) -> list[tuple[Row, np.ndarray]]:
    """Return what both kinds of limits say, and their numbers: estimate, lower and upper."""
    if np.isfinite(found.error):
        note = remark("standard error", error=f"{found.error:.4g}") + note
    end = remark("at its limit") if np.isinf(found.estimate) else NONE
    profile: Row = {"method": method, "note": end + remark("profile") + note}
    both = [(profile, np.array([found.estimate, found.lower, found.upper]))]
    if np.isfinite(found.error):
        wald: Row = {"method": f"{method}, Wald", "note": remark("Wald") + note}
        both.append((wald, found.estimate + Z * found.error * np.array([0.0, -1.0, 1.0])))
    return both


def _ratio_rows(found: Estimate, shared: Row, ratio: Row, others: Remarks) -> list[Row]:
    if found.reason:
        return [shared | ratio | {"note": remark("not computed", reason=found.reason)}]
    rows = []
    said = others + remark("no prior")
    for row, numbers in _limits(found, shared["method"], said):
        with np.errstate(over="ignore"):
            rows.append(shared | ratio | row | _numbers(np.exp(numbers)))
    p: Row = {"estimand": f"{ratio['estimand']} of 1", "unit": "P value", "kind": "P value", "estimate": found.p}
    return [*rows, shared | p | {"note": remark("likelihood ratio") + said}]


def _cutpoint(found: Estimate, step: str, shared: Row) -> list[Row]:
    about = shared | {"estimand": "cutpoint, where all effects are 0", "at": step, "unit": "log odds", "kind": "value"}
    if found.reason:
        return [about | {"note": remark("not computed", reason=found.reason)}]
    each = _limits(found, shared["method"], remark("no prior"))
    return [about | row | _numbers(numbers) for row, numbers in each]


def _numbers(values: np.ndarray) -> Row:
    middle, low, high = values.tolist()
    return {"estimate": middle, "lower": low, "upper": high, "interval": "95% CI"}
