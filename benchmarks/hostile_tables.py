"""Tables whose every cell is known, and what is done to their contents, whatever file they are written to."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import tomli_w

from benchmarks.hostile import ACCEPT, EITHER, REFUSE, WARN, Rng

BEST, STATUS = ["PD", "SD", "PR", "CR"], ["NED", "AWD", "DOD"]
COLUMNS: dict[str, dict[str, Any]] = {
    "patient": {"type": "text"},
    "age": {"type": "number", "unit": "years", "range": [0, 110], "role": "trait"},
    "line": {"type": "integer", "range": [1, 20]},
    "group": {"type": "category", "role": "trait"},
    "partner": {"type": "set", "separator": ";"},
    "best": {"type": "ordered", "levels": BEST, "role": "response", "counts": ["PR", "CR"]},
    "judged": {"type": "number", "unit": "months", "role": "evaluation"},
    "months": {"type": "number", "unit": "months", "role": "time"},
    "death": {"type": "boolean", "role": "event"},
    "status": {"type": "category", "levels": STATUS, "role": "status", "counts": ["DOD"]},
    "surgery": {"type": "boolean", "role": "exposure", "exposure": "surgery"},
    "earliest": {"type": "number", "unit": "months", "role": "earliest", "exposure": "surgery"},
    "latest": {"type": "number", "unit": "months", "role": "latest", "exposure": "surgery"},
    "note": {"type": "text"},
}
GROUPS, PARTNERS = ["IMT", "EIMT", "other", "Ewing"], ["TPM3", "EML4", "CLTC", "RANBP2"]


@dataclass
class Contents:
    """A table: columns of cells, what its codebook says, and what the documents make of it."""

    cells: dict[str, list[Any]]
    book: dict[str, Any] | None
    verdict: str = ACCEPT
    row: int | None = None
    column: str | None = None
    told: tuple[str, ...] = ()
    told_values: bool = True
    names: list[str] = field(default_factory=list)
    read: dict[str, list[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.names = list(self.cells)

    @property
    def n(self) -> int:
        """The number of rows."""
        return len(next(iter(self.cells.values())))

    def rows(self) -> list[list[Any]]:
        """Return the header and the rows."""
        return [self.names, *([column[i] for column in self.cells.values()] for i in range(self.n))]

    def must(self, verdict: str, row: int | None = None, column: str | None = None, *told: str) -> None:
        """Say what must become of the table."""
        self.verdict, self.row, self.column, self.told = verdict, row, column, told

    def put(self, rng: Rng, column: str, value: Any, verdict: str, *told: str) -> None:
        """Overwrite a cell of a column, and say what must become of it there."""
        row = rng.randrange(self.n)
        self.cells[column][row] = value
        self.must(verdict, row + 1, column, *told)

    def patch(self, column: str, **keys: Any) -> None:
        """Change what the codebook says of a column; None takes a key away."""
        if self.book is not None:
            merged = self.book["columns"].get(column, {}) | keys
            self.book["columns"][column] = {key: value for key, value in merged.items() if value is not None}

    def text(self) -> str | None:
        """Return the codebook as a file."""
        return None if self.book is None else tomli_w.dumps(self.book)

    def values(self) -> dict[str, list[Any]] | None:
        """Return what must be read: the cells, or what `read` has in their place."""
        return self.cells | self.read if self.told_values and self.book is not None else None


def fine(rng: Rng) -> Contents:
    """Return a table that nothing is wrong with, and its codebook."""
    n = rng.randint(6, 14)
    months = [round(rng.uniform(4, 60), rng.randint(0, 3)) for _ in range(n)]
    death, surgery = _mixed(rng, n), _mixed(rng, n)
    low = [round(rng.uniform(0.1, 1.5), 1) if given else None for given in surgery]
    ages = rng.sample(range(1, 100), n)
    cells: dict[str, list[Any]] = {
        "patient": [f"p{i + 1}" for i in range(n)],
        "age": [float(age) if rng.random() < 0.9 else None for age in ages],
        "line": [rng.randint(1, 9) for _ in range(n)],
        "group": [rng.choice(GROUPS) for _ in range(n)],
        "partner": [";".join(sorted(rng.sample(PARTNERS, rng.randint(1, 2)))) for _ in range(n)],
        "best": [rng.choice(["PD", "SD", "PR"]) for _ in range(n)],
        "judged": [round(rng.uniform(0.5, 3.5), 1) for _ in range(n)],
        "months": months,
        "death": death,
        "status": ["DOD" if died else rng.choice(["NED", "AWD"]) for died in death],
        "surgery": surgery,
        "earliest": low,
        "latest": [None if x is None else x + rng.choice([0.0, 1.0, 2.5]) for x in low],
        "note": [rng.choice([None, "seen twice", "=SUM(1)", "Müller", "<b>x</b>", "{0}%s", "צ"]) for _ in range(n)],
    }
    columns = {name: dict(column) for name, column in COLUMNS.items()}
    return Contents(cells, {"id": "patient", "columns": columns})


def _mixed(rng: Rng, n: int) -> list[bool]:
    values = [True, False, *(rng.random() < 0.5 for _ in range(n - 2))]
    rng.shuffle(values)
    return values


def nothing(rng: Rng, t: Contents) -> None:
    """Change the order of rows and columns only."""
    order = rng.sample(range(t.n), t.n)
    t.cells = {name: [t.cells[name][i] for i in order] for name in rng.sample(t.names, len(t.names))}
    t.names = list(t.cells)


def wrong_type(rng: Rng, t: Contents) -> None:
    """Write words where numbers or booleans belong."""
    words = ["twelve", "12 moons", "0,7", "1,234", "45%", "12+", "3-5", "<1", "--", "1_000", "0x1F", "2020-03-01"]
    column = rng.choice(["age", "judged", "months", "line", "death", "surgery"])
    word = rng.choice(words if column not in ("death", "surgery") else ["maybe", "2", "jein", "12+"])
    t.put(rng, column, word, REFUSE, word)


def infinite(rng: Rng, t: Contents) -> None:
    """Write words that a computer may take for a number."""
    word = rng.choice(["inf", "-inf", "nan", "Infinity", "1e999", "٣", "１２", "½"])
    t.told_values = word not in ("٣", "１２")
    t.put(rng, rng.choice(["age", "judged", "months"]), word, REFUSE if t.told_values else EITHER)


def out_of_range(rng: Rng, t: Contents) -> None:
    """Leave a declared range."""
    column, value = rng.choice([("age", 110.5), ("age", 1e9), ("line", 0), ("line", 21), ("age", -0.5)])
    t.put(rng, column, value, REFUSE)


def no_integer(rng: Rng, t: Contents) -> None:
    """Write a fraction, or a number of more digits than are told apart."""
    t.patch("line", range=None)
    t.put(rng, "line", rng.choice([1.5, "1.5", "12345678901234567"]), REFUSE)


def outside_levels(rng: Rng, t: Contents) -> None:
    """Write a code that the codebook does not list."""
    column, code = rng.choice([("best", "XX"), ("best", "cr"), ("status", "DED"), ("status", "dod")])
    t.put(rng, column, code, REFUSE, code)


def twin(rng: Rng, t: Contents) -> None:
    """Write a label that looks like another one."""
    t.cells["group"][:2] = ["IMT", "IMT"]
    label = rng.choice(["imt", "I MT", "IM\u200bT", "IMT\u200f", "ＩＭＴ", "I\u041cT", "IM\u00adT", "I\u039cT"])
    t.cells["group"][3] = label
    t.must(REFUSE, None, "group")


def look_alike(rng: Rng, t: Contents) -> None:
    """Write a label with a letter of another alphabet that has no twin."""
    t.put(rng, "group", rng.choice(["S\u0410RC", "M\u0395T", "P\u043elyp"]), WARN)


def total_row(rng: Rng, t: Contents) -> None:
    """Add a row for all patients."""
    label = rng.choice(["Total", "All", "Overall (n=14)", "TOTAL:", "All patients", "Sum"])
    _append(t, {"patient": label})
    t.must(WARN)
    t.row = t.n


def _append(t: Contents, cells: dict[str, Any]) -> None:
    for name, column in t.cells.items():
        column.append(cells.get(name))


def sum_row(rng: Rng, t: Contents) -> None:
    """Make a table of counts, the last row of which is the sum of the others."""
    n = [rng.randint(5, 30) for _ in range(rng.randint(3, 6))]
    events = [rng.randint(1, k - 1) for k in n]
    t.cells = {
        "group": [*"abcdef"[: len(n)], rng.choice(["any", "Total", "All", "Overall (n=14)"])],
        "n": [*n, sum(n)],
        "events": [*events, sum(events)],
    }
    t.names, t.book = list(t.cells), None
    t.must(WARN)
    t.row = t.n


def blank_row(rng: Rng, t: Contents) -> None:
    """Empty a row, but for its identifier or altogether."""
    row, whole = rng.randrange(1, t.n - 1), rng.random() < 0.5
    for name, column in t.cells.items():
        if whole or name != "patient":
            column[row] = None
    t.must(REFUSE if whole else WARN, row + 1, "patient" if whole else None)


def unknown_code(rng: Rng, t: Contents) -> None:
    """Write a word for unknown as a label, or within a set."""
    code = rng.choice(["unknown", "-", ".", "?", "None", "n.d.", "not reported", "Unknown", "N/A"])
    column = rng.choice(["group", "partner"])
    t.put(rng, column, f"TPM3;{code}" if column == "partner" and rng.random() < 0.5 else code, WARN)


def spreadsheet_error(rng: Rng, t: Contents) -> None:
    """Write what a spreadsheet shows where it could not compute."""
    error = rng.choice(["#N/A", "#REF!", "#DIV/0!", "#NAME?", "#VALUE!", "#NUM!", "#NULL!"])
    t.put(rng, rng.choice(["group", "partner", "best", "age", "months", "death", "note"]), error, REFUSE, error)


def date_label(rng: Rng, t: Contents) -> None:
    """Write what a spreadsheet makes of SEPT2 or 10-19."""
    label = rng.choice(["2-Sep", "Oct-19", "1-Mar", "1-Dec"])
    t.put(rng, "group", label, WARN)


def date_cell(rng: Rng, t: Contents) -> None:
    """Put a date where a label belongs."""
    t.put(rng, "group", datetime.datetime(2020, rng.choice([3, 9, 12]), 2), WARN)
    t.told_values = False


def date_for_number(rng: Rng, t: Contents) -> None:
    """Put a date or a time of day where a number belongs."""
    value = rng.choice([datetime.datetime(2020, 3, 1), datetime.date(2020, 3, 1), datetime.time(3, 4)])
    t.put(rng, rng.choice(["age", "months", "judged"]), value, REFUSE)


def censoring(rng: Rng, t: Contents) -> None:
    """Call the event after censoring."""
    name = rng.choice(["cnsr", "censored", "CNSR", "Censored"])
    for cells in (t.cells, t.book["columns"] if t.book else {}):
        cells[name] = cells.pop("death")
    t.cells["status"] = [None] * t.n
    t.names = list(t.cells)
    t.must(WARN, None, name)


def negative_age(rng: Rng, t: Contents) -> None:
    """Write an age below zero where no range forbids it."""
    t.patch("age", range=None)
    t.put(rng, "age", -rng.choice([1.0, 0.5, 99.0]), REFUSE)


def too_old(rng: Rng, t: Contents) -> None:
    """Write an age in months, or a date's number."""
    t.patch("age", range=None)
    t.put(rng, "age", rng.choice([144.0, 43891.0, 700.0]), WARN)


