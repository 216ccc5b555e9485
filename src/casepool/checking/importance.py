"""Each patient left out by weighing the draws again: Pareto-smoothed importance sampling, from the draws alone."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
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
    """Weigh the draws of a fit without each of its patients."""
    from arviz_stats import loo  # seconds to load

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a high k is what is asked here, and answered in words
        try:
            found = loo(fitted.tree, pointwise=True)
        except (ValueError, IndexError):  # stuck chains, or few draws: too few different ones for a tail
            return _unsmoothed(fitted)
    weights = found.log_weights.transpose("patient", "chain", "draw").to_numpy()
    elpd, k = (np.array(values, dtype=float) for values in (found.elpd_i, found.pareto_k))
    return Weighed(elpd, k, weights.reshape(len(k), -1))


def _unsmoothed(fitted: Fitted) -> Weighed:
    """Weigh draws whose tail cannot be smoothed: every Pareto k is infinite."""
    stored = fitted.tree["log_likelihood"]["outcome"].transpose("patient", "chain", "draw").to_numpy()
    each = stored.reshape(len(stored), -1)
    log_weights = -each - special.logsumexp(-each, axis=1, keepdims=True)
    elpd = special.logsumexp(log_weights + each, axis=1)
    return Weighed(elpd, np.full(len(each), np.inf), log_weights)
