"""What a caller may pass: one helper for each kind of argument, used wherever a public function takes it."""

from __future__ import annotations

import math
import os
import re
import stat
from collections.abc import Collection, Iterable
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from casepool.errors import CasepoolError

LONGEST_PART = 255
"""Bytes a file system allows the name of one file or folder."""
LONGEST_PATH = 4095
"""Bytes a system allows a path."""
WINDOWS = os.name == "nt"
RESERVED = re.compile(r"(CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(COM|LPT)[0-9¹²³])( *\..*)? *", re.IGNORECASE)
"""Names that are devices on Windows, whatever follows a point."""
MOST = 1_000_000
"""The largest of the numbers that say how much work is done: draws, chains, cores."""
AUTO, NUTS = "auto", "nuts"
ENGINES = ("exact", "lockstep", NUTS)
"""What turns a Design into draws, in the order they are tried."""
ASKED = (AUTO, *ENGINES)
"""What may be asked for: an engine, or the first that does not decline."""
ADOPTED = "adopted"
"""Stands for the engine of draws that casepool did not make."""
RAN = (*ENGINES, ADOPTED)
"""Where draws may come from."""


def path_of(given: Any, wanted: str = "a path") -> Path:
    """Return a path, refusing what is none and what no file system has.

    Parameters
    ----------
    given : str or pathlib.Path
    wanted : str
        What the argument may be, in words.
    """
    if not isinstance(given, str | Path):
        raise CasepoolError(f"this is not {wanted}", value=given, remedy="give a text or a pathlib.Path")
    try:
        encoded = os.fsencode(given)
    except UnicodeEncodeError:
        encoded = b"\0"
    parts = [] if b"\0" in encoded else [len(os.fsencode(part)) for part in Path(given).parts]
    if b"\0" in encoded or len(encoded) > LONGEST_PATH or max(parts, default=0) > LONGEST_PART:
        raise CasepoolError("no file can have this name", value=str(given), remedy="use a shorter or simpler one")
    if WINDOWS and (part := next(filter(_is_reserved, Path(given).parts), "")):
        raise CasepoolError("Windows has no file of this name", value=part, remedy="choose another one")
    if not Path(given).is_absolute():
        try:
            Path.cwd()
        except OSError:
            problem = "the current folder is no more, and the path starts there"
            raise CasepoolError(problem, value=str(given), remedy="change to another folder") from None
    return Path(given)


def _is_reserved(part: str) -> bool:
    """Whether Windows takes a name for a device, for a stream within another file, or for another name."""
    if part in (".", "..") or re.fullmatch(r"[A-Za-z]:[\\/]?|[\\/]+.*", part):
        return False
    return bool(RESERVED.fullmatch(part) or re.search(r'[:*?"<>|\x00-\x1f]', part) or part[-1:] in (".", " "))


def bytes_of(path: Path, most: int, remedy: str) -> bytes:
    """Return what a file holds, refusing what is no file, has no end, or holds more than `most` bytes.

    A pipe is not opened, as it may have nobody who writes to it.
    """
    where: dict[str, str] = {"file": str(path), "remedy": "check the path"}
    try:
        kind = path.stat().st_mode
        if not stat.S_ISREG(kind):
            what = "a folder" if stat.S_ISDIR(kind) else "a device or a pipe"
            raise CasepoolError(f"this is {what}, and no file", **where)
        with path.open("rb") as file:
            held = file.read(most + 1)
    except FileNotFoundError:
        raise CasepoolError("there is no such file", **where) from None
    except OSError as error:
        raise CasepoolError(f"not readable ({error.strerror})", **where) from None
    if len(held) > most:
        raise CasepoolError(f"the file is larger than {most // 10**6} MB", file=path.name, remedy=remedy)
    return held


def name_of(given: Any, what: str, remedy: str = "pass a column's name as text") -> str:
    """Return a name, say of a column, refusing what is no text."""
    if not isinstance(given, str):
        raise CasepoolError(f"`{what}` needs a name", value=given, remedy=remedy)
    return given


def flag_of(given: Any, what: str) -> bool:
    """Return true or false, refusing all else: a frame or an array is neither."""
    if not isinstance(given, bool):
        raise CasepoolError(f"{what} is true or false", value=given, remedy="pass True or False")
    return given


def one_of(given: Any, allowed: Collection[str], what: str) -> str:
    """Return one of some words, refusing any other."""
    if not isinstance(given, str) or given not in allowed:
        raise CasepoolError(f"unknown {what}", value=given, remedy=f"choose one of {', '.join(allowed)}")
    return given


def whole_number(given: Any, what: str, least: int, most: int = MOST) -> int:
    """Return a whole number within limits."""
    if not isinstance(given, Integral) or isinstance(given, bool) or not least <= int(given) <= most:
        raise CasepoolError(f"{what} must be a whole number from {least} to {most}", value=given, remedy="correct it")
    return int(given)


def seed_of(given: Any) -> int:
    """Return the seed of random numbers."""
    if not isinstance(given, Integral) or isinstance(given, bool) or not 0 <= int(given) < 2**63:
        raise CasepoolError("the seed must be a whole number from 0", value=given, remedy="pass seed=1, say")
    return int(given)


def numbers_of(given: Any, what: str, remedy: str, kind: str = "numbers") -> list[float]:
    """Return one or more finite numbers, refusing what is no sequence of them."""
    listed = list(given) if isinstance(given, Iterable) and not isinstance(given, str | bytes) else []
    if not listed or not all(is_number(number) for number in listed):
        raise CasepoolError(f"`{what}` needs one or more {kind}", value=given, remedy=remedy)
    return [float(number) for number in listed]


def times_of(given: Any, what: str = "at") -> list[float]:
    """Return one or more times from 0, rising."""
    times = sorted(numbers_of(given, what, "give times, say [12, 24]", "times from 0"))
    if times[0] < 0:
        raise CasepoolError(f"`{what}` needs one or more times from 0", value=given, remedy="give times, say [12, 24]")
    return times


def one_time(given: Any, what: str = "at") -> float:
    """Return the one time from 0 that is given, alone or as a sequence of one."""
    times = times_of([given] if is_number(given) else given, what)
    if len(times) > 1:
        raise CasepoolError(f"`{what}` needs one time here", value=given, remedy="give one after the other")
    return times[0]


def is_number(given: Any) -> bool:
    """Whether something is a finite number, and no truth value."""
    return isinstance(given, Real) and not isinstance(given, bool) and math.isfinite(given)
