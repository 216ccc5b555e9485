"""Sixty hand-made tables and what becomes of each: one readable list.

An outcome is ANSWER (read, nothing to warn of), WARN (read, with a warning) or REFUSE (an error of `validate`, refused
by `read_cases`). `rule`, `row` and `column` are what the first warning or error must name; row None is the whole table.
`cells` is what one column of an answer must hold. Tables are read with the codebook BOOK unless `book` is another
text; book None reads without.
"""

from dataclasses import dataclass
from typing import Any

ANSWER, WARN, REFUSE = "answer", "answer with warning", "refusal"

BOOK = """
id = "patient"
[columns.patient]
type = "text"
[columns.age]
type = "number"
unit = "years"
range = [0, 1500]
[columns.months]
type = "number"
unit = "months"
role = "time"
[columns.death]
type = "boolean"
role = "event"
[columns.group]
type = "category"
"""
HEAD = "patient,age,months,death,group\n"
FINE = HEAD + "1,30,12,true,A\n2,41.5,7,false,B\n3,8,0.5,no,A\n"


@dataclass(frozen=True)
class Edge:
    """A table, and what must become of it."""

    name: str
    table: str | bytes
    outcome: str
    rule: str = ""
    row: int | None = None
    column: str = ""
    book: str | None = BOOK
    cells: tuple[str, list[Any]] | None = None


def row(age: str = "30", months: str = "12", death: str = "true", group: str = "A", patient: str = "4") -> str:
    """The fine table with a fourth row."""
    return f"{FINE}{patient},{age},{months},{death},{group}\n"


def group(*labels: str) -> str:
    """A table of labels only."""
    return "patient,group\n" + "".join(f"{i},{label}\n" for i, label in enumerate(labels, 1))


LABELS = 'id = "patient"\n[columns.patient]\ntype = "text"\n[columns.group]\ntype = "category"\n'
ROLES = """
[columns.months]
type = "number"
role = "time"
[columns.death]
type = "boolean"
role = "event"
[columns.status]
type = "category"
levels = ["NED", "AWD", "DOD"]
role = "status"
counts = ["DOD"]
[columns.best]
type = "ordered"
levels = ["PD", "SD", "PR", "CR"]
role = "response"
counts = ["PR", "CR"]
[columns.judged]
type = "number"
role = "evaluation"
[columns.surgery]
type = "boolean"
role = "resection"
[columns.from]
type = "number"
role = "earliest"
[columns.to]
type = "number"
role = "latest"
[columns.adjuvant]
type = "boolean"
role = "adjuvant"
[columns.on]
type = "number"
role = "on"
[columns.off]
type = "number"
role = "off"
"""


def course(**cells: str) -> str:
    """One patient with every role, and some cells changed."""
    fine = {"patient": "1", "months": "12", "death": "false", "status": "AWD", "best": "PR", "judged": "2"}
    fine |= {"surgery": "true", "from": "3", "to": "8", "adjuvant": "false", "on": "8", "off": "4"}
    fine |= {"from": cells.pop("since", "3")} | cells
    return ",".join(fine) + "\n" + ",".join(fine.values()) + "\n"


