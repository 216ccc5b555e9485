"""How much an answer owes to its priors: each prior scaled in place, and refits over a grid of group scales."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
import xarray as xr

from casepool.checking import power_scaling
from casepool.errors import CasepoolError
from casepool.estimation import contrast, estimates
from casepool.inference import refit
from casepool.inference.fitting import cases_of, model_of
from casepool.modelling import Model
from casepool.modelling.families import FAMILIES
from casepool.modelling.priors import Prior
from casepool.studies.exposure import exposure_sensitivity

SCALES = (0.25, 0.5, 1.0, 2.0)
"""Scales of the half-normal prior on a group standard deviation: from nearly pooled to nearly independent."""


def sensitivity(fit: xr.DataTree, *, scales: Sequence[float] = SCALES, progress: bool = True) -> pd.DataFrame:
    """Ask how much a fit's answers owe to its priors.

    Parameters
    ----------
    fit : xarray.DataTree
    scales : sequence of float
        Half-normal scales tried for each group standard deviation, one factor at a time.
    progress : bool

    Returns
    -------
    pandas.DataFrame
        An estimate table: for each prior a row with the power-scaling sensitivity of its own parameter to the
        prior (unit "sensitivity"; above 0.05 the prior matters), the likelihood's beside it in ``note``; then,
        for each factor and scale, the estimates of a refit; for an exposure the rows of `exposure_sensitivity`.

    Raises
    ------
    CasepoolError
        If a scale is not positive.
    """
    if not all(scale > 0 for scale in scales):
        raise CasepoolError("a scale must be positive", value=tuple(scales), remedy="give positive numbers")
    tables = [power_scaling(fit)]
    model = model_of(fit)
    factors = [name for name, term in model.terms.items() if f"{name}_sd" in model.priors and term.kind == "group"]
    for factor in factors:
        tables += _refits(fit, model, factor, scales, progress)
    if model.exposures:
        tables.append(exposure_sensitivity(fit, progress=progress))
    return pd.concat(tables, ignore_index=True)


def _refits(fit: xr.DataTree, model: Model, factor: str, scales: Sequence[float], progress: bool) -> list[pd.DataFrame]:
    """Refit under each scale of one factor's standard deviation, and estimate that factor again."""
    priors = [Prior("HalfNormal", {"sigma": float(s)}, "sensitivity") for s in scales]
    variants = [replace(model, priors={**model.priors, f"{factor}_sd": prior}) for prior in priors]
    settings: dict[str, Any] = json.loads(fit.attrs["settings"])
    cases = cases_of(fit)
    fits = refit([(variant, cases) for variant in variants], seed=int(fit.attrs["seed"]), progress=progress, **settings)
    answer = contrast if FAMILIES[model.family].survival else estimates
    tables = []
    for prior, each in zip(priors, fits, strict=True):
        table = answer(each, factor)
        said = f"{factor}_sd ~ {prior}"
        table["note"] = [f"{said}; {note}" if note else said for note in table["note"]]
        tables.append(table)
    return tables
