"""Slopes by level and interactions: laws of their likelihood, and answers against a grid and published numbers."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import special

import casepool as cp
from casepool.errors import CasepoolError
from casepool.inference.graph import build_design
from casepool.modelling import make_design, model_from_dict
from casepool.modelling.design.density import Density
from casepool.modelling.families.arrays import NUMPY
from casepool.modelling.families.registry import FAMILIES
from casepool.modelling.specification.printing import describe
from tests.small import LEVELS, counts, fixed, half_normal, normal, response_model

RNG = np.random.default_rng(4)
SITES = ["A", "B", "C"]
TABLE = pd.DataFrame(
    {
        "patient": [f"p{i}" for i in range(18)],
        "response": ["yes", "no", "yes", "yes", "no", "no"] * 3,
        "time": [3.0, 8.0, 20.0, 14.0, 1.5, 30.0, 42.0, 9.0, 5.0] * 2,
        "event": [True, False, True] * 6,
        "best": ["PD", "SD", "CR", "SD", "PD", "CR"] * 3,
        "site": (["A", "B", "C", None] * 5)[:18],
        "sex": ["F", "M", "F"] * 6,
        "age": [4.0, 11.0, 25.0, None, 60.0, 33.0, 18.0, 2.0, 41.0] * 2,
    }
)
TERMS = {
    "site": {"kind": "group"},
    "sex": {"kind": "category"},
    "age": {"kind": "linear", "centre": 18, "scale": 10, "bounds": [0, 110]},
}
PRIORS = {"intercept": normal(1.5), "site_sd": half_normal(1), "sex_effect": normal(1), "age_effect": normal(0.5)}
SLOPE = {"age_by_site": {"kind": "slope", "of": "age", "by": "site"}}
CELLS = {"site_by_sex": {"kind": "interaction", "of": ["site", "sex"]}}
SDS = {"age_by_site_sd": half_normal(0.5), "site_by_sex_sd": half_normal(0.5)}
FORMS = [(name, form) for name, family in FAMILIES.items() for form in family.equation if form != "time"]


def model_of(terms=None, priors=None, *, family="bernoulli", form="", **changes):
    """A model of the table with both kinds of joint terms, in any family; `changes` of one term."""
    terms = {**TERMS, **SLOPE, **CELLS} if terms is None else terms
    plain = {"family": family, "terms": terms, "priors": PRIORS | SDS if priors is None else priors}
    own = FAMILIES[family]
    if own.is_survival:
        plain["outcome"] = {"time": "time", "event": "event", "unit": "months"}
    elif own.form_key:
        plain["outcome"] = {"column": "best", "levels": ["PD", "SD", "CR"]}
        plain["priors"] = {key: prior for key, prior in plain["priors"].items() if key != "intercept"}
    else:
        plain["outcome"] = {key: value for key, value in LEVELS.items() if key not in ("events", "n")}
    plain |= {own.form_key: form} if form else {}
    plain |= {own.shape_keys[0]: [6.0, 12.0]} if own.shape_keys else {}
    plain["terms"] = {name: {**term, **changes.get(name, {})} for name, term in plain["terms"].items()}
    return model_from_dict(plain, name="joint", complete=True)


def likelihood(design, parameters):
    return Density(design).log_likelihood(parameters, NUMPY)


def drawn(design):
    density = Density(design)
    return density.from_normal(RNG.normal(size=(5, density.size)), NUMPY)


@pytest.mark.parametrize(("family", "form"), FORMS)
def test_a_joint_term_without_spread_is_none(family: str, form: str) -> None:
    """At sd Fixed 1e-6 the answer of every family is that of the file without the term, to 1e-6 a patient."""
    held = PRIORS | {name: fixed(1e-6) for name in SDS}
    with_terms = make_design(model_of(priors=held, family=family, form=form), TABLE)
    without = make_design(model_of(TERMS, PRIORS, family=family, form=form), TABLE)
    density = Density(with_terms)
    made = density.from_normal(RNG.normal(size=(5, density.size)) / 5, NUMPY)
    known = {name: values for name, values in made.items() if name in {own.name for own in without.parameters}}
    np.testing.assert_allclose(np.exp(likelihood(with_terms, made)), np.exp(likelihood(without, known)), atol=1e-6)
    wide = made | {name: made[name] + 1.0 for name in ("age_by_site_slope", "site_by_sex_effect")}
    assert not np.allclose(likelihood(with_terms, wide), likelihood(without, known), atol=1e-2)


@pytest.mark.parametrize(("family", "form"), FORMS)
def test_moving_the_centre_leaves_the_likelihood(family: str, form: str) -> None:
    """Intercept and effects of levels told from another age, slopes kept: the same likelihood to 1e-10."""
    terms = {**TERMS, **SLOPE}
    priors = {name: prior for name, prior in (PRIORS | SDS).items() if not name.startswith("site_by")}
    here = make_design(model_of(terms, priors, family=family, form=form), TABLE)
    there = make_design(model_of(terms, priors, family=family, form=form, age={"centre": 30}), TABLE)
    made = drawn(here)
    moved = (30 - 18) / 10
    slopes, mean = made["age_by_site_slope"], made["age_effect"]
    location, sign = FAMILIES[family].location.name, FAMILIES[family].sign
    changed = {
        location: made[location] + sign * moved * mean,
        "site_effect": made["site_effect"] + moved * (slopes - mean[..., None]),
    }
    np.testing.assert_allclose(likelihood(there, made | changed), likelihood(here, made), atol=1e-10)


def test_the_order_of_the_two_terms_says_nothing() -> None:
    one, other = (make_design(model_of(site_by_sex={"of": of}), TABLE) for of in (["site", "sex"], ["sex", "site"]))
    assert one.laid.labels["site_by_sex"] == other.laid.labels["site_by_sex"]
    made = drawn(one)
    np.testing.assert_array_equal(likelihood(one, made), likelihood(other, made))


def test_only_cells_that_occur_have_a_coordinate() -> None:
    """A missing label may be any, so its cells occur too; without it only those that were seen."""
    frame = pd.DataFrame({"site": ["A", "A", "B"], "sex": ["F", "M", "F"], "age": [1.0] * 3, "response": ["yes"] * 3})
    cells = make_design(model_of(), frame).laid.labels["site_by_sex"]
    assert cells == ("A & F", "A & M", "B & F")
    unknown = pd.concat([frame, pd.DataFrame({"site": [None], "sex": ["M"], "age": [1.0], "response": ["no"]})])
    assert make_design(model_of(), unknown).laid.labels["site_by_sex"] == ("A & F", "A & M", "B & F", "B & M")


def test_the_graph_has_the_same_density() -> None:
    design = make_design(model_of(), TABLE)
    built, density = build_design(design), Density(design)
    compiled = built.compile_logp(mode="FAST_COMPILE")
    order = {own.coordinate: built.rvs_to_values[built[own.coordinate]].name for own in density.free}
    places = RNG.normal(size=(3, density.size))
    ours = density.log_density(places, NUMPY)
    graph = [float(compiled({order[name]: part for name, part in density.split(x).items()})) for x in places]
    np.testing.assert_allclose(np.array(graph) - graph[0], ours - ours[0], rtol=1e-9, atol=1e-9)


def by_cell(borrowing: str, sd: dict, **more):
    terms = {"site": {"kind": "category"}, "sex": {"kind": "category"}}
    terms["both"] = {"kind": "interaction", "of": ["site", "sex"], "borrowing": borrowing}
    held = {"site_effect": fixed(0.0), "sex_effect": fixed(0.0)}
    return response_model(terms, {"intercept": normal(1.5)} | held | sd, **more)


def test_an_interaction_is_what_a_grid_says() -> None:
    """Cells about one intercept, their deviations integrated out by quadrature written without casepool."""
    y, n = np.array([1, 5, 4]), np.array([6, 7, 4])
    table = counts(y.tolist(), n.tolist(), site=["A", "A", "B"], sex=["F", "M", "F"])
    fit = cp.fit(by_cell("partial", {"both_sd": half_normal(1)}), table, seed=1, progress=False)
    z, w = np.polynomial.hermite_e.hermegauss(60)
    a, sd = np.linspace(-7, 7, 281)[:, None, None], np.linspace(0.01, 5, 250)[None, :, None]
    p = special.expit(a + sd * z)
    parts = [p**k * (1 - p) ** (m - k) for k, m in zip(y, n, strict=True)]
    mass = [part @ w for part in parts]
    total = mass[0] * mass[1] * mass[2] * np.exp(-((a / 1.5) ** 2) / 2 - sd**2 / 2)[..., 0]
    expected = (total * ((parts[1] * p) @ w) / mass[1]).sum() / total.sum()
    squared = (total * ((parts[1] * p**2) @ w) / mass[1]).sum() / total.sum()
    post = fit["posterior"]
    cell = special.expit(post["intercept"] + post["both_effect"].sel(both="A & M")).to_numpy()
    spread = np.sqrt(squared - expected**2)
    assert json.loads(fit.attrs["engine"])["run"] == "lockstep"
    assert cell.mean() == pytest.approx(expected, abs=0.1 * spread)
    assert cell.std() == pytest.approx(spread, rel=0.05)
    assert float(post["both_sd"].mean()) == pytest.approx((total * sd[..., 0]).sum() / total.sum(), abs=0.06)


def test_a_cell_nobody_is_in_is_drawn_anew(monkeypatch) -> None:
    """Its probability is the prior's about the intercept of each draw, in `standardised` and of a new patient alike."""
    table = counts([1, 5, 4], [6, 7, 4], site=["A", "A", "B"], sex=["F", "M", "F"])
    fit = cp.fit(by_cell("partial", {"both_sd": fixed(0.8)}), table, seed=1, progress=False)
    z, w = np.polynomial.hermite_e.hermegauss(40)
    alone = (special.expit(fit["posterior"]["intercept"].to_numpy()[..., None] + 0.8 * z) @ w / w.sum()).mean()
    new = cp.predict(fit, pd.DataFrame({"patient": ["x", "y"], "site": ["B", "C"], "sex": ["M", "F"]}))
    np.testing.assert_allclose(new["mean"], alone, atol=0.02)
    told = cp.estimates(fit, "site", target="standardised").set_index("level")
    post = fit["posterior"]
    seen = special.expit(post["intercept"] + post["both_effect"].sel(both="B & F")).to_numpy().mean()
    assert told.loc["B", "mean"] == pytest.approx((10 * seen + 7 * alone) / 17, abs=0.02)
    assert "1 of 4 cells of both have no patient" in told.loc["B", "note"]
    assert "cells of both" not in cp.estimates(fit, "site").set_index("level").loc["B", "note"]


