"""Trials as priors: the mathematics against quadrature and closed forms, and what a model file may say of them."""

import numpy as np
import pytest
from scipy import integrate, special, stats

import casepool as cp
from casepool.modelling import make_design, model_from_dict
from casepool.modelling.design.density import Density
from casepool.modelling.design.likelihood import log_recorded
from casepool.modelling.families.arrays import NUMPY
from casepool.modelling.families.evidence_synthesis import (
    Counts,
    Measured,
    as_normals,
    commensurate,
    information_ratio,
    information_ratio_of,
    moment_worth,
    of_probability,
    powered,
    predictive,
)
from casepool.modelling.families.priors import Prior
from casepool.modelling.specification.model import model_dict
from tests.small import counts, fixed, half_normal, normal, response_model

ALK = Counts((6, 12, 5), (12, 14, 7))
AS = Counts((23, 12, 19, 9, 39, 6, 9, 10), (107, 44, 51, 39, 139, 20, 78, 35))
MEAN, ONE, HALF = (Prior("Normal", {"mu": 0.0, "sigma": 2.0}), *(Prior("HalfNormal", {"sigma": s}) for s in (1.0, 0.5)))
TRIALS = [("a", 6, 12), ("b", 12, 14), ("c", 5, 7)]
STUDIES = {"studies": [dict(zip(("study", "events", "n"), row, strict=True)) for row in TRIALS]}
TABLE = counts([6, 3, 2], [7, 9, 4], site=["x", "y", "z"])


def trial_model(method="predictive", about=None, terms=None, studies=STUDIES, **keys):
    stated = {"from": "trials", "method": method, "mean": normal(2.0), "why": "test"} | keys
    stated |= {} if method == "power" or "between" in keys else {"between": half_normal(1.0)}
    plain = {
        "family": "bernoulli",
        "outcome": {"events": "events", "n": "n"},
        "evidence": {"trials": studies | ({"about": about} if about else {})},
        "priors": {"intercept": stated},
    }
    if terms:
        plain |= {"terms": {"site": {"kind": "group"}}}
        plain["priors"]["site_sd"] = half_normal(1.0)
    return model_from_dict(plain, name="trials")


def cdf_by_quadrature(likelihood, at: np.ndarray) -> np.ndarray:
    """Distribution of a new study's log odds by plain sums over mean and spread.

    `likelihood` takes means, a spread and Gauss-Hermite points of a study's deviation: array (means, studies, points).
    """
    x, w = np.polynomial.hermite_e.hermegauss(40)
    mu, total, mass = np.arange(-9, 9, 0.04), 0.0, 0.0
    for tau in np.arange(0.015, 4.5, 0.03):
        weight = (likelihood(mu, tau, x) @ w).prod(axis=1) * stats.norm(0, 2).pdf(mu) * stats.halfnorm.pdf(tau)
        total, mass = total + weight @ special.ndtr((at - mu[:, None]) / tau), mass + weight.sum()
    return total / mass


def binomial(mu: np.ndarray, tau: float, x: np.ndarray) -> np.ndarray:
    p = special.expit(mu[:, None, None] + tau * x)
    y, n = (np.array(each)[:, None] for each in (ALK.events, ALK.n))
    return p**y * (1 - p) ** (n - y)


@pytest.mark.parametrize(
    ("studies", "between", "mean", "sd", "limits", "worth"),
    [
        (AS, ONE, 0.2583, 0.0874, (0.111, 0.472), 24.1),
        (ALK, ONE, 0.666, 0.188, (0.186, 0.956), 5.3),
    ],
)
def test_a_new_study_is_predicted_as_by_published_analyses(studies, between, mean, sd, limits, worth) -> None:
    exact = predictive(studies, MEAN, between)
    found = exact.mean_and_sd(probability=True)
    assert found == pytest.approx((mean, sd), abs=1e-3)
    assert special.expit(exact.quantile(np.array([0.025, 0.975]))) == pytest.approx(limits, abs=2e-3)
    assert moment_worth(*found) == pytest.approx(worth, abs=0.06)


