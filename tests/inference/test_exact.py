"""Independent draws of one-factor models: against sums of our own over dense grids, in natural units."""

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from casepool.cases import resolve_cases
from casepool.inference.drawn import Drawn, EngineRefusal
from casepool.inference.exact import draw, settled
from casepool.inference.one_factor import one_factor_of
from casepool.modelling import make_design, model
from casepool.modelling.design.design import Design
from tests.small import counts, fixed, half_normal, normal, response_model, survival_model

LETTERS = [f"level {i:03d}" for i in range(300)]


def design_of(events: list[int], n: list[int], priors: dict, **group: object) -> Design:
    term = {"kind": "group", "borrowing": "partial", **group}
    return make_design(response_model({"site": term}, priors), counts(events, n, site=LETTERS[: len(n)]))


def drawn(design: Design, seed: int = 1, draws: int = 1000) -> Drawn:
    return draw(design, seed, chains=4, draws=draws, progress=False)


class Dense:
    """Posterior means and standard deviations by sums over zero point, log sd and linear predictor, all even.

    `levels`: log likelihoods of the linear predictor, each with where it matters. `others`: for each level, the share
    of being exchangeable, and the normal distribution, given the zero point, of what it is instead.
    """

    def __init__(self, levels, location, sd, *, t, log_s, df=np.inf, others=None, size=61):
        t, log_s = np.linspace(*t, size if t[0] < t[1] else 1), np.linspace(*log_s, 61 if sd else 1)
        s, size = np.exp(log_s), (len(t), len(log_s))
        log_p = np.broadcast_to(location(t)[:, None] + (sd(s) + log_s if sd else 0.0), size)
        moments = []
        for j, (level, ends) in enumerate(levels):
            x = np.linspace(*ends, 2001)
            own = np.stack([self.summed(level, x, t, scale, df) for scale in s], axis=-1)
            if others is not None:
                share, centre, sigma = others[j]
                other = self.summed(level, x, t, sigma, np.inf, centre(t))[..., None]
                own = share * own + (1 - share) * other
            log_p = log_p + np.log(own[0] + 1e-300)
            moments.append(own[1:] / (own[0] + 1e-300))
        p = np.exp(log_p - log_p.max())
        p /= p.sum()
        shared = [np.stack(np.broadcast_arrays(v, v**2)) * np.ones((2, *size)) for v in (t[:, None], s[None])]
        first, second = np.array([(p * one).sum(axis=(1, 2)) for one in [*shared, *moments]]).T
        self.mean, self.sd = first, np.sqrt(np.maximum(second - first**2, 0))

    @staticmethod
    def summed(level, x, t, scale, df, centre=None):
        """Likelihood times prior, and times the distance to t and its square, summed over x: array (3, t)."""
        middle = t if centre is None else centre
        step, top = x[1] - x[0], level(x).max()
        if scale > 2 * step:
            z = (x - middle[:, None]) / scale
            density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) if np.isinf(df) else (1 + z**2 / df) ** (-(df + 1) / 2)
            weight = density * (step / scale) * np.exp(level(x) - top)
        else:
            z = np.linspace(-8, 8, 161)
            x = middle[:, None] + scale * z
            weight = np.exp(level(x) - top - z**2 / 2) * 0.1 / np.sqrt(2 * np.pi)
        return np.stack([(weight * (x - t[:, None]) ** power).sum(axis=1) for power in range(3)])


def binomial(events: int, n: int, target: float = 0.5):
    """A level's log likelihood, and where it matters to priors of these tests."""
    shift, middle = np.log(target / (1 - target)), np.log((events + 0.5) / (n - events + 0.5))
    reach = 9 / np.sqrt((events + 0.3) * (n - events + 0.3) / n)
    ends = (-30.0 if events == 0 else middle - 1.5 * reach, 30.0 if events == n else middle + 1.5 * reach)
    return lambda x: events * (x + shift) - n * np.logaddexp(0, x + shift), (ends[0] - shift, ends[1] - shift)


def normally(mu: float, sigma: float):
    return stats.norm(mu, sigma).logpdf


def half_normally(scale: float):
    return stats.halfnorm(0, scale).logpdf


PRIORS = {"intercept": normal(2.0, -1.0), "site_sd": half_normal(1.0)}
ALL = ["intercept", "site_sd", "site_effect"]


