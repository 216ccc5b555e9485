"""All tables with given margins: counted, and walked column by column.

A table is filled one column at a time. What the columns still to come may hold depends only on the row
totals that remain, and not on their order, so partial tables with the same remaining totals, sorted, are
one state. This is what makes counting cheap and enumeration fast (Mehta and Patel 1983, JASA 78, 427-434).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

WORK = 10**6
"""Columns tried in one step after which counting gives up: a second or so."""


@dataclass(frozen=True)
class Margins:
    """Row and column totals, in the order in which tables are walked.

    Attributes
    ----------
    rows : tuple of int
        Row totals, largest first.
    columns : tuple of int
        Column totals, smallest first: few states early, and most of the work in the last, cheapest step.
    """

    rows: tuple[int, ...]
    columns: tuple[int, ...]

    @classmethod
    def of(cls, counts: Ints) -> Margins:
        """Take the margins of a table; its shorter side becomes the rows, whose totals are the state."""
        upright = counts if counts.shape[0] <= counts.shape[1] else counts.T
        rows, columns = upright.sum(axis=1).tolist(), upright.sum(axis=0).tolist()
        return cls(tuple(sorted(rows, reverse=True)), tuple(sorted(columns)))

    @cached_property
    def _radix(self) -> NDArray[Any]:
        """Place values that turn sorted remaining totals into one whole number."""
        # The i-th largest remaining total never exceeds the i-th largest total, so the digits fit.
        sizes = [row + 1 for row in self.rows]
        kind = np.int64 if prod(sizes) < 2**62 else object
        return np.array([prod(sizes[:i]) for i in range(len(sizes))], dtype=kind)

    def codes(self, remaining: Ints) -> Ints:
        """Give each state a whole number, the same for the same remaining totals in any order.

        Parameters
        ----------
        remaining : numpy.ndarray, (states, rows)

        Returns
        -------
        numpy.ndarray, (states,)
        """
        return np.asarray(np.sort(remaining, axis=1)[:, ::-1] @ self._radix)

    def state(self, code: int) -> tuple[int, ...]:
        """Turn the number of a state back into remaining row totals, largest first."""
        return tuple(int(code // place % (row + 1)) for place, row in zip(self._radix, self.rows, strict=True))


def columns_within(remaining: tuple[int, ...], total: int) -> Ints:
    """List every column that adds up to `total` with no entry above what remains of its row.

    Parameters
    ----------
    remaining : tuple of int, (rows,)
    total : int

    Returns
    -------
    numpy.ndarray, (columns, rows)
    """
    later = [*list(accumulate(reversed(remaining)))[::-1][1:], 0]
    left = np.array([total], dtype=np.int64)
    filled: list[Ints] = []
    for most, room in zip(remaining, later, strict=True):
        low, high = np.maximum(left - room, 0), np.minimum(left, most)
        width = high - low + 1
        parent = np.repeat(np.arange(left.size), width)
        start = np.repeat(np.cumsum(width) - width, width)
        entry = low[parent] + np.arange(parent.size) - start
        filled = [column[parent] for column in filled] + [entry]
        left = left[parent] - entry
    return np.stack(filled, axis=1)


def number_of_columns(remaining: tuple[int, ...], total: int) -> int:
    """Count what `columns_within` would list, without listing it."""
    ways = [1] + [0] * total
    for most in remaining:
        sums = [0, *accumulate(ways)]
        ways = [sums[t + 1] - sums[max(t - most, 0)] for t in range(total + 1)]
    return ways[total]


def count_tables(margins: Margins) -> tuple[int, bool]:
    """Count the tables with these margins, by dynamic programming over the remaining row totals.

    Parameters
    ----------
    margins : Margins

    Returns
    -------
    tables : int
    exact : bool
        False if counting gave up: then there are at least `tables`. Up to a few thousand patients this
        happens only where there are far more than `exact.MOST`.
    """
    tables = 1
    states = {int(margins.codes(np.array([margins.rows]))[0]): 1}
    for position, total in enumerate(margins.columns[:-1]):
        if len(states) * len(margins.rows) * total > 10 * WORK:
            return tables, False
        onward = {code: number_of_columns(margins.state(code), total) for code in states}
        # Every partial table can be completed, so partial tables are never more than tables.
        tables = sum(states[code] * ways for code, ways in onward.items())
        if position == len(margins.columns) - 2:
            return tables, True
        if sum(onward.values()) > WORK:
            return tables, False
        states = _next_states(margins, states, total)
    return tables, True


def _next_states(margins: Margins, states: dict[int, int], total: int) -> dict[int, int]:
    """Add one column to every state; the values are the numbers of partial tables."""
    following: dict[int, int] = {}
    for code, tables in states.items():
        remaining = margins.state(code)
        found, times = np.unique(
            margins.codes(np.array(remaining) - columns_within(remaining, total)), return_counts=True
        )
        for new, ways in zip(found.tolist(), times.tolist(), strict=True):
            following[new] = following.get(new, 0) + tables * ways
    return following
