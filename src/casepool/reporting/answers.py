"""Everything a report tells of a fit, computed once: sentences, tables and figures draw on the same numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import pandas as pd

from casepool.checking.reported import PAIRED
from casepool.checking.verdicts import INFORMATION, check_of
from casepool.errors import CasepoolError
from casepool.estimation.contrasts import contrast_of
from casepool.estimation.draws import Fitted
from casepool.estimation.level_order import in_order, own_order
from casepool.estimation.material import Material
from casepool.estimation.response import estimates_of
from casepool.estimation.survival import survival_of
from casepool.frequentist.answers import classical_of
from casepool.inference.convergence import worst
from casepool.inference.fitting import Plan, planned
from casepool.modelling.families.priors import Prior
from casepool.modelling.specification.endpoints import endpoints, event
from casepool.modelling.specification.exposure import Exposure
from casepool.modelling.terms.term import Term
from casepool.progress import say
from casepool.reporting.patients import dates_open
from casepool.studies.asked import ask
from casepool.studies.exposure import exposure_sensitivity_of
from casepool.studies.multiverse import multiverse_of
from casepool.studies.sensitivity import scale_refits, scaled_factors
from casepool.studies.tipping import FRACTIONS, tipping_of
from casepool.studies.variants import variants_of
from casepool.studies.worlds import Question

ALIKE = 0.1
"""Difference of two probabilities up to which a page asks how probably two levels are alike (10 points)."""
SCALES = (0.5, 1.0, 2.0)
"""Scales of half-normal priors of group standard deviations under which a report gives its answers again."""


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
    scales : mapping of str to sequence of (Prior, pandas.DataFrame)
        By factor that borrows: its answers under other priors of its group standard deviation.
    sensitivity : pandas.DataFrame or None
        Of a survival model with an exposure: its ratio under other priors and datings.
    tipped : pandas.DataFrame or None
        Where dates are unknown: its ratio as they move through their intervals.
    coded : pandas.DataFrame or None
        Where the codebook declares other ways to say who was exposed: its ratio under each.
    tables : mapping of (str, str) to pandas.DataFrame
        By name of a public function and factor or exposure ("" everyone): the whole table it answers with. "new" is
        `estimates` of a new patient.
    recoded : pandas.DataFrame or None
        Of the first response model: everyone's answer under every choice left open, as `variants` has it.
    """

    fitted: Fitted
    checks: pd.DataFrame
    verdict: str
    factors: Mapping[str, ByFactor] = field(default_factory=dict)
    curves: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    raw: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    ratios: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    scales: Mapping[str, Sequence[tuple[Prior, pd.DataFrame]]] = field(default_factory=dict)
    sensitivity: pd.DataFrame | None = None
    tipped: pd.DataFrame | None = None
    coded: pd.DataFrame | None = None
    tables: Mapping[tuple[str, str], pd.DataFrame] = field(default_factory=dict)
    recoded: pd.DataFrame | None = None

    def asked(self, name: str, by: str) -> pd.DataFrame | None:
        """Return what a public function answers by a factor or exposure ("" everyone), None where it does not."""
        return self.tables.get((name, by))

    def variants(self, row: pd.Series) -> Iterator[pd.Series]:
        """Yield what refits under other priors, datings and codings have for a row."""
        tables = [
            self.sensitivity,
            self.coded,
            self.recoded,
            *(table for each in self.scales.values() for _, table in each),
        ]
        for table in tables:
            if table is not None:
                alike = ["estimand", "by", "level", "kind", "at"]
                same = (table[alike].map(str) == row[alike].map(str)).all(axis=1)
                yield from (own for _, own in table[same].iterrows())

    @property
    def told(self) -> str:
        """How much the data tell of the fit's main answer."""
        return str(self.checks.loc[self.checks["about"] == INFORMATION, "told"].iloc[0])

    @property
    def exposure(self) -> Exposure | None:
        """The exposure of the model, if it has one."""
        return next(iter(self.fitted.model.exposures.values()), None)


