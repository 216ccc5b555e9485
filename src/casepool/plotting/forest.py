"""Forest plots of estimate tables."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator, PercentFormatter

from casepool.errors import CasepoolError
from casepool.escaping import LONGEST_LABEL
from casepool.estimation.told import MARKS
from casepool.estimation.told import legend as legend_of_told
from casepool.modelling.specification.cautions import lowered
from casepool.numbers import TIMES, shown, with_interval
from casepool.plotting.lettering import drawn, drawn_apart
from casepool.plotting.style import ALARM, COLOURS, GREY, MARKERS, Canvas, axes_on, canvas_of, mark
from casepool.tables import UNSEEN, check_table
from casepool.writing import count_text

KEY = ["by", "level", "at"]
WIDTH = 8.0
STYLES = {"raw": (GREY, "s"), "shrunk": (COLOURS[0], "o"), "pooled": (COLOURS[0], "D"), "printed": (COLOURS[3], "^")}
"""Colour and marker of each source."""
WIDEST_RATIO = 1000.0
"""A ratio's axis ends there, or at its inverse; arrows stand for what lies beyond."""
TITLE = 90
"""Characters of a line of the title."""
LONGEST_SERIES = 80
"""Characters of a series' name in the legend."""
COUNTS_AT, NUMBERS_AT = 8, 58
"""Where the printed columns begin, in points to the right of the axes."""


@dataclass(frozen=True)
class Picture:
    """What a forest plot shows.

    Parameters
    ----------
    rows : pandas.DataFrame
        Rows to draw; ``item`` is the line of the level from the top, ``series`` whose marker it has, and ``place`` how
        far down that stands.
    items : list of str
        Labels of the lines.
    series : list of (source, label)
    unit : str
    headed : list of int
        Lines that hold no number and name the factor of those below.
    """

    rows: pd.DataFrame
    items: list[str]
    series: list[tuple[str, str]]
    unit: str
    headed: list[int]


@dataclass(frozen=True)
class Names:
    """What readers call the names in a table: the labels it keeps, else the names without their underscores."""

    labels: Mapping[str, Mapping[str, str]]

    def by(self, name: str) -> str:
        """Name a factor."""
        return self.labels.get("by", {}).get(name) or name.replace("_", " ")

    def model(self, name: str) -> str:
        """Name a model."""
        return self.labels.get("model", {}).get(name) or name.replace("_", " ")


def plot_forest(table: pd.DataFrame, *, ax: Axes | None = None, figsize: tuple[float, float] | None = None) -> Axes:
    """Draw an estimate table: a point and an interval per number, the sources of a level side by side.

    Everyone stands first, then the levels of a factor by their numbers of patients, then a new patient of none of
    them; of several factors each has a heading.
    P values and probabilities without limits stay out of the picture, and so do Wilson intervals where
    Clopper-Pearson ones are there.

    Parameters
    ----------
    table : pandas.DataFrame
        What `estimates`, `contrast`, `survival`, `classical` or `compare` returned, with one unit.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a figure of its own, as high as the levels need.
    figsize : tuple of float, optional
        Width and height in inches of a figure of its own, in the place of those it needs; not with `ax`.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    CasepoolError
        If the table is no estimate table, has nothing to draw, or mixes units.

    See Also
    --------
    estimates, compare

    Examples
    --------
    >>> import casepool as cp
    >>> fit = cp.fit("basket_berry", "sarcoma_imatinib", seed=1, progress=False)
    >>> ax = cp.plot_forest(cp.estimates(fit, by="histology"))
    >>> [label.get_text() for label in ax.get_yticklabels()][:3]
    ['Liposarcoma', 'MFH', 'Leiomyosarcoma']
    """
    canvas = canvas_of(ax, figsize)
    check_table(table)
    return draw_forest(table, canvas, mark_rare=not table.attrs.get("public", True))


def draw_forest(table: pd.DataFrame, canvas: Canvas = None, *, mark_rare: bool = False) -> Axes:
    """Draw a forest plot; `mark_rare` marks counts that may identify a patient."""
    names = Names(table.attrs.get("labels", {}))
    picture = arrange(table, names)
    ax = axes_on(canvas, WIDTH, 1.25 + len(picture.items) * (0.16 + 0.17 * _fullest(picture)))
    scale(ax, picture)
    for _, row in picture.rows.iterrows():
        draw_row(ax, picture, row)
    draw_counts(ax, picture, mark_rare)
    ax.set_yticks(range(len(picture.items)), picture.items)
    ax.set_ylim(len(picture.items) - 0.45, -0.55)
    ax.tick_params(axis="y", length=0)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.grid(axis="x", color="#DDDDDD", linewidth=0.6)
    ax.set_axisbelow(True)
    for line in picture.headed:
        ax.get_yticklabels()[line].set_fontweight("bold")
    headings(ax, picture, names)
    return ax


