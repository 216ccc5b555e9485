"""How far a parameter moves as its prior is weighed more or less, in place (Kallioinen 2024)."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import arviz_stats
import numpy as np
import pandas as pd
import xarray as xr

from casepool.estimation.draws import Fitted, open_draws
from casepool.inference.graph import prior_dims
from casepool.modelling.priors import frozen
from casepool.tables import estimate_table

NOTICEABLE = 0.05
"""Power-scaling sensitivity from which a prior or a likelihood matters (Kallioinen 2024)."""
PULLED = 3.0
"""Times what its prior alone would show from which a parameter is pulled between prior and data.

Of a normal prior and a likelihood as wide as it, whose centres lie d standard deviations of their difference apart:
twice at d = 2, three times at d = 3. A posterior that is the prior shows it once, whatever the prior.
"""
STUCK = "too few different draws to be weighed again"


@dataclass(frozen=True)
class Scaled:
    """One parameter under power scaling.

    Parameters
    ----------
    name : str
    prior, likelihood : float
        Sensitivity to its own prior and to the likelihood; the larger entry of a vector. NaN where chains are stuck.
    alone : float
        Sensitivity to its prior were the posterior the prior.
    """

    name: str
    prior: float
    likelihood: float
    alone: float


def power_scaling(fit: xr.DataTree) -> pd.DataFrame:
    """Scale each prior by a small power in place, and see how far its own parameter moves (Kallioinen 2024).

    Parameters
    ----------
    fit : xarray.DataTree

    Returns
    -------
    pandas.DataFrame
        An estimate table with one row per prior, unit "sensitivity": the larger entry of a vector. ``note`` says
        beside it the sensitivity to the likelihood, and what the prior would show if the data said nothing.

    Raises
    ------
    CasepoolError
        If the tree was not made by casepool.
    """
    fitted = open_draws(fit)
    rows = [
        {
            "estimand": f"sensitivity of {item.name} to its prior {fitted.model.prior(item.name)}",
            "level": item.name,
            "model": fitted.model.name,
            "source": "shrunk",
            "method": "power scaling",
            "estimate": item.prior,
            "unit": "sensitivity",
            "verdict": fitted.verdict,
            "note": f"{_said(item)}; likelihood {item.likelihood:.2f}; {item.alone:.2f} if the data said nothing",
        }
        for item in scaled(fitted)
    ]
    return estimate_table(rows, posterior=True)


def scaled(fitted: Fitted) -> list[Scaled]:
    """Power-scale every prior of a fit that is a distribution."""
    found = []
    for name in map(str, fitted.tree["log_prior"].to_dataset().data_vars):
        if fitted.model.prior(name).dist in ("Fixed", "Flat"):
            continue
        own = _sensitivity(fitted.tree, name, group="prior", group_var_names=[name])
        data = _sensitivity(fitted.tree, name, group="likelihood")
        alone = _sensitivity(_prior_alone(fitted, name), name, group="prior", group_var_names=[name])
        found.append(Scaled(name, own, data, alone))
    return found


def _sensitivity(tree: xr.DataTree, name: str, **asked: Any) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # weights too uneven to be sure: the sensitivity is large then
        try:
            found = arviz_stats.psense(tree, var_names=[name], **asked)
        except ValueError:  # stuck chains: too few different draws to be weighed again
            return float("nan")
    return float(max(np.nanmax(np.asarray(values)) for values in found.data_vars.values()))


def _prior_alone(fitted: Fitted, name: str) -> xr.DataTree:
    """Return as many draws of a parameter from its prior as the fit has, with their log density."""
    rng = np.random.default_rng([fitted.seed, 60])
    posterior = fitted.tree["posterior"].to_dataset()
    prior = frozen(fitted.model.prior(name))
    shape = (posterior.sizes["chain"], posterior.sizes["draw"], *prior_dims(fitted.design, name).values())
    drawn = np.asarray(prior.rvs(size=shape, random_state=rng))
    density = np.asarray(prior.logpdf(drawn))
    axes = ("chain", "draw", *(f"axis{i}" for i in range(drawn.ndim - 2)))
    groups = {
        "posterior": xr.Dataset({name: (axes, drawn)}),
        "log_prior": xr.Dataset({name: (axes[: density.ndim], density)}),
    }
    return xr.DataTree.from_dict(groups)


def _said(item: Scaled) -> str:
    if np.isnan(item.prior):
        return STUCK
    if item.prior < NOTICEABLE:
        return "the prior hardly matters"
    if item.likelihood < NOTICEABLE:
        return "the prior decides: the data say little about this parameter"
    return "prior and data both matter"
