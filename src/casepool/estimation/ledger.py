"""The borrowing ledger: what each level brought, what it borrowed, and what the prior lent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
import xarray as xr

from casepool.estimation.draws import Fitted, check_probability, open_draws, posterior_rows, refuse_survival
from casepool.estimation.joint_effects import everywhere
from casepool.estimation.targets import ANSWERS, over_patients
from casepool.frequentist.proportions import clopper_pearson
from casepool.inference.predictive import prior_draws
from casepool.modelling import Design
from casepool.modelling.design.grouping import Membership
from casepool.modelling.design.likelihood import pointwise
from casepool.modelling.design.touched import touched
from casepool.modelling.specification.endpoints import event
from casepool.random_streams import Stream, stream
from casepool.remarks import NONE, Remarks, note_of, remark

PRIOR_DRAWS = (4, 2500)
LEAST_AGREEING = 200
"""Effective draws of the prior that must agree with a level's own patients for its worth without siblings."""
COLUMNS = (
    "by", "level", "n", "events", "raw", "raw_lower", "raw_upper", "prior", "prior_lower", "prior_upper",
    "shrunk", "shrunk_lower", "shrunk_upper", "worth", "borrowed",
    "share_own", "share_siblings", "share_prior", "verdict", "note",
)  # fmt: skip


def ledger(fit: xr.DataTree, by: str, *, ci_prob: float = 0.95) -> pd.DataFrame:
    """Account for every level's estimate: its own patients, what it borrowed, and what the prior lent.

    Parameters
    ----------
    fit : xarray.DataTree
        Of a response model; of an ordinal one the ledger is that of the model's success.
    by : str
        A factor of the model, or any labelled column of the cases.
    ci_prob : float
        Width of all intervals.

    Returns
    -------
    pandas.DataFrame
        One row a level. ``n``, ``events``: its own patients in the fit, and how many responded. ``raw``: their
        rate with the Clopper-Pearson interval. ``prior``: median and interval of what the prior alone says of
        these patients. ``shrunk``: posterior median and interval. ``worth``: the patients behind the estimate.
        ``borrowed``: those of them who are siblings'. ``share_own``, ``share_siblings``, ``share_prior``: the
        three parts of ``worth``, summing to 1. A level without patients in the fit is described over all
        patients of the fit, each set to the level, and its note says so.

    Raises
    ------
    CasepoolError
        For an unknown grouping, or a survival fit.

    Notes
    -----
    A probability with mean m and variance v is worth ``m (1 - m) / v - 1`` patients, as a beta distribution of
    that mean and variance is (Morita, Thall and Mueller 2008; Neuenschwander 2020), and no fewer than none. P is what
    the prior alone is worth, and n the level's own patients. What was borrowed from siblings, which are all other
    patients of the fit, is how much more the posterior is worth than the prior and the level's own patients together
    without them, and no less than nothing. ``worth`` is the sum of n, the borrowed and P, and the shares are these
    over it.

    Draws of the prior, weighed by the likelihood of the level's own patients, give the worth without siblings; where
    fewer than 200 effective ones agree with these patients it is taken as n + P, which it is of a beta distribution.
    It is not of any other: 0 of 10 patients are worth more than ten under a prior on the log odds, and no sibling
    lends the difference. Siblings that contradict a level widen what is known of it: they move its estimate, and yet
    lend it no patients.

    Without borrowing, siblings lend nothing, and under a flat prior the own share is 1; under complete pooling and a
    flat prior the siblings' share is their share of the patients. In between the own share is, nearly, how far the
    estimate follows the raw rate: by that fraction of a point for every point. A prior on the spread between levels
    lends no patients: it decides how many are borrowed. Variances come from draws, so numbers of patients are right
    to some hundredths of themselves.
    """
    check_probability(ci_prob)
    return ledger_of(open_draws(fit), by, ci_prob=ci_prob)


def ledger_of(fitted: Fitted, by: str, *, ci_prob: float = 0.95) -> pd.DataFrame:
    """Account as `ledger` does, of a fit that is open."""
    refuse_survival(fitted)
    group = fitted.membership(by)
    n, events = group.counts(fitted.design)
    flat = fitted.design.improper
    draws, before, (worths, borrowed, *shares) = _account(fitted, group, n, flat)
    tail = (1 - ci_prob) / 2
    limits = np.quantile(before, [0.5, tail, 1 - tail], axis=(0, 1))
    rows = []
    for i, after in enumerate(posterior_rows(draws, [{"n": x} for x in n], fitted=fitted, ci_prob=ci_prob)):
        known = not np.isnan(after["estimate"])
        raw = clopper_pearson(int(events[i]), int(n[i]), ci_prob)
        numbers = [
            *(n[i], events[i], events[i] / n[i] if n[i] else np.nan, *raw, *limits[:, i]),
            *(after["estimate"], after["lower"], after["upper"], worths[i], borrowed[i], *(s[i] for s in shares)),
        ]
        note = note_of(_note(group, fitted, n[i] > 0, flat), public=fitted.public)
        rows.append((by, group.levels[i], *numbers, after["verdict"] if known else "", note))
    return fitted.table(rows, COLUMNS)


