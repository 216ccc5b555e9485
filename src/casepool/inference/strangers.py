"""What makes a tree a fit: its format, its groups and the attributes everything is computed from."""

from __future__ import annotations

import json
from typing import Any

import xarray as xr

from casepool.errors import CasepoolError

FORMAT = "1"
"""Of the fits this version writes and reads, in their attribute ``casepool_fit``."""
GROUPS = ("posterior", "patients")
TEXTS = ("dataset", "data_sha256", "seed")
OBJECTS = ("model", "codebook", "settings", "versions", "convergence")
LISTS = ("agreement", "checks")
"""Attributes a fit may lack."""


def refuse_stranger(fit: Any, file: str | None = None) -> None:
    """Refuse what is no fit made by casepool, or one that lacks what its answers are computed from.

    Parameters
    ----------
    fit : object
    file : str, optional
        The file it was read from.
    """
    if not isinstance(fit, xr.DataTree) or "casepool_fit" not in fit.attrs:
        remedy = "take another file" if file else "pass what fit(...) or open_fit(...) returned"
        raise CasepoolError("this is no fit made by casepool", file=file, remedy=remedy)
    if str(fit.attrs["casepool_fit"]) != FORMAT:
        raise CasepoolError(
            f"the fit has another format than {FORMAT}, which this version of casepool reads",
            file=file,
            value=fit.attrs["casepool_fit"],
            remedy="use the version that made it, or fit again",
        )
    wrong = [f"group {name!r}" for name in GROUPS if name not in fit.children]
    wrong += [f"attribute {name!r}" for name in (*TEXTS, *OBJECTS, *LISTS) if not _is_good(fit, name)]
    if wrong:
        raise CasepoolError(f"the fit has no readable {wrong[0]}", file=file, remedy="fit again")


def _is_good(fit: xr.DataTree, name: str) -> bool:
    """Whether an attribute is as `fit` writes it."""
    text = fit.attrs.get(name)
    if text is None or not isinstance(text, str):
        return text is None and name in LISTS
    if name == "seed":
        return text.isdecimal()
    if name in TEXTS:
        return True
    try:
        return isinstance(json.loads(text), list if name in LISTS else dict)
    except ValueError:
        return False
