"""One chapter per fit: the model, its answers beside the raw ones, figures, and whether to believe it."""

from __future__ import annotations

import pandas as pd

from casepool.estimation import compare
from casepool.modelling.words import ASSOCIATION, GUARD
from casepool.reporting.answers import Answers, ByFactor
from casepool.reporting.blocks import Block, Cell, Heading, Picture, Points, Section, Table, Text
from casepool.reporting.figures import data_uri
from casepool.reporting.forest import draw_forest
from casepool.reporting.layouts import grid, pairs, plain, ratios, said_in, side_by_side, tests
from casepool.reporting.material import Material, survives
from casepool.reporting.model_cards import model_card
from casepool.reporting.numbers import lowered
from casepool.reporting.people import event_words
from casepool.reporting.sentences import forced_text
from casepool.reporting.trajectories import plot_survival


def chapter(material: Material, answer: Answers, place: int) -> Section:
    """Make the chapter of one fit."""
    body = survival_blocks if survives(answer.fitted) else response_blocks
    blocks = [Heading("Answers"), *body(material, answer), Heading("May it be believed?"), believed(material, answer)]
    blocks += [Heading("The model"), *model_card(answer.fitted)]
    return Section(f"fit-{place}", answer.fitted.model.title, blocks, answer.verdict)


def believed(material: Material, answer: Answers) -> Points:
    """Answer every question of the check in a sentence."""
    rows = answer.checks.to_dict("records")
    return Points([(str(r["verdict"]), f"{r['question']}: {material.said(str(r['sentence']))}.") for r in rows])


def named(material: Material, answer: Answers, by: str) -> str:
    """Return what a reader calls a factor."""
    return material.label(answer.fitted.model.terms[by].source) if by else "everyone"


def masked(material: Material, table: pd.DataFrame) -> pd.DataFrame:
    """Take identifiers out of a table's notes, unless the cases are public."""
    return table.assign(note=[material.said(note) for note in table["note"]])


def response_blocks(material: Material, answer: Answers) -> list[Block]:
    """Lay out the answers of a response model, factor by factor."""
    blocks: list[Block] = []
    for by, part in answer.factors.items():
        blocks += factor_blocks(material, named(material, answer, by), event_words(material, answer.fitted.model), part)
    return blocks


def factor_blocks(material: Material, label: str, event: str, part: ByFactor) -> list[Block]:
    """Lay out one factor: rates side by side, the forest plot, contrasts, and the tests they replace."""
    rare = not material.public
    raw, shrunk, new = (masked(material, table) for table in (part.raw, part.shrunk, part.new))
    caption = f"Response, raw beside shrunk: {label}"
    blocks: list[Block] = [side_by_side(caption, label if part.by else "", event, raw, shrunk, new, mark_rare=rare)]
    if not part.by:
        return blocks
    blocks.append(forest(f"Response by {lowered(label)}, raw and shrunk (the level's own patients)", compare(raw, shrunk), rare))
    if part.pairs is not None:
        told = masked(material, part.pairs)
        blocks.append(pairs(f"{label}: contrasts", told, mark_rare=rare))
    if (tested := tests(raw, lowered(label))) is not None:
        blocks.append(tested)
    return blocks


def forest(caption: str, table: pd.DataFrame, rare: bool) -> Picture:
    """Draw a forest plot for the report."""
    levels = len(dict.fromkeys(table["level"]))
    alt = f"Forest plot, {levels} lines: {caption}. The table beside it holds every number."
    return Picture(data_uri(draw_forest(table, mark_rare=rare)), alt, caption)


def survival_blocks(material: Material, answer: Answers) -> list[Block]:
    """Lay out the answers of a survival model."""
    rare = not material.public
    last = float(answer.fitted.design.outcome["time"].max())
    blocks: list[Block] = []
    if answer.exposure is not None:
        blocks.append(Text(guard_text(answer), tone="guard"))
    for by, table in answer.curves.items():
        blocks.append(curves_picture(answer, by, table))
        words = strategy_words(table)
        caption = f"Survival{f' by {by}' if by else ''}: at times, median, restricted mean"
        blocks.append(grid(caption, masked(material, table), lambda level, words=words: words.get(level, level), last, mark_rare=rare))
    blocks += ratio_blocks(material, answer)
    if answer.raw is not None:
        blocks += raw_blocks(material, answer, answer.raw)
    return blocks


