"""Directions in which a likelihood rises for ever, found before it is climbed.

Along a direction the log of a cumulative hazard changes in proportion to a linear form of the direction: the sum of
the covariates, the exposure's coefficient, and what time adds as the family's own parameter goes to its end. The
likelihood does not fall where that form is 0 at every event and nowhere above 0 at any time at risk; it rises where the
form is below 0 somewhere, or where the density at the events grows. Whether there is such a direction is a linear
programme, so that the answer does not hang on where an iteration gave up (Albert and Anderson 1984 for the idea).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, optimize, sparse

from casepool.errors import CasepoolError
from casepool.frequentist.counting_process import Floats
from casepool.frequentist.patient_likelihood import PatientLikelihood, Rows, limit_of

FAR = 1e4
"""Length of a direction at most: forms that differ by less than its inverse are the same."""
SOME = 1e-3
"""Of a slack that may be 1, what is no rounding."""
RATIOS, TRIED, TOGETHER = 10.0, 4, 1e-6
"""Log time ratios gone through, places looked at closely, and log times that are one."""
FLAT = 1e-9
"""Relative size of a singular value that is 0."""


@dataclass(frozen=True)
class Forms:
    """The linear forms of every patient, (patients, coordinates), and which of them there are.

    Parameters
    ----------
    before, after : array (patients, coordinates)
        While at risk before, and after, the exposure began.
    ending : array (patients, coordinates)
        Where the event was.
    at_risk_before, at_risk_after, exact, within : boolean array (patients,)
        Whether there was such time, and whether the event was seen at a time, or known to lie in an interval.
    """

    before: Floats
    after: Floats
    ending: Floats
    at_risk_before: NDArray[np.bool_]
    at_risk_after: NDArray[np.bool_]
    exact: NDArray[np.bool_]
    within: NDArray[np.bool_]

    @property
    def all(self) -> Floats:
        """Every form there is."""
        ends = self.ending[self.exact | self.within]
        return np.concatenate([self.before[self.at_risk_before], self.after[self.at_risk_after], ends])


@dataclass(frozen=True)
class Limit:
    """Where a likelihood that rises for ever ends.

    Parameters
    ----------
    direction : array (coordinates,)
        A direction in which it rises to its limit; zeros if there is none.
    free : boolean array (coordinates,)
        Coordinates that decide the likelihood in its limit.
    told : boolean array (coordinates,)
        Coordinates that are the same in all points of the limit; not asked where some are held.
    rows : Rows
        What tells in the limit.
    """

    direction: Floats
    free: NDArray[np.bool_]
    told: NDArray[np.bool_]
    rows: Rows


def limit(likelihood: PatientLikelihood, held: frozenset[int] = frozenset()) -> Limit:
    """Find the limit of a likelihood some of whose coordinates are held.

    Parameters
    ----------
    likelihood : PatientLikelihood
    held : set of int
    """
    forms = forms_of(likelihood)
    direction, gone = _furthest(forms, [j for j in _places(likelihood) if j not in held])
    before, after, certain = gone
    remaining = Forms(
        forms.before,
        forms.after,
        forms.ending,
        forms.at_risk_before & ~before,
        forms.at_risk_after & ~after,
        forms.exact,
        forms.within & ~certain,
    )
    free, told = np.zeros((2, likelihood.size), dtype=bool)
    tells = [j for j in _places(likelihood) if j not in held]
    free[independent(remaining.all, tells)] = True
    if not held:
        told[tells] = determined(remaining.all[:, tells])
    others = set(range(likelihood.size)) - set(_places(likelihood)) - likelihood.held - held
    free[sorted(others)] = True
    rows = likelihood.rows
    if any(part.any() for part in gone):
        of = likelihood.design.patient_of_row
        accelerated = likelihood.design.model.effects == "accelerated"
        turned = (forms.after - forms.before) @ direction > SOME
        stands = accelerated and bool(before.any()) and bool(turned.any())
        rows = limit_of(rows, (before[of], after[of]), certain[of], reset=stands)
    return Limit(direction, free, told, rows)


def rises_for_ever(likelihood: PatientLikelihood) -> bool:
    """Say whether the likelihood has no maximum as the family's own parameter goes to its end."""
    model = likelihood.design.model
    baseline, free = model.of_family.baseline, [own for own in likelihood.own if own.is_free]
    if baseline is None or baseline.grows is None or len(free) != 1:
        return False
    if likelihood.bends:
        return _all_tied(likelihood)
    signs = (1.0,) if free[0].support.positive else (1.0, -1.0)
    place = likelihood.shared.index(free[0].name)
    places = [*_places(likelihood), place]
    return any(_furthest(forms_of(likelihood, grows=sign), places, last=True)[0][place] > SOME for sign in signs)


