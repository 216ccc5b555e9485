"""A design is carried out: enumerated where that is few states, otherwise simulated, and its posteriors told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from casepool.arguments import one_of, seed_of, whole_number
from casepool.errors import CasepoolError
from casepool.progress import say
from casepool.studies.journal import Journal
from casepool.trials.analysis import Analysis, Told, distinct, spoken
from casepool.trials.decisions import Decisions
from casepool.trials.enumeration import MOST_STATES, MOST_TABLES, Ended, count_states, enumerated
from casepool.trials.rules import RESPONDERS
from casepool.trials.simulation import of_scenario, simulated
from casepool.trials.specification import Drawn, Scenario, TrialDesign
from casepool.trials.true_rates import rates_of
from casepool.workers import client_of

if TYPE_CHECKING:
    from distributed import Client

ENUMERATION, SIMULATION, AUTO = "enumeration", "simulation", "auto"
METHODS = (AUTO, ENUMERATION, SIMULATION)
FEWEST, MOST_TRIALS = 10, 1_000_000
SUMMED_TO = 1e-9


@dataclass(frozen=True)
class Course:
    """How a design goes under one scenario.

    Parameters
    ----------
    scenario : Scenario
    ended : Ended
    weight : array (rows,)
        Probability of each row.
    rates : array (rows, baskets) or None
        True rates; None where they are drawn and not known row by row.
    told, drawn : Told or None
        The design's posterior of every row, and of drawn rates the one they are drawn from, with the outcomes.
    above : array (rows, baskets) or None
        Of drawn rates: probability that they lie above null, or whether they do.
    covered : array (rows, baskets) or None
        Whether the 95% interval holds the true rate.
    trials : int
        0 where enumerated.
    distinct : int
    """

    scenario: Scenario
    ended: Ended
    weight: np.ndarray
    rates: np.ndarray | None
    told: Told | None
    drawn: Told | None
    above: np.ndarray | None
    covered: np.ndarray | None
    trials: int
    distinct: int


@dataclass
class Execution:
    """One design with its decisions, carried out.

    Parameters
    ----------
    design : TrialDesign
    decisions : Decisions
    method : {"auto", "enumeration", "simulation"}
    seed : int, optional
    trials : int
    progress : bool
    """

    design: TrialDesign
    decisions: Decisions
    method: str
    seed: int | None
    trials: int
    progress: bool

    @classmethod
    def of(
        cls,
        design: TrialDesign,
        journal: Journal,
        *,
        method: str,
        seed: int | None,
        trials: int,
        progress: bool,
        client: Client | None = None,
    ) -> Execution:
        """Prepare a design: its method chosen, what it can never do refused."""
        one_of(method, METHODS, "method")
        whole_number(trials, "trials", FEWEST, MOST_TRIALS)
        if seed is not None:
            seed_of(seed)
        workers = client_of(client)
        decisions = Decisions.of(design)
        if decisions.analysis is not None:
            decisions.analysis.journal = journal
            decisions.analysis.said = spoken(progress, say, design.name)
            decisions.analysis.client = workers
        states, tables = count_states(design)
        few = states <= MOST_STATES and tables <= MOST_TABLES and not design.has_accrual
        if method == AUTO:
            method = ENUMERATION if few else SIMULATION
        if method == ENUMERATION and not few:
            why = "patients enter in time" if design.has_accrual else f"{tables} tables, {states} states at most"
            raise CasepoolError(
                f"this design cannot be enumerated: {why}",
                value=design.name,
                remedy='use method="simulation" and a seed',
            )
        say(progress, f"{design.name}: {method}, {states} states at most")
        _refuse_never(design, decisions)
        return cls(design, decisions, method, seed, trials, progress)

    def seeded(self) -> int:
        """Return the seed, refusing to simulate without."""
        if self.seed is None:
            raise CasepoolError("simulation needs a seed", value=self.design.name, remedy="pass seed=1, say")
        return self.seed

    def courses(self) -> list[Course]:
        """Carry the design out under every scenario."""
        scenarios = self.design.scenarios
        exact = [own for own in scenarios if self.method == ENUMERATION and _is_exact(own)]
        rest = [own for own in scenarios if own not in exact]
        found = {own.scenario.name: own for own in [*self._enumerated(exact), *self._simulated(rest)]}
        return [found[own.name] for own in scenarios]

    def _enumerated(self, scenarios: list[Scenario]) -> list[Course]:
        if not scenarios:
            return []
        design, analysis = self.design, self.decisions.analysis
        ended = enumerated(design.sizes, self.decisions, design.looks.closed)
        told = analysis.told(ended.events, ended.n) if analysis else None
        different = len(distinct(np.hstack([ended.events, ended.n]))[0])
        found = []
        for own in scenarios:
            if own.drawn is not None:
                found.append(self._drawn(own, own.drawn, ended, told, different))
                continue
            rates = np.array(own.rates)
            log_p = special_power(ended, rates)
            weight = np.exp(log_p + ended.log_ways)
            covered = self._covered(ended, told, np.broadcast_to(rates, ended.n.shape))
            spread = np.broadcast_to(rates, ended.n.shape)
            found.append(Course(own, ended, weight, spread, told, None, None, covered, 0, different))
        return found

    def _drawn(self, own: Scenario, drawn: Drawn, ended: Ended, told: Told | None, distinct: int) -> Course:
        """Weigh states by their predictive probability: a ratio of evidences."""
        assert drawn.model is not None  # noqa: S101
        nulls = tuple(sorted(set(map(float, self.design.null))))
        source = Analysis.of(drawn.model, self.design.most, drawn.cases, drawn.cases_weight, nulls)
        source = source.with_means_of(self.decisions.analysis) if self.decisions.analysis else source
        there = source.told(ended.events, ended.n)
        weight = np.exp(ended.log_ways + there.log_evidence - source.nothing())
        places = [nulls.index(float(null)) for null in self.design.null]
        above = there.above[:, np.arange(len(places)), places]
        return Course(own, ended, weight, None, told, there, above, None, 0, distinct)

    def _simulated(self, scenarios: list[Scenario]) -> list[Course]:
        if not scenarios:
            return []
        design, seed = self.design, self.seeded()
        rates = np.stack([rates_of(design, own, seed, self.trials) for own in scenarios])
        whole = simulated(design, self.decisions, rates, seed)
        analysis = self.decisions.analysis
        found = []
        for place, own in enumerate(scenarios):
            ended = of_scenario(whole, place, self.trials)
            told = analysis.told(ended.events, ended.n) if analysis else None
            above = (rates[place] > design.null).astype(float) if own.drawn else None
            covered = None if own.drawn else self._covered(ended, told, rates[place])
            weight = np.full(self.trials, 1 / self.trials)
            different = len(distinct(np.hstack([ended.events, ended.n]))[0])
            found.append(Course(own, ended, weight, rates[place], told, None, above, covered, self.trials, different))
        return found

    def _covered(self, ended: Ended, told: Told | None, rates: np.ndarray) -> np.ndarray | None:
        """Say where the 95% interval holds the true rate: exactly where P(rate > truth) is neither small nor large."""
        analysis = self.decisions.analysis
        if analysis is None or told is None:
            return None
        source = self._covering
        above = told.above if source is analysis else source.told(ended.events, ended.n).above
        share = np.empty(rates.shape)
        for basket, truth in enumerate(rates[0]):
            certain = truth in (0.0, 1.0)
            share[:, basket] = 1 - truth if certain else above[:, basket, source.rates.index(float(truth))]
        return (share > 0.025) & (share < 0.975)

    @cached_property
    def _covering(self) -> Analysis:
        """The analysis asked about all stated true rates."""
        assert self.decisions.analysis is not None  # noqa: S101
        asked = tuple(sorted({rate for own in self.design.scenarios for rate in own.rates if 0 < rate < 1}))
        known = set(asked) <= set(self.decisions.analysis.rates)
        return self.decisions.analysis if known else self.decisions.analysis.asking(asked)


def special_power(ended: Ended, rates: np.ndarray) -> np.ndarray:
    """Return the log probability of the outcomes one by one under stated rates: array (rows,)."""
    from scipy.special import xlog1py, xlogy

    return np.asarray((xlogy(ended.events, rates) + xlog1py(ended.n - ended.events, -rates)).sum(axis=1))


def _is_exact(scenario: Scenario) -> bool:
    """Whether states can be weighed without draws: rates of a fit, and shifted ones, have no evidence at hand."""
    return scenario.drawn is None or (not scenario.drawn.fit and scenario.drawn.shift == 0)


def _refuse_never(design: TrialDesign, decisions: Decisions) -> None:
    """Refuse a rule that no outcome of the last look can fulfil."""
    most = np.array([list(design.most.values())])
    if decisions(design.number_of_looks - 1, most, most).success.any():
        return
    largest = ""
    for own in design.success.criteria:
        if own.kind != RESPONDERS and decisions.analysis is not None:
            largest = f", as with all responding P is {decisions.analysis.told(most, most).above.max():.4f} at most"
    raise CasepoolError(
        f"success is never possible{largest}", file=design.name, column="success", value=design.success.says(),
        remedy="lower the limit, or plan more patients",
    )  # fmt: skip


def with_scenarios(design: TrialDesign, scenarios: list[Scenario]) -> TrialDesign:
    """Return a design under other scenarios."""
    return replace(design, scenarios=tuple(scenarios))
