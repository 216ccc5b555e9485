"""What a prior says on the scale a clinician thinks in: probabilities, ratios, months.

Every number is a median with a 95% range, by quadrature, at two significant digits: equal on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

from casepool.modelling.families.arrays import NUMPY, Array
from casepool.modelling.families.cutpoints import Ordered
from casepool.modelling.families.medians import intercept_at
from casepool.modelling.families.parameters import CUTPOINTS, NOWHERE, Parameter, Role
from casepool.modelling.families.priors import Prior
from casepool.modelling.specification.endpoints import Endpoint, endpoints, event
from casepool.modelling.specification.model import Model
from casepool.modelling.terms.labels import Group
from casepool.numbers import number, percent

NODES = 200
"""Quadrature nodes over a prior's quantiles."""
POINTS = 2**15
"""Points over the priors of several parameters at once."""
WIDEST = 2.0**12
"""Logarithm of a time, or another place, beyond which a distribution function is taken never to reach further."""
TAILS = (0.5, 0.025, 0.975)
"""Median and 95% range."""


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


def prior_range(prior: Prior) -> Range:
    """Return a prior's median and 95% range."""
    return Range(*(float(q) for q in prior.quantile(TAILS)))


def meaning(model: Model, name: str) -> str:
    """Say in words what the prior in force under a name means; "" where there is nothing to say."""
    prior, parameter = model.prior(name), model.parameter(name)
    if parameter is None or not prior.distribution.has_quantiles:
        return ""
    if parameter.key == CUTPOINTS:
        return _cutpoint(model, name.partition(".")[2], prior)
    if not parameter.is_stated:
        return _own(model, parameter.owner, prior)
    if parameter.role is Role.LOCATION:
        return _worst(model, prior) if model.is_ordinal else _level(model, prior)
    if parameter.role in SAYS:
        return SAYS[parameter.role](model, parameter, prior_range(prior))
    return str(prior_range(prior))


def _gap(model: Model, parameter: Parameter, spread: Range) -> str:
    """Say what a family's own parameter means: of cumulative cutpoints, how far apart they lie."""
    if parameter.dims == ("gap",) and parameter.support.positive:
        return f"odds of a category or better fall {spread.map(_exp)} times to the next"
    return str(spread)


def _curve(model: Model, parameter: Parameter, spread: Range) -> str:
    return f"{ratio_name(model)} between curve and straight line {spread.map(_exp)} at a typical knot"


def _effect(model: Model, parameter: Parameter, spread: Range) -> str:
    """Say what ratio an effect is, and between what it stands."""
    term = model.terms.get(parameter.owner) or model.joint.get(parameter.owner)
    return f"{ratio_name(model)} {spread.map(_exp)}{term.effect_words() if term else ''}"


def _intensity(model: Model, parameter: Parameter, spread: Range) -> str:
    return f"one start in {spread.map(lambda x: _exp(-x))} {model.outcome.unit}"


def _mean(model: Model, parameter: Parameter, spread: Range) -> str:
    return f"typical value {spread.map(lambda x: place_between(model, parameter, x))}"


def _evidence(model: Model, parameter: Parameter, spread: Range) -> str:
    """Say what is known from elsewhere: a spread between studies, or a rate."""
    if parameter.support.positive:
        return str(spread)
    rate = spread.map(lambda x: float(special.expit(x))).percent()
    about = model.trials.about if model.trials is not None and parameter.name == model.of_family.location.name else ()
    return f"success in {rate}{f' of {about[0]} {about[1]}' if about else ''}"


SAYS: dict[Role, Callable[[Model, Parameter, Range], str]] = {
    Role.FAMILY: _gap,
    Role.CURVE_SD: _curve,
    Role.EFFECT: _effect,
    Role.INTENSITY: _intensity,
    Role.MEAN: _mean,
    Role.EVIDENCE: _evidence,
    Role.SELECTION: lambda model, parameter, spread: f"a success is published {spread.map(_exp)} times as readily",
}
"""How the prior of a parameter reads, by what it is to its owner; others are told as they are."""


def place_between(model: Model, parameter: Parameter, logit: float) -> float:
    """Return the number that lies at a logit between the bounds of a parameter's term."""
    low, high = model.terms[parameter.owner].limits or (0.0, 1.0)
    return float(low + (high - low) * special.expit(logit))


def _exp(x: float) -> float:
    return math.exp(min(x, 700.0)) if x < math.inf else math.inf


def ratio_name(model: Model) -> str:
    """Name what the exponential of an effect is."""
    if not model.is_survival:
        return "rate ratio" if model.outcome.has_rate else "odds ratio"
    return "time ratio" if model.effects == "accelerated" else "hazard ratio"


def _level(model: Model, prior: Prior) -> str:
    """Say what the intercept means: a probability of success, or a median survival."""
    if not model.is_survival:
        return _success(model, prior)
    alone, together = median_survival(model), median_survival(model, vary=True)
    if alone is None:
        return str(prior_range(prior))
    text = f"median survival {alone} {model.outcome.unit}"
    parameter = next((own.name for own in model.of_family.parameters_of(model.form)), "")
    if model.of_family.shape_keys:
        return f"{text} with a constant hazard"
    if not parameter or str(alone) == str(together):
        return text
    varied = f", {together} with {parameter} as its prior" if together else ""
    return f"{text} with {parameter} at its median{varied}"


def _success(model: Model, prior: Prior) -> str:
    """Say what log odds of success mean, a target rate (Berry 2013) added."""
    target = model.outcome.target
    if model.outcome.has_rate:
        return f"{prior_range(prior).map(_exp)} events per {model.outcome.unit.removesuffix('s')}"
    if isinstance(target, str) and target:
        return f"odds of success {prior_range(prior).map(_exp)} times those of the target rate"
    return f"success in {prior_range(prior).map(lambda x: float(special.expit(x + _log_target(model)))).percent()}"