def _all_tied(likelihood: PatientLikelihood) -> bool:
    """Say whether an exposure can stretch time so that all events fall on one another, and none follows.

    Accelerated effects bend time: no linear form, so that the exposure's coefficient is gone through.
    """
    columns = np.column_stack([np.ones(len(likelihood.columns)), likelihood.columns])
    if (
        likelihood.design.summed
        or len(np.unique(likelihood.rows.time[likelihood.rows.event == 1])) > columns.shape[1] + 1
    ):
        return False

    def apart(ratio: float) -> float:
        return _least_apart(likelihood.rows, columns, ratio)

    grid = np.linspace(-RATIOS, RATIOS, 8 * int(RATIOS) + 1)
    far = np.array([apart(ratio) for ratio in grid])
    for k in np.argsort(far)[:TRIED]:
        near = optimize.minimize_scalar(
            apart,
            bounds=(grid[max(k - 1, 0)], grid[min(k + 1, len(grid) - 1)]),
            method="bounded",
            options={"xatol": 1e-9},
        )
        if min(far[k], near.fun) < TOGETHER:
            return True
    return False


def _least_apart(rows: Rows, columns: Floats, ratio: float) -> float:
    """Return how far apart events lie at least, or before later times, in log time that an exposure stretches."""

    def stretched(time: Floats) -> Floats:
        spent = np.minimum(time, rows.switch) + np.exp(-ratio) * np.maximum(time - rows.switch, 0.0)
        return np.asarray(np.log(np.maximum(spent, np.finfo(float).tiny)))

    within, begun = rows.between == 1, rows.switch <= rows.time
    alive = np.where(within, np.maximum(rows.lower, np.where(begun, rows.switch, 0.0)), rows.time)
    ends, seen = stretched(rows.time), rows.event == 1
    below = np.concatenate([-columns, columns[seen]])  # at risk, no later; events, no earlier
    known = np.concatenate([-stretched(alive), ends[seen]])
    cost = np.append(np.zeros(columns.shape[1]), 1.0)
    bounds = [(None, None)] * columns.shape[1] + [(0.0, None)]
    moved = np.column_stack([below, -np.ones(len(below))])
    return float(optimize.linprog(cost, A_ub=moved, b_ub=known, bounds=bounds, method="highs").fun)


def signs_of(likelihood: PatientLikelihood, place: int) -> tuple[bool, bool]:
    """Say whether a coordinate may fall, and rise, for ever without the likelihood ever falling."""
    forms, places = forms_of(likelihood), _places(likelihood)
    below, above, equal = _conditions(forms, places)
    target = np.zeros(len(places))
    target[places.index(place)] = 1.0
    found = [_solve(sign * target, np.concatenate([below, -above]), equal, 1.0) for sign in (1.0, -1.0)]
    return found[0].fun < -SOME, found[1].fun < -SOME


def forms_of(likelihood: PatientLikelihood, grows: float = 0.0) -> Forms:
    """Return the linear forms of every patient, with what time adds if the family's parameter `grows` (1 or -1)."""
    rows, design = likelihood.rows, likelihood.design
    first = np.unique(design.patient_of_row, return_index=True)[1]
    out, unit = design.outcome, likelihood.unit
    time, entry, event = (out[name] / unit for name in ("time", "entry", "event"))
    event, within = out["event"] == 1, out.get("between", np.zeros(time.shape)) == 1
    # Of several dates the one that asks least: the earliest where hazards grow with time, else the latest.
    switch = (np.maximum if grows < 0 else np.minimum).reduceat(rows.switch, first)
    begun = switch <= time
    alive = np.maximum(out.get("lower", out["time"]) / unit, np.where(begun, switch, 0.0))
    last = np.where(within, alive, time)
    start, stop = np.maximum(switch, entry), np.minimum(switch, last)
    exposed = (switch < time) | (switch <= entry)
    ends = (entry, start, np.where(within, last, time)) if grows < 0 else (stop, last, time)
    plain = np.zeros((len(time), likelihood.size))
    plain[:, 0], plain[:, len(likelihood.shared) :] = 1.0, likelihood.columns
    after = plain.copy()
    for exposure in design.model.exposures:
        after[:, likelihood.place(exposure)] = 1.0
    forms = [plain, after, np.where(exposed[:, None], after, plain)]
    if design.model.effects == "accelerated":
        forms = [-form for form in forms]
    baseline = design.model.of_family.baseline
    if grows and baseline is not None and baseline.grows is not None:
        place = next(likelihood.shared.index(own.name) for own in likelihood.own if own.is_free)
        for form, end in zip(forms, ends, strict=True):
            form[:, place] = grows * baseline.grows(np.where(end > 0, end, np.finfo(float).tiny))
    before, after, ending = forms
    return Forms(before, after, ending, stop > entry, last > start, event & ~within, event & within)