def of_slopes(borrowing: str = "partial", slope_sd: float = 0.5):
    """Histology and age of the bundled table, with a slope of age by histology."""
    own = (
        {"age_by_histology_slope": normal(0.5)}
        if borrowing == "none"
        else {"age_effect": normal(0.5), "age_by_histology_sd": half_normal(slope_sd)}
    )
    terms = {
        "histology": {"kind": "group"},
        "age": {"kind": "linear", "centre": 18, "scale": 10, "missing": "drop"},
        "age_by_histology": {"kind": "slope", "of": "age", "by": "histology", "borrowing": borrowing},
    }
    outcome = {"column": "best_response", "levels": ["PD", "SD", "PR", "CR"], "success": ["PR", "CR"]}
    return response_model(terms, {"intercept": normal(1.5, 1.0), "histology_sd": half_normal(1)} | own, **outcome)


@pytest.fixture(scope="module")
def slopes():
    return cp.fit(of_slopes(), "alk_crizotinib", seed=1, progress=False)


def test_slopes_of_the_bundled_table_are_the_reference(slopes) -> None:
    """Importance sampling without casepool: EIMT 0.050 with sd 0.445, and a mean slope sd of 0.324."""
    post = slopes["posterior"]
    eimt = post["age_by_histology_slope"].sel(histology="EIMT").to_numpy()
    assert eimt.mean() == pytest.approx(0.050, abs=0.0445)
    assert eimt.std() == pytest.approx(0.445, rel=0.06)
    assert float(post["age_by_histology_sd"].mean()) == pytest.approx(0.324, abs=0.03)


