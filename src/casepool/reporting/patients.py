"""Who is in the analysis, for what, and why not; and what was done where something is missing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from casepool.cases.tables import bare
from casepool.estimation.draws import Fitted
from casepool.estimation.material import Material
from casepool.estimation.patient_flow import reason_of
from casepool.modelling.design.grouping import patients_and_events
from casepool.modelling.design.making import patient_labels
from casepool.modelling.design.outcomes import Reason
from casepool.modelling.specification.cautions import EVENT, lowered
from casepool.modelling.specification.endpoints import event
from casepool.modelling.specification.model import Model
from casepool.modelling.specification.outcome import Outcome
from casepool.numbers import capital, counted, listed
from casepool.reporting.blocks import Block, Cell, Fold, Table, Text
from casepool.reporting.characteristics_table import described
from casepool.reporting.figures import flow, lanes_allowed, swimmer
from casepool.reporting.layouts import finished

SAID_YES = (("yes",), ("true",), ("1",))
"""Codes that say a thing is so: it is told by the name of its column."""
MOST_LISTED = 120
"""Patients a page lists; more are in the file alone."""
COUNTED = "events"
"""What a column of counts is called by who does not say what they are of."""


def data_section(material: Material) -> list[Block]:
    """Summarise the patients: who is in which analysis, their characteristics, their course; folded each patient."""
    boxes = flow_boxes(material)
    blocks: list[Block] = [flow(material, boxes, table_words(material))] if boxes else []
    blocks += described(material)
    if (fitted := lanes_allowed(material)) is not None:
        blocks.append(swimmer(material, fitted))
    blocks += [Text(text) for text in dates(material)]
    if not material.public:
        blocks.append(Text("The table is not public, so patients are not listed.", tone="small"))
    if (missing := missing_table(material)) is not None:
        blocks.append(Fold("Missing values, and what was done", [missing]))
    if (listed_ := by_patient(material)) is not None:
        blocks.append(Fold(f"All {material.count(len(material.cases), 'patient')}", [listed_]))
    if material.codebook.codings:
        blocks.append(Fold("Choices the table leaves open", [open_choices(material)]))
    return blocks


def table_words(material: Material) -> str:
    """Say how many patients the table holds, and of how many publications."""
    whole = in_table(material)
    column = material.codebook.publication
    if column not in material.cases.columns:
        return f"{material.count(whole, 'patient')} in the table"
    return f"{counted(material.cases[column].nunique(), 'publication')}, {material.count(whole, 'patient')}"


def in_table(material: Material) -> float:
    """Return how many patients the table stands for."""
    return max((analysed(fitted) for fitted in material.fits), default=float(len(material.cases)))


def flow_boxes(material: Material) -> list[tuple[str, list[str]]]:
    """Return a box an outcome: how many are in, for what, and who is left out why."""
    boxes = []
    for fitted in grouped_fits(material):
        n = material.count(total(fitted)[0])
        said = [f"out: {text}" for text in reasons(material, fitted)] or ["nobody left out"]
        what = lowered(outcome_name(material, fitted.model))
        boxes.append((f"{n} for {what}{_adjusted(material, fitted)}", said))
    return boxes


def _adjusted(material: Material, fitted: Fitted) -> str:
    """Name the covariates whose missing values leave patients out."""
    lacking = {name for own in fitted.design.left_out.values() if isinstance(own, Reason) for name in own.columns}
    dropped = [term.source for term in fitted.model.terms.values() if term.source in lacking]
    return f", by {listed([lowered(material.label(name)) for name in dropped])}" if dropped else ""


def grouped_fits(material: Material) -> list[Fitted]:
    """Return the first fit of every outcome with the same patients left out."""
    found: dict[tuple[str, ...], Fitted] = {}
    for fitted in material.fits:
        out = fitted.model.outcome
        found.setdefault((out.column or out.events, out.time, *fitted.design.left_out), fitted)
    return list(found.values())


def outcomes(material: Material) -> list[tuple[Outcome, Fitted]]:
    """Return the distinct outcomes of the fits, each with the first fit of it."""
    seen: dict[tuple[str, ...], Fitted] = {}
    for fitted in material.fits:
        out = fitted.model.outcome
        seen.setdefault((out.column, out.time, *out.success, *fitted.design.left_out), fitted)
    return [(fitted.model.outcome, fitted) for fitted in seen.values()]


def outcome_name(material: Material, model: Model) -> str:
    """Name an outcome in a reader's words."""
    out = model.outcome
    if not model.is_survival and out.column not in material.cases.columns:
        return capital(event_words(material, model))
    if model.is_survival and not material.codebook.columns[out.time or out.lower].label:
        return capital(out.time_to)
    return material.label(out.time or out.lower or out.column or out.events)


