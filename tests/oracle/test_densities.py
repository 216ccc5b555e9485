"""The written posterior: what commit 7c82814 made of it at fixed points, PyMC's graph of today, and its own slope."""

import functools

import numpy as np
import pytest

from casepool.cases.tables import typed_by
from casepool.inference.graph import build_design
from casepool.modelling import make_design
from casepool.modelling.design.density import Density
from casepool.modelling.design.making import patient_labels
from casepool.modelling.design.outcomes import NEVER_AT_RISK
from casepool.modelling.families.arrays import NUMPY

from .densities import names, stored
from .points import of_coordinates, transformed_from, vectors
from .structures import structures

STEP = 1e-5
APART = 15.0
"""Log weights of splines that differ by more lose digits in any arithmetic: their hazard is a difference of cubics."""


@functools.cache
def density_of(name):
    return Density(make_design(*structures()[name]))


def distance(found, expected):
    """Return how far numbers lie apart, of max(1, |value|), point by point; infinite ones must be infinite together."""
    found, expected = np.broadcast_arrays(found, expected)
    with np.errstate(invalid="ignore"):
        away = np.abs(found - expected) / np.maximum(1.0, np.abs(expected))
    away = np.where((found == expected) | (np.isnan(found) & np.isnan(expected)), 0.0, away)
    return np.nan_to_num(away.reshape(len(away), -1), nan=np.inf).max(axis=1, initial=0.0)


def never_at_risk(name):
    """Say which patients entered as their follow-up ended: then in the fit, of which they told nothing."""
    design = density_of(name).design
    then = {label for label, why in design.left_out.items() if why == NEVER_AT_RISK} | {*design.patients}
    labels = [label for label in patient_labels(*typed_by(structures()[name][1])) if label in then]
    return np.array([label in design.left_out for label in labels])


def has_digits(name, was):
    """Say at which points the density has digits to compare: all of them, but for splines far apart."""
    if not density_of(name).design.model.knots:
        return np.ones(len(was.logp), dtype=bool)
    return np.ptp(was.parameters["log_hazard"], axis=-1) < APART


@pytest.mark.parametrize("name", names())
def test_it_is_what_it_was(name):
    """To 1e-10: parameters, log prior, log likelihood, and the density as PyMC had it, Jacobians included."""
    was, density = stored(name), density_of(name)
    with np.errstate(all="ignore"):
        coordinates, _ = density.unconstrained(vectors(density, was.points), NUMPY)
        made = density.parameters(coordinates, NUMPY)
        prior = density.log_prior(was.parameters, NUMPY)
        likelihood = density.log_likelihood(was.parameters, NUMPY)
        found = density.log_density(vectors(density, was.points), NUMPY)
    assert set(made) >= set(was.parameters)
    assert list(prior) == list(was.log_prior)
    pairs = [(made[key], values) for key, values in was.parameters.items()]
    pairs += [(prior[key], values) for key, values in was.log_prior.items()]
    for now, then in pairs:
        assert distance(now, then).max() < 1e-10
    nothing_seen = never_at_risk(name)
    assert not was.log_likelihood[:, nothing_seen].any()
    assert distance(likelihood, was.log_likelihood[:, ~nothing_seen])[has_digits(name, was)].max() < 1e-10
    assert distance(found, was.logp)[has_digits(name, was)].max() < 1e-10


@pytest.mark.parametrize("name", names())
def test_the_graph_has_the_same_density(name):
    was, density = stored(name), density_of(name)
    built = build_design(density.design)
    assert [variable.name for variable in built.value_vars] == list(was.points)
    assert [transformed_from(key) for key in was.points] == list(density.shapes)
    logp = built.compile_logp(mode="FAST_COMPILE")
    with np.errstate(all="ignore"):
        graph = np.array([logp({key: values[i] for key, values in was.points.items()}) for i in range(len(was.logp))])
        found = density.log_density(vectors(density, was.points), NUMPY)
    assert distance(graph, was.logp)[has_digits(name, was)].max() < 1e-10
    assert distance(found, graph)[has_digits(name, was)].max() < 1e-8


@pytest.mark.parametrize("name", names())
def test_its_slope_is_the_gradient_of_the_graph(name):
    """Central differences to 1e-5 of the gradient's norm, where the density is finite on both sides."""
    was, density = stored(name), density_of(name)
    at = vectors(density, was.points)
    with np.errstate(all="ignore"):
        step = STEP * np.eye(density.size)
        up, down = (density.log_density(at[:, None] + sign * step, NUMPY) for sign in (1, -1))
        slope = (up - down) / (2 * STEP)
    gradient = np.hstack([np.reshape(values, (len(at), -1)) for values in of_coordinates(density, was.dlogp)])
    told = np.isfinite(slope).all(axis=1) & np.isfinite(gradient).all(axis=1) & has_digits(name, was)
    assert told.sum() >= 35
    error = np.linalg.norm(slope - gradient, axis=1) / np.maximum(1.0, np.linalg.norm(gradient, axis=1))
    assert error[told].max() < 1e-5
