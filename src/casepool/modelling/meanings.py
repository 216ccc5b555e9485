"""What a prior says on the scale a clinician thinks in: probabilities, ratios, months.

Every number is a median with a 95% range, by quadrature, at two significant digits: equal on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special
from scipy.stats import qmc

from casepool.modelling.arrays import NUMPY, Array
from casepool.modelling.endpoints import Endpoint, endpoints, event, steps
from casepool.modelling.families import FAMILIES
from casepool.modelling.medians import frozen_given, intercept_at
from casepool.modelling.priors import Prior, frozen
from casepool.modelling.spec import Model
from casepool.modelling.wanted import wanted_priors

NODES = 200
"""Quadrature nodes over a prior's quantiles."""
POINTS = 2**15
"""Points over the priors of several parameters at once."""
TAILS = (0.5, 0.025, 0.975)
"""Median and 95% range."""
SPREAD_FREE = ("Flat", "Dirichlet")
"""Distributions without quantiles of their own."""


@dataclass(frozen=True)
class Range:
    """A median with its 95% range."""

    median: float
    lower: float
    upper: float

    def __str__(self) -> str:
        return f"{number(self.median)} ({number(self.lower)} to {number(self.upper)})"

    def percent(self) -> str:
        """Write probabilities as percentages."""
        return f"{percent(self.median)} ({percent(self.lower)} to {percent(self.upper)})"

    def map(self, f: Callable[[float], float]) -> Range:
        """Carry the range through a monotone function."""
        lower, upper = sorted((f(self.lower), f(self.upper)))
        return Range(f(self.median), lower, upper)


def number(value: float) -> str:
    """Write a number at two significant digits, without an exponent."""
    return f"{float(f'{value:.2g}'):.15g}" if 1e-4 < abs(value) < 1e15 else f"{value:.2g}"


def percent(p: float) -> str:
    """Write a probability as a percentage: two significant digits, above 99% one of its complement."""
    return f"{number(100 * p)}%" if p <= 0.99 else f"{100 - float(f'{100 * (1 - p):.1g}'):g}%"


def prior_range(prior: Prior) -> Range:
    """Return a prior's median and 95% range."""
    quantile = frozen(prior).ppf
    return Range(*(float(quantile(q)) for q in TAILS))


def meaning(model: Model, name: str) -> str:
    """Say in words what the prior in force for a posterior name means; "" where there is nothing to say."""
    prior = model.prior(name)
    if prior.dist in SPREAD_FREE:
        return ""
    if name == FAMILIES[model.family].location:
        return _worst(model, prior) if model.is_ordinal else _level(model, prior)
    owner, _, ending = name.partition(".")[0].rpartition("_")
    spread = prior_range(prior)
    text = str(spread)
    if ending == "own":
        text = _own(model, owner, prior)
    elif name == "cutpoint_gap" and model.link == "cumulative":
        text = f"odds of a category or better fall {spread.map(_exp)} times to the next"
    elif ending == "sd" and owner.endswith("_wiggle"):
        text = f"{ratio_name(model)} between curve and straight line {spread.map(_exp)} at a typical knot"
    elif ending == "effect":
        text = f"{ratio_name(model)} {spread.map(_exp)}{_contrast(model, owner)}"
    elif ending == "intensity":
        text = f"one start in {spread.map(lambda x: _exp(-x))} {model.outcome.unit}"
    elif ending == "mean" and owner in model.terms:
        low, high = model.terms[owner].bounds or (0.0, 1.0)
        text = f"typical value {spread.map(lambda x: low + (high - low) * float(special.expit(x)))}"
    return text


def _exp(x: float) -> float:
    return math.exp(min(x, 700.0))


def _contrast(model: Model, owner: str) -> str:
    """Say between what an effect stands."""
    if owner in model.exposures:
        return ""
    term = model.terms[owner]
    return f" per {number(term.scale)}" if term.is_number else " against the reference"


def ratio_name(model: Model) -> str:
    """Name what the exponential of an effect is."""
    if not FAMILIES[model.family].survival:
        return "odds ratio"
    return "time ratio" if model.effects == "accelerated" else "hazard ratio"


def _level(model: Model, prior: Prior) -> str:
    """Say what the intercept means: a probability of success, or a median survival."""
    if not FAMILIES[model.family].survival:
        return _success(model, prior)
    alone, together = median_survival(model), median_survival(model, vary=True)
    if alone is None:
        return str(prior_range(prior))
    text = f"median survival {alone} {model.outcome.unit}"
    parameter = next(iter(FAMILIES[model.family].parameters), "")
    if FAMILIES[model.family].shape_keys:
        return f"{text} with a constant hazard"
    if not parameter or str(alone) == str(together):
        return text
    return f"{text} with {parameter} at its median, {together} with {parameter} as its prior"


def _success(model: Model, prior: Prior) -> str:
    """Say what log odds of success mean, a target rate (Berry 2013) added."""
    target = model.outcome.target
    if isinstance(target, str) and target:
        return f"odds of success {prior_range(prior).map(_exp)} times those of the target rate"
    return f"success in {prior_range(prior).map(lambda x: float(special.expit(x + _log_target(model)))).percent()}"


def _log_target(model: Model) -> float:
    """Return the logit of a target rate given as a number, 0 without one."""
    target = model.outcome.target
    return 0.0 if isinstance(target, str) else float(special.logit(target))


