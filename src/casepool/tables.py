"""The one layout of every table of answers: raw, shrunk, pooled and printed numbers bind row to row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from casepool.errors import CasepoolError
from casepool.remarks import NONE, note_of

COLUMNS = (
    "estimand", "by", "level", "at", "n", "events", "source", "model", "method", "kind", "prior", "dating", "coding",
    "estimate", "lower", "upper", "interval", "unit", "verdict", "told", "note",
)  # fmt: skip
KINDS = ("value", "difference", "ratio", "probability", "bound", "P value", "membership")
"""What a row's number is: a quantity, two of them subtracted or divided, the probability of a statement, and so on."""
POSTERIOR_COLUMNS = ("mean", "sd", "ess", "mcse", "learnt")
RESERVED = (*COLUMNS, *POSTERIOR_COLUMNS)
"""Names of columns that no decision may have, as a multiverse has a column for each."""
NUMBERS = ("n", "events", "estimate", "lower", "upper", *POSTERIOR_COLUMNS)


def estimate_table(rows: Iterable[Mapping[str, Any]], *, posterior: bool = False, public: bool = True) -> pd.DataFrame:
    """Lay answers out in the fixed columns.

    Parameters
    ----------
    rows : iterable of mappings
        One mapping per number; keys are among the columns, what is absent stays empty
        (an empty string, or NaN for a number). ``kind`` is one of `KINDS`, "value" unless said; ``note`` holds
        remarks, which are put into words here.
    posterior : bool
        Whether to add the posterior columns ``mean``, ``sd``, ``ess``, ``mcse`` and ``learnt``.
    public : bool
        Whether small counts may be shown as they are; if not, those in notes are marked, identifiers there are
        withheld, and ``attrs["public"]`` is False, so that what writes or draws the table marks its numbers.

    Returns
    -------
    pandas.DataFrame
        One row per number; the columns `COLUMNS`, then `POSTERIOR_COLUMNS` if asked for.

    Raises
    ------
    KeyError
        If a row has a key that is no column, or an unknown kind.
    """
    columns = COLUMNS + (POSTERIOR_COLUMNS if posterior else ())
    records = []
    for row in rows:
        if unknown := set(row) - set(columns):
            raise KeyError(f"no such column in an estimate table: {sorted(unknown)}")
        record = {c: row.get(c, float("nan") if c in NUMBERS else "") for c in columns}
        record |= {"kind": row.get("kind", KINDS[0]), "note": note_of(row.get("note", NONE), public=public)}
        if record["kind"] not in KINDS:
            raise KeyError(f"no such kind of number: {record['kind']!r}")
        records.append(record)
    table = pd.DataFrame(records, columns=list(columns))
    table = table.astype({c: "float64" for c in columns if c in NUMBERS})
    return marked_private(table, public=public)


def marked_private(table: pd.DataFrame, *, public: bool) -> pd.DataFrame:
    """Let a table of cases that are not public say so to what writes or draws it, and mark small counts there."""
    if not public:
        table.attrs["public"] = False
    return table


def check_table(table: Any, what: str = "this", remedy: str = "pass what estimates(...) returned") -> pd.DataFrame:
    """Return an estimate table, refusing what is none."""
    if not isinstance(table, pd.DataFrame):
        raise CasepoolError(f"{what} is no estimate table", value=table, remedy=remedy)
    if missing := [name for name in COLUMNS if name not in table.columns]:
        raise CasepoolError(f"{what} is no estimate table", column=missing[0], remedy=remedy)
    return table
