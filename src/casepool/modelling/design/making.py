"""A model and cases become a Design: every patient gets a row for each way in which what is not known may have been."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import special

from casepool.cases import codebook_of
from casepool.cases.codebook import Codebook
from casepool.cases.tables import bare, missing_column, row_name, typed_by
from casepool.errors import CasepoolError
from casepool.modelling.design.cells import cells_of, every_cell
from casepool.modelling.design.design import Design, TermRows, logits_of, patients_in
from casepool.modelling.design.encoding import code_term, refuse_strange_levels
from casepool.modelling.design.exposure_dates import NEVER, Unfolded, exposed_by, typical_start, unfold
from casepool.modelling.design.linked import laid_out
from casepool.modelling.design.outcomes import (
    MISSING,
    Dates,
    Reader,
    Reason,
    at_landmark,
    read_exposure,
    read_outcome,
    refuse_some,
)
from casepool.modelling.design.pieces import pieces_of
from casepool.modelling.design.wording import worded
from casepool.modelling.families.basis_hazards import Pieces
from casepool.modelling.specification.exposure import Exposure
from casepool.modelling.specification.model import Model
from casepool.modelling.specification.selection import Selection
from casepool.modelling.terms.numbers import as_number, node_weights
from casepool.modelling.terms.term import Coded

MOST_ROWS = 200_000
"""Rows a design may have before it is refused as too many combinations of missing values."""
Way = tuple[tuple[tuple[int, float], ...], Unfolded]
"""One way in which what is not known of a patient may have been: of every term a choice and its weight, and dates."""
MANY = 2_000
"""Combinations of what one patient may be, above which nodes of a missing number are thinned."""


def make_design(model: Model, cases: pd.DataFrame) -> Design:
    """Lay a model on cases.

    Parameters
    ----------
    model : Model
    cases : pandas.DataFrame
        Typed by its codebook; a bare frame is typed first.

    Raises
    ------
    CasepoolError
        If the table lacks a column, has a value the model refuses, or leaves no patient to fit.
    """
    return design_of_typed(model, *typed_by(cases))


def design_of_typed(model: Model, cases: pd.DataFrame, codebook: Codebook | None = None) -> Design:
    """Lay a model on cases that have just been typed; their codebook is read unless it is handed on."""
    cases, codebook = laid_out(model, cases, codebook or codebook_of(cases) or Codebook())
    cases, model = bare(cases), worded(model, codebook)
    for term in model.terms.values():
        if term.source not in cases.columns:
            raise missing_column(cases, codebook, term.source, f"the model {model.name!r}")
    reader = Reader(cases, codebook, model)
    outcome = read_outcome(reader)
    coded = {name: code_term(term, cases, codebook) for name, term in model.terms.items()}
    for read in coded.values():
        refuse_strange_levels(model, read.term, read.levels, codebook)
    _refuse_trials_about_nobody(model, coded, codebook)
    dates = None
    for exposure in model.exposures.values():
        if exposure.as_ == "landmark":
            outcome = at_landmark(outcome, exposure.landmark, model.outcome.unit)
    reasons = list(outcome.left_out)
    for exposure in model.exposures.values():
        dates = read_exposure(reader, exposure, outcome.arrays, model.outcome.unit)
        reasons = [reason or other for reason, other in zip(reasons, dates.left_out, strict=True)]
    for name, read in coded.items():
        if read.term.missing == "drop":
            empty = Reason(MISSING, read.term.source, called=name)
            reasons = [r or (empty if lost else "") for r, lost in zip(reasons, read.missing, strict=True)]
    refuse_some(reader, outcome.arrays, reasons)
    kept = np.array([not reason for reason in reasons])
    if not kept.any():
        raise CasepoolError(
            f"no patient has what the model {model.name!r} needs ({reasons[0]})",
            file=codebook.name,
            remedy="check the outcome columns",
        )
    _refuse_shared_missing(cases, codebook, outcome.arrays, coded, kept)
    labels = patient_labels(cases, codebook)
    sizes = outcome.arrays.get("n", np.ones(len(kept)))
    design = _expand(
        model=model,
        patients=tuple(label for label, keep in zip(labels, kept, strict=True) if keep),
        left_out={label: reason for label, reason in zip(labels, reasons, strict=True) if reason},
        outcome={name: values[kept] for name, values in outcome.arrays.items()},
        coded=coded,
        dates=dates,
        kept=np.flatnonzero(kept),
        public=codebook.public,
    )
    if model.selection is not None:
        design = replace(design, published=_published(reader, model.selection)[kept])
    gone = {label: float(n) for label, n, keep in zip(labels, sizes, kept, strict=True) if not keep}
    return replace(design, sizes_left_out=gone, cells=cells_of(model, design.terms))


def _published(reader: Reader, selection: Selection) -> np.ndarray:
    """Return who was published for how they did: array (rows of the table,).

    Raises
    ------
    CasepoolError
        If the column does not say it of somebody.
    """
    if not selection.column:
        return np.ones(len(reader.cases))
    flags = reader.flags(selection.column)
    if None in flags:
        remedy = "say true or false of every patient"
        raise reader.refuse("not said whether this patient was published", flags.index(None), selection.column, remedy)
    return np.array([float(bool(flag)) for flag in flags])


def _refuse_trials_about_nobody(model: Model, coded: Mapping[str, Coded], codebook: Codebook) -> None:
    """Refuse trials about a level that the table's factor has not."""
    if model.trials is None or not model.trials.about:
        return
    factor, level = model.trials.about
    if level not in coded[factor].levels:
        raise CasepoolError(
            f"the trials of the model {model.name!r} are about a level that the table has not",
            file=codebook.name,
            column=coded[factor].term.source,
            value=level,
            remedy=f"name one of {', '.join(coded[factor].levels) if codebook.public else 'its levels'}",
        )


