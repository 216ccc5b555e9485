"""Tables simulated from a study's prior, and what is true of them: by formulas of their own, not by the package's.

Only the draws of the parameters are the package's (`prior_draws`); outcomes, dates, censoring and the true values of
what is reported are written here, in `simulated_effects.py` and in `simulated_survival.py` from the models' equations
as METHODS states them, so that a fault of the package's likelihood does not appear on both sides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import special

from benchmarks.simulated_effects import Levels, Row, Values, covariates, predictor, ways
from benchmarks.simulated_events import events
from benchmarks.simulated_survival import followed, true_survival
from benchmarks.study import Study
from casepool.inference.predictive import prior_draws
from casepool.modelling import Model

CATEGORIES = ("PD", "SD", "PR", "CR")


@dataclass(frozen=True)
class Simulated:
    """One table and its truth.

    Parameters
    ----------
    frame : pandas.DataFrame
    parameters : mapping of str to array
        True parameters, without axes for chains and draws.
    estimands : mapping of str to float
        True values of what is reported.
    model : Model
        The study's, of a table's own trials where these share a model with the cases.
    """

    frame: pd.DataFrame
    parameters: Values
    estimands: Mapping[str, float]
    model: Model


def simulate(study: Study, rng: np.random.Generator) -> Simulated:
    """Draw parameters from the prior, and a table from them."""
    frame, design = study.patients(), study.design
    levels = {name: term.coded.levels for name, term in design.terms.items()}
    while True:
        drawn = {name: np.asarray(values)[0, 0] for name, values in prior_draws(design, rng, (1, 1)).items()}
        seen, whole = covariates(study, frame, drawn, levels, rng)
        # a table without one of the labels has another structure; leaving it out leaves ranks uniform, since it
        # conditions on what is seen
        labels = [term.source for name, term in study.model.terms.items() if levels[name] and not term.reads_numbers]
        if all(seen[column].nunique() == frame[column].nunique() for column in labels):
            break
    model = _with_trials(study.model, drawn, rng)
    if study.survival:
        table = followed(study, seen, whole, drawn, levels, rng)
        return Simulated(table, drawn, true_survival(study, table, drawn, levels), model)
    if study.rows:
        table, p = events(study, seen, drawn, levels, rng)
        return Simulated(table, drawn, {"response, everyone": float(np.average(p, weights=table["n"]))}, model)
    table = _responses(study, seen, whole, drawn, levels, rng)
    return Simulated(table, drawn, _true_responses(study, table, drawn, levels), model)


def _with_trials(model: Model, true: Values, rng: np.random.Generator) -> Model:
    """Draw the counts of trials that are exchangeable with the cases."""
    if model.trials is None or not model.joins_trials:
        return model
    rates = special.expit(true["trials_mean"] + true["trials_effect"])
    drawn = [(name, int(rng.binomial(n, p)), n) for (name, _, n), p in zip(model.trials.studies, rates, strict=True)]
    return replace(model, trials=replace(model.trials, studies=tuple(drawn)))


def chances(study: Study, row: Row, true: Values, levels: Levels) -> np.ndarray:
    """Probability of each category of one patient, averaged over what is missing, as published."""
    total = np.zeros(1)
    for share, values in ways(study, row, true, levels):
        p = _categories(study, predictor(study, values, true, levels), true) * _readily(study, row, true)[:, None]
        total = total + share * (p / p.sum(axis=0)).mean(axis=-1)
    return total


def _categories(study: Study, eta: np.ndarray, true: Values) -> np.ndarray:
    """Probability of each category, worst first (two of them for a bernoulli): array (categories, points)."""
    if study.model.family == "bernoulli":
        target = study.model.outcome.target
        p = special.expit((special.logit(target) if target else 0.0) + true.get("intercept", 0.0) + eta[0])
        return np.stack([1.0 - p, p])
    cuts = true.get("first_cutpoint", 0.0) + np.concatenate([[0.0], np.cumsum(true["cutpoint_gap"])])
    steps = np.broadcast_to(eta, (len(cuts), eta.shape[1]))
    if study.model.link == "cumulative":
        worse = special.expit(cuts[:, None] - steps)
        return np.diff(np.concatenate([0.0 * steps[:1], worse, 0.0 * steps[:1] + 1.0]), axis=0)
    odds = np.cumprod(np.exp(np.concatenate([0.0 * steps[:1], steps - cuts[:, None]])), axis=0)
    return np.asarray(odds / odds.sum(axis=0))


def _readily(study: Study, row: Row, true: Values) -> np.ndarray:
    """Say how readily each category is published of this patient, up to a factor: array (categories,)."""
    model = study.model
    if model.selection is None or not row[model.selection.column]:
        return np.ones(1)
    success = [own in model.outcome.success for own in CATEGORIES] if model.is_ordinal else [False, True]
    return np.asarray(np.exp(true["selection_effect"] * np.array(success)))


def _responses(
    study: Study, seen: pd.DataFrame, whole: pd.DataFrame, true: Values, levels: Levels, rng: np.random.Generator
) -> pd.DataFrame:
    """Draw a best response for every evaluable patient, given all covariates, or how many of a row respond."""
    table, answers = seen.copy(), []
    for row in whole.to_dict("records"):
        if any(pd.isna(row[term.source]) for term in study.model.terms.values()):
            answers.append(CATEGORIES[0])  # left out of the fit
            continue
        p = chances(study, row, true, levels)
        if study.counted:
            answers.append(rng.binomial(row["n"], p[1]))
            continue
        k = int(rng.choice(len(p), p=p / p.sum()))
        # of a bernoulli model any success and any failure are alike
        answers.append(CATEGORIES[k] if len(p) == 4 else ("PD", "PR")[k])
    if study.counted:
        table["events"] = pd.Series(answers, index=seen.index).astype(seen["events"].dtype)
    else:
        table["best_response"] = pd.Series(answers, index=seen.index).where(seen["best_response"].notna())
    return table


def _true_responses(study: Study, table: pd.DataFrame, true: Values, levels: Levels) -> dict[str, float]:
    """Mean probability of every endpoint among all patients of the fit, and among those of each histology."""
    dropped = [term.source for term in study.model.terms.values() if term.missing == "drop"]
    outcome = "events" if study.counted else "best_response"
    fitted = table[table[[outcome, *dropped]].notna().all(axis=1)]
    n = fitted["n"].to_numpy(float) if study.counted else np.ones(len(fitted))
    p = np.array([chances(study, row, true, levels) for row in fitted.to_dict("records")])
    better = p[:, ::-1].cumsum(axis=1)[:, ::-1]
    ends = {"response": p[:, 1]} if p.shape[1] == 2 else {"DCR": better[:, 1], "ORR": better[:, 2], "CR": p[:, 3]}
    found = {}
    for end, values in ends.items():
        found[f"{end}, everyone"] = float(np.average(values, weights=n))
        for level in levels.get("histology", ()):
            own = (fitted["histology"] == level).to_numpy()
            if own.any():
                found[f"{end}, {level}"] = float(np.average(values[own], weights=n[own]))
    return found
