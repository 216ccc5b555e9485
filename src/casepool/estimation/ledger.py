"""The borrowing ledger: what each level brought, what it borrowed, and what the prior lent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from casepool.arguments import one_time
from casepool.errors import CasepoolError
from casepool.estimation.arms import refuse_times, times_of
from casepool.estimation.curves import curve
from casepool.estimation.draws import Fitted, check_probability, open_draws, posterior_rows
from casepool.estimation.joint_effects import everywhere
from casepool.estimation.targets import ANSWERS, over_patients
from casepool.estimation.worth import events_worth, patients_worth
from casepool.frequentist.confidence_limits import survival_limits_at
from casepool.frequentist.curves import follow_up, kaplan_meier, survival_at
from casepool.frequentist.medians import median
from casepool.frequentist.proportions import clopper_pearson
from casepool.inference.predictive import prior_draws
from casepool.modelling import Design
from casepool.modelling.design.grouping import Membership, patients_and_events
from casepool.modelling.design.likelihood import pointwise
from casepool.modelling.design.touched import touched
from casepool.modelling.specification.endpoints import event
from casepool.random_streams import Stream, stream
from casepool.remarks import NONE, Remarks, note_of, remark

PRIOR_DRAWS = (4, 2500)
LEAST_AGREEING = 200
"""Effective draws of the prior that must agree with a level's own patients for its worth without siblings."""
LARGE = 700.0
"""Logarithm of a cumulative hazard that nobody survives; of what is larger there is no exponential."""
SHARES = ("share_own", "share_siblings", "share_prior")
_NUMBERS = (
    "raw", "raw_lower", "raw_upper", "prior", "prior_lower", "prior_upper", "shrunk", "shrunk_lower", "shrunk_upper",
    "worth", "borrowed",
)  # fmt: skip
COLUMNS = ("by", "level", "n", "events", *_NUMBERS, *SHARES, "verdict", "note")
SURVIVAL_COLUMNS = (
    *("by", "level", "at", "unit", "n", "events", "time_at_risk", *_NUMBERS),
    *("worth_prior", "worth_alone", "worth_posterior", *SHARES, "verdict", "note"),
)


@dataclass(frozen=True)
class Account:
    """In what a ledger is kept.

    Parameters
    ----------
    quantity : callable
        Returns of a fit, or of draws of its prior, what is known more or less of: array (chain, draw, levels).
    shown : callable
        Makes the probability of it that the ledger shows.
    worth : callable
        Returns how many units such draws, which may be weighed, are worth: array (levels).
    own : array (levels,)
        Units that every level has of its own: patients, or events.
    """

    quantity: Callable[[Fitted], np.ndarray]
    shown: Callable[[np.ndarray], np.ndarray]
    worth: Callable[[np.ndarray, np.ndarray | None], np.ndarray]
    own: np.ndarray


@dataclass(frozen=True)
class Sums:
    """What an account comes to: draws after and before the outcomes, as shown, and units by level.

    `lent` is what the prior is worth, `alone` prior and own patients, `after` the posterior; `parts` divides them.
    """

    draws: np.ndarray
    before: np.ndarray
    lent: np.ndarray
    alone: np.ndarray
    after: np.ndarray
    parts: tuple[np.ndarray, ...]


def ledger(
    fit: xr.DataTree, by: str, *, at: Sequence[float] | float | None = None, ci_prob: float = 0.95
) -> pd.DataFrame:
    """Account for every level's estimate: its own patients, what it borrowed, and what the prior lent.

    Parameters
    ----------
    fit : xarray.DataTree
        Of an ordinal model the ledger is that of the model's success.
    by : str
        A factor of the model, or any labelled column of the cases.
    at : float, optional
        Of a survival model: the one time since time zero whose survival is told; default the median follow-up (reverse
        Kaplan-Meier), or the last follow-up where that is not reached.
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

        Of a survival model the unit is events, and rates are survival at the time ``at``, ``raw`` the Kaplan-Meier
        estimate with log-log limits. ``time_at_risk`` is how long the level's patients were followed together, in
        ``unit``: a level without events owns none, and what its follow-up tells is not counted as borrowed.
        ``worth_prior``, ``worth_alone`` (prior and own patients) and ``worth_posterior`` are the events behind what is
        known without any patient, without siblings, and of all.

    Raises
    ------
    CasepoolError
        For an unknown grouping, times of a response model, or a time at which nothing can have happened.

    See Also
    --------
    estimates, aliasing

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

    The cumulative hazard of a survival model, H = -log S(t), is worth w events where trigamma(w) is the variance of
    log H, as of a gamma distribution of shape w; own events and the worth without siblings and of the prior take the
    places of own patients and theirs. Survival is that of the level's own patients, of a model with an exposure as if
    none of them ever had it.

    References
    ----------
    Morita S, Thall PF, Müller P (2008). Determining the effective sample size of a parametric prior.
    Biometrics 64:595-602. doi:10.1111/j.1541-0420.2007.00888.x

    Examples
    --------
    >>> import casepool as cp
    >>> fit = cp.fit("basket_berry", "sarcoma_imatinib", seed=1, progress=False)
    >>> print(cp.ledger(fit, by="histology")[["level", "n", "events", "borrowed", "share_own"]].head(3))
    level           n  events  borrowed  share_own
    Angiosarcoma   15       2     40.24     0.2651
    Ewing sarcoma  13       0     32.15     0.2794
    Fibrosarcoma   12       1     38.24     0.2325
    """
    check_probability(ci_prob)
    return ledger_of(open_draws(fit), by, at=at, ci_prob=ci_prob)


