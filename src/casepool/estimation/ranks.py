"""Ranks of a factor's levels, with their honest width."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from casepool.arguments import name_of, one_of, one_time
from casepool.errors import CasepoolError
from casepool.estimation.arms import refuse_times
from casepool.estimation.curves import Curve, curve
from casepool.estimation.draws import CI_PROB, Fitted, check_probability, open_draws, posterior_rows, probability_row
from casepool.estimation.survival import until_of
from casepool.estimation.targets import ANSWERS, TARGETS
from casepool.inference.diagnostics import ranks
from casepool.modelling.design.grouping import Membership
from casepool.modelling.specification.endpoints import event
from casepool.remarks import remark


def ranking(
    fit: xr.DataTree,
    by: str,
    *,
    target: str = "standardised",
    at: Sequence[float] | float | None = None,
    restricted_to: float | None = None,
    ci_prob: float = CI_PROB,
) -> pd.DataFrame:
    """Rank the levels of a factor by their response probability or their survival, rank 1 the highest.

    Parameters
    ----------
    fit : xarray.DataTree
        Of an ordinal model levels are ranked by the model's success.
    by : str
        A factor of the model, or any labelled column of the cases (then only ``observed``).
    target : {"standardised", "observed"}
        Which probabilities are ranked, see `estimates`.
    at : float, optional
        Of a survival model: the one time at which survival is ranked.
    restricted_to : float, optional
        Of a survival model, instead of `at`: restricted mean survival to this time is ranked.
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
        For an unknown grouping or target, a single level, times of a response model, or a survival model without
        one of them, or with an exposure: levels are not compared there.

    See Also
    --------
    estimates, contrast

    Examples
    --------
    >>> import casepool as cp
    >>> fit = cp.fit("basket_berry", "sarcoma_imatinib", seed=1, progress=False)
    >>> ranks = cp.ranking(fit, by="histology")
    >>> best = ranks[ranks["estimand"].str.startswith("P(highest")].nlargest(2, "estimate")
    >>> best[["level", "estimate"]].round(2).values.tolist()
    [['Liposarcoma', 0.21], ['Leiomyosarcoma', 0.15]]
    """
    check_probability(ci_prob)
    name_of(by, "by", "name a factor of the model or a column of the cases")
    one_of(target, ("standardised", "observed"), "target")
    fitted = open_draws(fit)
    told = _of_survival(fitted, at, restricted_to)
    group = fitted.membership(by)
    if not group.is_term and target != "observed":
        raise CasepoolError(f"{by!r} is no term of the model", remedy='use target="observed"')
    n, events = group.counts(fitted.design)
    seen = np.flatnonzero(n > 0)
    if len(seen) < 2:
        raise CasepoolError(f"{by!r} has one level with patients, so nothing to rank", remedy="use another factor")
    draws, words = _survivals(fitted, group, target, seen, *told) if told else _chances(fitted, group, target, seen)
    note = group.remarks(fitted.design)
    rows = [
        {"by": by, "level": group.levels[i], "n": n[i], "events": events[i], "source": "shrunk", "note": note}
        for i in seen
    ]
    return fitted.table(_rows(draws, rows, words, fitted, ci_prob))


Told = tuple[str, Callable[[Curve], np.ndarray]]
"""What is ranked of survival: its words, and how its draws come from a curve."""


def _of_survival(fitted: Fitted, at: Sequence[float] | float | None, restricted_to: float | None) -> Told | None:
    """Return what is ranked of a survival model, nothing of another, refusing what does not belong to it."""
    if not fitted.is_survival:
        refuse_times(at)
        refuse_times(restricted_to, "restricted_to")
        return None
    for exposure in fitted.model.exposures:
        raise CasepoolError(
            f"with an exposure in the model, survival is described by {exposure!r}",
            remedy=f"use survival(fit, by={exposure!r})",
        )
    if (at is None) == (restricted_to is None):
        raise CasepoolError(
            "survival is ranked at a time, or by a restricted mean",
            column="at",
            value=at,
            remedy="give `at` or `restricted_to`, one of them",
        )
    out, unit = fitted.model.outcome, fitted.unit
    if restricted_to is None:
        time = one_time(at)
        return f"{out.staying} at {time:g} {unit}", lambda curve: curve.survival(time)
    until = until_of((), restricted_to)
    return f"{out.restricted_mean} to {until:g} {unit}", lambda curve: curve.restricted_mean(until)


def _survivals(
    fitted: Fitted, group: Membership, target: str, seen: np.ndarray, what: str, of: Callable[[Curve], np.ndarray]
) -> tuple[np.ndarray, str]:
    """Return draws of the levels' survival, (chain, draw, levels), and what they are of."""
    design, levels = fitted.undated, [group.levels[i] for i in seen]
    if target == "observed":
        designs = [design.of_patients(group.members[:, i]) for i in seen]
    else:
        designs = [design.at_level(group.by, level) for level in levels]
    draws = [of(curve(fitted, own, np.inf)) for own in designs]
    return np.stack(draws, axis=-1), TARGETS[target].replace("mean probability", what)


def _chances(fitted: Fitted, group: Membership, target: str, seen: np.ndarray) -> tuple[np.ndarray, str]:
    """Return draws of the levels' response probabilities, (chain, draw, levels), and what they are of."""
    end = event(fitted.model)
    words = f"{TARGETS[target]}: {end.words}" if end.words else TARGETS[target]
    return end.of(ANSWERS[target](fitted, group).categories)[..., seen], words


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
