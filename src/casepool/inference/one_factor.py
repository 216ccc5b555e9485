"""Models in which a level's likelihood is a function of its linear predictor alone: one group factor, one zero point.

Given zero point and standard deviation levels are independent of each other: integrals over their effects, and draws
of them, are each level's own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from casepool.inference.drawn import EngineRefusal
from casepool.inference.level_priors import Arrays, LevelPriors, Part
from casepool.inference.level_tables import LevelTables, tabulate
from casepool.modelling.design.design import Design
from casepool.modelling.design.likelihood import data_of, log_likelihood
from casepool.modelling.families.arrays import NUMPY
from casepool.modelling.families.parameters import Role
from casepool.modelling.terms.labels import Group

ENTRIES_AT_ONCE = 1_000_000
"""Points times patients whose likelihood is computed together."""


@dataclass(frozen=True)
class OneFactor:
    """The posterior of such a model.

    Parameters
    ----------
    priors : LevelPriors
    tables : LevelTables
        Of one level alone where levels do not differ.
    """

    priors: LevelPriors
    tables: LevelTables

    def moments(self, z: np.ndarray, stride: int, order: int) -> np.ndarray:
        """Integrate every level's effect out at points (points, 2) of standard normal coordinates.

        Returns
        -------
        array (order + 1, points, levels)
            The log likelihood that is left; the mean, mean square and so on of the effect given the outcomes.
        """
        made = self.priors.made(z)
        zero = self.priors.zero(made, len(z))
        if self.priors.effects is None:
            found = np.zeros((order + 1, len(z), 1))
            found[0, :, 0] = self.tables.at(0, zero)
            return found
        known: dict[tuple[int, bytes, bytes], list[np.ndarray]] = {}
        found = np.empty((order + 1, len(z), len(self.tables.kind)))
        for level, parts in enumerate(self.priors.parts(made, zero)):
            each = []
            for part in parts:
                key = int(self.tables.kind[level]), part.pull.centre.tobytes(), part.pull.scale.tobytes()
                if key not in known:
                    known[key] = self.tables.moments(level, part.pull, stride, order)
                each.append(_about_zero(part, known[key], len(z)))
            found[:, :, level] = _mixed(np.stack(each)) if len(each) > 1 else each[0]
        return found

    def draw_effects(self, made: Arrays, zero: np.ndarray, rng: np.random.Generator, stride: int) -> Arrays:
        """Draw the effects of all levels given the shared parameters: array (draws, levels), or none."""
        if self.priors.effects is None:
            return {}
        found = np.empty((len(zero), len(self.tables.kind)))
        for level, parts in enumerate(self.priors.parts(made, zero)):
            place, chosen = rng.random(len(zero)), self._chosen(level, parts, rng.random(len(zero)), stride)
            for which, part in enumerate(parts):
                own = np.flatnonzero(chosen == which)
                pull = part.pull if len(part.pull.centre) == 1 else part.pull.at(own)
                if len(own):
                    found[own, level] = self.tables.draw(level, pull, place[own], stride) - zero[own]
        return {self.priors.effects.name: found}

    def _chosen(self, level: int, parts: list[Part], place: np.ndarray, stride: int) -> np.ndarray:
        """Draw which of its parts a level's effect comes from, given the level's outcomes: array (draws,)."""
        if len(parts) == 1:
            return np.zeros(len(place), int)
        first, second = (part.log_share + self.tables.moments(level, part.pull, stride, 0)[0] for part in parts)
        return np.asarray(place >= special.expit(first - second), int)

    def log_joint(self, made: Arrays, zero: np.ndarray) -> np.ndarray:
        """Return the log density of parameters and outcomes together: array (draws,)."""
        effects = self.priors.effects
        effect = made[effects.name] if effects else np.zeros((len(zero), 1))
        total = sum(self.tables.at(level, zero + own) for level, own in enumerate(effect.T))
        with np.errstate(divide="ignore"):  # a level that is certainly exchangeable, or certainly not
            for own in self.priors.parameters:
                log_p = own.log_density(made[own.name], self.priors.inputs, made, NUMPY)
                total = total + (log_p.sum(axis=-1) if log_p.ndim > 1 else log_p)
        return np.asarray(total)


def _about_zero(part: Part, moments: list[np.ndarray], points: int) -> np.ndarray:
    """Weigh a part by its share, and move its moments from its centre to 0: array (order + 1, points)."""
    found = np.empty((len(moments), points))
    found[0] = part.log_share + moments[0]
    if len(moments) > 1:
        found[1] = part.at + moments[1]
        found[2] = part.at**2 + 2 * part.at * moments[1] + moments[2]
    return found


def _mixed(parts: np.ndarray) -> np.ndarray:
    """Mix a level's parts (parts, order + 1, points): array (order + 1, points)."""
    total = np.logaddexp(parts[0, 0], parts[1, 0])
    weights = np.exp(parts[:, 0] - total)
    return np.concatenate([total[None], (weights[:, None] * parts[:, 1:]).sum(axis=0)])


def one_factor_of(design: Design) -> OneFactor:
    """Tabulate a design.

    Raises
    ------
    EngineRefusal
        Where a level's likelihood is no function of its linear predictor alone.
    """
    refuse_others(design)
    data = data_of(design)
    priors, family = LevelPriors(design.model, design.laid), design.model.of_family
    levels = next(iter(design.terms.values())).matrix if priors.effects else np.ones((len(design.patients), 1))

    def by_level(eta: np.ndarray) -> np.ndarray:
        own = {priors.effects.name: eta} if priors.effects else {family.location.name: family.sign * eta[:, 0]}
        step = max(1, ENTRIES_AT_ONCE // len(design.patients))
        parts = [{name: values[k : k + step] for name, values in own.items()} for k in range(0, len(eta), step)]
        return np.concatenate([_by_level(log_likelihood(data, part, NUMPY), levels) for part in parts])

    tables = tabulate(by_level, levels.shape[1], priors.reach)
    if tables is None:
        raise EngineRefusal("likelihood", "the likelihood of a level has no maximum and no limit")
    return OneFactor(priors, tables)


def _by_level(patients: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Add up the log likelihoods (points, patients) of each level's patients: array (points, levels)."""
    level = levels.argmax(axis=1)
    order = np.argsort(level, kind="stable")
    present, first = np.unique(level[order], return_index=True)
    found = np.zeros((len(patients), levels.shape[1]))
    found[:, present] = np.add.reduceat(np.take(patients, order, axis=1), first, axis=1)
    return found


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
