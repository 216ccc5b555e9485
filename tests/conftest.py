"""Fits shared by the whole session and all its workers: shipped models, the bundled table, default settings, seed 1."""

import os
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import pytest
import xarray as xr
from filelock import FileLock

import casepool as cp

os.environ.setdefault("NUMBA_OPT", "1")  # the same numbers bit by bit, compiled in less time
mpl.use("Agg")
Shared = Callable[[str], xr.DataTree]


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Shared:
    """Return what fits a bundled model: whoever comes first does, the other workers open what was saved."""
    folder = tmp_path_factory.getbasetemp()
    folder = folder if worker_id == "master" else folder.parent

    def fit(model: str) -> xr.DataTree:
        path = Path(folder) / f"{model}.nc"
        with FileLock(f"{path}.lock"):
            if not path.exists():
                cp.save_fit(cp.fit(model, "alk_crizotinib", seed=1, progress=False), path)
        return cp.open_fit(path)

    return fit


@pytest.fixture(scope="session")
def response_fit(shared: Shared) -> xr.DataTree:
    return shared("objective_response")


@pytest.fixture(scope="session")
def age_fit(shared: Shared) -> xr.DataTree:
    return shared("objective_response_by_age_group")


@pytest.fixture(scope="session")
def survival_fit(shared: Shared) -> xr.DataTree:
    return shared("overall_survival")


@pytest.fixture(scope="session")
def baseline_fit(shared: Shared) -> xr.DataTree:
    return shared("overall_survival_baseline")


@pytest.fixture(scope="session")
def ordinal_fit(shared: Shared) -> xr.DataTree:
    return shared("best_response")


@pytest.fixture(scope="session")
def ordinal_age_fit(shared: Shared) -> xr.DataTree:
    return shared("best_response_by_age_group")
