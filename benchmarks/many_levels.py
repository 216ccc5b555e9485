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

SEED, LEVELS, TRUE_SD = 20261124, 300, 1.0
WAYS = ("none", "complete", "partial", "robust", "exnex")


def _model(borrowing: str) -> Model:
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


def main() -> None:
    """Fit one table in every way, and write the dated result."""
    rng = np.random.default_rng(SEED)
    n = rng.integers(1, 4, LEVELS)
    p = special.expit(0.5 + TRUE_SD * rng.standard_normal(LEVELS))
    events = rng.binomial(n, p)
    frame = pd.DataFrame({"level": [f"level {i:03d}" for i in range(LEVELS)], "events": events, "n": n})
    types = {"level": "category", "events": "integer", "n": "integer"}
    frame.attrs["codebook"] = {"name": "simulated", "columns": {key: {"type": kind} for key, kind in types.items()}}
    rows = []
    for borrowing in WAYS:
        started = time.perf_counter()
        fit = cp.fit(_model(borrowing), frame, seed=1, progress=False)
        seconds = time.perf_counter() - started
        found, table = json.loads(fit.attrs["convergence"]), cp.estimates(fit, "level").iloc[:LEVELS]
        rows.append(
            {"borrowing": borrowing, "seconds": round(seconds), "verdict": found["verdict"], "R-hat": found["rhat"],
             "least ESS": found["ess"], "of": found["ess_of"],
             "covered": ((table["lower"] <= p) & (p <= table["upper"])).mean(),
             "root mean squared error": np.sqrt(((table["mean"] - p) ** 2).mean())}
        )  # fmt: skip
    said = (
        f"Seed {SEED}: {LEVELS} levels of one to three patients, true sd {TRUE_SD:g}; default settings. Raw rates have "
        f"a root mean squared error of {np.sqrt(((events / n - p) ** 2).mean()):.3f}. Seconds include compilation."
    )
    print(
        results.write(
            "many_levels", "Three hundred levels", said, {"One table, every way of borrowing": pd.DataFrame(rows)}
        )
    )


if __name__ == "__main__":
    main()
