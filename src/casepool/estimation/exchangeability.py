"""Rows that say of each level of an exnex factor how probably it is exchangeable with the others."""

from __future__ import annotations

from typing import Any

from casepool.estimation.draws import Fitted, probability_row
from casepool.modelling.design.grouping import Membership
from casepool.modelling.terms.borrowings import exchangeable
from casepool.remarks import remark

SUFFIX = "(exchangeable)"
"""Follows the level's name in these rows, so that no level has two rows of one name."""


def exchangeability_rows(fitted: Fitted, group: Membership) -> list[dict[str, Any]]:
    """Return one row a level of an exnex factor: the posterior mean of its membership probability.

    Nothing for any other grouping.
    """
    law = fitted.model.level_effects(group.by)
    if law is None or not law.borrowing.mixes:
        return []
    prior = exchangeable(law.factor, group.levels)
    share = law.membership(group.levels, fitted.parameters)
    n, events = group.counts(fitted.design)
    return [
        probability_row(
            share[..., i],
            {
                "estimand": f"P(the level is exchangeable with the other levels of {group.by})",
                "by": group.by,
                "level": f"{level} {SUFFIX}",
                "n": n[i],
                "events": events[i],
                "source": "shrunk",
                "kind": "membership",
                "note": remark("prior share", share=f"{prior[i]:g}"),
            },
            fitted=fitted,
        )
        for i, level in enumerate(group.levels)
    ]
