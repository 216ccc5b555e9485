"""Ask whether the same seed draws the same in fresh processes, whatever the cores and whatever the compiler has stored.

    uv run python -m benchmarks.same_seed [--processes 20]

Every process is new. They alternate between 1 and 2 cores, and between an empty store of compiled code and one that
earlier processes have filled. Compared is the SHA-256 of every draw of every parameter of each model.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from benchmarks import results

MODELS = ("objective_response_by_age_group", "overall_survival")
SEED = 20261127
CORES = (1, 2)
STORES = ("empty", "filled")


def digests(cores: int) -> dict[str, str]:
    """Fit every model in this process, and digest its draws."""
    import casepool as cp

    found = {}
    for name in MODELS:
        fit = cp.fit(name, "alk_crizotinib", seed=SEED, cores=cores, progress=False)
        posterior = fit["posterior"].to_dataset()
        whole = hashlib.sha256()
        for variable in sorted(map(str, posterior.data_vars)):
            values = posterior[variable].transpose("chain", "draw", ...).to_numpy()
            whole.update(f"{variable} {values.shape} ".encode() + values.astype("<f8").tobytes())
        found[name] = whole.hexdigest()
    return found


def in_a_fresh_process(cores: int, store: Path) -> dict[str, str]:
    """Return the digests of a new process with its compiled code in `store`."""
    flags = os.environ.get("PYTENSOR_FLAGS", "")
    own = os.environ | {"PYTENSOR_FLAGS": f"{flags},base_compiledir={store}".strip(",")}
    command = [sys.executable, "-m", "benchmarks.same_seed", "--one", str(cores)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=own)
    found: dict[str, str] = json.loads(done.stdout)
    return found


def main() -> None:
    """Start the processes one after the other, and write the dated result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, default=20)
    parser.add_argument("--one", type=int, help="fit here, with so many cores, and print the digests")
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(digests(asked.one)))
        return
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(asked.processes):
            cores, store = CORES[number % 2], STORES[number // 2 % 2]
            place = Path(folder) / ("shared" if store == "filled" else f"own{number}")
            if store == "filled" and not place.exists():
                in_a_fresh_process(1, place)  # fills it; not counted
            started = time.perf_counter()
            found = in_a_fresh_process(cores, place)
            rows.append({"process": number + 1, "cores": cores, "store": store} | found)
            print(f"{rows[-1]} {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)
    table = pd.DataFrame(rows)
    same = {name: int((table[name] == table[name].iloc[0]).sum()) for name in MODELS}
    for name in MODELS:
        table[name] = table[name].str[:16]
    said = (
        f"Seed {SEED}, default settings, {os.cpu_count()} processors. "
        + "; ".join(f"{name}: {n} of {len(table)} processes drew the same" for name, n in same.items())
        + ". The columns hold the first 16 digits of the SHA-256 of all draws."
    )
    print(results.write("same_seed", "The same seed in fresh processes", said, {"Processes": table}))


if __name__ == "__main__":
    main()
