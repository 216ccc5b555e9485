import pandas as pd
import pytest
import xarray as xr

import casepool as cp
from casepool.cases import Codebook, Column
from tests.reporting.pages import Page
from tests.small import half_normal, normal, response_model

TAG, MATHS = "<script>alert(1)</script>", r"$\frac{$"


@pytest.fixture(scope="session")
def page(
    response_fit: xr.DataTree, age_fit: xr.DataTree, survival_fit: xr.DataTree, tmp_path_factory: pytest.TempPathFactory
) -> Page:
    """The report of the bundled table."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    return Page(cp.report([response_fit, age_fit, survival_fit], path, progress=False))


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
