"""Odds, hazard and time ratios of a number of the model, also by level, and of cells beside the sum of two terms."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from casepool.arguments import is_number
from casepool.errors import CasepoolError
from casepool.estimation.draws import Fitted
from casepool.estimation.regions import Ropes, Told, chance, within
from casepool.modelling.design.cells import cell_weights
from casepool.modelling.design.grouping import patients_and_events
from casepool.modelling.families.names import effect_of, sd_of
from casepool.modelling.specification.prior_implications import ratio_name
from casepool.modelling.terms.joint import Interaction, Joint, Slope, standing_alone
from casepool.modelling.terms.numbers import Number, Smooth, as_number
from casepool.remarks import NONE, Remarks, remark

MEAN_SLOPE = "mean of levels"
"""Level of the row about the slope that those of levels scatter about."""
BETWEEN = "between levels"
"""Level of the row about how far they scatter."""


def has_no_levels(fitted: Fitted, by: str) -> bool:
    """Whether a name is that of a number, a slope or an interaction of the model."""
    term = fitted.model.terms.get(by)
    return by in fitted.model.joint or (term is not None and term.is_number)


def number_ratios(fitted: Fitted, by: str, *, per: float | None, ropes: Ropes) -> list[Told]:
    """Return the ratios of a number, of the slopes of levels, or of cells, each with its draws.

    Parameters
    ----------
    fitted : Fitted
    by : str
        A linear term, or a term of two others.
    per : float, optional
        For how large a step of the number; by default its term's ``scale``.
    ropes : mapping of str to region

    Raises
    ------
    CasepoolError
        For a smooth term, a step that is none, or a number whose levels alone have slopes.
    """
    joint = fitted.model.joint.get(by)
    if isinstance(joint, Interaction):
        if per is not None:
            raise CasepoolError("cells have no step", column="per", value=per, remedy="leave it out")
        return _cells(fitted, joint, ropes)
    number = as_number(fitted.model.terms[joint.of if isinstance(joint, Slope) else by])
    if isinstance(number, Smooth):
        raise CasepoolError(f"{by!r} is a curve, which has no one ratio", remedy="use plot_effect(fit)")
    if per is not None and not (is_number(per) and per > 0):
        raise CasepoolError("per must be a step above 0", value=per, remedy="pass per=10, say")
    step = number.scale if per is None else float(per)
    words = _per(fitted, number, step)
    if isinstance(joint, Slope):
        return _of_levels(fitted, joint, words, step / number.scale, ropes)
    if by in standing_alone(fitted.model.joint.values()):
        slope = next(own.name for own in fitted.model.joint.values() if isinstance(own, Slope) and own.of == by)
        raise CasepoolError(f"{by!r} has a slope in each level and no mean", remedy=f"use by={slope!r}")
    n, events = patients_and_events(fitted.design)
    row = {"by": by, "level": words, "n": n.sum(), "events": events.sum(), "note": _prior(fitted, effect_of(by))}
    effect = fitted.parameters[effect_of(by)] * (step / number.scale)
    if not number.each_step:
        return _ratio(fitted, row, effect, ropes)
    each = zip(fitted.model.steps, np.moveaxis(effect, -1, 0), strict=True)
    return [told for at, own in each for told in _ratio(fitted, row | {"at": at}, own, ropes)]


def _per(fitted: Fitted, number: Number, step: float) -> str:
    """Write a step of a number, in its column's unit."""
    column = fitted.codebook.columns.get(number.source)
    unit = column.unit if column is not None else ""
    return f"per {step:g} {unit}".strip()


def _prior(fitted: Fitted, name: str) -> Remarks:
    return remark("prior of the ratio", prior=fitted.model.prior(name))


def _ratio(fitted: Fitted, row: dict[str, Any], log_ratio: np.ndarray, ropes: Ropes, *, beside: str = "") -> list[Told]:
    """Return a ratio, on which side of 1 it lies, and whether within a region."""
    name = ratio_name(fitted.model)
    cumulative = {"cumulative": "cumulative ", "adjacent": "adjacent-category "}.get(fitted.model.link, "")
    told = row | {"estimand": f"{cumulative}{name}{beside}", "unit": "ratio", "kind": "ratio", "source": "shrunk"}
    side, holds = ("<", log_ratio < 0) if name == "hazard ratio" else (">", log_ratio > 0)
    ratio = np.exp(log_ratio)
    return [(told, ratio), (chance(told, f"{side} 1"), holds), *within(told, ratio, ropes.get(name))]


def _of_levels(fitted: Fitted, own: Slope, words: str, steps: float, ropes: Ropes) -> list[Told]:
    """Return the ratio of every level with patients, of their mean, and the levels' ratios to each other."""
    group = fitted.membership(own.by)
    n, events = group.counts(fitted.design)
    slopes = fitted.parameters[own.effect] * steps
    seen = np.flatnonzero(n > 0)
    told: list[Told] = []
    for i in seen:
        row = {"by": own.name, "level": group.levels[i], "n": n[i], "events": events[i], "note": NONE}
        told += _ratio(fitted, row, slopes[..., i], ropes, beside=f" {words}")
    everyone = dict(zip(("n", "events"), (x.sum() for x in patients_and_events(fitted.design)), strict=True))
    if (mean := fitted.parameters.get(effect_of(own.of))) is not None:
        row = {"by": own.name, "level": MEAN_SLOPE, **everyone, "note": _prior(fitted, effect_of(own.of))}
        told += _ratio(fitted, row, mean * steps, ropes, beside=f" {words}")
    for b, a in itertools.combinations(seen, 2):
        level = f"{group.levels[a]} vs {group.levels[b]}"
        row = {"by": own.name, "level": level, "n": n[a] + n[b], "events": events[a] + events[b], "note": NONE}
        told += _ratio(fitted, row, slopes[..., a] - slopes[..., b], {}, beside=f" {words}, ratio of two levels'")
    return told + _between(fitted, own, f"standard deviation of the slopes {words}", steps, everyone)


def _between(fitted: Fitted, own: Joint, words: str, steps: float, everyone: dict[str, Any]) -> list[Told]:
    """Return how far slopes, or cells, scatter where they borrow: what says whether the data tell that they differ."""
    sd = fitted.parameters.get(sd_of(own.name))
    if sd is None:
        return []
    row = {"by": own.name, "level": BETWEEN, "kind": "value", "source": "shrunk", "note": NONE, **everyone}
    return [(row | {"estimand": words, "unit": f"log {ratio_name(fitted.model).removesuffix(' ratio')}"}, sd * steps)]


def _cells(fitted: Fitted, own: Interaction, ropes: Ropes) -> list[Told]:
    """Return by which ratio every cell that occurs leaves the sum of its two terms."""
    design = fitted.design
    weights = cell_weights(design.model, own.name, design.terms, design.cells[own.name])
    first = np.unique(design.patient_of_row, return_index=True)[1]
    known = np.all([design.terms[parent].share[first] < 0 for parent in own.parents], axis=0)
    members = (weights[first] > 0) & known[:, None]
    n, events = patients_and_events(design)
    told: list[Told] = []
    for i, label in enumerate(design.laid.labels[own.name]):
        row = {"by": own.name, "level": label, "n": n @ members[:, i], "events": events @ members[:, i], "note": NONE}
        effect = fitted.parameters[own.effect][..., i]
        told += _ratio(fitted, row, effect, ropes, beside=f" beside the sum of {' and '.join(own.parents)}")
    everyone = {"n": n.sum(), "events": events.sum()}
    return told + _between(fitted, own, "standard deviation of the cells beside their sum", 1.0, everyone)
