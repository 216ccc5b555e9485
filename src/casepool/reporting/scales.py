"""Numbers with their limits, and the scale a line of them is drawn on."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from casepool.numbers import TIMES, chance_of, shown, with_interval

EDGE = 4.0
"""Per cent of a cell's width left free on either side of the scale."""
SPANS = (0.1, 0.2, 0.3, 0.5, 1.0)
"""Ends of a scale of differences."""
FACTORS = (2, 4, 10, 30, 100, 1000)
"""Ends of a scale of ratios."""


@dataclass(frozen=True)
class Number:
    """A number of an estimate table with its limits, NaN where there are none."""

    estimate: float
    lower: float
    upper: float
    unit: str
    is_chance: bool = False

    @property
    def text(self) -> str:
        """The number without its limits."""
        return chance_of(self.estimate) if self.is_chance else shown(self.estimate, self.unit)

    @property
    def limits(self) -> str:
        """The limits, in brackets; empty where there are none."""
        if math.isnan(self.lower) and math.isnan(self.upper):
            return ""
        whole = with_interval(self.estimate, self.lower, self.upper, self.unit)
        return "(" + whole.partition(" (")[2].removesuffix(" points")

    def __str__(self) -> str:
        return f"{self.text}{self.after} {self.limits}".strip()

    @property
    def after(self) -> str:
        """What follows a number that does not say its unit: months and the like, points of a difference."""
        if self.unit == "difference":
            return " points"
        return f" {self.unit}" if self.unit in TIMES and math.isfinite(self.estimate) else ""

    @property
    def said(self) -> str:
        """The number in a sentence, with what kind its limits are."""
        limits = self.limits.strip("()")
        return f"{self.text}{self.after} (95% credible interval {limits})" if limits else f"{self.text}{self.after}"

    @property
    def known(self) -> list[float]:
        """What of it has a place on a scale."""
        return [x for x in (self.estimate, self.lower, self.upper) if math.isfinite(x)]


def number_of(row: pd.Series[Any] | None) -> Number | None:
    """Return the number of a row; None without one."""
    if row is None or math.isnan(row["estimate"]):
        return None
    estimate, lower, upper = (float(row[name]) for name in ("estimate", "lower", "upper"))
    return Number(estimate, lower, upper, str(row["unit"]), row["kind"] == "probability")


def prior_of(row: pd.Series[Any]) -> Number | None:
    """Return what the prior alone says of a row; None where it says nothing."""
    middle, low, high = (float(row.get(f"prior_{key}", math.nan)) for key in ("estimate", "lower", "upper"))
    return None if math.isnan(middle) else Number(middle, low, high, str(row["unit"]))


@dataclass(frozen=True)
class Scale:
    """A scale from `low` to `high`, perhaps of logarithms, with what stands at its foot and where nothing differs."""

    low: float
    high: float
    ticks: Sequence[tuple[float, str]] = ()
    null: float | None = None
    is_log: bool = False

    def place(self, value: float) -> float:
        """Return where a value lies, in per cent of the width; beyond the scale just past its end."""
        low, high, x = (math.log(max(t, 1e-12)) if self.is_log else t for t in (self.low, self.high, value))
        share = 0.0 if math.isnan(x) else (x - low) / (high - low) if math.isfinite(x) else math.copysign(9, x)
        return EDGE + (100 - 2 * EDGE) * min(max(share, -0.03), 1.03)


NOWHERE = Scale(0, 1)
"""Where nothing is drawn."""
PERCENT = Scale(0, 1, ((0, "0"), (0.5, "50"), (1, "100%")))


def scale_of(unit: str, numbers: Iterable[Number | None]) -> Scale:
    """Choose the scale of numbers of one unit; the prior's, which may reach far, are drawn as far as it goes."""
    known = [x for number in numbers if number for x in number.known]
    if unit == "probability":
        return PERCENT
    if unit == "difference":
        end = next((span for span in SPANS if all(abs(x) <= span for x in known)), 1.0)
        texts = ((-end, shown(-end, unit)), (0.0, "0"), (end, shown(end, unit)))
        return Scale(-end, end, [(x, text.replace(".0", "")) for x, text in texts], 0.0)
    if unit == "ratio":
        far = max((abs(math.log(max(x, 1e-6))) for x in known), default=0.0)
        factor = next((f for f in FACTORS if math.log(f) >= far), FACTORS[-1])
        ends = (f"{1 / factor:.2g}", f"{factor:,}")
        return Scale(1 / factor, factor, ((1 / factor, ends[0]), (1, "1"), (factor, ends[1])), 1.0, True)
    middles = [number.estimate for number in numbers if number and math.isfinite(number.estimate)]
    end = _round(min(max(known, default=1.0), 4 * max(middles, default=math.inf)))
    return Scale(0.0, end, ((0, "0"), (end / 2, f"{end / 2:g}"), (end, f"{end:g}")))


def _round(value: float) -> float:
    """Return the next round number above."""
    size = 10 ** math.floor(math.log10(value)) if value > 0 else 1.0
    return next((m * size for m in (1, 2, 4, 6, 10) if m * size >= value), 10 * size)
