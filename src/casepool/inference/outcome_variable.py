"""The observed variable of a graph: its log probability, its random draws, and what may be observed in its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pytensor.graph.basic import Constant

from casepool.errors import CasepoolError
from casepool.inference.fit_contents import observed
from casepool.inference.predictive import NEAR, drawn_outcome, follow_up_limit
from casepool.modelling import Design
from casepool.modelling.design.likelihood import Data, data_of, log_likelihood, models_dates
from casepool.modelling.families.arrays import Namespace
from casepool.modelling.families.parameters import Arrays
from casepool.modelling.families.registry import FAMILIES


@dataclass(frozen=True)
class Outcome:
    """What the observed variable is made of: the data and the parameters it is given, in the order of its arguments.

    Parameters
    ----------
    design : Design
    data, parameters : tuple of str
        Names of the arrays of the likelihood, and of the parameters.
    cores : tuple of int
        How many axes each has of its own.
    xp : Namespace
        Of symbols.
    """

    design: Design
    data: tuple[str, ...]
    parameters: tuple[str, ...]
    cores: tuple[int, ...]
    xp: Namespace

    @property
    def signature(self) -> str:
        """Which axes of the arguments are no patients, as NumPy writes it."""
        own = [",".join(f"a{i}x{j}" for j in range(core)) for i, core in enumerate(self.cores)]
        return ",".join(f"({axes})" for axes in ("", *own)) + "->()"

    def log_probability(self, value: Any, given: Any, *arguments: Any) -> Any:
        """Hand on what the likelihood makes of the data; of another outcome, as `pm.observe` puts it in, compute it."""
        seen = observed(self.design)
        if isinstance(value, Constant) and np.array_equal(value.data, seen):
            return given
        data, parameters = self._named(
            [values[(0,) * (values.ndim - core)] for values, core in zip(arguments, self.cores, strict=True)]
        )  # PyMC gives each an axis of one for the patients
        told = log_likelihood(Data(self.design, {**data, **self._replaced(value)}), parameters, self.xp)
        return told + self._log_ways(value) - self._log_ways(seen)

    def _named(self, arguments: Sequence[Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        data, parameters = arguments[: len(self.data)], arguments[len(self.data) :]
        return dict(zip(self.data, data, strict=True)), dict(zip(self.parameters, parameters, strict=True))

    def _replaced(self, value: Any) -> dict[str, Any]:
        """Return the arrays of the likelihood that an outcome is: of survival, a time beyond follow-up is censored."""
        why = unobservable(self.design)
        if why:
            problem = f"another outcome cannot be observed of the model {self.design.model.name!r}: {why}"
            raise CasepoolError(problem, remedy="build the model of a table that holds the outcome")
        family, rows = FAMILIES[self.design.model.family], self.design.patient_of_row
        if not family.is_survival:
            return {family.observed: value[rows]}
        limit = follow_up_limit(self.design)
        return {
            "time": pt.minimum(value, limit)[rows],
            "event": pt.switch(value < limit * (1 - NEAR), 1.0, 0.0)[rows],
        }

    def _log_ways(self, value: Any) -> Any:
        """Log of the ways to pick the responders among the patients of a row: data, so part of a row's weight."""
        if FAMILIES[self.design.model.family].observed != "events":
            return 0.0
        n = self.design.outcome["n"]
        return pt.gammaln(n + 1.0) - pt.gammaln(value + 1.0) - pt.gammaln(n - value + 1.0)

    def draw(self, given: np.ndarray, *arguments: np.ndarray, rng: np.random.Generator, size: Any) -> np.ndarray:
        """Draw an outcome of every patient, as the group ``posterior_predictive`` of a fit holds it."""
        shape = tuple(size) if size is not None else given.shape
        each = zip(arguments, self.cores, strict=True)
        data, parameters = self._named([_leading(values, core, shape[:-1]) for values, core in each])
        self._refuse_other_data(data)
        return drawn_outcome(self.design, parameters, rng).reshape(shape)

    @cached_property
    def built_of(self) -> Mapping[str, np.ndarray]:
        """The arrays the graph was built of."""
        return data_of(self.design).arrays

    def _refuse_other_data(self, data: Mapping[str, np.ndarray]) -> None:
        """Refuse to replicate patients who are not those the graph was built of."""
        changed = [name for name, values in data.items() if not np.array_equal(values[0, 0], self.built_of[name])]
        if changed:
            raise CasepoolError(
                f"the data {changed[0]!r} of the graph are not those it was built of, of which its outcomes are drawn",
                remedy="build the model of the other table",
            )


def _leading(values: np.ndarray, core: int, lead: tuple[int, ...]) -> np.ndarray:
    """Return an argument as draws: an axis for chains, one for draws, then its own; it has none for patients."""
    values = np.asarray(values)
    own = values.shape[values.ndim - core :]
    batch = values.shape[: values.ndim - core][:-1]
    return np.broadcast_to(values.reshape((*batch, *own)), (*lead, *own)).reshape((1, -1, *own))


def unobservable(design: Design) -> str:
    """Say why no other outcome can take the place of the one seen; "" where it can."""
    if not design.model.is_survival:
        counted = design.model.is_ordinal and bool((design.outcome["n"] != 1).any())
        return "a row stands for several patients, who need not reach the same category" if counted else ""
    if design.model.exposures and not _begins_at_entry(design):
        return "the exposures seen began while patients were event-free"
    if design.pieces is not None:
        return "the hazard's basis is laid out at the times seen"
    if len(design.event_time) or "between" in design.outcome:
        return "events lie between two looks"
    return ""


def _begins_at_entry(design: Design) -> bool:
    """Whether every exposure seen is a state a patient was found in, which no outcome had to wait for."""
    late = np.isfinite(design.switch) & (design.switch > design.outcome["entry"][design.patient_of_row])
    return not models_dates(design) and not late.any()


def declare_outcome(design: Design, inputs: Arrays, made: Arrays, xp: Namespace) -> None:
    """Observe one outcome per patient, its log probability from the shared likelihood.

    The outcome's numbers enter the likelihood with the other data, spread over rows; so the observed variable
    hands its log probability on instead of computing it from its value again.
    """
    per_patient = log_likelihood(Data(design, inputs), made, xp)
    arguments = [pt.as_tensor(values) for values in (*inputs.values(), *made.values())]
    own = Outcome(design, tuple(inputs), tuple(made), tuple(each.ndim for each in arguments), xp)
    pm.CustomDist(
        "outcome",
        per_patient,
        *arguments,
        logp=own.log_probability,
        random=own.draw,
        signature=own.signature,
        dtype="float64" if design.model.is_survival else "int64",
        observed=observed(design),
        dims="patient",
    )
