"""Mutated tables against an independent judge, and hostile files, command lines and names against the documents.

``python -m benchmarks.fuzzing`` mutates the bundled tables;
``python -m benchmarks.fuzzing --kind KIND --count N --seed S`` makes N of a kind (workbook,
parquet, model, codebook, command, name), each from its kind, the seed and its number.

Harmful and arbitrary mutations of the bundled tables may end in our own refusals only, and in one wherever the judge of
`benchmarks.fuzz_oracle` asks for it; harmless ones must give the same design.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, Phase, given, settings

import casepool as cp
from benchmarks.fuzz_mutations import DATA, Table, harmful, harmless
from benchmarks.fuzz_oracle import ACCEPT, REFUSE, Ruling
from benchmarks.hostile_runs import KINDS, hostile_run
from benchmarks.results import write
from casepool.cases.codebook import read_codebook
from casepool.inference import sampling
from casepool.modelling import make_design, model, model_from_dict


def _of_trials() -> Any:
    plain = tomllib.loads(model("basket_pooled").to_toml())
    plain["terms"] = {"trial": plain["terms"]["histology"] | {"column": "trial"}}
    return model_from_dict(plain, name="trials")


@dataclass
class Subject(Table):
    """A bundled table and the models laid on it (each by what the judge calls it)."""

    models: dict[str, Any]

    def __post_init__(self) -> None:
        super().__post_init__()
        self.book_text = (DATA / self.name / "codebook.toml").read_bytes()
        self.codebook = read_codebook(DATA / self.name / "codebook.toml")
        cases = cp.read_cases(DATA / self.name)
        self.designs = {name: canonical(make_design(m, cases)) for name, m in self.models.items()}


def subjects() -> list[Subject]:
    """Return the bundled tables; the one with every kind of column is mutated four times as often as another."""
    alk = Subject("alk_crizotinib", {"response": model("objective_response"), "survival": model("overall_survival")})
    trials = Subject("alk_imt_trials", {"counts": _of_trials()})
    return [alk] * 4 + [trials, Subject("sarcoma_imatinib", {"counts": model("basket_pooled")})]


def canonical(design: Any) -> dict[str, Any]:
    """Return what a design says of each patient by name, and of the whole in a fixed order."""
    rows: dict[str, list[Any]] = {patient: [] for patient in design.patients}
    for i, patient in enumerate(design.patient_of_row):
        terms = [_row_of(name, term, i) for name, term in sorted(design.terms.items())]
        times = [x[i] for x in (design.switch, design.event_time) if len(x)]
        rows[design.patients[patient]].append(repr((float(design.log_weight[i]), [float(t) for t in times], terms)))
    per = {**design.outcome, "exposed": design.exposed, "earliest": design.earliest, "latest": design.latest}
    return {
        "patients": {
            name: (sorted(rows[name]), {key: repr(float(x[i])) for key, x in per.items() if len(x)})
            for i, name in enumerate(design.patients)
        },
        "left out": dict(design.left_out),
        "terms": {
            name: (sorted(t.coded.levels), t.coded.coefficients, sorted(np.ravel(t.recorded).tolist()), t.incomplete)
            for name, t in design.terms.items()
        },
    }


def _row_of(name: str, term: Any, i: int) -> tuple[Any, ...]:
    matrix = [float(x) for x in np.ravel(term.matrix[i])]
    labels = term.coded.levels if len(term.coded.levels) == len(matrix) else range(len(matrix))
    share = int(term.share[i])
    return name, sorted(zip(map(str, labels), matrix, strict=True)), float(term.node[i]), share


@dataclass
class Outcome:
    """What became of one table: the verdict of the judge, whether it was refused, disagreements, seconds."""

    verdict: str
    refused: bool
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0


def examined(subject: Subject, data: bytes, path: Path) -> Outcome:
    """Read a mutated file, lay the models on it, and hold what happens against the judge."""
    path.write_bytes(data)
    path.with_name("codebook.toml").write_bytes(subject.book_text)
    ruling, values = subject.judge.reading(data)
    started = time.perf_counter()
    found = cp.validate(path, subject.codebook)
    errors = found[found["severity"] == "error"]
    cases = _or_refusal(cp.read_cases, path, subject.codebook)
    refused = isinstance(cases, cp.CasepoolError)
    designs = {} if refused else {k: _or_refusal(make_design, m, cases) for k, m in subject.models.items()}
    outcome = Outcome(ruling.verdict, refused, _compared(ruling, cases, errors), time.perf_counter() - started)
    for name, design in designs.items():
        if ruling.verdict == ACCEPT:
            said = subject.judge.design(values, name)
            outcome.wrong += _compared(said, design, None)
            outcome.verdict = max(outcome.verdict, said.verdict, key=[ACCEPT, "either", REFUSE].index)
        outcome.refused |= isinstance(design, cp.CasepoolError)
    for name, fitted in subject.models.items():
        bad = refused or isinstance(designs[name], cp.CasepoolError)
        if bad and _goes_on_to_sample(fitted, path.parent):
            outcome.wrong.append(f"sampling began: {name}")
    return outcome


class SampledError(Exception):
    """A fit got as far as its graph."""


def _goes_on_to_sample(fitted: Any, folder: Path) -> bool:
    """Tell whether `fit` of a folder gets to compiling, which comes before the first draw."""
    with mock.patch.object(sampling, "compiled_graph", side_effect=SampledError):
        try:
            cp.fit(fitted, folder, seed=1, progress=False)
        except SampledError:
            return True
        except cp.CasepoolError:
            return False
    raise AssertionError("a fit without a graph")


def _or_refusal(function: Callable[..., Any], *given: Any) -> Any:
    """Call, and return our own error; any other one is the finding and passes."""
    try:
        return function(*given)
    except cp.CasepoolError as error:
        return error


def _compared(ruling: Ruling, result: Any, errors: pd.DataFrame | None) -> list[str]:
    refused = isinstance(result, cp.CasepoolError)
    wrong = []
    if errors is not None and refused != bool(len(errors)):
        wrong.append(f"read_cases and validate disagree: {result}")
    if ruling.verdict == REFUSE and not refused:
        wrong.append(f"accepted in silence: {sorted(ruling.refused)}")
    if ruling.verdict == ACCEPT and refused:
        wrong.append(f"refused without need: {result}")
    if ruling.verdict == REFUSE and refused and ruling.exact and errors is not None:
        told = {"" if pd.isna(column) else column for column in errors["column"]}
        if "" not in ruling.refused | ruling.open and (told ^ ruling.refused) - ruling.open:
            wrong.append(f"columns told {sorted(told)}, of the judge {sorted(ruling.refused)}")
    return wrong


def unchanged(subject: Subject, data: bytes, path: Path) -> Outcome:
    """Read a harmlessly changed file and compare its designs with the original's."""
    path.write_bytes(data)
    started = time.perf_counter()
    cases = cp.read_cases(path, subject.codebook)
    designs = {name: make_design(m, cases) for name, m in subject.models.items()}
    outcome = Outcome(ACCEPT, False, seconds=time.perf_counter() - started)
    outcome.wrong = [f"another design: {k}" for k, d in designs.items() if canonical(d) != subject.designs[k]]
    return outcome


