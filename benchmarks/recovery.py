"""Ask whether the intervals of the response models cover what was true, and whether shrinkage pays.

Coverage: truths drawn from the prior, one table each, fitted, and every reported number's 95% interval compared
with the truth; the coverage must lie within the exact binomial 99.9% band around 95%. Error: at fixed true group
standard deviations, the mean squared error of raw, shrunk and completely pooled rates.

    uv run python -m benchmarks.recovery [--tables 1000] [--model NAME ...]
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np
import pandas as pd
from scipy import special, stats

import casepool as cp
from benchmarks import results
from casepool.inference.predictive import prior_draws, replicate
from casepool.modelling import Design, Model, make_design, model_from_dict

SEED = 20261123
SHAPE = {"patients": [9, 1, 15, 1, 1, 2, 1, 4, 6, 3], "levels": list("abcdefghij")}
"""Sizes like those of the bundled table's histologies and partners."""
TRUE_SDS = (0.0, 0.5, 1.0, 1.5, 2.5)
SETTINGS = {"draws": 1000, "tune": 1000, "chains": 4, "cores": 1, "progress": False}


def _model(borrowing: str) -> Model:
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


def _table(events: np.ndarray) -> pd.DataFrame:
    frame = pd.DataFrame({"level": SHAPE["levels"], "events": events.astype(int), "n": SHAPE["patients"]})
    frame.attrs["codebook"] = {
        "name": "simulated",
        "columns": {"level": {"type": "category"}, "events": {"type": "integer"}, "n": {"type": "integer"}},
    }
    return frame


def _truth(design: Design, drawn: dict[str, np.ndarray]) -> np.ndarray:
    """Return true probabilities by level."""
    eta = drawn.get("intercept", np.zeros((1, 1)))[..., None] + drawn.get("level_effect", 0.0)
    return np.broadcast_to(special.expit(eta), (1, 1, len(SHAPE["levels"])))[0, 0]


def coverage(borrowing: str, tables: int) -> pd.DataFrame:
    """Fit `tables` tables with truths from the prior, and count how often each 95% interval covers."""
    model = _model(borrowing)
    rng = np.random.default_rng(SEED)
    empty = make_design(model, _table(np.zeros(10)))
    hits: dict[str, list[bool]] = {}
    failed = 0
    for number in range(tables):
        drawn = prior_draws(empty, rng, (1, 1))
        outcome = replicate(empty, drawn, rng)[0, 0]
        fit = cp.fit(model, _table(outcome), seed=number, **SETTINGS)
        failed += '"fail"' in fit.attrs["convergence"]
        for name, values in fit["posterior"].to_dataset().data_vars.items():
            low, high = np.quantile(values.to_numpy(), [0.025, 0.975], axis=(0, 1))
            inside = (low <= drawn[str(name)][0, 0]) & (drawn[str(name)][0, 0] <= high)
            hits.setdefault(str(name), []).extend(np.atleast_1d(inside).tolist()[:1])
        truth = _truth(empty, drawn)
        by_level, everyone = cp.estimates(fit, "level").iloc[: len(truth)], cp.estimates(fit)
        for row, true in zip(by_level.itertuples(), truth, strict=True):
            hits.setdefault(f"P(response), level {row.level}", []).append(row.lower <= true <= row.upper)
        average = np.average(truth, weights=SHAPE["patients"])
        inside = everyone["lower"][0] <= average <= everyone["upper"][0]
        hits.setdefault("P(response), everyone", []).append(inside)
        if number % 50 == 0:
            print(f"{model.name}: {number} of {tables}", file=sys.stderr, flush=True)
    low, high = stats.binom.ppf([0.0005, 0.9995], tables, 0.95) / tables
    rows = [
        {"model": model.name, "number": name, "covered": np.mean(inside), "band": f"{low:.3f} to {high:.3f}",
         "inside": "yes" if low <= np.mean(inside) <= high else "NO", "tables": tables, "unconverged": failed}
        for name, inside in hits.items()
    ]  # fmt: skip
    return pd.DataFrame(rows)


def errors(tables: int) -> pd.DataFrame:
    """Mean squared error of raw, shrunk and pooled rates at fixed true spreads between levels."""
    partial = _model("partial")
    n = np.array(SHAPE["patients"], float)
    rows = []
    for sd in TRUE_SDS:
        rng = np.random.default_rng([SEED, int(10 * sd)])
        losses = []
        for number in range(tables):
            p = special.expit(rng.normal(0.5, 1.0) + sd * rng.standard_normal(len(n)))
            events = rng.binomial(n.astype(int), p)
            fit = cp.fit(partial, _table(events), seed=number, **SETTINGS)
            shrunk = cp.estimates(fit, "level")["mean"].to_numpy()
            losses.append(
                [((q - p) ** 2).mean() for q in (events / n, shrunk, np.full(len(n), events.sum() / n.sum()))]
            )
        raw, own, pooled = np.mean(losses, axis=0)
        error = np.std(np.diff(losses, axis=1), axis=0) / np.sqrt(tables)
        verdict = "yes" if own <= raw and (sd < 1 or own < pooled) else "NO"
        rows.append(
            {"true sd": sd, "raw": raw, "shrunk": own, "pooled": pooled, "MC error of shrunk - raw": error[0],
             "MC error of pooled - shrunk": error[1], "as promised": verdict, "tables": tables}
        )  # fmt: skip
        print(f"errors at sd {sd}: raw {raw:.4f} shrunk {own:.4f} pooled {pooled:.4f}", file=sys.stderr, flush=True)
    return pd.DataFrame(rows)


def main() -> None:
    """Run what the command line asks for and write the dated result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=int, default=1000)
    parser.add_argument("--model", nargs="*", default=["partial", "robust", "exnex", "none", "complete"])
    asked = parser.parse_args()
    started = time.perf_counter()
    found = pd.concat([coverage(borrowing, asked.tables) for borrowing in asked.model], ignore_index=True)
    loss = errors(max(asked.tables // 2, 1))
    said = (
        f"Seed {SEED}, {asked.tables} tables a model, levels of {SHAPE['patients']} patients, {SETTINGS['chains']} "
        f"chains of {SETTINGS['draws']} draws; {time.perf_counter() - started:.0f} s. Of a vector parameter the "
        "first entry is counted."
    )
    print(
        results.write(
            "recovery",
            "Recovery of the response models",
            said,
            {"Coverage of 95% intervals": found, "Mean squared error of rates": loss},
        )
    )


if __name__ == "__main__":
    main()
