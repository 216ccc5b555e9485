"""The linear predictor and the log-likelihood of a Design, once for every array library.

``eta = X b + sum over factors of Z_f u_f``: the one expression every engine and every estimand uses.
Parameters map posterior names to arrays: draws lead, a vector's own axis is last.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from casepool.modelling.design.cells import cell_weights
from casepool.modelling.design.design import Design
from casepool.modelling.design.reporting import arrays_of, log_told
from casepool.modelling.families.arrays import NUMPY, Array, Namespace
from casepool.modelling.families.basis_hazards import polynomials
from casepool.modelling.families.distributions import DISTRIBUTIONS
from casepool.modelling.families.hazards import Hazard, survival_log_likelihood, transition_log_likelihood
from casepool.modelling.families.names import (
    at_node_of,
    effect_of,
    log_intensity_of,
    mean_of,
    node_of,
    share_of,
    share_of_row,
    spread_of,
    unknown_of,
)
from casepool.modelling.families.responses import category_counts
from casepool.modelling.families.trial_laws import EFFECT, MEAN, TRIALS
from casepool.modelling.specification.endpoints import event
from casepool.modelling.specification.model import Model
from casepool.modelling.specification.outcome import TYPE
from casepool.modelling.specification.selection import EFFECT as SELECTION_EFFECT
from casepool.modelling.terms.numbers import as_number

Parameters = Mapping[str, Array]
PUBLISHED = "published"
"""Array (rows,) of who was published for how they did, times the log ratio of publication where that is fixed."""
SUCCESSES = "published_category"
"""Array (categories,) with 1 where a category is a success: what a model calls one is data to a graph."""
AT_ONCE = 64
"""Draws whose likelihood is computed together: as many as stay in the processor's own memory."""


@dataclass(frozen=True)
class Data:
    """The arrays of a Design that a likelihood reads: plain ones, or a graph's inputs of the same names.

    ``<term>`` (rows, columns), ``<term>_node`` (rows,), outcome arrays (rows,), ``switch`` (rows,),
    ``rows`` and ``log_weight`` (patients, longest).
    """

    design: Design
    arrays: Mapping[str, Any]

    def __getitem__(self, name: str) -> Array:
        return self.arrays[name]


def data_of(design: Design) -> Data:
    """Collect the arrays a likelihood reads, the outcome spread over rows."""
    arrays: dict[str, Any] = {}
    for name, term in design.terms.items():
        arrays[name] = term.matrix
        if term.has_nodes:
            arrays[node_of(name)] = np.nan_to_num(term.node)
            arrays[at_node_of(name)] = np.isfinite(term.node) * 1.0
        if term.has_shares:
            arrays[share_of_row(name)] = np.maximum(term.share, 0)
            arrays[unknown_of(name)] = (term.share >= 0) * 1.0
    for name, cells in design.cells.items():
        arrays[name] = cell_weights(design.model, name, design.terms, cells)
    for name, values in design.outcome.items():
        arrays[name] = values[design.patient_of_row]
    if len(design.event_time):
        exact = np.isfinite(design.event_time)
        arrays["time"] = np.where(exact, design.event_time, arrays["time"])
        arrays["between"] = np.where(exact, 0.0, arrays["between"])
    if design.model.outcome.per:
        arrays |= arrays_of(design.outcome)
    if design.model.exposures:
        arrays["switch"] = design.switch
    fixed = design.model.fixed_selection
    if len(design.published) and fixed != 0.0:
        arrays[PUBLISHED] = design.published[design.patient_of_row] * (1.0 if fixed is None else fixed)
        success = event(design.model)
        arrays[SUCCESSES] = np.array(
            [float(success.first <= k <= success.last) for k in range(len(design.model.steps) + 1)]
        )
    if design.pieces is not None:
        arrays |= design.pieces.arrays
    if design.summed:
        arrays["rows"], arrays["log_weight"] = design.rows_of_patient()
    else:
        arrays["log_weight"] = design.log_weight
    return Data(design, arrays)


