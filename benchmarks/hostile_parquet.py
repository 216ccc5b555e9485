"""Parquet files: tables in which something is wrong, columns of every type, and damaged or foreign files."""

from __future__ import annotations

import datetime
import decimal
import io
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.hostile import ACCEPT, EITHER, REFUSE, WARN, Rng, TableFile
from benchmarks.hostile_dates import DATED
from benchmarks.hostile_tables import MUTATIONS, Contents, fine

CONTENTS = [*MUTATIONS, *DATED]
"""What is done to the contents of a table."""


def column_of(cells: list[Any]) -> pa.Array:
    """Return a column as Parquet has it; cells of several kinds become text, as any program would have to do."""
    kinds = {type(cell) for cell in cells if cell is not None}
    if len(kinds) > 1 and not kinds <= {int, float}:
        return pa.array([cell if cell is None else str(cell) for cell in cells], pa.string())
    return pa.array(cells)


def table_of(t: Contents) -> pa.Table:
    """Return a table of the contents."""
    return pa.Table.from_arrays([column_of(cells) for cells in t.cells.values()], names=t.names)


def saved(table: pa.Table, **how: Any) -> bytes:
    """Return a table's bytes."""
    stream = io.BytesIO()
    pq.write_table(table, stream, **how)
    return stream.getvalue()


def _with(table: pa.Table, name: str, column: pa.Array) -> pa.Table:
    return table.set_column(table.schema.get_field_index(name), name, column)


# What a writer can do: each takes a table and returns one, with how it is written.


def plain(rng: Rng, t: Contents, table: pa.Table) -> tuple[pa.Table, dict[str, Any]]:
    """Compress, group and encode otherwise."""
    codec = rng.choice(["none", "snappy", "gzip", "brotli", "zstd", "lz4"])
    how = {"compression": codec, "row_group_size": rng.choice([1, 3, 1000]), "version": rng.choice(["1.0", "2.6"])}
    return table, how | {"use_dictionary": rng.random() < 0.5, "data_page_version": rng.choice(["1.0", "2.0"])}


def wide_types(rng: Rng, t: Contents, table: pa.Table) -> tuple[pa.Table, dict[str, Any]]:
    """Hold the same values in other types."""
    whole = rng.choice([pa.int8(), pa.int16(), pa.uint8(), pa.uint64(), pa.float64(), pa.decimal128(20, 0)])
    text = rng.choice(
        [pa.large_string(), pa.dictionary(pa.int32(), pa.string()), pa.dictionary(pa.int8(), pa.string())]
    )
    table = _with(table, "line", pa.array(t.cells["line"]).cast(whole))
    for name in ("group", "partner", "best"):
        table = _with(table, name, pa.array(t.cells[name]).cast(text))
    exact = [decimal.Decimal(str(x)) for x in t.cells["months"]]
    return (_with(table, "months", pa.array(exact, pa.decimal128(12, 3))) if rng.random() < 0.5 else table), {}


def bytes_for_text(rng: Rng, t: Contents, table: pa.Table) -> tuple[pa.Table, dict[str, Any]]:
    """Hold texts as bytes, some of them no UTF-8."""
    cells = [g.encode() for g in t.cells["group"]]
    if rng.random() < 0.5:
        cells[0] = b"\xff\xfe\x00x"
    t.must(EITHER)
    t.told_values = False
    return _with(table, "group", pa.array(cells, rng.choice([pa.binary(), pa.large_binary()]))), {}


def several_values(rng: Rng, t: Contents, table: pa.Table) -> tuple[pa.Table, dict[str, Any]]:
    """Hold more than one value in a cell."""
    name = rng.choice(["group", "note", "months"])
    of: list[pa.DataType] = [pa.list_(pa.int64()), pa.struct([("x", pa.int64())]), pa.map_(pa.string(), pa.int64())]
    kind = rng.choice([*of, pa.list_(pa.list_(pa.string()))])
    value: Any = {of[0]: [1, 2], of[1]: {"x": 1}, of[2]: [("a", 1)]}.get(kind, [["a"], ["b"]])
    t.must(REFUSE, None, None, name)
    return _with(table, name, pa.array([value] * t.n, kind)), {}


