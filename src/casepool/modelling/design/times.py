"""The times that survival is told at unless others are asked for."""

from __future__ import annotations

from casepool.cases.codebook import Codebook
from casepool.modelling.design.design import Design

ROUND = {
    "days": (1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 90.0, 180.0, 365.0),
    "weeks": (1.0, 2.0, 4.0, 8.0, 12.0, 26.0, 52.0),
    "months": (1.0, 2.0, 3.0, 6.0, 12.0, 24.0, 60.0),
    "years": (1.0,),
}
"""Round numbers of every unit of time; below and above them 1, 2 and 5 times powers of ten are."""
TIMES = 3


def default_times(design: Design, codebook: Codebook | None) -> list[float]:
    """Return the codebook's times, else the first three multiples of a round number that follow-up still reaches."""
    if codebook is not None and codebook.at:
        return list(codebook.at)
    return round_times(float(design.outcome["time"].max()), design.model.outcome.unit)


def round_times(last: float, unit: str) -> list[float]:
    """Return three times up to `last`, the first as large a round number as there is."""
    own = ROUND[unit]
    decades = [factor * 10.0**power for power in range(-6, 7) for factor in (1.0, 2.0, 5.0)]
    steps = [step for step in decades if step < own[0]] + list(own) + [step for step in decades if step > own[-1]]
    reached = [step for step in steps if TIMES * step <= last] or steps[:1]
    return [float(f"{place * reached[-1]:.12g}") for place in range(1, TIMES + 1)]
