"""The pieces a report is laid out of; the template knows how each looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from casepool.reporting.drawing import Drawing
from casepool.reporting.scales import Number, Scale

HEADS = ("Patients", "As counted, 95% CI", "Answer, 95% CrI")
"""Headings of a table of estimates, but for the lines and what is drawn."""
SENTENCE = 40
"""Characters from which a cell's text counts as a sentence."""


@dataclass(frozen=True)
class Text:
    """A paragraph; words between backticks are code. `tone` is "", "guard", "small", "cannot" or a badge's word."""

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
class Quote:
    """A sentence to copy; `id` is that of its element."""

    text: str
    id: str
    kind: ClassVar[str] = "quote"


@dataclass(frozen=True)
class Badge:
    """How much the data tell, in the words of `casepool.estimation.told`, or that a fit is not to be used."""

    word: str
    kind: ClassVar[str] = "badge"


@dataclass(frozen=True)
class Cell:
    """A cell of a table: the text, what stands small below it, and how much the data tell of its number."""

    text: str
    small: str = ""
    failed: bool = False
    told: str = ""


@dataclass(frozen=True)
class Table:
    """A table; the first cell of every row heads it.

    `tags` sorts its rows for a filter, of which `choices` are the tags with what a reader is asked: the first is shown.
    One that `is_file` is too long for a page, which has its file alone.
    """

    caption: str
    headings: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    notes: Sequence[str] = ()
    failed: bool = False
    tags: Sequence[str] = ()
    choices: Sequence[tuple[str, str]] = ()
    asked: str = ""
    is_file: bool = False
    number: str = ""
    kind: ClassVar[str] = "table"

    @property
    def long(self) -> list[bool]:
        """Which columns hold sentences, and so need room."""
        return [
            any(max(len(cell.text), len(cell.small)) > SENTENCE for cell in column)
            for column in zip(*self.rows, strict=True)
        ]


@dataclass(frozen=True)
class Line:
    """A line of a table of estimates: what was counted, what is answered, and what the prior says by itself.

    `style` is "all" of everyone, "new" of a patient nobody has seen, else "". A line may stand for several, which a
    file of the table has one by one.
    """

    label: str
    counts: str = ""
    raw: Number | None = None
    answer: Number | None = None
    prior: Number | None = None
    told: str = ""
    failed: bool = False
    style: str = ""
    note: str = ""
    printed: str = ""
    link: str = ""
    stands_for: Sequence[Line] = ()


@dataclass(frozen=True)
class Group:
    """Lines drawn on one scale, under a heading that may be empty."""

    heading: str
    scale: Scale
    lines: Sequence[Line]


@dataclass(frozen=True)
class Estimates:
    """A table of estimates that is its own forest plot."""

    caption: str
    groups: Sequence[Group]
    heads: tuple[str, str, str] = HEADS
    notes: Sequence[str] = ()
    number: str = ""
    kind: ClassVar[str] = "estimates"

    @property
    def failed(self) -> bool:
        """Whether one of its numbers is not to be used."""
        return any(line.failed for group in self.groups for line in group.lines)


@dataclass(frozen=True)
class Lever:
    """A table under several choices made beforehand, the default first; `name` tells levers of a page apart."""

    legend: str
    name: str
    choices: Sequence[tuple[str, Estimates]]
    number: str = ""
    kind: ClassVar[str] = "lever"


@dataclass(frozen=True)
class Figure:
    """A figure drawn for a wide and a narrow window, its caption, and words for who cannot see it."""

    caption: str
    alt: str
    wide: Drawing
    narrow: Drawing
    note: str = ""
    number: str = ""
    kind: ClassVar[str] = "figure"


@dataclass(frozen=True)
class Fold:
    """What is there for who asks: closed unless `open`."""

    title: str
    blocks: Sequence[Block]
    open: bool = False
    kind: ClassVar[str] = "fold"


Block = Text | Heading | Formula | Points | Quote | Badge | Table | Estimates | Lever | Figure | Fold


@dataclass(frozen=True)
class Section:
    """A section of the report, reached by its `id`; `short` is what the contents call it, `place` its number or 0."""

    id: str
    title: str
    blocks: Sequence[Block] = field(default_factory=list)
    short: str = ""
    place: int = 0
