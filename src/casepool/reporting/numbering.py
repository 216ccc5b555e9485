"""Tables and figures numbered in the order in which they stand, and the list of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from casepool.reporting.blocks import Block, Estimates, Figure, Fold, Lever, Section, Table

Numbered = Table | Estimates | Lever | Figure


def numbered(sections: Sequence[Section]) -> list[Section]:
    """Return the sections with every table and figure numbered: 1, 2, ... where a reader sees them, A1, A2, ... folded.

    Choices of a lever share their number.
    """
    counts = {"Table": 0, "Figure": 0, "Table A": 0, "Figure A": 0}

    def of(block: Block, letter: str = "") -> Block:
        if isinstance(block, Fold):
            return replace(block, blocks=[of(inside, "A") for inside in block.blocks])
        if not isinstance(block, Table | Estimates | Lever | Figure):
            return block
        kind = f"{what(block)} {letter}".strip()
        counts[kind] += 1
        number = f"{letter}{counts[kind]}"
        if isinstance(block, Lever):
            return replace(
                block, number=number, choices=[(name, replace(own, number=number)) for name, own in block.choices]
            )
        return replace(block, number=number)

    return [replace(section, blocks=[of(block) for block in section.blocks]) for section in sections]


def what(block: Numbered) -> str:
    """Say whether a block is a table or a figure."""
    return "Figure" if isinstance(block, Figure) else "Table"


def all_numbered(sections: Sequence[Section]) -> Iterator[Numbered]:
    """Yield tables and figures in order, those of folds too."""
    for section in sections:
        yield from _inside(section.blocks)


def _inside(blocks: Sequence[Block]) -> Iterator[Numbered]:
    for block in blocks:
        if isinstance(block, Fold):
            yield from _inside(block.blocks)
        elif isinstance(block, Table | Estimates | Lever | Figure):
            yield block


def caption_of(block: Numbered) -> str:
    """Return what a table or figure is called."""
    return block.choices[0][1].caption if isinstance(block, Lever) else block.caption


def anchor(block: Numbered) -> str:
    """Return the id of a table or figure."""
    return f"{'fig' if isinstance(block, Figure) else 'tab'}{block.number}"
