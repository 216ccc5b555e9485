"""A coding of the codebook laid on cases: another column read, cells overwritten, patients left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from casepool.cases.cells import PARSERS, BadCellError, is_missing
from casepool.cases.codebook import Codebook
from casepool.cases.coding_keys import AS_RECORDED, KEYS, LABEL
from casepool.cases.column import Column
from casepool.cases.reading import resolve_cases
from casepool.cases.roles import NO_ROLE
from casepool.cases.tables import bare, codebook_of, missing_column, typed_by
from casepool.errors import CasepoolError
from casepool.tables import AnswerTable
from casepool.toml_files import check_keys


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
        A new table of the same rows, typed and checked again. A column the choice overwrites loses its role, which
        described what was recorded: deaths of complications read as censored do not contradict the status.
    dropped : tuple of str
        Identifiers of the patients the choice leaves out; they are still rows of the frame.

    Raises
    ------
    CasepoolError
        For an unknown decision, choice, key, column or patient, or a value the codebook refuses.
    """
    frame, _, dropped = _recoded(cases, codebook_of(cases) or Codebook(), decision, choice)
    return frame, dropped


def _recoded(
    cases: pd.DataFrame, codebook: Codebook, decision: str, choice: str
) -> tuple[pd.DataFrame, Codebook, tuple[str, ...]]:
    """Apply one choice of one decision to cases whose codebook has been read."""
    coding = _coding(codebook, decision, choice)
    where = {"file": codebook.name, "column": f"codings.{decision}.{choice}"}
    cases = bare(cases)
    if "table" in coding:
        return *typed_by(cases, _with_table(codebook, coding, where)), ()
    frame = cases.copy()
    for column, other in coding.get("use", {}).items():
        for name in (column, other):
            if name not in cases.columns:
                raise missing_column(cases, codebook, name, f"codings.{decision}.{choice}")
        frame[column] = [_spelt(value, codebook.columns[column]) for value in cases[other]]
    raw = frame.astype(object)
    for cells in coding.get("set", []):
        row = _row_of(cases, codebook, cells.get(codebook.id), where)
        for column, value in cells.items():
            if column not in cases.columns:
                raise missing_column(cases, codebook, column, f"codings.{decision}.{choice}")
            raw.loc[row, column] = _spelt(value, codebook.columns[column])
    dropped = [str(cases[codebook.id].iloc[_row_of(cases, codebook, p, where)]) for p in coding.get("drop", [])]
    changed = {*coding.get("use", {}), *(column for cells in coding.get("set", []) for column in cells)} - {codebook.id}
    return *typed_by(raw.where(raw.notna(), None), _without_roles(codebook, changed)), tuple(dropped)


def _with_table(codebook: Codebook, coding: Mapping[str, Any], where: Mapping[str, str]) -> Codebook:
    """Read other columns of a table beside the cases."""
    name, used = coding["table"], coding.get("use", {})
    if name not in codebook.linked:
        remedy = f"name one of {', '.join(codebook.linked) or 'none'}"
        raise CasepoolError("there is no such file beside the cases", value=name, remedy=remedy, **where)
    rows = codebook.linked[name]
    for column in (*used, *used.values()):
        if column not in rows.columns:
            remedy = f"{codebook.tables[name].file} has {', '.join(rows.columns)}"
            raise CasepoolError("there is no such column", value=column, remedy=remedy, **where)
    columns = {column: rows.columns[used.get(column, column)] for column in rows.columns}
    return replace(codebook, linked={**codebook.linked, name: replace(rows, columns=columns)})


def _spelt(value: Any, column: Column) -> Any:
    """Return a cell that a coding writes as the column's aliases spell it, as the table's own cells are by now."""
    if not column.aliases or is_missing(value, ()):
        return value
    try:
        return PARSERS[column.type][0](value, column)
    except BadCellError:  # refused with its row where the table is typed
        return value


def _without_roles(codebook: Codebook, changed: set[str]) -> Codebook:
    """Take the roles of some columns away."""
    columns = {
        name: replace(column, role=NO_ROLE, exposure="", counts=()) if name in changed else column
        for name, column in codebook.columns.items()
    }
    return replace(codebook, columns=columns)


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
    if not isinstance(choice, str) or choice not in codebook.codings[decision]:
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


