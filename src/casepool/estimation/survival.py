"""Survival tables: probabilities at times, medians, restricted means, differences, hazard ratios."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from casepool.arguments import is_number
from casepool.errors import CasepoolError
from casepool.estimation.arms import arms_of, times_of
from casepool.estimation.curves import Strategy
from casepool.estimation.draws import CI_PROB, Fitted, check_probability, open_draws, posterior_rows, probability_row
from casepool.estimation.regions import Region, Rope, Told, beyond, check_above, ropes_of, within
from casepool.estimation.told import of_exposure, separated, with_told
from casepool.remarks import OfOne, remark

DIFFERENCE = "difference in survival"
"""What a region is asked of."""


def survival(
    fit: xr.DataTree,
    by: str | None = None,
    *,
    at: Sequence[float] | None = None,
    start: float | None = None,
    restricted_to: float | None = None,
    ci_prob: float = CI_PROB,
    above: float | None = None,
    rope: Region | Mapping[str, Region] | None = None,
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
    above : float, optional
        A threshold: adds the probability that survival at each time lies above it.
    rope : tuple of two floats, optional
        A region: adds the probability that each difference in survival at a time lies within it.

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

    See Also
    --------
    contrast, followed, plot_survival, tipping

    References
    ----------
    Joly P, Commenges D, Helmer C, Letenneur L (2002). A penalized likelihood approach for an illness-death model
    with interval-censored data. Biostatistics 3:433-443. doi:10.1093/biostatistics/3.3.433

    Suissa S (2008). Immortal time bias in pharmaco-epidemiology. American Journal of Epidemiology 167:492-499.
    doi:10.1093/aje/kwm324

    Examples
    --------
    >>> import casepool as cp
    >>> fit = cp.fit("overall_survival", "alk_crizotinib", seed=2, progress=False)
    >>> table = cp.survival(fit, by="surgery", at=[24])
    >>> print(table[table["unit"] == "probability"].head(2))
    by: surgery; at: 24; source: shrunk; model: overall_survival; method: posterior; dating:
    intensity; unit: probability; verdict: pass
    <BLANKLINE>
      level            n  events  estimate (95% CrI)  told
    survival at 24 months: never operated
      never operated  18       7     71% (52 to 86%)  the data decide
    survival at 24 months: operated at month 6 if still alive
      operated        10       0     81% (62 to 92%)  cannot be known from this table
    <BLANKLINE>
    standardised over the same 28 patients
    n and events are of those who came to be in the arm
    dates of surgery: intensity
    an association, not what surgery does
    left out: 5 patients (no os_months)
    drawn by lockstep
    Further columns: kind, mean, sd, ess, mcse, learnt, prior_estimate, prior_lower,
      prior_upper
    """
    check_probability(ci_prob)
    return survival_of(
        open_draws(fit), by, at=at, start=start, restricted_to=restricted_to, ci_prob=ci_prob, above=above, rope=rope
    )


def survival_of(
    fitted: Fitted,
    by: str | None = None,
    *,
    at: Sequence[float] | None = None,
    start: float | None = None,
    restricted_to: float | None = None,
    ci_prob: float = CI_PROB,
    above: float | None = None,
    rope: Rope = None,
) -> pd.DataFrame:
    """Describe survival as `survival` does, of a fit that is open."""
    times = times_of(fitted, at)
    until = until_of(times, restricted_to)
    check_above(above)
    regions = Regions(above, ropes_of(rope, (DIFFERENCE,)).get(DIFFERENCE))
    return with_told(fitted, lambda own: _described(own, by, times, start, until, ci_prob, regions))


def until_of(times: Sequence[float], restricted_to: float | None) -> float:
    """Return the limit of a restricted mean, by default the last of `times`."""
    until = times[-1] if restricted_to is None else restricted_to
    if not is_number(until) or not until > 0:
        raise CasepoolError("restricted_to must be a time above 0", value=restricted_to, remedy="give one")
    return float(until)


@dataclass(frozen=True)
class Regions:
    """What is asked of survival at times: how probably it lies above a number, and each difference in a region."""

    above: float | None
    of_differences: Region | None

    def chances(self, rows: list[dict[str, Any]], draws: list[np.ndarray], fitted: Fitted) -> list[dict[str, Any]]:
        """Return the rows of the probabilities asked for."""
        asked: list[Told] = []
        for row, values in zip(rows, draws, strict=True):
            asked += beyond(row, values, self.above) if row["unit"] == "probability" else []
            asked += within(row, values, self.of_differences) if row["unit"] == "difference" else []
        return [probability_row(holds, row, fitted=fitted) for row, holds in asked]


