"""A chapter about a response: of everyone, of levels that borrow, or of levels that are compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pandas as pd

from casepool.estimation.level_order import in_order, own_order
from casepool.estimation.material import Material
from casepool.frequentist.proportions import clopper_pearson
from casepool.modelling.families.names import sd_of
from casepool.modelling.specification.cautions import association, lowered
from casepool.numbers import capital, chance_of, listed, shown
from casepool.reporting import selection_blocks
from casepool.reporting.answers import Answers
from casepool.reporting.blocks import Block, Estimates, Fold, Group, Lever, Line, Text
from casepool.reporting.cautions import CHOSEN, PUBLICATION, Trial, published, trials_of
from casepool.reporting.lines import (
    FEWEST,
    adjusted,
    counted_number,
    counts_of,
    estimates_block,
    everyone_lines,
    gathered,
    grouped,
    level_lines,
    level_words,
    levels_of,
    line_of,
    new_line,
    pair_groups,
    seen_lines,
)
from casepool.reporting.patients import event_words, total
from casepool.reporting.pieces import compared, named
from casepool.reporting.questions import Chapter, raw_of
from casepool.reporting.response_figures import bars_of_codes, ledger_figure
from casepool.reporting.response_folds import folds, recoded_rows
from casepool.reporting.scales import PERCENT, Number, number_of

MOST_CHOICES = 5
"""Positions of a lever."""
WIDTHS = ("levels alike", "as the model has it", "levels further apart")


def quote(material: Material, chapter: Chapter) -> str:
    """Say the answer to a chapter's first question in a sentence that stands alone."""
    own, by = chapter.leading
    if by == "":
        return _quote_everyone(material, own)
    if own.factors[by].pairs is not None:
        return _quote_pair(material, own, by)
    return _quote_level(material, own, by, str(chapter.questions[0].row["level"]))


def _counted(material: Material, row: pd.Series, raw: Number | None, words: str) -> str:
    limits = f" ({raw.text}, 95% CI {raw.limits.strip('()')})" if raw else ""
    return f"{material.count(row['events'])}{limits} had {words}"


def _interval(row: pd.Series) -> str:
    number = number_of(row)
    return number.said if number else "not known"


def _quote_everyone(material: Material, own: Answers) -> str:
    row, words = own.factors[""].shrunk.iloc[0], event_words(material, own.fitted.model)
    counted = _counted(material, row, counted_number(material, raw_of(own, "", str(row["level"]))), words)
    allowing = adjusted(material, own)
    where = "published cases, which rarely tell of failures" if published(material) else "the patients of this table"
    return (
        f"Of {material.count(row['n'])} evaluable patients, {counted}; {f'{allowing}, ' if allowing else ''}the mean "
        f"probability is {_interval(row)}, among {where}."
    )


def _quote_level(material: Material, own: Answers, by: str, level: str) -> str:
    table = own.factors[by].shrunk
    row = table[table["level"] == level].iloc[0]
    words = event_words(material, own.fitted.model)
    counted = _counted(material, row, counted_number(material, raw_of(own, by, level)), words)
    label = lowered(material.label(own.fitted.model.terms[by].source))
    return (
        f"Of {material.count(row['n'])} evaluable patients with {label} {level}, {counted}; where levels "
        f"inform each other the probability is {_interval(row)}, of which no more than {_own_share(own, by, level)} is "
        "these patients' own."
    )


def _own_share(own: Answers, by: str, level: str) -> str:
    shares = own.fitted.shares.get(by, {})
    return shown(shares[level], "probability") if level in shares else "a part"


def _quote_pair(material: Material, own: Answers, by: str) -> str:
    part, pairs = own.factors[by], compared(own, by)
    difference, chance = pairs.iloc[0], pairs[pairs["kind"] == "probability"].iloc[0]
    words = event_words(material, own.fitted.model)
    rows = part.shrunk[(part.shrunk["kind"] == "value") & (part.shrunk["n"] > 0)]
    counts = [
        f"{material.count(r['events'])} of {material.count(r['n'])} {level_words(material, own, by, r['level'])}"
        for _, r in rows.iterrows()
    ]
    first, second = (level_words(material, own, by, level) for level in levels_of(own, by, str(difference["level"])))
    what = association(lowered(material.label(own.fitted.model.terms[by].source)))
    return (
        f"{words} in {listed(counts)}; {first} against {second} the difference is {_interval(difference)}, with a "
        f"chance of {chance_of(chance['estimate'])} that it is above 0, which is {what}."
    )


def body(material: Material, chapter: Chapter) -> Iterator[Block]:
    """Lay out figure, table, limits and folds of a chapter about a response."""
    own, by = chapter.leading
    if by == "":
        yield from filter(None, [bars_of_codes(material, own, "")])
        yield from _everyone_table(material, chapter)
        yield from selection_blocks.blocks(material, own)
    elif own.factors[by].pairs is not None:
        yield from filter(None, [bars_of_codes(material, own, by)])
        yield _pair_table(material, [chapter.leading])
    else:
        yield from filter(None, [ledger_figure(material, own, by)])
        yield from _level_table(material, chapter)
    yield Text(limits(material, chapter), tone="cannot")
    others = [part for part in _parts_in_order(chapter)[1:] if by and part[0].factors[part[1]].pairs is not None]
    if others:
        yield Fold("By other models", [_pair_table(material, others)])
    yield from folds(material, chapter)


