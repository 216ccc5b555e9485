"""A coding of the codebook laid on cases: another column read, cells overwritten, patients left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from casepool.cases.codebook import Codebook, check_keys
from casepool.cases.tables import codebook_of, missing_column, typed
from casepool.errors import CasepoolError

AS_RECORDED = "as_recorded"
"""The choice every decision has: what the table holds."""
KEYS = ("why", "use", "set", "drop")


def recoded(cases: pd.DataFrame, decision: str, choice: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Apply one choice of one decision.

    Parameters
    ----------
    cases : pandas.DataFrame
        Typed, with a codebook that declares the coding.
    decision, choice : str
        ``[codings.<decision>.<choice>]`` in the codebook, or the choice ``as_recorded``.

    Returns
    -------
    frame : pandas.DataFrame
        A new table of the same rows, typed and checked again.
    dropped : tuple of str
        Identifiers of the patients the choice leaves out; they are still rows of the frame.

    Raises
    ------
    CasepoolError
        For an unknown decision, choice, key, column or patient, or a value the codebook refuses.
    """
    codebook = codebook_of(cases) or Codebook()
    coding = _coding(codebook, decision, choice)
    where = {"file": codebook.name, "column": f"codings.{decision}.{choice}"}
    cases = cases.copy()
    cases.attrs = {}  # pandas copies them deeply at every step, and `typed` puts the codebook back
    frame = cases.copy()
    for column, other in coding.get("use", {}).items():
        for name in (column, other):
            if name not in cases.columns:
                raise missing_column(cases, codebook, name, f"codings.{decision}.{choice}")
        frame[column] = cases[other]
    raw = frame.astype(object)
    for cells in coding.get("set", []):
        row = _row_of(cases, codebook, cells.get(codebook.id), where)
        for column, value in cells.items():
            if column not in cases.columns:
                raise missing_column(cases, codebook, column, f"codings.{decision}.{choice}")
            raw.loc[row, column] = value
    dropped = [str(cases[codebook.id].iloc[_row_of(cases, codebook, p, where)]) for p in coding.get("drop", [])]
    return typed(raw.where(raw.notna(), None), codebook), tuple(dropped)


def _coding(codebook: Codebook, decision: str, choice: str) -> Mapping[str, Any]:
    """Look a coding up, refusing what is not declared."""
    if decision not in codebook.codings:
        raise CasepoolError(
            "there is no such decision",
            file=codebook.name,
            value=decision,
            remedy=f"the codebook declares {', '.join(codebook.codings) or 'none'}",
        )
    if choice == AS_RECORDED:
        return {}
    if choice not in codebook.codings[decision]:
        raise CasepoolError(
            f"there is no such choice of {decision!r}",
            file=codebook.name,
            value=choice,
            remedy=f"choose one of {', '.join((AS_RECORDED, *codebook.codings[decision]))}",
        )
    coding = codebook.codings[decision][choice]
    check_keys(coding, list(KEYS), file=codebook.name, table=f"codings.{decision}.{choice}")
    return coding


def _row_of(cases: pd.DataFrame, codebook: Codebook, patient: object, where: Mapping[str, str]) -> int:
    """Find the row of a patient named in a coding."""
    labels = [str(value) for value in cases[codebook.id]] if codebook.id in cases.columns else []
    if patient is None or str(patient) not in labels:
        raise CasepoolError(
            f"a coding names a {codebook.id} that is not in the table",
            value=patient,
            remedy="correct the codebook",
            **where,
        )
    return labels.index(str(patient))
