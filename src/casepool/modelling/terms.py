"""Terms: each kind turns a column of the cases into choices of design-matrix rows, known or summed over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

from casepool.cases.cells import is_missing
from casepool.cases.codebook import LABELLED, Codebook
from casepool.cases.columns import spelling_problems
from casepool.cases.problems import refuse
from casepool.cases.tables import placed, row_name
from casepool.errors import CasepoolError
from casepool.modelling.spec import Term

NODES, SPAN = {"linear": 48, "smooth": 768}, 6.2
"""Equidistant nodes over the standard normal behind one missing number, and how far they reach.

The trapezoidal rule converges geometrically here (Trefethen 2014), Gauss-Hermite does not: a logistic response
to a bounded covariate has poles near the real line. At a knot of a smooth term the third derivative jumps, and the
error falls with the fourth power of the distance between nodes only: hence their number.
"""


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


def code_term(term: Term, cases: pd.DataFrame, codebook: Codebook) -> Coded:
    """Read a term's column.

    Raises
    ------
    CasepoolError
        If a value cannot be what the term needs: with row, column and value.
    """
    return KINDS[term.kind](term, cases, codebook)


def ordered_levels(labels: set[str], declared: tuple[str, ...]) -> tuple[str, ...]:
    """Order levels as the codebook declares them, the rest by name."""
    return tuple(level for level in declared if level in labels) + tuple(sorted(labels - set(declared)))


def members_of(value: object, separator: str | None) -> tuple[str, ...]:
    """Return the labels one cell holds, sorted; none if it is empty."""
    if is_missing(value, ()):
        return ()
    parts = str(value).split(separator) if separator else [str(value)]
    return tuple(sorted({part.strip() for part in parts if part.strip()}))


def labels_of(cases: pd.DataFrame, codebook: Codebook, column: str) -> tuple[list[tuple[str, ...]], tuple[str, ...]]:
    """Return every patient's labels in a column, and the column's levels in order."""
    kind = codebook.columns[column]
    separator = kind.separator if kind.type == "set" else None
    if kind.type == "boolean":
        flags = [members_of(v if v is pd.NA else "yes" if v else "no", None) for v in cases[column]]
        return flags, ordered_levels({flag[0] for flag in flags if flag}, ("no", "yes"))
    cells = [members_of(value, separator) for value in cases[column]]
    return cells, ordered_levels({member for cell in cells for member in cell}, kind.levels)


def _group(term: Term, cases: pd.DataFrame, codebook: Codebook) -> Coded:
    cells, levels = _labels(term, cases, codebook)
    return _coded_levels(term, cells, levels, levels, np.eye(len(levels)))


def _category(term: Term, cases: pd.DataFrame, codebook: Codebook) -> Coded:
    cells, levels = _labels(term, cases, codebook)
    reference = term.reference or levels[0]
    if reference not in levels:
        raise CasepoolError(
            "the reference is no level of this column",
            file=codebook.name,
            column=term.source,
            value=reference,
            remedy=f"choose one of {', '.join(levels)}",
        )
    levels = (reference, *(level for level in levels if level != reference))
    return _coded_levels(term, cells, levels, levels[1:], np.eye(len(levels))[:, 1:])


def _labels(term: Term, cases: pd.DataFrame, codebook: Codebook) -> tuple[list[tuple[str, ...]], tuple[str, ...]]:
    kind = codebook.columns[term.source].type
    if kind not in (*LABELLED, "integer", "text"):
        raise CasepoolError(
            f"a {term.kind} term needs labels, and this column is of type {kind}",
            file=codebook.name,
            column=term.source,
            remedy="use a linear or banded term, or give the column the type category",
        )
    if kind == "text":
        words = [None if is_missing(value, ("",)) else str(value) for value in cases[term.source]]
        twins = spelling_problems(words, codebook.columns[term.source], term.source)
        refuse(placed(list(twins), cases, codebook))
    cells, levels = labels_of(cases, codebook, term.source)
    if not levels:
        raise CasepoolError("the column is empty", file=codebook.name, column=term.source, remedy="remove the term")
    return cells, levels


def _banded(term: Term, cases: pd.DataFrame, codebook: Codebook) -> Coded:
    values = _numbers(term, cases, codebook)
    bands = np.searchsorted(term.cuts, values, side="right")
    cells: list[tuple[str, ...]] = [
        () if np.isnan(value) else (term.labels[band],) for value, band in zip(values, bands, strict=True)
    ]
    return _coded_levels(term, cells, term.labels, term.labels[1:], np.eye(len(term.labels))[:, 1:])


def _coded_levels(
    term: Term,
    cells: list[tuple[str, ...]],
    levels: tuple[str, ...],
    coefficients: tuple[str, ...],
    rows: np.ndarray,
) -> Coded:
    """Code labels: the levels' own rows first, then the mean row of every set of several members."""
    index = {level: i for i, level in enumerate(levels)}
    sets = sorted({cell for cell in cells if len(cell) > 1})
    mixed = [rows[[index[member] for member in cell]].mean(axis=0) for cell in sets]
    position = {(level,): i for level, i in index.items()} | {cell: len(levels) + i for i, cell in enumerate(sets)}
    everything = np.arange(len(levels))
    options = [np.array([position[cell]]) if cell else everything for cell in cells]
    choices = np.vstack([rows, *mixed]) if mixed else rows
    return Coded(
        term=term,
        levels=levels,
        coefficients=coefficients,
        choices=choices,
        nodes=np.full(len(choices), np.nan),
        options=options,
        log_weights=[np.zeros(len(option)) for option in options],
        missing=np.array([not cell for cell in cells]),
        values=np.array([-1 if not c else index[c[0]] if len(c) == 1 else -2 for c in cells]),
    )


