"""The codebook: what each column of a table means, as text in ``codebook.toml``."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from casepool._resources import bundled
from casepool.arguments import ASKED, is_number
from casepool.cases.coding_keys import LABEL, check_codings, is_label
from casepool.cases.column import NUMBERS, SPELT, TYPES, Column
from casepool.cases.dates import FORMATS
from casepool.cases.linked_tables import LinkedRows, LinkedTable, rows_from_dict, tables_from_dict
from casepool.cases.roles import check_roles
from casepool.errors import CasepoolError
from casepool.escaping import printable
from casepool.toml_files import check_keys, read_toml

FILE_KEYS = ("separator", "decimal", "encoding", "sheet", "header", "last", "time_zero")
"""Keys of ``[file]``: how the file is written, where that cannot be told from it."""

FOUND = ("guessed", "aliased", "dated")
"""Fields of a codebook that reading a table fills in, and no file states."""
LINKED, ROWS_OF = "linked", "rows_of"
"""Fields about tables beside the cases, which reading fills in as well."""
TEXTS = (
    *("unit", "label", "separator", "role", "exposure", "what"),
    *("done", "explains", "format", "censored_at", "followed"),
)
"""Keys of a column that hold text."""
INSIDE = "decisions"
"""Field of a codebook that a file states elsewhere: the label of a decision stands among its choices."""
GO_WITH = {"range": NUMBERS, "levels": SPELT, "aliases": SPELT, "separator": ("set", "list")}
GO_WITH |= {"followed": NUMBERS}
GO_WITH |= dict.fromkeys(("format", "censored_at"), ("date",))
"""Keys of a column that say something of some types only, and these."""


@dataclass(frozen=True)
class Codebook:
    """What a table of cases means; keys of ``codebook.toml``, but for `name`, `INSIDE` and those of `FOUND`.

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
    dated : tuple of str
        Columns that were dates, or were made of dates, and hold times by now.
    file : mapping of str to str
        How the file is written, where that cannot be told from it: ``separator``, ``decimal``, ``encoding``, ``sheet``,
        the lines of its ``header`` ("3", or "3-4" of two rows) and of its ``last`` row;
        and ``time_zero``, the column of dates from which times are counted.
    codings : mapping
        ``{decision: {choice: {"label": ..., "why": ..., "use" | "set" | "drop": ...}}}``.
    decisions : mapping of str to str
        What a reader calls a decision, where that is said: ``label`` of ``[codings.<decision>]``.
    tables : mapping of str to LinkedTable
        Tables beside the cases.
    linked : mapping of str to LinkedRows
        The rows of those that are files.
    rows_of : str
        Of which of these tables the rows are, where they are not of cases.
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
    decisions: Mapping[str, str] = field(default_factory=dict)
    guessed: tuple[str, ...] = ()
    aliased: tuple[str, ...] = ()
    dated: tuple[str, ...] = ()
    tables: Mapping[str, LinkedTable] = field(default_factory=dict)
    linked: Mapping[str, LinkedRows] = field(default_factory=dict)
    rows_of: str = ""

    def may_show(self, name: str) -> bool:
        """Whether the labels of a column may be shown: of a private table only those listed here, and true and false.

        Any others may be names.
        """
        column = self.columns.get(name)
        return self.public or (column is not None and bool(column.levels or column.type == "boolean"))

    def label_of(self, name: str) -> str:
        """Return what a reader calls a column."""
        column = self.columns.get(name)
        return column.label if column is not None and column.label else name.replace("_", " ")

    @property
    def shown_name(self) -> str:
        """What the table is called outside: of a private one not its folder, and yet not as another one."""
        return self.name if self.public else f"private table {hashlib.sha256(self.name.encode()).hexdigest()[:8]}"

    def to_dict(self) -> dict[str, Any]:
        """Return the codebook as nested plain mappings, ready for JSON, TOML or ``frame.attrs``."""
        plain = {f.name: getattr(self, f.name) for f in fields(self) if f.name != INSIDE}
        for name in ("missing", "report", "at", *FOUND):
            plain[name] = list(plain[name])
        plain["columns"] = {name: column.to_dict() for name, column in self.columns.items()}
        plain["tables"] = {name: table.to_dict() for name, table in self.tables.items()}
        plain[LINKED] = {name: rows.to_dict() for name, rows in self.linked.items()}
        plain = {key: value for key, value in plain.items() if value or key not in ("tables", LINKED, ROWS_OF)}
        said = {decision: {LABEL: label} for decision, label in self.decisions.items()}
        plain["codings"] = {decision: said.get(decision, {}) | dict(own) for decision, own in self.codings.items()}
        return plain