def run(strategy: Any, judge: Callable[..., Outcome], path: Path, n: int, seen: Callable[..., None]) -> None:
    """Draw n tables, always the same ones, and hand each outcome on; nothing is shrunk or remembered."""

    @settings(
        max_examples=n,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(drawn=strategy)
    def one(drawn: tuple[Subject, bytes, list[str]]) -> None:
        subject, data, kinds = drawn
        seen(subject, data, kinds, judge(subject, data, path))

    one()


def tally(strategy: Any, judge: Callable[..., Outcome], path: Path, n: int) -> tuple[pd.DataFrame, list[str]]:
    """Run n tables; return counts by verdict and what happened, with the slowest, and every disagreement."""
    outcomes: list[Outcome] = []
    wrong: list[str] = []

    def seen(subject: Subject, _: bytes, kinds: list[str], outcome: Outcome) -> None:
        outcomes.append(outcome)
        wrong.extend(f"{subject.name}, {' + '.join(kinds)}: {said}" for said in outcome.wrong)

    run(strategy, judge, path, n, seen)
    counts = Counter((o.verdict, "refused" if o.refused else "accepted") for o in outcomes)
    rows = [
        {
            "judge": verdict,
            "casepool": did,
            "tables": count,
            "slowest (s)": max(o.seconds for o in outcomes if (o.verdict, o.refused) == (verdict, did == "refused")),
        }
        for (verdict, did), count in sorted(counts.items())
    ]
    return pd.DataFrame(rows), wrong


def tables(harmful_ones: int, harmless_ones: int) -> list[str]:
    """Mutate the bundled tables, write the results, and return the disagreements with the judge."""
    bundled = subjects()
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "cases.csv"
        bad, wrong = tally(harmful(bundled), examined, path, harmful_ones)
        good, other = tally(harmless(bundled), unchanged, path, harmless_ones)
    disagreements = pd.DataFrame({"disagreement": (wrong + other) or ["none"]})
    said = (
        f"{sum(bad['tables'])} tables with one to three harmful or arbitrary mutations, and "
        f"{good['tables'].sum()} with one to four harmless ones, of the three bundled tables. Any exception "
        "but our own ends the run. `either` is where the documents leave the answer open. Seconds are those "
        "of `validate` (harmful tables only), `read_cases` and `make_design`. Of every refused table a fit "
        "was asked for too; one that got to compiling its graph, which comes before the first draw, would "
        "stand below. The judge (`benchmarks/fuzz_oracle.py`) shares no code with casepool, but was written "
        "with its docstrings at hand. Of a file refused as a whole (a row of another width, quotes, bytes) "
        "the columns are not compared."
    )
    write("fuzzing", "Mutated tables", said, {"Harmful": bad, "Harmless": good, "Disagreements": disagreements})
    return wrong + other


def main() -> None:
    """Run it all and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=["table", *KINDS], default="table")
    parser.add_argument("--count", type=int, default=1000, help="how many files, lines or names of a kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first one, to look at one of them again")
    parser.add_argument("--harmful", type=int, default=5000)
    parser.add_argument("--harmless", type=int, default=1000)
    asked = parser.parse_args()
    logging.getLogger("casepool").setLevel(logging.CRITICAL)
    if asked.kind == "table":
        wrong = tables(asked.harmful, asked.harmless)
    else:
        wrong = hostile_run(asked.kind, asked.seed, range(asked.first, asked.first + asked.count))
    raise SystemExit(bool(wrong))


if __name__ == "__main__":
    main()
