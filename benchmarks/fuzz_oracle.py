"""A judge of tables written from docs/files.md and the rules' docstrings: it shares no code with what it judges.

It reads bytes by its own CSV automaton, the codebook by `tomllib`, and answers for reading and for a model whether a
table must be refused (and because of which columns), must be accepted, or may be either where the documents are silent.
"""

from __future__ import annotations

import math
import re
import tomllib
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

REFUSE, ACCEPT, EITHER = "must refuse", "must accept", "either"
PLAIN = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?")
LENIENT = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
SHORT_TRUTH = {"t": True, "y": True, "1.0": True, "f": False, "n": False, "0.0": False}
CLOSE = 1e-4
"""Months by which two times may differ and the documents leave open whether they are the same."""

Values = dict[str, list[Any]]


@dataclass
class Ruling:
    """What is wrong with a table: columns that must be refused ("" for the file), and what is left open."""

    refused: set[str] = field(default_factory=set)
    open: set[str] = field(default_factory=set)
    exact: bool = True

    @property
    def verdict(self) -> str:
        """The answer in one word or two."""
        return REFUSE if self.refused else EITHER if self.open else ACCEPT


class Judge:
    """A judge of tables under one codebook.

    Parameters
    ----------
    codebook : path
        A ``codebook.toml``.
    """

    def __init__(self, codebook: Path) -> None:
        self.book = tomllib.loads(codebook.read_text(encoding="utf-8"))
        self.columns: dict[str, Any] = self.book["columns"]
        self.id = self.book["id"]
        self.missing = self.book.get("missing", ["", "NA"])

    def reading(self, data: bytes) -> tuple[Ruling, Values]:
        """Judge a file, and return the values of its columns, None where empty or refused."""
        ruling = Ruling()
        rows = _rows_of(data, ruling)
        if rows is None:
            return ruling, {}
        while rows and not any(cell.strip() for cell in rows[-1]):
            rows.pop()
        while rows and not any(cell.strip() for cell in rows[0]):
            rows.pop(0)
        if len(rows) < 2 or any(len(row) != len(rows[0]) for row in rows):
            ruling.refused.add("")
            return ruling, {}
        cells = self._by_name(rows, ruling)
        if ruling.refused:
            return ruling, {}
        ruling.refused.update(name for name in self.columns if name not in cells)
        names = [name for name in self.columns if name in cells]
        values = {name: [self._value(cell, name, ruling) for cell in cells[name]] for name in names}
        unread = {
            (name, i)
            for name, column in values.items()
            for i, value in enumerate(column)
            if value is None and cells[name][i].strip() not in self.missing
        }
        for name, column in values.items():
            self._twins(name, column, ruling)
        self._identifiers(values, unread, ruling)
        for row in range(len(rows) - 1):
            ruling.refused.update(self._broken(values, unread, row, ruling))
        return ruling, values

    def _by_name(self, rows: list[list[str]], ruling: Ruling) -> dict[str, list[str]]:
        cells: dict[str, list[str]] = {}
        for i, raw in enumerate(rows[0]):
            name, column = raw.strip().strip("\ufeff\u200b"), [row[i] for row in rows[1:]]
            if not name and not any(cell.strip() for cell in column):
                continue
            if name != raw or not name.isprintable() or name not in self.columns:
                ruling.open.add(name)
            if not name or name in cells:
                ruling.refused.add(name)
            cells[name] = column
        return cells

    def _value(self, cell: str, name: str, ruling: Ruling) -> Any:
        """Read one cell; what is no value of its column is refused and read as nothing."""
        column, text = self.columns[name], cell.strip()
        kind = column["type"]
        if text in self.missing:
            return None
        if text != cell.strip(" ") and kind not in ("text", "list"):
            ruling.open.add(name)
        if kind in ("number", "integer"):
            value: Any = _number(text, column, ruling, name)
        elif kind == "boolean":
            value = TRUTH.get(text.lower(), SHORT_TRUTH.get(text.lower()))
            if text.lower() in SHORT_TRUTH:
                ruling.open.add(name)
        else:
            value = cell if kind in ("text", "list") else self._labels(text, column, ruling, name)
        if value is None:
            ruling.refused.add(name)
        return value

    def _labels(self, text: str, column: dict[str, Any], ruling: Ruling, name: str) -> list[str] | None:
        parts = text.split(column.get("separator", ";")) if column["type"] == "set" else [text]
        aliases = column.get("aliases", {})
        labels = [aliases.get(part.strip(), part.strip()) for part in parts if part.strip()]
        if not labels:
            ruling.open.add(name)
        return None if column.get("levels") and not set(labels) <= set(column["levels"]) else labels

    def _twins(self, name: str, values: list[Any], ruling: Ruling) -> None:
        """Refuse labels that are invisible, or differ in case, spaces, invisible characters or look-alikes only."""
        column = self.columns[name]
        if column["type"] not in ("category", "ordered", "set"):
            return
        shapes = {label: _shape(label) for value in values for label in value or []}
        twins = not column.get("levels") and len(set(shapes.values())) < len(shapes)
        if twins or "" in shapes.values():
            ruling.refused.add(name)

    def _identifiers(self, values: Values, unread: set[tuple[str, int]], ruling: Ruling) -> None:
        given = [str(v) for i, v in enumerate(values.get(self.id, [])) if (self.id, i) not in unread]
        if "None" in given or len(set(given)) < len(given):
            ruling.refused.add(self.id)

    def _broken(self, values: Values, unread: set[tuple[str, int]], row: int, ruling: Ruling) -> Iterator[str]:
        """Yield the column of every error of "What is checked" in a row; all times here are in months."""

        def at(*roles: str) -> tuple[str, Any]:
            name = next((n for n in values if self.columns[n].get("role") in roles), "")
            return name, values[name][row] if name else None

        (time, end), (event, died), (status, state) = at("time"), at("event"), at("status")
        dead = None if state is None else bool(set(state) & set(self.columns[status]["counts"]))
        if time and (died if event else dead) and end is None and (time, row) not in unread:
            yield time
        if died is not None and dead is not None and died != dead:
            yield status
        evaluation, judged = at("evaluation")
        if _later(judged, end, evaluation, ruling):
            yield evaluation
        exposure, exposed = at("exposure", "resection")
        latest, high = at("latest")
        if (exposed or not exposure) and _later(high, end, latest, ruling):
            yield latest
        if _later(at("earliest")[1], high, latest, ruling):
            yield latest

    def design(self, values: Values, model: str) -> Ruling:
        """Judge an accepted table under one of the models "response", "survival" and "counts" of the bundled tables."""
        ruling = Ruling()
        taken = {"response": self._response, "survival": self._survival, "counts": self._counts}[model](values, ruling)
        if not taken:
            ruling.refused.add("")
        elif taken < 3:
            ruling.open.add("")
        return ruling

    def _role(self, role: str) -> str:
        return next(name for name, column in self.columns.items() if column.get("role") == role)

    def _response(self, values: Values, ruling: Ruling) -> int:
        return sum(value is not None for value in values[self._role("response")])

    def _survival(self, values: Values, ruling: Ruling) -> int:
        """Take patients with a time, an event and a known exposure; no event at zero, no date with one end."""
        roles = ("time", "event", "resection", "earliest", "latest")
        taken = 0
        for end, died, exposed, low, high in zip(*(values[self._role(role)] for role in roles), strict=True):
            known = end is not None and died is not None
            if died and end == 0:
                ruling.refused.add(self._role("time"))
            if exposed and (low is None) != (high is None):
                (ruling.refused if known else ruling.open).add(self._role("earliest"))
            taken += known and exposed is not None
        return taken

    def _counts(self, values: Values, ruling: Ruling) -> int:
        for events, n in zip(values["events"], values["n"], strict=True):
            if n is None:
                ruling.refused.add("n")
            elif events is None or events > n:
                ruling.refused.add("events")
        return sum(bool(n) for n in values["n"])


