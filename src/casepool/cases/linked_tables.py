"""Tables beside the cases: what ``[tables.<name>]`` of a codebook may say, and the rows that go with it.

A table is a file of several rows a patient (events), or is unlisted from cells that hold lists (lines of treatment).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from casepool.errors import CasepoolError
from casepool.toml_files import check_keys

ACTIONS = ("none", "withheld", "reduced", "stopped", "death")
"""What was done about an event, from least to most."""
FILE_COLUMNS = ("grade_low", "grade_high", "action", "onset", "who")
"""Columns that mean something wherever a file of events has them."""
OF_FILES, OF_LISTS = ("file", "patient", "event", "types", "reported", "unit"), ("lists", "carry", "missing")
"""Keys that go together."""
CANDIDATES = ";"
"""Stands between the patients of whom exactly one had an event, unknown which."""


@dataclass(frozen=True)
class LinkedTable:
    """One table beside the cases; fields are keys of ``[tables.<name>]``.

    Parameters
    ----------
    file : str
        Beside the codebook: a row a patient and event.
    patient, event : str
        Columns of the file: whose event it is (several candidates, separated by ";": one of them, unknown which), and
        its type.
    types : tuple of str
        The full list that was looked for, if the source has one: then a missing row is a zero.
    reported : str
        Column of the cases that says whether events were reported: "events", "none", or empty, silent. Without it a
        unit of which the file has an event mentions events, and any other is silent.
    unit : str
        Column of the cases that says who told or was silent together, as a publication; by default every patient.
    lists : mapping of str to str
        Instead of a file: columns of the cases that hold lists of equal lengths, by what an item is called.
    carry : tuple of str
        Columns of the cases that every row of the table gets from its patient.
    missing : tuple of str
        Items of the lists that are read as empty, beside those of the codebook.
    """

    file: str = ""
    patient: str = "patient"
    event: str = "event"
    types: tuple[str, ...] = ()
    reported: str = ""
    unit: str = ""
    lists: Mapping[str, str] = field(default_factory=dict)
    carry: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return what the table says of itself, as a plain mapping without what it leaves open."""
        held = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}
        plain = {key: list(value) if isinstance(value, tuple) else value for key, value in held.items()}
        return {key: dict(value) if isinstance(value, Mapping) else value for key, value in plain.items() if value}


@dataclass(frozen=True)
class LinkedRows:
    """The cells of a table's file, as text, and the number that the file gives to each row."""

    columns: Mapping[str, tuple[str, ...]]
    lines: tuple[int, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return them as plain lists."""
        return {"columns": {name: list(cells) for name, cells in self.columns.items()}, "lines": list(self.lines)}

    def rows(self) -> list[dict[str, str]]:
        """Return one mapping a row."""
        return [dict(zip(self.columns, cells, strict=True)) for cells in zip(*self.columns.values(), strict=True)]


def tables_from_dict(plain: object, *, file: str) -> dict[str, LinkedTable]:
    """Read ``[tables]``, refusing every key and value that cannot be."""
    if not isinstance(plain, Mapping):
        raise CasepoolError("must be a table", file=file, column="tables", remedy="write [tables.<name>]")
    return {str(name): _table(table, f"tables.{name}", file) for name, table in plain.items()}


def rows_from_dict(plain: Mapping[str, Any]) -> dict[str, LinkedRows]:
    """Make the rows that a typed frame carries of plain lists."""
    return {
        str(name): LinkedRows({c: tuple(map(str, own)) for c, own in held["columns"].items()}, tuple(held["lines"]))
        for name, held in plain.items()
    }


def _table(plain: object, key: str, file: str) -> LinkedTable:
    if not isinstance(plain, Mapping):
        raise CasepoolError("must be a table", file=file, column=key, value=plain, remedy=f"write [{key}]")
    allowed = OF_LISTS if "lists" in plain else OF_FILES
    check_keys(plain, allowed, file=file, table=key)
    values = {name: _value(value, f"{key}.{name}", file) for name, value in plain.items()}
    if "lists" in values and not values["lists"]:
        raise CasepoolError("lists no column", file=file, column=f"{key}.lists", remedy="name columns of lists")
    if "lists" not in values and not _is_beside(values.get("file", "")):
        raise CasepoolError("names no file beside the codebook", file=file, column=f"{key}.file",
                            value=values.get("file"), remedy="write the file's name, without a folder")  # fmt: skip
    return LinkedTable(**values)


def _is_beside(name: object) -> bool:
    return isinstance(name, str) and bool(name) and not {"/", "\\", ":"} & set(name) and name not in (".", "..")


def _value(value: object, key: str, file: str) -> Any:
    """Return one key's value, a list as a tuple."""
    name = key.rpartition(".")[2]
    if name == "lists":
        wanted, good = (
            "a table of columns",
            isinstance(value, Mapping) and all(map(_is_text, [*value, *value.values()])),
        )
    elif name in ("types", "carry", "missing"):
        good = isinstance(value, list | tuple) and all(map(_is_text, value)) and len(set(value)) == len(value)
        wanted = "a list of different texts"
    else:
        wanted, good = "text", _is_text(value)
    if not good:
        raise CasepoolError(f"must be {wanted}", file=file, column=key, value=value, remedy="correct it")
    return tuple(value) if isinstance(value, list) else value


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())
