"""Numbers of tables beside the cases: known answers of the bundled one, and what holds whatever the fit."""

from dataclasses import replace

import numpy as np
import pytest

import casepool as cp
from casepool.cases import codebook_of
from casepool.cases.tables import typed_by
from casepool.errors import CasepoolError
from casepool.estimation.draws import open_draws
from casepool.estimation.sequences import persons_chances

NEAR = 0.1
"""Posterior standard deviations by which a mean may miss its reference; twice that for a limit."""


def fitted(name, **reporting):
    model = cp.model(name)
    model = model.with_prior("reporting", why="convention", **reporting) if reporting else model
    return cp.fit(model, "alk_crizotinib", seed=3, progress=False)


def near(row, mean, sd, lower, upper):
    assert row["mean"] == pytest.approx(mean, abs=NEAR * sd)
    assert [row["lower"], row["upper"]] == pytest.approx([lower, upper], abs=2 * NEAR * sd + 0.005)


def test_types_have_the_known_probabilities():
    rows = cp.estimates(fitted("adverse_events_by_type"), by="type", target="new").set_index("level")
    near(rows.loc["ALT/AST elevation"], 0.028, 0.021, 0.007, 0.087)
    near(rows.loc["(unseen level)"], 0.019, 0.016, 0.0025, 0.054)


@pytest.mark.parametrize(("r", "known"), [(1.0, (0.400, 0.082, 0.246, 0.564)), (0.5, (0.610, 0.113, 0.388, 0.821))])
def test_any_event_has_the_known_probability(r, known):
    near(cp.estimates(fitted("adverse_events_any", dist="Fixed", value=r)).iloc[0], *known)


def test_what_the_table_says_of_reporting():
    r = fitted("adverse_events_any", dist="Beta", alpha=1.0, beta=1.0)["posterior"]["reporting"]
    assert float(r.mean()) == pytest.approx(0.82, abs=0.02)
    assert float(r.std()) == pytest.approx(0.13, abs=0.02)


def test_lines_have_the_known_responses(lines_fit):
    rows = cp.sequence(lines_fit, "Ceritinib", "Alectinib").set_index("level")
    near(rows.loc["Ceritinib"], 0.701, 0.138, 0.41, 0.94)
    near(rows.loc["Alectinib"], 0.548, 0.164, 0.21, 0.83)
    assert rows.loc["Ceritinib vs Alectinib", "estimate"] == pytest.approx(0.79, abs=0.02)
    assert rows.loc["Ceritinib", ["n", "events"]].tolist() == [6, 5]


def test_either_has_no_order_and_failure_lowers_what_follows(lines_fit):
    one, other = (cp.sequence(lines_fit, *pair) for pair in (("Ceritinib", "Alectinib"), ("Alectinib", "Ceritinib")))
    columns = ["estimate", "lower", "upper"]
    np.testing.assert_allclose(one[columns].iloc[3].astype(float), other[columns].iloc[3].astype(float), atol=1e-12)
    assert one["mean"].iloc[2] < one["mean"].iloc[1]


@pytest.mark.parametrize(("sigma", "same"), [(0.0, True), (1.5, False)])
def test_failure_tells_of_a_person_only_where_persons_differ(lines_fit, sigma, same):
    own = open_draws(lines_fit)
    alike = replace(own, parameters={**own.parameters, "person_sd": np.full(own.shape, sigma)})
    weights, chances = persons_chances(alike, "therapy", "person")
    p, q = chances[..., 0, :], chances[..., 2, :]
    after, alone = ((1 - p) * q) @ weights / ((1 - p) @ weights), q @ weights
    assert (after <= alone + 1e-12).all()
    assert np.allclose(after, alone, atol=1e-12) is same


def test_any_event_of_types_that_nobody_binds_together_is_the_product():
    cases = cp.load("alk_crizotinib")
    book = codebook_of(cases)
    rows = book.linked["adverse_events"]
    few = [i for i, event in enumerate(rows.columns["event"]) if event in ("Nausea", "Neutropenia", "Fatigue")]
    columns = {name: tuple(cells[i] for i in few) for name, cells in rows.columns.items()}
    book = replace(book, linked={"adverse_events": replace(rows, columns=columns, lines=tuple(few))})
    model = cp.model("adverse_events_by_patient_and_type").with_prior(
        "person_sd", "Fixed", value=1e-6, why="convention"
    )
    fit = cp.fit(model, typed_by(cases, book)[0], seed=3, draws=250, progress=False)
    eta = fit["posterior"]["intercept"] + fit["posterior"]["type_effect"]
    product = 1 - (1 / (1 + np.exp(eta))).prod("type")
    assert cp.any_event(fit)["mean"].iloc[0] == pytest.approx(float(product.mean()), abs=1e-6)


