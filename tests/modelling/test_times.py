"""Times at which survival is told: round numbers that follow-up reaches, unless somebody says others."""

import pandas as pd
import pytest

import casepool as cp
from casepool.cases.codebook import codebook_from_dict
from casepool.cases.units import DAYS
from casepool.modelling.design.times import round_times
from tests.small import normal, survival_model

SHORT = {"time": [4.0, 9.0, 20.0, 35.0, 33.0], "event": [True, True, False, False, True]}
WEEKS = survival_model({"intercept": normal(1.0, -3.0)}, unit="weeks")


@pytest.mark.parametrize("unit", DAYS)
@pytest.mark.parametrize("last", [0.001, 0.4, 3.0, 35.0, 55.2, 300.0, 5000.0])
def test_follow_up_reaches_all_of_them_and_less_than_three_times_the_last(unit: str, last: float) -> None:
    times = round_times(last, unit)
    assert times[0] == pytest.approx(times[1] - times[0]) == pytest.approx(times[2] - times[1])
    assert last / 3.01 < times[2] <= last
    assert [float(f"{time:g}") for time in times] == times


@pytest.mark.parametrize(("last", "unit", "times"), [(40.0, "months", [12, 24, 36]), (35.0, "weeks", [8, 16, 24])])
def test_they_are_what_a_reader_would_choose(last: float, unit: str, times: list[float]) -> None:
    assert round_times(last, unit) == times


def test_every_table_tells_survival_at_the_codebooks_times_or_at_those_asked_for() -> None:
    cases = pd.DataFrame(SHORT)
    columns = {"time": {"type": "number", "unit": "weeks"}, "event": {"type": "boolean"}}
    cases.attrs["codebook"] = codebook_from_dict({"at": [10, 5], "columns": columns}).to_dict()
    fit = cp.fit(WEEKS, cases, seed=1, engine="lockstep", progress=False)
    asked = {
        "classical": (cp.classical(WEEKS, cases), cp.classical(WEEKS, cases, at=[3.0])),
        "survival": (cp.survival(fit), cp.survival(fit, at=[3.0])),
        "estimates": (cp.estimates(fit), cp.estimates(fit, at=[3.0])),
        "compared": tuple(cp.compare_models([fit, fit], at=at, refits=False, progress=False) for at in (None, [3.0])),
    }
    for tables in asked.values():
        for table, times in zip(tables, ([5.0, 10.0], [3.0]), strict=True):
            at = table["at"][table["estimand"].str.startswith("survival at")]
            assert sorted(set(at)) == times


def test_times_are_refused_where_no_survival_is_told_and_where_they_are_none(response_fit) -> None:
    for ask in (cp.estimates, cp.report):
        with pytest.raises(cp.CasepoolError, match="only survival models have times"):
            ask(response_fit, at=[12.0])
    with pytest.raises(cp.CasepoolError, match=r"column 'at': must be a list of times from 0 \(value \[-1\]\)"):
        codebook_from_dict({"at": [-1]})
