"""One printed cell becomes one value: a parser for every column type."""

from __future__ import annotations

import datetime
import decimal
import math
import numbers
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pandas as pd

from casepool.cases.column import Column
from casepool.cases.units import amount_in

NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?")
TOO_LARGE = 2**53
"""Least whole number that a float does not tell from its neighbours."""
TRUE = ("true", "yes", "t", "y", "ja", "wahr", "oui", "vrai")
FALSE = ("false", "no", "f", "n", "nein", "falsch", "non", "faux")
ONE, ZERO = ("1", "1.0"), ("0", "0.0")


SINGLE = (str, numbers.Number, bool, datetime.date, datetime.time, datetime.timedelta, pd.Period, pd.Interval)
"""Python types of which one cell is one value."""


class BadCellError(Exception):
    """A cell that cannot be read, with what was expected there."""

    def __init__(self, expected: str) -> None:
        super().__init__(f"expected {expected}")
        self.expected = expected


def is_missing(value: object, tokens: Iterable[str]) -> bool:
    """Tell whether a cell is empty: None, NaN, NaT, NA or one of the codebook's tokens."""
    if isinstance(value, str):
        return value.strip() in tokens
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    if isinstance(value, np.timedelta64 | np.datetime64):
        return bool(np.isnat(value))
    if isinstance(value, decimal.Decimal):
        return value.is_nan()
    return isinstance(value, numbers.Real) and not isinstance(value, numbers.Rational) and math.isnan(value)


def counted(values: Iterable[Any]) -> list[tuple[Any, int]]:
    """Return every different cell, in the order of the first of each, and how many there are; 1 and True differ."""
    plain: Counter[tuple[type, Any]] = Counter()
    others = []
    for value in values:
        if isinstance(value, str | int | float):
            plain[type(value), value] += 1
        else:
            others.append((value, 1))
    return [(value, n) for (_, value), n in plain.items()] + others


def is_real(value: object) -> bool:
    """Tell whether a cell is a number of Python's or numpy's: no truth value and no duration, which numpy counts in."""
    return isinstance(value, float | numbers.Real) and not isinstance(value, bool | np.timedelta64)


def parse_number(value: object, column: Column) -> float:
    """Read a finite number inside the column's range; one written with a unit ("6 months") in that of the column."""
    number = math.nan
    if isinstance(value, str):
        value = value.strip().removesuffix(column.followed)
        number = float(value) if NUMBER.fullmatch(value.strip()) else amount_in(value, column.unit)
    elif is_real(value) or isinstance(value, decimal.Decimal):
        try:
            number = float(cast(Any, value))
        except (OverflowError, ValueError):
            number = math.inf
    if not math.isfinite(number):
        raise BadCellError("a number")
    if column.range and not column.range[0] <= number <= column.range[1]:
        raise BadCellError(f"a number from {column.range[0]:g} to {column.range[1]:g}")
    return number


def parse_integer(value: object, column: Column) -> int:
    """Read a whole number inside the column's range; from 2**53 on a float may have rounded it, and it is refused."""
    number = parse_number(value, column)
    if number != int(number):
        raise BadCellError("a whole number")
    if abs(number) >= TOO_LARGE:
        raise BadCellError("a whole number of at most 15 digits")
    return int(number)


def parse_boolean(value: object, column: Column) -> bool:
    """Read true or false (also yes and no, in German and French too, 1 and 0)."""
    word = str(value).strip().lower()
    if word in (*TRUE, *ONE):
        return True
    if word in (*FALSE, *ZERO):
        return False
    raise BadCellError("true or false")


def parse_label(value: object, column: Column) -> str:
    """Read a label: text without surrounding space, aliases applied, one of the levels if there are any."""
    label = parse_text(value, column).strip()
    number: Any = value
    rational = isinstance(number, numbers.Rational)
    if is_real(number) and (number.denominator == 1 if rational else float(number).is_integer()):
        label = str(int(number))
    label = column.aliases.get(label, label)
    if column.levels and label not in column.levels:
        raise BadCellError(f"one of {', '.join(column.levels)}")
    return label


def parse_set(value: object, column: Column) -> str:
    """Read the members of a set, each a label, and join them again; an alias may stand for several."""
    members = [member.strip() for member in parse_text(value, column).split(column.separator)]
    several = column.separator.join(column.aliases.get(member, member) for member in members if member)
    if not several:
        raise BadCellError("one or more members")
    plain = replace(column, aliases={})
    return column.separator.join(parse_label(member, plain) for member in several.split(column.separator))


def parse_text(value: object, column: Column) -> str:
    """Keep text as it is; a date becomes its text, and a list, bytes, NUL or half a character are no text."""
    if not isinstance(value, SINGLE) and not hasattr(value, "dtype"):
        raise BadCellError(f"one value, not a {type(value).__name__}")
    text = str(value)
    if getattr(value, "ndim", 0) or not encodes(text):
        raise BadCellError("one value that is text")
    return text


def encodes(text: str) -> bool:
    """Tell whether a text can be written to a file and read again: no NUL, no half of a character."""
    if "\0" in text:
        return False
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


PARSERS: dict[str, tuple[Callable[[Any, Column], Any], str]] = {
    "number": (parse_number, "float64"),
    "integer": (parse_integer, "Int64"),
    "boolean": (parse_boolean, "boolean"),
    "category": (parse_label, "str"),
    "ordered": (parse_label, "str"),
    "set": (parse_set, "str"),
    "list": (parse_text, "str"),
    "text": (parse_text, "str"),
}
"""Parser and pandas dtype of every column type."""
