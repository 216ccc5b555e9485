"""Derivatives of the written posterior, against differences of its values; and of each operation a tape knows."""

import numpy as np
import pytest

from casepool.modelling import make_design
from casepool.modelling.design.density import Density
from casepool.modelling.families.arrays import NUMPY
from casepool.modelling.families.gradients import TRACED
from casepool.modelling.families.tape import value_and_gradient
from tests.oracle.structures import structures

STEP = 1e-5
NAMES = [name for name, (model, _) in structures().items() if "exnex" not in name and name != "priors_flat"]


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_what_differences_say(name) -> None:
    density = Density(make_design(*structures()[name]))
    points = 0.7 * np.random.default_rng(1).standard_normal((2, density.size))
    values, gradients = value_and_gradient(lambda z: density.log_density_of_normal(z, TRACED), points)
    assert values == pytest.approx(density.log_density_of_normal(points, NUMPY), rel=1e-12)
    steps = STEP * np.eye(density.size)
    for point, gradient in zip(points, gradients, strict=True):
        up, down = (density.log_density_of_normal(point + s, NUMPY) for s in (steps, -steps))
        assert gradient == pytest.approx((up - down) / (2 * STEP), abs=1e-5 * (1 + np.abs(gradient).max()))


M = np.random.default_rng(2).standard_normal((3, 4))
TWICE = np.array([0, 2, 2, 1])
OPERATIONS = {
    "reflected": lambda x, xp: (2.0 - x) / 3.0 + 1.0 / x - (-x) + 3.0 * x + (4.0 + x),
    "of two": lambda x, xp: x[..., :1] * x + x / x[..., 1:2] - x[..., 2:] + x[..., 0][..., None],
    "power": lambda x, xp: x**3 + x**0.5,
    "matrix": lambda x, xp: x @ M,
    "taken twice": lambda x, xp: x[..., TWICE] * np.arange(4.0),
    "laid out anew": lambda x, xp: xp.exp(x.reshape((x.shape[0], 3, 1)) + np.zeros((3, 2))).sum(axis=-1),
    "elementwise": lambda x, xp: xp.exp(x) + xp.log(x) + xp.expm1(x) * xp.log1p(x),
    "larger, smaller": lambda x, xp: xp.maximum(x, 1.0) * 2.0 + xp.minimum(1.0, x) * 5.0 + xp.maximum(x, x[..., :1]),
    "chosen": lambda x, xp: xp.where(x > 1.0, x * x, 3.0 * x) + xp.where(x <= 1.0, 1.0, x) + xp.where(x >= 2.0, x, 0.0),
    "logistic": lambda x, xp: xp.softplus(x - 1.0) * xp.sigmoid(1.5 - x) + xp.softplus(800.0 * x) / 800.0,
    "tail": lambda x, xp: xp.log_normal_tail(2.0 - x) + xp.log_normal_tail(4.0 * x),
    "log of sums": lambda x, xp: xp.logsumexp(x)[..., None] * x,
    "joined": lambda x, xp: xp.concatenate([x[..., 1:], 2.0 * x, np.ones((*x.shape[:-1], 1))]) ** 2,
    "rows": lambda x, xp: xp.logsumexp_of_rows(x, np.array([[0, 1], [2, 2]]), np.array([[0.1, -0.3], [0.7, -np.inf]])),
    "half normal": lambda x, xp: xp.half_normal_quantile(x - 1.0),
    "student": lambda x, xp: xp.student_quantile(x - 1.0, np.array(3.0)),
    "gamma": lambda x, xp: xp.gamma_quantile(x - 1.0, np.array(0.7)),
    "beta": lambda x, xp: xp.beta_quantile(x - 1.0, np.array(2.0), np.array(0.5)),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_has_its_derivative(name) -> None:
    weigh = np.random.default_rng(3).uniform(0.5, 1.5, 20)

    def function(x, xp):
        made = OPERATIONS[name](x, xp)
        return (made * weigh[: made.shape[-1]]).sum(axis=-1)

    points = np.array([[0.4, 1.3, 2.2], [0.3, 0.9, 3.1], [2.5, 1.2, 0.1]])
    values, gradients = value_and_gradient(lambda x: function(x, TRACED), points)
    assert values == pytest.approx(function(points, NUMPY), rel=1e-12)
    for j in range(3):
        step = STEP * np.eye(3)[j]
        slopes = (function(points + step, NUMPY) - function(points - step, NUMPY)) / (2 * STEP)
        assert gradients[:, j] == pytest.approx(slopes, rel=1e-6, abs=1e-8)


def test_a_mixture_has_no_derivatives_and_says_so() -> None:
    density = Density(make_design(*structures()["counts_exnex"]))
    with pytest.raises(NotImplementedError, match="mixture"):
        value_and_gradient(lambda z: density.log_density_of_normal(z, TRACED), np.zeros((1, density.size)))


def test_functions_take_plain_arrays_too() -> None:
    x = np.array([[0.4, 1.3, 2.2]])
    for name, operation in OPERATIONS.items():
        made = operation(x, TRACED)
        assert isinstance(made, np.ndarray), name
        assert made == pytest.approx(operation(x, NUMPY), rel=1e-12)
