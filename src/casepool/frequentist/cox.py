"""Cox regression with delayed entry, plain or Firth-penalised; ties as Efron, Breslow or a discrete model has them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, stats

from casepool.arguments import one_of
from casepool.errors import CasepoolError
from casepool.frequentist.counting_process import Floats, Spells, as_spells
from casepool.frequentist.exact_ties import exact_likelihood
from casepool.frequentist.partial_likelihood import (
    Likelihood,
    maximise,
    monotone_direction,
    partial_likelihood,
)
from casepool.frequentist.proportions import check_confidence

TIES = ("efron", "breslow", "exact")
"""How tied events may be taken."""
DOUBLINGS = 40
"""How often the search for a profile limit doubles its reach before it calls the limit infinite."""


@dataclass(frozen=True)
class CoxFit:
    """A fitted Cox model. All coefficients are log hazard ratios per unit of the covariate.

    Attributes
    ----------
    coefficients, standard_errors : numpy.ndarray of float, (covariates,)
        NaN, like all that follows from them, where the plain likelihood is monotone: it has no maximum.
    wald, profile : numpy.ndarray of float, (covariates, 2)
        Confidence limits: Wald, and by profile (penalised) likelihood, which small samples need.
    wald_p, profile_p : numpy.ndarray of float, (covariates,)
        P values of a coefficient of 0: Wald, and (penalised) likelihood ratio.
    log_likelihood, log_likelihood_null : float
        (Penalised) log partial likelihood at the coefficients, and with all of them 0.
    penalised : bool
    monotone : tuple of int, (covariates,)
        Direction in which the plain likelihood rises for ever (separation): the sign of each covariate in
        it; zeros if it has a maximum. Said for penalised fits too.
    n, events : int
        Rows and events.
    """

    coefficients: Floats
    standard_errors: Floats
    wald: Floats
    profile: Floats
    wald_p: Floats
    profile_p: Floats
    log_likelihood: float
    log_likelihood_null: float
    penalised: bool
    monotone: tuple[int, ...]
    n: int
    events: int


def fit_cox(
    time: ArrayLike,
    event: ArrayLike,
    covariates: ArrayLike,
    entry: ArrayLike | None = None,
    *,
    penalised: bool = False,
    confidence: float = 0.95,
    ties: str = "efron",
) -> CoxFit:
    """Fit a Cox model with one or a few covariates.

    Parameters
    ----------
    time : array_like of float, (rows,)
        End of follow-up, 0 or later.
    event : array_like of bool, (rows,)
        Whether the event happened at `time`.
    covariates : array_like of float, (rows,) or (rows, covariates)
        Constant within a row; a patient whose covariate changes has several rows.
    entry : array_like of float, (rows,), optional
        Start of follow-up (delayed entry); zero is follow-up from time zero on.
    penalised : bool
        Whether to add Firth's penalty, under which coefficients are finite even if an event separates.
    confidence : float
        Between 0 and 1, both excluded.
    ties : {"efron", "breslow", "exact"}
        How tied events are taken; "exact" is the discrete model's conditional likelihood, as R and SAS's DISCRETE
        have it, which has no penalised form here.

    Returns
    -------
    CoxFit

    Raises
    ------
    CasepoolError
        As `as_spells`; without an event; for unknown ties, or a penalty with exact ones; for covariates
        that are missing, of another length, or that those
        with an event and those at risk with them cannot tell apart.

    Notes
    -----
    Cox (1972); Breslow (1974), Biometrics 30, 89-99;
    Efron (1977), JASA 72, 557-565; Firth (1993), Biometrika 80, 27-38; Heinze and Schemper
    (2001), Biometrics 57, 114-119.
    """
    check_confidence(confidence)
    spells = as_spells(time, event, entry)
    x = _matrix(covariates, spells.time.size)
    if not spells.event.any():
        raise CasepoolError("a Cox model needs an event", remedy="leave the model out", column="event")
    scale = np.where(x.std(axis=0) > 0, x.std(axis=0), 1.0)
    likelihood = _likelihood(spells, (x - x.mean(axis=0)) / scale, penalised, one_of(ties, TIES, "way to take ties"))
    _refuse_collinear(likelihood)
    monotone = monotone_direction(likelihood)
    summary = _summary(likelihood, confidence, bool(monotone.any()) and not penalised)
    return _rescaled(summary, scale, tuple(monotone.tolist()), likelihood)


def _likelihood(spells: Spells, x: Floats, penalised: bool, ties: str) -> Likelihood:
    if ties == "exact" and penalised:
        raise CasepoolError("exact ties have no penalised likelihood", value=ties, remedy="take efron or breslow")
    if ties == "exact":
        return exact_likelihood(spells, x)
    return partial_likelihood(spells, x, penalised, efron=ties == "efron")


@dataclass(frozen=True)
class _Summary:
    """What is estimated per covariate, in standard deviations, and the two log-likelihoods."""

    beta: Floats
    se: Floats
    wald: Floats
    profile: Floats
    profile_p: Floats
    best: float
    null: float


def _summary(likelihood: Likelihood, confidence: float, unbounded: bool) -> _Summary:
    """Estimate the standardised coefficients with both kinds of limits."""
    p = likelihood.x.shape[1]
    null = likelihood.value(np.zeros(p))
    if unbounded:
        none, pair = np.full(p, np.nan), np.full((p, 2), np.nan)
        return _Summary(none, none, pair, pair, none, np.nan, null)
    beta = maximise(likelihood, np.zeros(p), np.ones(p, dtype=bool))
    best, _, information = likelihood.derivatives(beta)
    se = np.sqrt(np.diag(np.linalg.inv(information)))
    reach = stats.norm.isf((1 - confidence) / 2) * se
    drop = stats.chi2.isf(1 - confidence, 1)
    limits = [[_profile_limit(likelihood, beta, j, s, drop) for s in (-se[j], se[j])] for j in range(p)]
    at_zero = [_deviance(likelihood, beta, best, j, 0.0) for j in range(p)]
    wald = np.stack([beta - reach, beta + reach], axis=1)
    return _Summary(beta, se, wald, np.array(limits), stats.chi2.sf(np.maximum(at_zero, 0), 1), best, null)


def _deviance(likelihood: Likelihood, beta: Floats, best: float, j: int, value: float) -> float:
    """Twice the fall in log-likelihood when coefficient `j` is held at `value` and the others follow."""
    held, free = beta.copy(), np.arange(beta.size) != j
    held[j] = value
    return 2 * (best - likelihood.value(maximise(likelihood, held, free)))


def _profile_limit(likelihood: Likelihood, beta: Floats, j: int, step: float, drop: float) -> float:
    """Find where the profile has fallen by `drop`, going in the direction of `step` from the maximum."""
    best = likelihood.value(beta)

    def fallen(distance: float) -> float:
        return _deviance(likelihood, beta, best, j, float(beta[j] + distance)) - drop

    reach = step
    for _ in range(DOUBLINGS):
        if fallen(reach) > 0:
            return float(beta[j] + optimize.brentq(fallen, 0.0, reach, xtol=1e-8))
        reach *= 2
    return float(np.sign(step) * np.inf)


def _rescaled(summary: _Summary, scale: Floats, monotone: tuple[int, ...], likelihood: Likelihood) -> CoxFit:
    """Turn standardised coefficients into coefficients per unit."""
    # Firth's penalty is half the log determinant of the information, which has the square of the unit.
    shift = float(np.log(scale).sum()) if likelihood.penalised else 0.0
    return CoxFit(
        coefficients=summary.beta / scale,
        standard_errors=summary.se / scale,
        wald=summary.wald / scale[:, None],
        profile=summary.profile / scale[:, None],
        wald_p=2 * stats.norm.sf(np.abs(summary.beta / summary.se)),
        profile_p=summary.profile_p,
        log_likelihood=summary.best + shift,
        log_likelihood_null=summary.null + shift,
        penalised=likelihood.penalised,
        monotone=monotone,
        n=likelihood.x.shape[0],
        events=likelihood.event_rows.size,
    )


def _refuse_collinear(likelihood: Likelihood) -> None:
    """Refuse covariates whose coefficients the risk sets do not determine."""
    information = likelihood.derivatives(np.zeros(likelihood.x.shape[1]))[2]
    if np.linalg.matrix_rank(information, tol=1e-9) < len(information):
        raise CasepoolError(
            "the covariates do not vary, or not apart from each other, among those at risk at an event",
            remedy="leave a covariate out",
        )


def _matrix(covariates: ArrayLike, rows: int) -> NDArray[np.float64]:
    """Read covariates as a matrix."""
    x = np.asarray(covariates, dtype=float)
    x = x[:, None] if x.ndim == 1 else x
    if x.ndim != 2 or x.shape[0] != rows or x.shape[1] == 0 or not np.isfinite(x).all():
        raise CasepoolError(
            "covariates must be finite numbers, one row per row of follow-up",
            remedy="leave out rows with a missing covariate",
            value=x.shape,
        )
    return x
