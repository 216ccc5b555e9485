"""Outcome families: each one entry of `FAMILIES`, its equation as text, its likelihood over any arrays.

A response family gives the log probability of every category from the linear predictor (`responses.py`). A
survival family is its baseline cumulative hazard and log hazard; proportional or accelerated effects, delayed
entry, and an exposure that starts during follow-up follow from those two in `survival.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from casepool.modelling.arrays import Array, Namespace
from casepool.modelling.baselines import EXPONENTIAL, GOMPERTZ, LOG_LOGISTIC, LOG_NORMAL, WEIBULL, Baseline
from casepool.modelling.pieces import PIECES
from casepool.modelling.responses import adjacent, cumulative

LogProbabilities = Callable[[Sequence[Array], Mapping[str, Array], Namespace], list[Array]]


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
    shape_keys : tuple of str
        Top-level keys of a model file, one of which says where the pieces of the hazard meet; none without pieces.
    response : mapping of str to callable
        For a response family, by form: from linear predictors, one a step between categories, and parameters to
        the log probabilities of all categories, worst first.
    form_key : str
        Top-level key of a model file that chooses the form.
    location : str
        Posterior name of the linear predictor's zero point, which factors without borrowing do without.
    observed : str
        The outcome's array that a fit calls its outcome.
    per_time : tuple of str
        Parameters counted per unit of time: a difference of 1 in them is beyond anything plausible.
    """

    equation: Mapping[str, str]
    parameters: Mapping[str, str]
    baseline: Baseline | None = None
    shape_keys: tuple[str, ...] = ()
    response: Mapping[str, LogProbabilities] = field(default_factory=dict)
    form_key: str = ""
    location: str = "intercept"
    observed: str = "time"
    per_time: tuple[str, ...] = ()

    @property
    def survival(self) -> bool:
        """Whether the outcome is a time to an event."""
        return self.baseline is not None


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
        per_time=("shape",),
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
    "piecewise_exponential": Family(
        {"proportional": "h(t) = exp(eta + log_hazard[piece of t])"},
        {
            "hazard_sd": "standard deviation of the steps from one piece's log hazard to the next",
            "log_hazard": "a random walk over the pieces, its mean 0",
        },
        PIECES,
        shape_keys=("cuts", "pieces"),
        form_key="effects",
    ),
    "m_spline": Family(
        {"proportional": "h(t) = exp(eta) sum over splines of exp(log_hazard[spline]) M[spline](t)"},
        {
            "hazard_sd": "standard deviation of the steps from one spline's log weight to the next; 0: constant hazard",
            "log_hazard": "log weights of the splines, a random walk about those of a constant hazard, weights summing "
            "to 1 (Jackson 2023): exp(eta) is the cumulative hazard at the last knot",
        },
        PIECES,
        shape_keys=("knots",),
        form_key="effects",
    ),
}
"""Every family a model file may name."""
