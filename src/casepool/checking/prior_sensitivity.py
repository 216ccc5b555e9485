"""How far a parameter moves as its prior is weighed more or less, in place (Kallioinen 2024)."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from casepool.estimation.draws import Fitted, open_draws
from casepool.modelling.design.density import Density
from casepool.modelling.families.arrays import NUMPY
from casepool.modelling.families.names import effect_of
from casepool.modelling.families.parameters import CUTPOINTS, StatedByLevel
from casepool.modelling.terms.borrowings import LevelEffects
from casepool.random_streams import Stream, stream
from casepool.remarks import Remarks, remark

NOTICEABLE = 0.05
"""Power-scaling sensitivity from which a prior or a likelihood matters (Kallioinen 2024)."""
PULLED = 3.0
"""Times what its prior alone would show from which a parameter is pulled between prior and data.

Of a normal prior and a likelihood as wide as it, whose centres lie d standard deviations of their difference apart:
twice at d = 2, three times at d = 3. A posterior that is the prior shows it once, whatever the prior.
"""
POWERS = (0.99, 1.01)
"""Powers tried."""
CONSTANT = 1e-9
"""Range of a log density that is the same everywhere: no power of it moves anything."""
Draws = tuple[np.ndarray, np.ndarray]
"""Draws of a parameter (chain, draw, ...) and their log density (chain, draw, ...)."""
STUCK = "too few different draws to be weighed again"


@dataclass(frozen=True)
class Scaled:
    """One parameter under power scaling.

    Parameters
    ----------
    name : str
        Of the prior: the parameter's, or for the own priors of a factor's levels ``<factor>_own``, of one level
        ``<factor>_own.<level>``, whose parameters are the effects of these levels.
    prior, likelihood : float
        Sensitivity to its own prior and to the likelihood; the larger entry of a vector. NaN where chains are stuck.
    alone : float
        Sensitivity to its prior were the posterior the prior.
    """

    name: str
    prior: float
    likelihood: float
    alone: float


def power_scaling(fit: xr.DataTree) -> pd.DataFrame:
    """Scale each prior by a small power in place, and see how far its own parameter moves (Kallioinen 2024).

    Parameters
    ----------
    fit : xarray.DataTree

    Returns
    -------
    pandas.DataFrame
        An estimate table with one row per prior, unit "sensitivity": the larger entry of a vector. ``note`` says
        beside it the sensitivity to the likelihood, and what the prior would show if the data said nothing. The own
        prior of a factor's levels moves their effects, of which the largest is told.

    Raises
    ------
    CasepoolError
        If the tree was not made by casepool.

    See Also
    --------
    check, sensitivity

    Notes
    -----
    A power of a level's own prior Normal(m, s) is Normal(m, s / sqrt(power)). Of an exnex factor that prior is one part
    of the density of the effects, ``p Normal(0, sd) + (1 - p) Normal(m, s)``, and the power is taken of this part
    alone: it stays a density, and the share p stays what it is. To first order (powers of 0.99 and 1.01 are tried)
    the log density then changes by the part's own log density, centred, times the probability that the level is not
    exchangeable, given its effect.

    References
    ----------
    Kallioinen N, Paananen T, Bürkner PC, Vehtari A (2024). Detecting and diagnosing prior and likelihood
    sensitivity with power-scaling. Statistics and Computing 34:57. doi:10.1007/s11222-023-10366-5

    Examples
    --------
    >>> import casepool as cp
    >>> fit = cp.fit("basket_berry", "sarcoma_imatinib", seed=1, progress=False)
    >>> print(cp.power_scaling(fit))
    source: shrunk; model: basket_berry; method: power scaling; unit: sensitivity; verdict:
    pass
    <BLANKLINE>
      level         estimate  note
    sensitivity of intercept to its prior Normal(mu = 0, sigma = 2)
      intercept        0.013  1,2
    sensitivity of histology_sd to its prior HalfNormal(sigma = 1)
      histology_sd     0.067  3,4
    <BLANKLINE>
    1: the prior hardly matters
    2: 0.08 if the data said nothing
    3: the prior decides: the data say little about this parameter
    4: 0.23 if the data said nothing
    likelihood 0.05
    Further columns: kind, prior
    """
    return power_scaling_of(open_draws(fit))


def power_scaling_of(fitted: Fitted) -> pd.DataFrame:
    """Scale each prior as `power_scaling` does, of a fit that is open."""
    rows = [
        {
            "estimand": f"sensitivity of {_moved(fitted, item.name)} to its prior {fitted.model.prior(item.name)}",
            "level": item.name,
            "model": fitted.model.name,
            "source": "shrunk",
            "method": "power scaling",
            "estimate": item.prior,
            "unit": "sensitivity",
            "verdict": fitted.verdict,
            "prior": str(fitted.model.prior(item.name)),
            "note": _remarks(item),
        }
        for item in scaled(fitted)
    ]
    return fitted.table(rows)


def scaled(fitted: Fitted) -> list[Scaled]:
    """Power-scale every prior of a fit that is a distribution."""
    found = []
    for name in map(str, fitted.tree["log_prior"].to_dataset().data_vars):
        parameter = fitted.model.parameter(name)
        if parameter is not None and parameter.key == CUTPOINTS:
            continue
        if fitted.model.prior(name).dist in ("Fixed", "Flat"):
            continue
        values = (fitted.parameters[name], fitted.tree["log_prior"][name].to_numpy())
        found.append(_weighed(fitted, name, values, _prior_alone(fitted, name)))
    found += [_cutpoints(fitted)] if fitted.model.cutpoint_priors else []
    laws = [fitted.model.level_effects(name) for name in fitted.model.terms]
    return found + [item for law in laws if law and law.borrowing.has_own for item in _own(fitted, law)]


def _weighed(fitted: Fitted, name: str, drawn: Draws, alone: Draws) -> Scaled:
    likelihood = np.sum(fitted.likelihoods, axis=0)
    return Scaled(name, moved_by(*drawn), moved_by(drawn[0], likelihood), moved_by(*alone))


def moved_by(values: np.ndarray, density: np.ndarray) -> float:
    """Return how far draws move with a power of a log density, both (chain, draw, ...): the largest of a vector."""
    from arviz_stats.base import array_stats  # what `psense` computes with, which is slow to load and to call

    density = density.reshape(*density.shape[:2], -1).sum(axis=-1)
    if np.ptp(density) < CONSTANT:
        return 0.0
    numbers = np.moveaxis(values.reshape(*values.shape[:2], -1), -1, 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # weights too uneven to be sure: the sensitivity is large then
        try:
            raw = [np.exp(array_stats.power_scale_lw(density, alpha=power, axis=(0, 1))) for power in POWERS]
            weights = [own / own.sum() for own in raw]
            found = [array_stats.power_scale_sense(own, *weights, *POWERS) for own in numbers]
        except ValueError:  # stuck chains: too few different draws to be weighed again
            return float("nan")
    return float(np.nanmax(found))


def _prior_alone(fitted: Fitted, name: str) -> Draws:
    """Return as many draws of a parameter from its prior as the fit has, with their log density."""
    rng, own = stream(fitted.seed, Stream.PRIOR_ALONE), fitted.model.parameter(name)
    if own is not None and isinstance(own.given, StatedByLevel):
        drawn = own.draw(fitted.design.laid, {}, fitted.parameters[name].shape[:2], rng)
        return drawn, own.log_density(drawn, Density(fitted.design).inputs, {}, NUMPY)
    drawn = fitted.model.prior(name).draw(fitted.parameters[name].shape, rng)
    return drawn, fitted.model.prior(name).log_density(drawn)


def _cutpoints(fitted: Fitted) -> Scaled:
    """Power-scale the priors of an ordinal model's cutpoints, which are one density together."""
    density, rng = Density(fitted.design), stream(fitted.seed, Stream.PRIOR_ALONE)
    own = [parameter for parameter in fitted.design.declared if parameter.key == CUTPOINTS]
    shape = fitted.parameters[own[0].name].shape[:2]
    alone: dict[str, np.ndarray] = {}
    for parameter in own:
        alone[parameter.name] = parameter.draw(fitted.design.laid, alone, shape, rng)
    pairs = []
    for made in (fitted.parameters, alone):
        parts = [made[parameter.name].reshape(*shape, -1) for parameter in own]
        log_p = [parameter.log_density(made[parameter.name], density.inputs, made, NUMPY) for parameter in own]
        total = sum(values.reshape(*shape, -1).sum(axis=-1) for values in log_p)
        pairs.append((np.concatenate(parts, axis=-1).cumsum(axis=-1), np.asarray(total)))
    return _weighed(fitted, CUTPOINTS, *pairs)


