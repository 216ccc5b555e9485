"""Smooth terms: natural cubic splines about a straight line, against scipy's and against quadrature."""

import itertools
import math

import numpy as np
import pytest
from scipy import integrate, interpolate, special, stats

from casepool.modelling import make_design, model_from_dict
from casepool.modelling.families.arrays import NUMPY
from casepool.modelling.families.splines import wiggle

from .small import HALF, NORMAL, RESPONSE, by_patient, response_model, table

KNOTS = (6.0, 15.0, 30.0, 50.0)
SMOOTH = {"kind": "smooth", "knots": list(KNOTS), "centre": 18, "scale": 10, "bounds": [0, 110]}
COEFFICIENTS = np.array([0.9, -1.7])


def smooth_model(**changes):
    priors = {"intercept": NORMAL, "age_effect": NORMAL, "age_wiggle_sd": HALF}
    plain = {"family": "bernoulli", "outcome": RESPONSE, "terms": {"age": SMOOTH | changes}, "priors": priors}
    return model_from_dict(plain, name="small")


def curve(x, coefficients=COEFFICIENTS, knots=KNOTS):
    return wiggle(np.asarray(x, dtype=float), np.asarray(coefficients), knots, NUMPY)


@pytest.mark.parametrize("knots", [KNOTS, (0.0, 1.0, 2.0), (1.0, 2.0, 4.0, 5.0, 9.0, 9.5)])
def test_the_curve_is_the_natural_cubic_spline_through_its_values_at_the_knots(knots):
    coefficients = np.random.default_rng(3).normal(size=len(knots) - 2)
    spline = interpolate.CubicSpline(knots, curve(knots, coefficients, knots), bc_type="natural")
    inside = np.linspace(knots[0], knots[-1], 101)
    assert curve(inside, coefficients, knots) == pytest.approx(spline(inside), abs=1e-9)
    for outside in (knots[0] - np.arange(4.0), knots[-1] + np.arange(4.0)):
        assert np.diff(curve(outside, coefficients, knots), 2) == pytest.approx(np.zeros(2), abs=1e-8)


def test_the_straight_line_through_the_curve_is_none():
    """So the linear effect is the slope of the whole curve's least-squares line at the knots."""
    assert np.polyfit(KNOTS, curve(KNOTS), 1) == pytest.approx([0, 0], abs=1e-12)


def test_the_wiggles_sd_is_the_root_mean_square_at_the_knots():
    each = np.array([curve(KNOTS, unit) for unit in np.eye(2)])
    assert (each**2).sum() / len(KNOTS) == pytest.approx(1, abs=1e-12)


def test_equal_coefficients_are_equally_rough():
    """The prior of a smoothing spline: roughness, the integrated squared second derivative, goes with their squares."""

    def rough(coefficients):
        bend = interpolate.CubicSpline(KNOTS, curve(KNOTS, coefficients), bc_type="natural").derivative(2)
        return sum(integrate.quad(lambda x: bend(x) ** 2, a, b)[0] for a, b in itertools.pairwise(KNOTS))

    one = rough([1.0, 0.0])
    for angle in (0.4, 1.3, 2.9):
        assert rough([np.cos(angle), np.sin(angle)]) == pytest.approx(one, rel=1e-9)


def test_the_unit_of_the_number_changes_nothing():
    x = np.array([1.0, 17.0, 44.0, 80.0])
    scaled = curve((x - 18) / 10, knots=tuple((k - 18) / 10 for k in KNOTS))
    assert scaled == pytest.approx(curve(x), abs=1e-9)


def test_draws_lead():
    together = curve([5.0, 40.0], np.stack([COEFFICIENTS, 2 * COEFFICIENTS]))
    assert together[1] == pytest.approx(2 * curve([5.0, 40.0]), abs=1e-12)


def test_without_wiggle_a_smooth_term_is_linear():
    cases = table(age=[30.0, np.nan, 5.0, 71.0], response=["PR", "PR", "SD", "CR"])
    values = {"intercept": 0.4, "age_effect": 0.3, "age_mean": -0.5, "age_spread": 0.9}
    line = {key: value for key, value in SMOOTH.items() if key != "knots"} | {"kind": "linear"}
    straight = by_patient(response_model({"age": line}), cases, **values)
    bent = by_patient(smooth_model(), cases, age_wiggle=1e-8 * COEFFICIENTS, **values)
    assert bent == pytest.approx(straight, abs=1e-6)


@pytest.mark.parametrize(("mean", "spread"), [(-0.5, 0.9), (0.5, 1.5), (-2.0, 0.1)])
@pytest.mark.parametrize("response", ["CR", "PD"])
def test_a_missing_number_is_integrated_over_the_curve(mean, spread, response):
    """To 1e-8, the quadrature's pieces ending at the knots, where the third derivative jumps."""
    cases = table(age=[30.0, np.nan], response=["PR", response])
    values = {"intercept": 0.4, "age_effect": 0.3, "age_mean": mean, "age_spread": spread}
    got = by_patient(smooth_model(), cases, age_wiggle=COEFFICIENTS, **values)

    def chance(age):
        return special.expit(0.4 + 0.3 * (age - 18) / 10 + curve([age])[0])

    def density(z):
        p = chance(110 * special.expit(mean + spread * z))
        return stats.norm.pdf(z) * (p if response == "CR" else 1 - p)

    assert got[0] == pytest.approx(math.log(chance(30.0)), abs=1e-9)
    knots = [(special.logit(knot / 110) - mean) / spread for knot in KNOTS]
    ends = [-12, *(z for z in knots if abs(z) < 12), 12]
    pieces = [integrate.quad(density, *piece, epsabs=1e-13, limit=400)[0] for piece in itertools.pairwise(ends)]
    assert got[1] == pytest.approx(math.log(sum(pieces)), abs=1e-8)


def test_setting_everybody_to_a_value_leaves_one_row_each_and_the_recorded_numbers_are_kept():
    cases = table(age=[30.0, np.nan, 5.0], response=["PR", "PR", "SD"])
    design = make_design(smooth_model(), cases)
    assert design.numbers("age") == pytest.approx([30.0, np.nan, 5.0], nan_ok=True)
    at = design.at_value("age", 48.0)
    assert at.terms["age"].matrix.ravel() == pytest.approx([3.0] * 3)
    assert at.log_weight == pytest.approx(np.zeros(3), abs=1e-12)