def ledger_of(
    fitted: Fitted, by: str, *, at: Sequence[float] | float | None = None, ci_prob: float = 0.95
) -> pd.DataFrame:
    """Account as `ledger` does, of a fit that is open."""
    if not fitted.is_survival:
        refuse_times(at)
    group = fitted.membership(by)
    n, events = group.counts(fitted.design)
    time = _time(fitted, at) if fitted.is_survival else 0.0
    of = _survival(fitted, group, time) if fitted.is_survival else _response(group, n)
    sums = _account(fitted, group, of)
    tail = (1 - ci_prob) / 2
    before = np.quantile(sums.before, [0.5, tail, 1 - tail], axis=(0, 1))
    worths, borrowed, *shares = sums.parts
    rows: list[dict[str, Any]] = []
    for i, after in enumerate(posterior_rows(sums.draws, [{"n": x} for x in n], fitted=fitted, ci_prob=ci_prob)):
        inside = group.members[:, i]
        raw = _raw_survival(fitted, inside, time, ci_prob) if fitted.is_survival else _raw(events[i], n[i], ci_prob)
        row = {"by": by, "level": group.levels[i], "n": n[i], "events": events[i]}
        row |= _limits("raw", raw) | _limits("prior", before[:, i])
        row |= _limits("shrunk", [after[name] for name in ("estimate", "lower", "upper")])
        row |= {"worth": worths[i], "borrowed": borrowed[i]}
        row |= {name: share[i] for name, share in zip(SHARES, shares, strict=True)}
        row["verdict"] = "" if np.isnan(after["estimate"]) else after["verdict"]
        row["note"] = note_of(_note(group, fitted, n[i] > 0), public=fitted.public)
        if fitted.is_survival:
            out = fitted.design.outcome
            row |= {"at": time, "unit": fitted.unit, "time_at_risk": (out["time"] - out["entry"])[inside].sum()}
            row |= {"worth_prior": sums.lent[i], "worth_alone": sums.alone[i], "worth_posterior": sums.after[i]}
        rows.append(row)
    return fitted.table(rows, SURVIVAL_COLUMNS if fitted.is_survival else COLUMNS)


def _limits(name: str, told: Sequence[float] | np.ndarray) -> dict[str, float]:
    """Return the columns of an estimate and its limits."""
    return dict(zip((name, f"{name}_lower", f"{name}_upper"), told, strict=True))


def _time(fitted: Fitted, at: Sequence[float] | float | None) -> float:
    """Return the time a ledger of survival is kept at."""
    out = fitted.design.outcome
    if at is None:
        typical, last = median(follow_up(out)), float(out["time"].max())
        last = last if fitted.public else times_of(fitted, None)[-1]  # the last follow-up is one patient's
        time = typical if typical < last else last
    else:
        time = one_time(at)
    first = max((exposure.landmark for exposure in fitted.model.exposures.values()), default=0.0)
    if not time > first:
        raise CasepoolError(
            "nothing can have happened by this time", column="at", value=time, remedy=f"give one above {first:g}"
        )
    return time


def _raw(events: float, n: float, ci_prob: float) -> tuple[float, ...]:
    """Return a level's raw rate with its limits."""
    return (events / n if n else np.nan, *clopper_pearson(int(events), int(n), ci_prob))


def _raw_survival(fitted: Fitted, inside: np.ndarray, time: float, ci_prob: float) -> tuple[float, ...]:
    """Return the Kaplan-Meier estimate of some patients at a time, with its limits; NaN of nobody."""
    if not inside.any():
        return (np.nan,) * 3
    out = fitted.design.outcome
    raw = kaplan_meier(out["time"][inside], out["event"][inside], out["entry"][inside])
    alive = float(survival_at(raw, time))
    if not alive < 1:  # no event yet: no limits
        return alive, np.nan, np.nan
    lower, upper = survival_limits_at(raw, time, "log-log", ci_prob)
    return alive, float(lower), float(upper)


