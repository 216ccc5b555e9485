"""An unknown of a model: what it is called, where it lives, and its distribution given the unknowns before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import override

import numpy as np

from casepool.modelling.families.arrays import NUMPY, Array, Namespace
from casepool.modelling.families.distributions import DISTRIBUTIONS, Distribution, Numbers
from casepool.modelling.families.names import number_of, standard_of
from casepool.modelling.families.priors import Prior
from casepool.modelling.families.supports import POINT, REAL, SIMPLEX, UNIT, Support

Arrays = Mapping[str, Array]
CUTPOINTS = "cutpoints"
"""Key of a model file under which every cutpoint of an ordinal model has a prior of its own."""
OF_CUTPOINTS = ("Normal", "StudentT")
"""What such a prior may be."""
STANDARD: Numbers = {"mu": 0.0, "sigma": 1.0}


class Role(StrEnum):
    """What a parameter is to its owner."""

    LOCATION = "location"
    """Zero point of the linear predictor."""
    EFFECT = "effect"
    SD = "sd"
    """Of the effects of a factor's levels."""
    CURVE_SD = "curve_sd"
    """Of a smooth term's deviation from its straight line."""
    CURVE = "curve"
    FAMILY = "family"
    INTENSITY = "intensity"
    """Log of the rate at which an exposure begins."""
    MEAN = "mean"
    SPREAD = "spread"
    """Of the distribution of a number some patients miss."""
    SHARE = "share"
    """Of the levels of a label some patients miss."""
    EVIDENCE = "evidence"
    """Of what is known from elsewhere; of the zero point, where that is known of one level."""
    SELECTION = "selection"
    """How much more readily some outcomes are published."""


@dataclass(frozen=True)
class Laid:
    """What a law may ask of the table a model is laid on.

    Parameters
    ----------
    labels : mapping of str to tuple of str
        Every dimension of the model's parameters with its labels.
    constant_hazard : array (bases,)
        Of a hazard made of pieces, the log weights at which it is constant.
    """

    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    constant_hazard: np.ndarray = field(default_factory=lambda: np.zeros(0))


NOWHERE = Laid()
"""No table."""


class Law:
    """The distribution of a parameter, given data and the parameters before it.

    A new one says its distribution, the numbers of it, and whether it is centred.
    """

    @property
    def distribution(self) -> Distribution:
        """The distribution, its numbers apart."""
        raise NotImplementedError

    @property
    def centred(self) -> bool:
        """Whether samplers move in the parameter itself, or in a standard variable that this law maps to it."""
        return True

    @property
    def is_last(self) -> bool:
        """Whether it asks for effects of levels, which are made after all that has a prior of its own."""
        return False

    @property
    def scale(self) -> str:
        """Of independent normals about 0, the name of the parameter that is their standard deviation; else ""."""
        return ""

    def inputs(self, laid: Laid) -> dict[str, np.ndarray]:
        """Return the arrays it takes as data, by the names a graph gives them."""
        return {}

    def constants(self, laid: Laid) -> dict[str, np.ndarray]:
        """Return the arrays that follow from the sizes of its dimensions alone: part of a graph, and no data of it."""
        return {}

    def numbers(self, inputs: Arrays, made: Arrays, xp: Namespace) -> Numbers:
        """Return the numbers of the distribution, a vector's own axis last.

        Parameters
        ----------
        inputs : mapping of str to array
            As of `inputs`, plain arrays or a graph's, and of `constants`.
        made : mapping of str to array
            Parameters before it.
        xp : Namespace
        """
        raise NotImplementedError

    @property
    def is_exact(self) -> bool:
        """Whether `distribution` is its density, and not only what samplers map to a standard normal by."""
        return True

    def log_density(self, values: Array, numbers: Numbers, xp: Namespace) -> Array:
        """Return the log density of values, entry by entry (of shares, once)."""
        return self.distribution.log_density(values, numbers, xp)

    @property
    def standard(self) -> Distribution:
        """The distribution of the standard variable: a normal, or a Student t where the law is one."""
        return DISTRIBUTIONS["StudentT" if self.distribution.name == "StudentT" else "Normal"]

    def from_normal(self, z: Array, numbers: Numbers, xp: Namespace) -> Array:
        """Return the parameter from standard normals: the quantile of its distribution."""
        return self.distribution.from_normal(z, numbers, xp)

    def from_standard(self, x: Array, numbers: Numbers, xp: Namespace) -> Array:
        """Return the parameter from its standard variable."""
        if self.standard.name == "StudentT":
            return numbers["mu"] + numbers["sigma"] * x
        return self.from_normal(x, numbers, xp)

    def draw(
        self, laid: Laid, made: Arrays, shape: tuple[int, ...], dims: tuple[int, ...], rng: np.random.Generator
    ) -> np.ndarray:
        """Draw the parameter given draws of those before it: array (*shape, ...).

        Parameters
        ----------
        laid : Laid
        made : mapping of str to array (*shape, ...)
        shape : tuple of int
            Usually (chain, draw).
        dims : tuple of int
            Shape of one draw of its coordinate.
        rng : numpy.random.Generator
        """
        numbers = self.numbers(self.inputs(laid) | self.constants(laid), made, NUMPY)
        if self.centred:
            return np.asarray(self.distribution.draw(numbers, (*shape, *dims), rng))
        standard = self.standard.draw({**numbers, **STANDARD}, (*shape, *dims), rng)
        return np.asarray(self.from_standard(standard, numbers, NUMPY))


