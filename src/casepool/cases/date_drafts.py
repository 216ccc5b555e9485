"""Columns of dates in a table without a codebook: which they are, and which of them is likely to be time zero."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from casepool.cases.codebook import toml_text
from casepool.cases.columns import DATES
from casepool.cases.date_cells import read_dates
from casepool.cases.date_columns import DEATH
from casepool.cases.dates import Span
from casepool.cases.problems import ERROR, Problem
from casepool.cases.roles import BIRTH
from casepool.cases.tables import Examined
from casepool.cases.units import words_of

BORN = r"(.*_)?(born|birth|birthday|birthdate|dob|geb|geburtsdatum)(_.*)?"
LAST = r".*(last|final|follow_?up|contact|seen|fu_).*"
"""Names of columns of dates: of birth, and of the last that is known of a patient."""


@dataclass(frozen=True)
class DatesDraft:
    """What a new codebook says of dates: the columns, without those that a person must look at first, and time zero."""

    columns: Mapping[str, list[Span | None]]
    zero: str = ""

    def lines(self, name: str) -> Iterator[str]:
        """Yield what the entry of a column says besides its type."""
        if is_birth(name):
            yield f'role = "{BIRTH}"\n'
        elif name in self._deaths:
            hidden, last = ("", self._last[0]) if len(self._last) == 1 else ("# ", (*self._last, "?")[0])
            yield f"{hidden}censored_at = {toml_text(last)}  # patients alive were followed until then; please check\n"
        elif self._last == [name] and not self._deaths:
            yield 'role = "time"  # until when patients were followed; please check\nunit = "months"\n'
        elif name != self.zero:
            yield '# unit = "months"  # of the times they become\n'

    @property
    def _deaths(self) -> list[str]:
        return [name for name in self.columns if re.fullmatch(DEATH, words_of(name)) and name != self.zero]

    @property
    def _last(self) -> list[str]:
        others = [name for name in self.columns if name not in (self.zero, *self._deaths)]
        return [name for name in others if re.fullmatch(LAST, words_of(name))]


def is_birth(name: str) -> bool:
    """Tell whether a column is named after a date of birth."""
    return re.fullmatch(BORN, words_of(name)) is not None


def dates_draft(found: Examined, problems: Iterable[Problem]) -> DatesDraft:
    """Return the columns of dates of a table, and the one that is time zero if one alone can be.

    It is the first column that is filled for two patients in three, is no birth, and is after another date of the same
    patient for no patient, or for the fewest and not more than one in ten, whom `validate` then names. Without one, or
    beside no other date, no column is drafted as dates.
    """
    named = [problem.column for problem in problems if problem.rule == DATES]
    book = replace(found.codebook, columns={n: replace(c, type="date") for n, c in found.codebook.columns.items()})
    read = {name: read_dates(found.raw[name], book, name) for name in named}
    spans = {n: r.values for n, r in read.items() if not any(p.severity == ERROR for p in r.problems)}
    late = {name: _late(name, spans) for name in spans if _may_be_first(name, spans[name])} if len(spans) > 1 else {}
    zero = min(late, key=lambda name: late[name], default="")
    zero = zero if zero and 10 * late[zero] <= len(spans[zero]) else ""
    return DatesDraft(spans if zero else {}, zero)


def _may_be_first(name: str, own: list[Span | None]) -> bool:
    return not is_birth(name) and 3 * sum(span is not None for span in own) >= 2 * len(own)


def _late(name: str, spans: Mapping[str, list[Span | None]]) -> int:
    """Return for how many patients a date is after another one."""
    others = [spans[other] for other in spans if other != name and not is_birth(other)]
    rows = zip(spans[name], *others, strict=True)
    return sum(any(own and b and own.first > b.last for b in rest) for own, *rest in rows)
