"""What a reader sees of a model: everything in force, within 100 columns, and ranges that simulation confirms."""

import re

import numpy as np
import pytest
from scipy import special, stats

from casepool._resources import bundled
from casepool.modelling import list_models, model, model_from_dict
from casepool.modelling.families.priors import Prior
from casepool.modelling.families.registry import FAMILIES
from casepool.modelling.specification.cautions import guard
from casepool.modelling.specification.printing import describe, models_readme
from casepool.modelling.specification.prior_implications import (
    category_ranges,
    meaning,
    median_survival,
    prior_range,
    probability_across_levels,
    ratio_between_levels,
)
from casepool.numbers import number, percent
from tests.small import normal, response_model

from .small import HALF, NORMAL, survival_model
from .test_files import changed

DRAWS = 400_000


def words(text):
    return " ".join(text.split())


@pytest.mark.parametrize("name", list_models())
def test_printing_shows_everything_in_force(name):
    chosen = model(name)
    text = words(str(chosen))
    assert chosen.title in text
    assert words(FAMILIES[chosen.family].equation[chosen.form]) in text
    for column in chosen.columns():
        assert column in text
    for key, prior in chosen.priors.items():
        assert f"{key} ~ {prior}" in text
        assert words(prior.why) in text
    for lines in (str(chosen).splitlines(), describe(chosen).splitlines()):
        assert max(map(len, lines)) <= 100
    assert words(str(chosen).partition("Priors")[0]) == words(describe(chosen).partition("Priors")[0])


def test_priors_of_missing_values_are_shown_where_they_may_be_needed():
    text = str(model("objective_response"))
    assert "age_mean ~" in text
    assert "histology_share ~" in text
    kept_complete = changed("objective_response", "terms.age.missing", "drop")
    assert "age_mean ~" not in str(model_from_dict(kept_complete, name="mine"))


def test_the_replica_prints_its_guard():
    text = words(str(model("overall_survival_baseline")))
    assert "patients must survive to surgery" in text
    said = guard(who="was operated", what="surgery", free="alive")
    assert said in text
    assert said not in words(str(model("overall_survival")))


@pytest.mark.parametrize("borrowing", ["none", "complete", "partial", "robust", "exnex"])
def test_every_borrowing_prints(borrowing):
    plain = changed("objective_response", "terms.histology.borrowing", borrowing)
    plain["priors"]["histology_own"] = NORMAL
    if borrowing not in ("none", "exnex"):
        del plain["priors"]["histology_own"]
    if borrowing in ("none", "complete"):
        del plain["priors"]["histology_sd"]
    if borrowing == "none":
        del plain["priors"]["intercept"]
    text = words(str(model_from_dict(plain, name="mine")))
    assert ("histology_effect[histology]" in text) == (borrowing != "complete")
    assert ("histology_own ~" in text) == (borrowing in ("none", "exnex"))
    assert ("intercept ~" in text) == (borrowing != "none")


@pytest.mark.parametrize("family", [name for name in FAMILIES if FAMILIES[name].is_survival])
def test_every_survival_family_and_dating_prints(family):
    for effects in FAMILIES[family].equation:
        for dating in ("intensity", "uniform", "early", "late"):
            exposure = {"earliest": "low", "latest": "high", "dating": dating}
            assert "surgery" in str(survival_model(family, effects, exposure=exposure))


def test_the_readme_of_the_models_is_current():
    written = (bundled("models") / "README.md").read_text(encoding="utf-8")
    assert written == models_readme(), (
        "run: uv run python -m casepool.modelling.specification.printing > models/README.md"
    )


def test_the_readme_holds_every_model_and_prior():
    text = (bundled("models") / "README.md").read_text(encoding="utf-8")
    for name in list_models():
        chapter = re.split(r"^## ", text, flags=re.MULTILINE)[1 + list_models().index(name)]
        assert chapter.startswith(name)
        assert all(f"| `{key}` | {prior} |" in chapter for key, prior in model(name).priors.items())


