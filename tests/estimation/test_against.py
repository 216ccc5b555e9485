"""A level against the rest and the mean, against a reference, ratios of numbers: laws, and published references."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import casepool as cp
from tests.modelling.test_joint_terms import of_slopes
from tests.small import counts, half_normal, normal, response_model, survival_model

OUTCOME = {"column": "best_response", "levels": ["PD", "SD", "PR", "CR"], "success": ["PR", "CR"]}
ONE_WAY = response_model(
    {"histology": {"kind": "group"}}, {"intercept": normal(1.5, 1.0), "histology_sd": half_normal(1)}, **OUTCOME
)
TERMS = {"site": {"kind": "group"}, "sex": {"kind": "category"}}
EFFECTS = {"site_sd": half_normal(1), "sex_effect": normal(1)}
FOLLOWED = pd.DataFrame(
    {
        "patient": [f"p{i}" for i in range(12)],
        "time": [3.0, 8.0, 20.0, 14.0, 1.5, 30.0, 42.0, 9.0, 5.0, 11.0, 2.0, 25.0],
        "event": [True, False, True, True] * 3,
        "best": ["PD", "SD", "CR", "SD"] * 3,
        "site": ["A", "A", "B", "C"] * 3,
        "sex": ["F", "M", "F"] * 4,
    }
)


def of_counts(sites=("A", "A", "B", "C")):
    return counts([3, 2, 4, 1], [5, 6, 4, 3], site=list(sites), sex=["F", "M", "F", "M"])


@pytest.fixture(scope="module")
def one_way():
    return cp.fit(ONE_WAY, "alk_crizotinib", seed=1, progress=False)


@pytest.fixture(scope="module")
def fits(one_way):
    crossed = response_model(TERMS, {"intercept": normal(1.5)} | EFFECTS)
    ordinal = {"family": "ordinal", "outcome": {"column": "best", "levels": ["PD", "SD", "CR"]}, "terms": TERMS,
               "priors": {"first_cutpoint": normal(1.5), "cutpoint_gap": half_normal(2)} | EFFECTS}  # fmt: skip
    survival = survival_model({"intercept": normal(1.5, -3.0)} | EFFECTS, terms=TERMS)
    return {
        "one way": one_way,
        "counts": cp.fit(crossed, of_counts(), seed=1, progress=False),
        "ordinal": cp.fit(cp.modelling.model_from_dict(ordinal, name="small"), FOLLOWED, seed=1, progress=False),
        "survival": cp.fit(survival, FOLLOWED, seed=1, progress=False),
    }


FACTORS = {"one way": "histology", "counts": "site", "ordinal": "site", "survival": "site"}


def told(fit, by, **asked):
    """Draws of every row about a level, by level and row, on the scale on which they add up."""
    draws = cp.contrast_draws(fit, by, **asked)
    ratio = draws["kind"].values == "ratio"
    values = np.where(ratio[:, None, None], np.log(np.where(draws.values > 0, draws.values, 1.0)), draws.values)
    return {
        (str(level).partition(" vs ")[0], str(name)): own
        for level, name, own in zip(draws["level"].values, draws["estimand"].values, values, strict=True)
    }


@pytest.mark.parametrize("weights", ["patients", "levels"])
@pytest.mark.parametrize("kind", FACTORS)
def test_the_mean_is_the_rest_less_its_own_weight_and_levels_balance(fits, kind: str, weights: str) -> None:
    """Against the mean = (1 - w) times against the rest, draw by draw, and levels less their mean sum to 0."""
    fit, by = fits[kind], FACTORS[kind]
    rest, mean = (told(fit, by, against=side, weights=weights, **{"at": [12]} if kind == "survival" else {})
                  for side in ("rest", "mean"))  # fmt: skip
    n = cp.estimates(fit, by).drop_duplicates("level").set_index("level")["n"]
    n = n[~n.index.str.contains(" vs ") & (n > 0)]
    share = n / n.sum() if weights == "patients" else n * 0 + 1 / len(n)
    names = {name for _, name in rest}
    assert len(names) == {"one way": 3, "counts": 3, "ordinal": 5, "survival": 3}[kind]
    for name in names:
        w = n / n.sum() if name.startswith("observed") else share
        for level in n.index:
            np.testing.assert_allclose(mean[level, name], (1 - w[level]) * rest[level, name], atol=1e-12)
        total = sum(w[level] * mean[level, name] for level in n.index)
        np.testing.assert_allclose(total, 0.0, atol=1e-12)


@pytest.mark.parametrize("kind", ["counts", "ordinal", "survival"])
def test_of_two_levels_the_rest_is_the_other(fits, kind: str) -> None:
    fit = fits[kind]
    own, pair = (cp.contrast_draws(fit, "sex", **asked) for asked in ({"level": "M", "against": "rest"}, {}))
    values = {
        str(name).removeprefix("standardised "): x for name, x in zip(own["estimand"].values, own.values, strict=True)
    }
    values |= {"cumulative odds ratio": np.exp(values.get("cumulative log odds difference", 0.0))}
    same = [name for name in map(str, pair["estimand"].values) if name in values]
    assert len(same) == {"counts": 1, "ordinal": 3, "survival": 1}[kind]
    for name, x in zip(pair["estimand"].values, pair.values, strict=True):
        if name in same:
            np.testing.assert_allclose(values[name], x, rtol=1e-9, atol=1e-12)


def test_other_names_of_levels_permute_the_rows() -> None:
    model = response_model({"site": {"kind": "group"}}, {"intercept": normal(1.5), "site_sd": half_normal(1)})
    renamed = {"A": "Z", "B": "Y", "C": "X"}
    first, second = (
        cp.contrast(cp.fit(model, of_counts(sites), seed=1, progress=False), "site", against="rest")
        for sites in ("AABC", [renamed[x] for x in "AABC"])
    )
    second["level"] = second["level"].map(lambda level: {f"{b} vs the rest": f"{a} vs the rest"
                                                         for a, b in renamed.items()}[level])  # fmt: skip
    both = first.query("source == 'shrunk'").merge(second, on=["estimand", "level"])
    assert len(both) == 3 * 6
    spread = both["sd_x"].fillna(0.5)
    assert (abs(both["mean_x"] - both["mean_y"]) < 0.1 * spread).all()
    assert set(second["level"].unique()) == set(first["level"].unique())


def test_eimt_against_the_rest_is_the_reference(one_way) -> None:
    """An exact grid without casepool, tolerances those of 4,000 draws."""
    table = cp.contrast(one_way, "histology", level="EIMT", against="rest", rope=(-0.1, 0.1)).set_index("estimand")
    row = table.loc["standardised risk difference"]
    assert json.loads(one_way.attrs["engine"])["run"] == "exact"
    assert (row["mean"], row["sd"]) == (pytest.approx(0.0606, abs=0.0081), pytest.approx(0.0813, rel=0.05))
    assert (row["lower"], row["upper"]) == (pytest.approx(-0.068, abs=0.016), pytest.approx(0.249, abs=0.016))
    assert table.loc["P(standardised risk difference above 0)", "estimate"] == pytest.approx(0.782, abs=0.02)
    within = table.loc["P(standardised risk difference between -0.1 and 0.1)", "estimate"]
    assert within == pytest.approx(0.713, abs=0.02)
    even = cp.contrast(one_way, "histology", level="EIMT", weights="levels").set_index("estimand")
    assert even.loc["standardised risk difference", "mean"] == pytest.approx(0.0539, abs=0.0081)
    assert "levels weighed alike in the rest" in even.loc["standardised risk difference", "note"]


def test_a_crossed_level_is_told_with_its_aliasing_and_the_raw_rates(response_fit) -> None:
    """RANBP2 lies within EIMT: observed holds EIMT's effect, about twice what standardising leaves."""
    table = cp.contrast(response_fit, "partner", level="RANBP2", against="rest").set_index("estimand")
    observed, standardised = (table.loc[f"{name} risk difference"] for name in ("observed", "standardised"))
    assert 1.5 < observed["mean"] / standardised["mean"] < 3
    assert "only the prior tells RANBP2 apart (occurs only with histology EIMT" in standardised["note"]
    raw = table.loc["raw risk difference"]
    assert raw["note"] == "8 of 8 against 18 of 22"
    assert raw["estimate"] == pytest.approx(1 - 18 / 22)
    fisher = table.loc["no difference between RANBP2 and the rest", "estimate"]
    assert fisher == pytest.approx(stats.fisher_exact([[8, 0], [18, 4]]).pvalue)
    assert pd.isna(raw["learnt"])


