"""Hazard and time ratios of a survival model's exposures and factors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from casepool.errors import CasepoolError
from casepool.estimation.arms import dating_of, said_dates
from casepool.estimation.curves import strategies
from casepool.estimation.draws import Fitted, posterior_rows, probability_row
from casepool.estimation.pairs import pairs_of
from casepool.estimation.regions import Ropes, within
from casepool.estimation.told import of_exposure, separated
from casepool.modelling.families.names import effect_of
from casepool.modelling.families.priors import Prior
from casepool.remarks import NONE, Count, Remarks, remark


def ratio_table(
    fitted: Fitted, by: str, ci_prob: float, ropes: Ropes | None = None, reference: str | None = None
) -> pd.DataFrame:
    """Tabulate hazard or time ratios, each followed by the probability that it lies on the better side of 1."""
    pairs = ratio_draws(fitted, by, reference)
    accelerated = fitted.model.effects == "accelerated"
    better = ">" if accelerated else "<"
    rows, draws = [row for row, _ in pairs], np.stack([values for _, values in pairs], axis=-1)
    table: list[dict[str, Any]] = []
    for i, row in enumerate(posterior_rows(draws, rows, fitted=fitted, ci_prob=ci_prob)):
        holds = draws[..., i] > 1 if accelerated else draws[..., i] < 1
        note = _before_the_data(fitted, by, above=accelerated) + rows[i]["note"]
        chance = {
            "estimand": f"P({row['estimand']} {better} 1)",
            "unit": "probability",
            "kind": "probability",
            "note": note,
        }
        table += [row, probability_row(holds, rows[i] | chance, fitted=fitted)]
        near = within(rows[i], draws[..., i], (ropes or {}).get(row["estimand"]))
        table += [probability_row(inside, about, fitted=fitted) for about, inside in near]
    return fitted.table(table)


def ratio_draws(fitted: Fitted, by: str, reference: str | None = None) -> list[tuple[dict[str, Any], np.ndarray]]:
    """Return the rows of hazard or time ratios, each with its draws."""
    what = "time ratio" if fitted.model.effects == "accelerated" else "hazard ratio"
    shared = {"estimand": what, "by": by, "source": "shrunk", "unit": "ratio", "kind": "ratio", "note": NONE}
    return [(shared | row, np.exp(values)) for values, row in _log_ratios(fitted, by, reference)]


def _before_the_data(fitted: Fitted, exposure: str, *, above: bool) -> Remarks:
    """Say the prior's own probability that an exposure's ratio lies on the better side of 1."""
    if exposure not in fitted.model.exposures:
        return NONE
    chance = prior_chance(fitted.model.prior(effect_of(exposure)), above=above)
    return NONE if chance is None else remark("prior alone", chance=f"{chance:.3g}")


def prior_chance(prior: Prior, *, above: bool) -> float | None:
    """Return a prior's probability of lying above 0, or below; None for one that has none."""
    if not prior.distribution.has_quantiles:
        return None
    below = float(prior.cdf(0.0))
    return 1 - below if above else below


def _log_ratios(fitted: Fitted, by: str, reference: str | None) -> list[tuple[np.ndarray, dict[str, Any]]]:
    """Return log hazard (or time) ratios and what each compares."""
    exposure = fitted.model.exposures.get(by)
    if exposure is not None:
        never, ever = strategies(fitted, None)
        prior = fitted.model.prior(effect_of(by))
        exposed = remark("exposed", n=Count(ever.n), events=Count(ever.events))
        row = {
            "level": f"{ever.level} vs {never.level}",
            "n": ever.n + never.n,
            "events": ever.events + never.events,
            "prior": str(prior),
            "dating": dating_of(exposure),
            "note": remark("prior of the ratio", prior=prior) + exposed + said_dates(exposure, fitted),
            **of_exposure(exposure, ever.events, never.events),
        }
        return [(fitted.parameters[effect_of(by)], row)]
    group = fitted.membership(by)
    effect = fitted.parameters.get(effect_of(by))
    if group.is_term and len(group.levels) == 1:
        raise CasepoolError(f"{by!r} has one level, so nothing to compare", remedy="use another factor")
    if not group.is_term or effect is None:
        raise CasepoolError(f"{by!r} has no effect in this model", remedy="use a factor or exposure of the model")
    coded = fitted.design.terms[by].coded
    n, events = group.counts(fitted.design)
    return [
        (
            effect @ (coded.choice_of(group.levels[a]) - coded.choice_of(group.levels[b])),
            {
                "level": f"{group.levels[a]} vs {group.levels[b]}",
                "n": n[a] + n[b],
                "events": events[a] + events[b],
                **separated((events[a], events[b])),
            },
        )
        for b, a in pairs_of(group, n, reference)
    ]