def linear_predictor(data: Data, parameters: Parameters, xp: Namespace) -> Array:
    """Return eta for every row (or one for all rows alike), without the exposure."""
    eta: Array = data.arrays.get("offset", 0.0)
    if "intercept" in parameters:
        eta = eta + parameters["intercept"][..., None]
    for name, rows in data.design.terms.items():
        term = rows.coded.term
        if term.has_effect(parameters):
            eta = eta + term.contribution(_read(data, name, parameters, xp), parameters, xp)
    for own in data.design.model.joint.values():
        if own.effect in parameters:
            read = [_read(data, name, parameters, xp) for name in own.reads]
            eta = eta + own.contribution(read, parameters, xp)
    return eta


def _read(data: Data, name: str, parameters: Parameters, xp: Namespace) -> Array:
    """Return the values of a number, or the rows of a design matrix."""
    term = data.design.model.terms.get(name)
    return _values(data, name, parameters, xp) if term is not None and term.is_number else data[name]


def _values(data: Data, name: str, parameters: Parameters, xp: Namespace) -> Array:
    """Standardised values of a number, those at nodes following its modelled distribution."""
    known = data[name][:, 0]
    if node_of(name) not in data.arrays:
        return known
    mean, spread = parameters[mean_of(name)][..., None], parameters[spread_of(name)][..., None]
    modelled = as_number(data.design.terms[name].coded.term).at_nodes(data[node_of(name)], mean, spread, xp)
    return known + data[at_node_of(name)] * modelled


def by_step(model: Model, parameters: Parameters) -> list[Parameters]:
    """Return the parameters of the linear predictor of each step between categories: effects by category, picked."""
    own = [effect_of(name) for name, term in model.terms.items() if term.each_step]
    return [{**parameters, **{name: parameters[name][..., j] for name in own}} for j in range(len(model.steps))]


def log_probabilities(data: Data, parameters: Parameters, xp: Namespace) -> list[Array]:
    """Return every row's log probability of each category of a response, worst first."""
    model = data.design.model
    if any(term.each_step for term in model.terms.values()):
        etas = [linear_predictor(data, own, xp) for own in by_step(model, parameters)]
    else:
        etas = [linear_predictor(data, parameters, xp)] * len(model.steps)
    log_p = model.of_family.response[model.form](etas, parameters, xp)
    return _as_published(data, log_p, parameters, xp) if PUBLISHED in data.arrays else log_p


def _as_published(data: Data, log_p: list[Array], parameters: Parameters, xp: Namespace) -> list[Array]:
    """Weigh success by how much more readily it is published, and let the categories sum to 1 again.

    With the adjacent link this moves the step to success by the log ratio, and the others not at all.
    """
    success, shift = data[SUCCESSES], data[PUBLISHED]
    if data.design.model.fixed_selection is None:
        shift = shift * parameters[SELECTION_EFFECT][..., None]
    weighed = [own + success[k] * shift for k, own in enumerate(log_p)]
    total = xp.logsumexp(xp.concatenate([own[..., None] for own in weighed]))
    return [own - total for own in weighed]


def hazard_of(data: Data, parameters: Parameters, xp: Namespace) -> Hazard:
    """Return the hazard of every row of a survival design."""
    family = data.design.model.of_family
    if family.baseline is None:
        raise ValueError(f"{data.design.model.family} is no survival family")
    betas = [parameters[effect_of(name)][..., None] for name in data.design.model.exposures]
    return Hazard(
        baseline=family.baseline,
        accelerated=data.design.model.effects == "accelerated",
        eta=linear_predictor(data, parameters, xp),
        beta=betas[0] if betas else 0.0,
        parameters=_of_the_baseline(data, parameters, xp),
        xp=xp,
    )


def _of_the_baseline(data: Data, parameters: Parameters, xp: Namespace) -> Mapping[str, Array]:
    """Return what the family's baseline reads as its parameters, with a last axis of one for the rows."""
    pieces = data.design.pieces
    if pieces is not None:
        return polynomials(parameters["log_hazard"], data.arrays, pieces, xp)
    model = data.design.model
    return {own.name: parameters[own.name][..., None] for own in model.of_family.parameters_of(model.form)}


