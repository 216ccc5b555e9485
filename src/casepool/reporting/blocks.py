"""The pieces a report is laid out of; the template knows how each looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

SENTENCE = 40
"""Characters from which a cell's text counts as a sentence."""


@dataclass(frozen=True)
class Text:
    """A paragraph; words between backticks are code. `tone` is "", "guard" or "small"."""

    text: str
    tone: str = ""
    kind: ClassVar[str] = "text"


@dataclass(frozen=True)
class Heading:
    """A heading inside a section."""

    text: str
    kind: ClassVar[str] = "heading"


@dataclass(frozen=True)
class Formula:
    """Lines of an equation."""

    lines: Sequence[str]
    kind: ClassVar[str] = "formula"


@dataclass(frozen=True)
class Points:
    """A list of sentences, each with a verdict or how much the data tell ("" for neither)."""

    items: Sequence[tuple[str, str]]
    kind: ClassVar[str] = "points"


@dataclass(frozen=True)
class Cell:
    """A cell of a table: the text, what stands small below it, and how much the data tell of its number."""

    text: str
    small: str = ""
    failed: bool = False
    told: str = ""


@dataclass(frozen=True)
class Table:
    """A table; the first cell of every row heads it."""

    caption: str
    headings: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    notes: Sequence[str] = ()
    failed: bool = False
    folded: bool = False
    kind: ClassVar[str] = "table"

    @property
    def long(self) -> list[bool]:
        """Which columns hold sentences, and so need room."""
        return [
            any(max(len(cell.text), len(cell.small)) > SENTENCE for cell in column)
            for column in zip(*self.rows, strict=True)
        ]


@dataclass(frozen=True)
class Picture:
    """A figure with its caption, and words for who cannot see it."""

    uri: str
    alt: str
    caption: str
    kind: ClassVar[str] = "picture"


Block = Text | Heading | Formula | Points | Table | Picture


@dataclass(frozen=True)
class Section:
    """A section of the report, reached by its `id`. `verdict` and `told` are those of a fit, or empty."""

    id: str
    title: str
    blocks: Sequence[Block] = field(default_factory=list)
    verdict: str = ""
    told: str = ""
