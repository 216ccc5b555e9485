"""What plots of change share: columns found by what they are to the table, percentages, levels and their colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_hex
from matplotlib.patches import Patch

from casepool.arguments import name_of, numbers_of
from casepool.cases.codebook import Codebook
from casepool.cases.column import LABELLED, NUMBERS
from casepool.cases.tables import missing_column, row_name
from casepool.errors import CasepoolError
from casepool.plotting.lettering import drawn, drawn_apart
from casepool.plotting.style import COLOURS, GREY

THRESHOLDS = (-30.0, 20.0)
"""Changes in percent at which RECIST 1.1 speaks of a partial response and of progression."""
PERCENT = ("%", "percent")
UNKNOWN = "not known"
"""Stands for the level of a patient whose cell is empty."""
WORST_TO_BEST = LinearSegmentedColormap.from_list("worst to best", ["#B4430A", "#E9B28C", "#9CC3DE", "#0B5A8C"])
HATCHES = ("", "////", "....", "xxxx", "----")
"""Tell levels apart where colours repeat."""


def held_by(cases: pd.DataFrame, book: Codebook, role: str, asked: str | None, asker: str, key: str = "") -> str:
    """Return the column asked for, or else the one with a role, "" for none; refuse one that is not there."""
    if asked is None:
        holders = (str(name) for name, column in book.columns.items() if role and column.role == role)
        return next((name for name in holders if name in cases.columns), "")
    if name_of(asked, key or role) not in cases.columns:
        raise missing_column(cases, book, asked, asker)
    return asked


def numbers_in(cases: pd.DataFrame, book: Codebook, name: str) -> np.ndarray:
    """Return a column's numbers, NaN where a cell is empty."""
    if book.columns[name].type not in NUMBERS:
        remedy = f'write numbers in its cells, and type = "number" in [columns.{name}]'
        raise CasepoolError("this is no column of numbers", file=book.name, column=name, remedy=remedy)
    return cases[name].to_numpy(dtype=float, na_value=np.nan)


def percentages(cases: pd.DataFrame, book: Codebook, name: str) -> np.ndarray:
    """Return a column of changes in percent; what can be none, or may be fractions, is refused."""
    values = numbers_in(cases, book, name)
    unit = book.columns[name].unit
    if unit and unit not in PERCENT:
        raise CasepoolError(
            "a change is drawn in percent", file=book.name, column=name, value=unit, remedy='write percent, unit = "%"'
        )
    lost = np.flatnonzero(values < -100)
    if len(lost):
        raise CasepoolError(
            "a size cannot fall by more than 100 percent",
            file=book.name,
            row=row_name(cases, book, int(lost[0])),
            column=name,
            value=float(values[lost[0]]),
            remedy="correct the cell",
        )
    known = values[~np.isnan(values)]
    if not len(known):
        raise CasepoolError("no change is known", file=book.name, column=name, remedy="name a column with numbers")
    if not unit and known.any() and (np.abs(known) <= 1).all():
        remedy = 'write percent (-30, not -0.3); if they are percents, set unit = "%" in the codebook'
        raise CasepoolError("all changes lie between -1 and 1, as fractions do", file=book.name, column=name,
                            value=float(known[0]), remedy=remedy)  # fmt: skip
    return values


@dataclass(frozen=True)
class Levels:
    """The level of every row, and what each is drawn in.

    Parameters
    ----------
    of : list of str
        By row; `UNKNOWN` where the cell is empty.
    label : str
        What a reader calls the column.
    colours : mapping of str to str
        By level, in the order of the legend.
    """

    of: list[str]
    label: str
    colours: Mapping[str, str]

    def among(self, rows: Sequence[int]) -> Levels:
        """Return the levels of some rows, in their order, with the colours they have among all."""
        of = [self.of[row] for row in rows]
        return replace(self, of=of, colours={level: colour for level, colour in self.colours.items() if level in of})

    def hatch(self, level: str) -> str:
        """Return what tells a level from another of its colour."""
        same = [name for name, colour in self.colours.items() if colour == self.colours[level]]
        return HATCHES[same.index(level) % len(HATCHES)]


def levels_in(cases: pd.DataFrame, book: Codebook, name: str) -> Levels:
    """Read the levels of a column, refusing one whose labels may be names of people."""
    kind = book.columns[name]
    if not book.may_show(name):
        remedy = "list `levels` of the column in the codebook"
        raise CasepoolError("its labels may be names, and the table is not public", file=book.name, column=name,
                            remedy=remedy)  # fmt: skip
    if kind.type not in (*LABELLED, "integer", "text"):
        remedy = "name a column of labels"
        raise CasepoolError(f"a column of the type {kind.type} has no levels", file=book.name, column=name,
                            remedy=remedy)  # fmt: skip
    of = [UNKNOWN if pd.isna(cell) or str(cell) == "" else str(cell) for cell in cases[name]]
    known = [level for level in (kind.levels or sorted(set(of))) if level in of and level != UNKNOWN]
    return Levels(of, book.label_of(name), colours_of(known, ordered=kind.type == "ordered", unknown=UNKNOWN in of))


def one_level(rows: int) -> Levels:
    """Return the levels of a table that is split by nothing."""
    return Levels([""] * rows, "", {"": COLOURS[0]})


def colours_of(levels: Sequence[str], *, ordered: bool, unknown: bool) -> dict[str, str]:
    """Give levels their colours: of ordered ones from worst to best, of others such as anybody tells apart."""
    if ordered:
        found = {level: to_hex(WORST_TO_BEST(i / max(len(levels) - 1, 1))) for i, level in enumerate(levels)}
    else:
        found = {level: COLOURS[i % (len(COLOURS) - 1)] for i, level in enumerate(levels)}
    return found | ({UNKNOWN: "#BBBBBB"} if unknown else {})


def thresholds_of(given: Any) -> list[float]:
    """Return the changes at which lines are drawn; an empty sequence is none."""
    if isinstance(given, tuple | list) and not given:
        return []
    return numbers_of(given, "thresholds", "pass percentages, say (-30, 20), or () for no lines")


def change_axis(ax: Axes, label: str, thresholds: Sequence[float]) -> None:
    """Set the axis of changes: percent, a line at none, dashed ones at the thresholds."""
    ax.axhline(0, color="black", linewidth=0.8)
    for threshold in thresholds:
        ax.axhline(threshold, color=GREY, linewidth=0.9, linestyle=(0, (4, 3)), zorder=0.5)
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:+g}%".replace("-", "−") if value else "0%")
    ax.set_ylabel(drawn(label, 60))
    ax.spines[["top", "right"]].set_visible(False)


def level_legend(ax: Axes, levels: Levels) -> None:
    """Name the levels, if there is more than one."""
    if len(levels.colours) < 2:
        return
    shown = drawn_apart(levels.colours)
    handles = [
        Patch(facecolor=colour, hatch=levels.hatch(level), edgecolor="white", label=shown[level])
        for level, colour in levels.colours.items()
    ]
    ax.legend(handles=handles, title=drawn(levels.label), frameon=False, fontsize=8, title_fontsize=8,
              ncols=1 + len(handles) // 9, loc="upper left", bbox_to_anchor=(1.0, 1.0))  # fmt: skip


def names_of(cases: pd.DataFrame, book: Codebook, id_column: str) -> list[str]:
    """Return what patients are called: of a table that is not public, and of one without names, nothing."""
    if not book.public or id_column not in cases.columns:
        return [""] * len(cases)
    return ["" if pd.isna(cell) else str(cell) for cell in cases[id_column]]
