"""What is wrong with a table: one `Problem` each, shown as a row of `validate` or raised as a `CasepoolError`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any

import pandas as pd

from casepool.errors import CasepoolError, RowName
from casepool.escaping import one_line, printable, shorten
from casepool.presenting.terminal import wrapped_lines
from casepool.tables import AnswerTable

ERROR, WARNING, NOTE = "error", "warning", "note"
SEVERITIES = (ERROR, WARNING, NOTE)
"""Worst first. An error is refused by `read_cases` too; a warning and a note never are."""
LONGEST_SAID = 1_000
"""Characters of what is said of a problem, however many columns it lists or however long a name is."""
LAYOUT = {
    "severity": "str",
    "rule": "str",
    "file": "str",
    "row": "Int64",
    "line": "Int64",
    "patient": "str",
    "column": "str",
    "value": "str",
    "problem": "str",
    "expected": "str",
    "remedy": "str",
}
"""Columns of the answer of `validate`, and their dtypes."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong with, or to be known about, a table.

    Parameters
    ----------
    rule : str
        Which rule found it, in words ("event without time").
    problem, expected, remedy : str
        What is there, what should be, and what to do about it; sentence parts without a full stop.
    severity : str
        One of `SEVERITIES`.
    file : str
        The file or table.
    row : int, optional
        Counted from 1 below the header; None concerns the whole column or table.
    line : int, optional
        The number that the file itself gives to the row, if it numbers rows.
    patient : str
        The row's identifier with its column's name ("patient 7"), if it has one.
    column : str
        The column; empty concerns the row or table.
    value : object, optional
        The offending cell.
    idle : bool
        Whether it is that the rule could not run.
    """

    rule: str
    problem: str
    expected: str
    remedy: str
    severity: str = ERROR
    _: KW_ONLY
    file: str = ""
    row: int | None = None
    line: int | None = None
    patient: str = ""
    column: str = ""
    value: object = None
    idle: bool = False

    def refusal(self, more: int = 0) -> CasepoolError:
        """Make the error of it, the remedy ending with how many further errors there are."""
        further = f" ({more} more problem{'s' * (more > 1)} in this table)" if more else ""
        return CasepoolError(
            shorten(self.problem, LONGEST_SAID),
            remedy=shorten(self.remedy, LONGEST_SAID) + further,
            file=self.file or None,
            row=self.place,
            column=shorten(self.column) or None,
            value=self.value,
        )

    @property
    def place(self) -> RowName | None:
        """The row in words: "row 7 (patient 7), line 8"."""
        if self.row is None:
            return None
        told = self.patient and not self.patient.startswith(f"{self.column} ")  # the value will name the patient
        return RowName(self.row, self.patient if told else "", self.line)


def from_refusal(
    error: CasepoolError, *, rule: str = "file", file: str = "", expected: str = "a table that can be read"
) -> Problem:
    """Make a problem of an error met before there was a table."""
    return Problem(
        rule,
        error.problem,
        expected,
        error.remedy,
        file=error.file or file,
        row=error.row.number if isinstance(error.row, RowName) else None,
        column=error.column or "",
        value=error.value,
    )


def refuse(problems: Iterable[Problem]) -> None:
    """Raise the first error among `problems`, naming how many more there are."""
    errors = [problem for problem in problems if problem.severity == ERROR]
    if errors:
        raise errors[0].refusal(len(errors) - 1)


class Problems(AnswerTable):
    """The answer of `validate`, which prints as a line a problem."""

    def _is_laid_out(self) -> bool:
        return super()._is_laid_out() or (self.empty and set(LAYOUT) <= set(self.columns))

    def _printed(self, most: int | None = None) -> str:
        if not set(LAYOUT) <= set(self.columns):
            return super()._printed(most)
        return wrapped_lines(as_text(self), " " * 8)


def as_table(problems: Sequence[Problem]) -> pd.DataFrame:
    """Lay problems out worst first; within a severity the table as a whole comes first, then row by row."""
    ordered = sorted(problems, key=lambda p: (SEVERITIES.index(p.severity), p.row or 0))
    cells = {name: [_cell(problem, name) for problem in ordered] for name in LAYOUT}
    table = Problems({name: pd.Series(cells[name], dtype=dtype) for name, dtype in LAYOUT.items()})
    table.attrs["idle"] = sorted({problem.rule for problem in problems if problem.idle})
    return table


def _cell(problem: Problem, name: str) -> object:
    """Return one cell of the answer; a user's value stands in quotes, as in an error, so that it stays text."""
    held = getattr(problem, name)
    if name in ("row", "line"):
        return held
    if name == "value":
        return "" if held is None else shorten(repr(held))
    if name in ("problem", "expected", "remedy"):
        return one_line(shorten(str(held), LONGEST_SAID))
    return printable(str(held))


def in_file(problems: Iterable[Problem], file: str) -> list[Problem]:
    """Name the file in problems that do not yet."""
    return [problem if problem.file else replace(problem, file=file) for problem in problems]


def on_line(problem: Problem, lines: Sequence[int]) -> Problem:
    """Give a problem the number that its row has in the file."""
    known = problem.row is not None and problem.line is None and problem.row <= len(lines)
    return replace(problem, line=lines[(problem.row or 1) - 1]) if known else problem


def as_text(table: pd.DataFrame) -> str:
    """Lay the answer of `validate` out for a terminal: a line a problem, the rules that did not run in one, a count."""
    idle = table["rule"].isin(table.attrs.get("idle", ()))
    rows: list[dict[str, Any]] = table[~idle].to_dict("records")  # type: ignore[assignment]
    lines = []
    for row in rows:
        who = f" ({row['patient']})" * bool(row["patient"])
        place = [] if pd.isna(row["row"]) else [f"row {row['row']}{who}"]
        place += [] if pd.isna(row["line"]) else [f"line {row['line']}"]
        place += [f"column {row['column']!r}"] * bool(row["column"])
        said = f"{row['problem']} (value {row['value']})" if row["value"] else row["problem"]
        lines.append(f"{row['severity']:<8}{', '.join([row['file'], *place])}: {said}; {row['remedy']}")
    if idle.any():
        lines.append(
            f"{NOTE:<8}without the roles of more columns these rules do not run: {', '.join(table.rule[idle])}"
        )
    counts = [(severity, int((table["severity"] == severity)[~idle].sum())) for severity in SEVERITIES]
    told = ", ".join(f"{n} {severity}{'s' * (n > 1)}" for severity, n in counts if n) or "no problem"
    size = f" in {table.attrs['rows']} rows of {table.attrs['columns']} columns" if table.attrs.get("columns") else ""
    return "\n".join([*map(one_line, lines), told + size])