EDGES = [
    # --- labels that would do harm elsewhere are labels here
    Edge("formula", group("=HYPERLINK(1)", "A"), ANSWER, book=LABELS, cells=("group", ["=HYPERLINK(1)", "A"])),
    Edge("script", group("<script>x</script>"), ANSWER, book=LABELS, cells=("group", ["<script>x</script>"])),
    Edge("path", group("../../x"), ANSWER, book=LABELS, cells=("group", ["../../x"])),
    Edge("5,000 characters", group("x" * 5000), ANSWER, book=LABELS, cells=("group", ["x" * 5000])),
    Edge("right to left", group("שרקומה", "ساركوما"), ANSWER, book=LABELS, cells=("group", ["שרקומה", "ساركوما"])),
    Edge("accents", group("Müller", "Übelkeit"), ANSWER, book=LABELS, cells=("group", ["Müller", "Übelkeit"])),
    Edge("line break in quotes", group('"a\nb"', "c"), ANSWER, book=LABELS, cells=("group", ["a\nb", "c"])),
    # --- near-twins
    Edge("case twins", group("IMT", "IMT", "imt"), REFUSE, "near-twin level", 3, "group", book=LABELS),
    Edge("inner space", group("EML4", "EML 4"), REFUSE, "near-twin level", 2, "group", book=LABELS),
    Edge("outer space only", group("IMT", " IMT "), ANSWER, book=LABELS, cells=("group", ["IMT", "IMT"])),
    Edge("zero-width space", group("IMT", "IM\u200bT"), REFUSE, "near-twin level", 2, "group", book=LABELS),
    Edge("direction mark", group("IMT", "IMT\u200f"), REFUSE, "near-twin level", 2, "group", book=LABELS),
    Edge("full-width letters", group("ＩＭＴ", "IMT", "IMT"), REFUSE, "near-twin level", 1, "group", book=LABELS),
    Edge("e and accent", group("caf\u00e9", "cafe\u0301"), REFUSE, "near-twin level", 2, "group", book=LABELS),
    Edge("sharp s", group("Straße", "STRASSE"), REFUSE, "near-twin level", 2, "group", book=LABELS),
    Edge("two dashes", group("EML4-ALK", "EML4–ALK"), REFUSE, "near-twin level", 2, "group", book=LABELS),
    Edge("unbreakable hyphen", group("EML4-ALK", "EML4\u2011ALK"), REFUSE, "near-twin level", 2, "group", book=LABELS),
    Edge("two apostrophes", group("Ewing's", "Ewing’s"), REFUSE, "near-twin level", 2, "group", book=LABELS),
    Edge("one Cyrillic letter", group("IMT", "I\u041cT"), REFUSE, "near-twin level", 2, "group", book=LABELS),
    Edge(
        "other scripts",
        group("5 mg", "5 μg", "вена", "Вена 2"),
        ANSWER,
        book=LABELS,
        cells=("group", ["5 mg", "5 μg", "вена", "Вена 2"]),
    ),
    Edge(
        "twins among many",
        group(*(f"Type {i}" for i in range(12)), "type 0"),
        WARN,
        "near-twin level",
        13,
        "group",
        book=None,
    ),
    Edge("invisible label", group("A", "\u200b"), REFUSE, "invisible label", 2, "group", book=LABELS),
    # --- identifiers
    Edge("patient twice", row(patient="2"), REFUSE, "duplicate id", 4, "patient"),
    Edge("patient twice but for spaces", row(patient=" 2 "), REFUSE, "duplicate id", 4, "patient"),
    Edge("no identifier", row(patient=""), REFUSE, "duplicate id", 4, "patient"),
    Edge(
        "identifiers in two cases",
        "patient,group\np1,A\nP1,B\n",
        REFUSE,
        "duplicate id",
        2,
        "patient",
        book=LABELS,
    ),
    # --- shape
    Edge("fine", FINE, ANSWER, cells=("age", [30.0, 41.5, 8.0])),
    Edge("empty file", "", REFUSE, "file"),
    Edge("spaces only", " \n\n", REFUSE, "file"),
    Edge("header only", HEAD, REFUSE, "shape"),
    Edge("one row", HEAD + "1,30,12,true,A\n", ANSWER),
    Edge("1,000 columns", ",".join(f"c{i}" for i in range(1_000)) + "\n" + ",".join("1" * 1_000), ANSWER, book=None),
    Edge("ragged row", FINE + "4,30,12\n", REFUSE, "shape", 4),
    Edge("header twice", FINE.replace("months", "age", 1), REFUSE, "shape", None, "age"),
    Edge("nameless column", FINE.replace("months", "", 1), REFUSE, "shape"),
    Edge("column missing", "patient,age\n1,30\n", REFUSE, "missing column", None, "months"),
    Edge("separator at the end", FINE.replace("\n", ",\n"), ANSWER, cells=("group", ["A", "B", "A"])),
    Edge("separator at the end of a row", FINE + "4,30,12,true,A,\n", REFUSE, "shape", 4),
    Edge("empty rows at the end", FINE + ",,,,\n,,,,\n", ANSWER, cells=("age", [30.0, 41.5, 8.0])),
    Edge("unclosed quote", FINE + '4,30,12,true,"A\n', REFUSE, "file"),
    Edge("mixed newlines", FINE.replace("\n", "\r\n", 2), ANSWER, cells=("age", [30.0, 41.5, 8.0])),
    Edge("old Macintosh newlines", FINE.replace("\n", "\r"), ANSWER, cells=("age", [30.0, 41.5, 8.0])),
    # --- encodings and separators
    Edge("byte order mark", FINE.encode("utf-8-sig"), ANSWER, cells=("patient", ["1", "2", "3"])),
    Edge("UTF-16", FINE.encode("utf-16"), ANSWER, cells=("age", [30.0, 41.5, 8.0])),
    Edge("Windows-1252", group("Müller").encode("cp1252"), WARN, "encoding", book=LABELS, cells=("group", ["Müller"])),
    Edge("NUL byte", FINE.replace("41.5", "41\0").encode(), REFUSE, "file"),
    Edge(
        "semicolons, decimal comma", FINE.replace(",", ";").replace(".", ","), ANSWER, cells=("age", [30.0, 41.5, 8.0])
    ),
    Edge("tabs", FINE.replace(",", "\t"), ANSWER, cells=("age", [30.0, 41.5, 8.0])),
    Edge("bars", FINE.replace(",", "|"), ANSWER, cells=("age", [30.0, 41.5, 8.0])),
    Edge(
        "semicolons, comma or thousands",
        row(age="1;234")
        .replace(",", "§")
        .replace(";", ",")
        .replace("§", ";")
        .replace("41.5", "41")
        .replace("0.5", "5"),
        REFUSE,
        "file",
        4,
        "age",
    ),
    Edge("semicolons, comma and point", FINE.replace(",", ";").replace("0.5", "0,5"), REFUSE, "file", 3, "months"),
    Edge(
        "told decimal comma",
        FINE.replace(",", ";").replace("41.5", "1,234").replace("0.5", "5"),
        ANSWER,
        book='[file]\ndecimal = ","\n' + BOOK.replace('id = "patient"\n', ""),
        cells=("age", [30.0, 1.234, 8.0]),
    ),
    # --- numbers that are none
    Edge("comma for a point", row(age='"0,7"'), REFUSE, "type", 4, "age"),
    Edge("thousands", row(age='"1,234"'), REFUSE, "type", 4, "age"),
    Edge("date for months", row(months="2020-03-01"), REFUSE, "type", 4, "months"),
    Edge("date serial of a spreadsheet", row(months="43891"), WARN, "beyond a lifetime", 4, "months"),
    Edge("age in months", row(age="144"), WARN, "beyond a lifetime", 4, "age"),
    Edge("out of range", row(age="1501"), REFUSE, "range", 4, "age"),
    Edge("per cent", row(age="45%"), REFUSE, "type", 4, "age"),
    Edge("censor mark", row(months="12+"), REFUSE, "type", 4, "months"),
    Edge("censor mark, no codebook", row(months="12+"), WARN, "mostly numbers", 4, "months", book=None),
    Edge("interval", row(months="3-5"), REFUSE, "type", 4, "months"),
    Edge("bound", row(months="<1"), REFUSE, "type", 4, "months"),
    Edge("NaN", row(age="NaN"), REFUSE, "type", 4, "age"),
    Edge("infinity", row(age="inf"), REFUSE, "type", 4, "age"),
    Edge("mixed booleans", row(age="50", death="1"), ANSWER, cells=("death", [True, False, False, True])),
    Edge("neither true nor false", row(death="2"), REFUSE, "type", 4, "death"),
    # --- across columns
    Edge("negative time", row(months="-3"), REFUSE, "negative time", 4, "months"),
    Edge("event without time", row(months=""), REFUSE, "event without time", 4, "months"),
    Edge("event at zero", row(months="0"), WARN, "event at time zero", 4, "months"),
    Edge("a course", course(), ANSWER, book=ROLES),
    Edge("judged after follow-up", course(judged="13"), REFUSE, "response after follow-up", 1, "judged", book=ROLES),
    Edge("exposed after follow-up", course(to="13"), REFUSE, "exposure after follow-up", 1, "to", book=ROLES),
    Edge("dated but never exposed", course(to="13", surgery="false"), WARN, "dated but not exposed", 1, "from", ROLES),
    Edge("never exposed, dated at time zero", course(since="0", to="0", surgery="false"), ANSWER, book=ROLES),
    Edge("latest before earliest", course(to="2"), REFUSE, "latest before earliest", 1, "to", book=ROLES),
    Edge("status against event", course(status="DOD"), REFUSE, "status against event", 1, "status", book=ROLES),
    Edge("unknown code", course(status="DED"), REFUSE, "unknown code", 1, "status", book=ROLES),
    Edge(
        "CR after resection", course(best="CR", judged="9"), WARN, "complete response after resection", 1, "best", ROLES
    ),
    Edge("CR before resection", course(best="CR"), ANSWER, book=ROLES),
    Edge("adjuvant responder", course(adjuvant="true"), WARN, "adjuvant responder", 1, "best", ROLES),
    Edge("on and off too short", course(off="2"), WARN, "parts of follow-up", 1, "on", ROLES),
    Edge("one date only", course(since=""), WARN, "one date only", 1, "from", ROLES),
    Edge("one patient twice", "patient,a,b,c\n1,x,2,z\n2,x,2,z\n", WARN, "possible duplicate", 2, "patient", None),
]
