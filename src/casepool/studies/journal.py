"""Finished answers on disk, one checked line each, so that long work goes on where it stopped."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import BaseFileLock, FileLock, SoftFileLock, Timeout

from casepool.arguments import path_of
from casepool.errors import CasepoolError
from casepool.progress import say
from casepool.writing import sync_folder

NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)
"""What a drive says that knows no locks."""
START, SUM, END = b'{"key": "', b', "sha256": "', b'"}'


class Journal:
    """Answers by key, in memory and, if there is a file, on disk.

    Parameters
    ----------
    path : Path, optional
        None keeps the answers in memory only.
    known : dict
        What is finished: rows by key.
    """

    def __init__(self, path: Path | None, known: dict[str, list[dict[str, Any]]]) -> None:
        self.path, self.known = path, known

    def add(self, key: str, rows: Sequence[dict[str, Any]], *, public: bool = True) -> None:
        """Keep an answer: one line in one write, on a line of its own even behind one cut short, and onto the disk.

        The line says so if it is of cases that are not `public`.

        Raises
        ------
        CasepoolError
            If the file cannot be written.
        """
        self.known[key] = list(rows)
        if self.path is None:
            return
        try:
            with self.path.open("ab") as file:
                file.write(b"\n" + line_of(key, rows, public=public) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            sync_folder(self.path.parent)
        except OSError as error:
            raise _unusable(self.path, f"cannot write there ({error.strerror})") from None


@contextmanager
def open_journal(path: str | Path | None, *, progress: bool = True) -> Iterator[Journal]:
    """Open a journal for one writer at a time.

    Lines cut short by a crash or changed since are passed over, and that is said: their answers are computed again.

    Raises
    ------
    CasepoolError
        If another process is writing it, it cannot be read, or it is some other file.
    """
    if path is None:
        yield Journal(None, {})
        return
    path = path_of(path)
    lock = locked(path)
    try:
        known, lost = read_journal(path)
        say(progress and lost > 0, f"{path}: {lost} lines cut short or changed are not used")
        yield Journal(path, known)
    finally:
        lock.release()


def locked(path: Path) -> BaseFileLock:
    """Take the lock of a file that one process writes at a time, refusing one that another holds."""
    if not path.absolute().parent.is_dir():  # a lock would make it
        raise _unusable(path, "cannot write there (its folder does not exist)", "create it first")
    try:
        return _acquired(path)
    except Timeout as held:
        remedy = f"wait for it, name another one, or remove {Path(held.lock_file).name} if none is"
        raise _unusable(path, "another process is writing this journal", remedy) from None
    except OSError as error:
        raise _unusable(path, f"cannot write there ({error.strerror})") from None


def _acquired(path: Path) -> BaseFileLock:
    """Lock a journal; on a drive that knows no locks, as of a network, by a file that is there or not."""
    lock: BaseFileLock = FileLock(f"{path}.lock", timeout=0)
    try:
        with warnings.catch_warnings(action="ignore"):  # where filelock itself takes the other way
            lock.acquire()
    except OSError as error:
        if isinstance(error, Timeout) or error.errno not in NO_LOCKS:
            raise
        lock = SoftFileLock(f"{path}.soft.lock", timeout=0)
        lock.acquire()
    return lock


def line_of(key: str, rows: Sequence[dict[str, Any]], *, public: bool = True) -> bytes:
    """Write an answer as a line of JSON that ends with the checksum of what stands before it."""
    entry = {"key": key} | ({} if public else {"public": False}) | {"rows": rows}
    content = json.dumps(entry).encode().removesuffix(b"}")
    return content + SUM + _checksum(content) + END


def _checksum(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()


def read_journal(path: Path) -> tuple[dict[str, list[dict[str, Any]]], int]:
    """Return the answers of the whole lines of a journal, and how many lines are not whole."""
    if not path.exists():
        return {}, 0
    if not path.is_file():
        raise _unusable(path, "this is no ordinary file")
    try:
        lines = [line for line in path.read_bytes().split(b"\n") if line.strip()]
    except OSError as error:
        raise _unusable(path, f"not readable ({error.strerror})") from None
    if lines and not any(line.startswith(START[: len(line)]) for line in lines):
        raise _unusable(path, "this file is no journal, so nothing is added to it")
    known: dict[str, list[dict[str, Any]]] = {}
    lost = 0
    for line in lines:
        content, _, rest = line.rpartition(SUM)
        if rest == _checksum(content) + END:
            entry = _entry(content + b"}")
            known |= entry
            lost += not entry
        else:
            lost += 1
    return known, lost


def _entry(text: bytes) -> dict[str, list[dict[str, Any]]]:
    """Read a whole line: rows by key; nothing where a right checksum ends what is no answer."""
    try:
        entry = json.loads(text)
    except ValueError:
        return {}
    key, rows = (entry.get(name) for name in ("key", "rows")) if isinstance(entry, dict) else (None, None)
    if not isinstance(key, str) or not isinstance(rows, list) or not rows:
        return {}
    return {key: rows} if all(isinstance(row, dict) for row in rows) else {}


def _unusable(path: Path, problem: str, remedy: str = "name another journal") -> CasepoolError:
    return CasepoolError(problem, file=str(path), remedy=remedy)
