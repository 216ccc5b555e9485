"""Ordinal fits: order draw by draw, quadrature, saturated tables, categories nobody reached."""

import json

import numpy as np
import pandas as pd
import pymc as pm
import pytest
import xarray as xr
from scipy import integrate, stats

import casepool as cp
from casepool.estimation.draws import open_draws
from casepool.estimation.targets import ANSWERS
from casepool.inference.fit_contents import cases_of, model_of
from casepool.inference.graph import build_design
from casepool.inference.predictive import replicate
from casepool.modelling import make_design, model_from_dict
from casepool.modelling.design.grouping import membership
from casepool.modelling.specification.endpoints import at_least
from tests.small import fixed, half_normal, normal

OUTCOME = {"column": "response", "levels": ["PD", "SD", "CR"], "n": "n"}
LEVELS = ("PD", "SD", "PR", "CR")


def ordinal(terms: dict, priors: dict, **top):
    return model_from_dict(
        {"family": "ordinal", "outcome": OUTCOME, "terms": terms, "priors": priors, **top}, name="small"
    )


def counted(counts: dict[str, list[int]]) -> pd.DataFrame:
    """Patients of each group with each category, one row for each that occurs."""
    rows = [(g, c, n) for g, some in counts.items() for c, n in zip(OUTCOME["levels"], some, strict=True) if n]
    frame = pd.DataFrame(rows, columns=["group", "response", "n"])
    return frame.assign(patient=[f"row {i}" for i in range(len(rows))])


@pytest.mark.parametrize("target", ["observed", "standardised", "new"])
def test_a_better_endpoint_is_never_more_likely_in_any_draw(ordinal_fit: xr.DataTree, target: str) -> None:
    fitted = open_draws(ordinal_fit)
    group = membership(fitted.design, cases_of(ordinal_fit), "histology")
    answer = ANSWERS[target](fitted, group)
    control, objective, complete = (end.of(answer.categories) for end in at_least(fitted.model))
    known = ~np.isnan(control).any(axis=(0, 1))
    assert known.sum() >= 7
    assert (control >= objective)[..., known].all()
    assert (objective >= complete)[..., known].all()
    assert sum(answer.categories)[..., known] == pytest.approx(1.0, abs=1e-12)


def test_every_category_and_endpoint_has_its_row_and_counts(ordinal_fit: xr.DataTree) -> None:
    table = cp.estimates(ordinal_fit, "histology")
    eimt = table[table["level"] == "EIMT"].set_index("at")
    assert list(eimt.index) == [*LEVELS, "at least SD", "at least PR", "at least CR"]
    assert list(eimt["events"]) == [0, 0, 7, 2, 9, 9, 2]
    assert eimt.loc["at least PR", "estimand"].startswith("at least PR (PR or CR): mean probability")
    everyone = cp.estimates(ordinal_fit).set_index("at")
    assert list(everyone["events"]) == [1, 3, 21, 5, 29, 26, 5]
    assert set(everyone["n"]) == {30}
    assert everyone["mean"][list(LEVELS)].sum() == pytest.approx(1, abs=1e-12)
    assert (table["verdict"].isin(["pass", ""])).all()


@pytest.mark.parametrize("target", ["standardised", "new"])
def test_a_factor_has_every_level_under_every_target(ordinal_fit: xr.DataTree, target: str) -> None:
    table = cp.estimates(ordinal_fit, "partner", target=target)
    assert len(table) == 7 * (17 + (target == "new"))
    assert ((table["lower"] > 0) & (table["upper"] < 1)).all()


def test_age_groups_are_compared_endpoint_by_endpoint_and_by_the_models_odds_ratio(
    ordinal_age_fit: xr.DataTree,
) -> None:
    """With age alone in the model its odds ratio is that of every endpoint's probabilities."""
    table = cp.contrast(ordinal_age_fit, "age").set_index("estimand")
    assert (table["level"] == "18 and over vs under 18").all()
    own = table.loc["cumulative odds ratio"]
    assert own["lower"] < 1 < own["upper"]
    for at in ("at least SD", "at least PR", "at least CR"):
        assert table.loc[f"odds ratio, {at}", "at"] == at
        assert table.loc[f"odds ratio, {at}", "estimate"] == pytest.approx(own["estimate"], rel=1e-9)
    assert list(table.loc[[f"risk difference, {at}" for at in ("at least SD", "at least CR")], "events"]) == [26, 5]


