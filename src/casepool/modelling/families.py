"""Outcome families: each one entry of `FAMILIES`, its equation as text, its likelihood over any arrays.

A response family gives the log probability of every category from the linear predictor (`responses.py`). A
survival family is its baseline cumulative hazard and log hazard; proportional or accelerated effects, delayed
entry, and an exposure that starts during follow-up follow from those two in `survival.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from casepool.modelling.arrays import Array, Namespace
from casepool.modelling.responses import adjacent, cumulative

TINY = 1e-300
"""Stands for a time of zero inside logarithms: 0 to a power has no derivative there."""

Parameters = Mapping[str, Array]
LogProbabilities = Callable[[Sequence[Array], Parameters, Namespace], list[Array]]


@dataclass(frozen=True)
class Baseline:
    """A survival family's baseline at operational time u > 0, its own parameters ending in an axis of one."""

    cumulative_hazard: Callable[[Array, Parameters, Namespace], Array]
    log_hazard: Callable[[Array, Parameters, Namespace], Array]


@dataclass(frozen=True)
class Family:
    """One outcome family.

    Parameters
    ----------
    equation : mapping of str to str
        The model's equation, by its form ("" where there is one only).
    parameters : mapping of str to str
        Posterior names besides the linear predictor's, and what each means.
    baseline : Baseline, optional
        For a survival family.
    response : mapping of str to callable
        For a response family, by form: from linear predictors, one a step between categories, and parameters to
        the log probabilities of all categories, worst first.
    form_key : str
        Top-level key of a model file that chooses the form.
    location : str
        Posterior name of the linear predictor's zero point, which factors without borrowing do without.
    observed : str
        The outcome's array that a fit calls its outcome.
    """

    equation: Mapping[str, str]
    parameters: Mapping[str, str]
    baseline: Baseline | None = None
    response: Mapping[str, LogProbabilities] = field(default_factory=dict)
    form_key: str = ""
    location: str = "intercept"
    observed: str = "time"

    @property
    def survival(self) -> bool:
        """Whether the outcome is a time to an event."""
        return self.baseline is not None


def _log(u: Array, xp: Namespace) -> Array:
    return xp.log(xp.maximum(u, TINY))


def _power(u: Array, exponent: Array, xp: Namespace) -> Array:
    return xp.exp(exponent * _log(u, xp))


EXPONENTIAL = Baseline(
    cumulative_hazard=lambda u, p, xp: u,
    log_hazard=lambda u, p, xp: 0.0 * u,
)
WEIBULL = Baseline(
    cumulative_hazard=lambda u, p, xp: _power(u, p["shape"], xp),
    log_hazard=lambda u, p, xp: xp.log(p["shape"]) + (p["shape"] - 1.0) * _log(u, xp),
)


def _gompertz_cumulative(u: Array, p: Parameters, xp: Namespace) -> Array:
    """(exp(shape u) - 1)/shape, continued through shape = 0 by its series."""
    shape = p["shape"]
    small = (shape > -1e-8) & (shape < 1e-8)
    safe = xp.where(small, 1.0, shape)
    return xp.where(small, u * (1.0 + shape * u / 2.0), xp.expm1(safe * u) / safe)


GOMPERTZ = Baseline(
    cumulative_hazard=_gompertz_cumulative,
    log_hazard=lambda u, p, xp: p["shape"] * u,
)


def _log_normal_log_hazard(u: Array, p: Parameters, xp: Namespace) -> Array:
    z = _log(u, xp) / p["scale"]
    log_density = -0.5 * z * z - 0.5 * math.log(2 * math.pi) - xp.log(p["scale"]) - _log(u, xp)
    return log_density - xp.log_normal_tail(z)


LOG_NORMAL = Baseline(
    cumulative_hazard=lambda u, p, xp: -xp.log_normal_tail(_log(u, xp) / p["scale"]),
    log_hazard=_log_normal_log_hazard,
)
LOG_LOGISTIC = Baseline(
    cumulative_hazard=lambda u, p, xp: xp.softplus(_log(u, xp) / p["scale"]),
    log_hazard=lambda u, p, xp: -xp.log(p["scale"]) - _log(u, xp) - xp.softplus(-_log(u, xp) / p["scale"]),
)

FAMILIES: dict[str, Family] = {
    "bernoulli": Family({"": "logit P(success) = eta"}, {}, response={"": cumulative}, observed="events"),
    "ordinal": Family(
        {
            "cumulative": "logit P(category k or worse) = cutpoint_k - eta, the worst category first",
            "adjacent": "log P(category k + 1) / P(category k) = eta - cutpoint_k, the worst category first",
        },
        {"cutpoint_gap": "from one cutpoint to the next; cutpoint_k = first_cutpoint + the gaps before it"},
        response={"cumulative": cumulative, "adjacent": adjacent},
        form_key="link",
        location="first_cutpoint",
        observed="category",
    ),
    "exponential": Family(
        {"proportional": "h(t) = exp(eta)", "accelerated": "log T = eta + E, E standard minimum-Gumbel"},
        {},
        EXPONENTIAL,
        form_key="effects",
    ),
    "weibull": Family(
        {
            "proportional": "h(t) = shape t^(shape - 1) exp(eta)",
            "accelerated": "log T = eta + E/shape, E standard minimum-Gumbel",
        },
        {"shape": "below 1 the hazard falls with time, above 1 it rises"},
        WEIBULL,
        form_key="effects",
    ),
    "gompertz": Family(
        {"proportional": "h(t) = exp(eta + shape t)"},
        {"shape": "change of the log hazard per unit of time; negative leaves a cured fraction"},
        GOMPERTZ,
        form_key="effects",
    ),
    "log_normal": Family(
        {"accelerated": "log T = eta + scale e, e standard normal"},
        {"scale": "standard deviation of log time"},
        LOG_NORMAL,
        form_key="effects",
    ),
    "log_logistic": Family(
        {"accelerated": "log T = eta + scale e, e standard logistic"},
        {"scale": "scale of log time"},
        LOG_LOGISTIC,
        form_key="effects",
    ),
}
"""Every family a model file may name."""
