"""TOML files: read, and refused with their place where they are none or hold keys that nothing knows."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from casepool.errors import CasepoolError


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file, refusing what is none with its place."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise CasepoolError("there is no such file", file=str(path), remedy="check the path") from None
    except (ValueError, OSError) as error:  # of a name, of text, of TOML
        raise CasepoolError(f"not readable as TOML ({error})", file=str(path), remedy="correct it") from None


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
