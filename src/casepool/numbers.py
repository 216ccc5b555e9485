"""Numbers as a clinician reads them: percentages, ratios, months, P values, each with its interval."""

from __future__ import annotations

import math

MINUS = "\N{MINUS SIGN}"
TIMES = ("days", "weeks", "months", "years")
SMALLEST_CHANCE = 0.001
"""What thousands of draws can tell from none."""


def chance_of(share: float) -> str:
    """Write what share of draws says a thing, which none or all of them make unlikely or likely but never settled."""
    if share < SMALLEST_CHANCE:
        return f"less than {percent(SMALLEST_CHANCE)}"
    return f"more than {percent(1 - SMALLEST_CHANCE)}" if share > 1 - SMALLEST_CHANCE else percent(share)


def shown(value: float, unit: str) -> str:
    """Write one number of an estimate table.

    Parameters
    ----------
    value : float
        NaN and infinity allowed.
    unit : str
        As in the table's column ``unit``.
    """
    if math.isnan(value):
        return "–"
    if unit == "P value":
        return "< 0.001" if value < 0.001 else two_digits(value)
    if math.isinf(value):
        text = "not reached" if unit in TIMES else "∞" if value > 0 else "-∞"
    elif unit == "probability":
        text = percent(value)
    elif unit == "difference":
        text = f"{100 * value:+.1f}"
    elif unit in TIMES:
        text = f"{value:.1f}" if abs(value) < 100 else f"{value:,.0f}"
    else:
        text = two_digits(value)
    return _signed(text) if text[0] == "-" else text


def number(value: float) -> str:
    """Write a number at two significant digits, without an exponent."""
    return f"{float(f'{value:.2g}'):.15g}" if 1e-4 < abs(value) < 1e15 else f"{value:.2g}"


def percent(p: float) -> str:
    """Write a probability as a percentage: two significant digits, above 99% one of its complement."""
    return f"{number(100 * p)}%" if p <= 0.99 else f"{100 - float(f'{100 * (1 - p):.1g}'):g}%"


def two_digits(value: float) -> str:
    """Write a number at two significant digits, zeros kept: 0.90, 1.0, 3,300."""
    rounded = float(f"{value:.2g}")
    if math.isinf(rounded):  # the largest numbers round to it
        return f"{value:.1e}"
    if 0 < abs(rounded) < 1e-4:
        return f"{value:.1e}"
    decimals = max(0, 1 - math.floor(math.log10(abs(rounded)))) if rounded else 0
    return f"{rounded:,.{decimals}f}"


def _signed(text: str) -> str:
    return text.replace("-", MINUS)


def with_interval(estimate: float, lower: float, upper: float, unit: str) -> str:
    """Write an estimate with its limits: "89% (72 to 97%)"; a dash stands for a limit that does not exist."""
    if math.isnan(estimate) and math.isnan(lower) and math.isnan(upper):
        return "–"
    middle = shown(estimate, unit)
    if math.isnan(lower) and (math.isnan(upper) or math.isinf(upper)):
        return f"{middle} (no limits)"
    low, high = shown(lower, unit), shown(upper, unit)
    if unit == "probability":
        low = low.removesuffix("%")
    suffix = " points" if unit == "difference" else ""
    return f"{middle} ({low} to {high}){suffix}"


def capital(text: str) -> str:
    """Begin a text with a capital letter."""
    return text[:1].upper() + text[1:]


def counted(count: float, singular: str, plural: str = "") -> str:
    """Write a number of things: "1 patient", "28 patients"."""
    return f"{count:g} {singular if count == 1 else plural or singular + 's'}"


def listed(words: list[str]) -> str:
    """Join words: "a, b and c"."""
    *first, last = words or [""]
    return f"{', '.join(first)} and {last}" if first else last
