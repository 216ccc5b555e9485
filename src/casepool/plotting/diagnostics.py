"""What ArviZ draws of a fit's draws, as far as its engine has it, and in words what it has not."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from casepool.checking.importance import MOST_K, weighed
from casepool.estimation.draws import Fitted, open_draws
from casepool.inference import diagnostics
from casepool.inference.fit_contents import engine_of
from casepool.numbers import two_digits
from casepool.plotting.lettering import drawn, drawn_apart
from casepool.plotting.style import ALARM, COLOURS, GREY, axes_on, canvas_of, mark

WORST = 3
"""Numbers of the posterior that are drawn: those with the fewest effective draws."""
PANEL_WIDTH, PANEL_HEIGHT = 3.4, 2.1
"""Inches of a panel."""
WIDE, HIGH, FOOT = 0.76, 0.56, 0.17
"""Shares of a panel's place: its width, its height, and what is free below it for its axis; titles stand above."""
NUMBER = "plot"
"""What ArviZ is told a number is called: its plot_ess (1.3) looks for a variable of this name in given panels."""
HIGHEST_K = 1.5
"""A higher Pareto k is drawn there, as an arrow."""
DRAWN = {"nuts": ("trace", "rank", "ess"), "lockstep": ("rank", "ess"), "exact": ("rank", "ess")}
"""What is drawn of a number of the posterior, by engine."""
TITLES = {
    "trace": "draws in their order, by chain",
    "rank": "ranks by chain; p of their being alike",
    "ess": "effective draws along its quantiles",
}
NOT_DRAWN = {
    "nuts": "",
    "lockstep": "no trace: a chain of the fit holds the ends of many short ones, whose order tells nothing. "
    "no energy: it is not kept, and the acceptance rate is asked in its place. p of ranks takes a chain for one, and "
    "judges nothing here: nested R-hat does.",
    "exact": "no trace, R-hat, energy or divergences: draws are independent, as they are picked from a grid by their "
    "weights, which are asked in their place.",
}
"""What does not apply to an engine, and why."""
WORDS = {
    "rhat": "largest R-hat (below 1.01)",
    "ess": "fewest effective draws (400 or more)",
    "divergences": "divergences (none)",
    "bfmi": "smallest E-BFMI (above 0.3)",
    "acceptance": "mean acceptance (0.6 or more)",
    "k": "Pareto k of the weights",
    "kish": "Kish size of the weights",
    "proposals": "proposals",
    "refinement": "a finer grid moves the answer by",
}
"""What a fit's summary of convergence measures, with what is wanted of it."""


def plot_diagnostics(fit: xr.DataTree, *, ax: Axes | None = None, figsize: tuple[float, float] | None = None) -> Axes:
    """Draw whether a fit's draws may be trusted, by what its engine has to show.

    Of the three numbers of the posterior with the fewest effective draws: ranks by chain and effective draws along
    their quantiles, of nuts also the trace. Of nuts the energy of its trajectories. Of every engine the Pareto k of
    leaving each patient out, and in words what the engine measured of itself and what does not apply to it.

    Parameters
    ----------
    fit : xarray.DataTree
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a figure of its own. Panels are insets of these axes.
    figsize : tuple of float, optional
        Width and height in inches of a figure of its own, in the place of those it needs; not with `ax`.

    Returns
    -------
    matplotlib.axes.Axes
        Its ``child_axes`` are the panels, each with its title.

    Raises
    ------
    CasepoolError
        For what is no fit.

    See Also
    --------
    check, fit

    References
    ----------
    Vehtari A, Gelman A, Simpson D, Carpenter B, Bürkner PC (2021). Rank-normalization, folding, and localization:
    an improved R-hat. Bayesian Analysis 16:667-718. doi:10.1214/20-BA1221

    Examples
    --------
    >>> import casepool as cp
    >>> fit = cp.fit("basket_berry", "sarcoma_imatinib", seed=1, progress=False)
    >>> ax = cp.plot_diagnostics(fit)
    >>> [own.get_title() for own in ax.figure.axes][:2]
    ['']
    """
    canvas = canvas_of(ax, figsize)
    fitted = open_draws(fit)
    engine = str(engine_of(fit)["run"])
    kinds, numbers = DRAWN[engine], _worst(fitted)
    columns, rows = len(kinds), max(len(numbers), 1) + 1
    host = axes_on(canvas, PANEL_WIDTH * columns, PANEL_HEIGHT * rows + 0.8)
    host.set_axis_off()
    panels = _panels(host, rows, columns)
    shown = drawn_apart(numbers)
    for name, values in numbers.items():
        for kind in kinds:
            panel = next(panels)
            _arviz(panel, kind, values)
            _title(panel, f"{shown[name]}\n{TITLES[kind]}")
    if engine == "nuts":
        _energy(next(panels), fit["sample_stats"].to_dataset())
    _pareto(next(panels), fitted)
    _words(next(panels), fitted, engine)
    failed = fitted.verdict == "fail"
    title = f"{mark([fitted.verdict])}{drawn(fitted.model.title or fitted.model.name, 45 * columns)}\ndrawn by {engine}"
    host.set_title(title, loc="left", fontsize=10, color=ALARM if failed else "black")
    return host


