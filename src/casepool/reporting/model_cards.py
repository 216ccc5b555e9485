"""A model as a report shows it: outcome, equation, terms, and every prior beside what the data made of it."""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from casepool.estimation.draws import Fitted, quantiles
from casepool.modelling.families.parameters import Role
from casepool.modelling.specification.prior_implications import Range, meaning, place_between, ratio_name
from casepool.numbers import MINUS, two_digits
from casepool.reporting.blocks import Block, Cell, Formula, Points, Table, Text
from casepool.reporting.layouts import finished

TAILS = [0.5, 0.025, 0.975]


def model_card(fitted: Fitted) -> list[Block]:
    """Describe the model of a fit."""
    model = fitted.model
    points = [f"{term.name}: {term}." for term in model.every_term]
    points += [f"{e.name}: {e.text(model.outcome)}." for e in model.exposures.values()]
    blocks: list[Block] = [Text(f"Outcome: {model.outcome}."), Formula(model.equations())]
    if points:
        blocks.append(Points([("", point) for point in points]))
    return [*blocks, priors(fitted)]


def priors(fitted: Fitted) -> Table:
    """Tabulate every prior in force with its reason, and the posterior beside it."""
    model = fitted.model
    failed = fitted.verdict == "fail"
    rows = []
    for name, why in model.reasons().items():
        prior = model.prior(name)
        base = name.partition(".")[0]
        if base not in fitted.parameters and prior.dist != "Fixed":
            continue
        posterior = posterior_meaning(fitted, base) if base == name else ""
        cells = [name, str(prior), meaning(model, name) or "–", why]
        rows.append(
            [
                Cell(f"`{cells[0]}`"),
                *(Cell(c) for c in cells[1:3]),
                Cell(posterior or "–", failed=failed),
                Cell(cells[3]),
            ]
        )
    headings = [
        "parameter",
        "prior",
        "the prior says, median (95% range)",
        "the posterior says, median (95% CrI)",
        "why this prior",
    ]
    return finished(
        Table("Priors, the reason for each, and what the data made of them", headings, rows, failed=failed), False
    )


def posterior_meaning(fitted: Fitted, name: str) -> str:
    """Say what the posterior of a single parameter means, on the scale its prior is told on."""
    draws = fitted.parameters.get(name)
    if draws is None or draws[0, 0].size != 1:
        return ""
    draws = draws.reshape(draws.shape[:2])
    model = fitted.model
    found = Range(*(float(q) for q in quantiles(draws, TAILS)))
    parameter = fitted.design.parameter(name)
    role = parameter.role if parameter else None
    if role is Role.LOCATION and not model.is_ordinal:
        success = f"success in {found.map(lambda x: float(special.expit(x))).percent()}"
        return f"{written(found)} on the log scale" if model.is_survival else success
    if role is Role.EFFECT:
        return f"{ratio_name(model)} {written(found.map(math.exp))}"
    if role is Role.INTENSITY:
        return f"one start in {written(found.map(lambda x: math.exp(-x)))} {model.outcome.unit}"
    if parameter and role is Role.MEAN:
        return f"typical value {written(found.map(lambda x: place_between(model, parameter, x)))}"
    return written(found)


def written(found: Range) -> str:
    """Write a median with its range."""
    middle, low, high = (two_digits(x) if np.isfinite(x) else "∞" for x in (found.median, found.lower, found.upper))
    return f"{middle} ({low} to {high})".replace("-", MINUS)
