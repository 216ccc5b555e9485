"""Survival tables: probabilities at times, medians, restricted means, differences, hazard ratios."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from casepool.arguments import is_number, name_of, one_of
from casepool.arguments import times_of as from_0
from casepool.errors import CasepoolError
from casepool.estimation.contrasts import check_rope, response_contrast
from casepool.estimation.curves import Strategy, curve, said_start, strategies, undated
from casepool.estimation.draws import Fitted, check_probability, open_draws, posterior_rows, probability_row
from casepool.estimation.targets import TARGETS
from casepool.inference.fit_contents import cases_of
from casepool.modelling.design.grouping import membership
from casepool.modelling.design.outcomes import default_times
from casepool.modelling.families.names import effect_of
from casepool.modelling.specification.cautions import association
from casepool.modelling.specification.exposure import Exposure

COUNTED = "n and events are of those who came to be in the arm"
PRIOR_ALONE = "under the prior alone"
"""How the note of a posterior probability begins that gives the prior's own."""


def survival(
    fit: xr.DataTree,
    by: str | None = None,
    *,
    at: Sequence[float] | None = None,
    start: float | None = None,
    restricted_to: float | None = None,
    ci_prob: float = 0.95,
) -> pd.DataFrame:
    """Describe survival: at times, its median, its restricted mean, the hazard at times, and their differences.

    Parameters
    ----------
    fit : xarray.DataTree
        Of a survival model.
    by : str, optional
        The exposure (default where the model has one): two strategies, never exposed and exposed from `start` on
        if still event-free, both standardised over the same patients of the fit, whatever they later received. Or a
        factor of the model: its levels, standardised over the patients. None without an exposure: everyone.
    at : sequence of float, optional
        Times in the model's unit; default 12, 24 and 36 months.
    start : float, optional
        When the exposure begins in the strategy; default the model's ``report_start``, and without it the median known
        or mid-interval start of the fitted cases, which ``note`` says.
    restricted_to : float, optional
        Limit of the restricted mean; default the last of `at`.
    ci_prob : float
        Width of the equal-tailed credible interval.

    Returns
    -------
    pandas.DataFrame
        An estimate table. Numbers that reach beyond the last follow-up say so in ``note``; a median that most
        draws do not reach is infinite. The hazard is that of those still event-free, the patients' hazards averaged
        over who is left by then, per unit of time.

    Raises
    ------
    CasepoolError
        For a response fit, an unknown grouping, or times that are none.
    """
    check_probability(ci_prob)
    fitted = open_draws(fit)
    times = times_of(fitted, at)
    until = times[-1] if restricted_to is None else restricted_to
    if not is_number(until) or not until > 0:
        raise CasepoolError("restricted_to must be a time above 0", value=restricted_to, remedy="give one")
    arms, common = arms_of(fitted, by, start)
    draws: list[np.ndarray] = []
    rows: list[dict[str, Any]] = []
    undefined: list[dict[str, Any]] = []
    for quantity in (*_quantities(fitted, times, until),):
        values = [quantity["of"](arm) for arm in arms]
        draws += values
        rows += [_row(fitted, common, arm.level, arm.words, arm.n, arm.events, quantity) for arm in arms]
        for (i, b), (j, a) in itertools.combinations(enumerate(arms), 2):
            pair = f"{a.level} vs {b.level}"
            words = f"{a.words} minus {b.words}"
            row = _row(fitted, common, pair, words, a.n + b.n, a.events + b.events, quantity, difference=True)
            both = np.isinf(values[j]) & np.isinf(values[i])  # of two infinite numbers there is no difference
            if both.any():
                said = f"undefined: both are infinite in {both.mean():.0%} of draws"
                undefined.append(row | {"note": f"{said}; {row['note']}"})
                continue
            rows.append(row)
            draws.append(values[j] - values[i])
    for row in rows + undefined:
        row["unit"] = fitted.unit if row["unit"] == "median" else row["unit"]
    table = posterior_rows(np.stack(draws, axis=-1), rows, fitted=fitted, ci_prob=ci_prob)
    table += [{**row, "model": fitted.model.name, "verdict": fitted.verdict} for row in undefined]
    medians = [row for row in table if row["unit"] == fitted.unit and "median survival: " in row["estimand"]]
    latest = max((row["estimate"] for row in medians if " vs " not in row["level"]), default=0.0)
    for row in medians:
        _mark_extrapolated(row, latest if " vs " in row["level"] else row["estimate"], fitted)
    return fitted.table(table + _beyond(fitted, common, arms))


