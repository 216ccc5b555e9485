"""One question put to any fit, by the name of the public function that answers it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pandas as pd

from casepool.errors import CasepoolError
from casepool.estimation.contrasts import contrast_of
from casepool.estimation.draws import Fitted
from casepool.estimation.response import estimates_of
from casepool.estimation.survival import survival_of

ANSWERS: dict[str, Callable[..., pd.DataFrame]] = {
    "contrast": contrast_of,
    "estimates": estimates_of,
    "survival": survival_of,
}
"""What answers an open fit with an estimate table, by the name of the public function."""


def ask(name: str, fitted: Fitted, by: str | None) -> pd.DataFrame:
    """Ask a fit that is open, with the function's defaults.

    Raises
    ------
    CasepoolError
        If no function of that name answers.
    """
    if name not in ANSWERS:
        raise CasepoolError("unknown estimand", value=name, remedy=f"choose one of {', '.join(ANSWERS)}")
    return ANSWERS[name](fitted, by)


def ask_facts(name: str, fitted: Fitted, by: str | None) -> pd.DataFrame:
    """Ask as `ask` does; ``note`` holds remarks that are not yet words."""
    return ask(name, replace(fitted, in_words=False), by)
