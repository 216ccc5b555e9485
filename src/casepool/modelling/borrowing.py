"""How levels of a factor inform each other, as far as plain arrays go: own priors, and levels not yet seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import special

from casepool.cases.codebook import Codebook
from casepool.errors import CasepoolError
from casepool.modelling.families import FAMILIES
from casepool.modelling.spec import Model, Term


def own_priors(model: Model, term: Term, levels: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Return mu and sigma of every level's own prior; nothing where the borrowing has none."""
    if term.kind != "group" or term.borrowing not in ("none", "exnex"):
        return {}
    priors = [model.priors.get(f"{term.name}_own.{level}", model.priors[f"{term.name}_own"]) for level in levels]
    return {name: np.array([prior.parameters[name] for prior in priors]) for name in ("mu", "sigma")}


def refuse_strange_levels(model: Model, name: str, levels: tuple[str, ...], codebook: Codebook) -> None:
    """Refuse a prior, or a probability of being exchangeable, for a level that no patient has and no codebook names."""
    term = model.terms[name]
    shares = term.exchangeable if isinstance(term.exchangeable, Mapping) else {}
    keys = {f"terms.{name}.exchangeable.{level}": level for level in shares if level != "other"}
    own = f"{name}_own."
    keys |= {f"priors.{key}": key.removeprefix(own) for key in model.priors if key.startswith(own)}
    known = dict.fromkeys((*levels, *codebook.columns[term.source].levels))
    for key, level in keys.items():
        if level not in known:
            raise CasepoolError(
                f"the column {term.source!r} has no such level",
                file=model.name,
                column=key,
                remedy=f"it has {', '.join(known)}; levels nobody has yet are declared in the codebook",
            )


def exchangeable(term: Term, levels: tuple[str, ...]) -> np.ndarray:
    """Return every level's prior probability of being exchangeable with the others."""
    if isinstance(term.exchangeable, Mapping):
        other = term.exchangeable.get("other", 0.5)
        return np.array([float(term.exchangeable.get(level, other)) for level in levels])
    return np.full(len(levels), float(term.exchangeable))


def location(model: Model, parameters: Mapping[str, Any]) -> Any:
    """Return the linear predictor's zero point: a level's own prior describes this with the level's effect added.

    The intercept, or less the first cutpoint of an ordinal model: there a level is the log odds of leaving the worst
    category.
    """
    name = FAMILIES[model.family].location
    return parameters[name] if name == "intercept" else -parameters[name]


def fresh_effect(
    model: Model,
    term: Term,
    level: str,
    parameters: Mapping[str, np.ndarray],
    rng: np.random.Generator,
    shape: tuple[int, ...],
) -> np.ndarray:
    """Draw the effect of a level no outcome has informed, given the factor's other parameters.

    Parameters
    ----------
    level : str
        Chooses the own prior and the probability of being exchangeable, where these differ by level.
    parameters : mapping of str to array of `shape`
        ``<term>_sd``, and what `location` needs for an exnex factor whose own prior describes the level.
    shape : tuple of int
        Usually (chain, draw).
    """
    z, t, u = rng.standard_normal(shape), rng.standard_t(term.df, shape), rng.random(shape)
    if term.borrowing == "complete":
        return np.zeros(shape)
    own = own_priors(model, term, (level,))
    if term.borrowing == "none":
        return np.asarray(own["mu"][0] + own["sigma"][0] * z)
    sd = parameters[f"{term.name}_sd"]
    if term.borrowing != "exnex":
        return np.asarray(sd * (t if term.borrowing == "robust" else z))
    centre = own["mu"][0] - (location(model, parameters) if term.own == "level" else 0.0)
    return np.where(u < exchangeable(term, (level,))[0], sd * z, centre + own["sigma"][0] * z)


def membership_probability(
    model: Model, term: Term, levels: tuple[str, ...], parameters: Mapping[str, np.ndarray]
) -> np.ndarray:
    """Return the probability that each level of an exnex factor is exchangeable, given its effect.

    By Bayes' rule from the two normals its effect may have come from (Neuenschwander 2016): array (..., levels).
    """
    own, p = own_priors(model, term, levels), exchangeable(term, levels)
    effect, sd = parameters[f"{term.name}_effect"], parameters[f"{term.name}_sd"][..., None]
    zero = np.asarray(location(model, parameters))[..., None] if term.own == "level" else 0.0
    apart = (effect - own["mu"] + zero) / own["sigma"]
    log_ratio = np.log(own["sigma"] / sd) + (apart**2 - (effect / sd) ** 2) / 2
    return np.asarray(special.expit(special.logit(p) + log_ratio))
