"""Estimate tables of response models: counts, targets, contrasts, refusals."""

import itertools

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import casepool as cp
from casepool.tables import COLUMNS, POSTERIOR_COLUMNS


def test_tables_have_the_one_layout(response_fit: xr.DataTree, survival_fit: xr.DataTree) -> None:
    for table in (
        cp.estimates(response_fit, "histology"),
        cp.contrast(response_fit, "histology"),
        cp.survival(survival_fit),
        cp.contrast(survival_fit, "surgery"),
    ):
        assert tuple(table.columns) == COLUMNS + POSTERIOR_COLUMNS


def test_counts_are_those_of_the_paper(response_fit: xr.DataTree) -> None:
    table = cp.estimates(response_fit, "histology").set_index("level")
    assert (table.loc["EIMT", ["n", "events"]] == [9, 9]).all()
    assert (table.loc["IMT", ["n", "events"]] == [15, 12]).all()
    assert (table.loc["STUMP", ["n", "events"]] == [0, 0]).all()
    assert table["n"].sum() == 30
    assert table["events"].sum() == 26


def test_the_patient_with_six_partners_counts_once_in_each_and_is_named(response_fit: xr.DataTree) -> None:
    table = cp.estimates(response_fit, "partner").set_index("level")
    assert table["n"].sum() == 30 + 5
    assert table.loc["HIP1", "n"] == 1
    assert table["note"].str.contains("rows do not add up").all()
    assert table["note"].str.contains("(14)", regex=False).all()


@pytest.mark.parametrize("target", ["observed", "standardised", "new"])
@pytest.mark.parametrize("by", ["histology", "partner", None])
def test_every_number_can_be_believed(response_fit: xr.DataTree, by: str | None, target: str) -> None:
    unasked = response_fit.copy()  # tests before may have asked it more than whether it converged
    unasked.attrs.pop("checks", None)
    table = cp.estimates(unasked, by, target=target)
    known = table[table["estimate"].notna()]
    assert ((known["lower"] < known["estimate"]) & (known["estimate"] < known["upper"])).all()
    assert ((known["lower"] > 0) & (known["upper"] < 1)).all()
    assert (known["ess"] >= 400).all()
    assert (known["verdict"] == "pass").all()
    assert set(table["interval"]) == {"95% CrI"}


def test_shrunk_rates_lie_between_the_raw_ones_and_everyones(response_fit: xr.DataTree) -> None:
    """The two large histologies: 9 of 9 comes down, 12 of 15 moves up, both towards the whole."""
    table = cp.estimates(response_fit, "histology").set_index("level")["estimate"]
    assert table["IMT"] < table["EIMT"] < 1
    assert table["IMT"] > 12 / 15


def test_a_level_without_patients_has_no_observed_rate_but_a_standardised_one(response_fit: xr.DataTree) -> None:
    observed = cp.estimates(response_fit, "histology").set_index("level").loc["STUMP"]
    assert np.isnan(observed["estimate"])
    assert "standardised" in observed["note"]
    assert (
        cp.estimates(response_fit, "histology", target="standardised").set_index("level").loc["STUMP", "estimate"] > 0
    )


def test_a_wider_interval_contains_a_narrower_one(response_fit: xr.DataTree) -> None:
    wide = cp.estimates(response_fit, "histology", ci_prob=0.95).dropna(subset="estimate")
    narrow = cp.estimates(response_fit, "histology", ci_prob=0.5).dropna(subset="estimate")
    assert ((wide["lower"] < narrow["lower"]) & (narrow["upper"] < wide["upper"])).all()
    assert set(narrow["interval"]) == {"50% CrI"}


def test_a_contrast_and_its_reverse_agree(age_fit: xr.DataTree) -> None:
    """Turning the bands round turns differences' signs and inverts ratios, to sampling error."""
    from dataclasses import replace

    model = cp.model("objective_response_by_age_group")
    flipped = cp.load("alk_crizotinib")
    flipped["age"] = 100 - flipped["age"]
    term = replace(model.terms["age"], cuts=(82.0000001,), labels=("18 and over", "under 18"), bounds=(-10.0, 100.0))
    flipped.attrs["codebook"]["columns"]["age"]["range"] = [-10, 110]
    other = cp.fit(replace(model, terms={"age": term}), flipped, seed=1, progress=False)
    a, b = cp.contrast(age_fit, "age"), cp.contrast(other, "age")
    assert a["level"][0] == "18 and over vs under 18"
    assert b["level"][0] == "under 18 vs 18 and over"
    a, b = a.set_index("estimand"), b.set_index("estimand")
    assert abs(a.loc["risk difference", "estimate"] + b.loc["risk difference", "estimate"]) < 0.05
    assert abs(np.log(a.loc["odds ratio", "estimate"] * b.loc["odds ratio", "estimate"])) < 0.4


