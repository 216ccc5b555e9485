"""What makes a tree a fit: its format, its groups and the attributes everything is computed from.

Nothing here reaches a sampler.
"""

from __future__ import annotations

import json
import re
from importlib.metadata import version
from typing import Any

import xarray as xr

from casepool.errors import CasepoolError
from casepool.escaping import shorten

FORMAT = "2"
"""Of the fits this version writes, in their attribute ``casepool_fit``."""
READ = ("1", FORMAT)
"""Formats this version reads; "1" is that of casepool 0.1.0."""
GROUPS = ("posterior", "patients")
TEXTS = ("dataset", "data_sha256", "seed")
OBJECTS = ("model", "codebook", "settings", "versions", "convergence")
LISTS = ("agreement", "checks")
LATER = ("engine",)
"""Objects that fits lack which were made before there were several engines: those are of nuts."""


def refuse_what_is_no_fit(fit: Any, file: str | None = None) -> None:
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
    if str(fit.attrs["casepool_fit"]) not in READ:
        raise _unknown_format(fit, file)
    wrong = [f"group {name!r}" for name in GROUPS if name not in fit.children]
    wrong += [f"attribute {name!r}" for name in (*TEXTS, *OBJECTS, *LATER, *LISTS) if not _is_good(fit, name)]
    if wrong:
        raise CasepoolError(f"the fit has no readable {wrong[0]}", file=file, remedy="fit again")


def _unknown_format(fit: xr.DataTree, file: str | None) -> CasepoolError:
    """Return the refusal of a format this version does not read, which says what version does."""
    found, ours = str(fit.attrs["casepool_fit"]), version("casepool")
    if re.fullmatch("[1-9][0-9]{0,8}", found) and int(found) > int(FORMAT):
        problem = f"a newer version of casepool than {ours} made the fit, in another format"
        remedy = "install the newest one"
    else:
        problem = f"casepool {ours} reads fits of the formats {' and '.join(READ)}, not of this one"
        remedy = f"use {_maker(fit)}, or fit again"
    return CasepoolError(problem, file=file, value=found, remedy=remedy)


def _maker(fit: xr.DataTree) -> str:
    """Return what made a fit, as far as it says so."""
    made = json.loads(fit.attrs["versions"]).get("casepool") if _is_good(fit, "versions") else None
    return f"casepool {shorten(str(made))}, which made it" if made else "the version of casepool that made it"


def _is_good(fit: xr.DataTree, name: str) -> bool:
    """Whether an attribute is as `fit` writes it."""
    text = fit.attrs.get(name)
    if text is None or not isinstance(text, str):
        return text is None and name in (*LATER, *LISTS)
    if name == "seed":
        return text.isdecimal()
    if name in TEXTS:
        return True
    try:
        return isinstance(json.loads(text), list if name in LISTS else dict)
    except ValueError:
        return False
