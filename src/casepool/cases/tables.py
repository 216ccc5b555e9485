"""A table of raw cells becomes a typed, checked DataFrame that carries its codebook."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any, cast

import pandas as pd

from casepool.cases.cells import PARSERS, counted, encodes, is_missing
from casepool.cases.codebook import Codebook, codebook_from_dict
from casepool.cases.coding_keys import columns_named
from casepool.cases.column import SPELT, Column
from casepool.cases.columns import (
    Recorded,
    identifier_problems,
    looks_latin,
    mixes_scripts,
    read_column,
    spelling_problems,
)
from casepool.cases.date_cells import read_dates
from casepool.cases.date_columns import with_times
from casepool.cases.odd_labels import odd_labels
from casepool.cases.odd_rows import blank_rows, odd_rows
from casepool.cases.problems import ERROR, WARNING, Problem, in_file, on_line, refuse
from casepool.cases.record import Record
from casepool.cases.rules import broken
from casepool.cases.sheet import MOST_CELLS
from casepool.cases.type_inference import guess_of
from casepool.errors import CasepoolError, RowName
from casepool.escaping import one_line

log = logging.getLogger("casepool")


@dataclass(frozen=True)
class Examined:
    """A table looked through.

    Parameters
    ----------
    raw : pandas.DataFrame
        Its cells as they came, columns named by text.
    codebook : Codebook
        With a guessed type for every column it did not name.
    columns : mapping of str to Recorded
        The cells as read; empty if the table has no proper shape.
    problems : list of Problem
        Every error, in the order of the rules.
    record : Record, optional
        The columns by their roles; None if the table has no proper shape.
    lines : sequence of int
        The number the file gives to each row; empty where it numbers none.
    """

    raw: pd.DataFrame
    codebook: Codebook
    columns: Mapping[str, Recorded]
    problems: list[Problem]
    record: Record | None = None
    lines: Sequence[int] = ()


def codebook_of(frame: pd.DataFrame) -> Codebook | None:
    """Return the codebook a frame carries in ``frame.attrs["codebook"]``, if any."""
    plain, file = frame.attrs.get("codebook"), "frame.attrs['codebook']"
    if plain is not None and not isinstance(plain, Mapping):
        raise CasepoolError(
            "must be a table of keys", file=file, value=plain, remedy="remove it, or read the cases again"
        )
    return None if plain is None else codebook_from_dict(plain, file=file)


def typed(raw: pd.DataFrame, codebook: Codebook | None = None, *, name: str = "cases") -> pd.DataFrame:
    """Type and check a table.

    Parameters
    ----------
    raw : pandas.DataFrame
        One row per patient; cells of any type. Named levels of the index become columns.
    codebook : Codebook, optional
        What the columns mean. Without one (neither here nor in ``raw.attrs``) types are guessed and said.
    name : str
        What errors call the table where the codebook has no name for it.

    Returns
    -------
    pandas.DataFrame
        A new frame: ``float64``, ``Int64``, ``boolean`` or ``str`` columns, a fresh index, the codebook
        (with the guesses) in ``attrs["codebook"]``.

    Raises
    ------
    CasepoolError
        The first error `validate` would list, with the number of further ones.
    """
    return typed_by(raw, codebook, name=name)[0]


def typed_by(
    raw: pd.DataFrame, codebook: Codebook | None = None, *, name: str = "cases", lines: Sequence[int] = ()
) -> tuple[pd.DataFrame, Codebook]:
    """Type and check a table as `typed` does, and return beside it the codebook it carries, which need not be read."""
    codebook = _told(raw, codebook)
    told = (codebook or Codebook()).columns
    found = examine(raw, codebook or Codebook(name=name), lines=lines)
    refuse(found.problems)
    if codebook_of(raw) is None:
        _say_guesses(found.codebook, [name for name in found.raw.columns if name not in told])
        _say_doubts(found, nameless_index(raw, found.codebook))
    kinds = found.codebook.columns
    columns = {name: pd.Series(c.values, dtype=PARSERS[kinds[name].type][1]) for name, c in found.columns.items()}
    frame = pd.DataFrame(columns, index=pd.RangeIndex(len(found.raw)))
    book = replace(found.codebook, aliased=tuple(name for name, kind in kinds.items() if kind.aliases))
    frame.attrs["codebook"] = book.to_dict()
    return frame, book


def examine(
    raw: pd.DataFrame, codebook: Codebook | None = None, *, name: str = "cases", lines: Sequence[int] = ()
) -> Examined:
    """Look a table through for everything that `read_cases` refuses.

    The shape comes first: a table without rows, with nameless or repeated columns or with too many cells is not
    looked into. Then, column by column, every cell that cannot be read and every near-twin of a level; then the
    identifiers; then dates become times; then the rules across columns that are errors.
    """
    codebook = _told(raw, codebook) or Codebook(name=name)
    raw = flat(raw)
    shape = list(_shape_problems(raw, codebook))
    if shape:
        return Examined(raw, codebook, {}, in_file(shape, codebook.name))
    codebook = with_guesses(raw, codebook)
    columns = {column: _reader(codebook, column)(raw[column], codebook, column) for column in raw.columns}
    columns, codebook, disordered = with_times(columns, codebook, raw)
    problems = list(_absent_columns(columns, codebook))
    for column, recorded in columns.items():
        problems += recorded.problems
        if column != codebook.id and codebook.columns[column].type in SPELT:
            problems += spelling_problems(recorded.values, codebook.columns[column], column)
    if codebook.id in columns:
        blank = set(blank_rows(columns))
        problems += [_may_end_above(p, blank, lines) for p in identifier_problems(columns[codebook.id], codebook)]
    record = Record(columns, codebook)
    problems += disordered
    problems += broken(record, ERROR)
    found = Examined(raw, codebook, columns, [], record, lines)
    return replace(found, problems=placed(problems, found))


def doubts(found: Examined) -> Iterator[Problem]:
    """Yield warnings on what was read as a patient or a label, and is probably none, and on names of columns."""
    yield from odd_rows(found.columns, found.codebook)
    for name, recorded in found.columns.items():
        yield from odd_labels(recorded.values, found.codebook, name)
        if mixes_scripts(name):
            said, remedy = "a name with letters that only look like Latin ones", f"rename it {looks_latin(name)!r}"
            yield Problem("look-alike letters", said, "letters of one script", remedy, WARNING, column=name)


def nameless_index(frame: pd.DataFrame, codebook: Codebook) -> list[Problem]:
    """Warn of an index that seems to name patients and has no name, so that it is no column."""
    index = frame.index
    texts = index.nlevels == 1 and index.name is None and all(isinstance(label, str) for label in index)
    if not texts or not len(index) or not index.is_unique or codebook.id in frame.columns:
        return []
    said = "the index of the frame names its rows and has no name, and is left out"
    remedy = f"name it, frame.rename_axis({codebook.id!r})"
    return [Problem("index without a name", said, "a column of identifiers", remedy, WARNING, value=str(index[0]))]


def placed(problems: list[Problem], found: Examined) -> list[Problem]:
    """Name the table, and the patient and the line of every row, in problems that do not yet."""
    codebook = found.codebook
    named = codebook.id in found.raw.columns
    cells: Any = found.raw[codebook.id] if named and problems else []
    ids = ["" if is_missing(value, codebook.missing) else f"{codebook.id} {value}" for value in cells]
    problems = [replace(p, patient=ids[p.row - 1]) if named and p.row else p for p in problems]
    return in_file([on_line(problem, found.lines) for problem in problems], codebook.name)


def bare(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame without its attributes, which pandas copies deeply whenever a column is taken."""
    return pd.DataFrame(frame)


