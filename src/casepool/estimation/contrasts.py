"""Levels of a factor or exposure compared pairwise: risks of a response model, hazards or times of survival."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from casepool.arguments import name_of, one_of
from casepool.errors import CasepoolError
from casepool.estimation.draws import CI_PROB, Fitted, check_probability, open_draws, posterior_rows, probability_row
from casepool.estimation.ratios import ratio_draws, ratio_table
from casepool.estimation.targets import ANSWERS, TARGETS
from casepool.estimation.told import separated, with_told
from casepool.modelling.design.endpoint_counts import counted
from casepool.modelling.design.grouping import Membership
from casepool.modelling.families.names import effect_of
from casepool.modelling.specification.endpoints import Endpoint, at_least
from casepool.remarks import remark

ABOUT = ("estimand", "level", "at", "kind", "unit")
"""Columns that tell contrasts apart."""
Told = tuple[dict[str, Any], np.ndarray]
"""A row of a table and the draws it tells of: a quantity's, or of whether something holds."""


def contrast(
    fit: xr.DataTree,
    by: str,
    *,
    target: str = "standardised",
    ci_prob: float = CI_PROB,
    rope: tuple[float, float] | None = None,
) -> pd.DataFrame:
    """Compare levels pairwise: risks of a response model, hazards (or times) of a survival model.

    Parameters
    ----------
    fit : xarray.DataTree
    by : str
        A factor or exposure of the model.
    target : {"standardised", "observed", "new"}
        Of a response model: which probabilities are compared, see `estimates`.
    ci_prob : float
        Width of the equal-tailed credible interval.
    rope : tuple of two floats, optional
        Of a response model: limits of a region of practical equivalence; adds the probability that the risk
        difference lies between them.

    Returns
    -------
    pandas.DataFrame
        An estimate table; ``level`` is "A vs B": A minus B, or A over B, B the earlier level. A posterior
        probability is a row of its own without limits.

    Raises
    ------
    CasepoolError
        If `by` is no factor of the model, or there is nothing to compare.
    """
    check_probability(ci_prob)
    check_rope(rope)
    name_of(by, "by", "name a factor or exposure of the model")
    one_of(target, TARGETS, "target")
    return contrast_of(open_draws(fit), by, target=target, ci_prob=ci_prob, rope=rope)


def contrast_draws(fit: xr.DataTree, by: str, *, target: str = "standardised") -> xr.DataArray:
    """Return the draws behind `contrast`: of every difference and ratio, to draw its density or ask about a region.

    Parameters
    ----------
    fit : xarray.DataTree
    by : str
        A factor or exposure of the model.
    target : {"standardised", "observed", "new"}
        As of `contrast`.

    Returns
    -------
    xarray.DataArray
        Dimensions ``contrast``, ``chain`` and ``draw``; of every contrast the coordinates ``estimand``, ``level``,
        ``at``, ``kind`` and ``unit`` of its row in the table, in that order of rows.

    Raises
    ------
    CasepoolError
        As of `contrast`.

    Examples
    --------
    >>> import casepool as cp
    >>> fit = cp.fit("objective_response_by_age_group", "alk_crizotinib", seed=1, progress=False)
    >>> draws = cp.contrast_draws(fit, "age")
    >>> difference = draws.isel(contrast=draws["estimand"] == "risk difference")
    >>> inside = (abs(difference) < 0.1).mean(["chain", "draw"])  # P(risk difference between -0.1 and 0.1)
    >>> difference["level"].values.tolist(), inside.shape
    (['18 and over vs under 18'], (1,))
    """
    name_of(by, "by", "name a factor or exposure of the model")
    one_of(target, TARGETS, "target")
    fitted = open_draws(fit)
    told = ratio_draws(fitted, by) if fitted.is_survival else _compared(fitted, by, target)
    told = [(row, draws) for row, draws in told if row.get("kind") in ("difference", "ratio")]
    chains, draws = fitted.shape
    coords = {"chain": range(chains), "draw": range(draws)}
    about = {name: ("contrast", [row.get(name, "") for row, _ in told]) for name in ABOUT}
    return xr.DataArray(
        np.stack([values for _, values in told]), {**coords, **about}, ("contrast", "chain", "draw"), name="contrast"
    )


def contrast_of(
    fitted: Fitted,
    by: str,
    *,
    target: str = "standardised",
    ci_prob: float = CI_PROB,
    rope: tuple[float, float] | None = None,
) -> pd.DataFrame:
    """Compare levels pairwise as `contrast` does, of a fit that is open."""
    if not fitted.is_survival:
        return with_told(fitted, lambda own: response_contrast(own, by, target=target, ci_prob=ci_prob, rope=rope))
    if rope is not None:
        raise CasepoolError(f"{fitted.model.name!r} has no risk difference", remedy="leave out rope")
    return with_told(fitted, lambda own: ratio_table(own, by, ci_prob))


def response_contrast(
    fitted: Fitted, by: str, *, target: str, ci_prob: float, rope: tuple[float, float] | None = None
) -> pd.DataFrame:
    """Compare the levels of a factor pairwise: risk difference, risk ratio, odds ratio, probability of superiority.

    With a region of practical equivalence also the probability that the risk difference lies inside it.

    Of an ordinal model for every "at least" a category, followed by the odds ratio of its equation.
    """
    return _table(_compared(fitted, by, target, rope), fitted, ci_prob)


