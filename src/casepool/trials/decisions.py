"""A look's data become decisions: which baskets succeed, and which are closed as futile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

from casepool.trials.analysis import NEAR, NEARER, Analysis, Told
from casepool.trials.rules import (
    EARLY,
    FUTILITY,
    MEAN,
    PREDICTIVE,
    PROBABILITY,
    RESPONDERS,
    RISING,
    SUCCESS,
    Criterion,
    Rule,
)
from casepool.trials.specification import TrialDesign


@dataclass(frozen=True)
class Verdicts:
    """What the rules say of some tables.

    Parameters
    ----------
    success, futile : boolean array (tables, baskets)
    hanging : boolean array (tables,)
        Where a number lies so near its limit that the sums leave open on which side.
    """

    success: np.ndarray
    futile: np.ndarray
    hanging: np.ndarray


Judge = Callable[[int, np.ndarray, np.ndarray], Verdicts]
"""From the number of a look, counted from 0, responders and patients (tables, baskets)."""


@dataclass
class Decisions:
    """The rules of a design, asked of many tables at once; a `Judge`.

    Parameters
    ----------
    design : TrialDesign
    analysis : Analysis, optional
        None where every rule counts responders.
    """

    design: TrialDesign
    analysis: Analysis | None

    @classmethod
    def of(cls, design: TrialDesign) -> Decisions:
        """Make the decisions of a design."""
        if design.model is None:
            return cls(design, None)
        rates = rates_asked(design)
        return cls(design, Analysis.of(design.model, design.most, design.cases, design.cases_weight, rates))

    def __call__(self, look: int, events: np.ndarray, n: np.ndarray) -> Verdicts:
        """Judge tables at a look."""
        last = look == self.design.number_of_looks - 1
        asked = (SUCCESS,) if last else (EARLY, FUTILITY)
        rules = [self.design.rules[name] for name in asked if name in self.design.rules]
        place = 0 if last else look
        found, near = self._held(rules, place, events, n, finer=False)
        again = np.flatnonzero(near)
        if len(again):
            found_again, near_again = self._held(rules, place, events[again], n[again], finer=True)
            near[again] = near_again
            for name in found:
                found[name][again] = found_again[name]
        nothing = np.zeros(events.shape, bool)
        return Verdicts(found.get(asked[0], nothing), found.get(FUTILITY, nothing), near)

    def held(self, rule: Rule, events: np.ndarray, n: np.ndarray) -> np.ndarray:
        """Say where a rule of the last look holds: boolean array (tables, baskets)."""
        return self._held([rule], 0, events, n, finer=False)[0][rule.name]

    def _held(
        self, rules: list[Rule], look: int, events: np.ndarray, n: np.ndarray, *, finer: bool
    ) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Say where each rule holds, and which tables lie so near a limit that sums must be finer."""
        needs = [rule for rule in rules if any(own.kind in (PROBABILITY, MEAN) for own in rule.criteria)]
        told = self.analysis.told(events, n, finer=finer) if needs and self.analysis else None
        near = np.zeros(len(events), bool)
        found = {}
        for rule in rules:
            holds = n >= rule.from_n
            for own in rule.criteria:
                limit, rising = own.limit(look), RISING[rule.name]
                if own.kind == RESPONDERS:
                    holds = holds & (events >= limit if rising else events <= limit)
                    continue
                values = self.predictive(events, n) if own.kind == PREDICTIVE else self._values(own, told)
                holds = holds & (values > limit if rising else values < limit)
                near |= (np.abs(values - limit) <= (NEARER if finer else NEAR)).any(axis=1)
            found[rule.name] = holds
        return found, near

    def _values(self, criterion: Criterion, told: Told | None) -> np.ndarray:
        """Return the number a criterion of the posterior compares: array (tables, baskets)."""
        assert told is not None  # noqa: S101 - a design without a model counts only
        return told.mean if criterion.kind == MEAN else self.above(told, self.design.rates_of(criterion.rate))

    def above(self, told: Told, rates: np.ndarray) -> np.ndarray:
        """Return the probability that each basket's rate lies above its own of some rates asked about."""
        assert self.analysis is not None  # noqa: S101
        places = [self.analysis.rates.index(float(rate)) for rate in rates]
        return told.above[:, np.arange(len(places)), places]

    def predictive(self, events: np.ndarray, n: np.ndarray) -> np.ndarray:
        """Return the predictive probability of success at the end, the other baskets as they stand.

        A basket with r patients to come has r + 1 outcomes, weighed by ratios of evidences.
        """
        assert self.analysis is not None  # noqa: S101
        found = np.empty(events.shape)
        rule = self.design.success
        for basket, most in enumerate(self.design.most.values()):
            rest = most - n[:, basket]
            row = np.repeat(np.arange(len(events)), rest + 1)
            more = np.arange(len(row)) - np.repeat(np.cumsum(rest + 1) - rest - 1, rest + 1)
            y, m = events[row].copy(), n[row].copy()
            y[:, basket] += more
            m[:, basket] = most
            before, after = self.analysis.told(events, n).log_evidence, self.analysis.told(y, m).log_evidence
            chance = np.exp(after - before[row] + log_ways(rest[row], more))
            found[:, basket] = np.bincount(row, chance * self.held(rule, y, m)[:, basket], len(events))
        return found


def log_ways(n: np.ndarray, k: np.ndarray) -> np.ndarray:
    """Return the log of in how many ways k of n patients respond."""
    return np.asarray(special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1))


def rates_asked(design: TrialDesign) -> tuple[float, ...]:
    """Return the rates that rules and scores of a design ask about: nulls and those of criteria."""
    criteria = [own for rule in design.rules.values() for own in rule.criteria if own.kind == PROBABILITY]
    each = [design.null, *(design.rates_of(own.rate) for own in criteria)]
    return tuple(sorted({float(rate) for rates in each for rate in rates}))
