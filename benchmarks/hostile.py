"""What all hostile inputs share: a case with what the documents make of it, and the laws its outcome is held to.

The laws: no failure but a `CasepoolError` of one line without control characters; what the documents call an error is
refused and listed by `validate`, what they call a warning is warned of; what is read is what was written; a refusal
takes at most `MOST_SECONDS` of CPU and `MOST_MEMORY` kilobytes. A case is made from its kind, a seed and its number
alone, so any one of them can be made again.

Generators of the kinds of silent acceptance, misleading refusals, and limits (a line of each list, and who makes it):

=========================================================  ====================================================
total rows, sums of others, blank rows                     `hostile_tables`: total_row, sum_row, blank_row
codes for unknown, also in a set                           unknown_code
a spreadsheet's errors                                     spreadsheet_error; `hostile_workbooks`: error_cell
symbols and age groups turned to dates                     date_label; workbooks: date_cell
hidden, filtered, struck-out rows and columns              workbooks: hidden, filtered, struck_out
titles and # lines above the header                        workbooks: lines_above
headers of two rows, notes below, headers again            workbooks: two_rows, notes_below
dates: partial, impossible, of unknown order or zero       `hostile_dates`
censoring as the event                                     censoring
dates beside a flag that says no; one date                 dated_denied, one_date
a unit that only one time tells                            unit_not_told
negative age, codes outside levels, look-alike letters     negative_age, outside_levels, look_alike, twin
sets joined by other signs                                 joined
an exposure nobody or everybody had                        no_contrast
an index without a name                                    `hostile_parquet`: unnamed_index
follow-up too long, ages beyond a lifetime                 too_long, too_old
near-duplicates across publications                        near_duplicate, duplicate
`new` hides nothing; yes/no/maybe                          `hostile.new_faults` on every tenth table; maybe
`id` and `publication` of no column                        `hostile_codebooks`: no_column
codes of an event without event_levels, 1/2, 1:DECEASED    `hostile_models`: event_codes
missing priors all at once; median_time without shape      missing_priors, median_without_shape
yes/no read as boolean where a model has codes             event_codes
rows numbered as the file numbers them                     every refusal of `hostile_tables` is held to its row
files of 50 MB, of no end or writer                        `hostile_names`: NONE (huge, pipe, loop, dangling)
bombs under any name                                       workbooks: bomb, many_cells, many_parts
texts kept once                                            workbooks: repeated_text; parquet: dictionary
a foreign file where a fit belongs, edited fits            `hostile_commands`: a_fit
output onto inputs, folders, pipes, foreign files          `hostile_commands`: an_output; `hostile_names`
names without UTF-8, too long, gone folders                `hostile_names`
full or narrow standard output, a full disk                tests/safety/test_replacing.py (not a file's content)
nested TOML, long integers, extreme priors, many pieces    `hostile_toml`: deep, long_integer; models: extreme, many
malformed codings; keys without meaning for a type         codebooks: codings, meaningless
control characters                                         toml: control; tables: control_label; names
a private table split by names                             `hostile_commands`: private
arrays where a flag belongs, journals, figures, answers    no file's content: tests/safety, tests/frequentist
=========================================================  ====================================================
"""

from __future__ import annotations

import random
import time
import tomllib
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

import casepool as cp

REFUSE, WARN, ACCEPT, EITHER = "must refuse", "must warn", "must accept", "either"
MOST_SECONDS, MOST_MEMORY = 5.0, 300_000
Rng = random.Random


@dataclass
class Outcome:
    """What became of a case: what was done, what the documents ask, what happened, and what is wrong with that."""

    mutation: str
    verdict: str
    did: str = "accepted"
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0
    memory: int = 0


def rng_of(kind: str, seed: int, number: int) -> Rng:
    """Return the random numbers of a case."""
    return random.Random(f"{kind} {seed} {number}")


def attempt(call: Callable[..., Any], *given: Any) -> tuple[Any, list[str]]:
    """Call, and return the answer, or our own error, with what is wrong about how it failed."""
    try:
        return call(*given), []
    except cp.CasepoolError as error:
        return error, line_faults(str(error))
    except Exception as error:
        return error, [f"{type(error).__name__} instead of a refusal: {str(error)[:150]}"]


