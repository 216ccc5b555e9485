"""The numbers of a fit that a history follows: its estimates, each with the error of its draws."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import pandas as pd

from casepool.checking.reported import PAIRED, levelled
from casepool.errors import CasepoolError
from casepool.estimation.contrasts import contrast_of
from casepool.estimation.draws import Fitted
from casepool.estimation.response import estimates_of
from casepool.estimation.survival import survival_of

ABOUT = ("estimand", "by", "level", "at", "unit")
"""Columns of an estimate table that say what a row is of."""
MEANS = ("probability", "difference")
"""Units of numbers between -1 and 1, of which the posterior mean is followed; of all others the median."""
MEAN, MEDIAN = "mean", "median"


class Number(NamedTuple):
    """One estimate of a fit, the Monte Carlo error of it, and whether it converged."""

    value: float
    mcse: float
    statistic: str
    verdict: str


Key = tuple[Any, ...]


def numbers_of(fitted: Fitted) -> dict[Key, Number]:
    """Return the numbers of a fit by what they are of (`ABOUT`), in the order of their tables.

    Of a response the estimates of everyone and by every term with levels, and the contrasts of those that are there to
    be compared; of survival its table, and the contrasts of exposures and of such terms.
    """
    found: dict[Key, Number] = {}
    for table in _tables(replace(fitted, asks_told=False)):
        for row in table.to_dict(orient="records"):
            if not math.isnan(row["estimate"]):  # nobody is in the level
                found.setdefault(tuple(row[name] for name in ABOUT), _number(row))
    return found


def _tables(fitted: Fitted) -> Iterator[pd.DataFrame]:
    terms = levelled(fitted)
    if fitted.is_survival:
        yield survival_of(fitted)
    else:
        yield from (estimates_of(fitted, by) for by in (None, *terms))
    compared = [name for name in terms if fitted.model.terms[name].kind in PAIRED]
    for name in [*fitted.model.exposures, *compared]:
        try:
            yield contrast_of(fitted, name)
        except CasepoolError:  # no two levels have patients
            continue


def _number(row: Mapping[Any, Any]) -> Number:
    """Return a row's mean or median with its error; a share of draws is a mean."""
    if row["unit"] not in MEANS:
        return Number(row["estimate"], row["mcse"], MEDIAN, row["verdict"])
    spread = row["sd"] > 0  # neither a share of draws nor a number that never varies
    error = row["sd"] / math.sqrt(row["ess"]) if spread else row["mcse"]
    return Number(row["mean"], error, MEAN, row["verdict"])