def arrange(table: pd.DataFrame, names: Names) -> Picture:
    """Choose the rows to draw, and give each a line and a place on it."""
    check_table(table)
    rows = table[(table["interval"] != "") & (table["unit"] != "P value")].copy()
    exact = rows[rows["method"] == "Clopper-Pearson"]
    same = [*KEY, "source"]
    doubled = rows[same].map(str).agg("\x1f".join, axis=1).isin(exact[same].map(str).agg("\x1f".join, axis=1))
    rows = rows[~(doubled & (rows["method"] == "Wilson"))].copy()
    values = rows["kind"] == "value"
    if values.any() and len(set(rows["unit"])) > 1:  # of rates and what compares them, the rates
        rows = rows[values].copy()
    units = list(dict.fromkeys(rows["unit"]))
    if len(units) > 1:
        raise CasepoolError(
            f"one axis cannot show several units: {', '.join(units)}",
            remedy=f"keep one, say table[table['unit'] == {units[0]!r}]",
        )
    if rows.empty:
        raise CasepoolError("nothing to draw: no row has an interval", remedy="pass rows with limits")
    rows = _in_order(rows)
    items, headed, lines = _lines_of(rows, names)
    rows["item"] = lines
    series = _series_names(rows)
    order = list(dict.fromkeys(series))
    rows["series"] = [order.index(name) for name in series]
    rows["place"] = _places(rows)
    return Picture(rows, items, order, units[0], headed)


def _in_order(rows: pd.DataFrame) -> pd.DataFrame:
    """Put everyone first, then factor by factor the levels by their patients, and last who is of none of them."""
    told = rows[["by", "level", "n"]].astype({"by": str, "level": str})
    most = told.groupby(["by", "level"])["n"].transform("max").fillna(-1.0)
    factors = {by: place for place, by in enumerate(dict.fromkeys(told["by"]))}
    levels = {level: place for place, level in enumerate(dict.fromkeys(zip(told["by"], told["level"], strict=True)))}
    keys = [
        (by != "", factors[by], level == UNSEEN, -n, levels[by, level])
        for by, level, n in zip(told["by"], told["level"], most, strict=True)
    ]
    return rows.iloc[sorted(range(len(rows)), key=keys.__getitem__)].copy()


def _lines_of(rows: pd.DataFrame, names: Names) -> tuple[list[str], list[int], list[int]]:
    """Name the lines: levels, and what they are told at; return headings among them, and every row's line."""
    factors = [by for by in dict.fromkeys(rows["by"].astype(str)) if by]
    words = {
        (by, level): f"a new {lowered(names.by(by))}" if level == UNSEEN else level
        for by, level in zip(rows["by"].astype(str), rows["level"].astype(str), strict=True)
    }
    levels = drawn_apart(words.values())
    items: list[str] = []
    headed, lines = [], []
    place: dict[tuple[str, ...], int] = {}
    for by, level, at in zip(rows["by"].astype(str), rows["level"].astype(str), rows["at"], strict=True):
        if by and len(factors) > 1 and (by,) not in place:
            place[by,] = len(items)
            headed.append(len(items))
            items.append(drawn(names.by(by)))
        if (by, level, str(at)) not in place:
            place[by, level, str(at)] = len(items)
            items.append(levels[words[by, level]] + drawn(_moment(at)))
        lines.append(place[by, level, str(at)])
    return items, headed, lines


def _fullest(picture: Picture) -> int:
    """Markers of the line that has most."""
    return int(picture.rows.groupby("item")["series"].nunique().max())


def _places(rows: pd.DataFrame) -> pd.Series:
    """Spread the markers of a line about it: lines go down from 0, by as much as the fullest line needs."""
    series = rows.groupby("item")["series"]
    ranks, most = series.rank(method="dense") - 1, series.transform("nunique")
    return rows["item"] + (ranks - (most - 1) / 2) * 0.7 / max(int(most.max()), 2)