def times(rng: Rng, t: Contents, table: pa.Table) -> tuple[pa.Table, dict[str, Any]]:
    """Hold dates, times of day or durations where a number belongs."""
    name = rng.choice(["months", "age", "judged"])
    kind, value = rng.choice(
        [
            (pa.date32(), datetime.date(2020, 1, 5)),
            (pa.timestamp("ns"), datetime.datetime(2020, 1, 5)),
            (pa.timestamp("us", "UTC"), datetime.datetime(2020, 1, 5)),
            (pa.timestamp("s"), datetime.datetime(9999, 1, 5)),
            (pa.time64("us"), datetime.time(3)),
            (pa.duration("s"), datetime.timedelta(days=3)),
            (pa.date64(), datetime.date(1, 1, 1)),
        ]
    )
    t.must(REFUSE, None, name)
    return _with(table, name, pa.array([value] * t.n, kind)), {}


def no_numbers(rng: Rng, t: Contents, table: pa.Table) -> tuple[pa.Table, dict[str, Any]]:
    """Hold infinities, or whole numbers of more digits than are told apart."""
    name = rng.choice(["months", "line"])
    row = rng.randrange(t.n)
    t.cells[name][row] = 2**60 + 1 if name == "line" else float("inf")
    t.patch("line", range=None)
    t.must(REFUSE, row + 1, name)
    return _with(table, name, pa.array(t.cells[name])), {}


def not_a_number(rng: Rng, t: Contents, table: pa.Table) -> tuple[pa.Table, dict[str, Any]]:
    """Hold NaN beside, or in the place of, an empty cell."""
    t.must(EITHER)
    t.cells["judged"][0] = None
    cells = [float("nan"), *t.cells["judged"][1:]]
    return _with(table, "judged", pa.array(cells, pa.float64())), {}


def empty_column(rng: Rng, t: Contents, table: pa.Table) -> tuple[pa.Table, dict[str, Any]]:
    """Hold nothing in a column, in the type of nothing."""
    t.cells["note"] = [None] * t.n
    return _with(table, "note", pa.nulls(t.n)), {}


def unnamed_index(rng: Rng, t: Contents, table: pa.Table) -> tuple[pa.Table, dict[str, Any]]:
    """Hold identifiers in a pandas index without a name."""
    frame = table.drop_columns(["patient"]).to_pandas()
    frame.index = t.cells["patient"]
    t.book = None
    t.must(WARN)
    return pa.Table.from_pandas(frame), {}


def named_index(rng: Rng, t: Contents, table: pa.Table) -> tuple[pa.Table, dict[str, Any]]:
    """Hold identifiers in a pandas index with a name."""
    t.must(EITHER)
    return pa.Table.from_pandas(table.to_pandas().set_index("patient")), {}


def metadata(rng: Rng, t: Contents, table: pa.Table) -> tuple[pa.Table, dict[str, Any]]:
    """Say nonsense where pandas says what it wrote."""
    said = rng.choice(
        [
            b"",
            b"{",
            b"[]",
            b"null",
            b'{"index_columns": ["nothing"]}',
            b'{"columns": 5}',
            b'{"index_columns": [{"kind": "range", "start": 0, "stop": 10000000000, "step": 0}], "columns": []}',
            b"\xff\xfe",
            b'{"index_columns": [], "columns": [{"name": "age", "pandas_type": "datetimetz", "numpy_type": "x"}]}',
        ]
    )
    t.must(EITHER)
    return table.replace_schema_metadata({b"pandas": said}), {}


def names(rng: Rng, t: Contents, table: pa.Table) -> tuple[pa.Table, dict[str, Any]]:
    """Repeat, empty or spoil the name of a column."""
    name = rng.choice(["age", "", "a\x1b[31mb", "a\nb", "a\x00b", " ", "x" * 100_000])
    at = rng.randrange(2, len(t.names))
    t.must(REFUSE)
    return table.rename_columns([name if i == at else old for i, old in enumerate(t.names)]), {}