def _log_target(model: Model) -> float:
    """Return the logit of a target rate given as a number, 0 without one."""
    target = model.outcome.target
    return 0.0 if isinstance(target, str) else float(special.logit(target))


def _own(model: Model, owner: str, prior: Prior) -> str:
    """Say what a level's own prior means: of its effect, or of the level itself."""
    term = model.terms[owner]
    if isinstance(term, Group) and term.way.mixes and term.own == "effect":
        return f"{ratio_name(model)} {prior_range(prior).map(_exp)} against the intercept"
    if model.is_survival:
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


def _cutpoint(model: Model, step: str, prior: Prior) -> str:
    """Say what the prior of one cutpoint, or of each, means alone: before it is known that cutpoints rise."""
    worse, better = step.split(" | ") if step else ("", "")
    chance = prior_range(prior).map(lambda x: float(special.expit(x)))
    if model.link == "cumulative":
        return f"{worse or 'a category'} or worse in {chance.percent()}"
    return f"{f'{better} and not {worse}' if step else 'the better of two'} in {chance.map(lambda p: 1 - p).percent()}"


def category_ranges(model: Model) -> list[tuple[Endpoint, Range]]:
    """Return what the priors of an ordinal model's cutpoints imply for each endpoint where every effect is zero.

    Quantiles over the points of a Halton sequence, the same on every machine. Nothing for another model, or where a
    prior has no quantiles.
    """
    names = [name for name in ("first_cutpoint", "cutpoint_gap") if name in model.prior_keys]
    own = model.cutpoint_priors
    if not model.is_ordinal or not all(model.prior(name).distribution.has_quantiles for name in names):
        return []
    from scipy.stats import qmc

    gaps = len(model.steps) - 1
    points = qmc.Halton(1 + gaps, scramble=False).random(POINTS + 1)[1:]
    parameters = {"cutpoint_gap": points[:, 1:], "first_cutpoint": points[:, 0]}
    parameters = {name: model.prior(name).quantile(parameters[name]) for name in names}
    if own:
        each = [prior.quantile(u) for prior, u in zip(own, points.T, strict=True)]
        cuts = Ordered(own).at(points) if model.link == "cumulative" else np.stack(each, axis=-1)
        parameters = {"first_cutpoint": cuts[:, 0], "cutpoint_gap": np.diff(cuts)}
    etas = [np.zeros((POINTS, 1))] * (1 + gaps)
    log_p = model.of_family.response[model.form](etas, parameters, NUMPY)
    told = [(end, end.of([np.exp(values) for values in log_p])) for end in endpoints(model)]
    return [(end, Range(*(float(q) for q in np.quantile(p, TAILS)))) for end, p in told]


def success_centre(model: Model) -> float | None:
    """Return the log odds of success at the priors' medians; None where the equation has no such number."""
    if model.is_survival or model.outcome.has_rate or model.link == "adjacent" or not model.has_zero_point:
        return None
    if not model.is_ordinal:
        by_column = isinstance(model.outcome.target, str) and model.outcome.target
        return None if by_column else prior_range(model.prior("intercept")).median + _log_target(model)
    gaps = event(model).first - 1
    if own := model.cutpoint_priors:
        return -float(Ordered(own).middle[gaps])
    return -prior_range(model.prior("first_cutpoint")).median - (
        gaps * prior_range(model.prior("cutpoint_gap")).median if gaps else 0.0
    )


def _over(prior: Prior) -> tuple[Array, Array]:
    """Return points and weights that average a function over a prior."""
    x, w = np.polynomial.legendre.leggauss(NODES)
    return prior.quantile((x + 1) / 2), w / 2


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

    Returns
    -------
    Range or None
        None where the model has no such thing, or a prior is so wide that no number holds what it says.
    """
    family, intercept = model.of_family, model.parameter("intercept")
    if not family.is_survival or intercept is None:
        return None
    own = None if family.shape_keys else next(iter(family.parameters_of(model.form)), None)
    values, weight = np.ones(1), np.ones(1)
    if own:
        prior = model.prior(own.name)
        values, weight = _over(prior) if vary else (prior.quantile([0.5]), weight)
    made = {own.name: values} if own else {}
    law = intercept.given
    with np.errstate(all="ignore"):
        numbers = law.numbers(law.inputs(NOWHERE), made, NUMPY)
    if not all(np.isfinite(x).all() for x in numbers.values()):
        return None
    distribution, sign = law.distribution, 1.0 if model.effects == "accelerated" else -1.0

    def below(log_time: float) -> float:
        with np.errstate(over="ignore", divide="ignore"):
            place = intercept_at(family, model.effects, made, log_time, model.knots, NUMPY)
        share = distribution.cdf(place, numbers)
        return float(weight @ np.broadcast_to(share if sign > 0 else 1.0 - share, weight.shape))

    return Range(*(_exp(_solve(below, q, -1.0, 1.0)) for q in TAILS))


def _solve(below: Callable[[float], float], q: float, low: float, high: float) -> float:
    """Find where a distribution function reaches q, widening the interval until it does; infinite where it never does.

    A falling Gompertz hazard leaves some cured: more than half of them, and no median is ever reached.
    """
    from scipy import optimize

    while below(low) > q:
        low *= 2
    while below(high) < q:
        high *= 2
        if high > WIDEST:
            return math.inf
    return float(optimize.brentq(lambda x: below(x) - q, low, high, xtol=1e-10))
