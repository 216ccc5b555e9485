"""How many patients each choice about missing values touches, in words that every table carries."""

from __future__ import annotations

import numpy as np

from casepool.modelling.design.design import Design


def touched(design: Design) -> str:
    """Say how many patients miss what, and what was done: "2 patients without age (integrated over its distribution)".

    Patients are counted, of whom a row of a table of counts has several; "" where all are whole and in the fit.
    """
    first = np.unique(design.patient_of_row, return_index=True)[1]
    n, parts = design.outcome.get("n", np.ones(len(design.patients))), []
    for name, term in design.terms.items():
        number = not term.coded.levels
        count = float(n[np.isfinite(term.node[first]) if number else term.share[first] >= 0].sum())
        done = "integrated over its distribution" if number else "summed over its levels"
        parts += [f"{_many(count, 'patient')} without {name} ({done})"] * bool(count)
    return "; ".join(filter(None, [", ".join(parts), left_out(design)]))


def left_out(design: Design) -> str:
    """Say how many patients are not in the fit, by reason; "" if all are. Rows that stand for nobody are rows."""
    parts = []
    for reason in dict.fromkeys(design.left_out.values()):
        sizes = [design.sizes_left_out[row] for row, why in design.left_out.items() if why == reason]
        empty = sizes.count(0.0)
        parts += [f"{_many(sum(sizes), 'patient')} ({reason})"] * bool(empty < len(sizes))
        parts += [f"{_many(empty, 'row')} ({reason})"] * bool(empty)
    return f"left out: {', '.join(parts)}" if parts else ""


def _many(count: float, singular: str) -> str:
    return f"{count:g} {singular}{'s' * (count != 1)}"