def test_the_observed_level_is_what_estimates_count(response_fit) -> None:
    """Patients of several partners count as in `estimates`, and the rest are all others: nobody twice."""
    table = cp.contrast(response_fit, "partner", against="mean", target="observed").query("source == 'shrunk'")
    everyone = cp.estimates(response_fit).iloc[0]["mean"]
    own = cp.estimates(response_fit, "partner").set_index("level")["mean"]
    rows = table[table["estimand"] == "observed risk difference"].set_index("level")["mean"]
    for level, mean in rows.items():
        assert mean == pytest.approx(own[str(level).removesuffix(" vs the mean")] - everyone)
    assert (table["n"] == 30).all()


def test_a_column_outside_the_model_is_told_as_observed(response_fit) -> None:
    table = cp.contrast(response_fit, "sex", level="F", against="rest")
    assert table["estimand"].str.contains("observed risk difference").sum() == 2
    assert not table["estimand"].str.contains("standardised|log odds").any()


def test_survival_has_the_log_rank_test_beside(fits) -> None:
    table = cp.contrast(fits["survival"], "site", level="A", against="rest", at=[6, 12])
    assert table["method"].str.startswith("log-rank").sum() == 1
    assert table.query("kind == 'difference'")["at"].tolist() == [6, 6, 12, 12]


