"""Did the engine work: one verdict for a fit, computed once and carried in its attributes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import xarray as xr

from casepool.escaping import one_line
from casepool.inference import diagnostics
from casepool.inference.diagnostics import LEAST_ACCEPTANCE, LEAST_ESS, MOST_RHAT
from casepool.inference.drawn import Drawn
from casepool.inference.psis import weigh_evenly

LEAST_BFMI = 0.3
VERDICTS = ("pass", "concern", "fail")
"""From best to worst."""
NOT_ASKED = "not asked"
"""Stands for the verdict of a question that was not put."""
UNASKED = {
    "question": "agreement of prior, model and data",
    "verdict": NOT_ASKED,
    "value": float("nan"),
    "sentence": "not asked: of a refit within a study, whether it converged is all that is asked",
}
"""The one answer that a refit within a study carries besides how it converged."""
RHAT = {"nuts": "R-hat", "lockstep": "nested R-hat", "adopted": "R-hat"}
"""What says that chains agree, by engine; none of one whose draws are independent."""


def worst(*verdicts: str) -> str:
    """Return the worst of some verdicts; an empty one, and that of a question not asked, count for nothing."""
    return max((v for v in verdicts if v and v != NOT_ASKED), key=VERDICTS.index, default="")


def convergence(drawn: Drawn, engine: str) -> dict[str, Any]:
    """Summarise convergence over every parameter of a fit, by what can be asked of its engine.

    Parameters
    ----------
    drawn : Drawn
    engine : str

    Returns
    -------
    dict
        Of every engine ``engine``, ``ess`` (the smallest of bulk and tail effective sample sizes), ``ess_of``,
        ``divergences``, ``verdict``, and ``rhat``, ``rhat_of`` and ``bfmi``, which are None where they were not asked.

        nuts: ``rhat`` is the largest rank-normalised R-hat, ``bfmi`` the smallest E-BFMI. Fail if R-hat is 1.01 or
        more, ESS below 400 or a draw diverged; concern if only E-BFMI is 0.3 or less. R-hat is NaN, and the verdict
        fail, for a single chain, which no other agrees with, and where no draw moved.

        lockstep: ``rhat`` is the largest nested R-hat, as the engine measured it over its short chains;
        ``acceptance`` the mean acceptance rate. Fail as of nuts; concern below an acceptance of 0.6.

        exact: of ``proposals`` the Pareto ``k`` and the Kish size ``kish`` of their weights, and ``refinement`` (how
        far a finer grid moves the answer), as the engine measured them. Fail if the ESS is below 400, or proposals do
        not weigh evenly.

        adopted: as of nuts; ``divergences`` is NaN and ``bfmi`` None where the draws came without what tells them.

        Constant parameters are passed over. Vehtari et al. 2021; Betancourt 2016; Margossian et al. 2024; Kish 1965;
        Vehtari, Simpson, Gelman, Yao and Gabry 2024.
    """
    varying = {name: values for name, values in drawn.parameters.items() if _varies(values)}
    ess, ess_of = min(_extreme(varying, measure) for measure in (diagnostics.ess_bulk, diagnostics.ess_tail))
    divergences = int(drawn.stats["diverging"].sum()) if "diverging" in drawn.stats else float("nan")
    own = OWN[engine](drawn, varying)
    failed = own.pop("failed") or not (ess >= LEAST_ESS) or divergences > 0
    concern = own.pop("concern", False)
    found = {"engine": engine, "rhat": None, "rhat_of": "", "ess": ess, "ess_of": ess_of, "divergences": divergences}
    return {**found, "bfmi": None, **own, "verdict": "fail" if failed else "concern" if concern else "pass"}


def _of_nuts(drawn: Drawn, varying: Mapping[str, np.ndarray]) -> dict[str, Any]:
    rhat, rhat_of = _extreme(varying, diagnostics.rhat, largest=True)
    own = {"rhat": rhat, "rhat_of": rhat_of, "failed": not rhat < MOST_RHAT}
    if "energy" not in drawn.stats:  # of adopted draws
        return own
    bfmi = float(diagnostics.bfmi(drawn.stats["energy"]).min())
    return own | {"bfmi": bfmi, "concern": not bfmi > LEAST_BFMI}


def _of_lockstep(drawn: Drawn, varying: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Take nested R-hat from the engine, which alone knows where each short chain begins."""
    rhat, rhat_of = _gauge(drawn, "nested_rhat"), str(drawn.gauges.get("nested_rhat_of", ""))
    accepted = float(drawn.stats["acceptance_rate"].mean())
    own = {"rhat": rhat, "rhat_of": rhat_of, "acceptance": accepted}
    return own | {"failed": not rhat < MOST_RHAT, "concern": not accepted >= LEAST_ACCEPTANCE}


