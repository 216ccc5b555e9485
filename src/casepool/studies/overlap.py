"""Patients who were in a trial and in the cases: counted once, taken out of the cases, while nobody knows which."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from casepool.arguments import flag_of, whole_number
from casepool.checking.held_out import refitted
from casepool.errors import CasepoolError
from casepool.estimation.draws import CI_PROB, Fitted, check_probability, open_draws, posterior_rows
from casepool.estimation.targets import over_patients
from casepool.estimation.trial_rows import of_trials
from casepool.modelling.design.grouping import patients_and_events
from casepool.modelling.specification.endpoints import event
from casepool.remarks import remark
from casepool.tables import EVERYONE

MOST = 20
"""Patients who may be in both, at most."""


def trial_overlap(fit: xr.DataTree, *, most: int = 3, ci_prob: float = CI_PROB, progress: bool = True) -> pd.DataFrame:
    """Tell the rate if some published cases were patients of the trials too, each counted in the trials alone.

    Parameters
    ----------
    fit : xarray.DataTree
        Of a model with ``[evidence.trials]`` and no terms, one row a patient.
    most : int
        Patients who may be in both, at most: a row for every number from 0 on.
    ci_prob : float
        Width of the equal-tailed credible interval.
    progress : bool
        Whether to say on standard error what is going on.

    Returns
    -------
    pandas.DataFrame
        An estimate table, ``at`` says how many: the rate of unselected patients where the model has a selection. Those
        taken out are cases with the event, one refit a number: which of them does not matter without terms, and taking
        out others moves the rate less.

    Raises
    ------
    CasepoolError
        If the model has no trials, has terms, or too few cases had the event.

    See Also
    --------
    trial_prior, trial_conflict

    Notes
    -----
    Patients who are known to be in both are named in a coding, with ``drop``.

    Examples
    --------
    >>> import casepool as cp
    >>> fit = cp.fit("objective_response_selection", "alk_crizotinib", seed=1, progress=False)
    >>> table = cp.trial_overlap(fit, most=1, progress=False)
    >>> print(table[["level", "n", "events", "estimate"]].head(3))
    level      n  events  estimate
    everyone  30      26    0.7874
    everyone  29      25    0.7861
    """
    check_probability(ci_prob)
    number = whole_number(most, "most", 1, MOST)
    flag_of(progress, "progress")
    fitted = open_draws(fit)
    of_trials(fitted.model)
    responders = _responders(fitted, number)
    held = []
    for taken in range(1, number + 1):
        out = np.zeros(len(fitted.design.patients), dtype=bool)
        out[responders[:taken]] = True
        held.append((out, f"{taken} of the trials' patients"))
    refits = refitted(fitted, held, progress=progress)
    rows, draws = [], []
    kept = [(np.zeros(len(fitted.design.patients), bool), fitted.parameters, True)]
    kept += [(out, own.parameters, own.converged) for (out, _), own in zip(held, refits, strict=True)]
    for taken, (out, parameters, converged) in enumerate(kept):
        own = replace(fitted, design=fitted.design.of_patients(~out), parameters=parameters)
        draws.append(_rate(own))
        rows.append(_row(own, taken, converged))
    return fitted.table(
        row for values, row in zip(draws, rows, strict=True)
        for row in posterior_rows(values[..., None], [row], fitted=fitted, ci_prob=ci_prob)
    )  # fmt: skip


def _responders(fitted: Fitted, number: int) -> np.ndarray:
    """Return the places of the cases with the event, refusing a fit in which it matters which."""
    n, events = patients_and_events(fitted.design)
    if fitted.model.terms or (n > 1).any():
        problem = "which patients are in both matters here" if fitted.model.terms else "a row is several patients"
        raise CasepoolError(problem, remedy="name them in a coding of the dataset, with `drop`, and fit again")
    found = np.flatnonzero(events == 1)
    if number >= len(found):
        raise CasepoolError("fewer cases than that had the event", column="most", value=number, remedy="ask for fewer")
    return found


def _rate(fitted: Fitted) -> np.ndarray:
    """Return draws (chain, draw) of the rate, of unselected patients where there is a selection."""
    return event(fitted.model).of(over_patients(fitted.design.unselected(), fitted))


def _row(fitted: Fitted, taken: int, converged: bool) -> dict[str, Any]:
    n, events = patients_and_events(fitted.design)
    name = "unselected rate: " if fitted.model.selection else ""
    return {
        "estimand": f"{name}mean probability that a patient {fitted.model.outcome.reaches}, less cases of the trials",
        "level": EVERYONE, "at": f"{taken}", "n": n.sum(), "events": events.sum(), "source": "pooled",
        "unit": "probability", "note": () if converged else remark("did not converge"),
    }  # fmt: skip
