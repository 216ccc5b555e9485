"""The ``[codings]`` of a codebook: what a choice may hold, refused when it is read and not when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from casepool.errors import CasepoolError
from casepool.tables import RESERVED
from casepool.toml_files import check_keys

AS_RECORDED = "as_recorded"
"""The choice every decision has: what the table holds."""
LABEL = "label"
"""What a reader calls a choice; as text beside the choices of a decision, what it calls the decision."""
KEYS = (LABEL, "why", "table", "use", "set", "drop")


def check_codings(codings: Mapping[str, Any], id_: str, *, file: str) -> None:
    """Refuse a decision or a choice that is no table, or whose keys hold what they cannot.

    Parameters
    ----------
    codings : mapping
    id_ : str
        The column that names patients, which every table of ``set`` needs.
    file : str

    Raises
    ------
    CasepoolError
        Naming the key.
    """
    for decision, choices in codings.items():
        if decision in RESERVED:
            problem, remedy = "a decision cannot be named like a column of the table of answers", "give it another name"
            raise CasepoolError(problem, file=file, column="codings", value=str(decision), remedy=remedy)
        if not isinstance(choices, Mapping):
            _refuse("must be a table", choices, f"codings.{decision}", file, f"write [codings.{decision}.<choice>]")
        for choice, coding in choices.items():
            if is_label(choice, coding):
                _check_key(LABEL, coding, id_, f"codings.{decision}", file)
                continue
            table = f"codings.{decision}.{choice}"
            if choice == AS_RECORDED:
                _refuse("is the choice of what the table holds", None, table, file, "give it another name")
            if not isinstance(coding, Mapping):
                _refuse("must be a table", coding, table, file, f"write [{table}]")
            check_keys(coding, KEYS, file=file, table=table)
            for key, value in coding.items():
                _check_key(key, value, id_, table, file)
            if "table" in coding and {"set", "drop"} & set(coding):
                _refuse("a choice about a table beside the cases has `use` alone", None, table, file, "remove the rest")


def is_label(key: str, value: object) -> bool:
    """Whether an entry of a decision is no choice but what a reader calls the decision."""
    return key == LABEL and not isinstance(value, Mapping)


def _check_key(key: str, value: object, id_: str, table: str, file: str) -> None:
    wanted, good = WANTED[key]
    if not good(value, id_):
        _refuse(f"must be {wanted}", value, f"{table}.{key}", file, "correct it")


def columns_named(coding: Mapping[str, Any]) -> set[str]:
    """Return the columns of the cases that a choice reads or writes."""
    if "table" in coding:
        return set()
    used = coding.get("use", {})
    return {*used, *used.values()}.union(*coding.get("set", []))


def _refuse(problem: str, value: object, key: str, file: str, remedy: str) -> None:
    raise CasepoolError(problem, file=file, column=key, value=value, remedy=remedy)


def _is_label(value: object, _: str) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_cell(value: object) -> bool:
    return isinstance(value, str | int | float)


def _are_columns(value: object, _: str) -> bool:
    return isinstance(value, Mapping) and all(isinstance(text, str) for text in (*value, *value.values()))


def _are_cells(value: object, id_: str) -> bool:
    tables = value if isinstance(value, list | tuple) else [None]
    return all(isinstance(t, Mapping) and id_ in t and all(map(_is_cell, t.values())) for t in tables)


def _are_patients(value: object, _: str) -> bool:
    return isinstance(value, list | tuple) and all(map(_is_cell, value))


WANTED: dict[str, tuple[str, Callable[[Any, str], bool]]] = {
    LABEL: ("text that is not empty", _is_label),
    "why": ("text", lambda value, _: isinstance(value, str)),
    "table": ("the name of a table", _is_label),
    "use": ("a table of columns", _are_columns),
    "set": ("a list of tables, each with the identifier of a patient and cells", _are_cells),
    "drop": ("a list of identifiers", _are_patients),
}
"""What each key of a choice holds, and the label of a decision."""
