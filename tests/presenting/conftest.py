"""Tables of answers of several layouts: raw and posterior, response and survival, few rows and many."""

import pandas as pd
import pytest
import xarray as xr

import casepool as cp
from tests.reporting.tables import row, two_sources
from tests.safety.labels import HOSTILE


@pytest.fixture(scope="session")
def tables(age_fit: xr.DataTree, survival_fit: xr.DataTree) -> dict[str, pd.DataFrame]:
    raw = cp.classical("objective_response", "alk_crizotinib", by="histology")
    return {
        "raw": raw,
        "raw survival": cp.classical("overall_survival", "alk_crizotinib", by="surgery", at=[12, 24]),
        "estimates": cp.estimates(age_fit, by="histology"),
        "contrast": cp.contrast(age_fit, by="age"),
        "survival": cp.survival(survival_fit, by="surgery", at=[12, 24]),
        "compared": cp.compare(cp.estimates(age_fit, by="histology"), raw),
        "one row": cp.estimates(age_fit),
        "ledger": cp.ledger(age_fit, by="age"),
        "hostile": two_sources(*HOSTILE),
    }


@pytest.fixture
def private() -> pd.DataFrame:
    from casepool.tables import estimate_table

    return estimate_table([row("a", n=1, events=0), row("b", n=2, events=2), row("c", n=5, events=3)], public=False)
