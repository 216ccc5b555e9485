"""Rows of survival: Kaplan-Meier at times and its median, per level, and by an exposure during follow-up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from casepool.arguments import times_of
from casepool.cases.codebook import Codebook
from casepool.frequentist.cause_rows import cause_rows
from casepool.frequentist.confidence_limits import Scale, survival_limits_at
from casepool.frequentist.contingency import FEW
from casepool.frequentist.counting_process import only, split_at_switch
from casepool.frequentist.curves import (
    StepCurve,
    curve_of,
    follow_up,
    hazard_at,
    kaplan_meier,
    numbers_at_risk,
    step_at,
    survival_at,
)
from casepool.frequentist.logrank import LogRank, log_rank, mantel_byar
from casepool.frequentist.medians import brookmeyer_crowley, median
from casepool.frequentist.permutation import SEED, permuted_log_rank
from casepool.frequentist.ratio_rows import Z, cox_rows, likelihood_rows
from casepool.frequentist.response_rows import compared, disjoint_levels, pairs
from casepool.modelling.design.design import Design
from casepool.modelling.design.grouping import membership
from casepool.modelling.design.times import default_times
from casepool.modelling.design.touched import at_the_start, left_out, unvaried
from casepool.modelling.specification.exposure import Exposure
from casepool.modelling.specification.outcome import Outcome
from casepool.remarks import NONE, Count, OfOne, Remarks, remark

Row = dict[str, Any]

AT_HALF: Literal["midpoint"] = "midpoint"
"""The rule for a survival of exactly one half; see `casepool.frequentist.medians.median`."""
AT_ENDS = ", events at the ends of their intervals"
EVER, LANDMARK = "ever against never", "landmark"
"""How a comparison is dated that does without dates."""
DATINGS = ("earliest", "middle", "latest")


def survival_rows(
    design: Design,
    cases: pd.DataFrame,
    codebook: Codebook,
    by: str | None,
    at: Sequence[float] | None,
    *,
    progress: bool = False,
    ties: str = "efron",
    competing: Sequence[str] = (),
) -> list[Row]:
    """Return the rows of a survival model's raw answers.

    Parameters
    ----------
    design : Design
    cases : pandas.DataFrame
        The typed table the design was made from.
    codebook : Codebook
        That of the cases.
    by : str or None
        An exposure or factor of the model, a labelled column, or everyone.
    at : sequence of float or None
        Times in the model's unit.
    progress : bool
        Whether to say on standard error how far many ratios are.
    ties : {"efron", "breslow", "exact"}
        How Cox models take tied events.
    competing : sequence of str
        Codes of the event's column that are other ends; its incidence is then told instead of survival.
    """
    times = times_of(default_times(design, codebook) if at is None else at)
    if competing:
        rows = cause_rows(design, cases, codebook, by, times, competing)
        return [row | {"note": row["note"] + left_out(design)} for row in rows]
    everyone = np.ones(len(design.patients), dtype=bool)
    counted = {"by": by or "", "level": "" if by else "everyone", **_arm(design, everyone)}
    if by is None:
        rows = _everyone(design, times)
    elif by in design.model.exposures:
        rows = _everyone(design, times) + _by_exposure(design, design.model.exposures[by], times, ties)
    else:
        rows = _by_level(design, cases, codebook, by, times, ties)
    if design.outcome.get("between", np.zeros(1)).any():
        rows = [row | {"method": f"{row['method']}{AT_ENDS}", "note": remark("at ends") + row["note"]} for row in rows]
    if by is None or by in design.model.exposures or (by in design.terms and design.terms[by].coded.levels):
        rows += likelihood_rows(design, by, times, counted, progress=progress)
    said = at_the_start(design) if by in design.model.exposures else NONE
    said += left_out(design) + unvaried(design)
    return [row | {"note": row["note"] + said} for row in rows]


def _everyone(design: Design, times: list[float]) -> list[Row]:
    everyone = np.ones(len(design.patients), dtype=bool)
    shared = {"by": "", "level": "everyone", "method": "Kaplan-Meier", "note": NONE} | _arm(design, everyone)
    return [
        *curve_rows(_curve(design, everyone), times, design.model.outcome, shared),
        _followed(design, everyone, shared),
    ]


def _followed(design: Design, inside: np.ndarray, shared: Row) -> Row:
    """Say how long patients were followed: Kaplan-Meier of the ends of follow-up, which events cut short.

    References
    ----------
    Schemper and Smith (1996), Controlled Clinical Trials 17, 343-346.
    """
    out = {name: values[inside] for name, values in design.outcome.items()}
    curve = follow_up(out)
    what = {"estimand": "median follow-up", "unit": design.model.outcome.unit, "method": "reverse Kaplan-Meier"}
    row = {"source": "raw", **shared, **what, "interval": "95% CI"}
    if curve.spells.time.size == 0:
        return row | {"note": remark("no patient") + shared["note"]}
    lower, upper = brookmeyer_crowley(curve, "log-log")
    number = {"estimate": median(curve, AT_HALF), "lower": lower, "upper": upper}
    return row | number | {"note": remark("reverse") + shared["note"]}


def _by_level(
    design: Design, cases: pd.DataFrame, codebook: Codebook, by: str, times: list[float], ties: str
) -> list[Row]:
    """Kaplan-Meier per level, and the log-rank test of all levels."""
    group = membership(design, cases, by, codebook)
    rows: list[Row] = []
    note = group.remarks(design)
    for i, level in enumerate(group.levels):
        inside = group.members[:, i]
        shared = {"by": by, "level": level, "method": "Kaplan-Meier", "note": note} | _arm(design, inside)
        rows += curve_rows(_curve(design, inside), times, design.model.outcome, shared)
        rows.append(_followed(design, inside, shared))
    levels, members = disjoint_levels(group)
    inside = members.any(axis=1)
    label = np.array(levels)[members[inside].argmax(axis=1)] if levels else np.zeros(0, dtype=str)
    out = {name: values[inside] for name, values in design.outcome.items()}
    shared = {"by": by, "level": compared(levels), "note": NONE} | _arm(design, inside)
    estimand = f"no difference in the hazard between {by} levels"
    rows += log_rank_rows(out, label, "", shared | {"estimand": estimand})
    for a, b, pair in pairs(levels):
        two = inside & (members[:, a] | members[:, b])
        out = {name: values[two] for name, values in design.outcome.items()}
        words = {"compared": f"{levels[a]} against {levels[b]}", "p_value": f"no difference in the hazard of {pair}"}
        rows += cox_rows(
            out, members[two, a], shared | {"level": pair} | _arm(design, two), kind="", ties=ties, **words
        )
    return rows


def _by_exposure(design: Design, exposure: Exposure, times: list[float], ties: str) -> list[Row]:
    """Follow-up split at the start of the exposure, under three datings; then ever against never."""
    if exposure.as_ == "landmark":
        return _fixed_curves(design, exposure, times) + _fixed_tests(design, exposure, ties)
    rows: list[Row] = []
    for dating, switch in _switches(design).items():
        rows += _time_dependent(design, exposure, dating, switch, times, ties)
    fixed = replace(exposure, as_="baseline")
    if not exposure.begins:
        rows += _fixed_curves(design, fixed, times)
    return rows + _fixed_tests(design, fixed, ties)


def _switches(design: Design) -> dict[str, np.ndarray]:
    """Return when every patient's exposure began (inf: never), by dating."""
    early, late = design.earliest, design.latest
    return dict(zip(DATINGS, (early, (early + late) / 2, late), strict=True))


