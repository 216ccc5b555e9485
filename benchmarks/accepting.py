"""One table of the count of false accepts: drawn, fitted by the engines in turn, and laid against the reference."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from benchmarks import engines
from benchmarks.engines import REFERENCE, Refused
from benchmarks.reported_numbers import Numbers, numbers, worst
from benchmarks.simulated_tables import HARD, USUAL, simulated
from benchmarks.structures import Structure, structures
from casepool.errors import CasepoolError
from casepool.inference import diagnostics
from casepool.inference.evidence import fingerprint
from casepool.modelling import make_design

HALVES = ("prior", "hard")
"""Where tables come from: drawn from the model's prior, or made hard."""
ENOUGH, FIRST, MOST = 4_000, 1_500, 20_000
"""Effective draws asked of every parameter of the reference; draws of each of its four chains first, and at most."""
TIMES = 10
"""By how much draws are multiplied where a table is suspect."""
CAREFUL = {"tune": 3_000, "target_accept": 0.998}
"""Settings of a run of the reference after one that failed its checks, which was retried at 0.99 already."""
Fit = Callable[..., xr.DataTree]


def judged(structure: Structure, half: str, number: int, seed: int, asked: Sequence[str], fit: Fit) -> dict[str, Any]:
    """Draw one table, and say what became of it.

    Parameters
    ----------
    structure : Structure
    half : str
        One of `HALVES`.
    number, seed : int
        Of the table, and of the whole count.
    asked : sequence of str
        Engines, in turn.
    fit : callable
        As `engines.fit`.

    Returns
    -------
    dict
        ``outcome``: "agrees", "false" (off, and still off with ten times the draws), "refused" (by every engine),
        "no reference" (set aside) or "unusable" (the table is refused as such); with the ``engine`` that accepted, the
        gates of those that did not (``refused``), whether it was ``suspect``, what was off most, and CPU ``seconds``.
    """
    rng = np.random.default_rng([seed, *structure.name.encode(), HALVES.index(half), number])
    how = str(rng.choice(list(HARD))) if half == "hard" else ""
    entry = {"structure": structure.name, "half": half, "number": number, "seed": seed, "how": how}
    started = time.process_time()
    try:
        frame = simulated(structure, HARD[how] if how else USUAL, rng)
        make_design(structure.model, frame)
    except CasepoolError as error:
        return {**entry, "outcome": "unusable", "why": str(error), "seconds": 0.0}
    found = _laid_against(structure, frame, int(rng.integers(2**30)), asked, fit)
    return {**entry, **found, "seconds": round(time.process_time() - started, 2)}


def _laid_against(
    structure: Structure, frame: pd.DataFrame, seed: int, asked: Sequence[str], fit: Fit
) -> dict[str, Any]:
    """Fit a table, and once more with more draws where it is suspect."""
    refused: dict[str, str] = {}
    started = time.process_time()
    for engine in asked:
        try:
            candidate = numbers(fit(engine, structure.model, frame, seed=seed))
            break
        except Refused as refusal:
            refused[engine] = refusal.gate
    else:
        return {"outcome": "refused", "refused": refused}
    told = {"engine": engine, "refused": refused, "engine_seconds": round(time.process_time() - started, 2)}
    known, draws = reference(structure, frame, seed + 1)
    if known is None:
        return {"outcome": "no reference", **told}
    what, off = worst(candidate, known)
    first = {"suspect": off > 1, "off": round(off, 3), "what": what, **told}
    if off <= 1:
        return {"outcome": "agrees", **first}
    known, _ = reference(structure, frame, seed + 2, draws=TIMES * draws)
    if known is None:
        return {"outcome": "no reference", **first}
    with suppress(Refused):  # what it accepted before stands
        candidate = numbers(fit(engine, structure.model, frame, seed=seed + 3, draws=TIMES * 1000))
    what, off = worst(candidate, known)
    return {"outcome": "false" if off > 1 else "agrees", **first, "off_again": round(off, 3), "what_again": what}


def reference(
    structure: Structure, frame: pd.DataFrame, seed: int, *, draws: int = FIRST
) -> tuple[Numbers | None, int]:
    """Return the numbers of a run of the reference that passes its own checks, and draws of a chain; None without one.

    Draws are multiplied until every parameter has effective ones enough, up to `MOST` or `draws`; a run that fails its
    checks is followed by one of smaller steps.
    """
    most, careful = max(MOST, draws), False
    while True:
        settings: Mapping[str, Any] = CAREFUL if careful else {}
        try:
            fit = engines.fit(REFERENCE, structure.model, frame, seed=seed, draws=draws, **settings)
        except Refused:
            if careful:
                return None, draws
            careful = True
            continue
        posterior = fit["posterior"].to_dataset().data_vars.values()
        ess = min(float(np.nanmin(diagnostics.ess_bulk(own.to_numpy()))) for own in posterior)
        if ess >= ENOUGH or draws >= most:
            return (numbers(fit) if ess >= ENOUGH else None), draws
        draws = min(most, int(1.2 * draws * ENOUGH / ess) + 1)


@cache
def known_structures() -> dict[str, Structure]:
    """Return every structure by name, made once."""
    return structures()


@cache
def of_this() -> str:
    """Return a few letters that change with the engines' source, and with that of what draws and judges tables."""
    here = Path(__file__).parent
    own = ("accepting.py", "engines.py", "reported_numbers.py", "simulated_tables.py", "structures.py")
    texts = [(here / name).read_text(encoding="utf-8") for name in own]
    return f"{fingerprint()} {hashlib.sha256(json.dumps(texts).encode()).hexdigest()[:8]}"
