"""Maximum of a survival model's likelihood, without priors: a check on the fit, by the same likelihood.

Only what has no prior by construction can be maximised: no group terms, no smooth ones, no hazard made of pieces, no
missing covariates. The parameters are the log of the median survival where every covariate is 0, which a Weibull's
shape hardly moves, the logarithms of positive parameters, and the coefficients.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats

from casepool.frequentist.counting_process import Floats
from casepool.modelling.design.design import Design
from casepool.modelling.design.likelihood import data_of, log_likelihood
from casepool.modelling.families.arrays import NUMPY
from casepool.modelling.families.baselines import LOG_LOG_2
from casepool.modelling.families.medians import intercept_at
from casepool.modelling.families.names import log_intensity_of
from casepool.modelling.families.parameters import Parameter, Role

FAR = 30.0
"""A log ratio so far out that the likelihood has reached its limit."""
STEEPEST = 4.0
"""Log of a shape, or of one over a scale, beyond which the likelihood is taken to have no maximum."""
DOUBLINGS = 12
TOLERANCE = 1e-7
STEP = 1e-3
"""Of differences that stand for derivatives at the maximum."""
CORNERS = ((1, 1), (1, -1), (-1, 1), (-1, -1))


@dataclass(frozen=True)
class Maximum:
    """A maximum of the likelihood.

    Parameters
    ----------
    parameters : mapping of str to array
        By posterior name, as the likelihood takes them.
    log_likelihood : float
    likelihood : Likelihood
    point : array (unbounded parameters,)
        Where it lies.
    """

    parameters: Mapping[str, np.ndarray]
    log_likelihood: float
    likelihood: Likelihood
    point: Floats

    def spread_of(self, f: Callable[[Floats], float]) -> float:
        """Return the standard error of a function of the point, by the delta method."""
        size, step = len(self.point), STEP * np.eye(len(self.point))
        slope = np.array([f(self.point + h) - f(self.point - h) for h in step]) / (2 * STEP)
        information = np.empty((size, size))
        for i, j in np.ndindex(size, size):
            corners = [self.likelihood.value(self.point + a * step[i] + b * step[j]) * a * b for a, b in CORNERS]
            information[i, j] = -sum(corners) / (4 * STEP**2)
        return float(np.sqrt(slope @ np.linalg.solve(information, slope)))


def why_not(design: Design) -> str:
    """Say why a model's likelihood is not maximised; "" where it is."""
    model = design.model
    if not design.outcome["event"].any():
        return "no event: the likelihood rises for ever as the hazard falls"
    if model.of_family.needs_prior:
        return model.of_family.needs_prior
    if any(term.held_by_prior for term in model.terms.values()):
        return "the levels of a group, or the bends of a curve, are held together by their prior"
    if any(term.is_incomplete for term in design.terms.values()):
        return "a covariate is missing for some patients"
    return ""


@dataclass(frozen=True)
class Likelihood:
    """The log-likelihood of a design as a function of a flat vector of unbounded parameters.

    `kinds` says of each entry of the vector which parameter it is of.
    """

    kinds: tuple[Parameter, ...]
    start: Floats
    value: Callable[[Floats], float]
    parameters: Callable[[Floats], dict[str, np.ndarray]]

    def places(self, holds: Callable[[Parameter], bool]) -> list[int]:
        """Return where all parameters stand of which something holds."""
        return [i for i, kind in enumerate(self.kinds) if holds(kind)]


def likelihood_of(design: Design) -> Likelihood:
    """Make a design's log-likelihood a function of one vector; `why_not` must have nothing against it."""
    model, data, unknown = design.model, data_of(design), design.parameters
    shapes = {own.name: own.shape(design.laid) for own in unknown}
    sizes = {name: int(np.prod(shape)) for name, shape in shapes.items()}
    kinds = tuple(own for own in unknown for _ in range(sizes[own.name]))
    edges = np.cumsum([0, *sizes.values()])

    def parameters(x: Floats) -> dict[str, np.ndarray]:
        parts = zip(unknown, edges, edges[1:], strict=False)
        found = {own.name: x[a:b].reshape(shapes[own.name]) for own, a, b in parts}
        found |= {own.name: np.exp(found[own.name]) for own in unknown if own.support.positive}
        intercept = intercept_at(model.of_family, model.effects, found, found["intercept"], model.knots, NUMPY)
        return found | {"intercept": intercept}

    def value(x: Floats) -> float:
        with np.errstate(all="ignore"):
            total = float(np.sum(log_likelihood(data, parameters(x), NUMPY)))
        return total if np.isfinite(total) else -1e10

    return Likelihood(kinds, _start(design, kinds), value, parameters)


