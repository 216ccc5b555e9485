"""Fit a bundled model by one engine and print its table: casepool_fit.py MODEL DATASET ENGINE [REFITS].

Refits follow in the same process with other seeds, and CPU seconds of each, its table included, are printed last.
"""

import sys
import time

import casepool as cp


def fitted(model: str, dataset: str, engine: str, seed: int) -> str:
    """Fit, and lay out the default table."""
    fit = cp.fit(model, dataset, seed=seed, engine=engine, progress=False)
    table = cp.survival(fit) if cp.model(model).is_survival else cp.estimates(fit, "histology")
    return str(table.to_string())


def main(model: str, dataset: str, engine: str, refits: str = "0") -> None:
    """Print the table, and the refits' seconds."""
    print(fitted(model, dataset, engine, 1))
    seconds = []
    for number in range(int(refits)):
        started = time.process_time()
        fitted(model, dataset, engine, 2 + number)
        seconds.append(time.process_time() - started)
    if seconds:
        print(*seconds)


main(*sys.argv[1:])
