"""A drawing of rectangles, lines and words: as SVG inside a page or alone, and as a figure of matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup, escape
from matplotlib.figure import Figure
from matplotlib.patches import Polygon, Rectangle

from casepool.escaping import literal, one_line

COLOURS = {
    "ink": "#1c1d21", "soft": "#565a63", "rule": "#d5d8de", "paper": "#ffffff", "blue": "#0b62a8", "red": "#b4490a",
    "grey": "#dde1e6", "q0": "#e3e6ea", "q1": "#7a3b12", "q2": "#d99a4e", "q3": "#7fb2de", "q4": "#0b4f8a",
}  # fmt: skip
"""Names of colours, with what they are in print; a page has a second set for the dark."""
SIZE = 13
LETTER = 7.3
"""Width of a letter of that size in pixels, taken large."""
POINTS = 0.75
"""Points of a pixel."""


@dataclass(frozen=True)
class Shape:
    """A rectangle, line or area of corners, or words at the only corner."""

    kind: str
    corners: Sequence[tuple[float, float]]
    fill: str = ""
    stroke: str = ""
    width: float = 1.0
    dashed: bool = False
    faint: bool = False
    words: str = ""
    anchor: str = "start"
    bold: bool = False
    size: float = SIZE


@dataclass
class Drawing:
    """Shapes on a plane whose y grows downwards, in pixels."""

    width: float
    height: float = 0.0
    shapes: list[Shape] = field(default_factory=list)

    def rect(self, x: float, y: float, width: float, height: float, fill: str = "", stroke: str = "") -> None:
        """Draw a rectangle."""
        self.shapes.append(Shape("rect", [(x, y), (x + width, y + height)], fill, stroke))

    def line(
        self, *corners: tuple[float, float], stroke: str = "ink", width: float = 1.0, dashed: bool = False
    ) -> None:
        """Draw a line through all corners."""
        self.shapes.append(Shape("line", corners, stroke=stroke, width=width, dashed=dashed))

    def area(self, corners: Sequence[tuple[float, float]], fill: str) -> None:
        """Draw a faint area."""
        self.shapes.append(Shape("area", corners, fill, faint=True))

    def text(self, x: float, y: float, words: str, *, fill: str = "ink", **look: Any) -> None:
        """Write words; `y` is their base line, `look` is how: anchor, bold, size."""
        self.shapes.append(Shape("text", [(x, y)], fill, words=one_line(words), **look))

    def svg(self, label: str = "", name: str = "", *, alone: bool = False) -> Markup:
        """Write it as SVG; `alone` as a file, with colours of its own."""
        style = ""
        if alone:
            rules = "".join(f".f-{k}{{fill:{v}}}.s-{k}{{stroke:{v}}}" for k, v in COLOURS.items())
            style = f"<style>{rules}text{{font:13px sans-serif}}.b{{font-weight:600}}.a{{fill-opacity:.17}}</style>"
            style += f'<rect width="100%" height="100%" fill="{COLOURS["paper"]}"/>'
        said = f' role="img" aria-label="{escape(label)}"' if label else ' aria-hidden="true"'
        named = f' class="{name}"' if name else ""
        space = ' xmlns="http://www.w3.org/2000/svg"' if alone else ""
        size = f'width="{self.width:g}" height="{self.height:g}"'
        head = f'<svg{space}{named} viewBox="0 0 {self.width:g} {self.height:g}" {size}{said}>'
        return Markup(f"{head}{style}{''.join(map(_tag, self.shapes))}</svg>")  # noqa: S704 - words escaped in _tag

    def figure(self) -> Figure:
        """Draw it by matplotlib, for the formats that SVG is not."""
        figure = Figure(figsize=(self.width / 96, self.height / 96))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, self.width), ylim=(self.height, 0))
        axes.axis("off")
        for shape in self.shapes:
            colour = COLOURS.get(shape.fill, "none")
            edge, xs, ys = COLOURS.get(shape.stroke, "none"), *zip(*shape.corners, strict=True)
            look: dict[str, Any] = {"facecolor": colour, "edgecolor": edge, "alpha": 0.17 if shape.faint else 1}
            if shape.kind == "rect":
                axes.add_patch(Rectangle((xs[0], ys[0]), xs[1] - xs[0], ys[1] - ys[0], **look))
            elif shape.kind == "area":
                axes.add_patch(Polygon(list(shape.corners), **look))
            elif shape.kind == "line":
                dash = "--" if shape.dashed else "-"
                axes.plot(xs, ys, color=edge, linewidth=shape.width * POINTS, linestyle=dash)
            else:
                side = {"start": "left", "middle": "center", "end": "right"}[shape.anchor]
                weight = "bold" if shape.bold else "normal"
                words = literal(shape.words, 200)
                axes.text(
                    xs[0], ys[0], words, ha=side, fontsize=shape.size * POINTS * 0.92, color=colour, weight=weight
                )
        return figure


def _tag(shape: Shape) -> str:
    """Write one shape."""
    names = [
        f"f-{shape.fill}" * bool(shape.fill),
        f"s-{shape.stroke}" * bool(shape.stroke),
        "a" * shape.faint,
        "b" * shape.bold,
    ]
    style = f' class="{" ".join(filter(None, names))}"'
    (x, y), *more = shape.corners
    if shape.kind == "text":
        small = f' style="font-size:{shape.size:g}px"' if shape.size != SIZE else ""
        return f'<text x="{x:.4g}" y="{y:.4g}" text-anchor="{shape.anchor}"{style}{small}>{escape(shape.words)}</text>'
    if shape.kind == "rect":
        size = f'width="{more[0][0] - x:.4g}" height="{more[0][1] - y:.4g}"'
        return f'<rect x="{x:.4g}" y="{y:.4g}" {size}{"" if shape.fill else ' fill="none"'}{style}/>'
    points = " ".join(f"{a:.4g},{b:.4g}" for a, b in shape.corners)
    if shape.kind == "area":
        return f'<polygon points="{points}"{style}/>'
    dash = ' stroke-dasharray="5 4"' if shape.dashed else ""
    return f'<polyline points="{points}" fill="none" stroke-width="{shape.width:g}"{dash}{style}/>'


def fitting(words: str, width: float) -> str:
    """Return words cut to a width by leaving out their middle, so that names that end apart stay apart."""
    most = max(int(width / LETTER), 3)
    if len(words) <= most:
        return words
    back = most // 2 - 1
    return f"{words[: most - back - 1]}…{words[len(words) - back :] if back > 0 else ''}"
