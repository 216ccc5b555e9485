"""Several events or lines of one new patient, who is the same in all of them: a person's effect is integrated out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from casepool.arguments import name_of
from casepool.errors import CasepoolError
from casepool.estimation.draws import CI_PROB, Fitted, check_probability, open_draws, posterior_rows, probability_row
from casepool.estimation.event_rates import checked_times
from casepool.modelling.families.arrays import NUMPY
from casepool.modelling.families.names import effect_of, sd_of
from casepool.modelling.specification.outcome import BOTH

NODES = 64
"""Of the Gauss-Hermite rule over a person's effect."""


def sequence(fit: xr.DataTree, first: str, then: str, *, ci_prob: float = CI_PROB) -> pd.DataFrame:
    """Tell what to expect of a line of treatment after another one failed in the same new patient.

    Parameters
    ----------
    fit : xarray.DataTree
        Of a model of lines: a factor with the two treatments, and a factor of persons.
    first, then : str
        Levels of the factor of treatments.
    ci_prob : float
        Width of the equal-tailed credible interval.

    Returns
    -------
    pandas.DataFrame
        An estimate table of a new patient, the person's effect integrated out in every draw: the response to each
        treatment, to `then` given no response to `first` (E[(1 - p) q] / E[1 - p]), to either of them, and the
        probability that `first` has the higher response.

    Raises
    ------
    CasepoolError
        For a fit of another model, or a treatment that is no level.

    See Also
    --------
    estimates, any_event

    Examples
    --------
    >>> import casepool as cp
    >>> fit = cp.fit("next_inhibitor", "alk_crizotinib", seed=1, progress=False)
    >>> print(cp.sequence(fit, "Ceritinib", "Alectinib")[["estimand", "estimate"]].head(3))
    estimand                                                                    estimate
    response of a new patient                                                     0.7142
    response of a new patient                                                     0.5605
    response to Alectinib given no response to Ceritinib, the same new patient    0.4744
    """
    check_probability(ci_prob)
    return sequence_of(open_draws(fit), first, then, ci_prob=ci_prob)


def sequence_of(fitted: Fitted, first: str, then: str, *, ci_prob: float = CI_PROB) -> pd.DataFrame:
    """Tell what `sequence` does, of a fit that is open."""
    by, person = factors_of(fitted)
    levels = fitted.design.terms[by].coded.levels
    for value, role in ((first, "first"), (then, "then")):
        if name_of(value, role, "name a treatment") not in levels:
            raise CasepoolError("no such treatment", column=role, value=value, remedy=f"there are {', '.join(levels)}")
    if first == then:
        raise CasepoolError("the two treatments are the same", value=then, remedy="name two")
    weights, chances = persons_chances(fitted, by, person)
    p, q = (chances[..., levels.index(name), :] for name in (first, then))
    alone, other = (p @ weights, q @ weights)
    after, either = ((1 - p) * q) @ weights / ((1 - p) @ weights), 1 - ((1 - p) * (1 - q)) @ weights
    said = {
        first: ("response of a new patient", alone),
        then: ("response of a new patient", other),
        f"{then} after {first}": (f"response to {then} given no response to {first}, the same new patient", after),
        f"{first} or {then}": (f"response to {first} or {then}, the same new patient", either),
    }
    about = [_about(fitted, by, level, words, [first, then]) for level, (words, _) in said.items()]
    stacked = np.stack([values for _, values in said.values()], axis=-1)
    rows = posterior_rows(stacked, about, fitted=fitted, ci_prob=ci_prob)
    better = {"estimand": "higher response of a new patient", "by": by, "level": f"{first} vs {then}"}
    rows.append(probability_row(alone > other, better | {"source": "shrunk"}, fitted=fitted))
    return fitted.table(rows)