def test_a_new_patient_has_the_slope_of_its_level_and_an_unseen_level_one_of_its_own(slopes) -> None:
    ages = [18.0, 68.0, 18.0, 68.0]
    new = pd.DataFrame({"patient": list("abcd"), "histology": ["EIMT", "EIMT", "new", "new"], "age": ages})
    told = cp.predict(slopes, new).set_index("level")
    post = slopes["posterior"]
    level = post["intercept"] + post["histology_effect"].sel(histology="EIMT")
    slope = post["age_by_histology_slope"].sel(histology="EIMT")
    for name, steps in (("a", 0.0), ("b", 5.0)):
        assert told.loc[name, "mean"] == pytest.approx(float(special.expit(level + steps * slope).mean()))
    assert told.loc["d", "sd"] > told.loc["c", "sd"]


def test_slopes_without_borrowing_have_no_mean(monkeypatch) -> None:
    """Each level's slope is its own prior's, so the number has no effect of its own, and prediction still works."""
    model = of_slopes("none")
    assert "age_effect" not in model.prior_keys
    assert "age_by_histology_slope" in model.prior_keys
    design = make_design(model, cp.load("alk_crizotinib"))
    made = drawn(design)
    other = {"histology_effect": made["histology_effect"], "intercept": made["intercept"]}
    zero = made | {"age_by_histology_slope": np.zeros_like(made["age_by_histology_slope"])}
    plain = make_design(
        response_model(
            {"histology": {"kind": "group"}, "age": {"kind": "linear", "missing": "drop"}},
            {"intercept": normal(1), "histology_sd": half_normal(1), "age_effect": fixed(0.0)},
            column="best_response",
            levels=["PD", "SD", "PR", "CR"],
            success=["PR", "CR"],
        ),
        cp.load("alk_crizotinib"),
    )
    shares = {name: values for name, values in made.items() if name.endswith("_share")}
    flat = other | shares | {"age_effect": np.zeros(5)}
    np.testing.assert_allclose(likelihood(design, zero), likelihood(plain, flat), atol=1e-12)


