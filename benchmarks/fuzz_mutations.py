"""What is done to tables: harmful and arbitrary mutations by kind, and changes that mean nothing."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from benchmarks.fuzz_oracle import Judge

DATA = Path(__file__).parent.parent / "data"
Grid = list[list[str]]


@dataclass
class Table:
    """A bundled table as text: its header and rows, what the codebook says of its columns, and who has which role."""

    name: str

    def __post_init__(self) -> None:
        folder = DATA / self.name
        self.grid: Grid = list(csv.reader(io.StringIO((folder / "cases.csv").read_text(encoding="utf-8"))))
        self.judge = Judge(folder / "codebook.toml")
        self.columns = self.judge.columns
        self.role = {column["role"]: name for name, column in self.columns.items() if "role" in column}


# Mutations of cells: each takes hypothesis' draw, the subject and the grid it changes, and may return bytes instead.


def _cell(draw: Any, subject: Table, grid: Grid, kinds: tuple[str, ...], value: Any) -> None:
    """Overwrite a cell of a column of one of some types."""
    names = [name for name in grid[0] if name in subject.columns and subject.columns[name]["type"] in kinds]
    if not names or len(grid) < 2:
        return
    name, row = draw(st.sampled_from(names)), draw(st.integers(1, len(grid) - 1))
    column = grid[0].index(name)
    if column < len(grid[row]):
        grid[row][column] = draw(value(subject.columns[name], grid[row][column]) if callable(value) else value)


def _wrong_type(draw: Any, s: Table, g: Grid) -> None:
    words = [
        "twelve",
        "12 moons",
        "1,5",
        "inf",
        "nan",
        "--",
        "1_000",
        "0x1F",
        "<1",
        "12+",
        "maybe",
        "2020-01-05",
        "1.5",
    ]
    _cell(draw, s, g, ("number", "integer", "boolean"), st.sampled_from(words))


def _out_of_range(draw: Any, s: Table, g: Grid) -> None:
    _cell(
        draw, s, g, ("number", "integer"), st.sampled_from(["-1", "-0.001", "601", "1e9", "9" * 40, "1e999", "1000.5"])
    )


def _unknown_code(draw: Any, s: Table, g: Grid) -> None:
    _cell(draw, s, g, ("category", "ordered", "set"), st.sampled_from(["X", "cr", "pd", "M ", "dead", "EIMT;IMT", "?"]))


def _twin(draw: Any, s: Table, g: Grid) -> None:
    def value(_: Any, now: str) -> Any:
        turns = [
            now.swapcase(),
            now + "\u200b",
            " ".join(now),
            now.replace("-", "\u2011"),
            "\ufeff" + now,
            now + "\u00a0x",
        ]
        return st.sampled_from([*turns, "\u200b"])

    _cell(draw, s, g, ("category", "ordered", "set"), value)


def _empty_cell(draw: Any, s: Table, g: Grid) -> None:
    _cell(draw, s, g, tuple({column["type"] for column in s.columns.values()}), st.sampled_from(["", "NA", " ", "\t"]))


def _duplicate_id(draw: Any, s: Table, g: Grid) -> None:
    if len(g) > 2 and s.judge.id in g[0]:
        rows = draw(st.lists(st.sampled_from(range(1, len(g))), min_size=2, max_size=2, unique=True))
        column = g[0].index(s.judge.id)
        if all(column < len(g[row]) for row in rows):
            g[rows[0]][column] = g[rows[1]][column]


def _set(g: Grid, row: int, name: str, value: str) -> None:
    if name in g[0] and g[0].index(name) < len(g[row]):
        g[row][g[0].index(name)] = value


def _across(draw: Any, s: Table, g: Grid) -> None:
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


def _ragged(draw: Any, s: Table, g: Grid) -> None:
    row = draw(st.integers(0, len(g) - 1))
    g[row] = draw(st.sampled_from([g[row][:-1], [*g[row], ""], [*g[row], "x"], g[row][1:]]))


def _column(draw: Any, s: Table, g: Grid) -> None:
    """Rename, empty the name of, remove, or repeat a column."""
    column, what = draw(st.integers(0, len(g[0]) - 1)), draw(st.sampled_from(["rename", "no name", "remove", "repeat"]))
    if what in ("rename", "no name"):
        g[0][column] = (
            "" if what == "no name" else g[0][column] + draw(st.sampled_from(["s", "_2", " x", ";", "\u200bx"]))
        )
    for row in g if what in ("remove", "repeat") and len(g[0]) > 1 else []:
        row[column : column + 1] = [] if what == "remove" else row[column : column + 1] * 2


def _few_rows(draw: Any, s: Table, g: Grid) -> None:
    del g[draw(st.integers(0, 2)) :]
    if not g:
        g.append([""])


def _any_text(draw: Any, s: Table, g: Grid) -> None:
    row = draw(st.integers(0, len(g) - 1))
    if g[row]:
        g[row][draw(st.integers(0, len(g[row]) - 1))] = draw(st.text(max_size=12))


def _broken_quote(draw: Any, data: bytes) -> bytes:
    at = draw(st.integers(0, len(data)))
    return data[:at] + draw(st.sampled_from([b'"', b'"x', b',"', b'"",', b'\n"'])) + data[at:]


def _odd_bytes(draw: Any, data: bytes) -> bytes:
    at = draw(st.integers(0, len(data)))
    return (
        data[:at]
        + draw(st.sampled_from([b"\x00", b"\xff", b"\x81", b"\xc3", b"\xe9", b"\xef\xbb\xbf", b"\r"]))
        + data[at:]
    )


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
def harmful(draw: Any, tables: list[Table], of: tuple[str, ...] = ()) -> tuple[Table, bytes, list[str]]:
    """One to three mutations of a table, of any kind or of some: the subject, the file and the kinds."""
    subject = draw(st.sampled_from(tables))
    grid = [list(row) for row in subject.grid]
    kinds = draw(st.lists(st.sampled_from(of or (*OF_CELLS, *OF_BYTES)), min_size=1, max_size=3))
    for kind in kinds:
        if kind in OF_CELLS:
            OF_CELLS[kind](draw, subject, grid)
    data = written(grid).encode("utf-8")
    for kind in kinds:
        if kind in OF_BYTES and data:
            data = OF_BYTES[kind](draw, data)
    return subject, data, kinds


@st.composite
def harmless(draw: Any, tables: list[Table]) -> tuple[Table, bytes, list[str]]:
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
            at, what = (
                draw(st.integers(0, len(grid[0]))),
                draw(st.sampled_from(["", "7", "a remark", "2.5", "ward {i}"])),
            )
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


def _commas(subject: Table, grid: Grid) -> None:
    for i, name in enumerate(grid[0]):
        if subject.columns.get(name, {"type": ""})["type"] == "number" or name.startswith("extra_"):
            for row in grid[1:]:
                row[i] = re.sub(r"^(\d+)\.(\d+)(\s*)$", r"\1,\2\3", row[i])
