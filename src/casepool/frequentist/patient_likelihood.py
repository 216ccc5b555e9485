"""The likelihood of a survival design, patient by patient, in coordinates that neither units nor centres move.

Time counts in multiples of the time at risk per event, numbers in standard deviations from their mean. The coordinates
of the whole are the intercept, the logarithms of the family's positive parameters, an exposure's coefficient and the
log of its intensity, then the coefficients of the terms. A patient sees of the latter only their sum: second
derivatives are a few numbers a patient.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from casepool.frequentist.counting_process import Floats
from casepool.modelling.design.density import Density
from casepool.modelling.design.design import Design
from casepool.modelling.design.likelihood import data_of, linear_predictor, log_likelihood
from casepool.modelling.families.arrays import NUMPY, Array, Namespace
from casepool.modelling.families.gradients import TRACED
from casepool.modelling.families.hazards import Hazard, survival_log_likelihood, transition_log_likelihood
from casepool.modelling.families.names import effect_of, log_intensity_of
from casepool.modelling.families.parameters import Parameter, Role
from casepool.modelling.families.tape import value_and_gradient

Flags = NDArray[np.bool_]
STEP = 1e-4
"""Of the differences of exact gradients that stand for second derivatives."""


@dataclass(frozen=True)
class Rows:
    """What was seen of every row of a design, times in multiples of `PatientLikelihood.unit`.

    Parameters
    ----------
    time, event, entry, switch : array (rows,)
        `switch` is inf where no exposure began.
    lower, between : array (rows,)
        Of events known to lie in an interval (1 in `between`) its beginning.
    began, waited : array (rows,)
        Whether the exposure was seen to begin (1), and time at risk of it.
    """

    time: Floats
    event: Floats
    entry: Floats
    switch: Floats
    lower: Floats
    between: Floats
    began: Floats
    waited: Floats


@dataclass(frozen=True)
class PatientLikelihood:
    """The likelihood of a design, a function of one vector.

    Parameters
    ----------
    design : Design
    rows : Rows
    columns : array (patients, coefficients)
        Weights of the coefficients of the terms, numbers standardised.
    centres, scales : array (coefficients,)
        What numbers were standardised by.
    unit : float
        The time that counts as 1, in the unit of the cases.
    """

    design: Design
    rows: Rows
    columns: Floats
    centres: Floats
    scales: Floats
    unit: float

    @cached_property
    def own(self) -> tuple[Parameter, ...]:
        """The family's own parameters."""
        return tuple(own for own in self.design.parameters if own.role is Role.FAMILY)

    @cached_property
    def shared(self) -> tuple[str, ...]:
        """Names of the coordinates all patients share: intercept, family, exposure, intensity."""
        names = ["intercept", *(own.name for own in self.own)]
        for exposure in self.design.model.exposures.values():
            names += [effect_of(exposure.name), *[log_intensity_of(exposure.name)] * exposure.modelled]
        return tuple(names)

    @property
    def size(self) -> int:
        """Number of coordinates."""
        return len(self.shared) + int(self.columns.shape[1])

    @cached_property
    def coefficients(self) -> tuple[tuple[str, int], ...]:
        """Owner and number of the coefficient behind each column."""
        effects = [own for own in self.design.parameters if own.role is Role.EFFECT and own.owner in self.design.terms]
        return tuple((own.owner, k) for own in effects for k in range(math.prod(own.shape(self.design.laid))))

    @cached_property
    def apart(self) -> np.ndarray:
        """Columns of the factor with the most levels, where every patient belongs to one at most."""
        owners = [owner for owner, _ in self.coefficients]
        widest = max(sorted(set(owners)), key=owners.count, default="")
        columns = np.array([k for k, owner in enumerate(owners) if owner == widest], dtype=int)
        alone = (np.count_nonzero(self.columns[:, columns], axis=1) <= 1).all()
        return columns if alone else columns[:0]

    @cached_property
    def others(self) -> np.ndarray:
        """All other columns."""
        return np.setdiff1d(np.arange(self.columns.shape[1]), self.apart)

    @cached_property
    def together(self) -> Floats:
        """The weights of `others`."""
        return self.columns[:, self.others]

    @cached_property
    def levels(self) -> sparse.csr_array:
        """The weights of the columns `apart`."""
        return sparse.csr_array(self.columns[:, self.apart])

    @property
    def bends(self) -> bool:
        """Whether an exposure stretches time from its start on: the likelihood may have several tops."""
        begins = np.isfinite(self.rows.switch) & (self.rows.switch > 0)
        return self.design.model.effects == "accelerated" and bool(begins.any())

    def place(self, owner: str, k: int = 0) -> int:
        """Return where a coefficient of an exposure or a term stands among the coordinates."""
        if owner in self.design.model.exposures:
            return self.shared.index(effect_of(owner))
        return len(self.shared) + self.coefficients.index((owner, k))

    @cached_property
    def start(self) -> Floats:
        """A constant hazard of 1, and what a model file fixes of the family's parameters."""
        at, fixed = np.zeros(self.size), Density(self.design).fixed()
        for own in self.own:
            if own.name in fixed:
                value = float(fixed[own.name])
                at[self.shared.index(own.name)] = np.log(value) if own.support.positive else value * self._per(own)
        if self.rows.began.any():
            at[len(self.shared) - 1] = np.log(self.rows.began.sum() / max(self.rows.waited.sum(), 1e-9))
        return at

    @cached_property
    def held(self) -> set[int]:
        """Places that no patient tells of: fixed parameters of the family, the intensity of what never began."""
        places = {self.shared.index(own.name) for own in self.own if not own.is_free}
        modelled = any(exposure.modelled for exposure in self.design.model.exposures.values())
        return places | ({len(self.shared) - 1} if modelled and not self.rows.began.any() else set())

    def _per(self, own: Parameter) -> float:
        return self.unit if own.per_time else 1.0

    def of_patients(self, seen: Array, xp: Namespace) -> Array:
        """Return every patient's log-likelihood: array (..., patients).

        Parameters
        ----------
        seen : array (..., patients, shared + 1)
            The shared coordinates, and last the sum of the terms.
        """
        rows, of = self.rows, self.design.patient_of_row
        at = seen[..., of, :] if self.design.summed else seen
        hazard = self.hazard(at, xp)
        between = (rows.lower, rows.between) if rows.between.any() else None
        found = survival_log_likelihood(hazard, rows.time, rows.event, rows.entry, rows.switch, between)
        for exposure in self.design.model.exposures.values():
            if exposure.modelled:
                log_rate = at[..., self.shared.index(log_intensity_of(exposure.name))]
                found = found + rows.began * log_rate - xp.exp(log_rate) * rows.waited
        if not self.design.summed:
            return found + self.design.log_weight
        return xp.logsumexp_of_rows(found, *self.design.rows_of_patient())

    def hazard(self, at: Array, xp: Namespace) -> Hazard:
        """Return the hazard at shared coordinates and sums of terms: (..., patients or rows, shared + 1)."""
        own = {p.name: at[..., self.shared.index(p.name)] for p in self.own}
        beta: Any = 0.0
        for name in self.design.model.exposures:
            beta = at[..., self.shared.index(effect_of(name))]
        return Hazard(
            baseline=self.design.model.of_family.baseline,  # type: ignore[arg-type]
            accelerated=self.design.model.effects == "accelerated",
            eta=at[..., 0] + at[..., len(self.shared)],
            beta=beta,
            parameters={p.name: xp.exp(own[p.name]) if p.support.positive else own[p.name] for p in self.own},
            xp=xp,
        )

    def seen(self, point: Floats) -> Floats:
        """Return what every patient sees of a point: array (patients, shared + 1)."""
        g = len(self.shared)
        found = np.empty((len(self.columns), g + 1))
        found[:, :g] = point[:g]
        found[:, g] = self.together @ point[g + self.others] + self.levels @ point[g + self.apart]
        return found

    def value(self, point: Floats) -> float:
        """Return the log-likelihood, up to a constant; minus infinity where it is no number."""
        with np.errstate(all="ignore"):
            total = float(np.sum(self.of_patients(self.seen(point), NUMPY)))
        return total if np.isfinite(total) else -np.inf

    def derivatives(self, point: Floats) -> tuple[Floats, Floats]:
        """Return every patient's gradient (patients, shared + 1) and second derivatives (..., shared + 1)."""
        at = self.seen(point)
        q = at.shape[1]
        moves = np.concatenate([np.zeros((1, q)), STEP * np.eye(q), -STEP * np.eye(q)])
        many = at[None] + moves[:, None]
        with np.errstate(all="ignore"):
            _, slopes = value_and_gradient(lambda x: self.of_patients(x, TRACED), many)
            second = (slopes[1 : q + 1] - slopes[q + 1 :]) / (2 * STEP)
        return slopes[0], (second + second.transpose(2, 1, 0)).transpose(1, 0, 2) / 2

    def parameters(self, point: Floats) -> dict[str, np.ndarray]:
        """Return a point as the posterior's parameters, in the unit of the cases."""
        g, design = len(self.shared), self.design
        shared = dict(zip(self.shared, point[:g], strict=True))
        found: dict[str, np.ndarray] = {}
        for own in self.own:
            found[own.name] = np.exp(shared[own.name]) if own.support.positive else shared[own.name] / self._per(own)
        for exposure in design.model.exposures.values():
            found[effect_of(exposure.name)] = np.asarray(shared[effect_of(exposure.name)])
            if exposure.modelled:
                name = log_intensity_of(exposure.name)
                found[name] = np.asarray(shared[name] - np.log(self.unit))
        plain = point[g:] / self.scales
        for own in design.parameters:
            if own.role is Role.EFFECT and own.owner in design.terms:
                inside = [place for place, (owner, _) in enumerate(self.coefficients) if owner == own.owner]
                found[own.name] = plain[inside].reshape(own.shape(design.laid))
        found["intercept"] = np.asarray(shared["intercept"] - plain @ self.centres + self._of_unit(found, shared))
        return found

    def _of_unit(self, found: dict[str, np.ndarray], shared: dict[str, float]) -> float:
        """Return what the unit of time adds to the intercept."""
        if self.design.model.effects == "accelerated":
            return float(np.log(self.unit))
        baseline, here = self.design.model.of_family.baseline, {}
        for own in self.own:
            here[own.name] = np.exp(shared[own.name]) if own.support.positive else shared[own.name]
        if baseline is None:
            raise ValueError("a response has no unit of time")
        one, whole = np.array(1.0), np.array(self.unit)
        before, after = baseline.cumulative_hazard(one, here, NUMPY), baseline.cumulative_hazard(whole, found, NUMPY)
        return float(np.log(before) - np.log(after))

    def log_likelihood(self, point: Floats) -> float:
        """Return the log-likelihood in the unit of the cases."""
        parameters = self.parameters(point)
        return float(np.sum(log_likelihood(data_of(self.design), parameters, NUMPY)))


