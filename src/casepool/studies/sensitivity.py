"""How much an answer owes to its priors: each prior scaled in place, and refits over a grid of group scales."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd
import xarray as xr

from casepool.arguments import flag_of, numbers_of
from casepool.checking.prior_sensitivity import power_scaling_of
from casepool.errors import CasepoolError
from casepool.estimation.contrasts import contrast_of
from casepool.estimation.draws import Fitted, open_draws
from casepool.estimation.response import estimates_of
from casepool.modelling import Model
from casepool.modelling.families.names import sd_of
from casepool.modelling.families.parameters import Role
from casepool.modelling.families.priors import Prior
from casepool.remarks import remark, with_remarks
from casepool.studies.exposure import exposure_told, exposure_variants, refits_of

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

    See Also
    --------
    variants, power_scaling

    Examples
    --------
    >>> import casepool as cp
    >>> fit = cp.fit("basket_berry", "sarcoma_imatinib", seed=1, progress=False)
    >>> table = cp.sensitivity(fit, scales=[0.5, 2.0], progress=False)
    >>> sorted(set(table["prior"]))[:3]
    ['HalfNormal(sigma = 0.5)', 'HalfNormal(sigma = 1)', 'HalfNormal(sigma = 2)']
    """
    scales = numbers_of(scales, "scales", "give positive numbers, say [0.5, 1]")
    if not all(scale > 0 for scale in scales):
        raise CasepoolError("a scale must be positive", value=tuple(scales), remedy="give positive numbers")
    flag_of(progress, "progress")
    fitted = open_draws(fit)
    tables, model = [power_scaling_of(fitted)], fitted.model
    scaled, others = _scaled(model, scales), exposure_variants(model)
    fits = refits_of(fitted, [*(variant for _, _, variant in scaled), *others], progress=progress)
    for (factor, prior, variant), refitted in zip(scaled, fits, strict=False):
        own = " (the model's own)" * (variant is None)
        named = {"model": f"{model.name}, {sd_of(factor)} ~ {prior}{own}", "prior": str(prior)}
        said = remark("own prior", parameter=sd_of(factor), prior=prior)
        tables.append(with_remarks(_answer(refitted, factor).assign(**named), said))
    if others:
        tables.append(exposure_told(fits[len(scaled) :]))
    return pd.concat(tables, ignore_index=True)


def scaled_factors(model: Model) -> list[str]:
    """Return the factors of a model whose levels borrow by a group standard deviation."""
    return [own.owner for own in model.parameters if own.role is Role.SD and own.owner in model.terms]


def scale_refits(
    fitted: Fitted, scales: Sequence[float], *, progress: bool
) -> dict[str, list[tuple[Prior, pd.DataFrame]]]:
    """Estimate every factor anew under each scale of its standard deviation; under its own prior the fit answers."""
    scaled = _scaled(fitted.model, scales)
    fits = refits_of(fitted, [variant for _, _, variant in scaled], progress=progress)
    found: dict[str, list[tuple[Prior, pd.DataFrame]]] = {factor: [] for factor, _, _ in scaled}
    for (factor, prior, _), refitted in zip(scaled, fits, strict=True):
        found[factor].append((prior, _answer(refitted, factor)))
    return found


def _scaled(model: Model, scales: Sequence[float]) -> list[tuple[str, Prior, Model | None]]:
    """Return every factor's prior of each scale, and the model under it: None where it is the model's own."""
    found: list[tuple[str, Prior, Model | None]] = []
    for factor in scaled_factors(model):
        for scale in scales:
            prior = Prior("HalfNormal", {"sigma": float(scale)}, "sensitivity")
            variant = replace(model, priors={**model.priors, sd_of(factor): prior})
            found.append((factor, prior, None if _same(prior, model.prior(sd_of(factor))) else variant))
    return found


def _answer(fitted: Fitted, factor: str) -> pd.DataFrame:
    return contrast_of(fitted, factor) if fitted.is_survival else estimates_of(fitted, factor)


def _same(prior: Prior, other: Prior) -> bool:
    return (prior.dist, prior.parameters) == (other.dist, other.parameters)
