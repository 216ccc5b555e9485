"""One table of a calibration: simulated, fitted, the truth ranked among the draws; and the journal of the finished."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import arviz as az
import numpy as np
import nutpie
import xarray as xr

from benchmarks.calibrated import Study
from benchmarks.reported import reported
from benchmarks.simulated import simulate
from casepool.inference.sampling import RETRY_ACCEPT, compiled_graph
from casepool.modelling import Design, make_design

SEEDS = (20261125, 20261126)
"""Of the run, and of the one that follows a failure; fixed before the first table."""
RANKED = 100
"""Draws among which the true value is ranked, every sixth of those kept, so that they are nearly independent."""
THIN, TUNE = 6, 400
MOST_RHAT, LEAST_ESS = 1.05, 100
JOURNAL = Path(__file__).parent / "calibration.jsonl"


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
    kept = {own.name: drawn[own.name].to_numpy() for own in design.parameters}
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
