"""The ledger and ranks of survival: whose events an estimate rests on, and how levels lie at a time."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import special, stats

import casepool as cp
from casepool.cli import main
from casepool.estimation.curves import curve
from casepool.estimation.draws import Fitted
from casepool.estimation.worth import events_worth, inverse_trigamma
from casepool.modelling import Model, make_design
from casepool.presenting.files import table_text
from tests.estimation.frailty import FRAILTY, log_rate
from tests.small import normal, survival_model

WORTHS = ["worth", "borrowed", "worth_prior", "worth_alone", "worth_posterior"]
SHARES = ["share_own", "share_siblings", "share_prior"]
D, T = np.array([4, 9, 0, 2]), np.array([60.0, 200.0, 15.0, 90.0])


def table() -> pd.DataFrame:
    """Of every group so many events in so many months, a patient an event and one censored."""
    rows = []
    for name, d, months in zip("abcd", D, T, strict=True):
        rows += [(name, months / (2 * max(d, 1)), True)] * d + [(name, months / (1 + (d > 0)), False)]
    return pd.DataFrame(rows, columns=["group", "time", "event"])


def gammas(shape: float, months: float) -> np.ndarray:
    """Evenly spread draws of a log rate under a flat prior, (chain, draw)."""
    places = (np.random.default_rng(1).permutation(40_000) + 0.5) / 40_000
    return np.log(stats.gamma(shape).ppf(places) / months).reshape(4, -1)


def adopted(model: Model, **posterior: tuple) -> xr.DataTree:
    """A fit with the posterior that is known, without a sampler."""
    groups = {"group": list("abcd")}
    data = xr.Dataset(posterior, {"chain": range(4), "draw": range(10_000), **groups})
    return cp.adopt(xr.DataTree.from_dict({"posterior": data}), model, table(), seed=1)


@pytest.fixture(scope="module")
def told(frailty: xr.DataTree) -> pd.DataFrame:
    return cp.ledger(frailty, "histology", at=24).set_index("level")


@pytest.mark.parametrize("w", [1e-4, 0.3, 1.0, 2.5, 40.0, 1e6])
def test_worth_is_the_shape_of_a_gamma(w: float) -> None:
    assert inverse_trigamma(special.polygamma(1, w)) == pytest.approx(w, rel=1e-9)
    if 0.3 <= w <= 40:
        places = (np.arange(100_000) + 0.5) / 100_000
        log_rates = np.log(stats.gamma(w).ppf(places)).reshape(4, -1, 1)
        assert events_worth(log_rates)[0] == pytest.approx(w, rel=1e-3)


def test_what_is_known_is_worth_infinitely_much() -> None:
    assert events_worth(np.full((2, 5, 1), 3.0))[0] == np.inf


def test_without_borrowing_and_a_flat_prior_worth_is_the_levels_events() -> None:
    """The prior's standard deviation of 100 is as flat as a level's own may be."""
    model = survival_model({"group_own": normal(100.0)}, terms={"group": {"kind": "group", "borrowing": "none"}})
    own = np.stack([gammas(max(d, 0.05), months) for d, months in zip(D, T, strict=True)], axis=-1)
    found = cp.ledger(adopted(model, group_effect=(("chain", "draw", "group"), own)), "group", at=12).set_index("level")
    seen = found[found["events"] > 0]
    np.testing.assert_allclose(seen["worth_posterior"], seen["events"], rtol=1e-3)
    assert not found["borrowed"].any()
    assert (seen["share_own"] > 0.99).all()


def test_complete_pooling_borrows_the_siblings_events() -> None:
    flat = {"intercept": {"dist": "Flat", "why": "test"}}
    model = survival_model(flat, terms={"group": {"kind": "group", "borrowing": "complete"}})
    found = cp.ledger(adopted(model, intercept=(("chain", "draw"), gammas(D.sum(), T.sum()))), "group", at=12)
    np.testing.assert_allclose(found["borrowed"], D.sum() - D, rtol=0.02)
    np.testing.assert_allclose(found["share_own"], D / D.sum(), atol=0.01)
    assert not found["share_prior"].round(12).any()
    assert found["note"].str.contains("flat").all()


def test_what_an_exact_grid_says_of_the_papers_28_patients(told: pd.DataFrame) -> None:
    """Worth of variances that are known to 3% from draws."""
    eimt = told.loc["EIMT"]
    assert eimt["worth_prior"] == pytest.approx(0.64, rel=0.03)
    assert eimt["worth_alone"] == pytest.approx(2.83, rel=0.04)
    assert eimt["worth_posterior"] == pytest.approx(4.41, rel=0.04)
    assert told.loc[["EIMT", "IMT"], "events"].tolist() == [2, 3]
    assert told.loc[["EIMT", "IMT"], "time_at_risk"].tolist() == pytest.approx([193.1, 327.4])


def test_the_parts_add_up_and_a_level_without_events_still_informs(told: pd.DataFrame) -> None:
    np.testing.assert_allclose(told[SHARES].sum(axis=1), 1, rtol=1e-12)
    assert told[SHARES].ge(0).all(axis=None)
    np.testing.assert_allclose(told["worth"], told["events"] + told["borrowed"] + told["worth_prior"], rtol=1e-12)
    sarcoma = told.loc["Sarcoma"]
    assert (sarcoma["events"], sarcoma["share_own"], sarcoma["time_at_risk"]) == (0, 0, 48.0)
    assert sarcoma["worth_alone"] > 1.2 * sarcoma["worth_prior"]
    nobody = told.loc["MS"]
    assert nobody["worth_alone"] == nobody["worth_prior"]
    assert "set to it" in nobody["note"]


def test_of_a_constant_hazard_no_time_matters(frailty: xr.DataTree, told: pd.DataFrame) -> None:
    for at in (0.01, [300.0]):
        other = cp.ledger(frailty, "histology", at=at).set_index("level")
        np.testing.assert_allclose(other[WORTHS + SHARES], told[WORTHS + SHARES], rtol=1e-6)
        assert (other["shrunk"] != told["shrunk"]).all()


def test_raw_survival_and_the_usual_time_are_the_classical_ones(frailty: xr.DataTree, told: pd.DataFrame) -> None:
    cases = cp.load("alk_crizotinib")
    raw = cp.classical(FRAILTY, cases, by="histology", at=[24])
    raw = raw[(raw["at"] == 24) & (raw["method"] == "Kaplan-Meier") & (raw["unit"] == "probability")].set_index("level")
    here = told.loc[raw.index, ["raw", "raw_lower", "raw_upper"]]
    np.testing.assert_allclose(here, raw[["estimate", "lower", "upper"]], rtol=1e-12)
    everyone = cp.classical(FRAILTY, cases)
    followed = everyone[everyone["estimand"] == "median follow-up"]["estimate"].item()
    assert set(cp.ledger(frailty, "histology")["at"]) == {followed}


def test_beside_an_exposure_survival_is_as_if_none_had_it(survival_fit: xr.DataTree) -> None:
    never = cp.survival(survival_fit, at=[24])
    never = never[never["estimand"] == "survival at 24 months: never operated"].iloc[0]
    found = cp.ledger(survival_fit, "sex", at=24)
    assert found["shrunk"].tolist() == pytest.approx([never["estimate"]] * 2, rel=1e-12)
    assert found["note"].str.contains("as if all were never operated").all()
    assert found["time_at_risk"].sum() == pytest.approx(cp.load("alk_crizotinib")["os_months"].sum())


def test_cumulative_hazards_are_told_however_small_or_large() -> None:
    """Of two patients: the mean of their hazards where both are tiny, the smaller less log 2 where both are huge."""
    frame = pd.DataFrame({"group": ["a", "b"], "time": [1.0, 2.0], "event": [True, False]})
    model = survival_model({"group_own": normal(1.0)}, terms={"group": {"kind": "group", "borrowing": "none"}})
    log_rates = np.array([[[-60.0, -61.0], [-1.0, 0.5], [10.0, 11.0]]])
    fitted = Fitted(xr.DataTree(), model, make_design(model, frame), {"group_effect": log_rates}, "pass")
    tiny, plain, huge = curve(fitted, fitted.design, np.inf).log_cumulative_hazard(2.0)[0]
    assert tiny == pytest.approx(np.log(np.exp(-60) + np.exp(-61)), rel=1e-12)
    assert plain == pytest.approx(np.log(-np.log(np.exp(-2 * np.exp([-1.0, 0.5])).mean())), rel=1e-12)
    assert huge == pytest.approx(np.log(2 * np.exp(10.0) + np.log(2)), rel=1e-12)


def test_times_are_refused_where_none_is_told(frailty: xr.DataTree, response_fit: xr.DataTree) -> None:
    for at, message in ((0, "nothing can have happened"), ([12, 24], "one time"), (-1, "times from 0"), ("x", "times")):
        with pytest.raises(cp.CasepoolError, match=message):
            cp.ledger(frailty, "histology", at=at)
    with pytest.raises(cp.CasepoolError, match="only survival models have times"):
        cp.ledger(response_fit, "histology", at=12)
    with pytest.raises(cp.CasepoolError, match="only survival models have times"):
        cp.ranking(response_fit, "histology", restricted_to=12)


def test_levels_of_constant_hazards_rank_alike_at_all_times(frailty: xr.DataTree) -> None:
    levels = ["EIMT", "HS", "IMT", "PSC", "STUMP", "Sarcoma"]
    slowest = np.argmin(np.stack([log_rate(frailty, level) for level in levels]), axis=0)
    for given in ({"at": 24}, {"at": [6]}, {"restricted_to": 36}):
        found = cp.ranking(frailty, "histology", **given)
        best = found[found["estimand"].str.startswith("P(highest")].set_index("level")["estimate"]
        assert best.to_dict() == pytest.approx({level: (slowest == i).mean() for i, level in enumerate(levels)})
    own = cp.ranking(frailty, "sex", target="observed", at=24)
    best = own[own["estimand"].str.startswith("P(highest")]["estimate"]
    assert best.sum() == pytest.approx(1, rel=1e-12)


def test_the_command_ranks_at_a_time_or_by_a_mean(frailty: xr.DataTree, tmp_path: Path, capsys) -> None:
    saved = cp.save_fit(frailty, tmp_path / "frailty.nc")
    for words, given in ((["--at", "24"], {"at": 24}), (["--restricted-to", "36"], {"restricted_to": 36})):
        with pytest.raises(SystemExit) as left:
            main(["ranking", str(saved), "--by", "histology", *words, "--csv"])
        assert not left.value.code
        said = table_text(cp.ranking(frailty, "histology", **given), "csv")
        assert capsys.readouterr().out.strip() == said.strip()


def test_survival_is_ranked_by_one_thing_and_not_beside_an_exposure(
    frailty: xr.DataTree, survival_fit: xr.DataTree
) -> None:
    for given in ({}, {"at": 12, "restricted_to": 24}):
        with pytest.raises(cp.CasepoolError, match="give `at` or `restricted_to`"):
            cp.ranking(frailty, "histology", **given)
    with pytest.raises(cp.CasepoolError, match="described by 'surgery'"):
        cp.ranking(survival_fit, "sex", target="observed", at=12)
