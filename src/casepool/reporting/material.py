"""What a report is made of: the fits opened, the table behind them as far as it is at hand, and what may be shown."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from casepool._resources import bundled
from casepool.cases import Codebook, Column, codebook_of, list_datasets, read_cases
from casepool.errors import CasepoolError
from casepool.estimation.draws import Fitted, open_all
from casepool.inference.fit_contents import cases_of, data_hash, used_columns
from casepool.modelling.design.making import patient_labels

WHOLE_FILE = "cases.csv"


@dataclass(frozen=True)
class Material:
    """What a report is made of.

    Parameters
    ----------
    fits : tuple of Fitted
    cases : pandas.DataFrame
        Every row; the full table where it is at hand and the fits were made from it, else what the fits keep.
    folder : Path, optional
        The dataset's folder, if the full table came from there.
    """

    fits: tuple[Fitted, ...]
    cases: pd.DataFrame
    folder: Path | None

    @cached_property
    def codebook(self) -> Codebook:
        """What the columns mean."""
        return codebook_of(self.cases) or Codebook()

    @property
    def public(self) -> bool:
        """Whether identifiers may be shown."""
        return self.codebook.public

    @cached_property
    def identifiers(self) -> list[str]:
        """Identifiers of the patients that texts may hold: none where only the fits of a private table are at hand."""
        if self.folder is None and not self.public:
            return []
        return patient_labels(self.cases, replace(self.codebook, public=True))

    def label(self, column: str) -> str:
        """Return what a reader calls a column."""
        found = self.codebook.columns.get(column)
        return found.label if found is not None and found.label else column.replace("_", " ")

    def said(self, text: str) -> str:
        """Return text as it may stand in the report: without identifiers unless the table is public."""
        return text if self.public else without_identifiers(text, self.identifiers)


def survives(fitted: Fitted) -> bool:
    """Whether a fit is of a survival model."""
    return fitted.model.is_survival


def gather(fits: xr.DataTree | Sequence[xr.DataTree]) -> Material:
    """Open fits for a report.

    Raises
    ------
    CasepoolError
        Without fits, for trees not made by casepool, or for fits of different datasets.
    """
    opened = tuple(open_all(fits))
    if not opened:
        raise CasepoolError("there is no fit to report", remedy="pass a fit or a list of fits")
    trees = [fitted.tree for fitted in opened]
    names = list(dict.fromkeys(str(tree.attrs["dataset"]) for tree in trees))
    if len(names) > 1:
        raise CasepoolError(
            f"the fits come from different datasets: {', '.join(names)}", remedy="make one report for each"
        )
    folder = folder_of(names[0])
    if folder is not None and (full := full_table(folder, opened)) is not None:
        return Material(opened, full, folder)
    return Material(opened, joined([cases_of(tree) for tree in trees]), None)


def folder_of(dataset: str) -> Path | None:
    """Find the folder of a dataset by its name: bundled, or in the working folder."""
    if dataset in list_datasets():
        return bundled("data") / dataset
    here = Path(dataset)
    return here if here.name == dataset and (here / WHOLE_FILE).is_file() else None


def full_table(folder: Path, fits: Sequence[Fitted]) -> pd.DataFrame | None:
    """Read a dataset's table, if every fit was made from just these rows."""
    try:
        frame = read_cases(folder)
    except CasepoolError:
        return None
    for fitted in fits:
        columns = used_columns(fitted.model, frame)
        if data_hash(frame, columns) != fitted.tree.attrs["data_sha256"]:
            return None
    return frame


def joined(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Put the columns that several fits keep of the same patients side by side; else keep the first fit's."""
    first = tables[0]
    book = codebook_of(first) or Codebook()
    frame, columns = first.copy(), dict(book.columns)
    for table in tables[1:]:
        own = codebook_of(table) or Codebook()
        if list(table[own.id].astype(str)) != list(first[book.id].astype(str)):
            continue
        for name in table.columns.difference(frame.columns, sort=False):
            frame[name], columns[str(name)] = table[name], own.columns[str(name)]
    frame.attrs["codebook"] = book.to_dict() | {"columns": _plain(columns)}
    return frame


def _plain(columns: Mapping[str, Column]) -> Any:
    return Codebook(columns=columns).to_dict()["columns"]


def without_identifiers(text: str, identifiers: Sequence[str]) -> str:
    """Take lists of patients out of a sentence: in brackets, or after the word "patient"."""
    if not identifiers:
        return text
    one = "|".join(re.escape(name) for name in sorted(identifiers, key=len, reverse=True))
    several = rf"(?:{one})(?:, (?:{one}))*"
    text = re.sub(rf" \({several}\)", "", text)
    return re.sub(rf"\bpatients? {several}(?!\w)", "some patients", text)
