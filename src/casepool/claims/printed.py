"""A printed number: its digits say how it was rounded, and so what counts as the same number."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

WORDS = {
    "one": 1,
    "two": 2,
    "both": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "eleven": 11,
    "twelve": 12,
}
"""Number words a paper may print instead of digits."""
NOT_REACHED = ("not yet reached", "not reached", "NR", "∞", "infinity")
"""What is printed for a time that survival or a limit of it does not come to, and for a limit without end."""
NOT_ESTIMABLE = ("not estimable", "not calculable", "NE")
"""What is printed where there is no number: it was not reached, or is not defined."""
UNKNOWN = tuple(map(str.lower, NOT_ESTIMABLE))
WIDTH = re.compile(
    r"(?P<width>\d+(?:\.\d+)?)\s?%[\s-]*(?:CI|CL|CrI|HDI|KI|IC|VI|confidence|conf\.|credible)\b", re.IGNORECASE
)
"""How wide printed limits are, which is none of the numbers."""
NUMERAL = re.compile(
    r"(?P<minus>(?<![\w%)\]])(?<![\d%]\s)[-−–])?"  # between two numbers it is a dash
    r"(?P<digits>[1-9]\d{0,2}(?:,\d{3})+(?![\d,])(?:[.·]\d+)?|\d*[.·]\d+|(?<!,)\d+,\d+(?![,\d])|\d+)"
    r"(?:(?:e|\s?[x×]\s?10\^?)(?P<power>[-−]?\d+))?"
    r"|(?<!\w)(?P<word>" + "|".join((*NOT_REACHED, *NOT_ESTIMABLE, *WORDS)) + r")(?!\w)",
    re.IGNORECASE,
)
LIST = re.compile(r"\d,\s")
"""Where commas stand between numbers, not within them."""
RELATION = re.compile(r"[<>≤≥]=?")
SLACK = 1e-9
"""Share of the last printed digit that is taken for the rounding of binary arithmetic."""


@dataclass(frozen=True)
class Printed:
    """What a paper prints at one place.

    Attributes
    ----------
    text : str
        As printed.
    relation : str
        "=", "<" or ">".
    numbers : tuple of Decimal
        In the printed order, with the printed digits.
    """

    text: str
    relation: str
    numbers: tuple[Decimal, ...]

    @property
    def digits(self) -> tuple[int, ...]:
        """Decimals of each number."""
        return tuple(_decimals(number) for number in self.numbers)

    def agrees(self, values: Sequence[float]) -> bool:
        """Say whether computed values, rounded as printed, are what is printed."""
        if len(values) != len(self.numbers):
            return False
        if self.relation != "=":
            below = self.relation == "<"
            return all(v < float(p) if below else v > float(p) for v, p in zip(values, self.numbers, strict=True))
        if len(values) > 1 and values[-1] == math.inf and math.isnan(values[-2]):
            values = [*values[:-2], math.inf, math.inf]  # a lower limit that is not reached either
        return all(_rounds_to(v, p) for v, p in zip(values, self.numbers, strict=True))

    def write(self, values: Sequence[float]) -> str:
        """Write computed values with as many decimals as are printed, in the printed pattern of two numbers."""
        shown = [_shown(value, digits) for value, digits in zip(values, self.digits, strict=False)]
        shown += [_shown(value, 0) for value in values[len(self.digits) :]]
        if self.relation != "=":
            return f"{values[0]:.3g}"
        slash = "/" in self.text and len(shown) == 2
        return ("/" if slash else ", ").join(shown) + "%" * self.text.endswith("%")


def read_printed(text: str) -> Printed:
    """Read the numbers of a printed text; number words count, signs between numbers are no minus.

    Points may be raised or commas, the zero before them left out; what is not reached is infinite.
    """
    relation = RELATION.search(text)
    bare = WIDTH.sub(" ", text)
    listed = bare.replace(",", ", ") if LIST.search(bare) else bare
    numbers = [_number(found) for found in NUMERAL.finditer(listed)]
    return Printed(text, {"≤": "<", "≥": ">"}.get(relation[0][0], relation[0][0]) if relation else "=", tuple(numbers))


def _number(found: re.Match[str]) -> Decimal:
    """Read one numeral."""
    if word := found["word"]:
        return Decimal("NaN" if word.lower() in UNKNOWN else WORDS.get(word.lower(), "Infinity"))
    digits = found["digits"].replace("·", ".")
    thousands = re.fullmatch(r"[1-9]\d{0,2}(,\d{3})+(\.\d+)?", digits)
    digits = digits.replace(",", "" if thousands else ".")
    power = (found["power"] or "0").replace("−", "-")
    return Decimal(f"{'-' * bool(found['minus'])}{digits}e{power}")


def read_labels(text: str) -> frozenset[str]:
    """Read a printed list of labels: between commas."""
    return frozenset(part.strip() for part in text.split(",") if part.strip())


def _decimals(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else 0


def _rounds_to(value: float, printed: Decimal) -> bool:
    """Say whether a value lies within half a unit of the last printed digit; ties may go either way."""
    if printed.is_nan():
        return not math.isfinite(value)
    if printed.is_infinite() or math.isinf(value):
        return value == float(printed)
    unit = 10.0 ** -_decimals(printed)
    return abs(value - float(printed)) <= unit * (0.5 + SLACK)


def _shown(value: float, digits: int) -> str:
    if math.isnan(value):
        return "not defined"
    return "not reached" if value == float("inf") else f"{value:.{digits}f}"
