"""The recipes of CONTRIBUTING: a family, a way of borrowing, a kind of term and a prior distribution, one object each.

Each toy is entered in its table for a test and taken out again, and is then fitted, printed, predicted from and its
maximum found, with no other file touched.
"""

import tomllib
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import casepool as cp
from casepool.errors import CasepoolError
from casepool.frequentist.maximum_likelihood import maximum
from casepool.inference.graph import build_design
from casepool.modelling import make_design, model_from_dict
from casepool.modelling.design.density import Density
from casepool.modelling.families.arrays import NUMPY
from casepool.modelling.families.baselines import Baseline
from casepool.modelling.families.distributions import DISTRIBUTIONS, Distribution
from casepool.modelling.families.names import effect_of
from casepool.modelling.families.parameters import Parameter, Role
from casepool.modelling.families.registry import FAMILIES, Family
from casepool.modelling.families.supports import POSITIVE
from casepool.modelling.specification.printing import describe
from casepool.modelling.terms.borrowings import BORROWINGS, Partial
from casepool.modelling.terms.kinds import KINDS
from casepool.modelling.terms.numbers import Linear
from tests.small import half_normal, normal, response_model

RESPONSES = pd.DataFrame(
    {
        "patient": [f"p{i}" for i in range(24)],
        "events": [1, 0, 1, 1, 0, 0] * 4,
        "n": 1,
        "group": ["A", "B", "C", "A"] * 6,
        "dose": [1.0, 2.0, None, 8.0, 16.0, 3.0] * 4,
    }
)
FOLLOWED = pd.DataFrame(
    {
        "patient": [f"p{i}" for i in range(16)],
        "time": [3.0, 8.0, 60.0, 14.0, 1.5, 30.0, 42.0, 9.0] * 2,
        "event": [True, False, True, True] * 4,
        "dose": [1.0, 2.0, 4.0, 8.0] * 4,
    }
)


class Logistic(Distribution):
    """A prior distribution: location `mu`, scale `s`."""

    parameters = ("mu", "s")
    positive_numbers = ("s",)

    def log_density(self, x, p, xp):
        z = (x - p["mu"]) / p["s"]
        return -z - 2.0 * xp.softplus(-z) - xp.log(p["s"])

    def from_normal(self, z, p, xp):
        return p["mu"] + p["s"] * (xp.log_normal_tail(-z) - xp.log_normal_tail(z))

    def cdf(self, x, p):
        return stats.logistic.cdf(x, p["mu"], p["s"])

    def draw(self, p, size, rng):
        return rng.logistic(p["mu"], p["s"], size)


class Halved(Partial):
    """A way of borrowing: as partial, with half the standard deviation."""

    words = "halved borrowing: {name}_effect ~ Normal(0, {name}_sd / 2) over levels"

    def numbers(self, given, zero, xp):
        return {"mu": 0.0, "sigma": given["sd"] / 2.0}


@dataclass(frozen=True)
class Doubling(Linear):
    """A kind of term: an effect per doubling of a positive number."""

    kind: ClassVar[str] = "doubling"

    def problem(self):
        return super().problem() or ("a doubling needs bounds above 0" * (not self.bounds or self.bounds[0] <= 0))

    def standardised(self, values, xp=NUMPY):
        return xp.log(values) / np.log(2.0)

    def recorded(self, standardised):
        return 2.0**standardised

    def equation(self):
        return [f"{effect_of(self.name)} log2({self.source})"]

    def effect_words(self):
        return " per doubling"

    def levels_text(self):
        return f"number{self.column_text()}, per doubling"


RAYLEIGH = Family(
    {"proportional": "h(t) = slope t exp(eta)"},
    (Parameter("slope", Role.FAMILY, key="slope", support=POSITIVE, meaning="how fast the hazard rises"),),
    baseline=Baseline(
        cumulative_hazard=lambda u, p, xp: p["slope"] * u * u / 2.0,
        log_hazard=lambda u, p, xp: xp.log(p["slope"] * xp.maximum(u, 1e-300)),
    ),
    form_key="effects",
)


@pytest.fixture
def toys(monkeypatch):
    monkeypatch.setitem(DISTRIBUTIONS, "Logistic", Logistic())
    monkeypatch.setitem(BORROWINGS, "halved", Halved())
    monkeypatch.setitem(KINDS, "doubling", Doubling)
    monkeypatch.setitem(FAMILIES, "rayleigh", RAYLEIGH)


DOSE = {"dose": {"kind": "doubling", "bounds": [0.1, 100]}}


def response():
    """A model with the toy prior, the toy borrowing and the toy term."""
    terms = {"group": {"kind": "group", "borrowing": "halved"}} | DOSE
    priors = {"intercept": {"dist": "Logistic", "mu": 0.5, "s": 0.8, "why": "a toy"}}
    return response_model(terms, priors | {"group_sd": half_normal(1.0), "dose_effect": normal(0.5)})


