"""Models in which a level's likelihood is a function of its linear predictor alone: one group factor, one zero point.

Given zero point and standard deviation levels are independent of each other: integrals over their effects, and draws
of them, are each level's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import special

from casepool.inference.drawn import EngineRefusal
from casepool.inference.level_tables import LevelTables, Pull, tabulate
from casepool.modelling.design.density import Density
from casepool.modelling.design.design import Design
from casepool.modelling.design.likelihood import log_likelihood
from casepool.modelling.families.arrays import NUMPY
from casepool.modelling.families.distributions import Numbers
from casepool.modelling.families.names import effect_of
from casepool.modelling.families.parameters import Parameter, Role
from casepool.modelling.terms.labels import Group

WIDEST = 7.0
"""Standard normal coordinate beyond which no prior has mass that matters."""
PATIENTS_AT_ONCE = 1_000_000
"""Points times patients whose likelihood is computed together."""
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
class Integrals:
    """What is left of every level once its effect is integrated out: arrays (points, levels).

    Parameters
    ----------
    log_likelihood : array
    mean, square : array
        Mean and mean square of the effect given the outcomes.
    """

    log_likelihood: np.ndarray
    mean: np.ndarray
    square: np.ndarray


@dataclass(frozen=True)
class OneFactor:
    """The posterior of such a model.

    Parameters
    ----------
    density : Density
    tables : LevelTables
        Of one level alone where levels do not differ.
    """

    density: Density
    tables: LevelTables

    @property
    def design(self) -> Design:
        """The model laid on cases."""
        return self.density.design

    @cached_property
    def shared(self) -> tuple[Parameter | None, Parameter | None]:
        """The zero point and the standard deviation, None where the model has none."""
        found = {own.role: own for own in self.design.parameters}
        return found.get(Role.LOCATION), found.get(Role.SD)

    @cached_property
    def effects(self) -> Parameter | None:
        """The effects of the levels, None where these do not differ."""
        return next((own for own in self.design.parameters if own.role is Role.EFFECT), None)

    @property
    def free(self) -> tuple[bool, bool]:
        """Which of the two shared parameters are unknown."""
        return tuple(own is not None and own.is_free for own in self.shared)  # type: ignore[return-value]

    def made(self, z: np.ndarray) -> Arrays:
        """Return the shared parameters (points,) from standard normal coordinates (points, 2)."""
        fixed = self.density.fixed()
        made: Arrays = {}
        for own, coordinate in zip(self.shared, z.T, strict=True):
            if own is not None and own.is_free:
                numbers = own.given.numbers(self.density.inputs, made, NUMPY)
                made[own.name] = own.given.from_normal(coordinate, numbers, NUMPY)
            elif own is not None:
                made[own.name] = np.full(len(z), float(fixed[own.name]))
        return made

    def zero(self, made: Mapping[str, np.ndarray], points: int) -> np.ndarray:
        """Return the linear predictor without effects: array (points,)."""
        return self.design.model.of_family.zero_point(made) if self.shared[0] else np.zeros(points)

    def integrals(self, z: np.ndarray, stride: int) -> Integrals:
        """Integrate every level's effect out at points (points, 2)."""
        made = self.made(z)
        zero = self.zero(made, len(z))
        if self.effects is None:
            none = np.empty((len(z), 0))
            return Integrals(self.tables.at(0, zero)[:, None], none, none)
        known: dict[tuple[int, bytes, bytes], tuple[np.ndarray, ...]] = {}
        found = np.empty((3, len(z), len(self.tables.kind)))
        for level, parts in enumerate(self.parts(made, zero)):
            each = []
            for part in parts:
                key = int(self.tables.kind[level]), part.pull.centre.tobytes(), part.pull.scale.tobytes()
                if key not in known:
                    known[key] = self.tables.moments(level, part.pull, stride)
                log_m, apart, square = known[key]
                each.append((part.log_share + log_m, part.at + apart, part.at**2 + 2 * part.at * apart + square))
            found[:, :, level] = _mixed(each, len(z))
        return Integrals(found[0], found[1], found[2])

    def parts(self, made: Mapping[str, np.ndarray], zero: np.ndarray) -> list[list[Part]]:
        """Return the distributions every level's effect is a mixture of, given the shared parameters."""
        law = self.effects.given
        numbers = law.numbers(self.density.inputs, made, NUMPY)
        names = ("sd", "mu", "sigma", "p", "nu")
        points, levels = len(zero), len(self.tables.kind)
        by_level = {k: np.broadcast_to(numbers[k], (points, levels)) for k in names if k in numbers}
        return [_parts({k: values[:, level] for k, values in by_level.items()}, zero) for level in range(levels)]

    def draw_effects(self, made: Arrays, zero: np.ndarray, rng: np.random.Generator, stride: int) -> Arrays:
        """Draw the effects of all levels given the shared parameters: array (draws, levels), or none."""
        if self.effects is None:
            return {}
        found = np.empty((len(zero), len(self.tables.kind)))
        for level, parts in enumerate(self.parts(made, zero)):
            place, chosen = rng.random(len(zero)), self._chosen(level, parts, rng.random(len(zero)), stride)
            for which, part in enumerate(parts):
                own = np.flatnonzero(chosen == which)
                pull = part.pull if len(part.pull.centre) == 1 else part.pull.at(own)
                if len(own):
                    found[own, level] = self.tables.draw(level, pull, place[own], stride) - zero[own]
        return {self.effects.name: found}

    def _chosen(self, level: int, parts: list[Part], place: np.ndarray, stride: int) -> np.ndarray:
        """Draw which of its parts a level's effect comes from, given the level's outcomes: array (draws,)."""
        if len(parts) == 1:
            return np.zeros(len(place), int)
        first, second = (part.log_share + self.tables.moments(level, part.pull, stride)[0] for part in parts)
        return (place >= special.expit(first - second)).astype(int)

    def log_joint(self, made: Arrays, zero: np.ndarray) -> np.ndarray:
        """Return the log density of parameters and outcomes together: array (draws,)."""
        effect = made[self.effects.name] if self.effects else np.zeros((len(zero), 1))
        total = sum(self.tables.at(level, zero + own) for level, own in enumerate(effect.T))
        with np.errstate(divide="ignore"):  # a level that is certainly exchangeable, or certainly not
            for own in self.density.free:
                log_p = own.log_density(made[own.name], self.density.inputs, made, NUMPY)
                total = total + (log_p.sum(axis=-1) if log_p.ndim > 1 else log_p)
        return np.asarray(total)


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
    """Return the priors of a linear predictor, as one where all points share it."""
    apart = max(np.ptp(centre), np.ptp(scale)) if len(centre) else 0.0
    if apart < 1e-12 * scale[0]:
        return Pull(centre[:1], scale[:1], df)
    return Pull(centre, scale, df)


