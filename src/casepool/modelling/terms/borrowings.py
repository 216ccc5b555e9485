"""How levels of a factor inform each other: each way one object, an entry of `BORROWINGS`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, override

import numpy as np
from scipy import special

from casepool.modelling.families.arrays import NUMPY, Array, Namespace
from casepool.modelling.families.distributions import DISTRIBUTIONS, Distribution, Numbers, TwoNormals
from casepool.modelling.families.names import effect_of, number_of, own_of, sd_of
from casepool.modelling.families.parameters import Arrays, Laid, Law
from casepool.modelling.families.priors import Prior
from casepool.modelling.families.registry import Family


class Factor(Protocol):
    """What a way of borrowing asks of a factor: keys of its table in a model file."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def exchangeable(self) -> float | Mapping[str, float]: ...  # noqa: D102
    @property
    def own(self) -> str: ...  # noqa: D102
    @property
    def df(self) -> float: ...  # noqa: D102


@dataclass(frozen=True)
class Standard:
    """Standard random numbers, one of each a draw, of which a level nobody has seen takes what it needs."""

    z: np.ndarray
    t: np.ndarray
    u: np.ndarray


class Borrowing:
    """A way of borrowing. A new one is a class below, and an entry of `BORROWINGS`.

    Attributes
    ----------
    words : str
        How it reads in a description, with places for the factor's ``name``, its ``df``, the probability ``p`` of being
        exchangeable and what the ``own`` prior describes.
    keys : tuple of str
        Of a factor's table in a model file that it reads; `inputs` has as many.
    has_sd : bool
        Whether levels share a standard deviation, the parameter ``<factor>_sd``.
    has_own : bool
        Whether levels have priors of their own, ``<factor>_own``.
    differs : bool
        Whether levels differ at all.
    informs : bool
        Whether what is seen in one level tells of another.
    centred : bool
        Whether samplers move in the effects themselves.
    distribution : Distribution
        Of a level's effect.
    """

    words = ""
    keys: tuple[str, ...] = ()
    has_sd = has_own = False
    differs = informs = True
    centred = False
    distribution: Distribution = DISTRIBUTIONS["Normal"]

    @property
    def mixes(self) -> bool:
        """Whether a level may be exchangeable with the others or not, with a probability to tell."""
        return self.has_own and self.has_sd

    @property
    def stands_alone(self) -> bool:
        """Whether levels have priors of their own and nothing else: they take the place of the model's zero point."""
        return self.has_own and not self.has_sd

    def inputs(self, factor: Factor, levels: tuple[str, ...]) -> dict[str, np.ndarray]:
        """Return what it takes as data besides own priors, by key of the factor."""
        return {}

    def numbers(self, given: Arrays, zero: Array, xp: Namespace) -> Numbers:
        """Return the numbers of the distribution of the effects, levels on the last axis.

        Parameters
        ----------
        given : mapping of str to array
            ``sd`` (with a last axis of one), ``mu`` and ``sigma`` of the own priors, and what `inputs` returned.
        zero : array
            Where the linear predictor lies without the effect, if the own prior describes both together; else 0.
        """
        raise NotImplementedError

    def unseen(self, standard: Standard, numbers: Numbers) -> np.ndarray:
        """Return effects of a level no outcome has informed: array of the shape of the standard numbers."""
        raise NotImplementedError

    def membership(self, effect: np.ndarray, numbers: Numbers) -> np.ndarray:
        """Return the probability that each level is exchangeable with the others, given its effect (..., levels)."""
        return np.full(np.shape(effect), 0.0 if self.has_own else 1.0)


class Own(Borrowing):
    """Nothing is borrowed: every level has a prior of its own, and the model no zero point."""

    words = "nothing borrowed: each level has its own prior, {name}_own"
    has_own = centred = True
    informs = False

    @override
    def numbers(self, given: Arrays, zero: Array, xp: Namespace) -> Numbers:
        return {"mu": given["mu"], "sigma": given["sigma"]}

    @override
    def unseen(self, standard: Standard, numbers: Numbers) -> np.ndarray:
        return np.asarray(numbers["mu"] + numbers["sigma"] * standard.z)


