"""Published and unselected rates: what selective publication makes of a response, and how much of it is the prior's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from casepool.arguments import name_of
from casepool.errors import CasepoolError
from casepool.estimation.draws import CI_PROB, Fitted, check_probability, open_draws, posterior_rows, probability_row
from casepool.estimation.targets import probabilities
from casepool.estimation.told import PRIOR, TOGETHER
from casepool.modelling.design.grouping import patients_and_events
from casepool.modelling.specification.selection import EFFECT
from casepool.remarks import NONE, remark
from casepool.tables import EVERYONE

HALF = 0.5
"""Share of the prior's variance that the data must take away for it not to decide."""
ASKED = (3.0, 5.0)
"""Ratios of publication that are laid beside none."""


def selection(fit: xr.DataTree, by: str | None = None, *, ci_prob: float = CI_PROB) -> pd.DataFrame:
    """Tell the rate among published cases and the one among unselected patients, and what divides the two.

    Parameters
    ----------
    fit : xarray.DataTree
        Of a model with ``[selection]``.
    by : str, optional
        A factor of the model, or any labelled column of the cases; None: everyone.
    ci_prob : float
        Width of the equal-tailed credible interval.

    Returns
    -------
    pandas.DataFrame
        An estimate table: the mean probability of success of the patients, as published and as unselected, by level;
        how many times as readily a success is published, and the probability that it is more readily at all; which
        share of that ratio's prior variance the data take away (below a half the prior decides, as ``told`` says); and
        how much better the tables fit a ratio of 3 and of 5 than 1, by the Savage-Dickey ratio of densities.

    Raises
    ------
    CasepoolError
        If the model has no selection, or for an unknown grouping.

    See Also
    --------
    selection_curve, selection_survival, trial_prior

    Notes
    -----
    The cases identify the rate among published ones alone. How it divides into the unselected rate and the ratio of
    publication is the prior's, and that of trials of unselected patients where there are any.

    References
    ----------
    Copas J, Shi JQ (2000). Meta-analysis, funnel plots and sensitivity analysis. Biostatistics 1:247-262.
    doi:10.1093/biostatistics/1.3.247

    Examples
    --------
    >>> import casepool as cp
    >>> fit = cp.fit("objective_response_selection", "alk_crizotinib", seed=1, progress=False)
    >>> print(cp.selection(fit)[["estimand", "estimate", "lower", "upper"]])
    estimand                                                        estimate   lower   upper
    published rate: mean probability that a patient reaches PR or     0.8491   0.707  0.9389
    CR
    unselected rate: mean probability that a patient reaches PR or    0.7874  0.5506  0.9431
    CR
    times as readily published, of a patient who reaches PR or CR      1.491  0.4326   4.415
    more times as readily published, of a patient who reaches PR      0.7482
    or CR
    share of the prior variance of the log ratio of publication       0.3219
    that the data take away
    times as well as with a ratio of publication of 1 the tables       2.006
    are predicted with one of
    times as well as with a ratio of publication of 1 the tables       1.768
    are predicted with one of
    """
    check_probability(ci_prob)
    if by is not None:
        name_of(by, "by", "name a factor of the model, or leave it out")
    return selection_of(open_draws(fit), by, ci_prob=ci_prob)


def selection_of(fitted: Fitted, by: str | None = None, *, ci_prob: float = CI_PROB) -> pd.DataFrame:
    """Tell what `selection` does, of a fit that is open."""
    refuse_unselected(fitted)
    rows = _rates(fitted, by, ci_prob)
    if fitted.model.fixed_selection is None:
        rows += _ratio(fitted, ci_prob)
    return fitted.table(rows)


def refuse_unselected(fitted: Fitted) -> None:
    """Refuse a model without selection.

    Raises
    ------
    CasepoolError
    """
    if fitted.model.selection is None:
        remedy = "add [selection] and [priors.selection_effect], as in objective_response_selection"
        raise CasepoolError(f"the model {fitted.model.name!r} has no selection", remedy=remedy)


