"""What a number does to the response: its probability over the number's range, with the patients."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from casepool.arguments import name_of
from casepool.errors import CasepoolError
from casepool.estimation.draws import Fitted, open_draws, quantiles
from casepool.estimation.effects import probability_along
from casepool.modelling.design.grouping import patients_and_events
from casepool.modelling.specification.cautions import lowered
from casepool.modelling.specification.endpoints import event
from casepool.plotting.lettering import drawn
from casepool.plotting.style import ALARM, COLOURS, axes_on, canvas_of, mark

WIDTH, HEIGHT = 6.4, 4.2
GRID = 61
"""Points of the curve."""
CI_PROB = 0.95
TICK = 0.035
"""Height of a patient's mark, as a share of the axis."""


def plot_effect(
    fit: xr.DataTree, term: str, *, ax: Axes | None = None, figsize: tuple[float, float] | None = None
) -> Axes:
    """Draw the probability of success over the range of a number in the model.

    The curve is the posterior median, with a 95% credible band, of the mean probability over all patients of the
    fit, each set to the value, everything else kept. It ends where the recorded values do. Each patient is a mark at
    the recorded value: at the top with success, at the bottom without.

    Parameters
    ----------
    fit : xarray.DataTree
        Of a response model; of an ordinal one, success is what the model file says, by default anything better
        than the worst category.
    term : str
        A linear or smooth term.
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
        For a survival fit, a name that is no number of the model, or fewer than two different recorded values.

    See Also
    --------
    estimates, plot_forest

    Examples
    --------
    >>> import casepool as cp
    >>> fit = cp.fit("objective_response", "alk_crizotinib", seed=1, progress=False)
    >>> ax = cp.plot_effect(fit, "age")
    >>> ax.get_xlabel()
    'Age (years)'
    """
    canvas = canvas_of(ax, figsize)
    name_of(term, "term", "name a linear or smooth term of the model")
    fitted = open_draws(fit)
    recorded = _recorded(fitted, term)
    values = np.linspace(np.nanmin(recorded), np.nanmax(recorded), GRID)
    tail = (1 - CI_PROB) / 2
    low, middle, high = quantiles(probability_along(fitted, term, values), [tail, 0.5, 1 - tail])
    ax = axes_on(canvas, WIDTH, HEIGHT)
    ax.fill_between(values, low, high, facecolor=(COLOURS[0], 0.15), edgecolor=(COLOURS[0], 0.4), linewidth=0.5)
    ax.plot(values, middle, color=COLOURS[0], linewidth=2)
    _patients(ax, fitted, recorded)
    _words(ax, fitted, term)
    return ax


def _recorded(fitted: Fitted, term: str) -> np.ndarray:
    """Return the patients' recorded values of a number, refusing what has none to draw over."""
    if fitted.is_survival:
        raise CasepoolError(f"{fitted.model.name!r} is a survival model", remedy="use plot_survival(fit)")
    numbers = [name for name, own in fitted.model.terms.items() if own.is_number]
    if term not in numbers:
        instead = f"there are {', '.join(numbers)}" if numbers else "there is none"
        raise CasepoolError(
            f"{term!r} is no linear or smooth term of the model {fitted.model.name!r}",
            remedy=f"{instead}; levels are drawn by plot_forest(estimates(fit, by=...))",
        )
    recorded = fitted.design.numbers(term)
    if len(np.unique(recorded[~np.isnan(recorded)])) < 2:
        raise CasepoolError(
            f"fewer than two different values of {term!r} are recorded", remedy="draw a term whose values differ"
        )
    return recorded


def _patients(ax: Axes, fitted: Fitted, recorded: np.ndarray) -> None:
    """Mark every patient at the recorded value: with success at the top, without at the bottom."""
    n, events = patients_and_events(fitted.design)
    for some, low in ((events > 0, 1 - TICK), (n - events > 0, 0.0)):
        at = recorded[some & ~np.isnan(recorded)]
        ax.vlines(at, low, low + TICK, transform=ax.get_xaxis_transform(), color="black", linewidth=1, alpha=0.6)


def _words(ax: Axes, fitted: Fitted, term: str) -> None:
    """Name axes, interval, patients, and a fit that did not converge."""
    model = fitted.model
    source = model.terms[term].source
    unit = fitted.codebook.columns[source].unit
    unit = f" ({unit})" if unit else ""
    success = event(model).words or " or ".join(model.outcome.success) or model.outcome.events
    ax.set_xlabel(drawn(f"{fitted.codebook.label_of(source)}{unit}", 60))
    ax.set_ylabel(drawn(f"Probability of {success}", 60))
    ax.set_ylim(0, 1)
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(color="#E5E5E5", linewidth=0.6)
    ax.set_axisbelow(True)
    lost = int(np.isnan(fitted.design.numbers(term)).sum())
    unmarked = f"; {lost} of unknown {lowered(fitted.codebook.label_of(source))} unmarked" if lost else ""
    marks = f"marks: patients, top with and bottom without success{unmarked}"
    title = (
        f"{drawn(model.title or model.name, 90)}\nposterior median, {100 * CI_PROB:g}% CrI, "
        f"standardised over the {len(fitted.design.patients)} patients of the fit\n{drawn(marks, 110)}"
    )
    failed = fitted.verdict == "fail"
    ax.set_title(mark([fitted.verdict]) + title, loc="left", fontsize=9, color=ALARM if failed else "black")
