"""Fits shared by the whole session: the shipped models on the bundled table, default settings, seed 1."""

import matplotlib as mpl
import pytest
import xarray as xr

import casepool as cp

mpl.use("Agg")


@pytest.fixture(scope="session")
def response_fit() -> xr.DataTree:
    return cp.fit("objective_response", "alk_crizotinib", seed=1, progress=False)


@pytest.fixture(scope="session")
def age_fit() -> xr.DataTree:
    return cp.fit("objective_response_by_age_group", "alk_crizotinib", seed=1, progress=False)


@pytest.fixture(scope="session")
def survival_fit() -> xr.DataTree:
    return cp.fit("overall_survival", "alk_crizotinib", seed=1, progress=False)


@pytest.fixture(scope="session")
def baseline_fit() -> xr.DataTree:
    return cp.fit("overall_survival_baseline", "alk_crizotinib", seed=1, progress=False)


@pytest.fixture(scope="session")
def ordinal_fit() -> xr.DataTree:
    return cp.fit("best_response", "alk_crizotinib", seed=1, progress=False)


@pytest.fixture(scope="session")
def ordinal_age_fit() -> xr.DataTree:
    return cp.fit("best_response_by_age_group", "alk_crizotinib", seed=1, progress=False)
