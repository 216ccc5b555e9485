"""What stands folded beside a time to an event: its ratio under other priors, dates and codings, and the counts."""

from __future__ import annotations

import math

import pandas as pd

from casepool.cases.coding_keys import AS_RECORDED
from casepool.estimation.material import Material
from casepool.estimation.ratios import prior_chance
from casepool.frequentist.survival_rows import EVER, LANDMARK
from casepool.modelling.families.names import effect_of
from casepool.modelling.specification.exposure import Exposure
from casepool.numbers import shown, with_interval
from casepool.remarks import parts
from casepool.reporting.answers import Answers
from casepool.reporting.blocks import Block, Cell, Table, Text
from casepool.reporting.layouts import (
    common_notes,
    finished,
    kind,
    number_cell,
    own_note,
    plain,
    ratios,
    tests,
)
from casepool.reporting.patients import choice_words, dates_open
from casepool.studies.exposure import exposure_variants

READING = (
    "The prior's own probability of a ratio on the better side of 1 is 50%: the distance from there is what the "
    "data add. "
    "Where the limits move with the prior, they are the prior's."
)


def sensitivity_blocks(material: Material, answer: Answers) -> list[Block]:
    """Lay out the ratio of an exposure under every prior and dating."""
    exposure = answer.exposure
    if exposure is None or answer.sensitivity is None:
        return []
    dated = exposure.begins and dates_open(answer.fitted)
    own = (str(answer.fitted.model.prior(effect_of(exposure.name))), exposure.dating if exposure.begins else "")
    caption = f"{material.label(exposure.column)}: the ratio under three priors{' and two datings' if dated else ''}"
    priors = [model.prior(effect_of(exposure.name)) for model in exposure_variants(answer.fitted.model)]
    above = answer.fitted.model.effects == "accelerated"
    alone = {str(prior): prior_chance(prior, above=above) for prior in priors}
    table = answer.sensitivity if dated else answer.sensitivity[answer.sensitivity["dating"] == own[1]]
    return [
        ratios(caption, table, exposure.name, own, alone),
        Text(READING, tone="small"),
        *tipping_blocks(answer, exposure.name),
        *coding_blocks(material, answer, exposure),
    ]


def tipping_blocks(answer: Answers, exposure: str) -> list[Block]:
    """Show the ratio as unknown dates move through their intervals, and say where its limit passes 1."""
    if answer.tipped is None:
        return []
    table = answer.tipped
    ratio, last = table[table["kind"] == "ratio"], table.iloc[-1]
    ends = [
        f"{with_interval(r['estimate'], r['lower'], r['upper'], 'ratio')}" for _, r in ratio.iloc[[0, -1]].iterrows()
    ]
    point, low, high = (shown(last[name], "probability") for name in ("estimate", "lower", "upper"))
    where = f"at {point} of the way (between the refits at {low} and {high})"
    where = str(last["note"]) if math.isnan(last["lower"]) else where
    said = (
        f"With every unknown date of {exposure} at the start of its interval the {ratio['estimand'].iloc[0]} is "
        f"{ends[0]}, at the end {ends[1]}. Where the limit first passes 1: {where}."
    )
    return [Text(said)]


def coding_blocks(material: Material, answer: Answers, exposure: Exposure) -> list[Block]:
    """Tabulate the ratio under every way the codebook knows to say who was exposed."""
    if answer.coded is None:
        return []
    table, rows = answer.coded, []
    decisions = [name for name in table.columns if name in material.codebook.codings]
    values, chances = table[table["kind"] == "ratio"], table[table["kind"] == "probability"]
    shared = common_notes(values)
    for (_, value), (_, chance) in zip(values.iterrows(), chances.iterrows(), strict=True):
        names = [choice_words(material, d, value[d]) for d in decisions if value[d] != AS_RECORDED]
        numbers = [number_cell(value, parts(value["note"])), number_cell(chance, parts(chance["note"]))]
        counts = Cell(f"{material.count(value['events'])} of {material.count(value['n'])}", own_note(value, shared))
        rows.append([Cell(", ".join(names) or "as recorded"), counts, *numbers])
    name, chance_name = str(values["estimand"].iloc[0]), str(chances["estimand"].iloc[0])
    headings = ["who counts as exposed", "events of patients", f"{name}, {kind(values)}", chance_name]
    caption = f"{material.label(exposure.column)}: the ratio under {len(rows)} codings"
    return [finished(Table(caption, headings, rows), not material.public)]


def raw_blocks(material: Material, answer: Answers, by: str, raw: pd.DataFrame) -> list[Block]:
    """Lay out what stands beside the model: Kaplan-Meier, Simon-Makuch, ever against never, tests."""
    rare = not material.public
    curves, ratio = raw[raw["kind"] == "value"], raw[raw["kind"] == "ratio"]
    whole, split = curves[curves["dating"] == ""], curves[curves["dating"] != ""]
    biased = ratio["dating"].isin((EVER, LANDMARK))
    blocks: list[Block] = []
    for name, same in whole.groupby("by", sort=False):
        caption = f"Without priors: {answer.fitted.model.outcome.time_to}{f' by {name!s}' if name else ', everyone'}"
        blocks.append(plain(caption, same, mark_rare=rare))
    if len(split):
        caption = f"Without a model: follow-up split at {by}, under three datings"
        blocks.append(plain(caption, split, mark_rare=rare))
    if len(ratio[~biased]):
        blocks.append(plain(f"Without priors: the ratio of {by}", ratio[~biased], mark_rare=rare))
    if len(ratio[biased]):
        blocks.append(
            plain("Without a model: ever against never, the biased comparison", ratio[biased], mark_rare=rare)
        )
    tested = tests(raw, by)
    return blocks if tested is None else [*blocks, tested]
