"""The posterior of a Weibull model with one exposure, by importance sampling about its mode: no Markov chain.

Parameters are columns: intercept, log shape, exposure's coefficient and, where the dates are a part of the model,
log intensity. Each likelihood takes points (points, parameters) and returns their log-likelihoods (points,).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import stats
from scipy.stats import qmc

from casepool.modelling import Model
from casepool.modelling.families.arrays import NUMPY
from casepool.modelling.families.parameters import NOWHERE

POINTS = 512
DF = 6.0
"""Degrees of freedom of the proposal, heavier-tailed than any posterior here."""
WIDENED = 1.15
STEP = 1e-3
NEWTON_STEPS = 12

ROUNDS = 12
ENOUGH = 0.5
"""Share of the points that the effective number must reach; else the proposal takes the points' moments, and again."""
LEAST = -1e8
"""Stands for an impossible log posterior."""

LogLikelihood = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Cohort:
    """Follow-up of n patients: times, events, and when each was exposed (inf: never)."""

    time: np.ndarray
    event: np.ndarray
    start: np.ndarray

    @property
    def ever(self) -> np.ndarray:
        """Whether each patient was ever exposed."""
        return np.isfinite(self.start)


@dataclass(frozen=True)
class Dates:
    """Dates the exposed may have begun at: arrays (exposed, nodes), the weights' logarithms beside them."""

    start: np.ndarray
    log_weight: np.ndarray
    low: np.ndarray
    high: np.ndarray


def dates_between(low: np.ndarray, high: np.ndarray, nodes: int) -> Dates:
    """Lay Gauss-Legendre nodes between two times, crowded towards the earlier, weights summing to the width."""
    x, w = np.polynomial.legendre.leggauss(nodes)
    v = (x + 1) / 2
    width = (high - low)[:, None]
    return Dates(low[:, None] + width * v**3, np.log(width * w / 2 * 3 * v**2), low, high)


def known_dates(cohort: Cohort) -> LogLikelihood:
    """Every date known: the intensity of the exposure is a factor of its own and left out."""
    before = np.minimum(cohort.start, cohort.time)

    def of(points: np.ndarray) -> np.ndarray:
        level, shape, effect = _split(points)
        early, whole = _power(before, shape), _power(cohort.time, shape)
        risk = np.exp(level) * (early + np.exp(effect) * (whole - early))
        return _hazards(cohort, points, cohort.ever) - risk.sum(axis=1)

    return of


def fixed(cohort: Cohort) -> LogLikelihood:
    """Ever against never exposed, as if from time zero on."""

    def of(points: np.ndarray) -> np.ndarray:
        level, shape, effect = _split(points)
        risk = np.exp(level + effect * cohort.ever) * _power(cohort.time, shape)
        return _hazards(cohort, points, cohort.ever) - risk.sum(axis=1)

    return of


def dated(cohort: Cohort, dates: Dates, *, intensity: bool) -> LogLikelihood:
    """Dates integrated out: as a transition with its intensity, or evenly over their intervals."""
    never = ~cohort.ever
    log_weight = dates.log_weight if intensity else dates.log_weight - np.log(dates.high - dates.low)[:, None]

    def of(points: np.ndarray) -> np.ndarray:
        level, shape, effect = _split(points)
        whole = _power(cohort.time, shape)
        early = np.exp(shape[:, :, None] * np.log(dates.start))
        inside = -np.exp(level)[:, :, None] * early * (1 - np.exp(effect))[:, :, None] + log_weight
        total = _hazards(cohort, points, cohort.ever)
        if intensity:
            rho = points[:, 3]
            inside -= np.exp(rho)[:, None, None] * dates.start
            total = total + rho * cohort.ever.sum() - np.exp(rho) * cohort.time[never].sum()
        top = inside.max(axis=2, keepdims=True)
        over = np.log(np.exp(inside - top).sum(axis=2)) + top[:, :, 0]
        risk = np.exp(level) * whole * np.where(cohort.ever, np.exp(effect), 1.0)
        return np.asarray(total + over.sum(axis=1) - risk.sum(axis=1))

    return of


def by_landmark(cohort: Cohort, dates: Dates, landmark: float) -> LogLikelihood:
    """Those followed beyond the landmark, by whether exposed until then; across it in proportion."""
    share = np.zeros(len(cohort.time))
    share[cohort.ever] = np.clip((landmark - dates.low) / np.maximum(dates.high - dates.low, 1e-12), 0, 1)
    kept = cohort.time > landmark
    own, p = Cohort(cohort.time[kept], cohort.event[kept], cohort.start[kept]), share[kept]

    def of(points: np.ndarray) -> np.ndarray:
        level, shape, effect = _split(points)
        risk = np.exp(level) * (_power(own.time, shape) - np.exp(shape * np.log(landmark)))
        without = -risk
        with_ = own.event * effect - np.exp(effect) * risk
        with np.errstate(divide="ignore"):
            mixed = np.logaddexp(np.log(p) + with_, np.log1p(-p) + without)
        return np.asarray(_hazards(own, points, np.zeros(len(p), bool)) + mixed.sum(axis=1))

    return of


