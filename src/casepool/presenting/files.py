"""Tables as files that anybody opens without harm."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from casepool.arguments import flag_of, name_of, path_of
from casepool.errors import CasepoolError
from casepool.escaping import csv_cell, html_text, latex_text, markdown_text, one_line
from casepool.presenting.documents import latex_of, markdown_of
from casepool.presenting.layout import Layout, layout_of
from casepool.presenting.notebook import html_of
from casepool.presenting.office import docx_of, is_own, xlsx_of
from casepool.replacing import GENERATOR, OwnKind, head_of, is_page, target_of
from casepool.writing import COUNTS, FEW, RARE, RARE_NOTE, marked_counts, write_atomically

if TYPE_CHECKING:
    import pandas as pd

HEADINGS = {"csv": 0, "md": 0, "tex": 2}
"""Lines of a table's headings, of those of every column."""
MARKS = {"md": "<!-- written by casepool -->", "tex": "% written by casepool"}
"""First lines of files, which say of those that casepool wrote it."""


def write_table(
    table: pd.DataFrame,
    path: str | Path,
    *,
    public: bool | None = None,
    overwrite: bool = False,
    title: str | None = None,
    every_column: bool = False,
) -> Path:
    """Write a table of answers as CSV, HTML, LaTeX, Markdown, for Word or for Excel, by the ending of the file's name.

    All but CSV have the layout of journals, which is also the one in which the table prints: a title, what all rows
    share, levels in groups, estimates with their limits in one cell, footnotes. A workbook has a second sheet, "Data",
    which holds what a CSV file does: every column, numbers as numbers.

    Text is escaped for each: in a CSV file what a spreadsheet would take for a formula gets an apostrophe before it,
    in a workbook it is marked as text; negative numbers stay numbers. ``DataFrame.to_csv`` does none of this.

    Parameters
    ----------
    table : pandas.DataFrame
        Any table casepool returns.
    path : str or pathlib.Path
        Ends in ``.csv``, ``.html``, ``.tex``, ``.md``, ``.docx`` or ``.xlsx``; an earlier file stays whole
        until the new one is.
    public : bool, optional
        Whether small counts may be shown as they are. By default what the codebook of the cases says. If not, counts
        of 1 and 2 patients or events are marked (0 identifies nobody): in a CSV file by a column ``few``, so
        that counts stay numbers, elsewhere by a dagger and a note.
    overwrite : bool
        Whether to replace a file that is no such table casepool wrote; a workbook of others is never replaced.
    title : str, optional
        Stands above the table in its layout; by default what all rows are estimates of.
    every_column : bool
        Whether HTML, LaTeX and Markdown have every column with a cell for each, as a CSV file does, and no layout.

    Returns
    -------
    pathlib.Path
        The file written.

    Raises
    ------
    CasepoolError
        For another ending, or a file that cannot be written.

    See Also
    --------
    estimates, compare, report

    Notes
    -----
    LaTeX needs an engine that reads UTF-8, and no package.

    Examples
    --------
    >>> import casepool as cp
    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> fit = cp.fit("basket_berry", "sarcoma_imatinib", seed=1, progress=False)
    >>> cp.write_table(cp.estimates(fit, by="histology"), folder / "rates.md").name
    'rates.md'
    """
    if not hasattr(table, "itertuples"):
        raise CasepoolError("this is no table", value=table, remedy="pass a table casepool returned")
    path, public = path_of(path), None if public is None else flag_of(public, "public")
    form, title = form_of(path), None if title is None else _title(title)
    plain = flag_of(every_column, "every_column") or not len(table)
    if form in DOCUMENTS:
        layout = _layout(table, public, title)
        private = not (table.attrs.get("public", True) if public is None else public)
        content = DOCUMENTS[form](layout, _with_few(table) if private else table)
        own: OwnKind = is_own
    else:
        plain = plain or form not in LAID_OUT
        text = table_text(table, form, public=public) if plain else LAID_OUT[form](_layout(table, public, title))
        text = f"{MARKS[form]}\n{text}" if form in MARKS else text
        if form == "html":
            head = f'<html lang="en">\n<meta charset="utf-8">\n{GENERATOR}\n<title>Table</title>'
            text = f"<!DOCTYPE html>\n{head}\n{text}\n</html>\n"
        content, own = text.encode(), partial(_is_table, form, text)
    write_atomically(target_of(path, own, overwrite=overwrite), content)
    return path


def _layout(table: pd.DataFrame, public: bool | None, title: str | None) -> Layout:
    layout = layout_of(table, public=public)
    return layout if title is None else replace(layout, title=title)


def _title(given: str) -> str:
    """Return a title, refusing what is no line of text."""
    if one_line(name_of(given, "title", "pass text")) != given:
        raise CasepoolError("`title` is one line of text", value=given, remedy="leave out what cannot be printed")
    return given


def refuse_table_at(path: Path, *, overwrite: bool, inputs: Iterable[Path] = ()) -> None:
    """Refuse before any work what `write_table` would refuse whatever the table.

    Raises
    ------
    CasepoolError
        For an ending that no form has, or a file that cannot be written or is read by the same call.
    """
    own: OwnKind = (
        is_own if form_of(path_of(path)) in DOCUMENTS else bool
    )  # of text the headings tell, when they are known
    target_of(path, own, overwrite=overwrite, inputs=inputs)


