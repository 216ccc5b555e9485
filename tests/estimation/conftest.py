"""A fit shared by tests of what is made of draws."""

import pytest
import xarray as xr

import casepool as cp
from tests.estimation.frailty import refitted


@pytest.fixture(scope="session")
def frailty() -> xr.DataTree:
    return refitted(cp.load("alk_crizotinib"))
