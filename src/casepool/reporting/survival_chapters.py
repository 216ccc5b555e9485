"""A chapter about a time to an event: curves, survival by strategy or level, the ratio of an exposure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from casepool.estimation.arms import arms_of
from casepool.estimation.draws import Fitted
from casepool.estimation.material import Material
from casepool.estimation.survival import survival_words
from casepool.estimation.told import no_more_than
from casepool.modelling.families.names import effect_of
from casepool.modelling.families.priors import Prior
from casepool.modelling.specification.cautions import association, lowered
from casepool.modelling.specification.exposure import Exposure
from casepool.numbers import capital, chance_of, listed
from casepool.reporting.answers import Answers
from casepool.reporting.blocks import HEADS, Block, Estimates, Figure, Fold, Group, Lever, Line, Text
from casepool.reporting.cautions import OTHER_ENDS, PUBLISHED_ENDS, forced_text, published
from casepool.reporting.curve_figures import MOST_ARMS, curves, followed_until
from casepool.reporting.figures import stacked
from casepool.reporting.layouts import plain, tests
from casepool.reporting.lines import (
    chance_words,
    estimates_block,
    grouped,
    level_words,
    line_of,
    pair_groups,
    pair_words,
)
from casepool.reporting.patients import dates_open, exposed, total
from casepool.reporting.pieces import named
from casepool.reporting.questions import Chapter
from casepool.reporting.scales import Number, number_of, scale_of
from casepool.reporting.survival_variants import raw_blocks, sensitivity_blocks
from casepool.studies.exposure import exposure_variants

SHOWN = ("probability", "difference")
MIDDLE = "middle"
"""The dating under which follow-up split at an exposure stands beside a model's arms."""
HALF = (0.25, 0.75)
"""Between these quantiles lies half of what a prior expects."""


def quote(material: Material, chapter: Chapter) -> str:
    """Say the answer to a chapter's first question in a sentence that stands alone."""
    own, by = chapter.leading
    (n, events), out = total(own.fitted), own.fitted.model.outcome
    if own.exposure is None or by != own.exposure.name:
        return _quote_time(material, own, by) if by in own.curves else _quote_ratio(material, own, by)
    (who, among), exposure = exposed(own.fitted), own.exposure
    ratio, chance = (own.ratios[by][own.ratios[by]["kind"] == kind].iloc[0] for kind in ("ratio", "probability"))
    number, better = number_of(ratio), "above" if own.fitted.model.effects == "accelerated" else "below"
    arms = exposure.compared_arms(own.fitted.unit)
    counting = f"counting {exposure.called} from its start on" if exposure.begins else f"{arms[1]} against {arms[0]}"
    weakness = "not its cause" if among else "whose direction the missing events force and whose size the prior sets"
    return (
        f"{capital(out.called)} in {material.count(among)} of {material.count(who)} {exposure.arms[1]} and "
        f"{material.count(events - among)} of {material.count(n - who)} other patients; {counting}, the "
        f"{ratio['estimand']} is {number.said if number else 'not known'} with a chance of "
        f"{chance_of(chance['estimate'])} that it is {better} 1, {association(exposure.called)}, {weakness}."
    )


def _quote_time(material: Material, own: Answers, by: str) -> str:
    (n, events), out = total(own.fitted), own.fitted.model.outcome
    table = own.curves[by]
    medians = table[(table["unit"] == own.fitted.unit) & (table["at"] == "") & (table["kind"] == "value")]
    found = [
        (number, level_words(material, own, by, str(row["level"])))
        for _, row in medians.iterrows()
        if (number := number_of(row)) is not None
    ]
    told = [f"{number.said}{f' for {level}' if by else ''}" for number, level in found]
    said = f"is {listed(told)}"
    if len(found) > 2:
        order = sorted(range(len(found)), key=lambda place: found[place][0].estimate)
        said = f"goes from {told[order[0]]} to {told[order[-1]]}"
    ends = (
        "while follow-up often ended when a case was published"
        if published(material)
        else "as far as follow-up reaches"
    )
    return (
        f"{material.count(events)} of {material.count(n)} patients had {out.called}; the {out.median} {said}, {ends}."
    )


def _quote_ratio(material: Material, own: Answers, by: str) -> str:
    """Say how the levels of a factor compare, where a model tells of them beside an exposure."""
    (n, events), out = total(own.fitted), own.fitted.model.outcome
    table = own.ratios[by]
    ratio, chance = (table[table["kind"] == kind].iloc[0] for kind in ("ratio", "probability"))
    number, pair = number_of(ratio), pair_words(material, own, by, str(ratio["level"]))
    better = "above" if own.fitted.model.effects == "accelerated" else "below"
    return (
        f"{capital(out.called)} in {material.count(events)} of {material.count(n)} patients; {pair} the "
        f"{ratio['estimand']} is {number.said if number else 'not known'} with a chance of "
        f"{chance_of(chance['estimate'])} that it is {better} 1, "
        f"{association(lowered(named(material, own, by)))}."
    )


