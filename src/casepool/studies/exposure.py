"""How the answer about an exposure depends on its prior and on how its dates are taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd
import xarray as xr

from casepool.errors import CasepoolError
from casepool.estimation import contrast
from casepool.inference.fit_contents import model_of
from casepool.inference.fit_format import refuse_what_is_no_fit
from casepool.inference.fitting import again
from casepool.modelling import Model
from casepool.modelling.families.names import effect_of
from casepool.modelling.families.priors import Prior

WIDTHS = (0.5, 1.0, 2.0)
"""Standard deviations of the normal prior on the log hazard ratio."""
DATINGS = ("intensity", "uniform")


def exposure_sensitivity(fit: xr.DataTree, *, progress: bool = True) -> pd.DataFrame:
    """Refit a survival model under three priors of the exposure's coefficient and both datings.

    Parameters
    ----------
    fit : xarray.DataTree
        Of a survival model with an exposure; its seed and settings are used again.
    progress : bool

    Returns
    -------
    pandas.DataFrame
        An estimate table: for every prior and dating the hazard (or time) ratio and its probability of lying
        on the better side of 1; ``note`` names prior and dating, and the prior's own probability, which is 0.5. A
        baseline comparison has no dates, so only its priors vary.

    Raises
    ------
    CasepoolError
        If the model has no exposure.
    """
    refuse_what_is_no_fit(fit)
    model = model_of(fit)
    if not model.exposures:
        raise CasepoolError(f"the model {model.name!r} has no exposure", remedy="use a model with [exposure.<name>]")
    return exposure_told(again(fit, exposure_variants(model), progress=progress))


def exposure_variants(model: Model) -> list[Model]:
    """Return a model under every prior and dating of its exposure; none where it has no exposure."""
    name, exposure = next(iter(model.exposures.items()), ("", None))
    if exposure is None:
        return []
    datings = DATINGS if exposure.begins else (exposure.dating,)
    return [_variant(model, name, width, dating) for dating in datings for width in WIDTHS]


def exposure_told(fits: Sequence[xr.DataTree]) -> pd.DataFrame:
    """Return what fits of those say of the exposure, one under the other."""
    return pd.concat([contrast(fit, next(iter(model_of(fit).exposures))) for fit in fits], ignore_index=True)


def _variant(model: Model, name: str, width: float, dating: str) -> Model:
    prior = Prior("Normal", {"mu": 0.0, "sigma": width}, f"sensitivity: sd {width:g} on the log scale")
    exposures = {name: replace(model.exposures[name], dating=dating)}
    return replace(model, exposures=exposures, priors={**model.priors, effect_of(name): prior})
