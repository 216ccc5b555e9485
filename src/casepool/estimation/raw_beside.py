"""What stands raw beside a level against the rest: loaded when asked for, as classical tests load an optimiser."""

from __future__ import annotations

from typing import Any

import numpy as np

from casepool.estimation.against import AGAINST, Comparison
from casepool.frequentist.effect_sizes import risk_difference
from casepool.frequentist.exact import fisher_freeman_halton
from casepool.frequentist.survival_rows import log_rank_rows
from casepool.modelling.design.endpoint_counts import counted
from casepool.modelling.design.grouping import patients_and_events
from casepool.modelling.specification.endpoints import at_least
from casepool.remarks import NONE, Count, remark


def raw_rows(own: Comparison, places: list[int]) -> list[dict[str, Any]]:
    """Return the raw difference of the level's patients and everybody else with Fisher's test, or the log-rank test."""
    rows: list[dict[str, Any]] = []
    n = patients_and_events(own.fitted.design)[0]
    for place in places:
        inside = own.group.members[:, place]
        shared = {"by": own.group.by, "level": f"{own.group.levels[place]} vs {AGAINST[own.against]}", "source": "raw"}
        if own.fitted.is_survival:
            words = f"no difference in the hazard between {own.group.levels[place]} and the rest"
            events = own.fitted.design.outcome["event"].sum()
            label = np.where(inside, own.group.levels[place], AGAINST["rest"])
            about = shared | {"estimand": words, "n": n.sum(), "events": events, "note": NONE}
            rows += log_rank_rows(own.fitted.design.outcome, label, "", about)
            continue
        for end in at_least(own.fitted.model):
            events = counted(own.fitted.design, end)
            first, second = ((int(events @ who), int(n @ who)) for who in (inside, ~inside))
            less = 1.0 if own.against == "rest" else second[1] / n.sum()
            of = f", {end.at}" if end.at else ""
            counts = dict(zip(("a", "n", "b", "m"), map(Count, (*first, *second)), strict=True))
            about = shared | {"at": end.at, "n": n.sum(), "events": events.sum()}
            about |= {"note": remark("raw counts", **counts)}
            estimate, lower, upper = (less * x for x in risk_difference(first, second))
            rows.append(about | {"estimand": f"raw risk difference{of}", "method": "Newcombe", "unit": "difference",
                                 "kind": "difference", "estimate": estimate, "lower": lower, "upper": upper,
                                 "interval": "95% CI"})  # fmt: skip
            test = fisher_freeman_halton([[k, size - k] for k, size in (first, second)])
            words = f"no difference between {own.group.levels[place]} and the rest{of}"
            p = np.nan if test.p is None else test.p
            rows.append(about | {"estimand": words, "method": "Fisher", "unit": "P value", "kind": "P value",
                                 "estimate": p})  # fmt: skip
    return rows
