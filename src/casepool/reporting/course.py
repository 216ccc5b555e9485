"""What is known of every patient beside each other: best response, exposure, event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from casepool.estimation.draws import Fitted
from casepool.estimation.material import Material
from casepool.modelling.design.making import patient_labels
from casepool.modelling.specification.model import Model

RANKS = ("q4", "q3", "q2", "q1")
"""Colours of codes, best first."""


@dataclass(frozen=True)
class Codes:
    """The codes of a response, best first, each with the colour it is drawn in."""

    column: str
    codes: tuple[str, ...]
    colours: tuple[str, ...]


@dataclass(frozen=True)
class Patient:
    """One patient: its name, the place of its code (None not evaluable), whether exposed, whether it had the event."""

    name: str
    code: int | None
    exposed: bool
    event: bool


def codes_of(model: Model) -> Codes | None:
    """Return the codes of a response model's outcome; None of counts and of survival."""
    out = model.outcome
    if model.is_survival or not out.column or not out.levels:
        return None
    codes = tuple(reversed(out.levels))
    last = max(len(codes) - 1, 1)
    return Codes(out.column, codes, tuple(RANKS[round(place * (len(RANKS) - 1) / last)] for place in range(len(codes))))


def response_fit(material: Material) -> tuple[Fitted, Codes] | None:
    """Return the first fit whose outcome is a code of each patient, the one with most codes shown."""
    found = [(fitted, codes) for fitted in material.fits if (codes := codes_of(fitted.model)) is not None]
    found = [(fitted, codes) for fitted, codes in found if codes.column in material.cases.columns]
    return found[0] if found and "n" not in material.cases.columns else None


def exposed_column(material: Material) -> str:
    """Return the column of who was exposed, "" without one: of the first fit with an exposure."""
    columns = [exposure.column for fitted in material.fits for exposure in fitted.model.exposures.values()]
    return next((column for column in columns if column in material.cases.columns), "")


def patients_of(material: Material, codes: Codes | None) -> list[Patient]:
    """Return every patient in the order of the answer: best response, then exposed, then with the event."""
    cases, labels = material.cases, patient_labels(material.cases, material.codebook)
    answers = cases[codes.column] if codes else pd.Series([None] * len(cases))
    column = exposed_column(material)
    had = cases[column] if column else pd.Series([None] * len(cases))
    followed = next((fitted for fitted in material.fits if fitted.is_survival), None)
    dead = _with_event(followed)
    found = [
        Patient(
            label,
            None
            if codes is None or pd.isna(answer) or str(answer) not in codes.codes
            else codes.codes.index(str(answer)),
            not pd.isna(one) and bool(one),
            label in dead,
        )
        for label, answer, one in zip(labels, answers, had, strict=True)
    ]
    last = len(codes.codes) if codes else 0
    return sorted(found, key=lambda p: (last if p.code is None else p.code, not p.exposed, p.event))


def _with_event(fitted: Fitted | None) -> set[str]:
    if fitted is None:
        return set()
    design = fitted.design
    return {patient for patient, event in zip(design.patients, design.outcome["event"], strict=True) if event}


def names_shown(material: Material, patients: Sequence[Patient]) -> bool:
    """Whether squares carry names: of a public table whose names fit them."""
    return material.public and len(patients) <= 120 and all(len(p.name) <= 3 for p in patients)
