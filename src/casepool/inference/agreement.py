"""Do model and data agree: statistics of the outcome beside those of outcomes replicated before and after seeing it.

Before (Box 1980; Evans and Moshonov 2006): drawn from the prior, so that a small P value is a conflict between prior
and data. After (Gelman, Meng and Stern 1996): drawn from the posterior, so that it is a misfit no parameters mend.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from casepool.cases import Codebook, codebook_of
from casepool.frequentist.curves import kaplan_meier, survival_at
from casepool.inference.convergence import NOT_ASKED
from casepool.inference.diagnostics import ranks
from casepool.inference.predictive import prior_draws, replicate_counts, replicate_follow_up
from casepool.modelling import Design
from casepool.modelling.design.grouping import membership
from casepool.modelling.design.times import default_times
from casepool.modelling.families.baselines import TINY
from casepool.modelling.families.responses import category_counts
from casepool.modelling.specification.endpoints import event
from casepool.random_streams import Stream, stream
from casepool.writing import count_text

CONCERN, FAIL = 0.005, 0.0005
"""P values below which model and data disagree.

A fit answers some ten such questions, and a P value of the prior's is as often below a limit as the limit says if the
prior is right: a sound fit then raises a concern in one of 20, and fails in one of 200.
"""
CONFLICT, REPLICATED = "prior against data", "replicated"
"""What is asked before seeing the outcome, and how the questions after it begin."""
REPLICATES = 2000
"""Enough for a P value below `FAIL`, which none of them as extreme as the data gives."""
TIE = 1e-3
"""Weight of a standard deviation beside the logarithm of a P value: it decides between equal ones only."""
Parameters = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Statistic:
    """One question put to an outcome: a number or several, of the table seen and of replicated ones.

    Parameters
    ----------
    name : str
        What is counted.
    of : tuple of str
        What each number belongs to.
    seen : array (numbers,)
    replicated : array (replicates, numbers)
    of_patients : bool
        Whether patients are counted, so that a small number may identify one.
    """

    name: str
    of: tuple[str, ...]
    seen: np.ndarray
    replicated: np.ndarray
    of_patients: bool = True


def agreement(
    design: Design, frame: pd.DataFrame, parameters: Parameters, seed: int, codebook: Codebook | None = None
) -> list[dict[str, Any]]:
    """Ask whether prior and data, and then model and data, agree.

    Parameters
    ----------
    design : Design
    frame : pandas.DataFrame
        The cases it was made from.
    parameters : mapping of str to array (chain, draw, ...)
        Of the posterior.
    seed : int
    codebook : Codebook, optional
        That of the cases, where it has been read.

    Returns
    -------
    list of dict
        One per question: ``question``, ``verdict``, ``value`` (a two-sided P value), ``sentence``. With several
        numbers to a question the smallest P value is set against the smallest of every replicate.
    """
    if {"told", "seen_only", "reporting"} & set(design.outcome) or design.parameter("reporting"):
        said = "not asked: what would have been told of other events is not replicated"
        return [{"question": CONFLICT, "verdict": NOT_ASKED, "value": float("nan"), "sentence": said}]
    rng = stream(seed, Stream.AGREEMENT)
    codebook = codebook or codebook_of(frame)
    after = statistics(design, frame, thinned(parameters, REPLICATES), rng, codebook)
    public = codebook is None or codebook.public
    rows = [_conflict(design, frame, rng, codebook)]
    return rows + [
        _row(f"{REPLICATED} {item.name}", [item], "the model's own replicates", public=public) for item in after
    ]


def _conflict(
    design: Design, frame: pd.DataFrame, rng: np.random.Generator, codebook: Codebook | None
) -> dict[str, Any]:
    flat = design.improper
    if flat:
        said = f"not asked: the prior on {' and '.join(flat)} is flat and predicts nothing"
        return {"question": CONFLICT, "verdict": NOT_ASKED, "value": float("nan"), "sentence": said}
    found = statistics(design, frame, prior_draws(design, rng, (1, REPLICATES)), rng, codebook)
    if not found:
        said = "not asked: when the next look would have been is not known where events lie between two looks"
        return {"question": CONFLICT, "verdict": NOT_ASKED, "value": float("nan"), "sentence": said}
    public = codebook is None or codebook.public
    return _row(CONFLICT, found, "what the prior alone expects", public=public)


def thinned(parameters: Parameters, size: int) -> dict[str, np.ndarray]:
    """Return about `size` draws, evenly picked, as one chain."""
    chains, draws = next(iter(parameters.values())).shape[:2]
    picked = np.unique(np.linspace(0, chains * draws - 1, min(size, chains * draws)).astype(int))
    return {
        name: values.reshape(1, chains * draws, *values.shape[2:])[:, picked] for name, values in parameters.items()
    }


def statistics(
    design: Design,
    frame: pd.DataFrame,
    parameters: Parameters,
    rng: np.random.Generator,
    codebook: Codebook | None = None,
) -> list[Statistic]:
    """Return what is asked of an outcome, seen and replicated once for every draw of the parameters."""
    if design.model.is_survival:
        between = design.outcome.get("between", np.zeros(1)).any()
        return [] if between else _of_survival(design, parameters, rng, codebook)
    return _of_response(design, frame, parameters, rng, codebook)


def _of_response(
    design: Design, frame: pd.DataFrame, parameters: Parameters, rng: np.random.Generator, codebook: Codebook | None
) -> list[Statistic]:
    """Count responders, also by level and along numbers, and levels without failure."""
    end, n = event(design.model), design.outcome["n"]
    drawn = [counts.reshape(-1, len(n)) for counts in replicate_counts(design, parameters, rng)]
    actual = category_counts(design.outcome, len(drawn))
    seen, replicated = end.of(actual), end.of(drawn)
    found = [Statistic("responders", ("all patients",), seen.sum(keepdims=True), replicated.sum(axis=1, keepdims=True))]
    if design.model.is_ordinal:
        totals = np.stack([counts.sum(axis=1) for counts in drawn], axis=1)
        found = [Statistic("categories", design.model.outcome.levels, np.array([a.sum() for a in actual]), totals)]
    for name, term in design.model.terms.items():
        if term.is_number:
            found.append(_along(name, design.numbers(name), n, seen, replicated))
            continue
        group = membership(design, frame, name, codebook)
        total = n @ group.members
        kept = total > 0
        levels = tuple(level for level, some in zip(group.levels, kept, strict=True) if some)
        members = group.members[:, kept]
        by_level = seen @ members, replicated @ members
        found.append(Statistic(f"responders by {name}", levels, *by_level))
        whole = [(counts == total[kept]).sum(axis=-1, keepdims=True) for counts in by_level]
        found.append(
            Statistic(f"levels of {name} without failure", ("all levels",), whole[0], whole[1], of_patients=False)
        )
    return found


def _along(name: str, values: np.ndarray, n: np.ndarray, seen: np.ndarray, replicated: np.ndarray) -> Statistic:
    """Sum a number, from its mean, over the responders who have one."""
    known = ~np.isnan(values)
    weight = np.where(known, values - np.average(values[known], weights=n[known]), 0.0)[:, None]
    return Statistic(
        f"{name} of responders", ("sum from the mean",), seen @ weight, replicated @ weight, of_patients=False
    )


def _of_survival(
    design: Design, parameters: Parameters, rng: np.random.Generator, codebook: Codebook | None
) -> list[Statistic]:
    """Read the Kaplan-Meier curve at two times, and count events by exposure."""
    out = design.outcome
    shape = next(iter(parameters.values())).shape[:2]
    time, event_, exposed = replicate_follow_up(design, parameters, limits(out, shape, rng), rng)
    time, event_, exposed = (values.reshape(-1, len(out["time"])) for values in (time, event_, exposed))
    found = []
    for at in default_times(design, codebook)[:2]:
        if at < out["time"].max():
            curve = kaplan_meier(out["time"], out["event"] == 1, out["entry"])
            seen = np.atleast_1d(survival_at(curve, at))
            of = (f"Kaplan-Meier at {at:g} {design.model.outcome.unit}",)
            name = f"{design.model.outcome.staying} to {at:g} {design.model.outcome.unit}"
            found.append(Statistic(name, of, seen, product_limit(time, event_, out["entry"], at)[:, None], False))
    found.append(_when(out, time, event_))
    exposure = next(iter(design.model.exposures.values()), None)
    if exposure is None:
        total = event_.sum(axis=1, keepdims=True)
        return [*found, Statistic("events", ("all patients",), out["event"].sum(keepdims=True), total)]
    arms = [(~design.exposed, ~exposed), (design.exposed, exposed)]
    counts = [(out["event"] @ own, (event_ & own_then).sum(axis=1)) for own, own_then in arms]
    seen = np.array([count for count, _ in counts])
    return [
        *found,
        Statistic(f"events by {exposure.name}", exposure.arms, seen, np.stack([c for _, c in counts], axis=1)),
    ]


def _when(outcome: Mapping[str, np.ndarray], time: np.ndarray, event_: np.ndarray) -> Statistic:
    """Add up how early events come, as logs of their times over the longest follow-up: what tells hazards' shapes."""
    last = outcome["time"].max()
    seen = np.log(np.maximum(outcome["time"], TINY) / last)[outcome["event"] == 1].sum(keepdims=True)
    drawn = np.where(event_, np.log(np.maximum(time, TINY) / last), 0.0).sum(axis=1, keepdims=True)
    return Statistic("log times of events", ("sum, over the longest follow-up",), seen, drawn, False)