def _compared(fitted: Fitted, by: str, target: str, rope: tuple[float, float] | None = None) -> list[Told]:
    """Return the rows of a response's comparisons, each with its draws."""
    group = fitted.membership(by)
    if not group.is_term and target != "observed":
        raise CasepoolError(f"{by!r} is no term of the model", remedy='use target="observed"')
    categories = ANSWERS[target](fitted, group).categories
    n, successes = group.counts(fitted.design)
    told: list[Told] = []
    for b, a in itertools.combinations(np.flatnonzero(n > 0), 2):
        pair = {"by": by, "level": f"{group.levels[a]} vs {group.levels[b]}", "n": n[a] + n[b], "source": "shrunk"}
        for end in at_least(fitted.model):
            events = counted(fitted.design, end) @ group.members
            p = end.of(categories)
            own = pair | {
                "at": end.at,
                "events": events[a] + events[b],
                "note": remark("of probabilities", target=target),
                **separated(events[[a, b]], n[[a, b]]),
            }
            does = f"reaches {end.at}" if end.at else fitted.model.outcome.reaches
            told += _measures(own, end.at, does, (group.levels[a], group.levels[b]), p[..., a], p[..., b])
            told += _equivalence(own, end, p[..., a] - p[..., b], rope)
        told += _odds_of_the_model(
            fitted,
            group,
            pair | {"events": successes[a] + successes[b], **separated(successes[[a, b]], n[[a, b]])},
            (int(a), int(b)),
        )
    if not told:
        raise CasepoolError(f"{by!r} has one level with patients, so nothing to compare", remedy="use another factor")
    return told


def _measures(
    row: dict[str, Any], at: str, does: str, names: tuple[str, str], p: np.ndarray, q: np.ndarray
) -> list[Told]:
    """Compare two probabilities of one endpoint; what ties, as under complete borrowing, counts half either way."""
    of = f", {at}" if at else ""
    return [
        (row | {"estimand": f"risk difference{of}", "unit": "difference", "kind": "difference"}, p - q),
        (row | {"estimand": f"risk ratio{of}", "unit": "ratio", "kind": "ratio"}, p / q),
        (row | {"estimand": f"odds ratio{of}", "unit": "ratio", "kind": "ratio"}, _odds(p) / _odds(q)),
        (row | {"estimand": f"P({names[0]} {does} more often than {names[1]})"}, (p > q) + 0.5 * (p == q)),
    ]


def _odds(p: np.ndarray) -> np.ndarray:
    """Odds of a probability, which are finite where rounding made it 0 or 1."""
    inside = np.clip(p, np.finfo(float).tiny, 1 - np.finfo(float).epsneg)
    return np.asarray(inside / (1 - inside))


def check_rope(rope: tuple[float, float] | None) -> None:
    """Refuse a region of practical equivalence that is none."""
    if rope is None:
        return
    numbers = isinstance(rope, Sequence) and len(rope) == 2 and all(isinstance(x, int | float) for x in rope)
    if not numbers or not -1 <= rope[0] < rope[1] <= 1:
        raise CasepoolError(
            "rope must be two risk differences, the lower one first", value=rope, remedy="pass rope=(-0.1, 0.1), say"
        )


def _equivalence(
    row: dict[str, Any], end: Endpoint, difference: np.ndarray, rope: tuple[float, float] | None
) -> list[Told]:
    """Say how probably two levels are as good as equal, if a region of equivalence is given."""
    if rope is None:
        return []
    of = f", {end.at}" if end.at else ""
    words = f"P(risk difference{of} between {rope[0]:g} and {rope[1]:g})"
    return [(row | {"estimand": words}, (difference > rope[0]) & (difference < rope[1]))]


def _odds_of_the_model(fitted: Fitted, group: Membership, pair: dict[str, Any], places: tuple[int, int]) -> list[Told]:
    """Return an ordinal model's own odds ratio, which its equation takes to be the same at every category.

    With effects by category there is one for each step between categories.
    """
    effect = fitted.parameters.get(effect_of(group.by))
    if not fitted.model.is_ordinal or effect is None or not group.is_term:
        return []
    coded = fitted.design.terms[group.by].coded
    high, low = (coded.choice_of(group.levels[place]) for place in places)
    apart = high - low
    name = "cumulative odds ratio" if fitted.model.link == "cumulative" else "adjacent-category odds ratio"
    by_category = coded.term.each_step
    each = {step: effect[..., j] for j, step in enumerate(fitted.model.steps)} if by_category else {"": effect}
    told: list[Told] = []
    for at, own in each.items():
        log_ratio = own @ apart
        row = pair | {"at": at, "note": remark("better categories")}
        told.append((row | {"estimand": name, "unit": "ratio", "kind": "ratio"}, np.exp(log_ratio)))
        told.append((row | {"estimand": f"P({name} > 1)"}, log_ratio > 0))
    return told


def _table(told: list[Told], fitted: Fitted, ci_prob: float) -> pd.DataFrame:
    """Summarise quantities by their draws, and what holds or not by its share of the draws."""
    chances = ["unit" not in row for row, _ in told]
    quantities = [(row, values) for (row, values), chance in zip(told, chances, strict=True) if not chance]
    draws = np.stack([values for _, values in quantities], axis=-1)
    summarised = iter(posterior_rows(draws, [row for row, _ in quantities], fitted=fitted, ci_prob=ci_prob))
    rows = [
        probability_row(values, row, fitted=fitted) if chance else next(summarised)
        for (row, values), chance in zip(told, chances, strict=True)
    ]
    return fitted.table(rows)
