"""The one layout of every table of answers: raw, shrunk, pooled and printed numbers bind row to row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from casepool.errors import CasepoolError
from casepool.presenting.layout import layout_of
from casepool.presenting.notebook import html_of
from casepool.presenting.terminal import sentences_of, text_of, width
from casepool.remarks import NONE, note_of

COLUMNS = (
    "estimand", "by", "level", "at", "n", "events", "source", "model", "method", "kind", "prior", "dating", "coding",
    "estimate", "lower", "upper", "interval", "unit", "verdict", "told", "note",
)  # fmt: skip
KINDS = ("value", "difference", "ratio", "probability", "bound", "P value", "membership")
"""What a row's number is: a quantity, two of them subtracted or divided, the probability of a statement, and so on."""
POSTERIOR_COLUMNS = ("mean", "sd", "ess", "mcse", "learnt", "prior_estimate", "prior_lower", "prior_upper")
RESERVED = (*COLUMNS, *POSTERIOR_COLUMNS)
"""Names of columns that no decision may have, as a multiverse has a column for each."""
EVERYONE, UNSEEN = "everyone", "(unseen level)"
"""Levels of rows about all patients, and about a patient whose level no table has shown."""
NUMBERS = ("n", "events", "estimate", "lower", "upper", *POSTERIOR_COLUMNS)


class AnswerTable(pd.DataFrame):
    """A DataFrame that prints for readers, in a script, a terminal and a notebook alike.

    It is a DataFrame in all else, and what pandas makes of it (rows chosen, tables bound together) prints so too; a
    column is a plain Series. Columns that say nothing are left out and those with one value told above, an estimate
    and its limits are one cell, written as on a report's page, and notes stand below. A selection of columns prints
    with a cell for each, numbers at four significant digits. What has labels of its own on its rows or columns
    (``groupby``, ``pivot``, ``set_index``) prints as pandas prints it, and ``to_string`` shows everything. Of more
    rows than ``pandas.options.display.max_rows`` the first and the last are printed.
    """

    @property
    def _constructor(self) -> type[AnswerTable]:
        return type(self)

    def __repr__(self) -> str:
        """Return the text that ``print`` shows."""
        most = pd.get_option("display.max_rows")
        return self._printed(most) if self._is_laid_out() else super().__repr__()

    def _repr_html_(self) -> str | None:
        """Return the table a notebook shows, as pandas does None where its options ask for text."""
        if not (self._is_laid_out() and pd.get_option("display.notebook_repr_html")):
            shown: str | None = super()._repr_html_()  # type: ignore[misc]
            return shown
        return html_of(layout_of(self), pd.get_option("display.max_rows"))

    def to_parquet(self, *given: Any, **more: Any) -> Any:
        """Write as pandas does; ``at`` is a column of numbers there, NaN where empty, or of text beside categories."""
        mixed = {name for name in self.columns if self[name].dtype == object and len(set(map(type, self[name]))) > 1}
        plain = {name: _of_one_type(self[name]) for name in mixed}
        return pd.DataFrame(self).assign(**plain).to_parquet(*given, **more)

    def _is_laid_out(self) -> bool:
        """Whether rows have no labels but numbers, and columns names that are all different."""
        names = self.columns
        plain = names.nlevels == 1 and names.is_unique and all(isinstance(name, str) for name in names)
        rows = self.index
        return (
            len(self) > 0
            and len(names) > 0
            and plain
            and rows.nlevels == 1
            and rows.name is None
            and rows.dtype.kind == "i"
        )

    def _printed(self, most: int | None = None) -> str:
        """Return the table as text, at most so many rows of it."""
        return text_of(layout_of(self), width(), most)