class Complete(Borrowing):
    """Levels do not differ, so they have no effects."""

    words = "complete borrowing: levels do not differ"
    differs = False

    @override
    def unseen(self, standard: Standard, numbers: Numbers) -> np.ndarray:
        return np.zeros_like(standard.z)

    @override
    def numbers(self, given: Arrays, zero: Array, xp: Namespace) -> Numbers:
        return {}


class Partial(Borrowing):
    """Effects are normal about 0 with a common standard deviation."""

    words = "partial borrowing: {name}_effect ~ Normal(0, {name}_sd) over levels"
    has_sd = True

    @override
    def numbers(self, given: Arrays, zero: Array, xp: Namespace) -> Numbers:
        return {"mu": 0.0, "sigma": given["sd"]}

    @override
    def unseen(self, standard: Standard, numbers: Numbers) -> np.ndarray:
        return np.asarray(numbers["sigma"] * standard.z)


class Robust(Borrowing):
    """Effects are Student t about 0: a level far from the others keeps its distance."""

    words = "robust borrowing: {name}_effect ~ StudentT({df}, 0, {name}_sd) over levels"
    keys = ("df",)
    has_sd = True
    distribution = DISTRIBUTIONS["StudentT"]

    @override
    def inputs(self, factor: Factor, levels: tuple[str, ...]) -> dict[str, np.ndarray]:
        return {"df": np.array(factor.df)}

    @override
    def numbers(self, given: Arrays, zero: Array, xp: Namespace) -> Numbers:
        return {"nu": given["df"], "mu": 0.0, "sigma": given["sd"]}

    @override
    def unseen(self, standard: Standard, numbers: Numbers) -> np.ndarray:
        return np.asarray(numbers["sigma"] * standard.t)


class Exnex(Borrowing):
    """Exchangeable with the others or not: two normals per level, membership summed out (Neuenschwander 2016)."""

    words = (
        "exchangeable or not: {name}_effect ~ Normal(0, {name}_sd) over levels with probability {p}, "
        "otherwise the {own} has the prior {name}_own"
    )
    keys = ("exchangeable",)
    has_sd = has_own = True
    distribution = TwoNormals()

    @override
    def inputs(self, factor: Factor, levels: tuple[str, ...]) -> dict[str, np.ndarray]:
        return {"exchangeable": exchangeable(factor, levels)}

    @override
    def numbers(self, given: Arrays, zero: Array, xp: Namespace) -> Numbers:
        return {"p": given["exchangeable"], "sd": given["sd"], "mu": given["mu"] - zero, "sigma": given["sigma"]}

    @override
    def unseen(self, standard: Standard, numbers: Numbers) -> np.ndarray:
        apart = numbers["mu"] + numbers["sigma"] * standard.z
        return np.asarray(np.where(standard.u < numbers["p"], numbers["sd"] * standard.z, apart))

    @override
    def membership(self, effect: np.ndarray, numbers: Numbers) -> np.ndarray:
        """By Bayes' rule from the two normals an effect may have come from (Neuenschwander 2016)."""
        apart = (effect - numbers["mu"]) / numbers["sigma"]
        log_ratio = np.log(numbers["sigma"] / numbers["sd"]) + (apart**2 - (effect / numbers["sd"]) ** 2) / 2
        return np.asarray(special.expit(special.logit(numbers["p"]) + log_ratio))


BORROWINGS: dict[str, Borrowing] = {
    "none": Own(),
    "complete": Complete(),
    "partial": Partial(),
    "robust": Robust(),
    "exnex": Exnex(),
}
"""Every way of borrowing a model file may name."""


def exchangeable(factor: Factor, levels: tuple[str, ...]) -> np.ndarray:
    """Return every level's prior probability of being exchangeable with the others."""
    if isinstance(factor.exchangeable, Mapping):
        other = factor.exchangeable.get("other", 0.5)
        return np.array([float(factor.exchangeable.get(level, other)) for level in levels])
    return np.full(len(levels), float(factor.exchangeable))


