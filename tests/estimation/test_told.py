"""How much the data tell of an answer: the rule, against quadrature and against what it must do."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import special, stats

import casepool as cp
from casepool.estimation.told import DECIDE, PRIOR, TOGETHER, UNKNOWABLE, word_of
from tests.small import counts, half_normal, normal, response_model

TERMS = {"group": {"kind": "group", "borrowing": "partial"}}
PRIORS = {"intercept": normal(1.5), "group_sd": half_normal(1.0)}
TABLE = counts([3, 6, 0, 7], [8, 12, 10, 30], group=["a", "b", "c", "d"])


def fitted(model: cp.Model, table: pd.DataFrame, engine: str = "exact") -> xr.DataTree:
    return cp.fit(model, table, seed=1, engine=engine, progress=False)


@pytest.fixture(scope="module")
def borrowing() -> xr.DataTree:
    return fitted(response_model(TERMS, PRIORS), TABLE)


@pytest.mark.parametrize(("events", "n"), [(0, 1), (3, 8), (60, 100)])
def test_what_is_learnt_of_a_probability_is_what_quadrature_says(events: int, n: int) -> None:
    fit = fitted(response_model({}, {"intercept": normal(1.5)}), counts([events], [n], group=["a"]), "lockstep")
    x = np.linspace(-12, 12, 20_001)
    cdf = np.cumsum(stats.norm.pdf(x, 0, 1.5) * stats.binom.pmf(events, n, special.expit(x)))
    low, high = np.interp([0.025, 0.975], cdf / cdf[-1], x)
    learnt = 1 - (high - low) / (2 * stats.norm.ppf(0.975) * 1.5)
    assert cp.estimates(fit)["learnt"].iloc[0] == pytest.approx(learnt, abs=0.06)


def test_of_a_borrowing_level_no_more_is_learnt_than_its_own_share(borrowing: xr.DataTree) -> None:
    shares = cp.ledger(borrowing, "group").set_index("level")["share_own"]
    for target in ("observed", "new"):
        table = cp.estimates(borrowing, "group", target=target).set_index("level")
        assert (table["learnt"] <= shares.reindex(table.index).fillna(0.0) + 1e-12).all()
    assert table.loc["(unseen level)", "told"] == PRIOR


def test_more_patients_tell_more() -> None:
    learnt = [
        cp.estimates(fitted(response_model(TERMS, PRIORS), TABLE.assign(n=k * TABLE["n"], events=k * TABLE["events"])))
        for k in (1, 4, 16)
    ]
    values = [float(table["learnt"].iloc[0]) for table in learnt]
    assert values == sorted(values)


def test_words_follow_the_number_by_thirds() -> None:
    assert [word_of(x) for x in (1, 0.67, 0.66, 0.34, 0.33, 0)] == [DECIDE, DECIDE, TOGETHER, TOGETHER, PRIOR, PRIOR]
    assert word_of(float("nan")) == ""


def test_a_comparison_with_an_arm_of_no_or_only_events_cannot_be_known(borrowing: xr.DataTree) -> None:
    told = cp.contrast(borrowing, "group").query("kind != 'probability'").groupby("level")["told"].agg(set)
    for level, words in told.items():
        assert (words == {UNKNOWABLE}) == ("c" in str(level).split(" vs ")), level


def test_an_exposure_without_events_or_without_dates_cannot_be_known(
    survival_fit: xr.DataTree, baseline_fit: xr.DataTree
) -> None:
    for fit in (survival_fit, baseline_fit):
        assert set(cp.contrast(fit, "surgery")["told"]) == {UNKNOWABLE}
    apart = cp.survival(survival_fit)
    assert set(apart.loc[apart["kind"] == "difference", "told"]) == {UNKNOWABLE}
    values = apart[apart["kind"] == "value"]
    assert set(values.loc[values["events"] == 0, "told"]) == {UNKNOWABLE}  # the arm whose events are missing
    assert UNKNOWABLE not in set(values.loc[values["events"] > 0, "told"])
    assert set(cp.survival(baseline_fit)["told"]) == {UNKNOWABLE}


def test_survival_is_measured_on_the_scale_of_the_log_cumulative_hazard(survival_fit: xr.DataTree) -> None:
    """So S and the hazard's own scale agree: what is learnt does not near 1 because the prior's S nears 0."""
    rows = cp.survival(survival_fit).query("kind == 'value' and unit == 'probability'")
    assert rows["learnt"].between(0.2, 0.9).all()


def test_nothing_is_asked_of_a_refit(survival_fit: xr.DataTree) -> None:
    refits = cp.exposure_sensitivity(survival_fit, progress=False)
    refitted = refits[refits["method"] == "posterior"]
    assert set(refitted["told"]) <= {"", UNKNOWABLE}


def test_information_has_no_verdict_and_changes_none(borrowing: xr.DataTree) -> None:
    checks = cp.check(borrowing, progress=False)
    about = checks["about"] == "information"
    assert set(checks.loc[about, "verdict"]) == {""}
    assert (checks.loc[about, "told"] != "").all()
    assert set(checks.loc[~about, "told"]) == {""}


def test_nothing_passes_that_only_the_prior_tells_apart(response_fit: xr.DataTree) -> None:
    table = cp.aliasing(response_fit)
    assert "pass" not in set(table.loc[~table["separated"], "verdict"])


def test_levels_that_are_taken_as_one_are_told_of_as_everyone_is() -> None:
    pooled = fitted(
        response_model({"group": TERMS["group"] | {"borrowing": "complete"}}, {"intercept": normal(1.5)}), TABLE
    )
    assert set(cp.estimates(pooled, "group")["told"]) == set(cp.estimates(pooled)["told"])


def test_of_a_factor_that_is_there_to_be_compared_the_difference_is_the_main_answer(age_fit: xr.DataTree) -> None:
    told = cp.check(age_fit, progress=False).set_index("question").loc["what the data tell"]
    assert told["value"] == cp.contrast(age_fit, "age")["learnt"].iloc[0]
    assert "risk difference" in told["sentence"]


# What the prior alone says, beside every number

BOTH = ["lower", "upper", "prior_lower", "prior_upper"]


def test_the_prior_beside_a_probability_is_what_its_quantiles_say() -> None:
    """Of a normal intercept alone the probability's prior quantiles are the logistic images of the normal's."""
    fit = fitted(response_model({}, {"intercept": normal(1.5, mu=0.5)}), counts([3], [8], group=["a"]), "lockstep")
    for width in (0.95, 0.5):
        row = cp.estimates(fit, ci_prob=width).iloc[0]
        wanted = special.expit(stats.norm.ppf([0.5, 0.5 - width / 2, 0.5 + width / 2], 0.5, 1.5))
        told = row[["prior_estimate", "prior_lower", "prior_upper"]].to_numpy(float)
        assert told == pytest.approx(wanted, abs=0.03)


def test_every_interval_has_its_priors_and_what_is_learnt_follows_from_the_two(age_fit: xr.DataTree) -> None:
    table = cp.contrast(age_fit, "age")
    rows = table[table["kind"].isin(["difference", "ratio"])]
    assert (rows["prior_lower"] < rows["prior_estimate"]).all()
    assert (rows["prior_estimate"] < rows["prior_upper"]).all()
    ratio = (rows["kind"] == "ratio").to_numpy()
    scale = {name: np.log(rows[name].to_numpy(), where=ratio, out=rows[name].to_numpy().copy()) for name in BOTH}
    widths = scale["upper"] - scale["lower"], scale["prior_upper"] - scale["prior_lower"]
    assert 1 - widths[0] / widths[1] == pytest.approx(rows["learnt"].to_numpy())
    chance = table[table["kind"] == "probability"]["prior_estimate"]
    assert chance.between(0.45, 0.55).all()  # before the data neither age group is favoured


def test_the_prior_does_not_know_the_outcomes(borrowing: xr.DataTree) -> None:
    other = fitted(response_model(TERMS, PRIORS), TABLE.assign(events=[8, 0, 10, 0]))
    priors = [
        cp.estimates(fit, "group")[["prior_estimate", "prior_lower", "prior_upper"]] for fit in (borrowing, other)
    ]
    pd.testing.assert_frame_equal(*priors)


def test_a_survival_time_has_its_prior_too(survival_fit: xr.DataTree) -> None:
    rows = cp.survival(survival_fit).query("kind == 'value'")
    assert (rows["prior_lower"] <= rows["prior_estimate"]).all()
    assert rows["prior_upper"].notna().all()
