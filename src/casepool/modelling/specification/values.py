"""One value of a model file becomes what its key holds, or is refused."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import fields
from typing import Any

from casepool.arguments import is_number
from casepool.errors import CasepoolError
from casepool.modelling.terms.borrowings import BORROWINGS

MOST_PLACES = 200
"""Cuts, knots or pieces of one hazard or term, at most."""
LARGEST, LEAST = 1e9, 1e-9
"""How far from 0, and how near to it, a number of a model file may be; 0 itself may be."""
NUMBER_LISTS = ("cuts", "bounds", "knots")
CHOICES: dict[str, Collection[str]] = {
    "missing": ("model", "drop"),
    "borrowing": BORROWINGS,
    "own": ("level", "effect"),
    "dating": ("intensity", "uniform", "early", "late"),
    "undated": ("follow_up", "refuse"),
    "as": ("time_varying", "baseline", "landmark"),
}


def one_of(value: object, allowed: Collection[str], *, file: str, key: str) -> str:
    """Refuse a value that is none of those allowed."""
    if not isinstance(value, str) or value not in allowed:
        raise CasepoolError(
            "missing or unknown",
            file=file,
            column=key,
            value=value,
            remedy=f"choose one of {', '.join(allowed)}",
        )
    return str(value)


def converted(cls: type, values: Mapping[str, Any], *, file: str, table: str) -> dict[str, Any]:
    """Make every value what its field holds: lists become tuples, whole numbers floats."""
    defaults = {f.name: f.default for f in fields(cls)}
    out: dict[str, Any] = {}
    for key, value in values.items():
        field = "as_" if key == "as" else key
        wanted, good = _expected(key, defaults[field], value)
        if not good:
            raise CasepoolError(
                f"must be {wanted}", file=file, column=f"{table}.{key}", value=value, remedy="correct it"
            )
        check_size(value, file=file, key=f"{table}.{key}")
        if key in CHOICES:
            one_of(value, CHOICES[key], file=file, key=f"{table}.{key}")
        if isinstance(value, list):
            out[field] = tuple(float(v) if key in NUMBER_LISTS else v for v in value)
        else:
            out[field] = float(value) if type(value) is int else value
    return out


def check_size(value: object, *, file: str, key: str) -> None:
    """Refuse a list of more than `MOST_PLACES` numbers, and a number that no computation can hold beside others."""
    numbers: list[Any] = list(value) if isinstance(value, list | tuple) else [value]
    limit, shown = "", numbers[0] if numbers else None
    if len(numbers) > MOST_PLACES and is_number(numbers[0]):
        limit, shown = f"more than {MOST_PLACES} numbers", len(numbers)
    elif far := [x for x in numbers if is_number(x) and x != 0 and not LEAST <= abs(x) <= LARGEST]:
        limit, shown = f"a number beyond {LARGEST:g}, or nearer to 0 than {LEAST:g}", far[0]
    else:
        return
    raise CasepoolError(limit, file=file, column=key, value=shown, remedy="stay within these limits")


def _expected(key: str, default: object, value: object) -> tuple[str, bool]:
    """Say what a key holds, and whether the value is that."""
    if key in SPECIAL:
        wanted, good = SPECIAL[key]
        return wanted, good(value)
    if key in NUMBER_LISTS:
        return "a list of numbers", _is_list(value, is_number)
    if isinstance(default, tuple):
        return "a list of different texts", _is_list(value, lambda item: isinstance(item, str)) and _differ(value)
    if isinstance(default, bool):
        return "true or false", isinstance(value, bool)
    if isinstance(default, float):
        return "a number", is_number(value)
    return "text", isinstance(value, str)


def _is_list(value: object, good: Callable[[Any], bool]) -> bool:
    return isinstance(value, list) and bool(value) and all(good(item) for item in value)


def _is_cell(value: object) -> bool:
    return isinstance(value, str | int | float)


def _differ(items: Any) -> bool:
    return len(set(items)) == len(items)


SPECIAL: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "exchangeable": ("a number, or a table of them", lambda value: isinstance(value, Mapping) or is_number(value)),
    "target": (
        "a column, or a number between 0 and 1",
        lambda value: isinstance(value, str) or (isinstance(value, int | float) and 0 < value < 1),
    ),
    "report_start": ("a number", is_number),
    "where": (
        "a table of lists",
        lambda value: isinstance(value, Mapping) and all(_is_list(own, _is_cell) for own in value.values()),
    ),
}
"""Keys whose default does not tell what they hold: what that is in words, and how to tell."""
