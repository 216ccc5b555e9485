"""Faults planted in the package one at a time, and what catches each: its calibration, a law of the tests, or neither.

    uv run python -m benchmarks.planted_bugs [--tables 60] [--bug NAME ...]

Each fault is a replacement of one function while it is looked at. The law is a test of the suite called directly, or
`graph_is_the_density` below; it must hold without the fault and fail with it. The calibration is that of
`calibration.py` on few tables: what it misses at 60 it may find at 1,000.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
import pymc as pm
import pytensor.tensor as pt
from scipy import stats

from benchmarks import results
from benchmarks.bands import excess
from benchmarks.calibrated import small_studies, studies
from benchmarks.calibration_ranks import RANKED, SEEDS, note, ranks_of, read_journal
from benchmarks.calibration_report import FAMILYWISE, band_of
from benchmarks.fingerprints import points
from benchmarks.study import Study
from casepool.arguments import AUTO, NUTS
from casepool.inference import graph, sampling
from casepool.modelling import Design, make_design
from casepool.modelling.design import exposure_dates, likelihood
from casepool.modelling.design.likelihood import Data, data_of
from casepool.modelling.families import responses
from casepool.modelling.families.arrays import NUMPY
from casepool.modelling.families.hazards import Hazard
from casepool.modelling.families.names import effect_of, mean_of, sd_of, share_of, spread_of
from casepool.modelling.families.parameters import Parameter
from casepool.modelling.families.priors import Prior
from tests.modelling import test_between, test_exposure, test_ordinal, test_response, test_survival_families

TABLES = 60
JOURNAL = Path(__file__).parent / "planted_bugs.jsonl"
EXPONENTIAL = test_survival_families.CLOSED[0]
Patch = tuple[Any, str, Any]


@dataclass(frozen=True)
class Bug:
    """A fault: what it is, what it replaces, the study whose calibration is asked, and the law that should fail."""

    name: str
    what: str
    patch: Callable[[], list[Patch]]
    study: str
    law: Callable[[], None]
    law_name: str


SCIPY: dict[str, Callable[..., Any]] = {
    "Normal": lambda x, p: stats.norm.logpdf(x, p["mu"], p["sigma"]),
    "HalfNormal": lambda x, p: stats.halfnorm.logpdf(x, scale=p["sigma"]),
    "Dirichlet": lambda x, p: stats.dirichlet.logpdf(x, np.full(len(x), p["concentration"])),
}
"""Log densities of the priors of the small studies, from values and the numbers of a prior."""


def graph_is_the_density(name: str = "bernoulli_small") -> None:
    """State that the graph's log density, without Jacobians, is scipy's priors and the stored likelihood.

    Raises
    ------
    AssertionError
        If it is not.
    """
    study = small_studies()[name]
    design = make_design(study.model, study.patients())
    made = {key: values[3] for key, values in points(design).items()}
    z = {own.name: np.linspace(-1.0, 1.2, *made[own.name].shape) for own in design.parameters if not own.given.centred}
    for own in design.parameters:
        if own.name in z:
            made[own.name] = z[own.name] * made[sd_of(own.owner)]
    expected = likelihood.log_likelihood(data_of(design), made, NUMPY).sum() + _recorded(design, made)
    expected += sum(
        _by_scipy(study.model.prior(own.name), made[own.name]) for own in design.parameters if own.is_stated
    )
    expected += sum(stats.norm.logpdf(values).sum() for values in z.values())
    got = _of_graph(graph.build_design(design), {own.coordinate: {**made, **z}[own.name] for own in design.parameters})
    assert abs(got - expected) < 1e-8 * abs(expected), (got, expected)


def _by_scipy(prior: Prior, values: np.ndarray) -> float:
    """Compute the log density of a prior."""
    return float(np.sum(SCIPY[prior.dist](values, prior.parameters)))


def _recorded(design: Design, made: dict[str, np.ndarray]) -> float:
    """Compute the log density of what is recorded of covariates that other patients miss."""
    total = 0.0
    for name, term in design.terms.items():
        if term.has_nodes:
            total += stats.norm.logpdf(term.recorded, made[mean_of(name)], made[spread_of(name)]).sum()
        if term.has_shares:
            total += (term.recorded * np.log(made[share_of(name)])).sum()
    return float(total)


def _of_graph(built: pm.Model, values: dict[str, np.ndarray]) -> float:
    """Compute the log density of a graph, without Jacobians, where its variables have these values."""
    start = {}
    for variable in built.free_RVs:
        transform, value = built.rvs_to_transforms[variable], values[variable.name]
        place = built.rvs_to_values[variable].name
        start[place] = (
            value if transform is None else transform.forward(pt.constant(value), *variable.owner.inputs).eval()
        )
    return float(built.compile_logp(jacobian=False, mode="FAST_COMPILE")(start))


# --- the faults, each a list of what is replaced


def _rows_with(**changes: Callable[[Any, Any], Any]) -> Callable[[], list[Patch]]:
    """Change arrays or parameters on their way into the likelihood: each change takes the value and the namespace."""

    def make() -> list[Patch]:
        true = likelihood.row_log_likelihood

        def row_log_likelihood(data: Data, parameters: Any, xp: Any) -> Any:
            arrays = {k: changes[k](v, xp) if k in changes else v for k, v in data.arrays.items()}
            own = {k: changes[k](v, xp) if k in changes else v for k, v in parameters.items()}
            return true(Data(data.design, arrays), own, xp)

        return [(likelihood, "row_log_likelihood", row_log_likelihood)]

    return make


def _off_by_one() -> list[Patch]:
    true = likelihood.linear_predictor

    def linear_predictor(data: Data, parameters: Any, xp: Any) -> Any:
        moved = dict(parameters)
        for name, term in data.design.terms.items():
            size = len(term.coded.levels)
            if term.coded.term.borrows and size > 1:
                moved[effect_of(name)] = parameters[effect_of(name)][..., (np.arange(size) + 1) % size]
        return true(data, moved, xp)

    return [(likelihood, "linear_predictor", linear_predictor)]


def _equal_weights() -> list[Patch]:
    true = exposure_dates.nodes

    def nodes(start: float, end: float, breaks: list[float]) -> tuple[np.ndarray, np.ndarray]:
        times, weights = true(start, end, breaks)
        return times, np.full(len(weights), (end - start) / len(weights))

    return [(exposure_dates, "nodes", nodes)]


def _stretched_the_wrong_way() -> list[Patch]:
    true = Hazard._stretched
    return [(Hazard, "_stretched", lambda self, t, s: true(replace(self, beta=-1.0 * self.beta), t, s))]


def _declared_with(more: Callable[[Parameter, Any], Any]) -> Callable[[], list[Patch]]:
    """Add a term to the log density of every parameter with a prior of its own."""

    def make() -> list[Patch]:
        true = graph._declared

        def declared(parameter: Parameter, *rest: Any) -> Any:
            made = true(parameter, *rest)
            own = parameter.is_stated and parameter.given.centred
            extra = more(parameter, made) if own else None
            if extra is not None:
                pm.Potential(f"{parameter.name}_planted", extra)
            return made

        return [(graph, "_declared", declared)]

    return make


def _twice(parameter: Parameter, made: Any) -> Any:
    return pm.logp(made, made).sum()


def _no_jacobian(parameter: Parameter, made: Any) -> Any:
    return -pt.log(made).sum() if parameter.given.distribution.support.positive else None


def _variance() -> list[Patch]:
    true = graph._variable

    def variable(name: str, distribution: Any, numbers: Any, *rest: Any) -> Any:
        if distribution.name == "Normal":
            numbers = {**numbers, "sigma": numbers["sigma"] ** 2}
        return true(name, distribution, numbers, *rest)

    return [(graph, "_variable", variable)]


def _gaps_swapped() -> list[Patch]:
    return [(responses, "_gap", lambda parameters, j: parameters["cutpoint_gap"][..., -1 - j][..., None])]


def _no_waiting() -> list[Patch]:
    def transition(log_intensity: Any, time: Any, entry: Any, switch: Any, xp: Any) -> Any:
        return ((switch > entry) & (switch <= time)) * 1.0 * log_intensity

    return [(likelihood, "transition_log_likelihood", transition)]


KNOWN_DATE = "a known date cuts follow-up in two pieces (quadrature)"
ENUMERATION = "missing labels are summed over as by enumeration"
DENSITY = "the graph's density is scipy's priors and the stored likelihood"
two_pieces = test_exposure.test_a_known_date_cuts_follow_up_in_two_pieces
enumerated = test_response.test_missing_labels_are_summed_over_as_by_enumeration

BUGS = (
    Bug("flipped sign", "the effect of surgery enters the likelihood with the other sign",
        _rows_with(surgery_effect=lambda v, xp: -1.0 * v), "exponential_small",
        partial(two_pieces, "exponential", "proportional"), KNOWN_DATE),
    Bug("forgotten censoring", "the censored count as dead", _rows_with(event=lambda v, xp: 0.0 * v + 1.0),
        "exponential_small",
        partial(test_survival_families.test_right_censored_likelihood_is_the_distributions, *EXPONENTIAL, -3.2),
        "the right-censored likelihood is scipy's"),
    Bug("swapped cutpoints", "the gaps between cutpoints are taken in the other order", _gaps_swapped, "ordinal_small",
        partial(test_ordinal.test_cumulative_probabilities_are_differences_of_logistics, 0.7),
        "category probabilities are differences of logistics"),
    Bug("variance for sd", "normal priors have the square of their standard deviation in its place", _variance,
        "bernoulli_small", graph_is_the_density, DENSITY),
    Bug("prior counted twice", "every stated prior enters the density twice", _declared_with(_twice),
        "bernoulli_small", graph_is_the_density, DENSITY),
    Bug("off-by-one level", "every patient has the effect of the next level", _off_by_one, "bernoulli_small",
        enumerated, ENUMERATION),
    Bug("delayed entry ignored", "everybody is at risk from time zero on", _rows_with(entry=lambda v, xp: 0.0 * v),
        "gompertz", partial(test_survival_families.test_late_entry_conditions_on_survival_to_it, *EXPONENTIAL),
        "late entry conditions on survival to it"),
    Bug("immortal time", "the operated count as exposed from time zero on, their dates ignored",
        _rows_with(switch=lambda v, xp: xp.where(v < 1e300, 0.0, v)), "exponential_small",
        partial(two_pieces, "exponential", "proportional"), KNOWN_DATE),
    Bug("weights ignored", "all nodes of a hidden date's integral weigh the same", _equal_weights, "weibull",
        partial(test_exposure.test_intensity_dating_of_a_wide_interval_is_the_illness_death_integral,
                "weibull", 0.5, True, -2.5, 48.0, 0.0, 36.0),
        "intensity dating is the illness-death integral"),
    Bug("share unnormalised", "a missing label's values are summed with weights of one, not their shares",
        lambda: [(likelihood, "log_shares", lambda data, parameters, xp: 0.0)], "bernoulli_small",
        enumerated, ENUMERATION),
    Bug("accelerated sign", "surgery stretches time where it should shrink it, and the other way round",
        _stretched_the_wrong_way, "log_logistic", partial(two_pieces, "log_logistic", "accelerated"), KNOWN_DATE),
    Bug("wrong Jacobian", "the Jacobian of the logarithm is missing for every positive parameter",
        _declared_with(_no_jacobian), "log_logistic", graph_is_the_density, DENSITY),
    Bug("visits taken for deaths", "a death between two visits counts as one at the later",
        _rows_with(between=lambda v, xp: 0.0 * v), "log_normal",
        partial(test_between.test_every_kind_of_censoring_is_the_distributions, *EXPONENTIAL),
        "every kind of censoring is the distribution's"),
    Bug("nobody waits for surgery", "the time without surgery says nothing of its intensity", _no_waiting,
        "exponential_small", test_exposure.test_a_patient_never_exposed_waits_all_of_follow_up,
        "a patient never exposed waits all of follow-up"),
    Bug("recorded ages ignored", "the ages recorded do not inform those missing",
        lambda: [(graph, "log_recorded", lambda design, recorded, made, xp: {})], "bernoulli_small",
        graph_is_the_density, DENSITY),
)  # fmt: skip


@contextmanager
def planted(bug: Bug) -> Iterator[None]:
    """Plant a fault while the context lasts; graphs compiled without it, or with it, are forgotten."""
    with ExitStack() as stack:
        for owner, name, value in bug.patch():
            stack.enter_context(mock.patch.object(owner, name, value))
        sampling._compiled.clear()
        yield
    sampling._compiled.clear()


def law_catches(bug: Bug) -> bool:
    """Whether the fault's law, which must hold without it, fails with it."""
    bug.law()
    with planted(bug):
        try:
            bug.law()
        except AssertionError:
            return True
    return False


