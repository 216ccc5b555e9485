"""Selective publication: laws of the likelihood, the closed-form curve, and answers against plain sums."""

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

import casepool as cp
from casepool.estimation.draws import open_draws
from casepool.estimation.targets import probabilities
from casepool.inference.graph import build_design
from casepool.modelling import make_design, model_from_dict
from casepool.modelling.design.density import Density
from casepool.modelling.design.likelihood import data_of, log_probabilities
from casepool.modelling.families.arrays import NUMPY
from casepool.modelling.families.evidence_synthesis import Counts, predictive
from casepool.modelling.families.priors import Prior
from casepool.modelling.specification.model import model_dict
from tests.small import fixed, normal

CODES = ["PD", "SD", "PR"]
TABLE = pd.DataFrame({"best": ["PD", "PR", "SD", "PR", "PR"], "written_up": [True, True, False, True, False]})
UNSAID = TABLE.assign(written_up=[True, None, True, None, False])
SELECTION = "objective_response_selection"
LOG_3 = float(np.log(3))


def model(selection=None, family="bernoulli", link="", rows="cases", intercept=None, success=("PR",)):
    plain = {"family": family, "outcome": {"column": "best", "levels": CODES, "success": list(success)}}
    priors = {"intercept": intercept or normal(1.5)}
    if link:
        plain |= {"link": link}
        priors = {"first_cutpoint": normal(1.0), "cutpoint_gap": {"dist": "HalfNormal", "sigma": 1.0}}
    if selection:
        plain |= {"selection": {"rows": rows}}
        priors |= {"selection_effect": selection}
    return model_from_dict(plain | {"priors": priors}, name="small")


def log_p(chosen, **parameters):
    """Log probabilities (categories, patients)."""
    values = {name: np.asarray(value, dtype=float) for name, value in parameters.items()}
    return np.stack(np.broadcast_arrays(*log_probabilities(data_of(make_design(chosen, TABLE)), values, NUMPY)))


def patients_of(chosen, **parameters):
    values = {name: np.asarray(value, dtype=float) for name, value in parameters.items()}
    return Density(make_design(chosen, TABLE)).log_likelihood(values, NUMPY)


@pytest.mark.parametrize("d", [-2.0, 0.3, 5.0])
def test_the_cases_tell_the_sum_of_rate_and_ratio_alone(d) -> None:
    chosen = model(normal(1.0))
    here = patients_of(chosen, intercept=0.4, selection_effect=0.9)
    assert patients_of(chosen, intercept=0.4 - d, selection_effect=0.9 + d) == pytest.approx(here, abs=1e-12)


def test_a_fixed_ratio_moves_the_prior_of_the_intercept() -> None:
    """The posterior of theta + log k is that of the plain model under N(m + log k, s)."""
    one = Density(make_design(model(fixed(LOG_3), intercept=normal(0.8, mu=0.2)), TABLE))
    two = Density(make_design(model(intercept=normal(0.8, mu=0.2 + LOG_3)), TABLE))
    x = np.linspace(-3, 3, 7)[:, None]
    assert one.log_density(x, NUMPY) == pytest.approx(two.log_density(x + LOG_3, NUMPY), abs=1e-10)


def test_without_trials_the_ratio_given_the_published_rate_has_its_conditional_prior() -> None:
    density = Density(make_design(model(normal(0.7)), TABLE))
    ratio = np.linspace(-2, 2, 9)
    for published in (0.3, 1.9):
        log_joint = density.log_density(np.stack([published - ratio, ratio], axis=-1), NUMPY)
        conditional = stats.norm(0, 1.5).logpdf(published - ratio) + stats.norm(0, 0.7).logpdf(ratio)
        assert np.ptp(log_joint - conditional) < 1e-12


