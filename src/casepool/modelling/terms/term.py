"""A term of the linear predictor: the keys of its table in a model file, and all that its kind knows how to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from casepool.modelling.families.arrays import Array, Namespace
from casepool.modelling.families.facts import DATA
from casepool.modelling.families.names import effect_of
from casepool.modelling.families.parameters import Parameter
from casepool.modelling.families.priors import Prior
from casepool.modelling.families.registry import Family

Parameters = Mapping[str, Array]


@dataclass(frozen=True)
class ColumnRead:
    """What a column of n patients holds.

    Parameters
    ----------
    cells : list of tuple of str
        Every patient's labels; empty for a column of numbers.
    levels : tuple of str
        Every label there is, in order.
    values : array (n,)
        Every patient's number, NaN if missing; of length 0 for a column of labels.
    """

    cells: list[tuple[str, ...]]
    levels: tuple[str, ...]
    values: np.ndarray


@dataclass(frozen=True)
class Coded:
    """One term read from n patients.

    Parameters
    ----------
    term : Term
    levels : tuple of str
        Values of the factor; empty for a number.
    coefficients : tuple of str
        Labels of the effect's coefficients; empty for a single one.
    choices : array (choices, columns)
        Distinct design-matrix rows; of a number, its standardised value (NaN at a quadrature node).
    nodes : array (choices,)
        Quadrature node of a missing number, NaN elsewhere.
    options : list of n integer arrays
        The choices each patient may have: one if known, several to be summed over if missing.
    log_weights : list of n float arrays
        Fixed log weight of each option.
    missing : boolean array (n,)
    values : array (n,)
        The recorded value of a number (NaN if missing), or the index of a patient's level (-1 if missing,
        -2 if several).
    """

    term: Term
    levels: tuple[str, ...]
    coefficients: tuple[str, ...]
    choices: np.ndarray
    nodes: np.ndarray
    options: list[np.ndarray]
    log_weights: list[np.ndarray]
    missing: np.ndarray
    values: np.ndarray

    def choice_of(self, level: str) -> np.ndarray:
        """Design-matrix row of a patient who belongs to `level` alone."""
        return np.asarray(self.choices[self.levels.index(level)])


@dataclass(frozen=True)
class Term:
    """One covariate or factor; the fields are the keys of ``[terms.<name>]``.

    A new kind is a subclass in `labels.py` or `numbers.py`, and an entry of the `KINDS` there. Its fields are keys of a
    model file; those a graph takes as data are marked with `DATA`.

    Attributes
    ----------
    kind : str
        What a model file calls it.
    reads_numbers : bool
        Whether its column holds numbers, or labels.
    is_number : bool
        Whether it is a number as it stands, without levels.
    borrows : bool
        Whether it is a factor whose levels may inform each other.
    held_by_prior : bool
        Whether its effects have no maximum of the likelihood of their own.
    thinned : int
        Every how many nodes of a missing number are kept where combinations are many.
    """

    name: str
    column: str = field(metadata=DATA, default="")
    missing: str = field(metadata=DATA, default="model")

    kind: ClassVar[str] = ""
    reads_numbers: ClassVar[bool] = False
    is_number: ClassVar[bool] = False
    borrows: ClassVar[bool] = False
    held_by_prior: ClassVar[bool] = False
    thinned: ClassVar[int] = 1

    @property
    def source(self) -> str:
        """Column of the cases the term reads."""
        return self.column or self.name

    @property
    def stands_alone(self) -> bool:
        """Whether its levels take the place of the linear predictor's zero point."""
        return False

    @property
    def limits(self) -> tuple[float, float] | None:
        """Between which a number must lie, if its kind and its keys say so."""
        return None

    @property
    def each_step(self) -> bool:
        """Whether each step between categories has an effect of its own: the key `by_category` of some kinds."""
        return bool(getattr(self, "by_category", False))

    def problem(self) -> str:
        """Say what is wrong with its keys together; "" if nothing."""
        return ""

    def encode(self, read: ColumnRead) -> Coded:
        """Code what was read of every patient."""
        raise NotImplementedError

    def parameters(self, family: Family, priors: Mapping[str, Prior]) -> list[Parameter]:
        """Return its parameters, in the order in which a description lists them; `priors` those of its model."""
        raise NotImplementedError

    def missing_parameters(self) -> list[Parameter]:
        """Return the parameters of the distribution of values that some patients miss, each with its default prior."""
        raise NotImplementedError

    def contribution(self, x: Array, parameters: Parameters, xp: Namespace) -> Array:
        """Return what it adds to the linear predictor of each row: array (..., rows).

        Parameters
        ----------
        x : array (rows, columns), or of a number (..., rows)
            Design-matrix rows; of a number, standardised values.
        parameters : mapping of str to array
            Draws lead, a vector's own axis is last.
        xp : Namespace
        """
        raise NotImplementedError

    def contribution_of_draws(self, x: np.ndarray, parameters: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the same where every draw has a row of its own: `x` is (draws..., columns), the result (draws...)."""
        raise NotImplementedError

    def equation(self) -> list[str]:
        """Write what it adds to the linear predictor, part by part."""
        raise NotImplementedError

    def dims(self, coded: Coded, incomplete: bool) -> dict[str, tuple[str, ...]]:
        """Return the dimensions of its parameters with their labels, of missing values if it is `incomplete`."""
        return {}

    def effect_words(self) -> str:
        """Say of what an effect is the effect: " per 10", " against the reference"."""
        return " against the reference"

    def levels_text(self) -> str:
        """Say what it is, without what happens to missing values."""
        raise NotImplementedError

    def missing_text(self) -> str:
        """Say what happens to missing values."""
        if self.missing == "drop":
            return "patients without it are left out"
        return "missing values are summed over"

    def column_text(self) -> str:
        """Name the column where the term is called otherwise."""
        return f" in `{self.source}`" if self.source != self.name else ""

    def __str__(self) -> str:
        each = ", an effect of its own at each step between categories" * self.each_step
        return f"{self.levels_text()}{each}; {self.missing_text()}"

    def has_effect(self, parameters: Mapping[str, Any]) -> bool:
        """Say whether parameters hold its effect: levels that do not differ have none."""
        return effect_of(self.name) in parameters


def rising(numbers: tuple[float, ...]) -> bool:
    """Say whether each number is larger than the one before."""
    return list(numbers) == sorted(set(numbers))
