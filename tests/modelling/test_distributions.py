"""Prior distributions against scipy, their images of a standard normal in every array library, and their draws."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from scipy import integrate, special, stats

from casepool.errors import CasepoolError
from casepool.inference.graph import SYMBOLIC
from casepool.modelling.families.arrays import NUMPY
from casepool.modelling.families.distributions import DISTRIBUTIONS, TwoNormals
from casepool.modelling.families.gradients import TRACED
from casepool.modelling.families.priors import Prior
from casepool.modelling.families.tape import value_and_gradient

SCIPY = {
    "Normal": ({"mu": -0.7, "sigma": 2.5}, stats.norm(-0.7, 2.5)),
    "StudentT": ({"nu": 3.0, "mu": 1.0, "sigma": 0.4}, stats.t(3.0, 1.0, 0.4)),
    "HalfNormal": ({"sigma": 1.7}, stats.halfnorm(scale=1.7)),
    "HalfStudentT": ({"nu": 4.0, "sigma": 0.6}, None),
    "Exponential": ({"lam": 0.3}, stats.expon(scale=1 / 0.3)),
    "Gamma": ({"alpha": 0.8, "beta": 2.0}, stats.gamma(0.8, scale=0.5)),
    "InverseGamma": ({"alpha": 1.4, "beta": 0.6}, stats.invgamma(1.4, scale=0.6)),
    "GammaPrecision": ({"alpha": 1.4, "beta": 0.6}, None),
    "Uniform": ({"lower": -1.5, "upper": 4.0}, stats.uniform(-1.5, 5.5)),
    "LogNormal": ({"mu": 0.2, "sigma": 0.9}, stats.lognorm(0.9, scale=np.exp(0.2))),
    "Mixture": ({"weights": (0.2, 0.5, 0.3), "mu": (-3.0, 0.4, 1.0), "sigma": (2.0, 0.3, 4.0)}, None),
    "Beta": ({"alpha": 0.7, "beta": 3.0}, stats.beta(0.7, 3.0)),
}
Z = np.array([-7.5, -4.0, -1.5, -0.3, 0.0, 0.2, 1.0, 3.0, 7.5])
MEMBERSHIP = {"p": 0.3, "sd": 0.4, "mu": -1.0, "sigma": 2.0}


class HalfT:
    """The absolute value of a Student t, which scipy lacks."""

    whole = stats.t(4.0, scale=0.6)

    def logpdf(self, x):
        return self.whole.logpdf(x) + np.log(2)

    def cdf(self, x):
        return 1 - 2 * self.whole.sf(x)

    def rvs(self, size, random_state):
        return np.abs(self.whole.rvs(size, random_state))


class Normals:
    """Normals weighed, summed up one by one."""

    weights = (0.2, 0.5, 0.3)
    parts = (stats.norm(-3.0, 2.0), stats.norm(0.4, 0.3), stats.norm(1.0, 4.0))

    def sum_of(self, what, x):
        return sum(w * getattr(part, what)(x) for w, part in zip(self.weights, self.parts, strict=True))

    def logpdf(self, x):
        return np.log(self.sum_of("pdf", x))

    def cdf(self, x):
        return self.sum_of("cdf", x)

    def sf(self, x):
        return self.sum_of("sf", x)

    def rvs(self, size, random_state):
        which = random_state.choice(3, size, p=self.weights)
        z = random_state.standard_normal(size)
        return np.vectorize(lambda k, z: self.parts[k].mean() + self.parts[k].std() * z)(which, z)


class RootOfInverseGamma:
    """A standard deviation whose precision has a Gamma distribution."""

    precision = stats.gamma(1.4, scale=1 / 0.6)

    def logpdf(self, x):
        return self.precision.logpdf(x**-2.0) + np.log(2 / x**3)

    def cdf(self, x):
        return self.precision.sf(x**-2.0)

    def sf(self, x):
        return self.precision.cdf(x**-2.0)


UNLIKE_SCIPY = {"HalfStudentT": HalfT(), "Mixture": Normals(), "GammaPrecision": RootOfInverseGamma()}


def of_scipy(name):
    return SCIPY[name][1] or UNLIKE_SCIPY[name]


@pytest.mark.parametrize("name", SCIPY)
def test_density_and_distribution_function_are_scipys(name) -> None:
    prior, expected = Prior(name, SCIPY[name][0]), of_scipy(name)
    x = prior.quantile(np.linspace(0.001, 0.999, 41))
    assert prior.log_density(x) == pytest.approx(expected.logpdf(x), rel=1e-12, abs=1e-12)
    assert prior.cdf(x) == pytest.approx(np.linspace(0.001, 0.999, 41), rel=1e-11)
    assert prior.cdf(x) == pytest.approx(expected.cdf(x), rel=1e-11)


@pytest.mark.parametrize("name", ["InverseGamma", "GammaPrecision"])
def test_draws_that_scipy_makes_otherwise_have_its_distribution(name) -> None:
    drawn = Prior(name, SCIPY[name][0]).draw((4000,), np.random.default_rng(5))
    assert stats.kstest(drawn, of_scipy(name).cdf).pvalue > 1e-3


@pytest.mark.parametrize("name", sorted(set(SCIPY) - {"InverseGamma", "GammaPrecision"}))
def test_draws_are_those_of_scipy_for_the_same_random_numbers(name) -> None:
    """So that predictions from the prior stay what they were, seed by seed."""
    prior = Prior(name, SCIPY[name][0])
    expected = of_scipy(name).rvs(size=(3, 4), random_state=np.random.default_rng(5))
    assert prior.draw((3, 4), np.random.default_rng(5)) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("name", SCIPY)
def test_the_image_of_a_standard_normal_has_its_probability_far_into_both_tails(name) -> None:
    parameters, expected = SCIPY[name][0], of_scipy(name)
    image = DISTRIBUTIONS[name].from_normal(Z, Prior(name, parameters).numbers, NUMPY)
    below = expected.cdf(image)
    assert below[Z < 1] == pytest.approx(special.ndtr(Z[Z < 1]), rel=1e-8)
    above = 1 - below if isinstance(expected, HalfT) else expected.sf(image)
    assert above[Z > 0] == pytest.approx(special.ndtr(-Z[Z > 0]), rel=1e-8, abs=1e-15)


@pytest.mark.parametrize("name", [*sorted(set(SCIPY) - {"Mixture"}), "TwoNormals"])
def test_the_image_is_the_same_in_a_graph(name) -> None:
    """But of a Mixture, whose parameter a graph samples itself."""
    distribution = DISTRIBUTIONS.get(name, TwoNormals())
    parameters = SCIPY[name][0] if name in SCIPY else MEMBERSHIP
    z = pt.vector("z", dtype="float64")
    inputs = {key: pt.as_tensor(np.float64(value)) for key, value in parameters.items()}
    graph = pytensor.function([z], distribution.from_normal(z, inputs, SYMBOLIC), mode="FAST_COMPILE")
    near = Z[np.abs(Z) < 5]
    assert graph(near) == pytest.approx(distribution.from_normal(near, parameters, NUMPY), rel=1e-8)


@pytest.mark.parametrize("levels", [2, 3, 7])
def test_shares_from_normals_are_a_dirichlet(levels) -> None:
    """Each share has the Beta distribution of its margin, and all sum to 1."""
    z = np.random.default_rng(1).standard_normal((20_000, levels - 1))
    shares = DISTRIBUTIONS["Dirichlet"].from_normal(z, {"concentration": 1.5}, NUMPY)
    assert shares.sum(axis=-1) == pytest.approx(np.ones(20_000), abs=1e-12)
    for k in range(levels):
        assert stats.kstest(shares[:, k], stats.beta(1.5, 1.5 * (levels - 1)).cdf).pvalue > 1e-3
    expected = stats.dirichlet(np.full(levels, 1.5)).logpdf(shares[:5].T)
    assert DISTRIBUTIONS["Dirichlet"].log_density(shares[:5], {"concentration": 1.5}, NUMPY) == pytest.approx(expected)


def test_two_normals_have_a_density_and_the_image_is_its_own() -> None:
    two = TwoNormals()

    def density(x):
        return float(np.exp(two.log_density(np.array(x), MEMBERSHIP, NUMPY)))

    for z in (-2.0, 0.3, 1.4):
        end = float(two.from_normal(np.array(z), MEMBERSHIP, NUMPY))
        assert integrate.quad(density, -30, end, limit=200)[0] == pytest.approx(special.ndtr(z), abs=1e-8)


def test_a_flat_prior_has_neither_quantiles_nor_draws() -> None:
    with pytest.raises(CasepoolError, match="no quantiles"):
        Prior("Flat").quantile(0.5)
    with pytest.raises(CasepoolError, match="cannot be drawn"):
        Prior("Flat").draw((3,), np.random.default_rng(1))


def test_every_distribution_is_asked_above() -> None:
    assert set(DISTRIBUTIONS) == {*SCIPY, "Dirichlet", "Flat", "Fixed"}


def test_a_uniform_prior_has_no_density_outside() -> None:
    prior = Prior("Uniform", {"lower": -1.0, "upper": 3.0})
    assert prior.log_density([-1.1, 3.1]).tolist() == [-np.inf, -np.inf]
    assert prior.cdf([-2.0, 5.0]).tolist() == [0.0, 1.0]


def test_a_vague_precision_has_finite_quantiles() -> None:
    """Half of the mass of Gamma(0.001, 0.001) lies below all numbers a computer holds."""
    prior = Prior("GammaPrecision", {"alpha": 0.001, "beta": 0.001})
    assert np.isfinite(prior.quantile([0.01, 0.5, 0.99])).all()
    assert prior.cdf(10.0) == pytest.approx(stats.gamma(0.001, scale=1000).sf(0.01), rel=1e-9)


def test_a_mixture_of_one_normal_over_and_over_is_that_normal() -> None:
    same = Prior("Mixture", {"weights": (0.25,) * 4, "mu": (1.3,) * 4, "sigma": (0.7,) * 4})
    alone, x = (
        Prior("Normal", {"mu": 1.3, "sigma": 0.7}),
        np.array([-26.7, -4.0, 1.3, 2.0, 29.3]),
    )  # 40 sd on both sides
    assert np.isfinite(same.log_density(x)).all()
    assert same.log_density(x) == pytest.approx(alone.log_density(x), rel=1e-12)
    assert same.cdf(x) == pytest.approx(alone.cdf(x), abs=1e-15)
    q = np.array([1e-12, 0.3, 0.5, 0.9999])
    assert same.quantile(q) == pytest.approx(alone.quantile(q), rel=1e-12)


@pytest.mark.parametrize("apart", [0.0, 3.0, 60.0])
def test_the_image_under_a_mixture_has_the_slope_of_its_density(apart) -> None:
    """By a tape, against differences; two components may lie so far apart that nothing is between them."""
    numbers = Prior("Mixture", {"weights": (0.3, 0.7), "mu": (-apart, apart), "sigma": (0.5, 1.5)}).numbers
    image = DISTRIBUTIONS["Mixture"].from_normal
    z, step = np.array([-6.0, -1.2, 0.1, 1.0, 5.0]), 1e-5
    _, slope = value_and_gradient(lambda x: image(x, numbers, TRACED).sum(axis=-1), z)
    assert slope == pytest.approx(
        (image(z + step, numbers, NUMPY) - image(z - step, numbers, NUMPY)) / (2 * step), rel=1e-6
    )
