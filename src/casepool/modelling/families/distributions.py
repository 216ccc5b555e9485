"""Distributions: one object each, over any arrays, with density, image of a standard normal, and draws.

Numbers of a distribution come as a mapping, `p`, of arrays that broadcast against the values: plain ones of a prior, or
what other parameters say of this one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, override

import numpy as np
from scipy import special

from casepool.errors import CasepoolError
from casepool.modelling.families.arrays import Array, Namespace
from casepool.modelling.families.supports import INTERVAL, POINT, POSITIVE, REAL, SIMPLEX, UNIT, Support

Numbers = Mapping[str, Array]
LEAST = 1e-290
"""Of a Gamma's value whose inverse is wanted: a vague one has half of its mass below all numbers a computer holds."""
LOG_ROOT_2_PI = 0.5 * math.log(2.0 * math.pi)


class Distribution:
    """A distribution a prior may have. A new one is a class below, and an entry of `DISTRIBUTIONS`.

    Attributes
    ----------
    parameters : tuple of str
        Names of its numbers, as in a model file.
    positive_numbers : tuple of str
        Those that must be positive.
    support : Support
    argument : mapping of str to str
        What PyMC, whose class is called like this one, calls those parameters that have another name there.
    has_quantiles : bool
        Whether there is a median and a range to tell.
    has_components : bool
        Whether each of its numbers is a list, of one number a component.
    width : mapping of str to int
        Numbers that grow with its width about its place, and to what power; without any it has no width.
    """

    parameters: ClassVar[tuple[str, ...]] = ()
    positive_numbers: ClassVar[tuple[str, ...]] = ()
    support: ClassVar[Support] = REAL
    argument: ClassVar[Mapping[str, str]] = {}
    has_quantiles: ClassVar[bool] = True
    has_components: ClassVar[bool] = False
    width: ClassVar[Mapping[str, int]] = {}

    @property
    def name(self) -> str:
        """What a model file calls it."""
        return type(self).__name__

    @property
    def in_pymc(self) -> str:
        """What PyMC calls its class."""
        return self.name

    def problem(self, p: Mapping[str, Any]) -> str:
        """Say what is wrong with its numbers together, each of them good alone; "" if nothing."""
        return ""

    def is_within(self, support: Support, p: Mapping[str, Any]) -> bool:
        """Whether all of its values lie within a support: of all numbers, of positive ones, or of those from 0 to 1."""
        return support is REAL or self.support is support

    def wider(self, p: Mapping[str, Any], times: float, *, scale: bool) -> dict[str, Any] | None:
        """Return the numbers of the distribution some times as wide about its place; None where it has no width.

        Parameters
        ----------
        p : mapping of str to float
        times : float
        scale : bool
            Whether it is a scale's, of which 0 is the place.
        """
        return {name: value * times ** self.width.get(name, 0) for name, value in p.items()} if self.width else None

    def constrained(self, u: Array, p: Numbers, xp: Namespace) -> tuple[Array, Array]:
        """Return values from unbounded coordinates, and the log Jacobian: PyMC's own transform."""
        return self.support.constrained(u, xp)

    def log_density(self, x: Array, p: Numbers, xp: Namespace) -> Array:
        """Return the log density of each value within the support; of shares, one number for a vector."""
        raise NotImplementedError

    def from_normal(self, z: Array, p: Numbers, xp: Namespace) -> Array:
        """Return the quantile at the probability that a standard normal is below `z`: an image without bounds."""
        raise NotImplementedError

    def cdf(self, x: Array, p: Numbers) -> Array:
        """Return the probability of values up to `x`."""
        raise NotImplementedError

    def draw(self, p: Numbers, size: tuple[int, ...], rng: np.random.Generator) -> Array:
        """Draw values of shape `size`."""
        raise NotImplementedError


