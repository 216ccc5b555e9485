"""What a page says of a table is true of that table: how many cases there were, and how they came into it."""

import pandas as pd
import pytest

import casepool as cp
from tests.small import counts, normal, response_model, survival_model

COUNTS = counts([10, 3, 40], [20, 4, 60], trial=["A", "B", "C"])


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> str:
    """The page of a table of counts that names no publications."""
    model = response_model({}, {"intercept": normal(1.5)})
    fit = cp.fit(model, COUNTS, seed=1, engine="lockstep", progress=False)
    return cp.report(fit, tmp_path_factory.mktemp("page") / "page.html", progress=False).read_text(encoding="utf-8")


def test_patients_are_counted_not_rows(page: str) -> None:
    assert "84 patients in the table" in page


def test_publication_is_spoken_of_only_where_the_codebook_names_it(page: str) -> None:
    assert "written up" not in page
    assert "collected cases" not in page


def test_responses_and_times_are_told_in_the_outcomes_own_words() -> None:
    cases = pd.DataFrame({"patient": list("abcd"), "ned": ["no", "free", "free", "no"], "arm": list("xxyy")})
    outcome = {"column": "ned", "levels": ["no", "free"], "success": ["free"], "events": "", "n": ""}
    terms, priors = {"arm": {"kind": "category"}}, {"intercept": normal(1.5), "arm_effect": normal(1.0)}
    fit = cp.fit(response_model(terms, priors, **outcome), cases, seed=1, engine="lockstep", progress=False)
    assert "P(y reaches free more often than x)" in set(cp.contrast(fit, "arm")["estimand"])
    words = {"what": "stopping", "free": "on the drug"}
    model = survival_model({"intercept": normal(1.0, -3.0)}, outcome=words)
    times = pd.DataFrame({"time": [3.0, 9.0, 40.0], "event": [True, True, False]})
    fit = cp.fit(model, times, seed=1, engine="lockstep", progress=False)
    told = " ".join(cp.survival(fit)["estimand"])
    assert "survival" not in told
    for said in ("share on the drug at 12 months", "median time to stopping", "mean time on the drug to 36 months"):
        assert said in told