def any_event(fit: xr.DataTree, *, at: Sequence[float] | None = None, ci_prob: float = CI_PROB) -> pd.DataFrame:
    """Estimate the probability that a new patient has an event of any type, of a fit per patient and type.

    Parameters
    ----------
    fit : xarray.DataTree
        Of a model of events per patient and type.
    at : sequence of float, optional
        Of a model with times, and needed there: by when.
    ci_prob : float
        Width of the equal-tailed credible interval.

    Returns
    -------
    pandas.DataFrame
        An estimate table of one row, or one for each time: types of the list at their effects, the person's effect
        integrated out.

    Raises
    ------
    CasepoolError
        For a fit of another model, and times where the model has none or the other way about.

    See Also
    --------
    adverse_events, sequence

    Examples
    --------
    >>> import casepool as cp
    >>> fit = cp.fit("adverse_events_by_patient_and_type", "alk_crizotinib", seed=1, progress=False)  # doctest: +SKIP
    >>> print(cp.any_event(fit)[["estimand", "estimate", "lower", "upper"]].head(2))  # doctest: +SKIP
    estimand                                                 estimate   lower   upper
    probability that a new patient has an event of any type    0.4319  0.2926  0.5884
    """
    check_probability(ci_prob)
    times: list[float] = checked_times(at)
    fitted = open_draws(fit)
    if fitted.model.outcome.per != BOTH:
        raise CasepoolError(f"{fitted.model.name!r} is no model per patient and type",
                            remedy=f'fit one with per = "{BOTH}"')  # fmt: skip
    by, person = factors_of(fitted)
    if bool(times) is not fitted.model.outcome.has_rate:
        raise CasepoolError("times go with a model that has times, and with no other", column="at", value=at,
                            remedy="pass at=[12], say, if and only if its [outcome] has `time`")  # fmt: skip
    about = _about(fitted, by, "any", "probability that a new patient has an event of any type", ())
    values = []
    for time in times or [1.0]:
        weights, chances = persons_chances(fitted, by, person, offset=float(np.log(time)))
        values.append(1 - np.prod(1 - chances, axis=-2) @ weights)
    rows = [about | {"at": time} for time in times] or [about]
    return fitted.table(posterior_rows(np.stack(values, axis=-1), rows, fitted=fitted, ci_prob=ci_prob))


def _about(fitted: Fitted, by: str, level: str, words: str, levels: Sequence[str]) -> dict[str, Any]:
    group = fitted.membership(by)
    n, events = group.counts(fitted.design)
    own = [group.levels.index(name) for name in levels if name == level]
    counts = {"n": n[own].sum(), "events": events[own].sum()} if own else {}
    return {"estimand": words, "by": by, "level": level, "source": "shrunk", "unit": "probability", **counts}


def factors_of(fitted: Fitted) -> tuple[str, str]:
    """Return the factor of treatments or types, and that of persons, of a model of these two alone."""
    names = list(fitted.model.terms)
    persons = [name for name in names if fitted.model.terms[name].source == "patient"]
    others = [name for name in names if name not in persons]
    if not fitted.model.outcome.table or len(persons) != 1 or len(others) != 1 or fitted.is_survival:
        raise CasepoolError(
            f"{fitted.model.name!r} is no model of one factor and of persons, of a table beside the cases",
            remedy="fit, say, next_inhibitor",
        )
    return others[0], persons[0]


def persons_chances(fitted: Fitted, by: str, person: str, *, offset: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Return weights (nodes,) and the chance of every level of a new person at each: (chain, draw, levels, nodes)."""
    z, weights = np.polynomial.hermite_e.hermegauss(NODES)
    own = fitted.parameters
    zero = fitted.model.of_family.zero_point(own)[..., None] if "intercept" in own else 0.0
    eta = offset + zero + own[effect_of(by)]
    spread = own[sd_of(person)][..., None, None] * z if sd_of(person) in own else np.zeros(NODES)
    model = fitted.model
    log_p = model.of_family.response[model.form]([eta[..., None] + spread], own, NUMPY)
    return weights / weights.sum(), np.exp(log_p[1])
