"""A model and cases become draws: an ``xarray.DataTree`` that any ArviZ function takes."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from casepool.arguments import ASKED, flag_of, is_number, one_of, seed_of, whole_number
from casepool.cases.codebook import Codebook
from casepool.cases.reading import resolve_typed
from casepool.errors import CasepoolError
from casepool.inference.agreement import agreement
from casepool.inference.convergence import UNASKED, tell
from casepool.inference.engines import Choice, Sampled, asked_of, in_turn, run
from casepool.inference.fit_contents import (
    QUICK,
    Contents,
    attributes,
    contents_of,
    data_groups,
    draws_groups,
    engine_of,
    parameters_of,
    refuse_private_text,
    report_start_of,
    stamped,
    study_settings,
    unconfirmed,
)
from casepool.inference.predictive import predictive_groups
from casepool.modelling import Design, Model
from casepool.modelling import model as get_model
from casepool.modelling.design.density import Density
from casepool.modelling.design.likelihood import models_dates, outcome_and_dates
from casepool.modelling.design.linked import laid_out
from casepool.modelling.design.making import design_of_typed
from casepool.modelling.design.touched import unvaried
from casepool.modelling.families.arrays import NUMPY
from casepool.progress import say, steps

DRAWS, QUICK_DRAWS = 1000, 250
"""Kept draws of each chain where nobody says how many, and of a quick fit."""


@dataclass(frozen=True)
class Plan:
    """How fits are to be made, whatever their model and cases: what `fit` takes, checked by `planned`.

    Parameters
    ----------
    seed : int
    engine : str, optional
        Asked for by the caller.
    settings : mapping
        ``draws``, ``chains``, and of ``tune`` and ``target_accept`` those that were given.
    cores : int, optional
    predictive, quick, progress : bool
    report_start : float, optional
        When the reported strategy starts in fits of a study whose model leaves it open; by default each fit's own
        table says it.
    """

    seed: int
    engine: str | None
    settings: Mapping[str, Any]
    cores: int | None
    predictive: bool
    quick: bool
    progress: bool
    report_start: float | None = None


def fit(  # noqa: PLR0913 - the settings of every engine
    model: str | Path | Model,
    cases: str | Path | pd.DataFrame,
    *,
    seed: int,
    engine: str | None = None,
    draws: int | None = None,
    tune: int | None = None,
    chains: int = 4,
    cores: int | None = None,
    target_accept: float | None = None,
    predictive: bool = False,
    quick: bool = False,
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
        Seed of the draws; equal seeds give equal draws, whatever the number of cores.
    engine : {"auto", "exact", "lockstep", "nuts"}, optional
        What draws. ``exact``: one group factor and an intercept, independent draws. ``lockstep``: split Hamiltonian
        Monte Carlo of many short chains. ``nuts``: the no-U-turn sampler, compiled. ``auto``: the first of these that
        does not decline. By default what the codebook says, else auto.
    draws, chains : int
        Kept draws of each chain, and how many chains; 1,000 draws, or 250 of a quick fit, unless said.
    tune : int, optional
        Of nuts alone: warm-up draws of each chain, 1,000 by default. Where chains of 4,000 draws in all or more mix,
        but too slowly, five times as many are drawn once more, said in the attributes.
    cores : int, optional
        Chains that nuts samples at once.
    target_accept : float, optional
        Of nuts alone: 0.9 by default. If draws diverge, one retry at 0.99 follows, said in the attributes.
    predictive : bool
        Whether to add the groups ``prior``, ``prior_predictive`` and ``posterior_predictive``.
    quick : bool
        Whether a first look will do: a quarter of the draws unless `draws` says how many. The fit's settings and name,
        every table made of it and a page say so; refits of it are quick too.
    progress : bool
        Whether to say on standard error what is going on.

    Returns
    -------
    xarray.DataTree
        Groups ``posterior``, ``sample_stats``, ``log_likelihood`` (``outcome``: one entry per patient in the
        fit, missing covariates integrated out; given when the exposure began, whose own log probability, where it is
        modelled, stands as ``dates`` in ``log_likelihood_dates``), ``log_prior``, ``observed_data``, ``constant_data``
        and ``patients`` (every row of the table, with the reason where it was left out). Attributes are text:
        model, dataset, hash of the data, seed, settings, versions, convergence, and ``engine`` (which was ``asked``
        for and which was ``run``, its ``gauges``, and by engine that declined, ``refused``, the ``gate`` and ``why``).

    Raises
    ------
    CasepoolError
        For a table or model that cannot be used; nothing is drawn then. If an engine asked for by name declines, or
        is given settings of nuts.

    See Also
    --------
    model, estimates, contrast, survival, check, save_fit

    References
    ----------
    Jones HE, Ohlssen DI, Neuenschwander B, Racine A, Branson M (2011). Bayesian models for subgroup analysis in
    clinical trials. Clinical Trials 8:129-143. doi:10.1177/1740774510396933

    Joly P, Commenges D, Helmer C, Letenneur L (2002). A penalized likelihood approach for an illness-death model
    with interval-censored data. Biostatistics 3:433-443. doi:10.1093/biostatistics/3.3.433

    Examples
    --------
    >>> import casepool as cp
    >>> fit = cp.fit("objective_response", "alk_crizotinib", seed=1, progress=False)
    >>> sorted(fit.children)[:4]
    ['constant_data', 'log_likelihood', 'log_prior', 'observed_data']
    >>> fit["posterior"]["histology_effect"].sizes["histology"]
    8
    >>> print(cp.estimates(fit))
    Mean probability of all patients of the fit
    source: pooled; model: objective_response; method: posterior; unit: probability;
    verdict: pass; told: data and prior together
    <BLANKLINE>
    level      n  events  estimate (95% CrI)
    everyone  30      26     86% (73 to 94%)
    <BLANKLINE>
    3 patients without age (integrated over its distribution)
    left out: 3 patients (no best_response)
    drawn by lockstep
    Further columns: kind, mean, sd, ess, mcse, learnt, prior_estimate, prior_lower,
      prior_upper
    """
    plan = planned(
        seed=seed, engine=engine, draws=draws, tune=tune, chains=chains, cores=cores, target_accept=target_accept,
        predictive=predictive, quick=quick, progress=progress,
    )  # fmt: skip
    return together(plan, [(get_model(model), *resolve_typed(cases))], whole=True)[0]


