"""How much of an answer the data tell: its interval laid beside the one that the prior alone gives."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from casepool.estimation.draws import Fitted
from casepool.inference.convergence import is_refit
from casepool.modelling.specification.exposure import Exposure

DECIDE = "the data decide"
TOGETHER = "data and prior together"
PRIOR = "mostly the prior"
UNKNOWABLE = "cannot be known from this table"
MARKS = {DECIDE: "●", TOGETHER: "◐", PRIOR: "○", UNKNOWABLE: "✕"}
"""What the column ``told`` may say, from most to least, each with its mark."""
MOST, LEAST = 2 / 3, 1 / 3
"""What must be learnt for the data to decide, and to tell as much as the prior."""
NULLS = {"ratio": 1.0, "difference": 0.0}
"""No difference, by unit."""
MEASURED = ("value", "difference", "ratio")
"""Kinds of numbers that have an interval before and after the data."""
TOLD_BEFORE = {"estimate": "prior_estimate", "lower": "prior_lower", "upper": "prior_upper"}
"""Columns for what the prior alone says, by those of its own table."""
KEY = ["estimand", "by", "level", "at", "kind", "unit"]
"""What tells the rows of an answer apart."""

COEFFICIENT = "coefficient"
"""Unit of what stands on the scale of the linear predictor."""


def with_told(
    fitted: Fitted,
    tabulate: Callable[[Fitted], pd.DataFrame],
    share: Callable[[], Mapping[str, float]] | None = None,
) -> pd.DataFrame:
    """Make an estimate table, and say of each of its numbers how much the data tell.

    Parameters
    ----------
    fitted : Fitted
    tabulate : callable
        Makes the table of a fit; called again with draws of the prior. What it says in ``told`` itself stands.
    share : callable, optional
        Where levels borrow: returns what part of a level's answer is its own patients', by level, 0 of what it does not
        name; no more than that is learnt.

    Returns
    -------
    pandas.DataFrame
        With what the prior alone says of the same numbers: ``prior_estimate`` with limits of the same width,
        ``prior_lower`` and ``prior_upper``; and with ``learnt``, which is
        1 - (width of the posterior interval) / (width of the prior's), on the scale of the model: logits of a response
        probability, log cumulative hazards of a survival probability, logarithms of ratios,
        times and rates, differences as they are. Nothing is asked of a study's refits, nor under a flat prior.
    """
    table = tabulate(fitted)
    if not fitted.asks_told or is_refit(fitted.tree) or fitted.design.improper:
        return table
    before = tabulate(fitted.before).drop_duplicates(KEY).set_index(KEY)[list(TOLD_BEFORE)]
    before = before.reindex(pd.MultiIndex.from_frame(table[KEY]))
    units = [_scale(fitted, kind, unit) for kind, unit in zip(table["kind"], table["unit"], strict=True)]
    widths = [
        np.array([scale(high) - scale(low) for scale, low, high in zip(units, own["lower"], own["upper"], strict=True)])
        for own in (table, before)
    ]
    with np.errstate(invalid="ignore", divide="ignore"):
        learnt = 1 - widths[0] / widths[1]
    known = np.isfinite(learnt) & table["kind"].isin(MEASURED).to_numpy() & ~np.isnan(table["estimate"].to_numpy())
    learnt = np.where(known, np.clip(learnt, 0, 1), np.nan)
    if share is not None:
        shares = share()
        learnt = np.where(known, np.fmin(learnt, [shares.get(level, 0.0) for level in table["level"]]), np.nan)
    words = [row or word_of(x) for row, x in zip(table["told"], learnt, strict=True)]
    told = {name: before[of].to_numpy() for of, name in TOLD_BEFORE.items()}
    return table.assign(told=words, learnt=learnt, **told)


def word_of(learnt: float) -> str:
    """Say in words how much is learnt; "" of what is not known."""
    if np.isnan(learnt):
        return ""
    return DECIDE if learnt >= MOST else TOGETHER if learnt >= LEAST else PRIOR


def legend(words: Collection[str]) -> str:
    """Say what marks mean."""
    return ", ".join(f"{MARKS[word]} {word}" for word in MARKS if word in words)


def separated(events: Iterable[float], n: Iterable[float] = (math.inf, math.inf)) -> dict[str, Any]:
    """Return what a row of two arms says in ``told``: their difference is open where one of them has no events.

    Of a response, whose patients are `n`, also where one has nothing else.
    """
    alone = any(own in (0, of) for own, of in zip(events, n, strict=True))
    return {"told": UNKNOWABLE} if alone else {}


def of_exposure(exposure: Exposure, *events: float) -> dict[str, Any]:
    """Return what a row of an exposure says in ``told``, an arm's and a comparison's alike, by the events of its arms.

    Neither can be known without its dates, nor of an arm that has no events, which the data pull one way only.
    """
    return {"told": UNKNOWABLE} if exposure.as_ == "baseline" or 0 in events else {}


def badge_of(row: pd.Series, variants: Sequence[pd.Series]) -> str:
    """Say how much the data tell of an answer that was given again under other priors, datings and codings."""
    if disagree(row, variants):
        return UNKNOWABLE
    told = str(row["told"])
    outside = [v for v in variants if not row["lower"] <= v["estimate"] <= row["upper"]]
    return TOGETHER if told == DECIDE and outside else told


def disagree(row: pd.Series, variants: Sequence[pd.Series]) -> bool:
    """Whether one variant's interval lies on one side of no difference and another's answer on the other."""
    null = NULLS.get(str(row["unit"]))
    if null is None:
        return False
    above = any(v["lower"] > null for v in variants) and any(v["estimate"] < null for v in variants)
    return above or (any(v["upper"] < null for v in variants) and any(v["estimate"] > null for v in variants))


def no_more_than(told: str, badge: str) -> str:
    """Return the word of a row whose question has a badge, which it does not outdo where nothing can be known."""
    return badge if told and badge == UNKNOWABLE else told


def _scale(fitted: Fitted, kind: str, unit: str) -> Callable[[float], float]:
    """Return the scale of the model for a number."""
    if kind == "difference" or unit == COEFFICIENT:
        return float
    if unit != "probability":
        return _log
    return _log_cumulative_hazard if fitted.is_survival else _logit


def _log(x: float) -> float:
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.log(x))


def _logit(p: float) -> float:
    return _log(p) - _log(1 - p)


def _log_cumulative_hazard(p: float) -> float:
    return -_log(-_log(p))
