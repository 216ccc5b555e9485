"""Mutated tables against an independent judge: ``python -m benchmarks.fuzzing``.

Harmful and arbitrary mutations of the bundled tables may end in our own refusals only, and in one wherever the judge of
`benchmarks.fuzz_oracle` asks for it; harmless ones must give the same design.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import io
import re
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import casepool as cp
from benchmarks.fuzz_oracle import ACCEPT, REFUSE, Judge, Ruling
from benchmarks.results import write
from casepool.cases.codebook import read_codebook
from casepool.modelling import make_design, model, model_from_dict

DATA = Path(__file__).parent.parent / "data"
Grid = list[list[str]]


def _of_trials() -> Any:
    plain = tomllib.loads(model("basket_pooled").to_toml())
    plain["terms"] = {"trial": plain["terms"]["histology"] | {"column": "trial"}}
    return model_from_dict(plain, name="trials")


@dataclass
class Subject:
    """A bundled table, its judge, and the models laid on it (each with what the judge calls it)."""

    name: str
    models: dict[str, Any]

    def __post_init__(self) -> None:
        folder = DATA / self.name
        self.grid: Grid = list(csv.reader(io.StringIO((folder / "cases.csv").read_text(encoding="utf-8"))))
        self.judge, self.codebook = Judge(folder / "codebook.toml"), read_codebook(folder / "codebook.toml")
        self.columns = self.judge.columns
        self.role = {column["role"]: name for name, column in self.columns.items() if "role" in column}
        cases = cp.read_cases(folder)
        self.designs = {name: canonical(make_design(m, cases)) for name, m in self.models.items()}


def subjects() -> list[Subject]:
    """Return the bundled tables; the one with every kind of column is mutated four times as often as another."""
    alk = Subject("alk_crizotinib", {"response": model("objective_response"), "survival": model("overall_survival")})
    trials = Subject("alk_imt_trials", {"counts": _of_trials()})
    return [alk] * 4 + [trials, Subject("sarcoma_imatinib", {"counts": model("basket_pooled")})]


# Mutations of cells: each takes hypothesis' draw, the subject and the grid it changes, and may return bytes instead.


def _cell(draw: Any, subject: Subject, grid: Grid, kinds: tuple[str, ...], value: Any) -> None:
    """Overwrite a cell of a column of one of some types."""
    names = [name for name in grid[0] if name in subject.columns and subject.columns[name]["type"] in kinds]
    if not names or len(grid) < 2:
        return
    name, row = draw(st.sampled_from(names)), draw(st.integers(1, len(grid) - 1))
    column = grid[0].index(name)
    if column < len(grid[row]):
        grid[row][column] = draw(value(subject.columns[name], grid[row][column]) if callable(value) else value)


def _wrong_type(draw: Any, s: Subject, g: Grid) -> None:
    words = ["twelve", "12 months", "1,5", "inf", "nan", "--", "1_000", "0x1F", "<1", "12+", "maybe", "2020-01-05", "1.5"]
    _cell(draw, s, g, ("number", "integer", "boolean"), st.sampled_from(words))


def _out_of_range(draw: Any, s: Subject, g: Grid) -> None:
    _cell(draw, s, g, ("number", "integer"), st.sampled_from(["-1", "-0.001", "601", "1e9", "9" * 40, "1e999", "1000.5"]))


def _unknown_code(draw: Any, s: Subject, g: Grid) -> None:
    _cell(draw, s, g, ("category", "ordered", "set"), st.sampled_from(["X", "cr", "pd", "M ", "dead", "EIMT;IMT", "?"]))


def _twin(draw: Any, s: Subject, g: Grid) -> None:
    def value(_: Any, now: str) -> Any:
        turns = [now.swapcase(), now + "\u200b", " ".join(now), now.replace("-", "\u2011"), "\ufeff" + now, now + "\u00a0x"]
        return st.sampled_from([*turns, "\u200b"])

    _cell(draw, s, g, ("category", "ordered", "set"), value)


def _empty_cell(draw: Any, s: Subject, g: Grid) -> None:
    _cell(draw, s, g, tuple({column["type"] for column in s.columns.values()}), st.sampled_from(["", "NA", " ", "\t"]))


def _duplicate_id(draw: Any, s: Subject, g: Grid) -> None:
    if len(g) > 2 and s.judge.id in g[0]:
        rows = draw(st.lists(st.sampled_from(range(1, len(g))), min_size=2, max_size=2, unique=True))
        column = g[0].index(s.judge.id)
        if all(column < len(g[row]) for row in rows):
            g[rows[0]][column] = g[rows[1]][column]


def _set(g: Grid, row: int, name: str, value: str) -> None:
    if name in g[0] and g[0].index(name) < len(g[row]):
        g[row][g[0].index(name)] = value


def _across(draw: Any, s: Subject, g: Grid) -> None:
    """Break, or touch, a rule across columns in one row."""
    if len(g) < 2:
        return
    row, at = draw(st.integers(1, len(g) - 1)), draw(st.sampled_from(["0", "1", "7.5", "40", "599"]))
    r = s.role
    if "n" in s.columns:
        changes = [{"events": "900"}, {"n": "0"}, {"n": ""}, {"events": ""}, {"events": "1", "n": "1"}]
    else:
        changes = [
            {r["event"]: "true", r["time"]: ""},
            {r["event"]: "", r["status"]: "DOD", r["time"]: ""},
            {r["event"]: "true", r["time"]: "0", r["status"]: "DOD"},
            {r["event"]: draw(st.sampled_from(["true", "false"])), r["status"]: draw(st.sampled_from(["DOC", "AWD"]))},
            {r["resection"]: draw(st.sampled_from(["true", "false", ""])), r["latest"]: at},
            {r["resection"]: "true", r["earliest"]: "", r["latest"]: at},
            {r["resection"]: "true", r["earliest"]: at, r["latest"]: "2"},
            {r["evaluation"]: at},
            {r["time"]: at},
        ]
    for name, value in draw(st.sampled_from(changes)).items():
        _set(g, row, name, value)


def _ragged(draw: Any, s: Subject, g: Grid) -> None:
    row = draw(st.integers(0, len(g) - 1))
    g[row] = draw(st.sampled_from([g[row][:-1], [*g[row], ""], [*g[row], "x"], g[row][1:]]))


def _column(draw: Any, s: Subject, g: Grid) -> None:
    """Rename, empty the name of, remove, or repeat a column."""
    column, what = draw(st.integers(0, len(g[0]) - 1)), draw(st.sampled_from(["rename", "no name", "remove", "repeat"]))
    if what in ("rename", "no name"):
        g[0][column] = "" if what == "no name" else g[0][column] + draw(st.sampled_from(["s", "_2", " x", ";", "\u200bx"]))
    for row in g if what in ("remove", "repeat") and len(g[0]) > 1 else []:
        row[column : column + 1] = [] if what == "remove" else row[column : column + 1] * 2


def _few_rows(draw: Any, s: Subject, g: Grid) -> None:
    del g[draw(st.integers(0, 2)) :]
    if not g:
        g.append([""])


def _any_text(draw: Any, s: Subject, g: Grid) -> None:
    row = draw(st.integers(0, len(g) - 1))
    if g[row]:
        g[row][draw(st.integers(0, len(g[row]) - 1))] = draw(st.text(max_size=12))


def _broken_quote(draw: Any, data: bytes) -> bytes:
    at = draw(st.integers(0, len(data)))
    return data[:at] + draw(st.sampled_from([b'"', b'"x', b',"', b'"",', b'\n"'])) + data[at:]


def _odd_bytes(draw: Any, data: bytes) -> bytes:
    at = draw(st.integers(0, len(data)))
    return data[:at] + draw(st.sampled_from([b"\x00", b"\xff", b"\x81", b"\xc3", b"\xe9", b"\xef\xbb\xbf", b"\r"])) + data[at:]


def _flip(draw: Any, data: bytes) -> bytes:
    flipped = bytearray(data)
    for _ in range(draw(st.integers(1, 3))):
        flipped[draw(st.integers(0, len(data) - 1))] ^= 1 << draw(st.integers(0, 7))
    return bytes(flipped)


def _cut(draw: Any, data: bytes) -> bytes:
    return data[: draw(st.integers(0, len(data)))]


OF_CELLS: dict[str, Callable[..., None]] = {
    "wrong type": _wrong_type,
    "out of range, negative time": _out_of_range,
    "unknown code": _unknown_code,
    "near-twin level": _twin,
    "emptied cell": _empty_cell,
    "duplicate id": _duplicate_id,
    "rule across columns": _across,
    "ragged row": _ragged,
    "renamed, removed, repeated column": _column,
    "no rows or few": _few_rows,
    "any text in any cell": _any_text,
}
OF_BYTES: dict[str, Callable[..., bytes]] = {
    "broken quote": _broken_quote,
    "odd bytes": _odd_bytes,
    "flipped bits": _flip,
    "cut file": _cut,
}


def written(grid: Grid, **dialect: Any) -> str:
    """Write a grid as separated text."""
    text = io.StringIO(newline="")
    csv.writer(text, **{"lineterminator": "\n", **dialect}).writerows(grid)
    return text.getvalue()


@st.composite
def harmful(draw: Any, tables: list[Subject]) -> tuple[Subject, bytes, list[str]]:
    """One to three mutations of a table: the subject, the file and the kinds."""
    subject = draw(st.sampled_from(tables))
    grid = [list(row) for row in subject.grid]
    kinds = draw(st.lists(st.sampled_from([*OF_CELLS, *OF_BYTES]), min_size=1, max_size=3))
    for kind in kinds:
        if kind in OF_CELLS:
            OF_CELLS[kind](draw, subject, grid)
    data = written(grid).encode("utf-8")
    for kind in kinds:
        if kind in OF_BYTES and data:
            data = OF_BYTES[kind](draw, data)
    return subject, data, kinds


@st.composite
def harmless(draw: Any, tables: list[Subject]) -> tuple[Subject, bytes, list[str]]:
    """One to four changes that mean nothing: the subject, the file and the kinds."""
    subject = draw(st.sampled_from(tables))
    grid = [list(row) for row in subject.grid]
    kinds = draw(st.lists(st.sampled_from(HARMLESS), min_size=1, max_size=4, unique=True))
    dialect: dict[str, Any] = {}
    if "row order" in kinds:
        grid = [grid[0], *draw(st.permutations(grid[1:]))]
    if "column order" in kinds:
        order = draw(st.permutations(range(len(grid[0]))))
        grid = [[row[i] for i in order] for row in grid]
    if "extra columns" in kinds:
        for k in range(draw(st.integers(1, 3))):
            at, what = draw(st.integers(0, len(grid[0]))), draw(st.sampled_from(["", "7", "a remark", "2.5", "ward {i}"]))
            for i, row in enumerate(grid):
                row.insert(at, what.format(i=i) if i else f"extra_{k}")
    if "trailing spaces" in kinds:
        for row in grid[1:]:
            at = draw(st.integers(0, len(row) - 1))
            row[at] += "  "
    if "quoting" in kinds:
        dialect["quoting"] = draw(st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC, csv.QUOTE_MINIMAL]))
    if "separator" in kinds:
        dialect["delimiter"] = draw(st.sampled_from([";", "\t", "|"]))
        if "decimal comma" in kinds:
            _commas(subject, grid)
    if "line ends" in kinds:
        dialect["lineterminator"] = draw(st.sampled_from(["\r\n", "\r"]))
    text = written(grid, **dialect) + "\n" * ("blank lines at the end" in kinds)
    encoding = draw(st.sampled_from(["utf-8-sig", "utf-16", "cp1252"])) if "encoding" in kinds else "utf-8"
    try:
        return subject, text.encode(encoding), kinds
    except UnicodeEncodeError:
        return subject, text.encode("utf-8"), kinds


HARMLESS = (
    "row order",
    "column order",
    "extra columns",
    "trailing spaces",
    "quoting",
    "separator",
    "decimal comma",
    "line ends",
    "blank lines at the end",
    "encoding",
)


def _commas(subject: Subject, grid: Grid) -> None:
    for i, name in enumerate(grid[0]):
        if subject.columns.get(name, {"type": ""})["type"] == "number" or name.startswith("extra_"):
            for row in grid[1:]:
                row[i] = re.sub(r"^(\d+)\.(\d+)(\s*)$", r"\1,\2\3", row[i])


def canonical(design: Any) -> dict[str, Any]:
    """Return what a design says of each patient by name, and of the whole in a fixed order."""
    rows: dict[str, list[Any]] = {patient: [] for patient in design.patients}
    for i, patient in enumerate(design.patient_of_row):
        terms = [_row_of(name, term, i) for name, term in sorted(design.terms.items())]
        times = [x[i] for x in (design.switch, design.event_time) if len(x)]
        rows[design.patients[patient]].append(repr((float(design.log_weight[i]), [float(t) for t in times], terms)))
    per = {**design.outcome, "exposed": design.exposed, "earliest": design.earliest, "latest": design.latest}
    return {
        "patients": {
            name: (sorted(rows[name]), {key: repr(float(x[i])) for key, x in per.items() if len(x)})
            for i, name in enumerate(design.patients)
        },
        "left out": dict(design.left_out),
        "terms": {
            name: (sorted(t.coded.levels), t.coded.coefficients, sorted(np.ravel(t.recorded).tolist()), t.incomplete)
            for name, t in design.terms.items()
        },
    }


def _row_of(name: str, term: Any, i: int) -> tuple[Any, ...]:
    matrix = [float(x) for x in np.ravel(term.matrix[i])]
    labels = term.coded.levels if len(term.coded.levels) == len(matrix) else range(len(matrix))
    share = int(term.share[i])
    return name, sorted(zip(map(str, labels), matrix, strict=True)), float(term.node[i]), share


@dataclass
class Outcome:
    """What became of one table: the verdict of the judge, whether it was refused, disagreements, seconds."""

    verdict: str
    refused: bool
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0


def examined(subject: Subject, data: bytes, path: Path) -> Outcome:
    """Read a mutated file, lay the models on it, and hold what happens against the judge."""
    path.write_bytes(data)
    ruling, values = subject.judge.reading(data)
    started = time.perf_counter()
    found = cp.validate(path, subject.codebook)
    errors = found[found["severity"] == "error"]
    cases = _or_refusal(cp.read_cases, path, subject.codebook)
    refused = isinstance(cases, cp.CasepoolError)
    designs = {} if refused else {k: _or_refusal(make_design, m, cases) for k, m in subject.models.items()}
    outcome = Outcome(ruling.verdict, refused, _compared(ruling, cases, errors), time.perf_counter() - started)
    for name, design in designs.items():
        if ruling.verdict == ACCEPT:
            said = subject.judge.design(values, name)
            outcome.wrong += _compared(said, design, None)
            outcome.verdict = max(outcome.verdict, said.verdict, key=[ACCEPT, "either", REFUSE].index)
        outcome.refused |= isinstance(design, cp.CasepoolError)
    return outcome


def _or_refusal(function: Callable[..., Any], *given: Any) -> Any:
    """Call, and return our own error; any other one is the finding and passes."""
    try:
        return function(*given)
    except cp.CasepoolError as error:
        return error


def _compared(ruling: Ruling, result: Any, errors: pd.DataFrame | None) -> list[str]:
    refused = isinstance(result, cp.CasepoolError)
    wrong = []
    if errors is not None and refused != bool(len(errors)):
        wrong.append(f"read_cases and validate disagree: {result}")
    if ruling.verdict == REFUSE and not refused:
        wrong.append(f"accepted in silence: {sorted(ruling.refused)}")
    if ruling.verdict == ACCEPT and refused:
        wrong.append(f"refused without need: {result}")
    if ruling.verdict == REFUSE and refused and ruling.exact and errors is not None:
        told = {"" if pd.isna(column) else column for column in errors["column"]}
        if "" not in ruling.refused | ruling.open and (told ^ ruling.refused) - ruling.open:
            wrong.append(f"columns told {sorted(told)}, of the judge {sorted(ruling.refused)}")
    return wrong


def unchanged(subject: Subject, data: bytes, path: Path) -> Outcome:
    """Read a harmlessly changed file and compare its designs with the original's."""
    path.write_bytes(data)
    started = time.perf_counter()
    cases = cp.read_cases(path, subject.codebook)
    designs = {name: make_design(m, cases) for name, m in subject.models.items()}
    outcome = Outcome(ACCEPT, False, seconds=time.perf_counter() - started)
    outcome.wrong = [f"another design: {k}" for k, d in designs.items() if canonical(d) != subject.designs[k]]
    return outcome


def run(strategy: Any, judge: Callable[..., Outcome], path: Path, n: int, seen: Callable[..., None]) -> None:
    """Draw n tables, always the same ones, and hand each outcome on; nothing is shrunk or remembered."""

    @settings(
        max_examples=n,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(drawn=strategy)
    def one(drawn: tuple[Subject, bytes, list[str]]) -> None:
        subject, data, kinds = drawn
        seen(subject, data, kinds, judge(subject, data, path))

    one()
