"""Whether cases and trials agree, and how much of an answer is the trials': one refit without them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy import special

from casepool.arguments import flag_of
from casepool.estimation.draws import Fitted, open_draws, probability_row
from casepool.estimation.trial_rows import PATIENTS, of_trials
from casepool.inference.fitting import again
from casepool.inference.predictive import prior_draws
from casepool.modelling import Model
from casepool.modelling.design.grouping import patients_and_events
from casepool.modelling.design.likelihood import category_chances
from casepool.modelling.design.making import design_of_typed
from casepool.modelling.families.arrays import NUMPY
from casepool.modelling.families.distributions import DISTRIBUTIONS
from casepool.modelling.families.evidence_synthesis import moment_worth
from casepool.modelling.families.names import effect_of
from casepool.modelling.specification.endpoints import event
from casepool.modelling.specification.model import model_dict
from casepool.random_streams import Stream, stream
from casepool.remarks import remark

POINTS = 4000
"""Values of what the prior is of, or draws, over which a count is predicted."""
TIED = 1e-9
"""Relative difference below which two counts are equally likely."""
CONFLICT = 0.05
"""P below which cases and trials contradict each other."""


@dataclass(frozen=True)
class Seen:
    """The patients of whom the trials are: everyone, or those of one level.

    Parameters
    ----------
    about : mapping
        Columns ``by``, ``level``, ``n`` and ``events`` of their rows.
    members : array (rows,)
        How much of each row of the fit belongs to them.
    """

    about: Mapping[str, Any]
    members: np.ndarray


def trial_conflict(fit: xr.DataTree, *, progress: bool = True) -> pd.DataFrame:
    """Tell whether the cases agree with the trials their prior is made of, and how many patients it lends.

    Parameters
    ----------
    fit : xarray.DataTree
        Of a model with ``[evidence.trials]``.
    progress : bool
        Whether to say on standard error what is going on.

    Returns
    -------
    pandas.DataFrame
        An estimate table. Two P values of the cases' count under what the trials predict of it: of as many events or
        more, and Box's (1980), the probability of all counts no likelier than the one seen; below 0.05 they
        contradict each other. Where the prior is robust, the posterior weight of its vague part: a robust prior
        resolves a conflict by dropping the trials. The patients borrowed: what the answer is worth in patients, by its
        moments, less what it is worth without the trials, which is one refit under the prior of their mean alone.

    Raises
    ------
    CasepoolError
        If the fit's model has no trials.

    See Also
    --------
    trial_prior, trial_overlap

    References
    ----------
    Box GEP (1980). Sampling and Bayes' inference in scientific modelling and robustness. Journal of the Royal
    Statistical Society A 143:383-430. doi:10.2307/2982063

    Examples
    --------
    >>> import casepool as cp
    >>> fit = cp.fit("objective_response_selection", "alk_crizotinib", seed=1, progress=False)
    >>> print(cp.trial_conflict(fit, progress=False)[["estimand", "estimate"]].head(3))
    estimand                                                                 estimate
    as many events or more, if the trials tell what to expect                   0.236
    counts no likelier than the one seen, if the trials tell what to expect    0.8218
    patients borrowed from the trials                                           6.055
    """
    flag_of(progress, "progress")
    fitted = open_draws(fit)
    of_trials(fitted.model)
    seen = _seen(fitted)
    rows = [*_p_values(fitted, seen), *_vague(fitted, seen), _borrowed(fitted, seen, progress)]
    return fitted.table(rows)


def _seen(fitted: Fitted) -> Seen:
    _, trials = of_trials(fitted.model)
    n, events = patients_and_events(fitted.design)
    if not trials.about:
        return Seen({"level": "everyone", "n": n.sum(), "events": events.sum()}, np.ones(len(n)))
    factor, level = trials.about
    group = fitted.membership(factor)
    members = group.members[:, group.levels.index(level)]
    return Seen({"by": factor, "level": level, "n": n @ members, "events": events @ members}, members)


def predicted_counts(fitted: Fitted, seen: Seen) -> np.ndarray:
    """Return the probability of every number of events among some patients, before their outcomes: (n + 1,).

    Averaged over quantiles of the prior where all of them share one probability, else over draws of it.
    """
    model, (n, _) = fitted.model, patients_and_events(fitted.design)
    kept = seen.members > 0
    _, trials = of_trials(model)
    if set(model.terms) <= set(trials.about[:1]) and model.selection is None:
        quantiles = (np.arange(POINTS) + 0.5) / POINTS
        shared = special.expit(model.priors[model.of_family.location.name].quantile(quantiles))
        return _count_law(shared[:, None], np.array([n[kept].sum()]))
    before = design_of_typed(_before(model), fitted.cases, fitted.codebook)
    drawn = prior_draws(before, stream(fitted.seed, Stream.TRIALS), (1, POINTS))
    return _count_law(event(model).of(category_chances(before, drawn))[0][:, kept], n[kept])


def _before(model: Model) -> Model:
    """Return the model with what the trials predict as its prior, where they share it with the cases."""
    name = model.of_family.location.name
    prior = model.priors[name]
    alone = replace(prior, elicited={**prior.elicited, "method": "predictive"})
    return replace(model, priors={**model.priors, name: alone})


def _count_law(chances: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Return the law of a sum of binomials, averaged over the first axis of their chances (points, rows): (total + 1,).

    By its characteristic function.
    """
    total = int(n.sum())
    turn = np.exp(-2j * np.pi * np.arange(total + 1) / (total + 1)) - 1
    product = np.ones((len(chances), total + 1), dtype=complex)
    for row, size in enumerate(n):
        product *= (1 + chances[:, row, None] * turn) ** size
    return np.asarray(np.clip(np.fft.ifft(product.mean(axis=0)).real, 0.0, 1.0))


