"""How probable the outcome of a new case was before it came."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import special

from casepool.checking.held_out import refitted
from casepool.estimation.draws import Fitted
from casepool.inference.diagnostics import mcse_mean
from casepool.modelling import Design
from casepool.modelling.design.likelihood import outcome_and_dates
from casepool.modelling.families.responses import category_counts

FORESEEN = {
    "response": "probability of its outcome before it came",
    "event": "probability before it came of the event by then",
    "between": "probability before it came of the event at its time, known between two",
    "free": "probability before it came of no event for as long",
}
"""What is told of a new case, by the kind of its outcome."""


def foreseen(fitted: Fitted, new: Collection[str], *, progress: bool) -> Iterator[dict[str, Any]]:
    """Yield a row for every new case whose outcome the model reads.

    Parameters
    ----------
    fitted : Fitted
        A fit of the table with the new cases, under the coding and the priors of before.
    new : collection of str
        Their labels in the fit.
    progress : bool

    Notes
    -----
    The posterior mean of the likelihood of the case's outcome, in a refit without all new cases: what the others said,
    given the case's covariates; a level nobody had is drawn from its factor's distribution. Of a row that stands for
    several patients, the probability of its counts. Of an event at a known time, whose likelihood is a density, the
    probability of one by then.
    """
    held = np.array([label in new for label in fitted.design.patients])
    if not held.any() or held.all():
        return
    refit = refitted(fitted, [(held, "the new cases")], progress=progress)[0]
    for i in np.flatnonzero(held):
        one = np.arange(len(held)) == i
        kind, chance = _chance(fitted.design.of_patients(one), refit.parameters)
        value = float(chance.mean())
        yield {
            "estimand": FORESEEN[kind],
            "level": fitted.design.patients[i],
            "unit": "probability",
            "statistic": "mean",
            "estimate": value,
            "mcse": float(mcse_mean(chance)) if np.ptp(chance) > 0 else 0.0,
            "verdict": "pass" if refit.converged else "fail",
        }


def _chance(design: Design, parameters: dict[str, np.ndarray] | Any) -> tuple[str, np.ndarray]:
    """Return the kind of one patient's outcome, and its probability in every draw (chain, draw)."""
    outcome = design.outcome
    if not design.model.is_survival:
        counts = category_counts(outcome, len(design.model.steps) + 1)
        ways = special.gammaln(outcome["n"] + 1) - sum(special.gammaln(count + 1) for count in counts)
        return "response", np.exp(outcome_and_dates(design, parameters)[0][..., 0] + ways[0])
    if outcome.get("between", np.zeros(1))[0]:
        return "between", np.exp(outcome_and_dates(design, parameters)[0][..., 0])
    unseen = replace(design, outcome={**outcome, "event": np.zeros(1)})
    alive = np.exp(outcome_and_dates(unseen, parameters)[0][..., 0])
    return ("event", 1 - alive) if outcome["event"][0] else ("free", alive)
