"""Whose probability: a level's own patients, all patients set to the level, or a new one. Arrays, for any table.

Everything is told category by category, worst first: two of them, failure and success, where the outcome has no more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from casepool.estimation.draws import Fitted
from casepool.estimation.joint_effects import cells_drawn_anew, everywhere, for_new_patient
from casepool.modelling import Design
from casepool.modelling.design.grouping import Membership, patients_and_events
from casepool.modelling.design.likelihood import (
    by_step,
    category_chances,
    random_rows,
)
from casepool.modelling.families.arrays import NUMPY
from casepool.modelling.families.names import mean_of, spread_of
from casepool.modelling.specification.endpoints import event
from casepool.modelling.terms.numbers import as_number
from casepool.random_streams import Stream, stream
from casepool.remarks import NONE, Remarks, remark
from casepool.tables import UNSEEN

TARGETS = {
    "observed": "mean probability of the level's own patients",
    "standardised": "mean probability over all patients of the fit, each set to the level",
    "new": "probability for a new patient of the level, other group effects drawn anew",
}


@dataclass(frozen=True)
class Answer:
    """Probabilities by level.

    Parameters
    ----------
    categories : list of arrays (chain, draw, levels)
        One for each category, worst first.
    levels : tuple of str
    notes : tuple of remarks
        Of each level.
    """

    categories: list[np.ndarray]
    levels: tuple[str, ...]
    notes: tuple[Remarks, ...]


def probabilities(design: Design, fitted: Fitted) -> np.ndarray:
    """Probability of what the model calls success of every patient of a design: array (chain, draw, patients)."""
    return event(fitted.model).of(category_chances(design, fitted.parameters))


def over_patients(design: Design, fitted: Fitted) -> list[np.ndarray]:
    """Probability of each category averaged over all patients of a design: arrays (chain, draw)."""
    n, _ = patients_and_events(fitted.design)
    return [np.average(p, axis=-1, weights=n) for p in category_chances(design, fitted.parameters)]


def _observed(fitted: Fitted, group: Membership) -> Answer:
    n, _ = patients_and_events(fitted.design)
    weight = n[:, None] * group.members
    total = weight.sum(axis=0)
    share = np.divide(weight, total, out=np.full(weight.shape, np.nan), where=total > 0)
    everyone = category_chances(fitted.design, fitted.parameters)
    empty = remark("no patient of the level") + remark("described elsewhere")
    return Answer([p @ share for p in everyone], group.levels, tuple(NONE if t else empty for t in total))


def _standardised(fitted: Fitted, group: Membership) -> Answer:
    anew, fitted = cells_drawn_anew(fitted), everywhere(fitted)
    each = [over_patients(fitted.design.at_level(group.by, level), fitted) for level in group.levels]
    seen = _combinations_seen(fitted.design, group)
    notes = [
        note + _target_rate(fitted.design, group.by, level) + anew
        for note, level in zip(seen, group.levels, strict=True)
    ]
    return Answer(_by_category(each), group.levels, tuple(notes))


def _target_rate(design: Design, by: str, level: str | None) -> Remarks:
    """Say whose target rate a level is described at, where patients differ in it."""
    if len(set(design.outcome.get("offset", ()))) < 2:
        return NONE
    own = level is not None and design.offset_at(by, level) is not None
    return remark("own target" if own else "others' target")


def _by_category(levels: list[list[np.ndarray]]) -> list[np.ndarray]:
    """Turn one list of categories per level into one array (chain, draw, levels) per category."""
    return [np.stack(category, axis=-1) for category in zip(*levels, strict=True)]


def _combinations_seen(design: Design, group: Membership) -> tuple[Remarks, ...]:
    """Say of each level how many of the combinations it is standardised over were ever seen with it."""
    terms = [t for name, t in design.terms.items() if name != group.by and t.coded.levels]
    if not terms:
        return (NONE,) * len(group.levels)
    keys = [tuple(row) for row in np.hstack([t.matrix for t in terms])]
    known = np.all([t.share < 0 for t in terms], axis=0)  # of a missing label every value is implied, none is seen
    seen: list[set[tuple[float, ...]]] = [set() for _ in group.levels]
    for row in np.flatnonzero(known):
        for i in np.flatnonzero(group.members[design.patient_of_row[row]]):
            seen[i].add(keys[row])
    return tuple(remark("combinations seen", seen=len(own), implied=len(set(keys))) for own in seen)


def _new(fitted: Fitted, group: Membership) -> Answer:
    unseen = fitted.model.terms[group.by].borrows
    levels: list[str | None] = [*group.levels, *([None] if unseen else [])]
    each = [new_patient(fitted, group.by, level) for level in levels]
    names = tuple(UNSEEN if level is None else level for level in levels)
    anew = cells_drawn_anew(fitted)
    notes = tuple(_target_rate(fitted.design, group.by, level) + anew for level in levels)
    return Answer(_by_category(each), names, notes)


def new_patient(fitted: Fitted, by: str | None, level: str | None, *, offset: float | None = None) -> list[np.ndarray]:
    """Probability of each category of a new patient, one draw per draw of the posterior: arrays (chain, draw).

    With the offset of a random patient, or of the level where it belongs to levels, unless one is given.
    Every call of one fit draws the same random patients and new effects, so that levels compare like for like.
    """
    rng = stream(fitted.seed, Stream.NEW_PATIENT)
    design, model, shape = fitted.design, fitted.model, fitted.shape
    row = _random_rows(fitted, rng, shape)
    laws = {name: model.level_effects(name) for name in model.terms}
    fresh = {name: law.unseen("other", fitted.parameters, rng, shape) for name, law in laws.items() if law}
    chosen = {by: design.terms[by].coded.choice_of(level)} if by is not None and level is not None else {}
    offsets = design.outcome["offset"][design.patient_of_row][row]
    if offset is not None:
        offsets = np.full(shape, offset)
    elif by is not None and level is not None and (known := design.offset_at(by, level)) is not None:
        offsets = np.full(shape, known)
    joint = for_new_patient(everywhere(fitted), row, chosen, fresh, lambda name: _number(fitted, name, row))
    etas = [offsets + joint + _eta(fitted, own, row, chosen, fresh) for own in by_step(model, fitted.parameters)]
    etas = [eta[..., None] for eta in etas]
    log_p = model.of_family.response[model.form](etas, fitted.parameters, NUMPY)
    return [np.exp(values[..., 0]) for values in log_p]


def _eta(
    fitted: Fitted,
    parameters: Mapping[str, np.ndarray],
    row: np.ndarray,
    chosen: Mapping[str, np.ndarray],
    fresh: Mapping[str, np.ndarray],
) -> np.ndarray:
    """Linear predictor less the offset, some terms set to a design-matrix row, some effects new: (chain, draw)."""
    design = fitted.design
    eta = np.zeros(row.shape) + parameters.get("intercept", 0.0)
    for name, term in design.terms.items():
        own = term.coded.term
        if not own.has_effect(parameters):
            continue
        if name in fresh and name not in chosen:
            eta = eta + fresh[name]
        else:
            x = _number(fitted, name, row)[..., None] if own.is_number else term.matrix[row]
            eta = eta + own.contribution_of_draws(chosen.get(name, x), parameters)
    return np.asarray(eta)


def _random_rows(fitted: Fitted, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Pick a random patient for every draw, and one of its rows by the rows' weights in that draw."""
    n, _ = patients_and_events(fitted.design)
    patient = rng.choice(len(n), size=shape, p=n / n.sum())
    return random_rows(fitted.design, fitted.parameters, patient, rng.random(shape))


def _number(fitted: Fitted, name: str, row: np.ndarray) -> np.ndarray:
    """Standardised value of a number at the picked rows, from its distribution where it is missing."""
    term = fitted.design.terms[name]
    known = term.matrix[row, 0]
    if not term.has_nodes:
        return np.asarray(known)
    mean, spread = fitted.parameters[mean_of(name)], fitted.parameters[spread_of(name)]
    modelled = as_number(term.coded.term).at_nodes(np.nan_to_num(term.node)[row], mean, spread, NUMPY)
    return np.asarray(np.where(np.isfinite(term.node[row]), modelled, known))


def _once(target: str, make: Callable[[Fitted, Membership], Answer]) -> Callable[[Fitted, Membership], Answer]:
    return lambda fitted, group: fitted.once((target, group.by), lambda: make(fitted, group))


ANSWERS: dict[str, Callable[[Fitted, Membership], Answer]] = {
    target: _once(target, make)
    for target, make in {"observed": _observed, "standardised": _standardised, "new": _new}.items()
}
"""How each target is computed."""
