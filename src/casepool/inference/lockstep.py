"""The engine ``lockstep``: 256 short chains of split HMC, started from a Laplace map, until groups of them agree.

Chains come in superchains that start alike, half of them at draws of the map weighed by the posterior, half at draws
spread too widely, so that agreement says something (Margossian et al. 2024). Where they do not agree as many sweeps
follow as there were, and the first third of all is warm-up; where they never do the engine declines.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from casepool.inference import diagnostics
from casepool.inference.diagnostics import LEAST_ACCEPTANCE, LEAST_ESS, MOST_RHAT
from casepool.inference.drawn import Drawn, EngineRefusal
from casepool.inference.laplace import NormalMap, normal_map
from casepool.inference.psis import kish, smoothed
from casepool.inference.split_hmc import Chains, Sweeps, begin, sweep, warm_up
from casepool.modelling import Design
from casepool.modelling.design.density import Density
from casepool.modelling.families.arrays import NUMPY
from casepool.progress import say
from casepool.random_streams import Stream, stream

SUPERCHAINS, TOGETHER = 16, 16
"""Superchains, at least, and chains of each."""
WARM_UP, KEPT, MOST_SWEEPS = 8, 16, 256
MOST_K = 1.0
"""Of the Pareto shape of the weights of draws of the map."""
WEIGHED, WEIGHED_SPREAD = 1024, 1.05
"""Draws of the map that are weighed, and their spread."""
WIDE = (1.5, 2.0)
"""Spreads of the superchains that start too widely."""
CLIFF, MOST_HALVINGS = 2.0, 20
"""By how many times a normal's fall the log density may fall at such a start, and how often one is moved nearer."""
FINAL = ("acceptance", "divergences")
"""Gates that more sweeps would not open."""
MOST_PARAMETERS = 400
MOST_WORK = 400_000
"""Rows times parameters above which the compiled sampler is faster."""


