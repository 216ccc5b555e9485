"""A stranger's table becomes a dataset folder: its cells, and a codebook that asks for what it cannot know."""

from __future__ import annotations

import csv
import datetime
import fractions
import math
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import tomli_w

from casepool.arguments import path_of
from casepool.cases.cells import TOO_LARGE, is_missing
from casepool.cases.codebook import Codebook, missing_with
from casepool.cases.column import Column
from casepool.cases.columns import MIXED, labels_of, spellings
from casepool.cases.date_drafts import dates_draft
from casepool.cases.problems import WARNING, Problem, refuse
from casepool.cases.reading import as_path, given_codebook, read_sheet
from casepool.cases.remedies import is_number
from casepool.cases.roles import ROLES
from casepool.cases.sheet import Sheet
from casepool.cases.tables import Examined, examine, flat, nameless_index, placed
from casepool.cases.type_inference import is_sentence
from casepool.cases.validation import remarks_on
from casepool.errors import CasepoolError
from casepool.escaping import printable

IDENTIFIERS = r"(?i)(patient|case|subject|pat|record|study)?[ _.-]*(id|no|nr|number|#)?"
HINTS: tuple[tuple[str, str], ...] = (
    (r"(?i).*(surviv|follow.?up|os_|_os|^os$|fu_|_fu).*", "time"),
    (r"(?i)(death|died|dead|event|deceased).*", "event"),
    (r"(?i).*status.*", "status"),
    (r"(?i).*(response|recist).*", "response"),
    (r"(?i).*(age|sex|gender|histolog|diagnos|site|stage).*", "trait"),
)
"""What a column's name may say of its role: offered in a comment, never taken for granted."""
FEW, LONGEST = 12, 40
"""Levels offered in a comment, and their characters, at most; what hardly repeats may name a patient."""
REPORT = '# report = ["my_model.toml"]  # model files of this folder, for `casepool report`\n'
"""The line of a new codebook that asks for models, until there are some."""


def scaffold(
    folder: str | Path,
    table: str | Path | pd.DataFrame,
    complete: Callable[[Path], None],
    codebook: str | Path | Codebook | None = None,
) -> Path:
    """Write ``cases.csv`` and ``codebook.toml`` of a table into a new folder, which appears whole or not at all.

    Parameters
    ----------
    folder, table, codebook
        As of `new_dataset`.
    complete : callable
        Writes what else belongs into the folder, of which it is given the place where it is made.
    """
    folder = path_of(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CasepoolError("there is something of this name already", file=str(folder), remedy="choose another name")
    if not folder.absolute().parent.is_dir():
        raise CasepoolError("the folder around it does not exist", file=str(folder), remedy="create it first")
    sheet, name = _raw(table, given_codebook(codebook))
    found = examine(sheet.frame, _identified(sheet.frame, Codebook(name=name)), lines=sheet.lines)
    refuse(problem for problem in found.problems if problem.rule != "near-twin level")
    if not found.columns:
        refuse(found.problems)
    try:
        draft = Path(tempfile.mkdtemp(prefix=".casepool-", dir=folder.absolute().parent))
    except OSError as error:
        raise _unwritable(folder, error) from None
    try:
        _write_cells(draft / "cases.csv", found)
        warned = [problem for problem in remarks_on(found) if problem.severity == WARNING]
        problems = [*sheet.numbered(), *placed(warned, found)]
        (draft / "codebook.toml").write_text("".join(_codebook_text(found, folder.name, problems)), encoding="utf-8")
        complete(draft)
        draft.chmod(0o755)
        if folder.exists():
            folder.rmdir()
        draft.rename(folder)
    except OSError as error:
        raise _unwritable(folder, error) from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)  # moved by now, unless something went wrong
    return folder


def _unwritable(folder: Path, error: OSError) -> CasepoolError:
    return CasepoolError(f"cannot write there ({error.strerror})", file=str(folder), remedy="choose another folder")


def _raw(table: str | Path | pd.DataFrame, codebook: Codebook | None) -> tuple[Sheet, str]:
    if isinstance(table, pd.DataFrame):
        nameless = nameless_index(table, Codebook())
        raw = flat(table.rename_axis(Codebook.id) if nameless else table)
        raw.columns = raw.columns.str.strip()
        return Sheet(raw), "the DataFrame"
    path = as_path(table)
    sheet = read_sheet(path, codebook and Codebook(file=codebook.file))
    refuse(sheet.numbered())
    return sheet, path.name


def _identified(raw: pd.DataFrame, codebook: Codebook) -> Codebook:
    """Choose the column that names patients: called so, or the first one, if it is filled and never repeats."""
    for position, name in enumerate(raw.columns):
        cells = [value for value in raw.iloc[:, position] if not is_missing(value, codebook.missing)]
        unique = len({str(value).strip() for value in cells}) == len(raw)
        called = bool(name) and re.fullmatch(IDENTIFIERS, name) is not None
        if unique and (called or (position == 0 and not any(map(is_number, cells)))):
            return replace(codebook, id=name)
    return codebook