def flat(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with columns named by text, named levels of its index among them, and without attributes."""
    lean = bare(frame)
    for level in reversed([level for level in lean.index.names if level is not None]):
        if level not in lean.columns:
            lean.insert(0, level, lean.index.get_level_values(cast(Any, level)))
    lean.columns = pd.Index([str(name) for name in lean.columns], dtype=object)
    return lean.reset_index(drop=True)


def _carried(frame: pd.DataFrame) -> Codebook | None:
    """Return the codebook a frame carries, without what it says of columns that were dropped from the frame."""
    codebook = codebook_of(frame)
    if codebook is None:
        return None
    kept = {name: column for name, column in codebook.columns.items() if name in frame.columns}
    there = {*map(str, frame.columns), *map(str, frame.index.names)}
    codings = {
        decision: {choice: coding for choice, coding in choices.items() if columns_named(coding) <= there}
        for decision, choices in codebook.codings.items()
    }
    return replace(
        codebook,
        columns=kept,
        id=codebook.id if codebook.id in there else Codebook.id,
        publication=codebook.publication if codebook.publication in there else "",
        aliased=tuple(name for name in codebook.aliased if name in kept),
        dated=tuple(name for name in codebook.dated if name in kept),
        file={key: told for key, told in codebook.file.items() if key != "time_zero" or told in there},
        codings={decision: choices for decision, choices in codings.items() if choices},
    )


def _told(frame: pd.DataFrame, codebook: Codebook | None) -> Codebook | None:
    """Return the codebook given for a frame, or else carried by it.

    Columns that were read by the same aliases before are marked, so that they are not read by them again; those that
    were dates and are times by now are taken for what they are.
    """
    carried = _carried(frame)
    if codebook is None or carried is None:
        return codebook or carried
    same = {n for n in carried.aliased if n in codebook.columns}
    same = {n for n in same if dict(codebook.columns[n].aliases) == dict(carried.columns[n].aliases)}
    times = {n: carried.columns[n] for n in carried.dated if n in _unread(codebook, carried.dated)}
    columns = {**codebook.columns, **times} if times else codebook.columns
    aliased, dated = (tuple(dict.fromkeys(names)) for names in ((*codebook.aliased, *same), (*codebook.dated, *times)))
    return replace(codebook, columns=columns, aliased=aliased, dated=dated)


def _unread(codebook: Codebook, dated: Sequence[str]) -> set[str]:
    """Return the columns that a codebook takes for dates, or does not name, and which were made times before."""
    return {name for name in dated if name not in codebook.columns or codebook.columns[name].type == "date"}


def with_guesses(raw: pd.DataFrame, codebook: Codebook) -> Codebook:
    """Add a guessed type for every column the codebook does not name."""
    guesses = {}
    for name in raw.columns:
        if name not in codebook.columns:
            pairs = [(v, n) for v, n in counted(raw[name].tolist()) if not is_missing(v, codebook.missing)]
            guesses[name] = Column(guess_of(pairs, identifies=name == codebook.id))
    if not guesses:
        return codebook
    return replace(codebook, columns={**codebook.columns, **guesses}, guessed=(*codebook.guessed, *guesses))


def _say_guesses(codebook: Codebook, names: list[str], most: int = 50) -> None:
    """Say in one line of the log which types were guessed."""
    if names:
        said = ", ".join(f"{name} ({codebook.columns[name].type})" for name in names[:most])
        more = f" and {len(names) - most} more" if len(names) > most else ""
        log.warning("%s: no codebook entry, types guessed: %s%s", codebook.name, one_line(said), more)


def _say_doubts(found: Examined, also: list[Problem], most: int = 10) -> None:
    """Say in the log, a line each, what makes answers of a table wrong although it can be read."""
    read = [problem for problem in found.problems if problem.severity == WARNING]
    problems = [*also, *read, *doubts(found), *(broken(found.record, WARNING, said=True) if found.record else ())]
    for problem in placed(problems[:most], found):
        log.warning("%s", problem.refusal())
    if len(problems) > most:
        log.warning("%s: %d more warnings, which `casepool validate` lists", found.codebook.name, len(problems) - most)


def _shape_problems(raw: pd.DataFrame, codebook: Codebook) -> Iterator[Problem]:
    """Yield what makes a frame no table of cases."""
    if not len(raw):
        yield Problem("shape", "the table has no rows", "at least one patient", "give at least one patient")
    if not len(raw.columns):
        yield Problem("shape", "the table has no columns", "at least one column", "give the table columns")
    if raw.size > MOST_CELLS:
        said = f"the table has {raw.size:,} cells"
        yield Problem("shape", said, f"at most {MOST_CELLS:,}", "cut it to the patients and columns of the question")
        return
    for column in dict.fromkeys(raw.columns[raw.columns.duplicated()]):
        yield Problem(
            "shape", "the column appears twice", "a name of its own", "rename one of the two", column=str(column)
        )
    for column in raw.columns:
        if not encodes(column):
            said = "the name of a column holds what is no text"
            yield Problem("shape", said, "a name that is text", "rename the column", column=repr(column)[1:-1])
    if "" in raw.columns:
        yield Problem("shape", "a column has no name", "a name", "name it, or remove it")


def _may_end_above(problem: Problem, blank: Collection[int], lines: Sequence[int]) -> Problem:
    """Say of a blank row how to leave out what stands below it."""
    if not problem.row or problem.row - 1 not in blank or not lines:
        return problem
    remedy = f"remove the row; if the table ends above it, set last = {lines[problem.row - 1] - 1} under [file]"
    return replace(problem, problem="a blank row, so that the patient has no identifier", remedy=remedy)


def _reader(codebook: Codebook, name: str) -> Callable[[pd.Series[Any], Codebook, str], Recorded]:
    return read_dates if codebook.columns[name].type == "date" else read_column


def _absent_columns(columns: Mapping[str, Recorded], codebook: Codebook) -> Iterator[Problem]:
    """Yield every column that the codebook names and the table lacks, with the key that names it."""
    named = dict.fromkeys(codebook.columns, "the codebook")
    keys = {"id": codebook.id if codebook.id != Codebook.id else "", "publication": codebook.publication}
    named |= {column: f"`{key}` of the codebook" for key, column in keys.items() if column and column not in named}
    for decision, choices in codebook.codings.items():
        for choice, coding in choices.items():
            key = f"[codings.{decision}.{choice}]"
            named |= {column: key for column in columns_named(coding) if column not in named}
    for column, key in named.items():
        if column not in columns:
            yield _missing(columns, column, key)


def _missing(columns: Iterable[object], column: str, wanted_by: str) -> Problem:
    names = [str(name) for name in columns]
    near = get_close_matches(column, names, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"the columns are {', '.join(names)}"
    said = f"there is no such column, which {wanted_by} names"
    return Problem("missing column", said, "the column", hint, column=column)


def missing_column(
    frame: pd.DataFrame, codebook: Codebook, column: str, wanted_by: str = "the codebook"
) -> CasepoolError:
    """Make the error for a column that is named but not there, with the nearest name there is."""
    return replace(_missing(frame.columns, column, wanted_by), file=codebook.name).refusal()


def row_name(frame: pd.DataFrame, codebook: Codebook, position: int) -> RowName:
    """Name a row as a user finds it: counted from 1 below the header, with the patient's identifier."""
    who = f"{codebook.id} {frame[codebook.id].iloc[position]}" if codebook.id in frame.columns else ""
    return RowName(position + 1, who)
