"""The flow of patients: how many a table has, who is left out of each model and why, and who is analysed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
import xarray as xr

from casepool.cases.codebook import Codebook
from casepool.errors import CasepoolError
from casepool.estimation.draws import Fitted, open_all
from casepool.modelling.design.grouping import patients_and_events
from casepool.modelling.design.making import patient_labels
from casepool.modelling.design.outcomes import Reason
from casepool.modelling.specification.cautions import lowered
from casepool.tables import AnswerTable, marked_private

COLUMNS = ("model", "title", "step", "reason", "n", "events", "who")
THERE, LEFT_OUT, ANALYSED = "in the table", "left out", "analysed"
STEPS = (THERE, LEFT_OUT, ANALYSED)
"""What a row of the flow counts."""


def flow(fits: xr.DataTree | Sequence[xr.DataTree]) -> pd.DataFrame:
    """Count who is in the table, who is left out of each model and why, and who is analysed.

    Parameters
    ----------
    fits : xarray.DataTree or sequence of them

    Returns
    -------
    pandas.DataFrame
        For every fit a row for the patients ``in the table``, one for each ``reason`` to be ``left out``, the commonest
        first, and one for those ``analysed``: the first is the sum of the others. ``n`` counts patients, of whom a row
        of a table of counts has several, ``events`` the analysed with the event; ``who`` names those left out, unless
        the table is not public. A reason is what the column that explains a missing outcome says
        of a patient (``explains`` of the codebook), where the table is public.

    Raises
    ------
    CasepoolError
        For what is no fit.

    See Also
    --------
    characteristics, followed

    Examples
    --------
    >>> import casepool as cp
    >>> fit = cp.fit("objective_response", "alk_crizotinib", seed=1, draws=100, progress=False)
    >>> cp.flow(fit)[["step", "n", "who"]].values.tolist()
    [['in the table', 33.0, ''], ['left out', 2.0, '10, 12'], ['left out', 1.0, '5'], ['analysed', 30.0, '']]
    """
    opened = open_all(fits)
    if not opened:
        raise CasepoolError("there is no fit", remedy="pass a fit or a list of fits")
    table = AnswerTable([row for fitted in opened for row in _rows(fitted)], columns=list(COLUMNS))
    table = table.astype(dict.fromkeys(("n", "events"), "float64"))
    return marked_private(table, public=all(fitted.public for fitted in opened))


def _rows(fitted: Fitted) -> Iterator[dict[str, Any]]:
    design = fitted.design
    n, events = patients_and_events(design)
    gone: dict[str, list[str]] = {}
    for patient in design.left_out:
        gone.setdefault(reason_of(fitted, patient, fitted.cases, fitted.codebook), []).append(patient)
    lost = {reason: sum(design.sizes_left_out[patient] for patient in who) for reason, who in gone.items()}
    named = {"model": fitted.model.name, "title": fitted.model.title, "reason": "", "who": ""}
    yield {**named, "step": THERE, "n": n.sum() + sum(lost.values())}
    for reason in sorted(gone, key=lambda reason: (-lost[reason], reason)):
        who = ", ".join(gone[reason]) if fitted.public else ""
        yield {**named, "step": LEFT_OUT, "reason": reason, "n": lost[reason], "who": who}
    yield {**named, "step": ANALYSED, "n": n.sum(), "events": events.sum()}


def reason_of(fitted: Fitted, patient: str, cases: pd.DataFrame, codebook: Codebook) -> str:
    """Say in a reader's words why a patient of a table is left out of a fit; "" if it is not."""
    reason = fitted.design.left_out.get(patient, "")
    outcome = fitted.model.outcome.column
    why = next((name for name, own in codebook.columns.items() if outcome and own.explains == outcome), "")
    columns = reason.columns if isinstance(reason, Reason) else ()
    if columns == (outcome,) and codebook.public and why in cases.columns:  # free text
        own = cases[why].iloc[patient_labels(cases, codebook).index(patient)]
        if not pd.isna(own):
            return str(own)
    return reason.labelled(lambda name: lowered(codebook.label_of(name))) if isinstance(reason, Reason) else reason