def draw(design: Design, seed: int, *, chains: int, draws: int, progress: bool) -> Drawn:
    """Draw from the posterior of a design.

    Parameters
    ----------
    design : Design
    seed : int
    chains, draws : int
        Stored chains, and draws of each: short chains in a row.
    progress : bool

    Raises
    ------
    EngineRefusal
        Before drawing, if the design has what the engine is not made for; after, if its gates say no.
    """
    _refuse(design)
    density = Density(design)
    rng = stream(seed, Stream.LOCKSTEP)
    mapped = normal_map(density)
    layout = Layout(chains, draws)
    start, fitted = _starts(mapped, layout, rng)
    moving = warm_up(mapped.gradients, begin(mapped.gradients, start), WARM_UP, rng)
    count = max(KEPT, layout.sweeps)
    moving, found = sweep(mapped.gradients, moving, count, rng)
    done, most = WARM_UP + count, max(MOST_SWEEPS, 3 * count)
    while True:
        gauges = {**fitted, "sweeps": done, "steps": moving.steps, **_gauges(mapped, layout, found)}
        refusal = _gate(gauges)
        if refusal is None:
            return _stored(mapped, layout, found, moving, gauges)
        if refusal.gate in FINAL or done + count > most:
            raise refusal
        say(progress, f"{refusal.why} after {done} sweeps: {count} more")
        moving, more = sweep(mapped.gradients, moving, count, rng)
        done += count
        found = found.then(more, left_out=max(0, len(found.kept) + count - done * 2 // 3))
        count = len(found.kept)


def _refuse(design: Design) -> None:
    """Raise for a design the engine is not made for."""
    density = Density(design)
    mixing = [own.owner for own in density.free if own.given.distribution.name == "TwoNormals"]
    if mixing:
        raise EngineRefusal("exnex", f"chains started alike may miss a mode where levels of {mixing[0]} are exnex")
    improper = design.improper
    if improper:
        raise EngineRefusal("improper", f"the prior of {improper[0]} is flat, so it is no image of a normal")
    rows, size = len(design.patient_of_row), density.size
    if not size:
        raise EngineRefusal("fixed", "every parameter is fixed")
    if size > MOST_PARAMETERS:
        raise EngineRefusal("parameters", f"{size:,} parameters are more than {MOST_PARAMETERS}")
    if rows * size > MOST_WORK:
        raise EngineRefusal("rows", f"{rows:,} rows of {size} parameters are faster compiled")


@dataclass(frozen=True)
class Layout:
    """How short chains fill stored ones.

    Parameters
    ----------
    chains, draws : int
        Asked for.
    """

    chains: int
    draws: int

    @property
    def superchains(self) -> int:
        """As many for each stored chain."""
        return self.chains * math.ceil(SUPERCHAINS / self.chains)

    @property
    def superchain(self) -> np.ndarray:
        """The superchain of every short chain: integer array (short chains,)."""
        return np.repeat(np.arange(self.superchains), TOGETHER)

    @property
    def each(self) -> int:
        """Short chains of a stored one."""
        return self.superchains // self.chains * TOGETHER

    @property
    def sweeps(self) -> int:
        """Sweeps that fill the stored chains."""
        return math.ceil(self.draws / self.each)

    def in_rows(self, kept: np.ndarray) -> np.ndarray:
        """Lay all sweeps (sweeps, short chains, ...) of short chains behind each other: (chains, draws, ...)."""
        return kept.swapaxes(0, 1).reshape(self.chains, -1, *kept.shape[2:])

    def stored(self, kept: np.ndarray) -> np.ndarray:
        """Lay down as many draws as were asked for, of sweeps evenly apart: (chains, draws, ...)."""
        apart = len(kept) // self.sweeps
        return self.in_rows(kept[len(kept) - apart * self.sweeps :: apart])[:, : self.draws]


def _starts(mapped: NormalMap, layout: Layout, rng: np.random.Generator) -> tuple[np.ndarray, dict[str, float]]:
    """Return where the short chains begin (short chains, size), and how well the map fits: Pareto k, Kish size."""
    half = layout.superchains // 2
    weighed, gauges = _weighed(mapped, half, rng)
    wide = _wide(mapped, layout.superchains - half, rng)
    order = rng.permutation(layout.superchains)  # so that every stored chain has some of either kind
    return np.concatenate([weighed, wide])[order].repeat(TOGETHER, axis=0), gauges


def _weighed(mapped: NormalMap, count: int, rng: np.random.Generator) -> tuple[np.ndarray, dict[str, float]]:
    """Draw points (count, size) of the map by their weights under the posterior."""
    e = WEIGHED_SPREAD * rng.standard_normal((WEIGHED, len(mapped.mean)))
    log_weight, k = smoothed(_heights(mapped, e) + 0.5 * np.square(e / WEIGHED_SPREAD).sum(axis=1))
    worth = kish(log_weight)
    if k > MOST_K and worth < WEIGHED / 2:  # where weights hardly differ, k says nothing
        raise EngineRefusal("k", f"draws of the map have weights of Pareto k {k:.2f}, above {MOST_K}")
    reached = np.cumsum(np.exp(log_weight))
    place = (np.arange(count) + rng.random(count)) / count * reached[-1]  # stratified, so that few draws start twice
    return e[np.minimum(np.searchsorted(reached, place), WEIGHED - 1)], {"k": float(k), "kish": worth}


def _wide(mapped: NormalMap, count: int, rng: np.random.Generator) -> np.ndarray:
    """Draw points (count, size) wider than the map, nearer where the posterior falls off as from a cliff."""
    e = rng.uniform(*WIDE, (count, 1)) * rng.standard_normal((count, len(mapped.mean)))
    (top,) = _heights(mapped, np.zeros((1, len(mapped.mean))))
    for _ in range(MOST_HALVINGS):
        off = top - _heights(mapped, e) > CLIFF * (1 + 0.5 * np.square(e).sum(axis=1))
        if not off.any():
            break
        e = np.where(off[:, None], 0.7 * e, e)
    return e


def _heights(mapped: NormalMap, e: np.ndarray) -> np.ndarray:
    """Return log densities (points,), negative infinity where they are not finite."""
    with np.errstate(all="ignore"):
        found = mapped.values(e)
    return np.where(np.isfinite(found), found, -np.inf)


def _parameters(mapped: NormalMap, e: np.ndarray) -> dict[str, np.ndarray]:
    """Return every parameter, fixed ones too, from e (..., size): arrays (..., ...)."""
    flat = e.reshape(-1, e.shape[-1])
    made = mapped.density.from_normal(mapped.to_normal(flat, NUMPY)[0], NUMPY)
    shapes = {own.name: own.shape(mapped.density.design.laid) for own in mapped.density.design.parameters}
    return {
        name: np.broadcast_to(made[name], (len(flat), *shape)).reshape(*e.shape[:-1], *shape).copy()
        for name, shape in shapes.items()
    }


def _gauges(mapped: NormalMap, layout: Layout, found: Sweeps) -> dict[str, Any]:
    """Return what the sweeps say of themselves."""
    free = {own.name for own in mapped.density.free}
    parameters = {name: values for name, values in _parameters(mapped, found.kept).items() if name in free}
    rhat = {
        name: diagnostics.nested_rhat(values.swapaxes(0, 1), layout.superchain) for name, values in parameters.items()
    }
    gauges: dict[str, Any] = {"acceptance": float(found.acceptance.mean())}
    gauges["divergences"] = int(found.diverging.sum())
    gauges["stuck"] = int((np.ptp(found.value, axis=0) == 0).sum())
    gauges["nested_rhat_of"] = max(rhat, key=lambda name: float(rhat[name].max()))
    gauges["nested_rhat"] = float(rhat[gauges["nested_rhat_of"]].max())
    rows = {name: layout.in_rows(values) for name, values in parameters.items()}
    ess = {
        name: min(float(diagnostics.ess_bulk(own).min()), float(diagnostics.ess_tail(own).min()))
        for name, own in rows.items()
    }
    gauges["ess_of"] = min(ess, key=lambda name: ess[name])
    gauges["ess"] = ess[gauges["ess_of"]]
    return gauges


def _gate(gauges: dict[str, Any]) -> EngineRefusal | None:
    """Return why draws are not accepted; None where they are."""
    if not gauges["acceptance"] >= LEAST_ACCEPTANCE:
        return EngineRefusal("acceptance", f"{gauges['acceptance']:.0%} of proposals were accepted")
    if gauges["divergences"]:
        return EngineRefusal("divergences", f"{gauges['divergences']} trajectories diverged")
    if gauges["stuck"]:
        return EngineRefusal("stuck", f"{gauges['stuck']} short chains never moved")
    if not gauges["nested_rhat"] < MOST_RHAT:
        why = f"nested R-hat of {gauges['nested_rhat_of']} is {gauges['nested_rhat']:.3f}"
        return EngineRefusal("nested_rhat", why)
    if not gauges["ess"] >= LEAST_ESS:
        return EngineRefusal("ess", f"{gauges['ess']:.0f} effective draws of {gauges['ess_of']}")
    return None


def _stored(mapped: NormalMap, layout: Layout, found: Sweeps, moving: Chains, gauges: dict[str, Any]) -> Drawn:
    parameters = _parameters(mapped, layout.stored(found.kept))
    stats = {
        "acceptance_rate": layout.stored(found.acceptance),
        "lp": layout.stored(found.value),
        "diverging": layout.stored(found.diverging),
        "n_steps": np.full((layout.chains, layout.draws), moving.steps),
        "superchain": layout.stored(np.broadcast_to(layout.superchain, found.value.shape)),
    }
    return Drawn(parameters, stats, gauges)
