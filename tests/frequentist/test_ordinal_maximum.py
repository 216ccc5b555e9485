"""The maximum of an ordinal likelihood against scipy in other coordinates, closed forms, and known limits."""

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, special, stats

import casepool as cp
from casepool.frequentist.ordinal_maximum import OrdinalMaximum, why_not
from casepool.modelling import make_design, model_from_dict
from casepool.modelling.design.likelihood import data_of, log_likelihood
from casepool.modelling.families.arrays import NUMPY
from tests.small import normal

LEVELS = ["PD", "SD", "PR", "CR"]
TERMS = {"sex": {"kind": "category", "reference": "a"}, "age": {"kind": "linear", "centre": 50, "scale": 10}}
LINKS = ("cumulative", "adjacent")
SUMMARY = ["estimate", "lower", "upper"]


def ordinal(link="cumulative", terms=TERMS, **outcome):
    priors = {
        "first_cutpoint": normal(1.0),
        "cutpoint_gap": {"dist": "Gamma", "alpha": 2.0, "beta": 1.0, "why": "test"},
    }
    if link == "adjacent":
        priors["cutpoint_gap"] = normal(1.0)
    priors |= {f"{name}_{'sd' if term['kind'] == 'group' else 'effect'}": (
        {"dist": "HalfNormal", "sigma": 1.0, "why": "test"} if term["kind"] == "group" else normal(1.0))
        for name, term in terms.items()}  # fmt: skip
    plain = {"family": "ordinal", "link": link, "terms": terms, "priors": priors}
    return model_from_dict({**plain, "outcome": {"column": "response", "levels": LEVELS, **outcome}}, name="small")


@pytest.fixture(scope="module")
def cases() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    age, sex = rng.normal(50, 12, 60), rng.integers(0, 3, 60)
    eta = 0.05 * (age - 50) + np.array([0, 0.7, -0.5])[sex]
    code = np.searchsorted([-1.0, 0.2, 1.5], eta + rng.logistic(size=60))
    columns = {"response": np.array(LEVELS)[code], "sex": np.array(["a", "b", "c"])[sex], "age": age}
    return pd.DataFrame({"patient": range(60), **columns})


class Searched:
    """Minus the log-likelihood category by category, in a first cutpoint, (log) gaps and effects, searched."""

    def __init__(self, cases: pd.DataFrame, link: str) -> None:
        self.link, self.age = link, cases["age"].to_numpy() - 50
        self.sex = np.searchsorted(["a", "b", "c"], cases["sex"])
        self.own = np.array([LEVELS.index(code) for code in cases["response"]])
        self.rows = np.arange(len(cases))
        self.best, self.height = self.search(20)

    def at(self, x: np.ndarray) -> float:
        gaps = np.exp(x[1:3]) if self.link == "cumulative" else x[1:3]
        cuts = x[0] + np.array([0.0, gaps[0], gaps[0] + gaps[1]])
        eta = np.array([0.0, x[3], x[4]])[self.sex] + x[5] * self.age / 10
        place = cuts[:, None] - eta
        if self.link == "cumulative":
            below = np.vstack([0 * eta, special.expit(place), 0 * eta + 1])
            p = below[self.own + 1, self.rows] - below[self.own, self.rows]
            return -float(np.log(np.maximum(p, 1e-300)).sum())
        scores = np.vstack([0 * eta, -place.cumsum(axis=0)])
        return float((special.logsumexp(scores, axis=0) - scores[self.own, self.rows]).sum())

    def search(self, starts: int, fixed: dict[int, float] | None = None) -> tuple[np.ndarray, float]:
        """Return the best of several searches from random places, some coordinates held."""
        rng, x = np.random.default_rng(1), np.zeros(6)
        for place, value in (fixed or {}).items():
            x[place] = value
        free = [k for k in range(6) if k not in (fixed or {})]

        def whole(y: np.ndarray) -> float:
            x[free] = y
            return self.at(x)

        options = {"gtol": 1e-7}
        found = [optimize.minimize(whole, rng.normal(size=len(free)) / 2, options=options) for _ in range(starts)]
        best = min(found, key=lambda one: one.fun)
        x[free] = best.x
        return x.copy(), float(best.fun)


