"""Laws of an intercept that trials inform: exchangeable with theirs, or known of one level of a factor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import override

import numpy as np

from casepool.modelling.families.arrays import Array, Namespace
from casepool.modelling.families.distributions import Distribution, Numbers
from casepool.modelling.families.names import number_of
from casepool.modelling.families.parameters import Arrays, Image, Laid, Law, Parameter, Role, Scaled
from casepool.modelling.families.supports import POSITIVE

TRIALS = "trials"
"""Name of the evidence, and of the dimension of its studies."""
MEAN, SD, EFFECT = f"{TRIALS}_mean", f"{TRIALS}_sd", f"{TRIALS}_effect"


def of_trials() -> tuple[Parameter, ...]:
    """Return the unknowns of trials that share a model with the cases: mean, spread, and each one's deviation."""
    return (
        Parameter(MEAN, Role.EVIDENCE, key=MEAN),
        Parameter(SD, Role.EVIDENCE, support=POSITIVE, key=SD),
        Parameter(EFFECT, Role.EVIDENCE, dims=(TRIALS,), law=Scaled(SD)),
    )


@dataclass(frozen=True)
class Exchangeable(Image):
    """One more of the studies: normal about their mean, with their spread."""

    @override
    def numbers(self, inputs: Arrays, made: Arrays, xp: Namespace) -> Numbers:
        return {"mu": made[MEAN], "sigma": made[SD]}


@dataclass(frozen=True)
class About(Law):
    """The law `inner` is that of the parameter plus the effect of one level: of that level, not of the zero point.

    Parameters
    ----------
    name : str
        Of the parameter.
    inner : Law
    effect, level : str
        The effects of a factor, and which of its levels.
    """

    name: str
    inner: Law
    effect: str
    level: str

    @property
    @override
    def distribution(self) -> Distribution:
        return self.inner.distribution

    @property
    @override
    def centred(self) -> bool:
        return self.inner.centred

    @property
    @override
    def is_last(self) -> bool:
        return True

    @property
    def _chosen(self) -> str:
        return number_of(self.name, "about")

    @override
    def inputs(self, laid: Laid) -> dict[str, np.ndarray]:
        labels = laid.labels.get(self.effect.removesuffix("_effect"), ())
        chosen = np.array([float(label == self.level) for label in labels])
        return {**self.inner.inputs(laid), self._chosen: chosen}

    @override
    def numbers(self, inputs: Arrays, made: Arrays, xp: Namespace) -> Numbers:
        """Return the inner law's numbers, moved: with ``apart`` what they were moved by, and ``centre`` from where."""
        inner, apart = self.inner.numbers(inputs, made, xp), self._apart(inputs, made)
        moved = inner["mu"] - (apart[..., None] if self.distribution.has_components else apart)
        return {**inner, "mu": moved, "centre": inner["mu"], "apart": apart}

    def _apart(self, inputs: Arrays, made: Arrays) -> Array:
        return (made[self.effect] * inputs[self._chosen]).sum(axis=-1)

    @override
    def from_normal(self, z: Array, numbers: Numbers, xp: Namespace) -> Array:
        return self.inner.from_normal(z, {**numbers, "mu": numbers["centre"]}, xp) - numbers["apart"]

    @override
    def draw(
        self,
        laid: Laid,
        made: Mapping[str, Array],
        shape: tuple[int, ...],
        dims: tuple[int, ...],
        rng: np.random.Generator,
    ) -> np.ndarray:
        drawn = self.inner.draw(laid, made, shape, dims, rng)
        return np.asarray(drawn - self._apart(self.inputs(laid), made))
