"""What cases bring to a trial's analysis: patients and responders of every level of the model's factor."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from casepool.cases.reading import resolve_typed
from casepool.errors import CasepoolError
from casepool.modelling import Model
from casepool.modelling.design.grouping import membership
from casepool.modelling.design.making import design_of_typed
from casepool.modelling.terms.labels import Group

Counts = dict[str, tuple[float, float]]
"""Responders and patients, by level."""


def counts_of(
    model: Model, factor: Group, cases: str | Path | pd.DataFrame, baskets: Sequence[str], file: str = ""
) -> Counts:
    """Return responders and patients of every level that cases have.

    Raises
    ------
    CasepoolError
        For a patient in several levels or none, and a basket that the codebook's levels leave no room for.
    """
    frame, book = resolve_typed(cases)
    column = book.columns[factor.source]
    allowed = tuple(column.levels or ())
    for name in baskets:
        if allowed and name not in allowed:
            listed = f"the codebook lists {', '.join(allowed)}" if book.may_show(factor.source) else "correct its name"
            place = {"file": file or book.name, "column": f"baskets.{name}", "value": name}
            raise CasepoolError("no case can have this level", remedy=listed, **place)
    design = design_of_typed(model, frame, book)
    group = membership(design, frame, factor.name, book)
    if not (group.members.sum(axis=1) == 1).all():
        raise CasepoolError(
            "a case counts in several baskets, or in none", file=book.name, column=factor.source,
            remedy="give every case one level",
        )  # fmt: skip
    n, events = group.counts(design)
    return {
        level: (float(np.asarray(y)), float(np.asarray(m)))
        for level, y, m in zip(group.levels, events, n, strict=True)
        if m > 0
    }
