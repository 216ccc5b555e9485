"""Did the sampler work: one verdict for a fit, computed once and carried in its attributes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import xarray as xr

from casepool.inference import diagnostics

MOST_RHAT = 1.01
LEAST_ESS = 400
LEAST_BFMI = 0.3
VERDICTS = ("pass", "concern", "fail")
"""From best to worst."""
NOT_ASKED = "not asked"
"""Stands for the verdict of a question that was not put."""


def worst(*verdicts: str) -> str:
    """Return the worst of some verdicts; an empty one, and that of a question not asked, count for nothing."""
    return max((v for v in verdicts if v and v != NOT_ASKED), key=VERDICTS.index, default="")


def convergence(posterior: xr.Dataset, sample_stats: xr.Dataset) -> dict[str, Any]:
    """Summarise convergence over every parameter of a fit.

    Returns
    -------
    dict
        ``rhat`` (the largest rank-normalised R-hat), ``rhat_of``, ``ess`` (the smallest of bulk and tail
        effective sample sizes), ``ess_of``, ``divergences``, ``bfmi`` (the smallest), and ``verdict``: fail if
        R-hat is 1.01 or more, ESS below 400 or a draw diverged; concern if only E-BFMI is 0.3 or less.
        Constant parameters are passed over. R-hat is NaN, and the verdict fail, for a single chain, which no other
        agrees with, and where no draw moved. Vehtari et al. 2021; Betancourt 2016.
    """
    varying = {str(name): own for name, values in posterior.data_vars.items() if _varies(own := _ordered(values))}
    rhat, rhat_of = _extreme(varying, diagnostics.rhat, largest=True)
    ess, ess_of = min(_extreme(varying, measure) for measure in (diagnostics.ess_bulk, diagnostics.ess_tail))
    divergences = int(sample_stats["diverging"].sum())
    bfmi = float(diagnostics.bfmi(_ordered(sample_stats["energy"])).min())
    failed = not (rhat < MOST_RHAT) or not (ess >= LEAST_ESS) or divergences > 0
    verdict = "fail" if failed else "concern" if not bfmi > LEAST_BFMI else "pass"
    return {
        "rhat": rhat,
        "rhat_of": rhat_of,
        "ess": ess,
        "ess_of": ess_of,
        "divergences": divergences,
        "bfmi": bfmi,
        "verdict": verdict,
    }


def _ordered(values: xr.DataArray) -> np.ndarray:
    return np.asarray(values.transpose("chain", "draw", ...).to_numpy())


def _varies(draws: np.ndarray) -> bool:
    return bool((draws.std(axis=(0, 1)) > 1e-12 * (1 + np.abs(draws).max())).all())


def _extreme(
    varying: Mapping[str, np.ndarray], measure: Callable[[np.ndarray], np.ndarray], *, largest: bool = False
) -> tuple[float, str]:
    """Return the worst value of a measure and whose it is; NaN where no chain moved, or one chain has none to meet."""
    if not varying:
        return float("nan"), "no parameter varies"
    values = {name: measure(draws).ravel() for name, draws in varying.items()}
    known = {name: own[~np.isnan(own)] for name, own in values.items()}
    worst_of = {name: float(own.max() if largest else own.min()) for name, own in known.items() if len(own)}
    if not worst_of:
        return float("nan"), "one chain" if len(next(iter(varying.values()))) == 1 else "too few draws"
    name = (max if largest else min)(worst_of, key=lambda key: worst_of[key])
    return worst_of[name], name


def convergence_of(fit: xr.DataTree) -> Mapping[str, Any]:
    """Return the summary a fit carries."""
    found: Mapping[str, Any] = json.loads(fit.attrs["convergence"])
    return found


def verdict_of(fit: xr.DataTree) -> str:
    """Return the verdict a fit carries into all that is made of it.

    The worst of how it converged, whether prior, model and data agree, and what `check` has found since.
    """
    return worst(convergence_of(fit)["verdict"], *(str(row["verdict"]) for row in carried(fit)))


def carried(fit: xr.DataTree) -> list[dict[str, Any]]:
    """Return the answers a fit carries: of its last `check`, or of the agreement computed with the draws."""
    found: list[dict[str, Any]] = json.loads(fit.attrs.get("checks", fit.attrs.get("agreement", "[]")))
    return found


def said_of(fit: xr.DataTree) -> str:
    """Say in a few words what made a fit fail; "" of one that did not."""
    if convergence_of(fit)["verdict"] == "fail":
        return "did not converge"
    failed = [str(row["question"]) for row in carried(fit) if row["verdict"] == "fail"]
    return f"failed its check of {', '.join(failed)}" if failed else ""