class Normal(Distribution):
    """Mean `mu`, standard deviation `sigma`."""

    parameters = ("mu", "sigma")
    positive_numbers = ("sigma",)
    width: ClassVar[Mapping[str, int]] = {"sigma": 1}

    @override
    def log_density(self, x: Array, p: Numbers, xp: Namespace) -> Array:
        return -0.5 * ((x - p["mu"]) / p["sigma"]) ** 2 - xp.log(p["sigma"]) - LOG_ROOT_2_PI

    @override
    def from_normal(self, z: Array, p: Numbers, xp: Namespace) -> Array:
        return p["mu"] + p["sigma"] * z

    @override
    def cdf(self, x: Array, p: Numbers) -> Array:
        return special.ndtr((x - p["mu"]) / p["sigma"])

    @override
    def draw(self, p: Numbers, size: tuple[int, ...], rng: np.random.Generator) -> Array:
        return p["mu"] + p["sigma"] * rng.standard_normal(size)


class StudentT(Distribution):
    """Degrees of freedom `nu`, location `mu`, scale `sigma`."""

    parameters = ("nu", "mu", "sigma")
    positive_numbers = ("nu", "sigma")
    width: ClassVar[Mapping[str, int]] = {"sigma": 1}

    @override
    def log_density(self, x: Array, p: Numbers, xp: Namespace) -> Array:
        nu, apart = p["nu"], (x - p["mu"]) / p["sigma"]
        constant = special.gammaln((nu + 1.0) / 2.0) - special.gammaln(nu / 2.0) - 0.5 * np.log(nu * math.pi)
        return constant - xp.log(p["sigma"]) - (nu + 1.0) / 2.0 * xp.log1p(apart**2 / nu)

    @override
    def from_normal(self, z: Array, p: Numbers, xp: Namespace) -> Array:
        return p["mu"] + p["sigma"] * xp.student_quantile(z, p["nu"])

    @override
    def cdf(self, x: Array, p: Numbers) -> Array:
        return special.stdtr(p["nu"], (x - p["mu"]) / p["sigma"])

    @override
    def draw(self, p: Numbers, size: tuple[int, ...], rng: np.random.Generator) -> Array:
        return p["mu"] + p["sigma"] * rng.standard_t(p["nu"], size)


class HalfNormal(Distribution):
    """The absolute value of a normal of mean 0 and standard deviation `sigma`."""

    parameters = ("sigma",)
    positive_numbers = ("sigma",)
    support = POSITIVE
    width: ClassVar[Mapping[str, int]] = {"sigma": 1}

    @override
    def log_density(self, x: Array, p: Numbers, xp: Namespace) -> Array:
        return math.log(2.0) - 0.5 * (x / p["sigma"]) ** 2 - xp.log(p["sigma"]) - LOG_ROOT_2_PI

    @override
    def from_normal(self, z: Array, p: Numbers, xp: Namespace) -> Array:
        return p["sigma"] * xp.half_normal_quantile(z)

    @override
    def cdf(self, x: Array, p: Numbers) -> Array:
        return special.erf(np.maximum(x, 0.0) / p["sigma"] / math.sqrt(2.0))

    @override
    def draw(self, p: Numbers, size: tuple[int, ...], rng: np.random.Generator) -> Array:
        return p["sigma"] * np.abs(rng.standard_normal(size))


