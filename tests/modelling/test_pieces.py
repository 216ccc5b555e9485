"""Hazards made of pieces: their limits, their prior, and what a model file may say of them."""

import itertools
import tomllib

import numpy as np
import pytest
from scipy import stats
from scipy.interpolate import BSpline

from casepool.errors import CasepoolError
from casepool.modelling import make_design, model_from_dict
from casepool.modelling.families.arrays import NUMPY
from casepool.modelling.families.basis_hazards import SPLINES, Walk, constant_pieces, m_splines, polynomials
from casepool.modelling.families.parameters import Laid

from .small import HALF, NORMAL, PIECES, by_patient, survival_model, table, total

PATIENTS = table(time=[0.5, 2.0, 3.0, 3.5, 7.0, 12.0, 25.0, 40.0], event=[1, 1, 1, 0, 1, 1, 0, 1])


def plain(family, **top):
    outcome = {"time": "time", "event": "event"}
    return {"family": family, "outcome": outcome, "priors": {"intercept": NORMAL, "hazard_sd": HALF}} | top


def walk(steps, sd, pieces, normalised):
    """What the law of `log_hazard` makes of standard normal steps."""
    law = Walk("hazard_sd", normalised)
    laid = Laid(constant_hazard=pieces.constant)
    numbers = law.numbers(law.inputs(laid) | law.constants(laid), {"hazard_sd": sd}, NUMPY)
    return law.from_standard(steps, numbers, NUMPY)


@pytest.mark.parametrize("family", PIECES)
def test_without_steps_the_hazard_is_constant(family):
    model = survival_model(family, "proportional")
    pieces = make_design(model, PATIENTS).pieces
    flat = walk(np.zeros(len(pieces.labels) - 1), np.array(0.7), pieces, normalised=family == "m_spline")
    moved = np.log(20.0) if family == "m_spline" else 0.0  # exp(eta) is the cumulative hazard at the last knot
    got = by_patient(model, PATIENTS, intercept=-2.0 + moved, hazard_sd=0.7, log_hazard=flat)
    constant = by_patient(survival_model("exponential", "proportional"), PATIENTS, intercept=-2.0)
    assert got == pytest.approx(constant, abs=1e-10)


def test_the_likelihood_of_pieces_is_poisson_and_greatest_at_events_over_time():
    """Each piece's maximum is its events over its patient-months; a time at a cut ends the earlier piece."""
    model = survival_model("piecewise_exponential", "proportional")
    time, event, cuts = PATIENTS["time"].to_numpy(), PATIENTS["event"].to_numpy(), [0.0, 3.0, 10.0, np.inf]
    exposure = np.array([(np.clip(time, a, b) - a).sum() for a, b in itertools.pairwise(cuts)])
    events = np.array([event[(time > a) & (time <= b)].sum() for a, b in itertools.pairwise(cuts)])
    assert events.tolist() == [3, 1, 2]
    rates = events / exposure
    expected = (stats.poisson.logpmf(events, rates * exposure) + np.log(np.array([6, 1, 2]) / exposure**events)).sum()
    best = total(model, PATIENTS, intercept=0.0, hazard_sd=1.0, log_hazard=np.log(rates))
    assert best == pytest.approx(expected, abs=1e-10)
    for piece in range(3):
        for step in (-0.01, 0.01):
            moved = np.log(rates) + step * (np.arange(3) == piece)
            assert total(model, PATIENTS, intercept=0.0, hazard_sd=1.0, log_hazard=moved) < best


def test_every_spline_has_integral_one_and_they_join_smoothly():
    pieces = m_splines((6.0, 18.0, 36.0), "months")
    widths = np.diff(pieces.breaks)
    powers = np.arange(1, 5)
    whole = sum(pieces.powers[:, k] @ widths[k] ** powers for k in range(3))
    assert whole == pytest.approx(np.ones(6), abs=1e-12)
    for k in range(2):  # value, slope and curvature agree from both sides of an inner knot
        density = pieces.powers[:, k] * powers
        after = pieces.powers[:, k + 1] * powers
        h = widths[k]
        assert density @ h ** np.arange(4) == pytest.approx(after[:, 0], abs=1e-12)
        assert density[:, 1:] @ (np.arange(1, 4) * h ** np.arange(3)) == pytest.approx(after[:, 1], abs=1e-12)
        assert density[:, 2:] @ (np.array([2, 6 * h])) == pytest.approx(2 * after[:, 2], abs=1e-12)


