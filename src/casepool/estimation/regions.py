"""Regions asked about: how probably a quantity lies within one, or above a threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from casepool.arguments import is_number
from casepool.errors import CasepoolError

Told = tuple[dict[str, Any], np.ndarray]
"""A row of a table and the draws it tells of: a quantity's, or of whether something holds."""
Region = tuple[float, float]
Rope = Region | Mapping[str, Region] | None
"""A region of practical equivalence of what a table tells first, or regions by estimand; None asks nothing."""
Ropes = Mapping[str, Region]
DIFFERENCES, PROBABILITIES = (-1.0, 1.0), (0.0, 1.0)
RATIOS, LOGS = (0.0, np.inf), (-np.inf, np.inf)
SPANS: Mapping[str, Region] = {
    "risk difference": DIFFERENCES,
    "difference in survival": DIFFERENCES,
    "probability": PROBABILITIES,
    "log odds difference": LOGS,
    **dict.fromkeys(("risk ratio", "odds ratio", "hazard ratio", "time ratio", "rate ratio"), RATIOS),
    **dict.fromkeys(("cumulative odds ratio", "adjacent-category odds ratio"), RATIOS),
}
"""Estimands that a region may be asked of, and between which numbers it must lie."""


def ropes_of(rope: Any, allowed: Sequence[str]) -> dict[str, Region]:
    """Return the regions asked about by estimand; one given alone is of the first estimand allowed.

    Raises
    ------
    CasepoolError
        For what is no region, and for an estimand that the table does not have.
    """
    if rope is None:
        return {}
    found: dict[str, Region] = {}
    for name, region in (dict(rope) if isinstance(rope, Mapping) else {allowed[0]: rope}).items():
        if name not in allowed:
            remedy = f"this table has {', '.join(allowed)}"
            raise CasepoolError("rope names an estimand that is not told", value=name, remedy=remedy)
        found[name] = _region(region, name)
    return found


def _region(region: Any, name: str) -> Region:
    """Return a region, refusing what is none."""
    low, high = SPANS[name]
    pair = isinstance(region, Sequence) and not isinstance(region, str) and len(region) == 2
    if not pair or not all(map(is_number, region)) or not low <= region[0] < region[1] <= high:
        example = "(0.8, 1.25)" if (low, high) == RATIOS else "(-0.1, 0.1)" if low < 0 else "(0.3, 0.7)"
        raise CasepoolError(
            f"rope of the {name} must be two numbers from {low:g} to {high:g}, the lower one first",
            value=region,
            remedy=f"pass rope={example}, say",
        )
    return float(region[0]), float(region[1])


def check_above(above: Any) -> None:
    """Refuse a threshold that is no probability."""
    if above is not None and not (is_number(above) and 0 < above < 1):
        raise CasepoolError("above must lie between 0 and 1", value=above, remedy="pass above=0.3, say")


def within(row: Mapping[str, Any], draws: np.ndarray, region: Region | None) -> list[Told]:
    """Return how probably a quantity lies within a region: one row, or none where no region is asked about."""
    if region is None:
        return []
    low, high = region
    return [(chance(row, f"between {low:g} and {high:g}"), (draws > low) & (draws < high))]


def beyond(row: Mapping[str, Any], draws: np.ndarray, threshold: float | None) -> list[Told]:
    """Return how probably a quantity lies above a threshold: one row, or none without a threshold.

    Draws that tie, as where levels have no effects, count half.
    """
    if threshold is None:
        return []
    return [(chance(row, f"above {threshold:g}"), (draws > threshold) + 0.5 * (draws == threshold))]


def chance(row: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return the row of a probability about the quantity of another row."""
    kept = {name: value for name, value in row.items() if name not in ("unit", "kind", "told")}
    return kept | {"estimand": f"P({row['estimand']} {where})"}