@pytest.mark.parametrize("success", [("PR",), ("SD", "PR")])
def test_the_adjacent_link_gains_the_ratio_in_one_step_exactly(success) -> None:
    own, plain = model(normal(1.0), "ordinal", "adjacent", success=success), model(None, "ordinal", "adjacent")
    parameters = {"first_cutpoint": -0.3, "cutpoint_gap": [0.9]}
    moved = np.diff(log_p(own, **parameters, selection_effect=LOG_3), axis=0)
    step = 1 if success == ("PR",) else 0
    expected = np.diff(log_p(plain, **parameters), axis=0) + LOG_3 * (np.arange(2) == step)[:, None]
    assert moved == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("family", "link"), [("bernoulli", ""), ("ordinal", "cumulative"), ("ordinal", "adjacent")])
def test_published_probabilities_sum_to_one_and_a_ratio_moves_the_odds_of_success_by_itself(family, link) -> None:
    parameters = {"first_cutpoint": -0.3, "cutpoint_gap": [0.9]} if link else {"intercept": 0.4}
    own, plain = model(normal(1.0), family, link, rows="written_up"), model(None, family, link)
    p, q = np.exp(log_p(own, **parameters, selection_effect=LOG_3)), np.exp(log_p(plain, **parameters))
    assert p.sum(axis=0) == pytest.approx(np.ones(5))
    odds = special.logit(p[-1]) - special.logit(q[-1])
    assert odds == pytest.approx(LOG_3 * TABLE["written_up"].to_numpy(), abs=1e-12)


def test_a_graph_has_the_density_of_selection_and_trials() -> None:
    about = {"terms": {"histology": {"kind": "group"}}, "priors.histology_sd": {"dist": "HalfNormal", "sigma": 1.0}}
    plain = model_dict(cp.model(SELECTION))
    levelled = plain | {"terms": about["terms"]}
    levelled["evidence"] = {"trials": plain["evidence"]["trials"] | {"about": {"histology": "IMT"}}}
    levelled["priors"] = plain["priors"] | {"histology_sd": about["priors.histology_sd"]}
    predicted = levelled | {"priors": levelled["priors"] | {
        "intercept": plain["priors"]["intercept"] | {"method": "predictive"}}}  # fmt: skip
    for made in (plain, levelled, predicted):
        design = make_design(model_from_dict(made, name="graph"), cp.load("alk_crizotinib"))
        density, built = Density(design), build_design(design)
        compiled = built.compile_logp(mode="FAST_COMPILE")
        found = []
        for point in np.random.default_rng(4).normal(scale=0.7, size=(3, density.size)):
            parts = density.split(point)
            names = {own.coordinate: built.rvs_to_values[built[own.coordinate]].name for own in density.free}
            value = float(compiled({names[key]: part for key, part in parts.items()}))
            found.append(value - float(density.log_density(point, NUMPY)))
        assert np.ptp(found) < 1e-9


# Answers


def by_sums(log_ratio=None):
    """Grid of the unselected log odds, of the log ratio, and their posterior mass, trials by the predictive grid."""
    prior = predictive(
        Counts((6, 12, 5), (12, 14, 7)),
        Prior("Normal", {"mu": 0.0, "sigma": 2.0}),
        Prior("HalfNormal", {"sigma": 1.0}),
    )
    theta = np.linspace(-6, 8, 1401)
    s = np.linspace(-3, 3, 241)[:, None] if log_ratio is None else np.array([[log_ratio]])
    weight = np.interp(theta, prior.theta, prior.mass) * stats.norm(0, np.log(4) / stats.norm.ppf(0.975)).pdf(s)
    weight = weight * stats.binom.pmf(26, 30, special.expit(theta + s))
    return theta, s, weight / weight.sum()