def body(material: Material, chapter: Chapter) -> Iterator[Block]:
    """Lay out figure, tables, limits and folds of a chapter about a time."""
    own, by = chapter.leading
    if by in own.curves:
        yield curves(own.fitted, by)
        yield _by_arm(material, own, by, chapter.questions[0].badge)
    if own.exposure is not None and by == own.exposure.name:
        yield from _ratio(material, own, own.exposure)
    elif by in own.ratios:
        yield events_figure(material, own.fitted, by)
        caption = f"{capital(named(material, own, by))}: comparisons."
        yield estimates_block(material, caption, pair_groups(material, own, by), heads=("", "", HEADS[2]))
    yield Text(limits(material, own, by), tone="cannot")
    yield from folds(material, chapter)


def events_figure(material: Material, fitted: Fitted, by: str) -> Figure:
    """Draw how many of each level of a factor had the event: beside an exposure a factor has no curve."""
    group, out = fitted.membership(by), fitted.model.outcome
    n, events = (np.asarray(count, dtype=float) for count in group.counts(fitted.design))
    kept = [i for i in np.argsort(-n, kind="stable") if n[i] > 0][:MOST_ARMS]
    whole, had = float(len(fitted.design.patients)), float(fitted.design.outcome["event"].sum())
    rows = [("everyone", [had, whole - had]), *((group.levels[i], [events[i], n[i] - events[i]]) for i in kept)]
    note = f"The {MOST_ARMS} largest levels." if (n > 0).sum() > MOST_ARMS else ""
    caption = f"{capital(out.called)} among {material.count(whole, 'patient')} followed."
    return stacked(material, caption, rows, [out.called, out.without], ["q1", "q0"], note)


def _by_arm(material: Material, own: Answers, by: str, badge: str) -> Estimates:
    """Lay out who is event-free at times, by strategy or level, then medians and means."""
    table, notes = _largest(own.curves[by])
    out = own.fitted.model.outcome
    told = survival_words(own.fitted, by or None)
    raw = own.raw.get(by)
    if raw is not None and _falls_early(own, by):
        split = raw[(raw["dating"] == MIDDLE) & (raw["kind"] == "value")]
        raw = raw[~raw["level"].isin(split["level"].tail(1))]
    groups: list[Group] = []
    for at in dict.fromkeys(table.loc[table["at"] != "", "at"]):
        same = table[(table["at"].astype(str) == str(at)) & table["unit"].isin(SHOWN)]
        values = same[same["kind"] == "value"]
        lines = [_arm_line(material, own, row, raw, told.arms, badge) for _, row in values.iterrows()]
        groups.append(Group(f"{capital(out.without)} at {at:g} {own.fitted.unit}", scale_of("probability", []), lines))
    medians = table[(table["unit"] == own.fitted.unit) & (table["kind"] == "value") & (table["at"] == "")]
    lines = [_arm_line(material, own, row, raw, told.arms, badge) for _, row in medians.iterrows()]
    numbers = [number for line in lines for number in (line.answer, line.raw)]
    groups.append(Group(capital(out.median), scale_of(own.fitted.unit, numbers), lines))
    arms = f", {' and '.join(told.arms.values())}" if len(told.arms) == 2 else ""
    return estimates_block(material, f"{capital(out.time_to)}{arms}.", groups, notes, heads=("", *HEADS[1:]))


def _falls_early(own: Answers, by: str) -> bool:
    """Whether an exposed patient had the event before the exposure begins in the strategy.

    So few are exposed by then that one event may pull the split curve to nearly nothing, where it stays: no counterpart
    of a strategy that begins later.
    """
    if by not in own.fitted.model.exposures:
        return False
    design, (_, ever) = own.fitted.design, arms_of(own.fitted, by, None)[0]
    return bool((design.outcome["time"][design.exposed & design.outcome["event"].astype(bool)] <= ever.switch).any())


