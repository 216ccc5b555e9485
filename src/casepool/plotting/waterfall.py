"""The waterfall plot: one bar a patient, from the worst course to the best."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from casepool.cases.codebook import Codebook
from casepool.cases.reading import resolve_typed
from casepool.errors import CasepoolError
from casepool.numbers import counted
from casepool.plotting.changes import (
    THRESHOLDS,
    Levels,
    change_axis,
    held_by,
    level_legend,
    levels_in,
    names_of,
    one_level,
    percentages,
    thresholds_of,
)
from casepool.plotting.lettering import drawn, drawn_apart
from casepool.plotting.style import axes_on, canvas_of
from casepool.writing import count_text

HEIGHT, BAR, MARGIN = 4.4, 0.17, 2.6
"""Inches: of the figure, of a bar's width, and of all that is no bar."""
MOST_NAMED = 60
"""Patients above which bars bear no names."""
LONGEST_NAME = 16
NARROWEST, BROAD = 5.5, 0.82
"""Inches of the narrowest figure of its own; the share of its place that a bar fills."""


def plot_waterfall(
    cases: pd.DataFrame | str | Path,
    *,
    change: str | None = None,
    response: str | None = None,
    by: str | None = None,
    thresholds: Sequence[float] = THRESHOLDS,
    ax: Axes | None = None,
    figsize: tuple[float, float] | None = None,
) -> Axes:
    """Draw one bar a patient, the worst course first: the best change from baseline, or the best response.

    Parameters
    ----------
    cases : pandas.DataFrame or str or pathlib.Path
        A dataset's name, a folder, a file or a frame, one row a patient.
    change : str, optional
        Column with the best change from baseline, in percent. Default the one with the role ``change``.
    response : str, optional
        Column with the best response, which is drawn where no change is recorded. Default the one with the role
        ``response``. Its codes are ordered, worst first.
    by : str, optional
        A labelled column that bars are coloured by; default the response.
    thresholds : sequence of float
        Changes at which dashed lines stand; as of RECIST 1.1 unless others, or none, are given.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a figure of its own, as wide as the patients need.
    figsize : tuple of float, optional
        Width and height in inches of a figure of its own, in the place of those it needs; not with `ax`.

    Returns
    -------
    matplotlib.axes.Axes
        How many patients are left out, as nothing is recorded of them, is said below. The patients of a table that is
        not public are not named.

    Raises
    ------
    CasepoolError
        If neither a change nor a response is recorded, for a column that is not there or holds something else, and
        for labels of a table that is not public.

    See Also
    --------
    plot_spider, plot_swimmer

    Examples
    --------
    >>> import casepool as cp
    >>> ax = cp.plot_waterfall("alk_crizotinib")
    >>> ax.get_ylabel()
    'Best response to crizotinib'
    """
    canvas = canvas_of(ax, figsize)
    lines = thresholds_of(thresholds)
    frame, book = resolve_typed(cases)
    measured = held_by(frame, book, "change", change, "plot_waterfall")
    judged = held_by(frame, book, "response", response, "plot_waterfall")
    if response is not None and change is None:
        measured = ""
    if not measured and not judged:
        raise CasepoolError(
            "no column says how patients did",
            file=book.name,
            remedy='write role = "change" (percent) or role = "response" to a column of the codebook, '
            "or name one: change=... or response=...",
        )
    heights = percentages(frame, book, measured) if measured else _ranks(frame, book, judged)
    split = held_by(frame, book, "response", by, "plot_waterfall", "by") if by is not None else judged
    levels = levels_in(frame, book, split) if split else one_level(len(frame))
    order = _order(heights, levels, rising=not measured)
    ax = axes_on(canvas, max(NARROWEST, MARGIN + BAR * len(order)), HEIGHT)
    levels = levels.among(order)
    _bars(ax, heights[order], levels, foot=0.0 if measured else -0.6)
    if measured:
        change_axis(ax, book.label_of(measured), lines)
    else:
        _response_axis(ax, book, judged)
    _patients(ax, frame, book, order)
    level_legend(ax, levels)
    return ax


def _ranks(cases: pd.DataFrame, book: Codebook, name: str) -> np.ndarray:
    """Return the place of every patient's response among the codes, worst first; NaN where there is none."""
    codes = _codes(book, name)
    if not codes:
        remedy = f'write type = "ordered" and levels = ["...", "..."], worst first, in [columns.{name}]'
        raise CasepoolError("which response is worse is not said", file=book.name, column=name, remedy=remedy)
    ranks = [np.nan if pd.isna(cell) else float(codes.index(str(cell))) for cell in cases[name]]
    if np.isnan(ranks).all():
        raise CasepoolError("no response is recorded", file=book.name, column=name, remedy="name another column")
    return np.array(ranks)


def _codes(book: Codebook, name: str) -> tuple[str, ...]:
    """Return the codes of a response, worst first; none where their order is not said."""
    column = book.columns[name]
    return column.levels if column.type == "ordered" else ()


def _order(heights: np.ndarray, levels: Levels, *, rising: bool) -> list[int]:
    """Put who has a height in order, the worst first, those of one height level by level."""
    places = {level: place for place, level in enumerate(levels.colours)}
    known = np.flatnonzero(~np.isnan(heights))
    return sorted(known.tolist(), key=lambda i: (heights[i] if rising else -heights[i], places[levels.of[i]], i))


def _bars(ax: Axes, heights: np.ndarray, levels: Levels, foot: float) -> None:
    """Draw the bars from their foot; one without height is a line."""
    for place, (height, level) in enumerate(zip(heights, levels.of, strict=True)):
        ax.bar(place, height - foot, bottom=foot, width=BROAD, color=levels.colours[level],
               hatch=levels.hatch(level), edgecolor="white", linewidth=0)  # fmt: skip
        if height == foot:
            ax.plot([place - BROAD / 2, place + BROAD / 2], [height] * 2, color=levels.colours[level], linewidth=3)
    ax.set_xlim(-0.8, len(heights) - 0.2)


def _response_axis(ax: Axes, book: Codebook, name: str) -> None:
    """Set the axis of responses: their codes, worst lowest."""
    codes = _codes(book, name)
    shown = drawn_apart(codes)
    ax.set_yticks(range(len(codes)), [shown[code] for code in codes])
    ax.set_ylim(-0.6, len(codes) - 0.5)
    ax.set_ylabel(drawn(book.label_of(name), 60))
    ax.spines[["top", "right"]].set_visible(False)


def _patients(ax: Axes, cases: pd.DataFrame, book: Codebook, order: list[int]) -> None:
    """Name the patients where they may be named and there is room, and say how many are left out."""
    every = names_of(cases, book, book.id)
    names = [every[i] for i in order] if len(order) <= MOST_NAMED and any(every) else []
    shown = drawn_apart(names, LONGEST_NAME)
    ax.set_xticks(range(len(names)), [shown[name] for name in names])
    ax.tick_params(axis="x", length=0, labelsize=7, rotation=90)
    left = len(cases) - len(order)
    lost = f"; {count_text(left, not book.public)} without a record not drawn" if left else ""
    ax.set_xlabel(f"{counted(len(order), 'patient')}, worst first{lost}")
