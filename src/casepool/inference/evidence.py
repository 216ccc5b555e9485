"""How often draws that an engine's own gates accepted were wrong: a count that ships with the package.

`benchmarks/false_accepts.py` writes it, laying accepted draws against those of the no-U-turn sampler. It holds for the
engines as they were then: once a source file of theirs has changed, the count is stale.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from casepool.toml_files import check_keys, read_toml

ENGINE_FILES = (
    *("exact.py", "one_factor.py", "level_priors.py", "level_tables.py"),
    *("lockstep.py", "laplace.py", "centring.py", "split_hmc.py"),
    *("psis.py", "diagnostics.py", "drawn.py"),
)
"""Files beside this one that decide what an engine draws and accepts; one that is not there counts as empty."""
MOST_FALSE = 1 / 200
"""Upper limit of the share of false accepts below which an engine's gates are trusted."""
RECORD = Path(__file__).with_name("false_accepts.toml")
KEYS = ("date", "version", "commit", "draw_seed", "fingerprint", "level", "all", "engine", "structure")


@dataclass(frozen=True)
class Count:
    """Of the tables that gates accepted, those whose answers were wrong.

    Parameters
    ----------
    accepted, false : int
    upper : float
        Upper limit of the share of false accepts (Clopper-Pearson), at the record's level, one-sided.
    """

    accepted: int
    false: int
    upper: float


@dataclass(frozen=True)
class FalseAccepts:
    """The record of a count of false accepts.

    Parameters
    ----------
    date, version, commit : str
        When it was made, and of what.
    draw_seed : int
        Seed of its tables, drawn once after the last change of a gate.
    fingerprint : str
        Of the engines' source files then, as `fingerprint` returns it.
    level : float
        Of the upper limits.
    all : Count
    engine, structure : mapping of str to Count
    """

    date: str
    version: str
    commit: str
    draw_seed: int
    fingerprint: str
    level: float
    all: Count
    engine: Mapping[str, Count]
    structure: Mapping[str, Count]

    @property
    def current(self) -> bool:
        """Whether the engines' source files are still those that were counted."""
        return self.fingerprint == _own_fingerprint()


def false_accepts(path: Path = RECORD) -> FalseAccepts | None:
    """Return the record that ships with the package, or None where nothing was counted yet.

    Raises
    ------
    CasepoolError
        If the file is no such record.
    """
    if not path.exists():
        return None
    plain = read_toml(path)
    check_keys(plain, KEYS, file=path.name, table="")
    counts: dict[str, Any] = {"all": Count(**plain["all"])}
    counts |= {key: {name: Count(**own) for name, own in plain[key].items()} for key in ("engine", "structure")}
    return FalseAccepts(**plain | counts)


def fingerprint(folder: Path | None = None) -> str:
    """Return a few letters that change with what any of `ENGINE_FILES` does: not with its comments and docstrings.

    Parameters
    ----------
    folder : Path, optional
        Where they lie; beside this file if left out.
    """
    digest = hashlib.sha256()
    for name in ENGINE_FILES:
        path = (folder or Path(__file__).parent) / name
        code = _code(path.read_text(encoding="utf-8")) if path.exists() else ""
        digest.update(f"{name} {len(code)}\n{code}".encode())
    return digest.hexdigest()[:16]


@cache
def _own_fingerprint() -> str:
    """Return the fingerprint of the engines of this process, which do not change while it runs."""
    return fingerprint()


def _code(text: str) -> str:
    """Return what a source file does, without its comments and docstrings."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            body[:] = [own for own in body if not _is_text(own)] or [ast.Pass()]
    return ast.unparse(tree)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