def recode(cases: pd.DataFrame, **choices: str) -> pd.DataFrame:
    """Apply choices of the codebook's decisions, in the order given.

    Parameters
    ----------
    cases : pandas.DataFrame
        Typed, with a codebook that declares the codings (as `load` gives it).
    **choices : str
        ``decision="choice"``, say ``surgery="any_text"``.

    Returns
    -------
    pandas.DataFrame
        A new table, typed and checked again, without the patients a choice leaves out.

    Raises
    ------
    CasepoolError
        For an unknown decision or choice, or a value the codebook refuses.

    See Also
    --------
    codings, multiverse

    Examples
    --------
    >>> import casepool as cp
    >>> cases = cp.load("alk_crizotinib")
    >>> int(cp.recode(cases, surgery="any_text")["surgery_any"].sum())
    11
    """
    if not isinstance(cases, pd.DataFrame):
        raise CasepoolError(
            "cases are a DataFrame", value=cases, remedy="pass what load(...) or read_cases(...) returned"
        )
    return recode_typed(cases, codebook_of(cases) or Codebook(), choices)[0] if choices else cases


def recode_typed(cases: pd.DataFrame, codebook: Codebook, choices: Mapping[str, str]) -> tuple[pd.DataFrame, Codebook]:
    """Apply choices as `recode` does to cases whose codebook has been read, and return the new codebook beside them."""
    frame, left_out = cases, set[str]()
    changing = {decision: choice for decision, choice in choices.items() if _coding(codebook, decision, choice)}
    for decision, choice in (changing or choices).items():  # the others change nothing, and typing again takes long
        frame, codebook, dropped = _recoded(frame, codebook, decision, choice)
        left_out |= set(dropped)
    if not left_out:
        return frame, codebook
    frame = bare(frame)
    kept = [str(value) not in left_out for value in frame[codebook.id]]
    return typed_by(frame[kept].reset_index(drop=True), codebook)


def codings(dataset: str | Path | pd.DataFrame) -> pd.DataFrame:
    """List the decisions a dataset leaves open, and the choices for each.

    Parameters
    ----------
    dataset : str or pathlib.Path or pandas.DataFrame
        A bundled dataset's name, a folder, or cases with their codebook.

    Returns
    -------
    pandas.DataFrame
        Columns ``decision``, ``choice``, ``why``, ``changes`` (in words), and ``label`` and ``decision_label``, which
        a reader calls the two, "" where the codebook does not say; every decision starts with ``as_recorded``.

    See Also
    --------
    recode, multiverse

    Examples
    --------
    >>> import casepool as cp
    >>> table = cp.codings("alk_crizotinib")
    >>> table.loc[table["decision"] == "case_5", ["choice", "changes"]].values.tolist()
    [['as_recorded', ''], ['responder', 'patient 5: best_response = PR']]
    """
    codebook = codebook_of(resolve_cases(dataset)) or Codebook()
    rows = []
    for decision, offered in codebook.codings.items():
        for choice in (AS_RECORDED, *offered):
            coding = _coding(codebook, decision, choice)
            row = {"decision": decision, "choice": choice, "why": coding.get("why", ""), "changes": _words(coding)}
            row |= {"label": coding.get(LABEL, ""), "decision_label": codebook.decisions.get(decision, "")}
            rows.append(row)
    return AnswerTable(rows, columns=["decision", "choice", "why", "changes", "label", "decision_label"])


def _words(coding: Mapping[str, Any]) -> str:
    """Say what a choice changes."""
    parts = [f"{column} from {other}" for column, other in coding.get("use", {}).items()]
    for cells in coding.get("set", []):
        who, *what = cells.items()
        parts.append(f"{who[0]} {who[1]}: " + ", ".join(f"{column} = {value}" for column, value in what))
    if coding.get("drop"):
        parts.append(f"without {', '.join(map(str, coding['drop']))}")
    return "; ".join(parts)
