"""How reading, checking and classical answers grow with a table: CPU seconds at a size, and at ten times that size.

uv run python -m benchmarks.sizes
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

import casepool as cp
from benchmarks import results
from casepool.modelling import Model, make_design, model_from_dict


def cases(n: int, levels: int, seed: int = 1) -> pd.DataFrame:
    """Return a table of patients whose names, ages and times hardly repeat."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "patient": [f"p{i}" for i in range(n)],
            "age": rng.integers(0, 90, n),
            "sex": rng.choice(["F", "M"], n),
            "kind": [f"k{i % levels}" for i in range(n)],
            "centre": rng.choice([f"c{i}" for i in range(300)], n),
            "publication": rng.choice([f"Author {i}" for i in range(500)], n),
            "response": rng.choice(["no", "yes"], n),
            "months": np.round(rng.exponential(30, n) + 0.1, 1),
            "dead": rng.choice([False, True], n),
            "dose": np.round(rng.normal(200, 20, n), 1),
        }
    )


def response() -> Model:
    """Return a response model of one factor that borrows."""
    normal = {"dist": "Normal", "mu": 0.0, "sigma": 1.5, "why": "benchmark"}
    plain: dict[str, object] = {
        "family": "bernoulli",
        "outcome": {"column": "response", "levels": ["no", "yes"], "success": ["yes"]},
        "terms": {"kind": {"kind": "group"}},
        "priors": {"intercept": normal, "kind_sd": {"dist": "HalfNormal", "sigma": 1.0, "why": "benchmark"}},
    }
    return model_from_dict(plain, name="sizes")


def seconds(task: Callable[[], object]) -> float:
    """Return the least CPU seconds of three runs."""
    return min(_once(task) for _ in range(3))


def _once(task: Callable[[], object]) -> float:
    begun = time.process_time()
    task()
    return time.process_time() - begun


def validated(folder: Path, n: int) -> float:
    """Return the CPU seconds of validating a file of `n` patients."""
    path = folder / f"{n}.csv"
    cases(n, 40).to_csv(path, index=False)
    return seconds(lambda: cp.validate(path))


def designed(levels: int) -> float:
    """Return the CPU seconds of laying a model on a typed table of two patients a level."""
    typed = cp.read_cases(cases(2 * levels, levels))
    return seconds(lambda: make_design(response(), typed))


def answered(levels: int) -> float:
    """Return the CPU seconds of the classical answers by a factor of two patients a level."""
    typed = cp.read_cases(cases(2 * levels, levels))
    return seconds(lambda: cp.classical(response(), typed, by="kind"))


def main() -> None:
    """Measure each at two sizes, and write them down."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        asked: list[tuple[str, str, Callable[[int], float], tuple[int, int]]] = [
            ("validate", "rows", lambda n: validated(Path(name), n), (5_000, 50_000)),
            ("make_design", "levels", designed, (100, 1_000)),
            ("classical, response", "levels", answered, (50, 500)),
        ]
        for task, unit, run, sizes in asked:
            few, many = (run(size) for size in sizes)
            rows.append((task, f"{sizes[0]:,} and {sizes[1]:,} {unit}", few, many, many / few))
    table = pd.DataFrame(rows, columns=["task", "sizes", "CPU s", "CPU s at ten times", "ratio"])
    said = "CPU seconds, the least of three runs in one process; a ratio of ten is linear growth. Of classical answers "
    said += "most at 500 levels is counting tables for an exact test, which it gives up at a limit."
    print(table.to_string(index=False))
    print(results.write("sizes", "How work grows with a table", said, {"Sizes": table}))


if __name__ == "__main__":
    main()
