"""The swimmer plot: one lane a patient, from time zero to the event or the last contact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from casepool.cases.codebook import Codebook
from casepool.cases.reading import resolve_typed
from casepool.cases.tables import bare
from casepool.errors import CasepoolError
from casepool.estimation.material import gather
from casepool.modelling import Model
from casepool.modelling import model as get_model
from casepool.modelling.design.design import Design
from casepool.modelling.design.making import design_of_typed, patient_labels
from casepool.modelling.design.outcomes import Reader
from casepool.modelling.design.wording import worded
from casepool.plotting.changes import held_by
from casepool.plotting.lettering import drawn, drawn_apart
from casepool.plotting.style import ALARM, COLOURS, GREY, Canvas, axes_on, canvas_of
from casepool.plotting.survival_curves import refuse_response, time_ticks

ROLES = {"on": "on", "response": "response", "evaluated": "evaluation"}
"""Roles of the columns drawn where no others are named."""
UNNAMED: Mapping[str, str | None] = dict.fromkeys(ROLES)
WIDTH, LANE, MARGIN = 8.5, 0.21, 1.5
"""Inches: of the figure, of a lane, and of all that is no lane."""
ON, OFF, UNKNOWN, EXPOSED = COLOURS[0], "#B8CCE4", "#D9D9D9", COLOURS[1]
WHEN_EXPOSED: dict[str, Any] = {"linewidth": 2.2, "color": EXPOSED, "solid_capstyle": "butt"}


@dataclass(frozen=True)
class Lane:
    """What is known of one patient, in the outcome's unit; NaN where it is not."""

    label: str
    entry: float
    end: float
    event: bool
    since: float
    """The last time known to be event-free, where the event lies in an interval."""
    exposed: tuple[float, float]
    on: float
    evaluated: float


def plot_swimmer(
    cases_or_fit: xr.DataTree | pd.DataFrame | str | Path,
    model: str | Path | Model | None = None,
    *,
    on: str | None = None,
    response: str | None = None,
    evaluated: str | None = None,
    ax: Axes | None = None,
    figsize: tuple[float, float] | None = None,
) -> Axes:
    """Draw every patient's course: on and off the drug, the exposure's interval, evaluation, event or last contact.

    Parameters
    ----------
    cases_or_fit : xarray.DataTree or pandas.DataFrame or str or pathlib.Path
        A fit of a survival model, or cases: a dataset's name, a folder, a file or a frame.
    model : str or pathlib.Path or Model, optional
        With cases: the survival model that names the columns of follow-up, event and exposure.
    on : str, optional
        Column with the time on the drug from time zero on; what follows counts as off it. Default the column
        with the role ``on``; without, nothing is told of the drug.
    response, evaluated : str, optional
        Columns with the best response, printed beside the patient, and the time it was evaluated at. Default
        those with the roles ``response`` and ``evaluation``.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a figure of its own, as high as the patients need.
    figsize : tuple of float, optional
        Width and height in inches of a figure of its own, in the place of those it needs; not with `ax`.

    Returns
    -------
    matplotlib.axes.Axes
        One lane a patient, the longest follow-up on top; those without follow-up keep a lane without an end. The
        patients of a table that is not public are numbered from the top, not named.

    Raises
    ------
    CasepoolError
        For a response model, cases without a model, or a column that the table lacks.

    See Also
    --------
    plot_survival, plot_spider

    Examples
    --------
    >>> import casepool as cp
    >>> ax = cp.plot_swimmer("alk_crizotinib", "overall_survival")
    >>> ax.get_xlabel()
    'Months since time zero (33 patients, 28 with follow-up)'
    """
    canvas = canvas_of(ax, figsize)
    cases, codebook, chosen = _asked(cases_or_fit, model)
    named = {"on": on, "response": response, "evaluated": evaluated}
    return draw_swimmer(cases, codebook, chosen, named, canvas=canvas)


