"""One column at a time: its cells become values, and what is wrong with them is said."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import pandas as pd

from casepool.cases.cells import PARSERS, BadCellError, counted, is_missing
from casepool.cases.codebook import Codebook, entry_of, missing_with, toml_text
from casepool.cases.column import SPELT, Column
from casepool.cases.problems import WARNING, Problem
from casepool.cases.remedies import (
    GENERAL,
    is_date,
    is_failed_formula,
    is_number,
    most_are,
    remedy_for,
    says_nothing,
    stands_for_number,
)

QUOTES = str.maketrans(dict.fromkeys("‘’‚‛ʹʼ`´′", "'") | dict.fromkeys("“”„‟«»″", '"'))
"""Quotes, apostrophes and primes, and the straight quote each is written for."""
LIKE_LATIN = str.maketrans("АВЕЅІЈКМНОРСТУХаеѕіјорсухΑΒΕΖΗΙΚΜΝΟΡΤΥΧο", "ABESIJKMHOPCTYXaesijopcyxABEZHIKMNOPTYXo")
"""Cyrillic and Greek letters, and the Latin letter each looks like."""
DATES = "dates"
"""The rule that names a column of dates whose type is not told."""
MIXED = "mostly numbers"
"""The rule that names cells which are no number in a column of numbers."""
SAME_BUT = "in case, spaces, dashes, quotes, look-alike letters or invisible characters only"


@dataclass(frozen=True)
class Recorded:
    """A column of n cells as read: n values, None where empty or unreadable, and the rows that are unreadable."""

    values: list[Any]
    unread: frozenset[int]
    problems: list[Problem]
    followed: frozenset[int] = frozenset()
    """Rows with the sign of a patient who was still followed then."""


def read_column(cells: pd.Series[Any], codebook: Codebook, name: str) -> Recorded:
    """Read every cell of one column by its type, each different one once.

    Each cell that is filled and cannot be read is an error: of the rule "spreadsheet error" if a spreadsheet could not
    compute it, "range" if it is a number outside the column's range, "unknown code" if a label outside its levels, and
    "type" otherwise. A member of a set that is a token of `missing` is none.
    """
    column = codebook.columns[name]
    column = replace(column, aliases={}) if name in codebook.aliased else column
    values: list[Any] = []
    problems: list[Problem] = []
    known: dict[Any, tuple[Any, Problem | None]] = {}
    for position, value in enumerate(cells.tolist()):
        key = (type(value), value) if isinstance(value, str | int | float) else None
        read = known.get(key)
        if read is None:
            read = _read(value, column, codebook.missing)
            if key:
                known[key] = read
        values.append(read[0])
        if read[1]:
            problems.append(replace(read[1], row=position + 1, column=name, value=value))
    unread, sign = frozenset(p.row - 1 for p in problems if p.row), column.followed
    signed = (row for row, cell in enumerate(cells if sign else ()) if str(cell).strip().endswith(sign))
    return Recorded(values, unread, problems, frozenset(signed))


def _read(value: object, column: Column, missing: Sequence[str]) -> tuple[Any, Problem | None]:
    """Read one cell: its value, None if it has none, and what is wrong with it."""
    if column.type == "set" and isinstance(value, str) and column.separator in value:
        value = column.separator.join(m for m in value.split(column.separator) if m.strip() not in missing)
    if is_missing(value, missing):
        return None, None
    members = value.split(column.separator) if column.type == "set" and isinstance(value, str) else [value]
    if any(map(is_failed_formula, members)):
        said, remedy = (
            "the spreadsheet could not compute this cell",
            f"give its value, or set {missing_with(missing, str(value))}",
        )
        return None, Problem("spreadsheet error", said, "a value", remedy)
    parser = PARSERS[column.type][0]
    try:
        return parser(value, column), None
    except BadCellError as bad:
        rule = _rule(parser, value, column)
        remedy = _near_level(value, column) if rule == "unknown code" else remedy_for(value)
        if says_nothing(value):
            remedy = f"empty the cell, or set {missing_with(missing, str(value).strip())} in the codebook"
        return None, Problem(rule, str(bad), bad.expected, remedy)


def _rule(parser: Any, value: object, column: Column) -> str:
    """Tell a wrong type from a value of the right type that is not allowed."""
    try:
        parser(value, Column(column.type, separator=column.separator))
    except BadCellError:
        return "type"
    return "unknown code" if column.levels else "range"


def _near_level(value: object, column: Column) -> str:
    """Name the level that differs from the cell in spelling only."""
    members = str(value).split(column.separator) if column.type == "set" else [str(value)]
    twins = {folded(level): level for level in column.levels}
    for member in members:
        twin = twins.get(folded(member))
        if twin and twin != member.strip():
            return f"write {twin!r}, or add it to `aliases` of the column"
    return GENERAL


def looks_latin(label: str) -> str:
    """Return a label with the Latin letters that its Cyrillic and Greek ones look like."""
    return label if label.isascii() else label.translate(LIKE_LATIN)


def mixes_scripts(label: str) -> bool:
    """Tell whether look-alike letters stand beside Latin ones in one word."""
    words = () if label.isascii() else re.findall(r"[^\W\d_]+", label)
    return any(looks_latin(w) != w and any(c.isascii() for c in w) for w in words)


@lru_cache(4096)
def folded(label: str) -> str:
    """Return what is left of a label when case, spaces, and the forms of dashes, quotes and letters are set aside.

    Dashes become hyphens, quotes straight ones and, beside Latin letters, those of `LIKE_LATIN` the letters they look
    like. Then compatibility normalisation (NFKC) and case folding, and NFKC again, without white space, control and
    format characters (zero-width spaces and joiners, direction marks, soft hyphens, byte order marks).
    """
    if label.isascii() and label.isprintable():
        return "".join(label.replace("`", "'").casefold().split())
    if any(c.isascii() and c.isalpha() for c in label):
        label = label.translate(LIKE_LATIN)
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", label.translate(QUOTES)).casefold())
    kept = (c for c in text if not c.isspace() and unicodedata.category(c) not in ("Cc", "Cf"))
    return "".join("-" if c == "\N{MINUS SIGN}" or unicodedata.category(c) == "Pd" else c for c in kept)


def spellings(values: Sequence[Any], column: Column) -> dict[str, str]:
    """Return the spellings of a column's levels that differ from another one in `folded` respects only.

    Judged are labels of type category, ordered and set, after aliases; where the codebook lists `levels`, they are
    what was meant and nothing is judged.

    Returns
    -------
    dict of str to str
        Each spelling to give up, and the one to keep: the most frequent, of equals the first.
    """
    if column.type not in SPELT or column.levels:
        return {}
    seen: dict[str, Counter[str]] = {}
    for value, n in Counter(values).items():
        for label in labels_of(value, column):
            seen.setdefault(folded(label), Counter())[label] += n
    ranked = [[label for label, _ in counted.most_common()] for key, counted in seen.items() if key]
    return {other: kept for kept, *others in ranked for other in others}


def spelling_problems(values: Sequence[Any], column: Column, name: str) -> Iterator[Problem]:
    """Yield an error for every one of `spellings`, at the first row that has it, and for every invisible label.

    The cells of a column of text are judged as if they were labels, as which a model may take them.
    """
    category = 'type = "category" and ' * (column.type == "text")
    if category:
        column = replace(column, type="category")
        values = [value and value.strip() for value in values]
    twins = spellings(values, column)
    told: set[str] = set()
    for value, position in first_rows(values).items():
        for label in labels_of(value, column):
            kept = twins.get(label)
            if label in told or (kept is None and folded(label)):
                continue
            told.add(label)
            at: dict[str, Any] = {"row": position + 1, "column": name, "value": label}
            if kept is None:
                said = "holds invisible characters only"
                yield Problem("invisible label", said, "a label, or an empty cell", "empty the cell", **at)
                continue
            aliases = f"{category}aliases = {{ {toml_text(label)} = {toml_text(kept)} }}"
            yield Problem(
                "near-twin level",
                f"differs from the level {kept!r} {SAME_BUT}",
                f"one spelling of {kept!r}",
                f"correct the cell, or add {aliases} to {entry_of(name)}",
                **at,
            )


def first_rows(values: Sequence[Any]) -> dict[Any, int]:
    """Return the position of the first of each different value, in the order of the rows."""
    first: dict[Any, int] = {}
    for position, value in enumerate(values):
        first.setdefault(value, position)
    return first


def labels_of(value: Any, column: Column) -> list[str]:
    """Return the labels of one cell: the members of a set, one label otherwise, none of an empty cell."""
    if value is None:
        return []
    return list(value.split(column.separator)) if column.type == "set" else [value]


def identifier_problems(recorded: Recorded, codebook: Codebook) -> Iterator[Problem]:
    """Yield an error for every row without an identifier, with one given before, or with a near-twin of one.

    Compared are the values read, so that 1, "1" and 1.0 are one patient in a column of numbers; near-twins are told
    as `folded` has it.
    """
    seen: dict[str, int] = {}
    for position, value in enumerate(recorded.values):
        at = {"row": position + 1, "column": codebook.id, "value": value}
        if position in recorded.unread:
            continue
        label = "" if value is None else str(value).strip()
        if not folded(label):
            yield Problem(
                "duplicate id", "the patient has no identifier", "an identifier", "give every patient one", **at
            )
            continue
        before = seen.setdefault(folded(label), position)
        if before == position:
            continue
        same = str(recorded.values[before]).strip() == label
        yield Problem(
            "duplicate id",
            f"the patient appears twice, first in row {before + 1}"
            if same
            else f"differs from the identifier in row {before + 1} {SAME_BUT}",
            "an identifier that no other row has",
            "remove one row or give it an identifier of its own",
            **at,
        )


def odd_cells(cells: pd.Series[Any], codebook: Codebook, name: str) -> Iterator[Problem]:
    """Yield warnings on a column whose type was guessed and came out as labels or text.

    "mostly numbers", for every cell that is no number, if at least two thirds of the filled cells are numbers or ways
    to write one ("12+", "<1", "3-5", "0,7", "45%"; cells such as "unknown" aside). "dates", once, if at least two
    thirds are dates.
    """
    kind = codebook.columns[name].type
    if name not in codebook.guessed or kind in ("number", "integer", "boolean"):
        return
    filled = [(value, n) for value, n in counted(cells.tolist()) if not is_missing(value, codebook.missing)]
    told = [(value, n) for value, n in filled if not says_nothing(value)]
    if most_are(is_date, told):
        said = f"dates, which are kept as {kind}"
        remedy = f'write {entry_of(name)} with type = "date", and under [file] time_zero = the column to count from'
        yield Problem(DATES, said, "times since time zero", remedy, WARNING, column=name, value=str(told[0][0]))
    elif most_are(stands_for_number, told):
        for position, value in enumerate(cells):
            if not is_missing(value, codebook.missing) and not is_number(value):
                yield Problem(
                    MIXED,
                    f"no number in a column of numbers, which is therefore read as {kind}",
                    "a number",
                    remedy_for(value) if remedy_for(value) != GENERAL else "correct the cell, or declare the type",
                    WARNING,
                    row=position + 1,
                    column=name,
                    value=value,
                )
