"""Levels of a crossed model that other terms moved out of the range shrinkage alone would keep them in."""

from __future__ import annotations

import numpy as np

from casepool.estimation.draws import Fitted
from casepool.estimation.targets import new_patient
from casepool.modelling.design.grouping import Membership, patients_and_events
from casepool.modelling.design.likelihood import by_step, data_of, linear_predictor, patient_mean
from casepool.modelling.families.arrays import NUMPY
from casepool.modelling.families.names import effect_of
from casepool.modelling.specification.endpoints import event
from casepool.remarks import NONE, Remarks, remark

NOTICEABLE = 0.005
"""How far outside its range a probability must lie to be listed: what a table of whole percents shows."""
THIN = 10
"""Every so many draws tell which term moved a level: its size is not told."""


def moved(fitted: Fitted, group: Membership, categories: list[np.ndarray]) -> tuple[Remarks, ...]:
    """Say of each level that lies beyond both its raw rate and an unseen level's which term moved it there.

    With one factor a level's estimate lies between its raw rate and an unseen level's. With others it may not: the
    term named is the one whose part of the linear predictor, averaged over the level's own patients, leads furthest
    that way from its average over all patients.

    Parameters
    ----------
    fitted : Fitted
    group : Membership
    categories : list of arrays (chain, draw, levels)
        Probability of each category for the level's own patients, worst first.

    Returns
    -------
    tuple of remarks
        Of each level; none of most.
    """
    term = fitted.model.terms.get(group.by)
    others = [name for name in fitted.model.terms if name != group.by]
    if term is None or not term.borrows or not others:
        return (NONE,) * len(group.levels)
    end = event(fitted.model)
    shrunk = np.median(end.of(categories), axis=(0, 1))
    unseen = float(np.median(end.of(new_patient(fitted, group.by, None))))
    n, events = group.counts(fitted.design)
    raw = np.divide(events, n, out=np.full(len(n), np.nan), where=n > 0)
    above = shrunk > np.maximum(raw, unseen) + NOTICEABLE
    below = shrunk < np.minimum(raw, unseen) - NOTICEABLE
    if not (above | below).any():
        return (NONE,) * len(group.levels)
    leads = np.stack([_leads(fitted, group, name) for name in others])
    said = []
    for i in range(len(group.levels)):
        towards = leads[:, i] if above[i] else -leads[:, i]
        slots = {"side": "above" if above[i] else "below", "unseen": f"{100 * unseen:.0f}%"}
        by = {"term": others[int(np.argmax(towards))]} if towards.max() > 0 else {}
        out = remark("moved out of range" if by else "out of range", **slots, **by)
        said.append(out if above[i] or below[i] else NONE)
    return tuple(said)


def _leads(fitted: Fitted, group: Membership, name: str) -> np.ndarray:
    """Part of a term in the linear predictor of each level's own patients, less that of all: array (levels,)."""
    own = by_step(fitted.model, {key: values[:, ::THIN] for key, values in fitted.parameters.items()})[0]
    data = data_of(fitted.design)
    gone = {effect_of(name), *(joint.effect for joint in fitted.model.joint.values() if name in joint.parents)}
    without = {key: values for key, values in own.items() if key not in gone}
    part = linear_predictor(data, own, NUMPY) - linear_predictor(data, without, NUMPY)
    by_patient = patient_mean(fitted.design, part, own, NUMPY).mean(axis=(0, 1))
    n, _ = patients_and_events(fitted.design)
    weight = n[:, None] * group.members
    total = weight.sum(axis=0)
    mean = np.divide(by_patient @ weight, total, out=np.zeros(len(total)), where=total > 0)
    return np.asarray(mean - np.average(by_patient, weights=n))
