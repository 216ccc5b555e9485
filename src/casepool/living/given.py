"""What a change is asked by: new cases, choices of codings, priors."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from casepool.arguments import path_of
from casepool.cases.codebook import Codebook
from casepool.cases.tables import missing_column
from casepool.errors import CasepoolError
from casepool.toml_files import read_toml

MANY = "case"
"""Key of a file of several cases: ``[[case]]``."""
FILE = "the case"
Case = Mapping[str, Any]
Cells = dict[str, str | float]
Priors = Mapping[str, Mapping[str, Mapping[str, Any]]]


def cases_given(case: str | Path | Case | Sequence[Case] | None) -> tuple[list[Case], str]:
    """Return the cases of a file or of mappings, one or several, and what errors call them."""
    if case is None:
        return [], FILE
    name = FILE
    if isinstance(case, str | Path):
        path = path_of(case)
        case, name = read_toml(path), path.name
    if isinstance(case, Mapping) and set(case) == {MANY} and isinstance(case[MANY], list):
        case = case[MANY]
    found = [case] if isinstance(case, Mapping) else case
    if not isinstance(found, list | tuple) or not found or not all(isinstance(one, Mapping) and one for one in found):
        remedy = 'give a file, or a dictionary of cells by column, as {"patient": 34, "histology": "EIMT"}'
        raise CasepoolError("this is no case", file=name, value=case, remedy=remedy)
    return list(found), name


def cells_of(case: Case, table: pd.DataFrame, codebook: Codebook, file: str) -> Cells:
    """Return the cells of a case by the columns of its table.

    Raises
    ------
    CasepoolError
        For a column that the table has not, or what stands in no cell.
    """
    cells: Cells = {}
    for name, value in case.items():
        if name not in table.columns:
            raise missing_column(table, codebook, str(name), file)
        cells[name] = _cell(value, str(name), codebook, file)
    return cells


def _cell(value: Any, column: str, codebook: Codebook, file: str) -> str | float:
    value = value.tolist() if hasattr(value, "tolist") else value
    kind = codebook.columns.get(column)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return value.isoformat()
    if isinstance(value, int | float) and math.isfinite(value):
        return value
    if isinstance(value, list | tuple) and kind is not None and kind.type in ("set", "list"):
        if all(isinstance(one, str) and kind.separator not in one for one in value):
            return kind.separator.join(value)
    elif isinstance(value, str):
        return value
    remedy = "write a text, a number, true, false or a day; several members of a set or list as a list of texts"
    raise CasepoolError("this stands in no cell of this column", file=file, column=column, value=value, remedy=remedy)


def choices_given(coding: Mapping[str, str] | None) -> dict[str, str]:
    """Return choices by decision."""
    texts = isinstance(coding, Mapping) and all(isinstance(one, str) for one in (*coding, *coding.values()))
    if coding is not None and not texts:
        raise CasepoolError("a coding is a choice by decision", value=coding, remedy='pass {"decision": "choice"}')
    return dict(coding or {})


def priors_given(priors: str | Path | Priors | None) -> dict[str, dict[str, dict[str, Any]]]:
    """Return priors by the names of a model and of what they are of: ``[<model>.<name>]`` of a file."""
    if priors is None:
        return {}
    plain = read_toml(path_of(priors)) if isinstance(priors, str | Path) else priors
    tables = isinstance(plain, Mapping) and all(isinstance(own, Mapping) and own for own in plain.values())
    if not tables or not plain or not all(isinstance(one, Mapping) for own in plain.values() for one in own.values()):
        name = Path(priors).name if isinstance(priors, str | Path) else "priors"
        remedy = 'write, say, [objective_response.histology_sd] with dist = "HalfNormal", sigma = 0.5 and why = "..."'
        raise CasepoolError("these are no priors of models", file=name, value=plain, remedy=remedy)
    return {model: {name: dict(one) for name, one in own.items()} for model, own in plain.items()}
