"""The borrowing ledger and what the data can tell apart."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

import casepool as cp
from casepool.estimation.draws import Fitted
from casepool.estimation.estimability import comparable
from casepool.estimation.ledger import _alone, parts, patients_worth
from casepool.frequentist.proportions import clopper_pearson
from casepool.modelling import make_design
from casepool.modelling.design.grouping import membership
from tests.small import counts, half_normal, normal, response_model

TABLE = counts([3, 6, 2, 7], [8, 12, 10, 30], group=["a", "b", "c", "d"])
N = TABLE["n"].to_numpy(dtype=float)
FLAT = {"dist": "Flat", "why": "test"}
SHARES = ["share_own", "share_siblings", "share_prior"]


def group(borrowing: str) -> dict:
    return {"group": {"kind": "group", "borrowing": borrowing}}


@pytest.fixture(scope="module")
def pooled() -> xr.DataTree:
    return cp.fit(response_model(group("complete"), {"intercept": FLAT}), TABLE, seed=1, draws=4000, progress=False)


@pytest.fixture(scope="module")
def apart() -> xr.DataTree:
    model = response_model(group("none"), {"group_own": normal(100.0)})
    return cp.fit(model, TABLE, seed=1, draws=4000, progress=False)


def test_without_borrowing_and_a_flat_prior_all_is_the_levels_own(apart: xr.DataTree) -> None:
    table = cp.ledger(apart, "group")
    assert (table["share_own"] > 0.97).all()
    assert not table["share_siblings"].any()
    assert not table["borrowed"].any()
    np.testing.assert_allclose(table["worth"], N, rtol=0.04)


def test_under_complete_pooling_and_a_flat_prior_siblings_have_their_share_of_patients(pooled: xr.DataTree) -> None:
    table = cp.ledger(pooled, "group")
    np.testing.assert_allclose(table["share_own"], N / 60, atol=0.02)
    np.testing.assert_allclose(table["share_siblings"], 1 - N / 60, atol=0.02)
    np.testing.assert_allclose(table["share_prior"], 0, atol=1e-12)
    np.testing.assert_allclose(table["borrowed"], 60 - N, rtol=0.06)
    assert table["prior"].isna().all()
    assert table["note"].str.contains("flat").all()
    assert set(cp.estimates(pooled)["told"]) == {""}  # of a flat prior no interval can be shortened


def test_a_beta_distribution_is_worth_its_parameters() -> None:
    """Conjugate updating: 3 prior patients, 7 own and 5 siblings of one rate, as draws and as weighted draws."""
    rng = np.random.default_rng(1)
    after, before = rng.beta(6, 9, (4, 200_000, 1)), rng.beta(1.2, 1.8, (4, 200_000, 1))
    together = patients_worth(before, stats.binom(7, before).pmf(3))
    np.testing.assert_allclose(together, 10, rtol=0.02)
    worth, borrowed, own, siblings, prior = parts(patients_worth(after) - together, np.array([7.0]), np.array([3.0]))
    np.testing.assert_allclose([worth[0], borrowed[0]], [15, 5], rtol=0.03)
    np.testing.assert_allclose([own[0], siblings[0], prior[0]], [7 / 15, 5 / 15, 3 / 15], atol=0.01)


def test_a_known_probability_is_all_prior_and_nothing_borrowed_is_never_negative() -> None:
    worth, borrowed, own, siblings, prior = parts(
        np.array([np.nan, -2.0, 0.0]), np.array([5.0, 5.0, 0.0]), np.array([np.inf, 1.0, 0.0])
    )
    np.testing.assert_allclose(prior, [1.0, 1 / 6, 1.0])
    np.testing.assert_allclose(own, [0.0, 5 / 6, 0.0])
    assert not siblings.any()
    assert not borrowed.any()
    assert worth[1] == 6


def test_where_nobody_else_can_tell_of_a_level_nothing_is_borrowed() -> None:
    """Not without borrowing, and not without siblings; but of a covariate all patients tell."""
    covariate = {"age": {"kind": "linear", "centre": 18, "scale": 10}}
    priors = {"group_own": normal(2.8), "age_effect": normal(1.0)}
    one, two = counts([0], [10], group=["a"], age=[20.0]), counts([0, 3], [10, 9], group=["a", "b"], age=[20.0, 30.0])
    partial = {"intercept": normal(1.0), "group_sd": half_normal(1.0)}
    for terms, given, frame, alone in (
        (group("none"), {"group_own": normal(2.8)}, two, True),
        (group("none") | covariate, priors, two, False),
        (group("partial"), partial, two, False),
        (group("partial"), partial, one, True),
    ):
        model = response_model(terms, given)
        fitted = Fitted(xr.DataTree(), model, make_design(model, frame), {}, "pass")
        own = membership(fitted.design, cp.read_cases(frame), "group")
        assert _alone(fitted, own, own.counts(fitted.design)[0]).all() == alone


def test_the_ledger_of_the_paper_adds_up(response_fit: xr.DataTree) -> None:
    table = cp.ledger(response_fit, "histology").set_index("level")
    np.testing.assert_allclose(table[SHARES].sum(axis=1), 1, rtol=1e-12)
    assert table[SHARES].ge(0).all(axis=None)
    assert table[SHARES].le(1).all(axis=None)
    assert table["n"].sum() == 30
    assert tuple(table.loc["IMT", ["raw_lower", "raw_upper"]]) == clopper_pearson(12, 15)
    estimates = cp.estimates(response_fit, "histology").set_index("level")
    seen = table.index[table["n"] > 0]
    assert (table.loc[seen, "shrunk"] == estimates.loc[seen, "estimate"]).all()
    width = table[["shrunk_lower", "shrunk_upper", "prior_lower", "prior_upper"]]
    assert (width["shrunk_upper"] - width["shrunk_lower"] < width["prior_upper"] - width["prior_lower"]).all()
    assert np.isnan(table.loc["STUMP", "raw"])
    assert table.loc["STUMP", "share_own"] == 0
    assert table.loc["STUMP", "shrunk"] > 0.5
    assert "set to it" in table.loc["STUMP", "note"]


def test_the_own_share_is_how_far_the_estimate_follows_the_raw_rate(response_fit: xr.DataTree) -> None:
    """The derivative of a posterior mean by an own success is a posterior covariance: with the level's log odds."""
    posterior = response_fit["posterior"]
    table = cp.ledger(response_fit, "histology").set_index("level")
    alone = {"MS": "DCTN1", "MUO": "EML4", "Sarcoma": "CARS"}
    for histology, partner in alone.items():
        eta = posterior["intercept"] + posterior["histology_effect"].sel(histology=histology)
        eta = (eta + posterior["partner_effect"].sel(partner=partner)).to_numpy().ravel()
        follows = np.cov(1 / (1 + np.exp(-eta)), eta)[0, 1]
        assert table.loc[histology, "share_own"] == pytest.approx(follows, abs=0.05)


