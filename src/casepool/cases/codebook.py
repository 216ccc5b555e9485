"""The codebook: what each column of a table means, as text in ``codebook.toml``."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from casepool.arguments import ASKED, is_number
from casepool.cases.coding_keys import check_codings
from casepool.cases.column import NUMBERS, SPELT, TYPES, Column
from casepool.cases.roles import check_roles
from casepool.errors import CasepoolError
from casepool.escaping import printable
from casepool.toml_files import check_keys, read_toml

FILE_KEYS = ("separator", "decimal", "encoding", "sheet")
"""Keys of ``[file]``: how the file is written, where that cannot be told from it."""

FOUND = ("guessed", "aliased")
"""Fields of a codebook that reading a table fills in, and no file states."""
GO_WITH = {"range": NUMBERS, "levels": SPELT, "aliases": SPELT, "separator": ("set", "list")}
"""Keys of a column that say something of some types only, and these."""


@dataclass(frozen=True)
class Codebook:
    """What a table of cases means; every field is a key of ``codebook.toml``, but `name`, `guessed` and `aliased`.

    Parameters
    ----------
    name : str
        What errors call the table.
    publication : str
        Column that says which publication or centre a row comes from; "" where none does.
    at : tuple of float
        Times at which survival is told unless others are asked for, in the models' unit.
    engine : str
        Which engine draws a fit of these cases that asks for none; "" leaves it to the default.
    guessed : tuple of str
        Columns whose type was guessed from their values.
    aliased : tuple of str
        Columns whose cells have been read by their aliases already, which are applied once.
    file : mapping of str to str
        How the file is written, where that cannot be told from it: ``separator``, ``decimal``, ``encoding``, ``sheet``.
    codings : mapping
        ``{decision: {choice: {"why": ..., "use" | "set" | "drop": ...}}}``.
    """

    name: str = "cases"
    title: str = ""
    source: str = ""
    licence: str = ""
    public: bool = True
    id: str = "patient"
    missing: tuple[str, ...] = ("", "NA")
    report: tuple[str, ...] = ()
    file: Mapping[str, str] = field(default_factory=dict)
    publication: str = ""
    at: tuple[float, ...] = ()
    engine: str = ""
    columns: Mapping[str, Column] = field(default_factory=dict)
    codings: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
    guessed: tuple[str, ...] = ()
    aliased: tuple[str, ...] = ()

    def may_show(self, name: str) -> bool:
        """Whether the labels of a column may be shown: of a private table only those listed here, and true and false.

        Any others may be names.
        """
        column = self.columns.get(name)
        return self.public or (column is not None and bool(column.levels or column.type == "boolean"))

    @property
    def shown_name(self) -> str:
        """What the table is called outside: of a private one not its folder, and yet not as another one."""
        return self.name if self.public else f"private table {hashlib.sha256(self.name.encode()).hexdigest()[:8]}"

    def to_dict(self) -> dict[str, Any]:
        """Return the codebook as nested plain mappings, ready for JSON, TOML or ``frame.attrs``."""
        plain = {f.name: getattr(self, f.name) for f in fields(self)}
        for name in ("missing", "report", "guessed", "at", "aliased"):
            plain[name] = list(plain[name])
        plain["columns"] = {name: column.to_dict() for name, column in self.columns.items()}
        return plain


def entry_of(name: str) -> str:
    """Return the head of a column's entry in ``codebook.toml``, quoted where TOML asks for it."""
    return f"[columns.{name if re.fullmatch('[A-Za-z0-9_-]+', name) else toml_text(name)}]"


def toml_text(text: str) -> str:
    """Write a text as TOML does, invisible characters by their number."""
    shown = "".join(c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08X}" for c in text)
    return f'"{shown}"'


def read_codebook(path: str | Path) -> Codebook:
    """Read ``codebook.toml``.

    Raises
    ------
    CasepoolError
        If the file is missing, is no TOML, or has an unknown key or type.
    """
    path = Path(path)
    plain = read_toml(path)
    check_keys(plain, [f.name for f in fields(Codebook) if f.name not in FOUND], file=path.name, table="")
    book = codebook_from_dict({"name": printable(path.parent.name), **plain}, file=path.name)
    for key, value in _empties(plain):
        raise CasepoolError(
            "must not be empty", file=path.name, column=key, value=value, remedy="remove it, or fill it"
        )
    for name, column in book.columns.items():
        _refuse_idle(name, plain["columns"][name], column, book, file=path.name)
    return book