def own_shares(fitted: Fitted, group: Membership) -> Mapping[str, float]:
    """Return the part of the answer of every level with patients that is theirs, by level: the ledger's ``share_own``.

    Kept in `fitted`, as every table of a factor asks.
    """
    if group.by not in fitted.shares:
        n = group.counts(fitted.design)[0]
        _, _, (_, _, own, *_) = _account(fitted, group, n, fitted.design.improper)
        fitted.shares[group.by] = {level: own[i] for i, level in enumerate(group.levels) if n[i] > 0}
    return fitted.shares[group.by]


def _account(
    fitted: Fitted, group: Membership, n: np.ndarray, flat: list[str]
) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, ...]]:
    """Return draws after and before seeing the outcomes, each (chain, draw, levels), and what `parts` makes of them."""
    draws = _draws(fitted, group, n)
    before = np.full((*PRIOR_DRAWS, len(n)), np.nan)
    lent, without = np.zeros(len(n)), n
    if not flat:
        prior = prior_draws(fitted.design, stream(fitted.seed, Stream.LEDGER), PRIOR_DRAWS)
        before = _draws(replace(fitted, parameters=prior), group, n)
        lent = patients_worth(before)
        without = _without_siblings(before, _own_likelihood(fitted.design, prior, group), n + lent)
    gained = np.where(_alone(fitted, group, n), 0.0, patients_worth(draws) - without)
    return draws, before, parts(gained, n, lent)


def patients_worth(draws: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Return how many patients a distribution of probabilities is worth: array (levels) from (chain, draw, levels).

    Infinity where the probability is known, NaN where it is nowhere.
    """
    m = np.average(draws, axis=(0, 1), weights=weights)
    v = np.average((draws - m) ** 2, axis=(0, 1), weights=weights)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.maximum(np.where(v > 0, m * (1 - m) / v, np.where(np.isnan(v), np.nan, np.inf)) - 1, 0.0))


def _own_likelihood(design: Design, parameters: Mapping[str, np.ndarray], group: Membership) -> np.ndarray:
    """Log likelihood of every level's own patients: array (chain, draw, levels)."""
    return np.asarray(pointwise(design, parameters) @ group.members)


def _without_siblings(before: np.ndarray, log_likelihoods: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """Return what prior and own patients are worth together: array (levels); `sums` where too few draws agree."""
    weights = np.exp(log_likelihoods - log_likelihoods.max(axis=(0, 1)))
    agreeing = weights.sum(axis=(0, 1)) ** 2 / (weights**2).sum(axis=(0, 1))
    return np.asarray(np.where(agreeing < LEAST_AGREEING, sums, patients_worth(before, weights)))


def _alone(fitted: Fitted, group: Membership, n: np.ndarray) -> np.ndarray:
    """Whether nobody else's outcome can tell of a level: array (levels)."""
    apart = all(term.stands_alone and name == group.by for name, term in fitted.model.terms.items())
    return np.asarray(n >= fitted.design.outcome["n"].sum()) | (apart and bool(fitted.model.terms))


def parts(gained: np.ndarray, own: np.ndarray, prior: np.ndarray) -> tuple[np.ndarray, ...]:
    """Divide what an estimate is worth among own patients, siblings and prior.

    Parameters
    ----------
    gained : array (levels,)
        How much more it is worth with siblings than without, NaN or negative where nothing is gained.
    own, prior : array (levels,)
        Patients of the level, and those its prior is worth: infinity for a probability that is known.

    Returns
    -------
    worth, borrowed, share_own, share_siblings, share_prior : arrays
    """
    certain = np.isinf(prior)
    with np.errstate(invalid="ignore"):
        borrowed = np.where(certain | ~(gained > 0), 0.0, gained)
    worth = own + borrowed + prior
    total = np.where(certain | (worth == 0), 1.0, worth)
    shares = [np.where(certain, 0.0, part / total) for part in (own, borrowed)]
    return worth, borrowed, *shares, 1.0 - shares[0] - shares[1]


def _draws(fitted: Fitted, group: Membership, n: np.ndarray) -> np.ndarray:
    """Probability of success of every level's own patients; of a level without any, of all patients set to it."""
    end, whole = event(fitted.model), everywhere(fitted)
    draws = end.of(ANSWERS["observed"](fitted, group).categories)
    for i in np.flatnonzero(n == 0) if group.is_term else ():
        draws[..., i] = end.of(over_patients(whole.design.at_level(group.by, group.levels[i]), whole))
    return draws


def _note(group: Membership, fitted: Fitted, has_patients: bool, flat: list[str]) -> Remarks:
    """Say what a reader must know of a level's row."""
    said = NONE
    if not has_patients:
        said += remark("set to the level" if group.is_term else "no patient of the level")
    if flat:
        said += remark("flat prior", names=" and ".join(flat))
    return said + group.remarks(fitted.design) + touched(fitted.design)
