"""What answers are made of: a table, the choices of its codings, and the models with their priors."""

from __future__ import annotations

import hashlib
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from casepool.cases.codebook import Codebook
from casepool.cases.coding_keys import AS_RECORDED
from casepool.cases.recoding import recode_typed
from casepool.cases.tables import bare
from casepool.claims.files import FILE as PUBLISHED
from casepool.errors import CasepoolError
from casepool.living.canonical import canonical, digest
from casepool.living.chain import FILE as HISTORY
from casepool.living.chain import Line
from casepool.living.given import Priors, priors_given
from casepool.modelling import Model, model_from_dict
from casepool.modelling import model as get_model
from casepool.modelling.specification.model import model_dict
from casepool.toml_files import read_toml

CODEBOOK = "codebook.toml"


@dataclass(frozen=True)
class State:
    """A dataset at one time.

    Parameters
    ----------
    cases : pandas.DataFrame
        Typed, as recorded.
    codebook : Codebook
    coding : mapping of str to str
        Choices by decision, where another than as recorded.
    models : mapping of str to Model
        Those that are reported, by name, their priors in force.
    """

    cases: pd.DataFrame
    codebook: Codebook
    coding: Mapping[str, str]
    models: Mapping[str, Model]

    def coded(self) -> tuple[pd.DataFrame, Codebook]:
        """Return the cases as the choices have them, and their codebook."""
        return recode_typed(self.cases, self.codebook, self.coding)


def with_choices(coding: Mapping[str, str], changed: Mapping[str, str]) -> dict[str, str]:
    """Return choices after a change; one of ``as_recorded`` is none."""
    return {decision: choice for decision, choice in {**coding, **changed}.items() if choice != AS_RECORDED}


def models_of(folder: Path, codebook: Codebook) -> dict[str, Model]:
    """Return the models that a codebook reports, as their files have them, by name."""
    if not codebook.report:
        remedy = 'write report = ["my_model.toml"] there (casepool draft makes a first model)'
        problem = "the codebook lists no models to report"
        raise CasepoolError(problem, file=CODEBOOK, column="report", remedy=remedy)
    found = [get_model(folder / name if name.endswith(".toml") else name) for name in codebook.report]
    for name, often in Counter(one.name for one in found).items():
        if often > 1:
            remedy = "list it once, or rename one of the files"
            raise CasepoolError("two models of one name", file=CODEBOOK, column="report", value=name, remedy=remedy)
    return {one.name: one for one in found}


def with_priors(models: Mapping[str, Model], priors: Priors) -> dict[str, Model]:
    """Return models with other priors."""
    for name in priors:
        if name not in models:
            remedy = f"name one of {', '.join(models)}"
            raise CasepoolError("no reported model has this name", column=name, remedy=remedy)
    found = dict(models)
    for name, own in priors.items():
        for parameter, prior in own.items():
            found[name] = found[name].with_prior(parameter, **prior)
    return found


def models_then(line: Line) -> dict[str, Model]:
    """Return the models of a line of the history."""
    found = {}
    for name, text in line["models"].items():
        try:
            found[name] = model_from_dict(tomllib.loads(text), name=name)
        except tomllib.TOMLDecodeError:
            remedy = "restore the file from a backup"
            problem = f"line {line['line']} holds a model that is none"
            raise CasepoolError(problem, file=HISTORY, value=name, remedy=remedy) from None
    return found


def file_digests(folder: Path, models: Mapping[str, Model]) -> dict[str, str]:
    """Return the SHA-256 of every file of a folder that is read beside the table and the models' own."""
    named = {CODEBOOK, PUBLISHED}
    tables = [model_dict(one) for one in models.values()]
    tables += [read_toml(folder / CODEBOOK)] if (folder / CODEBOOK).is_file() else []
    for plain in tables:
        named |= set(_files_in(plain))
    there = [name for name in sorted(named) if Path(name).name == name and (folder / name).is_file()]
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in there}


def _files_in(plain: Mapping[str, Any]) -> Iterator[str]:
    """Yield the files that tables of a model file or a codebook name: text under the key ``file``."""
    for key, value in plain.items():
        if isinstance(value, Mapping):
            yield from _files_in(value)
        elif key == "file" and isinstance(value, str):
            yield value


def table_digest(cases: pd.DataFrame) -> str:
    """Return the SHA-256 of a table: of what its cells mean, whatever the order of its rows and columns."""
    columns = sorted(map(str, cases.columns))
    return digest([columns, sorted(_row_texts(cases[columns]))])


def row_labels(cases: pd.DataFrame, codebook: Codebook) -> list[str]:
    """Return the identifiers of the rows of a table, or their numbers where it has none."""
    named = codebook.id in cases.columns
    return [str(value) for value in (bare(cases)[codebook.id] if named else range(1, len(cases) + 1))]


def rows_changed(before: State, after: State) -> dict[str, list[str]]:
    """Return which rows were added, changed and removed, by identifier; of a private table by their numbers."""
    columns = sorted({*before.cases.columns, *after.cases.columns})
    rows = [
        dict(zip(row_labels(s.cases, s.codebook), _row_texts(s.cases.reindex(columns=columns)), strict=True))
        for s in (before, after)
    ]
    old, new = rows
    places = [{label: str(i) for i, label in enumerate(one, start=1)} for one in rows]
    shown = places if not after.codebook.public else [{label: label for label in one} for one in rows]
    return {
        "added": [shown[1][label] for label in new if label not in old],
        "changed": [shown[1][label] for label in new if label in old and old[label] != new[label]],
        "removed": [shown[0][label] for label in old if label not in new],
    }


def _row_texts(cases: pd.DataFrame) -> list[str]:
    """Write every row of a table as text; an empty cell is null, and 3 is 3.0."""
    rows = bare(cases).astype(object)
    return [canonical(list(row)).decode() for row in rows.where(rows.notna(), None).itertuples(index=False)]


def priors_then(line: Line | None) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the priors that a line puts in the place of those of the models' files."""
    return priors_given(line["priors"]) if line is not None and line["priors"] else {}