def line_faults(line: str) -> list[str]:
    """Return what is wrong with a refusal's words."""
    odd = {c for c in line if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")}
    wrong = [f"a control character or a second line in {line[:150]!r}"] if odd else []
    return [*wrong, *([f"a line of {len(line)} characters: {line[:80]!r}"] if len(line) > 2000 else [])]


def refused(result: Any) -> bool:
    """Tell whether a call failed."""
    return isinstance(result, Exception)


def held(outcome: Outcome, result: Any, told: Iterable[str] = ()) -> Outcome:
    """Hold whether a result was refused, and in which words, against the verdict."""
    outcome.did = "refused" if refused(result) else "accepted"
    if outcome.verdict == REFUSE and not refused(result):
        outcome.wrong.append("accepted in silence")
    if outcome.verdict in (ACCEPT, WARN) and refused(result):
        outcome.wrong.append(f"refused without need: {result}")
    if outcome.verdict == REFUSE and isinstance(result, cp.CasepoolError):
        outcome.wrong += [f"{word!r} is not named in {str(result)[:200]!r}" for word in told if word not in str(result)]
    return outcome


def watched(judge: Callable[..., Outcome], *given: Any) -> Outcome:
    """Judge, and hold seconds of CPU and growth of memory against the limits."""
    started, before = time.process_time(), _peak(reset=True)
    outcome = judge(*given)
    outcome.seconds, outcome.memory = time.process_time() - started, _peak() - before
    if outcome.did == "refused" and outcome.seconds > MOST_SECONDS:
        outcome.wrong.append(f"a refusal took {outcome.seconds:.1f} s")
    if outcome.did == "refused" and outcome.memory > MOST_MEMORY:
        outcome.wrong.append(f"a refusal took {outcome.memory // 1000} MB")
    return outcome


def _peak(*, reset: bool = False) -> int:
    """Return the most memory held so far in kilobytes, counted anew on request; 0 where Linux does not tell."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    if reset:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return int(next(line for line in status.read_text().splitlines() if line.startswith("VmHWM")).split()[1])


@dataclass
class TableFile:
    """A table as a file: its bytes, its codebook as it is written, and what must be read of it."""

    mutation: str
    verdict: str
    data: bytes
    ending: str
    book: str | None = None
    values: dict[str, list[Any]] | None = None
    row: int | None = None
    column: str | None = None
    told: tuple[str, ...] = ()
    new: bool = False


def table_outcome(case: TableFile, folder: Path) -> Outcome:
    """Read a table's file, list what is wrong with it, and hold both against the documents."""
    path, book = folder / f"cases{case.ending}", folder / "codebook.toml"
    path.write_bytes(case.data)
    if case.book is not None:
        book.write_text(case.book, encoding="utf-8")
    given = (path, None if case.book is None else book)
    outcome = Outcome(case.mutation, case.verdict)
    read, wrong = attempt(cp.read_cases, *given)
    found, more = attempt(cp.validate, *given)
    outcome.wrong += wrong + more
    held(outcome, read, (path.name, *case.told) if case.column is None else (path.name, case.column, *case.told))
    if isinstance(found, pd.DataFrame):
        outcome.wrong += _listed(case, found, read)
    if not refused(read) and case.values is not None:
        outcome.wrong += value_faults(read, case.values)
    if case.new:
        outcome.wrong += new_faults(path, folder / "new")
    return outcome


def _listed(case: TableFile, found: pd.DataFrame, read: Any) -> list[str]:
    """Return what is wrong with the list that `validate` makes, beside what `read_cases` did."""
    wrong = [said for text in ("problem", "remedy") for line in found[text] for said in line_faults(str(line))]
    errors = found[found["severity"] == "error"]
    if refused(read) != bool(len(errors)):
        wrong.append(f"read_cases and validate disagree: {read if refused(read) else errors['problem'].tolist()}")
    severity = {REFUSE: "error", WARN: "warning"}.get(case.verdict)
    said = found[found["severity"] == severity]
    for name, place in (("row", case.row), ("column", case.column)):
        said = said if place is None else said[said[name].isin([place])]
    if severity and said.empty:
        wrong.append(f"no {severity} names row {case.row}, column {case.column!r}")
    return wrong


def plain(value: Any) -> Any:
    """Return a cell as Python writes it, None if empty."""
    return None if value is None or value is pd.NA or value != value else getattr(value, "item", lambda: value)()


def value_faults(read: pd.DataFrame, values: dict[str, list[Any]]) -> list[str]:
    """Return where a table does not hold what was written; numbers may differ in the last digits."""
    wrong = []
    for name, expected in values.items():
        got = [plain(v) for v in read[name]] if name in read else None
        if got is None or len(got) != len(expected):
            wrong.append(f"column {name!r} of {len(expected)} rows was read as {got}")
            continue
        bad = [(i, a, b) for i, (a, b) in enumerate(zip(got, expected, strict=True), 1) if not _same(a, b)]
        if bad:
            wrong.append(f"column {name!r}: (row, read, written) {bad[:3]}")
    return wrong


def _same(a: Any, b: Any) -> bool:
    if isinstance(b, float) and isinstance(a, int | float):
        return abs(a - b) <= 1e-12 * abs(b)
    return bool(a == b)


def new_faults(path: Path, folder: Path) -> list[str]:
    """Return what `validate` finds in cells of a table, and not in the folder that `new` makes of it.

    But for words that `new` says it took for empty: they stand in the codebook's ``missing``, which it asks to check.
    """
    before = cp.validate(path)
    made, wrong = attempt(cp.new_dataset, folder, path)
    if refused(made):
        return wrong
    after = cp.validate(folder)
    taken = tomllib.loads((folder / "codebook.toml").read_text(encoding="utf-8"))["missing"]
    lost = _cells(before[~before["value"].isin([repr(word) for word in taken])]) - _cells(after)
    return [*wrong, *([f"new hid {sorted(lost)[:3]}"] if lost else [])]


def _cells(found: pd.DataFrame) -> set[tuple[int, str]]:
    said = found[(found["severity"] != "note") & found["row"].notna() & found["column"].ne("")]
    said = said[~said["rule"].isin(["near-twin level", "look-alike letters"])]  # which become aliases
    return {(int(row), column) for row, column in zip(said["row"], said["column"], strict=True)}
