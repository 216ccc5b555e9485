"""A case added to a dataset, or another coding or prior taken: what that moves, and a line of its history."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from casepool.arguments import bytes_of, path_of
from casepool.cases.appending import with_rows
from casepool.cases.codebook import Codebook, entry_of, read_codebook
from casepool.cases.problems import WARNING, Problem
from casepool.cases.reading import read_sheet, read_typed
from casepool.cases.sheet import MOST_BYTES
from casepool.cases.tables import examine, placed, typed_by
from casepool.cases.validation import remarks_on
from casepool.errors import CasepoolError
from casepool.inference.fit_contents import refuse_private_text, versions
from casepool.inference.fitting import Plan, planned
from casepool.living.canonical import canonical
from casepool.living.chain import FILE, FORMAT, Line, append, folder_of, lines_of
from casepool.living.changes import CLAIM, ESTIMATE, FORESEEN, Row, changes, table_of
from casepool.living.given import Case, Priors, cases_given, cells_of, choices_given, priors_given
from casepool.living.states import (
    CODEBOOK,
    State,
    file_digests,
    models_of,
    models_then,
    priors_then,
    row_labels,
    rows_changed,
    table_digest,
    with_choices,
    with_priors,
)
from casepool.modelling.design.making import design_of_typed
from casepool.progress import say
from casepool.studies.journal import locked
from casepool.writing import write_atomically

TABLE = "cases.csv"


@dataclass(frozen=True)
class Asked:
    """A change that is asked for, its form checked.

    Parameters
    ----------
    cases : list of mapping
    file : str
        What errors call them.
    coding : mapping of str to str
    priors : mapping
    was : path or pandas.DataFrame, optional
    """

    cases: list[Case]
    file: str
    coding: Mapping[str, str]
    priors: Priors
    was: str | Path | pd.DataFrame | None


@dataclass(frozen=True)
class Change:
    """A change of a dataset that nothing speaks against.

    Parameters
    ----------
    before, after : State
    old, content : bytes
        The file of the table, and what it is to hold.
    priors : mapping
        By model and name, what takes the place of the priors in the models' files.
    """

    before: State
    after: State
    old: bytes
    content: bytes
    priors: Mapping[str, Any]


def add(
    folder: str | Path,
    case: str | Path | Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    *,
    seed: int,
    coding: Mapping[str, str] | None = None,
    priors: str | Path | Mapping[str, Any] | None = None,
    was: str | Path | pd.DataFrame | None = None,
    engine: str | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Add a case to a dataset, or change a coding or priors, and say what that moved and why.

    The table gets one more row, in its own format, and ``history.jsonl`` beside it one more line. Nothing is written
    before everything was checked and fitted.

    Parameters
    ----------
    folder : path
        A dataset's folder, whose codebook lists the models to ``report``.
    case : path or mapping or sequence of mapping, optional
        The case: cells by column, as mapping or TOML file; several as a sequence or ``[[case]]``. A column that is not
        named stays empty. None where only something else changed; of a folder without a history that begins it.
    seed : int
        Of every fit.
    coding : mapping of str to str, optional
        Choices by decision, which hold from now on; ``as_recorded`` takes one back.
    priors : path or mapping, optional
        By model, by name, the keys of a prior as in a model file (``[<model>.<name>]``), which hold from now on.
    was : path or pandas.DataFrame, optional
        The table as it was at the last line of the history, if you changed it yourself since: a file, a folder or a
        frame.
    engine : str, optional
        As of `fit`.
    progress : bool

    Returns
    -------
    pandas.DataFrame
        One row a number: ``kind`` is "estimate", "foreseen" (how probable the outcome of a new case was before it came)
        or "claim" (a printed number whose verdict changed). An estimate has what it ``was`` and is, its ``total``
        change and the parts of it owed to ``data``, ``coding`` and ``prior``, each with its Monte Carlo error
        (``_mcse``): the mean over the six orders in which they may be changed (Shapley 1953), and ``_in_order`` the
        parts where data are changed first, then the coding, then the prior. ``statistic`` says whether it is the
        posterior mean (of probabilities and differences of them) or the median. ``note`` says which parts are below
        two Monte Carlo errors. Printed are the main columns.

    Raises
    ------
    CasepoolError
        For a case that `read_cases` or a model refuses, an unknown column, decision, choice, model or prior, a table
        that is no text file, a history that is not as it was written or not of this table, and where nothing changed.

    See Also
    --------
    history, verify

    Notes
    -----
    A part is told from fits that differ in one ingredient alone, each old or new: at most eight for a model, fewer
    where what changed is nothing the model reads. A model file that was edited since the last line counts as prior.

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
    >>> moved["kind"].value_counts().to_dict()
    {'estimate': 42, 'foreseen': 2}
    """
    path = folder_of(folder)
    cases, name = cases_given(case)
    asked = Asked(cases, name, choices_given(coding), priors_given(priors), was)
    plan = planned(seed=seed, engine=engine, progress=progress)
    if was is not None and not isinstance(was, pd.DataFrame):
        path_of(was, "a table as it was")
    with _held(path):
        lines = lines_of(path)
        change = _change(path, asked, lines[-1] if lines else None, progress=progress)
        public = change.after.codebook.public
        new = _labels_added(change)
        rows = changes(change.before, change.after, new, plan, path)
        _write(path, change, _line(path, change, rows, plan, lines), lines[-1]["id"] if lines else "")
    return table_of(rows, public=public)


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold the history of a folder against other writers."""
    lock = locked(folder / FILE)
    try:
        yield
    finally:
        lock.release()


# What changes


def _change(folder: Path, asked: Asked, last: Line | None, *, progress: bool) -> Change:
    """Read a folder and what is asked of it; everything that can be refused without a fit is refused."""
    old = bytes_of(folder / TABLE, MOST_BYTES, "cut it to one table")
    cases, codebook = read_typed(folder)
    priors = priors_then(last)
    for model, own in asked.priors.items():
        priors[model] = {**priors.get(model, {}), **{name: dict(one) for name, one in own.items()}}
    coding = dict(last["coding"]) if last else {}
    models = with_priors(models_of(folder, codebook), priors)
    content, frame, book = _with_cases(folder, old, cases, codebook, asked, progress=progress)
    after = State(frame, book, with_choices(coding, asked.coding), models)
    table = cases if asked.was is None else _as_it_was(asked.was, folder)
    then = models_then(last) if last else models_of(folder, codebook)
    before = State(table, codebook, coding, then)
    _refuse_other_table(before, last, folder)
    _refuse_unchanged(before, after, folder, last)
    for one in after.models.values():
        refuse_private_text(one, *after.coded())
        design_of_typed(one, *after.coded())
    return Change(before, after, old, content, priors)


def _with_cases(
    folder: Path, old: bytes, cases: pd.DataFrame, codebook: Codebook, asked: Asked, *, progress: bool
) -> tuple[bytes, pd.DataFrame, Codebook]:
    """Return the file with the new cases, and its table, typed and checked."""
    if not asked.cases:
        return old, cases, codebook
    path = folder / TABLE
    plain = read_codebook(folder / CODEBOOK)
    raw = read_sheet(path, plain).frame
    content, sheet = with_rows(old, path, plain, [cells_of(one, raw, codebook, asked.file) for one in asked.cases])
    frame, book = typed_by(sheet.frame, plain, name=folder.name, lines=sheet.lines)
    for name in codebook.guessed:
        if book.columns[name].type != codebook.columns[name].type:
            problem = f"read as {codebook.columns[name].type} so far, and with this case as {book.columns[name].type}"
            value = next((one[name] for one in asked.cases if name in one), None)
            remedy = f"correct the cell, or give the column a type in the codebook ({entry_of(name)})"
            raise CasepoolError(problem, file=asked.file, column=name, value=value, remedy=remedy)
    for doubt in _warnings(sheet.frame, plain, len(cases)):
        say(progress, str(doubt.refusal()))
    return content, frame, book


def _warnings(raw: pd.DataFrame, codebook: Codebook, n: int) -> Iterator[Problem]:
    """Yield the warnings of `validate` on rows behind the first `n`: a case that may be there already, say."""
    found = examine(raw, codebook)
    for problem in placed(list(remarks_on(found)), found):
        if problem.severity == WARNING and problem.row is not None and problem.row > n:
            yield problem


def _as_it_was(was: str | Path | pd.DataFrame, folder: Path) -> pd.DataFrame:
    table = Path(was) / TABLE if isinstance(was, str | Path) and Path(was).is_dir() else was
    return read_typed(table, folder / CODEBOOK)[0]


def _refuse_other_table(before: State, last: Line | None, folder: Path) -> None:
    if last is not None and table_digest(before.cases) != last["table"]:
        problem = "the table is not the one of the last line of the history: it was changed since by other means"
        remedy = "give the table as it was by was= (--was FILE), or take back what was changed and add it as a case"
        raise CasepoolError(problem, file=str(folder / TABLE), remedy=remedy)


def _refuse_unchanged(before: State, after: State, folder: Path, last: Line | None) -> None:
    if last is None or table_digest(after.cases) != last["table"] or after.coding != before.coding:
        return
    then, now = ({name: one.to_toml() for name, one in own.models.items()} for own in (before, after))
    if then == now and file_digests(folder, after.models) == last["files"]:
        problem = "nothing changed since the last line of the history"
        raise CasepoolError(problem, file=str(folder), remedy="give a case, a coding or priors")


# What is written


def _labels_added(change: Change) -> list[str]:
    known = set(row_labels(change.before.cases, change.before.codebook))
    return [own for own in row_labels(change.after.cases, change.after.codebook) if own not in known]


def _line(folder: Path, change: Change, rows: Sequence[Row], plan: Plan, lines: Sequence[Line]) -> dict[str, Any]:
    """Return what a line of the history says of a change."""
    after = change.after
    kept = [row for row in rows if _may_be_kept(row, after)]
    by_kind = {kind: [_lean(row) for row in kept if row["kind"] == kind] for kind in (ESTIMATE, FORESEEN, CLAIM)}
    return {
        "format": FORMAT,
        "line": len(lines) + 1,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "rows": rows_changed(change.before, after),
        "patients": len(after.cases),
        "public": after.codebook.public,
        "table": table_digest(after.cases),
        "coding": dict(after.coding),
        "priors": change.priors,
        "models": {name: one.to_toml() for name, one in after.models.items()},
        "files": file_digests(folder, after.models),
        "seed": plan.seed,
        "engine": plan.engine or "",
        "versions": versions(),
        "estimates": by_kind[ESTIMATE],
        "foreseen": by_kind[FORESEEN],
        "claims": by_kind[CLAIM],
    }


def _may_be_kept(row: Row, after: State) -> bool:
    """Whether a row may stand in a history: of a private table no labels that the codebook does not list."""
    model = after.models.get(row.get("model", ""))
    term = model.terms.get(row.get("by", "")) if model else None
    return term is None or after.codebook.may_show(term.source)


def _lean(row: Row) -> Row:
    """Return a row without its empty cells."""
    plain = json.loads(canonical(row))
    return {key: value for key, value in plain.items() if key != "kind" and value not in ("", None)}


def _write(folder: Path, change: Change, line: Line, parent: str) -> None:
    """Write the table and its history; a history that cannot be written leaves the table as it was."""
    path = folder / TABLE
    if bytes_of(path, MOST_BYTES, "") != change.old:
        raise CasepoolError("the table changed while its models were fitted", file=str(path), remedy="add once more")
    if change.content != change.old:
        write_atomically(path, change.content)
    try:
        append(folder, line, parent)
    except CasepoolError:
        if change.content != change.old:
            write_atomically(path, change.old)
        raise
