"""How the answer about an exposure depends on its prior and on how its dates are taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd
import xarray as xr

from casepool.arguments import flag_of
from casepool.errors import CasepoolError
from casepool.estimation.contrasts import contrast_of
from casepool.estimation.draws import Fitted, open_draws
from casepool.inference.fitting import again
from casepool.modelling import Model
from casepool.modelling.families.names import effect_of, log_intensity_of
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

    See Also
    --------
    tipping, variants, survival

    References
    ----------
    Joly P, Commenges D, Helmer C, Letenneur L (2002). A penalized likelihood approach for an illness-death model
    with interval-censored data. Biostatistics 3:433-443. doi:10.1093/biostatistics/3.3.433

    Examples
    --------
    >>> import casepool as cp
    >>> fit = cp.fit("overall_survival", "alk_crizotinib", seed=2, progress=False)
    >>> table = cp.exposure_sensitivity(fit, progress=False)
    >>> sorted(set(table["dating"]))
    ['intensity', 'uniform']
    """
    return exposure_sensitivity_of(open_draws(fit), progress=flag_of(progress, "progress"))


def exposure_sensitivity_of(fitted: Fitted, *, progress: bool) -> pd.DataFrame:
    """Refit as `exposure_sensitivity` does, of a fit that is open."""
    model = fitted.model
    if not model.exposures:
        raise CasepoolError(f"the model {model.name!r} has no exposure", remedy="use a model with [exposure.<name>]")
    return exposure_told(refits_of(fitted, exposure_variants(model), progress=progress))


def refits_of(fitted: Fitted, models: Sequence[Model | None], *, progress: bool) -> list[Fitted]:
    """Fit other models to the cases of a fit, and open each; None is the fit itself, which is open already."""
    trees = again(fitted.tree, models, progress=progress, contents=fitted.contents)
    return [fitted if tree is fitted.tree else open_draws(tree) for tree in trees]


def exposure_variants(model: Model) -> list[Model]:
    """Return a model under every prior and dating of its exposure; none where it has no exposure."""
    name, exposure = next(iter(model.exposures.items()), ("", None))
    if exposure is None:
        return []
    datings: Sequence[str] = (exposure.dating,)
    if exposure.begins:  # to model dates needs a prior of how often they come
        known = log_intensity_of(name) in model.priors
        datings = [dating for dating in DATINGS if known or dating != "intensity"]
    return [_variant(model, name, width, dating) for dating in datings for width in WIDTHS]


def exposure_told(fits: Sequence[Fitted]) -> pd.DataFrame:
    """Return what fits of those say of the exposure, one under the other."""
    return pd.concat([contrast_of(each, next(iter(each.model.exposures))) for each in fits], ignore_index=True)


def _variant(model: Model, name: str, width: float, dating: str) -> Model:
    prior = Prior("Normal", {"mu": 0.0, "sigma": width}, f"sensitivity: sd {width:g} on the log scale")
    exposures = {name: replace(model.exposures[name], dating=dating)}
    return replace(model, exposures=exposures, priors={**model.priors, effect_of(name): prior})