def _of_exact(drawn: Drawn, varying: Mapping[str, np.ndarray]) -> dict[str, Any]:
    own = {name: _gauge(drawn, name) for name in ("k", "kish", "proposals", "refinement")}
    return own | {"failed": not weigh_evenly(own)}


OWN: dict[str, Callable[[Drawn, Mapping[str, np.ndarray]], dict[str, Any]]] = {
    "exact": _of_exact,
    "lockstep": _of_lockstep,
    "nuts": _of_nuts,
    "adopted": _of_nuts,
}
"""What is asked of one engine alone; ``failed`` and ``concern`` say what it means for the verdict."""


def _gauge(drawn: Drawn, name: str) -> float:
    """Return what an engine measured of itself, NaN, which passes no limit, if it did not."""
    return float(drawn.gauges.get(name, np.nan))


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


def mixed(summary: Mapping[str, Any], draws: int, *, most_rhat: float, least_ess: float, lost: float) -> bool:
    """Whether draws are good enough for limits of one's own: `lost` is the share that may diverge."""
    agree = summary["rhat"] is None or summary["rhat"] < most_rhat
    return bool(agree and summary["ess"] >= least_ess and summary["divergences"] <= lost * draws)


def convergence_of(fit: xr.DataTree) -> Mapping[str, Any]:
    """Return the summary a fit carries: of one made before there were engines, that of nuts."""
    found: Mapping[str, Any] = {"engine": "nuts"} | json.loads(fit.attrs["convergence"])
    return found


def verdict_of(fit: xr.DataTree) -> str:
    """Return the verdict a fit carries into all that is made of it.

    The worst of how it converged, whether prior, model and data agree, and what `check` has found since.
    """
    return worst(convergence_of(fit)["verdict"], *(str(row["verdict"]) for row in carried(fit)))


def tell(fit: xr.DataTree) -> xr.DataTree:
    """Name a fit after what it is, its verdict first: xarray shows a tree's name above all else, in a notebook too."""
    model, engine = json.loads(fit.attrs["model"])["name"], convergence_of(fit)["engine"]
    rows = fit["observed_data"].sizes.get("patient", 0) if "observed_data" in fit.children else 0
    cases = f"{rows} rows of {fit.attrs['dataset'] or 'cases'}"
    quick = ", quick" if json.loads(fit.attrs["settings"]).get("quick") else ""
    fit.name = one_line(f"{verdict_of(fit)}: {model} by {engine}, {cases}{quick}").replace("/", "|")  # "/" parts nodes
    return fit


def carried(fit: xr.DataTree) -> list[dict[str, Any]]:
    """Return the answers a fit carries: of its last `check`, or of the agreement computed with the draws."""
    found: list[dict[str, Any]] = json.loads(fit.attrs.get("checks", fit.attrs.get("agreement", "[]")))
    return found


def is_refit(fit: xr.DataTree) -> bool:
    """Whether a fit was made for a study, and asked only whether it converged."""
    return any(row["question"] == UNASKED["question"] for row in carried(fit))


def said_of(fit: xr.DataTree) -> str:
    """Say in a few words what made a fit fail; "" of one that did not."""
    if convergence_of(fit)["verdict"] == "fail":
        return "did not converge"
    failed = [str(row["question"]) for row in carried(fit) if row["verdict"] == "fail"]
    return f"failed its check of {', '.join(failed)}" if failed else ""