def limits(outcome: Mapping[str, np.ndarray], shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Draw until when each patient would have been followed: array (chain, draw, patients).

    The censoring time where there is one; of a patient with the event a time beyond it, from the distribution of
    censoring times (Kaplan-Meier, events and censorings in each other's place).
    """
    time, event_, entry = outcome["time"], outcome["event"] == 1, outcome["entry"]
    ends = np.unique(time[~event_])
    at_risk = np.array([((entry < t) & (time >= t)).sum() - ((time == t) & event_).sum() for t in ends])
    censored = np.array([(time[~event_] == t).sum() for t in ends])
    left = np.concatenate([[1.0], np.cumprod(1 - censored / np.maximum(at_risk, 1))])
    mass, places = np.append(-np.diff(left), left[-1]), np.append(ends, max(time.max(), *ends, 0.0))
    drawn = np.broadcast_to(time, (*shape, len(time))).copy()
    for i in np.flatnonzero(event_):
        p = np.where(places >= time[i], mass, 0.0)
        p = p if p.sum() > 0 else (places == places[-1]) * 1.0
        drawn[..., i] = rng.choice(places, size=shape, p=p / p.sum())
    return drawn


def product_limit(time: np.ndarray, event_: np.ndarray, entry: np.ndarray, at: float) -> np.ndarray:
    """Return the Kaplan-Meier estimate at one time of many tables of the same patients, no two events at one time.

    Parameters
    ----------
    time, event_ : arrays (tables, n)
    entry : array (n,)

    Returns
    -------
    array (tables,)
        Where follow-up ends before `at`, its last value.
    """
    entered = np.searchsorted(np.sort(entry), time, side="left")
    at_risk = entered - (ranks(time, axis=1)[0] - 1)
    return np.where(event_ & (time <= at), 1 - 1 / np.maximum(at_risk, 1), 1.0).prod(axis=1)


def _row(question: str, asked: list[Statistic], expected: str, *, public: bool) -> dict[str, Any]:
    """Answer a question by the most extreme of its numbers."""
    seen = np.concatenate([item.seen for item in asked])
    replicated = np.concatenate([item.replicated for item in asked], axis=1)
    names = [(item.name, of, item.of_patients) for item in asked for of in item.of]
    p, worst = tail_chance(seen, replicated)
    low, high = np.quantile(replicated[:, worst], [0.025, 0.975])
    name, of, of_patients = names[worst]
    number = count_text(seen[worst], not public) if of_patients else f"{seen[worst]:.3g}"
    among = f", the least expected of {len(names)}" if len(names) > 1 else ""
    said = f"{name}, {of}: {number}{among}; {expected}: {low:.3g} to {high:.3g} (95%), P {said_p(p)}"
    return {"question": question, "verdict": verdict_of_p(p), "value": p, "sentence": said}


def said_p(p: float) -> str:
    """Write a P value."""
    return f"{p:.2g}" if p >= FAIL else f"below {FAIL:g}"


def verdict_of_p(p: float) -> str:
    """Judge a P value by the limits `CONCERN` and `FAIL`."""
    return "fail" if p < FAIL else "concern" if p < CONCERN else "pass"


def tail_chance(seen: np.ndarray, replicated: np.ndarray) -> tuple[float, int]:
    """Return the two-sided P value of the most extreme of some numbers, and which it is.

    Parameters
    ----------
    seen : array (numbers,)
    replicated : array (replicates, numbers)

    Notes
    -----
    Of several numbers the smallest P value is compared with the smallest of every replicate, so that it is right
    whatever their number and however they hang together (Westfall and Young 1993). Equal P values are told apart by
    standard deviations from the median: of several numbers each has replicates that no other one passes.
    """
    each = np.concatenate([seen[None], replicated])
    first, last = ranks(each)
    tails = np.minimum(1.0, 2 * np.minimum(last, len(each) + 1 - first) / len(each))
    middle, spread = np.median(replicated, axis=0), replicated.std(axis=0)
    apart = np.abs(each - middle) / np.where(spread > 0, spread, 1.0)
    extreme = -np.log(tails) + TIE * np.minimum(apart, 1 / TIE)
    most = extreme.max(axis=1)
    return float((most >= most[0] * (1 - 1e-12)).mean()), int(extreme[0].argmax())