def row_log_likelihood(data: Data, parameters: Parameters, xp: Namespace) -> Array:
    """Return every row's log-likelihood, before rows are weighed and summed."""
    model = data.design.model
    if not model.is_survival:
        log_p = log_probabilities(data, parameters, xp)
        if model.outcome.per:
            by_unit = model.outcome.per != TYPE
            return log_told((log_p[0], log_p[1]), data.arrays, parameters, xp, by_unit=by_unit)
        return sum(n * p for n, p in zip(category_counts(data.arrays, len(log_p)), log_p, strict=True))
    time, entry = data["time"], data["entry"]
    hazard = hazard_of(data, parameters, xp)
    switch = data.arrays.get("switch", math.inf)
    between = (data["lower"], data["between"]) if "between" in data.arrays else None
    total = survival_log_likelihood(hazard, time, data["event"], entry, switch, between)
    return total + _row_log_dates(data, parameters, xp)


def _row_log_dates(data: Data, parameters: Parameters, xp: Namespace) -> Array | float:
    """Log density of when the exposure began in every row, where its start is a transition of the model; else 0."""
    for name, exposure in data.design.model.exposures.items():
        if exposure.modelled:
            rho = parameters[log_intensity_of(name)][..., None]
            return transition_log_likelihood(rho, data["time"], data["entry"], data["switch"], xp)
    return 0.0


def log_shares(data: Data, parameters: Parameters, xp: Namespace) -> Array | float:
    """Log weight of each row from the shares of missing labels."""
    total: Array | float = 0.0
    for name, term in data.design.terms.items():
        if term.has_shares:
            log_share = xp.log(parameters[share_of(name)])[..., data[share_of_row(name)]]
            total = total + data[unknown_of(name)] * log_share
    return total


def log_recorded(design: Design, recorded: Parameters, parameters: Parameters, xp: Namespace) -> dict[str, Array]:
    """Return, by term, the log probability of what is recorded of covariates that other patients miss; and of trials.

    Parameters
    ----------
    recorded : mapping of str to array
        `Design.recorded`: plain arrays, or a graph's inputs.
    """
    found = {}
    if TRIALS in recorded:
        events, n = recorded[TRIALS][0], recorded[TRIALS][1]
        eta = parameters[MEAN][..., None] + parameters[EFFECT]
        found[TRIALS] = -(events * xp.softplus(-eta) + (n - events) * xp.softplus(eta)).sum(axis=-1)
    for name, term in design.terms.items():
        if term.has_nodes:
            numbers = {"mu": parameters[mean_of(name)][..., None], "sigma": parameters[spread_of(name)][..., None]}
            found[name] = DISTRIBUTIONS["Normal"].log_density(recorded[name], numbers, xp).sum(axis=-1)
        if term.has_shares:
            found[name] = (recorded[name] * xp.log(parameters[share_of(name)])).sum(axis=-1)
    return found


def log_likelihood(data: Data, parameters: Parameters, xp: Namespace) -> Array:
    """Return every patient's log-likelihood, what is not known about it summed or integrated out."""
    return _of_patients(row_log_likelihood(data, parameters, xp) + log_shares(data, parameters, xp), data, xp)


def _of_patients(rows: Array, data: Data, xp: Namespace) -> Array:
    """Sum each patient's rows, of which each has a log weight."""
    if "rows" not in data.arrays:
        return rows + data["log_weight"]
    return xp.logsumexp_of_rows(rows, data["rows"], data["log_weight"])


def models_dates(design: Design) -> bool:
    """Whether the likelihood is also of when an exposure began."""
    return any(exposure.modelled for exposure in design.model.exposures.values())


def log_dates(data: Data, parameters: Parameters, xp: Namespace) -> Array:
    """Return the log probability of when each patient's exposure began, or did not, whatever the outcome.

    Where the event's time is one of an interval, the mean over it.
    """
    design = data.design
    rows = _row_log_dates(data, parameters, xp) + log_shares(data, parameters, xp)
    if len(design.event_time):
        width = (design.outcome["time"] - design.outcome["lower"])[design.patient_of_row]
        rows = rows - np.log(np.where(np.isfinite(design.event_time), width, 1.0))
    return _of_patients(rows, data, xp)


