"""A stranger's table becomes a dataset folder: its cells, and a codebook that asks for what it cannot know."""

from __future__ import annotations

import csv
import datetime
import fractions
import math
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import tomli_w

from casepool.arguments import path_of
from casepool.cases.cells import TOO_LARGE, is_missing
from casepool.cases.codebook import Codebook, missing_with
from casepool.cases.column import SPELT, Column
from casepool.cases.columns import MIXED, labels_of, spellings
from casepool.cases.date_drafts import dates_draft
from casepool.cases.odd_rows import TOTAL_ROW
from casepool.cases.problems import WARNING, Problem, refuse
from casepool.cases.reading import as_path, given_codebook, read_sheet
from casepool.cases.remedies import MEANT, is_number, says_nothing
from casepool.cases.role_inference import AGE, NAMES, synonyms
from casepool.cases.roles import ROLES
from casepool.cases.sheet import Sheet
from casepool.cases.tables import Examined, examine, flat, nameless_index, placed
from casepool.cases.type_inference import is_sentence
from casepool.cases.units import DAYS, amount_in, amounts, named_unit, plain_name, words_of
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
    complete: Callable[[Path, Sequence[str]], None],
    codebook: str | Path | Codebook | None = None,
) -> Path:
    """Write ``cases.csv`` and ``codebook.toml`` of a table into a new folder, which appears whole or not at all.

    Parameters
    ----------
    folder, table, codebook
        As of `new_dataset`.
    complete : callable
        Writes what else belongs into the folder, of which it is given the place where it is made, and what the codebook
        takes for granted.
    """
    folder = path_of(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CasepoolError("there is something of this name already", file=str(folder), remedy="choose another name")
    if not folder.absolute().parent.is_dir():
        raise CasepoolError("the folder around it does not exist", file=str(folder), remedy="create it first")
    sheet, name = _raw(table, given_codebook(codebook))
    unknown = _unknown_in(sheet.frame)
    book = Codebook(name=name, missing=(*Codebook().missing, *unknown))
    found = examine(sheet.frame, _identified(sheet.frame, book), lines=sheet.lines)
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
        of_rows = [one for one in problems if one.column not in found.raw.columns or one.rule == TOTAL_ROW]
        complete(draft, [*_taken(found, unknown), *_comments(of_rows)])
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
    above = [problem for problem in problems if problem.column not in found.raw.columns]
    yield from map("# {}\n".format, _comments(above))
    yield tomli_w.dumps({"title": name, "source": "", "licence": "", "public": False})
    named = found.codebook.id in found.raw.columns
    yield tomli_w.dumps({"id": found.codebook.id}) if named else '# id = "?"  # the column that names patients\n'
    more = "  # beyond the first two found in cells; please check" * (found.codebook.missing != Codebook().missing)
    yield f"{missing_with(found.codebook.missing)}{more}\n"
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
        kind = _meant(found, column, own)
        text = "".join(_column_text(found, kind, column, presumed.get(column)))
        still = [one for one in own if one.rule != MIXED or math.isnan(_number(one.value, kind))]
        yield "\n" + "".join(map("# {}\n".format, _comments(still)))
        # a declared type would keep `validate` from asking again
        yield re.sub("(?m)^(?!#)", "# ", text.rstrip("\n")) + "\n" if _open(found, column, own) else text


def _comments(problems: Iterable[Problem]) -> Iterator[str]:
    """Yield what `validate` warns of, by row, and once what it says of several cells of a column.

    Without patients and cells, which may say who somebody is.
    """
    alike: dict[tuple[str, ...], list[Problem]] = {}
    for problem in problems:
        alike.setdefault((problem.rule, problem.column, problem.problem, problem.remedy), []).append(problem)
    for first, *others in alike.values():
        more = f" (and {len(others)} more row{'s' * (len(others) > 1)})" * bool(others)
        said = replace(first, patient="", value=None, problem=first.problem + more)
        yield f"{said.severity}: {printable(str(said.refusal()))}"


def _open(found: Examined, name: str, problems: list[Problem]) -> bool:
    """Tell whether a warning on a column is one of its guessed type only, which is therefore left open."""
    rules, text = {problem.rule for problem in problems}, found.codebook.columns[name].type == "text"
    return name != found.codebook.id and MIXED not in rules and bool(rules if text else rules & {"joined labels"})


def _unknown_in(raw: pd.DataFrame) -> list[str]:
    """Return the cells that say that there is no value, but for words and signs that a column may mean.

    A dash is one where it is not the opposite of a plus or an x, the only other label of its column.
    """
    found: dict[str, None] = {}
    signs = set()
    for position in range(len(raw.columns)):
        cells = {cell.strip() for cell in raw.iloc[:, position] if isinstance(cell, str) and cell.strip()}
        said = {cell for cell in cells if says_nothing(cell) and not re.fullmatch(MEANT, cell)}
        found |= dict.fromkeys(sorted(said))
        few = len({str(cell).strip() for cell in raw.iloc[:, position]} - said - {"", "None", "nan"}) < 2
        signs |= {cell for cell in said if few and not any(map(str.isalnum, cell))}
    return [cell for cell in found if cell not in signs and cell not in Codebook().missing]


def _taken(found: Examined, unknown: Sequence[str]) -> Iterator[str]:
    """Yield what the codebook takes for granted about cells."""
    if unknown:
        yield f"{', '.join(map(repr, unknown))} are read as empty cells: take out of `missing` what is none"
    for name in found.raw.columns:
        if _followed(found, name):
            yield f"a + behind a number of {name!r} is read as followed on, without the event: correct what is none"
        if unit := _written_unit(found, name):
            yield f"cells of {name!r} are written with units, and read in {unit}: correct its `unit` if it is not so"


def _followed(found: Examined, name: str) -> str:
    """Return the sign behind times of patients who were still followed then, where a column of times has it."""
    text = found.codebook.columns[name].type in ("text", "category", "set")
    is_time = named_unit(name) or re.fullmatch(NAMES["time"], plain_name(name))
    signed = (isinstance(v, str) and re.fullmatch(r"[\d.]+\s*\+", v.strip()) for v in found.raw[name])
    return "+" * bool(is_time and text and any(signed))


def _written_unit(found: Examined, name: str) -> str:
    """Return the unit of a column whose cells are written with units, if numbers without one can mean no other."""
    cells = [cell for cell in found.raw[name] if isinstance(cell, str)]
    written = Counter(unit for cell in cells for _, unit in amounts(cell))
    if not written or found.codebook.columns[name].type not in ("text", "category", "set"):
        return ""
    if not set(written) <= set(DAYS):
        return next(iter(written)) if len(written) == 1 and not any(map(is_number, found.raw[name])) else ""
    called = named_unit(name) or ("years" if re.fullmatch(AGE, words_of(name)) else "")
    return called or ("" if any(map(is_number, found.raw[name])) else written.most_common(1)[0][0])


def _number(value: Any, column: Column) -> float:
    """Return the number of a cell, one with a unit in that of the column; NaN if it is none."""
    cell = value.strip().removesuffix(column.followed) if isinstance(value, str) else value
    return float(cell) if is_number(cell) else amount_in(str(cell), column.unit)


def _meant(found: Examined, name: str, problems: list[Problem]) -> Column:
    """Return a column as it is read, or was meant where most of its cells are numbers."""
    column = found.codebook.columns[name]
    if not any(problem.rule == MIXED for problem in problems):
        return column
    column = replace(column, unit=_written_unit(found, name), followed=_followed(found, name))
    numbers = (_number(value, column) for value in found.columns[name].values)
    whole = all(math.isnan(number) or number.is_integer() for number in numbers)
    return replace(column, type="integer" if whole else "number")


def _aliases(values: Sequence[Any], column: Column, name: str) -> dict[str, str]:
    """Return spellings and synonyms of the labels of a column, each with the label to keep."""
    twins = spellings(values, column)
    labels = Counter(twins.get(label, label) for value in values for label in labels_of(value, column))
    same = synonyms(name, labels) if column.type in SPELT else {}
    return {label: same.get(kept, kept) for label, kept in twins.items()} | same


def _column_text(found: Examined, column: Column, name: str, role_of: Column | None) -> Iterator[str]:
    """Yield one column's entry: what it was meant to be, and comments for what only the author knows.

    `role_of` is the column with the role its name says, if it does.
    """
    values = [value for value in found.columns[name].values if value is not None]
    aliases = {} if name == found.codebook.id else _aliases(values, found.codebook.columns[name], name)
    unit, sign = column.unit, column.followed
    yield tomli_w.dumps({"columns": {name: {"type": column.type}}})
    yield f"# label = {_quoted(name.replace('_', ' '))}\n"
    if column.type in ("number", "integer"):
        yield f"unit = {_quoted(unit)}  # cells with units of their own are read in it; please check\n" * bool(unit)
        yield '# unit = "?"  # a time needs one of days, weeks, months, years\n' * (not unit)
        yield f"followed = {_quoted(sign)}  # such patients were followed on, without the event; please check\n" * bool(
            sign
        )
        numbers = [number for value in values if not math.isnan(number := _number(value, column))]
        if numbers:
            yield f"# range = [{min(numbers):g}, {max(numbers):g}]  # seen; write what is possible\n"
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