def _series_names(rows: pd.DataFrame) -> list[tuple[str, str]]:
    """Name every row's series: its source, and whatever else tells rows of one level and source apart."""
    groups = [same for _, same in rows.groupby(["item", "source"])]
    telling = [name for name in ("model", "estimand", "method") if any(len(set(same[name])) > 1 for same in groups)]
    told = rows[["source", *telling]].astype(str)
    if "model" in telling:
        told["model"] = [name.removeprefix(shared_name(rows)).removeprefix(", ") for name in told["model"]]
    return [(row[0], ", ".join(filter(None, row))) for row in told.itertuples(index=False, name=None)]


def shared_name(rows: pd.DataFrame) -> str:
    """Return what the names of all models begin with, up to a comma: variants of a model are named behind it."""
    names = [name.split(", ") for name in dict.fromkeys(rows["model"].astype(str)) if name]
    same = itertools.takewhile(lambda parts: len(set(parts)) == 1, zip(*names, strict=False))
    return ", ".join(parts[0] for parts in same)


def _moment(at: Any) -> str:
    if isinstance(at, int | float):
        return "" if math.isnan(at) else f", at {at:g}"
    return f", {at}" if at else ""


def style(picture: Picture, series: int) -> tuple[str, str]:
    """Return colour and marker of a series: by its source, or by its place where sources repeat."""
    sources = [source for source, _ in picture.series]
    source = sources[series]
    if sources.count(source) == 1 and source in STYLES:
        return STYLES[source]
    return COLOURS[series % len(COLOURS)], MARKERS[series % len(MARKERS)]


def draw_row(ax: Axes, picture: Picture, row: pd.Series) -> None:
    """Draw one number: point, interval, arrows where the interval leaves the axis; or say that there is none."""
    y = row["place"]
    colour, marker = style(picture, row["series"])
    estimate, lower, upper = row["estimate"], row["lower"], row["upper"]
    if math.isnan(estimate):
        said = "no patient" if row["n"] == 0 else "no estimate"
        middle = 0.5 if picture.unit == "probability" else np.mean(ax.get_xlim())
        ax.text(middle, y, said, color=colour, fontsize=8, style="italic", ha="center", va="center")
        return
    left, right = ax.get_xlim()
    low, high = (max(lower, left), min(upper, right)) if not math.isnan(lower) else (estimate, min(upper, right))
    if not math.isnan(high):
        ax.plot([min(low, right), max(high, left)], [y, y], color=colour, linewidth=1.6, solid_capstyle="butt")
    for limit, edge, arrow in ((lower, left, "<"), (upper, right, ">")):
        if (limit - edge) * (1 if arrow == ">" else -1) > 0:
            ax.plot(edge, y, marker=arrow, color=colour, markersize=5, clip_on=False)
    failed = row["verdict"] == "fail"
    face = "white" if failed else colour
    if left <= estimate <= right:
        ax.plot(estimate, y, marker=marker, color=colour, markerfacecolor=face, markersize=5.5, clip_on=False)
    if failed:
        ax.plot(min(max(estimate, left), right), y, marker="x", color=ALARM, markersize=9, clip_on=False)


def draw_counts(ax: Axes, picture: Picture, mark_rare: bool) -> None:
    """Print events and patients at every line, and the numbers at every marker."""
    for _, row in picture.rows.iterrows():
        failed = row["verdict"] == "fail" and not math.isnan(row["estimate"])
        colour = ALARM if failed else style(picture, row["series"])[0]
        numbers = with_interval(row["estimate"], row["lower"], row["upper"], picture.unit)
        marks = " ×" * failed + f" {MARKS.get(row['told'], '')}"
        beside(ax, NUMBERS_AT, row["place"], numbers + marks, colour)
    for item, same in picture.rows.groupby("item"):
        counts = list(zip(same["events"], same["n"], same["place"], strict=True))
        if len({(events, n) for events, n, _ in counts}) == 1:
            counts = [(*counts[0][:2], float(str(item)))]
        for events, n, place in counts:
            beside(ax, COUNTS_AT, place, f"{count_text(events, mark_rare)}/{count_text(n, mark_rare)}", "black")


def beside(ax: Axes, points: float, y: float, text: str, colour: str) -> None:
    """Print text to the right of the axes, `points` from their edge."""
    place: dict[str, Any] = {"xycoords": ax.get_yaxis_transform(), "textcoords": "offset points", "va": "center"}
    ax.annotate(text, (1, y), (points, 0), fontsize=8, color=colour, annotation_clip=False, **place)


