"""What to do about a cell that is no number: a remedy for each way numbers are written in spreadsheets."""

from __future__ import annotations

import datetime
import decimal
import re
from collections.abc import Callable, Iterable
from typing import Any

from casepool.cases.cells import NUMBER
from casepool.cases.units import NAMED

GENERAL = "correct the cell or the codebook"
NO_DATE = 'write the time since time zero as a number, not a date, or set type = "date" for the column'
NUMBERS: tuple[tuple[str, str], ...] = (
    (r"[-+]?\d+,\d{3}", 'write a decimal point or no separator of thousands, or set decimal = "," under [file]'),
    (r"[-+]?\d*,\d+", 'write a decimal point, or set decimal = "," under [file] of the codebook'),
    (r"[-+]?\d{1,3}([ ,.'’\u00a0\u202f]\d{3})+([.,]\d+)?", "write the number without separators of thousands"),
    (r"[-+]?[\d.,]+\s*%", 'write the number without the sign, or set unit = "%" for the column in the codebook'),
    (r"[<>≤≥~≈]=?\s*[\d.,]+", "a bound is no number: write the value, or the limits in two columns (earliest, latest)"),
    (
        r"[\d.,]+\s*\+",
        'write the number alone, or set followed = "+" for the column in the codebook: followed on, without the event',
    ),
    (r"[\d.,]+\s*([-–—/]|to)\s*[\d.,]+", "write one number, or the limits in two columns (earliest, latest)"),
    (
        rf"(?i)([-+]?[\d.,]+\s*({'|'.join(NAMED.values())}|w)\.?[\s,]*)+",
        "write the number alone, in one unit, or set the unit of the column in the codebook, in which it is then read",
    ),
)
"""Patterns of a whole cell that stands for a number, and the remedy for each, first match first."""
WRITTEN = "|".join(re.sub(r"^\(\?i\)(.*)$", r"(?i:\1)", pattern) for pattern, _ in NUMBERS)
NOTHING = (
    r"(?i)[-+]?(nan|inf(inity)?)|n\.?/?a\.?|n/d|n\.\s?[dskr]\.|null|none|nil|unk(nown)?|missing|no data|[-–—.?*]+|"
    r"not (reported|known|available|stated|recorded|given|determined|specified|mentioned|documented)"
)
"""What people write into a cell that has no value."""
MEANT = r"(?i)none|nil|[-+]?inf(inity)?|[*]+"
"""Those of `NOTHING` that are as often what a patient has: no metastases, an infinite limit, a mark."""
LONGEST = 40
"""Characters of a cell that may stand for a number, a date or nothing."""
FAILED = r"(?i)#(N/A|REF!|VALUE!|NAME\?|DIV/0!|NUM!|NULL!|SPILL!|CALC!|NV|BEZUG!|WERT!|ZAHL!)( .*)?"
"""What a spreadsheet shows in a cell it could not compute."""
DATE = (
    r"\d{1,4}([-/.])\d{1,2}\1\d{1,4}([ T].*)?|"
    r"(19|20)\d\d[-/](0?[1-9]|1[0-2])|(0?[1-9]|1[0-2])[-/](19|20)\d\d|"
    r"(?i:(\d{1,2}|[uxnk]{2,3})?[-/. ]*(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*[-/., ]*\d{2,4})"
)
OTHERS: tuple[tuple[str, str], ...] = (
    (DATE, NO_DATE),
    (NOTHING, "leave an empty cell, or add it to `missing` in the codebook"),
)
"""Patterns of further cells that are no number, and the remedy for each."""


def remedy_for(value: object) -> str:
    """Say what to do about a cell that cannot be read.

    Parameters
    ----------
    value : object
        The cell.

    Returns
    -------
    str
        The remedy of the first pattern of `NUMBERS` or `OTHERS` that the cell has, else `GENERAL`.
    """
    if isinstance(value, datetime.date | datetime.timedelta):
        return NO_DATE
    if isinstance(value, float | decimal.Decimal):  # not finite: any other one can be read
        value = str(value)
    return next((remedy for pattern, remedy in NUMBERS + OTHERS if _is(pattern, value)), GENERAL)


def stands_for_number(value: object) -> bool:
    """Tell whether a cell is a number, or one of the ways in `NUMBERS` to write it."""
    if not isinstance(value, str):
        return isinstance(value, int | float) and not isinstance(value, bool)
    return is_number(value) or (_has_digit(value) and _is(WRITTEN, value))


def is_number(value: object) -> bool:
    """Tell whether a cell is read as a number."""
    if isinstance(value, str):
        return NUMBER.fullmatch(value.strip()) is not None
    return isinstance(value, int | float) and not isinstance(value, bool)


def most_are(test: Callable[[Any], bool], cells: Iterable[tuple[Any, int]]) -> bool:
    """Tell whether a test is true of at least two thirds of some cells, given as `counted` does, and there is one."""
    pairs = list(cells)
    return bool(pairs) and 3 * sum(n for value, n in pairs if test(value)) >= 2 * sum(n for _, n in pairs)


def is_date(value: object) -> bool:
    """Tell whether a cell is a date."""
    return isinstance(value, datetime.date) or (isinstance(value, str) and _has_digit(value) and _is(DATE, value))


def says_nothing(value: object) -> bool:
    """Tell whether a cell says that there is no value."""
    return _is(NOTHING, value)


def is_failed_formula(value: object) -> bool:
    """Tell whether a cell shows that a spreadsheet could not compute it."""
    return isinstance(value, str) and value.lstrip()[:1] == "#" and _is(FAILED, value)


def _has_digit(value: str) -> bool:
    """Tell quickly of most labels that they are no number and no date."""
    return len(value) <= LONGEST and any(map(str.isdigit, value))


def _is(pattern: str, value: object) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST and re.fullmatch(pattern, value.strip()) is not None