def levelled(fitted: Fitted) -> list[Term]:
    """Return the terms of a model that have levels."""
    return [term for term in fitted.model.terms.values() if not term.is_number]


def answer(fitted: Fitted, material: Material, *, progress: bool) -> Answers:
    """Compute what a report tells of one of its fits."""
    checks = check_of(fitted, progress=progress)
    fitted = fitted.judged()
    found = _survival(fitted, material, checks, progress) if fitted.is_survival else _response(fitted, checks)
    found = replace(found, scales=_scales(fitted, material, progress), recoded=_recoded(fitted, material, progress))
    told = [table for part in found.factors.values() for table in (part.shrunk, part.new, part.pairs)]
    told += [*found.curves.values(), *found.ratios.values(), found.sensitivity, found.tipped, found.coded]
    told += [table for refits in found.scales.values() for _, table in refits]
    verdicts = [str(v) for table in told if table is not None for v in table["verdict"]]
    verdict = worst(*checks["verdict"], *verdicts)
    return Answers(**{**vars(found), "verdict": verdict})


def checked(fitted: Fitted, *, progress: bool) -> Answers:
    """Check a fit of something beside the cases, whose chapter makes its tables itself."""
    say(progress, f"report: checks of {fitted.model.name}")
    checks = check_of(fitted, progress=progress)
    return Answers(fitted.judged(), checks, worst(*checks["verdict"]))


def _scales(fitted: Fitted, material: Material, progress: bool) -> dict[str, list[tuple[Prior, pd.DataFrame]]]:
    """Answer again under other priors of the group standard deviations; of an ordinal model, of success."""
    factors = scaled_factors(fitted.model)
    if factors and _told_before(fitted, material):
        return {}
    if factors:
        say(progress, f"refitting {fitted.model.name} under other priors of {', '.join(factors)}")
    kept = partial(of_success, fitted=fitted) if not fitted.is_survival else with_limits
    refits = scale_refits(fitted, SCALES, progress=progress)
    return {by: [(prior, kept(table)) for prior, table in each] for by, each in refits.items()}


def _told_before(fitted: Fitted, material: Material) -> bool:
    """Whether an earlier fit, of the same outcome and factors, is the one a report varies the priors of."""

    def asked(own: Fitted) -> tuple[str, set[str]]:
        out = own.model.outcome
        return out.column or out.time or out.events, {own.model.terms[by].source for by in scaled_factors(own.model)}

    place = next(place for place, own in enumerate(material.fits) if own.tree is fitted.tree)
    outcome, factors = asked(fitted)
    return any(asked(own)[0] == outcome and factors <= asked(own)[1] for own in material.fits[:place])


def _recoded(fitted: Fitted, material: Material, progress: bool) -> pd.DataFrame | None:
    """Ask of the first response model how often everyone responds, under every choice that is left open."""
    first = next((own for own in material.fits if not own.is_survival), None)
    if first is None or first.tree is not fitted.tree or material.folder is None or not material.codebook.codings:
        return None
    say(progress, f"refitting {fitted.model.name} under other codings")
    asked = Question("estimates", None)
    table = variants_of(fitted, _plan(fitted, progress), asked, (), (), table=(material.cases, material.codebook))
    return of_success(table, fitted)


def with_limits(table: pd.DataFrame) -> pd.DataFrame:
    """Keep the rows that have an interval."""
    return table[table["interval"] != ""]