def test_the_bundled_answers_are_those_of_plain_sums_and_published(selection_fit) -> None:
    theta, s, mass = by_sums()
    rate = special.expit(theta)
    mean = float((mass * rate).sum())
    assert mean == pytest.approx(0.777, abs=2e-3)
    table = cp.selection(selection_fit)
    unselected = table[table["estimand"].str.startswith("unselected")].iloc[0]
    assert unselected["mean"] == pytest.approx(mean, abs=0.0101)
    assert unselected["sd"] == pytest.approx(np.sqrt((mass * (rate - mean) ** 2).sum()), abs=0.01)
    assert (unselected["lower"], unselected["upper"]) == pytest.approx((0.556, 0.942), abs=0.02)
    ratio = table[(table["unit"] == "ratio") & (table["at"] == "")].iloc[0]
    assert (ratio["estimate"], ratio["lower"], ratio["upper"]) == pytest.approx((1.49, 0.44, 4.5), rel=0.12)
    more = table[table["kind"] == "probability"].iloc[0]
    assert more["estimate"] == pytest.approx(float(mass[(s > 0).ravel()].sum()), abs=0.02)
    share = table[table["unit"] == "share"].iloc[0]
    assert share["estimate"] == pytest.approx(0.30, abs=0.05)
    assert share["told"] == "mostly the prior"
    better = table[table["method"] == "Savage-Dickey"].set_index("at")["estimate"]
    alone = by_sums(0.0)[2].ravel() / stats.binom.pmf(26, 30, special.expit(theta))
    fits = [float(alone @ stats.binom.pmf(26, 30, special.expit(theta + np.log(psi)))) for psi in (1, 3, 5)]
    assert (fits[1] / fits[0], fits[2] / fits[0]) == pytest.approx((2.1, 1.8), abs=0.05)
    assert better["3"] == pytest.approx(2.1, rel=0.15)
    assert better["5"] == pytest.approx(1.8, rel=0.2)


@pytest.mark.parametrize(("ratio", "mean", "limits"), [(1.0, 0.825, (0.691, 0.934)), (3.0, 0.690, (0.508, 0.851))])
def test_a_fixed_ratio_gives_the_published_answers(ratio, mean, limits) -> None:
    made = cp.model(SELECTION).with_prior("selection_effect", "Fixed", value=float(np.log(ratio)), why="test")
    table = cp.selection(cp.fit(made, "alk_crizotinib", seed=1, progress=False))
    row = table[table["estimand"].str.startswith("unselected")].iloc[0]
    assert row["mean"] == pytest.approx(mean, abs=0.0085)
    assert (row["lower"], row["upper"]) == pytest.approx(limits, abs=0.0175)


def test_a_ratio_fixed_at_one_is_the_file_without_selection_draw_by_draw() -> None:
    plain = model_dict(cp.model(SELECTION))
    without = {key: value for key, value in plain.items() if key != "selection"}
    without["priors"] = {key: value for key, value in plain["priors"].items() if key != "selection_effect"}
    one = cp.model(SELECTION).with_prior("selection_effect", "Fixed", value=0.0, why="test")
    fits = [cp.fit(m, "alk_crizotinib", seed=2, progress=False) for m in (one, model_from_dict(without, name="plain"))]
    for name, draws in fits[1]["posterior"].data_vars.items():
        assert (fits[0]["posterior"][name].to_numpy() == draws.to_numpy()).all()


def test_unselected_lies_below_published_exactly_where_success_is_published_more_readily(selection_fit) -> None:
    fitted = open_draws(selection_fit)
    published, unselected = (
        probabilities(design, fitted)[..., 0] for design in (fitted.design, fitted.design.unselected())
    )
    assert ((unselected <= published) == (fitted.parameters["selection_effect"] >= 0)).all()
    new = cp.estimates(selection_fit, target="new").iloc[0]
    assert new["mean"] == pytest.approx(unselected.mean(), abs=1e-9)  # a new patient is nobody's publication


def test_trials_do_not_change_with_the_ratio() -> None:
    """Nor does anything but the cases: the density's change along the ratio is that of their likelihood and prior."""
    density = Density(make_design(cp.model(SELECTION), cp.load("alk_crizotinib")))
    point = np.random.default_rng(2).normal(size=density.size)
    place = density.places["selection_effect"]
    other = point.copy()
    other[place] += 1.3
    apart = density.log_density(other, NUMPY) - density.log_density(point, NUMPY)
    cases = []
    for vector in (point, other):
        made = density.parameters(density.unconstrained(vector, NUMPY)[0], NUMPY)
        cases.append(density.log_likelihood(made, NUMPY).sum() + density.log_prior(made, NUMPY)["selection_effect"])
    assert apart == pytest.approx(cases[1] - cases[0], abs=1e-10)


