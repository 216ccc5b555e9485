"""Every problem of a table at once, and of a folder those of its model files too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from casepool.cases.codebook import Codebook
from casepool.cases.problems import ERROR, NOTE, WARNING, Problem, from_refusal
from casepool.cases.reading import CODEBOOK, list_datasets, read_typed
from casepool.cases.validation import problems_of, sized
from casepool.errors import CasepoolError
from casepool.modelling.design.making import design_of_typed
from casepool.modelling.specification.files import refusals_of
from casepool.modelling.specification.outcome_keys import UNKNOWN
from casepool.toml_files import read_toml

RULE, EXPECTED = "model file", "a model that can be fitted to the table"
NO_MODELS = (CODEBOOK, "published.toml")
Typed = tuple[pd.DataFrame, Codebook]


def validate(source: str | Path | pd.DataFrame, codebook: str | Path | Codebook | None = None) -> pd.DataFrame:
    """List everything wrong with a table, worst first, and with the model files of a folder.

    Errors are what `read_cases` refuses, found by the same functions: cells that are not of their column's type, range
    or levels; identifiers missing or given twice; levels that differ in `casepool.cases.columns.folded` respects only;
    columns the codebook names and the table lacks; a file that is no table; and the rules across columns that no
    table may break (`casepool.cases.rules`). Warnings are what should be looked at in the source: further such rules,
    cells that are no number among numbers, and guesses about the file. Notes are guesses of types and roles, and the
    rules that could not run because no column has the role they need.

    Of a folder the model files beside the codebook are read, and laid on the table where that has no error: every
    ``"?"`` that is still to be said, else what is wrong with each part of a file (or between them, where every part can
    be read), are errors where the codebook lists the file under ``report`` and warnings elsewhere; priors that a draft
    began with are a note.

    Parameters
    ----------
    source : str or pathlib.Path or pandas.DataFrame
        A bundled dataset's name, a folder, a file (separated text, Excel, Parquet) or a frame.
    codebook : str or pathlib.Path or Codebook, optional
        What the columns mean, and their roles. Without one a folder's own is used, or types are guessed.

    Returns
    -------
    pandas.DataFrame
        One row a problem: ``severity`` (error, warning, note), ``rule``, ``file``, ``row`` (from 1 below the header;
        empty for the whole table), ``line`` (that row as a spreadsheet numbers it, from 1 for the file's first row),
        ``patient``, ``column``, ``value``, ``problem``, ``expected``, ``remedy``. No rows if nothing is to be said.
        ``attrs`` holds ``rows`` and ``columns``, the size of the table looked through. Nothing is raised for a bad
        table, codebook or path: that is a row as well.

    See Also
    --------
    read_cases, new_dataset

    Examples
    --------
    >>> import casepool as cp
    >>> found = cp.validate("alk_crizotinib")
    >>> found.loc[found["severity"] == "warning", ["rule", "row"]].values.tolist()
    [['possible duplicate', 3], ['possible duplicate', 12], ['complete response after resection', 32]]
    """
    problems, size = problems_of(source, codebook)
    if isinstance(source, str | Path) and source not in list_datasets():
        problems += _of_models(Path(source), codebook, sound=not any(one.severity == ERROR for one in problems))
    return sized(problems, size)


def _of_models(folder: Path, codebook: str | Path | Codebook | None, *, sound: bool) -> Iterator[Problem]:
    """Yield what is wrong with the model files of a folder, which are laid on its table where that is sound."""
    try:
        files = sorted(path for path in folder.glob("*.toml") if path.name.lower() not in NO_MODELS)
        typed = read_typed(folder, codebook) if sound and folder.is_dir() else None
    except (OSError, ValueError):  # said of the table
        return
    listed = typed[1].report if typed else ()
    for path in files:
        severity = ERROR if path.name in listed or not typed else WARNING
        yield from _of_model(path, typed, severity, listed=path.name in listed)


def _of_model(path: Path, typed: Typed | None, severity: str, *, listed: bool) -> Iterator[Problem]:
    try:
        plain = read_toml(path)
        if "family" not in plain and not listed:
            return  # some other file
        if still := list(_open(plain, ())):
            for key in still:
                said, remedy = "this is still to be said", "write what it is"
                yield Problem(RULE, said, EXPECTED, remedy, severity, file=path.name, column=key, value=UNKNOWN)
            return
        model, refusals = refusals_of(plain, name=path.stem, file=path.name, folder=path.parent)
        yield from (_refused(refusal, path, severity) for refusal in refusals)
        if model is None:
            return
        if typed:
            design_of_typed(model, *typed)
        for name in model.unconfirmed:
            said, remedy = "a convention that nobody has confirmed yet", "give a reason of your own as its `why`"
            yield Problem(RULE, said, "a prior with a reason", remedy, NOTE, file=path.name, column=f"priors.{name}")
    except CasepoolError as refusal:
        yield _refused(refusal, path, severity)


def _refused(refusal: CasepoolError, path: Path, severity: str) -> Problem:
    return replace(from_refusal(refusal, rule=RULE, file=path.name, expected=EXPECTED), severity=severity)


def _open(value: Any, place: tuple[str, ...]) -> Iterator[str]:
    """Yield the keys of a model file that hold the sign of what is still to be said, unless it is a code of its own."""
    if isinstance(value, Mapping):
        for key, held in value.items():
            if not (key in ("success", "event_levels") and UNKNOWN in value.get("levels", ())):
                yield from _open(held, (*place, str(key)))
    elif value == UNKNOWN or (isinstance(value, list) and UNKNOWN in value and place[-1:] != ("levels",)):
        yield ".".join(place)
