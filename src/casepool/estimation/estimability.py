"""Which levels the data can tell apart, whatever their outcomes, and which only the prior does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from casepool.estimation.draws import Fitted, open_draws
from casepool.modelling import Design
from casepool.modelling.design.cells import all_levels
from casepool.modelling.design.grouping import patients_and_events
from casepool.modelling.terms.labels import Group

COLUMNS = ("factor", "level", "patients", "own_patients", "separated", "because", "verdict")
SEPARATED = COLUMNS.index("separated")
TOLERANCE, NEAR = 1e-9, 1e-6
"""Relative size of a direction no patient shows, and what counts as equal."""
Row = tuple[object, ...]


def aliasing(fit: xr.DataTree) -> pd.DataFrame:
    """Say of every level whether the patients of the fit can tell its effect from those of the other levels.

    Parameters
    ----------
    fit : xarray.DataTree

    Returns
    -------
    pandas.DataFrame
        One row a level of every factor: ``factor``, ``level``, ``patients`` (who have it), ``own_patients`` (who
        have no other level of the factor), ``separated`` and, in words, ``because``; the fit's ``verdict``, but
        that nothing passes that only the prior tells apart.

    Raises
    ------
    CasepoolError
        If the tree was not made by casepool.

    See Also
    --------
    ledger, estimates

    Notes
    -----
    Two levels of a factor can be compared if the difference of their effects is estimable from the design alone: if
    it lies in the row space of the design matrix of the patients in the fit, all terms together (Searle 1971).
    Levels that can be compared with one another form a block; those in the block with the most patients are
    separated, unless in a crossed model the comparison of one hangs on a single patient of another level (a row of
    leverage 1). What separates the rest is the prior, whatever the patients did. A patient with a missing label is
    left out of this. A separated level may still inform little: where all or none responded, the data bound it on
    one side only.

    Examples
    --------
    >>> import casepool as cp
    >>> fit = cp.fit("objective_response", "alk_crizotinib", seed=1, progress=False)
    >>> table = cp.aliasing(fit).set_index("level")
    >>> table.loc[["IMT", "RANBP2"], ["patients", "separated"]].values.tolist()
    [[15.0, True], [8.0, False]]
    """
    return aliasing_of(open_draws(fit))


def aliasing_of(fitted: Fitted) -> pd.DataFrame:
    """Say what `aliasing` says, of a fit that is open."""
    design = fitted.design
    factors = [name for name, term in design.terms.items() if term.coded.levels]
    rows = [row for name in factors for row in (_pooled(design, name) if pools(design, name) else _rows(design, name))]
    verdicts = ["" if fitted.verdict == "pass" and not row[SEPARATED] else fitted.verdict for row in rows]
    return fitted.table([(*row, verdict) for row, verdict in zip(rows, verdicts, strict=True)], COLUMNS)


def pools(design: Design, name: str) -> bool:
    """Whether a factor's levels have no effects in the model."""
    term = design.model.terms[name]
    return isinstance(term, Group) and not term.way.differs


def level_weights(design: Design, name: str) -> np.ndarray:
    """Weight of every level in each patient's membership: array (patients, levels), NaN where the label is missing."""
    term = design.terms[name]
    first = np.unique(design.patient_of_row, return_index=True)[1]
    matrix = all_levels(term.matrix[first], len(term.coded.levels))
    return np.where((term.share[first] >= 0)[:, None], np.nan, matrix)


@dataclass(frozen=True)
class Sight:
    """What a design shows of the differences between a factor's levels.

    Parameters
    ----------
    blocks : integer array (levels)
        Levels of one number can be compared.
    pivots : mapping of int to array (levels)
        Patients without whom less can be compared, and for each a number for every level: without that patient only
        levels with equal numbers can be.
    """

    blocks: np.ndarray
    pivots: Mapping[int, np.ndarray]


def comparable(design: Design, name: str) -> Sight:
    """Find which levels of a factor the design can compare."""
    first = np.unique(design.patient_of_row, return_index=True)[1]
    own = level_weights(design, name)
    others = [other for other in design.terms if other != name and not pools(design, other)]
    factors = [other for other in others if _levels(design, other)]
    numbers = [design.terms[other].matrix[first] for other in others if other not in factors]
    full = np.hstack([own, np.ones((len(own), 1)), *(level_weights(design, other) for other in factors), *numbers])
    known = np.flatnonzero(~np.isnan(full).any(axis=1))
    patients, sizes, directions = np.linalg.svd(full[known], full_matrices=False)
    some = sizes > TOLERANCE * max(sizes, default=1.0)
    patients, sizes, directions = patients[:, some], sizes[some], directions[some]
    effects = np.eye(full.shape[1])[: own.shape[1]]
    blind = effects - effects @ directions.T @ directions  # what of an effect the design never shows
    apart = np.abs(blind[:, None] - blind[None]).max(axis=2)
    alone = np.flatnonzero(((patients**2).sum(axis=1) > 1 - NEAR) & (patients_and_events(design)[0][known] == 1))
    shown = {int(known[r]): ((patients[r] / sizes) @ directions)[: own.shape[1]] for r in alone if factors}
    return Sight((apart < NEAR).argmax(axis=1), shown)


