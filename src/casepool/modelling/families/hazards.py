"""Likelihood and survival function of any baseline, with an exposure that may start during follow-up.

Proportional effects multiply the hazard, h(t) = h0(t) exp(eta + beta z(t)); accelerated effects stretch time,
h(t) = h0(u(t)) exp(-eta - beta z(t)) with u(t) the integral of exp(-eta - beta z). z is 0 up to the switch and 1
after it: an event at the very time of the switch belongs to before it, as risk sets are open on the left.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from casepool.modelling.families.arrays import Array, Namespace
from casepool.modelling.families.baselines import TINY, Baseline, Parameters


@dataclass(frozen=True)
class Hazard:
    """A patient-level hazard: baseline, kind of effects, linear predictor and exposure coefficient.

    `eta` and `beta` have rows (or one) on the last axis, draws before it.
    """

    baseline: Baseline
    accelerated: bool
    eta: Array
    beta: Array
    parameters: Parameters
    xp: Namespace

    def cumulative(self, time: Array, switch: Array) -> Array:
        """Cumulative hazard from 0 to `time` of a patient exposed from `switch` on (inf: never).

        `time` and `switch` are plain arrays with rows on the last axis.
        """
        if self.accelerated:
            return self.baseline.cumulative_hazard(self._stretched(time, switch), self.parameters, self.xp)
        before = self.xp.minimum(time, switch)
        first = self.baseline.cumulative_hazard(before, self.parameters, self.xp)
        whole = self.baseline.cumulative_hazard(time, self.parameters, self.xp)
        return self.xp.exp(self.eta) * (first + self.xp.exp(self.beta) * (whole - first))

    def log_hazard(self, time: Array, switch: Array) -> Array:
        """Log hazard at `time`."""
        exposed = (switch < self.xp.maximum(time, TINY)) * 1.0  # who is exposed from time zero on is so then too
        if self.accelerated:
            log_h = self.baseline.log_hazard(self._stretched(time, switch), self.parameters, self.xp)
            return log_h - self.eta - self.beta * exposed
        return self.baseline.log_hazard(time, self.parameters, self.xp) + self.eta + self.beta * exposed

    def at_rows(self, rows: Array) -> Hazard:
        """Return the hazard of picked rows: (draws..., patients) row numbers, one set for every draw."""
        if np.shape(self.eta)[-1] == 1:  # all rows alike
            return self
        eta = np.take_along_axis(np.broadcast_to(self.eta, (*rows.shape[:-1], np.shape(self.eta)[-1])), rows, axis=-1)
        return replace(self, eta=eta)

    def _stretched(self, time: Array, switch: Array) -> Array:
        """Operational time: the integral of exp(-eta - beta z) from 0 to `time`."""
        after = self.xp.maximum(time - switch, 0.0)
        return self.xp.exp(-self.eta) * (self.xp.minimum(time, switch) + self.xp.exp(-self.beta) * after)


def survival_log_likelihood(
    hazard: Hazard, time: Array, event: Array, entry: Array, switch: Array, between: tuple[Array, Array] | None = None
) -> Array:
    """Log-likelihood of possibly late-entered rows with a known switch.

    A row contributes the log hazard at its time if it ends with the event, less the cumulative hazard from
    its entry on. An event known to lie between two times contributes the probability of that: `between` holds the
    earlier time and whether (1 or 0) the row is such a one, its `time` being the later. Who began the exposure
    before the event had survived until then.
    """
    xp, end, begin = hazard.xp, hazard.cumulative(time, switch), hazard.cumulative(entry, switch)
    exact = event * hazard.log_hazard(time, switch) - (end - begin)
    if between is None:
        return exact
    lower, inside = between
    alive = hazard.cumulative(xp.maximum(lower, xp.where(switch <= time, switch, 0.0)), switch)
    gap = xp.maximum(xp.where(inside > 0, end - alive, 1.0), TINY)
    return xp.where(inside > 0, xp.log(-xp.expm1(-gap)) - (alive - begin), exact)


def transition_log_likelihood(log_intensity: Array, time: Array, entry: Array, switch: Array, xp: Namespace) -> Array:
    """Log-likelihood of when the exposure began, its intensity constant while alive and unexposed.

    The healthy-to-ill transition of an illness-death model (Joly 2002). An exposure at or before entry is a
    state the row was found in, not a transition seen, and contributes nothing.
    """
    waited = xp.maximum(xp.minimum(time, switch) - entry, 0.0)
    began = ((switch > entry) & (switch <= time)) * 1.0
    return began * log_intensity - xp.exp(log_intensity) * waited
