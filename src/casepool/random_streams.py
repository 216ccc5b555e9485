"""Random streams: one of its own for every use, so that what one draws never shifts another.

All are seeded by the seed of a fit, and equal seeds give equal draws. A new use takes a number nobody has; a number
in use is never changed, as every draw behind it would be another.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Stream(IntEnum):
    """What random numbers are drawn for, and the number that keeps them apart; the sampler has its own."""

    PREDICTIVE_GROUPS = 10
    """Parameters from the prior, and outcomes replicated before and after seeing the data, kept in a fit."""
    REPLICATED_CURVES = 11
    """Cohorts drawn from the posterior, for their Kaplan-Meier curves."""
    PRIOR_SURVIVAL = 12
    """Parameters from the prior, for the survival curves it holds possible."""
    NEW_PATIENT = 20
    """Covariates of a new patient, and the effects of levels nobody has seen, for estimates of the target `new`."""
    LEDGER = 30
    """Parameters from the prior, for the patients a prior is worth."""
    UNSEEN_LEVEL = 40
    """The effect of one level nobody has seen, for a prediction; further told apart by the names of term and level."""
    AGREEMENT = 50
    """Replicates of the outcome's statistics, from the prior and from the posterior."""
    PRIOR_ALONE = 60
    """A parameter from its prior, beside its posterior under power-scaling."""
    OWN_EFFECTS = 61
    """Effects of a factor's levels from their own priors, beside their posterior under power-scaling."""
    LEFT_OUT = 70
    """Outcomes of patients left out, replicated without them and from the prior."""
    LOCKSTEP = 3
    """Starts, momenta and acceptance of the engine of that name."""
    START = 80
    """Where a chain begins whose prior has its centre out of reach."""
    TOLD = 35
    """Parameters from the prior, for the interval an answer has without the data."""
    EXACT = 90
    """Independent draws of a posterior by quadrature."""
    DEALT_ARMS = 95
    """Arrangements of patients over arms, for a permutation test, always from the same seed."""
    TABLES = 97
    """Tables of counts with given margins, for an exact test of too many to enumerate, always from the same seed."""
    TRIALS = 96
    """Parameters from the prior, for the count of events that trials predict."""
    TRIAL_OUTCOMES = 110
    """Which patients of a simulated trial respond; further told apart by basket and block of trials."""
    TRIAL_ENTRIES = 111
    """When they enter."""
    TRIAL_RATES = 112
    """True rates drawn anew for each trial."""


def stream(seed: int, of: Stream, *further: int) -> np.random.Generator:
    """Return the generator of a stream, at its beginning.

    Parameters
    ----------
    seed : int
        Of the fit.
    of : Stream
    *further : int
        What else tells the draws apart, within the stream.
    """
    return np.random.default_rng([seed, int(of), *further])