def test_the_overlap_is_that_of_plain_sums(selection_fit) -> None:
    table = cp.trial_overlap(selection_fit, most=3, progress=False)
    assert table["at"].tolist() == ["0", "1", "2", "3"]
    assert table["events"].tolist() == [26, 25, 24, 23]
    theta, s, _ = by_sums()
    prior = by_sums()[2] / stats.binom.pmf(26, 30, special.expit(theta + s))
    weight = prior * stats.binom.pmf(23, 27, special.expit(theta + s))
    expected = float((weight * special.expit(theta)).sum() / weight.sum())
    assert expected == pytest.approx(0.766, abs=2e-3)
    assert table["mean"].iloc[3] == pytest.approx(expected, abs=0.012)


def test_the_curve_is_that_of_bayes_theorem_and_meets_the_trials() -> None:
    table = cp.selection_curve(26, 30, psi=[1, 2, 3, 5], trials="alk_imt_trials")
    curve = table[table["kind"] == "value"]
    assert curve["estimate"].tolist() == pytest.approx([0.867, 0.765, 0.684, 0.565], abs=5e-4)
    assert curve[["lower", "upper"]].iloc[2].tolist() == pytest.approx([0.429, 0.895], abs=5e-4)
    meets = table[table["kind"] == "ratio"].set_index("level")["estimate"]
    assert meets.iloc[0] == pytest.approx(2.83, abs=5e-3)
    assert meets[["CREATE", "ADVL0912"]].tolist() == pytest.approx([6.5, 1.08], abs=5e-3)
    for ratio in meets:
        there = cp.selection_curve(26, 30, psi=[ratio])["estimate"].iloc[0]
        assert np.isclose(there, [23 / 33, 6 / 12, 12 / 14, 5 / 7]).any()


@pytest.mark.parametrize("events", [0, 30])
def test_all_cases_alike_is_finite_and_says_so(events) -> None:
    table = cp.selection_curve(events, 30)
    assert np.isfinite(table[["estimate", "lower", "upper"]]).all(axis=None)
    assert table["note"].str.contains("only the other limit").all()
    assert table["lower" if events else "upper"].nunique() == 4


def test_survival_falls_with_the_ratio_and_is_kaplan_meier_without_one() -> None:
    table = cp.selection_survival("overall_survival", "alk_crizotinib", psi=[1, 3], at=[6, 12, 24])
    one, three = (table[table["coding"] == f"psi {ratio}"]["estimate"].to_numpy() for ratio in (1, 3))
    raw = cp.classical("overall_survival", "alk_crizotinib", at=[6, 12, 24])
    plain = raw[raw["method"].str.startswith("Kaplan-Meier") & (raw["unit"] == "probability")]["estimate"].to_numpy()
    assert one == pytest.approx(plain[:3])
    assert (three < one).all()
    assert (one[2], three[2]) == pytest.approx((0.726, 0.489), abs=5e-4)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: cp.selection_curve(31, 30), "from 0 to 30"),
        (lambda: cp.selection_curve(3, 30, psi=[0.0]), "ratios above 0"),
        (lambda: cp.selection_survival("objective_response", "alk_crizotinib"), "response model"),
        (lambda: model(normal(1.0), rows=3), "must be a column"),
        (lambda: make_design(model(normal(1.0), rows="best"), TABLE), "best"),
        (lambda: make_design(model(normal(1.0), rows="nowhere"), TABLE), "nowhere"),
        (lambda: make_design(model(normal(1.0), rows="written_up"), UNSAID), "not said whether"),
        (lambda: model_from_dict(
            model_dict(cp.model("overall_survival")) | {"selection": {"rows": "cases"}}, name="x"), "censored by the"),
        (lambda: cp.selection(cp.fit(model(), TABLE, seed=1, progress=False)), "has no selection"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_of_publication_is_refused_in_one_line(call, said) -> None:
    with pytest.raises(cp.CasepoolError, match=said) as refusal:
        call()
    assert "\n" not in str(refusal.value)
