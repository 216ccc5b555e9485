"""Did chains agree, and how many draws are theirs worth: on plain arrays, without a library of diagnostics.

Every function takes draws (chain, draw, ...) and answers for each of the trailing axes, array (...). NaN where a draw
is NaN, or where chains or draws are too few.

References
----------
Vehtari, Gelman, Simpson, Carpenter and Buerkner 2021 (rank-normalised R-hat, bulk and tail effective sample sizes,
Monte Carlo errors of quantiles); Geyer 1992 (initial monotone sequences); Betancourt 2016 (E-BFMI); Margossian et al.
2024 (nested R-hat).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import fft, special

MOST_RHAT = 1.01
"""R-hat, nested too, below which chains agree."""
LEAST_ESS = 400
"""Effective draws that are enough."""
LEAST_ACCEPTANCE = 0.6
"""Mean probability of proposals that is enough."""
LEAST_DRAWS = 4
"""Draws of a chain below which nothing is said."""
TAILS = (0.11, 0.89)
"""Probabilities whose quantiles' effective sample sizes make the tail one: ArviZ's by default."""
ONE_SD = (0.1586553, 0.8413447)
"""Probabilities a standard error below and above the median of a normal."""
CONSTANT = 1e-15
"""Range below which draws are one value."""
BLOM = 3 / 8
"""Offset of ranks on their way to normal scores (Blom 1958)."""


def rhat(draws: np.ndarray) -> np.ndarray:
    """Return the rank-normalised split R-hat: the larger of that of the values and of their distances to the median."""
    return _each(draws, lambda halves: _larger(_ratio(_scores(halves)), _ratio(_scores(_folded(halves)))), chains=2)


def nested_rhat(draws: np.ndarray, superchain: np.ndarray) -> np.ndarray:
    """Return the rank-normalised split nested R-hat of many short chains in groups that share a start.

    Parameters
    ----------
    draws : array (chain, draw, ...)
    superchain : integer array (chain,)
        The group of each chain, from 0; groups are of one size.
    """
    order = np.argsort(np.concatenate([superchain, superchain]), kind="stable")
    groups = len(np.unique(superchain))

    def nested(halves: np.ndarray) -> np.ndarray:
        return _nested(halves[order].reshape(groups, -1, *halves.shape[1:]))

    return _each(draws, lambda h: _larger(nested(_scores(h)), nested(_scores(_folded(h)))), chains=2)


def ess_bulk(draws: np.ndarray) -> np.ndarray:
    """Return the effective sample size of rank-normalised draws: of where the bulk of the distribution lies."""
    return _each(draws, lambda halves: _ess(_scores(halves)))


def ess_mean(draws: np.ndarray) -> np.ndarray:
    """Return the effective sample size of the mean."""
    return _each(draws, _ess)


def ess_quantile(draws: np.ndarray, probability: float) -> np.ndarray:
    """Return the effective sample size of a quantile: of the share of draws up to it."""
    return _each_whole(
        draws, lambda whole: _ess(_halves((whole <= np.quantile(whole, probability, axis=(0, 1))) * 1.0))
    )


def ess_tail(draws: np.ndarray) -> np.ndarray:
    """Return the smaller effective sample size of the two quantiles at `TAILS`."""
    return np.asarray(np.minimum(*(ess_quantile(draws, probability) for probability in TAILS)))


def mcse_mean(draws: np.ndarray) -> np.ndarray:
    """Return the Monte Carlo error of the mean."""
    return np.asarray(_flat(draws).std(axis=0, ddof=1).reshape(draws.shape[2:]) / np.sqrt(ess_mean(draws)))


def mcse_quantile(draws: np.ndarray, probability: float) -> np.ndarray:
    """Return the Monte Carlo error of a quantile: half the distance between draws a standard error to either side."""
    ess = ess_quantile(draws, probability)
    ordered, size = np.sort(_flat(draws), axis=0), draws.shape[0] * draws.shape[1]
    places = special.betaincinv(
        ess * probability + 1, ess * (1 - probability) + 1, np.reshape(ONE_SD, (2, *[1] * ess.ndim))
    )
    low = np.floor(np.fmax(places[0] * size - 1, 0)).astype(int)
    high = np.ceil(np.fmin(places[1] * size - 1, size - 1)).astype(int)
    column = np.arange(ordered.shape[1])
    apart = ordered[high.ravel(), column] - ordered[low.ravel(), column]
    return np.asarray(np.where(np.isnan(ess), np.nan, apart.reshape(ess.shape) / 2))


def bfmi(energy: np.ndarray) -> np.ndarray:
    """Return the estimated Bayesian fraction of missing information of every chain, from energies (chain, draw)."""
    return np.asarray(np.square(np.diff(energy, axis=1)).mean(axis=1) / energy.var(axis=1, ddof=1))


def _flat(draws: np.ndarray) -> np.ndarray:
    """Return draws (chain * draw, numbers)."""
    return draws.reshape(draws.shape[0] * draws.shape[1], -1)


def _each_whole(draws: np.ndarray, measure: Callable[[np.ndarray], np.ndarray], chains: int = 1) -> np.ndarray:
    """Measure every number of which all draws are known, from draws (chain, draw, numbers); NaN of the others."""
    found = np.full(int(np.prod(draws.shape[2:])), np.nan)
    whole = np.asarray(draws, dtype=float).reshape(*draws.shape[:2], -1)
    known = ~np.isnan(whole).any(axis=(0, 1))
    if known.any() and draws.shape[0] >= chains and draws.shape[1] >= LEAST_DRAWS:
        with np.errstate(divide="ignore", invalid="ignore"):
            found[known] = measure(whole[..., known])
    return found.reshape(draws.shape[2:])


def _each(draws: np.ndarray, measure: Callable[[np.ndarray], np.ndarray], chains: int = 1) -> np.ndarray:
    """Measure every number from the halves of its chains."""
    return _each_whole(draws, lambda whole: measure(_halves(whole)), chains)


def _halves(draws: np.ndarray) -> np.ndarray:
    """Cut every chain in two, the middle draw of an odd number left out: first halves, then second ones."""
    half = draws.shape[1] // 2
    return np.concatenate([draws[:, :half], draws[:, -half:]])


def _larger(bulk: np.ndarray, tail: np.ndarray) -> np.ndarray:
    """Return the larger of two ratios, that of the bulk where all draws lie equally far from the median."""
    return np.asarray(np.where(tail > bulk, tail, bulk))


def _folded(draws: np.ndarray) -> np.ndarray:
    """Return distances to the median."""
    return np.asarray(np.abs(draws - np.median(draws, axis=(0, 1))))


def _scores(draws: np.ndarray) -> np.ndarray:
    """Return the normal scores of the ranks of all draws of a number, equal ones sharing their mean rank."""
    flat = _flat(draws)
    first, last = ranks(flat)
    rank = (first + last) / 2
    return np.asarray(special.ndtri((rank - BLOM) / (len(flat) - 2 * BLOM + 1))).reshape(draws.shape)


def ranks(values: np.ndarray, axis: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return the first and the last of the ranks, from 1, that each value shares with its equals along an axis."""
    columns = np.moveaxis(values, axis, 0)
    order = np.argsort(columns, axis=0)  # in whatever order equals come, they share their ranks
    ordered = np.take_along_axis(columns, order, axis=0)
    changes, end = ordered[1:] != ordered[:-1], np.ones((1, *columns.shape[1:]), bool)
    place = np.arange(1, len(columns) + 1).reshape(-1, *[1] * (columns.ndim - 1))
    first = np.maximum.accumulate(np.where(np.concatenate([end, changes]), place, 1), axis=0)
    last = np.where(np.concatenate([changes, end]), place, len(columns))
    last = np.minimum.accumulate(last[::-1], axis=0)[::-1]
    lowest, highest = np.empty_like(columns, dtype=int), np.empty_like(columns, dtype=int)
    np.put_along_axis(lowest, order, first, axis=0)
    np.put_along_axis(highest, order, last, axis=0)
    return np.moveaxis(lowest, 0, axis), np.moveaxis(highest, 0, axis)


