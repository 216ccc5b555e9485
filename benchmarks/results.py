"""Dated results: a Markdown table with version, commit and settings, so that a number can be traced."""

from __future__ import annotations

import datetime
import platform
import subprocess
from pathlib import Path

import pandas as pd

import casepool

FOLDER = Path(__file__).parent / "results"


def write(name: str, title: str, said: str, tables: dict[str, pd.DataFrame]) -> Path:
    """Write one benchmark's tables, newest run last overwritten by name."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    changed = subprocess.run(
        ["git", "status", "--porcelain", "src"], capture_output=True, text=True, check=False
    ).stdout.strip()
    lines = [
        f"# {title}",
        "",
        f"{datetime.date.today().isoformat()}, casepool {casepool.__version__}, commit {commit or 'unknown'}"
        f"{' with uncommitted changes' if changed else ''}, Python {platform.python_version()}.",
        "",
        said,
        "",
    ]
    for heading, table in tables.items():
        lines += [f"## {heading}", "", markdown(table), ""]
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{name}.md"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def markdown(table: pd.DataFrame) -> str:
    """Write a table in Markdown."""
    cells = [[f"{v:.4g}" if isinstance(v, float) else str(v) for v in row] for row in table.itertuples(index=False)]
    head = [str(column) for column in table.columns]
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *cells])
