"""Every table and figure of a page as files of a folder."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from casepool.arguments import path_of
from casepool.replacing import refused
from casepool.reporting.blocks import Figure, Section
from casepool.reporting.downloads import content_of, file_name
from casepool.reporting.numbering import all_numbered
from casepool.writing import write_atomically

DOTS = 200
"""Dots an inch of a PNG."""


def folder_of_parts(given: str | Path, *, overwrite: bool) -> Path:
    """Return the folder for the parts, refused before any work where it holds something that is not to be replaced.

    Raises
    ------
    CasepoolError
        If it is a file, or a folder with files in it and `overwrite` is not set.
    """
    folder = path_of(given)
    if folder.exists() and not folder.is_dir():
        raise refused(given, "this is no folder", "name a folder")
    if folder.is_dir() and any(folder.iterdir()) and not overwrite:
        raise refused(
            given, "the folder holds files", "name an empty one, or overwrite them by overwrite=True or --force"
        )
    if not folder.is_dir() and not folder.parent.is_dir():
        raise refused(given, "cannot write there (its folder does not exist)", "create it first")
    return folder


def write_parts(folder: Path, sections: Sequence[Section], *, public: bool) -> list[Path]:
    """Write tables as CSV and figures as SVG, PDF and PNG; return the files."""
    folder.mkdir(exist_ok=True)
    files = []
    for block in all_numbered(sections):
        path = folder / file_name(block)
        write_atomically(path, content_of(block))
        files.append(path)
        if isinstance(block, Figure):
            for suffix in ("pdf", "png"):
                content = io.BytesIO()
                block.wide.figure().savefig(content, format=suffix, dpi=DOTS, metadata=_silent(suffix))
                files.append(path.with_suffix(f".{suffix}"))
                write_atomically(files[-1], content.getvalue())
    return files


def _silent(suffix: str) -> dict[str, None]:
    """Keep the moment and the program out of a file, so that the same figure is the same file."""
    return {"CreationDate": None} if suffix == "pdf" else {"Software": None}