def draw_swimmer(
    cases: pd.DataFrame,
    codebook: Codebook,
    chosen: Model,
    named: Mapping[str, str | None] = UNNAMED,
    *,
    canvas: Canvas = None,
) -> Axes:
    """Draw what `plot_swimmer` does, of typed cases; `named` are the columns asked for."""
    lanes = lanes_of(cases, codebook, chosen, named)
    ax = axes_on(canvas, WIDTH, MARGIN + LANE * len(lanes))
    unit = chosen.outcome.unit
    for place, lane in enumerate(lanes):
        _draw(ax, lane, place)
    ax.set_yticks(range(len(lanes)), [lane.label for lane in lanes], fontsize=7.5)
    ax.set_ylim(len(lanes) - 0.3, -0.7)
    ticks = time_ticks(unit, max((lane.end for lane in lanes if lane.end > 0), default=1.0))
    ax.set_xlim(-0.012 * ticks[-1], ticks[-1])
    ax.set_xticks(ticks)
    followed = sum(bool(np.isfinite(lane.end)) for lane in lanes)
    ax.set_xlabel(f"{unit.capitalize()} since time zero ({len(lanes)} patients, {followed} with follow-up)")
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="x", color="#E5E5E5", linewidth=0.6)
    ax.set_axisbelow(True)
    _legend(ax, lanes, chosen)
    return ax


def _asked(
    given: xr.DataTree | pd.DataFrame | str | Path, model: str | Path | Model | None
) -> tuple[pd.DataFrame, Codebook, Model]:
    """Return the table, the whole one where it is at hand, its codebook, and the survival model."""
    if isinstance(given, xr.DataTree):
        if model is not None:
            raise CasepoolError("a fit has its model", remedy="leave `model` out")
        material = gather(given)
        (cases, codebook), chosen = (material.cases, material.codebook), material.fits[0].model
    elif model is None:
        raise CasepoolError(
            "cases alone do not say what follow-up is", remedy='pass a survival model too, say "overall_survival"'
        )
    else:
        cases, codebook = resolve_typed(given)
        chosen = worded(get_model(model), codebook)
    refuse_response(chosen)
    return cases, codebook, chosen


def lanes_of(cases: pd.DataFrame, book: Codebook, model: Model, named: Mapping[str, str | None]) -> list[Lane]:
    """Read every patient's lane, the longest follow-up first."""
    columns = {key: held_by(cases, book, ROLES[key], name, "plot_swimmer", key) for key, name in named.items()}
    design, reader = design_of_typed(model, cases, book), Reader(cases, book, model)
    labels = patient_labels(bare(cases), book)
    nothing = np.full(len(cases), np.nan)
    times = {
        key: reader.times(columns[key], model.outcome.unit) if columns[key] else nothing for key in ("on", "evaluated")
    }
    answers = [""] * len(cases)
    if columns["response"]:
        answers = ["" if pd.isna(value) else str(value) for value in cases[columns["response"]]]
    inside = _followed(design)
    lanes = []
    for i, label in enumerate(labels):
        known = inside.get(label, {"entry": 0.0, "end": np.nan, "event": False, "since": np.nan, "exposed": NEVER})
        lanes.append(Lane(label=label, on=float(times["on"][i]), evaluated=float(times["evaluated"][i]), **known))
    order = sorted(range(len(lanes)), key=lambda i: (-np.nan_to_num(lanes[i].end, nan=-1.0), i))
    own = [lanes[i].label if book.public else str(place) for place, i in enumerate(order, start=1)]
    names = [f"{name} {answers[i]}".strip() for name, i in zip(own, order, strict=True)]
    shown = drawn_apart(names)
    return [replace(lanes[i], label=shown[name]) for name, i in zip(names, order, strict=True)]


NEVER = (np.inf, np.inf)


