"""The Design: everything a likelihood needs, as frozen numpy arrays made from a model and cases.

A patient is one row, or several that are summed over: every value a missing covariate may have, every date an
exposure may have begun. Aggregated patients, counterfactuals and new patients are only other Designs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from casepool.modelling.design.cells import Cells, cell_labels
from casepool.modelling.design.encoding import logit_in
from casepool.modelling.design.reporting import shared
from casepool.modelling.families.basis_hazards import Pieces
from casepool.modelling.families.parameters import Laid, Parameter
from casepool.modelling.families.trial_laws import TRIALS
from casepool.modelling.specification.model import Model
from casepool.modelling.terms.numbers import Number, as_number, node_weights
from casepool.modelling.terms.term import Coded


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

    @property
    def has_nodes(self) -> bool:
        """Whether the term is a number whose missing values are modelled."""
        return self.is_incomplete and not self.coded.levels

    @property
    def has_shares(self) -> bool:
        """Whether the term is a label whose missing values are modelled."""
        return self.is_incomplete and bool(self.coded.levels)


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
    typical_start : float
        Median known or mid-interval start of the exposure in the table as it was read; 0 where nobody was exposed,
        NaN where it is withheld.
    event_time : array (rows,)
        When the event happened, of rows that stand for one time within an interval (NaN: as the outcome says); of
        length 0 where no patient needs such rows.
    pieces : Pieces, optional
        Of a hazard made of pieces.
    sizes_left_out : mapping of str to float
        How many patients each row of `left_out` stands for.
    cells : mapping of str to pairs of integers
        By interaction, the places of the two levels of every cell that has an effect.
    published : array (n,)
        1 of a patient whose outcome made publication more likely, else 0; of length 0 where the model has no selection.
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
    typical_start: float = 0.0
    event_time: np.ndarray = field(default_factory=lambda: np.zeros(0))
    pieces: Pieces | None = None
    sizes_left_out: Mapping[str, float] = field(default_factory=dict)
    cells: Mapping[str, Cells] = field(default_factory=dict)
    published: np.ndarray = field(default_factory=lambda: np.zeros(0))

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """The unknowns of the model on this table, in the order of the linear predictor.

        A category of one level has no effects.
        """
        missing = {name for name, term in self.terms.items() if term.is_incomplete}
        empty = {dim for dim, labels in self.laid.labels.items() if not labels}
        present = (own for own in self.model.parameters if not own.if_missing or own.owner in missing)
        return tuple(own for own in present if empty.isdisjoint(own.dims))

    @cached_property
    def declared(self) -> tuple[Parameter, ...]:
        """The unknowns, each after those its law needs: the order in which a graph declares them.

        First what has a prior of its own; then an intercept that the family's parameters bend; then what hangs on
        standard deviations.
        """
        return tuple(sorted(self.parameters, key=lambda own: own.stage))

    @property
    def improper(self) -> list[str]:
        """Names of the parameters whose prior is no distribution, so that nothing can be drawn before the data."""
        return [own.name for own in self.parameters if own.given.distribution.name == "Flat"]

    def parameter(self, name: str) -> Parameter | None:
        """Return the unknown of a name; None if there is none."""
        return next((own for own in self.parameters if own.name == name), None)

    @cached_property
    def laid(self) -> Laid:
        """What the laws of parameters may ask of the table."""
        model, pieces = self.model, self.pieces
        labels: dict[str, tuple[str, ...]] = {}
        for term in self.terms.values():
            labels |= term.coded.term.dims(term.coded, term.is_incomplete)
        labels |= {name: cell_labels(model, name, self.terms, cells) for name, cells in self.cells.items()}
        if model.is_ordinal:
            labels |= {"step": model.steps, "gap": model.steps[1:]}
        if model.joins_trials and model.trials is not None:
            labels |= {TRIALS: model.trials.labels}
        if pieces is None:
            return Laid(labels)
        return Laid(labels | {"piece": pieces.labels, "next_piece": pieces.labels[1:]}, pieces.constant)

    @property
    def recorded(self) -> dict[str, np.ndarray]:
        """What is known besides outcomes: of covariates that some patients miss, and counts (2, studies) of trials."""
        found = {name: term.recorded for name, term in self.terms.items() if term.is_incomplete}
        trials = self.model.trials
        if self.model.joins_trials and trials is not None:
            found[TRIALS] = np.array([trials.counts.events, trials.counts.n])
        return found

    @property
    def summed(self) -> bool:
        """Whether some patient has more than one row."""
        return len(self.patient_of_row) > len(self.patients)

    def unselected(self) -> Design:
        """Return the design of the same patients had nobody been published for how they did."""
        return replace(self, published=np.zeros(0))

    @property
    def shared(self) -> bool:
        """Whether rows share a likelihood, so that none can be scored or left out by itself."""
        return bool(self.model.outcome.per) and shared(self.outcome)

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
            published=self.published[kept] if len(self.published) else self.published,
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
        matrix = np.full((size, 1), as_number(of.term).standardised(value))
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
        return np.where(np.isnan(own.node[first]), as_number(own.coded.term).recorded(own.matrix[first, 0]), np.nan)

    def with_rows(self, term: str, matrix: np.ndarray) -> Design:
        """Return the design with other rows of one term."""
        changed = replace(self.terms[term], matrix=matrix)
        return replace(self, terms={**self.terms, term: changed})


def patients_in(outcome: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return how many patients each row of the table stands for: array (n,)."""
    return np.asarray(outcome.get("n", np.ones(len(next(iter(outcome.values()))))))


def logits_of(values: np.ndarray, n: np.ndarray, term: Number) -> np.ndarray:
    """Return the logits of the numbers recorded, within the term's bounds, one for each of the n patients of a row."""
    known = ~np.isnan(values)
    return logit_in(np.repeat(values[known], n[known].astype(int)), term.bounds or (0.0, 1.0))


def _recorded(term: TermRows, first: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Return what is recorded of a term, as `TermRows.recorded`, from the first row of each patient."""
    of = term.coded
    if of.levels:
        same = (term.matrix[first][:, None] == of.choices[: len(of.levels)]).all(axis=2)
        return np.asarray((same * n[:, None])[term.share[first] < 0].sum(axis=0).astype(float))
    values = as_number(of.term).recorded(term.matrix[first, 0])
    return logits_of(np.where(np.isnan(term.node[first]), values, np.nan), n, as_number(of.term))
