"""One chapter per fit: its answers beside the raw ones, figures, whether to believe it, and the model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from casepool.estimation import compare
from casepool.estimation.material import Material
from casepool.inference.convergence import NOT_ASKED
from casepool.modelling.families.names import sd_of
from casepool.modelling.families.priors import Prior
from casepool.modelling.specification.cautions import lowered
from casepool.reporting.answers import Answers, ByFactor
from casepool.reporting.blocks import Block, Heading, Points, Section, Text
from casepool.reporting.layouts import by_prior, pairs, side_by_side, tests
from casepool.reporting.model_cards import model_card
from casepool.reporting.patients import event_words
from casepool.reporting.pieces import forest, named
from casepool.reporting.sentences import number
from casepool.reporting.survival_chapters import before_the_data, foreseen, survival_blocks


def chapter(material: Material, answer: Answers, place: int) -> Section:
    """Make the chapter of one fit."""
    alive = answer.fitted.is_survival
    body = survival_blocks if alive else response_blocks
    blocks = [
        Heading("Answers"),
        *body(material, answer),
        *prior_blocks(material, answer),
        Heading("May it be believed?"),
        believed(material, answer),
    ]
    blocks += [foreseen(answer)] if alive else []
    blocks += [Heading("The model"), *model_card(answer.fitted), *(before_the_data(answer) if alive else [])]
    return Section(f"fit-{place}", answer.fitted.model.title, blocks, answer.verdict, answer.told)


def believed(material: Material, answer: Answers) -> Points:
    """Answer every question of the check in a sentence."""
    told = []
    for row in answer.checks.to_dict("records"):
        verdict = "" if row["verdict"] == NOT_ASKED else str(row["verdict"] or row["told"])
        told.append((verdict, f"{row['question']}: {row['sentence']}."))
    return Points(told)


def prior_blocks(material: Material, answer: Answers) -> list[Block]:
    """Lay out each factor's answers under other priors of how far its levels differ."""
    blocks: list[Block] = []
    for by, refits in answer.scales.items():
        label = named(material, answer, by)
        caption = f"The same answers under other priors of how far levels differ: {label}"
        blocks += [by_prior(caption, label, refits, str(answer.fitted.model.prior(sd_of(by)))), Text(moved(refits))]
    return blocks and [Heading("Under other priors"), *blocks]


def moved(refits: Sequence[tuple[Prior, pd.DataFrame]]) -> str:
    """Say which answer moves most from the first prior to the last."""
    (first, before), (last, after) = refits[0], refits[-1]
    shift = (after["estimate"].to_numpy() - before["estimate"].to_numpy()) / (before["upper"] - before["lower"])
    if shift.isna().all():
        return ""
    place = int(np.nanargmax(shift.abs()))
    start, end = (number(table.iloc[place]) for table in (before, after))
    return (
        f"From {first} to {last} the answer that moves most, for the width of its interval, is that of "
        f"{before['level'].iloc[place]}: {start}, then {end}. As far as an answer moves so, the prior decides it, "
        "not the patients."
    )


def response_blocks(material: Material, answer: Answers) -> list[Block]:
    """Lay out the answers of a response model, factor by factor."""
    blocks: list[Block] = []
    for by, part in answer.factors.items():
        blocks += factor_blocks(material, named(material, answer, by), event_words(material, answer.fitted.model), part)
    return blocks


def factor_blocks(material: Material, label: str, event: str, part: ByFactor) -> list[Block]:
    """Lay out one factor: rates side by side, the forest plot, contrasts, and the tests they replace."""
    rare = not material.public
    raw, shrunk, new = part.raw, part.shrunk, part.new
    caption = f"Response, raw beside shrunk: {label}"
    blocks: list[Block] = [side_by_side(caption, label if part.by else "", event, raw, shrunk, new, mark_rare=rare)]
    if part.categories:
        caption, heads = f"Every category, raw beside shrunk: {label}", (label if part.by else "", "patients with it")
        blocks.append(side_by_side(caption, *heads, *part.categories, mark_rare=rare, folded=bool(part.by)))
    if not part.by:
        return blocks
    blocks.append(
        forest(f"Response by {lowered(label)}, raw and shrunk (the level's own patients)", compare(raw, shrunk), rare)
    )
    if part.pairs is not None:
        blocks.append(pairs(f"{label}: contrasts", part.pairs, mark_rare=rare))
    if (tested := tests(raw, lowered(label))) is not None:
        blocks.append(tested)
    return blocks
