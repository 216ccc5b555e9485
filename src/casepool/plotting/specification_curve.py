"""The specification curve: one estimate under every combination of coding decisions, the choices below it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullLocator

from casepool.arguments import name_of
from casepool.errors import CasepoolError
from casepool.plotting.lettering import drawn, drawn_apart
from casepool.plotting.style import Canvas, canvas_of, mark, new_figure, size_on
from casepool.tables import RESERVED, check_table

DARK, PALE, BAD = "#1b4f72", "#9fb8c8", "#c0392b"
CHOICE = 0.22
"""Inches of a choice's line."""


def plot_multiverse(
    table: pd.DataFrame,
    *,
    estimand: str | None = None,
    ax: Axes | None = None,
    figsize: tuple[float, float] | None = None,
) -> Axes:
    """Draw the specification curve of a multiverse.

    Parameters
    ----------
    table : pandas.DataFrame
        What `multiverse` returned.
    estimand : str, optional
        Which of its estimands to draw; default the first that has limits.
    ax : matplotlib.axes.Axes, optional
        Where to draw the estimates; the choices are drawn in an inset below it.
    figsize : tuple of float, optional
        Width and height in inches of a figure of its own, in the place of those it needs; not with `ax`.

    Returns
    -------
    matplotlib.axes.Axes
        Estimates in rising order with their intervals; a ratio on a log axis with a line at 1. The combination
        as recorded is marked by a ring, a fit that did not converge by a cross.

    Raises
    ------
    CasepoolError
        If the table is no multiverse, or does not hold the estimand.

    See Also
    --------
    multiverse, plot_tipping

    References
    ----------
    Steegen S, Tuerlinckx F, Gelman A, Vanpaemel W (2016). Increasing transparency through a multiverse analysis.
    Perspectives on Psychological Science 11:702-712. doi:10.1177/1745691616658637

    Examples
    --------
    >>> import casepool as cp
    >>> asked = {"by": "age", "seed": 1, "codings": {"case_5": ["responder"]}, "progress": False}
    >>> worlds = cp.multiverse("objective_response_by_age_group", "alk_crizotinib", **asked)
    >>> ax = cp.plot_multiverse(worlds)
    >>> ax.get_ylabel().splitlines()
    ['risk difference', '95% CrI']
    """
    canvas = canvas_of(ax, figsize)
    check_table(table, remedy="pass what multiverse(...) returned")
    if estimand is not None:
        name_of(estimand, "estimand", "name an estimand of the table")
    decisions = [str(name) for name in table.columns if name not in RESERVED]
    if not decisions:
        raise CasepoolError("this table holds no codings", remedy="pass what multiverse(...) returned")
    rows = table[table["lower"].notna()]
    name = estimand or str(rows["estimand"].iloc[0])
    rows = rows[rows["estimand"] == name].sort_values("estimate", kind="stable").reset_index(drop=True)
    if rows.empty or len(set(rows["level"])) > 1:
        raise CasepoolError(
            "the table does not hold exactly one number of this estimand for each combination",
            value=name,
            remedy="keep the rows of one estimand and level",
        )
    marks = [(decision, choice) for decision in decisions for choice in dict.fromkeys(table[decision])]
    ax = _above(canvas, len(marks))
    _estimates(ax, rows, decisions)
    _choices(ax, rows, marks)
    return ax


def _above(canvas: Canvas, choices: int) -> Axes:
    """Return the axes of the estimates; in a figure of its own they leave room for the choices below them."""
    if isinstance(canvas, Axes):
        return canvas
    below = 0.3 + CHOICE * choices
    size = size_on(canvas, 9.5, 2.9 + below)
    foot = min(below / size[1], 0.6)
    top = max(1 - 0.5 / size[1], foot + 0.2)
    figure, kind = new_figure(size)
    return figure.add_axes((0.3, foot, 0.67, top - foot), axes_class=kind)


def _estimates(ax: Axes, rows: pd.DataFrame, decisions: list[str]) -> None:
    """Draw estimates and intervals in rising order."""
    x = np.arange(len(rows))
    ax.vlines(x, rows["lower"], rows["upper"], color=PALE, linewidth=1.2)
    failed = (rows["verdict"] == "fail").to_numpy()
    ax.plot(x[~failed], rows["estimate"][~failed], "o", color=DARK, markersize=3)
    if failed.any():
        ax.plot(x[failed], rows["estimate"][failed], "x", color=BAD, markersize=5, label="did not converge")
    recorded = (rows[decisions] == "as_recorded").all(axis=1).to_numpy()
    ax.plot(x[recorded], rows["estimate"][recorded], "o", ms=9, mfc="none", mec=DARK, label="as recorded")
    if rows["unit"].iloc[0] == "ratio":
        ax.set_yscale("log")
        ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        ax.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        ax.yaxis.set_minor_locator(NullLocator())
        ax.axhline(1.0, color="0.4", linewidth=0.8, linestyle="--")
    ax.set_ylabel(f"{drawn(rows['estimand'].iloc[0], 60)}\n{rows['interval'].iloc[0]}")
    title = f"{drawn(rows['level'].iloc[0])}: {len(rows)} combinations of codings"
    ax.set_title(mark(rows["verdict"]) + title, fontsize=10)
    ax.set_xticks([])
    ax.set_xlim(-1, len(rows))
    ax.legend(loc="upper left", fontsize=8, frameon=False)


def _choices(ax: Axes, rows: pd.DataFrame, marks: list[tuple[str, str]]) -> None:
    """Mark below every estimate which choices it was made under, a decision's choices together."""
    height = ax.get_position().height * ax.get_figure(root=True).get_figheight()  # type: ignore[union-attr]
    share = CHOICE * len(marks) / height
    below = ax.inset_axes((0.0, -share - 0.06, 1.0, share), sharex=ax)
    for place, (decision, choice) in enumerate(marks):
        chosen = np.flatnonzero(rows[decision] == choice)
        below.plot(chosen, np.full(len(chosen), -place), "|", color=DARK, markersize=5)
        if place and marks[place - 1][0] != decision:
            below.axhline(0.5 - place, color="0.85", linewidth=0.8)
    below.set_yticks([-place for place in range(len(marks))])
    names = [f"{decision}: {choice}".replace("_", " ") for decision, choice in marks]
    shown = drawn_apart(names)
    below.set_yticklabels([shown[name] for name in names], fontsize=7.5)
    below.set_ylim(-len(marks) + 0.5, 0.5)
    below.tick_params(length=0, labelbottom=False)
