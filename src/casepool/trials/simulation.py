"""Trials simulated look by look, all at once: each distinct table is analysed once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from casepool.trials.decisions import Judge
from casepool.trials.enumeration import FUTILE, OPEN, SUCCEEDED, Ended
from casepool.trials.recruitment import Clock, patients_of
from casepool.trials.specification import KEPT, TrialDesign


def simulated(design: TrialDesign, judge: Judge, rates: np.ndarray, seed: int) -> Ended:
    """Simulate trials.

    Parameters
    ----------
    design : TrialDesign
    judge : callable
    rates : array (scenarios, trials, baskets)
        The true rates. Scenarios share their patients.

    Returns
    -------
    Ended
        Rows are trials, scenario by scenario.
    """
    scenarios, trials, baskets = rates.shape
    clocks = [Clock(design, patients_of(design, seed, own), np.full((baskets, trials), np.inf)) for own in rates]
    shape = (scenarios, trials, baskets)
    closed_at, early = np.zeros(shape, int), np.zeros(shape, int)
    success, hanging = np.zeros(shape, bool), np.zeros(shape[:2], bool)
    events, n, months = np.zeros(shape, int), np.zeros(shape, int), np.zeros(shape[:2])
    last = design.number_of_looks - 1
    for look in range(last + 1):
        for s, clock in enumerate(clocks):
            going = (closed_at[s] == OPEN).any(axis=1)
            now, month = clock.look(look, closed_at[s])
            n[s][going], months[s][going] = now[going], month[going]
            events[s][going] = clock.patients.events(n[s])[going]
        going = (closed_at == OPEN).any(axis=2)
        if not going.any():
            break
        said = judge(look, events[going], n[going])
        hanging[going] |= said.hanging
        success[going] = said.success
        if look < last:
            closing = (closed_at[going] == OPEN) & (said.success | said.futile)
            why = np.where(said.success, SUCCEEDED, FUTILE)
            early[going] = np.where(closing, why, early[going])
            closed_at[going] = np.where(closing, look + 1, closed_at[going])
            for s, clock in enumerate(clocks):
                clock.closing[(closed_at[s] == look + 1).T] = np.broadcast_to(months[s], (baskets, trials))[
                    (closed_at[s] == look + 1).T
                ]
    if design.looks.closed == KEPT:
        success[:] = np.where(closed_at != OPEN, early == SUCCEEDED, success)
    else:
        success[:] = judge(last, events.reshape(-1, baskets), n.reshape(-1, baskets)).success.reshape(shape)
    recruited = np.stack([clock.recruited(n[s], months[s]) for s, clock in enumerate(clocks)])
    whole: dict[str, Any] = {
        "events": events, "n": n, "recruited": recruited, "closed_at": closed_at, "early": early,
        "success": success, "hanging": hanging, "months": months, "log_ways": np.zeros(shape[:2]),
    }  # fmt: skip
    return Ended(**{name: values.reshape(scenarios * trials, *values.shape[2:]) for name, values in whole.items()})


def of_scenario(ended: Ended, scenario: int, trials: int) -> Ended:
    """Return the trials of one scenario."""
    return replace(ended.at(np.arange(scenario * trials, (scenario + 1) * trials)))