def times_of(fitted: Fitted, at: Sequence[float] | None) -> list[float]:
    """Return the times a survival table is told at, refusing what is no survival fit or no time."""
    if not fitted.model.is_survival:
        raise CasepoolError(f"{fitted.model.name!r} is no survival model", remedy="use estimates(fit, by=...)")
    return from_0(default_times(fitted.unit) if at is None else at)


def arms_of(fitted: Fitted, by: str | None, start: float | None) -> tuple[list[Strategy], dict[str, Any]]:
    """Return what a survival table or picture compares, and the columns all its rows share."""
    if by is not None:
        name_of(by, "by", "name the exposure or a factor of the model, or leave it out")
    exposure = next(iter(fitted.model.exposures.values()), None)
    common: dict[str, Any] = {"source": "shrunk", "by": by or ""}
    if exposure is not None and by in (None, exposure.name):
        arms = strategies(fitted, start)
        dating = _dating(exposure, fitted)
        patients = f"standardised over the same {len(fitted.design.patients)} patients"
        said = "; ".join([patients, COUNTED, *said_start(fitted, exposure, start), dating])
        return arms, {**common, "by": exposure.name, "note": said}
    if exposure is not None:
        raise CasepoolError(
            f"with an exposure in the model, survival is described by {exposure.name!r}",
            remedy=f"use by={exposure.name!r}",
        )
    if start is not None:
        raise CasepoolError("only an exposure has a start", value=start, remedy="leave it out")
    design = undated(fitted)
    if by is None:
        event = fitted.design.outcome["event"]
        everyone = Strategy("everyone", "everyone", np.inf, curve(fitted, design, np.inf), len(event), event.sum())
        return [everyone], {**common, "source": "pooled"}
    group = membership(fitted.design, cases_of(fitted.tree), by)
    if not group.is_term:
        raise CasepoolError(f"{by!r} is no term of the model", remedy="add it to the model, or leave `by` out")
    n, events = group.counts(fitted.design)
    arms = [
        Strategy(level, level, np.inf, curve(fitted, design.at_level(by, level), np.inf), n[i], events[i])
        for i, level in enumerate(group.levels)
    ]
    return arms, {**common, "note": "standardised over all patients of the fit"}


def _dating(exposure: Exposure, fitted: Fitted) -> str:
    """Say how the exposure's dates are taken and what its numbers are, or what is wrong with comparing by it."""
    dated = f"dates of {exposure.name}: {exposure.dating}; {association(exposure.called)}"
    return exposure.guard(fitted.model.outcome) or dated


def _quantities(fitted: Fitted, times: list[float], until: float) -> list[dict[str, Any]]:
    """List what is told of each arm: a name, a place, a unit, and how its draws come from a curve."""

    def alive(t: float) -> Callable[[Strategy], np.ndarray]:
        return lambda arm: arm.curve.survival(t)

    unit = fitted.unit
    points = [{"what": f"survival at {t:g} {unit}", "at": t, "unit": "probability", "of": alive(t)} for t in times]
    median = {"what": "median survival", "at": "", "unit": "median", "of": lambda arm: arm.curve.median()}
    mean = {
        "what": f"restricted mean survival to {until:g} {unit}",
        "at": until,
        "unit": unit,
        "of": lambda arm: arm.curve.restricted_mean(until),
    }
    rate = f"per {unit.removesuffix('s')}"
    hazards = [
        {"what": f"hazard at {t:g} {unit}", "at": t, "unit": rate, "of": lambda arm, t=t: arm.curve.hazard_at(t)}
        for t in times
    ]
    return [*points, median, mean, *hazards]


def _row(
    fitted: Fitted,
    common: dict[str, Any],
    level: str,
    words: str,
    n: float,
    events: float,
    quantity: dict[str, Any],
    *,
    difference: bool = False,
) -> dict[str, Any]:
    unit = "difference" if difference and quantity["unit"] == "probability" else quantity["unit"]
    name = f"difference in {quantity['what']}" if difference else quantity["what"]
    row = {
        **common,
        "estimand": f"{name}: {words}",
        "level": level,
        "at": quantity["at"],
        "n": n,
        "events": events,
        "unit": unit,
    }
    if isinstance(quantity["at"], float):
        _mark_extrapolated(row, quantity["at"], fitted)
    return row


def _mark_extrapolated(row: dict[str, Any], time: float, fitted: Fitted) -> None:
    """Say in the note that a time lies beyond the last follow-up, where the curve is the model's alone."""
    last = float(fitted.design.outcome["time"].max())
    if time > last:
        said = f"extrapolated beyond the last follow-up ({last:g} {fitted.unit})"
        row["note"] = "; ".join(filter(None, (said, row.get("note", ""))))