def study_of(name: str) -> Study:
    """Return a study of the calibration, or a small one of this benchmark."""
    return {**studies(), **small_studies()}[name]


def finished(bug: Bug, study: Study, tables: int, journal: Path) -> bool:
    """Whether the journal holds all the tables of a fault."""
    key = {"bug": bug.name, "study": study.name}
    return len({e["table"] for e in read_journal(journal) if key.items() <= e.items()}) >= tables


def calibration_of(bug: Bug | None, study: Study, tables: int, journal: Path) -> dict[str, np.ndarray]:
    """Return the ranks of a study under a fault (or none), from the journal as far as they are there.

    A fault of the graph is one that nuts alone meets; any other is asked of the engine that auto picks.
    """
    of_graph = bug is not None and any(owner is graph for owner, _, _ in bug.patch())
    key = {"bug": bug.name if bug else "", "study": study.name}
    done = {e["table"]: e["ranks"] for e in read_journal(journal) if key.items() <= e.items()}
    with ExitStack() as stack:
        if bug and len([n for n in done if n < tables]) < tables:
            stack.enter_context(planted(bug))
        for number in range(tables):
            if number not in done:
                done[number] = ranks_of(study, number, SEEDS[0], NUTS if of_graph else AUTO)["ranks"]
                note(journal, {**key, "table": number, "ranks": done[number]})
    return {name: np.array([done[number][name] for number in range(tables)]) for name in done[0]}