def _ratio(draws: np.ndarray) -> np.ndarray:
    """Return R-hat of (chain, draw, numbers): the spread of all chains over that within them."""
    size = draws.shape[1]
    between = size * draws.mean(axis=1).var(axis=0, ddof=1)
    within = draws.var(axis=1, ddof=1).mean(axis=0)
    return np.asarray(np.sqrt((between / within + size - 1) / size))


def _nested(draws: np.ndarray) -> np.ndarray:
    """Return nested R-hat of (superchain, chain, draw, numbers): the spread of superchains over that within them."""
    means = draws.mean(axis=2)
    between_chains = means.var(axis=1, ddof=1) if means.shape[1] > 1 else 0.0
    within = (draws.var(axis=2, ddof=1).mean(axis=1) + between_chains).mean(axis=0)
    return np.asarray(np.sqrt(1 + means.mean(axis=1).var(axis=0, ddof=1) / within))


def _ess(draws: np.ndarray) -> np.ndarray:
    """Return the effective sample size of the mean of (chain, draw, numbers): array (numbers,).

    Draws over the sum of autocorrelations of all lags, cut where pairs of them cease to be positive and made to fall
    (Geyer 1992); a number whose draws are one value has as many as draws.
    """
    chains, size, _ = draws.shape
    total = chains * size
    covariance = _autocovariance(draws)
    own = covariance[:, 0].mean(axis=0) * size / (size - 1.0)
    spread = own * (size - 1.0) / size + (draws.mean(axis=1).var(axis=0, ddof=1) if chains > 1 else 0.0)
    rho = 1.0 - (own - covariance.mean(axis=0)) / spread
    rho[0] = 1.0
    found = total / np.maximum(_autocorrelation_time(rho), 1 / np.log10(total))
    return np.asarray(np.where(np.ptp(_flat(draws), axis=0) < CONSTANT, total, found))


