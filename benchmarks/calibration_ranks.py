"""One table of a calibration: simulated, fitted, the truth ranked among the draws; and the journal of the finished."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.fingerprints import fingerprint, short
from benchmarks.reported import reported
from benchmarks.results import FOLDER
from benchmarks.simulated import simulate
from benchmarks.study import Study
from casepool.arguments import AUTO
from casepool.errors import CasepoolError
from casepool.inference.engines import Choice, Sampled, in_turn, run
from casepool.modelling import Design, make_design

SEEDS = (20261129, 20261130)
"""Of the run, and of the one that follows a failure; fixed before the first table."""
RANKED = 100
"""Draws among which the true value is ranked, evenly apart among those stored, so that they are nearly independent.

Of lockstep no two are of the same short chain.
"""
SETTINGS = {"draws": 1000, "chains": 4}
"""Those of `cp.fit`."""
JOURNAL = FOLDER / "calibration.jsonl"
NOBODY = "none"
"""Stands for the engine of a table that none could draw for."""


def sample(design: Design, seed: int, asked: str = AUTO) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Draw from a design's posterior as `cp.fit` does, and keep as many draws as are ranked.

    Returns
    -------
    dict of arrays (1, draws, ...), and which engine drew, the gates of those that declined, and how well it went.
    """

    def made(choice: Choice) -> Iterable[tuple[Choice, Sampled]]:
        yield choice, run(design, seed, SETTINGS, choice.engine, cores=1, progress=False)

    ((choice, sampled),) = in_turn(asked, SETTINGS, made, progress=False)
    kept = {}
    for name, values in sampled.drawn.parameters.items():
        whole = values.reshape(-1, *values.shape[2:])
        apart = len(whole) // RANKED
        kept[name] = whole[None, apart - 1 :: apart][:, :RANKED]
    refused = {engine: own["gate"] for engine, own in choice.refused.items()}
    went = {"verdict": sampled.convergence["verdict"], "ess": round(sampled.convergence["ess"])}
    return kept, {"engine": choice.engine, "refused": refused, **went}


def ranks_of(study: Study, number: int, seed: int, asked: str = AUTO) -> dict[str, Any]:
    """Simulate one table of a study, fit it, and rank the truth: ``ranks`` by quantity, and how it went."""
    table = simulate(study, np.random.default_rng([seed, *study.name.encode(), number]))
    design = make_design(table.model, table.frame)
    started = time.process_time()
    try:
        drawn, went = sample(design, seed + number, asked)
    except CasepoolError as error:  # the last engine gave up
        return {"engine": NOBODY, "refused": {}, "why": str(error), "ranks": {}}
    seconds = round(time.process_time() - started, 2)
    of_draws, of_truth = reported(study, design, table, drawn)
    ranks = {name: int((of_draws[name] < of_truth[name]).sum()) for name in of_truth}
    return {**went, "seconds": seconds, "ranks": ranks}


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


@dataclass(frozen=True)
class Kept:
    """The finished tables of one study under one seed, in order.

    Parameters
    ----------
    study : Study
    seed : int
    quantities : tuple of str
        What is ranked.
    entries : tuple of mapping
        One a table; its ``ranks`` in the order of the quantities, none where nobody drew.
    """

    study: Study
    seed: int
    quantities: tuple[str, ...]
    entries: tuple[Mapping[str, Any], ...]

    @property
    def ranked(self) -> list[Mapping[str, Any]]:
        """Those that have ranks."""
        return [entry for entry in self.entries if entry["ranks"]]

    @cached_property
    def ranks(self) -> dict[str, np.ndarray]:
        """The ranks of every quantity, arrays (tables,)."""
        columns = np.array([entry["ranks"] for entry in self.ranked], int).reshape(-1, len(self.quantities)).T
        return dict(zip(self.quantities, columns, strict=True))

    @property
    def engines(self) -> list[str]:
        """Those that drew, as named in the journal."""
        return sorted({entry["engine"] for entry in self.ranked})

    def by(self, engine: str) -> Kept:
        """Return the tables that one engine drew for."""
        return replace(self, entries=tuple(entry for entry in self.entries if entry["engine"] == engine))


@dataclass(frozen=True)
class Journal:
    """A journal of studies as the code, its priors and its engines are now.

    A line names the quantities of a study, once; any other is a table, its ranks in their order.

    Parameters
    ----------
    path : Path
    prints : mapping of str to str
        Fingerprint of every study.
    """

    path: Path
    prints: Mapping[str, str]

    @classmethod
    def of(cls, path: Path, studies: Iterable[Study]) -> Journal:
        """Open the journal of some studies."""
        return cls(path, {study.name: short(fingerprint(study)) for study in studies})

    def note(self, study: Study, number: int, seed: int, entry: Mapping[str, Any], *, named: bool) -> None:
        """Append one finished table, after the names of its quantities unless they are `named` already."""
        own = {"study": study.name, "fingerprint": self.prints[study.name]}
        if not named:
            note(self.path, {**own, "quantities": list(entry["ranks"])})
        note(self.path, {**own, "table": number, "seed": seed, **entry, "ranks": list(entry["ranks"].values())})

    def read(self, studies: Iterable[Study], seed: int, most: int | None = None) -> dict[str, Kept]:
        """Return what is finished of some studies under one seed, of the first `most` tables of each."""
        names: dict[str, tuple[str, ...]] = {}
        found: dict[str, dict[int, dict[str, Any]]] = {}
        for entry in read_journal(self.path):
            study = entry["study"]
            if self.prints.get(study) != entry["fingerprint"]:
                continue
            if "quantities" in entry:
                names[study] = tuple(entry["quantities"])
            elif entry["seed"] == seed:
                found.setdefault(study, {})[entry["table"]] = entry
        kept = {}
        for study in studies:
            entries = found.get(study.name, {})
            own = tuple(entries[number] for number in sorted(entries) if number < (most or study.tables))
            kept[study.name] = Kept(study, seed, names.get(study.name, ()), own)
        return kept
