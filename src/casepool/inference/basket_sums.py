"""One basket's outcomes under every value of what baskets share, by Gauss-Legendre sums split at the rates asked about.

The share of a basket's posterior above a rate jumps, or nearly so, where the shared zero point passes that rate and
baskets hardly differ. Sums over panels that end there converge as fast as any.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from scipy import special

from casepool.inference.level_priors import LevelPriors, Part
from casepool.inference.level_tables import Pull
from casepool.modelling.families.parameters import Parameter, Stated


@dataclass(frozen=True)
class Fineness:
    """How many nodes sums have.

    Parameters
    ----------
    zero, sd, basket : int
        Of each panel of the zero point, of the standard deviation, and of each panel of a basket's linear predictor.
    wide : float
        Standard normal coordinate beyond which the priors of zero point and standard deviation are left out.
    """

    zero: int
    sd: int
    basket: int
    wide: float


REACH = 8.5
"""Standard deviations on either side of a basket's normal prior that are summed over."""
NEAR = 5.0
"""Scales of a prior with heavy tails between its middle panel and the others."""
GONE = 40.0
"""Below the maximum of a log likelihood: no sum misses what lies beyond."""
HALVINGS = 60
AT_ONCE = 512
"""Points whose sums are computed together: as many as stay in the processor's own memory."""


@dataclass(frozen=True)
class Points:
    """Values of zero point and standard deviation, and their weights under the prior.

    Parameters
    ----------
    made : mapping of str to array (points,)
    zero : array (points,)
    log_weight : array (points,)
    """

    made: dict[str, np.ndarray]
    zero: np.ndarray
    log_weight: np.ndarray


def points_of(priors: LevelPriors, thresholds: np.ndarray, fineness: Fineness) -> Points:
    """Return points for sums over zero point and standard deviation.

    Parameters
    ----------
    thresholds : array (targets,)
        Linear predictors at which to split.
    fineness : Fineness
    """
    location, spread = priors.shared
    wide, first = fineness.wide, (np.zeros((1, 1)), np.ones((1, 1)))
    if location and location.is_free:
        inner = _coordinates(priors, location, thresholds)
        first = _panels(np.array([[-wide, *np.sort(inner[np.abs(inner) < wide]), wide]]), fineness.zero)
    second = np.linspace(-wide, wide, fineness.sd) if spread and spread.is_free else np.zeros(1)
    z = np.stack(np.meshgrid(first[0][0], second, indexing="ij"), axis=-1).reshape(-1, 2)
    log_weight = np.add.outer(np.log(first[1][0]), 0 * second).ravel() - np.square(z).sum(axis=1) / 2
    made = priors.made(z)
    return Points(made, priors.zero(made, len(z)), log_weight - special.logsumexp(log_weight))


def _coordinates(priors: LevelPriors, location: Parameter, thresholds: np.ndarray) -> np.ndarray:
    """Return the standard normal coordinates at which the zero point stands at given linear predictors."""
    if not isinstance(location.given, Stated):
        return np.zeros(0)
    values = thresholds * priors.model.of_family.sign
    return np.asarray(special.ndtri(np.clip(location.given.prior.cdf(values), 0.0, 1.0)))