def own_shares(fitted: Fitted, group: Membership) -> Mapping[str, float]:
    """Return the part of the answer of every level with patients that is theirs, by level: the ledger's ``share_own``.

    Kept in `fitted`, as every table of a factor asks.
    """
    if group.by not in fitted.shares:
        n = group.counts(fitted.design)[0]
        own = _account(fitted, group, _response(group, n)).parts[2]
        fitted.shares[group.by] = {level: own[i] for i, level in enumerate(group.levels) if n[i] > 0}
    return fitted.shares[group.by]


def _response(group: Membership, n: np.ndarray) -> Account:
    """Keep account of a response probability in patients."""
    return Account(lambda own: _draws(own, group, n), lambda p: p, patients_worth, n)


def _survival(fitted: Fitted, group: Membership, time: float) -> Account:
    """Keep account of survival at a time in events, on the scale of the log cumulative hazard."""
    n, events = group.counts(fitted.design)

    def quantity(own: Fitted) -> np.ndarray:
        design = fitted.undated
        each = [
            design.of_patients(group.members[:, i]) if n[i] else design.at_level(group.by, level)
            for i, level in enumerate(group.levels)
            if n[i] or group.is_term
        ]
        told = iter([curve(own, part, np.inf).log_cumulative_hazard(time) for part in each])
        nowhere = np.full(own.shape, np.nan)
        return np.stack([next(told) if x or group.is_term else nowhere for x in n], axis=-1)

    return Account(quantity, lambda log_h: np.exp(-np.exp(np.minimum(log_h, LARGE))), events_worth, events)


def _account(fitted: Fitted, group: Membership, of: Account) -> Sums:
    """Keep an account of every level, after and before seeing the outcomes."""
    n = group.counts(fitted.design)[0]
    draws = of.quantity(fitted)
    before = np.full((*PRIOR_DRAWS, len(n)), np.nan)
    lent, alone = np.zeros(len(n)), of.own
    if not fitted.design.improper:
        prior = prior_draws(fitted.design, stream(fitted.seed, Stream.LEDGER), PRIOR_DRAWS)
        before = of.quantity(replace(fitted, parameters=prior))
        lent = of.worth(before, None)
        alone = _without_siblings(before, _own_likelihood(fitted.design, prior, group), of, of.own + lent)
    after = of.worth(draws, None)
    gained = np.where(_alone(fitted, group, n), 0.0, after - alone)
    return Sums(of.shown(draws), of.shown(before), lent, alone, after, parts(gained, of.own, lent))


def _own_likelihood(design: Design, parameters: Mapping[str, np.ndarray], group: Membership) -> np.ndarray:
    """Log likelihood of every level's own patients: array (chain, draw, levels)."""
    return np.asarray(pointwise(design, parameters) @ group.members)


def _without_siblings(before: np.ndarray, log_likelihoods: np.ndarray, of: Account, sums: np.ndarray) -> np.ndarray:
    """Return what prior and own patients are worth together: array (levels); `sums` where too few draws agree."""
    weights = np.exp(log_likelihoods - log_likelihoods.max(axis=(0, 1)))
    agreeing = weights.sum(axis=(0, 1)) ** 2 / (weights**2).sum(axis=(0, 1))
    return np.asarray(np.where(agreeing < LEAST_AGREEING, sums, of.worth(before, weights)))


def _alone(fitted: Fitted, group: Membership, n: np.ndarray) -> np.ndarray:
    """Whether nobody else's outcome can tell of a level: array (levels)."""
    apart = all(term.stands_alone and name == group.by for name, term in fitted.model.terms.items())
    if fitted.is_survival:  # a shape, or an exposure, is everyone's
        apart = apart and all(parameter.owner == group.by for parameter in fitted.design.parameters)
    return np.asarray(n >= patients_and_events(fitted.design)[0].sum()) | (apart and bool(fitted.model.terms))


def parts(gained: np.ndarray, own: np.ndarray, prior: np.ndarray) -> tuple[np.ndarray, ...]:
    """Divide what an estimate is worth among own patients, siblings and prior.

    Parameters
    ----------
    gained : array (levels,)
        How much more it is worth with siblings than without, NaN or negative where nothing is gained.
    own, prior : array (levels,)
        Patients or events of the level, and those its prior is worth: infinity for a probability that is known.

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


def _note(group: Membership, fitted: Fitted, has_patients: bool) -> Remarks:
    """Say what a reader must know of a level's row."""
    said, flat = NONE, fitted.design.improper
    for exposure in fitted.model.exposures.values():
        said += remark("as if", arm=exposure.compared_arms(fitted.unit)[0])
    if not has_patients:
        said += remark("set to the level" if group.is_term else "no patient of the level")
    if flat:
        said += remark("flat prior", names=" and ".join(flat))
    return said + group.remarks(fitted.design) + touched(fitted.design)
