"""The design of a trial as text: baskets, looks, rules, scenarios. Frozen, printed in sentences, a file both ways."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import tomli_w

from casepool.modelling import Model
from casepool.trials.rules import EARLY, FUTILITY, SUCCESS, Rule

SIZES, MONTHS, TOTAL = "sizes", "months", "total"
KEPT, REVISED = "kept", "revised"
POSTERIOR, PRIOR = "posterior", "prior"


@dataclass(frozen=True)
class Basket:
    """One arm of the trial.

    Parameters
    ----------
    name : str
    n : tuple of int
        Patients with an outcome at each look, cumulative; the last is the most.
    null, target : float
        Uninteresting and hoped-for response rate.
    accrual : float, optional
        Patients a month.
    """

    name: str
    n: tuple[int, ...]
    null: float
    target: float
    accrual: float | None = None


@dataclass(frozen=True)
class Looks:
    """When the trial is analysed.

    Parameters
    ----------
    when : {"sizes", "months", "total"}
    at : tuple of float
        Months, or patients with an outcome in all baskets.
    response_after : float
        Months from entry to outcome.
    closed : {"kept", "revised"}
        Whether decisions of closed baskets stand, or are judged again at the end.
    """

    when: str = SIZES
    at: tuple[float, ...] = ()
    response_after: float = 0.0
    closed: str = KEPT


@dataclass(frozen=True)
class Drawn:
    """Rates drawn anew for each trial.

    Parameters
    ----------
    source : {"posterior", "prior"}
    model : Model or None
        None where draws are those of a saved fit.
    model_text, cases, fit : str
        Names or files.
    cases_weight : float
    shift : float
        Log odds added to every rate.
    """

    source: str
    model: Model | None = None
    model_text: str = ""
    cases: str = ""
    cases_weight: float = 1.0
    shift: float = 0.0
    fit: str = ""


@dataclass(frozen=True)
class Scenario:
    """True rates under which a design is looked at.

    Parameters
    ----------
    name : str
    rates : tuple of float
        One a basket; none where they are drawn.
    drawn : Drawn, optional
    group : str
        The entry of the file it comes from, where that stands for many.
    """

    name: str
    rates: tuple[float, ...] = ()
    drawn: Drawn | None = None
    group: str = ""


@dataclass(frozen=True)
class Calibration:
    """How the threshold of success was found.

    Parameters
    ----------
    at : float
        The error allowed.
    threshold, lower, upper : float
        The one written, and from where to (not including) where all have the same error.
    found, one_lower : float
        That error, and the one a step lower, NaN at the lowest.
    error, over : str
        Which error, and over what.
    worst : float
        The largest over all patterns of null and target; NaN where these are too many.
    """

    at: float
    threshold: float
    lower: float
    upper: float
    found: float
    one_lower: float
    error: str = ""
    over: str = ""
    worst: float = float("nan")

    def says(self) -> str:
        """Put it into words."""
        return (
            f"Calibrated to a {self.error.replace('_', '-')} error of {self.at:g} over {self.over}: thresholds from "
            f"{self.lower:.6f} to below {self.upper:.6f} err in {self.found:.6f}, one step lower in "
            f"{self.one_lower:.6f}; the worst over all configurations is {self.worst:.6f}."
        )


@dataclass(frozen=True)
class TrialDesign:
    """A trial: its baskets, looks, rules and scenarios, and the model it is analysed by.

    Made by `trial_design`; ``print(design)`` says it in sentences, `to_toml` writes it as a file.

    See Also
    --------
    trial_design, operating_characteristics

    Examples
    --------
    >>> import casepool as cp
    >>> print(cp.trial_design("simon_two_stage"))
    Simon's optimal two-stage design (1989): null 10%, target 30%, errors 5% and 20%
    <BLANKLINE>
    everyone: 10, 29 patients; null 0.1, target 0.3
    Looks: 2, when every open basket has its patients.
    Decisions of closed baskets stand; their patients stay in the analysis.
    Success at the end: at least 6 responders.
    Closed for futility at an earlier look: at most 1 responders.
    Scenarios: null, target, curve.
    <BLANKLINE>
    No model: every rule counts responders.
    """

    name: str
    title: str
    baskets: tuple[Basket, ...]
    looks: Looks
    rules: Mapping[str, Rule]
    scenarios: tuple[Scenario, ...]
    model: Model | None = None
    model_text: str = ""
    cases: str = ""
    cases_weight: float = 1.0
    plain_scenarios: Mapping[str, Any] = field(default_factory=dict)
    calibration: Calibration | None = field(default=None, compare=False)

    @property
    def success(self) -> Rule:
        """The rule at the last look."""
        return self.rules[SUCCESS]

    @property
    def names(self) -> tuple[str, ...]:
        """The baskets' names."""
        return tuple(basket.name for basket in self.baskets)

    @cached_property
    def sizes(self) -> np.ndarray:
        """Patients at each look: integer array (baskets, looks)."""
        return np.array([basket.n for basket in self.baskets])

    @property
    def most(self) -> dict[str, int]:
        """The most patients of every basket."""
        return {basket.name: basket.n[-1] for basket in self.baskets}

    @property
    def number_of_looks(self) -> int:
        """How often the trial is analysed, the last time included."""
        return len(self.looks.at) or self.sizes.shape[1]

    @cached_property
    def null(self) -> np.ndarray:
        """Uninteresting rates: array (baskets,)."""
        return np.array([basket.null for basket in self.baskets])

    @cached_property
    def target(self) -> np.ndarray:
        """Hoped-for rates: array (baskets,)."""
        return np.array([basket.target for basket in self.baskets])

    @property
    def has_accrual(self) -> bool:
        """Whether patients enter in time."""
        return self.baskets[0].accrual is not None

    def rates_of(self, rate: str | float) -> np.ndarray:
        """Return each basket's own rate of a criterion: array (baskets,)."""
        if isinstance(rate, str):
            return self.null if rate == "null" else self.target
        return np.full(len(self.baskets), rate)

    def rule_text(self) -> str:
        """Return all rules in one line."""
        words = {SUCCESS: "success", FUTILITY: "futility", EARLY: "early success"}
        return "; ".join(f"{words[key]}: {self.rules[key].says()}" for key in words if key in self.rules)

    def to_toml(self) -> str:
        """Return the design as its file."""
        plain: dict[str, Any] = {"title": self.title}
        if self.model is not None:
            plain["model"] = self.model_text
        if self.cases:
            plain |= {"cases": self.cases, "cases_weight": self.cases_weight}
        plain["baskets"] = {
            own.name: {"n": list(own.n), "null": own.null, "target": own.target}
            | ({} if own.accrual is None else {"accrual": own.accrual})
            for own in self.baskets
        }
        looks: dict[str, Any] = {"closed": self.looks.closed}
        if self.has_accrual:
            looks |= {"when": self.looks.when, "response_after": self.looks.response_after}
            looks |= {"at": list(self.looks.at)} if self.looks.at else {}
        plain["looks"] = looks
        plain |= {name: self.rules[name].plain() for name in (SUCCESS, FUTILITY, EARLY) if name in self.rules}
        if self.plain_scenarios:
            plain["scenarios"] = self.plain_scenarios
        return tomli_w.dumps(plain)

    def __str__(self) -> str:
        """Return the design in sentences."""
        return "\n".join([*self._head(), *self._analysis(), *self._cautions()])

    def _head(self) -> list[str]:
        lines = [self.title, ""]
        for own in self.baskets:
            sizes = ", ".join(map(str, own.n))
            pace = "" if own.accrual is None else f", {own.accrual:g} patients a month"
            lines.append(f"{own.name}: {sizes} patients; null {own.null:g}, target {own.target:g}{pace}")
        if self.looks.at:
            unit = "months" if self.looks.when == MONTHS else "patients with an outcome"
            lines.append(f"Looks: at {', '.join(f'{at:g}' for at in self.looks.at)} {unit}.")
        else:
            lines.append(f"Looks: {self.number_of_looks}, when every open basket has its patients.")
        if self.has_accrual:
            lines.append(f"An outcome is known {self.looks.response_after:g} months after entry.")
        ends = "stand" if self.looks.closed == KEPT else "are judged again at the end"
        if self.number_of_looks > 1:
            lines.append(f"Decisions of closed baskets {ends}; their patients stay in the analysis.")
        lines.append(f"Success at the end: {self.success.says()}.")
        if FUTILITY in self.rules:
            lines.append(f"Closed for futility at an earlier look: {self.rules[FUTILITY].says()}.")
        if EARLY in self.rules:
            lines.append(f"Early success: {self.rules[EARLY].says()}.")
        groups = dict.fromkeys(own.group or own.name for own in self.scenarios)
        return [*lines, f"Scenarios: {', '.join(groups)}."]

    def _analysis(self) -> list[str]:
        if self.model is None:
            return ["", "No model: every rule counts responders."]
        cases = f", with the cases {self.cases} (weight {self.cases_weight:g})" if self.cases else ", without cases"
        reasons = [f"  {line}  [{self.model.prior(key).why}]" for key, line in _priors(self.model)]
        return ["", f"Analysed by {self.model_text}{cases}: {self.model.title}", *reasons]

    def _cautions(self) -> list[str]:
        lines = [self.calibration.says()] if self.calibration else []
        if self.cases:
            lines.append("Error rates are those given these very cases.")
        target = self.model.outcome.target if self.model else None
        if isinstance(target, float) and any(abs(own.null - target) > 1e-12 for own in self.baskets):
            lines.append(f"The model's target rate is {target:g}, another number than the null of some baskets.")
        if any(own.drawn for own in self.scenarios):
            lines.append("A posterior of published cases is no posterior of the next patients.")
        return lines


def _priors(model: Model) -> list[tuple[str, str]]:
    return [(key, f"{key} ~ {model.prior(key)}") for key in model.prior_keys if key in model.priors]
