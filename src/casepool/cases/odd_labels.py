"""Labels that are none: codes for a value nobody knows, dates a spreadsheet made, letters that only look alike."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from casepool.cases.cells import FALSE, ONE, TRUE, ZERO
from casepool.cases.codebook import Codebook, entry_of, missing_with, toml_text
from casepool.cases.column import SPELT, Column
from casepool.cases.columns import first_rows, labels_of, looks_latin, mixes_scripts
from casepool.cases.problems import WARNING, Problem
from casepool.cases.remedies import is_date, most_are, says_nothing

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
GENES = {"mar": "MARCHF{}", "sep": "SEPTIN{}", "dec": "DELEC{}"}
"""Months, and the genes that spreadsheets take for days of them (Ziemann 2016, doi:10.1186/s13059-016-1044-7)."""
MADE_DATE = re.compile(
    rf"(?i)(?P<day>\d{{1,2}})[- ](?P<month>{'|'.join(MONTHS)})|(?P<first>{'|'.join(MONTHS)})[- ](?P<second>\d{{2}})"
)
STAMP = re.compile(r"\d{4}-(?P<month>0[1-9]|1[0-2])-(?P<day>\d\d)( 00:00:00)?")
"""How a cell reads that a spreadsheet turned into a date: without a year, or as the date itself."""
BETWEEN = re.compile(r"\s*(?:[/&+,|]|\band\b)\s*")
"""What may stand between two members of a set."""
USUAL: tuple[tuple[str, str, frozenset[str]], ...] = (
    (r"(?i).*(response|recist).*", "responses", frozenset(["CR", "PR", "SD", "PD", "NE", "MR", "VGPR", "NR"])),
    (r"(?i)(sex|gender)", "sexes", frozenset(["F", "M", "female", "male", "Female", "Male"])),
)
"""Columns whose codes are known: how they are called, of what, and the codes."""
FEW = 12
"""Labels that a remedy lists, at most."""


Oddity = tuple[str, str, str, str]
"""Of a label: the rule, what is wrong with it, what is expected, and the remedy."""


@dataclass(frozen=True)
class Labels:
    """The labels of one column.

    Parameters
    ----------
    name : str
    column : Column
    guessed : bool
        Whether its type was.
    missing : tuple of str
        The tokens read as empty cells.
    first, rows : mapping of str to int
        Of every label, in the order of the rows, the position of the first row that has it, and in how many it stands.
    usual : tuple of str and set of str
        Codes most cells hold and a stranger among which is odd, and what they are called; empty where there are none.
    """

    name: str
    column: Column
    guessed: bool
    missing: tuple[str, ...]
    first: Mapping[str, int]
    rows: Mapping[str, int]
    usual: tuple[str, Collection[str]]

    @property
    def keep(self) -> str:
        """What to do where a label is meant as it stands."""
        listed = ", ".join(map(toml_text, self.first)) if len(self.first) <= FEW else "..."
        return f"or, if it is a label, levels = [{listed}] in {entry_of(self.name)}"

    def alias(self, label: str, meant: str) -> str:
        """Write the alias that reads a label as what is meant."""
        return f"aliases = {{ {toml_text(label)} = {toml_text(meant)} }} in {entry_of(self.name)}"


def odd_labels(values: Sequence[Any], codebook: Codebook, name: str) -> Iterator[Problem]:
    """Yield a warning on every label of a column that is probably none, at the first row that has it.

    Judged are labels of type category, ordered and set, and of guessed text, but not those that `levels` lists.
    """
    column, guessed = codebook.columns[name], name in codebook.guessed
    if name == codebook.id or not (column.type in SPELT or (column.type == "text" and guessed)):
        return
    first: dict[str, int] = {}
    rows: Counter[str] = Counter()
    counts = Counter(values)
    for value, position in first_rows(values).items():
        for label in labels_of(value, column):
            first.setdefault(label, position)
            rows[label] += counts[value]
    if most_are(is_date, rows.items()):
        return
    labels = Labels(name, column, guessed, codebook.missing, first, rows, _usual(name, rows))
    for label, position in first.items():
        for judge in () if label in column.levels else JUDGES[: 2 if column.type == "text" else None]:
            if odd := judge(label, labels):
                rule, said, expected, remedy = odd
                said += f" (in {rows[label]} rows)" if rows[label] > 1 else ""
                at: dict[str, Any] = {"row": position + 1, "column": name, "value": label}
                yield Problem(rule, said, expected, remedy, WARNING, **at)
                break


def _usual(name: str, rows: Mapping[str, int]) -> tuple[str, Collection[str]]:
    """Return the codes that two thirds of the cells of a column hold, of those known to be of one kind."""
    truths = {label for label in rows if label.strip().lower() in (*TRUE, *FALSE, *ONE, *ZERO)}
    kinds: list[tuple[str, Collection[str]]] = [("truth values", truths)] if len(truths) > 1 else []
    kinds += [(what, codes & set(rows)) for pattern, what, codes in USUAL if re.fullmatch(pattern, name)]
    most = [kind for kind in kinds if 3 * sum(rows[label] for label in kind[1]) >= 2 * sum(rows.values())]
    return most[0] if most and rows else ("", ())


def _says_nothing(label: str, labels: Labels) -> Oddity | None:
    if not says_nothing(label):
        return None
    said = "read as a label, and looks like a value that is not known"
    return "code for unknown", said, "an empty cell", f"set {missing_with(labels.missing, label)}, {labels.keep}"


def _was_a_date(label: str, labels: Labels) -> Oddity | None:
    """Notice what a spreadsheet made a date of, and say what it may have been."""
    found = (MADE_DATE.fullmatch(label) or STAMP.fullmatch(label)) if any(map(str.isdigit, label)) else None
    if not found:
        return None
    parts = found.groupdict()
    if parts.get("second"):
        meant = f"{MONTHS.index(parts['first'].lower()) + 1}-{int(parts['second'])}"
    else:
        day, month = int(parts["day"]), parts["month"].lower()
        month = MONTHS[int(month) - 1] if month.isdigit() else month
        meant = GENES.get(month, f"{{}}-{MONTHS.index(month) + 1}").format(day)
    said = "a date among labels, as spreadsheets make of gene symbols and ranges"
    return "label turned to a date", said, "a label", f"set, with what was meant, {labels.alias(label, meant)}"


def _looks_alike(label: str, labels: Labels) -> Oddity | None:
    latin = looks_latin(label)
    if not mixes_scripts(label) and (latin == label or latin not in labels.first):
        return None
    said = f"letters that look like those of {latin!r} and are of another script"
    return "look-alike letters", said, "letters of one script", f"set {labels.alias(label, latin)}"


def _joined(label: str, labels: Labels) -> Oddity | None:
    """Notice labels joined otherwise than by a set's separator; of a column declared to hold single ones, none."""
    column = labels.column
    parts = [part for part in BETWEEN.split(label) if part]
    alone = [part in labels.first or part in column.levels for part in parts]
    is_set = column.type == "set"
    if len(parts) < 2 or not (any(alone) if is_set else labels.guessed and all(alone)):
        return None
    said = "one label, made of labels that stand alone elsewhere"
    alias = labels.alias(label, column.separator.join(parts))
    return (
        "joined labels",
        said,
        f"members between {column.separator!r}",
        f'set type = "set" and {alias}, {labels.keep}',
    )


def _unusual(label: str, labels: Labels) -> Oddity | None:
    what, codes = labels.usual
    if not codes or label in codes:
        return None
    said, expected = f"a label among {what}", f"one of {', '.join(sorted(codes))}"
    return "unusual code", said, expected, f"correct the cell, {labels.keep}"


JUDGES = (_says_nothing, _was_a_date, _looks_alike, _joined, _unusual)
"""What is asked of a label, the first answer counts; of text only the first two."""
