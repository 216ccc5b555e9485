"""The written posterior as standard normals: each prior's own image, whatever the priors."""

import numpy as np
import pytest
from scipy import stats

from casepool.errors import CasepoolError
from casepool.inference.predictive import prior_draws
from casepool.modelling import make_design
from casepool.modelling.design.density import Density
from casepool.modelling.families.arrays import NUMPY
from tests.oracle.structures import structures

NAMES = [
    *("objective_response", "basket_exnex", "best_response", "overall_survival", "missing_several", "m_spline"),
    *("weibull_median", "frailty_exnex", "counts_robust", "counts_none"),
]


def density_of(name) -> Density:
    return Density(make_design(*structures()[name]))


@pytest.mark.parametrize("name", NAMES)
def test_standard_normals_become_draws_from_the_prior(name) -> None:
    """Entry by entry the same distribution as drawn with a generator (Kolmogorov-Smirnov, 3,000 against 3,000)."""
    density = density_of(name)
    z = np.random.default_rng(3).standard_normal((3_000, density.size))
    images = density.from_normal(z, NUMPY)
    drawn = prior_draws(density.design, np.random.default_rng(4), (1, 3_000))
    assert set(images) == set(drawn)
    for parameter, values in drawn.items():
        shape = values.shape[2:]
        for place in np.ndindex(shape):
            own, other = images[parameter][..., *place], values[0][..., *place]
            assert own.shape == other.shape
            p = stats.ks_2samp(own, other).pvalue
            assert p > 1e-5, (parameter, place, p)


@pytest.mark.parametrize("name", NAMES)
def test_at_zero_every_parameter_lies_at_its_median(name) -> None:
    density = density_of(name)
    middle = density.from_normal(np.zeros(density.size), NUMPY)
    for parameter in density.free:
        if parameter.is_stated and parameter.given.centred and parameter.role != "share":
            prior = density.design.model.prior(parameter.name)
            assert np.all(prior.cdf(middle[parameter.name]) == pytest.approx(0.5, abs=1e-9)), parameter.name


def test_where_everything_is_centred_both_maps_reach_the_same_point() -> None:
    """Parameters of one normal vector, and of the unbounded coordinates that PyMC would have for them."""
    density = density_of("linear")
    z = np.random.default_rng(5).standard_normal((4, density.size))
    made = density.from_normal(z, NUMPY)
    vector = np.stack([np.log(made[own.name]) if own.given.distribution.support.positive else made[own.name]
                       for own in density.free], axis=-1)  # fmt: skip
    coordinates, _ = density.unconstrained(vector, NUMPY)
    again = density.parameters(coordinates, NUMPY)
    for name, values in made.items():
        assert again[name] == pytest.approx(values, rel=1e-12)


def test_a_flat_prior_is_no_image_of_a_normal() -> None:
    name = next(
        name for name, (model, _) in structures().items() if any(p.dist == "Flat" for p in model.priors.values())
    )
    density = density_of(name)
    with pytest.raises(CasepoolError, match="Flat"):
        density.from_normal(np.zeros(density.size), NUMPY)
    assert np.isfinite(density.log_density(np.zeros(density.size), NUMPY))