def _number(term: Term, cases: pd.DataFrame, codebook: Codebook) -> Coded:
    """Code a number; a missing one gets nodes over its distribution on the logit scale."""
    values = _numbers(term, cases, codebook)
    missing = np.isnan(values)
    if missing.any() and term.missing == "model" and term.bounds is None:
        raise CasepoolError(
            "values are missing, and modelling them needs bounds",
            file=codebook.name,
            row=row_name(cases, codebook, int(np.argmax(missing))),
            column=term.source,
            remedy='add bounds = [low, high] to the term, or missing = "drop"',
        )
    known, inverse = np.unique(values[~missing], return_inverse=True)
    nodes = NODES[term.kind]
    z = np.linspace(-SPAN, SPAN, nodes)
    log_weight = node_weights(z)
    options: list[np.ndarray] = [len(known) + np.arange(nodes)] * len(values)
    for position, choice in zip(np.flatnonzero(~missing), inverse, strict=True):
        options[position] = np.array([choice])
    return Coded(
        term=term,
        levels=(),
        coefficients=(),
        choices=np.append((known - term.centre) / term.scale, np.full(nodes, np.nan))[:, None],
        nodes=np.append(np.full(len(known), np.nan), z),
        options=options,
        log_weights=[log_weight if is_missing else np.zeros(1) for is_missing in missing],
        missing=missing,
        values=values,
    )


def node_weights(z: np.ndarray) -> np.ndarray:
    """Return the log weights of equidistant nodes for an average over a standard normal: array like `z`."""
    return np.asarray(-(z**2) / 2 - special.logsumexp(-(z**2) / 2))


def _numbers(term: Term, cases: pd.DataFrame, codebook: Codebook) -> np.ndarray:
    """Read a numeric column, refusing what is outside the term's bounds."""
    kind = codebook.columns[term.source].type
    if kind not in ("number", "integer"):
        raise CasepoolError(
            f"a {term.kind} term needs numbers, and this column is of type {kind}",
            file=codebook.name,
            column=term.source,
            remedy="use a group or category term, or correct the column",
        )
    values = cases[term.source].to_numpy(dtype=float, na_value=np.nan)
    if term.bounds is not None:
        outside = (values < term.bounds[0]) | (values > term.bounds[1])
        if outside.any():
            position = int(np.argmax(outside))
            raise CasepoolError(
                f"outside the bounds {term.bounds[0]:g} to {term.bounds[1]:g} of the term {term.name!r}",
                file=codebook.name,
                row=row_name(cases, codebook, position),
                column=term.source,
                value=float(values[position]),
                remedy="correct the value, or the term's bounds",
            )
    return np.asarray(values)


def logit_in(values: np.ndarray, bounds: tuple[float, float]) -> np.ndarray:
    """Return the logit of a number's place between its bounds, kept off the ends by a millionth."""
    place = (values - bounds[0]) / (bounds[1] - bounds[0])
    return np.asarray(special.logit(np.clip(place, 1e-6, 1 - 1e-6)))


KINDS: dict[str, Callable[[Term, pd.DataFrame, Codebook], Coded]] = {
    "group": _group,
    "category": _category,
    "linear": _number,
    "smooth": _number,
    "banded": _banded,
}
"""Every kind of term a model file may name."""
