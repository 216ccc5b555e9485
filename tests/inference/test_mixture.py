"""The map behind exnex effects: its density is the mixture's, at every argument and without losing digits."""

import itertools

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from scipy import stats

from casepool.inference.mixture import mixture_quantile, quantile

Z = np.concatenate([np.linspace(-8, 8, 161), np.linspace(-0.01, 0.01, 5)])
SHAPES = [
    (p, sd, centre, spread)
    for p in (0.05, 0.5, 0.9)
    for sd in (1e-6, 0.05, 1.0, 8.0)
    for centre, spread in ((0.0, 1.0), (-2.5, 0.3), (1.0, 2.8))
]


@pytest.fixture(scope="module")
def compiled():
    inputs = [pt.dvector(name) for name in ("z", "p", "sd", "centre", "spread")]
    x = mixture_quantile(*inputs)
    z, _, sd, centre, spread = inputs
    return pytensor.function(inputs, [x, *pytensor.grad(x.sum(), [z, sd, centre, spread])], on_unused_input="ignore")


def spread_out(shape: tuple[float, ...], z: np.ndarray = Z) -> list[np.ndarray]:
    return [z, *(np.full(len(z), value) for value in shape)]


def density(x: np.ndarray, p: float, sd: float, centre: float, spread: float) -> np.ndarray:
    return p * stats.norm.pdf(x, 0, sd) + (1 - p) * stats.norm.pdf(x, centre, spread)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_image_of_a_standard_normal_has_the_density_of_the_mixture(compiled, shape) -> None:
    """Change of variables: phi(z) / (dx/dz) against scipy's two normals."""
    x, slope, *_ = compiled(*spread_out(shape))
    np.testing.assert_allclose(stats.norm.pdf(Z) / slope, density(x, *shape), rtol=1e-8)


@pytest.mark.parametrize("shape", SHAPES)
def test_it_keeps_probabilities_in_both_tails(compiled, shape) -> None:
    p, sd, centre, spread = shape
    x = compiled(*spread_out(shape))[0]
    for sign in (1, -1):
        tail = Z * sign < 0
        y, c = sign * x[tail], sign * centre
        mixed = p * stats.norm.cdf(y, 0, sd) + (1 - p) * stats.norm.cdf(y, c, spread)
        np.testing.assert_allclose(mixed, stats.norm.cdf(sign * Z[tail]), rtol=1e-9)


@pytest.mark.parametrize("which", [1, 2, 3])
def test_gradients_agree_with_differences(compiled, which: int) -> None:
    for shape in ((0.3, 0.7, -0.5, 1.6), (0.8, 0.2, 1.0, 2.0)):
        z = np.linspace(-3, 3, 25)
        step = 1e-5
        moved = [list(shape), list(shape)]
        moved[0][which] -= step
        moved[1][which] += step
        low, high = (compiled(*spread_out(tuple(m), z))[0] for m in moved)
        exact = compiled(*spread_out(shape, z))[1 + which]
        np.testing.assert_allclose((high - low) / (2 * step), exact, rtol=2e-4, atol=2e-6)


def test_a_share_of_one_or_none_is_a_single_normal(compiled) -> None:
    x, slope, of_sd, of_centre, of_spread = compiled(*spread_out((1.0, 0.4, 3.0, 2.0)))
    np.testing.assert_allclose([x, slope, of_sd], [0.4 * Z, np.full(len(Z), 0.4), Z], rtol=1e-12)
    assert not of_centre.any()
    assert not of_spread.any()
    x, slope, of_sd, of_centre, of_spread = compiled(*spread_out((0.0, 1e-9, 3.0, 2.0)))
    np.testing.assert_allclose(
        [x, slope, of_centre, of_spread], [3 + 2 * Z, np.full(len(Z), 2.0), np.ones(len(Z)), Z], rtol=1e-12, atol=1e-12
    )
    assert not of_sd.any()


def test_compiled_and_plain_code_agree(compiled) -> None:
    shape = (0.3, 0.01, -0.5, 1.6)
    np.testing.assert_allclose(compiled(*spread_out(shape))[0], [quantile(z, *shape) for z in Z], rtol=1e-12)


def test_two_factors_of_three_levels_are_the_sum_over_all_memberships(compiled) -> None:
    """The joint density of six effects, by the map and as a sum over 2^6 memberships of products of normals."""
    rng = np.random.default_rng(3)
    sd = np.repeat([0.6, 1.3], 3)
    p, centre, spread = rng.uniform(0.1, 0.9, 6), rng.normal(size=6), np.exp(rng.normal(size=6))
    for _ in range(20):
        z = rng.normal(size=6)
        effect, slope, *_ = compiled(z, p, sd, centre, spread)
        total = 0.0
        for members in itertools.product((True, False), repeat=6):
            inside = np.array(members)
            weight = np.where(inside, p, 1 - p).prod()
            total += weight * stats.norm.pdf(effect, np.where(inside, 0, centre), np.where(inside, sd, spread)).prod()
        assert (stats.norm.pdf(z) / slope).prod() == pytest.approx(total, rel=1e-8)
