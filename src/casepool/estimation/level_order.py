"""The one order in which levels are shown: everyone first, then by number of patients, and who is not there last."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from casepool.estimation.draws import Fitted
from casepool.tables import level_order

IN_ORDER = ("ordered", "boolean")
"""Types of columns whose levels have an order of their own."""


def own_order(fitted: Fitted, by: str) -> tuple[str, ...]:
    """Return the levels of a grouping that have an order of their own: of an exposure, of bands, as codes are ordered.

    Parameters
    ----------
    fitted : Fitted
    by : str
        As of `estimates`.
    """
    exposure = fitted.model.exposures.get(by)
    if exposure is not None:
        return exposure.compared_arms(fitted.unit)
    term = fitted.model.terms.get(by)
    column = fitted.codebook.columns.get(term.source if term else by)
    if (term is not None and term.reads_numbers) or (column is not None and column.type in IN_ORDER):
        return fitted.membership(by).levels
    return ()


def in_order(table: pd.DataFrame, own: Sequence[str] = ()) -> pd.DataFrame:
    """Put the rows of a table of answers in the order of their levels, whatever else they tell staying in its own.

    Parameters
    ----------
    table : pandas.DataFrame
        With columns ``level`` and ``n``; an estimate table or a ledger.
    own : sequence of str
        As of `level_order`.

    Returns
    -------
    pandas.DataFrame
        The same rows: those about levels first, then comparisons and whatever else, as they stood. A level stands
        where the largest of its rows' ``n`` puts it, so that raw and shrunk rows stay together.
    """
    table = table.reset_index(drop=True)
    told = table["kind"] == "value" if "kind" in table.columns else pd.Series(True, index=table.index)
    sizes = table[told].groupby("level", sort=False)["n"].max()
    levels = [str(level) for level in sizes.index]
    rank = {levels[place]: rank for rank, place in enumerate(level_order(levels, sizes.tolist(), own))}
    rows = table.index[told].tolist()
    first = sorted(rows, key=lambda row: rank[str(table["level"].iloc[row])])
    return table.iloc[[*first, *table.index[~told]]].reset_index(drop=True)
