"""What stands folded beside a response: variants, every level and comparison, the tests that are replaced."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pandas as pd

from casepool.estimation.material import Material
from casepool.modelling.families.names import sd_of
from casepool.modelling.specification.cautions import lowered
from casepool.reporting.answers import Answers
from casepool.reporting.blocks import Block, Fold, Line, Text
from casepool.reporting.layouts import by_prior, plain, side_by_side, tests
from casepool.reporting.lines import (
    counts_of,
    estimates_block,
    grouped,
)
from casepool.reporting.patients import choice_words, decision_words, event_words
from casepool.reporting.pieces import moved, named
from casepool.reporting.questions import Chapter
from casepool.reporting.scales import number_of


def recoded_rows(material: Material, own: Answers, *, one_each: bool = False) -> list[tuple[str, pd.Series]]:
    """Return everyone's answer under other codings, each with its words; `one_each`: one choice a decision."""
    if own.recoded is None:
        return []
    table = own.recoded[own.recoded["varied"] == "coding"]
    table = table.drop_duplicates("decision", keep="last") if one_each else table
    return [(coding_words(material, row), row) for _, row in table.iterrows()]


def coding_words(material: Material, row: pd.Series) -> str:
    """Say what a coding is, in a reader's words: those of the codebook, or what those without an outcome count as."""
    if row["decision"] not in material.codebook.codings:
        return str(row["coding"])
    return f"{decision_words(material, row['decision'])}: {choice_words(material, row['decision'], row['choice'])}"


def folds(material: Material, chapter: Chapter) -> Iterator[Fold]:
    """Fold what is there for who asks: variants, every category, the tests that are replaced."""
    rare = not material.public
    variants: list[Block] = []
    tested: list[Block] = []
    categories: list[Block] = []
    pairwise: list[Block] = []
    for own, by in chapter.parts:
        if own.fitted.is_survival or by not in own.factors:
            continue
        part, label = own.factors[by], named(material, own, by)
        words = event_words(material, own.fitted.model)
        if by and by in own.scales:
            refits = own.scales[by]
            caption = f"{words}, by {lowered(label)}, under other priors of how far levels differ"
            variants += [by_prior(caption, label, refits, str(own.fitted.model.prior(sd_of(by)))), Text(moved(refits))]
        if by:
            caption = f"{words}, by {lowered(label)}: raw, shrunk, and for a new patient"
            categories.append(side_by_side(caption, label, words, part.raw, part.shrunk, part.new, mark_rare=rare))
        if part.pairs is not None:
            pairwise.append(
                plain(f"{words}, by {lowered(label)}: every comparison", own.tables["contrast", by], mark_rare=rare)
            )
        if part.categories:
            caption = f"Every category, {lowered(label)}"
            categories.append(
                side_by_side(caption, label if by else "", "patients with it", *part.categories, mark_rare=rare)
            )
        if (table := tests(part.raw, lowered(label))) is not None:
            tested.append(replace(table, caption=f"{words}: {table.caption[:1].lower()}{table.caption[1:]}"))
    own, by = chapter.leading
    if by == "" and (recoded := recoded_rows(material, own)):
        lines = [
            Line(
                words, counts_of(material, row), None, number_of(row), None, str(row["told"]), row["verdict"] == "fail"
            )
            for words, row in recoded
        ]
        variants.append(estimates_block(material, "Everyone's answer under other codings", grouped(lines)))
    if variants:
        yield Fold("All variants", variants)
    if categories:
        yield Fold("Every level, with a new patient of it" if by else "Every category", categories)
    if pairwise:
        yield Fold("Every comparison", pairwise)
    if tested:
        yield Fold("The tests this replaces", tested)
