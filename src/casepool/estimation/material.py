"""What a report is made of: the fits opened, the table behind them as far as it is at hand, and what may be shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from casepool._resources import bundled
from casepool.arguments import times_of
from casepool.cases import Codebook, list_datasets
from casepool.cases.reading import read_typed
from casepool.errors import CasepoolError
from casepool.estimation.arms import refuse_times
from casepool.estimation.draws import Fitted, open_all
from casepool.inference.fit_contents import data_hash, used_columns
from casepool.modelling.design.linked import laid_out
from casepool.writing import hidden_text, hides

WHOLE_FILE = "cases.csv"


@dataclass(frozen=True)
class Material:
    """What a report is made of.

    Parameters
    ----------
    fits : tuple of Fitted
    cases : pandas.DataFrame
        Every row; the full table where it is at hand and the fits were made from it, else what the fits keep.
    codebook : Codebook
        What its columns mean.
    folder : Path, optional
        The dataset's folder, if the full table came from there.
    beside : tuple of Fitted
        Fits of tables beside the cases, and of selection beside an answer: not among `fits`.
    """

    fits: tuple[Fitted, ...]
    cases: pd.DataFrame
    codebook: Codebook
    folder: Path | None
    beside: tuple[Fitted, ...] = ()

    @property
    def every(self) -> tuple[Fitted, ...]:
        """All fits."""
        return (*self.fits, *self.beside)

    @property
    def public(self) -> bool:
        """Whether identifiers may be shown."""
        return self.codebook.public

    def count(self, count: float, noun: str = "") -> str:
        """Write a number of patients or events; no more than that it is small where it may identify one."""
        written = hidden_text(count, not self.public)
        return f"{written} {noun}{'s' * (count != 1)}" if noun else written

    def hides(self, *counts: float) -> bool:
        """Whether one of these numbers may not be told, nor what would tell it."""
        return not self.public and hides(*counts)

    def label(self, column: str) -> str:
        """Return what a reader calls a column."""
        return self.codebook.label_of(column)


def gather(fits: xr.DataTree | Sequence[xr.DataTree], at: Sequence[float] | None = None) -> Material:
    """Open fits for a report that tells survival `at` times, where these are asked for.

    Raises
    ------
    CasepoolError
        Without fits, for trees not made by casepool, or for fits of different datasets.
    """
    opened = tuple(open_all(fits))
    if at is not None:
        if not any(own.is_survival for own in opened):
            refuse_times(at)
        times = tuple(times_of(at))
        opened = tuple(replace(own, codebook=replace(own.codebook, at=times)) for own in opened)
    if not opened:
        raise CasepoolError("there is no fit to report", remedy="pass a fit or a list of fits")
    names = list(dict.fromkeys(str(fitted.tree.attrs["dataset"]) for fitted in opened))
    if len(names) > 1:
        raise CasepoolError(
            f"the fits come from different datasets: {', '.join(names)}", remedy="make one report for each"
        )
    folder = folder_of(names[0])
    if folder is not None and (full := full_table(folder, opened)) is not None:
        frame, codebook = full
        return Material(opened, frame, replace(codebook, at=opened[0].codebook.at), folder)
    return Material(opened, *joined(opened), None)


def folder_of(dataset: str) -> Path | None:
    """Find the folder of a dataset by the name its fits have for it: bundled, or in the working folder."""
    if dataset in list_datasets():
        return bundled("data") / dataset
    try:
        folders = [path for path in Path().iterdir() if (path / WHOLE_FILE).is_file()]
    except OSError:  # the working folder is no more, or closed
        return None
    return next(
        (path for path in folders if dataset in (path.name, Codebook(path.name, public=False).shown_name)), None
    )


def full_table(folder: Path, fits: Sequence[Fitted]) -> tuple[pd.DataFrame, Codebook] | None:
    """Read a dataset's table and codebook, if every fit was made from just these rows."""
    try:
        frame, codebook = read_typed(folder)
    except CasepoolError:
        return None
    for fitted in fits:
        try:
            rows, book = laid_out(fitted.model, frame, codebook)
        except CasepoolError:
            return None
        if data_hash(rows, used_columns(fitted.model, rows, book)) != fitted.tree.attrs["data_sha256"]:
            return None
    return frame, replace(codebook, name=codebook.shown_name)


def joined(fits: Sequence[Fitted]) -> tuple[pd.DataFrame, Codebook]:
    """Put the columns that several fits keep of the same patients side by side; else keep the first fit's."""
    first, book = fits[0].cases, fits[0].codebook
    frame, columns = first.copy(), dict(book.columns)
    for fitted in fits[1:]:
        table, own = fitted.cases, fitted.codebook
        if list(table[own.id].astype(str)) != list(first[book.id].astype(str)):
            continue
        for name in table.columns.difference(frame.columns, sort=False):
            frame[name], columns[str(name)] = table[name], own.columns[str(name)]
    books = [fitted.codebook for fitted in fits]
    read: dict[str, Any] = {
        key: tuple(dict.fromkeys(n for own in books for n in getattr(own, key))) for key in ("aliased", "dated")
    }
    book = replace(book, columns=columns, **read)
    frame.attrs["codebook"] = book.to_dict()
    return frame, book
