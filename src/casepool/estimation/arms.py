"""What a survival table or picture compares: strategies of an exposure, levels of a factor, or everyone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from casepool.arguments import name_of
from casepool.arguments import times_of as from_0
from casepool.errors import CasepoolError
from casepool.estimation.curves import Strategy, curve, said_start, strategies
from casepool.estimation.draws import Fitted
from casepool.estimation.joint_effects import cells_drawn_anew, everywhere
from casepool.estimation.told import of_exposure
from casepool.modelling.design.times import default_times
from casepool.modelling.specification.cautions import association
from casepool.modelling.specification.exposure import Exposure
from casepool.remarks import NONE, Count, Remarks, remark


def times_of(fitted: Fitted, at: Sequence[float] | None) -> list[float]:
    """Return the times a survival table is told at, refusing what is no survival fit or no time."""
    if not fitted.is_survival:
        raise CasepoolError(f"{fitted.model.name!r} is no survival model", remedy="use estimates(fit, by=...)")
    return from_0(default_times(fitted.design, fitted.codebook) if at is None else at)


def refuse_times(given: object, what: str = "at") -> None:
    """Refuse times where no survival is told."""
    if given is not None:
        raise CasepoolError("only survival models have times", column=what, value=given, remedy="leave it out")


def arms_of(fitted: Fitted, by: str | None, start: float | None) -> tuple[list[Strategy], dict[str, Any]]:
    """Return what a survival table or picture compares, and the columns all its rows share."""
    if by is not None:
        name_of(by, "by", "name the exposure or a factor of the model, or leave it out")
    exposure = next(iter(fitted.model.exposures.values()), None)
    common: dict[str, Any] = {"source": "shrunk", "by": by or ""}
    if exposure is not None and by in (None, exposure.name):
        arms = strategies(fitted, start)
        patients = remark("same patients", n=Count(len(fitted.design.patients), "patient"))
        note = patients + remark("came to be") + said_start(fitted, exposure, start) + said_dates(exposure, fitted)
        shared = {"by": exposure.name, "dating": dating_of(exposure), "note": note}
        return arms, common | shared | of_exposure(exposure)
    if exposure is not None:
        raise CasepoolError(
            f"with an exposure in the model, survival is described by {exposure.name!r}",
            remedy=f"use by={exposure.name!r}",
        )
    if start is not None:
        raise CasepoolError("only an exposure has a start", value=start, remedy="leave it out")
    design = fitted.undated
    if by is None:
        event = fitted.design.outcome["event"]
        everyone = Strategy("everyone", "everyone", np.inf, curve(fitted, design, np.inf), len(event), event.sum())
        return [everyone], {**common, "source": "pooled", "note": NONE}
    group = fitted.membership(by)
    if not group.is_term:
        raise CasepoolError(f"{by!r} is no term of the model", remedy="add it to the model, or leave `by` out")
    n, events = group.counts(fitted.design)
    whole = everywhere(fitted)
    design = whole.undated
    arms = [
        Strategy(level, level, np.inf, curve(whole, design.at_level(by, level), np.inf), n[i], events[i])
        for i, level in enumerate(group.levels)
    ]
    return arms, {**common, "note": remark("all patients") + cells_drawn_anew(fitted)}


def dating_of(exposure: Exposure) -> str:
    """Return how an exposure's dates are taken; "" where nothing hangs on them."""
    return exposure.dating if exposure.begins else ""


def said_dates(exposure: Exposure, fitted: Fitted) -> Remarks:
    """Say how the exposure's dates are taken and what its numbers are, or what is wrong with comparing by it."""
    if caution := exposure.guard(fitted.model.outcome):
        return remark("guard", caution=caution)
    dates = remark("dates", exposure=exposure.name, dating=exposure.dating)
    return dates + remark("guard", caution=association(exposure.called))