def refit(
    designs: Iterable[tuple[Model, pd.DataFrame]],
    *,
    seed: int,
    engine: str | None = None,
    progress: bool = True,
    **settings: Any,
) -> list[xr.DataTree]:
    """Fit variations of one structure, all by one engine and compiled once: other priors, outcomes, weights or dates.

    Parameters
    ----------
    designs : iterable of (Model, pandas.DataFrame)
        Variations whose graphs differ in their data alone share one compiled graph; any others compile.
    seed : int
        Seed of every fit.
    engine : str, optional
        As of `fit`, one for all fits: where one that ``auto`` tries declines a later fit than the first, nuts makes
        them all.
    progress : bool
    **settings
        As of `fit`.

    Raises
    ------
    CasepoolError
        As of `fit`, and for what is no list of pairs.

    See Also
    --------
    fit, multiverse

    Examples
    --------
    >>> import casepool as cp
    >>> cases = cp.load("sarcoma_imatinib")
    >>> fits = cp.refit([(cp.model("basket_pooled"), cases)] * 2, seed=1, progress=False)
    >>> len(fits)
    2
    """
    pairs = list(designs) if isinstance(designs, Iterable) else [designs]
    if not all(isinstance(pair, tuple) and len(pair) == 2 for pair in pairs):
        raise CasepoolError("designs are pairs of a model and cases", value=pairs, remedy="pass [(model, cases), ...]")
    plan = planned(seed=seed, engine=engine, progress=progress, **settings)
    return together(plan, [(get_model(model), *resolve_typed(cases)) for model, cases in pairs], whole=True)


