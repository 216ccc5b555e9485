"""What a calibration result holds for: a family's log density at fixed points, its priors, and the engines."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
from scipy import special

from benchmarks.study import Study
from casepool.arguments import AUTO
from casepool.inference.engines import GATES
from casepool.inference.evidence import fingerprint as of_engines
from casepool.modelling import Design
from casepool.modelling.design.density import Density
from casepool.modelling.families.arrays import NUMPY
from casepool.modelling.families.medians import MedianTime
from casepool.modelling.families.names import sd_of
from casepool.modelling.families.parameters import Parameter, Role
from casepool.modelling.families.registry import INTERCEPT
from casepool.modelling.families.supports import SIMPLEX, UNIT
from casepool.modelling.terms.borrowings import LevelEffects, exchangeable

POINTS = 20


def fingerprint(study: Study) -> dict[str, Any]:
    """Return the log density (likelihood and stated priors) at fixed points on the bundled table, and the priors.

    Also which parameters every chain starts at the centre of their prior, and the log densities of priors that follow
    another parameter; and what is asked for, by which version of what makes engines decline, and the engines' source.
    """
    density = Density(study.design)
    design, places = density.design, points(density.design)
    priors = {own.name: study.model.prior(own.name) for own in design.parameters if own.is_stated}
    total = density.log_likelihood({k: v[None] for k, v in places.items()}, NUMPY)[0].sum(axis=-1)
    for name, prior in priors.items():
        total = total + prior.log_density(places[name]).reshape(POINTS, -1).sum(axis=-1)
    following = [own.name for own in design.parameters if isinstance(own.given, MedianTime)]
    given = density.log_prior(places, NUMPY)
    effects = _effects(design)
    return {
        "log_density": _written(total),
        "priors": {name: str(prior) for name, prior in priors.items()},
        "starts_centred": [own.name for own in design.parameters if own.per_time],
        "given_shape": {name: _written(given[name]) for name in following},
        **({"effects": effects} if effects else {}),
        "engine": {"asked": AUTO, "gates": GATES, "source": of_engines()},
    }


def _written(values: np.ndarray) -> list[float]:
    """Return numbers as a file keeps them: the digits that every machine agrees on."""
    return [float(f"{value:.12g}") for value in values]


def _effects(design: Design) -> dict[str, Any]:
    """Say how the effects of robust and exnex factors are distributed: settings, and an exnex effect at fixed points.

    The points are standard normal quantiles and logarithms of the group standard deviation, those of `points`.
    """
    found: dict[str, Any] = {}
    for name, term in design.terms.items():
        law = design.model.level_effects(name)
        if law is None or not law.borrowing.keys:
            continue
        kind = term.coded.term
        found[name] = {key: getattr(kind, key) for key in ("borrowing", "df", "own")}
        if law.borrowing.mixes:
            found[name] |= _mixed(law, term.coded.levels, points(design))
    return found


def _mixed(law: LevelEffects, levels: tuple[str, ...], places: dict[str, np.ndarray]) -> dict[str, Any]:
    """Say what decides whether a level is exchangeable, and the first level's effect at fixed points."""
    own = [law.priors[key].parameters for key in law.keys(levels)]
    place = 0.8 * np.sin(1.0 + 3.0 * np.arange(POINTS))
    numbers = law.numbers(law.inputs_at(levels[:1]), {**places, sd_of(law.factor.name): np.exp(place)}, NUMPY)
    return {
        "exchangeable": exchangeable(law.factor, levels).tolist(),
        **{key: [prior[key] for prior in own] for key in ("mu", "sigma")},
        "first level": _written(law.from_normal(2.0 * place[:, None], numbers, NUMPY)[:, 0]),
    }


def points(design: Design) -> dict[str, np.ndarray]:
    """Return fixed places in the parameters' space, without any random number: arrays (points, ...)."""
    by_name = sorted(design.parameters, key=lambda own: own.name)
    return {own.name: _places(own, number, own.shape(design.laid)) for number, own in enumerate(by_name)}


def _places(own: Parameter, number: int, shape: tuple[int, ...]) -> np.ndarray:
    """Return the places of one parameter, within its support, the zero point and intensities of a likely size."""
    phase = 1.0 + 3.0 * np.arange(POINTS)[:, None] + 7.0 * number + 11.0 * np.arange(int(np.prod(shape)))
    values = (0.8 * np.sin(phase)).reshape(POINTS, *shape)
    support = own.given.distribution.support
    if support is SIMPLEX:
        values = special.softmax(values, axis=-1)
    elif support is UNIT:
        values = special.expit(values)
    elif support.positive:
        values = np.exp(values)
    return np.asarray(values - 3.0 * (own.role is Role.INTENSITY or own.name == INTERCEPT.name))


def short(full: dict[str, Any]) -> str:
    """Return a few letters that change with a fingerprint, for a journal."""
    rounded = [f"{value:.6g}" for value in full["log_density"]]
    whole = [rounded, full["priors"], *full["starts_centred"], *full.get("effects", {}).items(), full["engine"]]
    return hashlib.sha256(json.dumps(whole).encode()).hexdigest()[:12]
