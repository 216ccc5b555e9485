"""A line of a table drawn: the prior's bar, the interval of the answer, its dot, the ring of what was counted."""

from __future__ import annotations

import math

from markupsafe import Markup, escape

from casepool.reporting.blocks import Line
from casepool.reporting.scales import Number, Scale

MIDDLE = 11.0


def mini(line: Line, scale: Scale) -> Markup:
    """Draw a line as SVG without a view box, so that dots stay round at any width."""
    parts = []
    if line.prior is not None:
        parts.append(_bar(line.prior, scale))
    if scale.null is not None:
        at = scale.place(scale.null)
        parts.append(f'<line class="rf" x1="{at:.1f}%" x2="{at:.1f}%" y1="0" y2="22"/>')
    several = line.stands_for if line.answer is None else ()
    dots = [own.answer for own in (*several, line) if own.answer is not None]
    if line.raw is not None and line.answer is None:
        parts.append(_interval(line.raw, scale, "iv rl"))
    if line.answer is not None:
        parts.append(_interval(line.answer, scale, "iv"))
    if line.raw is not None and math.isfinite(line.raw.estimate):
        parts.append(f'<circle class="rw" cx="{scale.place(line.raw.estimate):.1f}%" cy="{MIDDLE}" r="3.5"/>')
    parts += [f'<circle class="pt" cx="{scale.place(one.estimate):.1f}%" cy="{MIDDLE}" r="4.5"/>' for one in dots]
    return _svg("".join(parts), 22)


def axis(scale: Scale) -> Markup:
    """Draw the foot of a scale."""
    parts = [
        f'<text class="f-soft" x="{scale.place(at):.1f}%" y="13" text-anchor="middle">{escape(text)}</text>'
        for at, text in scale.ticks
    ]
    return _svg("".join(parts), 18)


def _svg(inside: str, height: int) -> Markup:
    head = f'<svg class="mini" width="100%" height="{height}" aria-hidden="true" focusable="false">'
    return Markup(f"{head}{inside}</svg>")  # noqa: S704 - numbers, and words escaped in axis


def _bar(prior: Number, scale: Scale) -> str:
    low, high = _ends(prior, scale)
    return f'<rect class="pr" x="{low:.1f}%" width="{high - low:.1f}%" y="6" height="10" rx="2"/>'


def _interval(number: Number, scale: Scale, name: str) -> str:
    low, high = _ends(number, scale)
    return f'<line class="{name}" x1="{low:.1f}%" x2="{high:.1f}%" y1="{MIDDLE}" y2="{MIDDLE}"/>'


def _ends(number: Number, scale: Scale) -> tuple[float, float]:
    low = scale.place(-math.inf if math.isnan(number.lower) else number.lower)
    high = scale.place(math.inf if math.isnan(number.upper) else number.upper)
    return (low, high) if number.limits else (scale.place(number.estimate),) * 2
