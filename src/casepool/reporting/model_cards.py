"""A model as a report shows it: outcome, equation, terms, and every prior beside what the data made of it."""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from casepool.estimation.draws import Fitted, quantiles
from casepool.modelling.families import FAMILIES
from casepool.modelling.meanings import Range, meaning, ratio_name
from casepool.modelling.printing import equations, exposure_text, outcome_text, reasons, term_text
from casepool.reporting.blocks import Block, Cell, Formula, Points, Table, Text
from casepool.reporting.layouts import finished
from casepool.reporting.numbers import MINUS, two_digits

TAILS = [0.5, 0.025, 0.975]


def model_card(fitted: Fitted) -> list[Block]:
    """Describe the model of a fit."""
    model = fitted.model
    points = [f"{term.name}: {term_text(term)}." for term in model.terms.values()]
    points += [f"{e.name}: {exposure_text(e, model.outcome.unit)}." for e in model.exposures.values()]
    blocks: list[Block] = [Text(f"Outcome: {outcome_text(model.outcome)}."), Formula(equations(model))]
    if points:
        blocks.append(Points([("", point) for point in points]))
    return [*blocks, priors(fitted)]


def priors(fitted: Fitted) -> Table:
    """Tabulate every prior in force with its reason, and the posterior beside it."""
    model = fitted.model
    failed = fitted.verdict == "fail"
    rows = []
    for name, why in reasons(model).items():
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
    owner, _, ending = name.rpartition("_")
    if name == "intercept" and not FAMILIES[model.family].survival:
        return f"success in {found.map(lambda x: float(special.expit(x))).percent()}"
    if ending == "effect" and (owner in model.exposures or owner in model.terms):
        return f"{ratio_name(model)} {written(found.map(math.exp))}"
    if owner.removesuffix("_log") in model.exposures:
        return f"one start in {written(found.map(lambda x: math.exp(-x)))} {model.outcome.unit}"
    bounds = model.terms[owner].bounds if owner in model.terms and ending == "mean" else None
    if bounds:
        return f"typical value {written(found.map(lambda x: _between(bounds, x)))}"
    return f"{written(found)} on the log scale" if name == "intercept" else written(found)


def _between(bounds: tuple[float, float], logit: float) -> float:
    return bounds[0] + (bounds[1] - bounds[0]) * float(special.expit(logit))


def written(found: Range) -> str:
    """Write a median with its range."""
    middle, low, high = (two_digits(x) if np.isfinite(x) else "∞" for x in (found.median, found.lower, found.upper))
    return f"{middle} ({low} to {high})".replace("-", MINUS)
