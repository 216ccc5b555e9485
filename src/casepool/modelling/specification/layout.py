"""A description laid out in lines: items beside a heading, wrapped and indented."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable

WIDTH = 100
HEADING = 10
NO_BREAK = "\N{NO-BREAK SPACE}"


def wrapped(text: str, indent: int = 0, hanging: int = 2) -> list[str]:
    """Break text into lines, but not inside a difference such as (age - 18)."""
    kept = re.sub(r"\(\w+ [-+] [\d.]+\)", lambda found: found[0].replace(" ", NO_BREAK), text)
    lines = textwrap.wrap(
        kept,
        WIDTH,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + hanging),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(NO_BREAK, " ") for line in lines]


def section(heading: str, items: Iterable[str]) -> list[str]:
    """Lay items out beside a heading, what follows a line break indented below its item."""
    lines = []
    for item in items:
        first, *more = item.split("\n")
        lines += wrapped(first, HEADING)
        lines += [line for text in more for line in wrapped(text, HEADING + 4, 0)]
    if lines:
        lines[0] = f"{heading:<{HEADING}}{lines[0].strip()}"
    return lines
