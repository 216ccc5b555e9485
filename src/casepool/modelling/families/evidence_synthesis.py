"""What trials say of the rate in another study: exact on a grid of the linear predictor, then as few normals.

Predictive (Neuenschwander 2010, Schmidli 2014), power (Ibrahim and Chen 2000), commensurate (Hobbs 2011).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import fft, special

from casepool.modelling.families.priors import Prior

NODES = 64
"""Gauss-Legendre nodes over the prior of the spread between studies."""
BEYOND = 1e-10
"""Probability of the mean's prior left out at either end of the grid."""
TAILS = 7.0
"""Standard deviations of the widest spread by which the grid reaches further."""
POINTS_PER_SD = 4.0
COARSEST = 0.2
MOST_POINTS = 2**18
LEAST = 1e-300
"""Stands for a likelihood that is 0 to all digits."""
MOST_COMPONENTS = 4
NEAR = 0.002
"""Kullback-Leibler divergence below which normals are as good as what they stand for."""
SWEEPS = 4000
STILL = 1e-10
"""Change of the mean log density in one sweep after which the next ones hardly matter."""


@dataclass(frozen=True)
class Counts:
    """Studies that count events: `events` of `n` each."""

    events: tuple[float, ...]
    n: tuple[float, ...]

    @property
    def finest(self) -> float:
        """Standard deviation of the narrowest likelihood there is: all studies as one, half with the event."""
        return 2.0 / math.sqrt(sum(self.n))

    def log_likelihood(self, theta: np.ndarray) -> np.ndarray:
        """Return the log likelihood of log odds, up to a constant: array (studies, points)."""
        events, n = np.array(self.events)[:, None], np.array(self.n)[:, None]
        return np.asarray(events * special.log_expit(theta) + (n - events) * special.log_expit(-theta))


@dataclass(frozen=True)
class Measured:
    """Studies that measure on the scale itself: an `estimate` with its standard error `se` each."""

    estimate: tuple[float, ...]
    se: tuple[float, ...]

    @property
    def finest(self) -> float:
        """Standard error of all studies as one."""
        return 1.0 / math.sqrt(sum(s**-2 for s in self.se))

    def log_likelihood(self, theta: np.ndarray) -> np.ndarray:
        """Return the log likelihood, up to a constant: array (studies, points)."""
        return np.asarray(-0.5 * ((theta - np.array(self.estimate)[:, None]) / np.array(self.se)[:, None]) ** 2)


@dataclass(frozen=True, eq=False)
class OnGrid:
    """A distribution on an even grid: `theta` (points,) and its `mass` there, which sums to 1."""

    theta: np.ndarray
    mass: np.ndarray

    @cached_property
    def _below(self) -> np.ndarray:
        return np.asarray(np.cumsum(self.mass))

    @property
    def step(self) -> float:
        """Distance of two points."""
        return float(self.theta[1] - self.theta[0])

    def cdf(self, x: np.ndarray) -> np.ndarray:
        """Return the probability of values up to `x`: a point's mass ends halfway to the next one."""
        return np.asarray(np.interp(x, self.theta + self.step / 2, self._below))

    def quantile(self, q: np.ndarray) -> np.ndarray:
        """Return quantiles."""
        rising = np.concatenate([[True], np.diff(self._below) > 0])
        return np.asarray(np.interp(q, self._below[rising], (self.theta + self.step / 2)[rising]))

    def mean_and_sd(self, *, probability: bool = False) -> tuple[float, float]:
        """Return mean and standard deviation, of the probability whose logit it is a distribution of if asked for."""
        x = special.expit(self.theta) if probability else self.theta
        mean = float(self.mass @ x)
        return mean, math.sqrt(max(float(self.mass @ (x - mean) ** 2), 0.0))


def grid_of(studies: Counts | Measured, mean: Prior, widest: float) -> np.ndarray | None:
    """Return an even grid on which nothing that matters is cut off or too narrow; None where none is small enough."""
    low, middle, high = mean.quantile([BEYOND, 0.5, 1 - BEYOND])
    narrow = max(float(mean.quantile(special.ndtr(1.0)) - middle), 1e-6)
    step = min(studies.finest / POINTS_PER_SD, narrow / POINTS_PER_SD, COARSEST)
    low, high = low - TAILS * widest - step, high + TAILS * widest + step
    if not (high - low) / step < MOST_POINTS:
        return None
    size = fft.next_fast_len(math.ceil((high - low) / step), real=True)
    return np.asarray(low + step * (0.5 + np.arange(size)))


