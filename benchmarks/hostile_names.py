"""File names a folder may hold, as tables, codebooks, models, fits and output; and names of what is no file."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import pandas as pd

import casepool as cp
from benchmarks.hostile import ACCEPT, EITHER, REFUSE, Outcome, Rng, attempt, held, line_faults, refused
from benchmarks.hostile_commands import called, fits

GOOD = [
    "my cases",
    "übung",
    "cafe\u0301",
    "a'b\"c",
    "$HOME",
    "~",
    "*",
    "%s{0}",
    "-rf",
    "--help",
    "=1+1",
    "a;b",
    "x" * 200,
]
GOOD += [
    "a..b",
    ".hidden",
    "CON",
    "患者",
    "\U0001f600",
    "objective_response",
    "alk_crizotinib",
    "a&b<c>",
    "#x",
    "[x]",
    "a,b",
]
ODD = ["a\nb", "a\tb", "a\x1b[31mb", "a\x07", "a\u202eb", "a\\b", " ", "m\udcffne", "\u200b", "a\rb", "\x7f"]
NONE = [
    "",
    "x" * 300,
    "/".join(["a" * 200] * 25),
    "a\x00b",
    "nowhere/x",
    "..",
    ".",
    "loop",
    "dangling",
    "pipe",
    "folder",
]
NONE += ["https://example.org/x", "file:///etc/passwd", "huge", "x.csv/"]
TABLE = b"patient,size\na,1\nb,2.5\nc,4\n"
ENDINGS = {"table": ".csv", "codebook": ".toml", "model": ".toml", "fit": ".nc", "out": ".nc", "page": ".html"}


def _stage(folder: Path) -> None:
    (folder / "loop").symlink_to(folder / "loop")
    (folder / "dangling").symlink_to(folder / "gone")
    os.mkfifo(folder / "pipe")
    (folder / "folder").mkdir()
    with (folder / "huge").open("wb") as file:
        file.truncate(50_000_001)
    for end in (".csv", ".toml", ".nc", ".html"):
        for name in ("loop", "dangling", "pipe", "folder", "huge"):
            (folder / f"{name}{end}").symlink_to(folder / name)


def name_outcome(rng: Rng, folder: Path) -> Outcome:
    """Use a name in one of its places, by a function or on the command line."""
    _stage(folder)
    use = rng.choice(["table", "codebook", "model", "fit", "out", "page", "new", "table command", "model command"])
    kind = rng.choice(["good", "odd", "none"])
    name = rng.choice({"good": GOOD, "odd": ODD, "none": NONE}[kind])
    ending = ENDINGS.get(use.split()[0], "")
    if (name and kind != "none") or rng.random() < 0.5:
        name += ending
    path = os.path.join(folder, name) if rng.random() < 0.8 or not name else name  # noqa: PTH118, a Path would tidy it
    outcome = Outcome(f"{use}: {kind}", {"good": ACCEPT, "odd": EITHER, "none": REFUSE}[kind])
    with contextlib.chdir(folder):
        _judge(outcome, use, path, kind)
    return outcome


def _judge(outcome: Outcome, use: str, path: str, kind: str) -> None:
    content = {
        "table": TABLE,
        "codebook": b'[columns.size]\ntype = "number"\n',
        "model": cp.model("objective_response").to_toml().encode(),
        "fit": fits()["overall_survival"],
    }.get(use.split(maxsplit=1)[0])
    if content is not None and kind != "none":
        Path(path).write_bytes(content)
    Path("plain.csv").write_bytes(TABLE)
    if "command" in use:
        words = ["validate" if use.startswith("table") else "show", *(["--"] if path.startswith("-") else []), path]
        _command(outcome, words)
        return
    calls: dict[str, Any] = {
        "table": lambda: cp.read_cases(path),
        "codebook": lambda: cp.read_cases("plain.csv", path),
        "model": lambda: cp.model(Path(path)),
        "fit": lambda: cp.estimates(cp.open_fit(path)),
        "out": lambda: (
            cp.write_table(pd.DataFrame({"a": [1]}), path + ("" if path.endswith(".csv") else ".csv"))
            if kind != "none"
            else cp.save_fit(cp.open_fit(_plain_fit()), path)
        ),
        "page": lambda: cp.save_fit(cp.open_fit(_plain_fit()), path),
        "new": lambda: cp.new_dataset(path, "plain.csv"),
    }
    if use in ("out", "page", "new") and kind == "none":
        outcome.verdict = REFUSE if any(n in path for n in ("loop", "pipe", "\x00", "aaaaaaaa", "xxxx")) else EITHER
    if use == "codebook" and kind == "none" and path == "":
        outcome.verdict = EITHER
    if use in ("out", "new") and kind == "good" and "xxx" in path:
        outcome.verdict = EITHER
    result, outcome.wrong = attempt(calls[use])
    held(outcome, result)
    if use == "table" and not refused(result) and result["size"].tolist() != [1.0, 2.5, 4.0]:
        outcome.wrong.append("other values")
    outcome.wrong = [f"{said} ({path[-60:]!r})" for said in outcome.wrong]


def _plain_fit() -> Path:
    path = Path("plain fit.nc")
    path.write_bytes(fits()["overall_survival"])
    return path


def _command(outcome: Outcome, words: list[str]) -> None:
    status, out, err = called(words)
    outcome.did = "refused" if status == 2 else "accepted"
    lines = [line for line in (err + out if status == 2 else err).splitlines() if line]
    outcome.wrong += [said for line in lines for said in line_faults(line.encode("utf-8", "replace").decode())]
    if status not in (0, 2):
        outcome.wrong.append(f"left with {status!r}")
    if (outcome.verdict == REFUSE and status != 2) or (outcome.verdict == ACCEPT and status != 0):
        outcome.wrong.append(f"left with {status}: {err or out}")
    outcome.wrong = [f"{said} ({words[-1][-60:]!r})" for said in outcome.wrong]