@pytest.mark.parametrize(
    "prior",
    [
        Prior("HalfNormal", {"sigma": 1.0}),
        Prior("HalfNormal", {"sigma": 0.3}),
        Prior("HalfStudentT", {"nu": 4.0, "sigma": 0.5}),
        Prior("Exponential", {"lam": 2.0}),
    ],
    ids=str,
)
def test_ranges_of_a_group_sd_agree_with_simulation(prior):
    generator = np.random.default_rng(20210721)
    if prior.dist == "HalfStudentT":
        sd = np.abs(generator.standard_t(4, DRAWS)) * 0.5
    elif prior.dist == "Exponential":
        sd = generator.exponential(0.5, DRAWS)
    else:
        sd = np.abs(generator.normal(0, prior.parameters["sigma"], DRAWS))
    first, second = (generator.normal(size=DRAWS) * sd for _ in range(2))
    told = ratio_between_levels(prior)
    simulated = np.quantile(np.abs(first - second), [0.5, 0.025, 0.975])
    assert np.log([told.median, told.lower, told.upper]) == pytest.approx(simulated, rel=0.02, abs=2e-3)
    told = probability_across_levels(-0.7, prior)
    simulated = np.quantile(special.expit(-0.7 + first), [0.5, 0.025, 0.975])
    assert [told.median, told.lower, told.upper] == pytest.approx(simulated, abs=4e-3)
    told = prior_range(prior)
    assert [told.median, told.lower, told.upper] == pytest.approx(np.quantile(sd, [0.5, 0.025, 0.975]), rel=0.04)


def test_a_fixed_sd_is_told_exactly():
    told = ratio_between_levels(Prior("Fixed", {"value": 0.5}))
    difference = stats.halfnorm(scale=np.sqrt(2) * 0.5)
    assert np.log([told.median, told.lower, told.upper]) == pytest.approx(difference.ppf([0.5, 0.025, 0.975]), abs=1e-8)


def test_the_range_of_median_survival_agrees_with_simulation():
    """Of an intercept with a plain normal prior, which the shape does not bend; the other way: test_median_time."""
    shipped = changed("overall_survival", "priors.intercept", {"dist": "Normal", "mu": -3.5, "sigma": 1.5})
    chosen = model_from_dict(shipped, name="plain")
    generator = np.random.default_rng(20210721)
    prior = chosen.priors["intercept"].parameters
    eta = generator.normal(prior["mu"], prior["sigma"], DRAWS)
    alone = median_survival(chosen)
    simulated = np.quantile(np.log(np.log(2)) - eta, [0.5, 0.025, 0.975])
    assert np.log([alone.median, alone.lower, alone.upper]) == pytest.approx(simulated, abs=0.02)
    shape = np.exp(generator.normal(0, 0.5, DRAWS))
    together = median_survival(chosen, vary=True)
    simulated = np.quantile((np.log(np.log(2)) - eta) / shape, [0.5, 0.025, 0.975])
    assert np.log([together.median, together.lower, together.upper]) == pytest.approx(simulated, abs=0.08)


def test_numbers_have_two_digits_and_no_exponent():
    assert [number(x) for x in (0.05321, 1.0, 18.92, 433.7, 33981.0)] == ["0.053", "1", "19", "430", "34000"]
    assert [percent(p) for p in (0.0071, 0.1257, 0.98, 0.9929)] == ["0.71%", "13%", "98%", "99.3%"]


def test_half_normal_stays_as_it_was():
    assert str(Prior("HalfNormal", {"sigma": HALF["sigma"]})) == "HalfNormal(sigma = 1)"


@pytest.mark.parametrize("link", ["cumulative", "adjacent"])
def test_implied_category_probabilities_agree_with_simulation(link):
    chosen = model_from_dict(changed("best_response", "link", link), name="mine")
    generator = np.random.default_rng(20210721)
    first = generator.normal(-3, 1.5, DRAWS)
    cuts = np.cumsum([first, *generator.gamma(2, 1 / 0.8, (2, DRAWS))], axis=0)
    if link == "cumulative":
        p = -np.diff([np.ones(DRAWS), *special.expit(-cuts), np.zeros(DRAWS)], axis=0)
    else:
        p = special.softmax([np.zeros(DRAWS), *np.cumsum(-cuts, axis=0)], axis=0)
    told = {end.at: said for end, said in category_ranges(chosen)}
    assert list(told) == ["PD", "SD", "PR", "CR", "at least SD", "at least PR", "at least CR"]
    for at, probability in (*zip(["PD", "SD", "PR", "CR"], p, strict=True), ("at least PR", p[2] + p[3])):
        simulated = np.quantile(probability, [0.5, 0.025, 0.975])
        assert [told[at].median, told[at].lower, told[at].upper] == pytest.approx(simulated, abs=6e-3), at


