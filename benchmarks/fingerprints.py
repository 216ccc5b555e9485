"""What a calibration result holds for: a family's log density at fixed points, and the priors it was run under."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
from scipy import special

from benchmarks.calibrated import Study
from casepool.inference.graph import prior_names
from casepool.inference.mixture import quantile
from casepool.inference.predictive import prior_draws
from casepool.modelling import Design, make_design
from casepool.modelling.arrays import NUMPY
from casepool.modelling.borrowing import exchangeable, own_priors
from casepool.modelling.families import FAMILIES
from casepool.modelling.likelihood import data_of, log_likelihood
from casepool.modelling.medians import follows_shape, frozen_given
from casepool.modelling.priors import DISTRIBUTIONS, frozen

POINTS = 20


def fingerprint(study: Study) -> dict[str, Any]:
    """Return the log density (likelihood and stated priors) at fixed points on the bundled table, and the priors.

    Also which parameters every chain starts at the centre of their prior, and the log densities of priors that follow
    another parameter.
    """
    design = make_design(study.model, study.patients())
    places = points(design)
    total = log_likelihood(data_of(design), {k: v[None] for k, v in places.items()}, NUMPY)[0].sum(axis=-1)
    for name in prior_names(design):
        density = np.asarray(frozen(study.model.prior(name)).logpdf(places[name]))
        total = total + density.reshape(POINTS, -1).sum(axis=-1)
    priors = {name: str(study.model.prior(name)) for name in prior_names(design)}
    given = {}
    for name in prior_names(design):
        if follows_shape(study.model, name):
            density = frozen_given(study.model, name, places).logpdf(places[name])
            given[name] = [float(f"{value:.12g}") for value in density]
    effects = _effects(design)
    centred = list(FAMILIES[study.model.family].per_time)
    return {"log_density": [float(f"{value:.12g}") for value in total], "priors": priors, "starts_centred": centred,
            "given_shape": given, **({"effects": effects} if effects else {})}  # fmt: skip


def _effects(design: Design) -> dict[str, Any]:
    """Say how the effects of robust and exnex factors are distributed: settings, and an exnex effect at fixed points.

    The points are standard normal quantiles and logarithms of the group standard deviation, those of `points`.
    """
    model, found = design.model, {}
    for name, term in design.terms.items():
        kind = term.coded.term
        if kind.kind != "group" or kind.borrowing not in ("robust", "exnex"):
            continue
        found[name] = {"borrowing": kind.borrowing, "df": kind.df, "own": kind.own}
        if kind.borrowing == "exnex":
            own, p = own_priors(model, kind, term.coded.levels), exchangeable(kind, term.coded.levels)
            place = 0.8 * np.sin(1.0 + 3.0 * np.arange(POINTS))
            at = [quantile(2.0 * z, p[0], np.exp(z), own["mu"][0], own["sigma"][0]) for z in place]
            found[name] |= {"exchangeable": p.tolist(), **{key: values.tolist() for key, values in own.items()}}
            found[name]["first level"] = [float(f"{value:.12g}") for value in at]
    return found


def points(design: Design) -> dict[str, np.ndarray]:
    """Return fixed places in the parameters' space, without any random number: arrays (points, ...)."""
    shapes = {k: v.shape[2:] for k, v in prior_draws(design, np.random.default_rng(0), (1, 1)).items()}
    own = set(prior_names(design))
    found = {}
    for number, (name, shape) in enumerate(sorted(shapes.items())):
        size = int(np.prod(shape))
        phase = 1.0 + 3.0 * np.arange(POINTS)[:, None] + 7.0 * number + 11.0 * np.arange(size)
        values = (0.8 * np.sin(phase)).reshape(POINTS, *shape)
        dist = design.model.prior(name).dist if name in own else ""
        if dist == "Dirichlet":
            values = special.softmax(values, axis=-1)
        elif dist and DISTRIBUTIONS[dist].positive:
            values = np.exp(values)
        found[name] = values - 3.0 * (name.endswith("_log_intensity") or name == "intercept")
    return found


def short(full: dict[str, Any]) -> str:
    """Return a few letters that change with a fingerprint, for a journal."""
    rounded = [f"{value:.6g}" for value in full["log_density"]]
    whole = [rounded, full["priors"], *full["starts_centred"], *full.get("effects", {}).items()]
    return hashlib.sha256(json.dumps(whole).encode()).hexdigest()[:12]