class HalfStudentT(Distribution):
    """The absolute value of a Student t of `nu` degrees of freedom, location 0 and scale `sigma`."""

    parameters = ("nu", "sigma")
    positive_numbers = ("nu", "sigma")
    support = POSITIVE
    width: ClassVar[Mapping[str, int]] = {"sigma": 1}

    @override
    def log_density(self, x: Array, p: Numbers, xp: Namespace) -> Array:
        return math.log(2.0) + StudentT().log_density(x, {**p, "mu": 0.0}, xp)

    @override
    def from_normal(self, z: Array, p: Numbers, xp: Namespace) -> Array:
        nu = p["nu"]  # t^2 / (nu + t^2) has a Beta distribution; its complement keeps its digits in the other tail
        share, rest = xp.beta_quantile(z, 0.5, nu / 2.0), xp.beta_quantile(-z, nu / 2.0, 0.5)
        return p["sigma"] * (nu * share / rest) ** 0.5

    @override
    def cdf(self, x: Array, p: Numbers) -> Array:
        return 2.0 * special.stdtr(p["nu"], np.maximum(x, 0.0) / p["sigma"]) - 1.0

    @override
    def draw(self, p: Numbers, size: tuple[int, ...], rng: np.random.Generator) -> Array:
        return p["sigma"] * np.abs(rng.standard_t(p["nu"], size))


class Exponential(Distribution):
    """Rate `lam`: the mean is 1 / lam."""

    parameters = ("lam",)
    positive_numbers = ("lam",)
    support = POSITIVE
    width: ClassVar[Mapping[str, int]] = {"lam": -1}

    @override
    def log_density(self, x: Array, p: Numbers, xp: Namespace) -> Array:
        return xp.log(p["lam"]) - p["lam"] * x

    @override
    def from_normal(self, z: Array, p: Numbers, xp: Namespace) -> Array:
        return -xp.log_normal_tail(z) / p["lam"]

    @override
    def cdf(self, x: Array, p: Numbers) -> Array:
        return -np.expm1(-p["lam"] * np.maximum(x, 0.0))

    @override
    def draw(self, p: Numbers, size: tuple[int, ...], rng: np.random.Generator) -> Array:
        return rng.standard_exponential(size) * (1.0 / p["lam"])


class Gamma(Distribution):
    """Shape `alpha`, rate `beta`: the mean is alpha / beta."""

    parameters = ("alpha", "beta")
    positive_numbers = ("alpha", "beta")
    support = POSITIVE
    width: ClassVar[Mapping[str, int]] = {"beta": -1}

    @override
    def log_density(self, x: Array, p: Numbers, xp: Namespace) -> Array:
        alpha, beta = p["alpha"], p["beta"]
        return alpha * np.log(beta) - special.gammaln(alpha) + (alpha - 1.0) * xp.log(x) - beta * x

    @override
    def from_normal(self, z: Array, p: Numbers, xp: Namespace) -> Array:
        return xp.gamma_quantile(z, p["alpha"]) / p["beta"]

    @override
    def cdf(self, x: Array, p: Numbers) -> Array:
        return special.gammainc(p["alpha"], p["beta"] * np.maximum(x, 0.0))

    @override
    def draw(self, p: Numbers, size: tuple[int, ...], rng: np.random.Generator) -> Array:
        return rng.standard_gamma(p["alpha"], size) * (1.0 / p["beta"])


class InverseGamma(Distribution):
    """Shape `alpha`, scale `beta`: its inverse has the Gamma distribution of these numbers."""

    parameters = ("alpha", "beta")
    positive_numbers = ("alpha", "beta")
    support = POSITIVE
    width: ClassVar[Mapping[str, int]] = {"beta": 1}

    @override
    def log_density(self, x: Array, p: Numbers, xp: Namespace) -> Array:
        return Gamma().log_density(1.0 / x, p, xp) - 2.0 * xp.log(x)

    @override
    def from_normal(self, z: Array, p: Numbers, xp: Namespace) -> Array:
        return p["beta"] / xp.maximum(xp.gamma_quantile(-z, p["alpha"]), LEAST)

    @override
    def cdf(self, x: Array, p: Numbers) -> Array:
        with np.errstate(divide="ignore"):
            return special.gammaincc(p["alpha"], p["beta"] / np.maximum(x, 0.0))

    @override
    def draw(self, p: Numbers, size: tuple[int, ...], rng: np.random.Generator) -> Array:
        return p["beta"] / np.maximum(rng.standard_gamma(p["alpha"], size), LEAST)