def _own(fitted: Fitted, law: LevelEffects) -> list[Scaled]:
    """Power-scale the own priors of a factor's levels, those levels together that share one.

    Were the posterior the prior, the effects would be drawn anew given all else.
    """
    levels, effect = fitted.design.terms[law.factor.name].coded.levels, effect_of(law.factor.name)
    rng, shape = stream(fitted.seed, Stream.OWN_EFFECTS), fitted.parameters[effect].shape[:2]
    drawn = [law.unseen(level, fitted.parameters, rng, shape) for level in levels]
    alone = {**fitted.parameters, effect: np.stack(drawn, axis=-1)}
    keys = law.keys(levels)
    found = []
    for name in dict.fromkeys(keys):
        which = np.array([key == name for key in keys])
        pairs = [(p[effect][..., which], law.own_part(levels, p)[..., which]) for p in (fitted.parameters, alone)]
        found.append(_weighed(fitted, name, *pairs))
    return found


def _moved(fitted: Fitted, name: str) -> str:
    """Name what a prior moves: the parameter itself, or the effects of the levels whose own prior it is."""
    if name == CUTPOINTS:
        return name
    parameter, level = fitted.model.parameter(name), name.partition(".")[2]
    return f"{parameter.name if parameter else name}{f' of {level}' * bool(level)}"


def _remarks(item: Scaled) -> Remarks:
    beside = remark("sensitivity of data", likelihood=f"{item.likelihood:.2f}")
    beside += remark("sensitivity alone", alone=f"{item.alone:.2f}")
    return remark("sensitivity", meaning=_meaning(item)) + beside


def _meaning(item: Scaled) -> str:
    if np.isnan(item.prior):
        return STUCK
    if item.prior < NOTICEABLE:
        return "the prior hardly matters"
    if item.likelihood < NOTICEABLE:
        return "the prior decides: the data say little about this parameter"
    return "prior and data both matter"
