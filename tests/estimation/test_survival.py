"""Survival answers against quadrature and against what must hold of any two strategies."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import integrate, stats

import casepool as cp
from casepool.estimation.curves import strategies
from casepool.estimation.draws import open_draws
from casepool.modelling import model_from_dict
from casepool.modelling.specification.model import model_dict
from tests.small import fixed, normal, survival_model

OS = {"time": "os_months", "event": "death"}
DATES = {"column": "surgery_any", "earliest": "surgery_earliest", "latest": "surgery_latest", "report_start": 6.0}


def exponential(dating: str, **priors: dict):
    plain = {
        "family": "exponential",
        "outcome": OS,
        "exposure": {"surgery": {**DATES, "dating": dating}},
        "priors": {"intercept": normal(1.5, mu=-3.5), "surgery_effect": normal(1.0), **priors},
    }
    return model_from_dict(plain, name="exponential")


def test_the_hazard_ratio_agrees_with_two_dimensional_quadrature() -> None:
    """Exponential hazard, dates uniform in their intervals, written out here from the raw table."""
    fit = cp.fit(exponential("uniform"), "alk_crizotinib", seed=1, draws=2000, progress=False)
    cases = cp.load("alk_crizotinib").dropna(subset="os_months")
    rows = [
        (t, bool(d), a if z else None, b if z else None)
        for t, d, z, a, b in zip(
            cases["os_months"],
            cases["death"],
            cases["surgery_any"],
            cases["surgery_earliest"],
            cases["surgery_latest"],
            strict=True,
        )
    ]

    grid, wide = np.linspace(-5, 3, 161), np.linspace(-8, -2, 121)
    beta, log_rate = grid[:, None] + 1e-9, wide[None, :]
    rate, after = np.exp(log_rate), np.exp(log_rate + beta)
    total = stats.norm.logpdf(log_rate, -3.5, 1.5) + stats.norm.logpdf(beta)
    for t, d, a, b in rows:
        if a is None:
            total = total + d * log_rate - rate * t
        else:  # nobody with surgery died; the date averages exp(-rate s - after (t - s)) over (a, b)
            k = after - rate
            total = total - after * t + k * a + np.log(np.expm1(k * (b - a)) / (k * (b - a)))
    density = np.exp(total - total.max())
    marginal = integrate.simpson(density, x=wide, axis=1)
    marginal = marginal / integrate.simpson(marginal, x=grid)
    mean = integrate.simpson(marginal * grid, x=grid)
    sd = np.sqrt(integrate.simpson(marginal * (grid - mean) ** 2, x=grid))
    draws = fit["posterior"]["surgery_effect"]
    ess = cp.contrast(fit, "surgery")["ess"][0]
    assert abs(float(draws.mean()) - mean) < 4 * sd / np.sqrt(ess)
    assert abs(float(draws.std()) / sd - 1) < 0.06
    below = integrate.simpson(np.where(grid <= 0, marginal, 0.0), x=grid)
    assert abs(cp.contrast(fit, "surgery")["estimate"][1] - below) < 0.03


def test_days_and_months_give_the_same_draws(survival_fit: xr.DataTree) -> None:
    cases = cp.load("alk_crizotinib")
    for column in ("os_months", "surgery_earliest", "surgery_latest"):
        cases[column] = cases[column] * 365.25 / 12
        cases.attrs["codebook"]["columns"][column] |= {"unit": "days"}
        cases.attrs["codebook"]["columns"][column].pop("range", None)
    days = cp.fit("overall_survival", cases, seed=1, progress=False)
    xr.testing.assert_allclose(days["posterior"].to_dataset(), survival_fit["posterior"].to_dataset(), rtol=1e-10)


def test_with_a_hazard_ratio_of_one_the_strategies_coincide() -> None:
    model = cp.model("overall_survival")
    same = replace(model, priors={**model.priors, "surgery_effect": cp.Model.prior(model, "surgery_effect")})
    plain = model_dict(same)
    plain["priors"]["surgery_effect"] = fixed(0.0)
    fit = cp.fit(model_from_dict(plain, name="null"), "alk_crizotinib", seed=1, draws=200, progress=False)
    never, ever = strategies(open_draws(fit), 6.0)
    for t in (3.0, 6.0, 12.0, 50.0):
        np.testing.assert_allclose(never.curve.survival(t), ever.curve.survival(t), atol=1e-12)


def test_survival_never_differs_before_the_operation(survival_fit: xr.DataTree) -> None:
    never, ever = strategies(open_draws(survival_fit), 10.0)
    for t in (0.0, 2.0, 9.99, 10.0):
        np.testing.assert_allclose(never.curve.survival(t), ever.curve.survival(t), atol=1e-12)
    assert (never.curve.survival(10.5) != ever.curve.survival(10.5)).any()


def test_medians_and_restricted_means_follow_from_the_curve(survival_fit: xr.DataTree) -> None:
    """S(median) is one half, and the mean is the area: both asked of scipy, draw by draw."""
    ever = strategies(open_draws(survival_fit), 6.0)[1]
    median = ever.curve.median()
    reached = np.where(np.isfinite(median), median, 1.0)
    alive = ever.curve.survival(reached)[np.isfinite(median)]
    np.testing.assert_allclose(alive, 0.5, atol=1e-9)
    mean = ever.curve.restricted_mean(36.0)[0, 7]
    area = integrate.quad(lambda t: ever.curve.survival(t)[0, 7], 0, 36, points=[6.0])[0]
    assert mean == pytest.approx(area, abs=1e-6)


def test_the_bundled_answer_can_be_true(survival_fit: xr.DataTree) -> None:
    ratio, chance = (row for _, row in cp.contrast(survival_fit, "surgery").iterrows())
    assert ratio["lower"] < ratio["estimate"] < 1 < ratio["upper"]
    assert (ratio["n"], ratio["events"]) == (28, 7)
    assert "10 exposed with 0 events" in ratio["note"]
    assert "intensity" in ratio["note"]
    assert 0.5 < chance["estimate"] < 1
    assert np.isnan(chance["lower"])
    table = cp.survival(survival_fit, by="surgery", at=[12, 24, 36])
    assert (table["ess"].dropna() >= 400).all()
    never = table[(table["level"] == "never operated") & (table["unit"] == "probability") & table["lower"].notna()]
    assert (np.diff(never["estimate"]) < 0).all()
    assert set(never["n"]) == {18}
    assert set(never["events"]) == {7}
    assert table["note"].str.contains("the same 28 patients").all()


def test_a_kaplan_meier_curve_runs_inside_the_band_of_everyone() -> None:
    """Without an exposure the posterior curve lies where scipy's Kaplan-Meier does."""
    plain = {
        "family": "weibull",
        "outcome": OS,
        "priors": {
            "intercept": normal(1.5, mu=-3.5),
            "shape": {"dist": "LogNormal", "mu": 0.0, "sigma": 0.5, "why": "test"},
        },
    }
    fit = cp.fit(model_from_dict(plain, name="plain"), "alk_crizotinib", seed=1, progress=False)
    cases = cp.load("alk_crizotinib").dropna(subset="os_months")
    dead = cases["death"].astype(bool)
    km = stats.ecdf(stats.CensoredData(uncensored=cases["os_months"][dead], right=cases["os_months"][~dead])).sf
    table = cp.survival(fit, at=[6, 12, 24])
    rows = table[table["estimand"].str.startswith("survival at")]
    for t, low, high in zip(rows["at"], rows["lower"], rows["upper"], strict=True):
        assert low < km.evaluate(t) < high