def planned(
    *,
    seed: int,
    engine: str | None = None,
    draws: int | None = None,
    tune: int | None = None,
    chains: int = 4,
    cores: int | None = None,
    target_accept: float | None = None,
    predictive: bool = False,
    quick: bool = False,
    progress: bool = True,
) -> Plan:
    """Check what `fit` was given besides a model and cases, refusing what a sampler would stumble over."""
    if target_accept is not None and (not is_number(target_accept) or not 0 < target_accept < 1):
        raise CasepoolError("target_accept must lie between 0 and 1", value=target_accept, remedy="0.9 is usual")
    quick = flag_of(quick, "quick")
    draws = draws if draws is not None else QUICK_DRAWS if quick else DRAWS
    settings: dict[str, Any] = {"draws": whole_number(draws, "draws", 4), "chains": whole_number(chains, "chains", 1)}
    settings |= {} if tune is None else {"tune": whole_number(tune, "tune", 1)}
    settings |= {} if target_accept is None else {"target_accept": float(target_accept)}
    engine = None if engine is None else one_of(engine, ASKED, "engine")
    flags = flag_of(predictive, "predictive"), quick, flag_of(progress, "progress")
    return Plan(seed_of(seed), engine, settings, cores_of(cores), *flags)


def cores_of(cores: int | None) -> int | None:
    """Return how many chains are sampled at once; None leaves it to the sampler, and 0 would wait for ever."""
    return None if cores is None else whole_number(cores, "cores", 1)


def together(
    plan: Plan, asked: Sequence[tuple[Model, pd.DataFrame, Codebook]], *, whole: bool = False
) -> list[xr.DataTree]:
    """Fit models to typed cases with their codebooks, all by one engine; `whole` as of `fit_by`."""
    if not asked:
        return []

    def made(choice: Choice) -> Iterator[xr.DataTree]:
        for place, (model, cases, codebook) in enumerate(steps(plan.progress, asked, "fits"), start=1):
            what = counted(model, place, len(asked))
            yield fit_by(choice, plan, model, cases, codebook, what=what, whole=whole)

    return in_turn(asked_of(plan.engine, asked[0][2]), plan.settings, made, progress=plan.progress)


def again(
    fit: xr.DataTree, models: Sequence[Model | None], *, progress: bool, contents: Contents | None = None
) -> list[xr.DataTree]:
    """Fit other models to the cases of a fit with its seed and settings, all by one engine; None is the fit's own.

    The own model is not fitted again, unless another engine makes the others. `contents` are those of the fit, where
    they have been read.
    """
    contents = contents or contents_of(fit)
    own, cases, codebook = contents.design.model, contents.cases, contents.codebook
    ran, settings = engine_of(fit)["run"], study_settings(fit)
    asked = settings.pop("engine")
    plan = planned(seed=int(fit.attrs["seed"]), progress=progress, **settings)
    plan = replace(plan, report_start=report_start_of(fit))

    def made(choice: Choice) -> Iterator[xr.DataTree]:
        for place, model in enumerate(steps(progress, models, f"{own.name}, refits"), start=1):
            what = counted(own, place, len(models))
            kept = model is None and choice.engine == ran
            yield fit if kept else fit_by(choice, plan, model or own, cases, codebook, what=what)

    return in_turn(asked, plan.settings, made, progress=progress)


def of_study(plan: Plan, model: Model, cases: pd.DataFrame, codebook: Codebook) -> Plan:
    """Return a plan by which the reported strategy starts alike in all fits of a study: as these cases have it."""
    if any(own.start_is_open for own in model.exposures.values()):
        return replace(plan, report_start=design_of_typed(model, cases, codebook).typical_start)
    return plan