def guard_text(answer: Answers) -> str:
    """Say how the exposure's numbers must be read."""
    exposure = answer.exposure
    if exposure is None:
        return ""
    if exposure.as_ == "baseline":
        return f"Read with care: this model {GUARD}."
    return (
        f"Patients count as exposed to {exposure.name} only from its start on: before it they are in the other arm, since they "
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
    caption = f"Survival: {', and '.join(arms)}"
    seen = "Kaplan-Meier steps of ever and never exposed" if answer.exposure and answer.exposure.as_ == "baseline" else "the Kaplan-Meier curve of all patients"
    alt = f"Survival curves with credible bands: {', '.join(arms)}; {seen}; numbers at risk below. The table below holds the numbers."
    return Picture(data_uri(plot_survival(answer.fitted.tree, by=by or None)), alt, caption)


def ratio_blocks(material: Material, answer: Answers) -> list[Block]:
    """Lay out hazard ratios: of the exposure under every prior and dating, of factors as they are."""
    blocks: list[Block] = []
    exposure, rare = answer.exposure, not material.public
    if exposure is not None and answer.sensitivity is not None:
        prior = str(answer.fitted.model.prior(f"{exposure.name}_effect"))
        own = (prior, exposure.dating if exposure.as_ == "time_varying" else "")
        caption = f"{material.label(exposure.column)}: the ratio under three priors" + (" and two datings" if own[1] else "")
        table = ratios(caption, answer.sensitivity, exposure.name, own)
        reading = (
            "The prior's own probability of a ratio on the better side of 1 is 50%: the distance from there is what the data add. "
            "Where the limits move with the prior, they are the prior's."
        )
        blocks += [table, Text(reading, tone="small")]
        blocks.append(forest("The ratio under each prior and dating", told_apart(answer.sensitivity, exposure.name), rare))
    for by, found in answer.ratios.items():
        if exposure is None or by != exposure.name:
            blocks.append(pairs(f"{named(material, answer, by)}: contrasts", masked(material, found), mark_rare=rare))
    return blocks


def told_apart(table: pd.DataFrame, exposure: str) -> pd.DataFrame:
    """Give every line of a sensitivity table its prior and dating as its level."""
    kept = table[table["interval"] != ""]
    priors = [said_in(note, "prior of the log ratio") for note in kept["note"]]
    datings = [said_in(note, f"dates of {exposure}:") for note in kept["note"]]
    return kept.assign(level=[f"{p}{f', {d}' if d else ''}" for p, d in zip(priors, datings, strict=True)])


def raw_blocks(material: Material, answer: Answers, raw: pd.DataFrame) -> list[Block]:
    """Lay out what stands beside the model: Kaplan-Meier, Simon-Makuch, tests."""
    rare = not material.public
    raw = masked(material, raw)
    whole = raw[(raw["unit"] != "P value") & (raw["method"] == "Kaplan-Meier")]
    split = raw[raw["method"].str.startswith("Simon-Makuch")]
    ratio = raw[raw["unit"] == "ratio"]
    blocks: list[Block] = [plain("Without a model: Kaplan-Meier", whole, mark_rare=rare)]
    if len(split):
        caption = "Without a model: follow-up split at the exposure, at three datings"
        blocks.append(plain(caption, split, mark_rare=rare, folded=True))
    if len(ratio):
        blocks.append(plain("Without a model: ever against never exposed, the biased comparison", ratio, mark_rare=rare))
    by = answer.exposure.name if answer.exposure else next((b for b in answer.curves if b), "")
    if (tested := tests(raw, by)) is not None:
        blocks.append(tested)
    return blocks


def glossary() -> list[Block]:
    """Define the words a report uses."""
    words = {
        "raw": "from a level's own patients only, without a model.",
        "shrunk": "under the model: levels borrow from each other, so that a level with one patient is drawn towards the others.",
        "CI": "confidence interval: over repeated studies, 95% of such intervals hold the true value.",
        "CrI": "credible interval: given model, priors and data, the value lies inside with probability 95%.",
        "evaluable": "the patient has the outcome.",
        "a new patient": "the probability for one more patient of the level, whose other characteristics are drawn at random.",
        "association": "what a coefficient of a treatment that was not assigned at random describes: who received it and how they fared, not what it does.",
    }
    rows = [[Cell(word), Cell(text)] for word, text in words.items()]
    return [Table("", ["word", "meaning"], rows)]