def test_the_classical_answers_stand_beside_them(ordinal_age_fit: xr.DataTree) -> None:
    raw = cp.classical("best_response_by_age_group", "alk_crizotinib", "age")
    exact = raw[raw["method"] == "Clopper-Pearson"].set_index(["level", "at"])
    assert list(exact.loc["18 and over", "events"]) == [1, 2, 12, 2, 16, 14, 2]
    low, high = stats.beta.ppf([0.025, 0.975], [14, 15], [4, 3])
    assert list(exact.loc[("18 and over", "at least PR"), ["lower", "upper"]]) == pytest.approx([low, high])
    printed = raw[(raw["method"] == "Fisher-Freeman-Halton") & raw["estimand"].str.contains("PD, SD, PR, CR")]
    assert printed["estimate"].item() == pytest.approx(0.809, abs=5e-4)
    both = cp.compare(raw[raw["method"] == "Clopper-Pearson"], cp.estimates(ordinal_age_fit, "age"))
    assert not both["note"].str.contains("differs").any()
    assert (both.groupby(["level", "at"]).size() == 2).all()


def test_the_graph_and_the_stored_likelihood_agree(ordinal_fit: xr.DataTree) -> None:
    built = build_design(make_design(model_of(ordinal_fit), cases_of(ordinal_fit)))
    few = ordinal_fit["posterior"].to_dataset().isel(chain=[0], draw=[0, 500, 999])
    for factor in ("histology", "partner"):
        few[f"{factor}_z"] = few[f"{factor}_effect"] / few[f"{factor}_sd"]
    tree = xr.DataTree.from_dict({"posterior": few})
    pm.compute_log_likelihood(tree, model=built, progressbar=False, compile_kwargs={"mode": "FAST_COMPILE"})
    stored = ordinal_fit["log_likelihood"]["outcome"].isel(chain=[0], draw=[0, 500, 999])
    np.testing.assert_allclose(tree["log_likelihood"]["outcome"].values, stored.values, rtol=1e-9)


def test_an_ordinal_fit_converges_and_names_its_gaps(ordinal_fit: xr.DataTree) -> None:
    assert json.loads(ordinal_fit.attrs["convergence"])["verdict"] == "pass"
    assert list(ordinal_fit["posterior"]["gap"].values) == ["SD | PR", "PR | CR"]
    assert (ordinal_fit["posterior"]["cutpoint_gap"] > 0).all()
    assert set(ordinal_fit["observed_data"]["outcome"].values) == {0, 1, 2, 3}


def test_replicated_outcomes_are_categories_as_often_as_the_model_says(ordinal_fit: xr.DataTree) -> None:
    fitted = open_draws(ordinal_fit)
    replicated = replicate(fitted.design, fitted.parameters, np.random.default_rng(1))
    means = cp.estimates(ordinal_fit).set_index("at")["mean"]
    for k, code in enumerate(LEVELS):
        assert (replicated == k).mean() == pytest.approx(means[code], abs=0.005)


COUNTS = {"a": [3, 1, 6], "b": [0, 2, 1]}


def test_known_cutpoints_agree_with_quadrature() -> None:
    """Cutpoints and spread fixed: each group is a one-dimensional integral of its own."""
    priors = {"first_cutpoint": fixed(-0.8), "cutpoint_gap": fixed(1.1), "group_sd": fixed(1.2)}
    fit = cp.fit(ordinal({"group": {"kind": "group"}}, priors), counted(COUNTS), seed=1, draws=4000, progress=False)
    table = cp.estimates(fit, "group").set_index(["level", "at"])
    for level, counts in COUNTS.items():

        def chances(x: float) -> np.ndarray:
            return np.diff([0, *stats.logistic.cdf(np.array([-0.8, 0.3]) - x), 1])

        def weight(x: float, counts: list[int] = counts) -> float:
            return float(np.prod(chances(x) ** counts)) * stats.norm.pdf(x, 0, 1.2)

        evidence = integrate.quad(weight, -10, 10, epsabs=0)[0]
        for k, code in enumerate(OUTCOME["levels"]):
            mean = integrate.quad(lambda x, w=weight, k=k: w(x) * chances(x)[k], -10, 10, epsabs=0)[0] / evidence
            row = table.loc[(level, code)]
            assert abs(row["mean"] - mean) < 4 * row["sd"] / np.sqrt(row["ess"])


MANY = {"a": [120, 400, 480], "b": [500, 80, 420]}
STEPS = ["PD | SD", "SD | CR"]


@pytest.fixture(scope="module")
def saturated() -> xr.DataTree:
    """Adjacent categories with an effect for each step: as many parameters as free proportions."""
    terms = {"group": {"kind": "category", "by_category": True}}
    priors = {"first_cutpoint": normal(3), "cutpoint_gap": normal(3), "group_effect": normal(3)}
    return cp.fit(ordinal(terms, priors, link="adjacent"), counted(MANY), seed=1, progress=False)


