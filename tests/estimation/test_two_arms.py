"""The Bayesian Weibull on a published trial, against quadrature; and tables with hardly anything in them."""

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

import casepool as cp
from tests.frequentist import freireich
from tests.small import normal, survival_model

TRIAL = pd.DataFrame(
    {"patient": range(42), "time": freireich.TIME, "event": freireich.EVENT, "arm": freireich.ARM.astype(str)}
)
MODEL = survival_model(
    {
        "intercept": normal(2.0, mu=-3.0),
        "arm_effect": normal(1.0),
        "shape": {"dist": "LogNormal", "mu": 0.0, "sigma": 0.5, "why": "test"},
    },
    "weibull",
    effects="proportional",
    unit="weeks",
    terms={"arm": {"kind": "category", "reference": "0"}},
)


def fitted(cases: pd.DataFrame):
    return cp.fit(MODEL, cases, seed=1, progress=False)


def test_the_weibull_of_the_trial_agrees_with_quadrature() -> None:
    """Three parameters on a grid, the likelihood written out from sums over the arms."""
    eta, log_shape, beta = np.meshgrid(
        np.linspace(-7, -2, 101), np.linspace(-0.4, 1.0, 91), np.linspace(-1, 4, 101), indexing="ij", sparse=True
    )
    shape = np.exp(log_shape)
    arm, died = freireich.ARM == 1, freireich.EVENT
    risk = [np.exp(special.logsumexp(shape[..., None] * np.log(freireich.TIME[rows]), axis=-1)) for rows in (~arm, arm)]
    total = died.sum() * (log_shape + eta) + (shape - 1) * np.log(freireich.TIME[died]).sum()
    total = total + (died & arm).sum() * beta - np.exp(eta) * (risk[0] + np.exp(beta) * risk[1])
    total = total + stats.norm.logpdf(eta, -3, 2) + stats.norm.logpdf(log_shape, 0, 0.5) + stats.norm.logpdf(beta)
    weight = np.exp(total - total.max())
    weight /= weight.sum()
    posterior = fitted(TRIAL)["posterior"]
    draws = {"eta": posterior["intercept"], "shape": posterior["shape"], "beta": posterior["arm_effect"]}
    for name, values in {"eta": eta, "shape": shape, "beta": beta}.items():
        mean = float((weight * values).sum())
        sd = float(np.sqrt((weight * (values - mean) ** 2).sum()))
        assert float(draws[name].mean()) == pytest.approx(mean, abs=0.1 * sd), name
        assert float(draws[name].std()) == pytest.approx(sd, rel=0.1), name


HARD = {
    "everyone censored": {"event": False},
    "one event": {"event": [True] + [False] * 41},
    "no event in an arm": {"event": freireich.EVENT & (freireich.ARM == 1)},
    "many ties": {"time": np.ceil(freireich.TIME / 6) * 6},
    "a time of zero": {"time": [0.0, *freireich.TIME[1:]], "event": [False, *freireich.EVENT[1:]]},
}


@pytest.mark.parametrize("what", HARD)
def test_tables_with_hardly_anything_in_them_have_proper_answers(what: str) -> None:
    """Finite and converged: the prior fills what the data leave."""
    cases = TRIAL.assign(**HARD[what])
    fit = fitted(cases)
    table = cp.contrast(fit, "arm")
    ratio = table[table["unit"] == "ratio"].iloc[0]
    assert 0 < ratio["lower"] < ratio["estimate"] < ratio["upper"] < np.inf
    assert (table["verdict"] == "pass").all()
    if what == "everyone censored":
        assert ratio["lower"] < 1 < ratio["upper"]
    if what == "no event in an arm":
        assert ratio["estimate"] > 1
    alive = cp.survival(fit, by="arm", at=[5.0])
    chances = alive[alive["unit"] == "probability"]
    assert chances["estimate"].between(0, 1).all()


def test_an_event_at_time_zero_is_refused() -> None:
    with pytest.raises(cp.CasepoolError, match="event at time zero"):
        fitted(TRIAL.assign(time=[0.0, *freireich.TIME[1:]]))
