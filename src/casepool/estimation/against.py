"""A level against the rest or the mean of all: in the patients there are, standardised, and by the effects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from casepool.errors import CasepoolError
from casepool.estimation.arms import times_of
from casepool.estimation.curves import curve
from casepool.estimation.draws import Fitted
from casepool.estimation.estimability import aliasing_of, level_weights
from casepool.estimation.joint_effects import everywhere
from casepool.estimation.regions import Ropes, Told, beyond, chance, within
from casepool.estimation.targets import ANSWERS
from casepool.estimation.told import separated
from casepool.modelling.design.endpoint_counts import counted
from casepool.modelling.design.grouping import Membership, patients_and_events
from casepool.modelling.design.likelihood import category_chances
from casepool.modelling.families.names import effect_of
from casepool.modelling.specification.endpoints import at_least
from casepool.modelling.specification.prior_implications import ratio_name
from casepool.remarks import NONE, OfOne, Remarks, remark

AGAINST = {"rest": "the rest", "mean": "the mean"}
"""What a level may be compared with, and its name in a row."""
WEIGHTS = {"patients": "by patients", "levels": "alike"}
"""How levels are weighed in what a level is compared with."""
Quantity = tuple[dict[str, Any], np.ndarray]
"""A row without its level, and draws of every level (chain, draw, levels)."""


@dataclass(frozen=True)
class Comparison:
    """What levels are compared with.

    Parameters
    ----------
    fitted : Fitted
    group : Membership
    against, weights : str
        Keys of `AGAINST` and `WEIGHTS`.
    ropes : mapping of str to region
    """

    fitted: Fitted
    group: Membership
    against: str
    weights: str
    ropes: Ropes

    def share(self) -> np.ndarray:
        """Return the weight of every level in the mean of all: array (levels,)."""
        n = self.group.counts(self.fitted.design)[0]
        if self.weights == "levels":
            return np.asarray((n > 0) / (n > 0).sum())
        term, patients = self.fitted.design.terms.get(self.group.by), patients_and_events(self.fitted.design)[0]
        own = self.group.members if term is None else np.nan_to_num(level_weights(self.fitted.design, self.group.by))
        total = patients @ own
        return np.asarray(total / total.sum())

    def apart(self, values: np.ndarray, place: int, share: np.ndarray) -> np.ndarray:
        """Return a level's value less the mean of all, or of the others, weighed: array (chain, draw)."""
        mean = values[..., share > 0] @ share[share > 0]
        own = values[..., place] - mean
        return np.asarray(own / (1 - share[place]) if self.against == "rest" else own)


def levels_asked(fitted: Fitted, group: Membership, level: str | None) -> list[int]:
    """Return the places of the levels to compare: the one named, or all that have patients and leave a rest.

    Raises
    ------
    CasepoolError
        For a level the grouping lacks, one without patients, or one of all patients.
    """
    n = group.counts(fitted.design)[0]
    total = patients_and_events(fitted.design)[0]
    rest = total @ ~group.members
    if level is None:
        found = [int(i) for i in np.flatnonzero((n > 0) & (rest > 0))]
        if not found or (n > 0).sum() < 2:
            raise CasepoolError(f"{group.by!r} has one level with patients, so no rest", remedy="use another factor")
        return found
    if level not in group.levels:
        raise CasepoolError(
            "no such level", column=group.by, value=level, remedy=f"choose one of {', '.join(group.levels)}"
        )
    place = group.levels.index(level)
    if not n[place]:
        raise CasepoolError(
            "no patient of this level in the fit", column=group.by, value=level, remedy="choose another level"
        )
    if not rest[place] or (n > 0).sum() < 2:
        raise CasepoolError(
            "no patient has another level, so there is no rest",
            column=group.by,
            value=level,
            remedy="choose another factor",
        )
    return [place]


def against_rows(comparison: Comparison, places: list[int], targets: list[str], at: Any) -> list[Told]:
    """Return the rows of every level asked for, each with its draws."""
    own = comparison
    survival = own.fitted.is_survival
    quantities: list[tuple[dict[str, Any], Callable[[int], np.ndarray], float | None]] = []
    for target in targets:
        quantities += _in_patients(own, at) if target == "observed" else _standardised(own, at)
    quantities += _on_the_log_scale(own)
    if not quantities:
        exposure = next(iter(own.fitted.model.exposures))
        raise CasepoolError(f"with an exposure in the model, survival is described by {exposure!r}", remedy="use that")
    told: list[Told] = []
    aliased = _aliased(own)
    for place in places:
        level = f"{own.group.levels[place]} vs {AGAINST[own.against]}"
        for about, of, threshold in quantities:
            row = {"by": own.group.by, "level": level, "source": "shrunk", **_counted(own, place, str(about["at"]))}
            row |= about | {"note": about["note"] + aliased.get(own.group.levels[place], NONE)}
            draws, name = of(place), str(about["region"])
            del row["region"]
            told.append((row, draws))
            if threshold == 1.0 and survival and name == "hazard ratio":
                told.append((chance(row, "< 1"), (draws < 1) + 0.5 * (draws == 1)))
            else:
                told += beyond(row, draws, threshold)
            told += within(row, draws, own.ropes.get(name))
    return told


def _counted(own: Comparison, place: int, at: str) -> dict[str, Any]:
    """Return how many patients and events are compared, and whether one side has no events."""
    design = own.fitted.design
    n, events = patients_and_events(design)
    if not own.fitted.is_survival and at:
        events = next((counted(design, end) for end in at_least(own.fitted.model) if end.at == at), events)
    inside = own.group.members[:, place]
    sides = [(n @ who, events @ who) for who in (inside, ~inside)]
    reached, sizes = [k for _, k in sides], [size for size, _ in sides]
    apart = separated(reached) if own.fitted.is_survival else separated(reached, sizes)
    return {"n": n.sum(), "events": events.sum(), **apart}