def _places(likelihood: PatientLikelihood) -> list[int]:
    """Return the coordinates that linear forms are of: intercept, exposure, terms."""
    exposures = [likelihood.place(name) for name in likelihood.design.model.exposures]
    return [0, *exposures, *range(len(likelihood.shared), likelihood.size)]


def _conditions(forms: Forms, places: list[int]) -> tuple[Floats, Floats, Floats]:
    """Return the forms that must not lie above 0, not below 0, and at 0."""
    below = np.concatenate([forms.before[forms.at_risk_before], forms.after[forms.at_risk_after]])
    return below[:, places], forms.ending[forms.within][:, places], forms.ending[forms.exact][:, places]


def _furthest(
    forms: Forms, places: list[int], *, last: bool = False
) -> tuple[Floats, tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]]:
    """Find the direction along which most forms leave 0, and which do: hazards gone before and after, events certain.

    `last` asks for the last of the places alone, that it grow.
    """
    size, n = forms.before.shape[1], len(forms.exact)
    nothing = np.zeros(n, dtype=bool)
    direction = np.zeros(size)
    below, above, equal = _conditions(forms, places)
    moving = np.concatenate([below, -above])
    if not places or not (moving.size or last):
        return direction, (nothing, nothing, nothing)
    if last:
        wanted = np.concatenate([np.zeros(len(places) - 1), [-1.0]])
        found = _solve(wanted, moving, equal, 1.0, least=0.0)
        direction[places] = found.x
        return direction, (nothing, nothing, nothing)
    slack = np.concatenate([np.zeros(len(places)), -np.ones(len(moving))])
    a = sparse.hstack([sparse.csr_array(moving), sparse.eye_array(len(moving))])
    b = sparse.hstack([sparse.csr_array(equal), sparse.csr_array((len(equal), len(moving)))])
    found = _solve(slack, a, b, FAR, free=len(places))
    direction[places] = found.x[: len(places)]
    left = found.x[len(places) :] > SOME
    counts = np.cumsum([forms.at_risk_before.sum(), forms.at_risk_after.sum()])
    gone = [nothing.copy() for _ in range(3)]
    for one, which, part in zip(
        gone, (forms.at_risk_before, forms.at_risk_after, forms.within), np.split(left, counts), strict=True
    ):
        one[which] = part
    if not left.any():
        direction[:] = 0.0
    return direction, (gone[0], gone[1], gone[2])


def _solve(cost: Floats, below: Any, equal: Any, far: float, *, free: int = 0, least: float | None = None) -> Any:
    """Minimise over directions of limited length; slacks beyond the first `free` places lie between 0 and 1."""
    n = len(cost)
    bounds = [(-far, far)] * (free or n) + [(0.0, 1.0)] * (n - (free or n))
    if least is not None:
        bounds[-1] = (least, 1.0)
    fine = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
    zeros = {"b_ub": np.zeros(below.shape[0]), "b_eq": np.zeros(equal.shape[0])}
    found = optimize.linprog(cost, A_ub=below, A_eq=equal, bounds=bounds, method="highs", options=fine, **zeros)
    if found.x is None:
        raise CasepoolError("the search for a maximum did not end", remedy="report this table")
    return found


def determined(forms: Floats) -> NDArray[np.bool_]:
    """Say of every coordinate whether the values of all forms determine it."""
    if not forms.size:
        return np.zeros(forms.shape[1], dtype=bool)
    size, rows = linalg.eigh(forms.T @ forms)
    rows = rows[:, size > FLAT * max(size[-1], 1.0)]
    return np.asarray((rows**2).sum(axis=1) > 1 - FLAT)


def independent(forms: Floats, places: list[int]) -> list[int]:
    """Return coordinates that the forms tell apart, as many as they can."""
    if not forms.size or not places:
        return []
    r, pivots = linalg.qr(forms[:, places], mode="r", pivoting=True)
    size = np.abs(np.diag(r))
    return [places[j] for j in pivots[: int((size > FLAT * max(size[0], 1.0)).sum())]]
