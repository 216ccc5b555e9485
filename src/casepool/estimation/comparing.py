"""Tables laid side by side."""

from __future__ import annotations

import pandas as pd

from casepool.errors import CasepoolError
from casepool.remarks import Count, remark, with_remarks
from casepool.tables import COLUMNS, POSTERIOR_COLUMNS, check_table, marked_private


def compare(*tables: pd.DataFrame) -> pd.DataFrame:
    """Lay estimate tables under each other, level by level, and mark where they count patients differently.

    Parameters
    ----------
    *tables : pandas.DataFrame
        Estimate tables, say raw and shrunk.

    Returns
    -------
    pandas.DataFrame
        All rows, grouped by `by`, `level` and `at` in the order of their first appearance; ``note`` says which
        levels differ in ``n`` or ``events`` between sources.

    Raises
    ------
    CasepoolError
        If a table is no estimate table.

    See Also
    --------
    estimates, classical, plot_forest

    Examples
    --------
    >>> import casepool as cp
    >>> fit = cp.fit("objective_response_by_age_group", "alk_crizotinib", seed=1, progress=False)
    >>> raw = cp.classical("objective_response_by_age_group", "alk_crizotinib")
    >>> both = cp.compare(cp.estimates(fit), raw)
    >>> both[both["kind"] == "value"][["source", "method"]].values.tolist()
    [['pooled', 'posterior'], ['raw', 'Clopper-Pearson'], ['raw', 'Wilson']]
    """
    if not tables:
        raise CasepoolError("nothing to compare", remedy="pass two or more estimate tables")
    for number, table in enumerate(tables, start=1):
        check_table(table, f"table {number}")
    columns = list(COLUMNS) + [c for c in POSTERIOR_COLUMNS if any(c in table.columns for table in tables)]
    rows = pd.concat([table.reindex(columns=columns) for table in tables], ignore_index=True)
    key = rows[["by", "level", "at"]].map(str).agg("\x1f".join, axis=1)
    order = key.map({k: i for i, k in enumerate(dict.fromkeys(key))}).argsort(kind="stable")
    rows, key = rows.iloc[order].reset_index(drop=True), key.iloc[order].reset_index(drop=True)
    public = all(table.attrs.get("public", True) for table in tables)
    named = [table.attrs["labels"] for table in tables if "labels" in table.attrs]
    rows.attrs = {}
    if named and public:
        rows.attrs["labels"] = {what: {k: v for own in named for k, v in own[what].items()} for what in ("by", "model")}
    rows = marked_private(rows, public=public)
    for _, same in rows.groupby(key, sort=False):
        for column in ("n", "events"):
            counts = same.loc[same["level"] != "", column].dropna().unique()
            if len(counts) > 1:
                differs = remark("counts differ", column=column, counts=tuple(map(Count, counts)))
                rows.loc[same.index, "note"] = with_remarks(rows.loc[same.index], differs, last=True)["note"]
    return rows
