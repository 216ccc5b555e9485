"""Changes of a model asked for in Python, written into the mappings of its file: what is legal, its reader decides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from casepool.arguments import is_number, name_of
from casepool.errors import CasepoolError
from casepool.modelling.families.distributions import DISTRIBUTIONS
from casepool.modelling.families.parameters import CUTPOINTS
from casepool.modelling.families.registry import FAMILIES, GAP
from casepool.modelling.families.trial_laws import MEAN, SD, TRIALS

Plain = dict[str, Any]
OF_ALL = (FAMILIES["ordinal"].location.name, GAP)
"""Priors in whose place those of cutpoints stand."""
WITHIN = {MEAN: "mean", SD: "between"}
"""Priors of trials that share a model with the cases, by where the intercept's table states them."""


def change_prior(plain: Plain, name: str, prior: object) -> None:
    """Put a prior into the mappings of a model file, or (None) take it out; ``"<factor>_own.<level>"`` is a level's."""
    head, _, level = name_of(name, "name", "pass a prior's name as text").partition(".")
    priors = plain.setdefault("priors", {})
    if head == CUTPOINTS or (CUTPOINTS in priors and head in OF_ALL):
        for other in (*OF_ALL, CUTPOINTS) if head != CUTPOINTS else OF_ALL:
            priors.pop(other, None)
    if within := _within_trials(priors, head):
        priors, head = within
    held = priors.pop(head, {}) if prior is None and not level else priors.setdefault(head, {})
    if prior is None:
        held.pop(level, None)
    elif level:
        held[level] = _table(name, prior)
    else:
        levels = {} if held.get("from") == TRIALS else held
        priors[head] = _table(name, prior) | {key: own for key, own in levels.items() if isinstance(own, Mapping)}
    if TRIALS not in [own.get("from") for own in plain["priors"].values()]:
        plain.pop("evidence", None)  # of which no prior is made any more


def _within_trials(priors: Plain, name: str) -> tuple[Plain, str] | None:
    """Return the table that holds the prior of a mean or a spread of trials, and where in it; None of another."""
    tables = [own for own in priors.values() if own.get("from") == TRIALS and own.get("method") == "joint"]
    return (tables[0], WITHIN[name]) if tables and name in WITHIN else None


def add_term(plain: Plain, name: str, term: Mapping[str, Any], priors: object) -> None:
    """Put a term that a model has not into the mappings of its file, with priors of its own.

    Raises
    ------
    CasepoolError
        If there is one of this name, or something is no mapping.
    """
    terms = plain.setdefault("terms", {})
    if name_of(name, "name", "pass a term's name as text") in terms:
        problem, remedy = "the model has a term of this name already", "choose another name, and say its `column`"
        raise CasepoolError(problem, column=f"terms.{name}", remedy=remedy)
    terms[name] = {key: _plain(value) for key, value in term.items()}
    if not isinstance(priors, Mapping):
        remedy = 'pass a dictionary, as {"site_sd": {"dist": "HalfNormal", "sigma": 1.0, "why": "..."}}'
        raise CasepoolError("`priors` needs a table of priors by name", value=priors, remedy=remedy)
    for key, prior in priors.items():
        change_prior(plain, key, prior)


def _table(name: str, prior: object) -> Plain:
    """Return a prior as a table of a model file: its ``dist`` may be an object, ``from`` may be spelt ``from_``."""
    if not isinstance(prior, Mapping):
        remedy = 'pass a table, as {"dist": "Normal", "mu": 0.0, "sigma": 1.0, "why": "..."}'
        raise CasepoolError("this is no prior", column=f"priors.{name}", value=prior, remedy=remedy)
    table = {"from" if key == "from_" else str(key): _plain(value) for key, value in prior.items()}
    if not table.get("why"):
        remedy = 'give why="...": a source, or the word convention'
        raise CasepoolError("a prior needs a reason", column=f"priors.{name}", remedy=remedy)
    dist = table.get("dist", "")
    if isinstance(dist, str):
        return table
    if spare := set(table) - {"dist", "why"}:
        remedy = f"leave out {', '.join(sorted(spare))}"
        raise CasepoolError("a distribution brings its own numbers", column=f"priors.{name}", remedy=remedy)
    return {**_of_object(name, dist), "why": table["why"]}


def _of_object(name: str, drawn: object) -> Plain:
    """Read a distribution of PreliZ, or any object that calls itself and its numbers as a model file does."""
    dist, place = type(drawn).__name__, {"column": f"priors.{name}"}
    if dist not in DISTRIBUTIONS or not DISTRIBUTIONS[dist].has_quantiles:
        known = ", ".join(known for known, own in DISTRIBUTIONS.items() if own.has_quantiles)
        raise CasepoolError(f"a {dist} is no prior of a model file", remedy=f"use one of {known}", **place)
    numbers = {key: _plain(getattr(drawn, key, None)) for key in DISTRIBUTIONS[dist].parameters}
    if open_ones := [key for key, number in numbers.items() if not _all_numbers(number)]:
        problem = f"this {dist} has no number for {' and '.join(open_ones)}"
        raise CasepoolError(problem, remedy="fix all of its numbers first", **place)
    return {"dist": dist, **numbers}


def _all_numbers(value: Any) -> bool:
    return all(map(is_number, value)) if isinstance(value, list) else is_number(value)


def _plain(value: Any) -> Any:
    """Return what TOML can hold of a value: numbers and lists as Python's own."""
    value = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value