def _panels(ends: np.ndarray, nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and weights between rising ends (points, ends): arrays (points, panels * nodes)."""
    x, weight = _legendre(nodes)
    middle, half = (ends[:, 1:] + ends[:, :-1]) / 2, np.diff(ends, axis=1) / 2
    found = middle[..., None] + half[..., None] * x, half[..., None] * weight
    return found[0].reshape(len(ends), -1), found[1].reshape(len(ends), -1)


@cache
def _legendre(nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return Gauss-Legendre nodes and weights between -1 and 1."""
    x, weight = special.roots_legendre(nodes)
    return x, weight


@dataclass(frozen=True)
class Sums:
    """A basket's marginal likelihood at every point, and what its rate is there.

    Parameters
    ----------
    events, n : float
        Patients; parts of them where they weigh less than one.
    thresholds : array (targets,)
        Linear predictors of the rates asked about.
    offset : float
        Log odds of the rate at a linear predictor of 0.
    nodes : int
        Of each panel of the linear predictor.
    """

    events: float
    n: float
    thresholds: np.ndarray
    offset: float
    nodes: int

    @cached_property
    def ends(self) -> tuple[float, float]:
        """Between which linear predictors the likelihood is not negligible."""
        y, n = self.events, self.n
        at = float(special.logit(y / n)) if 0 < y < n else 0.0
        top = float(self._log_likelihood(np.array(at))) if 0 < y < n else 0.0
        found = []
        for side, without_end in ((-1.0, y == 0), (1.0, y == n)):
            inside, outside = at if 0 < y < n else -side * GONE, side * 1000.0
            for _ in range(HALVINGS):
                middle = (inside + outside) / 2
                gone = self._log_likelihood(np.array(middle)) < top - GONE
                inside, outside = (inside, middle) if gone else (middle, outside)
            found.append(side * np.inf if without_end else outside - self.offset)
        return found[0], found[1]

    def _log_likelihood(self, log_odds: np.ndarray) -> np.ndarray:
        """Return the binomial log likelihood of log odds, without its coefficient."""
        return np.asarray(self.events * log_odds - self.n * np.logaddexp(0, log_odds))

    def shared(self, zero: np.ndarray) -> np.ndarray:
        """Return the sums of a basket that does not differ from others: array (3 + targets, points)."""
        rate = special.expit(zero + self.offset)
        above = zero > self.thresholds[:, None]
        return np.vstack([self._log_likelihood(zero + self.offset), rate, rate**2, above])

    def part(self, pull: Pull) -> np.ndarray:
        """Return log marginal likelihood, mean and mean square of the rate, and its shares above the rates asked about.

        Returns
        -------
        array (3 + targets, points)
        """
        found = np.empty((3 + len(self.thresholds), len(pull.centre)))
        for start in range(0, len(pull.centre), AT_ONCE):
            some = slice(start, start + AT_ONCE)
            found[:, some] = self._part(pull.at(some))
        return found

    def _part(self, pull: Pull) -> np.ndarray:
        ends = self._breaks(pull)
        x, weight = _panels(ends, self.nodes)
        log_odds = x + self.offset
        small = np.exp(-np.abs(log_odds))  # of which both the rate and the likelihood are made
        rate = np.where(log_odds > 0, 1.0, small) / (1.0 + small)
        log_f = self.events * log_odds - self.n * (np.maximum(log_odds, 0.0) + np.log(1.0 + small))
        log_f += pull.log_density(x)
        top = log_f.max(axis=1)
        f = np.exp(log_f - top[:, None])
        f *= weight
        panels = f.reshape(len(f), -1, self.nodes).sum(axis=2)
        total, middle = panels.sum(axis=1), (ends[:, 1:] + ends[:, :-1]) / 2
        sums = [np.einsum("ij,ij->i", f, rate), np.einsum("ij,ij,ij->i", f, rate, rate)]
        sums += [np.where(middle > threshold, panels, 0.0).sum(axis=1) for threshold in self.thresholds]
        return np.vstack([top + np.log(total), *(one / total for one in sums)])

    def _breaks(self, pull: Pull) -> np.ndarray:
        """Return where panels end: the thresholds, within what neither prior nor outcomes rule out."""
        heavy = np.isfinite(pull.df)
        reach = (pull.reach if heavy else REACH) * pull.scale
        low, high = np.maximum(pull.centre - reach, self.ends[0]), np.minimum(pull.centre + reach, self.ends[1])
        apart = np.flatnonzero(low > high)
        if len(apart):
            low[apart], high[apart] = self._between(pull.at(apart))
        inner = [np.full(len(low), one) for one in self.thresholds]
        if heavy:
            inner += [pull.centre - NEAR * pull.scale, pull.centre + NEAR * pull.scale]
        return np.sort(np.stack([low, *(np.clip(one, low, high) for one in inner), high], axis=1), axis=1)

    def _between(self, pull: Pull) -> tuple[np.ndarray, np.ndarray]:
        """Return where a normal prior and outcomes that rule each other out meet: about the mode of their product."""
        low, high = (pull.centre + side * self.n * pull.scale**2 for side in (-1, 1))
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            falls = (middle - pull.centre) / pull.scale**2 > self.events - self.n * special.expit(middle + self.offset)
            low, high = np.where(falls, low, middle), np.where(falls, middle, high)
        rate = special.expit(low + self.offset)
        reach = REACH / np.sqrt(pull.scale**-2 + self.n * rate * (1 - rate))
        return low - reach, high + reach


def basket_sums(sums: Sums, parts: Sequence[Part], zero: np.ndarray, exchangeable: float) -> np.ndarray:
    """Return a basket's sums at every point, its parts mixed: array (4 + targets, points), the last P(exchangeable).

    Parameters
    ----------
    parts : sequence of Part
        Of the basket's prior; none where baskets do not differ.
    exchangeable : float
        The probability of that where it is no question.
    """
    if not parts:
        return np.vstack([sums.shared(zero), np.ones(len(zero))])
    each = [np.broadcast_to(sums.part(part.pull), (3 + len(sums.thresholds), len(zero))) for part in parts]
    if len(parts) == 1:
        return np.vstack([each[0], np.full(len(zero), exchangeable)])
    first, second = (part.log_share + one[0] for part, one in zip(parts, each, strict=True))
    total = np.logaddexp(first, second)
    share = np.exp(first - total)
    return np.vstack([total, share * each[0][1:] + (1 - share) * each[1][1:], share])