def _largest(table: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Keep the levels with most patients, and say how many stand in the fold."""
    levels = table[table["kind"] == "value"].drop_duplicates("level")
    if len(levels) <= MOST_ARMS:
        return table, []
    kept = table[table["level"].isin(levels.nlargest(MOST_ARMS, "n")["level"])]
    return kept, [f"{len(levels) - MOST_ARMS} levels with fewer patients stand in the fold."]


def _arm_line(
    material: Material, own: Answers, row: pd.Series, raw: pd.DataFrame | None, arms: Mapping[str, str], badge: str
) -> Line:
    label = capital(arms.get(str(row["level"]), str(row["level"])))
    line = line_of(material, own, row, "survival", label=label, style="all" if row["level"] == "everyone" else "")
    counted = _seen(row, raw, {level: place for place, level in enumerate(arms)})
    return replace(line, counts="", raw=counted, told=no_more_than(line.told, badge))


def _seen(row: pd.Series, raw: pd.DataFrame | None, places: dict[str, int]) -> Number | None:
    """Return Kaplan-Meier of a level that stays what it is or of everyone, Simon-Makuch of what begins later."""
    if raw is None:
        return None
    alike = raw[(raw["at"].map(str) == str(row["at"])) & (raw["unit"] == row["unit"]) & (raw["kind"] == "value")]
    level = places.get(str(row["level"]))
    split = alike[(alike["dating"] == MIDDLE)]
    if level is not None and len(split):
        return number_of(split.iloc[level]) if len(split) > level else None
    same = alike[(alike["method"] == "Kaplan-Meier") & (alike["level"] == row["level"])]
    return number_of(same.iloc[0]) if len(same) else None


def _ratio(material: Material, own: Answers, exposure: Exposure) -> Iterator[Block]:
    """Lay out the ratio of an exposure, switched between priors and datings where these were tried."""
    table = own.ratios[exposure.name]
    name = str(table["estimand"].iloc[0])
    caption = f"{capital(name)} of {exposure.called}."
    default = _ratio_table(material, own, table, caption)
    found = own.sensitivity
    if found is None:
        yield default
        return
    key, dating = effect_of(exposure.name), str(table["dating"].iloc[0])
    priors = {str(model.prior(key)): model.prior(key) for model in exposure_variants(own.fitted.model)}
    chosen = own.fitted.model.prior(key)
    prior = str(chosen)
    choices = [("as the model has it", default)]
    for (one, two), same in found.groupby(["prior", "dating"], sort=False):
        if (str(one), str(two)) != (prior, dating) and (two == dating or (one == prior and dates_open(own.fitted))):
            words = _variant(priors.get(str(one), chosen), str(two), chosen)
            choices.append((words, _ratio_table(material, own, same, caption)))
    yield Lever("What was assumed", f"ratio-{own.fitted.model.name}", choices[:5])


def _variant(prior: Prior, dating: str, chosen: Prior) -> str:
    """Say what differs from the model."""
    if str(prior) == str(chosen):
        return {"uniform": "every date equally likely", "intensity": "dates as a transition"}.get(dating, dating)
    narrower = not chosen.distribution.has_quantiles or np.ptp(prior.quantile(HALF)) < np.ptp(chosen.quantile(HALF))
    return "a small difference expected" if narrower else "a large difference possible"


def _ratio_table(material: Material, own: Answers, table: pd.DataFrame, caption: str) -> Estimates:
    name = str(table["estimand"].iloc[0])
    lines = [
        line_of(
            material,
            own,
            row,
            "contrast",
            label=chance_words(own, name) if row["kind"] == "probability" else capital(str(row["estimand"])),
        )
        for _, row in table.iterrows()
    ]
    return estimates_block(material, caption, grouped(lines), heads=("", "", "Answer, 95% CrI"))


def limits(material: Material, own: Answers, by: str) -> str:
    """Say what a chapter about a time cannot show."""
    exposure = own.exposure
    ends = PUBLISHED_ENDS if published(material) else OTHER_ENDS
    if exposure is None or by != exposure.name:
        return f"What it cannot show: anything beyond {followed_until(own.fitted)[1]}; {ends}."
    wrong = exposure.guard(own.fitted.model.outcome)
    forced = forced_text(material, own)
    counting = (
        f"This model {wrong}."
        if wrong
        else f"Counting from the start of {exposure.called} on removes immortal time and nothing else."
    )
    return (
        f"What it cannot show: what {exposure.called} does; this is an association. {counting} Patients may have "
        f"been chosen for {exposure.called} because they did well; {ends}. {forced}"
    ).strip()


def folds(material: Material, chapter: Chapter) -> Iterator[Fold]:
    """Fold variants of a ratio, and what stands beside the model."""
    variants: list[Block] = []
    counted: list[Block] = []
    every: list[Block] = []
    for own, by in chapter.parts:
        if own.exposure is not None and by == own.exposure.name:
            variants += sensitivity_blocks(material, own)
        if by in own.raw:
            counted += raw_blocks(material, own, by, own.raw[by])
        if (
            own.exposure is None
            and by
            and (table := tests(own.raw.get(by, pd.DataFrame({"kind": []})), lowered(by))) is not None
        ):
            counted.append(table)
        if by in own.curves:
            every.append(
                plain(
                    f"{capital(own.fitted.model.outcome.time_to)}: every number",
                    own.curves[by],
                    mark_rare=not material.public,
                )
            )
    if variants:
        yield Fold("All variants", variants)
    if every:
        yield Fold("Every number of the model", every)
    if counted:
        yield Fold("As counted, and the tests this replaces", counted)
