"""Ask whether the intervals of the response models cover what was true, and whether shrinkage pays.

Coverage: truths drawn from the prior, one table each, fitted, and every reported number's 95% interval compared
with the truth; the coverage must lie within the exact binomial 99.9% band around 95%. Error: at fixed true group
standard deviations, the mean squared error of raw, shrunk and completely pooled rates.

    uv run python -m benchmarks.recovery [--tables 1000] [--part NAME ...]

Each part writes its own dated file, so that a fault or a kill loses one part only.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import special, stats

import casepool as cp
from benchmarks import results
from casepool.inference.predictive import prior_draws, replicate
from casepool.modelling import Model, make_design, model_from_dict

SEED = 20261123
SHAPE = {"patients": [9, 1, 15, 1, 1, 2, 1, 4, 6, 3], "levels": list("abcdefghij")}
"""Sizes like those of the bundled table's histologies and partners."""
JOURNAL = Path(__file__).parent / "recovery_errors.jsonl"
TRUE_SDS = (0.0, 0.5, 1.0, 1.5, 2.5)
CATEGORIES = ("PD", "SD", "PR", "CR")
SETTINGS = {"draws": 1000, "tune": 1000, "chains": 4, "cores": 1, "progress": False}


def _model(part: str) -> Model:
    return _ordinal() if part == "ordinal" else _bernoulli(part)


def _ordinal() -> Model:
    plain = {
        "family": "ordinal",
        "outcome": {"column": "best_response", "levels": list(CATEGORIES), "success": ["PR", "CR"]},
        "terms": {"level": {"kind": "group", "borrowing": "partial"}},
        "priors": {
            "first_cutpoint": {"dist": "Normal", "mu": -2.0, "sigma": 1.5, "why": "benchmark"},
            "cutpoint_gap": {"dist": "Gamma", "alpha": 2.0, "beta": 1.0, "why": "benchmark"},
            "level_sd": {"dist": "HalfNormal", "sigma": 1.0, "why": "benchmark"},
        },
    }
    return model_from_dict(plain, name="ordinal, partial")


def _bernoulli(borrowing: str) -> Model:
    normal = {"dist": "Normal", "why": "benchmark"}
    priors = {
        "intercept": {**normal, "mu": 0.5, "sigma": 1.0},
        "level_sd": {"dist": "HalfNormal", "sigma": 1.0, "why": "b"},
    }
    if borrowing in ("none", "exnex"):
        priors["level_own"] = {**normal, "mu": 0.5, "sigma": 1.5}
    if borrowing == "none":
        priors = {"level_own": priors["level_own"]}
    if borrowing == "complete":
        priors.pop("level_sd")
    plain = {
        "family": "bernoulli",
        "outcome": {"events": "events", "n": "n"},
        "terms": {"level": {"kind": "group", "borrowing": borrowing}},
        "priors": priors,
    }
    return model_from_dict(plain, name=f"bernoulli, {borrowing}")


def _table(model: Model, outcome: np.ndarray) -> pd.DataFrame:
    """Lay out simulated outcomes: events by level, or one row per patient with its category."""
    if model.is_ordinal:
        frame = pd.DataFrame({"level": np.repeat(SHAPE["levels"], SHAPE["patients"])})
        frame["best_response"] = [CATEGORIES[int(k)] for k in outcome]
        types = {"level": "category", "best_response": "category"}
    else:
        frame = pd.DataFrame({"level": SHAPE["levels"], "events": outcome.astype(int), "n": SHAPE["patients"]})
        types = {"level": "category", "events": "integer", "n": "integer"}
    frame.attrs["codebook"] = {"name": "simulated", "columns": {k: {"type": v} for k, v in types.items()}}
    return frame


