"""How many patients each choice about missing values touches: remarks that every table carries."""

from __future__ import annotations

import numpy as np

from casepool.modelling.design.design import Design
from casepool.remarks import NONE, Count, Remarks, remark


def touched(design: Design) -> Remarks:
    """Say how many patients miss what, and what was done: "2 patients without age (integrated over its distribution)".

    Patients are counted, of whom a row of a table of counts has several; nothing where all are whole and in the fit.
    """
    first = np.unique(design.patient_of_row, return_index=True)[1]
    n, parts = design.outcome.get("n", np.ones(len(design.patients))), NONE
    for name, term in design.terms.items():
        number = not term.coded.levels
        count = float(n[np.isfinite(term.node[first]) if number else term.share[first] >= 0].sum())
        kind = "integrated" if number else "summed"
        parts += remark(kind, n=Count(count, "patient"), covariate=name) if count else NONE
    said = remark("incomplete", parts=parts) if parts else NONE
    return said + left_out(design) + unvaried(design) + at_the_start(design)


def at_the_start(design: Design) -> Remarks:
    """Say how many patients had the event at the very time an exposure began, which counts as before it."""
    exposure = next((own for own in design.model.exposures.values() if own.begins), None)
    if exposure is None:
        return NONE
    of = design.patient_of_row
    tied = (design.switch == design.outcome["time"][of]) & (design.outcome["event"][of] == 1)
    count = len(np.unique(of[tied]))
    return remark("event at the start", n=Count(count, "patient"), exposure=exposure.called) if count else NONE


def unvaried(design: Design) -> Remarks:
    """Say what all patients have alike, or none has, so that their outcomes cannot tell what it does."""
    said = NONE
    for name, term in design.terms.items():
        if term.coded.levels and not term.coded.coefficients:
            said += remark("one level only", term=name, level=term.coded.levels[0])
    for exposure in design.model.exposures.values():
        without, with_ = exposure.compared_arms(design.model.outcome.unit)
        if not design.exposed.any():
            said += remark("never exposed", arm=without, exposure=exposure.called)
        elif design.exposed.all():
            begins = exposure.begins
            said += remark("always exposed" if begins else "never exposed", arm=with_, exposure=exposure.called)
    return said


def left_out(design: Design) -> Remarks:
    """Say how many patients are not in the fit, by reason. Rows that stand for nobody are rows."""
    parts = NONE
    for reason in dict.fromkeys(design.left_out.values()):
        sizes = [design.sizes_left_out[row] for row, why in design.left_out.items() if why == reason]
        empty = sizes.count(0.0)
        patients = Count(sum(sizes), "patient")
        parts += remark("left out for", n=patients, reason=reason) if empty < len(sizes) else NONE
        parts += remark("left out for", n=Count(empty, "row"), reason=reason) if empty else NONE
    return remark("left out", parts=parts) if parts else NONE