def too_long(rng: Rng, t: Contents) -> None:
    """Write one follow-up in days."""
    t.put(rng, "months", float(rng.randint(1000, 1400)), WARN)
    assert t.row is not None


def negative_time(rng: Rng, t: Contents) -> None:
    """Write a time below zero."""
    t.put(rng, rng.choice(["months", "judged", "earliest"]), -0.5, REFUSE)
    if t.column == "earliest":
        t.cells["surgery"][t.row - 1], t.cells["latest"][t.row - 1] = True, 1.0  # type: ignore[operator]


def joined(rng: Rng, t: Contents) -> None:
    """Join two members of a set by another sign."""
    t.cells["partner"][:4] = ["TPM3", "EML4", "CLTC;TPM3", "CLTC;EML4"]
    row = rng.randrange(4, t.n)
    t.cells["partner"][row] = rng.choice(["TPM3/EML4", "TPM3 & EML4", "TPM3+EML4", "TPM3, EML4", "TPM3 and EML4"])
    t.must(WARN, row + 1, "partner")


def no_contrast(rng: Rng, t: Contents) -> None:
    """Give an exposure to everybody or nobody."""
    t.cells["surgery"] = [rng.random() < 0.5] * t.n
    t.cells["earliest"], t.cells["latest"] = [None] * t.n, [None] * t.n
    t.must(WARN, None, "surgery")