class GammaPrecision(Distribution):
    """Of a standard deviation whose precision, 1 / sd^2, is Gamma: shape `alpha`, rate `beta`.

    The variance is then InverseGamma of the same numbers.
    """

    parameters = ("alpha", "beta")
    positive_numbers = ("alpha", "beta")
    support = POSITIVE
    width: ClassVar[Mapping[str, int]] = {"beta": 2}

    @override
    def log_density(self, x: Array, p: Numbers, xp: Namespace) -> Array:
        return Gamma().log_density(x**-2.0, p, xp) + math.log(2.0) - 3.0 * xp.log(x)

    @override
    def from_normal(self, z: Array, p: Numbers, xp: Namespace) -> Array:
        return InverseGamma().from_normal(z, p, xp) ** 0.5

    @override
    def cdf(self, x: Array, p: Numbers) -> Array:
        return InverseGamma().cdf(np.square(np.maximum(x, 0.0)), p)

    @override
    def draw(self, p: Numbers, size: tuple[int, ...], rng: np.random.Generator) -> Array:
        return np.sqrt(InverseGamma().draw(p, size, rng))


class LogNormal(Distribution):
    """Its logarithm is normal: mean `mu`, standard deviation `sigma`."""

    parameters = ("mu", "sigma")
    positive_numbers = ("sigma",)
    support = POSITIVE
    width: ClassVar[Mapping[str, int]] = {"sigma": 1}

    @override
    def log_density(self, x: Array, p: Numbers, xp: Namespace) -> Array:
        return Normal().log_density(xp.log(x), p, xp) - xp.log(x)

    @override
    def from_normal(self, z: Array, p: Numbers, xp: Namespace) -> Array:
        return xp.exp(p["mu"] + p["sigma"] * z)

    @override
    def cdf(self, x: Array, p: Numbers) -> Array:
        with np.errstate(divide="ignore"):
            return Normal().cdf(np.log(np.maximum(x, 0.0)), p)

    @override
    def draw(self, p: Numbers, size: tuple[int, ...], rng: np.random.Generator) -> Array:
        return np.exp(p["sigma"] * rng.standard_normal(size)) * np.exp(p["mu"])


class Beta(Distribution):
    """On (0, 1), with the exponents `alpha` - 1 and `beta` - 1."""

    parameters = ("alpha", "beta")
    positive_numbers = ("alpha", "beta")
    support = UNIT

    @override
    def log_density(self, x: Array, p: Numbers, xp: Namespace) -> Array:
        alpha, beta = p["alpha"], p["beta"]
        return (alpha - 1.0) * xp.log(x) + (beta - 1.0) * xp.log1p(-x) - special.betaln(alpha, beta)

    @override
    def from_normal(self, z: Array, p: Numbers, xp: Namespace) -> Array:
        return xp.beta_quantile(z, p["alpha"], p["beta"])

    @override
    def cdf(self, x: Array, p: Numbers) -> Array:
        return special.betainc(p["alpha"], p["beta"], np.clip(x, 0.0, 1.0))

    @override
    def draw(self, p: Numbers, size: tuple[int, ...], rng: np.random.Generator) -> Array:
        return rng.beta(p["alpha"], p["beta"], size)


