"""Slopes of levels, and cells of two terms, that no patient of a fit tells of: drawn anew for whoever is set there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from casepool.estimation.draws import Fitted
from casepool.modelling.design.cells import Cells, all_levels, every_cell, interactions, parents_of
from casepool.modelling.families.names import effect_of, sd_of
from casepool.modelling.terms.joint import Interaction, Slope
from casepool.random_streams import Stream, stream
from casepool.remarks import NONE, Remarks, remark

Draws = Mapping[str, np.ndarray]


def everywhere(fitted: Fitted) -> Fitted:
    """Return a fit whose interactions have an effect of every cell: of those nobody is in, from its distribution.

    The same draws whenever it is asked, so that levels compare like for like.
    """
    cells = every_cell(fitted.model, fitted.design.terms)
    found = dict(fitted.parameters)
    for name, own in interactions(fitted.model).items():
        if cells[name] != fitted.design.cells[name]:
            known = fitted.design.cells[name]
            found[own.effect] = _spread(fitted, own, known, cells[name])
    if all(cells[name] == known for name, known in fitted.design.cells.items()):
        return fitted
    return replace(fitted, parameters=found, design=replace(fitted.design, cells=cells))


def cells_drawn_anew(fitted: Fitted) -> Remarks:
    """Say how many cells of the interactions no patient of the fit is in."""
    said = NONE
    for name, cells in every_cell(fitted.model, fitted.design.terms).items():
        without = len(cells) - len(fitted.design.cells[name])
        said += remark("cells drawn anew", cells=without, all=len(cells), term=name) if without else NONE
    return said


def extended(fitted: Fitted, levels: Mapping[str, tuple[str, ...]]) -> dict[str, np.ndarray]:
    """Return slopes and cells of a fit, those of unseen levels among them: for new patients.

    Parameters
    ----------
    fitted : Fitted
    levels : mapping of str to tuple of str
        Of every term with levels those of the fit, then the unseen ones.
    """
    found = {}
    for name, own in fitted.model.joint.items():
        if isinstance(own, Slope):
            slopes = fitted.parameters[own.effect]
            unseen = levels[own.by][slopes.shape[2] :]
            fresh = [_slope(fitted, own, stream(fitted.seed, Stream.UNSEEN_LEVEL, *_bytes(name, x))) for x in unseen]
            found[own.effect] = np.concatenate([slopes, *(each[..., None] for each in fresh)], axis=2)
        else:
            shape = [len(levels[parent]) for parent in parents_of(fitted.model, own)]
            cells = tuple((int(i), int(j)) for i, j in np.ndindex(*shape))
            found[own.effect] = _spread(fitted, own, fitted.design.cells[name], cells)
    return found


def for_new_patient(
    fitted: Fitted,
    rows: np.ndarray,
    chosen: Mapping[str, np.ndarray],
    fresh: Mapping[str, np.ndarray],
    number: Callable[[str], np.ndarray],
) -> np.ndarray | float:
    """Return what slopes and cells add to the linear predictor of a new patient: array (chain, draw).

    Parameters
    ----------
    fitted : Fitted
        As of `everywhere`.
    rows : integer array (chain, draw)
        The row of the design that the patient's covariates are of.
    chosen : mapping of str to array (columns,)
        Terms that are set to a design-matrix row.
    fresh : mapping of str to array
        Factors whose effect is that of a level nobody has seen, unless chosen.
    number : callable
        Returns the standardised value of a number, array (chain, draw).
    """
    total: np.ndarray | float = 0.0
    anew = {name for name in fresh if name not in chosen}
    for name, own in fitted.model.joint.items():
        rng = stream(fitted.seed, Stream.NEW_PATIENT, *name.encode())
        if isinstance(own, Slope):
            seen = fitted.parameters[own.effect]
            slope = _slope(fitted, own, rng) if own.by in anew else (seen * _row(fitted, own.by, rows, chosen)).sum(-1)
            total = total + (slope - fitted.parameters.get(effect_of(own.of), 0.0)) * number(own.of)
        else:
            total = total + _cell(fitted, own, anew, rng, lambda parent: _row(fitted, parent, rows, chosen))
    return total


def _cell(
    fitted: Fitted, own: Interaction, anew: set[str], rng: np.random.Generator, row: Callable[[str], np.ndarray]
) -> np.ndarray:
    """Return the effect of a new patient's cells, weighed: array (chain, draw)."""
    parents = parents_of(fitted.model, own)
    shape = [1 if parent in anew else len(fitted.design.terms[parent].coded.levels) for parent in parents]
    if anew & {*parents}:
        effect = _draw(fitted, own, (*fitted.shape, *shape), rng)
    else:
        effect = fitted.parameters[own.effect].reshape(*fitted.shape, *shape)
    weights = [np.ones(1) if parent in anew else row(parent) for parent in parents]
    return np.asarray((effect * weights[0][..., :, None] * weights[1][..., None, :]).sum(axis=(-2, -1)))


def _row(fitted: Fitted, name: str, rows: np.ndarray, chosen: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the weight of every level of a term: array (levels,) or (chain, draw, levels)."""
    term = fitted.design.terms[name]
    return all_levels(chosen[name] if name in chosen else term.matrix[rows], len(term.coded.levels))


def _spread(fitted: Fitted, own: Interaction, known: Cells, cells: Cells) -> np.ndarray:
    """Return the effects of `cells`, of which those not `known` are drawn, each by its place's own random numbers."""
    place = {cell: i for i, cell in enumerate(known)}
    seen = fitted.parameters[own.effect]
    each = [
        seen[..., place[cell]]
        if cell in place
        else _draw(fitted, own, fitted.shape, stream(fitted.seed, Stream.UNSEEN_LEVEL, *own.name.encode(), *cell))
        for cell in cells
    ]
    return np.stack(each, axis=-1)


def _draw(fitted: Fitted, own: Interaction, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Draw effects of cells nobody is in, (chain, draw) first."""
    if own.borrowing == "none":
        return fitted.model.prior(own.effect).draw(shape, rng)
    sd = fitted.parameters[sd_of(own.name)]
    return np.asarray(sd.reshape(*sd.shape, *[1] * (len(shape) - 2)) * rng.standard_normal(shape))


def _slope(fitted: Fitted, own: Slope, rng: np.random.Generator) -> np.ndarray:
    """Draw the slope of a level nobody is in: array (chain, draw)."""
    if own.borrowing == "none":
        return fitted.model.prior(own.effect).draw(fitted.shape, rng)
    drawn: Draws = fitted.parameters
    return np.asarray(drawn[effect_of(own.of)] + drawn[sd_of(own.name)] * rng.standard_normal(fitted.shape))


def _bytes(name: str, level: str) -> bytes:
    return f"{name} {level}".encode()
