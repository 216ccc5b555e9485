"""One question put to any fit, by the name of the public function that answers it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import xarray as xr

from casepool.cases.codebook import Codebook
from casepool.errors import CasepoolError
from casepool.estimation.contrasts import contrast_of
from casepool.estimation.draws import Fitted
from casepool.estimation.response import estimates_of
from casepool.estimation.survival import survival_of
from casepool.inference.predictive import prior_draws
from casepool.modelling import Design
from casepool.random_streams import Stream, stream

FEW = (1, 40)
"""Chains and draws of the prior of which a question is asked beforehand."""

ANSWERS: dict[str, Callable[..., pd.DataFrame]] = {
    "contrast": contrast_of,
    "estimates": estimates_of,
    "survival": survival_of,
}
"""What answers an open fit with an estimate table, by the name of the public function."""


def refuse_unanswerable(name: str, design: Design, cases: pd.DataFrame, codebook: Codebook, by: str | None) -> None:
    """Refuse before anything is drawn what `ask` would refuse of a fit: it is asked of a few draws of the prior.

    Under a flat prior, of which nothing can be drawn, nothing is asked.
    """
    if design.improper:
        return
    drawn = prior_draws(design, stream(0, Stream.TOLD), FEW)
    tree = xr.DataTree(xr.Dataset(attrs={"settings": "{}", "seed": 0}))
    fitted = Fitted(tree, design.model, design, drawn, "", cases, codebook, of_prior=True, asks_told=False)
    ask(name, fitted, by)


def ask(name: str, fitted: Fitted, by: str | None) -> pd.DataFrame:
    """Ask a fit that is open, with the function's defaults.

    Raises
    ------
    CasepoolError
        If no function of that name answers.
    """
    if name not in ANSWERS:
        raise CasepoolError("unknown estimand", value=name, remedy=f"choose one of {', '.join(ANSWERS)}")
    return ANSWERS[name](fitted, by)


def ask_facts(name: str, fitted: Fitted, by: str | None) -> pd.DataFrame:
    """Ask as `ask` does; ``note`` holds remarks that are not yet words."""
    return ask(name, replace(fitted, in_words=False), by)