@dataclass(frozen=True)
class LevelEffects(Law):
    """The distribution of a factor's effects, given its other parameters.

    Parameters
    ----------
    factor : Factor
    borrowing : Borrowing
    family : Family
        Whose zero point an own prior includes where it describes the level.
    priors : mapping of str to Prior
        Of the model, the own priors of the factor's levels among them.
    """

    factor: Factor
    borrowing: Borrowing
    family: Family
    priors: Mapping[str, Prior]

    @property
    @override
    def distribution(self) -> Distribution:
        return self.borrowing.distribution

    @property
    @override
    def centred(self) -> bool:
        return self.borrowing.centred

    @property
    @override
    def scale(self) -> str:
        return sd_of(self.factor.name) if self.borrowing.has_sd and self.distribution.name == "Normal" else ""

    @override
    def inputs(self, laid: Laid) -> dict[str, np.ndarray]:
        return self.inputs_at(laid.labels.get(self.factor.name, ()))

    def inputs_at(self, levels: tuple[str, ...]) -> dict[str, np.ndarray]:
        """Return the arrays it takes as data for some levels, seen or not."""
        name, found = self.factor.name, {}
        if self.borrowing.has_own:
            priors = [self.priors[key] for key in self.keys(levels)]
            found = {
                number_of(own_of(name), key): np.array([p.parameters[key] for p in priors]) for key in ("mu", "sigma")
            }
        more = self.borrowing.inputs(self.factor, levels)
        return found | {number_of(name, key): values for key, values in more.items()}

    def keys(self, levels: tuple[str, ...]) -> list[str]:
        """Return under which key the model states the own prior of each level."""
        keys = [own_of(self.factor.name, level) for level in levels]
        return [key if key in self.priors else own_of(self.factor.name) for key in keys]

    @override
    def numbers(self, inputs: Arrays, made: Arrays, xp: Namespace) -> Numbers:
        name = self.factor.name
        given = {key: inputs[number_of(name, key)] for key in self.borrowing.keys}
        if self.borrowing.has_own:
            given |= {key: inputs[number_of(own_of(name), key)] for key in ("mu", "sigma")}
        if self.borrowing.has_sd:
            given["sd"] = made[sd_of(name)][..., None]
        described = self.borrowing.mixes and self.factor.own == "level"
        zero = self.family.zero_point(made)[..., None] if described else 0.0
        return self.borrowing.numbers(given, zero, xp)

    def unseen(
        self, level: str, made: Mapping[str, np.ndarray], rng: np.random.Generator, shape: tuple[int, ...]
    ) -> np.ndarray:
        """Draw the effect of a level no outcome has informed, given the factor's other parameters.

        Parameters
        ----------
        level : str
            Chooses the own prior and the probability of being exchangeable, where these differ by level.
        made : mapping of str to array of `shape`
            ``<factor>_sd``, and the zero point for an exnex factor whose own prior describes the level.
        shape : tuple of int
            Usually (chain, draw).
        """
        z, t, u = rng.standard_normal(shape), rng.standard_t(self.factor.df, shape), rng.random(shape)
        standard = Standard(z[..., None], t[..., None], u[..., None])
        numbers = self.numbers(self.inputs_at((level,)), made, NUMPY)
        return np.asarray(self.borrowing.unseen(standard, numbers)[..., 0])

    @override
    def draw(
        self, laid: Laid, made: Arrays, shape: tuple[int, ...], dims: tuple[int, ...], rng: np.random.Generator
    ) -> np.ndarray:
        levels = laid.labels[self.factor.name]  # one by one, as unseen ones are
        return np.stack([self.unseen(level, made, rng, shape) for level in levels], axis=-1)

    def membership(self, levels: tuple[str, ...], made: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the probability that each level is exchangeable, given its effect: array (..., levels)."""
        numbers = self.numbers(self.inputs_at(levels), made, NUMPY)
        return np.asarray(self.borrowing.membership(made[effect_of(self.factor.name)], numbers))

    def own_part(self, levels: tuple[str, ...], made: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return what a power of each level's own prior adds to the log density of the effects: (..., levels)."""
        numbers = self.numbers(self.inputs_at(levels), made, NUMPY)
        effect = made[effect_of(self.factor.name)]
        apart = (effect - numbers["mu"]) / numbers["sigma"]
        return np.asarray((1 - self.borrowing.membership(effect, numbers)) * (1 - apart**2) / 2)
