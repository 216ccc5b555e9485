"""Powers of own priors: the part of the effects' density that is theirs, and priors that no power changes."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from arviz_stats import psense
from scipy import special, stats

from casepool.checking.prior_sensitivity import moved_by, scaled
from casepool.estimation.draws import Fitted
from casepool.modelling import make_design
from tests.small import counts, half_normal, normal, response_model

TABLE = counts([3, 1, 0], [4, 4, 4], kind=["A", "B", "C"])
SHAPE = (2, 400)


def opened(borrowing: str, **term: object) -> Fitted:
    """A fit whose posterior is the prior, without sampling; the likelihood rises with the effects."""
    priors = {"kind_own": normal(2.0, -0.5)}
    if borrowing == "exnex":
        priors |= {"intercept": normal(1.5), "kind_sd": half_normal(1)}
    model = response_model({"kind": {"kind": "group", "borrowing": borrowing, **term}}, priors)
    rng = np.random.default_rng(5)
    drawn = {"kind_effect": rng.normal(-0.5, 2.0, (*SHAPE, 3))}
    if borrowing == "exnex":
        drawn |= {"intercept": rng.normal(0, 1.5, SHAPE), "kind_sd": np.abs(rng.normal(0, 1, SHAPE))}
    axes = ("chain", "draw", "patient")
    groups = {
        "posterior": xr.Dataset({name: (axes[: v.ndim], v) for name, v in drawn.items()}),
        "log_prior": xr.Dataset(coords={"chain": [0, 1]}),
        "log_likelihood": xr.Dataset({"outcome": (axes, special.log_expit(drawn["kind_effect"]))}),
    }
    tree = xr.DataTree.from_dict(groups)
    tree.attrs["seed"] = 1
    return Fitted(tree, model, make_design(model, TABLE), drawn, "pass")


@pytest.mark.parametrize("own", ["level", "effect"])
def test_of_an_exnex_factor_it_is_the_slope_of_the_mixture_by_the_power(own: str) -> None:
    fitted = opened("exnex", own=own, exchangeable={"A": 0.8, "other": 0.3})
    found = fitted.model.level_effects("kind").own_part(("A", "B", "C"), fitted.parameters)
    effect, sd, intercept = (fitted.parameters[f"{name}"] for name in ("kind_effect", "kind_sd", "intercept"))
    centre = -0.5 - (intercept[..., None] if own == "level" else 0.0)
    p = np.array([0.8, 0.3, 0.3])

    def density(power: float) -> np.ndarray:
        scaled_own = stats.norm(centre, 2.0 / np.sqrt(power)).pdf(effect)
        return np.log(p * stats.norm(0, sd[..., None]).pdf(effect) + (1 - p) * scaled_own)

    np.testing.assert_allclose(found, (density(1.0005) - density(0.9995)) / 0.001, atol=1e-5)


def test_where_no_level_is_exchangeable_exnex_is_no_borrowing() -> None:
    alone, mixed = (opened("none"), opened("exnex", own="effect", exchangeable=0.0))
    assert scaled(alone) == scaled(mixed)


def test_an_own_prior_that_the_data_leave_alone_shows_what_it_would_without_data() -> None:
    (found,) = scaled(opened("none"))
    assert found.name == "kind_own"
    assert found.prior == pytest.approx(found.alone, rel=0.25)
    assert found.prior > 0.05


def test_a_density_that_is_the_same_everywhere_moves_nothing() -> None:
    drawn = np.random.default_rng(6).dirichlet([1.0, 1.0], SHAPE)
    density = stats.dirichlet([1.0, 1.0]).logpdf(drawn.reshape(-1, 2).T).reshape(SHAPE)
    assert moved_by(drawn, density) == 0.0


@pytest.mark.parametrize("shape", [SHAPE, (*SHAPE, 3)])
def test_it_is_what_arviz_says_of_a_tree(shape: tuple[int, ...]) -> None:
    drawn = np.random.default_rng(7).standard_t(5, shape)
    density = stats.t(5).logpdf(drawn)
    axes = ("chain", "draw", "level")[: len(shape)]
    groups = {"posterior": xr.Dataset({"x": (axes, drawn)}), "log_prior": xr.Dataset({"x": (axes, density)})}
    told = psense(xr.DataTree.from_dict(groups), group="prior")["x"]
    assert moved_by(drawn, density) == pytest.approx(float(told.max()), rel=1e-12)
