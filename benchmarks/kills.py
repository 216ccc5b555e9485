"""200 kills at random moments of fit, save, overwrite, report and multiverse, and 500 corrupted result files.

``nice uv run python -m benchmarks.kills`` writes ``benchmarks/results/kills.md``. Each kill is signal 9 to a process of
its own; afterwards every file it wrote must be the old one or the new one, whole, and everything finished before must
still be there.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import shutil
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pandas as pd

import casepool as cp
import casepool.reporting
import casepool.studies  # imported once, before workers are forked
from benchmarks.results import write
from casepool.studies.journal import read_journal

KINDS = ("truncated", "flipped", "swapped", "zeroed", "appended")
FEW = {"draws": 50, "tune": 100, "chains": 2, "progress": False}
CODINGS = {"surgery": ["any_text", "any_adjuvant"], "adjuvant": ["left_out"]}
WORKS = ("fit", "save", "overwrite", "report", "multiverse")
SPAN = {"fit": 15.0, "save": 1.5, "overwrite": 1.5, "report": 4.0, "multiverse": 20.0}
"""Seconds after a worker says it is ready within which it is killed, uniformly."""
FORKED = multiprocessing.get_context("forkserver")
"""Workers are copies of a process that has imported all and done nothing."""
FORKED.set_forkserver_preload(["casepool.reporting", "casepool.studies", "benchmarks.results"])


def corrupted(whole: bytes, rng: np.random.Generator, kind: str) -> bytes:
    """Corrupt a file in one way, at a random place."""
    raw, place = bytearray(whole), int(rng.integers(len(whole)))
    length = int(rng.integers(1, 4096))
    if kind == "truncated":
        return whole[:place]
    if kind == "appended":
        return whole + rng.bytes(length)
    if kind == "flipped":
        raw[place] ^= 1 << int(rng.integers(8))
    elif kind == "zeroed":
        end = min(place + length, len(raw))
        raw[place:end] = bytes(end - place)
    else:
        other = int(rng.integers(len(whole)))
        raw[place], raw[other] = raw[other], raw[place]
    return bytes(raw) if bytes(raw) != whole else corrupted(whole, rng, kind)


def work(name: str, folder: Path, ready: Connection) -> None:
    """Do one kind of work again and again, in a process that will be killed."""
    first, second, out = folder / "first.nc", folder / "second.nc", folder / "out.nc"
    fits = [cp.open_fit(first), cp.open_fit(second)]
    ready.send(True)
    number = 0
    while True:
        number += 1
        if name == "fit":
            again = cp.fit("objective_response_by_age_group", "alk_crizotinib", seed=number, **FEW)
            cp.save_fit(again, out)
        elif name == "save":
            cp.save_fit(fits[0], folder / f"new-{number}.nc")
        elif name == "overwrite":
            cp.save_fit(fits[number % 2], out)
        elif name == "report":
            cp.report(fits[number % 2], folder / "report.html", progress=False)
        else:
            cp.multiverse(
                "overall_survival", "alk_crizotinib", by="surgery", seed=number, codings=CODINGS,
                journal=folder / "journal.jsonl", **FEW,
            )  # fmt: skip


def kill_once(name: str, folder: Path, after: float) -> str:
    """Start a worker, kill it some seconds after it is ready, and say what it left wrong; "" if nothing."""
    before = read_journal(folder / "journal.jsonl")[0]
    ready, here = FORKED.Pipe()
    worker = FORKED.Process(target=work, args=(name, folder, here))
    worker.start()
    ready.recv()
    worker.join(after)
    if not worker.is_alive():
        return "the worker ended by itself"
    worker.kill()
    worker.join()
    return wrong_files(folder) or wrong_journal(folder, before)


def wrong_files(folder: Path) -> str:
    """Say which result file does not open, or which report is not whole."""
    for path in folder.glob("*.nc"):
        try:
            cp.open_fit(path)
        except cp.CasepoolError as error:
            return str(error)
    page = folder / "report.html"
    if page.exists() and not page.read_text(encoding="utf-8").rstrip().endswith("</html>"):
        return "half a report"
    names = {path.name for path in folder.iterdir()}
    return "" if {"first.nc", "second.nc", "out.nc"} <= names else "an earlier result is lost"


def wrong_journal(folder: Path, before: dict[str, list[dict[str, object]]]) -> str:
    """Say whether an answer is gone, or differs from what a whole run gives."""
    now, lost = read_journal(folder / "journal.jsonl")
    if any(repr(now.get(key)) != repr(rows) for key, rows in before.items()):
        return "a finished answer is lost"
    known = json.loads((folder / "truth.json").read_text()) if (folder / "truth.json").exists() else {}
    if any(key in known and repr(now[key]) != repr(known[key]) for key in now):
        return "an answer differs"
    return "" if lost <= 1 else f"{lost} lines are not whole"


def kills(number: int, folder: Path, seed: int) -> pd.DataFrame:
    """Kill workers at random moments; one row per kind of work."""
    rng = np.random.default_rng(seed)
    rows = []
    for name in WORKS:
        wrong, inside, started = [], 0, time.time()
        for _ in range(number // len(WORKS)):
            said = kill_once(name, folder, float(rng.uniform(0, SPAN[name])))
            wrong += [said] if said else []
            inside += bool(list(folder.glob(".*.part")))
            for left in [*folder.glob(".*.part"), *folder.glob("new-*.nc")]:
                left.unlink()
        print(name, wrong, f"{time.time() - started:.0f} s", file=sys.stderr, flush=True)
        rows.append(
            {
                "work": name,
                "kills": number // len(WORKS),
                "inside a write": inside,
                "earlier result lost, or half a file accepted": len(wrong),
                "what": "; ".join(wrong) or "nothing",
            }
        )
    return pd.DataFrame(rows)


def corruptions(number: int, folder: Path, seed: int) -> pd.DataFrame:
    """Corrupt a saved fit in every way, and open it intact as often."""
    rng = np.random.default_rng(seed)
    whole, path = (folder / "first.nc").read_bytes(), folder / "changed.nc"
    rows = []
    for kind in KINDS:
        each = number // len(KINDS)
        refused = sum(_refused(path, corrupted(whole, rng, kind)) for _ in range(each))
        opened = sum(not _refused(path, whole) for _ in range(each))
        rows.append({"change": kind, "files": each, "refused by name": refused, "intact": each, "opened": opened})
    path.unlink()
    return pd.DataFrame(rows)


def _refused(path: Path, content: bytes) -> bool:
    path.write_bytes(content)
    try:
        cp.open_fit(path)
    except cp.CasepoolError as error:
        return str(path) in str(error)
    return False


def prepare(folder: Path) -> None:
    """Make the earlier results: two fits, a file to overwrite, and what the first multiverse answers."""
    for seed, name in ((1, "first.nc"), (2, "second.nc")):
        made = cp.fit("objective_response_by_age_group", "alk_crizotinib", seed=seed, **FEW)
        cp.save_fit(made, folder / name)
    shutil.copy(folder / "first.nc", folder / "out.nc")
    cp.multiverse(
        "overall_survival",
        "alk_crizotinib",
        by="surgery",
        seed=1,
        codings=CODINGS,
        journal=folder / "whole.jsonl",
        **FEW,
    )
    (folder / "truth.json").write_text(json.dumps(read_journal(folder / "whole.jsonl")[0]))


def main() -> None:
    """Run it all and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--seed", type=int, default=20261124)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        tables = {
            "Corrupted and intact result files": corruptions(asked.files, folder, asked.seed),
            "Kills": kills(asked.kills, folder, asked.seed),
        }
        finished = len(read_journal(folder / "journal.jsonl")[0])
    spans = ", ".join(f"{work} {span:g}" for work, span in SPAN.items())
    said = (
        f"Seed {asked.seed}. A worker is killed by signal 9 at a time drawn uniformly from the seconds after it is "
        f"ready: {spans}. After each kill every result file is opened, the report read to its end, and every answer of "
        "the journal compared with what it was before the kill and with an undisturbed multiverse. The kills left "
        f"{finished} finished answers in one journal. `inside a write` counts kills that left a file beside the one "
        "being written, which nothing reads. Kills at random moments seldom hit the few lines of a write: "
        "`tests/inference/test_files.py` kills a write before each of its lines."
    )
    write("kills", "Files that survive: kills and corruptions", said, tables)


if __name__ == "__main__":
    main()
