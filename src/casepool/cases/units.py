"""Units of time: the days each holds, and how the name of a column tells one."""

from __future__ import annotations

import math
import re

DAYS = {"days": 1.0, "weeks": 7.0, "months": 365.25 / 12, "years": 365.25}
NAMED = {
    "days": "days?|d|tage?n?|jours?",
    "weeks": "weeks?|wks?|wochen?|semaines?",
    "months": "months?|mos?|m|mths?|monate?n?|mois",
    "years": "years?|yrs?|y|yo|jahre?n?|ans|ann[ée]es?",
}
"""How a name ends that tells the unit, in English, German or French."""
LONE = ("m", "d")
"""Letters that mean a unit in the name of a column or behind another one, and perhaps a sex in a cell of its own."""
AMOUNT = re.compile(r"(?P<number>\d+(?:\.\d+)?|\.\d+)\s*(?P<word>%|[^\W\d_]+)\.?[\s,]*")


def words_of(name: str) -> str:
    """Write a name in small letters, with one _ for all that is neither letter nor digit."""
    return re.sub(r"[\W_]+", "_", name.casefold()).strip("_")


def plain_name(name: str) -> str:
    """Return a name as `words_of` has it without the unit it ends with."""
    return re.sub(f"(_(in|en))?_({'|'.join(NAMED.values())})$", "", words_of(name))


def named_unit(name: str) -> str:
    """Return the unit a name ends with (``os_days``) or begins with (``days_to_death``, ``weeks_followup``), or ""."""
    for unit, pattern in NAMED.items():
        if re.search(f"_({pattern})$|^{unit}?_(to|from|since|after|until)_|^{unit}_", words_of(name)):
            return unit
    return ""


def amounts(text: str) -> list[tuple[float, str]]:
    """Return the numbers of a cell that is written with units ("12 mo", "2 y 3 m", "45%"), each with its unit.

    A unit of time is told as one of `DAYS`, any other as it is written; empty if the cell is anything else.
    """
    found = list(AMOUNT.finditer(text.strip()))
    if not found or "".join(m[0] for m in found) != text.strip():
        return []
    read = [(float(m["number"]), _unit_of(m["word"], alone=len(found) == 1)) for m in found]
    return read if len(read) == 1 or all(unit in DAYS for _, unit in read) else []


def _unit_of(word: str, *, alone: bool) -> str:
    small = word.casefold()
    if not (alone and small in LONE):
        for unit, pattern in NAMED.items():
            if re.fullmatch(pattern, small):
                return unit
    return word


def amount_in(text: str, unit: str) -> float:
    """Return what a cell with units of its own means in the unit of its column; NaN if it means nothing there."""
    read = amounts(text) if unit else []
    if unit in DAYS and read and all(own in DAYS for _, own in read):
        return sum(number * DAYS[own] for number, own in read) / DAYS[unit]
    return read[0][0] if len(read) == 1 and read[0][1].casefold() == unit.casefold() else math.nan
