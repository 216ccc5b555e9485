"""Pieces that the chapters of response and of survival share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from casepool.estimation.material import Material
from casepool.modelling.families.priors import Prior
from casepool.numbers import with_interval
from casepool.reporting.answers import Answers


def named(material: Material, answer: Answers, by: str) -> str:
    """Return what a reader calls a factor or an exposure."""
    if by in answer.fitted.model.exposures:
        return answer.fitted.model.exposures[by].called
    return material.label(answer.fitted.model.terms[by].source) if by else "everyone"


def number(row: pd.Series) -> str:
    """Write a row's number with its interval."""
    return with_interval(row["estimate"], row["lower"], row["upper"], row["unit"])


def moved(refits: Sequence[tuple[Prior, pd.DataFrame]]) -> str:
    """Say which answer moves most from the first prior to the last."""
    (first, before), (last, after) = refits[0], refits[-1]
    shift = (after["estimate"].to_numpy() - before["estimate"].to_numpy()) / (before["upper"] - before["lower"])
    if shift.isna().all():
        return ""
    place = int(np.nanargmax(shift.abs()))
    start, end = (number(table.iloc[place]) for table in (before, after))
    return (
        f"From {first} to {last} the answer that moves most, for the width of its interval, is that of "
        f"{before['level'].iloc[place]}: {start}, then {end}. As far as an answer moves so, the prior decides it, "
        "not the patients."
    )


def compared(answer: Answers, by: str) -> pd.DataFrame:
    """Return the comparisons of a factor's levels; without rows where there are none."""
    found = answer.factors[by].pairs
    return pd.DataFrame() if found is None else found
