"""What holds for every chapter: what a page cannot show, each line with a number of its own table."""

from __future__ import annotations

from collections.abc import Sequence

from casepool.estimation.material import Material
from casepool.modelling.specification.cautions import lowered
from casepool.numbers import capital, listed
from casepool.reporting.adverse_chapter import events_told
from casepool.reporting.answers import Answers
from casepool.reporting.blocks import Block, Points
from casepool.reporting.cautions import published, trials_of
from casepool.reporting.patients import event_words, exposed, total

ADVERSE = "adverse_events.csv"
"""File of a dataset's folder with what harm was reported."""


def cannot_show(material: Material, answers: Sequence[Answers]) -> list[Block]:
    """Say in a few lines what no chapter can show."""
    lines = [*_who(material, answers), *_cause(material, answers), *_single(material, answers), *_harm(material)]
    return [Points([("", line) for line in lines])] if lines else []


def _who(material: Material, answers: Sequence[Answers]) -> list[str]:
    own = next((answer for answer in answers if answer.factors), None)
    if not answers:
        return []
    if own is None:
        n, events = total(answers[0].fitted)
        here = f"{material.count(events)} of {material.count(n)} had {answers[0].fitted.model.outcome.called}"
    else:
        n, events = total(own.fitted)
        here = f"{material.count(events)} of {material.count(n)} had {event_words(material, own.fitted.model)} here"
    trials = [f"{t.trial.partition(' (')[0]} {t.events} of {t.n}" for t in trials_of(material.folder)]
    if trials:
        here += f"; prospective trials of the same treatment found {listed(trials)}"
    if published(material):
        return [f"Who was never written up. A case that went well is reported more readily: {here}."]
    return [f"Who did not come into the table. How these patients were chosen decides whom they stand for: {here}."]


def _cause(material: Material, answers: Sequence[Answers]) -> list[str]:
    own = next((answer for answer in answers if answer.exposure is not None), None)
    if own is not None and own.exposure is not None:
        who, among = exposed(own.fitted)
        return [
            f"Cause. {material.count(who)} patients had {own.exposure.called}, {material.count(among)} of them "
            f"{own.fitted.model.outcome.called}; who was chosen for it, and why, no model here knows."
        ]
    if not answers:
        return []
    pairs = any(part.pairs is not None for answer in answers for part in answer.factors.values())
    n = material.count(total(answers[0].fitted)[0])
    return [f"Cause. The {n} patients were not dealt to the groups that are compared."] * pairs


def _single(material: Material, answers: Sequence[Answers]) -> list[str]:
    said = []
    for answer in answers:
        for by, part in answer.factors.items():
            if by and part.pairs is None:
                seen = part.shrunk[(part.shrunk["kind"] == "value") & (part.shrunk["n"] > 0)]
                label = lowered(material.label(answer.fitted.model.terms[by].source))
                single = int((seen["n"] == 1).sum())
                said += [f"{label} {single} of {len(seen)}"] * (single > 0)
    said = list(dict.fromkeys(said))
    return (
        [f"What one patient can tell. Levels with a single patient: {listed(said)}."]
        if said and material.public
        else []
    )


def _harm(material: Material) -> list[str]:
    if events_told(material):
        return []
    if material.folder is None or not (material.folder / ADVERSE).is_file():
        return []
    rows = len((material.folder / ADVERSE).read_text(encoding="utf-8").strip().splitlines()) - 1
    there = capital(f"{rows} rows of adverse events")
    return [f"Harm. {there} stand beside the table; no model of this page reads them."]
