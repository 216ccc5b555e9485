"""Two fits of tables whose labels are hostile, one public and one not."""

import pandas as pd
import pytest
import xarray as xr

import casepool as cp
from casepool.cases import Codebook, Column
from tests.safety.labels import HOSTILE
from tests.small import half_normal, normal, response_model, survival_model

FEW = {"draws": 40, "chains": 2, "progress": False}


@pytest.fixture(scope="session")
def hostile_response() -> xr.DataTree:
    """Four patients of every hostile level, with an age."""
    frame = pd.DataFrame(
        {
            "patient": [f"P{i}" for i in range(4 * len(HOSTILE))],
            "response": ["yes", "yes", "no", "yes"] * len(HOSTILE),
            "histology": [label for label in HOSTILE for _ in range(4)],
            "age": [float(20 + i % 50) for i in range(4 * len(HOSTILE))],
        }
    )
    columns = {
        "response": Column("ordered", levels=("no", "yes")),
        "histology": Column("category", label=HOSTILE[1]),
        "age": Column("number", unit=HOSTILE[2], label=HOSTILE[0]),
    }
    book = Codebook(name="hostile", title=HOSTILE[9], source=HOSTILE[1], columns=columns)
    terms = {"histology": {"kind": "group"}, "age": {"kind": "linear", "centre": 40, "scale": 10}}
    priors = {"intercept": normal(1.5), "histology_sd": half_normal(1), "age_effect": normal(1)}
    model = response_model(terms, priors, name=HOSTILE[1])
    return cp.fit(model, cp.read_cases(frame, book), seed=1, engine="lockstep", **FEW)


@pytest.fixture(scope="session")
def private_cases() -> pd.DataFrame:
    """A survival table that is not public: names for identifiers, free text, two levels with few patients."""
    n = 24
    frame = pd.DataFrame(
        {
            "patient": [f"Smith-{i:03d}" for i in range(n)],
            "time": [2.0 + i for i in range(n)],
            "event": [i % 2 == 0 for i in range(n)],
            "site": [HOSTILE[1]] * 2 + ["limb"] * (n - 2),
            "nickname": ["Jo", "Al"] * (n // 2),
            "remark": [f"seen by Dr Jones on day {i}" for i in range(n)],
        }
    )
    columns = {
        "time": Column("number", unit="months"),
        "event": Column("boolean"),
        "site": Column("category"),
        "remark": Column("text"),
    }
    return cp.read_cases(frame, Codebook(name="a clinic", public=False, columns=columns))


@pytest.fixture(scope="session")
def private_survival(private_cases: pd.DataFrame) -> xr.DataTree:
    priors = {"intercept": normal(1.5, -3), "site_sd": half_normal(1)}
    model = survival_model(priors, terms={"site": {"kind": "group"}})
    return cp.fit(model, private_cases, seed=1, **FEW)