def design_of_one(model: Model, label: str, coded: Mapping[str, Coded], position: int, offset: float = 0.0) -> Design:
    """Lay a model on one patient without an outcome: the one at `position` among those that were coded.

    Every cell of an interaction has an effect there.
    """
    design = _expand(
        model=model,
        patients=(label,),
        left_out={},
        outcome={"offset": np.array([offset]), "n": np.ones(1)},
        coded=coded,
        dates=None,
        kept=np.array([position]),
    )
    return replace(design, cells=every_cell(model, design.terms))


def patient_labels(cases: pd.DataFrame, codebook: Codebook) -> list[str]:
    """Return the identifiers of all patients, or the row numbers if the table has none or is not public."""
    if codebook.public and codebook.id in cases.columns:
        return [str(value) for value in cases[codebook.id]]
    return [str(number + 1) for number in range(len(cases))]


def _refuse_shared_missing(
    cases: pd.DataFrame,
    codebook: Codebook,
    outcome: Mapping[str, np.ndarray],
    coded: Mapping[str, Coded],
    kept: np.ndarray,
) -> None:
    """Refuse a row of several patients with a missing covariate: they need not share its value."""
    several = patients_in(outcome) > 1
    for term in coded.values():
        bad = term.missing & several & kept
        if bad.any():
            raise CasepoolError(
                "a row of several patients has no value here",
                file=codebook.name,
                row=row_name(cases, codebook, int(np.argmax(bad))),
                column=term.term.source,
                remedy='give one row per patient, or set missing = "drop" in the model',
            )