def smoothed(values: np.ndarray, step: float, sd: float) -> np.ndarray:
    """Average (..., points) over a normal of standard deviation `sd` about each point, reflected at the ends.

    In frequencies, so that it is exact for an `sd` far below the step too.
    """
    size = values.shape[-1]
    damping = np.exp(-0.5 * (sd * np.pi * np.arange(size) / (size * step)) ** 2)
    return np.asarray(fft.idct(fft.dct(values, axis=-1) * damping, axis=-1))


def spreads(between: Prior) -> tuple[np.ndarray, np.ndarray]:
    """Return values of a spread with their weights: its prior in `NODES` numbers, or the one it is fixed at."""
    if between.dist == "Fixed":
        return np.array([between.parameters["value"]]), np.ones(1)
    x, weights = np.polynomial.legendre.leggauss(NODES)
    return between.quantile((x + 1) / 2), weights / 2


def predictive(studies: Counts | Measured, mean: Prior, between: Prior) -> OnGrid | None:
    """Return the distribution of a new study's value, exchangeable with these about a mean: the MAP prior."""
    sds, weights = spreads(between)
    theta = grid_of(studies, mean, float(sds.max()))
    if theta is None:
        return None
    step, log_like = theta[1] - theta[0], studies.log_likelihood(theta)
    likelihood = np.exp(log_like - log_like.max(axis=1, keepdims=True))
    logs = [np.log(np.maximum(smoothed(likelihood, step, sd), LEAST)).sum(axis=0) for sd in sds]
    joint = np.array(logs) + mean.log_density(theta) + np.log(weights)[:, None]
    joint = np.exp(joint - joint.max())
    return _of_mass(theta, np.sum([smoothed(own, step, sd) for own, sd in zip(joint, sds, strict=True)], axis=0))


def powered(studies: Counts | Measured, mean: Prior, weight: float) -> OnGrid | None:
    """Return the posterior of one value that all studies share, their likelihood raised to a power."""
    theta = grid_of(studies, mean, 0.0)
    if theta is None:
        return None
    log_p = mean.log_density(theta) + weight * studies.log_likelihood(theta).sum(axis=0)
    return _of_mass(theta, np.exp(log_p - log_p.max()))


def commensurate(studies: Counts | Measured, mean: Prior, between: Prior) -> OnGrid | None:
    """Return the distribution of a value about the one that all studies share."""
    sds, weights = spreads(between)
    theta = grid_of(studies, mean, float(sds.max()))
    if theta is None:
        return None
    log_p = mean.log_density(theta) + studies.log_likelihood(theta).sum(axis=0)
    shared, step = np.exp(log_p - log_p.max()), theta[1] - theta[0]
    return _of_mass(theta, sum(w * smoothed(shared, step, sd) for sd, w in zip(sds, weights, strict=True)))


def _of_mass(theta: np.ndarray, mass: np.ndarray) -> OnGrid:
    mass = np.maximum(mass, 0.0)
    return OnGrid(theta, mass / mass.sum())


# As normals

