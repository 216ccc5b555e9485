"""Competing causes: closed form under constant hazards, and what must hold in every draw."""

import numpy as np
import pandas as pd
import pytest

import casepool as cp
from tests.small import normal, survival_model

FEW = {"seed": 1, "draws": 200, "chains": 2, "progress": False}
CODES = {"levels": ["alive", "disease", "toxicity"]}
CAUSES = ("disease", "toxicity")
TABLE = pd.DataFrame(
    {
        "patient": list("abcdefgh"),
        "time": [3.0, 8.0, 12.0, 1.0, 2.0, 20.0, 5.0, 30.0],
        "end": ["disease", "disease", "alive", "toxicity", "alive", "disease", "toxicity", "alive"],
    }
)


def of(cause, family="exponential", **priors):
    outcome = {"event": "end", "event_levels": [cause], **CODES}
    return survival_model({"intercept": normal(1.5, -3.0), **priors}, family, outcome=outcome)


@pytest.fixture(scope="module")
def fits():
    return [cp.fit(of(cause), TABLE, **FEW) for cause in CAUSES]


def test_constant_hazards_have_their_closed_form(fits) -> None:
    table = cp.cumulative_incidence(fits, at=[6.0, 24.0])
    rates = [np.exp(fit["posterior"]["intercept"].to_numpy()) for fit in fits]
    for t in (6.0, 24.0):
        rows = table[table["at"] == t].set_index("level")["mean"]
        for cause, rate in zip(CAUSES, rates, strict=True):
            expected = rate / sum(rates) * -np.expm1(-t * sum(rates))
            assert rows[cause] == pytest.approx(expected.mean(), abs=1e-10)
        assert rows.sum() == pytest.approx(1.0, abs=1e-12)


def test_each_is_below_what_its_model_says_alone(fits) -> None:
    table = cp.cumulative_incidence(fits, at=[12.0]).set_index("level")
    for cause, fit in zip(CAUSES, fits, strict=True):
        alone = 1 - cp.survival(fit, at=[12.0])["mean"].iloc[0]
        assert table.loc[cause, "mean"] < alone
    assert table.loc["none", "events"] == 5


def test_fits_that_do_not_belong_together_are_refused(fits) -> None:
    with pytest.raises(cp.CasepoolError, match="no competitor"):
        cp.cumulative_incidence(fits[:1])
    with pytest.raises(cp.CasepoolError, match="belongs to two causes"):
        cp.cumulative_incidence([fits[0], fits[0]])
    other = cp.fit(of("toxicity"), TABLE.iloc[1:], **FEW)
    with pytest.raises(cp.CasepoolError, match="same patients"):
        cp.cumulative_incidence([fits[0], other])


def test_under_strategies_patients_and_events_are_those_of_the_arm() -> None:
    surgery = pd.Series([True, False, True, False, True, False, False, True])
    cases = TABLE.assign(surgery=surgery, start=TABLE["time"].where(surgery) / 2)
    exposed = {"surgery": {"column": "surgery", "start": "start", "dating": "uniform"}}
    priors = {"intercept": normal(1.5, -3.0), "surgery_effect": normal(1.0)}
    outcome = {"event": "end", "event_levels": ["disease"], **CODES}
    lead = survival_model(priors, exposure=exposed, outcome=outcome)
    fits = [cp.fit(model, cases, **FEW) for model in (lead, of("toxicity"))]
    table = cp.cumulative_incidence(fits, at=[6.0])
    ends = cases["end"].groupby(surgery).value_counts()
    for arm, inside in (("without surgery", False), ("with surgery", True)):
        rows = table[table["estimand"].str.contains(arm)].set_index("level")
        assert (rows["n"] == (surgery == inside).sum()).all()
        for cause in CAUSES:
            assert rows.loc[cause, "events"] == ends.get((inside, cause), 0)
        assert rows.loc["none", "events"] == sum(ends.get((inside, cause), 0) for cause in CAUSES)