@dataclass(frozen=True)
class Stated(Law):
    """A prior that the model file states for the parameter itself."""

    name: str
    prior: Prior

    @property
    @override
    def distribution(self) -> Distribution:
        return self.prior.distribution

    @override
    def inputs(self, laid: Laid) -> dict[str, np.ndarray]:
        return {number_of(self.name, key): np.array(value) for key, value in self.prior.parameters.items()}

    @override
    def numbers(self, inputs: Arrays, made: Arrays, xp: Namespace) -> Numbers:
        return {key: inputs[number_of(self.name, key)] for key in self.prior.parameters}


@dataclass(frozen=True)
class StatedByLevel(Stated):
    """The same, of effects some of whose levels have a prior of the same distribution with other numbers.

    Parameters
    ----------
    levels : mapping of str to Prior
    dims : tuple of str
        Of the parameter, that of its levels first.
    """

    levels: Mapping[str, Prior]
    dims: tuple[str, ...]

    @override
    def inputs(self, laid: Laid) -> dict[str, np.ndarray]:
        own = [self.levels.get(label, self.prior) for label in laid.labels.get(self.dims[0], ())]
        shape = (len(own), *[1] * (len(self.dims) - 1))
        return {
            number_of(self.name, key): np.array([prior.parameters[key] for prior in own]).reshape(shape)
            for key in self.prior.parameters
        }


@dataclass(frozen=True)
class Image(Law):
    """A law whose parameter is the image of standard normals: of independent ones, unless said otherwise."""

    @property
    @override
    def distribution(self) -> Distribution:
        return DISTRIBUTIONS["Normal"]

    @property
    @override
    def centred(self) -> bool:
        return False


@dataclass(frozen=True)
class Scaled(Image):
    """Independent normals about 0, whose standard deviation is another parameter."""

    sd: str

    @property
    @override
    def scale(self) -> str:
        return self.sd

    @override
    def numbers(self, inputs: Arrays, made: Arrays, xp: Namespace) -> Numbers:
        return {"mu": 0.0, "sigma": made[self.sd][..., None]}