KEYS = tuple(f.name for f in fields(Codebook) if f.name != INSIDE)
"""Keys of a codebook as plain mappings."""


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
    check_keys(plain, [name for name in KEYS if name not in (*FOUND, LINKED, ROWS_OF)], file=path.name, table="")
    book = codebook_from_dict({"name": printable(path.parent.name), **plain}, file=path.name)
    for key, value in _empties(plain):
        raise CasepoolError(
            "must not be empty", file=path.name, column=key, value=value, remedy="remove it, or fill it"
        )
    for name, column in book.columns.items():
        _refuse_idle(name, plain["columns"][name], column, book, file=path.name)
    _refuse_unknown_models(book, path)
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
    check_keys(plain, KEYS, file=file, table="")
    values = dict(plain)
    for key in ("missing", "report", *FOUND):
        if key in values:
            values[key] = tuple(_strings(values[key], file=file, key=key))
    values["at"] = _times(values.get("at", []), file=file)
    for key in ("columns", "codings"):
        if not isinstance(values.get(key, {}), Mapping):
            raise CasepoolError("must be a table", file=file, column=key, remedy=f"write [{key}.<name>]")
    if "file" in values:
        values["file"] = _with_lines(values["file"], file=file)
        _texts(values["file"], file=file, key="file")
        check_keys(values["file"], list(FILE_KEYS), file=file, table="file")
    values["tables"] = tables_from_dict(values.get("tables", {}), file=file)
    values[LINKED] = rows_from_dict(values.get(LINKED, {}))
    for key in ("name", "title", "source", "licence", "id", "publication"):
        if not isinstance(values.get(key, ""), str):
            raise CasepoolError("must be text", file=file, column=key, value=values[key], remedy="put it in quotes")
    if values.get("engine", "") not in ("", *ASKED):
        remedy = f"choose one of {', '.join(ASKED)}"
        raise CasepoolError("unknown engine", file=file, column="engine", value=values["engine"], remedy=remedy)
    if not isinstance(values.get("public", True), bool):
        raise CasepoolError("must be true or false", file=file, column="public", remedy="write true or false")
    check_codings(values.get("codings", {}), values.get("id", Codebook.id), file=file)
    values |= _labelled(values.get("codings", {}))
    values["columns"] = {
        str(name): _column(column, name=str(name), file=file) for name, column in values.get("columns", {}).items()
    }
    check_roles(values["columns"], file=file)
    book = Codebook(**values)
    check_dates(book, file=file)
    return book


def _labelled(codings: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Tell the choices of every decision from what a reader calls it."""
    choices = {
        decision: {key: coding for key, coding in own.items() if not is_label(key, coding)}
        for decision, own in codings.items()
    }
    labels = {decision: own[LABEL] for decision, own in codings.items() if is_label(LABEL, own.get(LABEL, {}))}
    return {"codings": choices, INSIDE: labels}


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
    for key in TEXTS:
        if not isinstance(values.get(key, ""), str):
            raise CasepoolError("must be text", file=file, column=f"{table}.{key}", remedy="put it in quotes")
    if values.get("separator") == "":
        raise CasepoolError("must not be empty", file=file, column=f"{table}.separator", remedy='write, say, ";"')
    if not re.fullmatch(r"|[^\w\s.,-]", values.get("followed", "")):
        said = "must be one sign that is no part of a number"
        raise CasepoolError(said, file=file, column=f"{table}.followed", value=values["followed"], remedy='write "+"')
    if values.get("range") is not None:
        values["range"] = _range(values["range"], file=file, key=f"{table}.range")
    return Column(**values)


def check_dates(book: Codebook, *, file: str) -> None:
    """Refuse columns of dates without a time zero, or that name as one, or as the end of follow-up, what is no date."""
    dates = [name for name, column in book.columns.items() if column.type == "date"]
    zero, key = book.file.get("time_zero", ""), "file.time_zero"
    if dates and not zero:
        remedy = f"add time_zero = {toml_text(dates[0])} under [file], or the column of dates from which times count"
        raise CasepoolError("dates are read as times since time zero, which is not told", file=file, column=key,
                            value=dates[0], remedy=remedy)  # fmt: skip
    named = {key: zero} if zero and zero not in book.dated else {}
    named |= {f"columns.{name}.censored_at": book.columns[name].censored_at for name in dates}
    for key, name in named.items():
        if name and (name not in dates or (key != "file.time_zero" and name == zero)):
            remedy = f'write {entry_of(name)} with type = "date", or name one of {", ".join(dates) or "the dates"}'
            raise CasepoolError("names no column of dates that may be it", file=file, column=key, value=name,
                                remedy=remedy)  # fmt: skip
    for name in dates:
        form = book.columns[name].format
        if form not in ("", *FORMATS):
            raise CasepoolError("unknown format of dates", file=file, column=f"columns.{name}.format", value=form,
                                remedy=f"choose one of {', '.join(FORMATS)}")  # fmt: skip
        if name == book.id:
            raise CasepoolError("a date names no patient", file=file, column="id", value=name,
                                remedy=f'set type = "text" in {entry_of(name)}')  # fmt: skip


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


def _refuse_unknown_models(book: Codebook, path: Path) -> None:
    """Refuse what `report` lists and is neither a model file beside the codebook nor a bundled model."""
    shipped = sorted(file.stem for file in bundled("models").glob("*.toml"))
    for name in book.report:
        if not (_is_file(path.parent / name) if name.endswith(".toml") else name in shipped):
            remedy = f"write a model file of this name beside the codebook, or choose one of {', '.join(shipped)}"
            raise CasepoolError("there is no such model", file=path.name, column="report", value=name, remedy=remedy)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name no file can have
        return False


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


def _with_lines(told: object, *, file: str) -> object:
    """Write the lines that ``[file]`` names as text: 3, or [3, 4] of a header of two rows as "3-4"."""
    if not isinstance(told, Mapping):
        return told
    plain = dict(told)
    for key, most in (("header", 2), ("last", 1)):
        if key in plain:
            given = plain[key] if isinstance(plain[key], list | tuple) else [plain[key]]
            if isinstance(plain[key], str):
                given = [int(part) for part in plain[key].split("-") if re.fullmatch("[0-9]{1,9}", part)]
            whole = all(isinstance(line, int) and not isinstance(line, bool) and line > 0 for line in given)
            if not whole or len(given) not in range(1, most + 1) or (len(given) == 2 and given[1] != given[0] + 1):
                two = ", or header = [3, 4] of one in two rows" * (key == "header")
                raise CasepoolError("must be the number of a line", file=file, column=f"file.{key}", value=plain[key],
                                    remedy=f"write, say, {key} = 3{two}")  # fmt: skip
            plain[key] = "-".join(map(str, given))
    return plain


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