def _beyond(fitted: Fitted, common: dict[str, Any], arms: list[Strategy]) -> list[dict[str, Any]]:
    """Give each arm's probability that its median lies beyond the last follow-up, where nothing was seen."""
    last = float(fitted.design.outcome["time"].max())
    return [
        probability_row(
            arm.curve.survival(last) > 0.5,
            {
                **common,
                "estimand": f"P(median survival lies beyond the last follow-up, {last:g} {fitted.unit}): {arm.words}",
                "level": arm.level,
                "n": arm.n,
                "events": arm.events,
            },
            fitted=fitted,
        )
        for arm in arms
    ]


def contrast(
    fit: xr.DataTree,
    by: str,
    *,
    target: str = "standardised",
    ci_prob: float = 0.95,
    rope: tuple[float, float] | None = None,
) -> pd.DataFrame:
    """Compare levels pairwise: risks of a response model, hazards (or times) of a survival model.

    Parameters
    ----------
    fit : xarray.DataTree
    by : str
        A factor or exposure of the model.
    target : {"standardised", "observed", "new"}
        Of a response model: which probabilities are compared, see `estimates`.
    ci_prob : float
        Width of the equal-tailed credible interval.
    rope : tuple of two floats, optional
        Of a response model: limits of a region of practical equivalence; adds the probability that the risk
        difference lies between them.

    Returns
    -------
    pandas.DataFrame
        An estimate table; ``level`` is "A vs B": A minus B, or A over B, B the earlier level. A posterior
        probability is a row of its own without limits.

    Raises
    ------
    CasepoolError
        If `by` is no factor of the model, or there is nothing to compare.
    """
    check_probability(ci_prob)
    check_rope(rope)
    name_of(by, "by", "name a factor or exposure of the model")
    one_of(target, TARGETS, "target")
    fitted = open_draws(fit)
    if not fitted.model.is_survival:
        return response_contrast(fitted, by, target=target, ci_prob=ci_prob, rope=rope)
    if rope is not None:
        raise CasepoolError(f"{fitted.model.name!r} has no risk difference", remedy="leave out rope")
    pairs = _log_ratios(fitted, by)
    accelerated = fitted.model.effects == "accelerated"
    what, better = ("time ratio", ">") if accelerated else ("hazard ratio", "<")
    draws = np.stack([np.exp(values) for values, _ in pairs], axis=-1)
    rows = [{"estimand": what, "by": by, "source": "shrunk", "unit": "ratio", **row} for _, row in pairs]
    table: list[dict[str, Any]] = []
    for i, row in enumerate(posterior_rows(draws, rows, fitted=fitted, ci_prob=ci_prob)):
        holds = draws[..., i] > 1 if accelerated else draws[..., i] < 1
        said = "; ".join(filter(None, (_before_the_data(fitted, by, above=accelerated), rows[i].get("note", ""))))
        chance = {**rows[i], "estimand": f"P({what} {better} 1)", "unit": "probability", "note": said}
        table += [row, probability_row(holds, chance, fitted=fitted)]
    return fitted.table(table)


def _before_the_data(fitted: Fitted, exposure: str, *, above: bool) -> str:
    """Say the prior's own probability that an exposure's ratio lies on the better side of 1; "" where it has none."""
    if exposure not in fitted.model.exposures:
        return ""
    prior = fitted.model.prior(effect_of(exposure))
    if not prior.distribution.has_quantiles:
        return ""
    below = float(prior.cdf(0.0))
    return f"{PRIOR_ALONE} {1 - below if above else below:.3g}"


def _log_ratios(fitted: Fitted, by: str) -> list[tuple[np.ndarray, dict[str, Any]]]:
    """Return log hazard (or time) ratios and what each compares."""
    exposure = fitted.model.exposures.get(by)
    if exposure is not None:
        never, ever = strategies(fitted, None)
        prior = fitted.model.prior(effect_of(by))
        dating = _dating(exposure, fitted)
        row = {
            "level": f"{ever.level} vs {never.level}",
            "n": ever.n + never.n,
            "events": ever.events + never.events,
            "note": f"prior of the log ratio {prior}; {ever.n:g} exposed with {ever.events:g} events; {dating}",
        }
        return [(fitted.parameters[effect_of(by)], row)]
    group = membership(fitted.design, cases_of(fitted.tree), by)
    effect = fitted.parameters.get(effect_of(by))
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
            },
        )
        for b, a in itertools.combinations(np.flatnonzero(n > 0), 2)
    ]
