"""Units of time: the days each holds, and how the name of a column tells one."""

from __future__ import annotations

import re

DAYS = {"days": 1.0, "weeks": 7.0, "months": 365.25 / 12, "years": 365.25}
NAMED = {
    "days": "days?|d|tage?n?|jours?",
    "weeks": "weeks?|wks?|wochen?|semaines?",
    "months": "months?|mos?|m|monate?n?|mois",
    "years": "years?|yrs?|y|jahre?n?|ans|ann[ée]es?",
}
"""How a name ends that tells the unit, in English, German or French."""


def words_of(name: str) -> str:
    """Write a name in small letters, with one _ for all that is neither letter nor digit."""
    return re.sub(r"[\W_]+", "_", name.casefold()).strip("_")


def plain_name(name: str) -> str:
    """Return a name as `words_of` has it without the unit it ends with."""
    return re.sub(f"(_(in|en))?_({'|'.join(NAMED.values())})$", "", words_of(name))


def named_unit(name: str) -> str:
    """Return the unit a name ends with (``os_days``) or begins with (``days_to_death``), or empty text."""
    for unit, pattern in NAMED.items():
        if re.search(f"_({pattern})$|^{unit}?_(to|from|since|after|until)_", words_of(name)):
            return unit
    return ""
