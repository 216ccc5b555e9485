"""Tables for a structure: drawn from its prior, or made hard on purpose.

Nothing is known to be true of them but what a long run of the reference engine finds, so that outcomes may come from
the package's own equations (`casepool.inference.predictive`), hard ones by truths that no prior would give.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.structures import CODES, SHORTEST, Structure
from casepool.inference.predictive import prior_draws, replicate, replicate_follow_up
from casepool.modelling import Design, make_design

Truth = dict[str, np.ndarray]
"""True parameters: arrays (1, 1, ...)."""
VISIT, MOST_AGES = 3.0, 3
FOLLOW_UP = (6.0, 60.0)


def _usual(levels: int, rng: np.random.Generator) -> np.ndarray:
    """Draw the sizes of levels as reviews have them: many of one or two patients, some of ten."""
    return np.maximum(1, rng.lognormal(1.3, 0.9, levels).astype(int))


def _same(truth: Truth, rng: np.random.Generator) -> None:
    """Leave the truth as the prior gave it."""


@dataclass(frozen=True)
class Hard:
    """One way in which a table is hard.

    Parameters
    ----------
    bend : callable
        Changes the true parameters.
    sizes : callable
        Draws the number of patients of every level.
    follow_up : tuple of two floats
        Months within which follow-up ends.
    grain : float
        Months to whose multiples times are rounded up; 0 for none.
    missing : float
        Share of missing labels and ages, in structures that have some.
    together : bool
        Whether colour and age nearly follow from the level.
    """

    bend: Callable[[Truth, np.random.Generator], None] = _same
    sizes: Callable[[int, np.random.Generator], np.ndarray] = _usual
    follow_up: tuple[float, float] = FOLLOW_UP
    grain: float = 0.0
    missing: float = 0.15
    together: bool = False


USUAL = Hard()
"""A table as the prior has it."""


def _levels(rule: Callable[[int, np.random.Generator], np.ndarray]) -> Callable[[Truth, np.random.Generator], None]:
    """Set the effects of all levels, about the intercept where there is one."""

    def bend(truth: Truth, rng: np.random.Generator) -> None:
        for name in ("kind_effect", "colour_effect"):
            if name in truth:
                truth[name] = rule(truth[name].shape[-1], rng)[None, None]

    return bend


def _shifted(by: float) -> Callable[[Truth, np.random.Generator], None]:
    """Move everybody's log odds or log hazard away from where the prior has them."""

    def bend(truth: Truth, rng: np.random.Generator) -> None:
        name, sign = ("first_cutpoint", -1.0) if "first_cutpoint" in truth else ("intercept", 1.0)
        name = name if name in truth else "kind_effect"
        truth[name] = truth[name] + sign * by

    return bend


def _steep(truth: Truth, rng: np.random.Generator) -> None:
    """Make every slope and effect of an exposure extreme."""
    for name in ("age_effect", "surgery_effect"):
        if name in truth:
            truth[name] = truth[name] + rng.choice([-2.5, 2.5])
    _levels(lambda levels, rng: 4.0 * (np.arange(levels) == 0))(truth, rng)


def _clusters(levels: int, rng: np.random.Generator) -> np.ndarray:
    return np.where(rng.permutation(levels) < levels / 2, -2.5, 2.5)


