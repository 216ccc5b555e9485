"""The log-rank test without an approximation: its statistic under all ways to deal the patients to the arms."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from casepool.frequentist.counting_process import Floats, Spells, as_spells
from casepool.random_streams import Stream, stream

MOST_ENUMERATED = 5_000
"""Arrangements up to which all are looked at."""
MOST_DRAWN, FEWEST_DRAWN, MOST_CELLS = 100_000, 1_000, 20_000_000
"""Arrangements drawn of more: at most, at least, and in between as many as this many patients' places allow."""
BATCH = 1_000_000
"""Patients' places held at once."""
ROUNDING = 1e-9
"""Relative difference up to which two statistics are tied."""
SEED = 1


@dataclass(frozen=True)
class PermutationTest:
    """A permutation test.

    Attributes
    ----------
    p : float
    arrangements : int
        Looked at.
    error : float
        Monte Carlo standard error of `p`; 0 where all arrangements were looked at.
    """

    p: float
    arrangements: int
    error: float


def permuted_log_rank(
    time: ArrayLike, event: ArrayLike, group: ArrayLike, entry: ArrayLike | None = None
) -> PermutationTest:
    """Test that the hazard is the same in all groups, by dealing the patients to groups of the same sizes.

    Parameters
    ----------
    time, event, group, entry : array_like, (patients,)
        As of `casepool.frequentist.logrank.log_rank`.

    Returns
    -------
    PermutationTest
        Enumerated up to `MOST_ENUMERATED` arrangements, else drawn, with the same seed at every call.

    Notes
    -----
    Peto and Peto (1972), JRSS A 135, 185-207: a group's observed less its expected events are the sum of its patients'
    scores, a patient's event less the hazard cumulated over the follow-up, which no arrangement changes. The statistic
    is the sum of their squares, each over the group's size, as the variance under permutation has it. It is exact where
    entry and censoring do not depend on the group. Of drawn arrangements the observed one is counted as one more
    (Phipson and Smyth 2010).
    """
    scores = _scores(as_spells(time, event, entry))
    labels, place, counts = np.unique(np.asarray(group), return_inverse=True, return_counts=True)
    observed = _statistic(np.bincount(place, scores, minlength=labels.size)[None], counts)[0]
    sizes = np.sort(counts)
    some = _some(scores, sizes) if _arrangements(sizes) > MOST_ENUMERATED else None
    sums = np.array(list(_all(scores.tolist(), range(scores.size), sizes.tolist(), 0.0))) if some is None else some
    extreme = int((_statistic(sums, sizes) >= observed * (1 - ROUNDING)).sum())
    if some is None:
        return PermutationTest(extreme / len(sums), len(sums), 0.0)
    p = (extreme + 1) / (len(sums) + 1)
    return PermutationTest(p, len(sums), math.sqrt(p * (1 - p) / len(sums)))


def _scores(spells: Spells) -> Floats:
    """Return every patient's event less the hazard cumulated from entry to the end of follow-up; they add up to 0."""
    times = spells.event_times
    steps = np.concatenate([[0.0], np.cumsum(spells.events_at(times) / spells.at_risk(times))])
    upto = [steps[np.searchsorted(times, ends, side="right")] for ends in (spells.entry, spells.time)]
    return np.asarray(spells.event - (upto[1] - upto[0]))


def _statistic(sums: Floats, sizes: NDArray[np.int64]) -> Floats:
    """Return the statistic of arrangements: sums (arrangements, groups)."""
    return np.asarray((sums**2 / sizes).sum(axis=1))


def _arrangements(sizes: NDArray[np.int64]) -> int:
    """Count the ways to deal patients to groups of some sizes."""
    return math.prod(math.comb(int(total), int(own)) for total, own in zip(np.cumsum(sizes), sizes, strict=True))


def _all(scores: Sequence[float], left: Sequence[int], sizes: Sequence[int], rest: float) -> Iterator[list[float]]:
    """Yield the sums of the groups in every arrangement of those left, whose scores add up to `rest`."""
    if len(sizes) == 1:
        yield [rest]
        return
    for chosen in itertools.combinations(left, sizes[0]):
        own = sum(scores[i] for i in chosen)
        others = [i for i in left if i not in chosen] if len(sizes) > 2 else ()
        for more in _all(scores, others, sizes[1:], rest - own):
            yield [own, *more]


def _some(scores: Floats, sizes: NDArray[np.int64]) -> Floats:
    """Return the sums of the groups in arrangements drawn at random."""
    rng, starts = stream(SEED, Stream.DEALT_ARMS), np.concatenate([[0], np.cumsum(sizes)[:-1]])
    wanted = min(MOST_DRAWN, max(FEWEST_DRAWN, MOST_CELLS // scores.size))
    at_once = max(1, BATCH // scores.size)
    parts = []
    for done in range(0, wanted, at_once):
        dealt = rng.permuted(np.tile(scores, (min(at_once, wanted - done), 1)), axis=1)
        parts.append(np.add.reduceat(dealt, starts, axis=1))
    return np.concatenate(parts)
