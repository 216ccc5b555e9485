"""Events of a table over each patient's time: rates, and the probability of an event by a time, of a new patient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from casepool.arguments import times_of
from casepool.errors import CasepoolError
from casepool.estimation.draws import CI_PROB, Fitted, posterior_rows
from casepool.estimation.targets import new_patient
from casepool.modelling.design.grouping import patients_and_events
from casepool.tables import UNSEEN


def rates_of(
    fitted: Fitted, by: str | None, *, at: Sequence[float] | None = None, ci_prob: float = CI_PROB
) -> pd.DataFrame:
    """Estimate the rate of every level per unit of time, and the probability of an event by given times.

    Of a new patient, as of `new_patient`: with a row for an unseen level where levels are borrowed from. At a rate
    that does not change with time an event within it has the probability 1 - exp(-rate time) (Brock 2022).
    """
    times = checked_times(at)
    levels: list[str | None] = [None]
    counts = [np.array([total.sum()]) for total in patients_and_events(fitted.design)]
    if by is not None:
        group = fitted.membership(by)
        if not group.is_term:
            raise CasepoolError(f"{by!r} is no term of the model, so it has no rates", value=by,
                                remedy='leave `at` out, and ask for target="observed"')  # fmt: skip
        levels = [*group.levels, *([None] if fitted.model.terms[by].borrows else [])]
        counts = list(group.counts(fitted.design))
    unit = fitted.model.outcome.unit
    about: list[dict[str, Any]] = []
    draws = []
    for i, level in enumerate(levels):
        rate = -np.log(new_patient(fitted, by, level, offset=0.0)[0])
        names: dict[str, Any] = {"by": by or "", "level": level or (UNSEEN if by else "everyone"), "source": "shrunk"}
        n, events = (total[i] if i < len(total) else 0.0 for total in counts)
        names |= {"n": n, "events": events}
        words = {"estimand": "rate of events of a new patient", "unit": f"per {unit.removesuffix('s')}"}
        about.append(names | words)
        draws.append(rate)
        for time in times:
            words = {"estimand": "probability of an event by a time, of a new patient", "unit": "probability"}
            about.append(names | words | {"at": time})
            draws.append(-np.expm1(-rate * time))
    return fitted.table(posterior_rows(np.stack(draws, axis=-1), about, fitted=fitted, ci_prob=ci_prob))


def checked_times(at: Sequence[float] | None) -> list[float]:
    """Return the times asked for, all above 0."""
    times = [] if at is None else times_of(at)
    if any(time <= 0 for time in times):
        raise CasepoolError("a time must be above 0", column="at", value=min(times), remedy="correct it")
    return times
