"""Prior distributions: what a model file may name, their parameters, and their log densities."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import stats

from casepool.errors import CasepoolError
from casepool.modelling.arrays import Array

Z_UPPER = float(stats.norm.ppf(0.975))


@dataclass(frozen=True)
class Prior:
    """One prior distribution and the reason for it.

    Parameters
    ----------
    dist : str
        A key of `DISTRIBUTIONS`.
    parameters : mapping of str to float
        The distribution's parameters.
    why : str
        The reason, with a source or the word "convention".
    elicited : mapping
        The ``from`` form as the model file states it (``from``, ``median``, ``upper``), if it does.
    """

    dist: str
    parameters: Mapping[str, float] = field(default_factory=dict)
    why: str = ""
    elicited: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        if self.elicited.get("from") == "median_time":
            return f"median time {self.elicited['median']:g}, 97.5% below {self.elicited['upper']:g}"
        inside = ", ".join(f"{name} = {value:.4g}" for name, value in self.parameters.items())
        return f"{self.dist}({inside})"


@dataclass(frozen=True)
class Distribution:
    """A distribution a prior may have.

    Parameters
    ----------
    parameters : tuple of str
    frozen : callable
        Makes an object with ``logpdf(x)`` and ``rvs(size, random_state)`` of the parameters.
    positive : bool
        Whether the support is the positive half line.
    """

    parameters: tuple[str, ...]
    frozen: Callable[..., Any]
    positive: bool = False


class HalfStudentT:
    """The absolute value of a Student t, which scipy lacks."""

    def __init__(self, nu: float, sigma: float) -> None:
        self.whole = stats.t(nu, scale=sigma)

    def logpdf(self, x: Array) -> Array:
        """Log density at positive `x`."""
        return self.whole.logpdf(x) + math.log(2.0)

    def ppf(self, q: Array) -> Array:
        """Quantiles."""
        return self.whole.ppf((1.0 + np.asarray(q)) / 2.0)

    def rvs(self, size: Array, random_state: np.random.Generator) -> Array:
        """Draw."""
        return np.abs(self.whole.rvs(size, random_state))


class Improper:
    """Log density 0 everywhere: a flat prior, or a fixed value, which alone can be drawn."""

    def __init__(self, value: float | None = None) -> None:
        self.value = value

    def logpdf(self, x: Array) -> Array:
        """Zero."""
        return np.zeros(np.shape(x))

    def ppf(self, q: Array) -> Array:
        """Quantiles: the fixed value, or nothing for a flat prior."""
        return np.full(np.shape(q), np.nan if self.value is None else self.value)

    def rvs(self, size: Array, random_state: np.random.Generator) -> Array:
        """Repeat the fixed value.

        Raises
        ------
        CasepoolError
            For a flat prior.
        """
        if self.value is None:
            raise CasepoolError("a Flat prior cannot be drawn from", remedy="give the parameter a proper prior")
        return np.full(size, self.value)


class Shares:
    """A symmetric Dirichlet over the last axis, of whatever length."""

    def __init__(self, concentration: float) -> None:
        self.concentration = concentration

    def logpdf(self, x: Array) -> Array:
        """Log density at shares on the last axis."""
        levels, c = np.shape(x)[-1], self.concentration
        constant = math.lgamma(levels * c) - levels * math.lgamma(c)
        return constant + (c - 1.0) * np.log(x).sum(axis=-1)

    def rvs(self, size: tuple[int, ...], random_state: np.random.Generator) -> Array:
        """Draw shares, the last axis of `size` being the levels."""
        return random_state.dirichlet(np.full(size[-1], self.concentration), size[:-1])


DISTRIBUTIONS: dict[str, Distribution] = {
    "Normal": Distribution(("mu", "sigma"), stats.norm),
    "StudentT": Distribution(("nu", "mu", "sigma"), stats.t),
    "HalfNormal": Distribution(("sigma",), lambda sigma: stats.halfnorm(scale=sigma), positive=True),
    "HalfStudentT": Distribution(("nu", "sigma"), HalfStudentT, positive=True),
    "Exponential": Distribution(("lam",), lambda lam: stats.expon(scale=1 / lam), positive=True),
    "Gamma": Distribution(("alpha", "beta"), lambda alpha, beta: stats.gamma(alpha, scale=1 / beta), positive=True),
    "LogNormal": Distribution(
        ("mu", "sigma"), lambda mu, sigma: stats.lognorm(sigma, scale=math.exp(mu)), positive=True
    ),
    "Beta": Distribution(("alpha", "beta"), stats.beta),
    "Dirichlet": Distribution(("concentration",), Shares),
    "Flat": Distribution((), Improper),
    "Fixed": Distribution(("value",), Improper),
}
"""Every distribution a prior may have. ``Fixed`` is no distribution: the parameter has that value."""

MUST_BE_POSITIVE = ("sigma", "nu", "lam", "alpha", "beta", "concentration")
SUPPORT_POSITIVE = ("_sd", "_spread")
"""Endings of the parameters that are scales."""

NUISANCE: dict[str, Prior] = {
    "_mean": Prior("Normal", {"mu": 0.0, "sigma": 1.5}, "convention: any mean inside the bounds is plausible"),
    "_spread": Prior("HalfNormal", {"sigma": 1.5}, "convention: from one value to all of the range"),
    "_share": Prior("Dirichlet", {"concentration": 1.0}, "convention: every share equally plausible"),
}
"""Priors of the model of missing covariates, where the model file gives none."""


Link = Callable[[float], float]

SCALES: dict[str, Link] = {"probability": lambda p: math.log(p / (1 - p)), "ratio": math.log}
"""Clinical scales a prior may be stated on, each with its way to the scale of the linear predictor."""


def read_prior(plain: Mapping[str, Any], *, file: str, key: str, scales: Mapping[str, Link] = SCALES) -> Prior:
    """Make a prior of one table of a model file, whose ``from`` may be one of `scales`.

    Raises
    ------
    CasepoolError
        For an unknown distribution or parameter, a missing or impossible one, or a ``why`` that is no text.
    """
    values = dict(plain)
    why = values.pop("why", "")
    if not isinstance(why, str):
        raise CasepoolError("`why` must be text", file=file, column=key, value=why, remedy="give the reason as text")
    elicited: dict[str, Any] = dict(values) if "from" in values else {}
    if elicited:
        values = _elicit(elicited, file=file, key=key, scales=scales)
    dist = values.pop("dist", None)
    if not isinstance(dist, str) or dist not in DISTRIBUTIONS:
        raise CasepoolError(
            "unknown or missing distribution",
            file=file,
            column=key,
            value=dist,
            remedy=f"set dist to one of {', '.join(DISTRIBUTIONS)}",
        )
    wanted = DISTRIBUTIONS[dist].parameters
    if set(values) != set(wanted):
        raise CasepoolError(
            f"{dist} takes {' and '.join(wanted) or 'nothing'}, not {', '.join(sorted(values)) or 'nothing'}",
            file=file,
            column=key,
            remedy="give exactly these parameters",
        )
    for name, value in values.items():
        number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        positive = name in MUST_BE_POSITIVE
        if not number or (positive and value <= 0):
            raise CasepoolError(
                f"{name} must be a {'positive ' if positive else ''}number",
                file=file,
                column=key,
                value=value,
                remedy="correct it",
            )
    return Prior(dist, {name: float(values[name]) for name in wanted}, why, elicited)


def _elicit(elicited: Mapping[str, Any], *, file: str, key: str, scales: Mapping[str, Link]) -> dict[str, Any]:
    """Turn a median and a 97.5% limit on the scale a clinician thinks in into a normal on the link scale."""
    link = scales.get(str(elicited["from"]))
    numbers = [elicited.get(name) for name in ("median", "upper")]
    spare = set(elicited) - {"from", "median", "upper"}
    if link is None or spare or not all(isinstance(x, int | float) for x in numbers):
        raise CasepoolError(
            "a prior from the clinical scale has `from`, `median` and `upper` (the 97.5% limit), no more",
            file=file,
            column=key,
            value=dict(elicited),
            remedy=f"set from to one of {', '.join(scales)}",
        )
    try:
        median, upper = (link(float(x)) for x in numbers if x is not None)
        ordered = median != upper and elicited["median"] < elicited["upper"]
    except (ValueError, ZeroDivisionError):
        median, upper, ordered = 0.0, 0.0, False
    if not ordered:
        raise CasepoolError(
            f"median and upper must be a {elicited['from']}, the median below the upper limit",
            file=file,
            column=key,
            value=dict(elicited),
            remedy="correct them",
        )
    return {"dist": "Normal", "mu": median, "sigma": abs(upper - median) / Z_UPPER}


def frozen(prior: Prior) -> Array:
    """Return the prior as an object with ``logpdf(x)`` and ``rvs(size, random_state)``."""
    return DISTRIBUTIONS[prior.dist].frozen(*prior.parameters.values())