def _time_dependent(
    design: Design, exposure: Exposure, dating: str, switch: np.ndarray, times: list[float], ties: str
) -> list[Row]:
    """Simon-Makuch curves and the Mantel-Byar test at one dating."""
    time, event, entry = (design.outcome[name] for name in ("time", "event", "entry"))
    spells, exposed = split_at_switch(time, event, switch, entry)
    dated = remark("at its date", exposure=exposure.name, dating=dating)
    rows: list[Row] = []
    shared: Row
    for label, arm in ((f"before or without {exposure.name}", ~exposed), (f"after {exposure.name}", exposed)):
        counted = {"n": float(arm.sum()), "events": float(spells.event[arm].sum())}
        shared = {"by": exposure.name, "level": label, "method": f"Simon-Makuch, {dating} date"}
        shared |= {"dating": dating, "note": dated + remark("in each arm")} | counted
        rows += curve_rows(curve_of(only(spells, arm)), times, design.model.outcome, shared)
    test = mantel_byar(time, event, switch, entry)
    shared = {"by": exposure.name, "method": f"Mantel-Byar, {dating} date", "dating": dating, "note": dated}
    shared |= {"level": f"after {exposure.name} vs before or without {exposure.name}"}
    shared |= _arm(design, np.ones(len(time), dtype=bool))
    estimand = f"no difference in the hazard after and before or without {exposure.name}"
    follow_up = {"time": spells.time, "event": spells.event, "entry": np.maximum(spells.entry, 0.0)}
    words = {"compared": f"after {exposure.name} against before or without it", "p_value": estimand}
    ratio = cox_rows(follow_up, exposed, shared, kind=f"{dating} date", ties=ties, **words)
    doubt = remark("no permutation") if min(test.expected) < FEW else NONE
    return [*rows, p_row(test, shared | {"estimand": estimand, "note": doubt + shared["note"]}), *ratio]


