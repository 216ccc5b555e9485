"""Finds the bundled ``data/``, ``models/`` and ``trials/`` in a wheel, inside the package, or in a checkout."""

from __future__ import annotations

from pathlib import Path

from casepool.errors import CasepoolError

INSIDE = {"trials": "designs"}
"""What a folder is called inside the package, where it is not as in a checkout: `casepool.trials` is code."""


def bundled(kind: str) -> Path:
    """Return the folder of bundled files of one kind.

    Parameters
    ----------
    kind : {"data", "models", "trials"}
        Which folder.

    Raises
    ------
    CasepoolError
        If neither the installed package nor a checkout around it holds the folder.
    """
    package = Path(__file__).resolve().parent
    for folder in (package / INSIDE.get(kind, kind), package.parents[1] / kind):
        if folder.is_dir():
            return folder
    raise CasepoolError(
        f"the bundled folder {kind!r} is missing from this installation", remedy="install casepool again"
    )
