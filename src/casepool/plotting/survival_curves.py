"""Survival curves: what the model says of each strategy, over what was seen."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, MaxNLocator, PercentFormatter
from numpy.typing import ArrayLike

from casepool.errors import CasepoolError
from casepool.estimation.arms import arms_of
from casepool.estimation.contrasts import contrast_of
from casepool.estimation.curves import Strategy
from casepool.estimation.draws import Fitted, open_draws, quantiles
from casepool.estimation.new_patients import read_patients
from casepool.estimation.predicting import arms_of_patient
from casepool.estimation.survival import last_follow_up
from casepool.estimation.told import MARKS
from casepool.frequentist.curves import StepCurve, kaplan_meier, left_before, numbers_at_risk
from casepool.modelling import Model
from casepool.modelling.specification.cautions import lowered
from casepool.numbers import capital
from casepool.plotting.lettering import drawn, drawn_apart
from casepool.plotting.style import ALARM, COLOURS, GREY, MARKERS, Canvas, axes_on, canvas_of, mark
from casepool.writing import count_text

WIDTH, HEIGHT = 8.0, 4.6
GRID = 121
"""Points of a curve."""
CI_PROB = 0.95
MOST_BANDS = 3
"""Curves above which bands would hide each other."""
HATCHES = ("", "////", "....")
LONGEST_NAME = 60
"""Characters of a curve's name in the legend."""
LINE = 16
"""Points between lines of the counts."""
AT_RISK = "At risk"
PATIENT = "patient"
"""What curves are by that are drawn for patients."""


@dataclass(frozen=True)
class Steps:
    """What was seen: a step curve, whose it is, and how it is drawn and named."""

    arm: str
    label: str
    curve: StepCurve
    colour: str


def plot_survival(
    fit: xr.DataTree,
    *,
    by: str | None = None,
    start: float | None = None,
    patients: pd.DataFrame | None = None,
    ax: Axes | None = None,
    figsize: tuple[float, float] | None = None,
) -> Axes:
    """Draw survival as the model has it, over what was seen, with the numbers at risk, of events and censored by then.

    Curves are posterior medians with a 95% credible band, dashed beyond the last follow-up. For an exposure that
    starts during follow-up they are two strategies, both for the same patients, over the Kaplan-Meier curve of
    all patients. Ever and never exposed are drawn beside a ``baseline`` model only, with what is wrong with it.

    Parameters
    ----------
    fit : xarray.DataTree
        Of a survival model.
    by : str, optional
        As of `survival`: the exposure (default where there is one), a factor of the model, or everyone.
    start : float, optional
        When the exposure begins in the strategy; default as of `survival`.
    patients : pandas.DataFrame, optional
        As of `predict`, and instead of `by`: a curve for each of these patients, from when it is known to be alive on.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a figure of its own.
    figsize : tuple of float, optional
        Width and height in inches of a figure of its own, in the place of those it needs; not with `ax`.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    CasepoolError
        For a response fit, an unknown grouping, or a start that is none.

    See Also
    --------
    survival, plot_survival_check, plot_swimmer

    Examples
    --------
    >>> import casepool as cp
    >>> fit = cp.fit("overall_survival", "alk_crizotinib", seed=2, progress=False)
    >>> ax = cp.plot_survival(fit, by="surgery")
    >>> ax.get_ylabel()
    'Alive'
    """
    canvas = canvas_of(ax, figsize)
    return draw_survival(open_draws(fit), by=by, start=start, patients=patients, canvas=canvas)


def draw_survival(
    fitted: Fitted,
    *,
    by: str | None = None,
    start: float | None = None,
    patients: pd.DataFrame | None = None,
    canvas: Canvas = None,
) -> Axes:
    """Draw what `plot_survival` does, of a fit that is open."""
    refuse_response(fitted.model)
    if patients is None:
        arms, common = arms_of(fitted, by, start)
    else:
        arms, common = _of_patients(fitted, patients, by, start), {"by": PATIENT}
    steps = seen(fitted, str(common["by"]))
    shown = drawn_apart([item.label for item in steps] + [arm.words for arm in arms], LONGEST_NAME)
    last = float(fitted.design.outcome["time"].max())
    ticks = time_ticks(fitted.unit, last)
    counts = counted(fitted, steps, ticks)
    ax = axes_on(canvas, WIDTH, HEIGHT + LINE / 72 * sum(map(len, counts.values())))
    for item in steps:
        draw_steps(ax, replace(item, label=shown[item.label]))
    for position, arm in enumerate(arms):
        named = replace(arm, words=shown[arm.words])
        draw_arm(ax, named, position, np.linspace(0, ticks[-1], GRID), last, band=len(arms) <= MOST_BANDS)
    frame(ax, fitted, ticks)
    head(ax, fitted, arms, str(common["by"]), last)
    below = draw_counts(ax, counts, ticks)
    exposure = next(iter(fitted.model.exposures.values()), None)
    if exposure is not None and not exposure.begins:
        caution(ax, below, exposure.guard(fitted.model.outcome))
    return ax


