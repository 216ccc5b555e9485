"""May this fit be believed: one verdict per question, with the number and a sentence."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import arviz as az
import numpy as np
import pandas as pd
import xarray as xr

from casepool.estimation.draws import open_draws
from casepool.inference.convergence import LEAST_BFMI, LEAST_ESS, MOST_RHAT, convergence_of

MOST_K = 0.7
"""Pareto k above which leaving one patient out cannot be told from the draws (Vehtari 2017)."""


def check(fit: xr.DataTree) -> pd.DataFrame:
    """Ask of a fit whether it may be believed.

    Parameters
    ----------
    fit : xarray.DataTree

    Returns
    -------
    pandas.DataFrame
        One row per question: ``question``, ``verdict`` (pass, concern, fail), ``value``, ``sentence``.

    Raises
    ------
    CasepoolError
        If the tree was not made by casepool.
    """
    open_draws(fit)
    summary = convergence_of(fit)
    rows = [{"question": name, **ask(summary)} for name, ask in QUESTIONS.items()]
    rows.append({"question": "single patients", **_influence(fit)})
    if fit.attrs.get("retried"):
        rows.append(
            {
                "question": "retry",
                "verdict": "concern",
                "value": 1.0,
                "sentence": f"{fit.attrs['retried']}; sampled again with smaller steps",
            }
        )
    return pd.DataFrame(rows, columns=["question", "verdict", "value", "sentence"])


def _rhat(summary: Mapping[str, Any]) -> dict[str, Any]:
    value = summary["rhat"]
    return {
        "verdict": "pass" if value < MOST_RHAT else "fail",
        "value": value,
        "sentence": f"the largest R-hat is {value:.3f} ({summary['rhat_of']}); chains agree below {MOST_RHAT}",
    }


def _ess(summary: Mapping[str, Any]) -> dict[str, Any]:
    value = summary["ess"]
    return {
        "verdict": "pass" if value >= LEAST_ESS else "fail",
        "value": value,
        "sentence": f"the smallest effective sample size is {value:.0f} ({summary['ess_of']}); {LEAST_ESS} are needed",
    }


def _divergences(summary: Mapping[str, Any]) -> dict[str, Any]:
    value = summary["divergences"]
    return {
        "verdict": "fail" if value else "pass",
        "value": float(value),
        "sentence": f"{value or 'no'} draw{'' if value == 1 else 's'} diverged",
    }


def _energy(summary: Mapping[str, Any]) -> dict[str, Any]:
    value = summary["bfmi"]
    return {
        "verdict": "pass" if value > LEAST_BFMI else "concern",
        "value": value,
        "sentence": f"the smallest E-BFMI is {value:.2f}; the sampler explores the energies above {LEAST_BFMI}",
    }


def _influence(fit: xr.DataTree) -> dict[str, Any]:
    """Ask whether some patient alone moves the fit, by the Pareto k of leave-one-out (Vehtari 2017)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a high k is what is asked here, and answered in words
        k = np.asarray(az.loo(fit, pointwise=True).pareto_k)
    patients = fit["log_likelihood"].to_dataset()["patient"].to_numpy()
    high = [str(patient) for patient in patients[k > MOST_K]]
    leans = f"without patient {', '.join(high)} the fit may change by more than these draws can tell"
    said = leans if high else "no patient alone moves the fit much"
    return {
        "verdict": "concern" if high else "pass",
        "value": float(k.max()),
        "sentence": f"the largest Pareto k of leave-one-out is {k.max():.2f}; {said} (limit {MOST_K})",
    }


QUESTIONS: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "convergence": _rhat,
    "effective draws": _ess,
    "divergences": _divergences,
    "energy": _energy,
}