def _rates(fitted: Fitted, by: str | None, ci_prob: float) -> list[dict[str, Any]]:
    """Describe the two rates, of every level with patients."""
    n, events = patients_and_events(fitted.design)
    members, levels = np.ones((len(n), 1)), [EVERYONE]
    if by is not None:
        group = fitted.membership(by)
        members, levels = group.members, list(group.levels)
    size, reached = n @ members, events @ members
    share = np.divide(n[:, None] * members, size, out=np.zeros(members.shape), where=size > 0)
    fixed = fitted.model.fixed_selection
    note = NONE if fixed is None else remark("selection fixed", ratio=f"{np.exp(fixed):g}")
    draws, rows = [], []
    for name, design in (("published", fitted.design), ("unselected", fitted.design.unselected())):
        values = probabilities(design, fitted) @ share
        for i, level in enumerate(levels):
            if size[i]:
                draws.append(values[..., i])
                estimand = f"{name} rate: mean probability that a patient {fitted.model.outcome.reaches}"
                rows.append(
                    {
                        "estimand": estimand, "by": by or "", "level": level, "n": size[i], "events": reached[i],
                        "source": "pooled" if by is None else "shrunk", "unit": "probability", "note": note,
                    }
                )  # fmt: skip
    return posterior_rows(np.stack(draws, axis=-1), rows, fitted=fitted, ci_prob=ci_prob)


def _ratio(fitted: Fitted, ci_prob: float) -> list[dict[str, Any]]:
    """Describe the ratio of publication, and what the data tell of it."""
    log_ratio, prior = fitted.parameters[EFFECT], fitted.model.prior(EFFECT)
    name = f"times as readily published, of a patient who {fitted.model.outcome.reaches}"
    row = {"estimand": name, "level": EVERYONE, "source": "pooled", "kind": "ratio", "unit": "ratio"}
    rows = posterior_rows(np.exp(log_ratio)[..., None], [row], fitted=fitted, ci_prob=ci_prob)
    more = {"estimand": f"more {name}", "level": EVERYONE, "source": "pooled"}
    rows.append(probability_row(log_ratio > 0, more, fitted=fitted))
    low, high = (f"{np.exp(end):.2g}" for end in prior.quantile([0.025, 0.975]))
    spread = float(np.var(prior.quantile((np.arange(4000) + 0.5) / 4000)))
    learnt = float(np.clip(1 - log_ratio.var() / spread, 0.0, 1.0))
    told = PRIOR if learnt < HALF else TOGETHER
    shared = {"level": EVERYONE, "source": "pooled", "model": fitted.model.name, "verdict": fitted.verdict}
    rows.append(
        shared | {
            "estimand": "share of the prior variance of the log ratio of publication that the data take away",
            "method": "posterior", "unit": "share", "estimate": learnt, "told": told,
            "note": remark("prior of the ratio of publication", lower=low, upper=high),
        }
    )  # fmt: skip
    for ratio in ASKED:
        better = _odds(log_ratio, prior.log_density(np.log([ratio, 1.0])), np.log(ratio))
        rows.append(
            shared | {
                "estimand": "times as well as with a ratio of publication of 1 the tables are predicted with one of",
                "at": f"{ratio:g}", "method": "Savage-Dickey", "kind": "ratio", "unit": "ratio", "estimate": better,
            }
        )  # fmt: skip
    return [fitted.noted(row) if "note" not in row or row["method"] == "Savage-Dickey" else row for row in rows]


def _odds(log_ratio: np.ndarray, log_prior: np.ndarray, at: float) -> float:
    """Return the marginal likelihood at a log ratio over the one at 0: posterior over prior density, at both."""
    from scipy.stats import gaussian_kde

    density = gaussian_kde(log_ratio.ravel())
    return float(density(at)[0] / density(0.0)[0] * np.exp(log_prior[1] - log_prior[0]))
