"""Where the values of a parameter lie, and the unbounded coordinates a sampler moves in instead."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from casepool.modelling.families.arrays import Array, Namespace


@dataclass(frozen=True)
class Support:
    """A set of values.

    Parameters
    ----------
    constrained : callable
        From unbounded coordinates to values and the log Jacobian of that map: of one value each, or, where values are
        bound to each other, of the vector on the last axis. PyMC's own transforms.
    bound : int
        How many coordinates fewer than values a vector has: 1 where its values sum to 1.
    """

    constrained: Callable[[Array, Namespace], tuple[Array, Array]]
    bound: int = 0

    @property
    def positive(self) -> bool:
        """Whether only positive numbers belong to it."""
        return self is POSITIVE


def _real(u: Array, xp: Namespace) -> tuple[Array, Array]:
    return u, 0.0 * u


def _positive(u: Array, xp: Namespace) -> tuple[Array, Array]:
    return xp.exp(u), u


def _unit(u: Array, xp: Namespace) -> tuple[Array, Array]:
    return xp.sigmoid(u), -xp.softplus(u) - xp.softplus(-u)


def _simplex(u: Array, xp: Namespace) -> tuple[Array, Array]:
    """Shares proportional to the exponentials of centred logs, of which the last follows from the others."""
    size = u.shape[-1] + 1
    centred = u @ np.hstack([np.eye(size - 1), -np.ones((size - 1, 1))])
    total = xp.logsumexp(centred)[..., None]
    logs = centred - total
    return xp.exp(logs), np.log(size) + logs.sum(axis=-1)


REAL = Support(_real)
POSITIVE = Support(_positive)
UNIT = Support(_unit)
INTERVAL = Support(_unit)
"""Between two numbers of a distribution, as shares of their distance."""
SIMPLEX = Support(_simplex, bound=1)
POINT = Support(_real)
"""Of a parameter that is no unknown: it has no coordinate."""