def dated_denied(rng: Rng, t: Contents) -> None:
    """Date an exposure that the flag denies."""
    row = t.cells["surgery"].index(False)
    t.cells["earliest"][row], t.cells["latest"][row] = 1.0, rng.choice([1.0, 2.0])
    t.must(WARN, row + 1)


def one_date(rng: Rng, t: Contents) -> None:
    """Empty one limit of a date."""
    row = t.cells["surgery"].index(True)
    t.cells[rng.choice(["earliest", "latest"])][row] = None
    t.must(WARN, row + 1)


def across(rng: Rng, t: Contents) -> None:
    """Break a rule across columns."""
    row = rng.randrange(t.n)
    changes, column = rng.choice(
        [
            ({"months": None, "death": True, "status": "DOD"}, "months"),
            ({"judged": 99.0}, "judged"),
            ({"surgery": True, "earliest": 1.0, "latest": 99.0}, "latest"),
            ({"surgery": True, "earliest": 3.0, "latest": 2.0}, "latest"),
            ({"death": True, "status": "AWD"}, "status"),
            ({"death": False, "status": "DOD"}, "status"),
        ]
    )
    for name, value in changes.items():
        t.cells[name][row] = value
    t.must(REFUSE, row + 1, column)


def event_at_zero(rng: Rng, t: Contents) -> None:
    """Let somebody die on the first day."""
    row = rng.randrange(t.n)
    for name, value in {"months": 0.0, "death": True, "status": "DOD", "judged": None, "surgery": False}.items():
        t.cells[name][row] = value
    t.cells["earliest"][row] = t.cells["latest"][row] = None
    t.must(WARN, row + 1)