def patient_likelihood(design: Design) -> PatientLikelihood:
    """Take the likelihood of a survival design apart, patient by patient."""
    out, data = design.outcome, data_of(design).arrays
    unit = float((out["time"] - out["entry"]).sum() / max(out["event"].sum(), 1.0))
    columns, numbers = _columns(design)
    centres = np.where(numbers, columns.mean(axis=0), 0.0)
    spread = columns.std(axis=0)
    scales = np.where(numbers & (spread > 0), spread, 1.0)
    time, entry = data["time"] / unit, data["entry"] / unit
    switch = data["switch"] / unit if design.model.exposures else np.full(time.shape, np.inf)
    lower, between = data.get("lower", data["time"]) / unit, data.get("between", np.zeros(time.shape))
    waited = -transition_log_likelihood(np.zeros(time.shape), time, entry, switch, NUMPY)  # of a rate of 1
    began = np.round(transition_log_likelihood(np.ones(time.shape), time, entry, switch, NUMPY) + np.e * waited)
    rows = Rows(time, data["event"], entry, switch, lower, between, began, waited)
    return PatientLikelihood(design, rows, (columns - centres) / scales, centres, scales, unit)


def _columns(design: Design) -> tuple[Floats, np.ndarray]:
    """Return the weights of all coefficients, (patients, coefficients), and which of them are numbers."""
    first = np.unique(design.patient_of_row, return_index=True)[1]
    effects = [own for own in design.parameters if own.role is Role.EFFECT and own.owner in design.terms]
    sizes = [math.prod(own.shape(design.laid)) for own in effects]
    data, total = data_of(design), sum(sizes)
    eye, parameters, done = np.eye(total), {}, 0
    for own, size in zip(effects, sizes, strict=True):
        parameters[own.name] = eye[:, done : done + size].reshape((total, *own.shape(design.laid)))
        done += size
    found = np.zeros((total, len(design.patient_of_row))) + linear_predictor(data, parameters, NUMPY)
    numbers = [design.terms[own.owner].coded.term.is_number for own in effects]
    return found[:, first].T, np.repeat(np.array(numbers, dtype=bool), sizes)