@pytest.mark.parametrize("knots", [(5.0,), (6.0, 18.0), (1.0, 2.0, 3.0, 40.0, 41.0)])
def test_the_splines_are_scipys(knots):
    pieces, last = m_splines(knots, "months"), knots[-1]
    padded = np.array([0.0] * 4 + [*knots] + [last] * 3)
    times = np.linspace(0.0, last, 57)
    piece = np.searchsorted(pieces.breaks[1:-1], times, side="right")
    slopes = (pieces.powers * np.arange(1, 5))[:, piece]
    found = (slopes * (times - pieces.breaks[piece])[:, None] ** np.arange(4)).sum(axis=-1)
    expected = BSpline.design_matrix(times, padded, 3).toarray() * np.exp(-pieces.constant) / last
    assert pytest.approx(expected, abs=1e-13) == found.T
    assert pieces.powers[:, -1, 0] == pytest.approx(expected[-1], abs=1e-13)


def test_times_that_draws_share_are_told_as_times_of_their_own():
    """One product of matrices, or a polynomial for every draw; at breaks, before and beyond them."""
    pieces, rng = m_splines((6.0, 18.0, 36.0), "months"), np.random.default_rng(3)
    read = polynomials(rng.normal(size=(4, 50, 6)), pieces.arrays, pieces, NUMPY)
    times = np.concatenate([[0.0, 6.0, 18.0, 36.0, 40.0], rng.uniform(0.0, 50.0, 30)])
    for of in (SPLINES.cumulative_hazard, SPLINES.log_hazard):
        assert of(times, read, NUMPY) == pytest.approx(of(np.tile(times, (4, 50, 1)), read, NUMPY), rel=1e-11)


BOTH = [(constant_pieces((6.0, 12.0, 24.0), "months"), False), (m_splines((6.0, 18.0), "months"), True)]


@pytest.mark.parametrize(("pieces", "normalised"), BOTH)
def test_the_prior_walks_about_a_constant_hazard(pieces, normalised):
    rng = np.random.default_rng(1)
    steps = rng.standard_normal((20_000, len(pieces.labels) - 1))
    walked = walk(steps, np.full(20_000, 0.5), pieces, normalised)
    assert np.diff(walked - pieces.constant, axis=-1) == pytest.approx(0.5 * steps, abs=1e-12)
    centre = np.exp(walked).sum(axis=-1) if normalised else 1 + walked.mean(axis=-1)
    assert centre == pytest.approx(np.ones(20_000), abs=1e-12)


def test_event_quantiles_share_the_events_out():
    design = make_design(model_from_dict(plain("piecewise_exponential", pieces=3), name="mine"), PATIENTS)
    time, event = PATIENTS["time"].to_numpy(), PATIENTS["event"].to_numpy(bool)
    inside = np.searchsorted(design.pieces.breaks, time[event], side="left")
    assert np.bincount(inside)[1:].tolist() == [2, 2, 2]


@pytest.mark.parametrize("events", [[0] * 8, [0, 0, 0, 0, 0, 0, 0, 1]])
def test_too_few_events_for_the_pieces_are_refused(events):
    model = model_from_dict(plain("piecewise_exponential", pieces=3), name="mine")
    with pytest.raises(CasepoolError, match="cannot be shared out between 3 pieces"):
        make_design(model, PATIENTS.assign(event=events))


@pytest.mark.parametrize(
    ("family", "top", "said"),
    [
        ("piecewise_exponential", {}, "needs cuts or pieces"),
        ("piecewise_exponential", {"cuts": [6], "pieces": 3}, "needs cuts or pieces"),
        ("piecewise_exponential", {"cuts": [6, 6]}, "rising"),
        ("piecewise_exponential", {"cuts": [0, 6]}, "above 0"),
        ("piecewise_exponential", {"cuts": "6"}, "rising list"),
        ("piecewise_exponential", {"pieces": 1}, "whole number from 2"),
        ("piecewise_exponential", {"pieces": True}, "whole number from 2"),
        ("piecewise_exponential", {"knots": [6]}, "has no knots"),
        ("m_spline", {}, "needs knots"),
        ("m_spline", {"knots": []}, "rising list"),
        ("m_spline", {"knots": [6], "effects": "accelerated"}, "choose one of proportional"),
        ("exponential", {"cuts": [6]}, "has no cuts"),
    ],
)
def test_keys_of_the_pieces(family, top, said):
    with pytest.raises(CasepoolError, match=said):
        model_from_dict(plain(family, **top), name="mine")


@pytest.mark.parametrize("top", [{"cuts": [6.0, 12.0]}, {"pieces": 4}])
def test_pieces_survive_being_written(top):
    made = model_from_dict(plain("piecewise_exponential", **top), name="mine")
    assert model_from_dict(tomllib.loads(made.to_toml()), name="mine") == made
    spline = model_from_dict(plain("m_spline", knots=[6, 18, 36]), name="mine")
    assert model_from_dict(tomllib.loads(spline.to_toml()), name="mine") == spline
    assert "log_hazard" in str(made)
