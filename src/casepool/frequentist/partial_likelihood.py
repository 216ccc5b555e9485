"""The Cox partial likelihood with Efron's or Breslow's ties, its Firth penalty, and its maximum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from casepool.errors import CasepoolError
from casepool.frequentist.counting_process import Floats, Spells
from casepool.frequentist.exact_ties import ExactLikelihood

STEPS = 200
"""Newton steps at most."""
CONVERGED = 1e-10
"""Size of a Newton step, in standard deviations of the covariate, at which it stops."""


@dataclass(frozen=True)
class PartialLikelihood:
    """A partial likelihood, as one weighted sum over those at risk per event.

    Attributes
    ----------
    x : numpy.ndarray of float, (rows, covariates)
    event_rows : numpy.ndarray of int, (events,)
        The row of each event, by time.
    log_share : numpy.ndarray of float, (events, rows)
        Log share of each row in the risk set of each event: 0 at risk, -inf not at risk; of d tied events
        the (k+1)-th sees each of them with share 1 - k/d (Efron 1977), or all of them whole (Breslow 1974).
    penalised : bool
        Whether to add Firth's penalty.
    """

    x: Floats
    event_rows: NDArray[np.int64]
    log_share: Floats
    penalised: bool

    def derivatives(self, beta: Floats) -> tuple[float, Floats, Floats]:
        """Evaluate the log partial likelihood, its gradient and the information.

        Parameters
        ----------
        beta : numpy.ndarray of float, (covariates,)

        Returns
        -------
        value : float
        gradient : numpy.ndarray of float, (covariates,)
        information : numpy.ndarray of float, (covariates, covariates)
            Without the penalty, whose own curvature Firth's method leaves out.
        """
        value, share = self._plain(beta)
        mean = share @ self.x
        away = (self.x[None, :, :] - mean[:, None, :]).reshape(share.size, -1)
        pulled = share.reshape(-1, 1) * away
        information = pulled.T @ away
        gradient = self.x[self.event_rows].sum(axis=0) - mean.sum(axis=0)
        if self.penalised:
            value += float(np.linalg.slogdet(information)[1]) / 2
            # The derivative of the information is the third central moment over the risk sets.
            weight = np.linalg.pinv(information, hermitian=True)
            gradient = gradient + ((pulled @ weight) * away).sum(axis=1) @ away / 2
        return value, gradient, information

    @property
    def gaps(self) -> Floats:
        """Covariates of a patient with the event less those of one at risk then: (pairs, covariates)."""
        at_risk = np.isfinite(self.log_share)
        pairs = [self.x[row] - self.x[others] for row, others in zip(self.event_rows, at_risk, strict=True)]
        return np.unique(np.concatenate(pairs), axis=0)

    def value(self, beta: Floats) -> float:
        """Evaluate the (penalised) log partial likelihood."""
        return self.derivatives(beta)[0] if self.penalised else self._plain(beta)[0]

    def _plain(self, beta: Floats) -> tuple[float, Floats]:
        """Evaluate the log partial likelihood, and each row's share in each risk set: (events, rows)."""
        eta = self.x @ beta
        log_weight = self.log_share + eta
        log_total = special.logsumexp(log_weight, axis=1, keepdims=True)
        return float(eta[self.event_rows].sum() - log_total.sum()), np.exp(log_weight - log_total)


Likelihood = PartialLikelihood | ExactLikelihood


def partial_likelihood(spells: Spells, x: Floats, penalised: bool, *, efron: bool = True) -> PartialLikelihood:
    """Set the partial likelihood up.

    Parameters
    ----------
    spells : Spells
        With delayed entry: at risk in (entry, time].
    x : numpy.ndarray of float, (rows, covariates)
    penalised : bool
    efron : bool
        Whether tied events share the risk set as Efron has it; else as Breslow.

    Returns
    -------
    PartialLikelihood
    """
    event_rows: list[int] = []
    shares: list[Floats] = []
    for t in spells.event_times:
        at_risk = ((spells.entry < t) & (t <= spells.time)).astype(float)
        tied = np.flatnonzero(spells.event & (spells.time == t)).tolist()
        event_rows += tied
        for k in range(len(tied)):
            share = at_risk.copy()
            share[tied] -= k / len(tied) if efron else 0.0
            shares.append(share)
    with np.errstate(divide="ignore"):
        return PartialLikelihood(x, np.array(event_rows), np.log(np.array(shares)), penalised)


def maximise(likelihood: Likelihood, start: Floats, free: NDArray[np.bool_]) -> Floats:
    """Maximise over the free coefficients by Newton steps, halved while they lead down or too far past the top.

    Of a penalised likelihood the information is not the whole curvature: full steps may go to and fro for ever.

    Parameters
    ----------
    likelihood : Likelihood
    start : numpy.ndarray of float, (covariates,)
        Where to start, and the value of the coefficients that are not free.
    free : numpy.ndarray of bool, (covariates,)

    Returns
    -------
    numpy.ndarray of float, (covariates,)

    Raises
    ------
    CasepoolError
        If the data cannot tell the covariates apart, or the steps do not converge.
    """
    beta = start
    for _ in range(STEPS if free.any() else 0):
        value, gradient, information = likelihood.derivatives(beta)
        step = np.zeros_like(beta)
        step[free] = np.linalg.solve(information[np.ix_(free, free)], gradient[free])
        step /= max(1.0, float(np.max(np.abs(step))))
        while np.max(np.abs(step)) > CONVERGED:
            there, slope, _ = likelihood.derivatives(beta + step)
            if there >= value and slope @ step >= -(gradient @ step) / 2:
                break
            step = step / 2
        beta = beta + step
        if np.max(np.abs(step)) <= CONVERGED:
            return beta
    if free.any():
        raise CasepoolError("the Cox model did not converge", remedy="use fewer covariates, or the penalised fit")
    return beta


def monotone_direction(likelihood: Likelihood) -> NDArray[np.int64]:
    """Look for a direction in which the partial likelihood rises for ever (separation).

    It does where, at every event, the one with the event has the largest linear predictor of all at risk, and
    strictly so at least once. Whether such a combination of covariates exists is a linear programme, so the
    answer does not hang on where an iteration gave up.

    Parameters
    ----------
    likelihood : Likelihood

    Returns
    -------
    numpy.ndarray of int, (covariates,)
        Sign of each covariate in the direction found; zeros if there is none.
    """
    gaps = likelihood.gaps
    found = optimize.linprog(-gaps.sum(axis=0), A_ub=-gaps, b_ub=np.zeros(len(gaps)), bounds=(-1, 1))
    if -found.fun <= 1e-9 * max(1.0, float(np.abs(gaps).sum())):
        return np.zeros(gaps.shape[1], dtype=np.int64)
    return np.where(np.abs(found.x) > 1e-9, np.sign(found.x), 0).astype(np.int64)