def _autocorrelation_time(rho: np.ndarray) -> np.ndarray:
    """Sum autocorrelations (lag, numbers) over pairs of lags as long as pairs are positive, none above the one before.

    Of the first pair that is not positive, or lies at the end of the chain, only an even lag above 0 counts, once
    (Geyer 1992; Stan's way of improving the estimate for anticorrelated chains).
    """
    pairs = rho[0 : len(rho) // 2 * 2 : 2] + rho[1::2][: len(rho) // 2]
    end = max((len(rho) - 3) // 2, 0)  # the last pair looked at
    stop = np.vstack([pairs[:end] <= 0, np.ones((1, rho.shape[1]), bool)]).argmax(axis=0)
    falling = np.minimum.accumulate(pairs, axis=0)
    kept = np.where(np.arange(len(pairs))[:, None] < stop, falling, 0.0).sum(axis=0)
    column = np.arange(rho.shape[1])
    even = rho[2 * stop, column]
    last = np.where((even > 0) | (pairs[stop, column] >= 0), even, 0.0)
    return np.asarray(2.0 * kept + last - 1.0)


def _autocovariance(draws: np.ndarray) -> np.ndarray:
    """Return the autocovariance of every chain at every lag: (chain, lag, numbers), by Fourier transforms."""
    size = draws.shape[1]
    length = fft.next_fast_len(2 * size, real=True)
    waves = fft.rfft(draws - draws.mean(axis=1, keepdims=True), n=length, axis=1)
    return np.asarray(fft.irfft(waves * waves.conj(), n=length, axis=1)[:, :size] / size)