def duplicate_id(rng: Rng, t: Contents) -> None:
    """Give an identifier twice, or none."""
    row = rng.randrange(1, t.n)
    t.cells["patient"][row] = rng.choice([None, t.cells["patient"][0], f" {t.cells['patient'][0]} "])
    t.must(REFUSE, row + 1, "patient")


def duplicate(rng: Rng, t: Contents) -> None:
    """Describe a patient twice, in one publication or nearly so in another."""
    traits = {
        "sex": [rng.choice("MF") for _ in range(t.n)],
        "site": [f"site {i}" for i in range(t.n)],
        "stage": [f"stage {i}" for i in range(t.n)],
        "reference": ["a"] * t.n,
    }
    t.cells |= traits
    t.cells["age"] = [float(20 + 5 * i) for i in range(t.n)]
    _append(t, {name: column[0] for name, column in t.cells.items()})
    if rng.random() < 0.5:
        t.cells["reference"][-1], t.cells["age"][-1] = "b", 21.0
    t.cells["patient"][-1] = "p99"
    for name in ("sex", "site", "stage"):
        t.patch(name, type="category", role="trait")
    t.patch("reference", type="category")
    if t.book:
        t.book["publication"] = "reference"
    t.names = list(t.cells)
    t.must(WARN)
    t.row = t.n


