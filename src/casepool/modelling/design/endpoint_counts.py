"""How many patients of a design reached what is asked of a response."""

from __future__ import annotations

import numpy as np

from casepool.modelling.design.design import Design
from casepool.modelling.families.responses import category_counts
from casepool.modelling.specification.endpoints import Endpoint
from casepool.remarks import NONE, Remarks, remark


def counted(design: Design, endpoint: Endpoint) -> np.ndarray:
    """Return how many of the patients each row of the fit stands for reached an endpoint: array (n,)."""
    return endpoint.of(category_counts(design.outcome, len(design.model.steps) + 1))


def reached(design: Design) -> Remarks:
    """Say which categories nobody reached, or that all patients share one; nothing if every one was reached."""
    if not design.model.is_ordinal:
        return NONE
    codes = design.model.outcome.levels
    totals = [counts.sum() for counts in category_counts(design.outcome, len(codes))]
    empty = [code for code, total in zip(codes, totals, strict=True) if not total]
    if len(empty) == len(codes) - 1:
        [only] = set(codes) - set(empty)
        return remark("all reached one", code=only)
    return remark("nobody reached", codes=" or ".join(empty)) if empty else NONE
