"""Response probabilities by level, and their contrasts: arithmetic on the posterior, never a second model."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy import special

from casepool.errors import CasepoolError
from casepool.estimation.draws import Fitted, check_probability, open_draws, posterior_rows, probability_row
from casepool.inference.fitting import cases_of
from casepool.modelling import Design
from casepool.modelling.arrays import NUMPY
from casepool.modelling.borrowing import fresh_effect
from casepool.modelling.families import FAMILIES
from casepool.modelling.likelihood import data_of, linear_predictor, patient_mean, row_weights
from casepool.modelling.membership import Membership, membership, patients_and_events
from casepool.tables import estimate_table

TARGETS = {
    "observed": "mean probability of the level's own patients",
    "standardised": "mean probability over all patients of the fit, each set to the level",
    "new": "probability for a new patient of the level, other group effects drawn anew",
}
UNSEEN = "(unseen level)"
"""Level of a row for a patient whose level no table has shown."""


def estimates(
    fit: xr.DataTree, by: str | None = None, *, target: str = "observed", ci_prob: float = 0.95
) -> pd.DataFrame:
    """Estimate response probabilities.

    Parameters
    ----------
    fit : xarray.DataTree
        Of a response model.
    by : str, optional
        A factor of the model, or any labelled column of the cases (then only ``observed``); None: everyone.
    target : {"observed", "standardised", "new"}
        ``observed``: mean probability of the level's own patients, comparable to the raw rate.
        ``standardised``: mean over all patients of the fit with this factor set to the level, other covariates
        kept. ``new``: the probability (not the 0/1 outcome) for one patient of that level whose other group
        effects are drawn anew and whose other covariates are a random patient's; with a row for an unseen level.
        For a patient with a missing covariate the probability is averaged over its modelled distribution.
    ci_prob : float
        Width of the equal-tailed credible interval.

    Returns
    -------
    pandas.DataFrame
        An estimate table: posterior medians with limits, one row per level, levels without patients in the
        fit with n = 0.

    Raises
    ------
    CasepoolError
        For an unknown grouping or target, or a survival fit.
    """
    check_probability(ci_prob)
    fitted = open_draws(fit)
    _refuse_survival(fitted)
    if target not in TARGETS:
        raise CasepoolError("unknown target", value=target, remedy=f"choose one of {', '.join(TARGETS)}")
    if by is None:
        return _everyone(fitted, target, ci_prob)
    group = membership(fitted.design, cases_of(fit), by)
    if target != "observed" and not group.is_term:
        raise CasepoolError(
            f"{by!r} is no term of the model, so only its own patients can be described",
            remedy='use target="observed"',
        )
    draws, levels, notes = PROBABILITIES[target](fitted, group)
    n, events = (np.append(c, [0.0] * (len(levels) - len(c))) for c in group.counts(fitted.design))
    rows = [
        _row(
            TARGETS[target],
            by,
            level,
            n[i],
            events[i],
            "; ".join(filter(None, (notes[i], group.note(fitted.design)))),
        )
        for i, level in enumerate(levels)
    ]
    return estimate_table(
        _with_bounds(posterior_rows(draws, rows, fitted=fitted, ci_prob=ci_prob), draws), posterior=True
    )


def _refuse_survival(fitted: Fitted) -> None:
    if FAMILIES[fitted.model.family].survival:
        raise CasepoolError(
            f"{fitted.model.name!r} is a survival model",
            remedy="use survival(fit, by=...) or contrast(fit, by=...)",
        )


def _row(estimand: str, by: str, level: str, n: float, events: float, note: str) -> dict[str, Any]:
    return {
        "estimand": estimand,
        "by": by,
        "level": level,
        "n": n,
        "events": events,
        "source": "shrunk" if by else "pooled",
        "unit": "probability",
        "note": note,
    }


def _with_bounds(rows: list[dict[str, Any]], draws: np.ndarray) -> list[dict[str, Any]]:
    """Add the one-sided 95% bound where nobody or everybody had the event, and empty rows without patients."""
    for i, row in enumerate(rows):
        if row["n"] > 0 and row["events"] in (0, row["n"]):
            side, q = ("upper", 0.95) if row["events"] == 0 else ("lower", 0.05)
            bound = f"one-sided 95% {side} bound {np.quantile(draws[..., i], q):.3f}"
            row["note"] = "; ".join(filter(None, (bound, row["note"])))
        if np.isnan(row["estimate"]):
            row["verdict"] = ""
    return rows


def probabilities(design: Design, fitted: Fitted) -> np.ndarray:
    """Probability of success of every patient of a design: array (chain, draw, patients)."""
    eta = linear_predictor(data_of(design), fitted.parameters, NUMPY)
    return patient_mean(design, special.expit(eta), fitted.parameters, NUMPY)


def _everyone(fitted: Fitted, target: str, ci_prob: float) -> pd.DataFrame:
    """One row for all patients of the fit."""
    n, events = patients_and_events(fitted.design)
    if target == "new":
        draws = _new_patient(fitted, None, None)
    else:
        draws = np.average(probabilities(fitted.design, fitted), axis=-1, weights=n)
    text = TARGETS[target] if target == "new" else "mean probability of all patients of the fit"
    row = _row(text, "", "everyone", n.sum(), events.sum(), "")
    rows = posterior_rows(draws[..., None], [row], fitted=fitted, ci_prob=ci_prob)
    return estimate_table(rows, posterior=True)


def _observed(fitted: Fitted, group: Membership) -> tuple[np.ndarray, tuple[str, ...], list[str]]:
    n, _ = patients_and_events(fitted.design)
    weight = n[:, None] * group.members
    total = weight.sum(axis=0)
    share = np.divide(weight, total, out=np.full(weight.shape, np.nan), where=total > 0)
    everyone = probabilities(fitted.design, fitted)
    empty = 'no patient of this level in the fit; target="standardised" or "new" describes it'
    return everyone @ share, group.levels, ["" if t else empty for t in total]


def _standardised(fitted: Fitted, group: Membership) -> tuple[np.ndarray, tuple[str, ...], list[str]]:
    n, _ = patients_and_events(fitted.design)
    draws = [
        np.average(probabilities(fitted.design.at_level(group.by, level), fitted), axis=-1, weights=n)
        for level in group.levels
    ]
    return np.stack(draws, axis=-1), group.levels, _combinations_seen(fitted.design, group)


def _combinations_seen(design: Design, group: Membership) -> list[str]:
    """Say of each level how many of the combinations it is standardised over were ever seen with it."""
    others = [t.coded for name, t in design.terms.items() if name != group.by and t.coded.levels]
    if not others:
        return [""] * len(group.levels)
    first = np.unique(design.patient_of_row, return_index=True)[1]
    matrices = [t.matrix[first] for name, t in design.terms.items() if name != group.by and t.coded.levels]
    keys = [tuple(row) for row in np.hstack(matrices)]
    implied = set(keys)
    return [
        f"{len({k for k, inside in zip(keys, group.members[:, i], strict=True) if inside})} of {len(implied)} implied "
        "combinations seen"
        for i in range(len(group.levels))
    ]


def _new(fitted: Fitted, group: Membership) -> tuple[np.ndarray, tuple[str, ...], list[str]]:
    unseen = fitted.model.terms[group.by].kind == "group"
    levels: list[str | None] = [*group.levels, *([None] if unseen else [])]
    draws = np.stack([_new_patient(fitted, group.by, level) for level in levels], axis=-1)
    names = tuple(UNSEEN if level is None else level for level in levels)
    return draws, names, [""] * len(names)


def _new_patient(fitted: Fitted, by: str | None, level: str | None) -> np.ndarray:
    """Probability of a new patient, one draw per draw of the posterior: array (chain, draw).

    Every call of one fit draws the same random patients and new effects, so that levels compare like for like.
    """
    rng = np.random.default_rng([fitted.seed, 20])
    design, shape = fitted.design, next(iter(fitted.parameters.values())).shape[:2]
    row = _random_rows(fitted, rng, shape)
    eta = fitted.parameters["intercept"] if "intercept" in fitted.parameters else np.zeros(shape)
    eta = eta + design.outcome["offset"][design.patient_of_row][row]
    for name, term in design.terms.items():
        effect = fitted.parameters.get(f"{name}_effect")
        fresh = None
        if term.coded.term.kind == "group":
            fresh = fresh_effect(fitted.model, term.coded.term, "other", fitted.parameters, rng, shape)
        if effect is None:
            continue
        if name == by and level is not None:
            eta = eta + effect @ term.coded.choice_of(level)
        elif fresh is not None:
            eta = eta + fresh
        elif term.coded.levels:
            eta = eta + (effect * term.matrix[row]).sum(axis=-1)
        else:
            eta = eta + effect * _number(fitted, name, row)
    return np.asarray(special.expit(eta))


def _random_rows(fitted: Fitted, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Pick a random patient for every draw, and one of its rows by the rows' weights in that draw."""
    n, _ = patients_and_events(fitted.design)
    patient = rng.choice(len(n), size=shape, p=n / n.sum())
    rows, weight = row_weights(fitted.design, fitted.parameters, NUMPY)
    cumulative = np.broadcast_to(np.cumsum(weight, axis=-1), (*shape, *rows.shape))
    own = np.take_along_axis(cumulative, patient[..., None, None], axis=-2)[..., 0, :]
    place = (rng.random(shape)[..., None] > own[..., :-1]).sum(axis=-1)
    return np.asarray(rows[patient, place])


