"""Adverse events simulated from a study's prior, by the equations as METHODS states them: who tells, and of what."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import special

from benchmarks.simulated_effects import Levels, Values, predictor
from benchmarks.study import TIME, Study


def events(
    study: Study, frame: pd.DataFrame, true: Values, levels: Levels, rng: np.random.Generator
) -> tuple[pd.DataFrame, np.ndarray]:
    """Draw events of every row, told of or not, and return the table beside each row's probability of an event.

    Of a type in a list of those seen: as many as patients told of, drawn until there is one. Of cells: a unit tells of
    all its events or of none, and one without events is as silent as one that does not tell.
    """
    rows, table = frame.to_dict("records"), frame.copy()
    terms = study.model.terms
    eta = [predictor(study, {name: row[term.source] for name, term in terms.items()}, true, levels) for row in rows]
    eta = true["intercept"] + np.ravel(eta)
    if study.rows == "type":
        p = special.expit(eta)
        drawn = [at_least_one(row["n"], p_told, rng) for row, p_told in zip(rows, true["reporting"] * p, strict=True)]
        table["events"] = pd.Series(drawn, index=frame.index).astype(frame["events"].dtype)
        return table, p
    p = -np.expm1(-np.exp(eta) * frame[TIME].to_numpy(float))
    happened = pd.Series(rng.random(len(p)) < p, index=frame.index)
    tells = {unit: rng.random() < true["reporting"] for unit in frame["unit"].unique()}
    told = frame["unit"].map(tells).astype(bool) & happened.groupby(frame["unit"]).transform("any")
    table["told"] = told.astype(frame["told"].dtype)
    table["events"] = (happened & told).astype(frame["events"].dtype)
    return table, p


def at_least_one(n: int, p: float, rng: np.random.Generator) -> int:
    """Draw how many of `n` had an event, given that there is one (the first of them at a uniform place among those)."""
    first = 1 + int(np.floor(np.log1p(-rng.random() * -np.expm1(n * np.log1p(-p))) / np.log1p(-p)))
    first = min(first, n)
    return 1 + int(rng.binomial(n - first, p))
