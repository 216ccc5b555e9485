"""The array namespace a family is written over, so that one text serves numpy and a symbolic graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from casepool.modelling.families.mixtures import mixture_quantiles, normals_quantile

Array = Any
"""A numpy array or a symbolic tensor; the last axis is patients (or rows), draws lead."""


@dataclass(frozen=True)
class Namespace:
    """Elementwise functions, and sums over the last axis, of one array library.

    A quantile takes, instead of a probability, the standard normal ``z`` below which that probability lies: neither
    tail loses its digits then.
    """

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
    logsumexp_of_rows: Callable[[Array, Array, Array], Array]
    """Of the rows of each patient: rows (..., rows), their numbers (patients, longest), and the log weight of each."""
    concatenate: Callable[[Sequence[Array]], Array]
    """Along the last axis."""
    half_normal_quantile: Callable[[Array], Array]
    """Of the absolute value of a standard normal, at z."""
    student_quantile: Callable[[Array, Array], Array]
    """Of a Student t, at z, with nu degrees of freedom."""
    gamma_quantile: Callable[[Array, Array], Array]
    """Of a Gamma of rate 1, at z, with its shape."""
    beta_quantile: Callable[[Array, Array, Array], Array]
    """Of a Beta, at z, with its alpha and beta."""
    mixture_quantile: Callable[[Array, Array, Array, Array, Array], Array]
    """Of two normals, at z: `casepool.modelling.families.mixtures.quantile`."""
    normals_quantile: Callable[[Array, Array, Array, Array], Array]
    """Of normals in any number, at z: `casepool.modelling.families.mixtures.normals_quantile`."""


def _logsumexp_of_rows(rows: Array, numbers: Array, log_weight: Array) -> Array:
    """Sum over the rows of each patient, which follow each other, without padding them to a rectangle."""
    weighed, first = rows + log_weight[np.isfinite(log_weight)], numbers[:, 0]
    top = np.maximum.reduceat(weighed, first, axis=-1)
    top = np.where(np.isfinite(top), top, 0.0)
    of_patient = np.repeat(np.arange(len(first)), np.diff(np.append(first, weighed.shape[-1])))
    with np.errstate(divide="ignore"):
        return top + np.log(np.add.reduceat(np.exp(weighed - top[..., of_patient]), first, axis=-1))


def _half_normal_quantile(z: Array) -> Array:
    low = np.sqrt(2.0) * special.erfinv(special.ndtr(np.minimum(z, 0.0)))
    return np.where(z < 0, low, -special.ndtri(special.ndtr(-np.maximum(z, 0.0)) / 2.0))


def _student_quantile(z: Array, nu: Array) -> Array:
    return -np.sign(z) * special.stdtrit(nu, special.ndtr(-np.abs(z)))


def _gamma_quantile(z: Array, alpha: Array) -> Array:
    low, high = special.gammaincinv(alpha, special.ndtr(z)), special.gammainccinv(alpha, special.ndtr(-z))
    return np.where(z < 0, low, high)


def _beta_quantile(z: Array, alpha: Array, beta: Array) -> Array:
    low = special.betaincinv(alpha, beta, special.ndtr(z))
    return np.where(z < 0, low, 1.0 - special.betaincinv(beta, alpha, special.ndtr(-z)))


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
    logsumexp_of_rows=_logsumexp_of_rows,
    concatenate=lambda parts: np.concatenate(parts, axis=-1),
    half_normal_quantile=_half_normal_quantile,
    student_quantile=_student_quantile,
    gamma_quantile=_gamma_quantile,
    beta_quantile=_beta_quantile,
    mixture_quantile=mixture_quantiles,
    normals_quantile=normals_quantile,
)
