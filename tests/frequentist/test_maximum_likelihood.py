"""The maximum of the model's own likelihood, against published maxima and scipy's."""

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

from benchmarks.weibull_posterior import Cohort, dated, dates_between
from casepool.cases import load
from casepool.frequentist.answers import classical
from casepool.frequentist.maximum_likelihood import maximum, profiled, why_not
from casepool.modelling import make_design
from tests.small import half_normal, normal, survival_model

from . import freireich

OWN = {
    "weibull": {"shape": half_normal(1)},
    "gompertz": {"shape": normal(1)},
    "log_normal": {"scale": half_normal(1)},
    "log_logistic": {"scale": half_normal(1)},
}
LEUKAEMIA = pd.DataFrame(
    {"patient": range(42), "time": freireich.TIME, "event": freireich.EVENT, "arm": freireich.ARM.astype(str)}
)
# Edmonson 1979, ovarian cancer: days, as in R's survival package.
DAYS = [
    59, 115, 156, 421, 431, 448, 464, 475, 477, 563, 638, 744, 769, 770, 803, 855, 1040, 1106, 1129, 1206, 1227,
    268, 329, 353, 365, 377,
]  # fmt: skip
DIED = [died == "1" for died in "11101011011000000000011110"]
OVARIAN = pd.DataFrame({"patient": range(26), "time": DAYS, "event": DIED})


def two_arms(family, effects):
    return survival_model(
        {"intercept": normal(1), "arm_effect": normal(1)} | OWN.get(family, {}),
        family,
        effects=effects,
        unit="weeks",
        terms={"arm": {"kind": "category", "reference": "0"}},
    )


# Kleinbaum and Klein, Survival Analysis, chapter 7: Stata's maxima for the 6-MP trial. There 6-MP is the arm of the
# coefficient in accelerated models; here it is the reference.
PUBLISHED = [
    ("exponential", "proportional", {"arm_effect": 1.527, "intercept": -3.686}),
    ("exponential", "accelerated", {"arm_effect": -1.527, "intercept": 2.159 + 1.527}),
    ("weibull", "proportional", {"arm_effect": 1.731, "shape": 1.366}),
    ("weibull", "accelerated", {"arm_effect": -1.267, "intercept": 2.248 + 1.267, "shape": 1.366}),
    ("log_logistic", "accelerated", {"arm_effect": -1.265, "intercept": 1.893 + 1.265, "scale": 0.547}),
]


@pytest.mark.parametrize(("family", "effects", "published"), PUBLISHED)
def test_the_maximum_for_two_arms_is_the_published_one(family, effects, published):
    best = maximum(make_design(two_arms(family, effects), LEUKAEMIA))
    for name, value in published.items():
        assert float(np.ravel(best.parameters[name])[0]) == pytest.approx(value, abs=1.1e-3), name
    if family == "weibull":
        assert best.log_likelihood == pytest.approx(-106.579, abs=1e-3)


def test_the_weibull_of_ovarian_cancer_is_rs():
    """R: survreg(Surv(futime, fustat) ~ 1, ovarian, dist = "weibull") prints 7.111, scale 0.902, loglik -98."""
    asked = survival_model({"intercept": normal(1)} | OWN["weibull"], "weibull", effects="accelerated", unit="days")
    best = maximum(make_design(asked, OVARIAN))
    assert float(best.parameters["intercept"]) == pytest.approx(7.111, abs=6e-4)
    assert 1 / float(best.parameters["shape"]) == pytest.approx(0.902, abs=6e-4)
    assert best.log_likelihood == pytest.approx(-98.0, abs=0.05)


SCIPYS = {
    "weibull": (stats.weibull_min, lambda c, _, scale: (np.log(scale), {"shape": c})),
    "log_normal": (stats.lognorm, lambda s, _, scale: (np.log(scale), {"scale": s})),
    "log_logistic": (stats.fisk, lambda c, _, scale: (np.log(scale), {"scale": 1 / c})),
}


