"""Terms that stay numbers: a straight line, and a smooth curve about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, override

import numpy as np
from scipy import special

from casepool.modelling.families.arrays import NUMPY, Array, Namespace
from casepool.modelling.families.names import basis_dim, curve_of, curve_sd_of, effect_of, mean_of, spread_of
from casepool.modelling.families.parameters import Parameter, Role, Scaled
from casepool.modelling.families.priors import Prior
from casepool.modelling.families.registry import Family
from casepool.modelling.families.splines import wiggle
from casepool.modelling.families.supports import POSITIVE
from casepool.modelling.terms.labels import bounds_problem, bounds_text, plain_effect
from casepool.modelling.terms.term import Coded, ColumnRead, Parameters, Term, rising

SPAN = 6.2
"""How far the nodes over the standard normal behind a missing number reach.

The trapezoidal rule converges geometrically here (Trefethen 2014), Gauss-Hermite does not: a logistic response
to a bounded covariate has poles near the real line. At a knot of a smooth term the third derivative jumps, and the
error falls with the fourth power of the distance between nodes only: hence their number there.
"""
MEAN = Prior("Normal", {"mu": 0.0, "sigma": 1.5}, "convention: any mean inside the bounds is plausible")
SPREAD = Prior("HalfNormal", {"sigma": 1.5}, "convention: from one value to all of the range")


@dataclass(frozen=True)
class Number(Term):
    """A number with a straight line, per `scale` from `centre`."""

    centre: float = 0.0
    scale: float = 1.0
    bounds: tuple[float, float] | None = None

    reads_numbers: ClassVar[bool] = True
    is_number: ClassVar[bool] = True
    nodes: ClassVar[int] = 48
    """Equidistant nodes over the standard normal behind one missing number."""
    thinned: ClassVar[int] = 4

    @property
    @override
    def limits(self) -> tuple[float, float] | None:
        return self.bounds

    @override
    def problem(self) -> str:
        return bounds_problem(self.bounds) or ("" if self.scale > 0 else "scale must be positive")

    def standardised(self, values: Array, xp: Namespace = NUMPY) -> Array:
        """Return what the effect is told per: numbers in units of `scale` from `centre`."""
        return (values - self.centre) / self.scale

    def recorded(self, standardised: np.ndarray) -> np.ndarray:
        """Return the numbers as the table has them: the inverse of `standardised`."""
        return np.asarray(self.centre + self.scale * standardised)

    def at_nodes(self, node: Array, mean: Array, spread: Array, xp: Namespace) -> Array:
        """Return the standardised values at standard normal quantiles of its modelled distribution.

        Parameters
        ----------
        node, mean, spread : arrays that broadcast
            Mean and standard deviation on the logit scale of the bounds.
        xp : Namespace
        """
        low, high = self.bounds or (0.0, 1.0)
        return self.standardised(low + (high - low) * xp.sigmoid(mean + spread * node), xp)

    @override
    def encode(self, read: ColumnRead) -> Coded:
        """Code a number; a missing one gets nodes over its distribution on the logit scale."""
        missing = np.isnan(read.values)
        known, inverse = np.unique(read.values[~missing], return_inverse=True)
        z = np.linspace(-SPAN, SPAN, self.nodes)
        log_weight = node_weights(z)
        options: list[np.ndarray] = [len(known) + np.arange(self.nodes)] * len(read.values)
        for position, choice in zip(np.flatnonzero(~missing), inverse, strict=True):
            options[position] = np.array([choice])
        return Coded(
            term=self,
            levels=(),
            coefficients=(),
            choices=np.append(self.standardised(known), np.full(self.nodes, np.nan))[:, None],
            nodes=np.append(np.full(len(known), np.nan), z),
            options=options,
            log_weights=[log_weight if is_missing else np.zeros(1) for is_missing in missing],
            missing=missing,
            values=read.values,
        )

    @override
    def parameters(self, family: Family, priors: Mapping[str, Prior]) -> list[Parameter]:
        return [plain_effect(self, ())]

    @override
    def missing_parameters(self) -> list[Parameter]:
        mean = Parameter(mean_of(self.name), Role.MEAN, self.name, if_missing=True)
        spread = Parameter(spread_of(self.name), Role.SPREAD, self.name, support=POSITIVE, if_missing=True)
        return [mean.with_prior(MEAN), spread.with_prior(SPREAD)]

    @override
    def contribution(self, x: Array, parameters: Parameters, xp: Namespace) -> Array:
        return parameters[effect_of(self.name)][..., None] * x

    @override
    def contribution_of_draws(self, x: np.ndarray, parameters: Mapping[str, np.ndarray]) -> np.ndarray:
        return np.asarray(self.contribution(x, parameters, NUMPY)[..., 0])

    @override
    def equation(self) -> list[str]:
        effect = f"{effect_of(self.name)}[step]" if self.each_step else effect_of(self.name)
        sign, far = "-" if self.centre > 0 else "+", abs(self.centre)
        moved = f"({self.source} {sign} {far:g})" if self.centre else self.source
        return [f"{effect} {moved if self.scale == 1 else f'{moved}/{self.scale:g}'}"]

    @override
    def effect_words(self) -> str:
        return f" per {self.scale:g}"

    @override
    def levels_text(self) -> str:
        line = f"linear per {self.scale:g} from {self.centre:g}"
        return f"number{self.column_text()}, {line}{bounds_text(self.bounds)}"

    @override
    def missing_text(self) -> str:
        if self.missing == "drop":
            return super().missing_text()
        if self.bounds is None:
            return "a missing value is refused: the term has no bounds to model it within"
        return "missing values are integrated out"


@dataclass(frozen=True)
class Linear(Number):
    """A straight line."""

    by_category: bool = False

    kind: ClassVar[str] = "linear"


@dataclass(frozen=True)
class Smooth(Number):
    """A number with a straight line, and about it a natural cubic spline whose bends a prior holds together."""

    knots: tuple[float, ...] = ()

    kind: ClassVar[str] = "smooth"
    held_by_prior: ClassVar[bool] = True
    nodes: ClassVar[int] = 768
    thinned: ClassVar[int] = 16

    @property
    def standard_knots(self) -> tuple[float, ...]:
        """Knots in units of `scale` from `centre`."""
        return tuple((knot - self.centre) / self.scale for knot in self.knots)

    @override
    def dims(self, coded: Coded, incomplete: bool) -> dict[str, tuple[str, ...]]:
        return {basis_dim(self.name): tuple(str(k + 1) for k in range(len(self.knots) - 2))}

    @override
    def problem(self) -> str:
        few = len(self.knots) < 3 or not rising(self.knots)
        return super().problem() or ("smooth needs three or more rising knots" if few else "")

    @override
    def parameters(self, family: Family, priors: Mapping[str, Prior]) -> list[Parameter]:
        sd, curve = curve_sd_of(self.name), curve_of(self.name)
        return [
            *super().parameters(family, priors),
            Parameter(sd, Role.CURVE_SD, self.name, support=POSITIVE, key=sd),
            Parameter(curve, Role.CURVE, self.name, (basis_dim(self.name),), law=Scaled(sd)),
        ]

    @override
    def contribution(self, x: Array, parameters: Parameters, xp: Namespace) -> Array:
        line = super().contribution(x, parameters, xp)
        return line + wiggle(x, parameters[curve_of(self.name)], self.standard_knots, xp)

    @override
    def equation(self) -> list[str]:
        return [*super().equation(), f"{self.name}_curve({self.source})"]

    @override
    def levels_text(self) -> str:
        knots = ", ".join(f"{knot:g}" for knot in self.knots)
        return (
            f"{super().levels_text()}, and about that line a natural cubic spline with knots at {knots}, which leaves "
            f"it by {curve_sd_of(self.name)} (root mean square at the knots)"
        )


KINDS: dict[str, type[Term]] = {kind.kind: kind for kind in (Linear, Smooth)}
"""Kinds of terms that stay numbers, by the name a model file gives them."""


def node_weights(z: np.ndarray) -> np.ndarray:
    """Return the log weights of equidistant nodes for an average over a standard normal: array like `z`."""
    return np.asarray(-(z**2) / 2 - special.logsumexp(-(z**2) / 2))


def as_number(term: Term) -> Number:
    """Return a term that is a number, as one.

    Raises
    ------
    TypeError
        For any other.
    """
    if not isinstance(term, Number):
        raise TypeError(f"{term.name} is no number")
    return term
