"""The answers of a survival model: curves, strategies, ratios under several priors, and what stands beside them."""

from __future__ import annotations

import math

import pandas as pd

from casepool.cases.coding_keys import AS_RECORDED
from casepool.estimation.material import Material
from casepool.estimation.ratios import prior_chance
from casepool.estimation.survival import survival_words
from casepool.frequentist.survival_rows import EVER, LANDMARK
from casepool.modelling.families.names import effect_of
from casepool.modelling.specification.cautions import association
from casepool.modelling.specification.exposure import Exposure
from casepool.numbers import capital, shown, with_interval
from casepool.plotting.predictive_curves import draw_prior_survival, draw_survival_check, prior_of
from casepool.plotting.style import data_uri
from casepool.plotting.survival_curves import arm_names, draw_survival
from casepool.plotting.tipping_curve import plot_tipping
from casepool.remarks import parts
from casepool.reporting.answers import Answers
from casepool.reporting.blocks import Block, Cell, Picture, Table, Text
from casepool.reporting.layouts import (
    common_notes,
    finished,
    grid,
    kind,
    number_cell,
    own_note,
    pairs,
    plain,
    ratios,
    tests,
)
from casepool.reporting.pieces import forest, named
from casepool.reporting.sentences import forced_text
from casepool.studies.exposure import exposure_variants

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
        blocks.append(Text(guard_text(material, answer), tone="guard"))
    for by, table in answer.curves.items():
        blocks += [curves_picture(answer, by), curves_table(material, answer, by, table)]
    if answer.exposure is not None:
        blocks += sensitivity_blocks(material, answer)
    for by, found in answer.ratios.items():
        if answer.exposure is None or by != answer.exposure.name:
            caption = f"{named(material, answer, by)}: contrasts"
            blocks.append(pairs(caption, found, mark_rare=not material.public))
    for by, raw in answer.raw.items():
        blocks += raw_blocks(material, answer, by, raw)
    return blocks


def guard_text(material: Material, answer: Answers) -> str:
    """Say how the exposure's numbers must be read."""
    exposure = answer.exposure
    if exposure is None:
        return ""
    if wrong := exposure.guard(answer.fitted.model.outcome):
        return f"Read with care: this model {wrong}."
    return (
        f"Patients count as exposed to {exposure.called} only from its start on: before it they are in the other arm, "
        f"since they had to be {answer.fitted.model.outcome.without} until then. What remains is "
        f"{association(exposure.called)}. {forced_text(material, answer)}"
    ).strip()


def curves_picture(answer: Answers, by: str) -> Picture:
    """Draw the survival curves for the report."""
    arms = list(survival_words(answer.fitted, by or None).arms.values())
    fixed = answer.exposure is not None and not answer.exposure.begins
    seen = "Kaplan-Meier steps of both groups" if fixed else "the Kaplan-Meier curve of all patients"
    caption = f"{capital(answer.fitted.model.outcome.without)} {'' if len(arms) > 2 else '– '}{arm_names(arms, by)}"
    alt = f"Survival curves: {', '.join(arms)}; {seen}; numbers at risk below. The table below holds the numbers."
    return Picture(data_uri(draw_survival(answer.fitted, by=by or None)), alt, caption)


def curves_table(material: Material, answer: Answers, by: str, table: pd.DataFrame) -> Table:
    """Tabulate survival at times, medians and restricted means."""
    told = survival_words(answer.fitted, by or None)
    time = capital(answer.fitted.model.outcome.time_to)
    caption = f"{time}{f' by {by}' if by else ''}: survival at times, median, restricted mean"
    return grid(caption, table, told, mark_rare=not material.public)


