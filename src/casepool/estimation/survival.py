"""Survival tables: probabilities at times, medians, restricted means, differences, hazard ratios."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from casepool.arguments import is_number, name_of, one_of
from casepool.arguments import times_of as from_0
from casepool.errors import CasepoolError
from casepool.estimation.contrasts import check_rope, response_contrast
from casepool.estimation.curves import Strategy, curve, said_start, strategies
from casepool.estimation.draws import CI_PROB, Fitted, check_probability, open_draws, posterior_rows, probability_row
from casepool.estimation.targets import TARGETS
from casepool.modelling.design.times import default_times
from casepool.modelling.families.names import effect_of
from casepool.modelling.families.priors import Prior
from casepool.modelling.specification.cautions import association
from casepool.modelling.specification.exposure import Exposure
from casepool.remarks import NONE, Count, Remarks, remark


def survival(
    fit: xr.DataTree,
    by: str | None = None,
    *,
    at: Sequence[float] | None = None,
    start: float | None = None,
    restricted_to: float | None = None,
    ci_prob: float = CI_PROB,
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
        Times in the model's unit; default the codebook's `at`, else round numbers that follow-up reaches.
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
    return survival_of(open_draws(fit), by, at=at, start=start, restricted_to=restricted_to, ci_prob=ci_prob)


def survival_of(
    fitted: Fitted,
    by: str | None = None,
    *,
    at: Sequence[float] | None = None,
    start: float | None = None,
    restricted_to: float | None = None,
    ci_prob: float = CI_PROB,
) -> pd.DataFrame:
    """Describe survival as `survival` does, of a fit that is open."""
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
                undefined.append(row | {"note": remark("undefined", share=f"{both.mean():.0%}") + row["note"]})
                continue
            rows.append(row)
            draws.append(values[j] - values[i])
    for row in rows + undefined:
        row["unit"] = fitted.unit if row["unit"] == "median" else row["unit"]
    table = posterior_rows(np.stack(draws, axis=-1), rows, fitted=fitted, ci_prob=ci_prob)
    table += [{**row, "model": fitted.model.name, "verdict": fitted.verdict} for row in undefined]
    medians = [row for row in table if row["unit"] == fitted.unit and row["at"] == ""]
    latest = max((row["estimate"] for row in medians if row["kind"] == "value"), default=0.0)
    for row in medians:
        _mark_extrapolated(row, row["estimate"] if row["kind"] == "value" else latest, fitted)
    return fitted.table(table + _beyond(fitted, common, arms))


@dataclass(frozen=True)
class SurvivalWords:
    """How a survival table of a fit names what it tells.

    Parameters
    ----------
    arms : mapping of str to str
        Words for every level.
    quantities : mapping of (time, unit, whether a probability) to str
        Words for what is told of each.
    """

    arms: Mapping[str, str]
    quantities: Mapping[tuple[str, str, bool], str]


def survival_words(fitted: Fitted, by: str | None) -> SurvivalWords:
    """Return how the default survival table of a fit names what it tells."""
    times = times_of(fitted, None)
    arms = {arm.level: arm.words for arm in arms_of(fitted, by, None)[0]}
    told = _quantities(fitted, times, times[-1])
    units = [fitted.unit if own["unit"] == "median" else own["unit"] for own in told]
    words = {(str(own["at"]), unit, False): own["what"] for own, unit in zip(told, units, strict=True)}
    return SurvivalWords(arms, words | {("", "probability", True): f"P({_beyond_words(fitted)})"})


def times_of(fitted: Fitted, at: Sequence[float] | None) -> list[float]:
    """Return the times a survival table is told at, refusing what is no survival fit or no time."""
    if not fitted.is_survival:
        raise CasepoolError(f"{fitted.model.name!r} is no survival model", remedy="use estimates(fit, by=...)")
    return from_0(default_times(fitted.design, fitted.codebook) if at is None else at)


def refuse_times(at: Sequence[float] | None) -> None:
    """Refuse times where no survival is told."""
    if at is not None:
        raise CasepoolError("only survival models have times", column="at", value=at, remedy="leave it out")


def arms_of(fitted: Fitted, by: str | None, start: float | None) -> tuple[list[Strategy], dict[str, Any]]:
    """Return what a survival table or picture compares, and the columns all its rows share."""
    if by is not None:
        name_of(by, "by", "name the exposure or a factor of the model, or leave it out")
    exposure = next(iter(fitted.model.exposures.values()), None)
    common: dict[str, Any] = {"source": "shrunk", "by": by or ""}
    if exposure is not None and by in (None, exposure.name):
        arms = strategies(fitted, start)
        patients = remark("same patients", n=Count(len(fitted.design.patients), "patient"))
        note = patients + remark("came to be") + said_start(fitted, exposure, start) + _dating(exposure, fitted)
        return arms, {**common, "by": exposure.name, "dating": dating_of(exposure), "note": note}
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
    arms = [
        Strategy(level, level, np.inf, curve(fitted, design.at_level(by, level), np.inf), n[i], events[i])
        for i, level in enumerate(group.levels)
    ]
    return arms, {**common, "note": remark("all patients")}


def dating_of(exposure: Exposure) -> str:
    """Return how an exposure's dates are taken; "" where nothing hangs on them."""
    return exposure.dating if exposure.begins else ""


