"""The Design: everything a likelihood needs, as frozen numpy arrays made from a model and cases.

A patient is one row, or several that are summed over: every value a missing covariate may have, every date an
exposure may have begun. Aggregated patients, counterfactuals and new patients are only other Designs.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from scipy import special

from casepool.cases import codebook_of
from casepool.cases.codebook import Codebook
from casepool.cases.tables import bare, missing_column, row_name, typed
from casepool.errors import CasepoolError
from casepool.modelling.borrowing import refuse_strange_levels
from casepool.modelling.dating import NEVER, Unfolded, exposed_by, unfold
from casepool.modelling.outcomes import Dates, Reader, at_landmark, read_exposure, read_outcome
from casepool.modelling.pieces import Pieces, pieces_of
from casepool.modelling.spec import Model, Term
from casepool.modelling.terms import Coded, code_term, logit_in, node_weights

MOST_ROWS = 200_000
"""Rows a design may have before it is refused as too many combinations of missing values."""
MANY, STRIDE = 2_000, {"linear": 4, "smooth": 16}
"""Combinations of what one patient may be, above which nodes of a missing number are thinned, and how far."""


@dataclass(frozen=True)
class TermRows:
    """One term on the rows of a design.

    Parameters
    ----------
    coded : Coded
        The term as read from the patients.
    matrix : array (rows, columns)
        Weights of a factor's levels, or covariate values (0 where a node stands).
    node : array (rows,)
        Quadrature node where the number is missing, NaN elsewhere.
    share : integer array (rows,)
        Index of the share that weighs the row, -1 where the label is known.
    recorded : array
        What informs the distribution of missing values: the known numbers of the patients in the fit, on the
        logit scale of their bounds, or the number of patients with each level.
    incomplete : bool
        Whether some value was missing when the term was read: its distribution then stays in the model even if
        every patient with a missing value is taken out of the design.
    """

    coded: Coded
    matrix: np.ndarray
    node: np.ndarray
    share: np.ndarray
    recorded: np.ndarray
    incomplete: bool = False

    @property
    def is_incomplete(self) -> bool:
        """Whether the distribution of the term's missing values belongs to the model."""
        return self.incomplete or bool(np.isfinite(self.node).any() or (self.share >= 0).any())