def limit_of(rows: Rows, gone: tuple[Flags, Flags], told: Flags, *, reset: bool) -> Rows:
    """Return what rows tell where the hazard of some of their time has fallen to nothing.

    Parameters
    ----------
    rows : Rows
    gone : two boolean arrays (rows,)
        Whether the hazard has gone before, and after, the exposure began.
    told : boolean array (rows,)
        Whether it has grown beyond bounds in the interval that holds the event, which then is certain.
    reset : bool
        Whether effects are accelerated and time before the exposure has come to a stand.
    """
    before, after = gone
    begun = np.isfinite(rows.switch) & (rows.switch <= rows.time)
    alive = np.maximum(rows.lower, np.where(begun, rows.switch, 0.0))
    time, event = np.where(told, alive, rows.time), np.where(told | after, 0.0, rows.event)
    time = np.where(after, np.minimum(time, np.maximum(rows.switch, rows.entry)), time)
    entry = np.where(before, np.maximum(rows.entry, np.minimum(rows.switch, time)), rows.entry)
    switch, lower = rows.switch, np.maximum(np.minimum(rows.lower, time), entry)
    if reset:
        zero = np.where(begun, rows.switch, 0.0)
        time, entry, lower = (np.maximum(values - zero, 0.0) for values in (time, entry, lower))
        switch = np.where(begun, 0.0, switch)
    between = np.where(told | after, 0.0, rows.between)
    return replace(rows, time=time, event=event, entry=entry, switch=switch, lower=lower, between=between)
