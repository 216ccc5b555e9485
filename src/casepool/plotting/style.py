"""What every figure shares: axes without global state, colours, a data URI."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from casepool.errors import CasepoolError
from casepool.inference.convergence import worst

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
"""Told apart by readers who are colour-blind (Okabe and Ito 2008)."""
MARKERS = ("o", "s", "D", "^", "v", "P", "X", "<", ">", "*", "h")
"""More than colours, so that where colours repeat markers do not."""
GREY = "#555555"
ALARM = "#B00020"
DPI = 160
DOUBTED = "a check raised a concern: see check(fit)"
UNCONVERGED = "did not converge, or failed a check: do not use"


def new_axes(width: float, height: float) -> Axes:
    """Make the axes of a figure of its own, known to no global state of matplotlib."""
    return Figure(figsize=(width, height), layout="constrained").subplots()


def check_axes(ax: Axes | None) -> None:
    """Refuse what cannot be drawn on; None stands for a figure of its own."""
    if ax is not None and not isinstance(ax, Axes):
        raise CasepoolError("ax is no axes of matplotlib", value=ax, remedy="pass plt.gca(), or leave it out")


def mark(verdicts: Iterable[str]) -> str:
    """Return the line a title begins with where some fit did not pass its checks, else an empty text."""
    found = worst(*verdicts)
    return f"× {UNCONVERGED}\n" if found == "fail" else f"! {DOUBTED}\n" if found == "concern" else ""


def data_uri(axes: Axes) -> str:
    """Return the figure of some axes as a PNG inside an address, for a file that needs no other."""
    buffer = io.BytesIO()
    figure = axes.get_figure(root=True)
    if figure is None:
        raise ValueError("these axes belong to no figure")
    figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
