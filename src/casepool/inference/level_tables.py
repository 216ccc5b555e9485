"""What the outcomes say of every level, tabulated over its linear predictor, and what a prior of the level makes of it.

Where nothing else is unknown, a level's likelihood is a function of its linear predictor alone. It is tabulated once,
on nodes placed by level: close together where the likelihood turns, further apart the further away, so that a level of
ten thousand patients and one without events have as many. Integrals are trapezoidal sums, which converge geometrically
on such nodes; draws invert the integral, log-linear from node to node.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy import special

from casepool.modelling.families.arrays import NUMPY
from casepool.modelling.families.distributions import DISTRIBUTIONS

LogLikelihood = Callable[[np.ndarray], np.ndarray]
"""From linear predictors (points, levels), every level's own, to the log likelihoods of the levels."""
STEP = 0.025
"""Between rows of a table, on the scale on which nodes are evenly spaced."""
BEND = 7.0
"""Widths of a likelihood, or of a prior, within which nodes are nearly evenly spaced in the linear predictor too."""
EDGE = 300.0
"""Linear predictor beyond which no likelihood is asked: whatever has not fallen by then never will."""
DROPS = (0.5, 2.0, 10.0, 30.0)
"""Below the maximum of a log likelihood: at one and at two standard deviations of a normal one, and further out."""
HALVINGS = 45
GONE = 100.0
"""Below the maximum of a log likelihood: no sum misses what lies beyond."""
PLUNGED = 1000.0
"""Below the maximum of a log likelihood: it is straight between rows from there on."""
STILL = 0.01
"""What a log likelihood that has ceased to change may do at most from the edge to ten before it."""
REACH_OF_NORMAL = 14.0
"""Standard deviations on either side of a normal prior that nodes cover: outcomes may pull that far."""
SELDOM = 1e-9
"""Probability on either side of another prior that nodes leave out."""
TINY, ALMOST_1 = np.finfo(float).tiny, 1 - np.finfo(float).eps
AT_ONCE = 256
"""Rows of sums computed together: as many as stay in the processor's own memory."""


@dataclass(frozen=True)
class Pull:
    """Normal or Student t priors of one level's linear predictor, one for each point.

    Parameters
    ----------
    centre, scale : array (points,), or (1,) where all points share it
    df : float
        Degrees of freedom; infinite of a normal.
    """

    centre: np.ndarray
    scale: np.ndarray
    df: float = np.inf

    @property
    def reach(self) -> float:
        """How many scales on either side matter."""
        return REACH_OF_NORMAL if np.isinf(self.df) else float(-special.stdtrit(self.df, SELDOM))

    def log_density(self, x: np.ndarray) -> np.ndarray:
        """Return the log density at (points, nodes) or (nodes,)."""
        numbers = {"mu": self.centre[:, None], "sigma": self.scale[:, None], "nu": self.df}
        return np.asarray(DISTRIBUTIONS["Normal" if np.isinf(self.df) else "StudentT"].log_density(x, numbers, NUMPY))

    def at(self, points: np.ndarray | slice) -> Pull:
        """Return the priors of some points."""
        return replace(self, centre=self.centre[points], scale=self.scale[points])


