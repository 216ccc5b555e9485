"""The tipping curve: an exposure's ratio as its unknown dates move through their intervals."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullLocator, PercentFormatter

from casepool.errors import CasepoolError
from casepool.plotting.lettering import drawn
from casepool.plotting.style import ALARM, COLOURS, GREY, axes_on, canvas_of, mark
from casepool.tables import check_table


def plot_tipping(table: pd.DataFrame, *, ax: Axes | None = None, figsize: tuple[float, float] | None = None) -> Axes:
    """Draw the tipping curve of an exposure.

    Parameters
    ----------
    table : pandas.DataFrame
        What `tipping` returned.
    ax : matplotlib.axes.Axes, optional
        Where to draw the ratio; by default a figure of its own. The probability of lying on the better side of 1
        is printed above it at every place.
    figsize : tuple of float, optional
        Width and height in inches of a figure of its own, in the place of those it needs; not with `ax`.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    CasepoolError
        If the table is no tipping table.

    See Also
    --------
    tipping

    Examples
    --------
    >>> import casepool as cp
    >>> ax = cp.plot_tipping(cp.tipping("overall_survival", "alk_crizotinib", fractions=[0.0, 0.5, 1.0]))
    >>> ax.get_xlabel()
    'Where in its interval every unknown date is taken to lie'
    """
    canvas = canvas_of(ax, figsize)
    check_table(table, remedy="pass what tipping(model, cases) returned")
    if not (table["unit"] == "fraction").any():
        raise CasepoolError("this is no tipping table", remedy="pass what tipping(model, cases) returned")
    ratios = table[table["unit"] == "ratio"]
    place = ratios["at"].to_numpy(float)
    chances = table[table["unit"] == "probability"].set_index("at")["estimate"]
    ax = axes_on(canvas, 7.5, 4.2)
    ax.fill_between(place, ratios["lower"], ratios["upper"], color=COLOURS[0], alpha=0.2, linewidth=0)
    ax.plot(place, ratios["estimate"], "o-", color=COLOURS[0], markersize=4)
    failed = ratios[ratios["verdict"] == "fail"]
    ax.plot(failed["at"].to_numpy(float), failed["estimate"], "x", color=ALARM, markersize=9)
    ax.axhline(1.0, color=GREY, linewidth=0.8, linestyle="--")
    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    ax.yaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    ax.set_xlim(place[0] - 0.02, place[-1] + 0.02)
    top = ax.get_xaxis_transform()
    better = str(table.loc[table["unit"] == "probability", "estimand"].iloc[0])
    for at, chance in chances.items():
        ax.text(float(str(at)), 0.98, f"{chance:.2f}", ha="center", va="top", fontsize=8, transform=top)
    ax.text(0.5, 0.92, drawn(better), ha="center", va="top", fontsize=8, transform=ax.transAxes)
    _, high = ax.get_ylim()
    ax.set_ylim(top=high * 2)
    first = ratios.iloc[0]
    ax.set_ylabel(drawn(f"{first['estimand']}, {first['interval']}"))
    ax.set_xlabel("Where in its interval every unknown date is taken to lie")
    title = drawn(str(first["level"]), 90)
    ax.set_title(
        mark(ratios["verdict"]) + title,
        loc="left",
        fontsize=10,
        color=ALARM if len(failed) else "black",
    )
    return ax
