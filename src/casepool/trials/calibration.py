"""The threshold of success at which a design errs no more often than is allowed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from casepool.arguments import flag_of, is_number, one_of
from casepool.errors import CasepoolError
from casepool.studies.journal import open_journal
from casepool.trials.characteristics import wilson
from casepool.trials.enumeration import OPEN, SUCCEEDED
from casepool.trials.execution import AUTO, Course, Execution
from casepool.trials.files import MOST_CONFIGURED, configurations, trial_design
from casepool.trials.rules import FUTILITY, NULL, PREDICTIVE, PROBABILITY, SUCCESS, Criterion, Rule
from casepool.trials.specification import KEPT, Calibration, Scenario, TrialDesign

if TYPE_CHECKING:
    from distributed import Client

FAMILY, BASKET = "family_wise", "basket"
OVER_NULL, OVER_ALL = "null", "configurations"


def calibrate(
    design: str | Path | TrialDesign,
    *,
    at: float,
    error: str = FAMILY,
    over: str = OVER_NULL,
    seed: int | None = None,
    trials: int = 10_000,
    method: str = AUTO,
    journal: str | Path | None = None,
    client: Client | None = None,
    progress: bool = True,
) -> TrialDesign:
    """Set the threshold of success so that a design errs no more often than is allowed.

    Parameters
    ----------
    design : str or pathlib.Path or TrialDesign
    at : float
        The largest error allowed.
    error : {"family_wise", "basket"}
        Of any basket at or below its null, or of the worst single one.
    over : {"null", "configurations"}
        With all baskets at their nulls, or under every pattern of null and target: strong control.
    seed, trials, method, journal, client, progress
        As of `operating_characteristics`; of a simulated error the upper Monte Carlo limit is held.

    Returns
    -------
    TrialDesign
        The design with the shortest decimal among the thresholds of the same error. Its ``calibration`` says these,
        the error, the error one step lower, and the worst error over all patterns: calibrated at the null alone is no
        strong control.

    Raises
    ------
    CasepoolError
        For a rule of success without a probability, a predictive rule, which would move along, and an error that no
        threshold holds.

    See Also
    --------
    operating_characteristics, trial_design

    Examples
    --------
    >>> import casepool as cp
    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> import tomli_w
    >>> success = {"probability_above": {"rate": "null", "more_than": 0.9}}
    >>> text = {"model": "basket_pooled", "null": 0.2, "target": 0.5, "baskets": {"a": {"n": 12}}, "success": success}
    >>> _ = (folder / "one.toml").write_text(tomli_w.dumps(text))
    >>> found = cp.calibrate(folder / "one.toml", at=0.1)
    >>> round(found.calibration.found, 3)
    0.073
    """
    flag_of(progress, "progress")
    one_of(error, (FAMILY, BASKET), "error")
    one_of(over, (OVER_NULL, OVER_ALL), "`over`")
    if not is_number(at) or not 0 < at < 1:
        raise CasepoolError("`at` must lie between 0 and 1", value=at, remedy="give at=0.05, say")
    chosen = trial_design(design)
    criterion = _criterion(chosen)
    patterns = [Scenario(NULL, tuple(map(float, chosen.null)))]
    every = len(chosen.baskets) <= MOST_CONFIGURED
    if over == OVER_ALL and not every:
        raise CasepoolError(
            f"every pattern of more than {MOST_CONFIGURED} baskets is too many", file=chosen.name, value=over,
            remedy='use over="null"',
        )  # fmt: skip
    if every:
        patterns += configurations("pattern", chosen.baskets)[1:-1]
    with open_journal(journal, progress=progress) as kept:
        looked_at = replace(chosen, scenarios=tuple(patterns))
        how: dict[str, Any] = {"method": method, "seed": seed, "trials": trials, "progress": progress, "client": client}
        run = Execution.of(looked_at, kept, **how)
        curves = [_Curve.of(run, course, criterion, error) for course in run.courses()]
    held = curves if over == OVER_ALL else curves[:1]
    found = _threshold(held, at, chosen)
    worst = max(curve.error(found.threshold) for curve in curves) if every else float("nan")
    return _with_threshold(replace(chosen, calibration=replace(found, error=error, over=over, worst=worst)), criterion)


def _criterion(design: TrialDesign) -> Criterion:
    """Return the criterion whose limit is moved: the probability that a rate lies above null, or another one."""
    asked = sorted(
        (own for own in design.success.criteria if own.kind == PROBABILITY), key=lambda own: own.rate != NULL
    )
    if not asked:
        raise CasepoolError(
            "the rule of success has no probability to calibrate", file=design.name, column=SUCCESS,
            remedy='write probability_above = { rate = "null", more_than = 0.95 }',
        )  # fmt: skip
    futility = design.rules.get(FUTILITY)
    if futility and any(own.kind == PREDICTIVE for own in futility.criteria):
        raise CasepoolError(
            "a predictive rule moves with the threshold of success, so that error is no step function of it",
            file=design.name, column=f"{FUTILITY}.predictive", remedy="state futility by a probability",
        )  # fmt: skip
    return asked[0]


@dataclass(frozen=True)
class _Curve:
    """The error under one pattern as a function of the threshold.

    Parameters
    ----------
    at : array (rows, null baskets), or (rows, 1) of the whole family
        Up to which threshold each succeeds falsely: 1 where whatever the threshold, 0 where never.
    weight : array (rows,)
    trials : int
    """

    at: np.ndarray
    weight: np.ndarray
    trials: int

    @classmethod
    def of(cls, run: Execution, course: Course, criterion: Criterion, error: str) -> _Curve:
        design, ended = run.design, course.ended
        assert course.told is not None  # noqa: S101 - the rule asks for a probability
        share = run.decisions.above(course.told, design.rates_of(criterion.rate))
        others = tuple(own for own in design.success.criteria if own is not criterion)
        if others:
            share = share * run.decisions.held(Rule(SUCCESS, others), ended.events, ended.n)
        if design.looks.closed == KEPT:
            share = np.where(ended.closed_at == OPEN, share, np.where(ended.early == SUCCEEDED, 1.0, 0.0))
        null = np.array(course.scenario.rates) <= design.null
        share = share[:, null]
        if error == FAMILY and null.any():
            share = share.max(axis=1, keepdims=True)  # the first false success is the family's error
        return cls(share, course.weight, course.trials)

    def error(self, threshold: float) -> float:
        """Return the error at a threshold."""
        return float((self.weight @ (self.at > threshold)).max(initial=0.0))

    def held(self, threshold: float) -> float:
        """Return what must not exceed the error allowed: of a simulated one its upper Monte Carlo limit."""
        error = self.error(threshold)
        return wilson(error, self.trials)[1] if self.trials else error


def _threshold(curves: list[_Curve], at: float, design: TrialDesign) -> Calibration:
    """Find the lowest step of the error that is low enough."""
    steps = np.unique(np.concatenate([np.zeros(1), *(curve.at.ravel() for curve in curves)]))
    steps = steps[steps < 1]

    def held(place: int) -> float:
        return max(curve.held(float(steps[place])) for curve in curves)

    low, high = 0, len(steps) - 1
    if held(high) > at:
        raise CasepoolError(
            f"no threshold holds this error: {held(high):.4g} remain", file=design.name, value=at,
            remedy="make early success stricter, or simulate more trials",
        )  # fmt: skip
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if held(middle) <= at else (middle + 1, high)
    lower = float(steps[low])
    upper = float(steps[low + 1]) if low + 1 < len(steps) else 1.0
    threshold = _shortest(lower, upper)
    found = max(curve.error(threshold) for curve in curves)
    before = max(curve.error(float(steps[low - 1])) for curve in curves) if low else float("nan")
    return Calibration(at, threshold, lower, upper, found, before)


def _shortest(lower: float, upper: float) -> float:
    """Return the shortest decimal from `lower` to below `upper`, and above 0."""
    for digits in range(1, 16):
        found = np.ceil(lower * 10**digits - 1e-9) / 10**digits
        if max(lower, 0.0) <= found < upper and 0 < found < 1:
            return float(round(found, digits))
    return (lower + upper) / 2


def _with_threshold(design: TrialDesign, criterion: Criterion) -> TrialDesign:
    assert design.calibration is not None  # noqa: S101
    limit = (design.calibration.threshold,)
    criteria = tuple(replace(own, limits=limit) if own is criterion else own for own in design.success.criteria)
    return replace(design, rules={**design.rules, SUCCESS: Rule(SUCCESS, criteria)})