def form_of(path: Path) -> str:
    """Return the form of a table that a file's name asks for.

    Raises
    ------
    CasepoolError
        For an ending that no form has.
    """
    form, known = path.suffix.removeprefix(".").lower(), sorted([*FORMS, *DOCUMENTS])
    if form not in known:
        raise CasepoolError("unknown form of a table", file=str(path), remedy=f"end the name in .{', .'.join(known)}")
    return form


def _is_table(form: str, text: str, path: Path) -> bool:
    """Whether a file holds a table of a form that casepool wrote: by its mark, or by its headings."""
    if form == "html":
        return is_page(path)
    place, every = HEADINGS[form], head_of(path).decode(errors="replace").splitlines()
    if every and every[0] == MARKS.get(form):
        return True
    lines = every[place : place + 1]
    names = re.findall(r"\w+", lines[0])[:3] if lines else []
    return lines == text.splitlines()[place : place + 1] or names == ["estimand", "by", "level"]


def table_text(table: pd.DataFrame, form: str, *, public: bool | None = None) -> str:
    """Return a table as text of one form, a key of `FORMS`; `public` as of `write_table`."""
    private = not (table.attrs.get("public", True) if public is None else public)
    return FORMS[form](table, private)


def _csv(table: pd.DataFrame, private: bool) -> str:
    table = _with_few(table) if private else table
    safe = {name: [csv_cell(value) for value in table[name]] for name in table.columns}
    return type(table)(safe).rename(columns=csv_cell).to_csv(index=False)


def _with_few(table: pd.DataFrame) -> pd.DataFrame:
    """Return a private table with a column that says of which rows the counts may identify a patient."""
    counts = [name for name in COUNTS if name in table.columns]
    rare = ((table[counts] > 0) & (table[counts] < FEW)).any(axis=1)
    return table.assign(few=[RARE_NOTE if few else "" for few in rare]) if counts else table


def _cells(
    table: pd.DataFrame, private: bool, escaped: Callable[[str], str], number: Callable[[str], str]
) -> tuple[list[str], list[list[str]], str]:
    """Return headings, cells and the note they call for, each number as `number` has it, all else `escaped`."""
    shown = marked_counts(table) if private else table
    rows = [[_cell(value, escaped, number) for value in row] for row in shown.itertuples(index=False, name=None)]
    note = RARE_NOTE if private and any(RARE in cell for row in rows for cell in row) else ""
    return [escaped(str(name)) for name in table.columns], rows, escaped(note)


def _cell(value: Any, escaped: Callable[[str], str], number: Callable[[str], str]) -> str:
    if isinstance(value, bool) or not isinstance(value, Real):
        return escaped("" if value is None or value is _missing() else str(value))
    return "" if math.isnan(value) else number(f"{float(value):.4g}")


def _missing() -> Any:
    import pandas as pd

    return pd.NA


def _html(table: pd.DataFrame, private: bool) -> str:
    headings, rows, note = _cells(table, private, html_text, html_text)
    lines = [f"<tr>{''.join(f'<{tag}>{cell}</{tag}>' for cell in row)}</tr>" for tag, row in _tagged(headings, rows)]
    return "\n".join(["<table>", *lines, "</table>", *([f"<p>{note}</p>"] if note else [])])


def _tagged(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[tuple[str, Sequence[str]]]:
    return [("th", headings), *(("td", row) for row in rows)]


def _latex(table: pd.DataFrame, private: bool) -> str:
    headings, rows, note = _cells(table, private, latex_text, lambda text: f"${text.replace('inf', r'\infty')}$")
    columns = "".join("r" if values.dtype.kind in "iuf" else "l" for _, values in table.items())
    lines = [" & ".join(cells) + r" \\" for cells in (headings, *rows)]
    body = [rf"\begin{{tabular}}{{{columns}}}", r"\hline", lines[0], r"\hline", *lines[1:], r"\hline", r"\end{tabular}"]
    return "\n".join([*body, *([rf"\par {note}"] if note else [])]) + "\n"


def _markdown(table: pd.DataFrame, private: bool) -> str:
    headings, rows, note = _cells(table, private, markdown_text, str)
    lines = [f"| {' | '.join(cells)} |" for cells in (headings, ["---"] * len(headings), *rows)]
    return "\n".join([*lines, *(["", note] if note else [])]) + "\n"


FORMS: dict[str, Callable[[pd.DataFrame, bool], str]] = {"csv": _csv, "html": _html, "tex": _latex, "md": _markdown}
"""Forms that are text, with every column."""
LAID_OUT: dict[str, Callable[[Layout], str]] = {"html": html_of, "tex": latex_of, "md": markdown_of}
"""Forms that are text, in the layout for readers."""
DOCUMENTS: dict[str, Callable[[Layout, pd.DataFrame], bytes]] = {
    "docx": lambda layout, _: docx_of(layout),
    "xlsx": xlsx_of,
}
"""Forms that are no text, in the layout for readers."""
