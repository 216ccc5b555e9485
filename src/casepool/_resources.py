"""Finds the bundled ``data/`` and ``models/`` in a wheel, where they lie inside the package, or in a checkout."""

from __future__ import annotations

from pathlib import Path

from casepool.errors import CasepoolError


def bundled(kind: str) -> Path:
    """Return the folder of bundled files of one kind.

    Parameters
    ----------
    kind : {"data", "models"}
        Which folder.

    Raises
    ------
    CasepoolError
        If neither the installed package nor a checkout around it holds the folder.
    """
    package = Path(__file__).resolve().parent
    for folder in (package / kind, package.parents[1] / kind):
        if folder.is_dir():
            return folder
    raise CasepoolError(
        f"the bundled folder {kind!r} is missing from this installation", remedy="install casepool again"
    )