def _response(fitted: Fitted, checks: pd.DataFrame) -> Answers:
    factors: dict[str, ByFactor] = {}
    tables: dict[tuple[str, str], pd.DataFrame] = {}
    for by in ("", *(term.name for term in levelled(fitted))):
        own = own_order(fitted, by) if by else ()
        told = [_raw(fitted, by or None), *(in_order(_asked(fitted, name, by), own) for name in ("estimates", "new"))]
        raw, shrunk, new = (of_success(table, fitted) for table in told)
        whole = paired(fitted, by) if by else None
        pairs = None if whole is None else of_success(whole, fitted)
        categories = tuple(of_categories(table, fitted) for table in told) if fitted.model.is_ordinal else ()
        factors[by] = ByFactor(by, raw, shrunk, new, pairs, categories)
        found = dict(zip(("classical", "estimates", "new"), told, strict=True)) | (
            {} if whole is None else {"contrast": whole}
        )
        tables |= {(name, by): table for name, table in found.items()}
    return Answers(fitted, checks, "", factors=factors, tables=tables)


def _asked(fitted: Fitted, name: str, by: str) -> pd.DataFrame:
    """Ask a fit, or its prior, what a public function answers."""
    if name == "new":
        return estimates_of(fitted, by or None, target="new")
    return ask(name, fitted, by or None)


def _raw(fitted: Fitted, by: str | None) -> pd.DataFrame:
    """Answer without a model."""
    return classical_of(fitted.design, fitted.cases, fitted.codebook, by)


def of_success(table: pd.DataFrame, fitted: Fitted) -> pd.DataFrame:
    """Keep what tells of success, as of a plain response."""
    at = event(fitted.model).at
    kept = table[(table["at"] == "") | (table["at"] == at)]
    return kept.assign(at="")


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
        return contrast_of(fitted, by, rope=None if fitted.model.is_survival else {"risk difference": (-ALIKE, ALIKE)})
    except CasepoolError:
        return None


def _survival(fitted: Fitted, material: Material, checks: pd.DataFrame, progress: bool) -> Answers:
    exposure = next(iter(fitted.model.exposures.values()), None)
    terms = [term.name for term in levelled(fitted)]
    groups = [exposure.name] if exposure else [*terms, None]
    ratios = {by: pairs for by in terms if (pairs := paired(fitted, by)) is not None}
    curves = {by or "": survival_of(fitted, by) for by in groups}
    raw = {by or "": _raw(fitted, by) for by in groups}
    ratios = ({exposure.name: contrast_of(fitted, exposure.name)} if exposure else {}) | ratios
    tables = {
        (name, by): table
        for name, each in (("survival", curves), ("classical", raw), ("contrast", ratios))
        for by, table in each.items()
    }
    found = Answers(fitted, checks, "", curves=curves, raw=raw, ratios=ratios, tables=tables)
    if exposure is None:
        return found
    say(progress, f"refitting {fitted.model.name} under other priors, datings and codings of {exposure.name}")
    return replace(
        found,
        sensitivity=exposure_sensitivity_of(fitted, progress=progress),
        tipped=_tipped(fitted, exposure, progress),
        coded=_coded(fitted, exposure, material, progress),
    )


def _plan(fitted: Fitted, progress: bool) -> Plan:
    """Plan refits of a fit, with its seed and settings."""
    return planned(seed=fitted.seed, progress=progress, **fitted.study_settings)


def _tipped(fitted: Fitted, exposure: Exposure, progress: bool) -> pd.DataFrame | None:
    """Move the unknown dates through their intervals, where there are any."""
    if not exposure.begins or not dates_open(fitted):
        return None
    return tipping_of(fitted.design, fitted.cases, fitted.codebook, _plan(fitted, progress), FRACTIONS)


def _coded(fitted: Fitted, exposure: Exposure, material: Material, progress: bool) -> pd.DataFrame | None:
    """Fit again under every coding that says in another column who was exposed; None where there is none."""
    offered = {
        decision: [choice for choice, coding in choices.items() if exposure.column in coding.get("use", {})]
        for decision, choices in material.codebook.codings.items()
    }
    offered = {decision: choices for decision, choices in offered.items() if choices}
    if not offered:
        return None
    plan = _plan(fitted, progress)
    return multiverse_of(fitted.model, material.cases, material.codebook, plan, by=exposure.name, codings=offered)
