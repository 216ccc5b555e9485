"""Parameters drawn from the prior, and outcomes replicated before and after seeing the data."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np
import xarray as xr

from casepool.inference.graph import prior_dims, prior_names
from casepool.modelling import Design
from casepool.modelling.arrays import NUMPY
from casepool.modelling.borrowing import fresh_effect
from casepool.modelling.families import FAMILIES
from casepool.modelling.likelihood import data_of, hazard_of, log_probabilities, patient_mean, random_rows
from casepool.modelling.pieces import random_walk
from casepool.modelling.priors import frozen

HALVINGS = 50
Parameters = Mapping[str, np.ndarray]


def predictive_groups(
    design: Design, posterior: xr.Dataset, parameters: Parameters, seed: int
) -> dict[str, xr.Dataset]:
    """Return the groups ``prior``, ``prior_predictive`` and ``posterior_predictive``.

    A replicated survival time is cut at the patient's own follow-up limit: the censoring time, or for a patient
    with the event the longest follow-up of the table. A patient seen exposed is replicated from that date on.
    """
    rng = np.random.default_rng([seed, 10])
    draws = posterior.sizes["chain"] * posterior.sizes["draw"]
    prior = prior_draws(design, rng, (1, draws))
    dims = {name: posterior[name].dims[2:] for name in prior}
    before = {"chain": [0], "draw": np.arange(draws)}
    labels = {dim: posterior[dim] for axes in dims.values() for dim in axes}
    groups = {
        "prior": xr.Dataset(
            {name: (("chain", "draw", *dims[name]), values) for name, values in prior.items()},
            {**before, **labels},
        )
    }
    patient = {"patient": list(design.patients)}
    after = {"chain": posterior["chain"], "draw": posterior["draw"]}
    for name, values, coords in (
        ("prior_predictive", prior, before),
        ("posterior_predictive", parameters, after),
    ):
        outcome = (("chain", "draw", "patient"), replicate(design, values, rng))
        groups[name] = xr.Dataset({"outcome": outcome}, {**coords, **patient})
    return groups


def prior_draws(design: Design, rng: np.random.Generator, shape: tuple[int, int]) -> dict[str, np.ndarray]:
    """Draw every parameter of a design's model from its prior: arrays of `shape`, vectors with their axis last."""
    drawn: dict[str, np.ndarray] = {}
    for name in prior_names(design):
        size = (*shape, *prior_dims(design, name).values())
        drawn[name] = np.asarray(frozen(design.model.prior(name)).rvs(size=size, random_state=rng))
    for name, term in design.terms.items():
        if term.coded.term.kind == "group" and term.coded.term.borrowing != "complete":
            levels = [fresh_effect(design.model, term.coded.term, lv, drawn, rng, shape) for lv in term.coded.levels]
            drawn[f"{name}_effect"] = np.stack(levels, axis=-1)
        if term.coded.term.kind == "smooth":
            z = rng.standard_normal((*shape, len(term.coded.term.knots) - 2))
            drawn[f"{name}_wiggle"] = drawn[f"{name}_wiggle_sd"][..., None] * z
    if design.pieces is not None:
        z = rng.standard_normal((*shape, len(design.pieces.labels) - 1))
        drawn["log_hazard"] = random_walk(z, drawn["hazard_sd"], design.pieces, design.pieces.constant, NUMPY)
    return drawn


def replicate(design: Design, parameters: Parameters, rng: np.random.Generator) -> np.ndarray:
    """Draw one outcome for every patient and draw: array (chain, draw, patients).

    Of an ordinal model the category, 0 for the worst; where a row stands for several patients, that of one of them.
    """
    if FAMILIES[design.model.family].survival:
        return _replicated_times(design, parameters, rng)
    log_p = log_probabilities(data_of(design), parameters, NUMPY)
    p = [patient_mean(design, np.exp(values), parameters, NUMPY) for values in log_p]
    if not design.model.is_ordinal:
        return np.asarray(rng.binomial(design.outcome["n"].astype(int), p[1]).astype(float))
    place = rng.random(p[0].shape)
    return np.asarray(sum((place > below).astype(float) for below in itertools.accumulate(p[:-1])))


def _replicated_times(design: Design, parameters: Parameters, rng: np.random.Generator) -> np.ndarray:
    """Invert the cumulative hazard from the start of risk to the follow-up limit, by bisection."""
    shape = next(iter(parameters.values())).shape[:2]
    patient = np.broadcast_to(np.arange(len(design.patients)), (*shape, len(design.patients)))
    row = random_rows(design, parameters, patient, rng.random(patient.shape))
    hazard = hazard_of(data_of(design), parameters, NUMPY)
    switch = design.switch[row] if design.model.exposures else np.full(row.shape, np.inf)
    hazard = hazard.at_rows(row)
    entry = design.outcome["entry"]
    start = np.where(np.isfinite(switch), np.maximum(switch, entry), entry)
    limit = np.where(design.outcome["event"] == 1, design.outcome["time"].max(), design.outcome["time"])
    target = hazard.cumulative(start, switch) + rng.standard_exponential(start.shape)
    low, high = start, np.broadcast_to(np.maximum(limit, start), start.shape)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        alive = hazard.cumulative(middle, switch) < target
        low, high = np.where(alive, middle, low), np.where(alive, high, middle)
    return np.asarray(high)