Components = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Weights, means and standard deviations."""


def as_normals(exact: OnGrid) -> Components:
    """Return the fewest normal components near a distribution, at most `MOST_COMPONENTS`, the heaviest first."""
    kept = exact.mass > exact.mass.max() * 1e-14
    theta, mass = exact.theta[kept], exact.mass[kept] / exact.mass[kept].sum()
    log_density = np.log(mass / exact.step)
    for components in range(1, MOST_COMPONENTS + 1):
        found = [_expectation_maximisation(theta, mass, start) for start in _starts(exact, components)]
        apart = [float(mass @ (log_density - _log_normals(theta, own))) for own in found]
        best = found[int(np.argmin(apart))]
        if min(apart) < NEAR:
            break
    order = np.argsort(-best[0], kind="stable")
    return best[0][order], best[1][order], best[2][order]


def _starts(exact: OnGrid, components: int) -> list[Components]:
    """Return where to begin: side by side, or one within the other."""
    weights, (mean, sd) = np.full(components, 1 / components), exact.mean_and_sd()
    if components == 1:
        return [(weights, np.array([mean]), np.array([sd]))]
    beside = exact.quantile((np.arange(components) + 0.5) / components)
    middle, upper = exact.quantile(np.array([0.5, special.ndtr(1.0)]))
    within = (upper - middle) * np.geomspace(0.6, 2.5, components)
    return [(weights, beside, np.full(components, sd / 2)), (weights, np.full(components, middle), within)]


def _log_normals(theta: np.ndarray, own: Components) -> np.ndarray:
    return np.asarray(special.logsumexp(_log_parts(theta, own), axis=0))


def _log_parts(theta: np.ndarray, own: Components) -> np.ndarray:
    weights, mu, sigma = (values[:, None] for values in own)
    return np.asarray(np.log(weights / sigma) - 0.5 * ((theta - mu) / sigma) ** 2 - 0.5 * math.log(2 * math.pi))


def _expectation_maximisation(theta: np.ndarray, mass: np.ndarray, start: Components) -> Components:
    own, last = start, -math.inf
    for _ in range(SWEEPS if len(start[0]) > 1 else 0):
        parts = _log_parts(theta, own)
        top = parts.max(axis=0)
        share = np.exp(parts - top)
        total = share.sum(axis=0)
        now = float(mass @ (top + np.log(total)))
        share *= mass / total
        weights = np.maximum(share.sum(axis=1), 1e-12)
        mu = share @ theta / weights
        square = (share * (theta - mu[:, None]) ** 2).sum(axis=1) / weights
        own = weights / weights.sum(), mu, np.sqrt(np.maximum(square, 1e-12))
        if now - last < STILL:
            break
        last = now
    return own


# What a prior is worth in patients


def moment_worth(mean: float, sd: float) -> float:
    """Return how many patients a beta distribution of this mean and standard deviation is worth."""
    return mean * (1 - mean) / sd**2 - 1


EIGHTH = np.array([-1 / 560, 8 / 315, -1 / 5, 8 / 5, -205 / 72, 8 / 5, -1 / 5, 8 / 315, -1 / 560])
"""Second difference of eighth order."""
WIDEST = 37.0
"""Standard deviation of the log odds from which on no double holds the information ratio."""


def information_ratio(theta: np.ndarray, log_density: np.ndarray) -> float:
    """Return the expected local information ratio of a density of log odds on an even grid, in patients.

    Neuenschwander, Weber, Schmidli and O'Hagan (2020): how curved the log density is, in units of what one patient's
    outcome tells there, averaged. The grid must reach so far that nothing is left of density over information.
    """
    step = theta[1] - theta[0]
    curvature = -np.convolve(log_density, EIGHTH, mode="valid") / step**2
    inner = slice(4, -4)
    log_p = log_density - special.logsumexp(log_density)
    patient = special.log_expit(theta) + special.log_expit(-theta)
    return float((np.exp(log_p - patient)[inner] * curvature).sum())


def information_ratio_of(prior: Prior) -> float:
    """Return that of a prior on log odds made of normals: a Normal, or a Mixture."""
    _, mu, sigma = components_of(prior)
    if sigma.max() > WIDEST:
        return math.inf
    reach = sigma**2 + 14 * sigma
    step = min(float(sigma.min()) / 20, 0.05)
    theta = np.arange((mu - reach).min(), (mu + reach).max(), step)
    return information_ratio(theta, prior.log_density(theta))


def components_of(prior: Prior) -> Components:
    """Return the components of a Normal or a Mixture."""
    own = prior.numbers if prior.distribution.has_components else {"weights": 1.0, **prior.parameters}
    weights, mu, sigma = (np.atleast_1d(np.asarray(own[name], dtype=float)) for name in ("weights", "mu", "sigma"))
    return weights, mu, sigma


def of_probability(prior: Prior, points: int = 4000) -> tuple[float, float]:
    """Return mean and standard deviation of the probability whose log odds have this prior."""
    p = special.expit(prior.quantile((np.arange(points) + 0.5) / points))
    return float(p.mean()), float(p.std())


def mixture_of(parts: Sequence[tuple[float, Prior]]) -> Prior:
    """Return one prior of several made of normals, each with its weight."""
    found = [(weight * own[0], own[1], own[2]) for weight, own in ((w, components_of(p)) for w, p in parts) if weight]
    weights, mu, sigma = (np.concatenate(each) for each in zip(*found, strict=True))
    numbers = {"weights": weights / weights.sum(), "mu": mu, "sigma": sigma}
    return Prior("Mixture", {name: tuple(float(x) for x in values) for name, values in numbers.items()})