def event_words(material: Material, model: Model) -> str:
    """Say what counts as the event of a model."""
    out = model.outcome
    if model.is_survival:
        return out.called
    codes = event(model).codes
    if out.column not in material.cases.columns or not codes:
        words = lowered(material.label(out.events or out.column)).removeprefix("patients with ")
        return EVENT if words == COUNTED else words
    return lowered(material.label(out.column)) if codes in SAID_YES else " or ".join(codes)


def reasons(material: Material, fitted: Fitted) -> list[str]:
    """List the reasons, each with the patients it holds for."""
    found: dict[str, list[str]] = {}
    for patient in fitted.design.left_out:
        found.setdefault(reason_of(fitted, patient, material.cases, material.codebook), []).append(patient)
    if not material.public:
        return [f"{reason} ({material.count(len(who))})" for reason, who in found.items()]
    return [f"{reason} (patient{'s' * (len(who) > 1)} {', '.join(who)})" for reason, who in found.items()]


def missing_table(material: Material) -> Table | None:
    """Say how many patients each missing covariate touches, and what was done; None if nothing is missing."""
    labels = patient_labels(material.cases, material.codebook)
    rows = []
    for fitted in material.fits:
        for term in fitted.design.terms.values():
            lost = [p for p, gone in zip(labels, term.coded.missing, strict=True) if gone]
            inside = [p for p in lost if p in fitted.design.patients]
            choice = term.coded.term.missing
            how = (
                "integrated over the distribution of values"
                if choice == "model" and not term.coded.levels
                else "summed over every value"
            )
            source = (term.coded.term.source,)
            dropped = [p for p in lost if getattr(fitted.design.left_out.get(p), "columns", ()) == source]
            touched = dropped if choice == "drop" else inside
            if not touched:
                continue
            who = f" ({', '.join(touched)})" if material.public else ""
            done = "patients left out" if choice == "drop" else f"kept, {how}"
            cells = [
                fitted.model.title,
                material.label(term.coded.term.source),
                f"{material.count(len(touched))}{who}",
                done,
            ]
            rows.append([Cell(text) for text in cells])
    if not rows:
        return None
    note = (
        "Kept patients count with every value they may have, weighed by how likely it is. That takes the value "
        "to be missing "
        "at random, given the outcome and the other covariates."
    )
    headings = ["model", "missing", "patients", "what was done"]
    return finished(Table("Missing covariates", headings, rows, [note]), not material.public)


def dates(material: Material) -> list[str]:
    """Say for each exposure how well its dates are known."""
    said = []
    for fitted in material.fits:
        for exposure in fitted.model.exposures.values():
            ever = int(fitted.design.exposed.sum())
            names = (exposure.start, exposure.start) if exposure.start else (exposure.earliest, exposure.latest)
            if ever == 0 or not all(name in material.cases.columns for name in names):
                continue
            inside = np.isin(
                patient_labels(material.cases, material.codebook),
                np.array(fitted.design.patients)[fitted.design.exposed],
            )
            low, high = (material.cases.loc[inside, name].to_numpy(dtype=float, na_value=np.nan) for name in names)
            known, none = int((low == high).sum()), int(np.isnan(low).sum())
            kinds = {"known": known, "known between two dates": ever - known - none, "unknown": none}
            told = [f"{words} in {material.count(count)}" for words, count in kinds.items() if count]
            said.append(
                f"{capital(material.label(exposure.column))}: recorded in {material.count(ever)} of "
                f"{material.count(len(fitted.design.patients))} patients with follow-up. The date is {', '.join(told)}."
            )
    return list(dict.fromkeys(said))


