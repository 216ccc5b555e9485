"""Every course a trial may take, look by look: states, and in how many ways each is reached.

The outcomes of a state, one by one, have the same probability in whatever order they came, so that the ways are all
that a state keeps, and any scenario weighs them: true rates by their powers, drawn ones by a ratio of evidences.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from casepool.trials.analysis import distinct
from casepool.trials.decisions import Judge, log_ways
from casepool.trials.specification import KEPT, TrialDesign

OPEN, FUTILE, SUCCEEDED = 0, 1, 2
MOST_STATES, MOST_TABLES = 2_000_000, 200_000


@dataclass(frozen=True)
class Ended:
    """Trials that are over, or states of such.

    Parameters
    ----------
    events, n, recruited : integer array (rows, baskets)
        Analysed at the trial's end, and patients entered.
    closed_at : integer array (rows, baskets)
        The look at which a basket was closed, counted from 1; 0 where it went to the end.
    early : integer array (rows, baskets)
        Why it was closed: `FUTILE` or `SUCCEEDED`, else `OPEN`.
    success : boolean array (rows, baskets)
    hanging : boolean array (rows,)
        Where a decision lies within rounding of its limit.
    months : array (rows,)
        How long the trial took, NaN without accrual.
    log_ways : array (rows,)
        Of states: in how many ways they are reached.
    """

    events: np.ndarray
    n: np.ndarray
    recruited: np.ndarray
    closed_at: np.ndarray
    early: np.ndarray
    success: np.ndarray
    hanging: np.ndarray
    months: np.ndarray
    log_ways: np.ndarray

    def at(self, rows: np.ndarray) -> Ended:
        """Return some rows."""
        return Ended(**{name: values[rows] for name, values in vars(self).items()})


def count_states(design: TrialDesign) -> tuple[int, int]:
    """Return the most states and tables there can be at the end."""
    sizes = design.sizes.astype(object)
    tables = int(np.prod(sizes[:, -1] + 1))
    interims = sizes[:, :-1].sum(axis=1) + sizes.shape[1] - 1 if len(design.rules) > 1 else 0
    return int(np.prod(sizes[:, -1] + 1 + interims)), tables


@dataclass(frozen=True)
class _States:
    events: np.ndarray
    closed_at: np.ndarray
    early: np.ndarray
    hanging: np.ndarray
    log_ways: np.ndarray

    def at(self, rows: np.ndarray) -> _States:
        return _States(**{name: values[rows] for name, values in vars(self).items()})


def enumerated(sizes: np.ndarray, judge: Judge, closed: str = KEPT) -> Ended:
    """Follow every course of a trial whose looks come at fixed sizes.

    Parameters
    ----------
    sizes : integer array (baskets, looks)
    judge : callable
        The rules; anybody's.
    closed : {"kept", "revised"}
        Whether decisions of closed baskets stand.
    """
    baskets, looks = sizes.shape
    none = np.zeros((1, baskets), int)
    states = _States(none, none, none, np.zeros(1, bool), np.zeros(1))
    ended: list[Ended] = []
    for look in range(looks):
        grown = sizes[:, look] - (sizes[:, look - 1] if look else 0)
        for basket in range(baskets):
            states = _merged(_extended(states, basket, int(grown[basket])))
        n = _sizes_at(sizes, states.closed_at, look)
        said = judge(look, states.events, n)
        states = replace(states, hanging=states.hanging | said.hanging)
        if look == looks - 1:
            ended.append(_finished(states, n, said.success, closed))
            break
        closing = (states.closed_at == 0) & (said.success | said.futile)
        early = np.where(closing, np.where(said.success, SUCCEEDED, FUTILE), states.early)
        states = replace(states, early=early, closed_at=np.where(closing, look + 1, states.closed_at))
        over = (states.closed_at > 0).all(axis=1)
        if over.any():
            last = judge(looks - 1, states.events[over], n[over]) if closed != KEPT else said
            success = last.success if closed != KEPT else said.success[over]
            ended.append(_finished(states.at(over), n[over], success, closed))
        states = states.at(~over)
        if not len(states.events):
            break
    return Ended(**{name: np.concatenate([vars(own)[name] for own in ended]) for name in vars(ended[0])})


def _extended(states: _States, basket: int, more: int) -> _States:
    """Let one basket, where it is open, treat so many more patients."""
    repeats = np.where(states.closed_at[:, basket] == 0, more + 1, 1)
    row = np.repeat(np.arange(len(repeats)), repeats)
    k = np.arange(len(row)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    found = states.at(row)
    found.events[:, basket] += k
    ways = log_ways(np.array(more), np.arange(more + 1))
    is_open = found.closed_at[:, basket] == 0
    return replace(found, log_ways=found.log_ways + np.where(is_open, ways[k], 0.0))


def _merged(states: _States) -> _States:
    """Take equal states as one, their ways added."""
    whole = np.hstack([states.events, states.closed_at, states.early, states.hanging[:, None]])
    first, place = distinct(whole)
    ways = np.full(len(first), -np.inf)
    np.logaddexp.at(ways, place, states.log_ways)
    return replace(states.at(first), log_ways=ways)


def _sizes_at(sizes: np.ndarray, closed_at: np.ndarray, look: int) -> np.ndarray:
    """Return the patients of every basket at a look: those at its closing, or of the look."""
    at = np.where(closed_at > 0, closed_at - 1, look)
    return np.asarray(sizes[np.arange(len(sizes)), at])


def _finished(states: _States, n: np.ndarray, success: np.ndarray, closed: str) -> Ended:
    """Decide at the end."""
    if closed == KEPT:
        success = np.where(states.closed_at > 0, states.early == SUCCEEDED, success)
    return Ended(
        states.events, n, n, states.closed_at, states.early, success, states.hanging,
        np.full(len(n), np.nan), states.log_ways,
    )  # fmt: skip