def _later(a: Any, b: Any, name: str, ruling: Ruling) -> bool:
    if a is None or b is None or a <= b:
        return False
    if a - b < CLOSE:
        ruling.open.add(name)
        return False
    return True


def _number(text: str, column: dict[str, Any], ruling: Ruling, name: str) -> float | None:
    if not LENIENT.fullmatch(text) or not math.isfinite(float(text)):
        return None
    number = float(text)
    low, high = column.get("range", (-math.inf, math.inf))
    whole = column["type"] != "integer" or number == int(number)
    if not PLAIN.fullmatch(text) or (column["type"] == "integer" and "." in text):
        ruling.open.add(name)
    return number if low <= number <= high and whole else None


def _shape(label: str) -> str:
    """Return a label without what its writing adds; a letter looks Latin if Unicode gives it a Latin letter's name."""
    beside = bool(re.search("[A-Za-z]", label))
    text = "".join(_plain(c, beside) for c in label)
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    text = "".join(c for c in text if not c.isspace() and unicodedata.category(c) not in ("Cc", "Cf"))
    return "".join("-" if c == "\u2212" or unicodedata.category(c) == "Pd" else c for c in text)


def _plain(c: str, beside_latin: bool) -> str:
    if c in "\u2018\u2019\u201a\u201b\u02b9\u02bc\u0060\u00b4\u2032":
        return "'"
    if c in "\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033":
        return '"'
    name = unicodedata.name(c, "")
    return LOOKS_LATIN.get(name, c) if beside_latin else c


