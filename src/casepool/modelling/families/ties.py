"""Equal times: those that differ by the rounding of binary arithmetic only, as an age less another age may."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

TIED = 1e-9
"""Relative difference up to which two times are the same."""


def tied(*columns: ArrayLike) -> tuple[NDArray[np.float64], ...]:
    """Return columns of times in which times that differ by rounding only are one number, the least of them.

    Parameters
    ----------
    columns : array_like of float
        Of any shapes; what is not finite stays as it is.

    Notes
    -----
    As ``timefix`` of R's survival package: neighbours among the sorted times are compared.
    """
    arrays = [np.array(column, dtype=float) for column in columns]
    known = np.unique(np.concatenate([array[np.isfinite(array)] for array in arrays]))
    if known.size:
        new = np.append(True, np.diff(known) > TIED * np.abs(known[1:]))
        least = known[new][np.cumsum(new) - 1]
        for array in arrays:
            finite = np.isfinite(array)
            array[finite] = least[np.searchsorted(known, array[finite])]
    return tuple(arrays)
