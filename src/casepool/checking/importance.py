"""Each patient left out by weighing the draws again: Pareto-smoothed importance sampling, from the draws alone."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
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
    """Weigh the draws of a fit without each of its patients: evenly without those whom no draw tells from another.

    Without a patient neither its outcome is known nor when its exposure began; scored is the outcome.
    """
    outcome, joint = (np.moveaxis(each, -1, 0) for each in (fitted.likelihoods[0], np.sum(fitted.likelihoods, axis=0)))
    each = joint.reshape(len(joint), -1)
    log_weights, k = np.full(each.shape, -np.log(each.shape[1])), np.zeros(len(each))
    telling = np.flatnonzero(each.min(axis=1) < each.max(axis=1))
    for patients, weights, ks in _smoothed(fitted.tree["posterior"].to_dataset(), joint, telling):
        log_weights[patients], k[patients] = weights, ks
    elpd = special.logsumexp(log_weights + outcome.reshape(each.shape), axis=1)
    return Weighed(elpd, k, log_weights)


Part = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Some patients, their log weights (patients, draws), and Pareto k."""


def _smoothed(posterior: xr.Dataset, joint: np.ndarray, patients: np.ndarray) -> Iterator[Part]:
    """Weigh without each of some patients: together, and one by one where a single one cannot be smoothed."""
    from arviz_stats import loo  # seconds to load

    if not len(patients):
        return
    likelihood = xr.Dataset({"outcome": (("patient", "chain", "draw"), joint[patients])})
    tree = xr.DataTree.from_dict({"posterior": posterior, "log_likelihood": likelihood})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a high k is what is asked here, and answered in words
        try:
            found = loo(tree, pointwise=True)
        except (ValueError, IndexError):  # stuck chains, or few draws: too few different ones for a tail
            found = None
    if found is not None:
        weights = found.log_weights.transpose("patient", "chain", "draw").to_numpy()
        yield patients, weights.reshape(len(patients), -1), np.asarray(found.pareto_k)
    elif len(patients) > 1:
        for one in patients:
            yield from _smoothed(posterior, joint, np.array([one]))
    else:
        own = joint[patients].reshape(1, -1)
        yield patients, -own - special.logsumexp(-own), np.array([np.inf])
