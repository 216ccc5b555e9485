"""Files written whole, and the marks of counts that may identify a patient."""

from __future__ import annotations

import math
import os
import stat
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from casepool.errors import CasepoolError

if TYPE_CHECKING:
    import pandas as pd

FEW = 3
"""Counts from 1 to below this may identify a patient."""
RARE = "†"
"""Marks such counts where a table is not public."""
RARE_NOTE = f"{RARE} fewer than {FEW} patients: the count may identify one. Look before it leaves the house."
LEAST = 5
"""Counts from 1 to below this are not told on the page of a table that is not public."""
HIDDEN = f"<{LEAST}"
"""Stands for them."""
HIDDEN_NOTE = f"{HIDDEN}: from 1 to {LEAST - 1}, not told as the table is not public; nor is what such a count gives."
COUNTS = ("n", "events", "patients", "own_patients", "least", "most")
WAITS = (0.1, 0.3, 0.6)
"""Seconds to wait for a file that another program has open, one try after the other."""
FORGOTTEN = 3600.0
"""Seconds after which a file beside the one to be written was left there by a process that is no more."""
LONGEST_NAME = 100
"""Bytes of a file's name that the file beside it repeats."""


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that at any moment, a crash of the machine included, either the old one or the new one is there.

    What a killed writer left beside the file (``.<name>.<letters>.part``) is never read, and is removed by the next
    one after an hour.

    Raises
    ------
    CasepoolError
        If the folder does not exist or cannot be written to.
    """
    path = Path(os.path.realpath(path))  # written through a link, which stays one
    prefix = f".{path.name.encode(errors='ignore')[:LONGEST_NAME].decode(errors='ignore')}."
    try:
        handle, beside = tempfile.mkstemp(dir=path.parent, prefix=prefix, suffix=".part")
    except OSError as error:
        raise CasepoolError(
            f"cannot write there ({error.strerror})", file=str(path), remedy="choose another folder"
        ) from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(beside).chmod(_mode(path))
        _put(Path(beside), path)
        sync_folder(path.parent)
    except PermissionError as error:
        raise _held(path, error) from None
    except OSError as error:
        raise CasepoolError(
            f"cannot write there ({error.strerror})", file=str(path), remedy="choose another file"
        ) from None
    finally:
        with suppress(OSError):  # held open by a scanner of viruses, say: the next writer removes it
            Path(beside).unlink(missing_ok=True)
    _remove_forgotten(path.parent, prefix)


def _put(beside: Path, path: Path) -> None:
    """Move a finished file to its place, trying again where another program has the place open for a moment."""
    for wait in WAITS:
        try:
            beside.replace(path)
            return
        except PermissionError:
            time.sleep(wait)
    beside.replace(path)


def _held(path: Path, error: OSError) -> CasepoolError:
    """Return the refusal of a place that may not be written to, which on Windows is one that is open elsewhere."""
    if not path.exists():
        return CasepoolError(f"cannot write there ({error.strerror})", file=str(path), remedy="choose another file")
    return CasepoolError(
        f"cannot be replaced ({error.strerror}), as where another program has it open; it is as it was",
        file=str(path),
        remedy=f"close it there, or write {path.stem}_new{path.suffix} beside it",
    )


def _mode(path: Path) -> int:
    """Return the permissions of the file that is replaced, or those of a new one."""
    if path.exists():
        return stat.S_IMODE(path.stat().st_mode)
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask


def sync_folder(folder: Path) -> None:
    """Bring a folder's list of names onto the disk, where the system lets a folder be opened."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove_forgotten(folder: Path, prefix: str) -> None:
    for path in folder.iterdir():
        if path.name.startswith(prefix) and path.name.endswith(".part"):
            with suppress(OSError):  # another writer may be at it
                if time.time() - path.stat().st_mtime > FORGOTTEN:
                    path.unlink()


def marked_counts(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of a private dataset with its counts as text, small ones marked."""
    counts = {n: [count_text(count, True) for count in table[n]] for n in COUNTS if n in table.columns}
    return table.assign(**counts)


def hides(*counts: float) -> bool:
    """Whether one of the counts may identify a patient, on a page of a table that is not public."""
    return any(0 < count < LEAST for count in counts)


def hidden_text(count: float, hide: bool) -> str:
    """Write a count; of a table that is not public no more of a small one than that it is small."""
    return HIDDEN if hide and hides(count) else count_text(count, False)


def count_text(count: float, mark_rare: bool) -> str:
    """Write a count, marked if it may identify a patient."""
    if math.isnan(count):
        return "–"
    return f"{count:g}" + (RARE if mark_rare and 0 < count < FEW else "")