def _followed(design: Design) -> dict[str, dict[str, Any]]:
    """Return follow-up, event and exposure of the patients with an outcome."""
    out = design.outcome
    between = out.get("between", np.zeros(len(out["time"])))
    since = np.where(between == 1, out.get("lower", np.nan), np.nan)
    never = np.full(len(design.patients), np.inf)
    early, late = (design.earliest, design.latest) if design.model.exposures else (never, never)
    return {
        patient: {
            "entry": float(out["entry"][i]),
            "end": float(out["time"][i]),
            "event": bool(out["event"][i]),
            "since": float(since[i]),
            "exposed": (float(early[i]), float(late[i])),
        }
        for i, patient in enumerate(design.patients)
    }


def _draw(ax: Axes, lane: Lane, place: int) -> None:
    """Draw one lane."""
    followed = np.isfinite(lane.end)
    end = lane.end if followed else lane.on
    if not np.isfinite(end):
        ax.text(0, place, " no follow-up time", fontsize=7, va="center", color=GREY, style="italic")
        return
    change = min(lane.on, end) if np.isfinite(lane.on) else np.nan
    parts = [(lane.entry, end, UNKNOWN)] if np.isnan(change) else [(lane.entry, change, ON), (change, end, OFF)]
    for a, b, colour in parts:
        if b > max(a, lane.entry):
            ax.barh(place, b - max(a, lane.entry), left=max(a, lane.entry), height=0.62, color=colour, linewidth=0)
    low, high = lane.exposed
    if low < high < np.inf:
        ax.plot([low, high], [place, place], **WHEN_EXPOSED)
        ax.plot([low, high], [place, place], "|", color=EXPOSED, markersize=8, markeredgewidth=2)
    elif np.isfinite(low):
        ax.plot(low, place, "D", color=EXPOSED, markersize=5)
    if np.isfinite(lane.evaluated):
        ax.plot(lane.evaluated, place, "o", color="white", markeredgecolor="black", markersize=4, zorder=4)
    if not followed:
        ax.annotate("follow-up unknown", (end, place), (8, 0), textcoords="offset points", fontsize=7, va="center",
                    color=GREY, style="italic")  # fmt: skip
        return
    if np.isfinite(lane.since):
        ax.plot([lane.since, lane.end], [place, place], color=ALARM, linewidth=1, linestyle=":", zorder=4)
    mark, colour, size = ("X", ALARM, 7) if lane.event else (">", "black", 5)
    ax.plot(lane.end, place, mark, color=colour, markersize=size, zorder=5, clip_on=False)


def _legend(ax: Axes, lanes: list[Lane], model: Model) -> None:
    """Explain what is drawn, and no more."""
    drug = any(np.isfinite(lane.on) for lane in lanes)
    handles: list[Any] = [Patch(color=ON, label="on the drug"), Patch(color=OFF, label="off it")] if drug else []
    if any(np.isnan(lane.on) and np.isfinite(lane.end) for lane in lanes):
        handles.append(Patch(color=UNKNOWN, label="not known whether on the drug" if drug else "follow-up"))
    name = drawn(next((exposure.arms[1] for exposure in model.exposures.values()), ""))
    if any(a < b < np.inf for a, b in (lane.exposed for lane in lanes)):
        handles.append(
            Line2D([], [], marker="|", markeredgewidth=2, label=f"{name} at some time between", **WHEN_EXPOSED)
        )
    if any(a == b < np.inf for a, b in (lane.exposed for lane in lanes)):
        handles.append(_mark("D", EXPOSED, name))
    if any(np.isfinite(lane.evaluated) for lane in lanes):
        handles.append(
            Line2D([], [], marker="o", color="white", markeredgecolor="black", markersize=5, label="response evaluated")
        )
    what = drawn(model.outcome.what or "event")
    handles.append(_mark("X", ALARM, f"{what}{' by' if any(np.isfinite(lane.since) for lane in lanes) else ''}"))
    handles.append(_mark(">", "black", f"last contact without {what}"))
    ax.legend(
        handles=handles, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncol=4, frameon=False, fontsize=8,
        columnspacing=1.4, handletextpad=0.5,
    )  # fmt: skip


def _mark(marker: str, colour: str, label: str) -> Line2D:
    return Line2D([], [], marker=marker, color=colour, linestyle="none", label=label)
