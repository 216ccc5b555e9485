"""Outcome families: each one entry of `FAMILIES`, its equation as text, its likelihood over any arrays.

A response family gives the log probability of every category from the linear predictor (`responses.py`). A
survival family is its baseline cumulative hazard and log hazard; proportional or accelerated effects, delayed
entry, and an exposure that starts during follow-up follow from those two in `hazards.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from casepool.modelling.families.arrays import Array, Namespace
from casepool.modelling.families.baselines import (
    EXPONENTIAL,
    GOMPERTZ,
    LOG_LOGISTIC,
    LOG_NORMAL,
    WEIBULL,
    Baseline,
)
from casepool.modelling.families.basis_hazards import PIECES, SPLINES, Walk
from casepool.modelling.families.parameters import Parameter, Role
from casepool.modelling.families.responses import adjacent, by_time, cumulative
from casepool.modelling.families.supports import POSITIVE, REAL, UNIT, Support

GAP = "cutpoint_gap"
"""Name of the gaps between the cutpoints of an ordinal model."""
INTERCEPT = Parameter("intercept", Role.LOCATION, key="intercept")
LogProbabilities = Callable[[Sequence[Array], Mapping[str, Array], Namespace], list[Array]]


@dataclass(frozen=True)
class Family:
    """One outcome family.

    Parameters
    ----------
    equation : mapping of str to str
        The model's equation, by its form ("" where there is one only).
    parameters : tuple of Parameter
        Those besides the linear predictor's, each with its meaning and its support.
    by_form : mapping of str to tuple of Parameter
        Instead, where they differ between the forms of the equation.
    baseline : Baseline, optional
        For a survival family.
    shape_keys : tuple of str
        Top-level keys of a model file, one of which says where the pieces of the hazard meet; none without pieces.
    response : mapping of str to callable
        For a response family, by form: from linear predictors, one a step between categories, and parameters to
        the log probabilities of all categories, worst first.
    form_key : str
        Top-level key of a model file that chooses the form.
    location : Parameter
        The linear predictor's zero point, which factors without borrowing do without.
    sign : int
        1 where the linear predictor rises with its zero point, -1 where it falls: cutpoints are taken off.
    observed : str
        The outcome's array that a fit calls its outcome.
    needs_prior : str
        Why the likelihood has no maximum without priors; "" where it may have one.
    """

    equation: Mapping[str, str]
    parameters: tuple[Parameter, ...] = ()
    by_form: Mapping[str, tuple[Parameter, ...]] = field(default_factory=dict)
    baseline: Baseline | None = None
    shape_keys: tuple[str, ...] = ()
    response: Mapping[str, LogProbabilities] = field(default_factory=dict)
    form_key: str = ""
    location: Parameter = INTERCEPT
    sign: int = 1
    observed: str = "time"
    needs_prior: str = ""

    @property
    def is_survival(self) -> bool:
        """Whether the outcome is a time to an event."""
        return self.baseline is not None

    @property
    def is_ordinal(self) -> bool:
        """Whether the outcome has ordered categories."""
        return self.observed == "category"

    def parameters_of(self, form: str) -> tuple[Parameter, ...]:
        """Return the parameters besides the linear predictor's in one form of the equation."""
        return self.by_form.get(form, self.parameters)

    def zero_point(self, made: Mapping[str, Array]) -> Array:
        """Return where the linear predictor of a patient without effects lies: a level's own prior counts from 0.

        The intercept, or less the first cutpoint of an ordinal model: there a level is the log odds of leaving the
        worst category.
        """
        return self.sign * made[self.location.name]


def _own(name: str, meaning: str, **more: Any) -> Parameter:
    """Return a parameter of a family to which a model file gives a prior."""
    return Parameter(name, Role.FAMILY, key=name, meaning=meaning, **more)


def _gap(support: Support) -> Parameter:
    meaning = "from one cutpoint to the next; cutpoint_k = first_cutpoint + the gaps before it"
    return _own(GAP, meaning, support=support, dims=("gap",))