@dataclass(frozen=True)
class Design:
    """A model laid on cases.

    Parameters
    ----------
    model : Model
    patients : tuple of str
        Identifiers of the n patients in the fit.
    left_out : mapping of str to str
        The other patients, each with the reason.
    outcome : mapping of str to array (n,)
        See `casepool.modelling.outcomes.Read`.
    patient_of_row : integer array (rows,)
    log_weight : array (rows,)
        Fixed log weight of each row within its patient.
    terms : mapping of str to TermRows
    switch : array (rows,)
        When the exposure began (inf: never); of length 0 without exposures.
    exposed : boolean array (n,)
        Whether the patient was ever exposed, or (landmark) was more likely than not by the landmark.
    earliest, latest : array (n,)
        When the patient's exposure began at the earliest and at the latest, whatever the model makes of it (inf:
        never); of length 0 without exposures.
    event_time : array (rows,)
        When the event happened, of rows that stand for one time within an interval (NaN: as the outcome says); of
        length 0 where no patient needs such rows.
    pieces : Pieces, optional
        Of a hazard made of pieces.
    sizes_left_out : mapping of str to float
        How many patients each row of `left_out` stands for.
    """

    model: Model
    patients: tuple[str, ...]
    left_out: Mapping[str, str]
    outcome: Mapping[str, np.ndarray]
    patient_of_row: np.ndarray
    log_weight: np.ndarray
    terms: Mapping[str, TermRows]
    switch: np.ndarray
    exposed: np.ndarray
    earliest: np.ndarray = field(default_factory=lambda: np.zeros(0))
    latest: np.ndarray = field(default_factory=lambda: np.zeros(0))
    event_time: np.ndarray = field(default_factory=lambda: np.zeros(0))
    pieces: Pieces | None = None
    sizes_left_out: Mapping[str, float] = field(default_factory=dict)

    @property
    def summed(self) -> bool:
        """Whether some patient has more than one row."""
        return len(self.patient_of_row) > len(self.patients)

    def rows_of_patient(self) -> tuple[np.ndarray, np.ndarray]:
        """Return row numbers as a rectangle (n, longest), and the log weight of each: -inf in the padding."""
        counts = np.bincount(self.patient_of_row, minlength=len(self.patients))
        first = np.cumsum(counts) - counts
        place = np.arange(counts.max())
        inside = place < counts[:, None]
        rows = np.where(inside, first[:, None] + place, first[:, None])
        return rows, np.where(inside, self.log_weight[rows], -np.inf)

    def of_patients(self, kept: np.ndarray) -> Design:
        """Return the design of some patients: levels, knots and pieces stay as they are, so that graphs do too.

        Parameters
        ----------
        kept : boolean array (n,)
        """
        rows = self._of_rows(kept[self.patient_of_row])
        number = (np.cumsum(kept) - 1)[rows.patient_of_row]
        first = np.unique(number, return_index=True)[1]
        outcome = {name: values[kept] for name, values in self.outcome.items()}
        n = patients_in(outcome)
        terms = {
            name: replace(term, recorded=_recorded(term, first, n), incomplete=self.terms[name].is_incomplete)
            for name, term in rows.terms.items()
        }
        return replace(
            rows,
            patients=tuple(name for name, keep in zip(self.patients, kept, strict=True) if keep),
            outcome=outcome,
            patient_of_row=number,
            terms=terms,
            exposed=self.exposed[kept],
        )

    def at_level(self, term: str, level: str) -> Design:
        """Return the design with every patient's `term` set to `level`, all else kept."""
        row = self.terms[term].coded.choice_of(level)
        design = self.with_rows(term, np.tile(row, (len(self.patient_of_row), 1)))
        offset = self.offset_at(term, level)
        if offset is None:
            return design
        return replace(design, outcome={**self.outcome, "offset": np.full(len(self.patients), offset)})

    def offset_at(self, term: str, level: str) -> float | None:
        """Return the offset that goes with a level, if the offset is one of levels: constant within each of them.

        None where patients of one level differ in it, and for a level none of whose patients are in the fit.
        """
        if "offset" not in self.outcome:
            return None
        own, first = self.terms[term], np.unique(self.patient_of_row, return_index=True)[1]
        known = own.share[first] < 0
        matrix, offsets = own.matrix[first][known], self.outcome["offset"][known]
        found = {other: set(offsets[(matrix == own.coded.choice_of(other)).all(axis=1)]) for other in own.coded.levels}
        belongs = all(len(values) < 2 for values in found.values())
        return float(next(iter(found[level]))) if belongs and found[level] else None

    def at_value(self, term: str, value: float) -> Design:
        """Return the design with every patient's number `term` set to `value`, all else kept.

        Where the number was missing its nodes now say the same, and one row stands for all of them.
        """
        own, of = self.terms[term], self.terms[term].coded
        node = ~np.isnan(own.node)
        kept, last = ~node, np.zeros(len(node))
        for patient in np.unique(self.patient_of_row[node]):
            rows = self.patient_of_row == patient
            z = np.unique(own.node[rows])
            kept[rows] = own.node[rows] == z[-1]
            last[rows] = node_weights(z)[-1]
        design = replace(self, log_weight=self.log_weight - last)._of_rows(kept)
        size = int(kept.sum())
        matrix = np.full((size, 1), (value - of.term.centre) / of.term.scale)
        known = replace(design.terms[term], matrix=matrix, node=np.full(size, np.nan))
        return replace(design, terms={**design.terms, term: known})

    def _of_rows(self, kept: np.ndarray) -> Design:
        """Return the design with some rows only."""
        terms = {
            name: replace(t, matrix=t.matrix[kept], node=t.node[kept], share=t.share[kept])
            for name, t in self.terms.items()
        }
        return replace(
            self,
            patient_of_row=self.patient_of_row[kept],
            log_weight=self.log_weight[kept],
            terms=terms,
            switch=self.switch[kept] if len(self.switch) else self.switch,
            event_time=self.event_time[kept] if len(self.event_time) else self.event_time,
        )

    def numbers(self, term: str) -> np.ndarray:
        """Return each patient's recorded number of a term, NaN where it is missing: array (n,)."""
        own, first = self.terms[term], np.unique(self.patient_of_row, return_index=True)[1]
        of = own.coded.term
        return np.where(np.isnan(own.node[first]), of.centre + of.scale * own.matrix[first, 0], np.nan)

    def with_rows(self, term: str, matrix: np.ndarray) -> Design:
        """Return the design with other rows of one term."""
        changed = replace(self.terms[term], matrix=matrix)
        return replace(self, terms={**self.terms, term: changed})


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
    cases = typed(cases)
    codebook = codebook_of(cases) or Codebook()
    cases = bare(cases)
    for term in model.terms.values():
        if term.source not in cases.columns:
            raise missing_column(cases, codebook, term.source, f"the model {model.name!r}")
    reader = Reader(cases, codebook, model)
    outcome = read_outcome(reader)
    coded = {name: code_term(term, cases, codebook) for name, term in model.terms.items()}
    for name, read in coded.items():
        refuse_strange_levels(model, name, read.levels, codebook)
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
            reasons = [r or (f"no {name}" if lost else "") for r, lost in zip(reasons, read.missing, strict=True)]
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
    )
    gone = {label: float(n) for label, n, keep in zip(labels, sizes, kept, strict=True) if not keep}
    return replace(design, sizes_left_out=gone)


