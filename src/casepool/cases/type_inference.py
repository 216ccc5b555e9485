"""What a column is where the codebook does not say: a type for its cells."""

from __future__ import annotations

import decimal
import math
import numbers
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from typing import Any

from casepool.cases.cells import FALSE, ONE, PARSERS, TRUE, ZERO, BadCellError, counted, is_real
from casepool.cases.column import Column
from casepool.cases.remedies import is_date, most_are

LONGEST_MEMBER = 30
"""Characters of the longest member a guessed set may have: beyond it, ";" is punctuation."""
MOST_LABELS = 10
"""Labels a column may have however few its cells; beyond them, half as many as cells."""
FEW_CELLS = 5
"""Cells below which labels that do not repeat may be labels all the same."""
SENTENCE = 6
"""Words that make a sentence and no label."""


def guess_type(values: Iterable[Any], *, identifies: bool = False) -> str:
    """Guess a column's type from its filled cells, as `guess_of` does."""
    return guess_of(counted(values), identifies=identifies)


def guess_of(pairs: list[tuple[Any, int]], *, identifies: bool = False) -> str:
    """Guess a column's type from its filled cells, as `counted` gives them: the narrowest type that reads all of them.

    Short labels between ";" make a set. Dates, cells of which a third are sentences, and labels that hardly repeat make
    text: they may name a patient. So do whole numbers too long to be told apart as numbers, and those of a column that
    identifies patients if one begins with 0. An infinite number is still one, though it will be refused. One letter
    throughout, such as the F of a table of women, is a label and no truth value; 1 and 0 are truth values beside words.
    """
    cells = [cell for cell, _ in pairs]
    words = Counter[str]()
    for cell, n in pairs:
        words[str(cell).strip().lower()] += n
    if not cells:
        return "text"
    if _are_truths(words):
        return "boolean"
    padded = identifies and any(re.match(r"[-+]?0\d", word) for word in words)
    whole = all(map(_is_whole, cells))
    for name in () if padded else ("integer", "number"):
        if all(_reads(PARSERS[name][0], cell) for cell in cells):
            return name
        if whole:
            break
    n = words.total()
    if most_are(is_date, pairs) or 3 * sum(k for word, k in words.items() if is_sentence(word)) >= n:
        return "text"
    if any(";" in word for word in words) and max(len(m) for word in words for m in word.split(";")) <= LONGEST_MEMBER:
        return "set"
    return "text" if padded or whole or _hardly_repeat(len(words), n) else "category"


def _are_truths(words: Collection[str]) -> bool:
    """Tell whether all words say true or false, not one letter alone, and 1 and 0 only beside a whole word."""
    different = set(words)
    letter = len(different) == 1 and max(map(len, different)) == 1
    spelt = any(len(word) > 1 for word in different - {*ONE, *ZERO})
    return different <= {*TRUE, *FALSE, *((*ONE, *ZERO) if spelt else ())} and not letter


def _is_whole(value: object) -> bool:
    """Tell whether a cell is written as a whole number, of any length."""
    if isinstance(value, str):
        return re.fullmatch(r"\s*[-+]?\d+\s*", value) is not None
    return is_real(value) and isinstance(value, numbers.Integral)


def is_sentence(text: str) -> bool:
    """Tell whether a text has as many words as a sentence."""
    return len(text.split()) >= SENTENCE


def _hardly_repeat(different: int, n: int) -> bool:
    """Tell whether there are too many different words for labels, or nearly every cell has a word of its own."""
    return different > max(MOST_LABELS, n // 2) or (n >= FEW_CELLS and 5 * different > 4 * n)


def _reads(parser: Callable[[Any, Column], Any], value: object) -> bool:
    try:
        parser(value, Column("number"))
    except BadCellError:
        return isinstance(value, float | decimal.Decimal) and math.isinf(value)
    return True
