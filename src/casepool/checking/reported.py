"""Every number a fit reports unless asked for more: the default tables of estimates, survival and contrasts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pandas as pd

from casepool.errors import CasepoolError
from casepool.estimation.contrasts import contrast_of
from casepool.estimation.draws import Fitted
from casepool.estimation.response import estimates_of
from casepool.estimation.survival import survival_of
from casepool.modelling.specification.endpoints import event

PAIRED = ("category", "banded")
"""Kinds of terms whose levels are few enough to be compared in pairs."""
MOST_LEVELS = 8
"""Levels of a factor whose pairs are still told; of more they would be hundreds, each with its own verdict anyway."""


def reported(fitted: Fitted) -> pd.DataFrame:
    """Return the default estimate tables of a fit, one under the other."""
    fitted = replace(fitted, asks_told=False)  # whether each number converged is another question
    tables = _of_survival(fitted) if fitted.is_survival else _of_response(fitted)
    return pd.concat(list(tables), ignore_index=True)


def main_answer(fitted: Fitted) -> pd.Series:
    """Return the row that answers what a fit was made for.

    Of survival the ratio of its exposure, or the median; of a response the risk difference between the first two levels
    of a factor that is there to be compared, or everyone's probability of success.
    """
    exposure = next(iter(fitted.model.exposures), None)
    if exposure is not None:
        return contrast_of(fitted, exposure).iloc[0]
    if fitted.is_survival:
        table = survival_of(fitted)
        return table[(table["unit"] == fitted.unit) & (table["at"] == "")].iloc[0]
    compared = (name for name, term in fitted.model.terms.items() if term.kind in PAIRED)
    pairs = next((table for name in compared for table in _contrasts(fitted, name)), None)
    table = estimates_of(fitted) if pairs is None else pairs
    return table[(table["at"] == "") | (table["at"] == event(fitted.model).at)].iloc[0]


def _of_response(fitted: Fitted) -> Iterator[pd.DataFrame]:
    yield estimates_of(fitted)
    for name in levelled(fitted):
        yield estimates_of(fitted, name)
        yield estimates_of(fitted, name, target="new")
        if len(fitted.design.terms[name].coded.levels) <= MOST_LEVELS:
            yield from _contrasts(fitted, name)


def _of_survival(fitted: Fitted) -> Iterator[pd.DataFrame]:
    exposures = list(fitted.model.exposures)
    yield survival_of(fitted)
    for name in [] if exposures else levelled(fitted):
        yield survival_of(fitted, name)
    for name in [*exposures, *levelled(fitted)]:
        yield from _contrasts(fitted, name)


def levelled(fitted: Fitted) -> list[str]:
    """Return the names of the terms that have levels."""
    return [name for name, term in fitted.model.terms.items() if not term.is_number]


def _contrasts(fitted: Fitted, name: str) -> Iterator[pd.DataFrame]:
    """Yield the contrasts of a term, or nothing where there are no two levels with patients or no effects."""
    try:
        yield contrast_of(fitted, name)
    except CasepoolError:
        return