def _truth(model: Model, drawn: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return true probabilities (levels,) of success, or of every category and every "at least" a category."""
    effect = drawn.get("level_effect", np.zeros((1, 1, len(SHAPE["levels"]))))[0, 0]
    if not model.is_ordinal:
        return {"": special.expit(drawn["intercept"][0, 0] + effect if "intercept" in drawn else effect)}
    cuts = drawn["first_cutpoint"][0, 0] + np.concatenate([[0.0], np.cumsum(drawn["cutpoint_gap"][0, 0])])
    better = special.expit(effect - cuts[:, None])  # P(better than category k), worst first
    whole = np.vstack([np.ones_like(effect), better, np.zeros_like(effect)])
    single = dict(zip(CATEGORIES, whole[:-1] - whole[1:], strict=True))
    return single | {f"at least {c}": p for c, p in zip(CATEGORIES[1:], better, strict=True)}


def coverage(part: str, tables: int) -> pd.DataFrame:
    """Fit `tables` tables with truths from the prior, and count how often each 95% interval covers."""
    model = _model(part)
    rng = np.random.default_rng(SEED)
    patients = sum(SHAPE["patients"]) if model.is_ordinal else len(SHAPE["levels"])
    empty = make_design(model, _table(model, np.zeros(patients)))
    hits: dict[str, list[bool]] = {}
    failed = 0
    for number in range(tables):
        drawn = prior_draws(empty, rng, (1, 1))
        outcome = replicate(empty, drawn, rng)[0, 0]
        fit = cp.fit(model, _table(model, outcome), seed=number, **SETTINGS)
        failed += '"fail"' in fit.attrs["convergence"]
        for name, values in fit["posterior"].to_dataset().data_vars.items():
            low, high = np.quantile(values.to_numpy(), [0.025, 0.975], axis=(0, 1))
            inside = (low <= drawn[str(name)][0, 0]) & (drawn[str(name)][0, 0] <= high)
            hits.setdefault(str(name), []).append(bool(np.atleast_1d(inside)[0]))
        truth = _truth(model, drawn)
        at_level = {(level, at): p[i] for at, p in truth.items() for i, level in enumerate(SHAPE["levels"])}
        overall = {("everyone", at): np.average(p, weights=SHAPE["patients"]) for at, p in truth.items()}
        for row in (*cp.estimates(fit, "level").itertuples(), *cp.estimates(fit).itertuples()):
            true = {**at_level, **overall}.get((row.level, row.at))
            if true is not None:  # no row of another kind, as the probability of being exchangeable
                name = f"P({row.at or 'response'}), {row.level}"
                hits.setdefault(name, []).append(row.lower <= true <= row.upper)
        if number % 50 == 0:
            print(f"{model.name}: {number} of {tables}", file=sys.stderr, flush=True)
    low, high = stats.binom.ppf([0.0005, 0.9995], tables, 0.95) / tables
    assert all(len(inside) == tables for inside in hits.values())
    rows = [
        {"model": model.name, "number": name, "covered": np.mean(inside), "band": f"{low:.3f} to {high:.3f}",
         "inside": "yes" if low <= np.mean(inside) <= high else "NO", "tables": tables, "unconverged": failed}
        for name, inside in hits.items()
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _journal() -> dict[str, list[float]]:
    """Read the losses of finished tables, passing over a line cut short."""
    lines = JOURNAL.read_text(encoding="utf-8").splitlines() if JOURNAL.exists() else []
    entries = [json.loads(line) for line in lines if line.endswith("}")]
    return {entry["key"]: entry["losses"] for entry in entries}


def errors(tables: int) -> pd.DataFrame:
    """Mean squared error of raw, shrunk and pooled rates at fixed true spreads between levels.

    Every finished table is kept in a journal, so that a run cut short goes on where it stopped; remove it when the
    package has changed what a fit draws.
    """
    partial, done = _model("partial"), _journal()
    n = np.array(SHAPE["patients"], float)
    rows = []
    for sd in TRUE_SDS:
        rng = np.random.default_rng([SEED, int(10 * sd)])
        losses = []
        for number in range(tables):
            p = special.expit(rng.normal(0.5, 1.0) + sd * rng.standard_normal(len(n)))
            events = rng.binomial(n.astype(int), p)
            key = json.dumps([SEED, sd, number])
            if key not in done:
                fit = cp.fit(partial, _table(partial, events), seed=number, **SETTINGS)
                shrunk = cp.estimates(fit, "level")["mean"].to_numpy()
                rates = (events / n, shrunk, np.full(len(n), events.sum() / n.sum()))
                done[key] = [((q - p) ** 2).mean() for q in rates]
                with JOURNAL.open("a", encoding="utf-8") as file:
                    file.write(json.dumps({"key": key, "losses": done[key]}) + "\n")
            losses.append(done[key])
        raw, own, pooled = np.mean(losses, axis=0)
        error = np.std(np.diff(losses, axis=1), axis=0) / np.sqrt(tables)
        verdict = "yes" if own <= raw and (sd < 1 or own < pooled) else "NO"
        rows.append(
            {"true sd": sd, "raw": raw, "shrunk": own, "pooled": pooled, "MC error of shrunk - raw": error[0],
             "MC error of pooled - shrunk": error[1], "as promised": verdict, "tables": tables}
        )  # fmt: skip
        print(f"errors at sd {sd}: raw {raw:.4f} shrunk {own:.4f} pooled {pooled:.4f}", file=sys.stderr, flush=True)
    return pd.DataFrame(rows)


PARTS = ("partial", "robust", "exnex", "none", "complete", "ordinal", "errors")


def run(part: str, tables: int) -> None:
    """Run one part and write its dated result."""
    started = time.perf_counter()
    if part == "errors":
        title, found = "Mean squared error of the rates of partial borrowing", errors(tables)
    else:
        title, found = f"Coverage of 95% intervals: {_model(part).name}", coverage(part, tables)
    said = (
        f"Seed {SEED}, {tables} tables, levels of {SHAPE['patients']} patients, {SETTINGS['chains']} chains of "
        f"{SETTINGS['draws']} draws; {time.perf_counter() - started:.0f} s. Of a vector parameter the first entry "
        "is counted. The band is the exact binomial 99.9% band of one number, whatever the number of numbers."
    )
    print(results.write(f"recovery_{part}", f"Recovery of the response models: {part}", said, {title: found}))


def main() -> None:
    """Run the parts the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=int, default=1000)
    parser.add_argument("--part", nargs="*", default=PARTS, choices=PARTS)
    asked = parser.parse_args()
    for part in asked.part:
        run(part, asked.tables)


if __name__ == "__main__":
    main()