def _fixed_curves(design: Design, exposure: Exposure, times: list[float]) -> list[Row]:
    """Kaplan-Meier of the two groups that a baseline or landmark comparison makes."""
    rows: list[Row] = []
    outcome = design.model.outcome
    for label, arm in zip(exposure.compared_arms(outcome.unit), (~design.exposed, design.exposed), strict=True):
        shared = {"by": exposure.name, "level": label, "method": "Kaplan-Meier", "note": _guard(exposure, design)}
        rows += curve_rows(_curve(design, arm), times, outcome, shared | _arm(design, arm))
    return rows


def _fixed_tests(design: Design, exposure: Exposure, ties: str) -> list[Row]:
    """Log-rank and Cox of ever against never exposed, or by the landmark, which the guard warns of."""
    out, ever = design.outcome, design.exposed
    without, with_ = exposure.compared_arms(design.model.outcome.unit)
    shared: Row = {"by": exposure.name, "level": f"{with_} vs {without}", "note": _guard(exposure, design)}
    shared |= _arm(design, np.ones(len(ever), dtype=bool))
    kind, pair = EVER, ("ever", f"never {with_}")
    if exposure.as_ == "landmark":
        kind, pair = LANDMARK, (with_, without)
    shared["dating"] = kind
    p_value = f"no difference in the hazard between {pair[0]} and {pair[1]}"
    rows = log_rank_rows(out, ever, f", {kind}", shared | {"estimand": p_value})
    compared = f"{pair[0]} against {pair[1]}"
    return rows + cox_rows(out, ever, shared, kind=kind, compared=compared, p_value=p_value, ties=ties)


def _guard(exposure: Exposure, design: Design) -> Remarks:
    """Say what is wrong with comparing patients by what they came to receive."""
    return remark("guard", caution=exposure.guard(design.model.outcome))


def _arm(design: Design, inside: np.ndarray) -> Row:
    """Count the patients and events of some of the patients."""
    event = design.outcome["event"][inside]
    return {"n": float(len(event)), "events": float(event.sum())}


def _curve(design: Design, inside: np.ndarray) -> StepCurve:
    out = design.outcome
    return kaplan_meier(out["time"][inside], out["event"][inside], entry=out["entry"][inside])


def curve_rows(curve: StepCurve, times: list[float], outcome: Outcome, shared: Row) -> list[Row]:
    """Read survival at times, and the median, off a curve: nothing where nobody is left or yet at risk."""
    unit, shared = outcome.unit, {"source": "raw", "interval": "95% CI", **shared}
    n = numbers_at_risk(curve, times)
    alive = survival_at(curve, times)
    alive = np.where((n > 0) | (alive == 0) | (np.asarray(times) == 0), alive, np.nan)
    # Before the first event Greenwood's variance is 0: an interval from 1 to 1 would claim certainty.
    low, high = (np.where(alive < 1, limit, np.nan) for limit in survival_limits_at(curve, times, "log-log"))
    rows = [
        shared
        | {"estimand": f"{outcome.staying} at {t:g} {unit}", "at": t, "unit": "probability"}
        | {"estimate": alive[i], "lower": low[i], "upper": high[i]}
        | {"note": _at_risk(curve, t, unit, alive[i]) + shared["note"]}
        for i, t in enumerate(times)
    ]
    rows += _cumulative_hazards(curve, times, unit, shared)
    lower, upper, how = np.nan, np.nan, remark("no patient")
    if curve.spells.time.size:
        lower, upper = brookmeyer_crowley(curve, "log-log")
        others = [remark("other limits", scale=scale, limits=_span(curve, scale)) for scale in ("log", "plain")]
        how = remark("median limits", others=sum(others, NONE)) + remark("median rule", rule=AT_HALF)
    return [
        *rows,
        shared
        | {"estimand": outcome.median, "unit": unit, "note": how + shared["note"]}
        | {"estimate": median(curve, AT_HALF), "lower": lower, "upper": upper},
    ]