def _walk(normalised: bool, meaning: str) -> Parameter:
    return Parameter(
        "log_hazard",
        Role.FAMILY,
        dims=("piece",),
        coordinate_dims=("next_piece",),
        law=Walk("hazard_sd", normalised),
        meaning=meaning,
    )


REPORTING = _own("reporting", "probability r that who could tell of an event did", support=UNIT)
"""Of events that may not have been told of."""
HELD = "a hazard made of pieces is held together by its prior"

FAMILIES: dict[str, Family] = {
    "bernoulli": Family(
        {"": "logit P(success) = eta", "time": "P(event by t) = 1 - exp(-exp(eta) t)"},
        response={"": cumulative, "time": by_time},
        observed="events",
    ),
    "ordinal": Family(
        {
            "cumulative": "logit P(category k or worse) = cutpoint_k - eta, the worst category first",
            "adjacent": "log P(category k + 1) / P(category k) = eta - cutpoint_k, the worst category first",
        },
        by_form={"cumulative": (_gap(POSITIVE),), "adjacent": (_gap(REAL),)},
        response={"cumulative": cumulative, "adjacent": adjacent},
        form_key="link",
        location=Parameter("first_cutpoint", Role.LOCATION, key="first_cutpoint"),
        sign=-1,
        observed="category",
    ),
    "exponential": Family(
        {"proportional": "h(t) = exp(eta)", "accelerated": "log T = eta + E, E standard minimum-Gumbel"},
        baseline=EXPONENTIAL,
        form_key="effects",
    ),
    "weibull": Family(
        {
            "proportional": "h(t) = shape t^(shape - 1) exp(eta)",
            "accelerated": "log T = eta + E/shape, E standard minimum-Gumbel",
        },
        (_own("shape", "below 1 the hazard falls with time, above 1 it rises", support=POSITIVE),),
        baseline=WEIBULL,
        form_key="effects",
    ),
    "gompertz": Family(
        {"proportional": "h(t) = exp(eta + shape t)"},
        (_own("shape", "change of the log hazard per unit of time; negative leaves a cured fraction", per_time=True),),
        baseline=GOMPERTZ,
        form_key="effects",
    ),
    "log_normal": Family(
        {"accelerated": "log T = eta + scale e, e standard normal"},
        (_own("scale", "standard deviation of log time", support=POSITIVE),),
        baseline=LOG_NORMAL,
        form_key="effects",
    ),
    "log_logistic": Family(
        {"accelerated": "log T = eta + scale e, e standard logistic"},
        (_own("scale", "scale of log time", support=POSITIVE),),
        baseline=LOG_LOGISTIC,
        form_key="effects",
    ),
    "piecewise_exponential": Family(
        {"proportional": "h(t) = exp(eta + log_hazard[piece of t])"},
        (
            _own(
                "hazard_sd",
                "standard deviation of the steps from one piece's log hazard to the next",
                support=POSITIVE,
            ),
            _walk(False, "a random walk over the pieces, its mean 0"),
        ),
        baseline=PIECES,
        needs_prior=HELD,
        shape_keys=("cuts", "pieces"),
        form_key="effects",
    ),
    "m_spline": Family(
        {"proportional": "h(t) = exp(eta) sum over splines of exp(log_hazard[spline]) M[spline](t)"},
        (
            _own(
                "hazard_sd",
                "standard deviation of the steps from one spline's log weight to the next; 0: constant hazard",
                support=POSITIVE,
            ),
            _walk(
                True,
                "log weights of the splines, a random walk about those of a constant hazard, weights summing "
                "to 1 (Jackson 2023): exp(eta) is the cumulative hazard at the last knot",
            ),
        ),
        baseline=SPLINES,
        needs_prior=HELD,
        shape_keys=("knots",),
        form_key="effects",
    ),
}
"""Every family a model file may name."""