def test_a_level_without_its_own_slope_data_tells_its_prior() -> None:
    """With `none` a level nobody has an age of keeps the prior's slope: mean 0, standard deviation 0.5."""
    table = counts([3, 2], [6, 5], histology=["A", "B"], age=[28.0, 18.0])
    terms = {
        "histology": {"kind": "group", "borrowing": "complete"},
        "age": {"kind": "linear", "centre": 18},
        "slopes": {"kind": "slope", "of": "age", "by": "histology", "borrowing": "none"},
    }
    fit = cp.fit(
        response_model(terms, {"intercept": normal(1), "slopes_slope": normal(0.5)}), table, seed=1, progress=False
    )
    slope = fit["posterior"]["slopes_slope"].sel(histology="B").to_numpy()
    assert (slope.mean(), slope.std()) == (pytest.approx(0.0, abs=0.04), pytest.approx(0.5, rel=0.05))


def test_a_file_goes_round_and_says_itself() -> None:
    import tomllib

    model = model_of()
    assert model_from_dict(tomllib.loads(model.to_toml()), name="joint") == model
    said = describe(model)
    assert "site_by_sex_effect[site, sex]" in said
    assert "(age_by_site_slope[site] - age_effect) (age - 18)/10" in said
    added = response_model(
        {name: TERMS[name] for name in ("site", "age")},
        {name: PRIORS[name] for name in ("intercept", "site_sd", "age_effect")},
    )
    added = added.with_term(
        "age_by_site", kind="slope", of="age", by="site", priors={"age_by_site_sd": half_normal(0.5)}
    )
    assert added.joint == {name: model.joint[name] for name in SLOPE}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"age_by_site": {"of": "size"}}, "must name a linear term"),
        ({"age_by_site": {"by": "sex"}}, "must name a group term"),
        ({"age_by_site": {"borrowing": "robust"}}, "choose one of partial, none"),
        ({"age_by_site": {"column": "age"}}, "column"),
        ({"site_by_sex": {"of": ["site", "age"]}}, "must name two terms"),
        ({"site_by_sex": {"of": ["site"]}}, "must name two terms"),
        ({"site_by_sex": {"of": "site"}}, "must be a list of different texts"),
        ({"again": {"kind": "interaction", "of": ["sex", "site"]}}, "says already"),
        ({"age_by_site": {"borrowing": "none"}, "x": {"kind": "slope", "of": "age", "by": "site"}}, "leave no mean"),
    ],
)
def test_a_joint_term_of_other_terms_is_refused(changes, said) -> None:
    terms = {**TERMS, **SLOPE, **CELLS}
    with pytest.raises(CasepoolError, match=said) as refused:
        model_of({name: {**terms.get(name, {}), **changes.get(name, {})} for name in {**terms, **changes}})
    assert refused.value.file == "joint.toml"
    assert "\n" not in str(refused.value)


def test_refits_of_some_patients_keep_cells_and_slopes() -> None:
    design = make_design(model_of(), TABLE)
    some = design.of_patients(np.arange(len(design.patients)) < 4)
    assert some.laid.labels == design.laid.labels
    made = drawn(design)
    np.testing.assert_allclose(likelihood(some, made), likelihood(design, made)[:, :4], atol=1e-12)
