"""Parameters drawn from the prior, and outcomes replicated before and after seeing the data."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np
import xarray as xr

from casepool.modelling import Design
from casepool.modelling.design.likelihood import category_chances, data_of, hazard_of, random_rows
from casepool.modelling.families.arrays import NUMPY
from casepool.modelling.families.hazards import Hazard
from casepool.modelling.families.names import log_intensity_of
from casepool.random_streams import Stream, stream

HALVINGS, UNCENSORED_HALVINGS = 50, 75
LATEST = 1e6
"""Times the longest follow-up after which an event never comes."""
NEAR = 1e-9
"""Relative distance from the limit below which no event came before it."""
Parameters = Mapping[str, np.ndarray]


def predictive_groups(
    design: Design, posterior: xr.Dataset, parameters: Parameters, seed: int
) -> dict[str, xr.Dataset]:
    """Return the groups ``prior``, ``prior_predictive`` and ``posterior_predictive``.

    Of a survival model ``outcome`` is when the event would come (infinite if never), and ``followed`` what follow-up
    would have shown of it: its end where that is earlier, the censoring time or, for a patient with the event, the
    longest follow-up of the table. A patient seen exposed is replicated from that date on. Responses are integers.
    """
    rng = stream(seed, Stream.PREDICTIVE_GROUPS)
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
        drawn = {"outcome": drawn_outcome(design, values, rng)}
        if design.model.is_survival:
            drawn["followed"] = np.minimum(drawn["outcome"], follow_up_limit(design))
        axes = ("chain", "draw", "patient")
        groups[name] = xr.Dataset({key: (axes, each) for key, each in drawn.items()}, {**coords, **patient})
    return groups


def drawn_outcome(design: Design, parameters: Parameters, rng: np.random.Generator) -> np.ndarray:
    """Draw one outcome for every patient and draw: array (chain, draw, patients), of survival when the event comes."""
    if design.model.is_survival:
        return event_times(design, parameters, rng)
    return replicate(design, parameters, rng).astype(int)


def prior_draws(design: Design, rng: np.random.Generator, shape: tuple[int, int]) -> dict[str, np.ndarray]:
    """Draw every parameter of a design's model from its prior: arrays of `shape`, vectors with their axis last."""
    drawn: dict[str, np.ndarray] = {}
    for parameter in design.declared:
        drawn[parameter.name] = parameter.draw(design.laid, drawn, shape, rng)
    return drawn


def replicate(design: Design, parameters: Parameters, rng: np.random.Generator) -> np.ndarray:
    """Draw one outcome for every patient and draw: array (chain, draw, patients).

    Of an ordinal model the category, 0 for the worst; where a row stands for several patients, that of one of them.
    Of a survival model the time as follow-up would have shown it.
    """
    if design.model.is_survival:
        return np.asarray(np.minimum(event_times(design, parameters, rng), follow_up_limit(design)))
    p = category_chances(design, parameters)
    if not design.model.is_ordinal:
        return np.asarray(rng.binomial(design.outcome["n"].astype(int), p[1]).astype(float))
    place = rng.random(p[0].shape)
    return np.asarray(sum((place > below).astype(float) for below in itertools.accumulate(p[:-1])))


def follow_up_limit(design: Design) -> np.ndarray:
    """Return how long each patient of a survival design is followed in a replication: an event ends it earlier."""
    out = design.outcome
    return np.asarray(np.where(out["event"] == 1, out["time"].max(), out["time"]))


def replicate_counts(design: Design, parameters: Parameters, rng: np.random.Generator) -> list[np.ndarray]:
    """Draw how many of the patients each row stands for reach each category: arrays (chain, draw, patients)."""
    return counts_of(design, category_chances(design, parameters), rng)


def counts_of(design: Design, chances: list[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
    """Draw these from the chances of the categories, as `category_chances` returns them."""
    left = np.broadcast_to(design.outcome["n"], chances[0].shape)
    above, counts = np.ones_like(chances[0]), []
    for p in chances[:-1]:
        counts.append(rng.binomial(left.astype(int), np.clip(p / np.maximum(above, 1e-300), 0, 1)).astype(float))
        left, above = left - counts[-1], above - p
    return [*counts, left]


def replicate_follow_up(
    design: Design, parameters: Parameters, limit: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw every patient's follow-up anew up to a limit: its end, whether by the event, whether exposed by then.

    An exposure whose start is a transition of the model starts anew too, unless it began by entry; any other
    starts when it did, and the patient is at risk from then on.

    Parameters
    ----------
    limit : array (chain, draw, patients)

    Returns
    -------
    time, event, exposed : arrays (chain, draw, patients)
    """
    hazard, switch = _hazard_of_patients(design, parameters, rng)
    entry = np.broadcast_to(design.outcome["entry"], switch.shape)
    for name, exposure in design.model.exposures.items():
        if exposure.modelled:
            rate = np.exp(parameters[log_intensity_of(name)])[..., None]
            switch = np.where(switch <= entry, switch, entry + rng.standard_exponential(entry.shape) / rate)
    start = entry
    if not any(exposure.modelled for exposure in design.model.exposures.values()):
        start = np.where(np.isfinite(switch), np.maximum(switch, entry), entry)
    end = _first_event(hazard, start, np.maximum(limit, start), switch, rng)
    return end, end < limit * (1 - NEAR), switch <= end


def event_times(design: Design, parameters: Parameters, rng: np.random.Generator) -> np.ndarray:
    """Draw when the event comes to every patient, infinite if never: array (chain, draw, patients).

    The cumulative hazard from the start of risk on is inverted.
    """
    hazard, switch = _hazard_of_patients(design, parameters, rng)
    entry = design.outcome["entry"]
    start = np.where(np.isfinite(switch), np.maximum(switch, entry), entry)
    last = LATEST * float(design.outcome["time"].max())
    found = _first_event(hazard, start, np.full(start.shape, last), switch, rng, UNCENSORED_HALVINGS)
    return np.where(found < last * (1 - NEAR), found, np.inf)


def _hazard_of_patients(design: Design, parameters: Parameters, rng: np.random.Generator) -> tuple[Hazard, np.ndarray]:
    """Pick one row of every patient by its weight: its hazard, and when the exposure began in it (inf: never)."""
    shape = next(iter(parameters.values())).shape[:2]
    patient = np.broadcast_to(np.arange(len(design.patients)), (*shape, len(design.patients)))
    row = random_rows(design, parameters, patient, rng.random(patient.shape))
    switch = design.switch[row] if design.model.exposures else np.full(row.shape, np.inf)
    return hazard_of(data_of(design), parameters, NUMPY).at_rows(row), switch


def _first_event(
    hazard: Hazard,
    start: np.ndarray,
    limit: np.ndarray,
    switch: np.ndarray,
    rng: np.random.Generator,
    halvings: int = HALVINGS,
) -> np.ndarray:
    """Draw when the event comes from the start of risk on, or the limit where it comes later, by bisection.

    Under a vague prior a cumulative hazard may be beyond all numbers: the event has come by then.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        target = hazard.cumulative(start, switch) + rng.standard_exponential(start.shape)
        low, high = start, np.broadcast_to(limit, start.shape)
        for _ in range(halvings):
            middle = (low + high) / 2
            alive = hazard.cumulative(middle, switch) < target
            low, high = np.where(alive, middle, low), np.where(alive, high, middle)
    return np.asarray(high)
