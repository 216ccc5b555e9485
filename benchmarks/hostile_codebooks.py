"""Codebooks of a table that nothing is wrong with, and what is wrong with them."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path as File
from typing import Any

import pandas as pd

import casepool as cp
from benchmarks.hostile import ACCEPT, EITHER, REFUSE, Outcome, Rng, attempt, held, line_faults, refused, value_faults
from benchmarks.hostile_tables import Contents, fine
from benchmarks.hostile_toml import OF_TEXT, Path, Text, leaves, put, unknown_key, wrong_type


def _full(rng: Rng) -> Contents:
    """Return a table whose codebook has every key that the documents name."""
    t = fine(rng)
    assert t.book is not None
    t.book = {
        "title": "Patients",
        "source": "nobody",
        "licence": "CC BY 4.0",
        "public": True,
        "id": "patient",
        "missing": ["", "NA"],
        "report": ["objective_response"],
        "engine": "auto",
        "at": [12, 24],
        "publication": "note",
        "file": {"separator": ",", "decimal": ".", "encoding": "utf-8"},
        **t.book,
        "codings": {
            "surgery": {
                "label": "Dates",
                "early": {"label": "early", "why": "the text", "use": {"latest": "earliest"}},
            },
            "one": {"better": {"why": "a guess", "set": [{"patient": "p1", "best": "PR"}]}},
            "two": {"left_out": {"why": "a guess", "drop": ["p2"]}},
        },
    }
    t.patch("age", label="Age")
    t.patch("surgery", what="surgery", done="operated")
    t.patch("partner", aliases={"Rrbp1": "RRBP1"})
    t.patch("note", explains="best")
    return t


def _free(at: Path) -> bool:
    return (
        at in (("columns",), ("codings",))
        or at[-1:] in (("aliases",), ("use",))
        or (at[:1] == ("codings",) and len(at) == 2)
    )


def _loose(at: Path, new: Any) -> bool:
    """Tell where a word may be any word, and where the number or kind of values is open."""
    words = ("title", "source", "licence", "label", "what", "done", "why", "explains")
    return at[-1] in ("drop", "set", "at") or (at[-1] in words and isinstance(new, str))


def other_type(rng: Rng, t: Text) -> None:
    """Give a key a value of another type."""
    wrong_type(rng, t, _loose)


def other_key(rng: Rng, t: Text) -> None:
    """Add a key that the documents do not have."""
    unknown_key(rng, t, _free)


def keyword(rng: Rng, t: Text) -> None:
    """Write another word where one of a few belongs."""
    words = ("type", "role", "engine", "unit", "decimal", "separator", "encoding")
    places = [(at, value) for at, value in leaves(t.plain) if at[-1] in words and "codings" not in at]
    at, old = rng.choice(places)
    word = rng.choice([f"{old}x", "", "nothing"])
    put(t.plain, at, word)
    free = at[-1] == "unit" or at == ("columns", "partner", "separator")
    t.must(EITHER if free else REFUSE, "" if at[-1] == "encoding" else str(at[-1]))
    t.told_values = not free


def no_column(rng: Rng, t: Text) -> None:
    """Name a column that the table has not."""
    key = rng.choice(["id", "publication", "columns"])
    if key == "columns":
        t.plain["columns"]["nothing"] = {"type": "text"}
    else:
        t.plain[key] = "nothing"
        del t.plain["codings"]
    t.must(REFUSE, "nothing")


def meaningless(rng: Rng, t: Text) -> None:
    """Give a column a key that has no meaning for its type."""
    name, key, value = rng.choice(
        [
            ("group", "range", [0, 1]),
            ("note", "range", [0, 1]),
            ("death", "range", [0, 1]),
            ("age", "levels", ["a"]),
            ("line", "levels", ["1"]),
            ("age", "separator", ";"),
            ("death", "separator", ";"),
            ("age", "aliases", {"a": "b"}),
            ("group", "unit", "years"),
            ("age", "format", "day first"),
            ("months", "censored_at", "judged"),
        ]
    )
    t.plain["columns"][name][key] = value
    t.must(EITHER if key == "unit" else REFUSE, key)


def nonsense(rng: Rng, t: Text) -> None:
    """Give a key a value of its type that makes no sense."""
    at, value = rng.choice(
        [
            (("columns", "age", "range"), [110, 0]),
            (("columns", "age", "range"), [0]),
            (("columns", "age", "range"), [0, 1, 2]),
            (("columns", "age", "range"), []),
            (("columns", "best", "levels"), ["PD", "PD", "SD", "PR", "CR"]),
            (("columns", "best", "counts"), ["XX"]),
            (("columns", "status", "counts"), ["XX"]),
            (("columns", "partner", "separator"), ""),
            (("file", "separator"), ""),
            (("file", "separator"), ";;"),
            (("file", "decimal"), ";"),
            (("file", "time_zero"), "age"),
            (("file", "header"), 0),
            (("file", "header"), [1, 3]),
            (("file", "last"), 10_000),
            (("file", "encoding"), "utf\x00-8"),
            (("file", "encoding"), "rot13"),
            (("columns", "line", "role"), "time"),
            (("columns", "line", "role"), "event"),
            (("at",), [-1]),
            (("at",), [float("nan")]),
            (("codings", "one", "as_recorded"), {"why": "x"}),
            (("columns", "note", "explains"), "nothing"),
        ]
    )
    put(t.plain, at, value)
    open_ = at[-1] == "explains" or (at[-1] == "role" and value == "event")
    t.must(EITHER if open_ else REFUSE, *([] if at[-1] in ("encoding", "role", "as_recorded") else [str(at[-1])]))


def codings(rng: Rng, t: Text) -> None:
    """Spoil a coding."""
    choice, told = rng.choice(
        [
            (5, "x"),
            ({"y": 5}, "y"),
            ({"y": {"why": 5}}, "why"),
            ({"y": {"why": "x", "use": ["a"]}}, "use"),
            ({"y": {"why": "x", "use": {"a": 1}}}, "use"),
            ({"y": {"why": "x", "set": {"patient": "p1"}}}, "set"),
            ({"y": {"why": "x", "set": [{"best": "PR"}]}}, "set"),
            ({"y": {"why": "x", "set": [{"patient": "p1", "best": [1]}]}}, "set"),
            ({"y": {"why": "x", "drop": 5}}, "drop"),
            ({"y": {"why": "x", "drop": [[5]]}}, "drop"),
            ({"y": {"why": "x", "dorp": ["p1"]}}, "dorp"),
            ({"y": {"why": "x", "label": ""}}, "label"),
            ({"label": 5, "y": {"why": "x"}}, "label"),
        ]
    )
    t.plain["codings"]["x"] = choice
    t.must(REFUSE, told)


def aliases(rng: Rng, t: Text) -> None:
    """Read spellings as other ones: once, also where they exchange places."""
    t.plain["columns"]["group"]["aliases"] = {"IMT": "EIMT", "EIMT": "IMT"}
    t.told_values = False
    if rng.random() < 0.5:
        t.plain["columns"]["group"]["aliases"] = {"IMT": "NA"}
        t.must(EITHER)


def bare(rng: Rng, t: Text) -> None:
    """Say less: a column, or all but one."""
    columns = t.plain["columns"]
    keep = [name for name in columns if rng.random() < 0.5 or name in ("patient", "note", "best")]
    t.plain = {"id": "patient", "columns": {name: columns[name] for name in keep}}
    t.told_values = False


def nothing(rng: Rng, t: Text) -> None:
    """Change nothing."""


OF_CODEBOOKS: list[Callable[[Rng, Text], None]] = [
    *(other_type, other_type, other_key, keyword, no_column, meaningless, nonsense, nonsense, codings, aliases, bare),
    nothing,
]


def codebook_file(rng: Rng) -> tuple[Text, Contents]:
    """Return a codebook and what must become of it, and its table."""
    table = _full(rng)
    t = Text(table.book or {})
    change: Any = rng.choice(OF_CODEBOOKS if rng.random() < 0.75 else OF_TEXT)
    change(rng, t)
    t.mutation = change.__name__
    return t, table


def _text(cell: Any) -> str:
    return "" if cell is None else str(cell).lower() if isinstance(cell, bool) else str(cell)


def codebook_outcome(case: Text, table: Contents, folder: File) -> Outcome:
    """Read a folder with the codebook, and list what is wrong with it."""
    (folder / "codebook.toml").write_bytes(case.written())
    with (folder / "cases.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([[_text(cell) for cell in row] for row in table.rows()])
    outcome = Outcome(case.mutation, case.verdict)
    read, outcome.wrong = attempt(cp.read_cases, folder)
    found, wrong = attempt(cp.validate, folder)
    outcome.wrong += wrong
    held(outcome, read, case.told)
    if case.verdict == REFUSE and refused(read) and not any(f in str(read) for f in ("codebook", folder.name, "cases")):
        outcome.wrong.append(f"no file is named in {str(read)[:200]!r}")
    if isinstance(found, pd.DataFrame):
        if refused(read) != bool((found["severity"] == "error").any()):
            outcome.wrong.append(f"read_cases and validate disagree: {str(read)[:200]}")
        outcome.wrong += [said for line in found["problem"] for said in line_faults(line)]
    elif not refused(read):
        outcome.wrong.append(f"validate refuses what is read: {found}")
    if case.verdict == ACCEPT and case.told_values and not refused(read):
        outcome.wrong += value_faults(read, table.cells)
    if not refused(read):
        outcome.wrong += attempt(cp.codings, folder)[1]
    return outcome