def _panels(host: Axes, rows: int, columns: int) -> Iterator[Axes]:
    """Yield the panels of a grid, row by row."""
    for row in range(rows):
        for column in range(columns):
            place = (column / columns, 1 - (row + 1 - FOOT) / rows, WIDE / columns, HIGH / rows)
            yield host.inset_axes(place)


def _title(panel: Axes, words: str) -> None:
    panel.set_title(words, loc="left", fontsize=8)
    panel.set_xlabel(panel.get_xlabel(), fontsize=7)
    panel.set_ylabel(panel.get_ylabel(), fontsize=7)
    panel.tick_params(labelsize=7)


def _worst(fitted: Fitted) -> dict[str, np.ndarray]:
    """Return the numbers of the posterior with the fewest effective draws, by name: array (chain, draw) each."""
    every: dict[str, np.ndarray] = {}
    for name, values in fitted.tree["posterior"].to_dataset().data_vars.items():
        own = [dim for dim in values.dims if dim not in ("chain", "draw")]
        flat = values.transpose("chain", "draw", *own).stack(level=own) if own else values.expand_dims("level", -1)
        labels = [""] if not own else [", ".join(map(str, np.atleast_1d(key))) for key in flat["level"].to_numpy()]
        every |= {f"{name} {label}".strip(): flat.to_numpy()[..., i] for i, label in enumerate(labels)}
    told = {name: _ess(values) for name, values in every.items()}
    known = [name for name, ess in told.items() if not np.isnan(ess)]
    return {name: every[name] for name in sorted(known, key=told.__getitem__)[:WORST]}


def _ess(values: np.ndarray) -> float:
    """Return the fewer of bulk and tail effective draws, NaN of what does not vary."""
    one = values[..., None]
    return float(np.fmin(diagnostics.ess_bulk(one), diagnostics.ess_tail(one))[0]) if np.ptp(values) > 0 else np.nan


def _arviz(panel: Axes, kind: str, values: np.ndarray) -> None:
    """Let ArviZ draw one number into a panel."""
    import arviz as az

    data = xr.Dataset({NUMBER: (("chain", "draw"), values)}, _counted(values))
    draw = {"trace": az.plot_trace, "rank": az.plot_rank, "ess": az.plot_ess}[kind]
    aes = {} if kind == "ess" else {"color": ["chain"]}
    draw(data, plot_collection=_collection(panel, data, aes), visuals={"title": False})


def _counted(values: np.ndarray) -> dict[str, Any]:
    return {dim: np.arange(size) for dim, size in zip(("chain", "draw"), values.shape, strict=True)}


