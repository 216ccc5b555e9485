"""Small made-up cohorts, the same at every run."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def cohort(number: int, n: int = 30, tied: bool = True) -> tuple[Array, NDArray[np.bool_], Array]:
    """Follow-up with ties (or none), delayed entry for half of the patients, and a third censored."""
    rng = np.random.default_rng(number)
    time = rng.integers(2, 15, n).astype(float) if tied else rng.uniform(1, 15, n)
    entry = np.where(rng.random(n) < 0.5, 0.0, np.floor(time * rng.uniform(0, 0.9, n)))
    return time, rng.random(n) < 0.67, entry


def split(time: Array, event: Array, entry: Array, number: int) -> tuple[Array, Array, Array, NDArray[np.int_]]:
    """Cut every spell in two at an arbitrary time; the last array is the row each piece came from."""
    at = entry + (time - entry) * np.random.default_rng(number).uniform(0.1, 0.9, time.size)
    rows = np.arange(time.size)
    pieces = np.concatenate([at, time]), np.concatenate([np.zeros_like(event), event])
    return *pieces, np.concatenate([entry, at]), np.concatenate([rows, rows])