def test_the_contrast_compares_the_later_level_with_the_earlier(response_fit: xr.DataTree) -> None:
    table = cp.contrast(response_fit, "histology", target="observed")
    levels = list(cp.estimates(response_fit, "histology").query("n > 0")["level"])
    assert list(dict.fromkeys(table["level"])) == [f"{a} vs {b}" for b, a in itertools.combinations(levels, 2)]
    differences = table[table["estimand"] == "risk difference"].set_index("level")["mean"]
    means = cp.estimates(response_fit, "histology").set_index("level")["mean"]
    assert differences["IMT vs EIMT"] == pytest.approx(means["IMT"] - means["EIMT"])


def test_age_does_not_tell_responders(age_fit: xr.DataTree) -> None:
    """What replaces the paper's chi-square: an odds ratio around 1 with the width 27 patients allow."""
    row = cp.contrast(age_fit, "age").set_index("estimand").loc["odds ratio"]
    assert row["lower"] < 1 < row["upper"]
    assert row["upper"] / row["lower"] > 10
    assert row["n"] == 27


def test_any_labelled_column_splits_the_observed(response_fit: xr.DataTree) -> None:
    table = cp.estimates(response_fit, "sex").set_index("level")
    assert table["n"].sum() == 28
    assert "2 patients without sex" in table.loc["F", "note"]
    with pytest.raises(cp.CasepoolError, match="no term of the model"):
        cp.estimates(response_fit, "sex", target="standardised")


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda f: cp.estimates(f, "histolgy"), "did you mean 'histology'"),
        (lambda f: cp.estimates(f, "age"), "is a number in this model"),
        (lambda f: cp.estimates(f, target="obsrved"), "choose one of observed"),
        (lambda f: cp.estimates(f, ci_prob=95), "between 0 and 1"),
        (cp.survival, "no survival model"),
        (lambda f: cp.contrast(f, "sex"), "no term of the model"),
        (lambda f: cp.estimates(xr.DataTree()), "no fit made by casepool"),
    ],
)
def test_refusals_name_the_remedy(response_fit: xr.DataTree, call, said: str) -> None:
    with pytest.raises(cp.CasepoolError, match=said):
        call(response_fit)


def test_compare_keeps_every_row_and_marks_differing_counts(response_fit: xr.DataTree) -> None:
    shrunk = cp.estimates(response_fit, "histology")
    other = shrunk.assign(source="raw", n=shrunk["n"] + (shrunk["level"] == "IMT"))
    both = cp.compare(shrunk, other)
    assert len(both) == 2 * len(shrunk)
    assert list(both["level"][:4]) == ["EIMT", "EIMT", "HS", "HS"]
    marked = both["note"].str.contains("n differs between sources: 15, 16")
    assert set(both["level"][marked]) == {"IMT"}
    with pytest.raises(cp.CasepoolError, match="no estimate table"):
        cp.compare(shrunk, pd.DataFrame({"x": [1]}))


@pytest.mark.parametrize(
    "ask",
    [
        lambda f: cp.estimates(f, "histology"),
        lambda f: cp.estimates(f, "partner", target="new"),
        lambda f: cp.contrast(f, "histology", target="observed"),
        lambda f: cp.ranking(f, "histology"),
        lambda f: cp.ledger(f, "histology"),
        lambda f: cp.predict(f, pd.DataFrame({"histology": ["IMT"], "partner": ["TPM3"], "age": [30]})),
    ],
)
def test_every_row_says_how_many_patients_each_choice_touches(response_fit: xr.DataTree, ask) -> None:
    cases = cp.load("alk_crizotinib")
    evaluable = cases["best_response"].notna()
    ageless, out = int(cases.loc[evaluable, "age"].isna().sum()), int((~evaluable).sum())
    note = ask(response_fit)["note"]
    assert note.str.contains(f"{ageless} patients without age (integrated over its distribution)", regex=False).all()
    assert note.str.contains(f"left out: {out} patients (no best_response)", regex=False).all()


@pytest.mark.parametrize("by", ["histology", "partner"])
def test_levels_beyond_raw_rate_and_unseen_level_are_listed_with_what_moved_them(
    response_fit: xr.DataTree, by: str
) -> None:
    table = cp.estimates(response_fit, by).dropna(subset="estimate")
    unseen = cp.estimates(response_fit, by, target="new").iloc[-1]["estimate"]
    raw = table["events"] / table["n"]
    beyond = np.maximum(raw.clip(upper=unseen) - table["estimate"], table["estimate"] - raw.clip(lower=unseen))
    listed = table["note"].str.contains("both its raw rate and an unseen level's")
    assert 0 < listed.sum() < len(table)
    assert listed[beyond > 0.006].all()
    assert not listed[beyond < 0.004].any()
    other = {"histology": "partner", "partner": "histology"}[by]
    assert table.loc[listed, "note"].str.contains(f"moved by (?:{other}|age)").all()
