"""Coordinates that no longer depend on the spread of levels: one to one, and right where a posterior is normal."""

import numpy as np
import pytest
from scipy import stats

from casepool.inference.centring import centring
from casepool.inference.laplace import normal_map
from casepool.modelling import make_design
from casepool.modelling.design.density import Density
from casepool.modelling.families.arrays import NUMPY
from tests.oracle.structures import structures
from tests.small import counts, half_normal, normal, response_model

LEVELS = 4
FACTOR = response_model(
    {"kind": {"kind": "group", "borrowing": "partial"}}, {"intercept": normal(1.0), "kind_sd": half_normal(1.0)}
)


@pytest.mark.parametrize("name", ["objective_response", "all_terms", "cumulative", "exponential", "none_beside_robust"])
def test_what_is_moved_is_moved_back(name) -> None:
    density = Density(make_design(*structures()[name]))
    own = normal_map(density).centring
    y = np.random.default_rng(1).standard_normal((50, density.size))
    x, _ = own.moved(y, density.inputs, NUMPY)
    assert own.unmoved(x, density.inputs) == pytest.approx(y, abs=1e-9)


class Normal:
    """A posterior that is normal given the sd of levels, of an intercept and levels with given precisions.

    Its moments given any sd are those of a linear model.
    """

    def __init__(self, precision, effects) -> None:
        cases = counts([1] * LEVELS, [2] * LEVELS, kind=[f"k{i}" for i in range(LEVELS)])
        self.density = Density(make_design(FACTOR, cases))
        self.places = self.density.places
        self.likelihood = np.diag(np.append(precision.sum(), precision))
        self.likelihood[0, 1:] = self.likelihood[1:, 0] = precision
        self.information = np.append((precision * effects).sum(), precision * effects)

    def moments(self, sd):
        """Mean and covariance of the standard normals of intercept and levels, given the sd."""
        scale = np.diag(np.append(1.0, np.full(LEVELS, sd)))
        covariance = np.linalg.inv(np.eye(LEVELS + 1) + scale @ self.likelihood @ scale)
        return covariance @ scale @ self.information, covariance

    @property
    def order(self):
        """Where intercept and levels lie in a vector."""
        return np.append(self.places["intercept"].start, np.arange(LEVELS) + self.places["kind_z"].start)

    def vector(self, sd, rest):
        x = np.empty(self.density.size)
        x[self.places["kind_sd"]] = stats.norm.ppf(stats.halfnorm.cdf(sd))
        x[self.order] = rest
        return x

    def centring(self, sd):
        """Made at the mode given an sd."""
        mean, covariance = self.moments(sd)
        curvature = np.eye(self.density.size)
        curvature[np.ix_(self.order, self.order)] = np.linalg.inv(covariance)
        return centring(self.density, self.vector(sd, mean), curvature)

    def image(self, own, sd):
        """Mean and covariance that the map gives standard normals, given another sd."""

        def at(y):
            return own.moved(self.vector(sd, y), self.density.inputs, NUMPY)[0][self.order]

        start = at(np.zeros(LEVELS + 1))
        slopes = np.array([at(step) - start for step in np.eye(LEVELS + 1)])
        return start, slopes.T @ slopes


@pytest.mark.parametrize("sd", [1e-3, 0.2, 1.0, 4.0])
def test_spreads_are_those_of_a_normal_posterior_given_any_sd(sd) -> None:
    law = Normal(np.array([0.3, 2.0, 9.0, 40.0]), np.array([1.0, -1.0, 0.5, 2.0]))
    assert law.image(law.centring(0.7), sd)[1] == pytest.approx(law.moments(sd)[1], rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("sd", [1e-3, 0.2, 1.0, 4.0])
def test_so_are_means_where_levels_tell_equally_much(sd) -> None:
    law = Normal(np.full(LEVELS, 5.0), np.array([1.0, -1.0, 0.5, 2.0]))
    assert law.image(law.centring(0.7), sd)[0] == pytest.approx(law.moments(sd)[0], rel=1e-5, abs=1e-7)