def outcome_and_dates(design: Design, parameters: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Divide every patient's log-likelihood: of the outcome given when the exposure began, and of when it did.

    Arrays (chain, draw, patients), whose sum is what `pointwise` returns.
    """
    joint = pointwise(design, parameters)
    if not models_dates(design):
        return joint, np.zeros(joint.shape)
    data = data_of(design)
    dates = _by_draws(lambda own: [log_dates(data, own, NUMPY)], parameters)[0]
    return joint - dates, dates


def pointwise(design: Design, parameters: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return every patient's log-likelihood in every draw, some draws at a time: array (chain, draw, patients)."""
    data = data_of(design)
    return _by_draws(lambda own: [log_likelihood(data, own, NUMPY)], parameters)[0]


def category_chances(design: Design, parameters: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """Return every patient's probability of each category, worst first: arrays (chain, draw, patients)."""
    data = data_of(design)

    def of(own: Parameters) -> list[np.ndarray]:
        chances = [np.exp(values) for values in log_probabilities(data, own, NUMPY)]
        return _patient_means(data, chances, own, NUMPY) if design.summed else chances

    return _by_draws(of, parameters)


def _by_draws(of: Callable[[Parameters], list[np.ndarray]], parameters: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """Compute arrays (draws, patients) from some draws at a time, and return them (chain, draw, patients)."""
    lead = next(iter(parameters.values())).shape[:2]
    flat = {name: values.reshape(-1, *values.shape[2:]) for name, values in parameters.items()}
    starts = range(0, lead[0] * lead[1], AT_ONCE)
    parts = [of({name: values[start : start + AT_ONCE] for name, values in flat.items()}) for start in starts]
    return [np.concatenate(each).reshape(*lead, -1) for each in zip(*parts, strict=True)]


def row_weights(data: Data, parameters: Parameters, xp: Namespace) -> np.ndarray:
    """Return the weight of each row within its patient: array (rows,), or (..., rows) where it varies by draw.

    The weights are the modelled distribution of what is missing, whatever the outcome was; a patient's sum to 1.
    """
    design = data.design
    log_weight = design.log_weight + log_shares(data, parameters, xp)
    first = np.unique(design.patient_of_row, return_index=True)[1]
    largest = np.maximum.reduceat(log_weight, first, axis=-1)
    weight = np.exp(log_weight - largest[..., design.patient_of_row])
    return np.asarray(weight / np.add.reduceat(weight, first, axis=-1)[..., design.patient_of_row])


def random_rows(design: Design, parameters: Parameters, patient: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Pick one of the rows of a patient, by its rows' weights in each draw.

    Parameters
    ----------
    patient : integer array (chain, draw) or (chain, draw, picks)
    place : array of that shape
        Uniform random numbers.

    Returns
    -------
    integer array of that shape
    """
    reached = np.cumsum(row_weights(data_of(design), parameters, NUMPY), axis=-1)  # patient i's rows end at i + 1
    if reached.ndim == 1:
        picked = np.searchsorted(reached, patient + place)
    else:
        pairs = [(reached[at], (patient + place)[at]) for at in np.ndindex(patient.shape[:2])]
        picked = np.reshape([np.searchsorted(one, sought) for one, sought in pairs], patient.shape)
    counts = np.bincount(design.patient_of_row)
    last = np.cumsum(counts)[patient] - 1
    return np.asarray(np.clip(picked, last - counts[patient] + 1, last))  # rounding may lead to a neighbour's row


def patient_mean(design: Design, values: np.ndarray, parameters: Parameters, xp: Namespace) -> np.ndarray:
    """Average a quantity of the rows over what is not known about each patient.

    Parameters
    ----------
    values : array (..., rows)

    Returns
    -------
    array (..., patients)
    """
    return _patient_means(data_of(design), [values], parameters, xp)[0] if design.summed else values


def _patient_means(data: Data, each: list[np.ndarray], parameters: Parameters, xp: Namespace) -> list[np.ndarray]:
    """Average several quantities by the same weights."""
    weights = row_weights(data, parameters, xp)
    first = np.unique(data.design.patient_of_row, return_index=True)[1]
    return [np.asarray(np.add.reduceat(values * weights, first, axis=-1)) for values in each]