def test_measured_studies_are_predicted_as_by_published_analyses() -> None:
    """Schmidli 2014's Crohn's disease trials, of a change whose standard deviation is 88."""
    size = np.array([74, 166, 328, 20, 25, 58])
    studies = Measured((-51, -49, -36, -47, -90, -54), tuple(88 / np.sqrt(size)))
    wide, between = Prior("Normal", {"mu": 0.0, "sigma": 88.0}), Prior("HalfNormal", {"sigma": 44.0})
    mean, sd = predictive(studies, wide, between).mean_and_sd()
    assert (mean, sd) == pytest.approx((-49.82, 19.42), abs=0.01)
    assert (88 / sd) ** 2 == pytest.approx(20.5, abs=0.05)


def test_the_grid_agrees_with_quadrature_and_the_normals_with_the_grid() -> None:
    exact = predictive(ALK, MEAN, ONE)
    at = exact.quantile(np.array([0.01, 0.1, 0.3, 0.5, 0.8, 0.99]))
    assert exact.cdf(at) == pytest.approx(cdf_by_quadrature(binomial, at), abs=1e-3)
    weights, mu, sigma = as_normals(exact)
    assert len(weights) == 3
    normals = Prior("Mixture", {"weights": tuple(weights), "mu": tuple(mu), "sigma": tuple(sigma)})
    seen = exact.mass > 0
    apart = np.log(exact.mass[seen] / exact.step) - normals.log_density(exact.theta[seen])
    assert 0 <= exact.mass[seen] @ apart < 0.002
    assert normals.cdf(at) == pytest.approx(exact.cdf(at), abs=0.01)
    assert information_ratio_of(normals) == pytest.approx(6.6, abs=0.1)
    spread = moment_worth(*predictive(ALK, MEAN, HALF).mean_and_sd(probability=True))
    assert spread == pytest.approx(2 * 5.3, rel=0.05)  # half the spread doubles the worth


def test_power_and_spread_have_pooling_and_ignorance_as_their_ends() -> None:
    weight = lambda t: stats.norm(0, 2).pdf(t) * special.expit(t) ** 23 * special.expit(-t) ** 10  # noqa: E731
    moments = [integrate.quad(lambda t, k=k: t**k * weight(t), -5, 5, epsabs=0)[0] for k in range(3)]
    mean = moments[1] / moments[0]
    pooled = mean, np.sqrt(moments[2] / moments[0] - mean**2)
    assert powered(ALK, MEAN, 1.0).mean_and_sd() == pytest.approx(pooled, abs=1e-8)
    assert powered(ALK, MEAN, 0.0).mean_and_sd() == pytest.approx((0, 2), abs=1e-6)
    for method in (commensurate, predictive):
        near = method(ALK, MEAN, Prior("Fixed", {"value": 1e-6}))
        assert near.mean_and_sd() == pytest.approx(pooled, abs=1e-6)
    _, apart = commensurate(ALK, MEAN, Prior("Fixed", {"value": 50.0})).mean_and_sd()
    assert apart == pytest.approx(50, rel=1e-3)


@pytest.mark.parametrize(("a", "b"), [(3.0, 5.0), (0.7, 12.0), (40.0, 40.0)])
def test_a_beta_is_worth_its_parameters_by_both_measures(a, b) -> None:
    theta = np.arange(-60, 60, 0.02)
    log_density = a * special.log_expit(theta) + b * special.log_expit(-theta) - special.betaln(a, b)
    if min(a, b) > 1:  # else density over information has no end
        assert information_ratio(theta, log_density) == pytest.approx(a + b, rel=1e-6)
    beta = stats.beta(a, b)
    assert moment_worth(beta.mean(), beta.std()) == pytest.approx(a + b, rel=1e-6)


@pytest.mark.parametrize("s", [0.4, 1.6, 2.0, 3.0])
def test_the_information_ratio_of_a_normal_is_its_closed_form(s) -> None:
    found = information_ratio_of(Prior("Normal", {"mu": 0.0, "sigma": s}))
    assert found == pytest.approx((2 + 2 * np.exp(s**2 / 2)) / s**2, rel=1e-8)
    assert found >= 3.59
    if s == 2.0:
        assert moment_worth(*of_probability(Prior("Normal", {"mu": 0.0, "sigma": s}))) == pytest.approx(1.54, abs=5e-3)