@pytest.mark.parametrize("family", SCIPYS)
def test_every_kind_of_censoring_has_scipys_maximum(family):
    rng = np.random.default_rng(12)
    exact = rng.weibull(1.4, 30) * 20
    seen = exact[:12]
    low = exact[12:22] * rng.uniform(0.5, 0.95, 10)
    high = exact[12:22] * rng.uniform(1.05, 1.6, 10)
    left, right = exact[22:25] * 1.3, exact[25:] * 0.7
    cases = pd.DataFrame(
        {
            "patient": range(30),
            "lower": [*seen, *low, *[np.nan] * 3, *right],
            "upper": [*seen, *high, *left, *[np.nan] * 5],
        }
    )
    asked = survival_model(
        {"intercept": normal(1)} | OWN[family],
        family,
        effects="accelerated",
        outcome={"time": "", "event": "", "lower": "lower", "upper": "upper"},
    )
    best = maximum(make_design(asked, cases))
    distribution, told = SCIPYS[family]
    data = stats.CensoredData(seen, left=left, right=right, interval=np.column_stack([low, high]))
    location, own = told(*distribution.fit(data, floc=0))
    assert float(best.parameters["intercept"]) == pytest.approx(location, abs=2e-3)
    for name, value in own.items():
        assert float(best.parameters[name]) == pytest.approx(value, rel=2e-3)


def test_profile_limits_cut_where_the_likelihood_has_fallen_by_half_a_chi_square():
    """Of an exponential the profile is known: two Poisson rates."""
    found = profiled(make_design(two_arms("exponential", "proportional"), LEUKAEMIA), "arm")
    (d0, y0), (d1, y1) = (
        (freireich.EVENT[a == freireich.ARM].sum(), freireich.TIME[a == freireich.ARM].sum()) for a in (0, 1)
    )

    def deviance(beta):
        rate = (d0 + d1) / (y0 + np.exp(beta) * y1)
        free = d0 * np.log(d0 / y0) + d1 * np.log(d1 / y1) - d0 - d1
        return 2 * (free - (d0 * np.log(rate) + d1 * (np.log(rate) + beta) - d0 - d1))

    assert found.estimate == pytest.approx(np.log(d1 / y1) - np.log(d0 / y0), abs=1e-4)
    assert [deviance(found.lower), deviance(found.upper)] == pytest.approx([stats.chi2.ppf(0.95, 1)] * 2, abs=1e-3)
    assert found.p == pytest.approx(stats.chi2.sf(deviance(0.0), 1), rel=1e-3)


def test_delta_limits_of_a_constant_hazard_are_known():
    """The log of a rate has the standard error 1 over the root of the events."""
    asked = survival_model({"intercept": normal(1)}, unit="weeks")
    table = classical(asked, LEUKAEMIA, at=[10, 50]).set_index("estimand")
    table = table[table["method"].str.startswith("maximum")]
    rate, events = freireich.EVENT.sum() / freireich.TIME.sum(), freireich.EVENT.sum()
    reach = np.exp(1.959964 / np.sqrt(events))
    told = table.loc["survival at 10 weeks"]
    assert [told["estimate"], told["lower"], told["upper"]] == pytest.approx(
        np.exp(-10 * rate * np.array([1, reach, 1 / reach])), rel=1e-4
    )
    told = table.loc["median survival"]
    assert [told["estimate"], told["lower"], told["upper"]] == pytest.approx(
        np.log(2) / rate * np.array([1, 1 / reach, reach]), rel=1e-4
    )
    assert "extrapolated" in table.loc["survival at 50 weeks", "note"]


def test_an_arm_without_events_has_its_limit_and_says_so():
    nobody = LEUKAEMIA.assign(event=LEUKAEMIA["event"] & (LEUKAEMIA["arm"] == "1"))
    table = classical(two_arms("exponential", "proportional"), nobody, by="arm")
    [row] = table[table["method"].str.startswith("maximum") & (table["unit"] == "ratio")].to_dict("records")
    assert row["estimate"] == np.inf
    assert row["upper"] == np.inf
    # the lower limit is where all 21 events fall to arm 1 by chance: a closed form of the exponential
    y0, y1 = (freireich.TIME[a == freireich.ARM].sum() for a in (0, 1))
    r = row["lower"]
    assert -2 * 21 * np.log(r * y1 / (y0 + r * y1)) == pytest.approx(stats.chi2.ppf(0.95, 1), abs=1e-3)
    assert "rises without end towards this ratio" in row["note"]


@pytest.mark.parametrize(
    ("asked", "cases", "said"),
    [
        (two_arms("weibull", "proportional"), LEUKAEMIA.assign(event=False), "no event"),
        (
            survival_model(
                {"intercept": normal(1), "arm_sd": half_normal(1)}, unit="weeks", terms={"arm": {"kind": "group"}}
            ),
            LEUKAEMIA,
            "levels of a group",
        ),
        (
            survival_model(
                {"intercept": normal(1), "hazard_sd": half_normal(1)}, "piecewise_exponential", pieces=3, unit="weeks"
            ),
            LEUKAEMIA,
            "made of pieces",
        ),
    ],
)
def test_what_has_no_maximum_says_why(asked, cases, said):
    assert said in why_not(make_design(asked, cases))
    table = classical(asked, cases)
    [row] = table[table["method"].str.startswith("maximum")].to_dict("records")
    assert np.isnan(row["estimate"])
    assert said in row["note"]


