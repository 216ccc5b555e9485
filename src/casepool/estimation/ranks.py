"""Ranks of a factor's levels, with their honest width."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from casepool.arguments import name_of, one_of
from casepool.errors import CasepoolError
from casepool.estimation.draws import (
    Fitted,
    check_probability,
    open_draws,
    posterior_rows,
    probability_row,
    refuse_survival,
)
from casepool.estimation.targets import ANSWERS, TARGETS
from casepool.inference.diagnostics import ranks
from casepool.modelling.specification.endpoints import event
from casepool.remarks import remark


def ranking(fit: xr.DataTree, by: str, *, target: str = "standardised", ci_prob: float = 0.95) -> pd.DataFrame:
    """Rank the levels of a factor by their response probability, rank 1 the highest.

    Parameters
    ----------
    fit : xarray.DataTree
        Of a response model; of an ordinal one levels are ranked by the model's success.
    by : str
        A factor of the model, or any labelled column of the cases (then only ``observed``).
    target : {"standardised", "observed"}
        Which probabilities are ranked, see `estimates`.
    ci_prob : float
        Width of the equal-tailed credible interval.

    Returns
    -------
    pandas.DataFrame
        An estimate table of the levels with patients in the fit. For every level its median rank with limits, the
        probability that it is the best, and the probability of every rank, which ``at`` gives. Levels that tie share
        their ranks evenly, so that the probabilities of one rank sum to 1 over levels.

    Raises
    ------
    CasepoolError
        For an unknown grouping or target, a survival fit, or a single level.
    """
    check_probability(ci_prob)
    name_of(by, "by", "name a factor of the model or a column of the cases")
    one_of(target, ("standardised", "observed"), "target")
    fitted = open_draws(fit)
    refuse_survival(fitted)
    group = fitted.membership(by)
    if not group.is_term and target != "observed":
        raise CasepoolError(f"{by!r} is no term of the model", remedy='use target="observed"')
    n, events = group.counts(fitted.design)
    seen = np.flatnonzero(n > 0)
    if len(seen) < 2:
        raise CasepoolError(f"{by!r} has one level with patients, so nothing to rank", remedy="use another factor")
    end = event(fitted.model)
    p = end.of(ANSWERS[target](fitted, group).categories)[..., seen]
    note = group.remarks(fitted.design)
    rows = [
        {"by": by, "level": group.levels[i], "n": n[i], "events": events[i], "source": "shrunk", "note": note}
        for i in seen
    ]
    words = f"{TARGETS[target]}: {end.words}" if end.words else TARGETS[target]
    return fitted.table(_rows(p, rows, words, fitted, ci_prob))


def _rows(
    p: np.ndarray, rows: list[dict[str, Any]], words: str, fitted: Fitted, ci_prob: float
) -> list[dict[str, Any]]:
    """Tell every level's rank, and the probability of each."""
    first, last = ranks(-p, axis=-1)
    ranked = [row | {"estimand": f"rank by the {words}", "unit": "rank"} for row in rows]
    middle = posterior_rows((first + last) / 2, ranked, fitted=fitted, ci_prob=ci_prob)
    levels = len(rows)
    even = remark("even chance", chance=f"{1 / levels:.2g}", levels=levels)
    told: list[dict[str, Any]] = []
    for i, row in enumerate(rows):
        held = [((first[..., i] <= k) & (k <= last[..., i])) / (last - first + 1)[..., i] for k in range(1, levels + 1)]
        best = row | {"estimand": f"P(highest {words})", "note": even + row["note"]}
        told += [middle[i], probability_row(held[0], best, fitted=fitted)]
        told += [
            probability_row(share, row | {"estimand": f"P(rank) by the {words}", "at": k}, fitted=fitted)
            for k, share in enumerate(held, start=1)
        ]
    return told
