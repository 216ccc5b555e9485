"""Fits saved by casepool 0.1.0: opened, printed, checked and verified by this version."""

import pytest

import casepool as cp
from casepool.inference.fit_contents import model_of
from casepool.modelling.families.registry import FAMILIES
from casepool.modelling.specification.printing import describe

from .answers import CHECKS, FITS, FOLDER
from .structures import structures


def opened(name):
    return cp.open_fit(FOLDER / "fits" / f"{name}.nc")


def of_every_family():
    """Return the name of one fit of every family, a checked one where `test_tables` has one."""
    found = {}
    for name in sorted(FITS, key=lambda name: name not in CHECKS):
        found.setdefault(structures()[name][0].family, name)
    return found


def test_every_family_is_there():
    assert set(of_every_family()) == set(FAMILIES)


ASKED = [(family, name) for family, name in of_every_family().items() if name not in CHECKS]
"""Those whose `check` the stored tables do not hold."""


@pytest.mark.parametrize(("family", "name"), ASKED)
def test_a_fit_of_every_family_opens_prints_and_checks(family, name):
    fit = opened(name)
    assert model_of(fit).family == family
    assert fit.attrs["casepool_fit"] == "1"
    model = model_of(fit)
    assert describe(model).startswith(f"{model.name}: ")
    assert str(fit["posterior"])
    checked = cp.check(fit, progress=False)
    assert len(checked) > 5
    assert set(checked["verdict"]) <= {"", "pass", "concern", "fail", "not asked"}


def test_verify_says_that_the_version_changed_and_draws_did_not():
    """Draws and likelihood are the same bit by bit; the log prior, computed in other steps, to the last digit."""
    told = cp.verify(opened("basket_pooled"), progress=False).set_index("part")
    assert told.loc["versions", "verdict"] == "concern"
    assert "casepool was 0.1.0, is 0.2.0" in told.loc["versions", "sentence"]
    assert told.loc["data", "verdict"] == "pass"
    assert told.loc["posterior: intercept", "verdict"] == "pass"
    assert told["difference"].drop("versions").max() < 1e-14
    assert "fail" not in set(told["verdict"])
