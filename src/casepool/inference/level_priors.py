"""What levels of a factor share, and the distribution of each level's effect given it: of models with one factor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from casepool.inference.level_tables import Pull
from casepool.modelling.families.arrays import NUMPY
from casepool.modelling.families.parameters import Laid, Parameter, Role
from casepool.modelling.specification.model import Model

WIDEST = 7.0
"""Standard normal coordinate beyond which no prior has mass that matters."""
NARROWEST = 1e-11
"""Share of itself below which differences of a linear predictor are taken for none."""
Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Part:
    """One of the normal or Student t distributions that a level's effect is a mixture of.

    Parameters
    ----------
    log_share : array that broadcasts against points
    at : array that broadcasts against points
        Its centre.
    pull : Pull
        The same of the linear predictor.
    """

    log_share: np.ndarray
    at: np.ndarray
    pull: Pull


@dataclass(frozen=True)
class LevelPriors:
    """The prior of a model of one factor.

    Parameters
    ----------
    model : Model
    laid : Laid
    """

    model: Model
    laid: Laid

    @cached_property
    def inputs(self) -> Arrays:
        """The arrays the laws of the parameters read."""
        found: Arrays = {}
        for own in self.parameters:
            found |= own.given.inputs(self.laid) | own.given.constants(self.laid)
        return found

    @cached_property
    def parameters(self) -> list[Parameter]:
        """The unknowns, those of missing values apart."""
        return [own for own in self.model.parameters if not own.if_missing]

    @cached_property
    def shared(self) -> tuple[Parameter | None, Parameter | None]:
        """The zero point and the standard deviation, None where the model has none."""
        found = {own.role: own for own in self.parameters}
        return found.get(Role.LOCATION), found.get(Role.SD)

    @cached_property
    def effects(self) -> Parameter | None:
        """The effects of the levels, None where these do not differ."""
        return next((own for own in self.parameters if own.role is Role.EFFECT), None)

    @cached_property
    def free(self) -> list[bool]:
        """Which of the two shared parameters are unknown."""
        return [own is not None and own.is_free for own in self.shared]

    def made(self, z: np.ndarray) -> Arrays:
        """Return the shared parameters (points,) from standard normal coordinates (points, 2)."""
        made: Arrays = {}
        for own, coordinate in zip(self.shared, z.T, strict=True):
            if own is not None:
                numbers = own.given.numbers(self.inputs, made, NUMPY)
                made[own.name] = np.asarray(own.given.from_normal(coordinate, numbers, NUMPY))
        return made

    def zero(self, made: Mapping[str, np.ndarray], points: int) -> np.ndarray:
        """Return the linear predictor without effects: array (points,)."""
        return np.asarray(self.model.of_family.zero_point(made)) if self.shared[0] else np.zeros(points)

    def parts(self, made: Mapping[str, np.ndarray], zero: np.ndarray) -> list[list[Part]]:
        """Return the distributions every level's effect is a mixture of; none where levels do not differ."""
        if self.effects is None:
            return []
        numbers = self.effects.given.numbers(self.inputs, made, NUMPY)
        shape = (len(zero), *self.effects.shape(self.laid))
        by_level = {key: np.broadcast_to(values, shape) for key, values in numbers.items()}
        return [_parts({k: v[:, level] for k, v in by_level.items()}, zero) for level in range(shape[1])]

    @cached_property
    def reach(self) -> float:
        """How far from zero a linear predictor may lie."""
        z = WIDEST * np.array([[i, j] for i in (-1.0, 1.0) for j in (-1.0, 1.0)])
        made = self.made(z)
        zero = self.zero(made, len(z))
        pulls = [part.pull for parts in self.parts(made, zero) for part in parts]
        ends = [np.abs(zero).max(), *((np.abs(pull.centre) + pull.reach * pull.scale).max() for pull in pulls)]
        return float(max(ends))


def _parts(numbers: Mapping[str, np.ndarray], zero: np.ndarray) -> list[Part]:
    """Return the distributions one level's effect is a mixture of, from its numbers, each (points,)."""
    centre, df = numbers["mu"], float(numbers["nu"][0]) if "nu" in numbers else np.inf
    second = Part(np.zeros(1), centre, _pull(zero + centre, numbers["sigma"], df))
    if "p" not in numbers:
        return [second]
    with np.errstate(divide="ignore"):
        share, rest = np.log(numbers["p"]), np.log1p(-numbers["p"])
    return [Part(share, np.zeros(1), _pull(zero, numbers["sd"])), Part(rest, centre, second.pull)]


def _pull(centre: np.ndarray, scale: np.ndarray, df: float = np.inf) -> Pull:
    """Return the priors of a linear predictor, as one where all share it; none narrower than numbers can tell."""
    scale = np.maximum(scale, NARROWEST * (1 + np.abs(centre)))
    if max(np.ptp(centre), np.ptp(scale)) < NARROWEST * scale[0]:
        return Pull(centre[:1], scale[:1], df)
    return Pull(centre, scale, df)