def _expand(
    *,
    model: Model,
    patients: tuple[str, ...],
    left_out: Mapping[str, str],
    outcome: Mapping[str, np.ndarray],
    coded: Mapping[str, Coded],
    dates: Dates | None,
    kept: np.ndarray,
    public: bool = True,
) -> Design:
    """Give every patient one row per combination of what is not known about it."""
    exposure = next(iter(model.exposures.values()), None)
    pieces = pieces_of(model, outcome) if "time" in outcome else None
    patient: list[int] = []
    ways: list[Way] = []
    for i, position in enumerate(kept):
        own = {name: float(values[i]) for name, values in outcome.items()}
        options = _options(coded, int(position))
        began = _began(exposure, dates, int(position), own, pieces)
        # counted before they are made: one patient's combinations may be millions
        if len(patient) + math.prod(map(len, options)) * len(began) > MOST_ROWS:
            raise CasepoolError(
                "too many combinations of missing values to sum over",
                file=model.name,
                row=f"patient {patients[i]}",
                remedy='set missing = "drop" in one of the terms',
            )
        # dates turn fastest, then the last term's values; a patient's rows lie together, so sums over them are segments
        each = list(itertools.product(itertools.product(*options), began))
        ways += each
        patient += [i] * len(each)
    rows = np.array(patient)
    times = np.array([one.event_time for _, one in ways])
    log_weight = np.array([one.log_weight + sum(weight for _, weight in picked) for picked, one in ways])
    choices = {name: np.array([int(picked[k][0]) for picked, _ in ways]) for k, name in enumerate(coded)}
    n = patients_in(outcome)
    return Design(
        model=model,
        patients=patients,
        left_out=left_out,
        outcome=outcome,
        patient_of_row=rows,
        log_weight=log_weight + _combinations(outcome)[rows],
        terms={name: _term_rows(c, choices[name], kept, rows, n) for name, c in coded.items()},
        switch=np.array([one.switch for _, one in ways]) if exposure else np.zeros(0),
        exposed=exposed_by(exposure, dates, kept),
        earliest=dates.earliest[kept] if dates else np.zeros(0),
        latest=dates.latest[kept] if dates else np.zeros(0),
        typical_start=typical_start(dates, kept, public=public) if dates else 0.0,
        event_time=times if np.isfinite(times).any() else np.zeros(0),
        pieces=pieces,
    )


def _began(
    exposure: Exposure | None, dates: Dates | None, position: int, outcome: Mapping[str, float], pieces: Pieces | None
) -> list[Unfolded]:
    """Return when the exposure of one patient may have begun, and the event happened."""
    if exposure is None or dates is None:
        return [NEVER]
    return unfold(exposure, float(dates.earliest[position]), float(dates.latest[position]), outcome, pieces)


def _options(coded: Mapping[str, Coded], position: int) -> list[list[tuple[int, float]]]:
    """Return what each term may be for one patient: choices and their log weights.

    A number missing beside labels that leave more than `MANY` combinations keeps every so manyeth of its nodes: of
    such a patient little is known, and the rule stays a trapezoidal one.
    """
    combinations = math.prod(len(c.options[position]) for c in coded.values())
    found = []
    for term in coded.values():
        choices, weights = term.options[position], term.log_weights[position]
        stride = term.term.thinned if combinations > MANY and len(choices) > 1 else 1
        if stride > 1:
            choices = choices[stride // 2 :: stride]
            weights = node_weights(term.nodes[choices])
        found.append(list(zip(choices, weights, strict=True)))
    return found


def _combinations(outcome: Mapping[str, np.ndarray]) -> np.ndarray:
    """Log binomial coefficient of each patient row's count, 0 for a single patient."""
    if "events" not in outcome:
        return np.zeros(len(next(iter(outcome.values()))))
    k, n = outcome["events"], outcome["n"]
    return np.asarray(special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1))


def _term_rows(coded: Coded, choice: np.ndarray, kept: np.ndarray, rows: np.ndarray, n: np.ndarray) -> TermRows:
    missing = coded.missing[kept][rows]
    values = coded.values[kept]
    if coded.levels:
        known = values >= 0
        recorded = np.bincount(values[known], weights=n[known], minlength=len(coded.levels)).astype(float)
    else:
        recorded = logits_of(values, n, as_number(coded.term))
    return TermRows(
        coded=coded,
        matrix=np.nan_to_num(coded.choices[choice], nan=0.0),
        node=coded.nodes[choice],
        share=np.where(missing & (len(coded.levels) > 1), choice, -1),  # of a single level nothing is missing
        recorded=recorded,
    )
