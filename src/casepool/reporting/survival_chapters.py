"""The answers of a survival model: curves, strategies, ratios under several priors, and what stands beside them."""

from __future__ import annotations

import pandas as pd

from casepool.modelling.words import ASSOCIATION, guard
from casepool.reporting.answers import Answers
from casepool.reporting.blocks import Block, Picture, Table, Text
from casepool.reporting.figures import data_uri
from casepool.reporting.layouts import grid, pairs, plain, ratios, said_in, tests
from casepool.reporting.material import Material
from casepool.reporting.pieces import forest, masked, named
from casepool.reporting.sentences import forced_text
from casepool.reporting.trajectories import arm_names, plot_survival

READING = (
    "The prior's own probability of a ratio on the better side of 1 is 50%: the distance from there is what the "
    "data add. "
    "Where the limits move with the prior, they are the prior's."
)
MOST_ROWS = 12
"""Rows a table of raw answers may have before it is folded."""


def survival_blocks(material: Material, answer: Answers) -> list[Block]:
    """Lay out the answers of a survival model."""
    blocks: list[Block] = []
    if answer.exposure is not None:
        blocks.append(Text(guard_text(answer), tone="guard"))
    for by, table in answer.curves.items():
        blocks += [curves_picture(answer, by, table), curves_table(material, answer, by, table)]
    if answer.exposure is not None:
        blocks += sensitivity_blocks(material, answer)
    for by, found in answer.ratios.items():
        if answer.exposure is None or by != answer.exposure.name:
            caption = f"{named(material, answer, by)}: contrasts"
            blocks.append(pairs(caption, masked(material, found), mark_rare=not material.public))
    for by, raw in answer.raw.items():
        blocks += raw_blocks(material, by, masked(material, raw))
    return blocks


def guard_text(answer: Answers) -> str:
    """Say how the exposure's numbers must be read."""
    exposure = answer.exposure
    if exposure is None:
        return ""
    if wrong := guard(exposure, answer.fitted.unit):
        return f"Read with care: this model {wrong}."
    return (
        f"Patients count as exposed to {exposure.name} only from its start on: before it they are in the other "
        "arm, since they "
        f"had to survive until then. What remains is {ASSOCIATION}. {forced_text(answer)}"
    ).strip()


def strategy_words(table: pd.DataFrame) -> dict[str, str]:
    """Return the words for each arm of a survival table."""
    words: dict[str, str] = {}
    for _, row in table.iterrows():
        words.setdefault(str(row["level"]), str(row["estimand"]).partition(": ")[2] or str(row["level"]))
    return words


def curves_picture(answer: Answers, by: str, table: pd.DataFrame) -> Picture:
    """Draw the survival curves for the report."""
    arms = [words for level, words in strategy_words(table).items() if " vs " not in level]
    fixed = answer.exposure is not None and not answer.exposure.begins
    seen = "Kaplan-Meier steps of both groups" if fixed else "the Kaplan-Meier curve of all patients"
    caption = f"Survival {'' if len(arms) > 2 else '– '}{arm_names(arms, by)}"
    alt = f"Survival curves: {', '.join(arms)}; {seen}; numbers at risk below. The table below holds the numbers."
    return Picture(data_uri(plot_survival(answer.fitted.tree, by=by or None)), alt, caption)


def curves_table(material: Material, answer: Answers, by: str, table: pd.DataFrame) -> Table:
    """Tabulate survival at times, medians and restricted means."""
    words = strategy_words(table)
    last = float(answer.fitted.design.outcome["time"].max())
    caption = f"Survival{f' by {by}' if by else ''}: at times, median, restricted mean"
    return grid(caption, masked(material, table), words, last, mark_rare=not material.public)


def sensitivity_blocks(material: Material, answer: Answers) -> list[Block]:
    """Lay out the ratio of an exposure under every prior and dating."""
    exposure = answer.exposure
    if exposure is None or answer.sensitivity is None:
        return []
    dated = exposure.begins
    own = (str(answer.fitted.model.prior(f"{exposure.name}_effect")), exposure.dating if dated else "")
    caption = f"{material.label(exposure.column)}: the ratio under three priors{' and two datings' if dated else ''}"
    drawn = told_apart(answer.sensitivity, exposure.name)
    return [
        ratios(caption, answer.sensitivity, exposure.name, own),
        Text(READING, tone="small"),
        forest("The ratio under each prior and dating", drawn, not material.public),
    ]


def told_apart(table: pd.DataFrame, exposure: str) -> pd.DataFrame:
    """Give every line of a sensitivity table its prior and dating as its level."""
    kept = table[table["interval"] != ""]
    priors = [said_in(note, "prior of the log ratio") for note in kept["note"]]
    datings = [said_in(note, f"dates of {exposure}:") for note in kept["note"]]
    return kept.assign(level=[f"{p}{f', {d}' if d else ''}" for p, d in zip(priors, datings, strict=True)])


def raw_blocks(material: Material, by: str, raw: pd.DataFrame) -> list[Block]:
    """Lay out what stands beside the model: Kaplan-Meier, Simon-Makuch, ever against never, tests."""
    rare = not material.public
    whole = raw[(raw["unit"] != "P value") & (raw["method"] == "Kaplan-Meier")]
    split = raw[raw["method"].str.startswith("Simon-Makuch")]
    ratio = raw[raw["unit"] == "ratio"]
    blocks: list[Block] = []
    for name, same in whole.groupby("by", sort=False):
        caption = "Without a model: Kaplan-Meier" + (f" by {name!s}" if name else " of everyone")
        blocks.append(plain(caption, same, mark_rare=rare, folded=len(same) > MOST_ROWS))
    if len(split):
        caption = f"Without a model: follow-up split at {by}, under three datings"
        blocks.append(plain(caption, split, mark_rare=rare, folded=True))
    if len(ratio):
        blocks.append(plain("Without a model: ever against never, the biased comparison", ratio, mark_rare=rare))
    tested = tests(raw, by)
    return blocks if tested is None else [*blocks, tested]
