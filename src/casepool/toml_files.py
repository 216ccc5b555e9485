"""TOML files: read, and refused with their place where they are none or hold keys that nothing knows."""

from __future__ import annotations

import codecs
import re
import tomllib
import unicodedata
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from casepool._resources import bundled
from casepool.arguments import bytes_of, path_of
from casepool.errors import CasepoolError

UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
"""How a file begins that Windows wrote as what it calls Unicode."""
MOST_BYTES = 2_000_000
"""Bytes of the largest file read: beyond it, it is none of casepool's."""
DEEPEST = 20
"""Tables and lists within each other, at most."""
LARGEST = 2**63
"""Least whole number beyond those that TOML promises to keep."""
DOTTED = re.compile(rf"(?m)(?:^|[\[{{,])[ \t]*+(?:(?:\"[^\"\n]*+\"|'[^'\n]*+'|[\w-]++)[ \t]*+\.[ \t]*+){{{DEEPEST},}}")
"""A key of more parts than that; reading one takes time that grows with their square."""


def bundled_names(folder: str) -> list[str]:
    """Return the names of the files that casepool ships in a folder, sorted."""
    return sorted(path.stem for path in bundled(folder).glob("*.toml"))


def file_named(source: str | Path, folder: str, what: str) -> Path:
    """Return the file that `source` names: one that casepool ships in a folder, by its name, or one's own by path.

    Raises
    ------
    CasepoolError
        For a name of no file there that is no path of a TOML file; `what` says of what it would be.
    """
    names = bundled_names(folder)
    if isinstance(source, str) and source in names:
        return bundled(folder) / f"{source}.toml"
    path = path_of(source, f"a {what}, its name or its path")
    if path.suffix != ".toml":
        near = get_close_matches(str(source), names, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(names)}"
        raise CasepoolError(f"there is no bundled {what} of this name", value=str(source), remedy=hint)
    return path


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file, refusing what is none with its place.

    Refused by its key is also what no file of casepool needs: nesting deeper than `DEEPEST`, whole numbers beyond 64
    bits, and control characters but line breaks and tabs, which would act where they are shown.
    """
    data, place = bytes_of(path, MOST_BYTES, "cut it"), {"file": str(path)}
    too_deep = CasepoolError(f"nested deeper than {DEEPEST} tables and lists", remedy="correct it", **place)
    try:
        text = data.decode("utf-16" if data.startswith(UTF_16) else "utf-8-sig")
        if DOTTED.search(text):
            raise too_deep
        plain = tomllib.loads(text)
    except RecursionError:
        raise too_deep from None
    except CasepoolError:
        raise
    except ValueError as error:  # of text, of TOML
        raise CasepoolError(f"not readable as TOML ({error})", remedy="correct it", **place) from None
    waiting: list[tuple[str, Any, int]] = [("", plain, 0)]
    while waiting:
        key, value, depth = waiting.pop()
        problem = _problem(value, depth)
        if problem:
            raise CasepoolError(problem, column=key, remedy="correct it", **place)
        inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        waiting += [(f"{key}.{name}" if key else str(name), held, depth + 1) for name, held in inner]
        if isinstance(value, dict):
            waiting += [(key or name, name, depth) for name in value]
    return plain


def _problem(value: object, depth: int) -> str:
    """Say why no file of casepool holds a value, or nothing."""
    if depth > DEEPEST:
        return f"nested deeper than {DEEPEST} tables and lists"
    if type(value) is int and not -LARGEST <= value < LARGEST:
        return "a whole number of more than 64 bits"
    if isinstance(value, str) and not value.isprintable():
        acting = next((c for c in value if unicodedata.category(c) == "Cc" and c not in "\n\t\r"), "")
        return f"holds the control character U+{ord(acting):04X}" if acting else ""
    return ""


def check_keys(plain: Mapping[str, Any], allowed: Collection[str], *, file: str, table: str) -> None:
    """Refuse keys that are not among the allowed ones."""
    for key in plain:
        if key not in allowed:
            where = f"[{table}]" if table else "the top level"
            raise CasepoolError(
                f"unknown key {key!r} in {where}",
                file=file,
                remedy=f"allowed there: {', '.join(sorted(allowed))}",
            )
