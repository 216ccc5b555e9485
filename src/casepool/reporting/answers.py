"""Everything a report tells of a fit, computed once: sentences, tables and figures draw on the same numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from casepool.checking import check
from casepool.errors import CasepoolError
from casepool.estimation import contrast, estimates, survival
from casepool.estimation.draws import Fitted
from casepool.frequentist import classical
from casepool.inference.convergence import worst
from casepool.inference.fitting import cases_of, say
from casepool.modelling.endpoints import endpoints, event
from casepool.modelling.spec import Exposure, Term
from casepool.reporting.material import survives
from casepool.studies import exposure_sensitivity

PAIRED = ("category", "banded")
"""Kinds of terms whose levels are few enough to be compared in pairs."""


@dataclass(frozen=True)
class ByFactor:
    """What is told of the levels of one factor of a response model, or of everyone; each an estimate table.

    Parameters
    ----------
    by : str
        Empty for everyone.
    raw, shrunk, new : pandas.DataFrame
        Rates and tests without a model, mean probabilities of the level's own patients, and probabilities for a
        new patient of the level.
    pairs : pandas.DataFrame or None
        Contrasts, for a factor with few levels.
    categories : tuple of pandas.DataFrame
        Of an ordinal model: raw, shrunk and new once more, of every category and every "at least" one; else empty.
    """

    by: str
    raw: pd.DataFrame
    shrunk: pd.DataFrame
    new: pd.DataFrame
    pairs: pd.DataFrame | None = None
    categories: tuple[pd.DataFrame, ...] = ()


@dataclass(frozen=True)
class Answers:
    """What is told of one fit.

    Parameters
    ----------
    fitted : Fitted
    checks : pandas.DataFrame
    verdict : str
        The worst of the checks and of every number told.
    factors : mapping of str to ByFactor
        Of a response model, by factor; "" is everyone.
    curves : mapping of str to pandas.DataFrame
        Of a survival model: the table of `survival`, by exposure or factor ("" everyone).
    raw : mapping of str to pandas.DataFrame
        Of a survival model: Kaplan-Meier, tests and the like, by exposure or factor ("" everyone).
    ratios : mapping of str to pandas.DataFrame
        Of a survival model: hazard or time ratios, by exposure or factor.
    sensitivity : pandas.DataFrame or None
        Of a survival model with an exposure: its ratio under other priors and datings.
    """

    fitted: Fitted
    checks: pd.DataFrame
    verdict: str
    factors: Mapping[str, ByFactor] = field(default_factory=dict)
    curves: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    raw: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    ratios: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    sensitivity: pd.DataFrame | None = None

    @property
    def exposure(self) -> Exposure | None:
        """The exposure of the model, if it has one."""
        return next(iter(self.fitted.model.exposures.values()), None)


def levelled(fitted: Fitted) -> list[Term]:
    """Return the terms of a model that have levels."""
    return [term for term in fitted.model.terms.values() if not term.is_number]


def answer(fitted: Fitted, *, progress: bool) -> Answers:
    """Compute what a report tells of a fit."""
    checks = check(fitted.tree)
    found = _survival(fitted, checks, progress) if survives(fitted) else _response(fitted, checks)
    told = [table for part in found.factors.values() for table in (part.shrunk, part.new, part.pairs)]
    told += [*found.curves.values(), *found.ratios.values(), found.sensitivity]
    verdicts = [str(v) for table in told if table is not None for v in table["verdict"]]
    verdict = worst(*checks["verdict"], *verdicts)
    return Answers(**{**vars(found), "verdict": verdict})


def _response(fitted: Fitted, checks: pd.DataFrame) -> Answers:
    tree, cases = fitted.tree, cases_of(fitted.tree)
    factors = {}
    for by in (None, *(term.name for term in levelled(fitted))):
        told = (classical(fitted.model, cases, by), estimates(tree, by), estimates(tree, by, target="new"))
        factors[by or ""] = ByFactor(
            by or "",
            *(of_success(table, fitted) for table in told),
            of_success(pairs, fitted) if by and (pairs := paired(fitted, by)) is not None else None,
            tuple(of_categories(table, fitted) for table in told) if fitted.model.is_ordinal else (),
        )
    return Answers(fitted, checks, "", factors=factors)


def of_success(table: pd.DataFrame, fitted: Fitted) -> pd.DataFrame:
    """Keep what tells of success, in the words of a plain response."""
    at = event(fitted.model).at
    kept = table[table["at"].astype(str).isin(("", at))]
    return kept.assign(at="", estimand=[str(text).removesuffix(f", {at}") for text in kept["estimand"]])


def of_categories(table: pd.DataFrame, fitted: Fitted) -> pd.DataFrame:
    """Keep what an ordinal table tells of categories, each level's name followed by the category's."""
    words = {end.at: end.words for end in endpoints(fitted.model)}
    kept = table[[at in words for at in table["at"]]]
    names = [f"{level}: {words[at]}" for level, at in zip(kept["level"], kept["at"], strict=True)]
    return kept.assign(level=names)


def paired(fitted: Fitted, by: str) -> pd.DataFrame | None:
    """Compare the levels of a factor in pairs, if it is of a kind with few levels and two of them have patients."""
    if fitted.model.terms[by].kind not in PAIRED:
        return None
    try:
        return contrast(fitted.tree, by)
    except CasepoolError:
        return None


def _survival(fitted: Fitted, checks: pd.DataFrame, progress: bool) -> Answers:
    tree, cases = fitted.tree, cases_of(fitted.tree)
    exposure = next(iter(fitted.model.exposures), None)
    terms = [term.name for term in levelled(fitted)]
    groups = [exposure] if exposure else [*terms, None]
    ratios = {by: table for by in terms if (table := paired(fitted, by)) is not None}
    sensitivity = None
    if exposure:
        ratios = {exposure: contrast(tree, exposure)} | ratios
        say(progress, f"refitting {fitted.model.name} under other priors and datings of {exposure}")
        sensitivity = exposure_sensitivity(tree, progress=progress)
    return Answers(
        fitted,
        checks,
        "",
        curves={by or "": survival(tree, by) for by in groups},
        raw={by or "": classical(fitted.model, cases, by) for by in groups},
        ratios=ratios,
        sensitivity=sensitivity,
    )