def _of_patients(fitted: Fitted, patients: pd.DataFrame, by: str | None, start: float | None) -> list[Strategy]:
    """Return the curves of patients, each under every strategy."""
    if by is not None:
        raise CasepoolError("curves are of patients, or by a factor", column="by", value=by, remedy="leave one out")
    new = read_patients(fitted, patients)
    each = [arm for i in range(len(new.labels)) for arm in arms_of_patient(new, i, start)]
    return [replace(arm, words=f"{PATIENT} {arm.level}{arm.words}") for arm in each]


def refuse_response(model: Model) -> None:
    """Refuse a response model where survival is drawn."""
    if not model.is_survival:
        raise CasepoolError(f"{model.name!r} is no survival model", remedy="use plot_forest(estimates(fit, by=...))")


def time_ticks(unit: str, last: float) -> list[float]:
    """Return ticks from 0 to past the last follow-up: whole years for months, else round numbers."""
    if unit == "months":
        step = 12.0 * max(1, round(last / 12 / 7))
        return list(np.arange(0, last + step, step))
    return [float(t) for t in MaxNLocator(7).tick_values(0, last) if t >= 0]


def caption_of(fitted: Fitted) -> str:
    """Name the step curve of what was seen, and where events known to lie in an interval were put."""
    between = fitted.design.outcome.get("between", np.zeros(1))
    return "Kaplan–Meier with events at the ends of their intervals" if between.any() else "Kaplan–Meier"


def seen(fitted: Fitted, by: str) -> list[Steps]:
    """Choose the Kaplan-Meier curves that may stand under a model's curves."""
    out, exposed = fitted.design.outcome, fitted.design.exposed
    exposure = fitted.model.exposures.get(by)
    if exposure is not None and not exposure.begins:
        words = exposure.compared_arms(fitted.unit)
        arms = list(zip(words, (~exposed, exposed), strict=True))
    else:
        arms = [("all patients", np.ones(len(exposed), dtype=bool))]
    colours = [GREY] if len(arms) == 1 else COLOURS
    return [
        Steps(
            arm,
            f"{caption_of(fitted)}, {arm} ({count_text(rows.sum(), not fitted.public)})",
            kaplan_meier(out["time"][rows], out["event"][rows], out["entry"][rows]),
            colour,
        )
        for (arm, rows), colour in zip(arms, colours, strict=False)
    ]


def draw_steps(ax: Axes, item: Steps) -> None:
    """Draw a step curve thin, with a tick at every censoring."""
    curve = item.curve
    end = curve.spells.end
    x = np.concatenate([[0.0], curve.times, [end]])
    y = np.concatenate([[1.0], curve.survival, curve.survival[-1:] if len(curve.times) else [1.0]])
    ax.step(x, y, where="post", color=item.colour, linewidth=1, label=item.label)
    censored = np.unique(curve.spells.time[~curve.spells.event])
    height = y[np.searchsorted(x[1:-1], censored, side="right")]
    ax.plot(censored, height, linestyle="none", marker="|", markersize=5, color=item.colour)


