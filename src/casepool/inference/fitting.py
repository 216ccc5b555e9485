"""A model and cases become draws: an ``xarray.DataTree`` that any ArviZ function takes."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from casepool.arguments import is_number, seed_of, whole_number
from casepool.cases import resolve_cases
from casepool.errors import CasepoolError
from casepool.inference.agreement import agreement
from casepool.inference.fit_contents import attributes, data_groups, parameters_of, refuse_private_text
from casepool.inference.predictive import predictive_groups
from casepool.inference.sampling import sample
from casepool.modelling import Design, Model, make_design
from casepool.modelling import model as get_model
from casepool.modelling.design.density import Density
from casepool.modelling.design.likelihood import pointwise
from casepool.modelling.families.arrays import NUMPY


def fit(
    model: str | Path | Model,
    cases: str | Path | pd.DataFrame,
    *,
    seed: int,
    draws: int = 1000,
    tune: int = 1000,
    chains: int = 4,
    cores: int | None = None,
    target_accept: float = 0.9,
    predictive: bool = False,
    progress: bool = True,
) -> xr.DataTree:
    """Fit a model to cases.

    Parameters
    ----------
    model : str or pathlib.Path or Model
        A bundled model's name, a model file, or a model.
    cases : str or pathlib.Path or pandas.DataFrame
        A bundled dataset's name, a folder, a file, or a frame.
    seed : int
        Seed of the sampler; equal seeds give equal draws, whatever the number of cores.
    draws, tune, chains : int
        Kept and warm-up draws of each chain, and how many chains. Where chains of 4,000 draws in all or more mix, but
        too slowly, five times as many are drawn once more, said in the attributes.
    cores : int, optional
        Chains sampled at once.
    target_accept : float
        Of the no-U-turn sampler. If draws diverge, one retry at 0.99 follows, said in the attributes.
    predictive : bool
        Whether to add the groups ``prior``, ``prior_predictive`` and ``posterior_predictive``.
    progress : bool
        Whether to say on standard error what is going on.

    Returns
    -------
    xarray.DataTree
        Groups ``posterior``, ``sample_stats``, ``log_likelihood`` (``outcome``: one entry per patient in the
        fit, missing covariates integrated out), ``log_prior``, ``observed_data``, ``constant_data`` and
        ``patients`` (every row of the table, with the reason where it was left out). Attributes are text:
        model, dataset, hash of the data, seed, settings, versions, convergence.

    Raises
    ------
    CasepoolError
        For a table or model that cannot be used; nothing is sampled then.
    """
    seed, cores = seed_of(seed), cores_of(cores)
    settings = _settings(draws, tune, chains, target_accept)
    chosen, frame = get_model(model), resolve_cases(cases)
    refuse_private_text(chosen, frame)
    design = make_design(chosen, frame)
    return _fit_design(design, frame, seed, settings, cores=cores, predictive=predictive, progress=progress)


def refit(
    designs: Iterable[tuple[Model, pd.DataFrame]], *, seed: int, progress: bool = True, **settings: Any
) -> list[xr.DataTree]:
    """Fit variations of one structure, compiling it once: other priors, outcomes, weights or dates.

    Parameters
    ----------
    designs : iterable of (Model, pandas.DataFrame)
        Variations whose graphs differ in their data alone share one compiled graph; any others compile.
    seed : int
        Seed of every fit.
    progress : bool
    **settings
        As of `fit`.

    Raises
    ------
    CasepoolError
        As of `fit`, and for what is no list of pairs.
    """
    pairs = list(designs) if isinstance(designs, Iterable) else [designs]
    if not all(isinstance(pair, tuple) and len(pair) == 2 for pair in pairs):
        raise CasepoolError("designs are pairs of a model and cases", value=pairs, remedy="pass [(model, cases), ...]")
    return [fit(model, cases, seed=seed, progress=progress, **settings) for model, cases in pairs]


def _settings(draws: int, tune: int, chains: int, target_accept: float) -> dict[str, Any]:
    """Return the settings of the sampler, refusing what it would stumble over."""
    if not is_number(target_accept) or not 0 < target_accept < 1:
        raise CasepoolError("target_accept must lie between 0 and 1", value=target_accept, remedy="0.9 is usual")
    return {
        "draws": whole_number(draws, "draws", 4),
        "tune": whole_number(tune, "tune", 1),
        "chains": whole_number(chains, "chains", 1),
        "target_accept": float(target_accept),
    }


def cores_of(cores: int | None) -> int | None:
    """Return how many chains are sampled at once; None leaves it to the sampler, and 0 would wait for ever."""
    return None if cores is None else whole_number(cores, "cores", 1)


def _fit_design(
    design: Design,
    frame: pd.DataFrame,
    seed: int,
    settings: dict[str, Any],
    *,
    cores: int | None,
    predictive: bool,
    progress: bool,
) -> xr.DataTree:
    started = time.perf_counter()
    drawn, summary, settings, retried = sample(design, seed, settings, cores=cores, progress=progress)
    groups = {**drawn, **_derived(design, drawn["posterior"]), **data_groups(design, frame)}
    if predictive:
        groups |= predictive_groups(design, drawn["posterior"], parameters_of(drawn["posterior"]), seed)
    tree = xr.DataTree.from_dict(groups)
    tree.attrs.update(attributes(design, frame, seed, settings))
    tree.attrs["convergence"] = json.dumps(summary)
    tree.attrs["agreement"] = json.dumps(agreement(design, frame, parameters_of(drawn["posterior"]), seed))
    tree.attrs["retried"] = retried
    tree.attrs["seconds"] = f"{time.perf_counter() - started:.1f}"
    return tree


def _derived(design: Design, posterior: xr.Dataset) -> dict[str, xr.Dataset]:
    """Compute log likelihood and log prior of every draw, by the same code the sampler's graph came from."""
    parameters = parameters_of(posterior)
    lead = {"chain": posterior["chain"], "draw": posterior["draw"]}
    by_patient = xr.Dataset(
        {"outcome": (("chain", "draw", "patient"), pointwise(design, parameters))},
        coords={**lead, "patient": list(design.patients)},
    )
    priors = {}
    for name, values in Density(design).log_prior(parameters, NUMPY).items():
        axes = posterior[name].transpose("chain", "draw", ...).dims[: values.ndim]
        priors[name] = (axes, values)
    return {"log_likelihood": by_patient, "log_prior": xr.Dataset(priors, coords=lead)}
