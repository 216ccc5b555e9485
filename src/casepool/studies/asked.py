"""One question put to any fit, by the name of the public function that answers it."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import xarray as xr

from casepool.errors import CasepoolError
from casepool.estimation import contrast, estimates, survival

ANSWERS: dict[str, Callable[..., pd.DataFrame]] = {"contrast": contrast, "estimates": estimates, "survival": survival}
"""Public functions that answer a fit with an estimate table."""


def ask(name: str, fit: xr.DataTree, by: str | None) -> pd.DataFrame:
    """Ask a fit, with the function's defaults.

    Raises
    ------
    CasepoolError
        If no function of that name answers.
    """
    if name not in ANSWERS:
        raise CasepoolError("unknown estimand", value=name, remedy=f"choose one of {', '.join(ANSWERS)}")
    return ANSWERS[name](fit, by)
