from pathlib import Path

import pandas as pd
import pytest
import xarray as xr

import casepool as cp
from casepool.cases import Codebook, Column, codebook_of
from casepool.studies.replacement import models_asked
from tests.conftest import fitted, made_once
from tests.reporting.pages import Page
from tests.small import half_normal, normal, response_model

SHARED = {
    "objective_response": "response_fit", "objective_response_by_age_group": "age_fit",
    "overall_survival": "survival_fit", "adverse_events_by_type": "types_fit", "next_inhibitor": "lines_fit",
    "objective_response_selection": "selection_fit", "best_response_by_age_group": "ordinal_age_fit",
}  # fmt: skip
"""Fixtures of fits, by the model."""
TAG, MATHS = "<script>alert(1)</script>", r"$\frac{$"


@pytest.fixture(scope="session")
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Page:
    """The report of the bundled table: what ``casepool report`` writes."""

    def report(folder: Path) -> None:
        book = codebook_of(cp.load("alk_crizotinib"))
        names = dict.fromkeys([*book.report, *models_asked("alk_crizotinib")])
        fits = [request.getfixturevalue(SHARED[name]) if name in SHARED else fitted(name) for name in names]
        cp.report(fits, folder / "report.html", progress=False)

    return Page(made_once(tmp_path_factory, "report", report) / "report.html")


@pytest.fixture(scope="session")
def private_fit() -> xr.DataTree:
    """A fit of a table that is not public, with labels that are code, and far too few draws."""
    frame = pd.DataFrame(
        {
            "patient": [f"Smith-{i:03d}" for i in range(12)],
            "response": ["yes", "no", "yes", "yes"] * 2 + ["yes", "no", None, None],
            "histology": [TAG, MATHS, f"{TAG};{MATHS}", "plain"] * 3,
        }
    )
    columns = {"response": Column("ordered", levels=("no", "yes")), "histology": Column("set", label="Histo <b>")}
    book = Codebook(name="a clinic", title="Cases of <i>one</i> clinic", public=False, columns=columns)
    model = response_model(
        {"histology": {"kind": "group"}}, {"intercept": normal(1.5), "histology_sd": half_normal(1)}, name="private"
    )
    cases = cp.read_cases(frame, book)
    return cp.fit(model, cases, seed=1, draws=40, chains=2, progress=False)


@pytest.fixture(scope="session")
def private_page(private_fit: xr.DataTree, tmp_path_factory: pytest.TempPathFactory) -> Page:
    path = tmp_path_factory.mktemp("report") / "private.html"
    return Page(cp.report(private_fit, path, progress=False))
