"""Measure every bundled survival model on the bundled table: convergence, and seconds of a fit once it is compiled.

uv run python -m benchmarks.speed
"""

from __future__ import annotations

import json
import os
import time

import pandas as pd

import casepool as cp
from benchmarks import results


def measure(name: str) -> dict[str, object]:
    """Fit twice, so that the second fit finds its graph compiled, and time the second."""
    cp.fit(name, "alk_crizotinib", seed=1, progress=False)
    started = time.perf_counter()
    fit = cp.fit(name, "alk_crizotinib", seed=2, cores=2, progress=False)
    seconds = time.perf_counter() - started
    summary = json.loads(fit.attrs["convergence"])
    return {
        "model": name,
        "seconds": seconds,
        "divergences": summary["divergences"],
        "retried": fit.attrs["retried"] or "no",
        "largest R-hat": f"{summary['rhat']:.4f}",
        "least ess": summary["ess"],
        "verdict": summary["verdict"],
    }


def main() -> None:
    """Write the table."""
    names = [name for name in cp.list_models() if cp.model(name).is_survival]
    table = pd.DataFrame([measure(name) for name in names])
    said = (
        "Default settings (4 chains of 1000 draws after 1000 of warm-up), 2 cores, seed 2, the graph compiled before. "
        f"The machine's load over a minute was {os.getloadavg()[0]:.1f} at the end, other work included."
    )
    print(results.write("speed_survival", "Bundled survival models", said, {"Fits": table}))


if __name__ == "__main__":
    main()