def test_beyond_the_last_follow_up_it_says_so(survival_fit: xr.DataTree) -> None:
    table = cp.survival(survival_fit, at=[50, 60])
    said = table[table["at"] == 60]["note"].str.contains("extrapolated beyond the last follow-up \\(55.2 months\\)")
    assert said.all()
    assert not table[table["at"] == 50]["note"].str.contains("extrapolated").any()


def test_the_baseline_comparison_prints_the_guard(baseline_fit: xr.DataTree) -> None:
    for table in (cp.contrast(baseline_fit, "surgery"), cp.survival(baseline_fit)):
        assert table["note"].str.contains("immortal time").all()
    with pytest.raises(cp.CasepoolError, match="no start"):
        cp.survival(baseline_fit, start=3.0)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"at": []}, "one or more times"),
        ({"at": [-1]}, "one or more times"),
        ({"start": -1.0}, "start must be"),
        ({"restricted_to": 0}, "restricted_to"),
        ({"by": "histology"}, "described by 'surgery'"),
    ],
)
def test_impossible_questions_are_refused(survival_fit: xr.DataTree, arguments: dict, said: str) -> None:
    with pytest.raises(cp.CasepoolError, match=said):
        cp.survival(survival_fit, **arguments)


def test_a_frailty_by_group_is_standardised_over_the_patients() -> None:
    """Levels of a factor, accelerated effects: a later level with a larger effect lives longer, draw by draw."""
    rng = np.random.default_rng(3)
    table = pd.DataFrame(
        {
            "patient": [f"p{i}" for i in range(40)],
            "site": ["near", "far"] * 20,
            "time": np.round(rng.exponential([5.0, 20.0] * 20) + 0.1, 2),
            "event": [True] * 40,
        }
    )
    plain = {
        "family": "log_normal",
        "outcome": {"time": "time", "event": "event"},
        "terms": {"site": {"kind": "category", "reference": "near"}},
        "priors": {
            "intercept": normal(3.0),
            "site_effect": normal(2.0),
            "scale": {"dist": "HalfNormal", "sigma": 2.0, "why": "test"},
        },
    }
    fit = cp.fit(model_from_dict(plain, name="aft"), table, seed=1, progress=False)
    ratio = cp.contrast(fit, "site").iloc[0]
    assert ratio["estimand"] == "time ratio"
    assert ratio["level"] == "far vs near"
    medians = (
        cp.survival(fit, "site", at=[10]).query("estimand.str.startswith('median')").set_index("level")["estimate"]
    )
    assert medians["far"] / medians["near"] == pytest.approx(ratio["estimate"], rel=0.1)
    observed = table.groupby("site")["time"].apply(lambda t: np.exp(np.log(t).mean()))
    assert ratio["lower"] < observed["far"] / observed["near"] < ratio["upper"]


