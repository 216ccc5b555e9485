"""Ordered categories: probabilities, laws of the two links, and a published table."""

import itertools
import math

import numpy as np
import pytest
from scipy import integrate, optimize, special, stats

from casepool.modelling import make_design, model_from_dict
from casepool.modelling.design.endpoint_counts import reached
from casepool.modelling.families.arrays import NUMPY
from casepool.modelling.families.responses import adjacent, cumulative
from casepool.modelling.specification.endpoints import endpoints, event
from casepool.remarks import note_of

from .small import HALF, LEVELS, NORMAL, by_patient, response_model, table, total

OUTCOME = {"column": "response", "levels": list(LEVELS)}
LINKS = {"cumulative": cumulative, "adjacent": adjacent}
CUTS = {"first_cutpoint": np.array(-1.3), "cutpoint_gap": np.array([0.4, 2.2])}
LINEAR = {"kind": "linear", "centre": 18, "scale": 10, "bounds": [0, 110]}


def ordinal_model(terms, link="cumulative", levels=LEVELS, **outcome):
    """An ordinal model of the given terms, every prior standard."""
    priors = {"first_cutpoint": NORMAL} | ({"cutpoint_gap": HALF} if len(levels) > 2 else {})
    for name, term in terms.items():
        priors |= {f"{name}_sd": HALF} if term["kind"] == "group" else {f"{name}_effect": NORMAL}
    plain = {"family": "ordinal", "link": link, "terms": terms, "priors": priors}
    return model_from_dict(plain | {"outcome": OUTCOME | {"levels": list(levels)} | outcome}, name="small")


def probabilities(link, eta, parameters):
    etas = [np.atleast_1d(np.asarray(eta, dtype=float))] * (len(parameters["cutpoint_gap"]) + 1)
    return np.exp(np.stack(LINKS[link](etas, parameters, NUMPY)))


@pytest.mark.parametrize("eta", [-3.0, 0.0, 0.7, 5.0])
def test_cumulative_probabilities_are_differences_of_logistics(eta):
    cuts = np.array([-1.3, -0.9, 1.3])
    below = stats.logistic.cdf(cuts - eta)
    assert probabilities("cumulative", eta, CUTS)[:, 0] == pytest.approx(np.diff([0, *below, 1]), abs=1e-14)


@pytest.mark.parametrize("eta", [-3.0, 0.0, 0.7, 5.0])
def test_each_step_of_adjacent_categories_has_the_stated_odds(eta):
    p = probabilities("adjacent", eta, CUTS)[:, 0]
    assert p.sum() == pytest.approx(1, abs=1e-14)
    assert np.log(p[1:] / p[:-1]) == pytest.approx(eta - np.array([-1.3, -0.9, 1.3]), abs=1e-12)


@pytest.mark.parametrize("link", LINKS)
def test_probabilities_add_up_to_one_and_keep_their_digits_far_out(link):
    eta = np.array([-700.0, -60.0, 0.0, 60.0, 700.0])
    log_p = np.stack(LINKS[link]([eta] * 3, CUTS, NUMPY))
    assert np.isfinite(log_p).all()
    assert np.exp(log_p).sum(axis=0) == pytest.approx(np.ones(5), abs=1e-13)
    if link == "cumulative":  # far out a logistic tail is an exponential, so the width of a category is all that counts
        assert log_p[1, 3] == pytest.approx(-60 + math.log(math.exp(-0.9) - math.exp(-1.3)), abs=1e-9)
        assert log_p[2, 1] == pytest.approx(-60 + math.log(math.exp(0.9) - math.exp(-1.3)), abs=1e-9)


ROWS = {
    "histology": ["A", "B", None, "B", "A", None],
    "age": [30.0, 61.0, 5.0, np.nan, 44.0, np.nan],
    "response": ["PD", "SD", "PR", "CR", "PR", "SD"],
}
TERMS = {"histology": {"kind": "group"}, "age": LINEAR}
VALUES = {"histology_effect": [0.8, -1.1], "age_effect": 0.3, "age_mean": -0.5, "age_spread": 0.9}
VALUES |= {"histology_share": [0.35, 0.65], "first_cutpoint": -1.3, "cutpoint_gap": [0.4, 2.2]}


def mirrored(values, cuts):
    """Every effect's sign turned, and the cutpoints mirrored."""
    turned = {name: -np.asarray(v) if name.endswith("_effect") else v for name, v in values.items()}
    return turned | {"first_cutpoint": -cuts[-1], "cutpoint_gap": np.diff(-cuts[::-1])}


@pytest.mark.parametrize("link", LINKS)
def test_reversing_categories_and_every_sign_changes_nothing(link):
    cases = table(**ROWS)
    there = by_patient(ordinal_model(TERMS, link), cases, **VALUES)
    cuts = np.array([-1.3, -0.9, 1.3])
    back = by_patient(ordinal_model(TERMS, link, LEVELS[::-1]), cases, **mirrored(VALUES, cuts))
    assert back == pytest.approx(there, abs=1e-10)


