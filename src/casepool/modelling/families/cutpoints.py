"""Laws of an ordinal model's cutpoints that have a prior each, independent but for their order.

The joint density is the product of the priors where cutpoints rise, and 0 elsewhere, as Stan and brms have it. Samplers
go by an easier distribution, the first cutpoint as its prior and half-normal gaps, and the ratio of the two is part of
the density: nothing is approximated. Cutpoints of the adjacent link stand in any order: each has its prior alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import override

import numpy as np
from scipy import special

from casepool.modelling.families.arrays import Array, Namespace
from casepool.modelling.families.distributions import DISTRIBUTIONS, Distribution, Numbers
from casepool.modelling.families.names import number_of
from casepool.modelling.families.parameters import CUTPOINTS, Arrays, Image, Laid, Law, Parameter, Stated
from casepool.modelling.families.priors import Prior

REACH, NODES = 8.5, 4001
"""Standard normal quantiles of every prior on which the order is integrated over."""


@dataclass(frozen=True)
class Ordered:
    """The joint distribution of cutpoints that rise.

    Parameters
    ----------
    priors : tuple of Prior
        One a cutpoint.
    """

    priors: tuple[Prior, ...]

    @cached_property
    def nodes(self) -> np.ndarray:
        """Places of a cutpoint, finely wherever one may lie."""
        q = special.ndtr(np.linspace(-REACH, REACH, NODES))
        return np.unique(np.concatenate([prior.quantile(q) for prior in self.priors]))

    @cached_property
    def above(self) -> list[np.ndarray]:
        """The probability, at every node, that a cutpoint and all after it lie above, and rise: one array each."""
        found: list[np.ndarray] = []
        later = np.ones(len(self.nodes))
        for prior in reversed(self.priors):
            steps = np.diff(prior.cdf(self.nodes)) * (later[1:] + later[:-1]) / 2
            later = np.append(steps[::-1].cumsum()[::-1], 0.0)
            found.insert(0, later)
        return found

    @property
    def log_share(self) -> float:
        """Log of the probability that independent cutpoints rise."""
        return float(np.log(self.above[0][0]))

    def after(self, k: int, last: np.ndarray, u: np.ndarray) -> np.ndarray:
        """Return cutpoint `k` given the one before it, at probabilities `u` of lying higher."""
        whole = np.interp(last, self.nodes, self.above[k])
        return np.asarray(np.interp(u * whole, self.above[k][::-1], self.nodes[::-1]))

    def at(self, u: np.ndarray) -> np.ndarray:
        """Return cutpoints (..., cutpoints) from uniform numbers of that shape, one after the other."""
        found = [self.after(0, np.full(u.shape[:-1], -np.inf), u[..., 0])]
        for k in range(1, u.shape[-1]):
            found.append(self.after(k, found[-1], u[..., k]))
        return np.stack(found, axis=-1)

    @cached_property
    def middle(self) -> np.ndarray:
        """Every cutpoint at its median, given the one before it."""
        return self.at(np.full(len(self.priors), 0.5))


@dataclass(frozen=True)
class First(Stated):
    """The first cutpoint: its prior, which later cutpoints bend where they must lie above it."""

    joint: Ordered | None

    @override
    def draw(
        self, laid: Laid, made: Arrays, shape: tuple[int, ...], dims: tuple[int, ...], rng: np.random.Generator
    ) -> np.ndarray:
        if self.joint is None:
            return super().draw(laid, made, shape, dims, rng)
        size = (*shape, *dims)
        return self.joint.after(0, np.full(size, -np.inf), rng.random(size))


@dataclass(frozen=True)
class _Later(Law):
    """What the gaps of either link have in common: the numbers of the priors of all cutpoints but the first."""

    name: str
    first: str
    priors: tuple[Prior, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """Names of the numbers of each cutpoint's prior, in the order of the distribution."""
        return self.priors[0].distribution.parameters

    @override
    def inputs(self, laid: Laid) -> dict[str, np.ndarray]:
        own = {key: np.array([prior.parameters[key] for prior in self.priors[1:]]) for key in self.keys}
        own["height"] = np.array([float(prior.log_density(prior.parameters["mu"])) for prior in self.priors[1:]])
        return {number_of(self.name, key): values for key, values in own.items()}

    @override
    def numbers(self, inputs: Arrays, made: Arrays, xp: Namespace) -> Numbers:
        own = {f"own_{key}": inputs[number_of(self.name, key)] for key in (*self.keys, "height")}
        return {**own, "first": made[self.first][..., None]} if self.first in made else own

    @override
    def log_density(self, values: Array, numbers: Numbers, xp: Namespace) -> Array:
        """Return what later cutpoints add to the joint density, gap by gap; the first adds its own prior."""
        size = len(self.priors) - 1
        cutpoints = numbers["first"] + values @ np.triu(np.ones((size, size)))
        squared = ((cutpoints - numbers["own_mu"]) / numbers["own_sigma"]) ** 2
        if "own_nu" not in numbers:
            return numbers["own_height"] - 0.5 * squared
        nu = numbers["own_nu"]
        return numbers["own_height"] - (nu + 1.0) / 2.0 * xp.log1p(squared / nu)