class Sentences(AnswerTable):
    """Answers in words, each with its verdict: printed one below the other."""

    def _printed(self, most: int | None = None) -> str:
        asked = next((name for name in ("question", "part") if name in self.columns), "")
        if not asked or not {"verdict", "sentence"} <= set(self.columns):
            return super()._printed(most)
        told = self["told"] if "told" in self.columns else self["verdict"]
        rows = zip(self["verdict"], told, self[asked], self["sentence"], strict=True)
        return sentences_of([(str(verdict or own), f"{name}: {said}") for verdict, own, name, said in rows], width())


def _of_one_type(cells: pd.Series[Any]) -> list[Any]:
    """Return cells as numbers, NaN where empty, or all as text where one of them is a text."""
    if any(isinstance(value, str) and value for value in cells):
        return ["" if value is None else str(value) for value in cells]
    return [float("nan") if value is None or value == "" else float(value) for value in cells]


def printed(table: pd.DataFrame) -> str:
    """Return a table as text, all rows of it: what the command line prints."""
    return table._printed() if isinstance(table, AnswerTable) and table._is_laid_out() else str(table)


def estimate_table(
    rows: Iterable[Mapping[str, Any]],
    *,
    posterior: bool = False,
    public: bool = True,
    labels: Mapping[str, Mapping[str, str]] | None = None,
    in_words: bool = True,
) -> pd.DataFrame:
    """Lay answers out in the fixed columns.

    Parameters
    ----------
    rows : iterable of mappings
        One mapping per number; keys are among the columns, what is absent stays empty
        (an empty string, or NaN for a number). ``kind`` is one of `KINDS`, "value" unless said; ``note`` holds
        remarks, which are put into words here.
    posterior : bool
        Whether to add the posterior columns `POSTERIOR_COLUMNS`: mean and standard deviation, effective draws and
        Monte Carlo error of the median, what is learnt, and what the prior alone says.
    public : bool
        Whether small counts may be shown as they are; if not, those in notes are marked, identifiers there are
        withheld, and ``attrs["public"]`` is False, so that what writes or draws the table marks its numbers.
    labels : mapping, optional
        What readers call the names in ``by`` and ``model``, kept in ``attrs["labels"]`` for the headings of figures.
        Tables that are not public have none: pandas drops attributes that differ between tables it binds, and of
        such tables no label is worth that mark.
    in_words : bool
        Whether ``note`` is put into words; if not, its cells are tuples of `Remark`, as a journal keeps them.

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
        said = row.get("note", NONE)
        record |= {"kind": row.get("kind", KINDS[0]), "note": note_of(said, public=public) if in_words else said}
        if record["kind"] not in KINDS:
            raise KeyError(f"no such kind of number: {record['kind']!r}")
        records.append(record)
    table = AnswerTable(records, columns=list(columns))
    table = table.astype({c: "float64" for c in columns if c in NUMBERS})
    if labels and public:
        table.attrs["labels"] = {column: dict(names) for column, names in labels.items()}
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


def level_order(levels: Sequence[str], n: Sequence[float], own: Sequence[str] = ()) -> list[int]:
    """Return the places of levels in the order in which a reader meets them.

    Parameters
    ----------
    levels : sequence of str
    n : sequence of float
        Patients of each.
    own : sequence of str
        The levels in an order of their own, as age groups have one: it goes before the number of patients.

    Returns
    -------
    list of int
        Everyone, then levels with patients, the largest first and equal ones by name, then levels without patients,
        then the row of a level nobody has seen.

    Examples
    --------
    >>> from casepool.tables import level_order
    >>> level_order(["b", "(unseen level)", "c", "everyone", "a"], [2, 0, 5, 9, 2])
    [3, 2, 4, 0, 1]
    """
    place = {level: i for i, level in enumerate(own)}

    def key(i: int) -> tuple[float | str, ...]:
        level, count = levels[i], float(n[i])
        group = 0 if level == EVERYONE else 3 if level == UNSEEN else 1 if count > 0 or level in place else 2
        return group, place.get(level, -1), -count, level

    return sorted(range(len(levels)), key=key)
