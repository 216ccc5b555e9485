"""Where output may go: refused before any work, and never over what casepool did not write itself."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from casepool.arguments import flag_of, path_of
from casepool.errors import CasepoolError

KEPT = (".toml", ".xlsx", ".parquet")
"""Endings of files that casepool reads: models, codebooks and tables of users are never replaced."""
GENERATOR = '<meta name="generator" content="casepool">'
"""Says of a page, in its head, that casepool wrote it."""
HEAD = 4096
"""Bytes of a file that are looked at to tell who wrote it."""
OwnKind = Callable[[Path], bool]


def target_of(
    given: Any,
    own: OwnKind,
    *,
    overwrite: bool = False,
    inputs: Iterable[Path] = (),
    kept: Collection[str] = KEPT,
) -> Path:
    """Return the file that output goes to, links followed.

    Parameters
    ----------
    given : str or pathlib.Path
    own : callable
        Says whether a file is of the kind that is to be written, so that it may be replaced.
    overwrite : bool
        Whether another file may be replaced too: none that is read, and none of the endings `kept`, which are replaced
        where casepool wrote them itself alone.
    inputs : iterable of Path
        Files that the same call reads.
    kept : collection of str
        Endings of files that are never replaced; none where a model file is what is written.

    Raises
    ------
    CasepoolError
        If the output cannot be there, or would replace what must stay.
    """
    path = Path(os.path.realpath(path_of(given)))
    allowed = flag_of(overwrite, "overwrite")
    try:
        mode = path.stat().st_mode if path.exists() or path.is_symlink() else None
    except OSError as error:
        raise refused(given, f"cannot write there ({error.strerror})", "choose another file") from None
    if not path.parent.is_dir():
        raise refused(given, "cannot write there (its folder does not exist)", "create it first")
    if mode is None:
        if not os.access(path.parent, os.W_OK):
            raise refused(given, "cannot write there (Permission denied)", "choose another folder")
        return path
    if not stat.S_ISREG(mode):
        what = "a folder" if stat.S_ISDIR(mode) else "no ordinary file"
        raise refused(given, f"this is {what}", "name another file")
    if any(_same(path, read) for read in inputs):
        raise refused(given, "the output would replace what is read", "name another file")
    try:
        if own(path):
            return path
    except OSError as error:  # another program has it open, which on Windows keeps all others out
        raise refused(
            given, f"cannot be looked at ({error.strerror})", "close it elsewhere, or name another file"
        ) from None
    if path.suffix.lower() in kept:
        problem = f"a file that ends in {path.suffix} and that casepool did not write is never replaced"
        raise refused(given, problem, "name another file")
    if not (allowed or path.stat().st_size == 0):
        problem = "there is a file of this name that casepool did not write, or not as this kind of output"
        raise refused(given, problem, "name another file, or overwrite it by overwrite=True or --force")
    return path


def refused(given: Any, problem: str, remedy: str) -> CasepoolError:
    """Return the refusal of an output."""
    return CasepoolError(problem, file=str(given), remedy=remedy)


def is_page(path: Path) -> bool:
    """Whether casepool wrote a file of HTML."""
    return GENERATOR.encode() in head_of(path)


def head_of(path: Path) -> bytes:
    """Return the first bytes of a file, none of one that cannot be read."""
    with suppress(OSError), path.open("rb") as file:
        return file.read(HEAD)
    return b""


def read_by(*given: str | Path) -> list[Path]:
    """Return the files that a call reads where it is given files or folders: of a folder all that it holds."""
    found = []
    for one in given:
        path = Path(one)
        with suppress(OSError):
            found += list(path.iterdir()) if path.is_dir() else [path] if path.exists() else []
    return found


def _same(path: Path, other: Path) -> bool:
    with suppress(OSError):
        return path.samefile(other)
    return False
