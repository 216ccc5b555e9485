"""Figures as files: what the command line draws, and where it may go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr
from matplotlib.axes import Axes

from casepool.arguments import one_of, path_of
from casepool.errors import CasepoolError
from casepool.estimation.comparing import compare
from casepool.estimation.draws import Fitted, open_draws
from casepool.estimation.response import estimates_of
from casepool.frequentist.answers import classical_of
from casepool.plotting.diagnostics import plot_diagnostics
from casepool.plotting.effect_curve import plot_effect
from casepool.plotting.forest import plot_forest
from casepool.plotting.predictive_curves import plot_prior_survival, plot_survival_check
from casepool.plotting.spider import plot_spider
from casepool.plotting.style import METADATA, picture
from casepool.plotting.survival_curves import plot_survival
from casepool.plotting.swimmer import plot_swimmer
from casepool.plotting.waterfall import plot_waterfall
from casepool.replacing import target_of
from casepool.tables import UNSEEN
from casepool.writing import write_atomically

TAIL = 16_384
"""Bytes at either end of a file that are looked at: a PDF says at its end who wrote it."""
SAYS = {"svg": b"<dc:title>casepool</dc:title>", "png": b"Software\x00casepool", "pdf": b"/Creator (casepool)"}
"""How a figure of each form says that casepool wrote it."""


@dataclass(frozen=True)
class Kind:
    """A figure that the command line draws.

    Parameters
    ----------
    draw : callable
        Takes what is drawn, and options by their names.
    of : tuple of str
        What it is drawn of: "fit", "cases" or both.
    takes : tuple of str
        Its options, by the function's own names; of the swimmer plot where it is drawn of cases.
    columns : tuple of str
        What columns it may be told.
    needs : tuple of str
        Options that must be given.
    """

    draw: Callable[..., Axes]
    of: tuple[str, ...] = ("fit",)
    takes: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()

    def options(self, own: str) -> tuple[str, ...]:
        """Return the options it takes of a fit, or of cases."""
        return tuple(name for name in self.takes if own == "cases" or name != "model")


def _forest(fit: xr.DataTree, by: str | None = None) -> Axes:
    """Draw the forest plot of a fit: everyone, the levels of a factor as counted and as estimated, a new patient."""
    return plot_forest(forest_table(open_draws(fit), by))


def forest_table(fitted: Fitted, by: str | None = None) -> pd.DataFrame:
    """Return what a fit's forest plot shows; of survival its probabilities, of which no one count is the raw one."""
    groups = list(dict.fromkeys([None, by]))
    tables = [estimates_of(fitted, group) for group in groups]
    if fitted.is_survival:
        table = compare(*tables)
        return table[table["unit"] == "probability"]
    tables += [classical_of(fitted.design, fitted.cases, fitted.codebook, group) for group in groups]
    if by in fitted.model.terms:
        new = estimates_of(fitted, by, target="new")
        tables.append(new[new["level"] == UNSEEN])
    return compare(*tables)


KINDS: dict[str, Kind] = {
    "forest": Kind(_forest, takes=("by",)),
    "survival": Kind(plot_survival, takes=("by", "start", "patients")),
    "survival-check": Kind(plot_survival_check),
    "prior-survival": Kind(plot_prior_survival),
    "effect": Kind(plot_effect, takes=("by",), needs=("by",)),
    "diagnostics": Kind(plot_diagnostics),
    "swimmer": Kind(plot_swimmer, ("fit", "cases"), ("model",), ("on", "response", "evaluated"), needs=("model",)),
    "waterfall": Kind(plot_waterfall, ("cases",), ("by",), ("change", "response")),
    "spider": Kind(plot_spider, ("cases",), ("by", "cases"), ("patient", "time", "change", "size")),
}
"""By the word of the command line."""
CALLED = {"effect": {"by": "term"}}
"""Options that a function calls otherwise."""


DRAWN_OF = {"fit": "a saved fit", "cases": "cases: a dataset, a folder or a file"}


def arguments_of(
    word: str, options: Mapping[str, Any], columns: Sequence[str], *, own: str, file: str
) -> dict[str, Any]:
    """Return what a kind of figure is drawn with, refusing what it is not drawn of and what it does not take."""
    kind = KINDS[one_of(word, KINDS, "kind of figure")]
    if own not in kind.of:
        [wanted] = kind.of
        problem = "this is no saved fit" if wanted == "fit" else "this is a saved fit"
        raise CasepoolError(problem, file=file, remedy=f"{word} is drawn of {DRAWN_OF[wanted]}")
    takes = kind.options(own)
    if unknown := [name for name in options if name not in takes]:
        raise CasepoolError(f"{word} takes no {_option(unknown[0])}", remedy=_told(takes, kind.columns))
    if lacking := [name for name in kind.needs if name in takes and name not in options]:
        raise CasepoolError(f"{word} asks for {_option(lacking[0])}", remedy=f"add {_option(lacking[0])}")
    named = CALLED.get(word, {})
    given = {named.get(name, name): value for name, value in options.items()}
    for column in columns:
        key, equals, name = column.partition("=")
        if not equals or key not in kind.columns:
            remedy = _told(takes, kind.columns)
            raise CasepoolError(f"{word} takes no such column", value=column, remedy=remedy)
        given[key] = name
    return given


def _option(name: str) -> str:
    return "--data" if name == "cases" else f"--{name}"


def _told(takes: Sequence[str], columns: Sequence[str]) -> str:
    """Say what a kind of figure takes."""
    words = [*map(_option, takes), *(f"--column {key}=NAME" for key in columns)]
    return f"it takes {', '.join(words)}" if words else "leave it out"


def figure_target(path: Path, *, overwrite: bool, inputs: Iterable[Path]) -> str:
    """Return the form that a file's ending asks for, refusing any other, and places where no figure may go."""
    form = path_of(path).suffix.removeprefix(".").lower()
    if form not in METADATA:
        remedy = f"end the name in .{', .'.join(sorted(METADATA))}"
        raise CasepoolError("unknown form of a figure", file=str(path), remedy=remedy)
    target_of(path, partial(is_figure, form), overwrite=overwrite, inputs=inputs)
    return form


def is_figure(form: str, path: Path) -> bool:
    """Whether a file is a figure of a form that casepool wrote."""
    with path.open("rb") as file:
        head = file.read(TAIL)
        file.seek(max(0, path.stat().st_size - TAIL))
        return SAYS[form] in head or SAYS[form] in file.read()


def write_figure(ax: Axes, path: Path, form: str) -> None:
    """Write the figure of some axes, so that at any moment the old file or the new one is there."""
    write_atomically(path, picture(ax, form))
