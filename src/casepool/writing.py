"""Files written whole, and tables as files that anybody opens without harm."""

from __future__ import annotations

import math
import os
import re
import stat
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from casepool.arguments import flag_of, path_of
from casepool.errors import CasepoolError
from casepool.escaping import csv_cell, html_text, latex_text, markdown_text
from casepool.replacing import GENERATOR, head_of, is_page, target_of

if TYPE_CHECKING:
    import pandas as pd

FEW = 3
"""Counts from 1 to below this may identify a patient."""
RARE = "†"
"""Marks such counts where a table is not public."""
RARE_NOTE = f"{RARE} fewer than {FEW} patients: the count may identify one. Look before it leaves the house."
COUNTS = ("n", "events", "patients", "own_patients")
FORGOTTEN = 3600.0
"""Seconds after which a file beside the one to be written was left there by a process that is no more."""
LONGEST_NAME = 100
"""Bytes of a file's name that the file beside it repeats."""
HEADINGS = {"csv": 0, "md": 0, "tex": 2}
"""Lines of a written table's headings."""


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that at any moment, a crash of the machine included, either the old one or the new one is there.

    What a killed writer left beside the file (``.<name>.<letters>.part``) is never read, and is removed by the next
    one after an hour.

    Raises
    ------
    CasepoolError
        If the folder does not exist or cannot be written to.
    """
    path = Path(os.path.realpath(path))  # written through a link, which stays one
    prefix = f".{path.name.encode(errors='ignore')[:LONGEST_NAME].decode(errors='ignore')}."
    try:
        handle, beside = tempfile.mkstemp(dir=path.parent, prefix=prefix, suffix=".part")
    except OSError as error:
        raise CasepoolError(
            f"cannot write there ({error.strerror})", file=str(path), remedy="choose another folder"
        ) from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(beside).chmod(_mode(path))
        Path(beside).replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise CasepoolError(
            f"cannot write there ({error.strerror})", file=str(path), remedy="choose another file"
        ) from None
    finally:
        Path(beside).unlink(missing_ok=True)
    _remove_forgotten(path.parent, prefix)


def _mode(path: Path) -> int:
    """Return the permissions of the file that is replaced, or those of a new one."""
    if path.exists():
        return stat.S_IMODE(path.stat().st_mode)
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask


def sync_folder(folder: Path) -> None:
    """Bring a folder's list of names onto the disk, where the system lets a folder be opened."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove_forgotten(folder: Path, prefix: str) -> None:
    for path in folder.iterdir():
        if path.name.startswith(prefix) and path.name.endswith(".part"):
            with suppress(OSError):  # another writer may be at it
                if time.time() - path.stat().st_mtime > FORGOTTEN:
                    path.unlink()


def write_table(table: pd.DataFrame, path: str | Path, *, public: bool | None = None, overwrite: bool = False) -> Path:
    """Write a table of answers as CSV, HTML, LaTeX or Markdown, by the ending of the file's name.

    Text is escaped for each: in a CSV file what a spreadsheet would take for a formula gets an apostrophe before it,
    negative numbers stay numbers. ``DataFrame.to_csv`` does none of this.

    Parameters
    ----------
    table : pandas.DataFrame
        Any table casepool returns.
    path : str or pathlib.Path
        Ends in ``.csv``, ``.html``, ``.tex`` or ``.md``; an earlier file stays whole until the new one is.
    public : bool, optional
        Whether small counts may be shown as they are. By default what the codebook of the cases says. If not, counts
        of 1 and 2 patients or events are marked (0 identifies nobody): in a CSV file by a column ``few``, so
        that counts stay numbers, elsewhere by a dagger and a note.
    overwrite : bool
        Whether to replace a file that is no such table casepool wrote.

    Returns
    -------
    pathlib.Path
        The file written.

    Raises
    ------
    CasepoolError
        For another ending, or a file that cannot be written.

    Notes
    -----
    LaTeX needs an engine that reads UTF-8, and no package.
    """
    if not hasattr(table, "itertuples"):
        raise CasepoolError("this is no table", value=table, remedy="pass a table casepool returned")
    path = path_of(path)
    form = path.suffix.removeprefix(".").lower()
    if form not in FORMS:
        raise CasepoolError(
            "unknown form of a table", file=str(path), remedy=f"end the name in .{', .'.join(sorted(FORMS))}"
        )
    text = table_text(table, form, public=None if public is None else flag_of(public, "public"))
    if form == "html":
        head = f'<html lang="en">\n<meta charset="utf-8">\n{GENERATOR}\n<title>Table</title>'
        text = f"<!DOCTYPE html>\n{head}\n{text}\n</html>\n"
    write_atomically(target_of(path, partial(_is_table, form, text), overwrite=overwrite), text.encode())
    return path


def _is_table(form: str, text: str, path: Path) -> bool:
    """Whether a file holds a table of a form that casepool wrote: by its mark, or by its headings."""
    if form == "html":
        return is_page(path)
    place = HEADINGS[form]
    lines = head_of(path).decode(errors="replace").splitlines()[place : place + 1]
    names = re.findall(r"\w+", lines[0])[:3] if lines else []
    return lines == text.splitlines()[place : place + 1] or names == ["estimand", "by", "level"]


def table_text(table: pd.DataFrame, form: str, *, public: bool | None = None) -> str:
    """Return a table as text of one form, a key of `FORMS`; `public` as of `write_table`."""
    private = not (table.attrs.get("public", True) if public is None else public)
    return FORMS[form](table, private)


def marked_counts(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of a private dataset with its counts as text, small ones marked."""
    counts = {n: [count_text(count, True) for count in table[n]] for n in COUNTS if n in table.columns}
    return table.assign(**counts)


def count_text(count: float, mark_rare: bool) -> str:
    """Write a count, marked if it may identify a patient."""
    if math.isnan(count):
        return "–"
    return f"{count:g}" + (RARE if mark_rare and 0 < count < FEW else "")


def _csv(table: pd.DataFrame, private: bool) -> str:
    if private and (counts := [name for name in COUNTS if name in table.columns]):
        rare = ((table[counts] > 0) & (table[counts] < FEW)).any(axis=1)
        table = table.assign(few=[RARE_NOTE if few else "" for few in rare])
    safe = {name: [csv_cell(value) for value in table[name]] for name in table.columns}
    return type(table)(safe).rename(columns=csv_cell).to_csv(index=False)


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
