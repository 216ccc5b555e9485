"""Survival as a model has it, over what was seen, for a wide and for a narrow window."""

from __future__ import annotations

import numpy as np

from casepool.estimation.arms import arms_of, times_of
from casepool.estimation.draws import Fitted, quantiles
from casepool.numbers import capital
from casepool.plotting.survival_curves import AT_RISK, Steps, counted, seen, time_ticks
from casepool.reporting.blocks import Figure
from casepool.reporting.drawing import Drawing, fitting
from casepool.reporting.figures import figure, legend

GRID = 61
MOST_BANDS = 3
MOST_ARMS = 6
"""Levels that are drawn and tabulated, those with most patients."""
TAILS = (0.025, 0.5, 0.975)
COLOURS = ("blue", "red", "q1", "q2", "q3", "soft")
HEIGHT = 250.0
FEWEST = 5
"""Patients still followed, up to where a curve of a table that is not public tells what was seen."""


def followed_until(fitted: Fitted) -> tuple[float, str]:
    """Return until when a page tells what was seen, and in words: of a private table not one patient's follow-up."""
    times = fitted.design.outcome["time"]
    last = float(times.max())
    if fitted.public:
        return last, f"the last follow-up, {last:g} {fitted.unit}"
    ticks = [float(t) for t in time_ticks(fitted.unit, last)]
    until = max((t for t in ticks if (times >= t).sum() >= FEWEST), default=0.0)
    return until, f"{until:g} {fitted.unit}, after which fewer than {FEWEST} patients are followed"


def curves(fitted: Fitted, by: str) -> Figure:
    """Draw the curve of every strategy or level with its band, Kaplan-Meier under it, numbers at risk below."""
    every, common = arms_of(fitted, by or None, None)
    arms = sorted(every, key=lambda arm: -arm.n)[:MOST_ARMS] if len(every) > MOST_ARMS else every
    steps = seen(fitted, str(common["by"]))
    ticks = [float(t) for t in time_ticks(fitted.unit, float(fitted.design.outcome["time"].max()))]
    last, ends = followed_until(fitted)
    times = np.unique(np.append(np.linspace(0, ticks[-1], GRID), last))
    drawn = [np.stack([quantiles(arm.curve.survival(t), list(TAILS)) for t in times], axis=1) for arm in arms]
    out = fitted.model.outcome
    several = len(arms) > MOST_BANDS
    of_all = ", everyone" if len(arms) > len(steps) else ""

    def draw(width: float) -> Drawing:
        drawing, left = Drawing(width), 44.0
        entries = [(colour, "", capital(arm.words)) for arm, colour in zip(arms, COLOURS, strict=False)]
        y = legend(drawing, 0, [*entries, ("", "soft", f"as counted{of_all}")]) + 8
        across, down = (width - left - 14) / ticks[-1], HEIGHT

        def at(t: float, p: float) -> tuple[float, float]:
            return left + t * across, y + (1 - p) * down

        for p in (0, 0.25, 0.5, 0.75, 1):
            drawing.line(at(0, p), at(ticks[-1], p), stroke="rule")
            drawing.text(left - 6, at(0, p)[1] + 4, f"{100 * p:g}%", anchor="end", fill="soft")
        for item in steps:
            drawing.line(*map(at, *_steps(item, last)), stroke="soft", width=1.3)
        for (low, middle, high), colour in zip(drawn, COLOURS, strict=False):
            if not several:
                drawing.area([*map(at, times, high), *map(at, times[::-1], low[::-1])], colour)
            inside = times <= last
            drawing.line(*map(at, times[inside], middle[inside]), stroke=colour, width=2.2)
            drawing.line(
                *map(at, times[~inside | (times == last)], middle[times >= last]), stroke=colour, width=2.2, dashed=True
            )
        foot = y + down + 18
        some = ticks if width > 500 or len(ticks) < 6 else ticks[::2]
        for t in some:
            drawing.text(at(t, 0)[0], foot, f"{t:g}", anchor="middle", fill="soft")
        drawing.text(left, foot + 20, capital(fitted.unit) + " since time zero", fill="soft")
        foot += 40
        for name, counts in counted(fitted, steps, ticks)[AT_RISK]:
            drawing.text(0, foot, fitting(f"Still followed, {name}", width), fill="soft")
            foot += 16
            for t, count in zip(ticks, counts, strict=True):
                if t in some:
                    drawing.text(at(t, 0)[0], foot, count, anchor="middle")
            foot += 20
        drawing.height = foot - 8
        return drawing

    told = last if fitted.public else times_of(fitted, None)[-1]
    said = [
        f"{arm.words}: {100 * float(np.interp(told, times, middle)):.0f}% at {told:g} {fitted.unit}"
        for arm, (_, middle, _) in zip(arms, drawn, strict=True)
    ]
    what = "Lines" if several else "Bands hold 95%; lines"
    note = f"{what} are medians, broken beyond {ends}."
    words = " and ".join(arm.words for arm in arms) if len(arms) <= 2 else f"{len(arms)} levels"
    words += f" of {len(every)}, those with most patients" if len(arms) < len(every) else ""
    return figure(
        f"{capital(out.without)}: {words}.", f"Curves of who is {out.without}. {'; '.join(said)}.", draw, note
    )


def _steps(item: Steps, last: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the corners of a curve as counted, up to a time."""
    xs = np.concatenate([[0.0], np.repeat(item.curve.times, 2)])
    ys = np.concatenate([[1.0, 1.0], np.repeat(item.curve.survival, 2)])[: len(xs)]
    inside = xs <= last
    return np.append(xs[inside], min(item.curve.spells.end, last)), np.append(ys[inside], ys[inside][-1])
