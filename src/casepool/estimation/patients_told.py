"""What a table of new patients says beside the model's covariates: who is in the fit, and who is known to be alive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from casepool.arguments import is_number
from casepool.cases.cells import is_missing
from casepool.cases.tables import bare
from casepool.errors import CasepoolError
from casepool.estimation.draws import Fitted
from casepool.modelling.design.making import patient_labels
from casepool.modelling.families.ties import TIED

ALIVE_AT, IN_FIT = "alive_at", "in_fit"
"""Columns of a table of new patients, unless the model reads a covariate of that name."""
TABLE = "the new patients"


@dataclass(frozen=True)
class Told:
    """What is told of each new patient, or of a patient of the fit.

    Parameters
    ----------
    in_fit : tuple of str
        Identifier of the patient of the fit that a row is; empty of a new one.
    alive_at : array (rows,)
        When it was known to be event-free still; 0 where nothing is told.
    counted : array (rows,)
        Up to when the fit knows that: the patient's own follow-up in it; 0 of a new one.
    """

    in_fit: tuple[str, ...]
    alive_at: np.ndarray
    counted: np.ndarray

    @classmethod
    def read(cls, fitted: Fitted, patients: pd.DataFrame) -> Told:
        """Read the columns `in_fit` and, of a survival model, `alive_at`."""
        names = [_name(fitted, cell, i) for i, cell in enumerate(_cells(fitted, patients, IN_FIT))]
        if not fitted.is_survival:
            return cls(tuple(names), np.zeros(len(names)), np.zeros(len(names)))
        alive_at = np.array([_time(cell, i) for i, cell in enumerate(_cells(fitted, patients, ALIVE_AT))])
        counted = np.zeros(len(names))
        for i, name in enumerate(names):
            if name:
                counted[i] = _followed(fitted, name, float(alive_at[i]), i)
        return cls(tuple(names), alive_at, counted)

    def with_own_values(self, fitted: Fitted, cells: pd.DataFrame, needed: Sequence[str]) -> pd.DataFrame:
        """Return a table in which patients of the fit have their own values, refusing others."""
        if not any(self.in_fit):
            return cells
        places = {label: i for i, label in enumerate(patient_labels(fitted.cases, fitted.codebook))}
        own, empty = bare(fitted.cases), ("", *fitted.codebook.missing)
        found = {name: list(cells[name]) for name in cells}
        for i, name in enumerate(self.in_fit):
            for column in dict.fromkeys(needed) if name else ():
                if not is_missing(given := found[column][i], empty):
                    raise CasepoolError(
                        "a patient of the fit has its own value there",
                        file=TABLE,
                        row=_row(i),
                        column=column,
                        value=given,
                        remedy=f"leave this cell empty, or the one under {IN_FIT!r}",
                    )
                found[column][i] = own[column].iloc[places[name]]
        return pd.DataFrame(
            {name: pd.Series(values, cells.index, object) for name, values in found.items()}, cells.index
        )


def told_columns(fitted: Fitted) -> list[str]:
    """Return the columns of a table of new patients that are read beside those of the model's terms."""
    sources = {term.source for term in fitted.model.terms.values()}
    return [name for name in (IN_FIT, *[ALIVE_AT] * fitted.is_survival) if name not in sources]


def _cells(fitted: Fitted, patients: pd.DataFrame, column: str) -> list[object]:
    """Return the cells of a column, None where one is empty or the column absent."""
    if column not in told_columns(fitted) or column not in patients.columns:
        return [None] * len(patients)
    empty = ("", *fitted.codebook.missing)
    return [None if is_missing(cell, empty) else cell for cell in patients[column]]


def _row(i: int) -> str:
    return f"row {i + 1}"


def _time(cell: object, i: int) -> float:
    """Read when somebody was known to be alive, 0 of an empty cell."""
    if cell is None:
        return 0.0
    try:
        time = float(cell) if isinstance(cell, str) else cell
    except ValueError:
        time = cell
    if not is_number(time) or not float(time) >= 0:  # type: ignore[arg-type]
        remedy = "give a number in the model's unit, or leave the cell empty"
        raise CasepoolError(
            "this is no time from 0", file=TABLE, row=_row(i), column=ALIVE_AT, value=cell, remedy=remedy
        )
    return float(time)  # type: ignore[arg-type]


def _name(fitted: Fitted, cell: object, i: int) -> str:
    """Return the patient of the fit that a cell names, "" of an empty one."""
    if cell is None:
        return ""
    name = f"{cell:.0f}" if isinstance(cell, float) and cell.is_integer() else str(cell).strip()
    if name in fitted.design.patients:
        return name
    reason = fitted.design.left_out.get(name)
    raise CasepoolError(
        f"the fit leaves this patient out ({reason})" if reason else "the fit has no such patient",
        file=TABLE,
        row=_row(i),
        column=IN_FIT,
        value=cell,
        remedy="name one of its patients, or leave the cell empty and give the patient's values",
    )


def _followed(fitted: Fitted, name: str, alive_at: float, i: int) -> float:
    """Return up to when the fit knows that a patient of its own was event-free, refusing who had the event by then."""
    out, place = fitted.design.outcome, fitted.design.patients.index(name)
    between = bool(out["between"][place]) if "between" in out else False
    known = float(out["lower"][place] if between else out["time"][place])
    had = between or bool(out["event"][place])
    if had and alive_at * (1 + TIED) >= known and alive_at > 0:
        raise CasepoolError(
            "by then this patient of the fit had the event, or may have had it",
            file=TABLE,
            row=_row(i),
            column=ALIVE_AT,
            value=alive_at,
            remedy="give an earlier time, or leave the cell empty",
        )
    return known