def test_a_single_event_leaves_a_weibull_without_a_maximum():
    """One event at the last time: the steeper the better."""
    cases = pd.DataFrame({"patient": [1, 2, 3], "time": [4.0, 6.0, 9.0], "event": [False, False, True]})
    asked = survival_model({"intercept": normal(1)} | OWN["weibull"], "weibull", effects="proportional")
    assert maximum(make_design(asked, cases)) is None
    table = classical(asked, cases)
    [row] = table[table["method"].str.startswith("maximum")].to_dict("records")
    assert "rises without end" in row["note"]


def test_the_bundled_ratio_lies_at_zero_and_its_upper_limit_is_another_programs():
    """Nobody operated died. The benchmarks' own likelihood, climbed by a simplex, has fallen as far at that limit."""
    table = classical("overall_survival", "alk_crizotinib", by="surgery")
    [row] = table[table["method"].str.startswith("maximum") & (table["unit"] == "ratio")].to_dict("records")
    assert [row["estimate"], row["lower"]] == [0, 0]
    used = load("alk_crizotinib").dropna(subset="os_months")
    ever = used["surgery_any"].to_numpy(dtype=bool)
    follow_up = (used["os_months"].to_numpy(dtype=float), used["death"].to_numpy(dtype=bool))
    low, high = (used[f"surgery_{end}"].to_numpy(dtype=float)[ever] for end in ("earliest", "latest"))
    cohort = Cohort(*follow_up, np.where(ever, 0.0, np.inf))
    value = dated(cohort, dates_between(low, high, 60), intensity=True)

    def highest(beta):
        climbed = optimize.minimize(
            lambda x: -value(np.array([[x[0], x[1], beta, x[2]]]))[0],
            [-3.5, 0.0, -3.4],
            method="Nelder-Mead",
            options={"xatol": 1e-7, "fatol": 1e-9, "maxiter": 4000},
        )
        return -climbed.fun

    fallen = 2 * (highest(-25.0) - highest(np.log(row["upper"])))
    assert fallen == pytest.approx(stats.chi2.ppf(0.95, 1), abs=1e-3)


def test_proportional_and_accelerated_weibull_have_one_maximum():
    one = maximum(make_design(two_arms("weibull", "proportional"), LEUKAEMIA))
    other = maximum(make_design(two_arms("weibull", "accelerated"), LEUKAEMIA))
    assert one.log_likelihood == pytest.approx(other.log_likelihood, abs=1e-6)
    shape = float(one.parameters["shape"])
    assert float(one.parameters["arm_effect"][0]) == pytest.approx(
        -shape * float(other.parameters["arm_effect"][0]), abs=1e-4
    )


def test_the_unit_of_time_only_moves_the_intercept():
    days = LEUKAEMIA.assign(time=LEUKAEMIA["time"] * 7)
    one = maximum(make_design(two_arms("weibull", "proportional"), LEUKAEMIA))
    other = maximum(make_design(two_arms("weibull", "proportional"), days))
    for name in ("shape", "arm_effect"):
        assert other.parameters[name] == pytest.approx(one.parameters[name], abs=1e-4)


AGES = LEUKAEMIA.assign(age=np.random.default_rng(3).integers(20, 80, 42).astype(float))


def by_age(**line):
    terms = {"age": {"kind": "linear", **line}}
    return survival_model({"intercept": normal(1), "age_effect": normal(1)} | OWN["weibull"], "weibull",
                          effects="accelerated", unit="weeks", terms=terms)  # fmt: skip


@pytest.mark.parametrize(
    "line", [{"centre": 56, "scale": 0.1}, {"centre": 0, "scale": 1}, {"centre": -900, "scale": 1e4}]
)
def test_no_number_hangs_on_the_centre_and_the_scale_of_a_covariate(line):
    numbers = ["estimate", "lower", "upper"]
    tables = [classical(by_age(**one), AGES, at=[10, 50]) for one in ({"centre": 50, "scale": 10}, line)]
    one, other = (table.loc[table["method"].str.startswith("maximum"), numbers] for table in tables)
    assert other.to_numpy() == pytest.approx(one.to_numpy(), rel=1e-7)