def dictionary(rng: Rng, t: Contents, table: pa.Table) -> tuple[pa.Table, dict[str, Any]]:
    """Hold a long text once and a hundred thousand times by its number, or more cells than the documents allow."""
    t.book, t.told_values = None, False
    t.must(REFUSE)
    if rng.random() < 0.5:
        return pa.table({f"c{i}": pa.array([0] * 60_000) for i in range(50)}), {"compression": "zstd"}
    length, rows = rng.choice([(20_000, 200_000), (1_000, 200_000), (10_000, 2_000)])
    text = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array(["x" * length]))
    t.must(REFUSE if length * rows > 30_000_000 else ACCEPT)
    return pa.table({"patient": pa.array(range(rows)), "a": text}), {}


def shapes(rng: Rng, t: Contents, table: pa.Table) -> tuple[pa.Table, dict[str, Any]]:
    """Hold no rows, no columns, or neither."""
    t.must(REFUSE)
    return rng.choice([table.slice(0, 0), table.select([]), pa.table({})]), {}


WRITERS: list[Callable[..., tuple[pa.Table, dict[str, Any]]]] = [
    *(plain, wide_types, bytes_for_text, several_values, times, no_numbers, not_a_number, empty_column),
    *(unnamed_index, named_index, metadata, names, shapes),
]


# What is done to bytes; pages have no checksum, so values may change unseen.


def flipped(rng: Rng, t: Contents, data: bytes) -> bytes:
    """Flip bits anywhere, or in the description at the end."""
    changed = bytearray(data)
    foot = int.from_bytes(data[-8:-4], "little")
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(data)) if rng.random() < 0.4 else len(data) - 8 - rng.randrange(1, foot)
        changed[at] ^= 1 << rng.randrange(8)
    t.must(EITHER)
    return bytes(changed)


def cut(rng: Rng, t: Contents, data: bytes) -> bytes:
    """End a file too early."""
    t.must(REFUSE)
    return data[: rng.randrange(4, len(data) - 1)]


def hole(rng: Rng, t: Contents, data: bytes) -> bytes:
    """Leave bytes out, or put other ones in their place."""
    start = rng.randrange(4, len(data) - 8)
    end = min(start + rng.randint(1, 64), len(data) - 8)
    t.must(EITHER)
    return data[:start] + rng.choice([b"", bytes(end - start), rng.randbytes(end - start)]) + data[end:]


def footer(rng: Rng, t: Contents, data: bytes) -> bytes:
    """Say another length of the description, or that it is encrypted."""
    length = rng.choice([0, 1, 2**31 - 1, 2**32 - 1, len(data), len(data) - 8])
    t.must(REFUSE)
    return rng.choice([data[:-8] + length.to_bytes(4, "little") + b"PAR1", data[:-4] + b"PARE", b"PAR1PAR1", b"PAR1"])


BYTES: list[Callable[[Rng, Contents, bytes], bytes]] = [flipped, flipped, cut, hole, footer]


def parquet(rng: Rng, *, heavy: bool = True) -> TableFile:
    """Return a Parquet file and what must become of it; without `heavy`, nothing large."""
    t = fine(rng)
    way = rng.random()
    change: Any = rng.choice(CONTENTS if way < 0.35 else WRITERS if way < 0.75 else BYTES)
    if heavy and way > 0.98:
        change = dictionary
    if change in CONTENTS:
        change(rng, t)
        data = saved(table_of(t))
    elif change in BYTES:
        t.told_values = False
        data = change(rng, t, saved(table_of(t)))
    else:
        table, how = change(rng, t, table_of(t))
        data = saved(table, **how)
    return TableFile(
        change.__name__,
        t.verdict,
        data,
        rng.choice([".parquet", ".csv"]),
        t.text(),
        t.values(),
        t.row,
        t.column,
        t.told,
    )