def lasting(**top):
    priors = {"intercept": normal(3.0, -4.0), "slope": {"dist": "Fixed", "value": 1.0}, "dose_effect": normal(1.0)}
    plain = {"family": "rayleigh", "outcome": {"time": "time", "event": "event"}, "terms": DOSE, "priors": priors}
    return model_from_dict(plain | top, name="toy")


def test_they_are_printed(toys) -> None:
    text = " ".join(describe(response()).split())
    assert "halved borrowing: group_effect ~ Normal(0, group_sd / 2) over levels" in text
    assert "eta = intercept + group_effect[group] + dose_effect log2(dose)" in text
    assert "intercept ~ Logistic(mu = 0.5, s = 0.8) says: success in 62%" in text
    assert "dose_effect ~ Normal(mu = 0, sigma = 0.5) says: odds ratio 1 (0.38 to 2.7) per doubling" in text
    text = " ".join(describe(lasting()).split())
    assert "rayleigh: h(t) = slope t exp(eta), t in months" in text
    assert "slope: how fast the hazard rises" in text
    again = model_from_dict(tomllib.loads(response().to_toml()), name="small")
    assert again == response()


def test_their_density_is_that_of_the_graph(toys) -> None:
    for model, table in ((response(), RESPONSES), (lasting(), FOLLOWED)):
        design = make_design(model, table)
        density, built = Density(design), build_design(design)
        vector = np.random.default_rng(1).standard_normal(density.size) / 2
        parts = dict(zip((v.name for v in built.value_vars), density.split(vector).values(), strict=True))
        logp = built.compile_logp(mode="FAST_COMPILE")
        assert density.log_density(vector, NUMPY) == pytest.approx(logp(parts), rel=1e-10)


def test_they_are_fitted_and_predicted_from(toys) -> None:
    """Each draw's prediction is the logistic of its own linear predictor, worked out by hand."""
    fit = cp.fit(response(), RESPONSES, seed=1, draws=150, progress=False)
    assert set(fit["log_prior"].data_vars) == {"intercept", "group_sd", "dose_effect", "dose_mean", "dose_spread"}
    expected = stats.logistic.logpdf(fit["posterior"]["intercept"], 0.5, 0.8)
    np.testing.assert_allclose(fit["log_prior"]["intercept"], expected, rtol=1e-12)
    new = pd.DataFrame({"patient": ["a"], "group": ["B"], "dose": [6.0]})
    told = cp.predict(fit, new).iloc[0]
    draws = fit["posterior"]
    eta = draws["intercept"] + draws["group_effect"].sel(group="B") + draws["dose_effect"] * np.log2(6.0)
    assert told["estimate"] == pytest.approx(float(np.median(1 / (1 + np.exp(-eta)))), rel=1e-12)
    unseen = cp.estimates(fit, by="group", target="new").set_index("level")
    assert len(unseen) == 4
    assert cp.power_scaling(fit)["estimate"].notna().all()


def test_their_maximum_is_found(toys) -> None:
    """Of a Rayleigh hazard without covariates it has a closed form: 2 events over the sum of squared times."""
    priors = {"intercept": {"dist": "Fixed", "value": 0.0}, "slope": {"dist": "Logistic", "mu": 1, "s": 1}}
    with pytest.raises(CasepoolError, match="positive numbers"):
        lasting(terms={}, priors=priors)
    design = make_design(lasting(), FOLLOWED)
    found = maximum(design)
    best = found.log_likelihood
    t, d, x = FOLLOWED["time"].to_numpy(), FOLLOWED["event"].to_numpy(float), np.log2(FOLLOWED["dose"].to_numpy())
    effect = float(found.parameters["dose_effect"])
    weight = np.exp(effect * x)
    rate = 2 * d.sum() / (weight * t**2).sum()  # slope and intercept together, given the effect
    by_hand = (d * np.log(rate * t * weight)).sum() - (rate * weight * t**2 / 2).sum()
    assert best == pytest.approx(by_hand, abs=1e-6)
    score = ((d - rate * weight * t**2 / 2) * x).sum()
    assert score == pytest.approx(0.0, abs=1e-3)


def test_a_weibull_under_another_name_refuses_a_shape_below_zero(monkeypatch) -> None:
    monkeypatch.setitem(FAMILIES, "weibull_too", replace(FAMILIES["weibull"]))
    plain = {
        "family": "weibull_too",
        "outcome": {"time": "time", "event": "event"},
        "priors": {"intercept": normal(1.0), "shape": normal(1.0)},
    }
    with pytest.raises(CasepoolError, match="positive numbers"):
        model_from_dict(plain, name="mine")


def test_nothing_of_them_is_left() -> None:
    for name, table in (
        ("Logistic", DISTRIBUTIONS),
        ("halved", BORROWINGS),
        ("doubling", KINDS),
        ("rayleigh", FAMILIES),
    ):
        assert name not in table
    with pytest.raises(CasepoolError):
        response()