class Uniform(Distribution):
    """Even between `lower` and `upper`."""

    parameters = ("lower", "upper")
    support = INTERVAL

    @override
    def problem(self, p: Mapping[str, Any]) -> str:
        return "" if p["lower"] < p["upper"] else "lower must lie below upper"

    @override
    def is_within(self, support: Support, p: Mapping[str, Any]) -> bool:
        low, high = {POSITIVE: (0.0, math.inf), UNIT: (0.0, 1.0)}.get(support, (-math.inf, math.inf))
        return bool(low <= p["lower"] and p["upper"] <= high)

    @override
    def wider(self, p: Mapping[str, Any], times: float, *, scale: bool) -> dict[str, Any] | None:
        place = 0.0 if scale else (p["lower"] + p["upper"]) / 2
        return {name: place + times * (value - place) for name, value in p.items()}

    @override
    def constrained(self, u: Array, p: Numbers, xp: Namespace) -> tuple[Array, Array]:
        share, log_slope = UNIT.constrained(u, xp)
        width = p["upper"] - p["lower"]
        return p["lower"] + width * share, log_slope + xp.log(width)

    @override
    def log_density(self, x: Array, p: Numbers, xp: Namespace) -> Array:
        inside = (x >= p["lower"]) & (x <= p["upper"])
        return xp.where(inside, 0.0 * x - xp.log(p["upper"] - p["lower"]), -math.inf)

    @override
    def from_normal(self, z: Array, p: Numbers, xp: Namespace) -> Array:
        return p["lower"] + (p["upper"] - p["lower"]) * xp.exp(xp.log_normal_tail(-z))

    @override
    def cdf(self, x: Array, p: Numbers) -> Array:
        return np.clip((np.asarray(x) - p["lower"]) / (p["upper"] - p["lower"]), 0.0, 1.0)

    @override
    def draw(self, p: Numbers, size: tuple[int, ...], rng: np.random.Generator) -> Array:
        return p["lower"] + (p["upper"] - p["lower"]) * rng.random(size)


class Dirichlet(Distribution):
    """Shares on the last axis, symmetric, of whatever number, with one `concentration`."""

    parameters = ("concentration",)
    positive_numbers = ("concentration",)
    support = SIMPLEX
    argument: ClassVar[Mapping[str, str]] = {"concentration": "a"}
    has_quantiles = False

    @override
    def log_density(self, x: Array, p: Numbers, xp: Namespace) -> Array:
        levels, c = x.shape[-1], p["concentration"]
        constant = special.gammaln(levels * c) - levels * special.gammaln(c)
        return constant + (c - 1.0) * xp.log(x).sum(axis=-1)

    @override
    def from_normal(self, z: Array, p: Numbers, xp: Namespace) -> Array:
        """Break a stick: each share is a Beta part of what those before it left; one coordinate fewer than shares."""
        size, c = z.shape[-1], p["concentration"]
        log_left: Array = 0.0 * z[..., :1]
        shares = []
        for k in range(size):
            part = xp.beta_quantile(z[..., k : k + 1], c, (size - k) * c)
            rest = xp.beta_quantile(-z[..., k : k + 1], (size - k) * c, c)
            shares.append(xp.exp(log_left) * part)
            log_left = log_left + xp.log(rest)
        shares.append(xp.exp(log_left))
        return xp.concatenate(shares)

    @override
    def draw(self, p: Numbers, size: tuple[int, ...], rng: np.random.Generator) -> Array:
        return rng.dirichlet(np.full(size[-1], float(p["concentration"])), size[:-1])


class Mixture(Distribution):
    """Normal components on the last axis of its numbers: `weights` that sum to 1, means `mu`, deviations `sigma`."""

    parameters = ("weights", "mu", "sigma")
    positive_numbers = ("weights", "sigma")
    argument: ClassVar[Mapping[str, str]] = {"weights": "w"}
    has_components = True

    @property
    @override
    def in_pymc(self) -> str:
        return "NormalMixture"

    @override
    def wider(self, p: Mapping[str, Any], times: float, *, scale: bool) -> dict[str, Any] | None:
        own = _arrays(p)
        centre = float(own["weights"] @ own["mu"])
        apart = {"mu": centre + times * (own["mu"] - centre), "sigma": times * own["sigma"]}
        return {**p, **{name: tuple(values.tolist()) for name, values in apart.items()}}

    @override
    def log_density(self, x: Array, p: Numbers, xp: Namespace) -> Array:
        return xp.logsumexp(xp.log(p["weights"]) + Normal().log_density(x[..., None], p, xp))

    @override
    def from_normal(self, z: Array, p: Numbers, xp: Namespace) -> Array:
        return xp.normals_quantile(z, p["weights"], p["mu"], p["sigma"])

    @override
    def cdf(self, x: Array, p: Numbers) -> Array:
        return (np.asarray(p["weights"]) * Normal().cdf(np.asarray(x)[..., None], _arrays(p))).sum(axis=-1)

    @override
    def draw(self, p: Numbers, size: tuple[int, ...], rng: np.random.Generator) -> Array:
        own = _arrays(p)
        which = rng.choice(len(own["weights"]), size, p=own["weights"] / own["weights"].sum())
        return own["mu"][which] + own["sigma"][which] * rng.standard_normal(size)


