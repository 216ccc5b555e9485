"""A model and cases become draws: an ``xarray.DataTree`` that any ArviZ function takes."""

from __future__ import annotations

import json
import sys
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import nutpie
import pandas as pd
import pytensor
import xarray as xr

from casepool.arguments import is_number, seed_of, whole_number
from casepool.cases import resolve_cases
from casepool.errors import CasepoolError
from casepool.inference.agreement import agreement
from casepool.inference.convergence import LEAST_ESS, convergence
from casepool.inference.fit_contents import attributes, data_groups, parameters_of, refuse_private_text
from casepool.inference.graph import build_design, input_values, labels, prior_names, scattered, sizes
from casepool.inference.predictive import predictive_groups
from casepool.modelling import Design, Model, make_design
from casepool.modelling import model as get_model
from casepool.modelling.arrays import NUMPY
from casepool.modelling.likelihood import data_of, log_likelihood
from casepool.modelling.medians import frozen_given

RETRY_ACCEPT = 0.99
MORE_DRAWS, RETRY_FROM, RETRY_RHAT = 5, 4_000, 1.05
"""By how much draws are multiplied where chains mix slowly, from how many in all on, and up to what R-hat."""
KEPT_GRAPHS = 8
"""Compiled graphs a process keeps; the one unused longest goes first."""
STATISTICS = (
    "diverging",
    "energy",
    "n_steps",
    "step_size",
    "mean_tree_accept",
    "depth",
    "logp",
    "energy_error",
)

_compiled: OrderedDict[str, Any] = OrderedDict()


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


def say(progress: bool, text: str) -> None:
    """Say on standard error what is going on."""
    if progress:
        print(f"casepool: {text}", file=sys.stderr, flush=True)


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


def sample(
    design: Design, seed: int, settings: dict[str, Any], *, cores: int | None = None, progress: bool = True
) -> tuple[dict[str, xr.Dataset], dict[str, Any], dict[str, Any], str]:
    """Draw from the posterior of a design, once more with smaller steps or more draws where that may mend it.

    Returns
    -------
    drawn, summary, settings, retried
        Groups ``posterior`` and ``sample_stats``, the summary of `convergence`, the settings of the draws kept, and
        what went wrong the first time, if anything.
    """
    graph = compiled_graph(design, progress=progress)
    say(progress, f"sampling {design.model.name} ({settings['chains']} chains of {settings['draws']} draws)")
    retried: list[str] = []
    while True:
        drawn = _sample(graph, design, seed, settings, cores, progress)
        summary = convergence(drawn["posterior"], drawn["sample_stats"])
        changed, why = _other_settings(summary, settings)
        if not why:
            return drawn, summary, settings, "; ".join(retried)
        say(progress, why)
        settings, retried = changed, [*retried, why]


def _other_settings(summary: Mapping[str, Any], settings: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Return the settings to sample with once more, and why; no reason if that would not help, or was done before.

    Smaller steps where draws diverged; more draws where chains mix, but too slowly for the draws of the defaults.
    """
    accept, draws, whole = settings["target_accept"], settings["draws"], settings["chains"] * settings["draws"]
    if summary["divergences"]:
        if accept >= RETRY_ACCEPT:
            return settings, ""
        why = f"{summary['divergences']} draws diverged at target_accept {accept}: once more at {RETRY_ACCEPT}"
        return {**settings, "target_accept": RETRY_ACCEPT}, why
    slow = summary["ess"] >= LEAST_ESS / MORE_DRAWS and summary["rhat"] < RETRY_RHAT
    if summary["verdict"] != "fail" or not slow or not RETRY_FROM <= whole < MORE_DRAWS * RETRY_FROM:
        return settings, ""
    why = f"R-hat {summary['rhat']:.3f} and {summary['ess']:.0f} effective draws of {summary['ess_of']} "
    why += f"with draws={draws}: once more with draws={MORE_DRAWS * draws}"
    return {**settings, "draws": MORE_DRAWS * draws}, why


def compiled_graph(design: Design, *, progress: bool) -> Any:
    """Return the compiled graph of a design's structure, its data replaced by the design's."""
    key = sizes(design)
    if key not in _compiled:
        say(progress, f"compiling {design.model.name} (some seconds, once for each structure)")
        # fast mathematics may round a sum one way in a function compiled now and another in one read from the
        # compiler's store: the same seed would draw differently in the next process
        with pytensor.config.change_flags(numba__fastmath=False):
            built = build_design(design)
            if not built.free_RVs:
                raise CasepoolError(
                    f"every parameter of the model {design.model.name!r} is fixed, so there is nothing to estimate",
                    remedy="give one of them a prior that is a distribution",
                )
            _compiled[key] = nutpie.compile_pymc_model(built, jitter_rvs=scattered(design, built))
        if len(_compiled) > KEPT_GRAPHS:
            _compiled.popitem(last=False)
    _compiled.move_to_end(key)
    graph = _compiled[key]
    values = input_values(design)
    inputs = {variable.name: variable for variable in graph.shared_var_keys if variable.name in values}
    for name, variable in inputs.items():  # the starting point of the chains is computed from these
        variable.set_value(np.asarray(values[name], dtype=variable.dtype))
    return graph.with_data(**{name: values[name] for name in inputs})


def _sample(
    graph: Any, design: Design, seed: int, settings: Mapping[str, Any], cores: int | None, progress: bool
) -> dict[str, xr.Dataset]:
    raw = nutpie.sample(
        graph,
        seed=seed,
        cores=cores,
        progress_bar=progress and sys.stderr.isatty(),
        save_warmup=False,
        **settings,
    )
    posterior = raw["posterior"].to_dataset()
    posterior = posterior.drop_vars([name for name in posterior.data_vars if str(name).endswith("_z")])
    own = labels(design)  # those of this design, whichever one its graph was compiled for
    posterior = posterior.assign_coords({dim: names for dim, names in own.items() if dim in posterior.dims})
    stats = raw["sample_stats"].to_dataset()
    return {"posterior": posterior, "sample_stats": stats[[name for name in STATISTICS if name in stats]]}


def _derived(design: Design, posterior: xr.Dataset) -> dict[str, xr.Dataset]:
    """Compute log likelihood and log prior of every draw, by the same code the sampler's graph came from."""
    parameters = parameters_of(posterior)
    data = data_of(design)
    chains = [
        log_likelihood(data, {name: values[chain] for name, values in parameters.items()}, NUMPY)
        for chain in range(posterior.sizes["chain"])
    ]
    lead = {"chain": posterior["chain"], "draw": posterior["draw"]}
    pointwise = xr.Dataset(
        {"outcome": (("chain", "draw", "patient"), np.stack(chains))},
        coords={**lead, "patient": list(design.patients)},
    )
    priors = {}
    for name in prior_names(design):
        values = np.asarray(frozen_given(design.model, name, parameters).logpdf(parameters[name]))
        axes = posterior[name].transpose("chain", "draw", ...).dims[: values.ndim]
        priors[name] = (axes, values)
    return {"log_likelihood": pointwise, "log_prior": xr.Dataset(priors, coords=lead)}
