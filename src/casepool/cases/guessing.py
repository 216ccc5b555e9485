"""What a column is where the codebook does not say: a type for its cells."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from casepool.cases.cells import FALSE, PARSERS, TRUE, BadCellError
from casepool.cases.codebook import Column
from casepool.cases.remedies import is_date, most_are

LONGEST_MEMBER = 30
"""Characters of the longest member a guessed set may have: beyond it, ";" is punctuation."""
MOST_LABELS = 10
"""Labels a column may have however few its cells; beyond them, half as many as cells."""
FEW_CELLS = 5
"""Cells below which labels that do not repeat may be labels all the same."""
SENTENCE = 6
"""Words that make a sentence and no label."""


def guess_type(values: Iterable[Any]) -> str:
    """Guess a column's type from its filled cells: the narrowest type that reads all of them.

    Short labels between ";" make a set. Dates, cells of which a third are sentences, and labels that hardly repeat make
    text: they may name a patient. One letter throughout, such as the F of a table of women, is a label and no truth
    value.
    """
    cells = list(values)
    words = [str(value).strip().lower() for value in cells]
    if not cells:
        return "text"
    letter = len(set(words)) == 1 and len(words[0]) == 1
    if all(word in TRUE + FALSE for word in words) and not letter:
        return "boolean"
    for name in ("integer", "number"):
        if all(_reads(PARSERS[name][0], value) for value in cells):
            return name
    if most_are(is_date(value) for value in cells) or 3 * sum(map(is_sentence, words)) >= len(words):
        return "text"
    if any(";" in word for word in words) and max(len(m) for word in words for m in word.split(";")) <= LONGEST_MEMBER:
        return "set"
    return "text" if _hardly_repeat(words) else "category"


def is_sentence(text: str) -> bool:
    """Tell whether a text has as many words as a sentence."""
    return len(text.split()) >= SENTENCE


def _hardly_repeat(words: Sequence[str]) -> bool:
    """Tell whether there are too many different words for labels, or nearly every cell has a word of its own."""
    different, n = len(set(words)), len(words)
    return different > max(MOST_LABELS, n // 2) or (n >= FEW_CELLS and 5 * different > 4 * n)


def _reads(parser: Callable[[Any, Column], Any], value: object) -> bool:
    try:
        parser(value, Column("number"))
    except BadCellError:
        return False
    return True
