"""The true rates of a scenario: stated, or drawn anew for each trial from a posterior, a prior or a saved fit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import special

from casepool.errors import CasepoolError
from casepool.inference.baskets import factor_of
from casepool.inference.level_tables import tabulate
from casepool.inference.one_factor import OneFactor
from casepool.random_streams import Stream, stream
from casepool.trials.analysis import Analysis
from casepool.trials.recruitment import BLOCK
from casepool.trials.specification import Drawn, Scenario, TrialDesign

Draw = Callable[[np.random.Generator], np.ndarray]
"""Draws a block of trials' rates."""
WIDE, CELLS = 7.0, 100
"""Of the grid in standard normal coordinates from which what baskets share is drawn."""


def rates_of(design: TrialDesign, scenario: Scenario, seed: int, trials: int) -> np.ndarray:
    """Return the true rates of every trial: array (trials, baskets)."""
    if scenario.drawn is None:
        return np.tile(scenario.rates, (trials, 1))
    own = scenario.drawn
    draw = _of_fit(own, design.names) if own.fit else _of_model(design, own)
    blocks = range(-(-trials // BLOCK))  # so that more trials keep the first ones
    drawn = np.concatenate([draw(stream(seed, Stream.TRIAL_RATES, block)) for block in blocks])[:trials]
    return np.asarray(special.expit(special.logit(np.clip(drawn, 1e-15, 1 - 1e-15)) + own.shift))


def _of_model(design: TrialDesign, own: Drawn) -> Draw:
    """Return what draws from a model's posterior: what they share from a grid, then each basket given that."""
    assert own.model is not None  # noqa: S101 - the file's reader saw to it
    analysis = Analysis.of(own.model, design.most, own.cases, own.cases_weight, ())
    priors, (events, n) = analysis.priors, analysis.base
    target = own.model.outcome.target
    offset = float(special.logit(target)) if target else 0.0
    if priors.effects is None:
        events, n = events.sum(keepdims=True), n.sum(keepdims=True)

    def log_likelihood(x: np.ndarray) -> np.ndarray:
        return np.asarray(events * (x + offset) - n * np.logaddexp(0, x + offset))

    tables = tabulate(log_likelihood, len(n), priors.reach)
    if tables is None:
        problem = "rates cannot be drawn: a likelihood grows without end"
        raise CasepoolError(problem, value=own.model.name, remedy="give other priors")
    one = OneFactor(priors, tables)
    shared = _shared(one)

    def draw(rng: np.random.Generator) -> np.ndarray:
        made = priors.made(shared(rng))
        zero = priors.zero(made, BLOCK)
        effects = next(iter(one.draw_effects(made, zero, rng, 2).values()), np.zeros((BLOCK, analysis.size)))
        return np.asarray(special.expit(zero[:, None] + effects[:, : analysis.size] + offset))

    return draw


def _shared(one: OneFactor) -> Draw:
    """Return what draws what baskets share, in standard normal coordinates: a grid's cells by mass, then within."""
    low, high = np.full(2, -WIDE), np.full(2, WIDE)
    for _ in range(2):  # the second grid covers what of the first has mass
        cells = [CELLS if free else 1 for free in one.priors.free]
        edges = [np.linspace(a, b, size + 1) for a, b, size in zip(low, high, cells, strict=True)]
        middles = [(own[1:] + own[:-1]) / 2 for own in edges]
        z = np.stack(np.meshgrid(*middles, indexing="ij"), axis=-1).reshape(-1, 2)
        log_p = one.moments(z, 2, 0)[0].sum(axis=1) - np.square(z).sum(axis=1) / 2
        p = np.exp(log_p - log_p.max())
        kept = z[p > 1e-9 * p.max()]
        width = np.array([own[1] - own[0] for own in edges])
        low, high = kept.min(axis=0) - width, kept.max(axis=0) + width

    def draw(rng: np.random.Generator) -> np.ndarray:
        return np.asarray(z[rng.choice(len(z), BLOCK, p=p / p.sum())] + width * (rng.random((BLOCK, 2)) - 0.5))

    return draw


def _of_fit(own: Drawn, names: tuple[str, ...]) -> Draw:
    """Return what draws from a saved fit: the probability of its event in each basket, whatever its model."""
    from casepool.estimation.draws import open_draws
    from casepool.estimation.targets import ANSWERS
    from casepool.inference.files import open_fit
    from casepool.modelling.specification.endpoints import event

    fitted = open_draws(open_fit(own.fit))
    factors = [name for name, term in fitted.design.terms.items() if set(names) <= set(term.coded.levels)]
    if not factors:
        raise CasepoolError(
            "no factor of this fit has all the baskets as levels",
            file=own.fit,
            value=names,
            remedy="rename the baskets",
        )
    answer = ANSWERS["standardised"](fitted, fitted.membership(factors[0]))
    draws = np.asarray(event(fitted.model).of(answer.categories)).reshape(-1, len(answer.levels))
    columns = [answer.levels.index(name) for name in names]
    return lambda rng: np.asarray(draws[rng.choice(len(draws), BLOCK)][:, columns])


def factor_name(design: TrialDesign) -> str:
    """Return what baskets are called: the model's factor."""
    return factor_of(design.model).name if design.model else "basket"
