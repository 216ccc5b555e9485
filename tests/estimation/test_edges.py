"""Tables at the edge of sense, under every way of borrowing: finite answers, right by quadrature, a clean verdict."""

import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import casepool as cp
from casepool.cases.tables import typed
from casepool.estimation.targets import _combinations_seen
from casepool.modelling import make_design, model_from_dict
from casepool.modelling.design.grouping import membership
from casepool.remarks import note_of
from tests.oracles import binomial_means, ordinal_means
from tests.small import counts, half_normal, normal, response_model

WAYS = ("none", "complete", "partial", "robust", "exnex")
GROUPS = list("abcd")
TABLES = {
    "nobody": ([0, 0, 0, 0], [3, 8, 1, 20]),
    "everybody": ([3, 8, 1, 20], [3, 8, 1, 20]),
    "sizes 0 and 1": ([0, 1, 0, 1], [0, 1, 1, 1]),
    "apart": ([0, 12, 5, 9], [12, 12, 10, 10]),
}
INTERCEPT, SD, OWN = (-0.5, 1.5), 1.0, (0.3, 2.0)


def priors(borrowing: str, zero: str, centre: tuple[float, float]) -> dict:
    found = {zero: normal(centre[1], mu=centre[0])} if borrowing != "none" else {}
    if borrowing in ("partial", "robust", "exnex"):
        found["group_sd"] = half_normal(SD)
    if borrowing in ("none", "exnex"):
        found["group_own"] = normal(OWN[1], mu=OWN[0])
    return found


def model(borrowing: str):
    term = {"group": {"kind": "group", "borrowing": borrowing}}
    return response_model(term, priors(borrowing, "intercept", INTERCEPT))


def agrees(table, exact: np.ndarray) -> None:
    """Means within sampling error; the median inside limits that are probabilities; nothing left open."""
    error = table["sd"] / np.sqrt(table["ess"])
    assert ((table["mean"] - exact).abs() < 4.5 * error).all()
    assert ((table["lower"] > 0) & (table["upper"] < 1) & (table["lower"] < table["upper"])).all()


def verdict(fit: xr.DataTree) -> str:
    return json.loads(fit.attrs["convergence"])["verdict"]


@pytest.mark.parametrize("borrowing", WAYS)
@pytest.mark.parametrize("name", TABLES)
def test_every_level_is_what_quadrature_says(borrowing: str, name: str) -> None:
    events, n = TABLES[name]
    fit = cp.fit(model(borrowing), counts(events, n, group=GROUPS), seed=1, progress=False)
    exact = binomial_means(borrowing, events, n, intercept=INTERCEPT, sd_scale=SD, own=OWN)
    some = np.array(n) > 0
    table = cp.estimates(fit, "group").iloc[:4]
    agrees(table[some], exact[some])
    assert table[~some]["estimate"].isna().all()
    assert list(table["n"]) == n
    if borrowing != "complete" and not some.all():  # a row of no patients still names a level that can be asked for
        asked = cp.estimates(fit, "group", target="standardised").iloc[:4]
        agrees(asked, exact)
    assert verdict(fit) == "pass"


def test_a_single_level_is_what_quadrature_says() -> None:
    borrowing = "exnex"
    fit = cp.fit(model(borrowing), counts([2], [5], group=["only"]), seed=1, progress=False)
    exact = binomial_means(borrowing, [2], [5], intercept=INTERCEPT, sd_scale=SD, own=OWN)
    agrees(cp.estimates(fit, "group").iloc[:1], exact)
    for ask in (cp.contrast, cp.ranking):
        with pytest.raises(cp.CasepoolError, match="one level with patients"):
            ask(fit, "group")


def test_a_category_that_does_not_vary_leaves_every_answer_as_without_it() -> None:
    cases = counts([2, 1], [5, 4], arm=["only", "only"])
    terms, priors = {"arm": {"kind": "category"}}, {"intercept": normal(1.5), "arm_effect": normal(1.0)}
    fit, without = (
        cp.fit(made, cases, seed=1, engine="lockstep", progress=False)
        for made in (response_model(terms, priors), response_model({}, {"intercept": normal(1.5)}))
    )
    np.testing.assert_array_equal(cp.estimates(fit)["estimate"], cp.estimates(without)["estimate"])
    for target in ("observed", "standardised", "new"):
        assert list(cp.estimates(fit, "arm", target=target)["level"]) == ["only"]
    assert not cp.check(fit, progress=False)["question"].str.startswith("aliasing").any()
    with pytest.raises(cp.CasepoolError, match="one level with patients"):
        cp.contrast(fit, "arm")


CODES = ["PD", "SD", "CR"]
ORDINAL = {
    "everybody best": [[0, 0, 3], [0, 0, 8], [0, 0, 1], [0, 0, 10]],
    "mixed": [[3, 1, 6], [0, 2, 1], [0, 0, 1], [5, 0, 4]],
}
FIRST, GAP = (-0.8, 1.2), 1.5


@pytest.mark.parametrize("borrowing", ["none", "complete", "robust", "exnex"])  # partial: see test_ordinal.py
@pytest.mark.parametrize("name", ORDINAL)
def test_every_category_of_every_level_is_what_quadrature_says(borrowing: str, name: str) -> None:
    rows = [
        (group, code, k)
        for group, own in zip(GROUPS, ORDINAL[name], strict=True)
        for code, k in zip(CODES, own, strict=True)
        if k
    ]
    group, response, n = (list(column) for column in zip(*rows, strict=True))
    cases = counts([0] * len(n), n, group=group, response=response).drop(columns="events")
    plain = {
        "family": "ordinal",
        "outcome": {"column": "response", "levels": CODES, "n": "n"},
        "terms": {"group": {"kind": "group", "borrowing": borrowing}},
        "priors": priors(borrowing, "first_cutpoint", FIRST) | {"cutpoint_gap": half_normal(GAP)},
    }
    fit = cp.fit(model_from_dict(plain, name="small"), cases, seed=1, progress=False)
    exact = ordinal_means(borrowing, ORDINAL[name], first=FIRST, gap_scale=GAP, sd_scale=SD, own=OWN)
    table = cp.estimates(fit, "group")
    agrees(table[table["at"].isin(CODES)], exact.ravel())
    assert verdict(fit) == "pass"
    if name == "everybody best":
        assert table["note"].str.contains("only CR was reached")[table["at"] != ""].all()


def test_a_combination_with_a_missing_label_is_implied_and_not_seen() -> None:
    """Of B nobody's sex is known: none of the two combinations was seen with it."""
    cases = pd.DataFrame(
        {"group": list("AAABB"), "sex": ["F", "M", "F", None, None], "events": [1, 0, 1, 0, 1], "n": 1}
    )
    terms = {"group": {"kind": "category"}, "sex": {"kind": "category"}}
    model = response_model(terms, {"intercept": normal(1.5), "group_effect": normal(1.0), "sex_effect": normal(1.0)})
    design = make_design(model, cases)
    said = _combinations_seen(design, membership(design, typed(cases), "group"))
    assert tuple(map(note_of, said)) == ("2 of 2 implied combinations seen", "0 of 2 implied combinations seen")
