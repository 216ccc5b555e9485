"""The linear predictor of a simulated patient, by the equations as METHODS states them: what is missing averaged over.

Written here and not taken from the package, so that a fault of its coding does not appear on both sides.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from scipy import integrate, interpolate, special, stats

from benchmarks.study import Study
from casepool.modelling.families.names import curve_of, effect_of, mean_of, share_of, slope_of, spread_of
from casepool.modelling.terms.joint import Joint, Slope
from casepool.modelling.terms.labels import Banded
from casepool.modelling.terms.numbers import Smooth, as_number
from casepool.modelling.terms.term import Term

AGE = 110.0
GRID = stats.norm.ppf((np.arange(800) + 0.5) / 800)
"""Stands for a standard normal where a missing age is averaged over."""
Values = Mapping[str, np.ndarray]
Levels = Mapping[str, tuple[str, ...]]
Row = Mapping[str, Any]
"""What is known of a patient, by column."""


def covariates(
    study: Study, frame: pd.DataFrame, true: Values, levels: Levels, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw what some patients miss anew, for everybody; return the table as seen, and with what is missing in it."""
    whole, seen = frame.copy(), frame.copy()
    for name, term in study.model.terms.items():
        column = term.source
        if mean_of(name) in true:
            logit = true[mean_of(name)] + true[spread_of(name)] * rng.standard_normal(len(frame))
            whole[column] = AGE * special.expit(logit)
        elif share_of(name) in true:
            drawn = rng.choice(levels[name], len(frame), p=true[share_of(name)])
            inside = dict(zip(levels[name], _middles(term), strict=True)) if isinstance(term, Banded) else {}
            whole[column] = pd.Series([inside.get(label, label) for label in drawn], dtype=frame[column].dtype)
        else:
            continue
        seen[column] = whole[column].where(frame[column].notna())
    seen.attrs = whole.attrs = frame.attrs
    return seen, whole


def _middles(term: Banded) -> np.ndarray:
    """Return a number inside each band."""
    ends = np.array([0.0, *term.cuts, AGE])
    return (ends[1:] + ends[:-1]) / 2


def ways(study: Study, row: Row, true: Values, levels: Levels) -> Iterator[tuple[float, dict[str, Any]]]:
    """Yield what a patient's terms may be where something is missing, and how likely: ages on a grid of their own."""
    options: list[list[tuple[float, Any]]] = []
    for name, term in study.model.terms.items():
        value = row[term.source]
        if not pd.isna(value):
            options.append([(1.0, value)])
        elif mean_of(name) in true:
            options.append([(1.0, AGE * special.expit(true[mean_of(name)] + true[spread_of(name)] * GRID))])
        else:
            each = _middles(term) if isinstance(term, Banded) else levels[name]
            options.append([(float(p), one) for p, one in zip(true[share_of(name)], each, strict=True)])
    for chosen in itertools.product(*options):
        share = float(np.prod([p for p, _ in chosen]))
        yield share, dict(zip(study.model.terms, (value for _, value in chosen), strict=True))


def predictor(study: Study, values: Mapping[str, Any], true: Values, levels: Levels) -> np.ndarray:
    """Sum the effects of a patient's terms: array (steps between categories, points), of length one where alike."""
    total = np.zeros((1, 1))
    for name, term in study.model.terms.items():
        if effect_of(name) in true:
            total = total + _contribution(term, values[name], true, levels.get(name, ()))
    for joint in study.model.joint.values():
        total = total + _of_two(study, joint, values, true, levels)
    return total


def _of_two(study: Study, joint: Joint, values: Mapping[str, Any], true: Values, levels: Levels) -> np.ndarray:
    """Compute what a term of two others adds: array (1, points)."""
    first, second = joint.parents
    if isinstance(joint, Slope):
        number = as_number(study.model.terms[first])
        scaled = (np.atleast_1d(np.asarray(values[first], float)) - number.centre) / number.scale
        slope = true[slope_of(joint.name)][levels[second].index(str(values[second]))]
        return (slope - true.get(effect_of(first), 0.0)) * scaled[None, :]
    cells = dict(zip(study.design.laid.labels[joint.dim], true[effect_of(joint.name)], strict=True))
    # a cell that has no effect is of patients who are not evaluable: what is drawn for them is not kept
    return np.full((1, 1), cells.get(f"{values[first]} & {values[second]}", 0.0))


def _contribution(term: Term, value: Any, true: Values, levels: tuple[str, ...]) -> np.ndarray:
    """Compute what one term adds: array (steps, points)."""
    effect = true[effect_of(term.name)]
    if term.borrows:
        members = str(value).split(";")
        return np.full((1, 1), np.mean([effect[levels.index(member)] for member in members]))
    if levels:
        band = sum(value >= cut for cut in term.cuts) if isinstance(term, Banded) else levels.index(value)
        against = np.concatenate([np.zeros((1, *effect.shape[1:])), effect])  # the first level is the reference
        return against[band].reshape(-1, 1)
    number = as_number(term)
    scaled = (np.atleast_1d(np.asarray(value, float)) - number.centre) / number.scale
    line = effect.reshape(-1, 1) * scaled
    if isinstance(number, Smooth):
        knots = tuple((knot - number.centre) / number.scale for knot in number.knots)
        line = line + curve(knots, true[curve_of(term.name)], scaled)
    return np.asarray(line)


def curve(knots: tuple[float, ...], coefficients: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Compute a natural cubic spline, straight beyond its knots, from its weights: array of the shape of `at`."""
    spline = interpolate.CubicSpline(knots, coefficients @ basis(knots), bc_type="natural")
    inside = np.clip(at, knots[0], knots[-1])
    return np.asarray(spline(inside) + spline(inside, 1) * (at - inside))


@cache
def basis(knots: tuple[float, ...]) -> np.ndarray:
    """Return the basis curves at the knots, which say all of natural splines: array (knots - 2, knots).

    Splines that vanish up to a knot (Hastie, Tibshirani and Friedman 2009, 5.4), turned so that independent weights
    weigh bending by its integrated square, less their least-squares lines, of root mean square 1 at the knots together.
    """
    t = np.array(knots)
    d = (np.maximum(t - t[:-1, None], 0.0) ** 3) / (t[-1] - t[:-1, None])
    vanishing = d[:-1] - d[-1]
    bends = interpolate.CubicSpline(t, vanishing, axis=1, bc_type="natural").derivative(2)
    count = len(vanishing)
    rough = [[integrate.quad(lambda x, i=i, j=j: bends(x)[i] * bends(x)[j], t[0], t[-1], points=t[1:-1])[0]
              for j in range(count)] for i in range(count)]  # fmt: skip
    turned = np.linalg.solve(np.linalg.cholesky(np.array(rough)), vanishing)
    apart = np.array([own - np.polyval(np.polyfit(t, own, 1), t) for own in turned])
    return np.asarray(apart / np.sqrt((apart**2).sum() / len(t)))