HARD = {
    "separated": Hard(_levels(lambda levels, rng: 9.0 * np.sign(_clusters(levels, rng)))),
    "none of them": Hard(_shifted(-7.0)),
    "all of them": Hard(_shifted(7.0)),
    "no difference": Hard(_levels(lambda levels, rng: np.zeros(levels)), lambda levels, rng: np.full(levels, 20)),
    "far apart": Hard(_levels(lambda levels, rng: rng.normal(0.0, 4.0, levels))),
    "two clusters": Hard(_levels(_clusters), lambda levels, rng: rng.integers(8, 25, levels)),
    "one level off": Hard(_levels(lambda levels, rng: 5.0 * (np.arange(levels) == 0)),
                          lambda levels, rng: np.full(levels, 12)),
    "one patient a level": Hard(sizes=lambda levels, rng: np.ones(levels, int)),
    "one level huge": Hard(sizes=lambda levels, rng: np.where(np.arange(levels) == 0, 250, rng.integers(1, 4, levels))),
    "large": Hard(sizes=lambda levels, rng: np.full(levels, max(4, 360 // levels))),
    "ties": Hard(sizes=lambda levels, rng: np.full(levels, 5), grain=12.0),
    "against the prior": Hard(_shifted(3.5), lambda levels, rng: rng.integers(5, 15, levels)),
    "steep": Hard(_steep),
    "together": Hard(_levels(lambda levels, rng: rng.normal(0.0, 1.5, levels)), together=True),
    "short follow-up": Hard(follow_up=(0.3, 2.0), sizes=lambda levels, rng: rng.integers(3, 12, levels)),
    "much missing": Hard(missing=0.5),
}  # fmt: skip


def simulated(structure: Structure, hard: Hard, rng: np.random.Generator) -> pd.DataFrame:
    """Draw a table of a structure.

    Raises
    ------
    CasepoolError
        If the table drawn cannot be used, as one in which nobody has an outcome.
    """
    sizes = hard.sizes(structure.levels, rng) + structure.incomplete
    frame = structure.blank(sizes, rng, together=hard.together)
    limit = np.round(rng.uniform(*hard.follow_up, len(frame)), 2)
    empty = structure.told(_nothing_yet(structure, frame, limit, rng))
    design = make_design(structure.model, empty)
    truth = {name: np.asarray(values) for name, values in prior_draws(design, rng, (1, 1)).items()}
    hard.bend(truth, rng)
    made = _seen(structure, empty, design, truth, limit, hard, rng)
    if structure.incomplete:
        made = _hidden(made, hard.missing, rng, ages="age" in structure.model.terms)
    return structure.told(made)


def _hidden(frame: pd.DataFrame, share: float, rng: np.random.Generator, *, ages: bool) -> pd.DataFrame:
    """Hide labels and ages: some of each, and never the only label of a level, so that a structure stays the same.

    Where age is a term, few ages and one label.
    """
    hidden = rng.random((len(frame), 2)) < share
    hidden[-1] = True
    hidden &= frame["kind"].duplicated().to_numpy()[:, None]
    if ages:  # each costs dozens of rows of the Design, and beside a missing label as many for every level
        hidden[:, 1] &= hidden[::-1, 1].cumsum()[::-1] <= MOST_AGES
        hidden[:, 0] = np.arange(len(frame)) == np.flatnonzero(~hidden[:, 1] & frame["kind"].duplicated())[-1]
    return frame.assign(kind=frame["kind"].where(~hidden[:, 0]), age=frame["age"].where(~hidden[:, 1]))


def _nothing_yet(
    structure: Structure, frame: pd.DataFrame, limit: np.ndarray, rng: np.random.Generator
) -> pd.DataFrame:
    """Add an outcome that says nothing: no responders, nobody with the event before the end of follow-up."""
    if not structure.model.is_survival:
        return frame.assign(events=0) if structure.counted else frame.assign(response=rng.choice(CODES, len(frame)))
    if structure.model.outcome.lower:
        return frame.assign(lower=limit, upper=np.nan)
    entry = np.where(rng.random(len(frame)) < 0.4, np.round(limit * rng.uniform(0.0, 0.6, len(frame)), 2), 0.0)
    frame = frame.assign(time=limit, event=False)
    if structure.model.outcome.entry:
        frame = frame.assign(entry=entry)
    return frame.assign(surgery=False, first=np.nan, last=np.nan) if structure.model.exposures else frame


def _seen(
    structure: Structure,
    frame: pd.DataFrame,
    design: Design,
    truth: Truth,
    limit: np.ndarray,
    hard: Hard,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Draw the outcomes that a truth gives."""
    if not structure.model.is_survival:
        found = replicate(design, truth, rng)[0, 0].astype(int)
        if structure.counted:
            return frame.assign(events=found)
        codes = np.array(CODES if structure.model.is_ordinal else ("SD", "PR"))
        return frame.assign(response=codes[found])
    end, event, exposed = (values[0, 0] for values in replicate_follow_up(design, truth, limit[None, None], rng))
    end = np.round(np.maximum(end, SHORTEST + frame.get("entry", 0.0)), 2)
    if hard.grain:
        end = hard.grain * np.ceil(end / hard.grain)
    if structure.model.outcome.lower:
        low = VISIT * np.floor(end / VISIT)
        return frame.assign(lower=np.where(event, low, end), upper=np.where(event, low + VISIT, np.nan))
    frame = frame.assign(time=end, event=event)
    if structure.model.exposures:
        early, late = np.sort(np.round(rng.uniform(0.0, end, (2, len(end))), 2), axis=0)
        dates = {"first": np.where(exposed, early, np.nan), "last": np.where(exposed, late, np.nan)}
        frame = frame.assign(surgery=exposed, **dates)
    return frame
