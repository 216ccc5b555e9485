"""The main numbers in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from casepool.estimation.material import Material
from casepool.estimation.ratios import prior_chance
from casepool.modelling.design.touched import unvaried
from casepool.modelling.families.names import effect_of
from casepool.modelling.specification.cautions import association, lowered
from casepool.numbers import capital, listed, shown, with_interval
from casepool.plotting.style import UNCONVERGED
from casepool.reporting.answers import Answers, ByFactor
from casepool.reporting.layouts import kind
from casepool.reporting.patients import event_words, exposed, outcome_name, total

MOST_LEVELS = 8
"""Levels a sentence lists; of more it gives the extremes."""


def number(row: pd.Series) -> str:
    """Write a row's number with its interval."""
    return with_interval(row["estimate"], row["lower"], row["upper"], row["unit"])


def in_short(material: Material, answers: Sequence[Answers]) -> Iterator[str]:
    """Say what was found, a few sentences per fit; the overall rate once per outcome."""
    told: set[tuple[str, ...]] = set()
    for answer in answers:
        model = answer.fitted.model
        outcome = (model.outcome.column, *model.outcome.success)
        if answer.fitted.is_survival:
            sentences = list(_survival(material, answer))
        else:
            sentences = [] if outcome in told else [_overall(material, answer)]
            sentences += _response(material, answer)
            told.add(outcome)
        sentences += [f"{capital(one.text(public=material.public))}." for one in unvaried(answer.fitted.design)]
        failed = f"× {UNCONVERGED}. " if answer.verdict == "fail" else ""
        yield f"{model.title}. {failed}{' '.join(sentences)}"


def _overall(material: Material, answer: Answers) -> str:
    everyone = answer.factors[""]
    raw = everyone.raw[everyone.raw["method"] == "Clopper-Pearson"].iloc[0]
    words = event_words(material, answer.fitted.model)
    return (
        f"{material.count(raw['events'])} of {material.count(raw['n'])} evaluable patients had {words}, raw "
        f"{number(raw)} ({kind(everyone.raw)}); the model puts their mean probability at "
        f"{number(everyone.shrunk.iloc[0])} ({kind(everyone.shrunk)})."
    )


def _response(material: Material, answer: Answers) -> Iterator[str]:
    groups = [part for by, part in answer.factors.items() if by and part.pairs is None]
    for part in groups[:1]:
        yield _levels(material, answer, part)
    for part in answer.factors.values():
        if part.pairs is not None:
            yield from _pairs(part)


def _levels(material: Material, answer: Answers, part: ByFactor) -> str:
    seen = part.shrunk[part.shrunk["n"] > 0]
    told = seen if len(seen) <= MOST_LEVELS else seen.sort_values("estimate").iloc[[0, -1]]
    levels = [
        f"{r['level']} {number(r)}, {material.count(r['events'])} of {material.count(r['n'])}"
        for _, r in told.iterrows()
    ]
    column = lowered(material.label(answer.fitted.model.terms[part.by].source))
    extreme = "" if len(seen) <= MOST_LEVELS else f", lowest and highest of {len(seen)} levels"
    return f"Shrunk by {column}{extreme} ({kind(seen)}): {'; '.join(levels)}."


def _pairs(part: ByFactor) -> Iterator[str]:
    pairs = part.pairs
    if pairs is None:
        return
    for level, same in pairs.groupby("level", sort=False):
        odds = same[same["estimand"] == "odds ratio"].iloc[0]
        chance = same[same["kind"] == "probability"].iloc[0]
        yield (
            f"{level}: odds ratio {number(odds)} ({kind(same)}); {chance['estimand']} is "
            f"{shown(chance['estimate'], 'probability')}."
        )
    if replaced := _replaced(part.raw):
        yield f"It replaces tests: {replaced}."


def _replaced(raw: pd.DataFrame) -> str:
    """Say the P values of a classical table, by what is tested."""
    tests = raw[raw["kind"] == "P value"]
    said = []
    for tested, same in tests.groupby("estimand", sort=False):
        values = [f"{r['method']} P {_equals(r['estimate'])}" for _, r in same.iterrows()]
        said.append(f"of {tested}, {listed(values)}")
    return "; ".join(said)


def _equals(p: float) -> str:
    text = shown(p, "P value")
    return text if text.startswith("<") else f"= {text}"


def _survival(material: Material, answer: Answers) -> Iterator[str]:
    n, events = total(answer.fitted)
    model = answer.fitted.model
    yield (
        f"Of {material.count(n)} patients with {lowered(outcome_name(material, model))}, {material.count(events)} had "
        f"the event ({event_words(material, model)})."
    )
    exposure = answer.exposure
    if exposure is None:
        return
    table = answer.ratios[exposure.name]
    ratio, chance = (table[table["kind"] == kind].iloc[0] for kind in ("ratio", "probability"))
    ways = {"baseline": "Ever against never", "landmark": str(ratio["level"]).capitalize()}
    compared = ways.get(exposure.as_, f"After {exposure.called} against before or without it")
    alone = prior_chance(model.prior(effect_of(exposure.name)), above=model.effects == "accelerated")
    yield (
        f"{compared}: {ratio['estimand']} {number(ratio)} ({kind(table)}); {chance['estimand']} is "
        f"{shown(chance['estimate'], 'probability')}, where the prior alone, {ratio['prior']}, says "
        f"{'nothing' if alone is None else shown(alone, 'probability')}."
    )
    yield f"This is {association(exposure.called)}."
    if not exposure.begins:
        yield f"It {exposure.guard(model.outcome)}."
    who, among = exposed(answer.fitted)
    if who:
        yield forced_text(material, answer) or (
            f"Of {material.count(who, 'exposed patient')}, {material.count(among)} had the event."
        )


def forced_text(material: Material, answer: Answers) -> str:
    """Say that a ratio below 1 is forced where no exposed patient had the event; "" where it is not."""
    exposure, (who, events) = answer.exposure, exposed(answer.fitted)
    if exposure is None or events or not who:
        return ""
    table = answer.ratios[exposure.name]
    name = str(table["estimand"].iloc[0])
    accelerated = answer.fitted.model.effects == "accelerated"
    side, limit = ("above", "upper") if accelerated else ("below", "lower")
    return (
        f"None of the {material.count(who)} exposed patients had the event, so the data can only pull the {name} "
        f"one way: a posterior median {side} 1 is forced, not found, and the {limit} limit is the prior's."
    )