def agree(design: Design, dense: Dense) -> Drawn:
    """Sums agree to a 500th of a standard deviation; means and sds of draws within four of their errors."""
    grid, refinement = settled(one_factor_of(design))
    mean, sd = grid.summary()
    assert refinement < 0.01
    got = drawn(design)
    values = np.concatenate([got.parameters[name].reshape(4000, -1) for name in ALL], axis=1)
    kept = dense.sd > 1e-6
    np.testing.assert_allclose(values[:, ~kept], np.tile(dense.mean[~kept], (4000, 1)))
    mean, sd, wanted, spread, values = mean[kept], sd[kept], dense.mean[kept], dense.sd[kept], values[:, kept]
    np.testing.assert_allclose(mean / spread, wanted / spread, atol=2e-3)
    np.testing.assert_allclose(sd / spread, 1, atol=2e-3)
    assert (np.abs(values.mean(axis=0) - wanted) < 4 * spread / np.sqrt(4000)).all()
    errors = np.sqrt((stats.kurtosis(values, fisher=False) - 1) / 4 / 4000)
    assert (np.abs(values.std(axis=0) / spread - 1) < 4 * errors).all()
    return got


TABLES = {
    "no events": ([0, 0, 0, 0], [10, 15, 8, 2]),
    "events only": ([10, 15, 8], [10, 15, 8]),
    "one a level": ([0, 1, 1, 0, 1, 0], [1] * 6),
    "one level": ([3], [12]),
    "usual": ([2, 0, 7, 1], [12, 13, 20, 5]),
    "large": ([310, 280, 350, 100], [1000] * 4),
    "one huge level": ([4000, 1, 0, 2], [10000, 12, 9, 3]),
}


@pytest.mark.parametrize("table", TABLES)
def test_partial_borrowing(table: str) -> None:
    events, n = TABLES[table]
    levels = [binomial(y, m) for y, m in zip(events, n, strict=True)]
    # a huge level leaves the zero point no room where levels hardly differ
    size = 901 if max(n) > 1000 else 61
    dense = Dense(levels, normally(-1, 2), half_normally(1), t=(-10, 8), log_s=(-9, 1.8), size=size)
    agree(design_of(events, n, PRIORS), dense)


def test_a_fixed_zero_point_and_a_fixed_standard_deviation() -> None:
    events, n = TABLES["usual"]
    levels = [binomial(y, m) for y, m in zip(events, n, strict=True)]
    zero = Dense(levels, lambda t: 0 * t, half_normally(1), t=(-0.5, -0.5), log_s=(-9, 1.8))
    agree(design_of(events, n, PRIORS | {"intercept": fixed(-0.5)}), zero)
    sd = Dense(levels, normally(-1, 2), None, t=(-10, 8), log_s=(np.log(0.3), 0))
    agree(design_of(events, n, PRIORS | {"site_sd": fixed(0.3)}), sd)


@pytest.mark.parametrize(("sigma", "scale"), [(2.0, 0.01), (60.0, 15.0)], ids=["sd near zero", "vague"])
def test_priors_at_the_limits(sigma: float, scale: float) -> None:
    events, n = TABLES["usual"]
    levels = [binomial(y, m) for y, m in zip(events, n, strict=True)]
    far = {"t": (-60, 60), "log_s": (-6, 4.5)} if scale > 1 else {"t": (-6, 4), "log_s": (-14, -2)}
    if scale > 1:
        levels = [(level, (-220, ends[1]) if ends[0] == -30 else ends) for level, ends in levels]
    priors = {"intercept": normal(sigma, -1.0), "site_sd": half_normal(scale)}
    agree(
        design_of(events, n, priors),
        Dense(levels, normally(-1, sigma), half_normally(scale), size=181 if scale > 1 else 61, **far),
    )


def test_robust_borrowing_with_a_level_far_away() -> None:
    events, n = [2, 3, 2, 1, 19], [20, 22, 18, 15, 20]
    levels = [binomial(y, m) for y, m in zip(events, n, strict=True)]
    dense = Dense(levels, normally(-1, 2), half_normally(1), t=(-10, 8), log_s=(-3.3, 1.8), df=4)
    agree(design_of(events, n, PRIORS, borrowing="robust", df=4.0), dense)


@pytest.mark.parametrize("own", ["level", "effect"])
def test_exnex(own: str) -> None:
    """Levels with priors and probabilities of their own; one certainly exchangeable, one certainly not."""
    events, n = [2, 0, 9, 1], [12, 13, 20, 5]
    shares = dict(zip(LETTERS[:4], (1.0, 0.3, 0.6, 0.0), strict=True))
    priors = PRIORS | {"site_own": normal(1.5, -1.5) | {LETTERS[2]: normal(0.5, 0.2)}}
    levels = [binomial(y, m) for y, m in zip(events, n, strict=True)]
    zero = (lambda t: 0 * t) if own == "level" else (lambda t: t)
    centres = (-1.5, -1.5, 0.2, -1.5)
    others = [
        (p, lambda t, c=c: zero(t) + c, 0.5 if c > 0 else 1.5) for p, c in zip(shares.values(), centres, strict=True)
    ]
    dense = Dense(levels, normally(-1, 2), half_normally(1), t=(-10, 8), log_s=(-9, 1.8), others=others)
    agree(design_of(events, n, priors, borrowing="exnex", exchangeable=shares, own=own), dense)
