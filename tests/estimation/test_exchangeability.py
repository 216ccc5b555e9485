"""Exnex borrowing, sampled: clean verdicts, published means, and sums over memberships."""

import json

import numpy as np
import pytest
import xarray as xr
from scipy import special, stats
from scipy.stats import qmc

import casepool as cp
from tests.small import counts, half_normal, normal, response_model

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
SHARES = np.array([[0.8], [0.4], [0.4]])
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


def test_two_factors_with_free_spreads_pass_and_agree_with_a_sum_over_memberships() -> None:
    """Posterior means and membership probabilities: sums over 2^16 even points of the prior of what colours share.

    Given those the sides are independent: each is summed over its own membership and effect.
    """
    model = response_model(TERMS, OWN | {"side_sd": half_normal(1.0), "colour_sd": half_normal(1.0)})
    fit = cp.fit(model, TABLE, seed=1, draws=2000, progress=False)
    assert verdict(fit) == "pass"
    k, n = TABLE["events"].to_numpy().reshape(3, 3), TABLE["n"].to_numpy().reshape(3, 3)
    z, w = np.polynomial.hermite_e.hermegauss(10)
    w = w[:, None] / w.sum()
    even = qmc.Sobol(9, rng=1).random_base2(16)
    normals, (side_sd, colour_sd) = stats.norm.ppf(even[:, :4]).T, stats.halfnorm.ppf(even[:, 4:6]).T
    inside = even[:, 6:].T < SHARES
    eta = 1.5 * normals[0] + np.where(inside, colour_sd * normals[1:], 0.3 + 1.5 * normals[1:])
    told = []  # by side: what its patients tell, inside and outside, and the same times the three rates
    ways = [(s, special.expit(eta[:, None] + z[:, None] * spread)) for s, spread in ((0.6, side_sd), (0.4, 2.0))]
    for events, patients in zip(k[..., None, None], n[..., None, None], strict=True):
        for share, p in ways:
            likelihood = special.comb(patients, events) * p**events * (1 - p) ** (patients - events)
            inner = share * w * likelihood.prod(axis=0)
            told.append((inner.sum(axis=0), (inner * p).sum(axis=1)))
    total = np.array([told[i][0] + told[i + 1][0] for i in (0, 2, 4)])
    joint = total.prod(axis=0) / total.prod(axis=0).sum()
    rate = [(joint / own * (told[2 * i][1] + told[2 * i + 1][1])).sum(axis=1) for i, own in enumerate(total)]
    table = cp.estimates(fit, "side").set_index("level")
    exact = (np.array(rate) * n).sum(axis=1) / n.sum(axis=1)
    for level, mean in zip("abc", exact, strict=True):
        assert abs(table.loc[level, "mean"] - mean) < 4.5 * table.loc[level, "sd"] / np.sqrt(table.loc[level, "ess"])
    member = [(joint / own * told[2 * i][0]).sum() for i, own in enumerate(total)]
    found = table.loc[[f"{level} (exchangeable)" for level in "abc"], "mean"]
    np.testing.assert_allclose(found, member, atol=0.015)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_share_of_one_or_none_samples(share: float) -> None:
    term = {"side": {**EXNEX, "own": "effect", "exchangeable": share}}
    priors = {"intercept": normal(1.5), "side_sd": half_normal(1.0), "side_own": normal(2.0)}
    fit = cp.fit(response_model(term, priors), TABLE, seed=1, progress=False)
    assert verdict(fit) == "pass"
    rows = cp.estimates(fit, "side").iloc[3:]
    assert (rows["estimate"] == share).all()
