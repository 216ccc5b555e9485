"""The array namespace a family is written over, so that one text serves numpy and a symbolic graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

Array = Any
"""A numpy array or a symbolic tensor; the last axis is patients (or rows), draws lead."""


@dataclass(frozen=True)
class Namespace:
    """Elementwise functions, and sums over the last axis, of one array library."""

    exp: Callable[[Array], Array]
    log: Callable[[Array], Array]
    expm1: Callable[[Array], Array]
    log1p: Callable[[Array], Array]
    maximum: Callable[[Array, Any], Array]
    minimum: Callable[[Array, Any], Array]
    where: Callable[[Any, Array, Array], Array]
    softplus: Callable[[Array], Array]
    sigmoid: Callable[[Array], Array]
    log_normal_tail: Callable[[Array], Array]
    """log P(Z > x) of a standard normal."""
    logsumexp: Callable[[Array], Array]
    """Over the last axis."""


NUMPY = Namespace(
    exp=np.exp,
    log=np.log,
    expm1=np.expm1,
    log1p=np.log1p,
    maximum=np.maximum,
    minimum=np.minimum,
    where=np.where,
    softplus=lambda x: np.logaddexp(0.0, x),
    sigmoid=special.expit,
    log_normal_tail=lambda x: special.log_ndtr(-x),
    logsumexp=lambda x: special.logsumexp(x, axis=-1),
)