def _p_values(fitted: Fitted, seen: Seen) -> list[dict[str, Any]]:
    law, count = predicted_counts(fitted, seen), round(float(seen.about["events"]))
    expected = float(law @ np.arange(len(law)))
    box = float(law[law <= law[count] * (1 + TIED)].sum())
    shared = {"model": fitted.model.name, "source": "pooled", "kind": "P value", "unit": "P value", **seen.about}
    note = remark("trials predict", expected=f"{expected:.1f}")
    return [
        fitted.noted(
            {
                **shared, "estimand": estimand, "method": method, "estimate": min(p, 1.0),
                "note": note + (remark("conflict", limit=CONFLICT) if p < CONFLICT else ()),
            }
        )
        for estimand, method, p in (
            ("as many events or more, if the trials tell what to expect", "prior predictive", float(law[count:].sum())),
            ("counts no likelier than the one seen, if the trials tell what to expect", "prior predictive (Box)", box),
        )
    ]  # fmt: skip


def _logit(fitted: Fitted) -> np.ndarray:
    """Return draws (chain, draw) of the log odds that the trials' prior is of."""
    return logit_of(fitted.model, fitted.design.laid.labels, fitted.parameters)


def logit_of(model: Model, labels: Mapping[str, tuple[str, ...]], parameters: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the log odds that the trials' prior is of: the intercept's, or one level's."""
    _, trials = of_trials(model)
    found = parameters[model.of_family.location.name]
    if not trials.about:
        return found
    factor, level = trials.about
    return np.asarray(found + parameters[effect_of(factor)][..., labels[factor].index(level)])


def _vague(fitted: Fitted, seen: Seen) -> list[dict[str, Any]]:
    """Describe the posterior weight of the vague part: the mean of its share of the prior density at each draw."""
    prior, _ = of_trials(fitted.model)
    weight = float(prior.elicited.get("robust", 0.0))
    if not weight:
        return []
    x = _logit(fitted)
    vague = {"mu": prior.elicited["vague"]["mu"], "sigma": prior.elicited["vague"]["sigma"]}
    share = weight * np.exp(DISTRIBUTIONS["Normal"].log_density(x, vague, NUMPY) - prior.log_density(x))
    row = {
        "estimand": "weight of the vague part of the prior, given the cases", "source": "pooled",
        "note": remark("vague", weight=weight), **seen.about,
    }  # fmt: skip
    return [probability_row(share, row, fitted=fitted)]


def _borrowed(fitted: Fitted, seen: Seen, progress: bool) -> dict[str, Any]:
    """Describe how many patients the trials lend: the worth with them less the worth under their mean's prior alone."""
    alone = without_trials(fitted.model)
    [refit] = again(fitted.tree, [alone], progress=progress, contents=fitted.contents)
    other = open_draws(refit)
    worths = [_worth(special.expit(_logit(each))) for each in (fitted, other)]
    note = remark("worth with and without", with_=f"{worths[0]:.1f}", without=f"{worths[1]:.1f}")
    return fitted.noted(
        {
            "estimand": "patients borrowed from the trials", "source": "pooled", "model": fitted.model.name,
            "method": "by moments", "kind": "difference", "unit": PATIENTS, "estimate": worths[0] - worths[1],
            "verdict": fitted.verdict, "note": note, **seen.about,
        }
    )  # fmt: skip


def _worth(p: np.ndarray) -> float:
    return moment_worth(float(p.mean()), float(p.std()))


def without_trials(model: Model) -> Model:
    """Return the model under the prior of the trials' mean alone: their likelihood to the power 0."""
    plain, name = model_dict(model), model.of_family.location.name
    prior = plain["priors"][name]
    kept = {key: prior[key] for key in ("from", "mean", "why") if key in prior}
    plain["priors"][name] = kept | {"method": "power", "weight": 0.0}
    return Model.reader(plain, name=model.name)