def test_limits_are_those_of_second_derivatives_written_down():
    """Of a Weibull without covariates: the information of log(scale) and log(shape), summed over the patients."""
    asked = survival_model({"intercept": normal(1)} | OWN["weibull"], "weibull", effects="accelerated", unit="weeks")
    best = maximum(make_design(asked, LEUKAEMIA))
    mu, k = float(best.parameters["intercept"]), float(best.parameters["shape"])
    z = k * (np.log(freireich.TIME) - mu)
    d, risk = freireich.EVENT.astype(float), np.exp(z)
    own = (z * (risk - d) + z**2 * risk).sum()  # minus the second derivative by log shape
    cross = k * (d - risk - z * risk).sum()
    information = np.array([[k**2 * risk.sum(), cross], [cross, own]])
    slope = np.array([1.0, -np.log(np.log(2)) / k])  # log median: mu + log(log 2)/shape
    log_median, error = best.log_median()
    assert log_median == pytest.approx(mu + np.log(np.log(2)) / k, rel=1e-9)
    assert error == pytest.approx(np.sqrt(slope @ np.linalg.solve(information, slope)), rel=1e-7)


def arms(text):
    """Read "3+ 12 | 4+ 36" as two arms, those with a plus censored."""
    parts = [part.split() for part in text.split("|")]
    times = [float(cell.rstrip("+")) for part in parts for cell in part]
    event = [not cell.endswith("+") for part in parts for cell in part]
    arm = np.repeat([str(k) for k in range(len(parts))], [len(part) for part in parts])
    return pd.DataFrame({"patient": range(len(times)), "time": times, "event": event, "arm": arm})


@pytest.mark.parametrize(
    ("family", "text", "answers"),
    [
        ("weibull", "3+ 12 6+ | 4+ 36 10+ 20+", ["rises without end"]),  # one death an arm, the longest followed
        ("weibull", "5 5 3+ | 8 8 2+", ["rises without end"]),  # all deaths of an arm tied
        ("weibull", "5 | 8", ["rises without end"]),
        ("weibull", "5 7 3+ | 8 8 2+", [""]),
        ("log_normal", "3+ 12 6+ | 4+ 36 10+ 20+", ["rises without end"]),
        ("gompertz", "3+ 12 6+ | 4+ 36 10+ 20+", ["rises without end"]),
        ("exponential", "3+ 12 6+ | 4+ 36 10+ 20+", [""]),
        ("exponential", "5 7+ 9 | 4+ 9+ | 6+ 2+", ["towards this ratio", "towards this ratio"]),
        ("exponential", "5+ 7+ | 4+ 9 11 | 6+ 2+", ["towards this ratio", "do not tell"]),
        ("exponential", "5 7+ | 4 9 11+ | 6+ 2+", ["", "towards this ratio"]),
    ],
)
def test_a_likelihood_without_a_maximum_is_known_as_such_and_all_else_is_answered(family, text, answers):
    effects = "accelerated" if family == "log_normal" else "proportional"
    table = classical(two_arms(family, effects), arms(text), by="arm")
    ratios = table[table["method"].str.startswith("maximum") & (table["kind"] == "ratio")]
    assert len(ratios) == text.count("|")
    rest = table[~table["method"].str.startswith("maximum")]
    assert rest.loc[rest["method"] == "Kaplan-Meier", "estimate"].notna().any()
    for said, (_, row) in zip([*answers, *answers][: len(ratios)], ratios.iterrows(), strict=True):
        assert said in row["note"]
        if "towards" in said:
            assert row["estimate"] in (0.0, np.inf)
            assert np.isfinite([row["lower"], row["upper"]]).sum() == (1 if row["estimate"] else 2)
        else:
            assert np.isnan(row["estimate"]) == bool(said)


@pytest.mark.parametrize("ever", [[False] * 4, [True] * 4, [True, False, False, False]])
def test_an_exposure_of_nobody_and_of_everybody_has_no_ratio_from_nothing(ever):
    cases = arms("3+ 12 6 20+").assign(surgery=ever, start=[2.0 if one else None for one in ever])
    exposure = {"start": "start"}
    priors = {"intercept": normal(1), "surgery_effect": normal(1), "surgery_log_intensity": normal(2)}
    table = classical(survival_model(priors, exposure=exposure), cases, by="surgery")
    [row] = table[table["method"].str.startswith("maximum") & (table["kind"] == "ratio")].to_dict("records")
    if not any(ever):
        assert np.isnan(row["estimate"])
        assert "do not tell" in row["note"]
    else:
        assert row["estimate"] == (0.0 if sum(ever) == 1 else np.inf)
