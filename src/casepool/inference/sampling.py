"""Draws from a posterior: one compiled graph for all designs of one structure, starts that lie well, retries."""

from __future__ import annotations

import dataclasses
import sys
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import nutpie
import pytensor

from casepool.errors import CasepoolError
from casepool.inference.convergence import convergence
from casepool.inference.diagnostics import LEAST_ESS
from casepool.inference.drawn import Drawn
from casepool.inference.fit_contents import parameters_of
from casepool.inference.graph import build_design, input_values, scattered, structure_key
from casepool.modelling import Design
from casepool.modelling.design.density import Density
from casepool.modelling.families.arrays import NUMPY
from casepool.progress import is_counting, say
from casepool.random_streams import Stream, stream

RETRY_ACCEPT = 0.99
MORE_DRAWS, RETRY_FROM, RETRY_RHAT = 5, 4_000, 1.05
"""By how much draws are multiplied where chains mix slowly, from how many in all on, and up to what R-hat."""
KEPT_GRAPHS = 8
"""Compiled graphs a process keeps; the one unused longest goes first."""
STATISTICS = (
    "diverging",
    "energy",
    "n_steps",
    "step_size",
    "mean_tree_accept",
    "depth",
    "logp",
    "energy_error",
)
OUT_OF_REACH = -1e8
"""Log density below which a chain does not begin: gradients there lead nowhere, and infinite ones stop the sampler."""

_compiled: OrderedDict[str, Any] = OrderedDict()


def sample(
    design: Design, seed: int, settings: dict[str, Any], *, cores: int | None = None, progress: bool = True
) -> tuple[Drawn, dict[str, Any], str]:
    """Draw from the posterior of a design, once more with smaller steps or more draws where that may mend it.

    Returns
    -------
    drawn, settings, retried
        The draws kept, their settings, and what went wrong the first time, if anything.
    """
    graph = compiled_graph(design, progress=progress)
    graph.initial_point_func(seed)  # refused here in words, before a chain's thread has to
    retried: list[str] = []
    while True:
        drawn = _sample(graph, design, seed, settings, cores, progress)
        changed, why = _other_settings(convergence(drawn, "nuts"), settings)
        if not why:
            return drawn, settings, "; ".join(retried)
        say(progress, why)
        settings, retried = changed, [*retried, why]


def _other_settings(summary: Mapping[str, Any], settings: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Return the settings to sample with once more, and why; no reason if that would not help, or was done before.

    Smaller steps where draws diverged; more draws where chains mix, but too slowly for the draws of the defaults.
    """
    accept, draws, whole = settings["target_accept"], settings["draws"], settings["chains"] * settings["draws"]
    if summary["divergences"]:
        if accept >= RETRY_ACCEPT:
            return settings, ""
        why = f"{summary['divergences']} draws diverged at target_accept {accept}: once more at {RETRY_ACCEPT}"
        return {**settings, "target_accept": RETRY_ACCEPT}, why
    slow = summary["ess"] >= LEAST_ESS / MORE_DRAWS and summary["rhat"] < RETRY_RHAT
    if summary["verdict"] != "fail" or not slow or not RETRY_FROM <= whole < MORE_DRAWS * RETRY_FROM:
        return settings, ""
    why = f"R-hat {summary['rhat']:.3f} and {summary['ess']:.0f} effective draws of {summary['ess_of']} "
    why += f"with draws={draws}: once more with draws={MORE_DRAWS * draws}"
    return {**settings, "draws": MORE_DRAWS * draws}, why


def compiled_graph(design: Design, *, progress: bool) -> Any:
    """Return the compiled graph of a design's structure, its data replaced by the design's."""
    key = structure_key(design)
    if key not in _compiled:
        say(progress, f"compiling {design.model.name} (some seconds, once for each structure)")
        # fast mathematics may round a sum one way in a function compiled now and another in one read from the
        # compiler's store: the same seed would draw differently in the next process
        with pytensor.config.change_flags(numba__fastmath=False):
            built = build_design(design)
            if not built.free_RVs:
                raise CasepoolError(
                    f"every parameter of the model {design.model.name!r} is fixed, so there is nothing to estimate",
                    remedy="give one of them a prior that is a distribution",
                )
            _compiled[key] = nutpie.compile_pymc_model(built, jitter_rvs=scattered(design, built))
        if len(_compiled) > KEPT_GRAPHS:
            _compiled.popitem(last=False)
    _compiled.move_to_end(key)
    graph = _compiled[key]
    values = input_values(design)
    inputs = {variable.name: variable for variable in graph.shared_var_keys if variable.name in values}
    for name, variable in inputs.items():  # the starting point of the chains is computed from these
        variable.set_value(np.asarray(values[name], dtype=variable.dtype))
    placed = graph.with_data(**{name: values[name] for name in inputs})
    return dataclasses.replace(placed, initial_point_func=_starts(graph.initial_point_func, Density(design)))


def _starts(centre: Callable[[int], np.ndarray], density: Density) -> Callable[[int], np.ndarray]:
    """Return where a chain begins: about the centre of the prior, but nearer to 0 where the likelihood is out of reach.

    A vague prior has its centre where nobody could have been observed: a Weibull shape of 1,000 makes the hazard of a
    second month infinite. Of the points on the way from there to about the origin of the sampler's coordinates (effects
    of 0, scales and shapes of 1) the one of highest density is taken then.
    """
    fine = {own.coordinate for own in density.free if own.per_time}
    scatter = np.concatenate([np.full(int(np.prod(s)), float(k not in fine)) for k, s in density.shapes.items()])

    def start(seed: int) -> np.ndarray:
        point = centre(seed)
        with np.errstate(all="ignore"):
            if OUT_OF_REACH < density.log_density(point, NUMPY) < np.inf:
                return point
            about = scatter * stream(seed, Stream.START).uniform(-1.0, 1.0, density.size)
            share = np.append(0.5 ** np.arange(1, 12), 0.0)[:, None]
            nearer = np.vstack([share * point + (1.0 - share) * about, np.zeros(density.size)])
            heights = density.log_density(nearer, NUMPY)
            heights = np.where(np.isfinite(heights), heights, -np.inf)
        if not np.isfinite(heights.max()):
            raise CasepoolError(
                f"no start of the chains of {density.design.model.name!r} has a finite likelihood",
                remedy="look at the priors: at their centres nothing of the table could have been observed",
            )
        return np.ascontiguousarray(nearer[heights.argmax()])

    return start


def _sample(
    graph: Any, design: Design, seed: int, settings: Mapping[str, Any], cores: int | None, progress: bool
) -> Drawn:
    try:
        bar = progress and sys.stderr.isatty() and not is_counting()
        raw = nutpie.sample(graph, seed=seed, cores=cores, progress_bar=bar, save_warmup=False, **settings)
    except RuntimeError as error:  # of the library beneath, which begins with what went wrong
        raise CasepoolError(
            f"the sampler gave up on the model {design.model.name!r} ({str(error).partition(chr(10))[0]})",
            remedy="look at the priors: chains begin at their centres",
        ) from None
    posterior = raw["posterior"].to_dataset()
    kept = {own.name for own in design.parameters}  # not the standard variables they are images of
    stats = raw["sample_stats"].to_dataset()
    names = [name for name in STATISTICS if name in stats]
    return Drawn(
        parameters_of(posterior[[n for n in posterior.data_vars if n in kept]]), parameters_of(stats[names]), {}
    )