def test_the_papers_partners_that_only_the_prior_separates(response_fit: xr.DataTree) -> None:
    table = cp.aliasing(response_fit).set_index(["factor", "level"])
    partners = table.loc["partner"]
    assert (partners["own_patients"] == 1).sum() == 8
    sixth = partners[(partners["patients"] == 1) & (partners["own_patients"] == 0)]
    assert sorted(sixth.index) == ["HIP1", "KIF5B", "KLC1", "MPRIP"]
    assert not sixth["separated"].any()
    assert "histology EIMT" in partners.loc["RANBP2", "because"]
    assert not partners.loc["RANBP2", "separated"]
    assert partners.loc["TPM3", "separated"]
    assert table.loc[("histology", "STUMP"), "because"] == "no patient of this level in the fit"
    assert not table.loc[("histology", "Sarcoma"), "separated"]


def test_complete_borrowing_separates_nothing(pooled: xr.DataTree) -> None:
    table = cp.aliasing(pooled)
    assert not table["separated"].any()
    assert table["because"].str.contains("complete").all()


CROSSED = {"side": {"kind": "group"}, "colour": {"kind": "group"}}
PRIORS = {"intercept": normal(1.0), "side_sd": half_normal(1.0), "colour_sd": half_normal(1.0)}


@pytest.mark.parametrize(
    ("cells", "blocks"),
    [
        (["ax", "ay", "bx", "by"], 1),
        (["ax", "ay", "by"], 1),
        (["ax", "by"], 2),
        (["ax", "ay", "bz", "cz"], 2),
        (["ax", "by", "cz"], 3),
    ],
)
def test_levels_can_be_compared_where_shared_levels_chain_them(cells: list[str], blocks: int) -> None:
    """For two factors, levels are comparable exactly if they are connected in the graph of their cells."""
    n = len(cells)
    table = pd.concat([counts([1] * n, [2] * n, side=[c[0] for c in cells], colour=[c[1] for c in cells])])
    design = make_design(response_model(CROSSED, PRIORS), table)
    assert len(set(comparable(design, "side").blocks)) == blocks
