"""A change of several ingredients at once, told apart: how much of it is owed to the data, the coding, the prior."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

INGREDIENTS = ("data", "coding", "prior")
Corner = tuple[bool, ...]
"""For every ingredient whether it is the new one."""
CORNERS: tuple[Corner, ...] = tuple(itertools.product((False, True), repeat=len(INGREDIENTS)))
Weights = Mapping[int, Fraction]
"""By fit, its weight in a part of a change; a fit without weight is absent."""


def total(fit_of: Mapping[Corner, int]) -> Weights:
    """Return the weights of the whole change: the fit of all that is new, less that of all that is old."""
    return _merged([(fit_of[CORNERS[-1]], Fraction(1)), (fit_of[CORNERS[0]], Fraction(-1))])


def shapley(fit_of: Mapping[Corner, int]) -> dict[str, Weights]:
    """Return the weights of each ingredient's part: its mean over the six orders in which they may be changed.

    Shapley (1953). `fit_of` names the fit of every corner; corners that share one leave no part to what tells them
    apart, exactly.
    """
    orders = list(itertools.permutations(range(len(INGREDIENTS))))
    return _parts(fit_of, orders)


def in_order(fit_of: Mapping[Corner, int]) -> dict[str, Weights]:
    """Return the weights of each ingredient's part where data are changed first, then the coding, then the prior."""
    return _parts(fit_of, [tuple(range(len(INGREDIENTS)))])


def _parts(fit_of: Mapping[Corner, int], orders: Sequence[tuple[int, ...]]) -> dict[str, Weights]:
    steps: dict[str, list[tuple[int, Fraction]]] = {name: [] for name in INGREDIENTS}
    share = Fraction(1, len(orders))
    for order in orders:
        at: Corner = CORNERS[0]
        for i in order:
            after = tuple(new or j == i for j, new in enumerate(at))
            steps[INGREDIENTS[i]] += [(fit_of[after], share), (fit_of[at], -share)]
            at = after
    return {name: _merged(own) for name, own in steps.items()}


def _merged(weighted: Sequence[tuple[int, Fraction]]) -> dict[int, Fraction]:
    """Add up the weights of equal fits, exactly; those that cancel are gone."""
    found: dict[int, Fraction] = {}
    for fit, weight in weighted:
        found[fit] = found.get(fit, Fraction(0)) + weight
    return {fit: weight for fit, weight in found.items() if weight}


def summed(weights: Weights, value: Callable[[int], float]) -> float:
    """Return a part: the weighted sum of what the fits say."""
    return math.fsum(float(weight) * value(fit) for fit, weight in weights.items())


def error(weights: Weights, mcse: Callable[[int], float]) -> float:
    """Return the Monte Carlo error of a part, the draws of different fits taken as independent."""
    return math.sqrt(math.fsum((float(weight) * mcse(fit)) ** 2 for fit, weight in weights.items()))