@pytest.fixture(scope="module", params=LINKS)
def searched(request: pytest.FixtureRequest, cases: pd.DataFrame) -> Searched:
    return Searched(cases, request.param)


def ratios(model, cases, by):
    table = cp.classical(model, cases, by)
    return table[table["method"].str.contains("likelihood")]


def test_the_maximum_is_the_best_of_twenty_searches_in_other_coordinates(cases, searched) -> None:
    model, best = ordinal(searched.link), searched.best
    sex, age = (ratios(model, cases, by).query("kind == 'ratio'") for by in ("sex", "age"))
    assert np.log(sex["estimate"].to_numpy()) == pytest.approx(np.repeat(best[3:5], 2), abs=1e-6)
    assert np.log(age["estimate"].to_numpy()) == pytest.approx([best[5]] * 2, abs=1e-6)
    cut = ratios(model, cases, None)["estimate"].to_numpy()[::2]
    gaps = np.exp(best[1:3]) if searched.link == "cumulative" else best[1:3]
    assert cut == pytest.approx(best[0] + np.array([0, gaps[0], gaps.sum()]), abs=1e-6)


def test_limits_are_where_the_profile_has_fallen_and_wald_ones_by_the_second_derivatives(cases, searched) -> None:
    table = ratios(ordinal(searched.link), cases, "sex").query("level == 'b vs a'")
    profile, wald, p = table.to_dict("records")
    for limit in (profile["lower"], profile["upper"]):
        fallen = 2 * (searched.search(1, {3: np.log(limit)})[1] - searched.height)
        assert fallen == pytest.approx(stats.chi2.isf(0.05, 1), abs=1e-5)
    none = 2 * (searched.search(1, {3: 0.0})[1] - searched.height)
    assert p["estimate"] == pytest.approx(stats.chi2.sf(none, 1), abs=1e-6)
    moves, at = 1e-3 * np.eye(6), searched.at
    best = searched.best
    second = [[at(best + a + b) - at(best + a - b) - at(best - a + b) + at(best - a - b) for a in moves] for b in moves]
    error = np.sqrt(np.linalg.inv(np.array(second) / 4e-6)[3, 3])
    apart = (np.log(wald["upper"]) - np.log(wald["lower"])) / 2 / stats.norm.ppf(0.975)
    assert apart == pytest.approx(error, rel=1e-4)
    assert f"{apart:.4g}" in wald["note"]


@pytest.mark.parametrize("link", LINKS)
def test_what_is_climbed_is_the_models_own_likelihood(cases, link) -> None:
    design = make_design(ordinal(link), cases)
    best = OrdinalMaximum(design)
    point = best._top.point
    made = {"first_cutpoint": point[0], "cutpoint_gap": np.diff(point[:3])}
    made |= {"sex_effect": point[3:5] / best.scales[:2], "age_effect": point[5] / best.scales[2]}
    made = {name: np.asarray(value) for name, value in made.items()}
    assert best._top.found.value == pytest.approx(float(log_likelihood(data_of(design), made, NUMPY).sum()), abs=1e-9)


def test_without_terms_the_cutpoints_are_the_log_odds_counted() -> None:
    frame = pd.DataFrame({"patient": range(12), "response": ["PD"] * 2 + ["SD"] * 3 + ["PR"] * 6 + ["CR"]})
    table = ratios(ordinal(terms={}), frame, None)
    expected = special.logit(np.array([2, 5, 11]) / 12)
    assert table["estimate"].to_numpy()[::2] == pytest.approx(expected, abs=1e-9)
    wald = table[table["method"].str.endswith("Wald")].iloc[0]
    error = np.sqrt(1 / 2 + 1 / 10)  # of a log odds of 2 of 12
    assert wald["upper"] - wald["estimate"] == pytest.approx(stats.norm.ppf(0.975) * error, abs=1e-9)