def _pooled(design: Design, name: str) -> list[Row]:
    because = "complete borrowing: the model has no effects of this factor"
    return [(name, level, *_counts(design, name)[i], False, because) for i, level in enumerate(_levels(design, name))]


def _rows(design: Design, name: str) -> list[Row]:
    levels, counts, sight = _levels(design, name), _counts(design, name), comparable(design, name)
    main = _heaviest(sight.blocks, counts[:, 0])
    rows: list[Row] = []
    for i, level in enumerate(levels):
        pivots = _pivots_of(design, name, i, sight, main) if main[i] else []
        separated = bool(main[i] and main.sum() > 1 and not pivots)
        rows.append((name, level, *counts[i], separated, _because(design, name, i, sight.blocks, separated, pivots)))
    return rows


def _heaviest(labels: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Mark the levels of the block with the most patients."""
    found = max(dict.fromkeys(labels), key=lambda label: weight[labels == label].sum())
    return np.asarray(labels == found)


def _pivots_of(design: Design, name: str, i: int, sight: Sight, main: np.ndarray) -> list[str]:
    """Name the patients, not of the level itself, without whom it could not be compared with most others."""
    has, n = np.nan_to_num(level_weights(design, name)) > 0, patients_and_events(design)[0]
    found = []
    for patient, values in sight.pivots.items():
        left = np.delete(n, patient) @ np.delete(has, patient, axis=0)
        groups = (np.abs(values[:, None] - values[None]) < NEAR).argmax(axis=1)
        if not has[patient, i] and not _heaviest(groups[main], left[main])[main[:i].sum()]:
            found.append(design.patients[patient])
    return found


def _levels(design: Design, name: str) -> tuple[str, ...]:
    return design.terms[name].coded.levels


def _counts(design: Design, name: str) -> np.ndarray:
    """Return how many patients have each level, and how many have it alone: array (levels, 2)."""
    weights, (n, _) = np.nan_to_num(level_weights(design, name)), patients_and_events(design)
    return np.column_stack([n @ (weights > 0), n @ (weights == 1)])


def _because(design: Design, name: str, i: int, blocks: np.ndarray, separated: bool, pivots: list[str]) -> str:
    """Say what a level can be compared with, and why with no more."""
    levels, has = _levels(design, name), np.nan_to_num(level_weights(design, name)) > 0
    others = [levels[j] for j in np.flatnonzero(blocks == blocks[i]) if j != i]
    same = [levels[j] for j in range(len(levels)) if j != i and (has[:, j] == has[:, i]).all()]
    if not has[:, i].any():
        said = ["no patient of this level in the fit"]
    elif separated:
        said = [f"can be compared with {len(others)} other level{'s' * (len(others) > 1)}"]
    elif len(levels) == 1:
        said = ["the only level"]
    elif pivots:
        plural = "s" if len(pivots) > 1 else ""
        only = f"only patient{plural} {' and '.join(pivots)} let{'' if plural else 's'} it be compared"
        said = [*_companions(design, name, has[:, i]), only]
    elif same:
        said = [f"only in the same patients as {', '.join(same)}"]
    else:
        said = [f"can be compared with {', '.join(others)} only"] if others else []
        said += _companions(design, name, has[:, blocks == blocks[i]].any(axis=1))
    return "; ".join(said) or "no chain of shared levels leads to the others"


def _companions(design: Design, name: str, inside: np.ndarray) -> list[str]:
    """Say which levels of other factors some patients have that few or none of the others have."""
    said = []
    for other in design.terms:
        if other == name or not _levels(design, other) or pools(design, other):
            continue
        with_other = np.nan_to_num(level_weights(design, other)) > 0
        here, elsewhere = with_other[inside].any(axis=0), with_other[~inside].any(axis=0)
        named = ", ".join(np.array(_levels(design, other))[here])
        if not (here & elsewhere).any():
            said.append(f"occurs only with {other} {named}, which occurs nowhere else")
        elif here.sum() == 1:
            said.append(f"occurs only with {other} {named}")
    return said