def _dating(exposure: Exposure, fitted: Fitted) -> Remarks:
    """Say how the exposure's dates are taken and what its numbers are, or what is wrong with comparing by it."""
    if caution := exposure.guard(fitted.model.outcome):
        return remark("guard", caution=caution)
    dates = remark("dates", exposure=exposure.name, dating=exposure.dating)
    return dates + remark("guard", caution=association(exposure.called))


def _quantities(fitted: Fitted, times: list[float], until: float) -> list[dict[str, Any]]:
    """List what is told of each arm: a name, a place, a unit, and how its draws come from a curve."""

    def alive(t: float) -> Callable[[Strategy], np.ndarray]:
        return lambda arm: arm.curve.survival(t)

    unit, out = fitted.unit, fitted.model.outcome
    points = [{"what": f"{out.staying} at {t:g} {unit}", "at": t, "unit": "probability", "of": alive(t)} for t in times]
    median = {"what": out.median, "at": "", "unit": "median", "of": lambda arm: arm.curve.median()}
    mean = {
        "what": f"{out.restricted_mean} to {until:g} {unit}",
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
        "kind": "difference" if difference else "value",
    }
    if isinstance(quantity["at"], float):
        _mark_extrapolated(row, quantity["at"], fitted)
    return row


def _mark_extrapolated(row: dict[str, Any], time: float, fitted: Fitted) -> None:
    """Say in the note that a time lies beyond the last follow-up, where the curve is the model's alone."""
    last = float(fitted.design.outcome["time"].max())
    if time > last:
        row["note"] = remark("extrapolated", last=f"{last:g}", unit=fitted.unit) + row["note"]


def _beyond_words(fitted: Fitted) -> str:
    last = float(fitted.design.outcome["time"].max())
    return f"{fitted.model.outcome.median} lies beyond the last follow-up, {last:g} {fitted.unit}"


def _beyond(fitted: Fitted, common: dict[str, Any], arms: list[Strategy]) -> list[dict[str, Any]]:
    """Give each arm's probability that its median lies beyond the last follow-up, where nothing was seen."""
    last = float(fitted.design.outcome["time"].max())
    return [
        probability_row(
            arm.curve.survival(last) > 0.5,
            {
                **common,
                "estimand": f"P({_beyond_words(fitted)}): {arm.words}",
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
    ci_prob: float = CI_PROB,
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
    return contrast_of(open_draws(fit), by, target=target, ci_prob=ci_prob, rope=rope)


def contrast_of(
    fitted: Fitted,
    by: str,
    *,
    target: str = "standardised",
    ci_prob: float = CI_PROB,
    rope: tuple[float, float] | None = None,
) -> pd.DataFrame:
    """Compare levels pairwise as `contrast` does, of a fit that is open."""
    if not fitted.is_survival:
        return response_contrast(fitted, by, target=target, ci_prob=ci_prob, rope=rope)
    if rope is not None:
        raise CasepoolError(f"{fitted.model.name!r} has no risk difference", remedy="leave out rope")
    pairs = _log_ratios(fitted, by)
    accelerated = fitted.model.effects == "accelerated"
    what, better = ("time ratio", ">") if accelerated else ("hazard ratio", "<")
    draws = np.stack([np.exp(values) for values, _ in pairs], axis=-1)
    shared = {"estimand": what, "by": by, "source": "shrunk", "unit": "ratio", "kind": "ratio", "note": NONE}
    rows = [shared | row for _, row in pairs]
    table: list[dict[str, Any]] = []
    for i, row in enumerate(posterior_rows(draws, rows, fitted=fitted, ci_prob=ci_prob)):
        holds = draws[..., i] > 1 if accelerated else draws[..., i] < 1
        note = _before_the_data(fitted, by, above=accelerated) + rows[i]["note"]
        chance = {"estimand": f"P({what} {better} 1)", "unit": "probability", "kind": "probability", "note": note}
        table += [row, probability_row(holds, rows[i] | chance, fitted=fitted)]
    return fitted.table(table)


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


def _log_ratios(fitted: Fitted, by: str) -> list[tuple[np.ndarray, dict[str, Any]]]:
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
            "note": remark("prior of the ratio", prior=prior) + exposed + _dating(exposure, fitted),
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
            },
        )
        for b, a in itertools.combinations(np.flatnonzero(n > 0), 2)
    ]
