"""Chi-square tests of independence in a table of counts; the exact test stands in `exact`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from casepool.errors import CasepoolError

FEW = 5
"""Expected counts below this make the chi-square approximation doubtful (Cochran 1954)."""


@dataclass(frozen=True)
class ChiSquare:
    """A chi-square test of independence.

    Attributes
    ----------
    statistic, p : float
        NaN where fewer than two rows or columns have patients: there is nothing to compare.
    df : int
        Degrees of freedom, of the table without its empty rows and columns.
    expected : numpy.ndarray
        Expected counts, (rows kept, columns kept).
    few : int
        Expected counts below `FEW`.
    dropped_rows, dropped_columns : tuple of int
        Positions of the empty rows and columns left out, which say nothing about association.
    """

    statistic: float
    df: int
    p: float
    expected: NDArray[np.float64]
    few: int
    dropped_rows: tuple[int, ...]
    dropped_columns: tuple[int, ...]


def pearson(table: ArrayLike, correction: bool = False) -> ChiSquare:
    """Pearson's chi-square test of independence.

    Parameters
    ----------
    table : array_like of int, (r, c)
        Patients per row and column.
    correction : bool
        Yates's continuity correction; like everywhere else it acts on 2 x 2 tables only.

    Returns
    -------
    ChiSquare

    Raises
    ------
    CasepoolError
        If `table` is not a two-dimensional table of counts.

    Notes
    -----
    Pearson (1900); Yates (1934). Computed by `scipy.stats.chi2_contingency`.
    """
    return _chi_square(table, correction=correction, power="pearson")


def likelihood_ratio(table: ArrayLike) -> ChiSquare:
    """Likelihood-ratio chi-square (G) test of independence, without continuity correction.

    Parameters
    ----------
    table : array_like of int, (r, c)
        Patients per row and column.

    Returns
    -------
    ChiSquare

    Raises
    ------
    CasepoolError
        If `table` is not a two-dimensional table of counts.

    Notes
    -----
    Wilks (1935). Computed by `scipy.stats.chi2_contingency`.
    """
    return _chi_square(table, correction=False, power="log-likelihood")


def as_counts(table: ArrayLike) -> NDArray[np.int64]:
    """Check that `table` is a two-dimensional table of counts, and return it as integers.

    Raises
    ------
    CasepoolError
        If it is not two-dimensional, or has a negative, fractional or missing entry.
    """
    given = np.asarray(table, dtype=float)
    if given.ndim != 2 or not np.all(np.isfinite(given)) or np.any((given < 0) | (given != np.round(given))):
        raise CasepoolError(
            "a contingency table must be a two-dimensional table of counts, 0 or more",
            remedy="give whole numbers of patients, one row per level",
            value=given.tolist(),
        )
    return given.astype(np.int64)


def without_empty(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Leave out the rows and columns without patients."""
    return counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0]


def _chi_square(table: ArrayLike, *, correction: bool, power: str) -> ChiSquare:
    """Run scipy's test on the rows and columns that have patients."""
    counts = as_counts(table)
    kept = without_empty(counts)
    statistic, df, p, expected = np.nan, 0, np.nan, kept.astype(np.float64)
    if min(kept.shape) > 1:
        test = stats.chi2_contingency(kept, correction=correction, lambda_=power)
        statistic, df, p, expected = test.statistic, test.dof, test.pvalue, test.expected_freq
    return ChiSquare(
        statistic=float(statistic),
        df=int(df),
        p=float(p),
        expected=expected,
        few=int(np.sum(expected < FEW)),
        dropped_rows=tuple(np.flatnonzero(counts.sum(axis=1) == 0).tolist()),
        dropped_columns=tuple(np.flatnonzero(counts.sum(axis=0) == 0).tolist()),
    )
