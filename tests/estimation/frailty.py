"""A constant hazard with a factor that borrows: the model whose survivals have closed forms, given its parameters."""

import numpy as np
import pandas as pd
import xarray as xr

import casepool as cp
from tests.small import half_normal, normal, survival_model

FRAILTY = survival_model(
    {"intercept": normal(1.5, float(np.log(0.03))), "histology_sd": half_normal(1.0)},
    terms={"histology": {"kind": "group"}},
    outcome={"time": "os_months", "event": "death"},
)


def refitted(cases: pd.DataFrame) -> xr.DataTree:
    return cp.fit(FRAILTY, cases, seed=1, progress=False)


def log_rate(fit: xr.DataTree, histology: str) -> np.ndarray:
    """Draws of the log rate of a histology, read here and not by the package."""
    posterior = fit["posterior"]
    return (posterior["intercept"] + posterior["histology_effect"].sel(histology=histology)).to_numpy()