CYRILLIC = "A:A VE:B IE:E DZE:S BYELORUSSIAN-UKRAINIAN I:I JE:J KA:K EM:M EN:H O:O ER:P ES:C TE:T U:Y HA:X"
GREEK = "ALPHA:A BETA:B EPSILON:E ZETA:Z ETA:H IOTA:I KAPPA:K MU:M NU:N OMICRON:O RHO:P TAU:T UPSILON:Y CHI:X"
LOOKS_LATIN = {
    **{f"CYRILLIC CAPITAL LETTER {n}": c for n, c in re.findall(r"([A-Z-]+(?: I)?):(.)", CYRILLIC)},
    **{f"CYRILLIC SMALL LETTER {n}": c.lower() for n, c in re.findall(r"([A-Z-]+(?: I)?):([AESIJOPCYX])", CYRILLIC)},
    **{f"GREEK CAPITAL LETTER {n}": c for n, c in re.findall(r"([A-Z]+):(.)", GREEK)},
    "GREEK SMALL LETTER OMICRON": "o",
}
"""Letters of other scripts that look like a Latin one, by their names in Unicode."""


def _rows_of(data: bytes, ruling: Ruling) -> list[list[str]] | None:
    """Decode and split a file of UTF-8, or else of Windows-1252, separated by commas; None if nothing can be said."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff", b"PK"):
        ruling.open.add("")
        return None
    text = ""
    marked = data.startswith(b"\xef\xbb\xbf")  # a byte order mark decides
    for encoding in ("utf-8-sig",) if marked else ("utf-8-sig", "cp1252"):
        try:
            text = data.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    rows = _cells(text, ruling) if text and "\0" not in text else None
    if rows is None:
        ruling.refused.add("")
    elif rows and re.search("[;\t|]", "".join(rows[0])):
        ruling.open.add("")
        ruling.exact = False
    return rows


def _cells(text: str, ruling: Ruling) -> list[list[str]] | None:
    """Split text as RFC 4180 has it; None where a quote is not closed or text follows a closed one."""
    rows: list[list[str]] = [[]]
    i, n = 0, len(text)
    while i < n:
        if not rows[-1] and text[i] in "\r\n":  # an empty line is no row
            i += 1
            continue
        if text[i] == '"':
            end = i + 1
            while (end := text.find('"', end)) >= 0 and text[end + 1 : end + 2] == '"':
                end += 2
            if end < 0 or text[end + 1 : end + 2] not in ("", ",", "\n", "\r"):
                return None
            cell, i = text[i + 1 : end].replace('""', '"'), end + 1
        else:
            stop = re.compile("[,\r\n]").search(text, i)
            end = stop.start() if stop else n
            cell, i = text[i:end], end
            if '"' in cell:  # RFC 4180 does not allow it; readers of CSV take it as it stands
                ruling.open.add("")
        rows[-1].append(cell)
        if text[i : i + 1] == ",":
            i += 1
            if i == n or text[i] in "\r\n":
                rows[-1].append("")
        if i < n and text[i] in "\r\n":
            i += 2 if text[i : i + 2] == "\r\n" else 1
            rows.append([])
    return [row for row in rows if row]
