"""Hamiltonian Monte Carlo of many chains in lockstep, where the target is nearly standard normal.

The normal part of the motion is an exact rotation; gradients kick only by what is left (Shahbaba, Lan, Johnson and
Neal 2014). So there is no step size and no metric to adapt, and two gradients a draw suffice where the map is good.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from casepool.inference.laplace import Differentiable

QUARTER = np.pi / 2
"""Angle of a whole trajectory, on average: under a standard normal its end is independent of its beginning."""
JITTER = 0.2
"""By what share angles vary, so that no orbit closes."""
STEPS, MOST_STEPS = 2, 12
"""Gradients of a trajectory to begin with, and at most."""
RAMP = (1 / 16, 1 / 8, 1 / 4, 1 / 2)
"""Shares of that angle with which warm-up begins."""
ENOUGH_ACCEPTED = 0.8
"""Acceptance of a sweep below which the next ones take smaller steps, while that may be changed."""


@dataclass(frozen=True)
class Chains:
    """Where many chains are.

    Parameters
    ----------
    at : array (chains, size)
    value : array (chains,)
        Log density there.
    slope : array (chains, size)
        Its gradient, less that of the standard normal.
    steps : int
        Gradients of a trajectory.
    """

    at: np.ndarray
    value: np.ndarray
    slope: np.ndarray
    steps: int = STEPS


@dataclass(frozen=True)
class Sweeps:
    """What some sweeps of all chains gave.

    Parameters
    ----------
    kept : array (sweeps, chains, size)
    value : array (sweeps, chains)
        Log density there.
    acceptance : array (sweeps, chains)
        Probability of the proposal.
    diverging : bool array (sweeps, chains)
        Whether the energy at its end was not finite.
    """

    kept: np.ndarray
    value: np.ndarray
    acceptance: np.ndarray
    diverging: np.ndarray


def begin(target: Differentiable, at: np.ndarray) -> Chains:
    """Place chains (chains, size)."""
    value, gradient = target(at)
    return Chains(at, value, gradient + at)


def sweep(target: Differentiable, chains: Chains, count: int, rng: np.random.Generator) -> tuple[Chains, Sweeps]:
    """Move every chain `count` times."""
    found = []
    for _ in range(count):
        chains, acceptance, diverging = _once(target, chains, rng, QUARTER)
        found.append((chains.at, chains.value, acceptance, diverging))
    return chains, Sweeps(*(np.stack(each) for each in zip(*found, strict=True)))


def warm_up(target: Differentiable, chains: Chains, count: int, rng: np.random.Generator) -> Chains:
    """Move every chain out of where it began: gently at first, then by smaller steps where few proposals are accepted.

    Where a chain begins off the beaten track gradients may be steep, and only short trajectories accepted.
    """
    for share in (*RAMP, *[1.0] * (count - len(RAMP))):
        chains, acceptance, _ = _once(target, chains, rng, share * QUARTER)
        if acceptance.mean() < ENOUGH_ACCEPTED:
            chains = replace(chains, steps=min(chains.steps + max(1, chains.steps // 2), MOST_STEPS))
    return chains


def _once(
    target: Differentiable, chains: Chains, rng: np.random.Generator, whole: float
) -> tuple[Chains, np.ndarray, np.ndarray]:
    """Propose the end of a trajectory to every chain; return the chains, acceptance, and which ends diverged."""
    momentum = rng.standard_normal(chains.at.shape)
    energy = chains.value - 0.5 * np.square(momentum).sum(axis=1)
    angle = whole * rng.uniform(1 - JITTER, 1 + JITTER) / chains.steps
    cosine, sine = np.cos(angle), np.sin(angle)
    at, slope, value = chains.at, chains.slope, chains.value
    with np.errstate(all="ignore"):  # where a trajectory leaves for infinity its end is refused
        for _ in range(chains.steps):
            momentum = momentum + 0.5 * angle * slope
            at, momentum = cosine * at + sine * momentum, cosine * momentum - sine * at
            value, gradient = target(at)
            slope = gradient + at
            momentum = momentum + 0.5 * angle * slope
        gain = value - 0.5 * np.square(momentum).sum(axis=1) - energy
    diverging = ~np.isfinite(gain)
    gain = np.where(diverging, -np.inf, gain)
    moved = np.log(rng.random(len(gain))) < gain
    new = Chains(
        np.where(moved[:, None], at, chains.at),
        np.where(moved, value, chains.value),
        np.where(moved[:, None], slope, chains.slope),
        chains.steps,
    )
    return new, np.exp(np.minimum(gain, 0.0)), diverging
