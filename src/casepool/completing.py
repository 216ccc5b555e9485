"""What a shell may complete: names that are there, found without reading any of them."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from casepool._resources import bundled
from casepool.arguments import ASKED

MOST = 1000
"""Entries of a folder that are looked at."""
SPECIAL = ("codebook.toml", "published.toml")
"""Files of a dataset's folder that are no models."""
TABLES = (".csv", ".tsv", ".txt", ".xlsx", ".parquet")


def model_names(incomplete: str) -> list[str]:
    """Return the bundled models and the model files that a word may become."""
    names = sorted(path.stem for path in bundled("models").glob("*.toml"))
    files = [name for name in entries(incomplete, (".toml",)) if Path(name).name not in SPECIAL]
    return [*_begun(names, incomplete), *files]


def dataset_names(incomplete: str) -> list[str]:
    """Return the bundled datasets, the folders and the tables that a word may become."""
    names = sorted(path.parent.name for path in bundled("data").glob("*/cases.csv"))
    return [*_begun(names, incomplete), *entries(incomplete, TABLES)]


def fit_names(incomplete: str) -> list[str]:
    """Return the saved fits that a word may become, by their ending."""
    return entries(incomplete, (".nc",))


def engine_names(incomplete: str) -> list[str]:
    """Return the engines that a word may become."""
    return _begun(ASKED, incomplete)


def coding_names(incomplete: str) -> list[str]:
    """Return what a bundled dataset's codings and those of the working folder may become: ``decision=choice``."""
    from casepool.toml_files import read_toml

    found: dict[str, None] = {}
    for path in (*sorted(bundled("data").glob("*/codebook.toml")), Path("codebook.toml")):
        with suppress(ValueError):
            for decision, choices in read_toml(path).get("codings", {}).items():
                offered = [choice for choice, one in choices.items() if isinstance(one, dict)]
                found |= dict.fromkeys(f"{decision}={choice}" for choice in ("as_recorded", *offered))
    return _begun(found, incomplete)


def entries(incomplete: str, endings: tuple[str, ...]) -> list[str]:
    """Return the folders, and the files of some endings, whose paths begin with a word; none that are hidden."""
    head, slash, _ = incomplete.rpartition("/")
    found = []
    with suppress(OSError, ValueError):
        for place, path in enumerate(Path(head or slash or ".").iterdir()):
            if place >= MOST:
                break
            name = f"{head}{slash}{path.name}"
            if name.startswith(incomplete) and not path.name.startswith("."):
                found += [f"{name}/"] if path.is_dir() else [name] * (path.suffix.lower() in endings)
    return sorted(found)


def _begun(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
