"""When an exposure began, where only an interval is known: the dates a patient's likelihood is integrated over."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from casepool.errors import CasepoolError
from casepool.modelling.design.outcomes import Dates
from casepool.modelling.families.basis_hazards import Pieces
from casepool.modelling.specification.exposure import Exposure
from casepool.writing import FEW

FIRST_NODES = 32
"""Gauss-Legendre nodes from the start of an interval to the first place where the integrand bends."""
LATER_NODES = 12
"""Nodes on each further piece, where nothing is singular."""


@dataclass(frozen=True)
class Unfolded:
    """One way things may have been: when the exposure began, when the event happened if that matters, how likely."""

    switch: float = math.inf
    log_weight: float = 0.0
    event_time: float = math.nan


NEVER = Unfolded()


def unfold(
    exposure: Exposure, earliest: float, latest: float, outcome: Mapping[str, float], pieces: Pieces | None
) -> list[Unfolded]:
    """Return the dates one patient's exposure may have begun at, each with its log weight.

    Under ``intensity`` the weights integrate over the interval (a known date counts as a density), under ``uniform``
    they average over it. A patient never exposed, whose event is known to lie in an interval, is integrated over the
    event's times under ``intensity``: the longer event-free, the longer also not exposed.

    Parameters
    ----------
    exposure : Exposure
    earliest, latest : float
        Interval in which the exposure began; inf if it never did.
    outcome : mapping of str to float
        The patient's `time`, `event`, `entry`, and `lower`, `between` where events lie in intervals.
    pieces : Pieces, optional
        Of the hazard, which bends where they meet.
    """
    if exposure.as_ == "baseline":
        return [Unfolded(switch=0.0)] if math.isfinite(earliest) else [NEVER]
    if exposure.as_ == "landmark":
        return _by_the_landmark(exposure, earliest, latest)
    breaks = [] if pieces is None else list(pieces.breaks)
    if outcome.get("between"):
        breaks.append(outcome["lower"])
    if not math.isfinite(earliest):
        return _event_times(outcome, breaks) if exposure.modelled and outcome.get("between") else [NEVER]
    if exposure.dating in ("early", "late") or earliest == latest:
        return [Unfolded(switch=latest if exposure.dating == "late" else earliest)]
    entry = outcome["entry"]
    if earliest < entry < latest:
        raise CasepoolError(
            f"the interval of the exposure {exposure.name!r} reaches across the patient's late entry",
            value=f"{earliest:g} to {latest:g}, entry {entry:g}",
            remedy="narrow the interval to one side of the entry",
        )
    dates, weights = nodes(earliest, latest, breaks)
    if exposure.dating != "intensity" or earliest < entry:
        weights = weights / (latest - earliest)
    return [Unfolded(switch=s, log_weight=w) for s, w in zip(dates, np.log(weights), strict=True)]


def _event_times(outcome: Mapping[str, float], breaks: list[float]) -> list[Unfolded]:
    times, weights = nodes(outcome["lower"], outcome["time"], breaks)
    return [Unfolded(event_time=t, log_weight=w) for t, w in zip(times, np.log(weights), strict=True)]


def _by_the_landmark(exposure: Exposure, earliest: float, latest: float) -> list[Unfolded]:
    """Count as exposed who was so by the landmark; where its interval reaches across, in proportion."""
    share = share_by(exposure, earliest, latest)
    ways = ((0.0, share), (math.inf, 1.0 - share))
    return [Unfolded(switch=switch, log_weight=math.log(p)) for switch, p in ways if p > 0]


def share_by(exposure: Exposure, earliest: float, latest: float) -> float:
    """Return the share of an interval of dates that lies up to the landmark."""
    if exposure.dating in ("early", "late") or earliest == latest:
        return float((earliest if exposure.dating != "late" else latest) <= exposure.landmark)
    return min(max((exposure.landmark - earliest) / (latest - earliest), 0.0), 1.0)


def exposed_by(exposure: Exposure | None, dates: Dates | None, kept: np.ndarray) -> np.ndarray:
    """Say which patients were ever exposed, or by the landmark (more likely than not)."""
    if exposure is None or dates is None:
        return np.zeros(len(kept), dtype=bool)
    intervals = list(zip(dates.earliest[kept], dates.latest[kept], strict=True))
    if exposure.as_ == "landmark":
        return np.array([share_by(exposure, float(a), float(b)) >= 0.5 for a, b in intervals])
    return np.array([math.isfinite(a) for a, _ in intervals])


def typical_start(dates: Dates, kept: np.ndarray, *, public: bool) -> float:
    """Return the median of known starts and of the middles of their intervals.

    Patients without dates count, by the middle of their follow-up, only where nobody has dates; 0 where nobody was
    exposed. NaN where the table is not public and so few count that it would tell when one of them began.
    """
    middle, undated = (dates.earliest[kept] + dates.latest[kept]) / 2, dates.undated[kept]
    exposed = np.isfinite(middle)
    dated = exposed & ~undated
    chosen = middle[dated if dated.any() else exposed]
    if not public and 0 < len(chosen) < FEW:
        return math.nan
    return float(np.median(chosen)) if len(chosen) else 0.0


@cache
def _gauss_legendre(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes on [-1, 1] and their weights, which take longer to find than all else of a patient's rows."""
    return np.polynomial.legendre.leggauss(size)


def nodes(start: float, end: float, breaks: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """Return Gauss-Legendre nodes and weights between two times, piece by piece between the breaks.

    On the first piece nodes crowd towards the start, where a hazard may be singular.
    """
    ends = [start, *sorted({x for x in breaks if start < x < end}), end]
    found = []
    for number, (a, b) in enumerate(itertools.pairwise(ends)):
        x, w = _gauss_legendre(LATER_NODES if number else FIRST_NODES)
        v, weight = (x + 1) / 2, w / 2
        if not number:
            v, weight = v**3, weight * 3 * v**2
        found.append((a + (b - a) * v, (b - a) * weight))
    times, weights = (np.concatenate(part) for part in zip(*found, strict=True))
    return times, weights
