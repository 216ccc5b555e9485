"""Where chains begin: at the centre of the prior, or, under a vague one, nearer to where something can be observed."""

import numpy as np
import pandas as pd
import pytest
from pymc.initial_point import make_initial_point_fn

import casepool as cp
from casepool.errors import CasepoolError
from casepool.inference.graph import build_design, scattered
from casepool.inference.sampling import OUT_OF_REACH, _starts
from casepool.modelling import make_design
from casepool.modelling.design.density import Density
from casepool.modelling.families.arrays import NUMPY
from tests.oracle.structures import structures
from tests.small import fixed, normal, survival_model

FOLLOWED = pd.DataFrame(
    {"patient": list("abcdefgh"), "time": [3.0, 8.0, 60.0, 14.0, 1.5, 30.0, 42.0, 9.0], "event": [True, False] * 4}
)
VAGUE = {
    "weibull": [
        {"dist": "Exponential", "lam": 0.001},
        {"dist": "LogNormal", "mu": 0, "sigma": 5},
        {"dist": "HalfNormal", "sigma": 1000},
        {"dist": "HalfStudentT", "nu": 3, "sigma": 500},
        {"dist": "Gamma", "alpha": 1, "beta": 0.001},
    ],
    "gompertz": [normal(100.0, 50.0), normal(100.0)],
    "log_normal": [{"dist": "Exponential", "lam": 1e4}, {"dist": "LogNormal", "mu": 0, "sigma": 8}],
}
EVERY = [(family, prior) for family, priors in VAGUE.items() for prior in priors]


def vague(family, prior, intercept=None):
    key = "scale" if family == "log_normal" else "shape"
    return survival_model({"intercept": intercept or normal(2.0, -3.0), key: prior}, family)


def centre_of(design):
    """What the sampler would begin with: the centre of every prior, scattered."""
    built = build_design(design)
    point = make_initial_point_fn(model=built, jitter_rvs=scattered(design, built), return_transformed=True)
    return lambda seed: np.concatenate([np.ravel(value) for value in point(seed).values()]).astype(float)


@pytest.mark.parametrize(("family", "prior"), EVERY, ids=str)
def test_under_a_vague_prior_chains_begin_where_the_likelihood_is_finite(family, prior) -> None:
    design = make_design(vague(family, prior), FOLLOWED)
    density = Density(design)
    start, centre = _starts(centre_of(design), density), centre_of(design)
    for seed in range(8):
        point = start(seed)
        step = 1e-6 * np.eye(density.size)
        with np.errstate(all="ignore"):
            far = np.nan_to_num(density.log_density(centre(seed), NUMPY), nan=-np.inf)
            slope = density.log_density(point + step, NUMPY) - density.log_density(point - step, NUMPY)
            here = density.log_density(point, NUMPY)
        assert here > OUT_OF_REACH
        assert np.isfinite(slope).all()
        assert here > far or point.tobytes() == centre(seed).tobytes()


@pytest.mark.parametrize("name", ["objective_response", "basket_exnex", "overall_survival", "best_response"])
def test_under_the_bundled_priors_chains_begin_where_the_sampler_says(name) -> None:
    design = make_design(*structures()[name])
    centre = centre_of(design)
    start = _starts(centre, Density(design))
    for seed in range(4):
        assert start(seed).tobytes() == centre(seed).tobytes()


def test_a_vague_prior_is_fitted() -> None:
    """It ended the interpreter: no chain could begin at a Weibull shape of 1,000."""
    fit = cp.fit(
        vague("weibull", VAGUE["weibull"][0]), FOLLOWED, seed=1, engine="nuts", draws=200, tune=300, progress=False
    )
    assert 0.2 < float(fit["posterior"]["shape"].median()) < 5


def test_what_nothing_can_be_observed_under_is_refused_in_words() -> None:
    """A fixed shape of 1,000 leaves no start: a month of a thousandth power is no number."""
    design = make_design(vague("weibull", fixed(1000.0), normal(1.0, -3.0)), FOLLOWED)
    with pytest.raises(CasepoolError, match="no start of the chains of 'small' has a finite likelihood"):
        _starts(centre_of(design), Density(design))(1)


@pytest.mark.parametrize(("family", "prior"), EVERY, ids=str)
def test_an_engine_without_a_compiler_draws_under_a_vague_prior_or_declines_in_one_line(family, prior) -> None:
    fit, said = None, "lockstep"
    try:
        fit = cp.fit(vague(family, prior), FOLLOWED, seed=1, engine="lockstep", progress=False)
    except CasepoolError as refusal:
        said = str(refusal)
    assert "lockstep" in said
    assert fit is None or np.isfinite(fit["log_likelihood"]["outcome"].to_numpy()).all()