def test_a_reference_is_one_side_of_every_pair(fits) -> None:
    for kind, name in {"counts": "risk difference", "survival": "hazard ratio"}.items():
        table = cp.contrast(fits[kind], "site", reference="B")
        assert table["level"].unique().tolist() == ["A vs B", "C vs B"]
        pairs = cp.contrast(fits[kind], "site").set_index(["estimand", "level"])["estimate"][name]
        own = table.set_index(["estimand", "level"])["estimate"][name]
        assert own["C vs B"] == pytest.approx(pairs["C vs B"])
        turned = -pairs["B vs A"] if kind == "counts" else 1 / pairs["B vs A"]
        assert own["A vs B"] == pytest.approx(turned)


@pytest.mark.parametrize(
    ("by", "asked", "said"),
    [
        ("partner", {"against": "others"}, "unknown against"),
        ("partner", {"level": "RANBP9"}, "no such level"),
        ("partner", {"level": 3}, "needs a name"),
        ("partner", {"against": "rest", "weights": "alike"}, "unknown weights"),
        ("partner", {"weights": "levels"}, "weights are of"),
        ("partner", {"against": "rest", "target": "new"}, "new patients"),
        ("partner", {"against": "rest", "reference": "RANBP2"}, "exclude each other"),
        ("partner", {"reference": "nobody"}, "the reference is no level"),
        ("partner", {"against": "rest", "at": [12]}, "only survival models"),
        ("partner", {"per": 5}, "per is the step"),
        ("partner", {"against": "rest", "rope": {"risk ratio": (0.8, 1.2)}}, "not told"),
        ("age", {"against": "rest"}, "without a rest"),
        ("age", {"per": 0}, "a step above 0"),
        ("nothing", {"against": "rest"}, "nothing"),
    ],
)
def test_what_has_no_meaning_is_refused_in_a_line(response_fit, by: str, asked: dict, said: str) -> None:
    with pytest.raises(cp.CasepoolError, match=said) as refused:
        cp.contrast(response_fit, by, **asked)
    assert "\n" not in str(refused.value)


def test_a_level_of_all_patients_has_no_rest() -> None:
    table = counts([3, 2], [5, 6], site=["A", "A"])
    model = response_model({"site": {"kind": "group"}}, {"intercept": normal(1.5), "site_sd": half_normal(1)})
    fit = cp.fit(model, table, seed=1, progress=False)
    for asked in ({"level": "A"}, {"against": "mean"}):
        with pytest.raises(cp.CasepoolError, match="no rest"):
            cp.contrast(fit, "site", **asked)


def test_the_ratio_of_a_number_is_of_any_step(response_fit) -> None:
    """Per 10 years as the coefficient is told, per 5 its root; and the prior alone says what the file states."""
    post = response_fit["posterior"]["age_effect"].to_numpy()
    ten, five = (cp.contrast(response_fit, "age", per=per) for per in (None, 5))
    assert ten.iloc[0][["estimand", "level"]].tolist() == ["odds ratio", "per 10 years"]
    assert ten.iloc[0]["estimate"] == pytest.approx(np.exp(np.median(post)))
    assert five.iloc[0]["lower"] == pytest.approx(np.sqrt(ten.iloc[0]["lower"]))
    assert ten.iloc[0]["prior_upper"] == pytest.approx(np.exp(1.96 * 0.5), rel=0.1)
    assert ten.iloc[1]["estimate"] == pytest.approx((post > 0).mean())


