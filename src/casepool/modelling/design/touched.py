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
    return (remark("incomplete", parts=parts) if parts else NONE) + left_out(design)


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
