"""Codes of an outcome: what a cell is among them, and events in codes that a model does not know."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd

from casepool.cases.cells import FALSE, ONE, TRUE, ZERO, is_missing
from casepool.cases.codebook import Codebook, toml_text
from casepool.cases.role_inference import is_code_of_death
from casepool.cases.rules import is_named_after_censoring
from casepool.errors import CasepoolError

FEW = 12
"""Codes of a column that a refusal lists, at most."""


def code_of(value: Any, levels: Collection[str]) -> str:
    """Return a filled cell as the code it is among `levels`: a truth value as the one spelt so, 1.0 as 1."""
    if isinstance(value, bool | np.bool_):
        spelt = (*TRUE, *ONE) if value else (*FALSE, *ZERO)
        return next((level for level in levels if level.strip().lower() in spelt), str(value))
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def refuse_codes(cases: pd.DataFrame, codebook: Codebook, column: str) -> None:
    """Refuse, where a model takes an event for true or false, one in codes, or one named after censoring.

    A column that the codebook gives the role ``event`` may have any name.

    Raises
    ------
    CasepoolError
        With the keys of the model file that would say which codes are the event.
    """
    codes = sorted({code_of(value, ()) for value in cases[column] if not is_missing(value, ())})
    truths = [code for code in codes if code.strip().lower() in (*TRUE, *FALSE, *ONE, *ZERO)]
    if is_named_after_censoring(column) and codebook.columns[column].role != "event":
        problem, events = "named after censoring, and true would be taken for the event", truths[:1]
    elif codes and 3 * len(truths) < 2 * len(codes):
        problem = "the event is in codes, and the model does not say which of them mean it"
        events = [code for code in codes if is_code_of_death(code)] or codes[-1:] * (codes == ["1", "2"])
    else:
        return
    levels, meant = (", ".join(map(toml_text, some)) for some in (codes[:FEW], events))
    remedy = (
        f"add levels = [{levels}] and event_levels = [{meant or '...'}] to [outcome] of the model, if these mean it"
    )
    raise CasepoolError(problem, file=codebook.name, column=column, value=", ".join(codes[:FEW]), remedy=remedy)
