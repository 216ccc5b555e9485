"""Ask of every way of borrowing whether 300 levels of one to three patients are estimated well, and how long it takes.

uv run python -m benchmarks.many_levels
"""

from __future__ import annotations

import json
import time

import numpy as np
import pandas as pd
from scipy import special

import casepool as cp
from benchmarks import results
from casepool.modelling import Model, model_from_dict

SEED, TABLES, LEVELS, TRUE_SD = 20261124, 10, 300, 1.0
WAYS = ("none", "complete", "partial", "robust", "exnex")


def model(borrowing: str) -> Model:
    """Make the model of one way of borrowing."""
    normal = {"dist": "Normal", "mu": 0.5, "why": "benchmark"}
    priors: dict[str, dict[str, object]] = {}
    if borrowing != "none":
        priors["intercept"] = normal | {"sigma": 1.0}
    if borrowing in ("none", "exnex"):
        priors["level_own"] = normal | {"sigma": 1.5}
    if borrowing in ("partial", "robust", "exnex"):
        priors["level_sd"] = {"dist": "HalfNormal", "sigma": 1.0, "why": "benchmark"}
    terms = {"level": {"kind": "group", "borrowing": borrowing}}
    outcome = {"events": "events", "n": "n"}
    plain = {"family": "bernoulli", "outcome": outcome, "terms": terms, "priors": priors}
    return model_from_dict(plain, name=f"{LEVELS} levels, {borrowing}")


def table(seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Simulate a table, and return it with the true probability of every level."""
    rng = np.random.default_rng([SEED, seed])
    n = rng.integers(1, 4, LEVELS)
    p = special.expit(0.5 + TRUE_SD * rng.standard_normal(LEVELS))
    events = rng.binomial(n, p)
    frame = pd.DataFrame({"level": [f"level {i:03d}" for i in range(LEVELS)], "events": events, "n": n})
    types = {"level": "category", "events": "integer", "n": "integer"}
    frame.attrs["codebook"] = {"name": "simulated", "columns": {key: {"type": kind} for key, kind in types.items()}}
    return frame, p


def one(borrowing: str, seed: int) -> dict[str, object]:
    """Fit one table in one way."""
    frame, p = table(seed)
    started = time.perf_counter()
    fit = cp.fit(model(borrowing), frame, seed=1, progress=False)
    seconds = time.perf_counter() - started
    found, told = json.loads(fit.attrs["convergence"]), cp.estimates(fit, "level").iloc[:LEVELS]
    return {
        "borrowing": borrowing,
        "seconds": seconds,
        "passed": found["verdict"] == "pass",
        "R-hat": found["rhat"],
        "least ESS": found["ess"],
        "of": found["ess_of"],
        "covered": ((told["lower"] <= p) & (p <= told["upper"])).mean(),
        "squared error": ((told["mean"] - p) ** 2).mean(),
        "squared error of raw rates": ((frame["events"] / frame["n"] - p) ** 2).mean(),
    }


def main() -> None:
    """Fit every table in every way, and write the dated result."""
    rows = []
    for borrowing in WAYS:
        fits = pd.DataFrame([one(borrowing, seed) for seed in range(TABLES)])
        poorest = fits.iloc[fits["least ESS"].argmin()]
        rows.append(
            {
                "borrowing": borrowing,
                "seconds, first fit": round(fits["seconds"].iloc[0]),
                "seconds, the others": round(fits["seconds"].iloc[1:].median(), 1),
                "converged": f"{fits['passed'].sum()} of {TABLES}",
                "R-hat": fits["R-hat"].max(),
                "least ESS": round(poorest["least ESS"]),
                "of": poorest["of"],
                "covered": fits["covered"].mean(),
                "least covered": fits["covered"].min(),
                "error": np.sqrt(fits["squared error"].mean()),
                "error of raw rates": np.sqrt(fits["squared error of raw rates"].mean()),
            }
        )
        print(rows[-1], flush=True)
    said = (
        f"Seed {SEED}: {TABLES} tables of {LEVELS} levels of one to three patients, true sd {TRUE_SD:g}; default "
        "settings. The first fit compiles. `covered` is the share of a table's 95% intervals that hold the truth: they "
        "share the posterior of the sd, so that one table may lie far from 95%. Errors are root mean squares."
    )
    tables = {"Every way of borrowing": pd.DataFrame(rows)}
    print(results.write("many_levels", "Three hundred levels", said, tables))


if __name__ == "__main__":
    main()