@dataclass(frozen=True)
class LevelTables:
    """Log likelihoods of levels over their linear predictors; levels of equal outcomes share one.

    Parameters
    ----------
    kind : integer array (levels,)
        The column of each level.
    centre, width : array (kinds,)
        Where each likelihood turns, and over what distance.
    values : array (kinds, rows)
        At ``centre + BEND width sinh(STEP row)``, row 0 in the middle.
    low, high : array (2, kinds)
        Where the log likelihood has fallen by the last two of `DROPS`, infinite where it never does.
    """

    kind: np.ndarray
    centre: np.ndarray
    width: np.ndarray
    values: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @cached_property
    def cubics(self) -> np.ndarray:
        """Coefficients of the cubic through four rows, by the second of them: array (kinds, 4, rows - 3)."""
        v = self.values
        a, b, c, d = v[:, :-3], v[:, 1:-2], v[:, 2:-1], v[:, 3:]
        found = np.stack([b, c - a / 3 - b / 2 - d / 6, (a + c) / 2 - b, (d - a) / 6 + (b - c) / 2], axis=1)
        # Where a likelihood plunges like exp(-exp(x)) a cubic through four rows overshoots, to any height.
        plunges = np.minimum(np.minimum(a, b), np.minimum(c, d)) < v.max(axis=1, keepdims=True) - PLUNGED
        straight = np.stack([b, c - b, np.zeros_like(b), np.zeros_like(b)], axis=1)
        return np.where(plunges[:, None], straight, found)

    def at(self, level: int, x: np.ndarray) -> np.ndarray:
        """Return a level's log likelihood at any linear predictors, cubic between four rows where it matters at all."""
        own, last = self.kind[level], self.values.shape[1] - 1
        place = np.arcsinh((x - self.centre[own]) / (BEND * self.width[own])) * (1 / STEP) + (last / 2 - 1)
        place = np.clip(place, 0.0, last - 2)
        row = np.minimum(place.astype(int), last - 3)
        t = place - row
        constant, first, second, third = (np.take(each, row) for each in self.cubics[own])
        return np.asarray(((third * t + second) * t + first) * t + constant)

    def spacing(self, own: int, x: np.ndarray, step: float) -> np.ndarray:
        """Return the distance between nodes at `x`."""
        return np.asarray(step * np.hypot(BEND * self.width[own], x - self.centre[own]))

    def nodes(self, own: int, stride: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the nodes at which a likelihood is not negligible, and its log there."""
        values, middle = self.values[own], self.values.shape[1] // 2
        kept = np.flatnonzero(values > values.max() - GONE)
        rows = np.arange(-(middle // stride), middle // stride + 1) * stride
        rows = rows[(rows + middle >= kept[0] - stride) & (rows + middle <= kept[-1] + stride)]
        return self.centre[own] + BEND * self.width[own] * np.sinh(STEP * rows), values[rows + middle]

    def moments(self, level: int, pull: Pull, stride: int, order: int = 2) -> list[np.ndarray]:
        """Integrate a level's likelihood over its prior.

        Parameters
        ----------
        order : int
            Of the highest moment wanted.

        Returns
        -------
        list of arrays (points,)
            The log of the integral; the mean, the mean square and so on of the linear predictor's distance to the
            prior's centre.
        """
        found = np.empty((order + 1, len(pull.centre)))
        for points, x, log_f, width in self._curves(level, pull, stride):
            top = log_f.max(axis=1, keepdims=True)
            f = np.exp(log_f - top) * width
            total = f.sum(axis=1)
            found[0, points] = top[:, 0] + np.log(total)
            for power in range(1, order + 1):
                f *= x - pull.centre[points, None]
                found[power, points] = f.sum(axis=1) / total
        return list(found)

    def draw(self, level: int, pull: Pull, place: np.ndarray, stride: int) -> np.ndarray:
        """Draw a level's linear predictor given its outcomes, by inversion.

        Parameters
        ----------
        place : array (points,)
            Uniform random numbers.
        """
        shared = len(pull.centre) == 1
        found = np.empty(len(place))
        for points, x, log_f, _ in self._curves(level, pull, stride):
            some = slice(None) if shared else points
            found[some] = _inverted(x, log_f, place[some])
        return found

    def _curves(
        self, level: int, pull: Pull, stride: int
    ) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
        """Give points, nodes, log of likelihood times prior, and distance between nodes; some points at a time.

        A prior wide enough for the likelihood's nodes is summed on those, any other on nodes of its own. One with heavy
        tails whose centre the outcomes rule out has its mass where the likelihood has, and is summed there too.
        """
        own, step = int(self.kind[level]), STEP * stride
        outer = int(np.isfinite(pull.df))
        nearest = np.clip(pull.centre, self.low[outer, own], self.high[outer, own])
        narrow = pull.scale < 2 * self.spacing(own, nearest, step)
        if outer:
            narrow &= nearest == pull.centre
        x, values = self.nodes(own, stride)
        width = self.spacing(own, x, step)
        for points in _chunks(np.flatnonzero(~narrow)):
            yield points, x, values + pull.at(points).log_density(x), width
        half = np.arange(1, int(np.arcsinh(pull.reach / BEND) / step) + 2) * step
        y = np.concatenate([-half[::-1], [0.0], half])
        for points in _chunks(np.flatnonzero(narrow)):
            some = pull.at(points)
            z = some.centre[:, None] + some.scale[:, None] * BEND * np.sinh(y)
            yield points, z, self.at(level, z) + some.log_density(z), some.scale[:, None] * BEND * np.cosh(y) * step


def tabulate(log_likelihood: LogLikelihood, levels: int, reach: float) -> LevelTables | None:
    """Tabulate the log likelihood of every level; None where one grows without end.

    Parameters
    ----------
    log_likelihood : callable
    levels : int
    reach : float
        How far from zero any linear predictor may lie.
    """
    with np.errstate(all="ignore"):  # far out, where exponentials end
        x = np.sinh(np.linspace(-1, 1, 257) * np.arcsinh(EDGE))
        scan = _finite(log_likelihood(np.tile(x[:, None], levels)))
        _, first, kind = np.unique(np.round(scan - scan.max(axis=0), 9), axis=1, return_index=True, return_inverse=True)
        scan, kind = scan[:, first], kind.ravel()

        def asked(points: np.ndarray) -> np.ndarray:
            found: np.ndarray = log_likelihood(np.clip(points, -EDGE, EDGE)[:, kind])[:, first]
            return _finite(found)

        if not _ends(scan, x):
            return None
        centre, width, low, high = _shape(asked, *_maximum(asked, x, scan))
        furthest = np.arcsinh((reach + np.abs(centre)) / (BEND * width)).max()
        rows = np.arange(-int(furthest / STEP) - 4, int(furthest / STEP) + 5)
        values = asked(centre + BEND * width * np.sinh(STEP * rows[:, None]))
    return LevelTables(kind, centre, width, np.ascontiguousarray(values.T), low[2:], high[2:])


def _finite(values: np.ndarray) -> np.ndarray:
    """Take a likelihood beyond any number as one that is nearly zero."""
    return np.asarray(np.nan_to_num(values, nan=-1e30, neginf=-1e30, posinf=-1e30))


def _ends(scan: np.ndarray, x: np.ndarray) -> bool:
    """Say whether every likelihood has its maximum in reach, or ceases to change before the edge."""
    near = np.searchsorted(x, [10 - EDGE, EDGE - 10])
    rise = np.maximum(scan[0] - scan[near[0]], scan[-1] - scan[near[1]])
    return bool((rise < STILL).all())


def _maximum(asked: LogLikelihood, x: np.ndarray, scan: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where each likelihood is largest, and its log there, by golden sections about the best of a scan."""
    best = np.clip(scan.argmax(axis=0), 1, len(x) - 2)
    low, high, share = x[best - 1], x[best + 1], (np.sqrt(5) - 1) / 2
    for _ in range(HALVINGS):
        inner = np.stack([high - share * (high - low), low + share * (high - low)])
        lower, upper = asked(inner)
        low, high = np.where(lower < upper, inner[0], low), np.where(lower < upper, high, inner[1])
    middle = (low + high) / 2
    return middle, asked(middle[None])[0]


def _shape(
    asked: LogLikelihood, at: np.ndarray, top: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return centre and width of every likelihood, and where it has fallen by `DROPS` on either side."""
    fallen = top - np.array(DROPS)[:, None]
    sides = []
    for edge, beyond in ((-EDGE, -np.inf), (EDGE, np.inf)):
        inside, outside = np.tile(at, (len(DROPS), 1)), np.full((len(DROPS), len(at)), edge)
        never = asked(outside[:1])[0] > fallen
        for _ in range(HALVINGS):
            middle = (inside + outside) / 2
            below = asked(middle) < fallen
            inside, outside = np.where(below, inside, middle), np.where(below, middle, outside)
        sides.append(np.where(never, beyond, outside))
    low, high = sides
    left, right = low[0] - low[1], high[1] - high[0]  # NaN on a side without end
    one_sided = np.isinf(low[1]) | np.isinf(high[1])
    width = np.fmin(left, right) * np.where(one_sided, 0.5, 1.0)
    centre = np.where(np.isinf(low[1]), high[1], np.where(np.isinf(high[1]), low[1], (low[1] + high[1]) / 2))
    flat = ~np.isfinite(width)
    return np.where(flat, 0.0, centre), np.where(flat, 1.0, width), low, high


def _chunks(points: np.ndarray) -> Iterator[np.ndarray]:
    """Cut points into parts small enough for the processor's own memory."""
    return (points[start : start + AT_ONCE] for start in range(0, len(points), AT_ONCE))


def _inverted(x: np.ndarray, log_f: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Return where distributions, log-linear between nodes, reach given shares of their mass.

    Parameters
    ----------
    x : array (nodes,) or (points, nodes)
    log_f : array (points, nodes)
    place : array (points,), or any number of places where there is one point
    """
    f = np.exp(log_f - log_f.max(axis=1, keepdims=True))
    slope = np.diff(log_f, axis=1)
    even = np.abs(slope) < 1e-6
    gap = np.diff(x, axis=-1)
    mass = gap * np.where(even, f[:, :-1], np.diff(f, axis=1) / np.where(even, 1.0, slope))
    reached = np.cumsum(mass, axis=1)
    sought = place * reached[:, -1]
    if len(reached) == 1:
        at, row = np.searchsorted(reached[0], sought), np.zeros(len(place), int)
    else:
        at, row = (reached < sought[:, None]).sum(axis=1), np.arange(len(place))
    at = np.minimum(at, reached.shape[1] - 1)
    own = np.clip(slope[row, at], -500.0, 500.0)
    share = np.clip(1 - (reached[row, at] - sought) / np.maximum(mass[row, at], TINY), 0.0, ALMOST_1)
    flat = np.abs(own) < 1e-6
    inside = np.where(flat, share, np.log1p(share * np.expm1(own)) / np.where(flat, 1.0, own))
    start, gaps = (x[at], gap[at]) if x.ndim == 1 else (x[row, at], gap[row, at])
    return np.asarray(start + gaps * inside)