def _empties(plain: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the keys that ask for one of a few words, or one character, and have none."""
    chosen = {"engine": plain, **{f"file.{key}": plain.get("file", {}) for key in FILE_KEYS}}
    chosen |= {f"columns.{name}.role": column for name, column in plain.get("columns", {}).items()}
    for key, table in chosen.items():
        if table.get(key.rpartition(".")[2]) == "":
            yield key, ""


def codebook_from_dict(plain: Mapping[str, Any], *, file: str = "codebook.toml") -> Codebook:
    """Make a codebook of plain mappings, refusing every unknown key."""
    check_keys(plain, [f.name for f in fields(Codebook)], file=file, table="")
    values = dict(plain)
    for key in ("missing", "report", "guessed", "aliased"):
        if key in values:
            values[key] = tuple(_strings(values[key], file=file, key=key))
    values["at"] = _times(values.get("at", []), file=file)
    for key in ("columns", "codings"):
        if not isinstance(values.get(key, {}), Mapping):
            raise CasepoolError("must be a table", file=file, column=key, remedy=f"write [{key}.<name>]")
    if "file" in values:
        _texts(values["file"], file=file, key="file")
        check_keys(values["file"], list(FILE_KEYS), file=file, table="file")
    for key in ("name", "title", "source", "licence", "id", "publication"):
        if not isinstance(values.get(key, ""), str):
            raise CasepoolError("must be text", file=file, column=key, value=values[key], remedy="put it in quotes")
    if values.get("engine", "") not in ("", *ASKED):
        remedy = f"choose one of {', '.join(ASKED)}"
        raise CasepoolError("unknown engine", file=file, column="engine", value=values["engine"], remedy=remedy)
    if not isinstance(values.get("public", True), bool):
        raise CasepoolError("must be true or false", file=file, column="public", remedy="write true or false")
    check_codings(values.get("codings", {}), values.get("id", Codebook.id), file=file)
    values["columns"] = {
        str(name): _column(column, name=str(name), file=file) for name, column in values.get("columns", {}).items()
    }
    check_roles(values["columns"], file=file)
    return Codebook(**values)


def _column(plain: object, *, name: str, file: str) -> Column:
    table = f"columns.{name}"
    if not isinstance(plain, Mapping):
        raise CasepoolError("must be a table", file=file, column=table, remedy=f"write {entry_of(name)} with a type")
    check_keys(plain, [f.name for f in fields(Column)], file=file, table=table)
    values = dict(plain)
    if values.get("type") not in TYPES:
        raise CasepoolError(
            "unknown or missing column type",
            file=file,
            column=table,
            value=values.get("type"),
            remedy=f"choose one of {', '.join(TYPES)}",
        )
    for key in ("levels", "counts"):
        if key in values:
            values[key] = tuple(_strings(values[key], file=file, key=f"{table}.{key}"))
            if len(set(values[key])) < len(values[key]):
                raise CasepoolError(
                    "lists a code twice", file=file, column=f"{table}.{key}", value=values[key], remedy="list it once"
                )
    _texts(values.get("aliases", {}), file=file, key=f"{table}.aliases")
    for key in ("unit", "label", "separator", "role", "exposure", "what", "done", "explains"):
        if not isinstance(values.get(key, ""), str):
            raise CasepoolError("must be text", file=file, column=f"{table}.{key}", remedy="put it in quotes")
    if values.get("separator") == "":
        raise CasepoolError("must not be empty", file=file, column=f"{table}.separator", remedy='write, say, ";"')
    if values.get("range") is not None:
        values["range"] = _range(values["range"], file=file, key=f"{table}.range")
    return Column(**values)


def _refuse_idle(name: str, entry: Collection[str], column: Column, book: Codebook, *, file: str) -> None:
    """Refuse what a column's entry says in vain: a key its type has no use for, an alias to what is read as empty."""
    for key, types in GO_WITH.items():
        if key in entry and column.type not in types:
            raise CasepoolError(
                f"the type {column.type} has no {key}",
                file=file,
                column=f"columns.{name}.{key}",
                remedy=f"remove it, or set type to one of {', '.join(types)}",
            )
    for spelling, kept in column.aliases.items():
        if kept.strip() in book.missing:
            raise CasepoolError(
                "an alias to what is read as an empty cell",
                file=file,
                column=f"columns.{name}.aliases",
                value=spelling,
                remedy=f"remove it, and set {missing_with(book.missing, spelling)} at the top",
            )


def missing_with(missing: Iterable[str], *more: str) -> str:
    """Return the line of a codebook that reads further spellings as empty cells."""
    return f"missing = [{', '.join(map(toml_text, dict.fromkeys((*missing, *more))))}]"


def _strings(value: object, *, file: str, key: str) -> list[str]:
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise CasepoolError("must be a list of strings", file=file, column=key, value=value, remedy="correct it")
    return list(value)


def _texts(value: object, *, file: str, key: str) -> None:
    """Refuse what is no table of texts."""
    if not isinstance(value, Mapping) or not all(isinstance(item, str) for item in (*value, *value.values())):
        raise CasepoolError("must be a table of texts", file=file, column=key, value=value, remedy="correct it")


def _times(value: object, *, file: str) -> tuple[float, ...]:
    if not isinstance(value, list | tuple) or not all(is_number(time) and time >= 0 for time in value):
        remedy = "write, say, at = [12, 24]"
        raise CasepoolError("must be a list of times from 0", file=file, column="at", value=value, remedy=remedy)
    return tuple(sorted(float(time) for time in value))


def _range(value: object, *, file: str, key: str) -> tuple[float, float]:
    pair = list(value) if isinstance(value, list | tuple) else []
    if len(pair) != 2 or not all(type(item) in (int, float) for item in pair) or not pair[0] < pair[1]:
        raise CasepoolError("must be [low, high]", file=file, column=key, value=value, remedy="correct it")
    return (float(pair[0]), float(pair[1]))
