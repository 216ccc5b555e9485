"""How many patients each choice about missing values touches, in words that every table carries."""

from __future__ import annotations

from collections import Counter

import numpy as np

from casepool.modelling.design import Design


def touched(design: Design) -> str:
    """Say how many patients miss what, and what was done: "2 patients without age (integrated over its distribution)".

    Rows of the table are counted, kept or left out; "" where every row is whole and in the fit.
    """
    first = np.unique(design.patient_of_row, return_index=True)[1]
    parts = []
    for name, term in design.terms.items():
        number = not term.coded.levels
        count = int((np.isfinite(term.node[first]) if number else term.share[first] >= 0).sum())
        done = "integrated over its distribution" if number else "summed over its levels"
        parts += [f"{_patients(count)} without {name} ({done})"] * bool(count)
    return "; ".join(filter(None, [", ".join(parts), left_out(design)]))


def left_out(design: Design) -> str:
    """Say how many patients are not in the fit, by reason; "" if all are."""
    counted = Counter(design.left_out.values()).items()
    return f"left out: {', '.join(f'{_patients(n)} ({reason})' for reason, n in counted)}" if counted else ""


def _patients(count: int) -> str:
    return f"{count} patient{'s' * (count != 1)}"
