"""The chapters of a report, one a question, and the table of all questions."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from casepool.estimation.material import Material
from casepool.estimation.survival import survival_words
from casepool.modelling.design.touched import unvaried
from casepool.numbers import capital
from casepool.reporting import response_chapters, survival_chapters
from casepool.reporting.blocks import Badge, Block, Estimates, Group, Line, Quote, Section, Text
from casepool.reporting.lines import pair_words
from casepool.reporting.questions import FAILED, Chapter, Question
from casepool.reporting.scales import number_of, scale_of
from casepool.tables import EVERYONE
from casepool.writing import HIDDEN

MOST_LINES = 12
"""Lines the table of questions has room for on a first screen; those of further chapters give way."""


def chapter_section(material: Material, chapter: Chapter, place: int) -> Section:
    """Make the chapter of one question: badge, a sentence to quote, figure, table, limits, folds."""
    own, _ = chapter.leading
    kind = survival_chapters if own.fitted.is_survival else response_chapters
    quote = kind.quote(material, chapter)
    badge = chapter.questions[0].badge
    blocks: list[Block] = [*([Badge(badge)] if badge else []), Quote(quote, f"q{place}")]
    blocks += [
        Text(f"{capital(one.text(public=material.public))}.", tone="guard") for one in unvaried(own.fitted.design)
    ]
    blocks += kind.body(material, chapter)
    short = next((q.label for q in chapter.questions), chapter.title)
    return Section(f"c{place}", chapter.title, blocks, short, place)


def questions_table(material: Material, chapters: Sequence[Chapter], further: Sequence[Group] = ()) -> Estimates:
    """Lay out every question in a line: printed, recomputed or counted, answered, drawn on a scale of its own.

    `further` are the lines of chapters that are not of the cases' own outcomes.
    """
    groups: list[Group] = []
    printed = any(question.claims for chapter in chapters for question in chapter.questions)
    for place, chapter in enumerate(chapters, start=1):
        for question in chapter.questions:
            line = _line(material, question, f"c{place}")
            groups.append(Group("", scale_of(str(question.row["unit"]), [line.answer, line.raw]), [line]))
    groups += further if len(groups) + len(further) <= MOST_LINES else ()
    caption = "The paper's questions." if printed else "The questions."
    return Estimates(
        caption,
        groups,
        ("Printed" if printed else "", "Recomputed" if printed else "As counted", "Answer, 95% interval"),
    )


def _line(material: Material, question: Question, link: str) -> Line:
    printed = ", ".join(claim.printed for claim in question.claims)
    said = subject(question)
    if question.table == "contrast" and question.by in question.answers.fitted.model.terms and not printed:
        said = f"{pair_words(material, question.answers, question.by, str(question.row['level']))}: {said}"
    raw = question.raw
    hidden = raw is not None and raw["kind"] == "value" and material.hides(raw["events"], raw["n"])
    return Line(
        question.label,
        HIDDEN if hidden else recomputed(question.raw),
        None if hidden else question.counted,
        question.number,
        question.prior,
        question.badge,
        question.badge == FAILED,
        note=said,
        printed=printed,
        link=link,
    )


def recomputed(raw: pd.Series | None) -> str:
    """Write what was counted or tested without a model."""
    found = number_of(raw)
    if raw is None or found is None:
        return "–"
    if raw["unit"] == "P value":
        return f"P {found.text}" if found.text.startswith("<") else f"P = {found.text}"
    return str(found)


def subject(question: Question) -> str:
    """Say what an answer is of: a level, a ratio or difference, a time; nothing where it is everyone's."""
    row = question.row
    if question.table == "contrast":
        return str(row["estimand"])
    if question.table == "survival":
        names = survival_words(question.answers.fitted, question.by or None).quantities
        place = None if row["at"] == "" else float(row["at"]), row["unit"], row["kind"] == "probability"
        said = "median" if row["at"] == "" else names.get(place, str(row["estimand"]))
        return f"{row['level']}: {said}" if question.by in question.answers.fitted.model.terms else said
    return "" if row["level"] == EVERYONE else str(row["level"])
