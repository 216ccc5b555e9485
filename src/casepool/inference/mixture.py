"""The quantile function of a mixture of two normals as an operation of a graph."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytensor.scalar as ps
from pytensor.link.numba.dispatch.basic import numba_njit
from pytensor.link.numba.dispatch.scalar import register_scalar_funcify, scalar_op_cache_key
from pytensor.tensor.elemwise import Elemwise

from casepool.modelling.families.mixtures import VERSION, quantile


class MixtureQuantile(ps.ScalarOp):  # type: ignore[misc]
    """`quantile` as an operation of a graph, with its derivatives by the implicit function theorem."""

    nin = 5

    def impl(self, z: float, p: float, sd: float, centre: float, spread: float) -> float:
        """Compute the value."""
        return quantile(float(z), float(p), float(sd), float(centre), float(spread))

    def pullback(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Any]:
        """Carry gradients back: `r` is the probability that x came from the first normal."""
        z, p, sd, centre, spread = inputs
        (x,), (given,) = outputs, output_gradients
        a, b = x / sd, (x - centre) / spread
        first, second = ps.log(p) - ps.log(sd) - a * a / 2.0, ps.log1p(-p) - ps.log(spread) - b * b / 2.0
        r = ps.sigmoid(first - second)
        top = ps.maximum(first, second)
        density = top + ps.log(ps.exp(first - top) + ps.exp(second - top))
        below = ps.erfc(-b / math.sqrt(2.0)) - ps.erfc(-a / math.sqrt(2.0))
        slopes = (
            ps.exp(-z * z / 2.0 - density),
            below * math.sqrt(math.pi / 2.0) * ps.exp(-density),
            r * a,
            1.0 - r,
            (1.0 - r) * b,
        )
        return [given * slope for slope in slopes]


@register_scalar_funcify(MixtureQuantile)  # type: ignore[untyped-decorator]
def _compiled(op: MixtureQuantile, node: Any, **kwargs: Any) -> tuple[Callable[..., float], str]:
    return numba_njit(quantile), scalar_op_cache_key(op, version=VERSION)


mixture_quantile = Elemwise(MixtureQuantile(ps.upgrade_to_float, name="mixture_quantile"))
"""`quantile`, elementwise over tensors that broadcast."""