def _described(
    fitted: Fitted,
    by: str | None,
    times: list[float],
    start: float | None,
    until: float,
    ci_prob: float,
    regions: Regions,
) -> pd.DataFrame:
    """Tabulate survival by strategy or level."""
    arms, common = arms_of(fitted, by, start)
    exposure = fitted.model.exposures.get(common["by"])
    draws: list[np.ndarray] = []
    rows: list[dict[str, Any]] = []
    undefined: list[dict[str, Any]] = []
    for quantity in _quantities(fitted, times, until):
        values = [quantity["of"](arm) for arm in arms]
        draws += values
        for arm in arms:
            row = _row(fitted, common, arm.level, arm.words, arm.n, arm.events, quantity)
            rows.append(row | (of_exposure(exposure, arm.events) if exposure else {}))
        for (i, b), (j, a) in itertools.combinations(enumerate(arms), 2):
            pair = f"{a.level} vs {b.level}"
            words = f"{a.words} minus {b.words}"
            row = _row(fitted, common, pair, words, a.n + b.n, a.events + b.events, quantity, difference=True)
            row |= of_exposure(exposure, a.events, b.events) if exposure else separated((a.events, b.events))
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
        mark_extrapolated(row, row["estimate"] if row["kind"] == "value" else latest, fitted)
    return fitted.table(table + regions.chances(rows, draws, fitted) + _beyond(fitted, common, arms))


@dataclass(frozen=True)
class SurvivalWords:
    """How a survival table of a fit names what it tells.

    Parameters
    ----------
    arms : mapping of str to str
        Words for every level.
    quantities : mapping of (time or None, unit, whether a probability) to str
        Words for what is told of each.
    """

    arms: Mapping[str, str]
    quantities: Mapping[tuple[float | None, str, bool], str]


def survival_words(fitted: Fitted, by: str | None) -> SurvivalWords:
    """Return how the default survival table of a fit names what it tells."""
    times = times_of(fitted, None)
    arms = {arm.level: arm.words for arm in arms_of(fitted, by, None)[0]}
    told = _quantities(fitted, times, times[-1])
    units = [fitted.unit if own["unit"] == "median" else own["unit"] for own in told]
    at = [None if own["at"] == "" else float(own["at"]) for own in told]
    words = {(time, unit, False): own["what"] for time, unit, own in zip(at, units, told, strict=True)}
    return SurvivalWords(arms, words | {(None, "probability", True): f"P({_beyond_words(fitted)})"})


def _quantities(fitted: Fitted, times: list[float], until: float) -> list[dict[str, Any]]:
    """List what is told of each arm: what is told of a curve, and its hazards."""
    rate = f"per {fitted.unit.removesuffix('s')}"
    hazards = [
        {"what": f"hazard at {t:g} {fitted.unit}", "at": t, "unit": rate, "of": lambda arm, t=t: arm.curve.hazard_at(t)}
        for t in times
    ]
    return [*quantities_of_curve(fitted, times, until), *hazards]


def quantities_of_curve(fitted: Fitted, times: list[float], until: float) -> list[dict[str, Any]]:
    """List what is told of a curve: a name, a place, a unit, and how its draws come from an arm."""

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
    return [*points, median, mean]


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
        mark_extrapolated(row, quantity["at"], fitted)
    return row


def mark_extrapolated(row: dict[str, Any], time: float, fitted: Fitted) -> None:
    """Say in the note that a time lies beyond the last follow-up, where the curve is the model's alone."""
    last = float(fitted.design.outcome["time"].max())
    if time > last:
        row["note"] = remark("extrapolated", last=OfOne(f"{last:g} {fitted.unit}")) + row["note"]


def last_follow_up(fitted: Fitted, form: str = "{}") -> str:
    """Write the last follow-up in a `form`; nothing where the table is not public, as it is one patient's."""
    last = float(fitted.design.outcome["time"].max())
    return form.format(f"{last:g} {fitted.unit}") if fitted.public else ""


def _beyond_words(fitted: Fitted) -> str:
    return f"{fitted.model.outcome.median} lies beyond the last follow-up{last_follow_up(fitted, ', {}')}"


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
