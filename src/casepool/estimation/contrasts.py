"""Levels of a response model compared pairwise, endpoint by endpoint."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd

from casepool.errors import CasepoolError
from casepool.estimation.draws import Fitted, posterior_rows, probability_row
from casepool.estimation.targets import ANSWERS
from casepool.inference.fitting import cases_of
from casepool.modelling.endpoints import Endpoint, at_least, counted, steps
from casepool.modelling.membership import Membership, membership
from casepool.tables import estimate_table

Told = tuple[dict[str, Any], np.ndarray]
"""A row of a table and the draws it tells of: a quantity's, or of whether something holds."""


def response_contrast(fitted: Fitted, by: str, *, target: str, ci_prob: float) -> pd.DataFrame:
    """Compare the levels of a factor pairwise: risk difference, risk ratio, odds ratio, probability of superiority.

    Of an ordinal model for every "at least" a category, followed by the odds ratio of its equation.
    """
    group = membership(fitted.design, cases_of(fitted.tree), by)
    if not group.is_term and target != "observed":
        raise CasepoolError(f"{by!r} is no term of the model", remedy='use target="observed"')
    categories = ANSWERS[target](fitted, group).categories
    n, _ = group.counts(fitted.design)
    told: list[Told] = []
    for b, a in itertools.combinations(np.flatnonzero(n > 0), 2):
        pair = {"by": by, "level": f"{group.levels[a]} vs {group.levels[b]}", "n": n[a] + n[b], "source": "shrunk"}
        for end in at_least(fitted.model):
            events = counted(fitted.design, end) @ group.members
            p = end.of(categories)
            own = pair | {"at": end.at, "events": events[a] + events[b], "note": f"of the {target} probabilities"}
            told += _measures(own, end, (group.levels[a], group.levels[b]), p[..., a], p[..., b])
        told += _odds_of_the_model(fitted, group, pair, a, b)
    if not told:
        raise CasepoolError(f"{by!r} has one level with patients, so nothing to compare", remedy="use another factor")
    return _table(told, fitted, ci_prob)


def _measures(row: dict[str, Any], end: Endpoint, names: tuple[str, str], p: np.ndarray, q: np.ndarray) -> list[Told]:
    """Compare two probabilities of one endpoint."""
    of = f", {end.at}" if end.at else ""
    does = f"reaches {end.at}" if end.at else "responds"
    return [
        (row | {"estimand": f"risk difference{of}", "unit": "difference"}, p - q),
        (row | {"estimand": f"risk ratio{of}", "unit": "ratio"}, p / q),
        (row | {"estimand": f"odds ratio{of}", "unit": "ratio"}, p / (1 - p) / (q / (1 - q))),
        (row | {"estimand": f"P({names[0]} {does} more often than {names[1]})"}, p > q),
    ]


def _odds_of_the_model(fitted: Fitted, group: Membership, pair: dict[str, Any], a: int, b: int) -> list[Told]:
    """Return an ordinal model's own odds ratio, which its equation takes to be the same at every category.

    With effects by category there is one for each step between categories.
    """
    effect = fitted.parameters.get(f"{group.by}_effect")
    if not fitted.model.is_ordinal or effect is None or not group.is_term:
        return []
    coded = fitted.design.terms[group.by].coded
    apart = coded.choice_of(group.levels[a]) - coded.choice_of(group.levels[b])
    name = "cumulative odds ratio" if fitted.model.link == "cumulative" else "adjacent-category odds ratio"
    each = {"": effect @ apart}
    if coded.term.by_category:
        each = {step: effect[..., j] @ apart for j, step in enumerate(steps(fitted.model))}
    told: list[Told] = []
    for at, log_ratio in each.items():
        row = pair | {"at": at, "note": "above 1: better categories are more likely, other terms being equal"}
        told.append((row | {"estimand": name, "unit": "ratio"}, np.exp(log_ratio)))
        told.append((row | {"estimand": f"P({name} > 1)"}, log_ratio > 0))
    return told


def _table(told: list[Told], fitted: Fitted, ci_prob: float) -> pd.DataFrame:
    """Summarise quantities by their draws, and what holds or not by its share of the draws."""
    chances = [values.dtype == bool for _, values in told]
    quantities = [(row, values) for (row, values), chance in zip(told, chances, strict=True) if not chance]
    draws = np.stack([values for _, values in quantities], axis=-1)
    summarised = iter(posterior_rows(draws, [row for row, _ in quantities], fitted=fitted, ci_prob=ci_prob))
    rows = [
        probability_row(values, row, fitted=fitted) if chance else next(summarised)
        for (row, values), chance in zip(told, chances, strict=True)
    ]
    return estimate_table(rows, posterior=True)
