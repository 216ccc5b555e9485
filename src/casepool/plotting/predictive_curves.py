"""What a survival model foresees: curves its priors hold possible, and Kaplan-Meier curves it would have produced."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes

from casepool.arguments import seed_of
from casepool.cases.reading import resolve_typed
from casepool.errors import CasepoolError
from casepool.estimation.curves import curve
from casepool.estimation.draws import Fitted, open_draws, without_dates
from casepool.frequentist.curves import kaplan_meier, survival_at
from casepool.inference.predictive import follow_up_limit, prior_draws, replicate
from casepool.modelling import Model
from casepool.modelling import model as get_model
from casepool.modelling.design.design import Design
from casepool.modelling.design.making import design_of_typed
from casepool.modelling.design.times import default_times
from casepool.modelling.families.names import effect_of
from casepool.modelling.specification.prior_implications import Range
from casepool.numbers import capital
from casepool.plotting.lettering import drawn
from casepool.plotting.style import ALARM, COLOURS, GREY, Canvas, axes_on, canvas_of, mark
from casepool.plotting.survival_curves import (
    CI_PROB,
    HEIGHT,
    WIDTH,
    Steps,
    caption_of,
    draw_steps,
    frame,
    refuse_response,
    time_ticks,
)
from casepool.random_streams import Stream, stream

REPLICATIONS = 400
"""Draws of the posterior a check replicates the cohort from."""
PRIOR_DRAWS = 20_000
SEED = 1
"""Of the draws of a prior unless another is asked for."""
SHOWN = 40
"""Single curves drawn of a prior."""
GRID = 121
TAIL = (1 - CI_PROB) / 2


def plot_survival_check(
    fit: xr.DataTree, *, ax: Axes | None = None, figsize: tuple[float, float] | None = None
) -> Axes:
    """Check a survival fit against what was seen: Kaplan-Meier of the patients, and of patients it would produce.

    From draws of the posterior every patient's time is drawn anew, up to the same limit of follow-up (the longest one
    for who had the event) and with the exposure as it was, and a Kaplan-Meier curve is made of each such cohort.

    Parameters
    ----------
    fit : xarray.DataTree
        Of a survival model.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a figure of its own.
    figsize : tuple of float, optional
        Width and height in inches of a figure of its own, in the place of those it needs; not with `ax`.

    Returns
    -------
    matplotlib.axes.Axes
        The curve seen, over the median and the 95% interval of the replicated ones, pointwise. The title gives the
        shares of replications below what was seen; shares near 0 or 1 speak against the model.

    Raises
    ------
    CasepoolError
        For a response fit.

    See Also
    --------
    plot_survival, plot_prior_survival, check

    Examples
    --------
    >>> import casepool as cp
    >>> fit = cp.fit("overall_survival", "alk_crizotinib", seed=2, progress=False)
    >>> ax = cp.plot_survival_check(fit)
    >>> ax.get_ylabel()
    'Alive'
    """
    canvas = canvas_of(ax, figsize)
    return draw_survival_check(open_draws(fit), canvas=canvas)


def draw_survival_check(fitted: Fitted, *, canvas: Canvas = None) -> Axes:
    """Draw what `plot_survival_check` does, of a fit that is open."""
    refuse_response(fitted.model)
    out, last = fitted.design.outcome, float(fitted.design.outcome["time"].max())
    ticks = time_ticks(fitted.unit, last)
    points = [t for t in default_times(fitted.design, fitted.codebook) if t <= last][:2]
    grid = np.unique([*np.linspace(0, last, GRID), *points])
    curves = replicated_curves(fitted, grid)
    low, middle, high = np.nanquantile(curves, [TAIL, 0.5, 1 - TAIL], axis=0)
    ax = axes_on(canvas, WIDTH, HEIGHT)
    ax.fill_between(grid, low, high, step="post", color=COLOURS[0], alpha=0.18, linewidth=0)
    ax.step(grid, middle, where="post", color=COLOURS[0], linewidth=1.5, label="Kaplan–Meier, replicated: median")
    seen = kaplan_meier(out["time"], out["event"], out["entry"])
    draw_steps(ax, Steps("seen", f"{caption_of(fitted)}, seen ({len(out['time'])})", seen, "black"))
    frame(ax, fitted, ticks)
    found = [(t, float(survival_at(seen, t)), curves[:, np.searchsorted(grid, t)]) for t in points]
    said = [f"{t:g} {fitted.unit} {_share(column, alive):.2f}" for t, alive, column in found]
    title = f"{REPLICATIONS} replicated cohorts, followed as these were: median and {100 * CI_PROB:g}% interval"
    title += f"\nShare of replications below what was seen: {', '.join(said)}" if said else ""
    failed = fitted.verdict == "fail"
    ax.set_title(mark([fitted.verdict]) + title, loc="left", fontsize=10,
                 color=ALARM if failed else "black")  # fmt: skip
    return ax


def _share(values: np.ndarray, seen: float) -> float:
    """Share of replications below what was seen, ties counted half."""
    known = values[~np.isnan(values)]
    return float((known < seen).mean() + (known == seen).mean() / 2)


def replicated_curves(fitted: Fitted, times: np.ndarray) -> np.ndarray:
    """Return Kaplan-Meier survival of cohorts drawn from the posterior: array (replications, times)."""
    design, rng = fitted.design, stream(fitted.seed, Stream.REPLICATED_CURVES)
    shape = fitted.shape
    picked = rng.choice(shape[0] * shape[1], min(REPLICATIONS, shape[0] * shape[1]), replace=False)
    parameters = {
        name: values.reshape(-1, *values.shape[2:])[picked][None] for name, values in fitted.parameters.items()
    }
    time, limit, entry = replicate(design, parameters, rng)[0], follow_up_limit(design), design.outcome["entry"]
    at_risk = limit > entry
    return np.array(
        [survival_at(kaplan_meier(own[at_risk], (own < limit)[at_risk], entry[at_risk]), times) for own in time]
    )


def plot_prior_survival(
    model_or_fit: xr.DataTree | str | Path | Model,
    cases: str | Path | pd.DataFrame | None = None,
    *,
    seed: int = SEED,
    ax: Axes | None = None,
    figsize: tuple[float, float] | None = None,
) -> Axes:
    """Draw the survival curves a model's priors hold possible, before any outcome is seen.

    Parameters
    ----------
    model_or_fit : xarray.DataTree or str or pathlib.Path or Model
        A survival model with `cases`, or a fit alone.
    cases : str or pathlib.Path or pandas.DataFrame, optional
        Whose patients' covariates and times the curves are drawn over.
    seed : int
        Of the draws.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a figure of its own.
    figsize : tuple of float, optional
        Width and height in inches of a figure of its own, in the place of those it needs; not with `ax`.

    Returns
    -------
    matplotlib.axes.Axes
        Single curves of the patients never exposed, their median, and intervals that hold half and 95% of them; an
        exposure's ratio and its range are told in the title.

    Raises
    ------
    CasepoolError
        For a response model, a model without cases, or a Flat prior, which has no draws.

    See Also
    --------
    plot_survival_check, fit

    Examples
    --------
    >>> import casepool as cp
    >>> ax = cp.plot_prior_survival("overall_survival", "alk_crizotinib", seed=1)
    >>> ax.get_xlabel()
    'Months since time zero'
    """
    canvas = canvas_of(ax, figsize)
    return draw_prior_survival(_before(model_or_fit, cases, seed_of(seed)), canvas=canvas)


def draw_prior_survival(prior: Fitted, *, canvas: Canvas = None) -> Axes:
    """Draw what `plot_prior_survival` does, of draws of a prior in the place of a fit's."""
    arm = curve(prior, prior.design, np.inf)
    last = float(prior.design.outcome["time"].max())
    ticks = time_ticks(prior.unit, last)
    grid = np.linspace(0, ticks[-1], GRID)
    alive = np.stack([arm.survival(t)[0] for t in grid], axis=-1)
    ax = axes_on(canvas, WIDTH, HEIGHT)
    quantiles = np.quantile(alive, [TAIL, 0.25, 0.5, 0.75, 1 - TAIL], axis=0)
    for place, label, alpha in ((0, f"{100 * CI_PROB:g}% of curves, pointwise", 0.12), (1, "half of them", 0.22)):
        ax.fill_between(
            grid, quantiles[place], quantiles[-1 - place], color=COLOURS[0], alpha=alpha, linewidth=0, label=label
        )
    ax.plot(grid, alive[:SHOWN].T, color=GREY, linewidth=0.5, alpha=0.6)
    ax.plot(grid, quantiles[2], color=COLOURS[0], linewidth=2, label="median")
    frame(ax, prior, ticks)
    ax.legend(loc="upper right", frameon=False, fontsize=8)
    ax.set_title("\n".join(_in_words(prior, arm.median())), loc="left", fontsize=10)
    return ax