def _in_patients(own: Comparison, at: Any) -> list[Any]:
    """Tell the patients of a level less everybody else, or everybody: what `estimates` calls observed."""
    fitted, members = own.fitted, own.group.members
    weight = patients_and_events(fitted.design)[0]

    def apart(values: np.ndarray, place: int) -> np.ndarray:
        inside = members[:, place]
        other = ~inside if own.against == "rest" else np.ones(len(inside), dtype=bool)
        means = [np.average(values[..., who], axis=-1, weights=weight[who]) for who in (inside, other)]
        return np.asarray(means[0] - means[1])

    note = remark("observed against", against=AGAINST[own.against], by=own.group.by)
    if own.against == "rest" and not members.any(axis=1).all():
        note += remark("no level among the rest", by=own.group.by)
    return _differences(own, "observed", note, at, apart, lambda t: _by_patient(fitted, t),
                        lambda: category_chances(fitted.design, fitted.parameters))  # fmt: skip


def _standardised(own: Comparison, at: Any) -> list[Any]:
    """Tell everybody set to a level less the mean of everybody set to each level, weighed."""
    fitted, share = own.fitted, own.share()

    def alive(t: float) -> np.ndarray:
        whole = everywhere(fitted)
        curves = (curve(whole, whole.undated.at_level(own.group.by, level), np.inf) for level in own.group.levels)
        return np.stack([each.survival(t) for each in curves], axis=-1)

    answer = None if fitted.is_survival else ANSWERS["standardised"](fitted, own.group)
    note = remark("standardised against", against=AGAINST[own.against], weights=WEIGHTS[own.weights])
    return _differences(own, "standardised", note, at, lambda values, place: own.apart(values, place, share), alive,
                        lambda: [] if answer is None else answer.categories)  # fmt: skip


def _differences(
    own: Comparison,
    target: str,
    note: Remarks,
    at: Any,
    apart: Callable[[np.ndarray, int], np.ndarray],
    alive: Callable[[float], np.ndarray],
    categories: Callable[[], list[np.ndarray]],
) -> list[Any]:
    """Return the differences of a response's endpoints, or of survival at times, each as a function of the level."""
    fitted, unit = own.fitted, {"unit": "difference", "kind": "difference", "note": note}
    found: list[Any] = []
    row: dict[str, Any]
    if not fitted.is_survival:
        chances = categories()
        for end in at_least(fitted.model):
            of = f", {end.at}" if end.at else ""
            row = {"estimand": f"{target} risk difference{of}", "at": end.at, "region": "risk difference"} | unit
            values = end.of(chances)
            found.append((row, lambda place, values=values: apart(values, place), 0.0))
        return found
    if fitted.model.exposures:
        return []
    out = fitted.model.outcome
    for t in times_of(fitted, at):
        words = f"{target} difference in {out.staying} at {t:g} {fitted.unit}"
        row = {"estimand": words, "at": t, "region": "difference in survival"} | unit
        if t > float(fitted.design.outcome["time"].max()):
            last = OfOne(f"{fitted.design.outcome['time'].max():g} {fitted.unit}")
            row |= {"note": remark("extrapolated", last=last) + note}
        values = alive(t)
        found.append((row, lambda place, values=values: apart(values, place), 0.0))
    return found


def _by_patient(fitted: Fitted, t: float) -> np.ndarray:
    """Return every patient's probability of surviving to a time: array (chain, draw, patients)."""
    found = curve(fitted, fitted.undated, np.inf).by_patient(t)
    return np.broadcast_to(found, (*found.shape[:2], len(fitted.design.patients)))


def _on_the_log_scale(own: Comparison) -> list[Any]:
    """Tell a level's effect less the weighed mean of the others', of a survival model as a ratio."""
    fitted = own.fitted
    effect = fitted.parameters.get(effect_of(own.group.by))
    if not own.group.is_term or effect is None:
        return []
    coded, share = fitted.design.terms[own.group.by].coded, own.share()
    choices = np.stack([coded.choice_of(level) for level in own.group.levels], axis=-1)
    note = remark("standardised against", against=AGAINST[own.against], weights=WEIGHTS[own.weights])
    steps = coded.term.each_step
    each = {at: effect[..., j] for j, at in enumerate(fitted.model.steps)} if steps else {"": effect}
    found: list[Any] = []
    for at, values in each.items():
        levels = values @ choices
        row: dict[str, Any] = {"at": at, "note": note}
        if fitted.is_survival:
            name = ratio_name(fitted.model)
            row |= {"estimand": name, "unit": "ratio", "kind": "ratio", "region": name}
            found.append((row, lambda place, levels=levels: np.exp(own.apart(levels, place, share)), 1.0))
        else:
            link = {"cumulative": "cumulative ", "adjacent": "adjacent-category "}.get(fitted.model.link, "")
            row |= {"estimand": f"{link}log odds difference", "unit": "log odds", "kind": "difference"}
            row |= {"region": "log odds difference"}
            found.append((row, lambda place, levels=levels: own.apart(levels, place, share), 0.0))
    return found


def _aliased(own: Comparison) -> dict[str, Remarks]:
    """Say of every level that only the prior tells from others so, and from which."""
    if not own.group.is_term:
        return {}
    table = aliasing_of(own.fitted)
    mine = table[(table["factor"] == own.group.by) & ~table["separated"].astype(bool)]
    because = mine["because"] if own.fitted.public else [""] * len(mine)
    return {
        level: remark("aliased", level=level, because=f" ({why})" if why else "")
        for level, why in zip(mine["level"], because, strict=True)
    }