def _everyone_table(material: Material, chapter: Chapter) -> Iterator[Block]:
    own, _ = chapter.leading
    lines = everyone_lines(material, chapter)
    ordinal = next((other for other, by in chapter.parts if by == "" and other.fitted.model.is_ordinal), None)
    each = _category_lines(material, ordinal) if ordinal else []
    single = {line.label for line in each}
    groups = grouped([line for line in lines if line.label not in single] + new_line(material, own))
    groups += [Group("Each answer by itself", PERCENT, each)] if each else []
    if trials := trials_of(material.folder):
        groups += [Group("Prospective trials, not used above", PERCENT, [_trial_line(t) for t in trials])]
    caption = f"How many had {event_words(material, own.fitted.model)}."
    choices = [("as recorded", estimates_block(material, caption, groups))]
    for words, row in recoded_rows(material, own, one_each=True)[: MOST_CHOICES - 1]:
        counted = clopper_pearson(int(row["events"]), int(row["n"]))
        raw = (
            None
            if material.hides(row["events"], row["n"])
            else Number(row["events"] / row["n"], *counted, "probability")
        )
        line = replace(lines[0], counts=counts_of(material, row), raw=raw, answer=number_of(row))
        choices.append((words, estimates_block(material, caption, grouped([line]))))
    yield choices[0][1] if len(choices) == 1 else Lever("Who is counted, and as what", "evaluable", choices)


def _category_lines(material: Material, own: Answers) -> list[Line]:
    raw, shrunk, _ = own.factors[""].categories
    single = own.fitted.model.outcome.levels
    lines: list[Line] = []
    for _, row in shrunk[shrunk["at"].isin(single)].iloc[::-1].iterrows():
        alone = raw[(raw["at"] == row["at"]) & (raw["method"] == "Clopper-Pearson")]
        line = line_of(material, own, row.copy(), "estimates", label=str(row["at"]))
        raw_number = counted_number(material, alone.iloc[0]) if len(alone) else None
        if not any(line.label == one.label for one in lines):
            lines.append(Line(line.label, line.counts, raw_number, line.answer, line.prior, line.told, line.failed))
    return lines


def _trial_line(trial: Trial) -> Line:
    low, high = clopper_pearson(trial.events, trial.n)
    raw = Number(trial.events / trial.n, low, high, "probability")
    return Line(trial.trial.partition(" (")[0], f"{trial.events} of {trial.n}", raw, note=trial.population)


def _level_table(material: Material, chapter: Chapter) -> Iterator[Block]:
    own, by = chapter.leading
    label, words = named(material, own, by), event_words(material, own.fitted.model)
    caption = f"{capital(words)}, by {lowered(label)}."
    everyone = line_of(material, own, own.factors[""].shrunk.iloc[0], "estimates", label="Everyone", style="all")
    levels = level_lines(material, own, by)
    notes = [
        f"{n} levels of fewer than {FEWEST} patients, each in the fold and the file." for n in [gathered(levels)] if n
    ]
    default = estimates_block(material, caption, grouped([everyone, *levels]), notes)
    refits = own.scales.get(by, [])
    if len(refits) < 2:
        yield default
        return
    choices = [(WIDTHS[1], default)]
    model_prior = str(own.fitted.model.prior(sd_of(by)))
    for words_, (prior, table) in zip(WIDTHS, refits, strict=False):
        if str(prior) != model_prior:
            lines = [everyone, *_refitted(material, own, by, table)]
            choices.append((words_, estimates_block(material, caption, grouped(lines), notes)))
    yield Lever("How far levels may differ", f"levels-{own.fitted.model.name}-{by}", choices)


def _refitted(material: Material, own: Answers, by: str, table: pd.DataFrame) -> list[Line]:
    table = in_order(table, own_order(own.fitted, by))
    return seen_lines(material, own, by, table[(table["kind"] == "value") & (table["n"] > 0)])


def _pair_table(material: Material, parts: Sequence[tuple[Answers, str]]) -> Estimates:
    groups: list[Group] = []
    for own, by in parts:
        words = event_words(material, own.fitted.model)
        heading = f"{words}{', with every answer in one model' if own.fitted.model.is_ordinal else ''}"
        groups += grouped(level_lines(material, own, by), heading if own.fitted.model.is_ordinal or parts[1:] else "")
        groups += pair_groups(material, own, by)
    own, by = parts[0]
    return estimates_block(
        material, f"{event_words(material, own.fitted.model)}, by {lowered(named(material, own, by))}.", groups
    )


def _parts_in_order(chapter: Chapter) -> list[tuple[Answers, str]]:
    """Return the leading fit first."""
    first = chapter.leading
    return [first, *(part for part in chapter.parts if part[0] is not first[0] and part[0].factors)]


def limits(material: Material, chapter: Chapter) -> str:
    """Say what a chapter about a response cannot show."""
    own, by = chapter.leading
    n, events = total(own.fitted)
    without = f"{material.count(n - events, 'patient')} without {event_words(material, own.fitted.model)}"
    if by == "":
        why = PUBLICATION if published(material) else CHOSEN
        return f"What it cannot show: how patients fare who are not in the table. {why}"
    label = lowered(named(material, own, by))
    if own.factors[by].pairs is not None:
        return (
            f"What it cannot show: why. This is {association(label)}; whatever separates the levels rests on the "
            f"{without} and on the priors."
        )
    table = own.factors[by].shrunk
    seen = table[(table["kind"] == "value") & (table["n"] > 0)]
    single = int((seen["n"] == 1).sum())
    few = (
        f"{single} of {len(seen)} have one patient, and what is said of them is mostly said of the others"
        if material.public and single
        else "levels with few patients say mostly what the others do"
    )
    return (
        f"What it cannot show: what one patient would. {capital(few)}; all that separates levels rests on the "
        f"{without}."
    )
