"""Simulation-based calibration: parameters from the prior, a table from them, a fit, and the rank of what was true.

    uv run python -m benchmarks.calibration [--borrowing] [--family NAME ...] [--tables N] [--share 1/2] [--report]
    uv run python -m benchmarks.calibration --quick

If a fit's draws come from its posterior, the rank of the true value among them is uniform (Talts 2018; Modrak 2023).
Every table of a study is fitted on one compiled graph, as `cp.refit` would. Ranks of every parameter, group effect and
reported estimand are laid against bands that hold all quantities of a study at once with probability 99%
(`bands.py`). A study that leaves its bands is run once more with the next seed, and both are reported.

The journal keeps every finished table: a kill loses the one at work, and two processes may share the work
(`--share 1/2` and `--share 2/2`). `--quick` looks at the first 100 tables of every study and writes no result.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from benchmarks import calibration_report as report
from benchmarks.calibrated import Study, borrowing_studies, studies
from benchmarks.calibration_ranks import JOURNAL, SEEDS, kept, note, ranks_of
from benchmarks.fingerprints import fingerprint, short

QUICK = 100


def work(study: Study, tables: int, run: int, share: tuple[int, int], journal: Path) -> None:
    """Fit the tables of a study that are not in the journal yet."""
    print_of = short(fingerprint(study))
    done = kept(journal, study, run, print_of)
    started, fresh = time.perf_counter(), 0
    for number in range(tables):
        if number in done or number % share[1] != share[0] - 1:
            continue
        entry = ranks_of(study, number, run)
        note(journal, {"study": study.name, "table": number, "seed": SEEDS[run], "fingerprint": print_of, **entry})
        fresh += 1
        if fresh % 50 == 1:
            spent = time.perf_counter() - started
            print(f"{study.name} run {run}: table {number}, {spent / fresh:.2f} s each", file=sys.stderr, flush=True)


def _share(text: str) -> tuple[int, int]:
    part, of = (int(piece) for piece in text.split("/"))
    if not 1 <= part <= of:
        raise argparse.ArgumentTypeError("say 1/2 and 2/2")
    return part, of


def main() -> None:
    """Run what the command line asks for."""
    sets = {"calibration": studies(), "calibration_borrowing": borrowing_studies()}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", nargs="*", choices=[name for each in sets.values() for name in each])
    parser.add_argument("--borrowing", action="store_true", help="the other ways of borrowing, not the families")
    parser.add_argument("--tables", type=int, help="tables of each study, instead of the number it promises")
    parser.add_argument("--share", type=_share, default=(1, 1), help="1/2: every second table from the first on")
    parser.add_argument("--run", type=int, default=0, choices=range(len(SEEDS)))
    parser.add_argument("--journal", type=Path, default=JOURNAL)
    parser.add_argument("--quick", action="store_true", help=f"the first {QUICK} tables, printed only")
    parser.add_argument("--report", action="store_true", help="no work: write the results of what the journal holds")
    asked = parser.parse_args()
    name = "calibration_borrowing" if asked.borrowing else "calibration"
    everything = sets[name]
    chosen = [study for study in everything.values() if study.name in (asked.family or everything)]
    if asked.report:
        print(report.write(list(everything.values()), asked.journal, name))
        return
    for study in chosen:
        work(study, asked.tables or (QUICK if asked.quick else study.tables), asked.run, asked.share, asked.journal)
    if asked.quick:
        print(report.verdicts(chosen, asked.journal, most=QUICK).to_string(index=False))
    elif asked.share == (1, 1) and asked.tables is None and not asked.run and len(chosen) == len(everything):
        for study in report.failing(chosen, asked.journal):
            work(study, study.tables, 1, asked.share, asked.journal)
        print(report.write(chosen, asked.journal, name))


if __name__ == "__main__":
    main()
