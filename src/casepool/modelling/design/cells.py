"""Cells of two terms with levels: which of them occur in a table, and how much of each a row is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from casepool.modelling.specification.model import Model
from casepool.modelling.terms.joint import Interaction
from casepool.modelling.terms.term import Coded

Cells = tuple[tuple[int, int], ...]
"""Places of a cell's two levels, of each cell."""


class TermRows(Protocol):
    """What is asked of one term on the rows of a design."""

    @property
    def coded(self) -> Coded: ...  # noqa: D102
    @property
    def matrix(self) -> np.ndarray: ...  # noqa: D102


def all_levels(matrix: np.ndarray, levels: int) -> np.ndarray:
    """Return the weight of every level in rows (..., coefficients) of a design matrix, the reference's among them."""
    if matrix.shape[-1] == levels:
        return matrix
    return np.concatenate([1.0 - matrix.sum(axis=-1, keepdims=True), matrix], axis=-1)


def parents_of(model: Model, own: Interaction) -> tuple[str, str]:
    """Return the two terms of an interaction in the order of the model: that of `of` says nothing."""
    first, second = sorted(own.of, key=list(model.terms).index)
    return first, second


def cells_of(model: Model, terms: Mapping[str, TermRows]) -> dict[str, Cells]:
    """Return the cells of every interaction of which some row is part."""
    found = {}
    for name, own in interactions(model).items():
        first, second = _weights(model, own, terms)
        places = np.argwhere((first.T > 0).astype(float) @ (second > 0).astype(float) > 0)
        found[name] = tuple((int(i), int(j)) for i, j in places)
    return found


def every_cell(model: Model, terms: Mapping[str, TermRows]) -> dict[str, Cells]:
    """Return all cells of every interaction, whether they occur or not."""
    found = {}
    for name, own in interactions(model).items():
        shape = [len(terms[parent].coded.levels) for parent in parents_of(model, own)]
        found[name] = tuple((int(i), int(j)) for i, j in np.ndindex(*shape))
    return found


def cell_weights(model: Model, name: str, terms: Mapping[str, TermRows], cells: Cells) -> np.ndarray:
    """Return how much of each cell every row is: array (rows, cells)."""
    first, second = _weights(model, interactions(model)[name], terms)
    places = np.array(cells, dtype=int).reshape(-1, 2)
    return np.asarray(first[:, places[:, 0]] * second[:, places[:, 1]])


def cell_labels(model: Model, name: str, terms: Mapping[str, TermRows], cells: Cells) -> tuple[str, ...]:
    """Name the cells."""
    first, second = (terms[parent].coded.levels for parent in parents_of(model, interactions(model)[name]))
    return tuple(f"{first[i]} & {second[j]}" for i, j in cells)


def interactions(model: Model) -> dict[str, Interaction]:
    """Return the interactions of a model."""
    return {name: own for name, own in model.joint.items() if isinstance(own, Interaction)}


def _weights(model: Model, own: Interaction, terms: Mapping[str, TermRows]) -> tuple[np.ndarray, np.ndarray]:
    first, second = (all_levels(terms[name].matrix, len(terms[name].coded.levels)) for name in parents_of(model, own))
    return first, second
