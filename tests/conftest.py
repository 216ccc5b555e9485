"""Fits shared by all tests of a worker: shipped models, the bundled table, default settings, seed 1."""

import os
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import pytest
import xarray as xr
from filelock import FileLock

import casepool as cp
from tests import readme

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


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """Return a folder that `make` has filled: called by one worker for all."""
    own = factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / name
    folder.mkdir(exist_ok=True)
    with FileLock(folder / "lock"):
        if not (folder / "made").exists():
            make(folder)
            (folder / "made").touch()
    return folder


@pytest.fixture(scope="session")
def readme_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where README's script left its report, and in ``printed.txt`` its answers."""

    def run(folder: Path) -> None:
        (folder / "printed.txt").write_text(readme.printed(folder), encoding="utf-8")

    return made_once(tmp_path_factory, "readme", run)