def draw_arm(ax: Axes, arm: Strategy, position: int, times: np.ndarray, last: float, *, band: bool) -> None:
    """Draw one strategy's curve: median and band, dashed beyond the last follow-up."""
    asked = [(1 - CI_PROB) / 2, 0.5, (1 + CI_PROB) / 2]
    bends = [t for t in (arm.switch, arm.curve.begins) if 0 < t < times[-1]]
    times, weights = np.unique(np.append(times, [last, *bends])), arm.curve.weights
    low, middle, high = np.stack([quantiles(arm.curve.survival(t), asked, weights) for t in times], axis=1)
    colour, marker = COLOURS[position % len(COLOURS)], MARKERS[position % len(MARKERS)]
    if band:
        hatch = HATCHES[position % len(HATCHES)]
        ax.fill_between(
            times, low, high, facecolor=(colour, 0.12), edgecolor=(colour, 0.35), hatch=hatch, linewidth=0.5
        )
    inside = times <= last
    every = max(1, len(times) // 6)
    shape: dict[str, Any] = {"color": colour, "linewidth": 2, "marker": marker, "markersize": 5}
    ax.plot(times[inside], middle[inside], markevery=(6 + position * 5, every), label=arm.words, **shape)
    beyond = times >= last
    ax.plot(times[beyond], middle[beyond], color=colour, linewidth=2, linestyle="--")


def frame(ax: Axes, fitted: Fitted, ticks: list[float]) -> None:
    """Set axes, grid and legend."""
    ax.set_xlim(0, ticks[-1])
    ax.set_ylim(0, 1.01)
    ax.xaxis.set_major_locator(FixedLocator(ticks))
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    ax.set_xlabel(f"{fitted.unit.capitalize()} since time zero")
    ax.set_ylabel(drawn(capital(fitted.model.outcome.without), 60))
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(color="#E5E5E5", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.legend(loc="lower left", frameon=False, fontsize=8)


def arm_names(arms: list[str], by: str) -> str:
    """Name what a picture compares: both arms, or by how many levels."""
    return ", and ".join(arms) if len(arms) <= 2 else f"by {by}, {len(arms)} levels"


def head(ax: Axes, fitted: Fitted, arms: list[Strategy], by: str, last: float) -> None:
    """Name the strategies, the interval, and where extrapolation begins."""
    words = arm_names([arm.words for arm in arms], lowered(fitted.labels([by])["by"].get(by, by)))
    if by == PATIENT:
        who = list(dict.fromkeys(arm.level for arm in arms))
        words = f"{PATIENT}{'s' * (len(who) > 1)} {', '.join(who)}"
    title = drawn(capital(words), 90)
    kind = f"posterior median, {100 * CI_PROB:g}% CrI" if len(arms) <= MOST_BANDS else "posterior median"
    title += f"\n{kind}; dashed beyond the last follow-up{last_follow_up(fitted, ' ({})')}"
    if by in fitted.model.exposures and (told := str(contrast_of(fitted, by)["told"].iloc[0])):
        title += f"\ntheir difference: {MARKS[told]} {told}"
    failed = fitted.verdict == "fail"
    ax.set_title(mark([fitted.verdict]) + title, loc="left", fontsize=10, color=ALARM if failed else "black")


def counted(fitted: Fitted, steps: list[Steps], ticks: list[float]) -> dict[str, list[tuple[str, list[str]]]]:
    """Count, arm by arm, who is at risk at every tick, and who had the event or was last seen before it.

    Those who entered by a tick are either at risk there or among the other two. Of an exposure with unknown dates the
    fewest and the most at risk are told.
    """

    def line(counts: ArrayLike) -> list[str]:
        return [count_text(n, not fitted.public) for n in np.asarray(counts)]

    left = {item.arm: left_before(item.curve, ticks) for item in steps}
    table = {
        AT_RISK: [(item.arm, line(numbers_at_risk(item.curve, ticks))) for item in steps],
        "Events before": [(arm, line(events)) for arm, (events, _) in left.items()],
        "Censored before": [(arm, line(censored)) for arm, (_, censored) in left.items()],
    }
    for exposure in fitted.model.exposures.values():
        if not exposure.begins or len(steps) > 1:
            continue
        out = fitted.design.outcome
        fewest, most = (
            line([((start <= t) & (out["entry"] <= t) & (out["time"] >= t)).sum() for t in ticks])
            for start in (fitted.design.latest, fitted.design.earliest)
        )
        told = [a if a == b else f"{a}–{b}" for a, b in zip(fewest, most, strict=True)]
        table[AT_RISK].append((f"of these {exposure.arms[1]} by then", told))
    return table


def draw_counts(ax: Axes, table: dict[str, list[tuple[str, list[str]]]], ticks: list[float]) -> float:
    """Print counts below the axis, lines of a kind under its heading; return the points used."""
    place: dict[str, Any] = {
        "xycoords": ax.get_xaxis_transform(),
        "textcoords": "offset points",
        "annotation_clip": False,
    }
    down = -46.0 + LINE
    shown = drawn_apart(name for lines in table.values() for name, _ in lines)

    def write(text: str, counts: list[str], indent: int, **how: Any) -> None:
        ax.annotate(text, (0, 0), (-indent, down), fontsize=8, ha="right", va="center", **how, **place)
        for t, count in zip(ticks, counts, strict=False):
            ax.annotate(count, (t, 0), (0, down), fontsize=8, ha="center", va="center", **place)

    for heading, lines in table.items():
        down -= LINE
        alone = len(lines) == 1 and heading != AT_RISK
        write(heading, lines[0][1] if alone else [], 14 if alone else 4, style="italic")
        for name, counts in [] if alone else lines:
            down -= LINE
            write(shown[name], counts, 14)
    return down


def caution(ax: Axes, below: float, wrong: str) -> None:
    """Print into the figure what is wrong with comparing patients by what they came to receive."""
    text = textwrap.fill(drawn(f"Read with care: it {wrong}.", 500), 105)
    place: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "offset points", "annotation_clip": False}
    ax.annotate(text, (0, 0), (-40, below - LINE), fontsize=8, color=ALARM, ha="left", va="top", **place)