def _start(design: Design, kinds: tuple[Parameter, ...]) -> Floats:
    """Begin at a constant hazard: events over time at risk, and so for the start of an exposure."""
    out = design.outcome
    at_risk = max(float((out["time"] - out["entry"]).sum()), 1e-9)
    first = {"intercept": LOG_LOG_2 - np.log(out["event"].sum() / at_risk)}
    for exposure in design.model.exposures:
        first[log_intensity_of(exposure)] = np.log(max(design.exposed.sum(), 0.5) / at_risk)
    return np.array([first.get(own.name, 0.0) for own in kinds])


def climb(likelihood: Likelihood, start: Floats, held: Mapping[int, float] | None = None) -> tuple[Floats, float]:
    """Return the highest point, and its log-likelihood, with some of the parameters held."""
    held = held or {}
    free = np.array([i for i in range(len(start)) if i not in held], dtype=int)
    whole = start.copy()
    for place, value in held.items():
        whole[place] = value

    def fallen(x: Floats) -> float:
        point = whole.copy()
        point[free] = x
        return -likelihood.value(point)

    if free.size:
        steps = "2-point" if held else "3-point"  # of a profile the height matters, not the place
        found = optimize.minimize(
            fallen, whole[free], method="BFGS", jac=steps, options={"gtol": 1e-5 if held else 1e-6}
        )
        whole[free] = found.x
    return whole, likelihood.value(whole)


def maximum(design: Design) -> Maximum | None:
    """Maximise the likelihood of a design's model.

    Parameters
    ----------
    design : Design
        Of a survival model that `why_not` has nothing against.

    Returns
    -------
    Maximum or None
        None where the likelihood rises for ever, as with a single event or where an event separates.
    """
    likelihood = likelihood_of(design)
    point, best = climb(likelihood, likelihood.start)
    steep = likelihood.places(lambda own: own.role is Role.FAMILY and own.support.positive)
    effects = likelihood.places(lambda own: own.role is Role.EFFECT)
    if any(abs(point[i]) > STEEPEST for i in steep) or any(abs(point[i]) > FAR / 3 for i in effects):
        return None
    return Maximum(likelihood.parameters(point), best, likelihood, point)


@dataclass(frozen=True)
class Ratio:
    """A log ratio by maximum likelihood: estimate, profile-likelihood limits, and the P value of a ratio of 1."""

    estimate: float
    lower: float
    upper: float
    p: float


def profiled(design: Design, by: str, k: int = 0, *, confidence: float = 0.95) -> Ratio:
    """Estimate one coefficient with limits by profile likelihood.

    Parameters
    ----------
    design : Design
        Of a survival model that `why_not` has nothing against.
    by : str
        The exposure or term whose coefficient it is.
    k : int
        Which of the coefficients of a factor.
    confidence : float

    Returns
    -------
    Ratio
        On the log scale; an estimate of minus or plus infinity, and that limit too, where the likelihood rises for
        ever in that direction.
    """
    likelihood = likelihood_of(design)
    place = likelihood.places(lambda own: own.owner == by and own.role is Role.EFFECT)[k]
    drop = float(stats.chi2.isf(1 - confidence, 1))
    point, best = climb(likelihood, likelihood.start)
    ends = {sign: climb(likelihood, likelihood.start, {place: sign * FAR}) for sign in (-1.0, 1.0)}
    for sign, (far, height) in ends.items():
        if height > best - TOLERANCE:
            point, best, at = far, height, sign * np.inf
            break
    else:
        at = float(point[place])

    nearest = point

    def above(value: float) -> float:
        nonlocal nearest
        nearest, height = climb(likelihood, nearest, {place: value})
        return 2 * (best - height) - drop

    limits = {sign: _limit(above, at, sign) for sign in (-1.0, 1.0)}
    p = float(stats.chi2.sf(max(above(0.0) + drop, 0.0), 1))
    return Ratio(at, limits[-1.0], limits[1.0], p)


def _limit(above: Callable[[float], float], at: float, sign: float) -> float:
    """Find where the profile has fallen far enough, going from the maximum in one direction."""
    if at == sign * np.inf:
        return at
    near = -sign * FAR / 3 if np.isinf(at) else at
    step = 0.5
    for _ in range(DOUBLINGS):
        far = near + sign * step
        if above(far) > 0:
            return float(optimize.brentq(above, near, far, xtol=1e-6))
        near, step = far, 2 * step
    return sign * np.inf