def _collection(panel: Axes, data: xr.Dataset, aes: Mapping[str, list[str]]) -> Any:
    """Return what ArviZ draws into, where it is to draw into one panel that is there already."""
    from arviz_plots import PlotCollection

    names = list(data.data_vars)
    groups = {"plot": panel, "row_index": 0, "col_index": 0}
    tree = {group: xr.Dataset({name: _single(thing) for name in names}) for group, thing in groups.items()}
    tree["/"] = xr.Dataset({"figure": _single(panel.get_figure(root=True))})
    return PlotCollection(data, xr.DataTree.from_dict(tree), aes=aes, backend="matplotlib")


def _single(thing: Any) -> xr.DataArray:
    held = np.empty((), dtype=object)
    held[()] = thing
    return xr.DataArray(held if not isinstance(thing, int) else thing)


def _energy(panel: Axes, stats: xr.Dataset) -> None:
    """Let ArviZ draw the energy of trajectories: where it lay, and how far each moved it."""
    import arviz as az

    energy = stats["energy"].transpose("chain", "draw").to_numpy()
    both = xr.Dataset(
        {"Energy": (("chain", "draw", "energy"), np.stack([energy, energy], axis=-1))},
        {**_counted(energy), "energy": ["marginal", "transition"]},
    )
    tree = xr.DataTree.from_dict({"sample_stats": stats[["energy"]]})
    az.plot_energy(tree, show_bfmi=False, plot_collection=_collection(panel, both, {"color": ["energy"]}),
                   visuals={"title": False, "legend": False})  # fmt: skip
    _title(panel, "energy of trajectories\nwhere it lies, and how far a draw moves it: alike")


def _pareto(panel: Axes, fitted: Fitted) -> None:
    """Draw the Pareto k of leaving out each patient, and name whom draws cannot be weighed without."""
    k = weighed(fitted).k
    high = k > MOST_K
    for some, colour in ((~high, COLOURS[0]), (high, ALARM)):
        panel.plot(np.flatnonzero(some), np.minimum(k[some], HIGHEST_K), "o", color=colour, markersize=3)
    panel.plot(np.flatnonzero(k > HIGHEST_K), np.full((k > HIGHEST_K).sum(), HIGHEST_K), "^", color=ALARM)
    panel.axhline(MOST_K, color=GREY, linewidth=0.9, linestyle="--")
    if fitted.public:
        for above, i in enumerate(np.flatnonzero(high)):
            panel.annotate(drawn(fitted.design.patients[i], 16), (i, min(k[i], HIGHEST_K)), (3, 7 * (above % 2) - 4),
                           fontsize=7, textcoords="offset points")  # fmt: skip
    panel.set_xlabel("rows of the fit, in their order")
    panel.set_ylim(min(-0.1, float(np.min(k)) - 0.1), max(1.0, min(float(np.max(k)), HIGHEST_K) + 0.15))
    _title(panel, f"Pareto k of leaving each patient out\n{int(high.sum())} of {len(k)} above {MOST_K:g}")


def _words(panel: Axes, fitted: Fitted, engine: str) -> None:
    """Say what the engine measured of itself, and what does not apply to it."""
    panel.set_axis_off()
    found = fitted.convergence
    lines = [f"convergence: {found['verdict']}"]
    for key, words in WORDS.items():
        value = found.get(key)
        if value is not None and isinstance(value, int | float):
            of = str(found.get(f"{key}_of") or "")
            nested = "largest nested R-hat (below 1.01)" if key == "rhat" and engine == "lockstep" else words
            lines.append(f"{nested}: {_shown(key, value)}{f', of {of}' if of else ''}")
    wrapped = [
        textwrap.fill(drawn(line, 300), 58, subsequent_indent="   ") for line in [*lines, NOT_DRAWN[engine]] if line
    ]
    panel.text(0, 1, "\n".join(wrapped), fontsize=7, va="top", transform=panel.transAxes)


def _shown(key: str, value: float) -> str:
    if key == "rhat":
        return f"{value:.3f}"
    return f"{value:,.0f}" if key in ("ess", "kish", "proposals", "divergences") else two_digits(value)
