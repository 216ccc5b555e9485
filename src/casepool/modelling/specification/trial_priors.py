"""The prior of an intercept, made of trials: by which method, and with which numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from casepool.arguments import is_number
from casepool.errors import CasepoolError
from casepool.modelling.families.evidence_synthesis import (
    OnGrid,
    as_normals,
    commensurate,
    mixture_of,
    powered,
    predictive,
)
from casepool.modelling.families.priors import Prior
from casepool.modelling.families.supports import REAL
from casepool.modelling.specification.changes import WITHIN
from casepool.modelling.specification.prior_files import read_prior
from casepool.modelling.specification.trials import TABLE, Trials
from casepool.modelling.specification.values import one_of

NEEDS = {
    "predictive": ("mean", "between"),
    "joint": ("mean", "between"),
    "power": ("mean", "weight"),
    "commensurate": ("mean", "between"),
}
"""What each method needs; all but `joint` may be made robust."""
ROBUST = ("robust", "vague")
LEVELS = (0.025, 0.5, 0.975)
"""Where the normals are laid beside what they stand for."""
GAP = 0.01
"""How far they may be off there, in probability."""


def read_trial_prior(plain: Mapping[str, Any], trials: Trials | None, *, file: str, key: str) -> Prior:
    """Make the prior of a table that says ``from = "trials"``: normals, with the table kept as it was stated.

    Raises
    ------
    CasepoolError
        If there are no trials, or a key is missing, wrong or of another method.
    """
    if trials is None:
        remedy = f"add [{TABLE}] with the file of the trials"
        raise CasepoolError("a prior from trials without any", file=file, column=key, remedy=remedy)
    method = one_of(plain.get("method"), NEEDS, file=file, key=f"{key}.method")
    allowed = ("from", "method", "why", *NEEDS[method], *(ROBUST if method != "joint" else ()))
    missing = [name for name in NEEDS[method] if name not in plain]
    missing += [name for name in ROBUST if len(set(ROBUST) & set(plain)) == 1 and name not in plain]
    spare = [name for name in plain if name not in allowed]
    if missing or spare:
        raise CasepoolError(
            f"the method {method} {'needs' if missing else 'has no'} {(missing or spare)[0]}",
            file=file, column=key, remedy=f"give {', '.join(name for name in allowed if name != 'from')}",
        )  # fmt: skip
    for name in ("weight", "robust"):
        if name in plain and not (is_number(plain[name]) and 0 <= plain[name] <= 1):
            raise CasepoolError(
                "must be a number from 0 to 1",
                file=file, column=f"{key}.{name}", value=plain[name], remedy="correct it",
            )  # fmt: skip
    parts = {name: part(plain[name], name, file=file, key=f"{key}.{name}") for name in PARTS if name in plain}
    why = plain.get("why", "")
    if not isinstance(why, str):
        raise CasepoolError("`why` must be text", file=file, column=key, value=why, remedy="give the reason as text")
    stated = {name: _plain(value) for name, value in plain.items() if name != "why"}
    if method == "joint":  # whose parts are priors of their own, each with a reason
        stated |= {name: stated[name] | _why(own.why or why) for name, own in parts.items()}
    made = _made(trials, json.dumps({name: stated[name] for name in sorted(stated)}))
    if made is None:
        remedy = "give a narrower `mean` or `between`, HalfNormal say"
        raise CasepoolError("priors too wide beside these trials to compute with", file=file, column=key, remedy=remedy)
    normals = of_components(made)
    if (gap := largest_gap(made, normals)) > GAP:
        problem, remedy = f"normals miss the prior of these trials by {gap:.2g}", 'use method = "joint"'
        raise CasepoolError(problem, file=file, column=key, remedy=remedy)
    share = float(plain.get("robust", 0.0))
    whole = mixture_of([(1 - share, normals), (share, parts.get("vague", normals))])
    return Prior(whole.dist, whole.parameters, why, stated)


def joint_parts(priors: Mapping[str, Prior], file: str) -> dict[str, Prior]:
    """Return the priors of trials that share a model with the cases, which the intercept's table states."""
    found: dict[str, Prior] = {}
    for key, prior in priors.items():
        if prior.elicited.get("method") == "joint":
            for name, within in WITHIN.items():
                own = part(prior.elicited[within], within, file=file, key=f"priors.{key}.{within}")
                found[name] = replace(own, why=own.why or prior.why)
    return found


def exact_of(prior: Prior, trials: Trials, between: Prior | None = None) -> OnGrid:
    """Return what the trials' normals stand for, without the vague part; under another spread if given.

    Raises
    ------
    CasepoolError
        If that spread is too wide to compute with.
    """
    stated = dict(prior.elicited)
    if between is not None:
        stated["between"] = {"dist": between.dist, **between.parameters}
    made = _made(trials, json.dumps({name: stated[name] for name in sorted(stated)}))
    if made is None:
        raise CasepoolError("a spread too wide to compute with", value=str(between), remedy="give a narrower one")
    return made


def spread_of(prior: Prior) -> Prior | None:
    """Return the prior of the spread that a prior made of trials has; None of a method without one."""
    stated = prior.elicited.get("between")
    return None if stated is None else part(stated, "between", file="", key="between")


def part(value: object, name: str, *, file: str, key: str) -> Prior:
    """Read one of the priors within the table, refusing one that cannot stand there."""
    if not isinstance(value, Mapping):
        remedy = f"write {name} = {{ {PARTS[name]} }}"
        raise CasepoolError("must be a prior", file=file, column=key, value=value, remedy=remedy)
    prior = read_prior(value, file=file, key=key, scales={})
    good = {
        "mean": prior.distribution.support is REAL and prior.distribution.has_quantiles,
        "between": prior.is_positive and prior.distribution.has_quantiles,
        "vague": prior.dist == "Normal",
    }
    if not good[name]:
        remedy = f"use {PARTS[name]}"
        raise CasepoolError(f"no prior for `{name}`", file=file, column=key, value=prior.dist, remedy=remedy)
    return prior


PARTS = {
    "mean": 'dist = "Normal", mu = 0.0, sigma = 2.0',
    "between": 'dist = "HalfNormal", sigma = 1.0',
    "vague": 'dist = "Normal", mu = 0.0, sigma = 2.0',
}
"""Priors within the table, each with one that may stand there."""


@lru_cache(64)
def _made(trials: Trials, stated: str) -> OnGrid | None:
    """Return the distribution on its grid; None where none is small enough."""
    table = json.loads(stated)
    parts = {name: part(table[name], name, file="", key=name) for name in PARTS if name in table}
    counts, mean = trials.counts, parts["mean"]
    if table["method"] == "power":
        return powered(counts, mean, float(table["weight"]))
    if table["method"] == "commensurate":
        return commensurate(counts, mean, parts["between"])
    return predictive(counts, mean, parts["between"])


@lru_cache(64)
def of_components(exact: OnGrid) -> Prior:
    """Return the normals near a distribution as a prior."""
    weights, mu, sigma = as_normals(exact)
    parts = {"weights": weights / weights.sum(), "mu": mu, "sigma": sigma}
    return Prior("Mixture", {name: tuple(float(x) for x in values) for name, values in parts.items()})


def largest_gap(exact: OnGrid, normals: Prior) -> float:
    """Return by how much probability the normals miss the quantiles they are laid beside."""
    return float(np.abs(normals.cdf(exact.quantile(np.array(LEVELS))) - np.array(LEVELS)).max())


def _why(reason: str) -> dict[str, str]:
    return {"why": reason} if reason else {}


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else value
