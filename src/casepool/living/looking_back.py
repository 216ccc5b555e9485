"""The history of a dataset as tables: its changes, and what every number was after each of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from casepool.arguments import flag_of
from casepool.living.chain import Line, folder_of, lines_of, no_history
from casepool.living.changes import CLAIM, COLUMNS, ESTIMATE, FORESEEN, table_of
from casepool.tables import AnswerTable, marked_private

LINES = ("line", "time", "patients", "added", "changed", "removed", "coding", "priors", "claims", "id")
KINDS = {"estimates": ESTIMATE, "foreseen": FORESEEN, "claims": CLAIM}
"""Lists of a line, and the kind of their rows."""


def history(folder: str | Path, *, estimates: bool = False) -> pd.DataFrame:
    """Tell what was added to a dataset and changed in it, and what became of its numbers.

    Parameters
    ----------
    folder : path
        A dataset's folder with ``history.jsonl``, which `add` writes.
    estimates : bool
        Whether to tell every number after every change, instead of the changes.

    Returns
    -------
    pandas.DataFrame
        One row a line: ``line`` and ``time``; how many ``patients`` the table had; the identifiers of rows that were
        ``added``, ``changed`` and ``removed`` (of a table that is not public their numbers); the ``coding`` and the
        ``priors`` that held, where others than as recorded and as in the models' files; the ``claims`` whose verdict
        changed; the ``id`` of the line, which `verify` takes. With `estimates` the columns of `add`, with ``line``,
        ``time`` and ``patients`` before them.

    Raises
    ------
    CasepoolError
        If there is no history, or a line of it is not as it was written.

    See Also
    --------
    add, verify

    Examples
    --------
    >>> import casepool as cp
    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> import pandas as pd
    >>> rows = [("a", "limb", "PR"), ("b", "limb", "PD"), ("c", "trunk", "CR"), ("d", "trunk", "SD")]
    >>> table = pd.DataFrame(rows, columns=["patient", "site", "best_response"])
    >>> made = cp.new_dataset(folder / "mine", table)
    >>> moved = cp.add(made, {"patient": "e", "site": "limb", "best_response": "PR"}, seed=1, progress=False)
    >>> len(cp.history(made))
    1
    """
    told = flag_of(estimates, "estimates")
    path = folder_of(folder)
    lines = lines_of(path)
    if not lines:
        raise no_history(path)
    public = all(line["public"] for line in lines)
    if told:
        return _numbers(lines, public=public)
    return marked_private(AnswerTable([_line(line) for line in lines], columns=list(LINES)), public=public)


def _line(line: Line) -> dict[str, Any]:
    rows = {name: ", ".join(map(str, line["rows"].get(name, []))) for name in ("added", "changed", "removed")}
    priors = ", ".join(f"{model} {name}" for model, own in line["priors"].items() for name in own)
    coding = ", ".join(f"{decision} {choice}" for decision, choice in line["coding"].items())
    claims = ", ".join(str(claim.get("estimand", "")) for claim in line["claims"])
    own = {name: line[name] for name in ("line", "time", "patients", "id")}
    return own | rows | {"coding": coding, "priors": priors, "claims": claims}


def _numbers(lines: Sequence[Line], *, public: bool) -> pd.DataFrame:
    """Lay the rows of all lines out, each with the line it is of."""
    table = table_of([row for line in lines for row in rows_of(line)], public=public)
    of = [line for line in lines for _ in rows_of(line)]
    for place, name in enumerate(("line", "time", "patients")):
        table.insert(place, name, [line[name] for line in of])
    return table


def rows_of(line: Line) -> Iterator[dict[str, Any]]:
    """Yield the rows of a line, as `add` told them."""
    for name, kind in KINDS.items():
        for row in line[name]:
            yield {"kind": kind, **{column: value for column, value in row.items() if column in COLUMNS}}
