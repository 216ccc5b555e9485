"""Each patient left out by weighing the draws again: Pareto-smoothed importance sampling, from the draws alone."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy import special

from casepool.estimation.draws import Fitted

MOST_K = 0.7
"""Pareto k above which leaving one patient out cannot be told from the draws (Vehtari 2017)."""


@dataclass(frozen=True)
class Weighed:
    """What draws say of each patient as if fitted without.

    Parameters
    ----------
    elpd : array (n,)
        Log predictive density of each patient given all others.
    k : array (n,)
        Pareto k of the weights.
    log_weights : array (n, draws)
        Of all draws, chain after chain; each patient's sum to 1.
    """

    elpd: np.ndarray
    k: np.ndarray
    log_weights: np.ndarray

    def draws_without(self, fitted: Fitted, patient: int) -> dict[str, np.ndarray]:
        """Pick as many draws as the fit has, as one chain, by their weights without one patient, evenly (Kitagawa)."""
        weight = np.exp(self.log_weights[patient])
        places = (np.arange(len(weight)) + 0.5) / len(weight)
        picked = np.minimum(np.searchsorted(np.cumsum(weight), places), len(weight) - 1)
        return {
            name: values.reshape(1, len(weight), *values.shape[2:])[:, picked]
            for name, values in fitted.parameters.items()
        }


def weighed(fitted: Fitted) -> Weighed:
    """Weigh the draws of a fit without each of its patients: evenly without those whom no draw tells from another."""
    stored = fitted.tree["log_likelihood"]["outcome"].transpose("patient", "chain", "draw")
    each = stored.to_numpy().reshape(stored.sizes["patient"], -1)
    even = np.full(each.shape, -np.log(each.shape[1]))
    found = Weighed(each.mean(axis=1), np.zeros(len(each)), even)
    telling = np.flatnonzero(each.min(axis=1) < each.max(axis=1))
    _smooth(found, fitted, stored, telling)
    return found


def _smooth(found: Weighed, fitted: Fitted, stored: xr.DataArray, patients: np.ndarray) -> None:
    """Weigh without each of some patients: together, and one by one where a single one cannot be smoothed."""
    from arviz_stats import loo  # seconds to load

    if not len(patients):
        return
    groups = {"posterior": fitted.tree["posterior"].to_dataset()}
    groups["log_likelihood"] = xr.Dataset({"outcome": stored.isel(patient=patients)})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a high k is what is asked here, and answered in words
        try:
            smoothed = loo(xr.DataTree.from_dict(groups), pointwise=True)
        except (ValueError, IndexError):  # stuck chains, or few draws: too few different ones for a tail
            if len(patients) == 1:
                _leave_rough(found, stored.to_numpy().reshape(len(found.k), -1), patients[0])
            for patient in patients if len(patients) > 1 else ():
                _smooth(found, fitted, stored, np.array([patient]))
            return
    weights = smoothed.log_weights.transpose("patient", "chain", "draw").to_numpy()
    found.log_weights[patients] = weights.reshape(len(patients), -1)
    found.elpd[patients], found.k[patients] = smoothed.elpd_i, smoothed.pareto_k


def _leave_rough(found: Weighed, each: np.ndarray, patient: int) -> None:
    """Weigh draws without a patient whose tail cannot be smoothed: its Pareto k is infinite."""
    own = each[patient]
    found.log_weights[patient] = -own - special.logsumexp(-own)
    found.elpd[patient] = special.logsumexp(found.log_weights[patient] + own)
    found.k[patient] = np.inf