@dataclass(frozen=True)
class OrderedGaps(_Later):
    """Gaps between cutpoints that rise."""

    joint: Ordered

    @property
    @override
    def distribution(self) -> Distribution:
        return DISTRIBUTIONS["HalfNormal"]

    @property
    @override
    def is_exact(self) -> bool:
        return False

    @override
    def inputs(self, laid: Laid) -> dict[str, np.ndarray]:
        found, height = super().inputs(laid), number_of(self.name, "height")
        scale = np.diff(self.joint.middle) / special.ndtri(0.75)
        found[height] = found[height] - self.joint.log_share / len(scale)
        return {**found, number_of(self.name, "scale"): scale}

    @override
    def numbers(self, inputs: Arrays, made: Arrays, xp: Namespace) -> Numbers:
        return {**super().numbers(inputs, made, xp), "sigma": inputs[number_of(self.name, "scale")]}

    @override
    def draw(
        self, laid: Laid, made: Arrays, shape: tuple[int, ...], dims: tuple[int, ...], rng: np.random.Generator
    ) -> np.ndarray:
        u, found = rng.random((*shape, *dims)), [np.asarray(made[self.first])]
        for k in range(dims[0]):
            found.append(self.joint.after(k + 1, found[-1], u[..., k]))
        return np.diff(np.stack(found, axis=-1), axis=-1)


@dataclass(frozen=True)
class FreeGaps(_Later, Image):
    """Gaps between cutpoints that stand in any order."""

    @override
    def from_normal(self, z: Array, numbers: Numbers, xp: Namespace) -> Array:
        own, size = {key: numbers[f"own_{key}"] for key in self.keys}, len(self.priors) - 1
        cutpoints = self.priors[0].distribution.from_normal(z, own, xp)
        return cutpoints @ (np.eye(size) - np.eye(size, k=1)) - numbers["first"] * np.eye(size)[0]


def with_own_priors(parameter: Parameter, first: str, priors: tuple[Prior, ...], *, rise: bool) -> Parameter:
    """Return the first cutpoint, or the gaps, of a model whose cutpoints have priors.

    Parameters
    ----------
    parameter : Parameter
    first : str
        Name of the first cutpoint.
    priors : tuple of Prior
        One a cutpoint, all of one distribution.
    rise : bool
        Whether cutpoints rise.
    """
    joint = Ordered(priors) if rise and len(priors) > 1 else None
    if parameter.name == first:
        return replace(parameter, law=First(first, priors[0], joint), key=CUTPOINTS)
    law = FreeGaps(parameter.name, first, priors)
    return replace(
        parameter, law=law if joint is None else OrderedGaps(parameter.name, first, priors, joint), key=CUTPOINTS
    )
