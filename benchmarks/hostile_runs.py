"""Hostile files, command lines and names by their numbers: made, judged and written down, with every failure."""

from __future__ import annotations

import json
import os
import signal
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from benchmarks.hostile import Outcome, Rng, rng_of, table_outcome, watched
from benchmarks.results import write

AT_ONCE = 25
"""Cases of one process: what ends it costs no others their outcome."""
LONGEST = 120
"""Seconds after which such a process is ended."""


def _workbook(rng: Rng, folder: Path, *, heavy: bool) -> Outcome:
    from benchmarks.hostile_workbooks import workbook

    return watched(table_outcome, workbook(rng, heavy=heavy), folder)


def _parquet(rng: Rng, folder: Path, *, heavy: bool) -> Outcome:
    from benchmarks.hostile_parquet import parquet

    return watched(table_outcome, parquet(rng, heavy=heavy), folder)


def _model(rng: Rng, folder: Path, *, heavy: bool) -> Outcome:
    from benchmarks.hostile_models import event_codes, model_file, model_outcome, yes_and_no

    one = rng.random()
    if one < 0.1:
        return watched(event_codes if one < 0.05 else yes_and_no, rng)
    return watched(model_outcome, model_file(rng), folder)


def _codebook(rng: Rng, folder: Path, *, heavy: bool) -> Outcome:
    from benchmarks.hostile_codebooks import codebook_file, codebook_outcome

    return watched(codebook_outcome, *codebook_file(rng), folder)


def _command(rng: Rng, folder: Path, *, heavy: bool) -> Outcome:
    from benchmarks.hostile_commands import command, command_outcome

    return watched(command_outcome, command(rng, folder), folder)


def _name(rng: Rng, folder: Path, *, heavy: bool) -> Outcome:
    from benchmarks.hostile_names import name_outcome

    return watched(name_outcome, rng, folder)


KINDS: dict[str, Callable[..., Outcome]] = {
    "workbook": _workbook,
    "parquet": _parquet,
    "model": _model,
    "codebook": _codebook,
    "command": _command,
    "name": _name,
}
"""What can be made, and who makes and judges it."""


def outcome_of(kind: str, seed: int, number: int, *, heavy: bool = True) -> Outcome:
    """Make the case of a number, and judge it; without `heavy`, nothing that takes more than a moment to make."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(action="error"):
        return KINDS[kind](rng_of(kind, seed, number), Path(folder), heavy=heavy)


def hostile_run(kind: str, seed: int, numbers: Sequence[int]) -> list[str]:
    """Judge the cases of some numbers, each few in a process of their own, write the result and return the failures."""
    outcomes: dict[int, Outcome] = {}
    if kind in ("command", "name"):
        from benchmarks.hostile_commands import fits

        fits()  # once, for all processes
    for start in range(0, len(numbers), AT_ONCE):
        left = list(numbers[start : start + AT_ONCE])
        while left:
            done = _in_a_process(kind, seed, left)
            if len(done) < len(left):
                number = left[len(done)]
                said = f"the process ended, or gave no answer in {LONGEST} s"
                done[number] = Outcome("unknown", "either", "ended", [said])
            outcomes |= done
            left = left[len(done) :]
    wrong = [f"{kind} {i}: {o.mutation}, {o.verdict}: {said}" for i, o in outcomes.items() for said in o.wrong]
    _write(kind, seed, outcomes.values(), wrong)
    return wrong


def _in_a_process(kind: str, seed: int, numbers: Sequence[int]) -> dict[int, Outcome]:
    """Judge cases in a child, which writes a line for each; the lines there are when it ends are the answer."""
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as lines:
        child = os.fork()
        if not child:
            signal.alarm(LONGEST)
            try:
                with Path(lines.name).open("a", encoding="utf-8") as out:
                    for number in numbers:
                        out.write(json.dumps(asdict(outcome_of(kind, seed, number))) + "\n")
                        out.flush()
            except BaseException:  # a generator's own fault, to be seen
                traceback.print_exc()
            os._exit(0)
        os.waitpid(child, 0)
        found = [Outcome(**json.loads(line)) for line in Path(lines.name).read_text(encoding="utf-8").splitlines()]
    return dict(zip(numbers, found, strict=False))


def _write(kind: str, seed: int, outcomes: Iterable[Outcome], wrong: list[str]) -> None:
    """Write the counts by what was done, and the failures."""
    rows = pd.DataFrame([asdict(o) for o in outcomes])
    rows["mutation"] = rows["mutation"].str.partition(":")[0] if kind == "command" else rows["mutation"]
    counts = (
        rows.assign(failed=rows["wrong"].map(bool))
        .groupby(["mutation", "verdict", "did"], as_index=False)
        .agg(n=("did", "size"), failed=("failed", "sum"), seconds=("seconds", "max"), megabytes=("memory", "max"))
    )
    counts["megabytes"] = counts["megabytes"] / 1000
    said = (
        f"{len(rows)} of the kind {kind}, seed {seed}, against what docs/files.md and the README say "
        f"(`benchmarks/hostile.py` states the laws); {rows['wrong'].map(bool).sum()} failed. Seconds of CPU and "
        "megabytes are the most that reading and listing what is wrong took beyond what was loaded."
    )
    failures = pd.DataFrame({"failure": [line.replace("|", "/") for line in wrong] or ["none"]})
    write(f"fuzzing_{kind}", f"Hostile input: {kind}", said, {"Cases": counts, "Failures": failures})