def test_printing_says_what_the_categories_priors_imply():
    text = describe(model("best_response"))
    assert "at least PR (PR or CR): 67%" in text
    assert "Implied" not in describe(model("objective_response"))


def test_a_smooth_term_and_effects_by_category_print():
    plain = changed("best_response", "terms.age.by_category", True) | {"link": "adjacent"}
    text = words(str(model_from_dict(plain, name="mine")))
    assert "age_effect[step] (age - 18)/10" in text
    assert "an effect of its own at each step" in text
    plain = changed("objective_response", "terms.age.knots", [6, 15, 30, 50])
    plain["terms"]["age"]["kind"] = "smooth"
    plain["priors"]["age_wiggle_sd"] = HALF
    text = words(str(model_from_dict(plain, name="mine")))
    assert "age_effect (age - 18)/10 + age_curve(age)" in text
    assert "knots at 6, 15, 30, 50" in text


def test_a_target_rate_moves_what_priors_say_of_success():
    """Berry 2013: log odds of zero mean the target itself."""
    berry = model("basket_berry")
    odds = 0.3 / 0.7 * np.exp(2 * stats.norm.ppf([0.025, 0.975]))
    low, high = odds / (1 + odds)
    said = f"success in 30% ({percent(low)} to {percent(high)})"
    assert meaning(berry, "intercept") == said
    assert f"says: {said}" in words(describe(berry))
    by_column = model_from_dict(changed("basket_berry", "outcome.target", "rate"), name="mine")
    assert meaning(by_column, "intercept").endswith("times those of the target rate")


def test_a_levels_own_prior_is_told_as_a_rate():
    own = stats.norm(-1.734, 2.795)
    low, middle, high = (percent(special.expit(own.ppf(q))) for q in (0.025, 0.5, 0.975))
    assert meaning(model("basket_exnex"), "histology_own") == f"success in {middle} ({low} to {high})"
    effect = model_from_dict(changed("basket_exnex", "terms.histology.own", "effect"), name="mine")
    assert meaning(effect, "histology_own").startswith("odds ratio")


def test_missing_values_are_said_to_be_refused_where_they_are() -> None:
    priors = {"intercept": normal(1.5), "age_effect": normal(0.5)}
    line = {"kind": "linear", "centre": 18, "scale": 10}
    assert "a missing value is refused" in str(response_model({"age": line}, priors))
    assert "missing values are integrated out" in str(response_model({"age": line | {"bounds": [0, 110]}}, priors))


def test_a_hazard_that_may_fall_has_no_upper_limit_of_the_median():
    """More than half are cured where the whole hazard, exp(intercept) / -shape, stays below log 2."""
    prior = {"intercept": NORMAL | {"mu": -3}, "shape": NORMAL | {"sigma": 0.05}}
    plain = {"family": "gompertz", "outcome": {"time": "time", "event": "event"}, "priors": prior}
    gompertz = model_from_dict(plain, name="mine")
    told = median_survival(gompertz, vary=True)
    rng = np.random.default_rng(2)
    eta, shape = rng.normal(-3, 1, DRAWS), rng.normal(0, 0.05, DRAWS)
    cured = (shape < 0) & (np.exp(eta) < -shape * np.log(2))
    assert cured.mean() > 0.025
    assert told.upper == np.inf
    assert "to inf) with shape as its prior" in " ".join(describe(gompertz).split())


def test_an_own_prior_beside_nothing_borrowed_is_of_the_level():
    """There is no zero point an effect could be told against."""
    terms = {"kind": {"kind": "group", "borrowing": "none"}}
    assert meaning(response_model(terms, {"kind_own": NORMAL | {"why": "test"}}), "kind_own").startswith(
        "success in 50%"
    )