def test_the_information_ratio_is_that_of_rbests_help_and_predictively_consistent() -> None:
    known = {"weights": (0.2, 0.8), "mu": (0.0, np.log(5)), "sigma": (2.0, np.sqrt(0.6))}
    prior = Prior("Mixture", known)
    assert information_ratio_of(prior) == pytest.approx(10.12, abs=5e-3)
    theta, n, later = np.arange(-40, 40, 0.02), 8, 0.0
    log_prior = prior.log_density(theta)
    for y in range(n + 1):
        log_like = y * special.log_expit(theta) + (n - y) * special.log_expit(-theta)
        log_joint = log_prior + np.log(special.comb(n, y)) + log_like
        later += np.exp(special.logsumexp(log_joint)) * 0.02 * information_ratio(theta, log_joint)
    assert later - n == pytest.approx(information_ratio_of(prior), abs=1e-3)


def test_a_robust_prior_lies_between_the_vague_one_and_the_trials() -> None:
    vague = normal(2.5, mu=-0.3)
    none, some, all_ = (trial_model(robust=w, vague=vague).prior("intercept") for w in (0.0, 0.3, 1.0))
    plain, x = trial_model().prior("intercept"), np.linspace(-8, 8, 33)
    alone = Prior("Normal", {"mu": -0.3, "sigma": 2.5}).log_density(x)
    assert none.log_density(x) == pytest.approx(plain.log_density(x), rel=1e-12)
    assert all_.log_density(x) == pytest.approx(alone, rel=1e-12)
    assert np.exp(some.log_density(x)) == pytest.approx(0.7 * np.exp(plain.log_density(x)) + 0.3 * np.exp(alone))


@pytest.mark.parametrize("method", ["predictive", "joint", "power", "commensurate"])
def test_a_file_says_all_there_is_to_read_it_again(method) -> None:
    made = trial_model(method, about={"site": "y"}, terms=True, **({"weight": 0.5} if method == "power" else {}))
    again = model_from_dict(model_dict(made), name="trials")
    assert again == made
    assert again.trials.sha256 == made.trials.sha256
    wrong = model_dict(made)
    wrong["evidence"]["trials"]["studies"][0]["events"] = 7
    with pytest.raises(cp.CasepoolError, match="not those of the digest"):
        model_from_dict(wrong, name="trials")


def test_the_spread_of_joined_trials_can_be_changed_in_python() -> None:
    made = trial_model("joint").with_prior("trials_sd", "HalfNormal", sigma=0.5, why="test")
    assert made.prior("trials_sd").parameters == {"sigma": 0.5}
    assert model_dict(made)["priors"]["intercept"]["between"]["sigma"] == 0.5
    assert made.with_prior("intercept", "Normal", mu=0.0, sigma=1.0, why="test").trials is None


def test_what_is_known_of_one_level_is_a_density_of_that_level_and_flat_in_the_zero_point() -> None:
    made = trial_model(about={"site": "y"}, terms=True)
    density = Density(make_design(made, TABLE))
    rng = np.random.default_rng(3)
    values = density.from_normal(rng.standard_normal((400, density.size)), NUMPY)
    level = values["intercept"] + values["site_effect"][:, 1]
    prior = made.prior("intercept")
    assert density.log_prior(values, NUMPY)["intercept"] == pytest.approx(prior.log_density(level), rel=1e-9)
    assert stats.kstest(level, prior.cdf).pvalue > 1e-3
    assert abs(stats.spearmanr(level, values["site_sd"]).statistic) < 0.15