def design_of_one(model: Model, label: str, coded: Mapping[str, Coded], position: int, offset: float = 0.0) -> Design:
    """Lay a response model on one patient without an outcome: the one at `position` among those that were coded."""
    return _expand(
        model=model,
        patients=(label,),
        left_out={},
        outcome={"offset": np.array([offset]), "n": np.ones(1)},
        coded=coded,
        dates=None,
        kept=np.array([position]),
    )


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
) -> Design:
    """Give every patient one row per combination of what is not known about it."""
    exposure = next(iter(model.exposures.values()), None)
    pieces = pieces_of(model, outcome) if "time" in outcome else None
    patient: list[int] = []
    log_weight: list[float] = []
    began: list[Unfolded] = []
    choice: dict[str, list[int]] = {name: [] for name in coded}
    for i, position in enumerate(kept):
        options = _options(coded, int(position))
        when = [NEVER]
        if exposure and dates:
            own = {name: float(values[i]) for name, values in outcome.items()}
            when = unfold(exposure, float(dates.earliest[position]), float(dates.latest[position]), own, pieces)
        if len(patient) + math.prod(map(len, options)) * len(when) > MOST_ROWS:
            raise CasepoolError(
                "too many combinations of missing values to sum over",
                file=model.name,
                row=f"patient {patients[i]}",
                remedy='set missing = "drop" in one of the terms',
            )
        for picked, one in itertools.product(itertools.product(*options), when):
            patient.append(i)
            log_weight.append(one.log_weight + sum(weight for _, weight in picked))
            began.append(one)
            for name, (index, _) in zip(coded, picked, strict=True):
                choice[name].append(int(index))
    rows = np.array(patient)
    times = np.array([one.event_time for one in began])
    return Design(
        model=model,
        patients=patients,
        left_out=left_out,
        outcome=outcome,
        patient_of_row=rows,
        log_weight=np.array(log_weight) + _combinations(outcome)[rows],
        terms={
            name: _term_rows(c, np.array(choice[name]), kept, rows, patients_in(outcome)) for name, c in coded.items()
        },
        switch=np.array([one.switch for one in began]) if exposure else np.zeros(0),
        exposed=exposed_by(exposure, dates, kept),
        earliest=dates.earliest[kept] if dates else np.zeros(0),
        latest=dates.latest[kept] if dates else np.zeros(0),
        event_time=times if np.isfinite(times).any() else np.zeros(0),
        pieces=pieces,
    )


def _options(coded: Mapping[str, Coded], position: int) -> list[list[tuple[int, float]]]:
    """Return what each term may be for one patient: choices and their log weights.

    A number missing beside labels that leave more than `MANY` combinations keeps every `STRIDE`th of its nodes: of
    such a patient little is known, and the rule stays a trapezoidal one.
    """
    combinations = math.prod(len(c.options[position]) for c in coded.values())
    found = []
    for term in coded.values():
        choices, weights = term.options[position], term.log_weights[position]
        stride = STRIDE.get(term.term.kind, 1) if combinations > MANY and len(choices) > 1 else 1
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


def patients_in(outcome: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return how many patients each row of the table stands for: array (n,)."""
    return np.asarray(outcome.get("n", np.ones(len(next(iter(outcome.values()))))))


def _term_rows(coded: Coded, choice: np.ndarray, kept: np.ndarray, rows: np.ndarray, n: np.ndarray) -> TermRows:
    missing = coded.missing[kept][rows]
    values = coded.values[kept]
    if coded.levels:
        known = values >= 0
        recorded = np.bincount(values[known], weights=n[known], minlength=len(coded.levels)).astype(float)
    else:
        recorded = _logits(values, n, coded.term)
    return TermRows(
        coded=coded,
        matrix=np.nan_to_num(coded.choices[choice], nan=0.0),
        node=coded.nodes[choice],
        share=np.where(missing & bool(coded.levels), choice, -1),
        recorded=recorded,
    )


def _logits(values: np.ndarray, n: np.ndarray, term: Term) -> np.ndarray:
    """Return the logits of the numbers recorded, within the term's bounds, one for each of the n patients of a row."""
    known = ~np.isnan(values)
    return logit_in(np.repeat(values[known], n[known].astype(int)), term.bounds or (0.0, 1.0))


def _recorded(term: TermRows, first: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Return what is recorded of a term, as `TermRows.recorded`, from the first row of each patient."""
    of = term.coded
    if of.levels:
        same = (term.matrix[first][:, None] == of.choices[: len(of.levels)]).all(axis=2)
        return np.asarray((same * n[:, None])[term.share[first] < 0].sum(axis=0).astype(float))
    values = of.term.centre + of.term.scale * term.matrix[first, 0]
    return _logits(np.where(np.isnan(term.node[first]), values, np.nan), n, of.term)