def test_slopes_of_levels_are_ratios_and_say_that_nothing_is_learnt() -> None:
    fit = cp.fit(of_slopes(), "alk_crizotinib", seed=1, progress=False)
    table = cp.contrast(fit, "age_by_histology", rope=(0.5, 2.0))
    eimt = table[table["level"] == "EIMT"].iloc[0]
    assert eimt["estimand"] == "odds ratio per 10 years"
    assert np.log(eimt["estimate"]) == pytest.approx(0.050, abs=0.0445 + 0.02)  # a median, of a mean's reference
    between = table[table["level"] == "between levels"].iloc[0]
    assert (between["mean"], between["told"]) == (pytest.approx(0.324, abs=0.03), "mostly the prior")
    mean = table[table["level"] == "mean of levels"].iloc[0]
    assert mean["estimate"] == pytest.approx(float(np.exp(fit["posterior"]["age_effect"]).median()))
    slopes = fit["posterior"]["age_by_histology_slope"]
    apart = slopes.sel(histology="IMT") - slopes.sel(histology="EIMT")
    pair = table[table["level"] == "IMT vs EIMT"].iloc[0]
    assert pair["estimate"] == pytest.approx(float(np.exp(apart).median()))


def test_rates_lie_above_a_threshold_as_often_as_their_draws(fits) -> None:
    fit = fits["counts"]
    table = cp.estimates(fit, "site", target="standardised", above=0.5, rope=(0.3, 0.5))
    asked = table.query("kind == 'probability'").set_index(["level", "estimand"])["estimate"]
    assert len(asked) == 6
    for level in "ABC":
        high, low = asked[level].to_numpy()
        row = table.query("kind == 'value' and level == @level").iloc[0]
        assert (high > 0.5) == (row["estimate"] > 0.5)
        assert high + low <= 1
    whole = cp.estimates(fit, above=0.5).iloc[-1]
    assert whole["estimand"] == "P(mean probability of all patients of the fit above 0.5)"
    assert cp.estimates(fit, above=1e-9).iloc[-1]["estimate"] == 1.0
    for wrong in ({"above": 1.2}, {"above": "a"}, {"rope": (0.3, 1.2)}):
        with pytest.raises(cp.CasepoolError, match=r"above|rope"):
            cp.estimates(fit, **wrong)


def test_survival_lies_above_a_threshold_as_often_as_its_draws(fits) -> None:
    """The median survival lies beyond t as often as survival at t lies above one half."""
    fit = fits["survival"]
    table = cp.survival(fit, "sex", at=[42], above=0.5, rope=(-1, 1))
    beyond = table[table["estimand"].str.contains("beyond the last follow-up")].set_index("level")["estimate"]
    above = table[table["estimand"].str.endswith("above 0.5)")].set_index("level")["estimate"]
    assert above.to_dict() == beyond.to_dict()
    inside = table[table["estimand"].str.endswith("between -1 and 1)")]
    assert inside["estimate"].tolist() == [1.0]
    by_estimates = cp.estimates(fit, "sex", at=[42], above=0.5)
    assert by_estimates["estimand"].str.endswith("above 0.5)").sum() == 2


def test_regions_of_any_estimand_of_a_pair(fits) -> None:
    table = cp.contrast(fits["counts"], "sex", rope={"odds ratio": (1e-9, 1.0), "risk difference": (-1.0, 0.0)})
    told = table.set_index("estimand")["estimate"]
    assert told["P(odds ratio between 1e-09 and 1)"] == told["P(risk difference between -1 and 0)"]


def test_the_command_line_takes_level_and_against(fits, tmp_path, capsys) -> None:
    from casepool.cli import main

    path = tmp_path / "fit.nc"
    cp.save_fit(fits["counts"], path)
    main_args = ["contrast", str(path), "--by", "site", "--level", "B", "--against", "mean", "--csv"]
    with pytest.raises(SystemExit) as left:
        main(main_args)
    assert left.value.code in (0, None)
    assert "B vs the mean" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["estimates", str(path), "--above", "0.5", "--csv"])
    assert "above 0.5" in capsys.readouterr().out