def maybe(rng: Rng, t: Contents) -> None:
    """Answer maybe to a question of yes and no, without a codebook."""
    t.cells = {"patient": t.cells["patient"], "relapse": ["yes", "no"] * (t.n // 2) + ["yes"] * (t.n % 2)}
    t.names, t.book = list(t.cells), None
    t.put(rng, "relapse", "maybe", WARN)


def mostly_numbers(rng: Rng, t: Contents) -> None:
    """Write a word into a column of numbers, without a codebook."""
    t.cells = {"patient": t.cells["patient"], "size": [float(3 + i) for i in range(t.n)]}
    t.names, t.book = list(t.cells), None
    t.put(rng, "size", rng.choice(["12+", "<1", "~4"]), WARN)


def unit_not_told(rng: Rng, t: Contents) -> None:
    """Write a date in days beside a follow-up in months, and tell neither, without a codebook."""
    names = {
        "months": "os_months",
        "surgery": "surgery_any",
        "earliest": "surgery_earliest",
        "latest": "surgery_latest",
    }
    row = t.cells["surgery"].index(True)
    t.cells["latest"][row] = 100.0
    t.cells = {"patient": t.cells["patient"], "death": t.cells["death"]} | {
        new: t.cells[name] for name, new in names.items()
    }
    t.names, t.book = list(t.cells), None
    t.must(WARN, row + 1, "surgery_latest")


def header(rng: Rng, t: Contents) -> None:
    """Repeat or leave out the name of a column, or a column."""
    what, at = rng.choice(["twice", "nameless", "missing"]), rng.randrange(1, len(t.names))
    name = t.names[at]
    if what == "missing":
        del t.cells[name]
        t.names = list(t.cells)
        t.must(REFUSE, None, name)
    else:
        t.names = [*t.names]
        t.names[at] = "age" if what == "twice" and name != "age" else "patient" if what == "twice" else ""
        t.cells = dict(t.cells)
        t.cells[name] = [v if v is not None else "x" for v in t.cells[name]]
        t.must(REFUSE)


def extra(rng: Rng, t: Contents) -> None:
    """Add columns that the codebook does not name."""
    for k in range(rng.randint(1, 3)):
        t.cells[f"extra {k}"] = [rng.choice([None, "a remark", "7", 2.5]) for _ in range(t.n)]
    told, t.told_values = {name: t.cells[name] for name in COLUMNS}, False
    t.names = list(t.cells)
    t.must(EITHER if told is None else ACCEPT)


def any_text(rng: Rng, t: Contents) -> None:
    """Write any printable text where text belongs."""
    t.put(rng, "note", "a" + "".join(chr(_letter(rng)) for _ in range(rng.randint(1, 40))) + "z", ACCEPT)


def _letter(rng: Rng) -> int:
    return rng.choice([rng.randrange(33, 127), rng.randrange(0xC0, 0x24F), rng.randrange(0x4E00, 0x9FFF), 0x1F600])


def control_label(rng: Rng, t: Contents) -> None:
    """Write signs that a terminal obeys."""
    text = rng.choice(["a\x1b[31mb", "\x9b2J", "a\u202eb", "a\x07", "x\ry", "x\u2028y", "_x001B_[2J", "\x7f"])
    if rng.random() < 0.5:
        t.cells[text] = ["1"] * t.n
        t.names = list(t.cells)
    else:
        t.put(rng, rng.choice(["group", "best", "age", "note", "patient"]), text, EITHER)
    t.must(EITHER)
    t.told_values = False


def long_text(rng: Rng, t: Contents) -> None:
    """Write a long label, as many do by accident."""
    t.put(rng, "note", "x" * rng.choice([255, 5_000, 32_767]), ACCEPT)


def truth(rng: Rng, t: Contents) -> None:
    """Write true and false as people do."""
    words = rng.choice([("true", "false"), ("yes", "no"), ("1", "0"), (1, 0), ("TRUE", "FALSE"), ("Yes", "No")])
    shown = {name: [words[0] if v else words[1] for v in t.cells[name]] for name in ("death", "surgery")}
    t.told_values = False
    t.cells |= shown


def few_rows(rng: Rng, t: Contents) -> None:
    """Leave no rows."""
    t.cells = {name: [] for name in t.cells}
    t.must(REFUSE)


MUTATIONS: list[Callable[[Rng, Contents], None]] = [
    *(nothing, wrong_type, infinite, out_of_range, no_integer, outside_levels, twin, look_alike, total_row, sum_row),
    *(blank_row, unknown_code, spreadsheet_error, date_label, date_cell, date_for_number, censoring, negative_age),
    *(too_old, too_long, negative_time, joined, no_contrast, dated_denied, one_date, across, event_at_zero),
    *(duplicate_id, duplicate, maybe, mostly_numbers, unit_not_told, header, extra, any_text, control_label),
    *(long_text, truth, few_rows),
]
"""What is done to the contents of a table."""
