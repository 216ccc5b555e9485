"""The likelihood of events that may not have been told of: reporting, silence, and lists of what was seen alone."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np

from casepool.modelling.families.arrays import Array, Namespace

REPORTING = "reporting"
"""The parameter: how likely it is that who could tell of an event did; or its number, where it is fixed."""
MOST_WAYS = 5_000
"""Ways in which unknown patients may have had events, at most."""
Arrays = Mapping[str, Any]


def arrays_of(outcome: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the arrays of who told together, and of whose an event may be, from what is known of every row."""
    found: dict[str, np.ndarray] = {}
    if "told" in outcome:
        silent = np.unique(outcome["unit"][outcome["told"] == 0])
        belongs = (outcome["unit"][:, None] == silent) & (outcome["told"] == 0)[:, None]
        sizes = {unit: (outcome["unit"] == unit).sum() for unit in np.unique(outcome["unit"])}
        size = np.array([sizes[unit] for unit in outcome["unit"]])
        found = {"silent": belongs * 1.0, "silent_share": (belongs / size[:, None]).T}
        found["told_share"] = outcome["told"] / size
        if REPORTING in outcome:
            found["reporting_of_silent"] = np.full(len(silent), outcome[REPORTING][0])
    if "seen_type" in outcome:
        own = (outcome["seen_type"][:, None] == np.unique(outcome["seen_type"])) * 1.0
        found |= {"seen": own, "seen_share": (own / own.sum(axis=0)).T}
    if "lot" in outcome and outcome["lot"].any():
        found |= _ways(outcome)
    return found


def shared(outcome: Mapping[str, np.ndarray]) -> bool:
    """Whether several rows have a likelihood together: of silence, of whose an event is, of a type over patients."""
    return "lot" in outcome or "seen_type" in outcome or ("told" in outcome and len(set(outcome["unit"])) < len(
        outcome["unit"]))  # fmt: skip


def _ways(outcome: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return every way in which candidates may have had the events of unknown patients, a column each."""
    lots = [lot for lot in np.unique(outcome["lot"]) if lot]
    columns, numbers, weights, shares = [], [], [], []
    for lot in lots:
        rows = outcome["lot"] == lot
        mask = outcome["bearers"].astype(int) * rows
        people = list(dict.fromkeys(outcome["bearer"][rows]))
        bearers = [k for k in range(int(mask.max()).bit_length()) if (mask >> k & 1).any()]
        ways = list(itertools.islice(itertools.permutations(people, len(bearers)), MOST_WAYS))
        for way in ways:
            had = [
                (mask >> k & 1).astype(bool) & (outcome["bearer"] == who) for k, who in zip(bearers, way, strict=True)
            ]
            columns.append(np.any(had, axis=0) * 1.0 if had else np.zeros(len(rows)))
        start = len(columns) - len(ways)
        numbers.append(np.arange(start, len(columns)))
        weights.append(np.full(len(ways), -np.log(max(len(ways), 1))))
        shares.append(rows / rows.sum())
    longest = max(map(len, numbers))
    pad = [np.r_[own, np.full(longest - len(own), own[0])] for own in numbers]
    log_weight = [np.r_[own, np.full(longest - len(own), -np.inf)] for own in weights]
    recorded = np.stack(
        [(outcome["lot"] == lot) * (outcome["bearers"] > 0) * outcome["events"] for lot in lots], axis=1
    )
    return {"ways": np.stack(columns, axis=1), "ways_of_lot": np.stack(pad), "ways_log_weight": np.stack(log_weight),
            "ways_recorded": recorded * 1.0, "lot_share": np.stack(shares)}  # fmt: skip


def log_told(
    log_p: tuple[Array, Array], data: Arrays, parameters: Mapping[str, Array], xp: Namespace, *, by_unit: bool
) -> Array:
    """Return every row's log-likelihood, where events may not have been told of: array (..., rows).

    A share of what several rows have together is each row's own. Each type by itself: events ~ Bin(n, r p), divided by
    1 - (1 - r p)^n where a type that nobody had is not listed. By unit: one that told has the factor r; a silent one
    has 1 - r + r times the product of its rows' 1 - p. Whose an event of one of several candidates is, is summed over.

    Parameters
    ----------
    log_p : (array, array)
        Log probability of none and of an event.
    by_unit : bool
        Whether units tell, or each type is told of by itself.
    """
    log_q, log_event = log_p
    y, n = data["events"], data["n"]
    log_r = _log_reporting(data, parameters, xp)
    if log_r is not None and not by_unit:
        log_event, log_q = log_r + log_event, xp.softplus(_log_rest(log_r, xp) + log_event - log_q) + log_q
    total = y * log_event + (n - y) * log_q
    if "seen_only" in data:
        total = total - xp.log(-xp.expm1(n * log_q))
    if "seen" in data:
        total = total - xp.log(-xp.expm1(log_q @ data["seen"])) @ data["seen_share"]
    if "ways" in data:
        odds = log_event - log_q
        each = xp.logsumexp_of_rows(odds @ data["ways"], data["ways_of_lot"], data["ways_log_weight"])
        total = total + (each - odds @ data["ways_recorded"]) @ data["lot_share"]
    if log_r is None or not by_unit:
        return total
    nothing, log_told_r = total @ data["silent"], log_r
    own_r = xp.log(data["reporting_of_silent"]) if "reporting_of_silent" in data else log_r
    silent = own_r + nothing + xp.softplus(_log_rest(own_r, xp) - own_r - nothing)
    return data["told"] * total + data["told_share"] * log_told_r + silent @ data["silent_share"]


def _log_reporting(data: Arrays, parameters: Mapping[str, Array], xp: Namespace) -> Array | None:
    """Return log r, None where all is told."""
    if REPORTING in parameters:
        return xp.log(parameters[REPORTING][..., None])
    return xp.log(data[REPORTING]) if REPORTING in data else None


def _log_rest(log_r: Array, xp: Namespace) -> Array:
    """Return log(1 - r)."""
    return xp.log(-xp.expm1(log_r))