def test_reversing_effects_by_category_changes_nothing_and_adjacent_cutpoints_need_no_order():
    terms = {"histology": {"kind": "category", "by_category": True}, "age": LINEAR | {"by_category": True}}
    effects = {"histology_effect": [[0.8, -1.1, 0.3]], "age_effect": [0.3, 0.0, -0.4]}
    cuts = np.array([-1.3, -2.1, 0.6])
    values = VALUES | effects | {"cutpoint_gap": np.diff(cuts)}
    there = by_patient(ordinal_model(terms, "adjacent"), table(**ROWS), **values)
    turned = mirrored(values, cuts)
    turned |= {name: np.asarray(turned[name])[..., ::-1] for name in effects}
    back = by_patient(ordinal_model(terms, "adjacent", LEVELS[::-1]), table(**ROWS), **turned)
    assert back == pytest.approx(there, abs=1e-10)


def test_effects_by_category_that_are_alike_are_one_effect():
    one, own = (ordinal_model({"age": LINEAR | {"by_category": flag}}, "adjacent") for flag in (False, True))
    values = {name: VALUES[name] for name in ("age_mean", "age_spread", "first_cutpoint", "cutpoint_gap")}
    cases = table(age=ROWS["age"], response=ROWS["response"])
    expected = by_patient(one, cases, age_effect=0.3, **values)
    assert by_patient(own, cases, age_effect=[0.3] * 3, **values) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("link", LINKS)
def test_two_categories_are_a_bernoulli_response(link):
    cases = table(histology=["A", "B", None, "A"], response=["PR", "SD", "SD", "PR"], n=[1, 3, 1, 2])
    two = {"column": "response", "levels": ["SD", "PR"], "success": ["PR"], "n": "n"}
    values = {"histology_effect": [0.8, -1.1], "histology_share": [0.4, 0.6]}
    group = {"histology": {"kind": "group"}}
    ordinal = by_patient(ordinal_model(group, link, ("SD", "PR"), n="n"), cases, first_cutpoint=0.6, **values)
    bernoulli = by_patient(response_model(group, two), cases, intercept=-0.6, **values)
    assert ordinal == pytest.approx(bernoulli, abs=1e-14)


@pytest.mark.parametrize("link", LINKS)
def test_what_is_missing_is_summed_and_integrated_out(link):
    got = by_patient(ordinal_model(TERMS, link), table(**ROWS), **VALUES)

    def chance(effect, age, response):
        eta = effect + 0.3 * (age - 18) / 10
        cuts = np.array([-1.3, -0.9, 1.3])
        if link == "cumulative":
            p = np.diff([0, *special.expit(cuts - eta), 1])
        else:
            p = special.softmax([0, *np.cumsum(eta - cuts)])
        return p[LEVELS.index(response)]

    effects, shares = {"A": 0.8, "B": -1.1}, {"A": 0.35, "B": 0.65}
    for i, (histology, age, response) in enumerate(zip(*ROWS.values(), strict=True)):
        expected = 0.0
        for label, share in shares.items() if histology is None else [(histology, 1.0)]:
            if math.isnan(age):

                def density(z, label=label, response=response):
                    at = 110 * special.expit(-0.5 + 0.9 * z)
                    return stats.norm.pdf(z) * chance(effects[label], at, response)

                expected += share * integrate.quad(density, -12, 12, epsabs=1e-13, limit=400)[0]
            else:
                expected += share * chance(effects[label], age, response)
        assert got[i] == pytest.approx(math.log(expected), abs=1e-8)


@pytest.mark.parametrize("link", LINKS)
def test_a_row_of_several_patients_is_that_many_rows(link):
    counted = table(response=["PD", "PR"], n=[3, 2])
    spread = table(response=["PD"] * 3 + ["PR"] * 2)
    values = {name: VALUES[name] for name in ("first_cutpoint", "cutpoint_gap")}
    one, other = ordinal_model({}, link, n="n"), ordinal_model({}, link)
    assert total(one, counted, **values) == pytest.approx(total(other, spread, **values), abs=1e-12)


def test_without_borrowing_the_first_cutpoint_is_at_zero():
    terms = {"histology": {"kind": "group", "borrowing": "none"}}
    priors = {"histology_own": NORMAL, "cutpoint_gap": HALF}
    none = model_from_dict({"family": "ordinal", "outcome": OUTCOME, "terms": terms, "priors": priors}, name="small")
    cases = table(histology=["A", "B", "B"], response=["PD", "PR", "CR"])
    values = {"histology_effect": [0.8, -1.1], "cutpoint_gap": [0.4, 2.2]}
    partial = ordinal_model({"histology": {"kind": "group"}})
    assert total(none, cases, **values) == total(partial, cases, first_cutpoint=0.0, **values)


