"""Figures of a trial's design: how often it is right and wrong, its power, its decisions, what patients would tell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator, PercentFormatter

from casepool.arguments import name_of
from casepool.errors import CasepoolError
from casepool.plotting.lettering import drawn, drawn_apart
from casepool.plotting.style import COLOURS, GREY, MARKERS, axes_on, canvas_of
from casepool.tables import EVERYONE, check_table
from casepool.trials.characteristics import ASSURANCE, POWER, TYPE_I
from casepool.trials.decisions import Decisions
from casepool.trials.files import trial_design
from casepool.trials.further_patients import OWN_SD
from casepool.trials.specification import TrialDesign

REMEDY = "pass what operating_characteristics(design) returned"
SUCCESSES = (TYPE_I, POWER, ASSURANCE)


def plot_operating_characteristics(
    table: pd.DataFrame, *, ax: Axes | None = None, figsize: tuple[float, float] | None = None
) -> Axes:
    """Draw each basket's probability of success under every scenario.

    Parameters
    ----------
    table : pandas.DataFrame
        What `operating_characteristics` returned.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a figure of its own.
    figsize : tuple of float, optional
        Width and height in inches of a figure of its own; not with `ax`.

    Returns
    -------
    matplotlib.axes.Axes
        Filled marks are power or assurance, open ones type I error; lines are 95% Monte Carlo intervals.

    Raises
    ------
    CasepoolError
        If the table is of something else.

    See Also
    --------
    operating_characteristics, plot_power

    Examples
    --------
    >>> import casepool as cp
    >>> ax = cp.plot_operating_characteristics(cp.operating_characteristics("simon_two_stage"))
    >>> [label.get_text() for label in ax.get_yticklabels()][:2], ax.get_xlabel()
    (['null', 'target'], 'Probability of success (open: type I error); lines: 95% Monte Carlo interval')
    """
    canvas = canvas_of(ax, figsize)
    rows = _successes(table)
    scenarios = list(dict.fromkeys(zip(rows["design"], rows["scenario"], strict=True)))
    several = len(set(rows["design"])) > 1
    texts = drawn_apart([f"{design}: {scenario}" if several else scenario for design, scenario in scenarios])
    ax = axes_on(canvas, 7.5, 1.2 + 0.4 * len(scenarios))
    levels = list(dict.fromkeys(rows["level"]))
    names = drawn_apart(levels)
    for i, level in enumerate(levels):
        own = rows[rows["level"] == level]
        place = np.array([scenarios.index(key) for key in zip(own["design"], own["scenario"], strict=True)])
        y = place + 0.6 * ((i + 0.5) / len(levels) - 0.5)
        colour = COLOURS[i % len(COLOURS)]
        ax.hlines(y, own["lower"].fillna(own["estimate"]), own["upper"].fillna(own["estimate"]), color=colour)
        false = (own["estimand"] == TYPE_I).to_numpy()
        mark = MARKERS[i % len(MARKERS)]
        ax.plot(own["estimate"][~false], y[~false], mark, color=colour, label=names[level])
        ax.plot(own["estimate"][false], y[false], mark, color=colour, markerfacecolor="white")
    ax.set_yticks(range(len(scenarios)), list(texts.values()))
    ax.invert_yaxis()
    ax.set_xlim(-0.02, 1.02)
    ax.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    ax.set_xlabel("Probability of success (open: type I error); lines: 95% Monte Carlo interval")
    ax.legend(loc="lower right", fontsize=8, frameon=False)
    return ax


def plot_power(table: pd.DataFrame, *, ax: Axes | None = None, figsize: tuple[float, float] | None = None) -> Axes:
    """Draw the probability of success over the true rate, as a design's `sweep` gives it.

    Parameters
    ----------
    table : pandas.DataFrame
        What `operating_characteristics` returned.
    ax, figsize
        As of `plot_operating_characteristics`.

    Returns
    -------
    matplotlib.axes.Axes
        Shaded are 95% Monte Carlo intervals.

    Raises
    ------
    CasepoolError
        If the table is of something else, or has fewer than two rates.

    See Also
    --------
    operating_characteristics, plot_operating_characteristics

    Examples
    --------
    >>> import casepool as cp
    >>> ax = cp.plot_power(cp.operating_characteristics("simon_two_stage"))
    >>> ax.get_xlabel()
    'True rate, the same in all baskets'
    """
    canvas = canvas_of(ax, figsize)
    rows = _successes(table)
    same = rows.groupby(["design", "scenario"])["true_rate"].transform("nunique") == 1
    rows = rows[same & rows["true_rate"].notna()].drop_duplicates(["design", "level", "true_rate"])
    if rows["true_rate"].nunique() < 2:
        remedy = "give the design a scenario with `sweep`"
        raise CasepoolError("there are no two rates that all baskets share", remedy=remedy)
    ax = axes_on(canvas, 6.5, 4.2)
    curves = list(rows.groupby(["design", "level"], sort=False))
    several = len(set(rows["design"])) > 1
    names = drawn_apart([f"{design}: {level}" if several else str(level) for (design, level), _ in curves])
    for i, (own, text) in enumerate(zip(curves, names.values(), strict=True)):
        curve = own[1].sort_values("true_rate")
        colour = COLOURS[i % len(COLOURS)]
        ax.plot(curve["true_rate"], curve["estimate"], MARKERS[i % len(MARKERS)] + "-", color=colour, label=text)
        ax.fill_between(curve["true_rate"], curve["lower"], curve["upper"], color=colour, alpha=0.2, linewidth=0)
    ax.set_ylim(-0.02, 1.02)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    ax.set_xlabel("True rate, the same in all baskets")
    ax.set_ylabel("Probability of success (95% Monte Carlo interval)")
    ax.legend(fontsize=8, frameon=False)
    return ax


def plot_decisions(
    design: str | Path | TrialDesign,
    first: str,
    second: str,
    *,
    ax: Axes | None = None,
    figsize: tuple[float, float] | None = None,
) -> Axes:
    """Draw what is decided at the end of two baskets, whatever their responders: what borrowing does to a rule.

    Parameters
    ----------
    design : str or pathlib.Path or TrialDesign
    first, second : str
        Names of two baskets. All others stand at the responders expected at their nulls.
    ax, figsize
        As of `plot_operating_characteristics`.

    Returns
    -------
    matplotlib.axes.Axes
        Cells by responders of both, coloured by which of the two succeed.

    Raises
    ------
    CasepoolError
        If there is no such basket.

    See Also
    --------
    trial_design, plot_power

    Examples
    --------
    >>> import casepool as cp
    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> import tomli_w
    >>> baskets = {"a": {"n": 6}, "b": {"n": 6}}
    >>> text = {"null": 0.2, "target": 0.5, "baskets": baskets, "success": {"responders": 3}}
    >>> _ = (folder / "two.toml").write_text(tomli_w.dumps(text))
    >>> ax = cp.plot_decisions(folder / "two.toml", "a", "b")
    >>> ax.get_xlabel()
    'Responders of 6, a'
    """
    canvas = canvas_of(ax, figsize)
    chosen = trial_design(design)
    places = []
    for what, name in (("first", first), ("second", second)):
        if name_of(name, what, "name a basket") not in chosen.names:
            remedy = f"there are {', '.join(chosen.names)}"
            raise CasepoolError("there is no such basket", file=chosen.name, value=name, remedy=remedy)
        places.append(chosen.names.index(name))
    if places[0] == places[1]:
        raise CasepoolError("these are one basket", file=chosen.name, value=first, remedy="name two")
    most = np.array(list(chosen.most.values()))
    y, x = np.mgrid[: most[places[1]] + 1, : most[places[0]] + 1]
    events = np.tile(np.round(most * chosen.null).astype(int), (x.size, 1))
    events[:, places[0]], events[:, places[1]] = x.ravel(), y.ravel()
    n = np.tile(most, (x.size, 1))
    success = Decisions.of(chosen)(chosen.number_of_looks - 1, events, n).success[:, places]
    ax = axes_on(canvas, 6.0, 5.2)
    code = (success[:, 0] + 2 * success[:, 1]).reshape(x.shape)
    colours = ["#EEEEEE", *COLOURS[:3]]
    ax.pcolormesh(code, cmap=ListedColormap(colours), vmin=-0.5, vmax=3.5, edgecolors="white", linewidth=0.3)
    for axis, size in ((ax.xaxis, x.shape[1]), (ax.yaxis, x.shape[0])):
        shown = np.arange(0, size, max(1, size // 10))
        axis.set_ticks((shown + 0.5).tolist(), [str(number) for number in shown])
    names = drawn_apart([first, second])
    words = ["neither", f"{names[first]} alone", f"{names[second]} alone", "both"]
    ax.legend(
        handles=[Patch(color=c, label=w) for c, w in zip(colours, words, strict=True)],
        title="Success", fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False,
    )  # fmt: skip
    ax.set_xlabel(f"Responders of {most[places[0]]}, {names[first]}")
    ax.set_ylabel(f"Responders of {most[places[1]]}, {names[second]}")
    ax.set_title(drawn(chosen.success.says(), 90), loc="left", fontsize=9)
    return ax


def plot_further_patients(
    table: pd.DataFrame, *, ax: Axes | None = None, figsize: tuple[float, float] | None = None
) -> Axes:
    """Draw what further patients in each basket would tell of its rate, over their number.

    Parameters
    ----------
    table : pandas.DataFrame
        What `further_patients` returned.
    ax, figsize
        As of `plot_operating_characteristics`.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    CasepoolError
        If the table is of something else.

    See Also
    --------
    further_patients

    Examples
    --------
    >>> import casepool as cp
    >>> table = cp.further_patients("basket_pooled", "sarcoma_imatinib", rate=0.2, threshold=0.8, more=[5, 10])
    >>> ax = cp.plot_further_patients(table)
    >>> ax.get_xlabel()
    'Further patients in the basket'
    """
    canvas = canvas_of(ax, figsize)
    remedy = "pass what further_patients(model, cases, ...) returned"
    rows = check_table(table, remedy=remedy)
    rows = rows[rows["estimand"] == OWN_SD]
    if rows.empty:
        raise CasepoolError("this is no table of further patients", remedy=remedy)
    ax = axes_on(canvas, 7.0, 4.4)
    levels = list(dict.fromkeys(rows["level"]))
    names = drawn_apart(levels)
    for i, level in enumerate(levels):
        own = rows[rows["level"] == level]
        style = MARKERS[i % len(MARKERS)] + "-"
        ax.plot(own["at"].astype(float), own["estimate"], style, color=COLOURS[i % len(COLOURS)], label=names[level])
    ax.axhline(0.0, color=GREY, linewidth=0.8)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel("Further patients in the basket")
    ax.set_ylabel("Expected reduction of the sd of its rate")
    ax.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    return ax


def _successes(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of success by basket, refusing a table of something else."""
    check_table(table, remedy=REMEDY)
    if "scenario" not in table.columns:
        raise CasepoolError("this is no table of operating characteristics", column="scenario", remedy=REMEDY)
    rows = table[table["estimand"].isin(SUCCESSES) & ((table["level"] != EVERYONE) | (table["by"] != ""))]
    if rows.empty:
        raise CasepoolError("this is no table of operating characteristics", remedy=REMEDY)
    return rows
