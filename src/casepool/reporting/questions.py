"""The questions a report answers: those of the paper, and what else its fits were made for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pandas as pd

from casepool.checking.reported import PAIRED
from casepool.claims.files import Claim
from casepool.errors import CasepoolError
from casepool.estimation.material import Material
from casepool.estimation.told import badge_of
from casepool.modelling.specification.cautions import lowered
from casepool.modelling.specification.model import Model
from casepool.reporting.answers import Answers, levelled
from casepool.reporting.patients import event_words, total
from casepool.reporting.scales import Number, number_of, prior_of
from casepool.studies.replacement import Replacement, models_asked, pick, read_replacements

FAILED = "do not use"
"""The badge of an answer whose fit failed its checks."""
FEWEST = 5
"""Patients from which a factor has a chapter."""


@dataclass(frozen=True)
class Question:
    """A question, what was printed and counted for it, and the row that answers it.

    Parameters
    ----------
    title, label : str
        The question, and as few words as a line of a table takes.
    answers : Answers
    by : str
        The factor or exposure asked about, "" of everyone.
    table : str
        The public function whose table `row` is of.
    row : pandas.Series
    raw : pandas.Series or None
        What is recomputed or counted without a model.
    claims : tuple of Claim
    """

    title: str
    label: str
    answers: Answers
    by: str
    table: str
    row: pd.Series
    raw: pd.Series | None
    claims: tuple[Claim, ...] = ()

    @property
    def number(self) -> Number | None:
        """The answer."""
        return number_of(self.row)

    @property
    def counted(self) -> Number | None:
        """What was counted, where it is on the answer's scale."""
        return number_of(self.raw) if self.raw is not None and self.raw["unit"] == self.row["unit"] else None

    @property
    def prior(self) -> Number | None:
        """What the prior says by itself."""
        return prior_of(self.row)

    @property
    def badge(self) -> str:
        """How much the data tell: the row's word, unless variants move the answer or the fit is not to be used."""
        if self.answers.verdict == "fail":
            return FAILED
        return badge_of(self.row, list(self.answers.variants(self.row)))


@dataclass
class Chapter:
    """Questions about one outcome and one grouping, and every fit that answers them, each with its factor."""

    questions: list[Question] = field(default_factory=list)
    parts: list[tuple[Answers, str]] = field(default_factory=list)

    @property
    def title(self) -> str:
        """The first question."""
        return self.questions[0].title

    @property
    def leading(self) -> tuple[Answers, str]:
        """The fit and factor the first question is answered by."""
        return self.questions[0].answers, self.questions[0].by


Key = tuple[str, str]


def chapters_of(material: Material, answers: Sequence[Answers]) -> list[Chapter]:
    """Sort questions and fits into chapters: the paper's questions first, then what no question of it asks."""
    found: dict[Key, Chapter] = {}
    for entry in entries_of(material):
        for own in answers:
            if own.fitted.model.name == entry.model:
                by = entry.by or ""
                if (question := _of_entry(entry, own)) is not None:
                    found.setdefault(key_of(own, by), Chapter()).questions.append(question)
                break
    paper = bool(found)
    for own in answers:
        for by in sorted(groupings(own), key=bool):
            key = key_of(own, by)
            if key not in found and not asked_for(own, by, paper=paper):
                continue
            chapter = found.setdefault(key, Chapter())
            chapter.parts.append((own, by))
            if not chapter.questions:
                chapter.questions.append(_of_fit(material, own, by))
    outcomes, fits = list(dict.fromkeys(outcome for outcome, _ in found)), [id(own) for own in answers]
    places = {key: (outcomes.index(key[0]), fits.index(id(chapter.leading[0]))) for key, chapter in found.items()}
    return [found[key] for key in sorted(found, key=lambda key: places[key])]


def entries_of(material: Material) -> list[Replacement]:
    """Read what a paper's questions are answered by; nothing where there is no paper."""
    return read_replacements(material.folder) if material.folder and models_asked(material.folder) else []


def outcome_of(model: Model) -> str:
    """Name an outcome by its column."""
    out = model.outcome
    return out.time or out.lower or out.column or out.events


def key_of(answers: Answers, by: str) -> Key:
    """Tell chapters apart: by outcome, and by the column patients are grouped by."""
    model = answers.fitted.model
    if by in model.exposures:
        return outcome_of(model), model.exposures[by].column
    return outcome_of(model), model.terms[by].source if by else ""


def groupings(answers: Answers) -> Iterator[str]:
    """Yield what a fit tells its patients apart by, "" for everyone."""
    yield from answers.factors or answers.curves
    yield from (by for by in answers.ratios if by not in answers.curves)


def asked_for(answers: Answers, by: str, *, paper: bool) -> bool:
    """Whether a fit tells of a grouping: of everyone beside a paper's questions where nothing is to be compared."""
    told = list(groupings(answers))
    if total(answers.fitted)[0] < FEWEST:
        return by == "" if "" in told else by == told[0]
    if by or not paper or len(told) == 1:
        return True
    return not answers.fitted.is_survival and not any(term.kind in PAIRED for term in levelled(answers.fitted))


def _of_entry(entry: Replacement, own: Answers) -> Question | None:
    """Pick what answers a paper's question; None of one about a time that this report is not told at."""
    by, name = entry.by or "", entry.answer["table"]
    nothing = own.tables["classical", by].iloc[:0]
    try:
        raw = pick(own.tables["classical", by], entry.raw, entry)
        row = pick(own.tables.get((name, by), nothing), entry.answer, entry)
    except CasepoolError:
        if name == "survival":
            return None
        raise
    label = entry.label or entry.question
    return Question(entry.question, label, own, by, name, row, raw, entry.claims)


def _of_fit(material: Material, own: Answers, by: str) -> Question:
    title = question_words(material, own, by)
    name, row = main_row(own, by)
    raw = raw_of(own, by, str(row["level"])) if name == "estimates" else None
    return Question(title, title, own, by, name, row, raw)


def main_row(own: Answers, by: str) -> tuple[str, pd.Series]:
    """Return the row that answers what a fit tells of a grouping: a comparison, else the level with most patients."""
    pairs = own.factors[by].pairs if by in own.factors else own.asked("contrast", by)
    if pairs is not None:
        return "contrast", pairs.iloc[0]
    if own.fitted.is_survival:
        table = own.curves[by]
        return "survival", table[(table["unit"] == own.fitted.unit) & (table["at"] == "")].iloc[0]
    table = own.factors[by].shrunk
    return "estimates", table[table["kind"] == "value"].iloc[0]


def raw_of(own: Answers, by: str, level: str) -> pd.Series | None:
    """Return a level's rate without a model."""
    raw = own.factors[by].raw
    found = raw[(raw["method"] == "Clopper-Pearson") & (raw["level"] == level)]
    return None if found.empty else found.iloc[0]


def question_words(material: Material, own: Answers, by: str) -> str:
    """Put into words what a fit asks, where nobody did."""
    model = own.fitted.model
    if own.fitted.is_survival:
        asked = f"How long until {model.outcome.called}"
        if by in model.exposures:
            return f"{asked}, by {model.exposures[by].called}?"
        return f"{asked}, by {lowered(material.label(model.terms[by].source))}?" if by else f"{asked}?"
    if by:
        return f"Does {lowered(material.label(model.terms[by].source))} matter?"
    return f"How many had {event_words(material, model)}?"