def test_a_rate_lies_between_its_bounds_at_any_denominator():
    for where in (None, {"grade_high": [3, 4]}, {"grade_high": [5]}, {"action": ["stopped"]}):
        rows = cp.adverse_events("alk_crizotinib", where=where)
        raw, bounds = rows[rows["kind"] != "bound"], rows[rows["kind"] == "bound"]["estimate"]
        assert raw["n"].tolist() == [33, 17, 13]
        assert bounds.is_monotonic_increasing
        assert raw["estimate"].between(bounds.min(), bounds.max()).all()
    whole = cp.adverse_events("alk_crizotinib")
    assert whole["estimate"].iloc[3:5].tolist() == pytest.approx([13 / 33, 29 / 33])


def test_what_is_no_fit_of_lines_is_refused(lines_fit):
    for ask in (
        lambda: cp.sequence(lines_fit, "Ceritinib", "Aspirin"),
        lambda: cp.sequence(lines_fit, "Ceritinib", "Ceritinib"),
        lambda: cp.any_event(lines_fit),
        lambda: cp.adverse_events("sarcoma_imatinib"),
    ):
        with pytest.raises(CasepoolError):
            ask()


def test_rates_over_the_time_on_the_drug():
    """Against quadrature over the log rate: no code of the engines or of estimates."""
    model, cases = cp.model("adverse_events_any"), cp.load("alk_crizotinib")
    model = replace(model, outcome=replace(model.outcome, time="months_on", where={"grade_high": [3, 4, 5]}))
    model = model.with_prior("intercept", "Normal", mu=-3.0, sigma=1.5, why="convention")
    model = model.with_prior("reporting", "Fixed", value=1.0, why="convention")
    fit = cp.fit(model, cp.recode(cases), seed=3, progress=False)
    known = cases.set_index(cases["patient"].astype(str))["months_on"].astype(float).dropna()
    sure = ["3", "14", "16", "24", "29", "6", "15"]
    eta = np.linspace(-9, 0, 4001)
    expected = np.exp(eta)[:, None] * known.to_numpy()
    p = -np.expm1(-expected)
    had, maybe = known.index.isin(sure), known.index.isin(["19", "20", "21", "22", "23"])
    likelihood = np.prod(np.where(had, p, 1 - p), axis=1) * np.expm1(expected)[:, maybe].mean(axis=1)
    weight = likelihood * np.exp(-0.5 * ((eta + 3) / 1.5) ** 2)
    weight /= weight.sum()
    rows = cp.estimates(fit, at=[6.0])
    for row, values in zip(rows.to_dict("records"), (np.exp(eta), -np.expm1(-6 * np.exp(eta))), strict=True):
        mean = weight @ values
        assert row["mean"] == pytest.approx(mean, abs=NEAR * np.sqrt(weight @ (values - mean) ** 2))
    assert rows["unit"].tolist() == ["per month", "probability"]
    assert rows[["n", "events"]].iloc[0].tolist() == [29, 8]
    with pytest.raises(CasepoolError, match="above 0"):
        cp.estimates(fit, at=[0.0])


def test_lines_for_resistance_lower_alectinib():
    cases = cp.recode(cp.load("alk_crizotinib"), lines="for_resistance")
    rows = cp.sequence(cp.fit("next_inhibitor", cases, seed=3, progress=False), "Ceritinib", "Alectinib")
    assert rows.set_index("level").loc["Alectinib", "mean"] == pytest.approx(0.35, abs=0.02)


def test_rows_that_share_a_likelihood_are_not_left_out():
    fit = fitted("adverse_events_any", dist="Fixed", value=0.5)
    assert cp.check(fit).set_index("question").loc["single patients", "verdict"] == "not asked"
    for ask in (lambda: cp.leave_out(fit, "reference", progress=False), lambda: cp.compare_models([fit, fit])):
        with pytest.raises(CasepoolError, match="share one likelihood"):
            ask()


def test_types_of_a_full_list_are_not_truncated():
    """Forgetting that the list is of types seen about doubles the rates; types of one patient bound by nothing."""
    cases = cp.load("alk_crizotinib")
    book = codebook_of(cases)
    table = book.tables["adverse_events"]
    types = tuple(sorted(set(book.linked["adverse_events"].columns["event"])))
    book = replace(book, tables={**book.tables, "adverse_events": replace(table, types=types)})
    fit = cp.fit("adverse_events_by_type", typed_by(cases, book)[0], seed=3, progress=False)
    rows = cp.estimates(fit, by="type", target="new").set_index("level")["mean"]
    assert rows["ALT/AST elevation"] == pytest.approx(0.043, abs=0.002)
    assert rows["(unseen level)"] == pytest.approx(0.040, abs=0.003)
    eta = fit["posterior"]["intercept"] + fit["posterior"]["type_effect"]
    assert float(1 - (1 / (1 + np.exp(eta))).prod("type").mean()) == pytest.approx(0.601, abs=0.01)