def test_effects_by_category_can_tell_any_table(saturated: xr.DataTree) -> None:
    assert saturated["posterior"]["group_effect"].dims == ("chain", "draw", "group", "step")
    assert list(saturated["posterior"]["step"].values) == STEPS
    for target in ("observed", "standardised", "new"):
        table = cp.estimates(saturated, "group", target=target).set_index(["level", "at"])
        for level, counts in MANY.items():
            assert [table.loc[(level, code), "mean"] for code in OUTCOME["levels"]] == pytest.approx(
                np.array(counts) / 1000, abs=0.005
            )


def test_each_step_has_an_odds_ratio_of_its_own(saturated: xr.DataTree) -> None:
    table = cp.contrast(saturated, "group")
    own = table[table["estimand"] == "adjacent-category odds ratio"].set_index("at")
    assert list(own.index) == STEPS
    raw = [80 / 500 / (400 / 120), 420 / 80 / (480 / 400)]
    assert np.log(list(own["estimate"])) == pytest.approx(np.log(raw), abs=0.05)
    assert (own["level"] == "b vs a").all()


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({"a": [4, 0, 7]}, "nobody in the fit reached SD"),
        ({"a": [0, 9, 0]}, "only SD was reached"),
        ({"a": [0, 0, 9]}, "only CR was reached"),
    ],
)
def test_a_category_nobody_reached_or_only_one_reached_works_and_is_said(counts: dict, said: str) -> None:
    priors = {"first_cutpoint": normal(1.5, mu=-1), "cutpoint_gap": half_normal(2.0)}
    fit = cp.fit(ordinal({}, priors), counted(counts), seed=1, progress=False)
    table = cp.estimates(fit).set_index("at")
    assert table["note"].str.contains(said).all()
    assert json.loads(fit.attrs["convergence"])["verdict"] == "pass"  # the prior may well be surprised
    assert ((table["lower"] > 0) & (table["upper"] < 1)).all()
    raw = np.array(counts["a"]) / sum(counts["a"])
    assert np.argmax(table["estimate"][OUTCOME["levels"]]) == np.argmax(raw)


def test_levels_are_ranked_by_the_models_success(ordinal_fit: xr.DataTree) -> None:
    table = cp.ranking(ordinal_fit, "histology")
    ranks = table[table["estimand"].str.startswith("P(rank)")]
    np.testing.assert_allclose(ranks.groupby("level", sort=False)["estimate"].sum(), 1, rtol=1e-12)
    assert table["estimand"].str.contains("at least PR").all()
    at_least = cp.estimates(ordinal_fit, "histology", target="standardised").query("at == 'at least PR'")
    seen = at_least[at_least["n"] > 0].set_index("level")["estimate"]
    best = table[table["estimand"].str.startswith("P(highest")].set_index("level")["estimate"]
    assert best.idxmax() == seen.idxmax()


def test_priors_of_an_ordinal_fit_are_questioned_category_by_category(ordinal_fit: xr.DataTree) -> None:
    table = cp.sensitivity(ordinal_fit, scales=(0.25, 1.0), progress=False)
    scaled = set(table.loc[table["unit"] == "sensitivity", "level"])
    assert {"first_cutpoint", "cutpoint_gap", "histology_sd", "partner_sd", "age_effect"} <= scaled
    own = cp.estimates(ordinal_fit, "histology").set_index(["level", "at"])["estimate"]
    refits = table[table["note"].str.startswith("histology_sd ~ HalfNormal(sigma = 1)")].set_index(["level", "at"])
    tight = table[table["note"].str.startswith("histology_sd ~ HalfNormal(sigma = 0.25)")].set_index(["level", "at"])
    pd.testing.assert_series_equal(refits["estimate"], own)

    def spread(of: pd.Series) -> float:
        return float(np.ptp(of.dropna().xs("at least PR", level="at")))

    assert spread(tight["estimate"]) < spread(own)


def test_an_ordinal_answer_is_told_under_every_coding(ordinal_age_fit: xr.DataTree) -> None:
    model, codings = "best_response_by_age_group", {"case_5": ["responder"]}
    table = cp.multiverse(model, "alk_crizotinib", by="age", seed=1, codings=codings, progress=False)
    assert list(dict.fromkeys(table["case_5"])) == ["as_recorded", "responder"]
    recorded, changed = (block.reset_index(drop=True) for _, block in table.groupby("case_5", sort=False))
    own = cp.contrast(ordinal_age_fit, "age")
    assert recorded["estimate"].tolist() == own["estimate"].tolist()
    assert (changed["n"] == recorded["n"] + 1).all()