def test_the_hazard_is_the_slope_of_minus_the_log_of_survival(survival_fit) -> None:
    fitted = open_draws(survival_fit)
    step = 1e-4
    for arm in strategies(fitted, 6.0):
        for t in (3.0, 6.5, 12.0, 30.0):
            low, high = np.log(arm.curve.survival(t - step)), np.log(arm.curve.survival(t + step))
            assert arm.curve.hazard_at(t) == pytest.approx((low - high) / (2 * step), rel=1e-5)


def test_hazards_of_the_strategies_have_the_hazard_ratio_from_the_start_on(survival_fit) -> None:
    """Without covariates all patients are alike, so the averaged hazards keep the model's ratio."""
    never, operated = strategies(open_draws(survival_fit), 6.0)
    ratio = np.exp(survival_fit["posterior"]["surgery_effect"].to_numpy())
    assert operated.curve.hazard_at(5.99) == pytest.approx(never.curve.hazard_at(5.99), rel=1e-12)
    assert operated.curve.hazard_at(6.0) == pytest.approx(ratio * never.curve.hazard_at(6.0), rel=1e-10)


def test_hazards_and_medians_stand_in_the_table_with_their_differences(survival_fit) -> None:
    table = cp.survival(survival_fit, at=[0.0, 12.0]).set_index("estimand")
    hazards = table[table["unit"] == "per month"]
    assert len(hazards) == 2 * 3
    parts = [hazards.loc[name, "mean"] for name in hazards.index if "at 12" in name]
    assert parts[2] == pytest.approx(parts[1] - parts[0], rel=1e-9)
    assert table.index.str.startswith("difference in median survival").sum() == 1


def test_a_median_never_reached_leaves_no_difference() -> None:
    """A falling Gompertz hazard leaves a cured fraction: in some draws neither median is reached."""
    model = survival_model(
        {"intercept": normal(0.3, -3.0), "shape": normal(0.01, -0.06), "surgery_effect": normal(0.5)},
        "gompertz",
        exposure={"start": "start", "dating": "uniform"},
    )
    frame = pd.DataFrame({"time": [3.0, 40.0, 50.0], "event": [True, False, False], "surgery": [False, True, False]})
    fit = cp.fit(model, frame.assign(start=[np.nan, 4.0, np.nan]), seed=1, draws=200, chains=2, progress=False)
    row = cp.survival(fit, at=[12.0]).set_index("estimand").filter(like="difference in median", axis=0).iloc[0]
    assert np.isnan(row["estimate"])
    assert "both are infinite" in row["note"]


@pytest.mark.parametrize("by", [None, "surgery"])
def test_estimates_of_a_survival_fit_are_its_survival(survival_fit: xr.DataTree, by: str | None) -> None:
    table = cp.estimates(survival_fit, by)
    pd.testing.assert_frame_equal(table, cp.survival(survival_fit, by))
    assert table.attrs == cp.survival(survival_fit, by).attrs
    pd.testing.assert_frame_equal(
        cp.estimates(survival_fit, by, ci_prob=0.5), cp.survival(survival_fit, by, ci_prob=0.5)
    )


def test_a_target_is_of_response_models_alone(survival_fit: xr.DataTree) -> None:
    for target in ("standardised", "new"):
        with pytest.raises(cp.CasepoolError, match=f"is a survival model.*{target}.*leave `target` out"):
            cp.estimates(survival_fit, "surgery", target=target)
