"""Adverse events without a model: every denominator, and the bounds that silence leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from casepool.arguments import name_of
from casepool.cases.codebook import Codebook
from casepool.cases.linked_rules import candidates_of
from casepool.cases.reading import resolve_typed
from casepool.errors import CasepoolError
from casepool.frequentist.proportions import clopper_pearson
from casepool.modelling.design.linked import person_of, told_of
from casepool.modelling.specification.values import SPECIAL
from casepool.tables import estimate_table

Person = tuple[str, str]
"""A patient, or one of several candidates."""
TREATED, MENTIONED, HAD = "treated", "in a publication that tells of events", "with an event"


def adverse_events(
    cases: str | Path | pd.DataFrame,
    *,
    table: str = "adverse_events",
    where: Mapping[str, Sequence[Any]] | None = None,
) -> pd.DataFrame:
    """Count the patients with an event, of every denominator, and bound the rate by what silence may mean.

    Parameters
    ----------
    cases : str, path or pandas.DataFrame
        Whose codebook has the table.
    table : str
        Name of ``[tables.<name>]``.
    where : mapping of str to sequence, optional
        Which events count: columns of the table and the values they may have, as in a model file.

    Returns
    -------
    pandas.DataFrame
        An estimate table. Three rows of patients with an event among those treated, those whose unit tells of
        events, and those with any event, with Clopper-Pearson limits; three bounds of the rate among those treated:
        if silence means none, if who tells tells all and all others had one, if nothing is known of who has no event
        listed. Counts are of patients; an event of one of several candidates counts as one patient.

    Raises
    ------
    CasepoolError
        For cases without the table, and a column it lacks.

    See Also
    --------
    any_event, classical

    Examples
    --------
    >>> import casepool as cp
    >>> print(cp.adverse_events("alk_crizotinib")[["level", "n", "events"]].head(3))
    level                                   n  events
    treated                                33      13
    in a publication that tells of events  17      13
    with an event                          13      13
    """
    name_of(table, "table", "name a table of events of the codebook")
    if where is not None:
        wanted, is_good = SPECIAL["where"]
        if not is_good(where):
            raise CasepoolError(f"`where` must be {wanted}", value=where, remedy='write, say, {"grade_high": [3, 4]}')
    return adverse_events_of(*resolve_typed(cases), table, where)


def adverse_events_of(
    frame: pd.DataFrame, codebook: Codebook, table: str, where: Mapping[str, Sequence[Any]] | None = None
) -> pd.DataFrame:
    """Count as `adverse_events` does, of cases that are read."""
    if table not in codebook.linked:
        raise CasepoolError("there is no such table of events beside the cases", file=codebook.name, value=table,
                            remedy=f"there are {', '.join(codebook.linked) or 'none'}")  # fmt: skip
    own, rows = codebook.tables[table], events_of(frame, codebook, table)
    for column in where or ():
        if column not in codebook.linked[table].columns:
            raise CasepoolError("there is no such column", file=own.file, column=column,
                                remedy=f"there are {', '.join(codebook.linked[table].columns)}")  # fmt: skip
    chosen = [row for row in rows if all(row[c] in {*map(str, v)} for c, v in (where or {}).items())]
    had, any_ = ({person_of(row, own) for row in some} for some in (chosen, rows))
    telling = int(np.sum(told_of(own, table, frame, codebook)[1]))
    silent, k = len(frame) - telling, len(had)
    found = [_rate(words, k, n) for words, n in ((TREATED, len(frame)), (MENTIONED, telling), (HAD, len(any_)))]
    bounds = {
        "lower bound: silence means none": k / len(frame),
        "upper bound: who tells tells all, and all others had one": (k + silent) / len(frame),
        "upper bound: nobody without a listed event is known to have had none": 1.0,
    }
    found += [
        {"estimand": words, "level": TREATED, "n": len(frame), "events": k, "source": "raw", "kind": "bound",
         "method": "bound", "unit": "probability", "estimate": value} for words, value in bounds.items()
    ]  # fmt: skip
    return estimate_table(found, public=codebook.public)


def events_of(frame: pd.DataFrame, codebook: Codebook, table: str) -> list[dict[str, str]]:
    """Return the rows of a table of events that are of these patients."""
    own, there = codebook.tables[table], {str(value) for value in frame[codebook.id]}
    return [row for row in codebook.linked[table].rows() if there >= {*candidates_of(row[own.patient])}]


def had_by(codebook: Codebook, table: str, rows: Sequence[Mapping[str, str]], column: str) -> dict[str, set[Person]]:
    """Return who had the events of every value of a column, those of most patients first."""
    found: dict[str, set[Person]] = {}
    for row in rows:
        found.setdefault(row.get(column, ""), set()).add(person_of(row, codebook.tables[table]))
    return dict(sorted(found.items(), key=lambda item: (-len(item[1]), item[0])))


def _rate(words: str, events: int, n: int) -> dict[str, Any]:
    row: dict[str, Any] = {"estimand": "patients with an event", "level": words, "n": n, "events": events}
    row |= {"source": "raw", "method": "Clopper-Pearson", "unit": "probability", "interval": "95% CI"}
    lower, upper = clopper_pearson(events, n) if n else (np.nan, np.nan)
    return row | {"estimate": events / n if n else np.nan, "lower": lower, "upper": upper}
