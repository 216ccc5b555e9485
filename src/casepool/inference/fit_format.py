"""What makes a tree a fit: its format, its groups and the attributes everything is computed from.

Nothing here reaches a sampler.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib.metadata import version
from types import NoneType
from typing import Any

import xarray as xr

from casepool.arguments import ADOPTED, ASKED, NUTS, RAN
from casepool.errors import CasepoolError
from casepool.escaping import shorten
from casepool.inference.convergence import NOT_ASKED, VERDICTS

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
Wanted = tuple[Any, ...]
"""What a value may be: some types, or some words."""
NUMBER: Wanted = (int, float)
MAYBE: Wanted = (int, float, NoneType)
ROW: Mapping[str, Wanted] = {
    "question": (str,), "verdict": (*VERDICTS, NOT_ASKED), "value": NUMBER, "sentence": (str,)
}  # fmt: skip
KEYS: Mapping[str, Mapping[str, Wanted]] = {
    "model": {"name": (str,)},
    "settings": {"draws": (int,), "chains": (int,)},
    "engine": {"asked": (*ASKED, ADOPTED), "run": RAN, "gauges": (dict,), "refused": (dict,)},
    "convergence": {
        **{"engine": RAN, "verdict": VERDICTS, "ess": NUMBER, "divergences": NUMBER, "ess_of": (str,)},
        **{"rhat": MAYBE, "bfmi": MAYBE, "rhat_of": (str,), "acceptance": NUMBER},
    },
    "agreement": ROW,
    "checks": {**ROW, "verdict": (*VERDICTS, NOT_ASKED, ""), "refits": (bool,)},  # "" of what only the data can tell
}
"""Keys of attributes that are objects, or lists of them, and what each holds."""
INDEPENDENT: Mapping[str, Wanted] = dict.fromkeys(("k", "kish", "proposals", "refinement"), NUMBER)
"""Keys of how draws converged that have no R-hat."""
ABSENT = {"engine": NUTS, "acceptance": 0.0}
"""What stands for keys that fits of some engines, or of casepool 0.1.0, lack."""


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
    if name not in fit.attrs:
        return name in (*LATER, *LISTS)
    text = fit.attrs[name]
    if not isinstance(text, str) or name in TEXTS:
        return isinstance(text, str) and (name != "seed" or text.isdecimal())
    try:
        found = json.loads(text)
    except ValueError:
        return False
    rows = found if name in LISTS else [found]
    if not isinstance(rows, list) or not all(_has(row, KEYS.get(name, {})) for row in rows):
        return False
    return name != "convergence" or found["rhat"] is not None or _has(found, INDEPENDENT)


def _has(found: Any, keys: Mapping[str, Wanted]) -> bool:
    """Whether something is an object with all of some keys, each of the kind or one of the words wanted."""
    if not isinstance(found, dict):
        return False
    values = {**ABSENT, **found}
    return all(key in values and _fits(values[key], wanted) for key, wanted in keys.items())


def _fits(value: Any, wanted: Wanted) -> bool:
    if all(isinstance(one, type) for one in wanted):
        return isinstance(value, tuple(wanted)) and not (isinstance(value, bool) and bool not in wanted)
    return isinstance(value, str) and value in wanted
