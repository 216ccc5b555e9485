"""What is calibrated: a model, and the table that gives its simulated ones their shape."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import pandas as pd

import casepool as cp
from casepool.cases.tables import codebook_of
from casepool.modelling import Design, Model, make_design
from casepool.modelling.design.linked import BEARERS, LOT, SEEN_TYPE, laid_out
from casepool.modelling.specification.exposure import Exposure

PATIENTS, BASKETS = "alk_crizotinib", "sarcoma_imatinib"
OPERATED_AT = 6.0
GRADES = ("high", "low", "middle")
TIME, TYPE, TYPES = "months_on", "event", 8
"""Until when a patient's events count; what an event is; and of how many types there are rows of every patient."""


@dataclass(frozen=True)
class Study:
    """One model and the kind of table it is calibrated on.

    Parameters
    ----------
    name : str
    model : Model
    tables : int
        How many are promised.
    copies : int
        How often the bundled table's patients are repeated: 10 are about 300 patients in the fit.
    dates : str
        Of an exposure: "hidden" in intervals, or "known"; "" without one, and where the model takes one end for it.
    late : bool
        Whether some patients enter late.
    visits : bool
        Whether events are only known to lie between visits.
    counted : bool
        Whether a row stands for the patients of a histology: the bundled baskets instead of the patients.
    rows : str
        What a row is of where it is of adverse events: "type", or "cell" of a patient and a type.
    """

    name: str
    model: Model
    tables: int = 1000
    copies: int = 1
    dates: str = ""
    late: bool = False
    visits: bool = False
    counted: bool = False
    rows: str = ""

    @property
    def survival(self) -> bool:
        """Whether the outcome is a time to an event."""
        return self.model.is_survival

    @property
    def exposure(self) -> Exposure | None:
        """The exposure of the model, if it has one."""
        return next(iter(self.model.exposures.values()), None)

    @property
    def operated_at(self) -> float:
        """When an operation is taken to have been in what is reported of the operated."""
        return OPERATED_AT if self.exposure and self.exposure.begins else 0.0

    @property
    def landmark(self) -> float:
        """From when on time counts."""
        return self.exposure.landmark if self.exposure else 0.0

    def patients(self) -> pd.DataFrame:
        """Return the bundled table, repeated, with the columns the studies add; not to be changed in place."""
        if self.rows:
            return _events(self.model, self.rows)
        return _baskets() if self.counted else _patients(self.copies)

    @cached_property
    def design(self) -> Design:
        """The model laid on the bundled table, which has the shapes of its parameters."""
        return make_design(self.model, self.patients())


@cache
def _baskets() -> pd.DataFrame:
    return cp.load(BASKETS)


def _events(model: Model, rows: str) -> pd.DataFrame:
    """Return the rows that a model of the bundled table's adverse events is laid on.

    Whose an event was is known of all; the types of cells are a full list, others were listed since they were seen.
    """
    cases = cp.load(PATIENTS)
    book = codebook_of(cases)
    if book is None:
        raise ValueError("the bundled table has a codebook")
    frame, _ = laid_out(model, cases, book)
    if rows == "cell":
        few = frame[TYPE].isin(sorted(frame[TYPE].unique())[:TYPES])
        frame = frame[few & frame[TIME].notna()].reset_index(drop=True)
        frame[[LOT, BEARERS, SEEN_TYPE]] = 0
    return frame


@cache
def _patients(copies: int) -> pd.DataFrame:
    frame = cp.load(PATIENTS)
    book = dict(frame.attrs["codebook"])
    whole = pd.concat([frame] * copies, ignore_index=True)
    whole["patient"] = range(1, len(whole) + 1)
    whole["entry"] = 0.1 * (whole["os_months"] > 0.1)
    died = whole["death"].fillna(False).astype(bool)
    whole["seen_alive"] = whole["os_months"] * np.where(died, 0.5, 1.0)
    whole["seen_dead"] = whole["os_months"].where(died)
    grade = np.array(GRADES, dtype=object)[np.arange(len(whole)) % len(GRADES)]
    whole["grade"] = pd.Series(grade, dtype=frame["sex"].dtype).mask(np.arange(len(whole)) % 8 == 0)
    own = {name: {"type": "number", "unit": "months"} for name in ("entry", "seen_alive", "seen_dead")}
    own["grade"] = {"type": "category", "levels": [*GRADES]}
    whole["published"] = np.arange(len(whole)) % 3 > 0
    own["published"] = {"type": "boolean"}
    read = ("age", "sex", "histology", "partner", "best_response", "os_months", "death", "surgery_any")
    dates = ("surgery_earliest", "surgery_latest")
    columns = {**{name: book["columns"][name] for name in (*read, *dates)}, **own, "patient": {"type": "integer"}}
    whole = whole[list(columns)]
    whole.attrs["codebook"] = {**book, "columns": columns}
    return whole
