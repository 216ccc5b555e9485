"""A prior: a distribution with its numbers, and the reason for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import special

from casepool.modelling.families.arrays import NUMPY, Array
from casepool.modelling.families.distributions import DISTRIBUTIONS, Distribution
from casepool.modelling.families.supports import POSITIVE

Z_UPPER = float(special.ndtri(0.975))


@dataclass(frozen=True)
class Prior:
    """One prior distribution and the reason for it.

    Parameters
    ----------
    dist : str
        A key of `DISTRIBUTIONS`.
    parameters : mapping of str to float
        The distribution's parameters; of a mixture each a tuple, one number a component.
    why : str
        The reason, with a source or the word "convention".
    elicited : mapping
        The ``from`` form as the model file states it (``from``, ``median``, ``upper``), if it does.
    """

    dist: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    why: str = ""
    elicited: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        if self.elicited.get("from") == "median_time":
            return f"median time {self.elicited['median']:g}, 97.5% below {self.elicited['upper']:g}"
        how = f"from trials ({self.elicited['method']}), " if self.elicited.get("from") == "trials" else ""
        inside = ", ".join(f"{name} = {_written(value)}" for name, value in self.parameters.items())
        return f"{how}{self.dist}({inside})"

    @property
    def distribution(self) -> Distribution:
        """The distribution without its numbers."""
        return DISTRIBUTIONS[self.dist]

    @property
    def numbers(self) -> Mapping[str, Array]:
        """The distribution's parameters as a density takes them: of a mixture arrays (components,)."""
        if not self.distribution.has_components:
            return self.parameters
        return {name: np.asarray(values) for name, values in self.parameters.items()}

    @property
    def is_positive(self) -> bool:
        """Whether it gives positive numbers only."""
        return self.distribution.is_within(POSITIVE, self.parameters)

    def log_density(self, x: Array) -> Array:
        """Return the log density at `x`, within the support."""
        return np.asarray(self.distribution.log_density(np.asarray(x), self.numbers, NUMPY))

    def quantile(self, q: Array) -> Array:
        """Return quantiles at probabilities `q`."""
        return np.asarray(self.distribution.from_normal(special.ndtri(np.asarray(q)), self.numbers, NUMPY))

    def cdf(self, x: Array) -> Array:
        """Return the probability of values up to `x`."""
        return self.distribution.cdf(np.asarray(x), self.parameters)

    def draw(self, size: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        """Draw values of shape `size`."""
        return np.asarray(self.distribution.draw(self.parameters, size, rng))


def _written(value: Any) -> str:
    """Write one number, or those of components as a list."""
    return f"[{', '.join(f'{one:.4g}' for one in value)}]" if isinstance(value, tuple) else f"{value:.4g}"
