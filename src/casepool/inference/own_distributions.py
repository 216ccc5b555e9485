"""Distributions of priors that PyMC lacks, as variables of a graph."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pymc.distributions.transforms import log

from casepool.modelling.families.distributions import DISTRIBUTIONS


def _log_p(value: Any, alpha: Any, beta: Any) -> Any:
    """Return the log density of a standard deviation whose variance is InverseGamma."""
    return pm.logp(pm.InverseGamma.dist(alpha, beta), value**2) + math.log(2.0) + pt.log(value)


def _random(alpha: Any, beta: Any, rng: np.random.Generator, size: tuple[int, ...] | None) -> Any:
    shape = np.broadcast_shapes(np.shape(alpha), np.shape(beta)) if size is None else size
    return DISTRIBUTIONS["GammaPrecision"].draw({"alpha": alpha, "beta": beta}, shape, rng)


def _likeliest(rv: Any, size: Any, alpha: Any, beta: Any) -> Any:
    return pt.full_like(rv, pt.sqrt(beta / (alpha + 1.0)))


def _gamma_precision(name: str, *, alpha: Any, beta: Any, dims: Any = None) -> Any:
    return pm.CustomDist(
        *(name, alpha, beta), logp=_log_p, random=_random, support_point=_likeliest, transform=log, dims=dims
    )


OWN: dict[str, Callable[..., Any]] = {"GammaPrecision": _gamma_precision}
"""By the name of the distribution, what declares a variable of it."""