def counted(model: Model, place: int, of: int) -> str:
    """Say which of several fits is being made."""
    return f"{model.name}, refit {place} of {of}" if of > 1 else model.name


def fit_by(
    choice: Choice,
    plan: Plan,
    model: Model,
    cases: pd.DataFrame,
    codebook: Codebook,
    *,
    what: str = "",
    whole: bool = False,
) -> xr.DataTree:
    """Fit a model to cases that have been typed by their codebook, by one engine; `what` as of `run`.

    A fit that feeds a number of a study needs not be the `whole` of one: it has no groups ``log_likelihood`` and
    ``log_prior``, and of its draws it is asked whether they converged, not whether model and data agree.

    Raises
    ------
    EngineRefusal
        If the engine declines.
    """
    started = time.perf_counter()
    cases, codebook = laid_out(model, cases, codebook)
    refuse_private_text(model, cases, codebook)
    design = design_of_typed(model, cases, codebook)
    for one in (*unvaried(design), *unconfirmed(model)) if whole else ():
        say(plan.progress, f"{model.name}: {one.text(public=codebook.public)}")
    sampled = run(design, plan.seed, plan.settings, choice.engine, what=what, cores=plan.cores, progress=plan.progress)
    engine = {"asked": choice.asked, "run": choice.engine, "gauges": sampled.drawn.gauges, "refused": choice.refused}
    tree = laid_down(Contents(design, cases, codebook), sampled, plan, engine, whole=whole)
    tree.attrs["seconds"] = f"{time.perf_counter() - started:.1f}"
    return tree


def laid_down(
    contents: Contents, sampled: Sampled, plan: Plan, engine: Mapping[str, Any], *, whole: bool
) -> xr.DataTree:
    """Make a fit of draws: all that follows from them, and from what they were drawn of; `whole` as of `fit_by`."""
    design, cases, codebook = contents.design, contents.cases, contents.codebook
    groups = draws_groups(design, sampled.drawn)
    posterior = groups["posterior"]
    groups |= derived(design, posterior) if whole else {}
    groups |= data_groups(design, cases, codebook)
    if plan.predictive:
        groups |= predictive_groups(design, posterior, parameters_of(posterior), plan.seed)
    tree = xr.DataTree.from_dict(groups)
    settings = dict(sampled.settings) | ({QUICK: True} if plan.quick else {})
    tree.attrs.update(attributes(design, cases, codebook, plan.seed, settings, plan.report_start))
    tree.attrs["engine"] = json.dumps(engine, default=np.generic.item)
    tree.attrs["convergence"] = json.dumps(sampled.convergence)
    agreed = agreement(design, cases, parameters_of(posterior), plan.seed, codebook) if whole else [UNASKED]
    tree.attrs["agreement"] = json.dumps(agreed)
    tree.attrs["retried"] = sampled.retried
    return tell(stamped(tree))


def derived(design: Design, posterior: xr.Dataset) -> dict[str, xr.Dataset]:
    """Compute log likelihood and log prior of every draw, by the same code the sampler's graph came from."""
    parameters = parameters_of(posterior)
    lead = {"chain": posterior["chain"], "draw": posterior["draw"]}
    outcome, dates = outcome_and_dates(design, parameters)
    axes, coords = ("chain", "draw", "patient"), {**lead, "patient": list(design.patients)}
    found = {"log_likelihood": xr.Dataset({"outcome": (axes, outcome)}, coords=coords)}
    if models_dates(design):
        found["log_likelihood_dates"] = xr.Dataset({"dates": (axes, dates)}, coords=coords)
    priors = {}
    for name, values in Density(design).log_prior(parameters, NUMPY).items():
        dims = posterior[name].transpose("chain", "draw", ...).dims[: values.ndim]
        priors[name] = (dims, values)
    return found | {"log_prior": xr.Dataset(priors, coords=lead)}
