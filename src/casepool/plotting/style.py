"""What every figure shares: axes that notebooks show and scripts forget, colours, a picture's bytes."""

from __future__ import annotations

import base64
import io
import sys
from collections.abc import Iterable
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from casepool.arguments import is_number
from casepool.errors import CasepoolError
from casepool.inference.convergence import worst

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
"""Told apart by readers who are colour-blind (Okabe and Ito 2008)."""
MARKERS = ("o", "s", "D", "^", "v", "P", "X", "<", ">", "*", "h")
"""More than colours, so that where colours repeat markers do not."""
GREY = "#555555"
ALARM = "#B00020"
DPI = 160
WIDEST = 300.0
"""Inches beyond which no side of a figure is."""
METADATA: dict[str, dict[str, Any]] = {
    "png": {"Software": "casepool"},
    "svg": {"Creator": "casepool", "Date": None},
    "pdf": {"Creator": "casepool", "CreationDate": None},
}
"""What a file of each form says of itself, by its ending."""
DOUBTED = "a check raised a concern: see check(fit)"
UNCONVERGED = "did not converge, or failed a check: do not use"


class ShownAxes(Axes):
    """Axes of a figure of their own: as the last expression of a cell they are its picture."""

    def _repr_png_(self) -> bytes:
        if (pyplot := sys.modules.get("matplotlib.pyplot")) is not None:
            pyplot.close(self.get_figure(root=True))  # which the end of the cell would show once more
        return picture(self, "png", bbox_inches="tight")


Canvas = Axes | tuple[float, float] | None
"""Where to draw: on given axes, or in a figure of its own, of a given size in inches or the one it needs."""


def canvas_of(ax: Axes | None, figsize: tuple[float, float] | None) -> Canvas:
    """Return where to draw, refusing what cannot be drawn on."""
    if ax is not None and not isinstance(ax, Axes):
        raise CasepoolError("ax is no axes of matplotlib", value=ax, remedy="pass plt.gca(), or leave it out")
    if figsize is None:
        return ax
    if ax is not None:
        remedy = "leave figsize out, and set the size of the figure that ax is of"
        raise CasepoolError("ax has a size already", column="figsize", value=figsize, remedy=remedy)
    two = isinstance(figsize, tuple | list) and len(figsize) == 2 and all(is_number(side) for side in figsize)
    if not two or not all(0 < side <= WIDEST for side in figsize):
        remedy = f"pass two numbers above 0 and at most {WIDEST:g}, say (8, 5)"
        raise CasepoolError("figsize is no width and height in inches", value=figsize, remedy=remedy)
    return float(figsize[0]), float(figsize[1])


def size_on(canvas: Canvas, width: float, height: float) -> tuple[float, float]:
    """Return the size of a figure of its own: the one asked for, or the one it needs."""
    return canvas if isinstance(canvas, tuple) else (width, min(height, WIDEST))


def axes_on(canvas: Canvas, width: float, height: float) -> Axes:
    """Return the axes to draw on: those given, or new ones of a figure of its own."""
    if isinstance(canvas, Axes):
        return canvas
    figure, kind = new_figure(size_on(canvas, width, height), layout="constrained")
    return figure.add_subplot(axes_class=kind)


def new_figure(size: tuple[float, float], **how: Any) -> tuple[Figure, type[Axes]]:
    """Make a figure, and say what its axes shall be.

    Where figures are shown by themselves, in a notebook or in windows, pyplot makes it, and it is shown like any other.
    Anywhere else no global state knows it, so that nothing need be closed.
    """
    inline = _shows_inline()
    if not inline and not _opens_windows():
        return Figure(figsize=size, **how), ShownAxes
    from matplotlib import pyplot

    return pyplot.figure(figsize=size, **how), ShownAxes if inline else Axes


def _shows_inline() -> bool:
    """Whether this is a notebook that shows figures below their cell."""
    notebook = sys.modules.get("IPython")
    backend = mpl.get_backend(auto_select=False) or ""
    return "inline" in backend and notebook is not None and notebook.get_ipython() is not None


def _opens_windows() -> bool:
    return mpl.is_interactive() and "matplotlib.pyplot" in sys.modules


def mark(verdicts: Iterable[str]) -> str:
    """Return the line a title begins with where some fit did not pass its checks, else an empty text."""
    found = worst(*verdicts)
    return f"× {UNCONVERGED}\n" if found == "fail" else f"! {DOUBTED}\n" if found == "concern" else ""


def picture(axes: Axes, form: str, **how: Any) -> bytes:
    """Return the figure of some axes as the bytes of a file that tells no time, and that casepool wrote it."""
    buffer = io.BytesIO()
    figure = axes.get_figure(root=True)
    if figure is None:
        raise ValueError("these axes belong to no figure")
    with mpl.rc_context({"svg.hashsalt": "casepool"}):
        figure.savefig(buffer, format=form, dpi=DPI, metadata=METADATA[form], **how)
    return buffer.getvalue()


def data_uri(axes: Axes) -> str:
    """Return the figure of some axes as a PNG inside an address, for a file that needs no other."""
    return "data:image/png;base64," + base64.b64encode(picture(axes, "png")).decode("ascii")