def _cumulative_hazards(curve: StepCurve, times: list[float], unit: str, shared: Row) -> list[Row]:
    """Read the Nelson-Aalen cumulative hazard at times, limits on the log scale."""
    if shared.get("dating"):  # an arm of the time spent in it is no group of patients
        return []
    hazard = np.where((numbers_at_risk(curve, times) > 0) | (np.asarray(times) == 0), hazard_at(curve, times), np.nan)
    variance = step_at(curve, curve.hazard_variance, times, before=0.0)
    reach = np.exp(Z * np.sqrt(variance) / np.where(hazard > 0, hazard, np.nan))
    return [
        shared
        | {"estimand": f"cumulative hazard to {t:g} {unit}", "at": t, "unit": "cumulative hazard"}
        | {
            "method": "Nelson-Aalen",
            "estimate": hazard[i],
            "lower": hazard[i] / reach[i],
            "upper": hazard[i] * reach[i],
        }
        | {"note": (NONE if hazard[i] > 0 else _without(curve, t, unit, hazard[i])) + shared["note"]}
        for i, t in enumerate(times)
    ]


def _span(curve: StepCurve, scale: Scale) -> str:
    """Write the limits of the median on another scale."""
    lower, upper = brookmeyer_crowley(curve, scale)
    ends = ["not reached" if np.isinf(end) else "unknown" if np.isnan(end) else f"{end:.4g}" for end in (lower, upper)]
    return " to ".join(ends)


def _without(curve: StepCurve, t: float, unit: str, value: float) -> Remarks:
    """Say why there is no number at a time, or no limits."""
    if not np.isnan(value):
        return remark("no event yet")
    if t > curve.spells.end:
        return remark("beyond", last=OfOne(f"{curve.spells.end:g} {unit}"))
    return remark("no patient" if curve.spells.time.size == 0 else "nobody at risk")


def _at_risk(curve: StepCurve, t: float, unit: str, alive: float) -> Remarks:
    """Say how many are at risk at a time, and which limits there are."""
    if np.isnan(alive) or curve.spells.time.size == 0:
        return _without(curve, t, unit, np.nan)
    limits = remark("no event yet" if alive == 1 else "log-log")
    return limits + remark("at risk", n=Count(float(numbers_at_risk(curve, t))))


def log_rank_rows(follow_up: Mapping[str, np.ndarray], label: np.ndarray, kind: str, shared: Row) -> list[Row]:
    """Make the row of the log-rank test of fixed arms, and beside a doubtful one that of its permutation test."""
    columns = (follow_up["time"], follow_up["event"], label, follow_up["entry"])
    test = log_rank(*columns)
    rows = [p_row(test, shared | {"method": f"log-rank{kind}"})]
    if np.isnan(test.p) or min(test.expected) >= FEW:
        return rows
    found = permuted_log_rank(*columns)
    how = remark("arms enumerated", count=f"{found.arrangements:,}")
    if found.error:
        error = {"seed": SEED, "error": f"{found.error:.1g}"}
        how = remark("arms drawn", count=f"{found.arrangements:,}", **error)
    method = f"{'permutation' if found.error else 'exact'} log-rank{kind}"
    number = {"estimate": found.p, "unit": "P value", "kind": "P value", "method": method, "source": "raw"}
    return [*rows, shared | number | {"note": how + remark("arms alike") + shared["note"]}]


def p_row(test: LogRank, shared: Row) -> Row:
    """Make the row of a log-rank test, observed and expected events in its note."""
    said = remark("fewer than two arms")
    if not np.isnan(test.p):
        said = remark("log-rank", statistic=f"{test.statistic:.4g}", df=test.df)
        arms = zip(test.observed, test.expected, strict=True)
        counts = [remark("observed and expected", observed=Count(o), expected=f"{e:.3g}") for o, e in arms]
        said += remark("events by arm", parts=sum(counts, NONE))
        if min(test.expected) < FEW:
            said += remark("few expected", smallest=f"{min(test.expected):.3g}", limit=FEW)
    number = {"estimate": test.p, "unit": "P value", "kind": "P value"}
    return {"source": "raw", **shared, **number, "note": said + shared["note"]}
