"""Simulation-based calibration: parameters from the prior, a table from them, a fit, and the rank of what was true.

    uv run python -m benchmarks.calibration [--workers 1] [--minutes M]
    uv run python -m benchmarks.calibration --tables 100 [--study NAME ...]    # a look: printed, nothing written
    uv run python -m benchmarks.calibration --report       # no work: write the results of what the journal holds

If a fit's draws come from its posterior, the rank of the true value among them is uniform (Talts 2018; Modrak 2023).
Every table is fitted as `cp.fit` fits it, by the engine that "auto" picks. Ranks of every parameter, group effect and
reported estimand are laid against bands that hold all quantities of a study at once with probability 99%
(`bands.py`). A study that leaves its bands is run once more with the next seed, and both are reported.

The journal keeps every finished table: a kill loses those at work, and the run goes on where it ended. Tables of all
studies take turns, each as often as it has tables, so that a journal cut short is a fair sample. Lines of other
engines, priors or densities are not counted.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks import calibration_report as report
from benchmarks.calibrated import studies
from benchmarks.calibration_ranks import JOURNAL, SEEDS, Journal, ranks_of
from benchmarks.study import Study
from casepool.inference import sampling

KEPT_GRAPHS = 16
"""Compiled graphs a worker keeps: those of all studies that nuts draws for."""
SAID = 50
"""Tables after which a worker says how far it is."""
Table = tuple[str, int]
"""Name of a study, and number of a table."""


def in_turns(chosen: Sequence[Study], most: int | None) -> list[Table]:
    """Return all tables of some studies so that every study is as far as any other at any time."""
    promised = {study.name: most or study.tables for study in chosen}
    places = [((number + 0.5) / count, name, number) for name, count in promised.items() for number in range(count)]
    return [(name, number) for _, name, number in sorted(places)]


def work(tables: Sequence[Table], seed: int, path: Path, until: float) -> None:
    """Fit the tables that are not in the journal yet; none is begun after the time `until`."""
    sampling.KEPT_GRAPHS = KEPT_GRAPHS
    known = {name: study for name, study in studies().items() if name in {own for own, _ in tables}}
    journal = Journal.of(path, known.values())
    kept = journal.read(known.values(), seed, most=sys.maxsize)
    done = {(name, entry["table"]) for name, own in kept.items() for entry in own.entries}
    named = {name for name, own in kept.items() if own.quantities}
    left = [table for table in tables if table not in done]
    started = time.monotonic()
    for count, (name, number) in enumerate(left):
        if time.time() > until:
            return
        entry = ranks_of(known[name], number, seed)
        journal.note(known[name], number, seed, entry, named=name in named or not entry["ranks"])
        named |= {name} if entry["ranks"] else set()
        if count % SAID == 0:
            each = (time.monotonic() - started) / (count + 1)
            print(f"{count + 1} of {len(left)} tables, {each:.2f} s each", file=sys.stderr, flush=True)


def share_out(tables: Sequence[Table], seed: int, path: Path, until: float, workers: int) -> None:
    """Fit tables in several processes."""
    if workers == 1:
        work(tables, seed, path, until)
        return
    spawn = multiprocessing.get_context("spawn")
    shares = [tables[own::workers] for own in range(workers)]
    processes = [spawn.Process(target=work, args=(share, seed, path, until)) for share in shares]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        raise SystemExit("a worker ended early; what it had finished is kept")


def main() -> None:
    """Run what the command line asks for."""
    everything = studies()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--study", nargs="*", choices=list(everything), metavar="NAME", help="instead of all")
    parser.add_argument("--tables", type=int, help="tables of each study, instead of the number it promises")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=60 * 24.0 * 30, help="no table is begun after these")
    parser.add_argument("--journal", type=Path, default=JOURNAL)
    parser.add_argument("--report", action="store_true", help="no work: write the results of what the journal holds")
    asked = parser.parse_args()
    chosen = [everything[name] for name in asked.study or everything]
    journal, until = Journal.of(asked.journal, chosen), time.time() + 60 * asked.minutes
    if not asked.report:
        os.environ.setdefault("NUMBA_OPT", "1")  # read when a worker starts; the same numbers, compiled in less time
        share_out(in_turns(chosen, asked.tables), SEEDS[0], asked.journal, until, asked.workers)
    looked = bool(asked.tables or asked.study)
    if not asked.report and not looked:
        again = report.failing(journal.read(chosen, SEEDS[0]))
        share_out(in_turns(again, None), SEEDS[1], asked.journal, until, asked.workers)
    runs = [journal.read(chosen, seed, asked.tables) for seed in SEEDS]
    print(report.summary(runs).to_string(index=False))
    if not looked:
        print(report.write(runs, journal))


if __name__ == "__main__":
    main()