def dates_open(fitted: Fitted) -> bool:
    """Whether the date of an exposure is unknown, or known between two dates, of any patient."""
    if not fitted.model.exposures:
        return False
    ever = fitted.design.exposed
    return bool((fitted.design.earliest[ever] != fitted.design.latest[ever]).any())


def by_patient(material: Material) -> Table | None:
    """List every patient: what the models read, and for which outcome the patient counts; only if public."""
    if not material.public or not material.fits or "n" in material.cases.columns:
        return None
    found, cases = outcomes(material), bare(material.cases)
    wanted = list(dict.fromkeys(name for fitted in material.fits for name in fitted.model.columns()))
    columns = [name for name in wanted if name in cases.columns]
    labels = patient_labels(cases, material.codebook)
    headings = [material.label(material.codebook.id), *(_heading(material, name) for name in columns)]
    headings += [f"counts for: {outcome_name(material, fitted.model)}" for _, fitted in found]
    rows = []
    for position, patient in enumerate(labels):
        values = [cell_text(cases[name].iloc[position]) for name in columns]
        reasons = [reason_of(fitted, patient, cases, material.codebook) for _, fitted in found]
        cells = [patient, *values, *(f"no: {reason}" if reason else "yes" for reason in reasons)]
        rows.append([Cell(text) for text in cells])
    caption = f"Patient by patient ({counted(len(rows), 'row')})"
    return Table(caption, headings, rows, is_file=len(rows) > MOST_LISTED)


def _heading(material: Material, column: str) -> str:
    unit = material.codebook.columns[column].unit
    return f"{material.label(column)}{f', {unit}' if unit else ''}"


def cell_text(value: Any) -> str:
    """Write a cell of the cases."""
    if pd.isna(value):
        return ""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float | np.floating):
        return f"{value:g}"
    return str(value).replace(";", ", ")


def decision_words(material: Material, decision: str) -> str:
    """Return what a reader calls a decision of the codebook."""
    said = material.codebook.decisions.get(decision) if material.public else ""
    return said or decision.replace("_", " ")


def choice_words(material: Material, decision: str, choice: str) -> str:
    """Return what a reader calls a choice of a decision."""
    found = material.codebook.codings.get(decision, {}).get(choice, {})
    return str((found.get("label") if material.public else "") or choice.replace("_", " "))


WITHHELD = "not shown, as the table is not public"
"""Stands for free text of a codebook."""


def open_choices(material: Material) -> Table:
    """List the decisions that the table leaves open; of those only who was exposed is varied in a report."""
    rows = [
        [
            Cell(f"{decision_words(material, decision)}: {choice_words(material, decision, choice)}"),
            Cell(str(what.get("why", "")) if material.public else WITHHELD),
        ]
        for decision, choices in material.codebook.codings.items()
        for choice, what in choices.items()
    ]
    open_ = listed([decision_words(material, decision) for decision in material.codebook.codings])
    caption = f"Choices the table leaves open ({open_}): this report uses it as recorded unless it says otherwise"
    return Table(caption, ["choice", "why it could be made"], rows)


def total(fitted: Fitted) -> tuple[float, float]:
    """Return the numbers of patients and of events in a fit."""
    n, events = patients_and_events(fitted.design)
    return float(n.sum()), float(events.sum())


def analysed(fitted: Fitted) -> float:
    """Return how many patients the table of a fit stands for, those left out among them."""
    return total(fitted)[0] + sum(fitted.design.sizes_left_out.values())


def exposed(fitted: Fitted) -> tuple[int, int]:
    """Return how many patients of a survival fit were ever exposed, and how many of them had the event."""
    if not fitted.is_survival:
        return 0, 0
    inside = fitted.design.exposed
    return int(inside.sum()), int(fitted.design.outcome["event"][inside].sum())
