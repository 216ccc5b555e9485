"""Fits by every engine itself, none of them a toy: bytes, what ArviZ makes of them, and what they are not asked."""

import functools
import json
import os
import subprocess
import sys
import warnings

import arviz as az
import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

import casepool as cp
from benchmarks.engines import distance
from benchmarks.hard_tables import by_parameter, stored
from casepool.estimation.draws import open_draws
from casepool.inference.convergence import NOT_ASKED
from casepool.reporting.checklist import _converged
from tests.oracle.structures import BUNDLED
from tests.safety.labels import HOSTILE
from tests.small import counts

FEW = {"draws": 500, "tune": 500}
"""Of nuts, where no more is asked than errors that are known."""


@functools.cache
def fitted(name: str, engine: str) -> xr.DataTree:
    settings = FEW if engine == "nuts" else {}
    return cp.fit(name, BUNDLED[name], seed=1, engine=engine, progress=False, **settings)


def ran(fit: xr.DataTree) -> str:
    return json.loads(fit.attrs["engine"])["run"]


def structure(name: str) -> tuple[object, ...]:
    """What a graph is made of, whatever columns and priors fill it."""
    model = cp.model(name)
    terms = [(term.kind, getattr(term, "borrowing", "")) for term in model.terms.values()]
    exposures = [(exposure.as_, exposure.dating) for exposure in model.exposures.values()]
    return model.family, model.effects, model.link, tuple(terms), tuple(exposures)


ONE_OF_EACH = list({structure(name): name for name in cp.list_models()}.values())
DRAWN_HERE = "basket_exnex"
"""The structure nuts draws here in any case. Of the others long runs are kept, against which
`test_engine_references.py` lays both engines that need no compiler, as this does where there is none yet."""


@pytest.mark.parametrize("name", [name for name in ONE_OF_EACH if name == DRAWN_HERE or name not in stored()])
def test_auto_and_nuts_agree_on_every_structure_bundled(name: str) -> None:
    """Means of all parameters within four combined Monte Carlo errors; and auto needs no compiler."""
    fits = [fitted(name, engine) for engine in ("auto", "nuts")]
    assert ran(fits[0]) in ("exact", "lockstep")
    auto, nuts = (
        by_parameter({str(key): values.to_numpy() for key, values in fit["posterior"].data_vars.items()})
        for fit in fits
    )
    assert auto.keys() == nuts.keys()
    assert {key for key in auto if (distance(auto[key], nuts[key], allowed=0.0)[0] > 1).any()} == set()


def test_a_second_process_draws_the_same_by_nuts_whatever_the_compiler_has_stored(tmp_path) -> None:
    name = DRAWN_HERE
    code = (
        "import casepool as cp;"
        f"f = cp.fit({name!r}, {BUNDLED[name]!r}, seed=1, engine='nuts', cores=1, progress=False, **{FEW});"
        "print(repr(f['posterior']['intercept'].values.sum()), repr(f['posterior']['histology_effect'].values.sum()))"
    )
    own = os.environ | {"PYTENSOR_FLAGS": f"base_compiledir={tmp_path}"}  # an empty store, as on a new machine
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=own)
    here = [repr(fitted(name, "nuts")["posterior"][key].values.sum()) for key in ("intercept", "histology_effect")]
    assert done.stdout.split() == " ".join(here).split()


MANY = """
import hashlib
import numpy as np
import casepool as cp
from tests.small import counts, half_normal, normal, response_model
rng = np.random.default_rng(1)
n = rng.integers(3, 9, 120)
table = counts(rng.binomial(n, 0.3).tolist(), n.tolist(), site=[f"s{i}" for i in range(120)], arm=["a", "b"] * 60)
terms = {"site": {"kind": "group"}, "arm": {"kind": "category"}}
priors = {"intercept": normal(1.5), "site_sd": half_normal(1.0), "arm_effect": normal(1.0)}
for engine, names in {"exact": ["site"], "lockstep": ["site", "arm"]}.items():
    own = {name: prior for name, prior in priors.items() if name.partition("_")[0] in ("intercept", *names)}
    model = response_model({name: terms[name] for name in names}, own)
    fit = cp.fit(model, table, seed=1, engine=engine, progress=False)
    assert fit["posterior"].sizes["site"] == 120
    for group in ("posterior", "sample_stats", "log_likelihood", "log_prior"):
        for name, values in fit[group].data_vars.items():
            print(engine, group, name, hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest())
"""


@pytest.fixture(scope="module")
def by_threads() -> list[list[list[str]]]:
    """What a process of one thread and one of two print."""
    found = []
    for threads in ("1", "2"):
        env = os.environ | {"OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads}
        done = subprocess.run([sys.executable, "-c", MANY], env=env, capture_output=True, text=True, check=True)
        found.append([line.split() for line in done.stdout.splitlines()])
    return found


@pytest.mark.parametrize("engine", ["exact", "lockstep"])
def test_bytes_do_not_hang_on_the_threads_of_linear_algebra(engine: str, by_threads: list[list[list[str]]]) -> None:
    """Left to itself, lockstep draws other numbers by two threads than by one from a hundred levels on."""
    one, two = ([words[1:] for words in lines if words[0] == engine] for lines in by_threads)
    assert one == two
    assert {words[0] for words in one} == {"posterior", "sample_stats", "log_likelihood", "log_prior"}


@pytest.mark.parametrize(
    ("engine", "name"), [("exact", "basket_berry"), ("lockstep", "objective_response"), ("nuts", DRAWN_HERE)]
)
def test_arviz_takes_a_fit_of_every_engine(engine: str, name: str) -> None:
    fit = fitted(name, engine)
    names = {str(name) for name in fit["posterior"].data_vars}
    for plot in (az.plot_trace_dist, az.plot_rank, az.plot_ess, az.plot_forest):
        drawn = plot(fit)
        assert {str(name) for group in drawn.viz.children.values() for name in group.data_vars} >= names, plot
        plt.close("all")
    if engine == "nuts":
        az.plot_energy(fit)
        plt.close("all")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Estimated shape parameter of Pareto")  # a row is a whole basket
        assert -np.inf < float(az.loo(fit).elpd) < 0
    sensitive = az.psense_summary(fit)
    assert names == {label.partition("[")[0] for label in sensitive.index}
    assert np.isfinite(sensitive[["prior", "likelihood"]].to_numpy(float)).all()


def test_nuts_takes_labels_that_are_code() -> None:
    table = counts([1] * len(HOSTILE), [3] * len(HOSTILE), histology=HOSTILE)
    few = {"seed": 1, "draws": 40, "chains": 2, "progress": False}
    nuts = cp.fit(DRAWN_HERE, table, engine="nuts", tune=100, **few)
    exact = cp.fit(DRAWN_HERE, table, engine="exact", **few)
    assert set(HOSTILE) == {*nuts["posterior"]["histology"].values} == {*exact["posterior"]["histology"].values}


def test_r_hat_is_not_asked_of_an_exact_fit_wherever_it_is_shown() -> None:
    exact_fit = fitted("basket_berry", "exact")
    table = cp.estimates(exact_fit, "histology")
    assert not table["note"].str.contains("R-hat").any()
    assert table["note"].str.contains("drawn by exact").all()
    said = cp.check(exact_fit, progress=False)["sentence"]
    shown = [*said[said.str.contains("R-hat")], _converged(open_draws(exact_fit))]
    assert len(shown) == 3  # parameters, reported numbers, the report's checklist
    assert all(f"R-hat {NOT_ASKED}" in sentence for sentence in shown)
