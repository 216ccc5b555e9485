"""Draws under priors of bounded numbers, precisions, cutpoints and single levels, against grids made by scipy alone."""

import itertools

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import special, stats

import casepool as cp
from casepool.modelling import model_from_dict
from tests.small import counts, normal, response_model

EVENTS, PATIENTS = [1, 2, 5], [4, 6, 6]
SITES = counts(EVENTS, PATIENTS, site=["a", "b", "c"])
SDS = {
    "Uniform": ({"lower": 0.0, "upper": 2.0}, stats.uniform(0.0, 2.0).logpdf),
    "InverseGamma": ({"alpha": 2.0, "beta": 1.0}, stats.invgamma(2.0, scale=1.0).logpdf),
    "GammaPrecision": (
        {"alpha": 1.0, "beta": 0.4},
        lambda sd: stats.gamma(1.0, scale=2.5).logpdf(sd**-2.0) - 3 * np.log(sd),
    ),
}
RESPONSES = ["PD"] * 4 + ["SD"] * 5 + ["PR"] * 1


def drawn(model, frame, engine: str):
    return cp.fit(model, frame, seed=1, engine=engine, progress=False)


def agree(values, points, log_p, *, draws: float = 800.0) -> None:
    """Whether mean, spread and median of draws are those of a grid, within what as many independent draws err by."""
    p = np.exp(log_p - log_p.max())
    p = p / p.sum()
    mean = float(p @ points)
    sd = float(np.sqrt(p @ (points - mean) ** 2))
    assert float(np.mean(values)) == pytest.approx(mean, abs=4 * sd / np.sqrt(draws))
    assert float(np.std(values)) == pytest.approx(sd, rel=0.15)
    order = np.argsort(points)
    below = float(p[order][points[order] <= np.median(values)].sum())
    assert below == pytest.approx(0.5, abs=2.5 / np.sqrt(draws))


def test_a_bounded_zero_point_is_drawn_within_its_bounds() -> None:
    """The outcomes, 9 of 10, lie beyond the upper bound: the posterior leans on it."""
    prior = {"dist": "Uniform", "lower": -1.0, "upper": 0.5, "why": "test"}
    found = drawn(response_model({}, {"intercept": prior}), counts([9], [10]), "lockstep").posterior["intercept"]
    points = np.linspace(-1.0, 0.5, 4001)
    agree(found.to_numpy(), points, stats.binom(10, special.expit(points)).logpmf(9))
    assert float(found.min()) > -1
    assert float(found.max()) < 0.5


@pytest.fixture(scope="module")
def sites_grid():
    """Places of zero point and standard deviation, and the log likelihood there: effects by Gauss-Hermite."""
    zero, sd = np.meshgrid(np.linspace(-4, 4, 81), np.geomspace(0.02, 60.0, 160), indexing="ij")
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    eta = zero[..., None] + sd[..., None] * nodes
    each = [
        special.logsumexp(k * eta - n * np.logaddexp(0.0, eta), b=weights, axis=-1)
        for k, n in zip(EVENTS, PATIENTS, strict=True)
    ]
    return zero.ravel(), sd.ravel(), sum(each).ravel()


@pytest.mark.parametrize(("dist", "engine"), [*itertools.product(SDS, ["exact", "lockstep"])])
def test_a_spread_is_drawn_as_a_grid_has_it(sites_grid, dist: str, engine: str) -> None:
    zero, sd, log_likelihood = sites_grid
    numbers, log_prior = SDS[dist]
    model = response_model(
        {"site": {"kind": "group"}}, {"intercept": normal(1.0), "site_sd": {"dist": dist, **numbers, "why": "test"}}
    )
    posterior = drawn(model, SITES, engine).posterior
    with np.errstate(divide="ignore"):
        log_p = log_likelihood + stats.norm.logpdf(zero) + log_prior(sd) + np.log(sd)  # even in log sd
    agree(posterior["intercept"].to_numpy(), zero, log_p)
    agree(np.log(posterior["site_sd"].to_numpy()), np.log(sd), log_p)


