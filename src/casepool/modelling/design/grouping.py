"""Which patients of a design belong to which level, counted once for all answers, raw or shrunk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from casepool.arguments import name_of
from casepool.cases import codebook_of
from casepool.cases.codebook import Codebook
from casepool.cases.column import LABELLED
from casepool.cases.tables import bare, missing_column
from casepool.errors import CasepoolError
from casepool.modelling.design.design import Design
from casepool.modelling.design.encoding import labels_of
from casepool.modelling.design.endpoint_counts import counted
from casepool.modelling.design.making import patient_labels
from casepool.modelling.specification.endpoints import event
from casepool.remarks import NONE, Count, Patients, Remarks, remark


@dataclass(frozen=True)
class Membership:
    """Levels of a grouping, and which of the fit's n patients are their members.

    Parameters
    ----------
    by : str
    levels : tuple of str
    members : boolean array (n, levels)
    is_term : bool
        Whether `by` is a term of the model.
    """

    by: str
    levels: tuple[str, ...]
    members: np.ndarray
    is_term: bool

    def counts(self, design: Design) -> tuple[np.ndarray, np.ndarray]:
        """Return the numbers of patients and of events of every level."""
        n, events = patients_and_events(design)
        return n @ self.members, events @ self.members

    def remarks(self, design: Design) -> Remarks:
        """Say which patients count in several levels, and how many in none."""
        in_levels = self.members.sum(axis=1)
        several = tuple(design.patients[i] for i in np.flatnonzero(in_levels > 1))
        lost = int((in_levels == 0).sum())
        twice = remark("in several levels", patients=Patients(several)) if several else NONE
        return twice + (remark("in no level", n=Count(lost, "patient"), by=self.by) if lost else NONE)


def patients_and_events(design: Design) -> tuple[np.ndarray, np.ndarray]:
    """Return how many patients each row of the fit stands for, and how many of them had the event."""
    if design.model.is_survival:
        return np.ones(len(design.patients)), design.outcome["event"]
    return design.outcome["n"], counted(design, event(design.model))


def membership(design: Design, cases: pd.DataFrame, by: str, codebook: Codebook | None = None) -> Membership:
    """Group the patients of a fit.

    Parameters
    ----------
    design : Design
    cases : pandas.DataFrame
        The table the design was made from.
    by : str
        A factor of the model, or any labelled column of the cases.
    codebook : Codebook, optional
        That of the cases, where it has been read.

    Raises
    ------
    CasepoolError
        If there is no such grouping, or the column holds numbers.
    """
    name_of(by, "by", "name a factor of the model or a column of the cases")
    codebook = codebook or codebook_of(cases) or Codebook()
    cases = bare(cases)
    term = design.model.terms.get(by)
    if term is not None and term.is_number:
        raise CasepoolError(f"{by!r} is a number in this model, without levels", remedy="use a banded term")
    if term is not None and term.reads_numbers:
        values = design.terms[by].coded.values
        levels = design.terms[by].coded.levels
        cells: list[tuple[str, ...]] = [() if value < 0 else (levels[value],) for value in values]
    else:
        column = term.source if term else by
        if term is None and not codebook.may_show(column):
            raise CasepoolError(
                "no such column, or one whose labels may be names, of a table that is not public",
                file=codebook.name,
                column=column,
                remedy="list `levels` of the column in the codebook, and fit again",
            )
        if column not in cases.columns:
            raise missing_column(cases, codebook, column, "`by`")
        if codebook.columns[column].type not in (*LABELLED, "integer", "text"):
            raise CasepoolError(
                "tables are split by labels, and this column has none", column=column, remedy="use another"
            )
        cells, levels = labels_of(cases, codebook, column)
        levels = design.terms[by].coded.levels if term else levels
    kept = {label: i for i, label in enumerate(patient_labels(cases, codebook))}
    inside = [cells[kept[patient]] for patient in design.patients]
    members = np.array([[level in cell for level in levels] for cell in inside], dtype=bool)
    return Membership(by, tuple(levels), members.reshape(len(inside), len(levels)), term is not None)
