"""``history.jsonl``: one line a change, each with the digest of itself and of the line before it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from casepool.arguments import bytes_of, path_of
from casepool.errors import CasepoolError
from casepool.living.canonical import canonical, digest
from casepool.writing import write_atomically

FILE = "history.jsonl"
MOST_BYTES = 500_000_000
"""Bytes of the largest history read."""
FORMAT = 1
"""Of the lines."""
KEYS: Mapping[type, tuple[str, ...]] = {
    str: ("time", "table", "engine"),
    int: ("line", "patients", "seed", "public"),
    dict: ("rows", "coding", "priors", "models", "files", "versions"),
    list: ("estimates", "foreseen", "claims"),
}
"""What every line holds beside its ``parent`` and ``id``, by type."""
INSIDE: Mapping[str, type] = {"rows": list, "models": str, "coding": str, "priors": dict, "files": str}
INSIDE = {**INSIDE, **dict.fromkeys(KEYS[list], dict)}
"""What these hold."""
Line = Mapping[str, Any]


def folder_of(given: Any) -> Path:
    """Return a dataset's folder, refusing what is none."""
    path = path_of(given, "a dataset's folder")
    if not (path / "cases.csv").is_file():
        remedy = "give the path of a folder with cases.csv (a bundled dataset is copied first)"
        raise CasepoolError("this is no dataset's folder", value=str(given), remedy=remedy)
    return path


def no_history(folder: Path) -> CasepoolError:
    """Return the refusal of a folder without lines."""
    remedy = "casepool add FOLDER begins it"
    return CasepoolError("this dataset has no history", file=str(folder / FILE), remedy=remedy)


def signed(line: Line, parent: Any) -> dict[str, Any]:
    """Return a line with its parent, and the ``id`` that is the digest of all else in it."""
    whole = {**{key: value for key, value in line.items() if key != "id"}, "parent": parent}
    return {**whole, "id": digest(whole)}


def append(folder: Path, line: Line, parent: str) -> dict[str, Any]:
    """Append a line to the history of a folder, which is there whole or not at all; return it as it reads back."""
    path, whole = folder / FILE, canonical(signed(json.loads(canonical(line)), parent))
    write_atomically(path, (_bytes_of(path) if path.exists() else b"") + whole + b"\n")
    found: dict[str, Any] = json.loads(whole)
    return found


def lines_of(folder: Path) -> list[Line]:
    """Return the lines of a folder's history, refusing one that is not as it was written; none where there is none."""
    path = folder / FILE
    lines = read_lines(folder)
    for number, _, problem in faults(lines):
        remedy = "restore the file from a backup; casepool verify FOLDER names every such line"
        raise CasepoolError(f"line {number} {problem}", file=str(path), remedy=remedy)
    return [line for line, _ in lines if line is not None]


def read_lines(folder: Path) -> list[tuple[Line | None, str]]:
    """Return the lines of a folder's history as `lines_in` does, none where it has none."""
    path = folder / FILE
    return lines_in(_bytes_of(path)) if path.exists() else []


def lines_in(raw: bytes) -> list[tuple[Line | None, str]]:
    """Return what every line says, None where it is not as it was written, and its ``id``."""
    *whole, rest = raw.split(b"\n")
    return [*map(_read, whole), *[(None, "")] * bool(rest)]  # the last line ends as the others do


def _read(text: bytes) -> tuple[Line | None, str]:
    """Read a line, which must be byte for byte what its content is written as."""
    try:
        line = json.loads(text)
        if _is_line(line) and canonical(line) == text and signed(line, line.get("parent")) == line:
            return line, line["id"]
    except (ValueError, RecursionError):
        return None, ""
    return None, ""


def _is_line(line: Any) -> bool:
    """Whether something holds what a line of a history does."""
    if not isinstance(line, dict) or line.get("format") != FORMAT:
        return False
    typed = all(isinstance(line.get(key), kind) for kind, keys in KEYS.items() for key in keys)
    return typed and all(
        isinstance(inner, kind)
        for key, kind in INSIDE.items()
        for inner in (line[key].values() if isinstance(line[key], dict) else line[key])
    )


def faults(lines: Sequence[tuple[Line | None, str]]) -> Iterator[tuple[int, str, str]]:
    """Yield the number of every line that is not as it was written or does not follow the one before it, and why."""
    parent: str | None = ""
    for number, (line, own) in enumerate(lines, start=1):
        if line is None:
            yield number, "changed", "is not as it was written"
        elif parent is not None and line["parent"] != parent:
            before = f"line {number - 1}" if number > 1 else "nothing"
            yield number, "moved", f"does not follow {before}: a line before it was removed, added or moved"
        parent = None if line is None else own  # what follows a changed line cannot be told


def _bytes_of(path: Path) -> bytes:
    return bytes_of(path, MOST_BYTES, "restore it from a backup")
