"""Competing causes: the probability of each by a time, from one cause-specific model for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from casepool.errors import CasepoolError
from casepool.estimation.arms import arms_of, times_of
from casepool.estimation.curves import Curve, Strategy
from casepool.estimation.draws import Fitted, check_probability, open_all, posterior_rows
from casepool.inference.convergence import worst
from casepool.modelling.families.baselines import TINY
from casepool.remarks import Remarks

STEPS = 300
"""Steps of time over which probabilities are added up, the shortest first."""


def cumulative_incidence(
    fits: Sequence[xr.DataTree], *, at: Sequence[float] | None = None, ci_prob: float = 0.95
) -> pd.DataFrame:
    """Give the probability of each cause by a time, where any one of them ends follow-up.

    Each fit is of one cause, the others censored: its survival alone is what would be were there no other cause.
    Here every cause takes its share, by its hazard, of those still event-free.

    Parameters
    ----------
    fits : sequence of xarray.DataTree
        Two or more cause-specific survival models of the same patients, sampled with the same settings. Where one
        has an exposure both its strategies are told, and a model without it is the same under both.
    at : sequence of float, optional
        Times in the models' unit; default the codebook's `at`, else round numbers that follow-up reaches.
    ci_prob : float
        Width of the equal-tailed credible interval.

    Returns
    -------
    pandas.DataFrame
        An estimate table: under every strategy the probability of each cause by each time, and of none; in every
        draw they sum to 1. The causes' likelihoods are separate factors, so that independent draws of the models
        are draws of them together, their priors being independent.

    Raises
    ------
    CasepoolError
        For fewer than two fits, one that is no survival fit, other patients or follow-up in one than in another,
        one event that belongs to two causes, or draws of different number.

    See Also
    --------
    survival

    References
    ----------
    Putter H, Fiocco M, Geskus RB (2007). Tutorial in biostatistics: competing risks and multi-state models.
    Statistics in Medicine 26:2389-2430. doi:10.1002/sim.2712

    Examples
    --------
    >>> import casepool as cp
    >>> names = ["death_of_disease", "death_of_complications"]
    >>> fits = [cp.fit(name, "alk_crizotinib", seed=1, progress=False) for name in names]
    >>> print(cp.cumulative_incidence(fits, at=[12])[["level", "at", "estimate"]])
    level  at  estimate
    DOD    12    0.1093
    DOC    12   0.05329
    none   12    0.8274
    DOD    12   0.08199
    DOC    12   0.05355
    none   12    0.8546
    """
    check_probability(ci_prob)
    opened = open_all(fits)
    times = _checked(opened, at)
    names = [" or ".join(f.model.outcome.event_levels) or f.model.name for f in opened]
    together = replace(opened[0], verdict=worst(*(f.verdict for f in opened)))
    rows: list[dict[str, Any]] = []
    draws: list[np.ndarray] = []
    for words, note, curves, inside in _strategies(opened):
        events = [float(f.design.outcome["event"][inside].sum()) for f in opened]
        shares = _shares(curves, times)
        for time in times:
            told = [
                *zip(names, events, shares[time], strict=True),
                ("none", sum(events), 1 - np.sum(shares[time], axis=0)),
            ]
            for name, count, share in told:
                what = f"{name} of them" if name == "none" else name
                rows.append(
                    {
                        "estimand": f"P({what} by {time:g} {together.unit}): {words}",
                        "model": " and ".join(f.model.name for f in opened),
                        "source": "shrunk",
                        "by": "cause",
                        "level": name,
                        "at": time,
                        "n": float(inside.sum()),
                        "events": count,
                        "unit": "probability",
                        "note": note,
                    }
                )
                draws.append(share)
    return together.table(posterior_rows(np.stack(draws, -1), rows, fitted=together, ci_prob=ci_prob))


def _checked(opened: Sequence[Fitted], at: Sequence[float] | None) -> list[float]:
    """Return the times asked for, refusing fits that do not belong together."""
    if len(opened) < 2:
        raise CasepoolError("one cause has no competitor", value=len(opened), remedy="pass a fit for each cause")
    for fitted in opened:
        times = times_of(fitted, at)
    first = opened[0].design
    for fitted in opened[1:]:
        own = fitted.design
        same = own.patients == first.patients and np.array_equal(own.outcome["time"], first.outcome["time"])
        if not same or fitted.unit != opened[0].unit:
            raise CasepoolError(
                "the causes' models do not describe the same patients and follow-up",
                value=fitted.model.name,
                remedy="fit all of them to one table, with the same time and unit",
            )
        if fitted.shape != opened[0].shape:
            raise CasepoolError("the fits have different numbers of draws", remedy="fit with the same settings")
    twice = np.sum([fitted.design.outcome["event"] for fitted in opened], axis=0) > 1
    if twice.any():
        raise CasepoolError(
            "one event belongs to two causes",
            row=f"patient {first.patients[int(np.argmax(twice))]}",
            remedy="give every code to one model's event_levels only",
        )
    return times


def _strategies(opened: Sequence[Fitted]) -> list[tuple[str, Remarks, list[Curve], np.ndarray]]:
    """Return every strategy's words and note, each cause's curve under it, and which patients came to be in it."""
    arms = [arms_of(fitted, None, None) for fitted in opened]
    most = max(range(len(arms)), key=lambda i: len(arms[i][0]))
    lead, common = arms[most]

    def under(own: list[Strategy], position: int) -> Curve:
        return (own[position] if len(own) == len(lead) else own[0]).curve

    note: Remarks = common["note"]
    exposed = opened[most].design.exposed
    inside = [~exposed, exposed] if len(lead) > 1 else [np.ones(len(exposed), dtype=bool)]
    return [
        (arm.words, note, [under(own, position) for own, _ in arms], inside[position])
        for position, arm in enumerate(lead)
    ]


def _shares(curves: Sequence[Curve], times: Sequence[float]) -> Mapping[float, list[np.ndarray]]:
    """Return each cause's probability by each time: arrays (chain, draw), averaged over the patients.

    From step to step those event-free fall by the sum of the hazards, and each cause takes its share of the sum.
    """
    grid = np.unique(np.concatenate([np.linspace(0, 1, STEPS + 1) ** 3 * max(times), times]))
    risk: list[np.ndarray] = [np.zeros(1)] * len(curves)
    sums: list[np.ndarray] = [np.zeros(1)] * len(curves)
    found: dict[float, list[np.ndarray]] = {}
    for time in grid:
        now = [-np.log(np.maximum(curve.by_patient(float(time)), TINY)) for curve in curves]
        steps = [after - before for after, before in zip(now, risk, strict=True)]
        whole = np.maximum(sum(steps), TINY)
        fallen = np.exp(-sum(risk)) * -np.expm1(-sum(steps))
        sums = [total + fallen * step / whole for total, step in zip(sums, steps, strict=True)]
        risk = now
        if time in times:
            found[float(time)] = [(total + np.zeros((*curves[0].draws, 1))).mean(axis=-1) for total in sums]
    return found