def worst(ranks: dict[str, np.ndarray]) -> tuple[str, float, int]:
    """Return the quantity farthest out, its share of the band, and how many are outside."""
    allowed = band_of(ranks)
    shares = {name: excess(own, RANKED, allowed)[1] for name, own in ranks.items()}
    name = max(shares, key=lambda key: shares[key])
    return name, shares[name], sum(share > 1 for share in shares.values())


def main() -> None:
    """Plant every fault asked for, and write what caught it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=int, default=TABLES)
    parser.add_argument("--bug", nargs="*", default=[bug.name for bug in BUGS])
    parser.add_argument("--journal", type=Path, default=JOURNAL)
    parser.add_argument("--report", action="store_true", help="write what the journal holds, calibrate nothing")
    asked = parser.parse_args()
    rows = []
    for bug in (bug for bug in BUGS if bug.name in asked.bug):
        study = study_of(bug.study)
        by_law = law_catches(bug)
        if asked.report and not finished(bug, study, asked.tables, asked.journal):
            name, share, outside, clean = "not run", np.nan, 0, np.nan
        else:
            name, share, outside = worst(calibration_of(bug, study, asked.tables, asked.journal))
            clean = worst(calibration_of(None, study, asked.tables, asked.journal))[1]
        caught = " and ".join(["calibration"] * (outside > 0) + ["law"] * by_law) or "NOTHING"
        rows.append(
            {"fault": bug.name, "what": bug.what, "study": study.name, "quantities outside": outside,
             "farthest": name, "share of band": share, "without the fault": clean, "law": bug.law_name,
             "law fails": "yes" if by_law else "NO", "caught by": caught}
        )  # fmt: skip
        print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    if len(rows) < len(BUGS):
        return
    said = (
        f"Each fault was planted alone and {asked.tables} tables of the study calibrated with it; the bands hold all "
        f"quantities of a study at once with probability {FAMILYWISE:.0%}. `share of band` above 1 is outside; beside "
        "it the same tables without the fault. Each law was seen to hold without the fault."
    )
    print(results.write("planted_bugs", "Planted faults, and what catches them", said, {"Faults": pd.DataFrame(rows)}))


if __name__ == "__main__":
    main()