def _write_cells(path: Path, found: Examined) -> None:
    """Write the cells as they came, as comma-separated UTF-8."""
    with path.open("x", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(found.raw.columns)
        for row in found.raw.itertuples(index=False, name=None):
            writer.writerow([_text(cell) for cell in row])


def _text(cell: Any) -> str:
    """Write one cell: whole numbers without a point, dates without an idle midnight."""
    if is_missing(cell, ()):
        return ""
    if isinstance(cell, fractions.Fraction) and abs(cell) < TOO_LARGE:
        cell = float(cell)
    if isinstance(cell, float) and cell.is_integer() and math.fabs(cell) < TOO_LARGE:
        return str(int(cell))
    if isinstance(cell, datetime.datetime) and cell.time() == datetime.time():
        return cell.date().isoformat()
    return str(cell)


def _codebook_text(found: Examined, name: str, problems: list[Problem]) -> Iterator[str]:
    """Yield the codebook, comments first."""
    yield HEAD.format(roles="\n".join(f"#   {role:<11} {meaning}" for role, meaning in ROLES.items()))
    yield from _comments(problem for problem in problems if problem.column not in found.raw.columns)
    yield tomli_w.dumps({"title": name, "source": "", "licence": "", "public": False})
    named = found.codebook.id in found.raw.columns
    yield tomli_w.dumps({"id": found.codebook.id}) if named else '# id = "?"  # the column that names patients\n'
    yield f"{missing_with(found.codebook.missing)}\n"
    yield REPORT
    yield '# engine = "nuts"  # what draws the fits of these cases: auto, exact, lockstep or nuts\n'
    drafted = dates_draft(found, problems)
    if drafted.zero:
        yield "\n# from which date the others are counted: the first of every patient; please check\n"
        yield tomli_w.dumps({"file": {"time_zero": drafted.zero}})
    presumed = found.record.presumed if found.record else {}
    for column in found.raw.columns:
        own = [problem for problem in problems if problem.column == column]
        if column in drafted.columns:
            yield "\n" + tomli_w.dumps({"columns": {column: {"type": "date"}}}) + "".join(drafted.lines(column))
            continue
        text = "".join(_column_text(found, column, presumed.get(column), own))
        yield "\n" + "".join(_comments(own))
        # a declared type would keep `validate` from asking again
        yield re.sub("(?m)^(?!#)", "# ", text.rstrip("\n")) + "\n" if _open(found, column, own) else text


def _comments(problems: Iterable[Problem]) -> Iterator[str]:
    """Yield what `validate` warns of as comments, a line each, by row: a patient and a cell may say who somebody is."""
    for problem in problems:
        yield f"# {problem.severity}: {printable(str(replace(problem, patient='', value=None).refusal()))}\n"


def _open(found: Examined, name: str, problems: list[Problem]) -> bool:
    """Tell whether a warning on a column is one of its guessed type only, which is therefore left open."""
    rules, text = {problem.rule for problem in problems}, found.codebook.columns[name].type == "text"
    return name != found.codebook.id and MIXED not in rules and bool(rules if text else rules & {"joined labels"})


def _meant(column: Column, values: Iterable[Any], problems: list[Problem]) -> str:
    """Return the type a column has, or was meant to have where most of its cells are numbers."""
    if not any(problem.rule == MIXED for problem in problems):
        return column.type
    numbers = [float(value) for value in values if is_number(value)]
    return "integer" if all(number.is_integer() for number in numbers) else "number"


def _column_text(found: Examined, name: str, role_of: Column | None, problems: list[Problem]) -> Iterator[str]:
    """Yield one column's entry: the type guessed, and comments for what only the author knows.

    `role_of` is the column with the role its name says, if it does.
    """
    column = found.codebook.columns[name]
    values = [value for value in found.columns[name].values if value is not None]
    aliases = {} if name == found.codebook.id else spellings(values, column)
    column = replace(column, type=_meant(column, values, problems))
    yield tomli_w.dumps({"columns": {name: {"type": column.type}}})
    yield f"# label = {_quoted(name.replace('_', ' '))}\n"
    if column.type in ("number", "integer"):
        yield '# unit = "?"  # a time needs one of days, weeks, months, years\n'
        values = [float(value) for value in values if is_number(value)]
        if values:
            yield f"# range = [{min(values):g}, {max(values):g}]  # seen; write what is possible\n"
    if column.type in ("category", "set"):
        labels = [aliases.get(label, label) for value in values for label in labels_of(value, column)]
        levels = sorted(set(labels))
        if len(levels) <= min(FEW, len(labels) // 2) and not any(len(x) > LONGEST or is_sentence(x) for x in levels):
            listed = ", ".join(map(_quoted, levels))
            yield f'# levels = [{listed}]  # seen; of codes in an order worst first, with type = "ordered"\n'
    if role_of:
        yield f"# role = {_quoted(role_of.role)}\n"
        yield f"# exposure = {_quoted(role_of.exposure)}\n" * bool(role_of.exposure)
        yield f"# counts = [{', '.join(map(_quoted, role_of.counts))}]\n" * bool(role_of.counts)
    for pattern, role in () if role_of else HINTS:
        if re.fullmatch(pattern, name):
            yield f'# role = "{role}"\n' + '# counts = ["?"]\n' * (role in ("status", "response"))
    if aliases:
        yield "# One level in several spellings, it seems; take a line away to keep two apart, and list `levels`.\n"
        yield tomli_w.dumps({"columns": {name: {"aliases": aliases}}})


def _quoted(text: str) -> str:
    return tomli_w.dumps({"x": text})[4:].strip()


HEAD = """\
# What the columns mean. Types were guessed; lines that begin with # ask for what a table cannot tell. Every key stands
# in docs/files.md; `casepool validate` on this folder lists what is still wrong or unsaid.
#
# Please fill in: title, source (how to cite the table), licence, whether it is public (while false, identifiers stay
# out of reports), the column that names patients (id), and below every column's unit, range and role.
#
# role = "..." tells the rules across columns what a column is:
{roles}
# `exposure = "..."` beside a role groups the columns of one exposure; `counts = [...]` names the codes that mean the
# event, a responder, or true.
"""
