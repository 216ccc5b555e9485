"""The posterior of a Design, written once over any arrays: log prior, log likelihood, and the ways into their space.

Three spaces. *Parameters* are what the posterior holds and the likelihood reads. A *coordinate* is what a parameter's
prior is a density of: the parameter itself, or the standard variable it is an image of. A *vector* holds all of them
without bounds: through `unconstrained` as PyMC samples them, through `from_normal` as standard normals.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from casepool.modelling.design.design import Design
from casepool.modelling.design.likelihood import Data, data_of, log_likelihood, log_recorded
from casepool.modelling.families.arrays import NUMPY, Array, Namespace
from casepool.modelling.families.parameters import Parameter, Stated

Arrays = Mapping[str, Array]


@dataclass(frozen=True)
class Density:
    """The posterior density of a Design.

    Every array may have draws as leading axes; a vector's own axis is last.

    Parameters
    ----------
    design : Design
    """

    design: Design

    @cached_property
    def data(self) -> Data:
        """The arrays the likelihood reads."""
        return data_of(self.design)

    @cached_property
    def inputs(self) -> dict[str, np.ndarray]:
        """The arrays the laws of the parameters read."""
        return prior_inputs(self.design) | prior_constants(self.design)

    @cached_property
    def free(self) -> tuple[Parameter, ...]:
        """The parameters that are unknown, in the order of a vector."""
        return tuple(own for own in self.design.declared if own.is_free)

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of the unbounded coordinates of every free parameter, by the coordinate's name."""
        return {own.coordinate: own.coordinate_shape(self.design.laid) for own in self.free}

    @property
    def size(self) -> int:
        """Length of a vector."""
        return sum(int(np.prod(shape)) for shape in self.shapes.values())

    @property
    def places(self) -> dict[str, slice]:
        """Where in a vector the coordinates of every free parameter lie, by the coordinate's name."""
        stops = np.cumsum([int(np.prod(shape)) for shape in self.shapes.values()]).tolist()
        return {name: slice(start, stop) for name, start, stop in zip(self.shapes, [0, *stops], stops, strict=False)}

    def split(self, vector: Array) -> dict[str, Array]:
        """Cut a vector (..., size) into the unbounded coordinates of every parameter, by name."""
        found, start = {}, 0
        lead = tuple(vector.shape[axis] for axis in range(vector.ndim - 1))
        for name, shape in self.shapes.items():
            stop = start + int(np.prod(shape))
            part = vector[..., start:stop]
            found[name] = part[..., 0] if not shape else part if len(shape) == 1 else part.reshape((*lead, *shape))
            start = stop
        return found

    def unconstrained(self, vector: Array, xp: Namespace) -> tuple[dict[str, Array], Array]:
        """Return coordinates from a vector as PyMC samples it, and the log Jacobian of that map."""
        parts = self.split(vector)
        coordinates: dict[str, Array] = {}
        jacobian: Array = 0.0
        for own in self.free:
            x = parts[own.coordinate]
            if own.given.centred:
                numbers = own.given.numbers(self.inputs, coordinates, xp) if isinstance(own.given, Stated) else {}
                x, log_slope = own.given.distribution.constrained(x, numbers, xp)
                jacobian = jacobian + _total(log_slope, own.axes)
            coordinates[own.coordinate] = x
        return coordinates, jacobian

    def from_normal(self, vector: Array, xp: Namespace) -> dict[str, Array]:
        """Return parameters from standard normals: each the quantile of its law, given those before it.

        The prior of the vector is then the standard normal, whatever the priors of the model.

        Raises
        ------
        CasepoolError
            For a Flat prior, which has no quantiles.
        """
        parts, made = self.split(vector), self.fixed()
        for own in self.free:
            law, z = own.given, parts[own.coordinate]
            made[own.name] = law.from_normal(z, law.numbers(self.inputs, made, xp), xp)
        return made

    def fixed(self) -> dict[str, Array]:
        """Return the parameters that are fixed at a value."""
        laid = self.design.laid
        own = [parameter for parameter in self.design.parameters if not parameter.is_free]
        return {p.name: np.full(p.shape(laid), p.given.numbers(self.inputs, {}, NUMPY)["value"]) for p in own}

    def parameters(self, coordinates: Arrays, xp: Namespace) -> dict[str, Array]:
        """Return parameters from their coordinates, fixed ones among them."""
        made = self.fixed()
        for own in self.free:
            made[own.name] = own.value(coordinates[own.coordinate], self.inputs, made, xp)
        return made

    def log_prior(self, parameters: Arrays, xp: Namespace) -> dict[str, Array]:
        """Return the log density of every parameter with a prior of its own, entry by entry (of shares, once)."""
        own = [parameter for parameter in self.design.parameters if parameter.is_stated]
        return {p.name: p.log_density(parameters[p.name], self.inputs, parameters, xp) for p in own}

    def log_likelihood(self, parameters: Arrays, xp: Namespace) -> Array:
        """Return every patient's log likelihood: array (..., patients)."""
        return log_likelihood(self.data, parameters, xp)

    def log_density(self, vector: Array, xp: Namespace) -> Array:
        """Return the log density of the posterior, up to a constant, at a vector as PyMC samples it: array (...)."""
        coordinates, total = self.unconstrained(vector, xp)
        made = self.parameters(coordinates, xp)
        for own in self.free:
            x = coordinates[own.coordinate]
            log_p = own.coordinate_density(x, self.inputs, made, xp)
            total = total + _total(log_p, own.axes)
        return total + self._told(made, xp)

    def log_density_of_normal(self, vector: Array, xp: Namespace) -> Array:
        """Return the log density of the posterior, up to a constant, at standard normals of `from_normal`: (...).

        A standard normal times the likelihood, whatever the model; where a law's distribution is not its density, times
        the ratio of the two.
        """
        made = self.from_normal(vector, xp)
        total = self._told(made, xp) - 0.5 * (vector * vector).sum(axis=-1)
        for own in self.free:
            if not own.given.is_exact:
                total = total + _total(own.correction(made[own.name], self.inputs, made, xp), own.axes)
        return total

    def _told(self, parameters: Arrays, xp: Namespace) -> Array:
        """Return the log probability of all that the table tells: outcomes, and what is recorded of covariates."""
        total = self.log_likelihood(parameters, xp).sum(axis=-1)
        for log_p in log_recorded(self.design, self.design.recorded, parameters, xp).values():
            total = total + log_p
        return total


def prior_inputs(design: Design) -> dict[str, np.ndarray]:
    """Return every array that the laws of a design's parameters take as data, by the names a graph gives them."""
    found: dict[str, np.ndarray] = {}
    for own in design.parameters:
        found |= own.given.inputs(design.laid)
    return found


def prior_constants(design: Design) -> dict[str, np.ndarray]:
    """Return every array of those laws that is no data: it follows from the sizes of their dimensions."""
    found: dict[str, np.ndarray] = {}
    for own in design.parameters:
        found |= own.given.constants(design.laid)
    return found


def _total(values: Array, axes: int) -> Array:
    """Sum over the last axes."""
    for _ in range(axes):
        values = values.sum(axis=-1)
    return values