@dataclass(frozen=True)
class Parameter:
    """One unknown of a model.

    Parameters
    ----------
    name : str
        What the posterior calls it.
    role : Role
        What it is to its owner.
    owner : str
        The term or exposure it belongs to; "" of the family's.
    dims : tuple of str
        Dimensions of its values.
    support : Support
        Where its values lie, whatever its prior.
    law : Law, optional
        Its distribution; None until a model file has given it a prior.
    key : str
        Under which a model file states its prior; "" where its distribution follows from other parameters alone.
    coordinate_dims : tuple of str
        Dimensions of its standard variable, where these are others.
    meaning : str
        Of a family's parameter: what it means, in words.
    if_missing : bool
        Whether it is an unknown only if a value of its owner is missing.
    per_time : bool
        Whether it is counted per unit of time: a difference of 1 in it is beyond anything plausible.
    """

    name: str
    role: Role
    owner: str = ""
    dims: tuple[str, ...] = ()
    support: Support = REAL
    law: Law | None = None
    key: str = ""
    coordinate_dims: tuple[str, ...] = ()
    meaning: str = ""
    if_missing: bool = False
    per_time: bool = False

    @property
    def is_stated(self) -> bool:
        """Whether the model file states a prior of the parameter itself: not of levels, nor of others alone."""
        return self.key in (self.name, CUTPOINTS)

    @property
    def given(self) -> Law:
        """The law, of a parameter that has one.

        Raises
        ------
        ValueError
            If it has none: nobody has given it a prior.
        """
        if self.law is None:
            raise ValueError(f"{self.name} has no prior")
        return self.law

    @property
    def stage(self) -> int:
        """When it can be made: 0 at once, 1 given these, 2 given all with a prior of their own, 3 given all else."""
        if self.given.is_last:
            return 3
        return 2 if not self.is_stated else int(not self.given.centred)

    @property
    def is_free(self) -> bool:
        """Whether it is unknown: not fixed at a value."""
        return self.given.distribution.support is not POINT

    @property
    def coordinate(self) -> str:
        """Name of the variable a sampler moves in, but for the transform of its support."""
        return self.name if self.given.centred else standard_of(self.name)

    def with_prior(self, prior: Prior, levels: Mapping[str, Prior] | None = None) -> Parameter:
        """Return the parameter with a stated prior as its law, of some of its levels another."""
        law = StatedByLevel(self.name, prior, levels, self.dims) if levels else Stated(self.name, prior)
        return replace(self, law=law, key=self.name)

    def refusal(self, prior: Prior) -> tuple[str, str] | None:
        """Say what is wrong with a prior for this parameter, and the remedy; None where nothing is."""
        if not self.is_stated and prior.dist != "Normal":
            return "a level's own prior is Normal", 'set dist = "Normal"'
        if self.key == CUTPOINTS:
            bad = prior.dist not in OF_CUTPOINTS
            return (f"a cutpoint's prior is {' or '.join(OF_CUTPOINTS)}", "use one of them") if bad else None
        if self.support.positive and not prior.is_positive:
            words = "a scale, or a gap between cumulative cutpoints, needs a prior on positive numbers"
            return words, "use HalfNormal or LogNormal"
        if self.support is UNIT and not prior.distribution.is_within(UNIT, prior.parameters):
            return "a probability needs a prior between 0 and 1", "use Beta, or Uniform from 0 to 1"
        if (prior.distribution.support is SIMPLEX) != (self.support is SIMPLEX):
            words = "a Dirichlet prior belongs to a share, and a share has no other"
            return words, "use another distribution"
        return None

    @property
    def moving_dims(self) -> tuple[str, ...]:
        """Dimensions of its coordinate."""
        return self.coordinate_dims or self.dims

    @property
    def axes(self) -> int:
        """How many axes the log density of its coordinate has: shares have one density together."""
        return len(self.moving_dims) - self.given.distribution.support.bound

    def shape(self, laid: Laid) -> tuple[int, ...]:
        """Return the shape of its values."""
        return tuple(len(laid.labels[dim]) for dim in self.dims)

    def coordinate_shape(self, laid: Laid) -> tuple[int, ...]:
        """Return the shape of its unbounded coordinates, of which shares have one fewer."""
        shape = tuple(len(laid.labels[dim]) for dim in self.moving_dims)
        bound = self.given.distribution.support.bound
        return (*shape[:-1], shape[-1] - bound) if bound else shape

    def value(self, x: Array, inputs: Arrays, made: Arrays, xp: Namespace) -> Array:
        """Return its values from its coordinate: the same, or the image of a standard variable."""
        law = self.given
        return x if law.centred else law.from_standard(x, law.numbers(inputs, made, xp), xp)

    def log_density(self, values: Array, inputs: Arrays, made: Arrays, xp: Namespace) -> Array:
        """Return the log density of its values given the parameters before it, value by value (of shares, once)."""
        return self.given.log_density(values, self.given.numbers(inputs, made, xp), xp)

    def correction(self, values: Array, inputs: Arrays, made: Arrays, xp: Namespace) -> Array:
        """Return by how much its log density exceeds that of the distribution samplers go by, entry by entry."""
        numbers = self.given.numbers(inputs, made, xp)
        return self.given.log_density(values, numbers, xp) - self.given.distribution.log_density(values, numbers, xp)

    def coordinate_density(self, x: Array, inputs: Arrays, made: Arrays, xp: Namespace) -> Array:
        """Return the log density of its coordinate: of its values, or of its standard variable."""
        law = self.given
        if law.centred:
            return self.log_density(x, inputs, made, xp)
        numbers = law.numbers(inputs, made, xp) if law.standard.name == "StudentT" else {}
        return law.standard.log_density(x, {**numbers, **STANDARD}, xp)

    def draw(self, laid: Laid, made: Arrays, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        """Draw it from its prior, given draws of the parameters before it: array (*shape, ...)."""
        return self.given.draw(laid, made, shape, tuple(len(laid.labels[dim]) for dim in self.moving_dims), rng)
