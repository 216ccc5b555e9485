"""What numbers cannot show, and the prospective trials they are laid beside."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from casepool.errors import CasepoolError
from casepool.estimation.material import Material
from casepool.reporting.answers import Answers
from casepool.reporting.patients import exposed

TRIALS = "prospective_trials.csv"
"""File of a dataset's folder with prospective trials of the same treatment."""

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


def published(material: Material) -> bool:
    """Whether the rows come from publications: the codebook names the column that says from which."""
    return material.codebook.publication in material.cases.columns


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
