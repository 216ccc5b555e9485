"""Pieces that the chapters of response and of survival share."""

from __future__ import annotations

import pandas as pd

from casepool.estimation.material import Material
from casepool.plotting.forest import draw_forest
from casepool.plotting.style import data_uri
from casepool.reporting.answers import Answers
from casepool.reporting.blocks import Picture


def named(material: Material, answer: Answers, by: str) -> str:
    """Return what a reader calls a factor."""
    return material.label(answer.fitted.model.terms[by].source) if by else "everyone"


def forest(caption: str, table: pd.DataFrame, rare: bool) -> Picture:
    """Draw a forest plot for the report."""
    levels = len(dict.fromkeys(table["level"]))
    alt = f"Forest plot, {levels} lines: {caption}. The table beside it holds every number."
    return Picture(data_uri(draw_forest(table, mark_rare=rare)), alt, caption)