def sensitivity_blocks(material: Material, answer: Answers) -> list[Block]:
    """Lay out the ratio of an exposure under every prior and dating."""
    exposure = answer.exposure
    if exposure is None or answer.sensitivity is None:
        return []
    dated = exposure.begins
    own = (str(answer.fitted.model.prior(effect_of(exposure.name))), exposure.dating if dated else "")
    caption = f"{material.label(exposure.column)}: the ratio under three priors{' and two datings' if dated else ''}"
    drawn = told_apart(answer.sensitivity)
    priors = [model.prior(effect_of(exposure.name)) for model in exposure_variants(answer.fitted.model)]
    above = answer.fitted.model.effects == "accelerated"
    alone = {str(prior): prior_chance(prior, above=above) for prior in priors}
    return [
        ratios(caption, answer.sensitivity, exposure.name, own, alone),
        Text(READING, tone="small"),
        forest("The ratio under each prior and dating", drawn, not material.public),
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
    caption = "The ratio as every unknown date moves from the start of its interval to the end"
    alt = f"Tipping curve. {said}"
    return [Picture(data_uri(plot_tipping(table)), alt, caption), Text(said)]


def coding_blocks(material: Material, answer: Answers, exposure: Exposure) -> list[Block]:
    """Tabulate the ratio under every way the codebook knows to say who was exposed."""
    if answer.coded is None:
        return []
    table, rows = answer.coded, []
    decisions = [name for name in table.columns if name in material.codebook.codings]
    values, chances = table[table["kind"] == "ratio"], table[table["kind"] == "probability"]
    shared = common_notes(values)
    for (_, value), (_, chance) in zip(values.iterrows(), chances.iterrows(), strict=True):
        names = [f"{d} {value[d]}" for d in decisions if value[d] != AS_RECORDED]
        numbers = [number_cell(value, parts(value["note"])), number_cell(chance, parts(chance["note"]))]
        counts = Cell(f"{material.count(value['events'])} of {material.count(value['n'])}", own_note(value, shared))
        rows.append([Cell((", ".join(names) or "as recorded").replace("_", " ")), counts, *numbers])
    name, chance_name = str(values["estimand"].iloc[0]), str(chances["estimand"].iloc[0])
    headings = ["who counts as exposed", "events of patients", f"{name}, {kind(values)}", chance_name]
    caption = f"{material.label(exposure.column)}: the ratio under {len(rows)} codings"
    return [finished(Table(caption, headings, rows), not material.public)]


def foreseen(answer: Answers) -> Picture:
    """Draw Kaplan-Meier of what was seen over that of replicated cohorts."""
    caption = "What was seen, over what the model would produce in the same patients and follow-up"
    return Picture(data_uri(draw_survival_check(answer.fitted)), f"{caption}: Kaplan-Meier curves.", caption)


def before_the_data(answer: Answers) -> list[Block]:
    """Draw the survival curves the priors hold possible; nothing under a flat prior, which holds everything so."""
    caption = "What the priors alone hold possible"
    if any(prior.dist == "Flat" for prior in answer.fitted.model.priors.values()):
        return []
    return [
        Picture(data_uri(draw_prior_survival(prior_of(answer.fitted.undated))), f"{caption}: survival curves.", caption)
    ]


def told_apart(table: pd.DataFrame) -> pd.DataFrame:
    """Give every line of a sensitivity table its prior and dating as its level."""
    kept = table[table["kind"] == "ratio"]
    variants = zip(kept["prior"], kept["dating"], strict=True)
    return kept.assign(level=[", ".join(filter(None, variant)) for variant in variants])


def raw_blocks(material: Material, answer: Answers, by: str, raw: pd.DataFrame) -> list[Block]:
    """Lay out what stands beside the model: Kaplan-Meier, Simon-Makuch, ever against never, tests."""
    rare = not material.public
    curves, ratio = raw[raw["kind"] == "value"], raw[raw["kind"] == "ratio"]
    whole, split = curves[curves["dating"] == ""], curves[curves["dating"] != ""]
    biased = ratio["dating"].isin((EVER, LANDMARK))
    blocks: list[Block] = []
    for name, same in whole.groupby("by", sort=False):
        caption = f"Without priors: {answer.fitted.model.outcome.time_to}{f' by {name!s}' if name else ', everyone'}"
        blocks.append(plain(caption, same, mark_rare=rare, folded=len(same) > MOST_ROWS))
    if len(split):
        caption = f"Without a model: follow-up split at {by}, under three datings"
        blocks.append(plain(caption, split, mark_rare=rare, folded=True))
    if len(ratio[~biased]):
        blocks.append(plain(f"Without priors: the ratio of {by}", ratio[~biased], mark_rare=rare))
    if len(ratio[biased]):
        blocks.append(
            plain("Without a model: ever against never, the biased comparison", ratio[biased], mark_rare=rare)
        )
    tested = tests(raw, by)
    return blocks if tested is None else [*blocks, tested]
