"""What the numbers of a report cannot show, said with the numbers."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from casepool.errors import CasepoolError
from casepool.estimation.material import Material
from casepool.frequentist.proportions import clopper_pearson
from casepool.numbers import listed, with_interval
from casepool.reporting.answers import Answers
from casepool.reporting.blocks import Block, Cell, Table, Text
from casepool.reporting.patients import event_words, exposed, total

TRIALS = "prospective_trials.csv"
"""File of a dataset's folder with prospective trials of the same treatment."""

SELECTION = (
    "What stays{besides}: patients are chosen for {what} because they did well and because it was possible in them; "
    "later treatments; {ends}. Each of these alone can "
    "produce all of the difference. Where patients differ in something unmeasured that also steers who is exposed, the "
    "interval misses the true ratio more often than it says, even with every date known."
)
PUBLISHED_ENDS = "follow-up that ends when a case is published; the choice to publish it"
OTHER_ENDS = "follow-up that ends for a reason that has to do with how a patient does"
PUBLICATION = (
    "A case that went well is more likely to be written up, so selection for publication more likely raises a "
    "published rate than lowers it."
)
CHOSEN = "How these patients came into the table decides whom their rates stand for, and no model knows it."


@dataclass(frozen=True)
class Trial:
    """One prospective trial of the same treatment."""

    trial: str
    population: str
    events: int
    n: int
    reference: str
    note: str


def trials_of(folder: Path | None) -> list[Trial]:
    """Read the prospective trials kept beside a dataset; none without a file.

    Raises
    ------
    CasepoolError
        For a row that is no trial: columns trial, population, events, n, reference, note.
    """
    if folder is None or not (folder / TRIALS).is_file():
        return []
    with (folder / TRIALS).open(encoding="utf-8", newline="") as file:
        return [_trial(row, place) for place, row in enumerate(csv.DictReader(file), start=1)]


def _trial(row: Mapping[str, str], place: int) -> Trial:
    try:
        events, n = int(row["events"]), int(row["n"])
        trial = Trial(row["trial"], row["population"], events, n, row["reference"], row["note"])
    except (KeyError, TypeError, ValueError):
        events, n = 0, 0
    if not 0 <= events <= n or n == 0:
        raise CasepoolError(
            "this is no trial",
            file=TRIALS,
            row=f"row {place}",
            remedy="give trial, population, reference, note, and events among n patients as whole numbers",
        )
    return trial


def cannot_show(material: Material, answers: Sequence[Answers]) -> list[Block]:
    """Say what the numbers cannot show, with the numbers."""
    blocks: list[Block] = []
    told = next((answer for answer in answers if answer.exposure is not None), None)
    if told is not None:
        blocks.append(Text(_association(material, told)))
    response = next((answer for answer in answers if answer.factors), None)
    if response is not None:
        blocks += _published(material, response, trials_of(material.folder))
    return blocks or [Text(f"The cases were collected, not sampled. {PUBLICATION}" if published(material) else CHOSEN)]


def published(material: Material) -> bool:
    """Whether the rows come from publications: the codebook names the column that says from which."""
    return material.codebook.publication in material.cases.columns


def _association(material: Material, answer: Answers) -> str:
    exposure = answer.exposure
    what = exposure.called if exposure else ""
    (n, events), (who, among) = total(answer.fitted), exposed(answer.fitted)
    counting = f"Counting patients as exposed only from the start of {what} on removes immortal time and nothing else."
    fixed = exposure is not None and not exposure.begins
    counts = [material.count(count) for count in (n, who, events, among)]
    ends = PUBLISHED_ENDS if published(material) else OTHER_ENDS
    if exposure is not None and fixed:
        counting = f"The model {exposure.guard(answer.fitted.model.outcome)}."
    return (
        f"The term for {what} describes an association among {counts[0]} patients, {counts[1]} of them exposed, with "
        f"{counts[2]} events "
        f"in all and {counts[3] if among else 'none'} among the exposed. {counting} "
        f"{SELECTION.format(what=what, besides=' besides' if fixed else '', ends=ends)}"
    )


def _published(material: Material, answer: Answers, trials: list[Trial]) -> list[Block]:
    n, events = total(answer.fitted)
    without = material.count(n - events, "patient")
    collected = "Rates among collected cases are not the rates of patients. " * published(material)
    text = (
        f"{collected}Here {material.count(events)} of {material.count(n)} had "
        f"{event_words(material, answer.fitted.model)}; whatever separates the levels of a factor rests on the "
        f"{without} "
        f"without it and on the priors. {PUBLICATION if published(material) else CHOSEN}"
    )
    if not trials:
        return [Text(text)]
    said = [f"{t.trial.partition(' (')[0]} {t.events} of {t.n}" for t in trials]
    text += f" Prospective trials of the same treatment found {listed(said)}; some patients may be in both."
    rows = [[Cell(t.trial), Cell(t.population), *_rate(t.events, t.n), Cell(t.reference, t.note)] for t in trials]
    book = material.codebook
    _, rate = _rate(int(events), int(n))
    counts = Cell(f"{material.count(events)} of {material.count(n)}")
    rows.append([Cell("the cases of this report"), Cell(book.title), counts, rate, Cell(book.source)])
    headings = ["trial", "patients", "responders", "raw, 95% CI (Clopper-Pearson)", "reference"]
    return [Text(text), Table("Prospective trials of the same treatment, and these cases", headings, rows)]


def _rate(events: int, n: int) -> list[Cell]:
    rate = with_interval(events / n, *clopper_pearson(events, n), "probability")
    return [Cell(f"{events} of {n}"), Cell(rate)]
