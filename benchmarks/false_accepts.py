"""Count false accepts: tables whose draws an engine's gates accepted, and whose answers were wrong.

    uv run python -m benchmarks.false_accepts --draw-seed        # once, after the last change of a gate
    NUMBA_OPT=1 uv run python -m benchmarks.false_accepts [--accepted 1260] [--workers 2] [--minutes M]
    uv run python -m benchmarks.false_accepts --report           # no work: write the results of what the journal holds

Half of the tables of each structure are drawn from the model's prior, half are made hard. Each is fitted by the engines
in turn, nuts left out; a table that all refuse is counted by gate and replaced. What is accepted is laid against long
nuts: means and standard deviations of every number of the default tables, on the scale of its unit. What is off by more
than 0.15 standard deviations and 4 combined Monte Carlo errors is suspect, and run again with ten times the draws of
both; what is off then too is a false accept.

The journal keeps every finished table: a kill loses those at work. Workers share out the structures, as each compiles
its own, and take one table of each in turn, so that a journal cut short is a fair sample. Lines of other engines, of
another seed and of other tables are not counted.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import secrets
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import engines, false_accepts_report
from benchmarks.accepting import HALVES, Fit, judged, known_structures, of_this
from benchmarks.calibration_ranks import note, read_journal

JOURNAL = Path(__file__).parent / "results" / "false_accepts.jsonl"
ENGINES = ("exact", "lockstep")
ACCEPTED = 1_260
SELDOM = {
    **dict.fromkeys(("m_spline", "piecewise", "crossed_age_missing", "weibull_late_entry"), 4),
    **dict.fromkeys(("patients_missing_label", "exponential_robust", "exponential_surgery", "between_visits"), 2),
}
"""Structures of which there is one table for so many of others: a reference of theirs takes up to minutes."""
MOST_TRIED = 3
"""Tables tried of a structure and half for each to be accepted; where more are refused, others make up for it."""
ROUNDS = 12
"""Times that what is refused is made up for by structures that accept."""
KEPT_GRAPHS = 32
"""Compiled graphs a worker keeps: those of all its structures."""


def draw_seed(journal: Path) -> int:
    """Draw the seed of a count, once for the engines as they are.

    Raises
    ------
    SystemExit
        If it was drawn already: a count is not begun anew because of what it finds.
    """
    if seed_of(journal) is not None:
        raise SystemExit("the seed was drawn already; it stands for the engines as they are")
    seed = secrets.randbelow(2**31)
    note(journal, {"drawn": seed, "fingerprint": of_this(), "date": time.strftime("%Y-%m-%d")})
    return seed


def seed_of(journal: Path) -> int | None:
    """Return the seed drawn for the engines as they are, if it was."""
    return next((e["drawn"] for e in read_journal(journal) if "drawn" in e and e["fingerprint"] == of_this()), None)


def finished(journal: Path, seed: int) -> list[dict[str, Any]]:
    """Return the tables that the journal holds of a seed and of the engines as they are, each once."""
    own = {"seed": seed, "fingerprint": of_this()}
    lines = [entry for entry in read_journal(journal) if own.items() <= entry.items()]
    return list({(entry["structure"], entry["half"], entry["number"]): entry for entry in lines}.values())


def accepted(entry: dict[str, Any]) -> bool:
    """Whether a table's draws were accepted, and could be judged."""
    return entry["outcome"] in ("agrees", "false")


def work(
    names: Sequence[str], quota: int, journal: Path, asked: Sequence[str], until: float, fit: Fit = engines.fit
) -> None:
    """Judge tables of some structures, one of each in turn, until each half of each has `quota` accepted ones.

    Parameters
    ----------
    names : sequence of str
        Of structures.
    quota : int
    journal : Path
    asked : sequence of str
        Engines, in turn.
    until : float
        No table is begun after this time (`time.time`).
    fit : callable
        As `engines.fit`.
    """
    from casepool.inference import sampling

    sampling.KEPT_GRAPHS = KEPT_GRAPHS
    seed = seed_of(journal)
    if seed is None:
        raise SystemExit("the engines, or what judges them, have changed since the seed was drawn")
    cells = {(name, half): [] for name in names for half in HALVES}
    for entry in finished(journal, seed):
        cells.get((entry["structure"], entry["half"]), []).append(entry)
    open_cells, turn = True, -1
    while open_cells:
        open_cells, turn = False, turn + 1
        for (name, half), done in cells.items():
            own = -(-quota // SELDOM.get(name, 1))
            if sum(map(accepted, done)) >= own or len(done) >= MOST_TRIED * own:
                continue
            if time.time() > until:
                return
            open_cells = True
            if turn % SELDOM.get(name, 1):
                continue
            number = 1 + max((entry["number"] for entry in done), default=-1)
            entry = judged(known_structures()[name], half, number, seed, asked, fit)
            done.append(entry)
            note(journal, {**entry, "fingerprint": of_this()})


def count(total: int, workers: int, journal: Path, asked: Sequence[str], until: float) -> None:
    """Judge tables in several processes until `total` are accepted, structures that accept making up for others."""
    seed, names = seed_of(journal), list(known_structures())
    if seed is None:
        raise SystemExit("draw a seed first, with --draw-seed, after the last change of a gate")
    quota = -(-total // (len(names) * len(HALVES)))
    spawn = multiprocessing.get_context("spawn")
    for _ in range(ROUNDS):
        shares = [names[own::workers] for own in range(workers)]
        processes = [spawn.Process(target=work, args=(share, quota, journal, asked, until)) for share in shares]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        if any(process.exitcode for process in processes):
            raise SystemExit("a worker ended early; what it had finished is kept")
        done = finished(journal, seed)
        lacking = total - sum(map(accepted, done))
        names = [name for name in names if any(accepted(e) for e in done if e["structure"] == name)]
        if lacking <= 0 or not names or time.time() > until:
            return
        quota += -(-lacking // (len(names) * len(HALVES)))


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draw-seed", action="store_true", help="draw the seed of all tables, once")
    parser.add_argument("--accepted", type=int, default=ACCEPTED, help="tables to be accepted")
    parser.add_argument("--engines", nargs="*", default=ENGINES, help="engines, in turn")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=60 * 24.0 * 30, help="no table is begun after these")
    parser.add_argument("--journal", type=Path, default=JOURNAL)
    parser.add_argument("--report", action="store_true", help="no work: write the results of what the journal holds")
    asked = parser.parse_args()
    if asked.draw_seed:
        print(f"seed {draw_seed(asked.journal)}")
        return
    if not asked.report:
        os.environ.setdefault("NUMBA_OPT", "1")  # read when a worker starts; the same numbers, compiled in less time
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        count(asked.accepted, asked.workers, asked.journal, asked.engines, time.time() + 60 * asked.minutes)
    seed = seed_of(asked.journal)
    if seed is None:
        raise SystemExit("there is no count of the engines as they are")
    done = finished(asked.journal, seed)
    print(false_accepts_report.tables_of(done)["By structure"].to_string(index=False), file=sys.stderr)
    if asked.journal == JOURNAL:
        print(false_accepts_report.write(done, seed))


if __name__ == "__main__":
    main()
