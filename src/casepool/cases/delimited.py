"""A text file of separated cells becomes a sheet; encoding, separator and decimal sign are told from it, or said."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from casepool.cases.codebook import Codebook
from casepool.cases.decimal_commas import with_points
from casepool.cases.header_rows import MOST_ABOVE
from casepool.cases.problems import Problem
from casepool.cases.sheet import MOST_CELLS, Sheet, to_sheet, warning
from casepool.errors import CasepoolError

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
ENCODINGS = ("utf-8", "utf-16", "cp1252", "latin-1")
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
SMALLER = "cut it to the patients and columns of the question"


def read_delimited(data: bytes, path: Path, codebook: Codebook | None) -> Sheet:
    """Read a text file whose rows are lines of separated cells.

    Each of the following is taken from ``[file]`` of the codebook if it is told there, and else from the file:

    - encoding: a byte order mark decides; else UTF-8; bytes that are no UTF-8 are read as Windows-1252, with a warning;
    - separator: comma, semicolon, tab or bar, the only one that splits the header (of several, the only one by which
      all rows are as wide as the header), or a refusal;
    - decimal sign: a point. A comma only where the separator is none, numbers are written with commas throughout and
      one of them cannot be thousands ("1,5"), with a note; where all could be ("1,234"), the file is refused.

    Raises
    ------
    CasepoolError
        If the file is no text, or ambiguous.
    """
    told = codebook.file if codebook else {}
    opened = open_text(data, told, path.name)
    rows = _rows(opened.text, opened.separator, path.name)
    sheet = to_sheet(list(rows.values()), path.name, list(rows), told)
    problems = [*opened.problems, *sheet.problems]
    idle = opened.separator == "," and "decimal" not in told
    frame, said = (sheet.frame, []) if idle else with_points(sheet.frame, codebook, path.name)
    return replace(sheet, frame=frame, problems=problems + said)


@dataclass(frozen=True)
class Opened:
    """The text of a file of separated cells, without what its first line may say of the separator.

    Parameters
    ----------
    text, encoding, separator : str
    problems : list of Problem
        What is said of the encoding where it is a guess.
    """

    text: str
    encoding: str
    separator: str
    problems: list[Problem]


def open_text(data: bytes, told: Mapping[str, str], file: str) -> Opened:
    """Tell a file's encoding and separator, and read its text."""
    text, encoding, problems = _decoded(data, told, file)
    hint = re.match(r"sep=(.)\r?\n", text)
    if hint:
        told, text = {"separator": hint[1], **told}, text[hint.end() :]
    separator = told.get("separator") or _separator(text, file)
    if len(separator) != 1 or separator in '"\r\n':
        raise CasepoolError("a separator is one character", file=file, value=separator, remedy="correct [file]")
    return Opened(text, encoding, separator, problems)


def _decoded(data: bytes, told: Mapping[str, str], file: str) -> tuple[str, str, list[Problem]]:
    """Decode the bytes of a file by what it names or seems to be, and say so where the encoding is a guess."""
    name = told.get("encoding", "") or next((name for mark, name in BYTE_ORDER_MARKS if data.startswith(mark)), "utf-8")
    problems = []
    if name == "utf-8" and "encoding" not in told and not _is(data, "utf-8") and _is(data, "cp1252"):
        name = "cp1252"
        problems.append(
            warning(
                "encoding",
                "not UTF-8, read as Windows-1252",
                "UTF-8",
                'look at letters with accents; save as UTF-8, or set encoding = "cp1252" under [file] of the codebook',
                file=file,
                value=_foreign(data.decode(name)),
            )
        )
    try:
        text = data.decode("utf-8-sig" if name.lower() in ("utf-8", "utf8") else name)
    except (ValueError, LookupError) as error:  # NUL in the name of an encoding
        remedy = f"save it as UTF-8, or set encoding under [file] of the codebook, to one of {', '.join(ENCODINGS)}"
        raise CasepoolError(f"not readable as {name} text ({error})", file=file, remedy=remedy) from None
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        said = f"line {line} holds a NUL character, so this is no text in {name}"
        raise CasepoolError(said, file=file, remedy="save it as UTF-8, or set encoding under [file] of the codebook")
    return text, name, problems


def _is(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeError:
        return False
    return True


def _foreign(text: str) -> str:
    """Return the first cell or so with a letter outside ASCII."""
    found = re.search(r"[^\s,;|\"]*[^\x00-\x7f][^\s,;|\"]*", text)
    return found[0] if found else ""


def _rows(text: str, separator: str, file: str) -> dict[int, list[str]]:
    """Return the rows of cells that are not empty, by their numbers as a spreadsheet counts them."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows, cells = {}, 0
    try:
        for number, row in enumerate(reader, start=1):
            cells += len(row) + 1
            if cells > 2 * MOST_CELLS:  # an empty cell is no less work
                raise CasepoolError(f"the table has more than {MOST_CELLS:,} cells", file=file, remedy=SMALLER)
            if row:
                rows[number] = row
        return rows
    except csv.Error as error:
        raise CasepoolError(f"not readable as CSV ({error})", file=file, remedy="check its quotes") from None


def _separator(text: str, file: str) -> str:
    """Return the one character that separates the cells of a text."""
    lines = (line.rstrip("\r\n") for line in io.StringIO(text, newline="") if line.strip())
    first = _header_line(list(itertools.islice(lines, MOST_ABOVE + 1)))
    splitting = [s for s in SEPARATORS if _width(first, s) > 1]
    if len(splitting) > 1:
        even = []
        for separator in splitting:
            try:
                widths = {len(row) for row in _rows(text, separator, file).values()}
            except CasepoolError:
                continue
            even += [separator] * (len(widths) == 1)
        if len(even) != 1:
            names = " and ".join(SEPARATORS[s] for s in splitting)
            raise CasepoolError(
                f"the separator cannot be told: {names} both split the header",
                file=file,
                remedy='set, say, separator = ";" under [file] of the codebook',
            )
        splitting = even
    return splitting[0] if splitting else ","


def _header_line(lines: list[str]) -> str:
    """Return the first line that is split as its next one is: above a header, a title or remarks may stand."""
    for line, after in itertools.pairwise(lines):
        if any(_width(line, s) == _width(after, s) > 1 for s in SEPARATORS) and not line.startswith("#"):
            return line
    return lines[0] if lines else ""


def _width(line: str, separator: str) -> int:
    try:
        return len(next(csv.reader([line], delimiter=separator)))
    except (csv.Error, StopIteration):
        return 1