def _own(model: Model, owner: str, prior: Prior) -> str:
    """Say what a level's own prior means: of its effect, or of the level itself."""
    if model.terms[owner].borrowing == "exnex" and model.terms[owner].own == "effect":
        return f"{ratio_name(model)} {prior_range(prior).map(_exp)} against the intercept"
    if FAMILIES[model.family].survival:
        return str(prior_range(prior))
    if not model.is_ordinal:
        return _success(model, prior)
    worst, second = model.outcome.levels[:2]
    better = prior_range(prior).map(lambda x: float(special.expit(x))).percent()
    return f"better than {worst} in {better}" if model.link == "cumulative" else f"{second} and not {worst} in {better}"


def _worst(model: Model, prior: Prior) -> str:
    """Say what the first cutpoint means: how many leave the worst category."""
    worst, second = model.outcome.levels[:2]
    better = prior_range(prior).map(lambda x: float(special.expit(-x))).percent()
    return f"better than {worst} in {better}" if model.link == "cumulative" else f"{second} and not {worst} in {better}"


def category_ranges(model: Model) -> list[tuple[Endpoint, Range]]:
    """Return what the priors of an ordinal model's cutpoints imply for each endpoint where every effect is zero.

    Quantiles over the points of a Halton sequence, the same on every machine. Nothing for another model, or where a
    prior has no quantiles.
    """
    names = [name for name in ("first_cutpoint", "cutpoint_gap") if name in wanted_priors(model)]
    if not model.is_ordinal or any(model.prior(name).dist in SPREAD_FREE for name in names):
        return []
    gaps = len(steps(model)) - 1
    points = qmc.Halton(1 + gaps, scramble=False).random(POINTS + 1)[1:]
    parameters = {"cutpoint_gap": points[:, 1:], "first_cutpoint": points[:, 0]}
    parameters = {name: np.asarray(frozen(model.prior(name)).ppf(parameters[name])) for name in names}
    etas = [np.zeros((POINTS, 1))] * (1 + gaps)
    log_p = FAMILIES[model.family].response[model.form](etas, parameters, NUMPY)
    told = [(end, end.of([np.exp(values) for values in log_p])) for end in endpoints(model)]
    return [(end, Range(*(float(q) for q in np.quantile(p, TAILS)))) for end, p in told]


def success_centre(model: Model) -> float | None:
    """Return the log odds of success at the priors' medians; None where the equation has no such number."""
    wanted = wanted_priors(model)
    if FAMILIES[model.family].survival or model.link == "adjacent" or FAMILIES[model.family].location not in wanted:
        return None
    if not model.is_ordinal:
        by_column = isinstance(model.outcome.target, str) and model.outcome.target
        return None if by_column else prior_range(model.prior("intercept")).median + _log_target(model)
    gaps = event(model).first - 1
    return -prior_range(model.prior("first_cutpoint")).median - (
        gaps * prior_range(model.prior("cutpoint_gap")).median if gaps else 0.0
    )


def _over(prior: Prior) -> tuple[Array, Array]:
    """Return points and weights that average a function over a prior."""
    x, w = np.polynomial.legendre.leggauss(NODES)
    return frozen(prior).ppf((x + 1) / 2), w / 2


def ratio_between_levels(prior: Prior) -> Range:
    """Return the ratio between two random levels of a factor with this prior on its sd, larger over smaller.

    Two levels differ by sqrt(2) sd z, z standard normal (Roever 2021, Friede 2017).
    """
    sd, weight = _over(prior)

    def below(log_ratio: float) -> float:
        return float(weight @ (2 * special.ndtr(log_ratio / (math.sqrt(2) * sd)) - 1))

    return Range(*(_exp(_solve(below, q, 0.0, 1.0)) for q in TAILS))


def probability_across_levels(intercept: float, prior: Prior) -> Range:
    """Return the range of response probabilities across levels about a given intercept."""
    sd, weight = _over(prior)

    def below(effect: float) -> float:
        return float(weight @ special.ndtr(effect / sd))

    effects = Range(*(_solve(below, q, -1.0, 1.0) for q in TAILS))
    return effects.map(lambda effect: float(special.expit(intercept + effect)))


def median_survival(model: Model, *, vary: bool = False) -> Range | None:
    """Return what the intercept's prior says of the median survival.

    The median lies below t where the intercept lies beyond the one at which it is t: above it under proportional
    effects, below it under accelerated ones. A hazard made of pieces stands constant.

    Parameters
    ----------
    model : Model
    vary : bool
        Whether the family's own parameter follows its prior, or stays at its prior median.
    """
    family = FAMILIES[model.family]
    if family.baseline is None or "intercept" not in wanted_priors(model):
        return None
    name = "" if family.shape_keys else next(iter(family.parameters), "")
    values, weight = np.ones(1), np.ones(1)
    if name:
        values, weight = _over(model.prior(name)) if vary else (frozen(model.prior(name)).ppf([0.5]), weight)
    intercept = frozen_given(model, "intercept", {name: values})
    beyond = intercept.cdf if model.effects == "accelerated" else intercept.sf

    def below(log_time: float) -> float:
        with np.errstate(over="ignore"):
            place = intercept_at(model.family, model.effects, {name: values}, log_time, model.knots, NUMPY)
        return float(weight @ np.broadcast_to(beyond(place), weight.shape))

    return Range(*(_exp(_solve(below, q, -1.0, 1.0)) for q in TAILS))


def _solve(below: Callable[[float], float], q: float, low: float, high: float) -> float:
    """Find where a distribution function reaches q, widening the interval until it does."""
    while below(low) > q:
        low *= 2
    while below(high) < q:
        high *= 2
    return float(optimize.brentq(lambda x: below(x) - q, low, high, xtol=1e-10))
