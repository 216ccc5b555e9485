"""How much an answer owes to its priors: each prior scaled in place, and refits over a grid of group scales."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
import xarray as xr

from casepool.arguments import numbers_of
from casepool.checking import power_scaling
from casepool.errors import CasepoolError
from casepool.estimation import contrast, estimates
from casepool.inference.fit_contents import cases_of, model_of
from casepool.inference.fitting import fit as make
from casepool.modelling import Model
from casepool.modelling.families.names import sd_of
from casepool.modelling.families.parameters import Role
from casepool.modelling.families.priors import Prior
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
        An estimate table: the rows of `power_scaling` (unit "sensitivity"; above 0.05 the prior matters); then, for
        each factor and scale, the estimates of a refit, whose prior ``model`` and ``note`` say, and which of them
        is the model's own; for an exposure the rows of `exposure_sensitivity`.

    Raises
    ------
    CasepoolError
        If the scales are not positive numbers.
    """
    scales = numbers_of(scales, "scales", "give positive numbers, say [0.5, 1]")
    if not all(scale > 0 for scale in scales):
        raise CasepoolError("a scale must be positive", value=tuple(scales), remedy="give positive numbers")
    tables, model = [power_scaling(fit)], model_of(fit)
    for factor in scaled_factors(model):
        for prior, table in scale_refits(fit, factor, scales, progress=progress):
            said = f"{sd_of(factor)} ~ {prior}"
            own = " (the model's own)" * _same(prior, model.prior(sd_of(factor)))
            tables.append(_noted(table.assign(model=f"{model.name}, {said}{own}"), said))
    if model.exposures:
        tables.append(exposure_sensitivity(fit, progress=progress))
    return pd.concat(tables, ignore_index=True)


def scaled_factors(model: Model) -> list[str]:
    """Return the factors of a model whose levels borrow by a group standard deviation."""
    return [own.owner for own in model.parameters if own.role is Role.SD]


def scale_refits(
    fit: xr.DataTree, factor: str, scales: Sequence[float], *, progress: bool
) -> list[tuple[Prior, pd.DataFrame]]:
    """Estimate a factor anew under each scale of its standard deviation; under its own prior the fit answers."""
    model, cases = model_of(fit), cases_of(fit)
    settings: dict[str, Any] = {**json.loads(fit.attrs["settings"]), "seed": int(fit.attrs["seed"])}
    answer = contrast if model.is_survival else estimates
    found = []
    for scale in scales:
        prior = Prior("HalfNormal", {"sigma": float(scale)}, "sensitivity")
        variant = replace(model, priors={**model.priors, sd_of(factor): prior})
        own = _same(prior, model.prior(sd_of(factor)))
        found.append((prior, answer(fit if own else make(variant, cases, progress=progress, **settings), factor)))
    return found


def _same(prior: Prior, other: Prior) -> bool:
    return (prior.dist, prior.parameters) == (other.dist, other.parameters)


def _noted(table: pd.DataFrame, said: str) -> pd.DataFrame:
    return table.assign(note=[f"{said}; {note}" if note else said for note in table["note"]])
