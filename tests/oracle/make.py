"""Write down what casepool answered before it was rebuilt: run with casepool 0.1.0, commit 7c82814.

``python -m tests.oracle.make [what ...] [--to FOLDER]`` writes ``densities``, ``fits``, ``tables``, ``reports`` (all of
them, in this order, if none is named) into this folder or another. Nothing here is drawn again by the tests.

``densities.npz`` has, of every structure of `structures.py`, what its model says at 50 points: 40 about the centre of
the prior on PyMC's unconstrained scale, then 10 three times as far out. All arrays are float64 and their first axis is
the point; values that overflow are there as inf or nan. Keys are

- ``<structure>/point/<value variable>``: where the point is (``histology_z``, ``histology_sd_log__``, ...);
- ``<structure>/logp``: PyMC's joint log density there, with the Jacobians of the transformations;
- ``<structure>/dlogp/<value variable>``: its gradient;
- ``<structure>/parameter/<name>``: every free variable and deterministic of the model but the standard normals (or
  Student t) behind effects, whose names end in ``_z``: what `log_likelihood` takes, a vector's own axis last;
- ``<structure>/log_likelihood``: by patient of the fit, over numpy;
- ``<structure>/log_prior/<name>``: of every name with a prior of its own, as a fit keeps it.
"""

# isort: off
import argparse
import warnings
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytensor
from pytensor.compile.mode import Mode

import casepool as cp
from casepool.inference.graph import build_design, prior_names
from casepool.modelling import make_design
from casepool.modelling.arrays import NUMPY
from casepool.modelling.likelihood import data_of, log_likelihood
from casepool.modelling.medians import frozen_given
from tests.oracle.answers import (
    FITS,
    TOGETHER,
    about_structures,
    answers,
    answers_together,
    facts,
    written,
)
from tests.oracle.reports import REPORTS, words_of
from tests.oracle.structures import structures
# isort: on

DRAWS, FEW_DRAWS = 50, 25
"""Of each of four chains: of a model that is reported on, and of any other."""
NEAR, FAR = 40, 10
SCALES = {"shape": 0.02, "shape_log__": 0.3, "scale_log__": 0.3, "_sd_log__": 0.6}
"""How far points are scattered in a value variable of such an ending, where 1 would be beyond anything plausible."""
SLOW_BUT_EXACT = Mode(linker="py", optimizer="fast_run").excluding("fusion")
"""The sampler's rewrites of the graph, evaluated by numpy."""


def points_of(built, seed):
    """Scatter points about PyMC's initial one; multiples of 1/4096, so that they are written down in few digits."""
    rng = np.random.default_rng(seed)
    widths = np.repeat([1.0, 3.0], [NEAR, FAR])
    points = {}
    for name, centre in built.initial_point(random_seed=0).items():
        z = rng.normal(size=(len(widths), *np.shape(centre)))
        scale = next((scale for ending, scale in SCALES.items() if name.endswith(ending)), 1.0)
        away = scale * widths.reshape(-1, *[1] * np.ndim(centre)) * z
        points[name] = np.round((centre + away) * 4096) / 4096
    return points


def at_every(points, function):
    """Evaluate a function of a point at every one."""
    return [function({name: values[i] for name, values in points.items()}) for i in range(NEAR + FAR)]


def gradient(built, points):
    """Return the gradient by value variable."""
    flat = np.array(at_every(points, built.compile_dlogp(mode=SLOW_BUT_EXACT)))
    found, start = {}, 0
    for variable in built.continuous_value_vars:
        shape = points[variable.name].shape
        size = int(np.prod(shape[1:]))
        found[variable.name] = flat[:, start : start + size].reshape(shape)
        start += size
    return found


def parameters(built, points):
    """Return what a posterior would hold, draws along the first axis."""
    kept = [v for v in (*built.free_RVs, *built.deterministics) if not v.name.endswith("_z")]
    outs = built.replace_rvs_by_values(kept)
    values = at_every(points, built.compile_fn(outs, mode=SLOW_BUT_EXACT, on_unused_input="ignore"))
    return {variable.name: np.array([one[i] for one in values]) for i, variable in enumerate(kept)}


def density(model, cases, seed):
    """Return everything about one structure, by key."""
    design = make_design(model, cases)
    built = build_design(design)
    points = points_of(built, seed)
    found = {f"point/{name}": values for name, values in points.items()}
    found["logp"] = np.array(at_every(points, built.compile_logp(mode=SLOW_BUT_EXACT)))
    found |= {f"dlogp/{name}": values for name, values in gradient(built, points).items()}
    at = parameters(built, points)
    found |= {f"parameter/{name}": values for name, values in at.items()}
    found["log_likelihood"] = np.broadcast_to(
        log_likelihood(data_of(design), at, NUMPY), (NEAR + FAR, len(design.patients))
    )
    for name in prior_names(design):
        found[f"log_prior/{name}"] = frozen_given(model, name, at).logpdf(at[name])
    return {key: np.asarray(values, dtype=float) for key, values in found.items()}


def write_densities(folder):
    """Write the densities of every structure."""
    found = {}
    with warnings.catch_warnings(), np.errstate(all="ignore"), pytensor.config.change_flags(numba__fastmath=False):
        warnings.simplefilter("ignore")
        for seed, (name, (model, cases)) in enumerate(structures().items()):
            found |= {f"{name}/{key}": values for key, values in density(model, cases, seed).items()}
    np.savez_compressed(folder / "densities.npz", **found)


def write_fits(folder):
    """Sample from the fitted structures; when, where and how fast is left out."""
    (folder / "fits").mkdir(exist_ok=True)
    for name in FITS:
        model, cases = structures()[name]
        draws = DRAWS if name in REPORTS.values() else FEW_DRAWS
        fit = cp.fit(model, cases, engine="nuts", draws=draws, tune=200, seed=1, progress=False)
        fit.attrs |= {"created": "", "seconds": "", "machine": ""}
        for group in fit.children.values():
            group.attrs.pop("created_at", None)
        cp.save_fit(fit, folder / "fits" / f"{name}.nc")


def opened(folder, name):
    """Open a fit as the tests do."""
    return cp.open_fit(folder / "fits" / f"{name}.nc")


def write_tables(folder):
    """Write every answer about the saved fits, and what the structures say of themselves."""
    (folder / "tables").mkdir(exist_ok=True)
    for name in FITS:
        fit = opened(folder, name)
        written(folder / "tables" / f"{name}.json", {"fit": facts(fit)} | answers(name, fit))
    for name, several in TOGETHER.items():
        fits = [opened(folder, one) for one in several]
        written(folder / "tables" / f"together_{name}.json", answers_together(name, fits))
    written(folder / "tables" / "structures.json", about_structures())


def write_reports(folder):
    """Write the words of the reports."""
    mpl.use("Agg")
    for name, of in REPORTS.items():
        (folder / f"{name}.txt").write_text(words_of(opened(folder, of)), encoding="utf-8")


PARTS = {"densities": write_densities, "fits": write_fits, "tables": write_tables, "reports": write_reports}


def main():
    """Write what is asked for."""
    asked = argparse.ArgumentParser()
    asked.add_argument("what", nargs="*", choices=list(PARTS), default=list(PARTS))
    asked.add_argument("--to", type=Path, default=Path(__file__).parent)
    chosen = asked.parse_args()
    for part in chosen.what:
        PARTS[part](chosen.to)


if __name__ == "__main__":
    main()
