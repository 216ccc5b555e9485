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
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import arviz as az
import numpy as np
import nutpie
import xarray as xr

from benchmarks.calibrated import Study, borrowing_studies, studies
from benchmarks.fingerprints import fingerprint, short
from benchmarks.reported import reported
from benchmarks.simulated import simulate
from casepool.inference.fitting import RETRY_ACCEPT, compiled_graph
from casepool.modelling import Design, make_design

SEEDS = (20261125, 20261126)
"""Of the run, and of the one that follows a failure; fixed before the first table."""
RANKED = 100
"""Draws among which the true value is ranked, every sixth of those kept, so that they are nearly independent."""
THIN, TUNE = 6, 400
MOST_RHAT, LEAST_ESS = 1.05, 100
JOURNAL = Path(__file__).parent / "calibration.jsonl"
QUICK = 100


def sample(design: Design, seed: int) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Draw one chain from a design's posterior, once more at a higher target where draws diverge, as `cp.fit` does.

    Returns
    -------
    dict of arrays (1, draws, ...), and what is known of how well it went.
    """
    graph = compiled_graph(design, progress=False)
    for accept in (0.9, RETRY_ACCEPT):
        raw = nutpie.sample(
            graph, seed=seed, cores=1, chains=1, draws=RANKED * THIN, tune=TUNE, target_accept=accept,
            progress_bar=False, save_warmup=False,
        )  # fmt: skip
        diverged = int(raw["sample_stats"]["diverging"].sum())
        if not diverged:
            break
    drawn = raw["posterior"].to_dataset()
    kept = {str(name): drawn[name].to_numpy() for name in drawn.data_vars if not str(name).endswith("_z")}
    return kept, {"diverged": diverged, "retried": float(accept == RETRY_ACCEPT), **_mixing(kept)}


def _mixing(drawn: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Compute the worst R-hat and effective sample size, the chain's halves taken as two chains."""
    columns = np.concatenate([values.reshape(RANKED * THIN, -1) for values in drawn.values()], axis=-1)
    array = xr.DataArray(columns.reshape(2, -1, columns.shape[-1]), dims=("chain", "draw", "quantity"))
    return {"rhat": float(np.max(az.rhat(array))), "ess": float(np.min(az.ess(array, method="bulk")))}


def ranks_of(study: Study, number: int, run: int) -> dict[str, Any]:
    """Simulate one table of a study, fit it, and rank the truth."""
    rng = np.random.default_rng([SEEDS[run], *study.name.encode(), number])
    table = simulate(study, rng)
    design = make_design(study.model, table.frame)
    drawn, went = sample(design, SEEDS[run] + number)
    thinned = {name: values[:, THIN - 1 :: THIN] for name, values in drawn.items()}
    of_draws, of_truth = reported(study, design, table, thinned)
    return {"ranks": {name: int((of_draws[name] < of_truth[name]).sum()) for name in of_truth}, **went}


def converged(entry: Mapping[str, Any]) -> bool:
    """Whether a table's fit may be believed; it stays in the ranks either way."""
    return bool(entry["rhat"] < MOST_RHAT and entry["ess"] >= LEAST_ESS and not entry["diverged"])


def read_journal(path: Path) -> Iterator[dict[str, Any]]:
    """Read the finished tables; a line a kill tore is passed over."""
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            continue


def note(path: Path, entry: Mapping[str, Any]) -> None:
    """Append one finished table, in one write, on a line of its own whatever a kill left before it."""
    with path.open("ab", buffering=0) as file:
        file.write(f"\n{json.dumps(entry)}\n".encode())
        os.fsync(file.fileno())


def kept(journal: Path, study: Study, run: int, print_of: str) -> dict[int, dict[str, Any]]:
    """Return the tables of a study that the journal holds for the code as it is, by number."""
    own = {"study": study.name, "seed": SEEDS[run], "fingerprint": print_of}
    return {e["table"]: e for e in read_journal(journal) if own.items() <= e.items()}


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
    from benchmarks import calibration_report as report  # which needs this module

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
