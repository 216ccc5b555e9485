"""Measure how long answers take: casepool's engines, PyMC with nutpie, Bambi and, where R is there, its packages.

    uv run python -m benchmarks.speed [--rounds N] [--bambi PYTHON]

Every program of `benchmarks/peers/` runs in a fresh process, one after the other and then all of them once more, so
that what else the machine does meets all alike. Measurements of this code are kept in ``speed.jsonl``: a run that was
stopped goes on. What is not installed is left out, and the page says so.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.calibration_ranks import note, read_journal
from benchmarks.speed_report import BASE, BY_HAND, FLOOR, HAND, LOOP, write

ROOT, PEERS = Path(__file__).parents[1], "benchmarks/peers"
JOURNAL = Path(__file__).parent / "speed.jsonl"
ROUNDS, REFITS, LIMIT = 3, 9, 900
"""Rounds; refits in one process, after the rounds; seconds after which a program is stopped."""
ALK, BASKETS = "alk_crizotinib", "sarcoma_imatinib"
DATASETS = {
    "objective_response": ALK, "best_response": ALK, "overall_survival": ALK, "basket_exnex": BASKETS,
    "basket_berry": BASKETS,
}  # fmt: skip
ENGINES = {model: ("lockstep", "nuts") if cases == ALK else ("exact",) for model, cases in DATASETS.items()}


@dataclass(frozen=True)
class Task:
    """A program to measure.

    Parameters
    ----------
    kind : {"fresh", "refits", "other", "imports"}
        A printed table in a fresh process, refits within one, anything else, or what a fresh process imports.
    program, model : str
        Who is measured, and at what.
    command : tuple of str
    """

    kind: str
    program: str
    model: str
    command: tuple[str, ...]

    @property
    def name(self) -> dict[str, str]:
        """What its measurements are kept under."""
        return {"kind": self.kind, "program": self.program, "model": self.model}


def by_hand(bambi: str) -> dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """Return peers that state the model themselves: by name the program, how it is run, and what tells its version."""
    found = {}
    for module, python in (("pymc", sys.executable), ("bambi", bambi)):
        version = (python, "-c", f"import {module}; print({module}.__version__)")
        found[HAND if module == "pymc" else "Bambi"] = (f"{module}_hand.py", (python,), version)
    for package in ("rstanarm", "brms", "rjags"):
        version = ("Rscript", "--vanilla", "-e", f'cat(as.character(packageVersion("{package}")))')
        found[package] = (f"{package}.R", ("Rscript", "--vanilla"), version)
    return found


def versions(bambi: str) -> dict[str, str]:
    """Return the version of every peer, nothing for one that is not there."""
    found = {}
    for name, (_, _, asks) in by_hand(bambi).items():
        there = shutil.which(asks[0]) is not None
        answer = subprocess.run(asks, capture_output=True, text=True, check=False) if there else None
        found[name] = answer.stdout.strip() if answer and not answer.returncode else ""
    return found


def ours(model: str, engine: str, *more: str) -> tuple[str, ...]:
    """Return the command that fits a model by one of casepool's engines."""
    return sys.executable, f"{PEERS}/casepool_fit.py", model, DATASETS[model], engine, *more


def tasks(bambi: str, there: Mapping[str, str]) -> Iterator[Task]:
    """Yield what is measured in every round, the same model by everybody in a row."""
    python = sys.executable
    yield Task("other", LOOP, "", (python, f"{PEERS}/numpy_loop.py"))
    for model, cases in DATASETS.items():
        for engine in ENGINES[model]:
            yield Task("fresh", engine, model, ours(model, engine))
        yield Task("fresh", BASE, model, (python, f"{PEERS}/pymc_built.py", model, cases))
        if model == BY_HAND:
            for name, (program, runs, _) in by_hand(bambi).items():
                if there[name]:
                    yield Task("fresh", name, model, (*runs, f"{PEERS}/{program}"))
    command = str(Path(python).with_name("casepool"))
    page = str(Path(tempfile.gettempdir()) / "speed_report.html")
    report = (command, "report", "--data", ALK, "--quiet", "--out", page)
    yield Task("other", f"casepool report {ALK}", "", report)
    yield Task("other", "casepool --help", "", (command, "--help"))
    for said, code in (
        ("import casepool", "import casepool"),
        (f"import {FLOOR}", f"import {FLOOR}"),
        ("pass", "pass"),
    ):
        yield Task("other", f"python -c '{said}'", "", (python, "-c", code))
    fit = (f"{PEERS}/casepool_fit.py", "objective_response", ALK, "lockstep")
    yield Task("imports", "lockstep", "objective_response", (python, "-X", "importtime", *fit))


def refits() -> Iterator[Task]:
    """Yield what is measured once, after the rounds."""
    for model in DATASETS:
        for engine in ENGINES[model]:
            yield Task("refits", engine, model, ours(model, engine, str(REFITS)))


def measured(task: Task) -> dict[str, Any]:
    """Run a program, and return what it took."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    launcher = (sys.executable, "-S", f"{PEERS}/measured.py", str(LIMIT))
    ran = subprocess.run(
        (*launcher, *task.command), capture_output=True, text=True, check=True, cwd=ROOT, env=environment
    )
    *printed, last = ran.stdout.strip().splitlines()
    code, wall, cpu, memory = map(float, last.split())
    entry: dict[str, Any] = {"exit": int(code), "wall": wall, "cpu": cpu, "memory": memory}
    if code:
        print(ran.stderr[-2000:], file=sys.stderr)
    elif task.kind == "refits":
        entry["refits"] = [float(value) for value in printed[-2].split()]
    elif task.kind == "imports":
        entry["imports"] = imports(ran.stderr)
    return entry


def imports(told: str) -> dict[str, float]:
    """Add up the seconds that Python says the modules of each package took themselves."""
    seconds: Counter[str] = Counter()
    for own, module in re.findall(r"^import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)$", told, flags=re.MULTILINE):
        package = module.partition(".")[0]
        seconds["Python's own" if package in sys.stdlib_module_names else package] += int(own) / 1e6
    return dict(seconds)


def code_measured() -> str:
    """Return what changes with the package's code and the programs measured, as committed."""
    asked = ("git", "rev-parse", "HEAD:src", f"HEAD:{PEERS}")
    return subprocess.run(asked, capture_output=True, text=True, check=False, cwd=ROOT).stdout


def main() -> None:
    """Measure what is not measured yet, and write the page and the picture."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--bambi", default=sys.executable, help="a Python that has Bambi, if this one has not")
    asked = parser.parse_args()
    there, code = versions(asked.bambi), code_measured()
    rounds = [(number, task) for number in range(1, asked.rounds + 1) for task in tasks(asked.bambi, there)]
    for number, task in [*rounds, *((1, task) for task in refits())]:
        own = {"code": code, "round": number, **task.name}
        if not any(own.items() <= entry.items() for entry in read_journal(JOURNAL)):
            entry = measured(task)
            note(JOURNAL, own | entry)
            print(number, task.kind, task.program, task.model, entry, flush=True)
    found = (entry for entry in read_journal(JOURNAL) if entry["code"] == code)
    print(write(sorted(found, key=lambda entry: entry["round"]), there))


if __name__ == "__main__":
    main()