@pytest.fixture(scope="module")
def three_categories():
    frame = pd.DataFrame({"patient": range(10), "response": RESPONSES})
    outcome = {"column": "response", "levels": ["PD", "SD", "PR"]}
    plain = {"family": "ordinal", "link": "cumulative", "outcome": outcome, "terms": {}}
    cutpoints = {**normal(1.0), "SD | PR": normal(0.4, mu=0.5)}
    return drawn(model_from_dict({**plain, "priors": {"cutpoints": cutpoints}}, name="small"), frame, "lockstep")


def test_cutpoints_with_priors_of_their_own_are_drawn_as_a_grid_has_them(three_categories) -> None:
    first, second = np.meshgrid(np.linspace(-4, 4, 401), np.linspace(-4, 4, 401), indexing="ij")
    with np.errstate(divide="ignore", invalid="ignore"):
        p = [special.expit(first), special.expit(second) - special.expit(first), special.expit(-second)]
        log_p = sum(RESPONSES.count(code) * np.log(own) for code, own in zip(["PD", "SD", "PR"], p, strict=True))
        log_p = log_p + stats.norm.logpdf(first) + stats.norm(0.5, 0.4).logpdf(second)
    log_p = np.where(second > first, log_p, -np.inf).ravel()
    posterior = three_categories.posterior
    own = posterior["first_cutpoint"].to_numpy()
    agree(own, first.ravel(), log_p)
    agree(own + posterior["cutpoint_gap"].to_numpy()[..., 0], second.ravel(), log_p)


def test_every_answer_about_the_prior_knows_cutpoints(three_categories) -> None:
    scaled = cp.power_scaling(three_categories)
    assert scaled["level"].tolist() == ["cutpoints"]
    assert scaled["estimate"].notna().all()
    rates = cp.estimates(three_categories)
    assert (rates["told"] != "").all()
    table = cp.coefficients(three_categories)
    assert table["at"].tolist() == ["PD | SD", "SD | PR"]
    assert (table["told"] != "").all()


def test_a_prior_of_one_level_is_scaled_with_the_others() -> None:
    levels = {**normal(0.1), "c": normal(2.0)}
    terms = {"sex": {"kind": "category", "reference": "a"}}
    fit = drawn(response_model(terms, {"intercept": normal(1.0), "sex_effect": levels}),
                counts([3, 3, 9], [10, 10, 10], sex=["a", "b", "c"]), "lockstep")  # fmt: skip
    effect = fit.posterior["sex_effect"]
    assert abs(float(effect.sel(sex="b").mean())) < 0.1  # held at 0 by its own prior
    assert float(effect.sel(sex="c").mean()) > 1.5  # free to follow its patients
    told = cp.coefficients(fit).set_index("level")["note"]
    assert "prior Normal(mu = 0, sigma = 0.1)" in told["b vs a"]
    assert "prior Normal(mu = 0, sigma = 2)" in told["c vs a"]
    assert cp.power_scaling(fit).set_index("level").loc["sex_effect", "estimate"] > 0


def test_counts_beside_effects_of_levels_are_those_of_the_levels(
    response_fit: xr.DataTree, survival_fit: xr.DataTree
) -> None:
    table = cp.coefficients(response_fit)
    levels = table[table["estimand"] == "histology_effect"]
    estimates = cp.estimates(response_fit, "histology").set_index("level")
    for name in ("n", "events"):
        assert levels.set_index("level")[name].to_dict() == estimates[name].to_dict()
        assert levels[name].sum() == table[name].iloc[0]
    assert table.loc[table["estimand"] == "intercept", "n"].item() == 30
    started = cp.coefficients(survival_fit).set_index("estimand")["level"]
    assert started["surgery_log_intensity"] == "everyone"
    assert started["hazard ratio"] == "operated vs never operated"