def scale(ax: Axes, picture: Picture) -> None:
    """Set the axis that suits the unit, with a line where nothing differs."""
    finite = picture.rows[["estimate", "lower", "upper"]].to_numpy(dtype=float).ravel()
    finite = finite[np.isfinite(finite)]
    if picture.unit == "probability":
        ax.set_xlim(0, 1)
        ax.xaxis.set_major_locator(FixedLocator([0, 0.25, 0.5, 0.75, 1]))
        ax.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        return
    if picture.unit == "ratio":
        _ratio_axis(ax, finite)
    else:
        low, high = min(finite.min(), 0.0), max(finite.max(), 0.0)
        margin = 0.05 * (high - low or 1.0)
        ax.set_xlim(low - margin * (low < 0), high + margin)
    if picture.unit == "difference":
        ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: shown(x, "difference").removesuffix(".0")))
    if picture.unit not in TIMES or finite.min() < 0:
        ax.axvline(1 if picture.unit == "ratio" else 0, color=GREY, linewidth=1, linestyle=(0, (4, 2)))


def _ratio_axis(ax: Axes, finite: np.ndarray) -> None:
    positive = finite[finite > 0]
    low = max(min(positive.min(initial=1.0), 0.8), 1 / WIDEST_RATIO)
    high = min(max(positive.max(initial=1.0), 1.25), WIDEST_RATIO)
    ax.set_xscale("log")
    ax.set_xlim(low / 1.1, high * 1.1)
    decades = math.log10(high / low)
    steps = (1.0,) if decades > 4 else (1.0, 3.0) if decades > 2.5 else (1.0, 2.0, 5.0)
    ticks = [s * 10.0**k for k in range(-4, 5) for s in steps if low / 1.1 <= s * 10.0**k <= high * 1.1]
    ax.xaxis.set_major_locator(FixedLocator(ticks))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))


AXIS_WORDS = {
    "probability": "Probability",
    "ratio": "Ratio (log scale)",
    "difference": "Difference in percentage points",
    "log odds": "Log odds",
}


def headings(ax: Axes, picture: Picture, names: Names) -> None:
    """Name what is drawn: intervals on the axis, the model in the title, columns at the side, sources below."""
    rows = picture.rows
    kinds = {series: same["interval"].iloc[0] for series, same in rows.groupby("series")}
    intervals = ", ".join(dict.fromkeys(f"{kinds[i]} {source}" for i, (source, _) in enumerate(picture.series)))
    told = legend_of_told(set(rows["told"]))
    named = f"{AXIS_WORDS.get(picture.unit, picture.unit.capitalize())} ({intervals})"
    ax.set_xlabel("\n".join(filter(None, [named, told])))
    models = [shared_name(rows)] if shared_name(rows) else [str(name) for name in dict.fromkeys(rows["model"]) if name]
    title = ", ".join(names.model(name) for name in models)
    by = [] if picture.headed else [names.by(name) for name in dict.fromkeys(rows["by"].astype(str)) if name]
    title = "\n".join(drawn(line, TITLE) for line in (title, *(f"by {lowered(name)}" for name in by)) if line)
    failed = bool((rows["verdict"] == "fail").any())
    title = "\n".join(filter(None, [title, mark(rows["verdict"]).strip()]))
    ax.set_title(title, loc="left", fontsize=10, color=ALARM if failed else "black", pad=12 * (1 + _lines(picture)))
    for points, words in ((COUNTS_AT, "events/n"), (NUMBERS_AT, "estimate (interval)")):
        beside(ax, points, -0.75, words, "black")
    legend(ax, picture)


def legend(ax: Axes, picture: Picture) -> None:
    """Name the series above the axes, if there are several."""
    if len(picture.series) == 1:
        return
    styles = [style(picture, i) for i in range(len(picture.series))]
    names = drawn_apart([label for _, label in picture.series], LONGEST_SERIES)
    handles = [
        Line2D([], [], color=colour, marker=marker, linewidth=1.6, label=names[label])
        for (colour, marker), (_, label) in zip(styles, picture.series, strict=True)
    ]
    place: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0, 1), "borderpad": 0.2, "borderaxespad": 0.2}
    ax.legend(handles=handles, ncols=_columns(picture), frameon=False, fontsize=8, **place)


def _columns(picture: Picture) -> int:
    return 1 if max(len(label) for _, label in picture.series) > LONGEST_LABEL else 3


def _lines(picture: Picture) -> int:
    """Lines the legend takes; room for one is always kept, for the headings of the printed columns."""
    return math.ceil(len(picture.series) / _columns(picture))
