"""The one door through which benchmarks ask an engine for draws, and what is compared of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

import casepool as cp
from casepool.errors import CasepoolError
from casepool.inference import diagnostics
from casepool.inference.convergence import convergence_of
from casepool.inference.drawn import EngineRefusal
from casepool.modelling import Model

REFERENCE = "nuts"
NOTHING, LITTLE = 1e-9, 0.01
"""Added to what a mean may be off, and to spreads before they are compared: of a number that is a constant to any
reader, as chances of surviving far beyond what can be survived are, a few draws make up all the spread there is."""


class Refused(Exception):  # noqa: N818 - no error: another engine takes over
    """An engine declined a table, or its own verdict on its draws is fail.

    Parameters
    ----------
    gate : str
        Name of what said no.
    """

    def __init__(self, gate: str) -> None:
        super().__init__(gate)
        self.gate = gate


def fit(
    engine: str, model: Model, frame: pd.DataFrame, *, seed: int, draws: int = 1000, **settings: Any
) -> xr.DataTree:
    """Fit a model to a table that can be used, with one engine and four chains.

    Parameters
    ----------
    engine : str
    model : Model
    frame : pandas.DataFrame
    seed, draws : int
    **settings
        Of the reference engine alone.

    Raises
    ------
    Refused
        If the engine declines or gives up, or says of its own draws that they are not to be believed.
    """
    try:
        tree = cp.fit(model, frame, seed=seed, engine=engine, draws=draws, cores=1, progress=False, **settings)
    except CasepoolError as error:
        refusal = error.__cause__ or error.__context__
        raise Refused(refusal.gate if isinstance(refusal, EngineRefusal) else "error") from None
    if convergence_of(tree)["verdict"] == "fail":
        raise Refused("verdict")
    return tree


@dataclass(frozen=True)
class Moments:
    """Means and standard deviations of some numbers, with Monte Carlo errors: arrays (numbers,).

    Parameters
    ----------
    mean, sd : arrays
    error : array
        Monte Carlo error of the mean.
    log_error : array
        Monte Carlo error of the logarithm of the standard deviation.
    """

    mean: np.ndarray
    sd: np.ndarray
    error: np.ndarray
    log_error: np.ndarray


def moments(draws: np.ndarray) -> Moments:
    """Summarise draws (chain, draw, numbers).

    The error of a standard deviation is that of the mean square by the delta method, as its logarithm is half of the
    logarithm of the mean square.
    """
    mean, sd = draws.mean(axis=(0, 1)), draws.std(axis=(0, 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.where(sd > 0, diagnostics.mcse_mean(draws), 0.0)
        log_error = np.where(sd > 0, diagnostics.mcse_mean(np.square(draws - mean)) / (2 * sd**2), 0.0)
    return Moments(mean, sd, error, log_error)


def distance(candidate: Moments, reference: Moments, allowed: float, errors: float = 4.0) -> np.ndarray:
    """Return by how much means and standard deviations differ, in units of what is allowed: array (2, numbers).

    Parameters
    ----------
    candidate, reference : Moments
    allowed : float
        Standard deviations of the reference that a mean may be off, and the same in the logarithm of a standard
        deviation, besides Monte Carlo error.
    errors : float
        Combined Monte Carlo errors allowed on top.

    Returns
    -------
    array (2, numbers)
        Above 1 for what is off: of means, of standard deviations. 0 for a number that is a constant to both.
    """
    room = allowed * reference.sd + errors * np.hypot(candidate.error, reference.error) + NOTHING
    means = np.abs(candidate.mean - reference.mean) / room
    room = allowed + errors * np.hypot(candidate.log_error, reference.log_error)
    sds = np.abs(np.log(candidate.sd + LITTLE) - np.log(reference.sd + LITTLE)) / room
    return np.nan_to_num([means, sds], nan=0.0, posinf=np.inf)