def _arrays(p: Numbers) -> dict[str, np.ndarray]:
    return {name: np.asarray(values) for name, values in p.items()}


class Flat(Distribution):
    """Density 1 everywhere, which is no distribution."""

    has_quantiles = False

    @override
    def log_density(self, x: Array, p: Numbers, xp: Namespace) -> Array:
        return 0.0 * x

    @override
    def from_normal(self, z: Array, p: Numbers, xp: Namespace) -> Array:
        """Refuse: an improper prior is nobody's image.

        Raises
        ------
        CasepoolError
        """
        raise CasepoolError("a Flat prior has no quantiles", remedy="give the parameter a proper prior")

    @override
    def draw(self, p: Numbers, size: tuple[int, ...], rng: np.random.Generator) -> Array:
        """Refuse.

        Raises
        ------
        CasepoolError
        """
        raise CasepoolError("a Flat prior cannot be drawn from", remedy="give the parameter a proper prior")


class Fixed(Distribution):
    """No distribution: the parameter has this `value`."""

    parameters = ("value",)
    support = POINT

    @override
    def is_within(self, support: Support, p: Mapping[str, Any]) -> bool:
        return bool(support is REAL or (p["value"] > 0 and (support is not UNIT or p["value"] <= 1)))

    @override
    def log_density(self, x: Array, p: Numbers, xp: Namespace) -> Array:
        return 0.0 * x

    @override
    def from_normal(self, z: Array, p: Numbers, xp: Namespace) -> Array:
        return p["value"] + 0.0 * z

    @override
    def cdf(self, x: Array, p: Numbers) -> Array:
        return (x >= p["value"]) * 1.0

    @override
    def draw(self, p: Numbers, size: tuple[int, ...], rng: np.random.Generator) -> Array:
        return np.full(size, p["value"])


class TwoNormals(Distribution):
    """With probability `p` normal about 0 with standard deviation `sd`, else about `mu` with `sigma`; no prior's."""

    parameters = ("p", "sd", "mu", "sigma")

    @override
    def log_density(self, x: Array, p: Numbers, xp: Namespace) -> Array:
        first = Normal().log_density(x, {"mu": 0.0, "sigma": p["sd"]}, xp) + xp.log(p["p"])
        second = Normal().log_density(x, p, xp) + xp.log(1.0 - p["p"])
        top = xp.maximum(first, second)
        return top + xp.log(xp.exp(first - top) + xp.exp(second - top))

    @override
    def from_normal(self, z: Array, p: Numbers, xp: Namespace) -> Array:
        return xp.mixture_quantile(z, p["p"], p["sd"], p["mu"], p["sigma"])


DISTRIBUTIONS: dict[str, Distribution] = {
    each.name: each
    for each in (
        *(Normal(), StudentT(), HalfNormal(), HalfStudentT(), Exponential(), Gamma(), InverseGamma(), GammaPrecision()),
        *(LogNormal(), Beta(), Uniform(), Dirichlet(), Mixture(), Flat(), Fixed()),
    )
}
"""Every distribution a prior may have, by the name a model file gives it."""
