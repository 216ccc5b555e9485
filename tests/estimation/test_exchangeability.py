"""Exnex borrowing, sampled: clean verdicts, published means, and sums over memberships."""

import itertools
import json

import numpy as np
import pytest
import xarray as xr
from scipy import special, stats

import casepool as cp
from tests.small import counts, fixed, half_normal, normal, response_model

EXNEX = {"kind": "group", "borrowing": "exnex"}
PUBLISHED = {
    "Angiosarcoma": 0.151,
    "Ewing sarcoma": 0.053,
    "Fibrosarcoma": 0.127,
    "Leiomyosarcoma": 0.188,
    "Liposarcoma": 0.205,
    "MFH": 0.131,
    "Osteosarcoma": 0.177,
    "MPNST": 0.178,
    "Rhabdomyosarcoma": 0.131,
    "Synovial sarcoma": 0.157,
}
TABLE = counts([3, 1, 0, 4, 0, 2, 5, 2, 6], [4, 3, 2, 4, 5, 4, 5, 6, 6], side=list("aaabbbccc"), colour=list("xyz") * 3)
TERMS = {
    "side": {**EXNEX, "own": "effect", "exchangeable": 0.6},
    "colour": {**EXNEX, "own": "effect", "exchangeable": {"x": 0.8, "other": 0.4}},
}
OWN = {"intercept": normal(1.5), "side_own": normal(2.0), "colour_own": normal(1.5, mu=0.3)}


def verdict(fit: xr.DataTree) -> str:
    return json.loads(fit.attrs["convergence"])["verdict"]


@pytest.fixture(scope="module")
def basket() -> xr.DataTree:
    return cp.fit("basket_exnex", "sarcoma_imatinib", seed=1, progress=False)


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_the_published_basket_is_met_with_a_clean_verdict(seed: int) -> None:
    fit = cp.fit("basket_exnex", "sarcoma_imatinib", seed=seed, progress=False)
    assert verdict(fit) == "pass"
    assert not fit.attrs["retried"]
    means = cp.estimates(fit, "histology").set_index("level")["mean"]
    for level, mean in PUBLISHED.items():
        assert means[level] == pytest.approx(mean, abs=0.01)


def test_a_level_out_of_line_is_the_least_exchangeable(basket: xr.DataTree) -> None:
    table = cp.estimates(basket, "histology")
    rows = table[table["estimand"].str.contains("exchangeable")].set_index("level")
    assert len(rows) == 10
    assert rows["estimate"].between(0, 1).all()
    assert rows["estimate"].idxmin() == "Ewing sarcoma (exchangeable)"
    assert rows[["lower", "upper"]].isna().all(axis=None)
    assert set(rows["unit"]) == {"probability"}
    assert rows.loc["MFH (exchangeable)", "n"] == 29


def test_levels_keep_their_names_where_the_factor_names_the_patients(basket: xr.DataTree) -> None:
    """The factor is the identifier here, and its codebook orders levels otherwise than the alphabet."""
    effect = basket["posterior"]["intercept"] + basket["posterior"]["histology_effect"]
    means = (1 / (1 + np.exp(-effect))).mean(["chain", "draw"]).to_series()
    table = cp.estimates(basket, "histology").set_index("level")["mean"]
    np.testing.assert_allclose(table[means.index], means, rtol=1e-9)
    assert table["MPNST"] != table["Osteosarcoma"]


def test_two_factors_with_free_spreads_pass() -> None:
    model = response_model(TERMS, OWN | {"side_sd": half_normal(1.0), "colour_sd": half_normal(1.0)})
    assert verdict(cp.fit(model, TABLE, seed=1, progress=False)) == "pass"


def test_two_factors_agree_with_a_sum_over_all_memberships() -> None:
    """Posterior means and membership probabilities by enumeration of 2^6 memberships and Gauss-Hermite sums."""
    sd = {"side": 0.7, "colour": 0.4}
    model = response_model(TERMS, OWN | {"side_sd": fixed(sd["side"]), "colour_sd": fixed(sd["colour"])})
    fit = cp.fit(model, TABLE, seed=1, draws=2000, progress=False)
    k, n = TABLE["events"].to_numpy().reshape(3, 3), TABLE["n"].to_numpy().reshape(3, 3)
    z, w = np.polynomial.hermite_e.hermegauss(10)
    w = w / w.sum()
    mesh = np.stack(np.meshgrid(z, z, z, z, indexing="ij")).reshape(4, -1)
    base = np.stack(np.meshgrid(w, w, w, w, indexing="ij")).reshape(4, -1).prod(axis=0)
    p_side, p_colour = 0.6, np.array([0.8, 0.4, 0.4])
    evidence, rate, member = 0.0, np.zeros((3, 3)), np.zeros(3)
    for colours in itertools.product((True, False), repeat=3):
        inside = np.array(colours)[:, None]
        effect = np.where(inside, sd["colour"] * mesh[1:], 0.3 + 1.5 * mesh[1:])
        weight = base * np.where(inside[:, 0], p_colour, 1 - p_colour).prod()
        rows = []  # given intercept and colours the sides are independent: sum each over its own membership
        for i in range(3):
            parts = []
            for share, spread in ((p_side, sd["side"]), (1 - p_side, 2.0)):
                eta = 1.5 * mesh[0] + effect + (spread * z)[:, None, None]
                p = special.expit(eta)
                inner = share * w[:, None] * stats.binom.pmf(k[i][:, None], n[i][:, None], p).prod(axis=1)
                parts.append((inner.sum(axis=0), (inner[:, None] * p).sum(axis=0)))
            rows.append(parts)
        total = [row[0][0] + row[1][0] for row in rows]
        joint = weight * np.prod(total, axis=0)
        evidence += joint.sum()
        for i, row in enumerate(rows):
            rate[i] += (joint / total[i] * (row[0][1] + row[1][1])).sum(axis=1)
            member[i] += (joint / total[i] * row[0][0]).sum()
    table = cp.estimates(fit, "side").set_index("level")
    exact = (rate / evidence * n).sum(axis=1) / n.sum(axis=1)
    for level, mean in zip("abc", exact, strict=True):
        assert abs(table.loc[level, "mean"] - mean) < 4.5 * table.loc[level, "sd"] / np.sqrt(table.loc[level, "ess"])
    found = table.loc[[f"{level} (exchangeable)" for level in "abc"], "mean"]
    np.testing.assert_allclose(found, member / evidence, atol=0.015)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_share_of_one_or_none_samples(share: float) -> None:
    term = {"side": {**EXNEX, "own": "effect", "exchangeable": share}}
    priors = {"intercept": normal(1.5), "side_sd": half_normal(1.0), "side_own": normal(2.0)}
    fit = cp.fit(response_model(term, priors), TABLE, seed=1, progress=False)
    assert verdict(fit) == "pass"
    rows = cp.estimates(fit, "side").iloc[3:]
    assert (rows["estimate"] == share).all()