def _split(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return points[:, :1], np.exp(points[:, 1:2]), points[:, 2:3]


def _power(time: np.ndarray, shape: np.ndarray) -> np.ndarray:
    return np.asarray(np.exp(shape * np.log(time)))


def _hazards(cohort: Cohort, points: np.ndarray, exposed: np.ndarray) -> np.ndarray:
    """Sum of the log hazards at the events."""
    deaths, shape = cohort.event.sum(), np.exp(points[:, 1])
    logs = np.log(cohort.time[cohort.event]).sum()
    among = (cohort.event & exposed).sum()
    return np.asarray(deaths * (points[:, 1] + points[:, 0]) + (shape - 1) * logs + among * points[:, 2])


def log_prior(model: Model, *, intensity: bool) -> LogLikelihood:
    """Return the model's own priors, the shape's carried to its logarithm."""
    names = ["intercept", "shape", "surgery_effect", *(["surgery_log_intensity"] if intensity else [])]
    parameters = [own for own in model.parameters if own.name in names]
    inputs = {name: values for own in parameters for name, values in own.given.inputs(NOWHERE).items()}

    def of(points: np.ndarray) -> np.ndarray:
        values = dict(zip(names, points.T, strict=True)) | {"shape": np.exp(points[:, 1])}
        densities = [own.log_density(values[own.name], inputs, values, NUMPY) for own in parameters]
        return np.asarray(points[:, 1] + sum(densities))

    return of


@dataclass(frozen=True)
class Summary:
    """Median and 95% equal-tailed limits of the exposure's coefficient, and the effective number of points."""

    median: float
    lower: float
    upper: float
    ess: float


def summarise(log_posterior: LogLikelihood, start: np.ndarray) -> Summary:
    """Integrate a posterior: Newton steps to its mode, a widened t about it, weighted quantiles.

    Where the proposal fits badly, as on the curved ridge of a Weibull observed from a landmark on, it is moved to the
    mean and covariance of the weighted points (adaptive importance sampling, Cappe 2004) until it fits.
    """

    def safe(points: np.ndarray) -> np.ndarray:
        """Far out, where numbers overflow, nothing is."""
        with np.errstate(over="ignore", invalid="ignore"):
            values = log_posterior(points)
        return np.where(np.isfinite(values), values, LEAST)

    centre, spread = _mode(safe, start)
    for _ in range(ROUNDS):
        points, weight = _weighted(safe, centre, spread)
        ess = 1 / (weight**2).sum()
        if ess > ENOUGH * POINTS:
            break
        centre, spread = _moments(points, weight, ess, spread)
    order = np.argsort(points[:, 2])
    values, cumulative = points[order, 2], np.cumsum(weight[order]) - weight[order] / 2
    median, lower, upper = np.interp([0.5, 0.025, 0.975], cumulative, values)
    return Summary(float(median), float(lower), float(upper), float(ess))


def _weighted(log_posterior: LogLikelihood, centre: np.ndarray, spread: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Draw from the proposal, and weigh."""
    size = len(centre)
    z = _standard(size)
    points = centre + z @ spread.T
    log_weight = log_posterior(points) + 0.5 * (DF + size) * np.log1p((z / WIDENED) ** 2 @ np.ones(size) / DF)
    weight = np.exp(log_weight - log_weight.max())
    return points, weight / weight.sum()


def _moments(points: np.ndarray, weight: np.ndarray, ess: float, spread: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the weighted mean, and a root of the weighted covariance, of which few points tell little."""
    centre = weight @ points
    away = points - centre
    told = ess / (ess + 2 * len(centre))
    return centre, np.linalg.cholesky(told * (away.T * weight) @ away + (1 - told) * spread @ spread.T)


@cache
def _standard(size: int) -> np.ndarray:
    """Return the widened standard t that every proposal is an image of, the same points for all (Sobol)."""
    uniform = qmc.Sobol(size + 1, scramble=True, rng=np.random.default_rng(7)).random(POINTS)
    normal = stats.norm.ppf(uniform[:, :size])
    return np.asarray(WIDENED * normal * np.sqrt(DF / stats.chi2.ppf(uniform[:, size:], DF)))


def _mode(log_posterior: LogLikelihood, start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mode and a matrix L with L L' the inverse of minus the Hessian there, by damped Newton steps."""
    size, here = len(start), start
    steps = STEP * np.eye(size)
    pairs = [(i, j) for i in range(size) for j in range(i)]
    cross = np.array([steps[i] + steps[j] for i, j in pairs])
    offsets = np.vstack([np.zeros(size), steps, -steps, cross, -cross])
    hessian = np.eye(size)
    for _ in range(NEWTON_STEPS):
        values = log_posterior(here + offsets)
        up, down = values[1 : size + 1], values[size + 1 : 2 * size + 1]
        gradient = (up - down) / (2 * STEP)
        hessian = np.diag((up + down - 2 * values[0]) / STEP**2)
        both, neither = values[2 * size + 1 : 2 * size + 1 + len(pairs)], values[2 * size + 1 + len(pairs) :]
        for k, (i, j) in enumerate(pairs):
            mixed = (both[k] + neither[k] - up[i] - down[i] - up[j] - down[j] + 2 * values[0]) / (2 * STEP**2)
            hessian[i, j] = hessian[j, i] = mixed
        eigenvalue, vector = np.linalg.eigh(-hessian)
        inverse = (vector / np.maximum(eigenvalue, 0.05)) @ vector.T
        move = inverse @ gradient
        tries = here + np.clip(move, -2, 2) * np.array([1, 0.5, 0.25, 0.1, 0.02])[:, None]
        found = log_posterior(tries)
        best = int(np.argmax(found))
        if found[best] <= values[0] or np.abs(tries[best] - here).max() < 1e-4:
            break
        here = tries[best]
    eigenvalue, vector = np.linalg.eigh(-hessian)
    return here, vector / np.sqrt(np.maximum(eigenvalue, 0.05))
