"""The exact test of independence in a table of counts (Fisher, Freeman and Halton)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln

from casepool.frequentist.contingency import as_counts, without_empty
from casepool.frequentist.margins import Ints, Margins, columns_within, count_tables

Floats = NDArray[np.float64]

MOST = 10**7
"""Tables enumerated at most, unless said otherwise."""
TOLERANCE = 1e-7
"""Relative difference up to which two probabilities are tied, as in R and scipy."""
SAME = 1e-10
"""Differences in log probability that are rounding: far above its size, far below `TOLERANCE`."""
BATCH = 10**6
"""Partial tables held before equal ones are merged, which bounds the memory."""


@dataclass(frozen=True)
class ExactTest:
    """An exact test of independence.

    Attributes
    ----------
    p : float or None
        None if there are more tables than allowed, or too many to count: not computed.
    tables : int
        Tables with the margins of the observed one.
    counted : bool
        False if counting gave up and `tables` is a lower bound; `p` is then None.
    mid : bool
        Whether `p` is the mid-p value.
    probability : float
        Probability of the observed table given its margins.
    """

    p: float | None
    tables: int
    counted: bool
    mid: bool
    probability: float


@dataclass(frozen=True)
class _Partial:
    """Partial tables: state, log probability of each, and summed probability of all merged into it."""

    code: Ints
    log_p: Floats
    mass: Floats


def fisher_freeman_halton(table: ArrayLike, most: int = MOST, mid: bool = False) -> ExactTest:
    """Exact test of independence over all tables with the observed margins.

    Parameters
    ----------
    table : array_like of int, (r, c)
        Patients per row and column; empty rows and columns change nothing.
    most : int
        Tables enumerated at most. They are counted first; above `most`, `p` is None. Larger limits can be
        quick: the time depends on how many partial tables differ, which is far fewer.
    mid : bool
        Whether to count the tables tied with the observed one half.

    Returns
    -------
    ExactTest
        With fewer than two rows or columns the observed table is the only one, and p is 1 (mid-p 0.5).

    Raises
    ------
    CasepoolError
        If `table` is not a two-dimensional table of counts.

    Notes
    -----
    The p value adds up the probabilities of all tables no more probable than the observed one, ties within a
    relative `TOLERANCE` included (Freeman and Halton 1951, Biometrika 38, 141-149). For a 2 x 2 table this is
    Fisher's two-sided exact test. Every table is accounted for, but tables that share their remaining margins
    and their probability so far are carried forward together.
    """
    counts = without_empty(as_counts(table))
    if counts.size == 0:
        return ExactTest(0.5 if mid else 1.0, 1, True, mid, 1.0)
    margins = Margins.of(counts)
    tables, counted = count_tables(margins)
    log_factorial = gammaln(np.arange(counts.sum() + 1) + 1.0)
    observed = _log_probability(counts, log_factorial)
    p = None
    if counted and tables <= most:
        less, tied = _tail(margins, observed, log_factorial)
        p = min(less + (tied / 2 if mid else tied), 1.0)
    return ExactTest(p, tables, counted, mid, float(np.exp(observed)))


def _log_probability(counts: Ints, log_factorial: Floats) -> float:
    """Log probability of a table given its margins: multivariate hypergeometric."""
    margins = log_factorial[counts.sum(axis=0)].sum() + log_factorial[counts.sum(axis=1)].sum()
    return float(margins - log_factorial[counts.sum()] - log_factorial[counts].sum())


def _tail(margins: Margins, observed: float, log_factorial: Floats) -> tuple[float, float]:
    """Add up the probability of the tables less probable than, and tied with, the observed one."""
    partial = _Partial(margins.codes(np.array([margins.rows])), np.zeros(1), np.ones(1))
    for total in margins.columns[:-2]:
        partial = _add_column(margins, partial, total, log_factorial)
    if len(margins.columns) == 1:
        return 0.0, 1.0
    less = tied = 0.0
    # The last column is what remains, so the last but one completes a table: here partial tables meet
    # sorted completions, and a look-up replaces listing every pair of them.
    for remaining, group in _by_state(margins, partial):
        steps = np.sort(_column_log_p(remaining, margins.columns[-2], log_factorial)[1])
        upto = np.concatenate([[0.0], np.cumsum(np.exp(steps))])
        below = upto[np.searchsorted(steps, observed - TOLERANCE - group.log_p)]
        through = upto[np.searchsorted(steps, observed + TOLERANCE - group.log_p, side="right")]
        less += float(group.mass @ below)
        tied += float(group.mass @ (through - below))
    return less, tied


def _add_column(margins: Margins, partial: _Partial, total: int, log_factorial: Floats) -> _Partial:
    """Extend every partial table by every possible column, merging equals as they accumulate."""
    batch: list[_Partial] = []
    for remaining, group in _by_state(margins, partial):
        columns, steps = _column_log_p(remaining, total, log_factorial)
        codes = margins.codes(np.array(remaining) - columns)
        batch.append(
            _Partial(
                code=np.repeat(codes, group.log_p.size),
                log_p=np.add.outer(steps, group.log_p).ravel(),
                mass=np.multiply.outer(np.exp(steps), group.mass).ravel(),
            )
        )
        if sum(part.code.size for part in batch) > BATCH:
            batch = [_merged(batch)]
    return _merged(batch)


def _column_log_p(remaining: tuple[int, ...], total: int, log_factorial: Floats) -> tuple[Ints, Floats]:
    """List the columns that fit, with the log probability of each given what remains of the rows."""
    columns = columns_within(remaining, total)
    rows = np.array(remaining)
    ways = log_factorial[rows] - log_factorial[columns] - log_factorial[rows - columns]
    n = int(rows.sum())
    return columns, ways.sum(axis=1) - (log_factorial[n] - log_factorial[total] - log_factorial[n - total])


def _by_state(margins: Margins, partial: _Partial) -> Iterator[tuple[tuple[int, ...], _Partial]]:
    """Go through merged partial tables, one state of remaining row totals at a time."""
    codes, starts = np.unique(partial.code, return_index=True)
    ends = [*starts[1:].tolist(), partial.code.size]
    for code, start, end in zip(codes.tolist(), starts.tolist(), ends, strict=True):
        part = slice(start, end)
        yield margins.state(code), _Partial(partial.code[part], partial.log_p[part], partial.mass[part])


def _merged(parts: list[_Partial]) -> _Partial:
    """Sort partial tables by state and make one of those equal in state and probability."""
    code = np.concatenate([part.code for part in parts])
    log_p = np.concatenate([part.log_p for part in parts])
    mass = np.concatenate([part.mass for part in parts])
    order = np.lexsort((log_p, code))
    code, log_p = code[order], log_p[order]
    new = np.concatenate([[True], (np.diff(code) != 0) | (np.diff(log_p) > SAME)])
    starts = np.flatnonzero(new)
    return _Partial(code[starts], log_p[starts], np.add.reduceat(mass[order], starts))
