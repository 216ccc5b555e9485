"""Responses: from linear predictors to the log probability of every category, worst first, over any arrays.

A response of two categories, failure and success, is the ordinal one with its single cutpoint at zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from casepool.modelling.families.arrays import Array, Namespace

Parameters = Mapping[str, Array]


def cumulative(etas: Sequence[Array], parameters: Parameters, xp: Namespace) -> list[Array]:
    """Cumulative logit: ``P(Y <= k) = logistic(cutpoint_k - eta)`` (McCullagh 1980).

    A middle category's probability, a difference of two logistics, is written as a product, so that no digits are
    lost: ``s(b) - s(a) = s(b) s(-a) (1 - exp(a - b))``.

    Parameters
    ----------
    etas : sequence of arrays (..., rows)
        One linear predictor for each step from a category to the next; here all are the same.
    parameters : mapping
        ``first_cutpoint`` (0 without) and ``cutpoint_gap`` (its own axis last).

    Returns
    -------
    list of arrays (..., rows)
        One more than `etas`, worst category first.
    """
    eta, cuts = etas[0], cutpoints(parameters, len(etas))
    found = []
    for k in range(len(etas) + 1):
        log_p: Array = 0.0
        if k < len(etas):
            log_p = log_p - xp.softplus(eta - cuts[k])
        if k > 0:
            log_p = log_p - xp.softplus(cuts[k - 1] - eta)
        if 0 < k < len(etas):
            log_p = log_p + xp.log(-xp.expm1(-_gap(parameters, k - 1)))
        found.append(log_p)
    return found


FAR = -30.0
"""Log rates below this are the log probability of an event, to the last digit."""


def by_time(etas: Sequence[Array], parameters: Parameters, xp: Namespace) -> list[Array]:
    """Complementary log-log: ``P(event by t) = 1 - exp(-exp(eta))``, eta with log t in it, so that exp(eta) is a rate.

    Parameters and result as of `cumulative`, with one step.
    """
    eta = etas[0]
    expected = xp.exp(xp.maximum(eta, FAR))
    return [-xp.exp(eta), xp.where(eta < FAR, eta, xp.log(-xp.expm1(-expected)))]


def adjacent(etas: Sequence[Array], parameters: Parameters, xp: Namespace) -> list[Array]:
    """Adjacent categories: ``log P(Y = k + 1) / P(Y = k) = eta_k - cutpoint_k`` (Agresti 2010).

    Parameters and result as of `cumulative`; each step may have a linear predictor of its own.
    """
    scores = [0.0 * etas[0]]
    for eta, cut in zip(etas, cutpoints(parameters, len(etas)), strict=True):
        scores.append(scores[-1] + eta - cut)
    total = scores[0]
    for score in scores[1:]:
        total = total + xp.softplus(score - total)
    return [score - total for score in scores]


def cutpoints(parameters: Parameters, steps: int) -> list[Array]:
    """Return one cutpoint for each step, with an axis for rows: the first, then gap by gap."""
    cuts = [parameters["first_cutpoint"][..., None] if "first_cutpoint" in parameters else 0.0]
    for j in range(steps - 1):
        cuts.append(cuts[-1] + _gap(parameters, j))
    return cuts


def _gap(parameters: Parameters, j: int) -> Array:
    return parameters["cutpoint_gap"][..., j][..., None]


def category_counts(outcome: Mapping[str, Array], categories: int) -> list[Array]:
    """Return how many patients of each row had each category, worst first: arrays (rows,)."""
    if "category" not in outcome:
        return [outcome["n"] - outcome["events"], outcome["events"]]
    own = outcome["category"]
    return [outcome["n"] * (((own >= k) & (own <= k)) * 1.0) for k in range(categories)]
