"""One answer under other priors, datings and codings: each is the fit one would make oneself, all else as it was."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import casepool as cp
from casepool.cases import Codebook, Column
from casepool.modelling.families.priors import Prior
from casepool.studies.exposure import exposure_variants
from casepool.studies.variants import widened
from tests.small import normal, response_model

FEW = {"draws": 200, "chains": 2, "progress": False}
VARIED = ["varied", "width", "dating", "decision", "choice"]


@pytest.fixture(scope="module")
def survival() -> xr.DataTree:
    return cp.fit("overall_survival", "alk_crizotinib", seed=1, **FEW)


@pytest.fixture(scope="module")
def ratios(survival: xr.DataTree) -> pd.DataFrame:
    chosen = {"surgery": ["as_recorded", "any_text"], "age_cut_off": ["at_15"]}
    table = cp.variants(survival, "surgery", codings=chosen, progress=False)
    return table[table["estimand"] == "hazard ratio"].reset_index(drop=True)


def test_one_thing_is_changed_at_a_time_and_the_fits_own_answer_is_first(
    ratios: pd.DataFrame, survival: xr.DataTree
) -> None:
    own = cp.contrast(survival, "surgery").iloc[0]
    assert ratios.loc[0, ["estimate", "lower", "upper"]].tolist() == own[["estimate", "lower", "upper"]].tolist()
    wanted = [
        ["", 1.0, "intensity", "", ""],
        *(["prior", width, "intensity", "", ""] for width in (0.5, 2.0)),
        *(["dating", 1.0, dating, "", ""] for dating in ("uniform", "early", "late")),
        ["coding", 1.0, "intensity", "surgery", "any_text"],  # the age group is not read, so no choice of it is there
    ]
    assert ratios[VARIED].to_numpy().tolist() == wanted
    assert ratios["prior"].nunique() == 3
    assert ratios["coding"].tolist() == ["as recorded"] * 6 + ["surgery any_text"]


def test_what_other_studies_answer_is_answered_alike(ratios: pd.DataFrame) -> None:
    """The same prior by a variant of `exposure_sensitivity`, the same coding by `multiverse`."""
    wide = exposure_variants(cp.model("overall_survival"))[2]
    alone = cp.contrast(cp.fit(wide, "alk_crizotinib", seed=1, **FEW), "surgery").iloc[0]
    assert ratios.loc[2, ["estimate", "prior"]].tolist() == alone[["estimate", "prior"]].tolist()
    asked = {"by": "surgery", "seed": 1, "codings": {"surgery": ["any_text"]}}
    worlds = cp.multiverse("overall_survival", "alk_crizotinib", **asked, **FEW)
    worlds = worlds[worlds["estimand"] == "hazard ratio"]["estimate"].tolist()
    assert ratios.loc[[0, 6], "estimate"].tolist() == worlds


def test_curves_of_every_dating_are_told_at_the_same_times(survival: xr.DataTree) -> None:
    at = [6.0, 12.0, 24.0]
    table = cp.variants(
        survival,
        "surgery",
        estimand="survival",
        widths=[],
        datings=["early", "late"],
        codings={},
        at=at,
        progress=False,
    )
    alive = table[(table["kind"] == "value") & (table["unit"] == "probability")]
    for _, curve in alive.groupby(["dating", "level"]):
        assert curve["at"].tolist() == at
        assert curve["estimate"].is_monotonic_decreasing
    early, late = (alive[alive["dating"] == dating]["estimate"].to_numpy() for dating in ("early", "late"))
    assert not np.allclose(early, late)


def response() -> tuple[cp.Model, pd.DataFrame]:
    book = Codebook(columns={"response": Column("ordered", levels=("no", "yes"))})
    frame = pd.DataFrame({"patient": range(12), "response": ["yes"] * 4 + ["no"] * 5 + [None] * 3})
    return response_model({}, {"intercept": normal(1.5)}), cp.read_cases(frame, book)


def test_patients_without_an_outcome_count_as_failures_or_successes() -> None:
    model, cases = response()
    table = cp.variants(cp.fit(model, cases, seed=1, **FEW), estimand="estimates", widths=[], progress=False)
    assert table[["n", "events"]].to_numpy().tolist() == [[9, 4], [12, 4], [12, 7]]
    own, failed, succeeded = table["estimate"]
    assert failed < own < succeeded
    alone = cp.fit(model, cases.assign(response=cases["response"].fillna("no")), seed=1, **FEW)
    assert cp.estimates(alone)["estimate"].tolist() == [failed]


def test_a_journal_keeps_what_is_finished(tmp_path) -> None:
    model, cases = response()
    fit = cp.fit(model, cases, seed=1, **FEW)
    asked = {"estimand": "estimates", "journal": tmp_path / "journal.jsonl", "progress": False}
    first = cp.variants(fit, **asked)
    size = asked["journal"].stat().st_size
    pd.testing.assert_frame_equal(cp.variants(fit, **asked), first)
    assert asked["journal"].stat().st_size == size


@pytest.mark.parametrize("times", [0.5, 3.0])
def test_a_wider_prior_is_that_many_times_as_wide_about_its_place(times: float) -> None:
    for prior in (
        Prior("Normal", {"mu": 1.0, "sigma": 1.5}),
        Prior("StudentT", {"nu": 4.0, "mu": 1.0, "sigma": 1.5}),
        Prior("HalfNormal", {"sigma": 0.7}),
        Prior("HalfStudentT", {"nu": 3.0, "sigma": 0.7}),
        Prior("Exponential", {"lam": 2.0}),
    ):
        wide = widened(prior, times)
        place = prior.parameters.get("mu", 0.0)
        q = np.array([0.1, 0.5, 0.9])
        assert wide.quantile(q) - place == pytest.approx(times * (prior.quantile(q) - place))
    for dist, numbers in (("Gamma", (2.0, 0.5)), ("InverseGamma", (2.5, 0.5)), ("GammaPrecision", (1.5, 0.5))):
        prior = Prior(dist, dict(zip(("alpha", "beta"), numbers, strict=True)))
        wide = widened(prior, times, scale=True)
        assert wide.quantile(q) == pytest.approx(times * prior.quantile(q))
    even = Prior("Uniform", {"lower": 1.0, "upper": 4.0})
    assert widened(even, times).quantile(q) - 2.5 == pytest.approx(times * (even.quantile(q) - 2.5))
    assert widened(even, times, scale=True).quantile(q) == pytest.approx(times * even.quantile(q))
    assert widened(Prior("Beta", {"alpha": 1.0, "beta": 1.0}), times) is None


def test_codings_of_a_table_that_is_passed_must_be_of_the_fit(survival: xr.DataTree) -> None:
    with pytest.raises(cp.CasepoolError, match="not the rows the fit was made from"):
        cp.variants(survival, "surgery", cases=cp.load("alk_crizotinib").iloc[1:], progress=False)
    for codings, said in (({"surgry": ["any_text"]}, "no such decision"), ({"surgery": ["never"]}, "no such choice")):
        with pytest.raises(cp.CasepoolError, match=said):
            cp.variants(survival, "surgery", codings=codings, progress=False)
    for wrong in ({"widths": [0.0]}, {"widths": ["a"]}, {"datings": ["often"]}, {"datings": "early"}, {"codings": []}):
        with pytest.raises(cp.CasepoolError):
            cp.variants(survival, "surgery", **wrong, progress=False)
