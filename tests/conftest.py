"""Fits shared by all tests of a worker: shipped models, the bundled table, default settings, seed 1."""

import os

import matplotlib as mpl
import pytest
import xarray as xr

import casepool as cp

os.environ.setdefault("NUMBA_OPT", "1")  # the same numbers bit by bit, compiled in less time
mpl.use("Agg")


def fitted(model: str) -> xr.DataTree:
    return cp.fit(model, "alk_crizotinib", seed=1, progress=False)


@pytest.fixture(scope="session")
def response_fit() -> xr.DataTree:
    return fitted("objective_response")


@pytest.fixture(scope="session")
def selection_fit() -> xr.DataTree:
    return fitted("objective_response_selection")


@pytest.fixture(scope="session")
def types_fit() -> xr.DataTree:
    return fitted("adverse_events_by_type")


@pytest.fixture(scope="session")
def age_fit() -> xr.DataTree:
    return fitted("objective_response_by_age_group")


@pytest.fixture(scope="session")
def lines_fit() -> xr.DataTree:
    return fitted("next_inhibitor")


@pytest.fixture(scope="session")
def survival_fit() -> xr.DataTree:
    return fitted("overall_survival")


@pytest.fixture(scope="session")
def baseline_fit() -> xr.DataTree:
    return fitted("overall_survival_baseline")


@pytest.fixture(scope="session")
def ordinal_fit() -> xr.DataTree:
    return fitted("best_response")


@pytest.fixture(scope="session")
def ordinal_age_fit() -> xr.DataTree:
    return fitted("best_response_by_age_group")
