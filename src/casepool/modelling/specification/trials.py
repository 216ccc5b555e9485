"""Trials of the same question: counts of other studies, read once and kept in the model."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from casepool._resources import bundled
from casepool.arguments import MOST, bytes_of
from casepool.errors import CasepoolError
from casepool.modelling.families.evidence_synthesis import Counts
from casepool.toml_files import check_keys

MOST_BYTES = 1_000_000
MOST_STUDIES = 200
NAMES = ("study", "trial")
"""What the column of a file may be called that names the studies."""
TABLE = "evidence.trials"
Study = tuple[str, int, int]
"""A study's name, its events, and of how many patients."""


@dataclass(frozen=True)
class Trials:
    """Studies that count events.

    Parameters
    ----------
    studies : tuple of (str, int, int)
        Name, events and patients of each.
    file : str
        Where they were read.
    drop : tuple of str
        Studies of the file that are left out.
    about : tuple of str
        A factor and the level of it whose rate it is; empty where it is the intercept's.
    """

    studies: tuple[Study, ...]
    file: str = ""
    drop: tuple[str, ...] = ()
    about: tuple[str, ...] = ()

    @property
    def counts(self) -> Counts:
        """The counts alone."""
        return Counts(tuple(float(y) for _, y, _ in self.studies), tuple(float(n) for _, _, n in self.studies))

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the studies."""
        return tuple(name for name, _, _ in self.studies)

    @property
    def sha256(self) -> str:
        """Digest of the studies in use."""
        return hashlib.sha256(json.dumps(self.studies, ensure_ascii=False).encode()).hexdigest()

    def __str__(self) -> str:
        studies = ", ".join(f"{name} {events} of {n}" for name, events, n in self.studies)
        about = f"; of {self.about[0]} {self.about[1]}" if self.about else ""
        return f"{studies}{f' ({self.file})' if self.file else ''}{about}"

    def table(self) -> dict[str, Any]:
        """Return its table of a model file, with the counts, so that nothing else need be read again."""
        studies = [dict(zip(("study", "events", "n"), own, strict=True)) for own in self.studies]
        about = {"about": {self.about[0]: self.about[1]}} if self.about else {}
        drop = {"drop": list(self.drop)} if self.drop else {}
        return {"file": self.file, **drop, **about, "sha256": self.sha256, "studies": studies}


def read_trials(plain: Mapping[str, Any], *, file: str, folder: Path | None) -> Trials:
    """Read the table of a model file; a file it names lies beside that one, or is a bundled dataset.

    Raises
    ------
    CasepoolError
        For a wrong key, a file that is none, or counts that are none.
    """
    check_keys(plain, ["file", "drop", "about", "sha256", "studies"], file=file, table=TABLE)
    drop, about = _drop(plain.get("drop", []), file), _about(plain.get("about", {}), file)
    origin = plain.get("file", "")
    if not isinstance(origin, str) or not (origin or "studies" in plain):
        raise CasepoolError(
            "must be a file of study, events and n, or a bundled dataset's name",
            file=file, column=f"{TABLE}.file", value=origin, remedy="name one",
        )  # fmt: skip
    if "studies" in plain:
        rows, where = plain["studies"], file
        if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
            remedy = "write [[evidence.trials.studies]] with study, events and n"
            raise CasepoolError("must be tables of counts", file=file, column=f"{TABLE}.studies", remedy=remedy)
    else:
        rows, where = _rows_of(origin, folder, file), Path(origin).name
    studies = _studies(rows, where)
    if "studies" not in plain:
        if strange := [name for name in drop if name not in {own[0] for own in studies}]:
            remedy = f"the file has {', '.join(own[0] for own in studies)}"
            raise CasepoolError(
                "no study of the file", file=file, column=f"{TABLE}.drop", value=strange[0], remedy=remedy
            )
        studies = tuple(own for own in studies if own[0] not in drop)
    if not 1 <= len(studies) <= MOST_STUDIES:
        problem, remedy = f"{len(studies)} studies are left", f"leave from 1 to {MOST_STUDIES}"
        raise CasepoolError(problem, file=file, column=TABLE, remedy=remedy)
    made = Trials(studies, origin, drop, about)
    if plain.get("sha256", made.sha256) != made.sha256:
        raise CasepoolError(
            "the counts are not those of the digest",
            file=file, column=f"{TABLE}.sha256", remedy="correct the counts, or remove sha256",
        )  # fmt: skip
    return made


def _drop(value: object, file: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        remedy = "name the studies to leave out"
        raise CasepoolError("must be a list of texts", file=file, column=f"{TABLE}.drop", value=value, remedy=remedy)
    return tuple(value)


def _about(value: object, file: str) -> tuple[str, ...]:
    good = isinstance(value, Mapping) and len(value) < 2 and all(isinstance(level, str) for level in value.values())
    if not good or not isinstance(value, Mapping):
        where, remedy = f"{TABLE}.about", 'write { histology = "IMT" }, a factor and one of its levels'
        raise CasepoolError("must be one level of one factor", file=file, column=where, value=value, remedy=remedy)
    return next(iter(value.items()), ())


def _rows_of(origin: str, folder: Path | None, file: str) -> list[dict[str, Any]]:
    """Read the rows of a bundled dataset's table, or of a file beside the model's."""
    own = bundled("data") / origin / "cases.csv"
    is_bundled = "/" not in origin and "\\" not in origin and own.is_file()
    path = own if is_bundled else (folder or Path()) / origin
    data = bytes_of(path, MOST_BYTES, "keep one row a study")
    try:
        text = data.decode("utf-8-sig")
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        rows = list(reader)
    except (UnicodeDecodeError, csv.Error):
        raise CasepoolError("not readable as a CSV file in UTF-8", file=path.name, remedy="save it as such") from None
    for name in ("events", "n"):
        if name not in (reader.fieldnames or ()):
            raise CasepoolError("the file lacks a column", file=path.name, column=name, remedy="give study, events, n")
    if not set(NAMES) & set(reader.fieldnames or ()):
        raise CasepoolError("the file lacks a column", file=path.name, column="study", remedy="give study, events, n")
    return rows


def _studies(rows: Sequence[Mapping[str, Any]], where: str) -> tuple[Study, ...]:
    """Make studies of rows, refusing what is no count of anybody."""
    found: list[Study] = []
    for place, row in enumerate(rows, start=1):
        told: dict[str, Any] = {"file": where, "row": f"row {place}"}
        name = next((row[key] for key in NAMES if row.get(key)), "")
        if not isinstance(name, str) or not name.strip():
            raise CasepoolError("a study needs a name", column="study", remedy="give it one", **told)
        if name in {own[0] for own in found}:
            problem = "a study stands there twice"
            raise CasepoolError(problem, column="study", value=name, remedy="give each study one row", **told)
        n = _count(row.get("n"), "n", 1, MOST, told)
        found.append((name, _count(row.get("events"), "events", 0, n, told), n))
    return tuple(found)


def _count(value: object, column: str, least: int, most: int, told: Mapping[str, Any]) -> int:
    text = value if isinstance(value, str) else str(value) if type(value) is int else ""
    if not (text.strip().isascii() and text.strip().isdigit() and len(text) < 20 and least <= int(text) <= most):
        problem = f"must be a whole number from {least} to {most}"
        raise CasepoolError(problem, column=column, value=value, remedy="correct it", **told)
    return int(text)