CHEESE = {
    "A": [0, 0, 1, 7, 8, 8, 19, 8, 1],
    "B": [6, 9, 12, 11, 7, 6, 1, 0, 0],
    "C": [1, 1, 6, 8, 23, 7, 5, 1, 0],
    "D": [0, 0, 0, 1, 3, 7, 14, 16, 11],
}
"""Four cheeses tasted by 52 people, from strong dislike (1) to excellent (9): McCullagh and Nelder 1989, table 5.1."""


def test_the_maximum_of_the_likelihood_is_the_published_one():
    """Cutpoints and effects against cheese D as printed in SAS/STAT's PROC LOGISTIC, example "Ordinal logistic"."""
    rows = [(cheese, str(k + 1), n) for cheese, counts in CHEESE.items() for k, n in enumerate(counts) if n]
    cheese, response, n = zip(*rows, strict=True)
    terms = {"cheese": {"kind": "category", "reference": "D"}}
    tasted = ordinal_model(terms, levels=[str(k + 1) for k in range(9)], n="n")
    cases = table(cheese=list(cheese), response=list(response), n=list(n))

    def lost(x):
        values = {"first_cutpoint": x[0], "cutpoint_gap": np.exp(x[1:8]), "cheese_effect": x[8:]}
        return -total(tasted, cases, **values)

    best = optimize.minimize(lost, np.concatenate([[-5.0], np.zeros(7), np.zeros(3)]), method="BFGS").x
    cuts = best[0] + np.concatenate([[0.0], np.cumsum(np.exp(best[1:8]))])
    printed = [-7.0801, -6.0249, -4.9254, -3.8568, -2.5205, -1.5685, -0.0669, 1.4930]
    assert cuts == pytest.approx(printed, abs=1e-3)
    assert best[8:] == pytest.approx([-1.6128, -4.9645, -3.3227], abs=1e-3)


def test_endpoints_are_categories_and_everything_from_one_up():
    asked = endpoints(ordinal_model({}))
    assert [end.at for end in asked] == [*LEVELS, "at least SD", "at least PR", "at least CR"]
    p = [np.array(x) for x in (0.1, 0.2, 0.3, 0.4)]
    assert [float(end.of(p)) for end in asked[4:]] == pytest.approx([0.9, 0.7, 0.4])
    assert event(ordinal_model({})).at == "at least SD"
    assert event(ordinal_model({}, success=["PR", "CR"])).words == "at least PR (PR or CR)"


def test_categories_nobody_reached_are_said():
    model = ordinal_model({})
    for responses, said in (
        (["PD", "SD", "PR", "CR"], ""),
        (["PD", "CR"], "nobody in the fit reached SD or PR"),
        (["PR", "PR"], "only PR was reached: how far apart the categories lie is the prior's"),
    ):
        assert note_of(reached(make_design(model, table(response=responses)))) == said


def test_two_ordinal_factors_may_cross_with_sets():
    """A patient of two partners has the mean of their effects, whatever the outcome."""
    model = ordinal_model({"partner": {"kind": "group"}})
    cases = table(partner=["x", "y", "x;y"], response=["SD", "SD", "SD"])
    cases.attrs["codebook"] = {"columns": {"partner": {"type": "set", "separator": ";"}}}
    values = {name: VALUES[name] for name in ("first_cutpoint", "cutpoint_gap")}
    effects = [1.7, -0.5]
    both = by_patient(model, cases, partner_effect=effects, **values)[2]
    mean = by_patient(model, cases, partner_effect=[np.mean(effects)] * 2, **values)[0]
    assert both == pytest.approx(mean, abs=1e-12)


def test_likelihoods_of_all_outcomes_add_up_to_one():
    for link, histology in itertools.product(LINKS, ("A", None)):
        cases = table(histology=["A", "B", *[histology] * 4], response=["PD", "CR", *LEVELS])
        share = {"histology_share": [0.3, 0.7]} if histology is None else {}
        values = {k: VALUES[k] for k in ("histology_effect", "first_cutpoint", "cutpoint_gap")} | share
        log_p = by_patient(ordinal_model({"histology": {"kind": "group"}}, link), cases, **values)[2:]
        assert np.exp(log_p).sum() == pytest.approx(1, abs=1e-12)


def test_a_levels_own_prior_describes_the_log_odds_of_leaving_the_worst_category():
    model = ordinal_model({"histology": {"kind": "group"}})
    zero = model.of_family.zero_point(CUTS)
    assert zero == 1.3
    better = 1 - probabilities("cumulative", 0.8, CUTS)[0, 0]
    assert special.logit(better) == pytest.approx(zero + 0.8)
    assert response_model({}).of_family.zero_point({"intercept": np.array(0.4)}) == 0.4
