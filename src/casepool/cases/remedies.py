"""What to do about a cell that is no number: a remedy for each way numbers are written in spreadsheets."""

from __future__ import annotations

import datetime
import re

GENERAL = "correct the cell or the codebook"
SHAPES: tuple[tuple[str, str], ...] = (
    (r"[-+]?\d+,\d{3}", 'write a decimal point or no separator of thousands, or set decimal = "," under [file]'),
    (r"[-+]?\d*,\d+", 'write a decimal point, or set decimal = "," under [file] of the codebook'),
    (r"[-+]?\d{1,3}([ ,.'’\u00a0\u202f]\d{3})+([.,]\d+)?", "write the number without separators of thousands"),
    (r"[-+]?[\d.,]+\s*%", "write the number without the sign, and the unit in the codebook"),
    (r"[<>≤≥~≈].*\d.*", "a bound is no number: write the value, or the limits in two columns (earliest, latest)"),
    (r"[\d.,]+\s*\+", "write the number alone; a patient still followed then has no event in the event's column"),
    (r"[\d.,]+\s*([-–—/]|to)\s*[\d.,]+", "write one number, or the limits in two columns (earliest, latest)"),
    (r"\d{1,4}([-/.])\d{1,2}\1\d{1,4}.*", "write the time since time zero as a number, not a date"),
    (r"(?i)[-+]?(nan|inf(inity)?)|n/?a|null|none|nil|unknown|[-–—.?*]+", "leave an empty cell, or add it to `missing`"),
    (r"(?i)[-+]?[\d.,]+\s*(d|w|m|mo|mos|ms|y|yr|yrs|days?|weeks?|months?|years?)", "write the number alone, in one unit"),
    (r"#\w.*[!?A]", "the spreadsheet could not compute this cell: give its value or leave it empty"),
)
"""Patterns of a whole cell and the remedy for each, first match first."""


def remedy_for(value: object) -> str:
    """Say what to do about a cell that cannot be read.

    Parameters
    ----------
    value : object
        The cell.

    Returns
    -------
    str
        The remedy for the first of `SHAPES` that the cell has, else `GENERAL`.
    """
    if isinstance(value, datetime.date | datetime.timedelta):
        return "write the time since time zero as a number, not a date"
    if not isinstance(value, str) or len(value) > 60:
        return GENERAL
    text = value.strip()
    return next((remedy for pattern, remedy in SHAPES if re.fullmatch(pattern, text)), GENERAL)