def _mixed(each: list[tuple[np.ndarray, ...]], points: int) -> np.ndarray:
    """Mix log integrals, means and mean squares of a level's parts: array (3, points)."""
    logs, means, squares = (np.stack([np.broadcast_to(one[k], points) for one in each]) for k in range(3))
    total = special.logsumexp(logs, axis=0) if len(each) > 1 else logs[0]
    weights = np.exp(logs - total)
    return np.stack([total, (weights * means).sum(axis=0), (weights * squares).sum(axis=0)])


def one_factor_of(design: Design) -> OneFactor:
    """Tabulate a design.

    Raises
    ------
    EngineRefusal
        Where a level's likelihood is no function of its linear predictor alone.
    """
    refuse_others(design)
    density = Density(design)
    factor = next(iter(design.terms), "")
    levels = design.terms[factor].matrix if _differs(design) else np.ones((len(design.patients), 1))
    location, family = design.model.of_family.location.name, design.model.of_family

    def by_level(eta: np.ndarray) -> np.ndarray:
        own = {effect_of(factor): eta} if _differs(design) else {location: family.sign * eta[:, 0]}
        step = max(1, PATIENTS_AT_ONCE // len(design.patients))
        parts = [{name: values[k : k + step] for name, values in own.items()} for k in range(0, len(eta), step)]
        return np.concatenate([_by_level(log_likelihood(density.data, part, NUMPY), levels) for part in parts])

    bare = OneFactor(density, LevelTables(*[np.zeros((0, 0))] * 6))
    tables = tabulate(by_level, levels.shape[1], _reach(bare))
    if tables is None:
        raise EngineRefusal("likelihood", "the likelihood of a level has no maximum and no limit")
    return OneFactor(density, tables)


def _differs(design: Design) -> bool:
    return any(term.coded.term.has_effect({own.name for own in design.parameters}) for term in design.terms.values())


def _by_level(patients: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Add up the log likelihoods (points, patients) of each level's patients: array (points, levels)."""
    level = levels.argmax(axis=1)
    order = np.argsort(level, kind="stable")
    present, first = np.unique(level[order], return_index=True)
    found = np.zeros((len(patients), levels.shape[1]))
    found[:, present] = np.add.reduceat(np.take(patients, order, axis=1), first, axis=1)
    return found


def _reach(bare: OneFactor) -> float:
    """Return how far from zero a linear predictor may lie."""
    z = WIDEST * np.array([[i, j] for i in (-1.0, 1.0) for j in (-1.0, 1.0)])
    made = bare.made(z)
    zero = bare.zero(made, len(z))
    if bare.effects is None:
        return float(np.abs(zero).max())
    numbers = bare.effects.given.numbers(bare.density.inputs, made, NUMPY)
    levels = len(bare.design.laid.labels[bare.effects.owner])
    by_level = {k: np.broadcast_to(v, (len(z), levels)) for k, v in numbers.items()}
    pulls = [p.pull for j in range(levels) for p in _parts({k: v[:, j] for k, v in by_level.items()}, zero)]
    return float(max((np.abs(pull.centre) + pull.reach * pull.scale).max() for pull in pulls))


def refuse_others(design: Design) -> None:
    """Refuse a design this is not made for.

    Raises
    ------
    EngineRefusal
    """
    terms = [term.coded.term for term in design.terms.values()]
    known = {Role.LOCATION, Role.SD, Role.EFFECT}
    others = [own.name for own in design.parameters if own.role not in known]
    if design.model.exposures:
        raise EngineRefusal("exposure", "an exposure has an effect beside the factor's")
    if len(terms) != 1 or not isinstance(terms[0], Group):
        raise EngineRefusal("terms", f"the model has {len(terms)} terms, and not one group factor alone")
    if others:
        raise EngineRefusal("parameters", f"there are further parameters: {', '.join(others)}")
    if design.summed:
        raise EngineRefusal("summed", "what is not known of a patient is summed over")
    if not (np.sort(next(iter(design.terms.values())).matrix, axis=1)[:, :-1] == 0).all():
        raise EngineRefusal("several_levels", "a patient belongs to several levels at once")
    if design.improper:
        raise EngineRefusal("improper_prior", f"the prior of {', '.join(design.improper)} is no distribution")