def test_joined_trials_are_the_predictive_prior_to_the_last_case() -> None:
    """The density of trials and cases together, trials' values summed out, is MAP times the cases' likelihood."""
    density = Density(make_design(trial_model("joint"), TABLE))
    counted = density.design.recorded["trials"]

    def likelihood(mu: np.ndarray, tau: float, x: np.ndarray) -> np.ndarray:
        found = np.empty((len(mu), 3, len(x)))
        for study in range(3):
            effects = np.zeros((len(x), 3))
            effects[:, study] = tau * x
            only = np.where(np.arange(3) == study, counted, 0.0)
            made = {"trials_mean": mu[:, None], "trials_effect": effects}
            found[:, study] = np.exp(log_recorded(density.design, {"trials": only}, made, NUMPY)["trials"])
        return found

    exact = predictive(ALK, MEAN, ONE)
    at = exact.quantile(np.array([0.05, 0.4, 0.9]))
    assert cdf_by_quadrature(likelihood, at) == pytest.approx(exact.cdf(at), abs=1e-3)
    values = density.from_normal(np.random.default_rng(1).standard_normal((3, density.size)), NUMPY)
    law = stats.norm(values["trials_mean"], values["trials_sd"])
    assert density.log_prior(values, NUMPY)["intercept"] == pytest.approx(law.logpdf(values["intercept"]))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"studies": {"studies": [{"study": "a", "events": 1, "n": 0}]}}, "row 1, column 'n'.* from 1"),
        ({"studies": {"studies": [{"study": "a", "events": 5, "n": 4}]}}, "from 0 to 4"),
        ({"studies": {"studies": [{"study": "a", "events": 1.5, "n": 4}]}}, "whole number"),
        ({"studies": {"studies": [{"study": "a", "events": 1, "n": 4}] * 2}}, "twice"),
        ({"studies": {"studies": []}}, "0 studies"),
        ({"studies": {"file": "nowhere.csv"}}, "no such file"),
        ({"studies": {"file": "alk_imt_trials", "drop": ["CREAT"]}}, "no study of the file.*CREATE"),
        ({"studies": {"file": 3}}, "must be a file"),
        ({"studies": STUDIES | {"about": {"site": 3}}}, "one level of one factor"),
        ({"about": {"site": "y"}}, "group term"),
        ({"method": "magic"}, "predictive, joint, power, commensurate"),
        ({"method": "power"}, "needs weight"),
        ({"method": "joint", "robust": 0.2, "vague": normal(2.0)}, "has no robust"),
        ({"robust": 0.2}, "needs vague"),
        ({"robust": 1.2, "vague": normal(2.0)}, "from 0 to 1"),
        ({"mean": half_normal(1.0)}, "no prior for `mean`"),
        ({"between": normal(1.0)}, "no prior for `between`"),
        ({"between": fixed(0.0)}, "no prior for `between`"),
        ({"between": {"dist": "HalfStudentT", "nu": 0.5, "sigma": 1.0}}, "too wide"),
    ],
)
def test_what_is_wrong_with_trials_is_refused_in_one_line(change, said) -> None:
    with pytest.raises(cp.CasepoolError, match=said) as refusal:
        trial_model(**change)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ({"weights": [0.5, 0.4], "mu": [0.0, 1.0], "sigma": [1.0, 1.0]}, "do not sum to 1"),
        ({"weights": [0.5, 0.5], "mu": [0.0], "sigma": [1.0, 1.0]}, "2 weights, 1 mu"),
        ({"weights": 1.0, "mu": [0.0], "sigma": [1.0]}, "list of positive numbers"),
        ({"weights": [1.0], "mu": [0.0], "sigma": [-1.0]}, "list of positive numbers"),
    ],
)
def test_a_mixture_that_is_none_is_refused(numbers, said) -> None:
    with pytest.raises(cp.CasepoolError, match=said):
        response_model({}, {"intercept": {"dist": "Mixture", "why": "test", **numbers}})


def test_trials_are_read_beside_the_model_and_a_prior_without_them_is_refused(tmp_path) -> None:
    text = (
        '[evidence.trials]\nfile = "mine.csv"\ndrop = ["c"]\n\n[priors.intercept]\nfrom = "trials"\nmethod = "power"\n'
    )
    text += 'weight = 0.5\nmean = { dist = "Normal", mu = 0.0, sigma = 2.0 }\nwhy = "test"\n'
    head = 'family = "bernoulli"\n[outcome]\nevents = "events"\nn = "n"\n'
    (tmp_path / "mine.toml").write_text(head + text)
    (tmp_path / "mine.csv").write_text("\ufeffstudy,events,n\na,6,12\nb,12,14\nc,5,7\n", encoding="utf-8")
    made = cp.model(tmp_path / "mine.toml")
    assert made.trials.studies == (("a", 6, 12), ("b", 12, 14))
    (tmp_path / "mine.csv").write_text("study,events\na,6\n")
    with pytest.raises(cp.CasepoolError, match=r"mine\.csv.*'n'.*lacks"):
        cp.model(tmp_path / "mine.toml")
    with pytest.raises(cp.CasepoolError, match="without any"):
        response_model({}, {"intercept": {"from": "trials", "method": "power", "weight": 0.5, "mean": normal(2.0)}})
    plain = model_dict(trial_model())
    with pytest.raises(cp.CasepoolError, match="no prior is made of these"):
        model_from_dict(plain | {"priors": {"intercept": normal(1.0)}}, name="unused")


def test_trials_about_a_level_nobody_has_are_refused() -> None:
    with pytest.raises(cp.CasepoolError, match=r"about a level that the table has not.*'w'"):
        make_design(trial_model(about={"site": "w"}, terms=True), TABLE)