def test_rows_of_several_patients_are_as_many_rows(cases) -> None:
    few = cases.assign(age=50.0)
    counted = few.groupby(["response", "sex"], as_index=False).size().rename(columns={"size": "n"})
    counted.insert(0, "patient", range(len(counted)))
    terms = {"sex": TERMS["sex"]}
    one = ratios(ordinal(terms=terms), few, "sex")
    many = ratios(ordinal(terms=terms, n="n"), counted, "sex")
    assert many[SUMMARY].to_numpy() == pytest.approx(one[SUMMARY].to_numpy(), abs=1e-8, nan_ok=True)


@pytest.mark.parametrize("link", LINKS)
def test_a_level_that_has_the_best_category_alone_has_an_infinite_ratio_and_one_limit(cases, link) -> None:
    """The others are told as if the level were not there, of which they say nothing."""
    alone = cases.assign(response=np.where(cases["sex"] == "c", "CR", cases["response"]))
    terms = {"sex": TERMS["sex"]}
    table = ratios(ordinal(link, terms), alone, "sex").query("kind == 'ratio'").set_index("level")
    row = table.loc[["c vs a"]]
    assert len(row) == 1  # without a standard error there are no Wald limits
    assert row["estimate"].item() == row["upper"].item() == np.inf
    assert 1 < row["lower"].item() < np.inf
    without = ratios(ordinal(link, terms), alone[alone["sex"] != "c"], "sex").query("kind == 'ratio'")
    both = table.loc[["b vs a"], SUMMARY].to_numpy()
    assert both == pytest.approx(without[SUMMARY].to_numpy(), rel=1e-6)


def test_a_category_that_nobody_has_leaves_cutpoints_joined(cases) -> None:
    some = cases[cases["response"] != "SD"]
    assert ratios(ordinal(), some, None)["at"].unique().tolist() == ["PD | PR", "PR | CR"]
    assert np.isfinite(ratios(ordinal(), some, "sex")["estimate"]).all()


def test_the_order_of_categories_turned_round_turns_every_ratio_round(cases) -> None:
    turned = dict(zip(LEVELS, LEVELS[::-1], strict=True))
    plain = ratios(ordinal(), cases, "sex").query("kind == 'ratio'")[SUMMARY].to_numpy()
    other = ratios(ordinal(), cases.assign(response=cases["response"].map(turned)), "sex")
    other = other.query("kind == 'ratio'")[["estimate", "upper", "lower"]].to_numpy()
    assert other == pytest.approx(1 / plain, rel=1e-6)


def test_what_is_not_maximised_says_why(cases) -> None:
    group = {"sex": {"kind": "group"}, "age": TERMS["age"]}
    [row] = ratios(ordinal(terms=group), cases, "age").to_dict("records")
    assert "not computed" in row["note"]
    assert "prior" in row["note"]
    assert ratios(ordinal(terms=group), cases, "sex").empty  # levels that inform each other are no coefficients
    same = why_not(make_design(ordinal(terms={}), cases.assign(response="PR")))
    assert same == "all patients have the same outcome"
    unknown = cases.assign(sex=cases["sex"].where(cases["patient"] > 0))
    assert "missing" in ratios(ordinal(), unknown, "sex")["note"].iloc[0]
    confounded = cases.assign(age=np.where(cases["sex"] == "b", 60.0, 50.0))
    assert "do not tell" in ratios(ordinal(), confounded, "age")["note"].iloc[0]


def test_an_odds_ratio_says_what_it_is_adjusted_for(cases: pd.DataFrame) -> None:
    alone = {"age": TERMS["age"]}
    for terms, adjusted in ((TERMS, True), (alone, False)):
        table = cp.classical(ordinal(terms=terms), cases, "age", progress=False)
        notes = table.loc[table["method"].str.startswith("maximum likelihood"), "note"]
        assert len(notes) == 3
        assert all(("adjusted for sex" in note) is adjusted for note in notes)
