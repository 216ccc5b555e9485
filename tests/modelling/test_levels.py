"""What a model file says of single levels must be about levels there are."""

import pandas as pd
import pytest

import casepool as cp
from casepool.cases import Codebook, Column
from casepool.cases.tables import typed
from casepool.modelling import Model, make_design
from tests.small import half_normal, normal, response_model

COUNTS = {"events": [1, 2, 0], "n": [3, 4, 2]}
KNOWN = Column("category", levels=("EIMT", "IMT", "PSC"))


def named(level: str, *, own: bool) -> Model:
    """A model that says something of one level: its own prior, or how probably it is exchangeable."""
    histology = {"kind": "group", "borrowing": "exnex"} | ({} if own else {"exchangeable": {level: 0.5, "other": 0.9}})
    of_levels = normal(1.0) | ({level: normal(2.0)} if own else {})
    priors = {"intercept": normal(1.5), "histology_sd": half_normal(1.0), "histology_own": of_levels}
    return response_model({"histology": histology}, priors)


@pytest.mark.parametrize("own", [True, False])
def test_a_level_nobody_has_is_refused_unless_the_codebook_declares_it(own: bool) -> None:
    raw = pd.DataFrame({"histology": ["IMT", "EIMT", "IMT"], **COUNTS})
    declared = typed(raw, Codebook(columns={"histology": KNOWN, "events": Column("integer"), "n": Column("integer")}))
    assert make_design(named("IMT", own=own), typed(raw)).terms
    assert make_design(named("PSC", own=own), declared).terms
    for level, cases in (("PSC", typed(raw)), ("Nolevel", declared), ("imt", declared)):
        with pytest.raises(cp.CasepoolError, match=rf"{level}.*no such level; it has E?IMT"):
            make_design(named(level, own=own), cases)


def test_values_are_shown_as_python_writes_them() -> None:
    values = pd.Series([200, 3])
    error = cp.CasepoolError("too large", value=values.max(), remedy="correct it")
    assert "(value 200)" in str(error)
    assert "(value (200, [3]))" in str(cp.CasepoolError("no", value=(values[0], values[1:].to_numpy()), remedy="-"))
