"""What is done to any TOML file: values of other types, keys nobody knows, and bytes that are no TOML."""

from __future__ import annotations

import copy
import datetime
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import tomli_w

from benchmarks.hostile import ACCEPT, EITHER, REFUSE, Rng

Plain = dict[str, Any]
Path = tuple[Any, ...]


@dataclass
class Text:
    """A TOML file: its content, what must become of it, and the words a refusal must have."""

    plain: Plain
    mutation: str = ""
    verdict: str = ACCEPT
    told: tuple[str, ...] = ()
    data: bytes | None = None
    told_values: bool = True

    def must(self, verdict: str, *told: str) -> None:
        """Say what must become of the file."""
        self.verdict, self.told = verdict, told

    def written(self) -> bytes:
        """Return the file."""
        return tomli_w.dumps(self.plain).encode() if self.data is None else self.data


def leaves(plain: Any, at: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield every value that is no table, and where it stands."""
    for key, value in plain.items():
        if isinstance(value, dict):
            yield from leaves(value, (*at, key))
        else:
            yield (*at, key), value


def tables(plain: Plain, at: Path = ()) -> Iterator[tuple[Path, Plain]]:
    """Yield every table, and where it stands."""
    yield at, plain
    for key, value in plain.items():
        if isinstance(value, dict):
            yield from tables(value, (*at, key))


def inside(plain: Plain, at: Path) -> Any:
    """Return what stands at a place."""
    for key in at:
        plain = plain[key]
    return plain


def put(plain: Plain, at: Path, value: Any) -> None:
    """Put a value at a place."""
    inside(plain, at[:-1])[at[-1]] = value


DAY = datetime.date(2020, 3, 1)
WRONG: dict[type, list[Any]] = {
    str: [5, True, 1.5, ["a"], {"a": 1}, DAY],
    bool: ["yes", 5, [True], {"a": True}, DAY],
    int: ["text", True, [1], {"a": 1}, DAY, float("nan"), float("inf")],
    float: ["text", True, [1], {"a": 1}, DAY, float("nan"), float("-inf")],
    list: [5, True, {"a": 1}, [{}], [[1]], [DAY], "text"],
}
"""Values that are not of the type of a key."""


def wrong_type(rng: Rng, t: Text, loose: Callable[[Path, Any], bool]) -> None:
    """Give a key a value of another type; `loose` tells where the documents allow it."""
    at, value = rng.choice(list(leaves(t.plain)))
    new = rng.choice(WRONG[type(value)])
    put(t.plain, at, copy.deepcopy(new))
    t.must(EITHER if loose(at, new) else REFUSE, str(at[-1]))


def unknown_key(rng: Rng, t: Text, free: Callable[[Path], bool]) -> None:
    """Add a key that the documents do not have; `free` tells which tables have keys of the user's."""
    table = rng.choice([table for at, table in tables(t.plain) if not free(at)])
    old = rng.choice([key for key in table if isinstance(key, str)] or ["x"])
    key = rng.choice(["colour", f"{old}s", old.upper(), f"{old} ", "a.b", "é"])
    if key not in table:
        table[key] = rng.choice([1, "x", True, []])
        t.must(REFUSE, key.strip())


def deep(rng: Rng, t: Text) -> None:
    """Nest tables and lists deeper than the documents allow."""
    n = rng.choice([21, 100, 100_000])
    deep = rng.choice(["x = " + "[" * n + "]" * n, ".".join(["a"] * n) + " = 1", "x = " + "{a = " * n + "1" + "}" * n])
    t.data = f"{deep}\n".encode() + t.written()
    t.must(REFUSE)


def long_integer(rng: Rng, t: Text) -> None:
    """Write a whole number of more than 64 bits."""
    numbers = [at for at, value in leaves(t.plain) if type(value) in (int, float)]
    at = rng.choice(numbers or [("zz",)])
    number = "9" * rng.choice([20, 400, 5_000])
    put(t.plain, at, 987654321)
    t.data = t.written().replace(b"987654321", number.encode())
    t.must(REFUSE, *([str(at[-1])] if len(number) == 20 else []))


def control(rng: Rng, t: Text) -> None:
    """Write signs that a terminal obeys, in a value or a key."""
    text = rng.choice(["a\x1b[31mb", "\x9b2J", "a\x07", "\x7f", "a\u202eb", "a\rb", "a\u2028b", "a\x00b"])
    strings = [at for at, value in leaves(t.plain) if isinstance(value, str)]
    if rng.random() < 0.7:
        put(t.plain, rng.choice(strings), text)
    else:
        inside(t.plain, rng.choice(list(tables(t.plain)))[0])[text] = 1
    t.must(EITHER)
    t.told_values = False


def too_large(rng: Rng, t: Text) -> None:
    """Be larger than the documents allow."""
    t.data = t.written() + rng.choice([b"#" + b"x" * 2_000_000, b"\n" * 2_000_001])
    t.must(REFUSE, "2 MB")


def broken(rng: Rng, t: Text) -> None:
    """Break the language, or repeat a key."""
    lines = t.written().split(b"\n")
    filled = [i for i, line in enumerate(lines) if b" = " in line and not line.startswith(b" ")]
    line = lines[rng.choice(filled)]
    bad = [
        line.replace(b" = ", b" "),
        b"[",
        b"a = ",
        b"= 1",
        b"\xff\xfe",
        b"x = 1979-13-45",
        b"'''",
        b"a = 1 b = 2",
        b"\x00",
    ]
    lines.insert(rng.choice(filled), rng.choice([*bad, line + b"\n" + line]))
    t.data = b"\n".join(lines)
    t.must(REFUSE)


def flipped(rng: Rng, t: Text) -> None:
    """Flip bits, or leave bytes out."""
    data = bytearray(t.written())
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(data))
        if rng.random() < 0.5:
            data[at] ^= 1 << rng.randrange(8)
        else:
            del data[at : at + rng.randint(1, 20)]
    t.data = bytes(data)
    t.must(EITHER)
    t.told_values = False


def encoded(rng: Rng, t: Text) -> None:
    """Write in an encoding that is read, as Windows may have it, or in another."""
    text = t.written().decode()
    what = rng.choice(["utf-16", "utf-8-sig", "latin-1", "cp037"])
    t.data = (text if what != "latin-1" else f"# é\n{text}").encode(what, "replace")
    t.must(ACCEPT if what in ("utf-8-sig", "utf-16") else REFUSE)


def harmless(rng: Rng, t: Text) -> None:
    """Change what means nothing: ends of lines, remarks, blanks, the order of tables."""
    text = t.written().decode()
    what = rng.choice(["crlf", "remarks", "blanks", "order", "tabs"])
    if what == "order":
        t.plain = {key: t.plain[key] for key in rng.sample(list(t.plain), len(t.plain))}
    else:
        new = {"crlf": ("\n", "\r\n"), "remarks": ("\n\n", "\n# [x] = \\u\n\n"), "blanks": (" = ", "   =  ")}
        old, by = new.get(what, (" = ", "\t=\t"))
        t.data = text.replace(old, by).encode()


OF_TEXT: list[Callable[[Rng, Text], None]] = [
    deep,
    long_integer,
    control,
    too_large,
    broken,
    flipped,
    encoded,
    harmless,
]
"""What is done to any TOML file, whatever it says."""
