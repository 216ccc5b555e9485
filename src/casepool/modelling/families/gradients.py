"""The array namespace that knows derivatives: what a family, a prior or a likelihood is written over, differentiated.

Functions of `TRACED` take plain arrays and those of a tape. Only the numbers a quantile is taken *at* are
differentiated, not the shape of its distribution, which priors state as a number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import special

from casepool.modelling.families.arrays import NUMPY, Array, Namespace
from casepool.modelling.families.tape import Traced, plain

Function = Callable[..., Any]


def _elementwise(function: Function, slope: Function) -> Function:
    """Return a function differentiated by its first argument; `slope` takes its value and its arguments."""

    def call(x: Any, *shape: Any) -> Any:
        if not isinstance(x, Traced):
            return function(x, *shape)
        at = x.value
        value = function(at, *shape)
        return Traced(value, x.tape, (x, lambda g: g * slope(value, at, *shape)))

    return call


def _softplus(x: Any) -> Any:
    """Return log(1 + exp(x)), several times faster than numpy's logaddexp and equal but for the last digits."""
    at = plain(x)
    small = np.exp(-np.abs(at))
    value = np.maximum(at, 0.0) + np.log1p(small)
    if not isinstance(x, Traced):
        return value
    return Traced(value, x.tape, (x, lambda g: g * (np.where(at > 0, 1.0, small) / (1.0 + small))))


def _where(condition: Any, a: Any, b: Any) -> Any:
    pulls = [(a, lambda g: np.where(condition, g, 0.0)), (b, lambda g: np.where(condition, 0.0, g))]
    operands = [(own, pull) for own, pull in pulls if isinstance(own, Traced)]
    value = np.where(condition, plain(a), plain(b))
    return Traced(value, operands[0][0].tape, *operands) if operands else value


def _logsumexp(x: Any) -> Any:
    if not isinstance(x, Traced):
        return NUMPY.logsumexp(x)
    at = x.value
    total = NUMPY.logsumexp(at)
    return Traced(total, x.tape, (x, lambda g: g[..., None] * np.exp(at - total[..., None])))


def _logsumexp_of_rows(rows: Any, numbers: np.ndarray, log_weight: np.ndarray) -> Any:
    """As of the namespace; a change of a row changes its patient's sum by the row's share of it."""
    if not isinstance(rows, Traced):
        return NUMPY.logsumexp_of_rows(rows, numbers, log_weight)
    at, known = rows.value, np.isfinite(log_weight)
    total = NUMPY.logsumexp_of_rows(at, numbers, log_weight)
    patient = np.repeat(np.arange(len(numbers)), known.sum(axis=1))
    share = np.exp(at + log_weight[known] - total[..., patient])
    return Traced(total, rows.tape, (rows, lambda g: g[..., patient] * share))


def _concatenate(parts: Sequence[Any]) -> Any:
    values = [plain(part) for part in parts]
    stops = np.cumsum([value.shape[-1] for value in values]).tolist()
    places = [slice(*ends) for ends in pairwise([0, *stops])]
    operands = [
        (part, lambda g, at=at: g[..., at]) for part, at in zip(parts, places, strict=True) if isinstance(part, Traced)
    ]
    value = np.concatenate(values, axis=-1)
    return Traced(value, operands[0][0].tape, *operands) if operands else value


def _normal_density(z: Any) -> Any:
    return np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)


def _student_density(x: Any, nu: Any) -> Any:
    log_scale = special.gammaln((nu + 1) / 2) - special.gammaln(nu / 2) - np.log(nu * math.pi) / 2
    return np.exp(log_scale - (nu + 1) / 2 * np.log1p(x * x / nu))


def _gamma_density(x: Any, alpha: Any) -> Any:
    return np.exp(special.xlogy(alpha - 1, x) - x - special.gammaln(alpha))


def _beta_density(x: Any, alpha: Any, beta: Any) -> Any:
    return np.exp(special.xlogy(alpha - 1, x) + special.xlog1py(beta - 1, -x) - special.betaln(alpha, beta))


def _quantile(function: Function, density: Function) -> Function:
    """Return a quantile at a standard normal: its slope is the normal density over that of the distribution."""

    def slope(x: Any, z: Any, *shape: Any) -> Any:
        with np.errstate(divide="ignore", invalid="ignore"):
            return _normal_density(z) / density(x, *shape)

    return _elementwise(function, slope)


def _normals_density(x: Any, weights: Any, mu: Any, sigma: Any) -> Any:
    return (weights / sigma * _normal_density((x[..., None] - mu) / sigma)).sum(axis=-1)


def _refuse_mixture(*_: Array) -> Array:
    raise NotImplementedError("the quantile of a mixture has no derivatives here")


TRACED: Namespace = replace(
    NUMPY,
    exp=_elementwise(np.exp, lambda y, x: y),
    log=_elementwise(np.log, lambda y, x: 1.0 / x),
    expm1=_elementwise(np.expm1, lambda y, x: y + 1.0),
    log1p=_elementwise(np.log1p, lambda y, x: 1.0 / (1.0 + x)),
    maximum=lambda a, b: _where(plain(a) > plain(b), a, b),
    minimum=lambda a, b: _where(plain(a) < plain(b), a, b),
    where=_where,
    softplus=_softplus,
    sigmoid=_elementwise(special.expit, lambda y, x: y * (1.0 - y)),
    log_normal_tail=_elementwise(
        NUMPY.log_normal_tail, lambda y, x: -np.exp(-0.5 * x * x - y) / math.sqrt(2 * math.pi)
    ),
    logsumexp=_logsumexp,
    logsumexp_of_rows=_logsumexp_of_rows,
    concatenate=_concatenate,
    half_normal_quantile=_quantile(NUMPY.half_normal_quantile, lambda x: 2 * _normal_density(x)),
    student_quantile=_quantile(NUMPY.student_quantile, _student_density),
    gamma_quantile=_quantile(NUMPY.gamma_quantile, _gamma_density),
    beta_quantile=_quantile(NUMPY.beta_quantile, _beta_density),
    mixture_quantile=_refuse_mixture,
    normals_quantile=_quantile(NUMPY.normals_quantile, _normals_density),
)