def _number(fitted: Fitted, name: str, row: np.ndarray) -> np.ndarray:
    """Standardised value of a number at the picked rows, from its distribution where it is missing."""
    term = fitted.design.terms[name]
    known = term.matrix[row, 0]
    if f"{name}_mean" not in fitted.parameters:
        return np.asarray(known)
    low, high = term.coded.term.bounds or (0.0, 1.0)
    node = np.nan_to_num(term.node)[row]
    logit = fitted.parameters[f"{name}_mean"] + fitted.parameters[f"{name}_spread"] * node
    modelled = (low + (high - low) * special.expit(logit) - term.coded.term.centre) / term.coded.term.scale
    return np.asarray(np.where(np.isfinite(term.node[row]), modelled, known))


PROBABILITIES: dict[str, Callable[[Fitted, Membership], tuple[np.ndarray, tuple[str, ...], list[str]]]] = {
    "observed": _observed,
    "standardised": _standardised,
    "new": _new,
}


def response_contrast(fitted: Fitted, by: str, *, target: str, ci_prob: float) -> pd.DataFrame:
    """Compare the levels of a factor pairwise: risk difference, risk ratio, odds ratio, probability of superiority."""
    group = membership(fitted.design, cases_of(fitted.tree), by)
    if not group.is_term and target != "observed":
        raise CasepoolError(f"{by!r} is no term of the model", remedy='use target="observed"')
    draws, levels, _ = PROBABILITIES[target](fitted, group)
    n, events = group.counts(fitted.design)
    described: list[dict[str, Any]] = []
    columns: list[np.ndarray] = []
    chances: list[dict[str, Any]] = []
    for b, a in itertools.combinations(np.flatnonzero(n > 0), 2):
        p, q = draws[..., a], draws[..., b]
        pair = {
            "by": by,
            "level": f"{levels[a]} vs {levels[b]}",
            "n": n[a] + n[b],
            "events": events[a] + events[b],
        }
        pair |= {"source": "shrunk", "note": f"of the {target} probabilities"}
        measures = {"risk difference": (p - q, "difference"), "risk ratio": (p / q, "ratio")}
        measures["odds ratio"] = (p / (1 - p) / (q / (1 - q)), "ratio")
        for estimand, (values, unit) in measures.items():
            described.append({**pair, "estimand": estimand, "unit": unit})
            columns.append(values)
        higher = {**pair, "estimand": f"P({levels[a]} responds more often than {levels[b]})"}
        chances.append(probability_row(p > q, higher, fitted=fitted))
    if not columns:
        raise CasepoolError(f"{by!r} has one level with patients, so nothing to compare", remedy="use another factor")
    rows = posterior_rows(np.stack(columns, axis=-1), described, fitted=fitted, ci_prob=ci_prob)
    ordered = [row for i, chance in enumerate(chances) for row in (*rows[3 * i : 3 * i + 3], chance)]
    return estimate_table(ordered, posterior=True)
