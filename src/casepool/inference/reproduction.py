"""Does a fit reproduce: sampled again from the model, data, settings and seed it carries, and compared bit by bit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from casepool.arguments import ADOPTED
from casepool.cases import codebook_of
from casepool.cases.codebook import Codebook
from casepool.inference.diagnostics import mcse_mean
from casepool.inference.fit_contents import (
    cases_of,
    data_hash,
    design_of,
    engine_of,
    machine,
    model_of,
    settings_of,
    versions,
)
from casepool.inference.fit_format import refuse_what_is_no_fit
from casepool.inference.fitting import derived, fit
from casepool.remarks import note_of, remark
from casepool.tables import Sentences

GROUPS = (
    "posterior",
    "log_likelihood",
    "log_likelihood_dates",
    "log_prior",
    "prior",
    "prior_predictive",
    "posterior_predictive",
)
COLUMNS = ("part", "verdict", "difference", "sentence")
FAR = 4.0
"""Monte Carlo errors by which the means of two runs may differ before more than chance is suspected."""


def verify_fit(fit: xr.DataTree, *, cores: int | None, progress: bool) -> pd.DataFrame:
    """Fit again from what a fit carries, and compare part by part: `verify` says how.

    Raises
    ------
    CasepoolError
        If the tree was not made by casepool.
    """
    refuse_what_is_no_fit(fit)
    changed = list(_changed(fit))
    rows = [_versions(changed), _data(fit)]
    adopted = engine_of(fit)["run"] == ADOPTED
    rows += [result_row("draws", "fail", float("nan"), note_of(remark("adopted")))] if adopted else []
    again = _anew(fit) if adopted else _again(fit, cores, progress)
    for group in GROUPS:
        if group in fit.children and group in again:
            now = again[group].to_dataset()
            for name, stored in fit[group].to_dataset().data_vars.items():
                rows.append(_compared(f"{group}: {name}", stored, now[name], changed))
    return Sentences(rows, columns=list(COLUMNS))


def _again(tree: xr.DataTree, cores: int | None, progress: bool) -> xr.DataTree:
    predictive = "posterior_predictive" in tree.children
    seed = int(tree.attrs["seed"])
    settings = settings_of(tree) | {"cores": cores, "predictive": predictive, "progress": progress}
    return fit(model_of(tree), cases_of(tree), seed=seed, **settings)


def _anew(tree: xr.DataTree) -> xr.DataTree:
    """Compute what follows from the draws of a fit."""
    return xr.DataTree.from_dict(derived(design_of(tree), tree["posterior"].to_dataset()))


def _changed(fit: xr.DataTree) -> Iterator[str]:
    """Yield what is not as it was when the fit was made."""
    was, now = json.loads(fit.attrs["versions"]), versions()
    for name in now:
        if was.get(name) != now[name]:
            yield f"{name} was {was.get(name, 'not recorded')}, is {now[name]}"
    here = machine(engine_of(fit)["run"])
    if fit.attrs.get("machine") != here:
        yield f"the machine was {fit.attrs.get('machine', 'not recorded')}, is {here}"


def _versions(changed: list[str]) -> dict[str, Any]:
    said = "; ".join(changed) or "versions and machine are those of the fit"
    return result_row("versions", "concern" if changed else "pass", float(len(changed)), said)


def _data(fit: xr.DataTree) -> dict[str, Any]:
    """Compare the data that a fit keeps with the hash of those it was made from."""
    cases = cases_of(fit)
    kept = list(json.loads(fit.attrs["codebook"])["columns"])
    book = codebook_of(cases) or Codebook()
    same = data_hash(cases, kept) == fit.attrs["data_sha256"]
    said = f"the {len(cases)} rows and {len(kept)} columns of {book.name} in the fit "
    said += "have the hash of those it was made from" if same else "are not those it was made from"
    return result_row("data", "pass" if same else "fail", 0.0 if same else 1.0, said)


def _compared(part: str, stored: xr.DataArray, again: xr.DataArray, changed: list[str]) -> dict[str, Any]:
    """Compare one variable: bit by bit, and where it differs in Monte Carlo errors of its means."""
    if stored.dims != again.dims or stored.shape != again.shape:
        shapes = f"{dict(stored.sizes)} in the fit, {dict(again.sizes)} now"
        return result_row(part, "fail", float("nan"), f"the shapes differ: {shapes}")
    old, new = stored.to_numpy(), again.to_numpy()
    if old.dtype == new.dtype and old.tobytes() == new.tobytes():
        return result_row(part, "pass", 0.0, f"{old.size} numbers, identical bit by bit")
    largest = float(np.nanmax(np.abs(old - new))) if np.isfinite(old - new).any() else float("inf")
    errors = _errors_apart(stored, again)
    said = f"numbers differ by up to {largest:.3g}, the means by {errors:.1f} Monte Carlo errors"
    if changed and errors < FAR:
        return result_row(part, "concern", largest, f"{said}: no more than two runs do, after {'; '.join(changed)}")
    cause = f"after {'; '.join(changed)}" if changed else "though nothing else changed"
    return result_row(part, "fail", largest, f"{said}, {cause}")


def _errors_apart(stored: xr.DataArray, again: xr.DataArray) -> float:
    """Return the largest difference of the means of two runs, in Monte Carlo errors of that difference."""
    if "draw" not in stored.dims or stored.sizes["draw"] < 4:
        return float("inf")
    error = np.hypot(*(mcse_mean(run.transpose("chain", "draw", ...).to_numpy()) for run in (stored, again)))
    apart = np.abs((stored.mean(["chain", "draw"]) - again.mean(["chain", "draw"])).to_numpy())
    with np.errstate(divide="ignore", invalid="ignore"):
        errors = np.where(apart == 0, 0.0, apart / error)
    return float(np.nanmax(errors, initial=0.0))


def result_row(part: str, verdict: str, difference: float, sentence: str) -> dict[str, Any]:
    """Return a row of what is verified."""
    return dict(zip(COLUMNS, (part, verdict, difference, sentence), strict=True))