def _before(given: xr.DataTree | str | Path | Model, cases: str | Path | pd.DataFrame | None, seed: int) -> Fitted:
    """Return draws of the prior of a fit, or of a model laid on cases."""
    if isinstance(given, xr.DataTree):
        fitted = open_draws(given)
        refuse_response(fitted.model)
        return prior_of(fitted.undated, seed)
    if cases is None:
        raise CasepoolError("a model alone has no patients", remedy="pass cases too")
    model, (frame_, codebook) = get_model(given), resolve_typed(cases)
    refuse_response(model)
    return prior_of(design_of_typed(without_dates(model), frame_, codebook), seed)


def prior_of(design: Design, seed: int = SEED) -> Fitted:
    """Return draws of the prior in the place of a fit's, of a Design without dates: they play no part here."""
    drawn = prior_draws(design, stream(seed, Stream.PRIOR_SURVIVAL), (1, PRIOR_DRAWS))
    return Fitted(xr.DataTree(), design.model, design, drawn, "")


def _in_words(prior: Fitted, median: np.ndarray) -> list[str]:
    """Say what the priors hold possible: the median time to the event, and an exposure's ratio."""
    what = drawn(prior.model.outcome.time_to)
    lines = [f"Before the data: median {what} {_range(median)} {prior.unit}, median and 95% range"]
    for exposure in prior.model.exposures.values():
        ratio = "time ratio" if prior.model.effects == "accelerated" else "hazard ratio"
        values = np.exp(prior.parameters[effect_of(exposure.name)])
        lines.append(f"{drawn(capital(exposure.called))}: {ratio} {_range(values)}")
    return lines


def _range(values: np.ndarray) -> str:
    """Write median and 95% range at two digits."""
    return str(Range(*(float(q) for q in np.quantile(values, [0.5, TAIL, 1 - TAIL]))))
