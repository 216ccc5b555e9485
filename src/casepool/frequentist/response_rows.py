"""Rows of response rates with their intervals, and of the tests between levels."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from casepool.cases.codebook import Codebook
from casepool.frequentist.contingency import FEW, ChiSquare, pearson, without_empty
from casepool.frequentist.effect_sizes import odds_ratio, risk_difference, risk_ratio
from casepool.frequentist.exact import fisher_freeman_halton
from casepool.frequentist.ordinal_rows import likelihood_rows
from casepool.frequentist.proportions import clopper_pearson, one_sided_bound, wilson
from casepool.modelling.design.design import Design
from casepool.modelling.design.endpoint_counts import counted
from casepool.modelling.design.grouping import Membership, membership, patients_and_events
from casepool.modelling.design.making import patient_labels
from casepool.modelling.design.touched import left_out, unvaried
from casepool.modelling.specification.endpoints import at_least, endpoints
from casepool.random_streams import Stream, stream
from casepool.remarks import NONE, Remarks, remark

Row = dict[str, Any]

INTERVALS: dict[str, Callable[[int, int], tuple[float, float]]] = {
    "Clopper-Pearson": clopper_pearson,
    "Wilson": wilson,
}
EFFECT_SIZES = {
    "risk difference": (risk_difference, "Newcombe", "difference"),
    "risk ratio": (risk_ratio, "Koopman", "ratio"),
    "odds ratio": (odds_ratio, "conditional exact", "ratio"),
}
SAMPLED, SEED = 9_999, 1
"""Tables drawn where there are too many to enumerate, and the seed of them."""
MOST_PAIRED = 4
"""Levels whose pairs are compared."""
SEVERAL = "several"
"""In tests, the level of patients who belong to more than one: a test needs each patient once."""


def response_rows(design: Design, cases: pd.DataFrame, codebook: Codebook, by: str | None) -> list[Row]:
    """Return the rows of a response model's raw rates and tests.

    Parameters
    ----------
    design : Design
    cases : pandas.DataFrame
        The typed table the design was made from.
    codebook : Codebook
        That of the cases.
    by : str or None
        A factor of the model, a labelled column, or everyone.
    """
    term = None if by is None else design.terms.get(by)
    plain = by is None or (term is not None and not term.coded.term.held_by_prior)
    if not (design.model.is_ordinal and plain):
        return _counted(design, cases, codebook, by)
    n, events = patients_and_events(design)
    about: Row = {"by": by or "", "level": "all levels" if by else "everyone", "note": NONE}
    likely = likelihood_rows(design, by, about | {"n": n.sum(), "events": events.sum()})
    if term is not None and term.coded.term.is_number and not term.coded.levels:  # a number, which has no levels
        return likely
    return _counted(design, cases, codebook, by) + likely


def _counted(design: Design, cases: pd.DataFrame, codebook: Codebook, by: str | None) -> list[Row]:
    """Return the rows that patients are counted for."""
    if by is None:
        n = design.outcome["n"]
        everyone = np.ones((len(n), 1), dtype=bool)
        return _rates(design, cases, Membership("", ("everyone",), everyone, is_term=False))
    group = membership(design, cases, by, codebook)
    return _rates(design, cases, group) + _tests(design, cases, codebook, group)


def _rates(design: Design, cases: pd.DataFrame, group: Membership) -> list[Row]:
    """Make the rows of the raw rates of every endpoint and level, one block for each kind of interval."""
    n, _ = group.counts(design)
    rows, note = [], group.remarks(design) + left_out(design) + unvaried(design)
    ends = [(end, end.words or success_words(design, cases), counted(design, end)) for end in endpoints(design.model)]
    for method in INTERVALS:
        for i, level in enumerate(group.levels):
            for end, words, events in ends:
                shared: Row = {"estimand": f"raw rate: patients with {words} among the evaluable", "by": group.by}
                shared |= {"level": level, "at": end.at, "note": note}
                rows.append(_rate(shared, method, n[i], events @ group.members[:, i]))
    return rows


def success_words(design: Design, cases: pd.DataFrame) -> str:
    """Say what counts as the event of a response model in these cases."""
    outcome = design.model.outcome
    return " or ".join(outcome.success) if outcome.column in cases.columns else outcome.events


def _rate(shared: Row, method: str, n: float, events: float) -> Row:
    """Make the row of one rate; a level without patients has none."""
    row = shared | {"n": n, "events": events, "method": method}
    row |= {"source": "raw", "interval": "95% CI", "unit": "probability"}
    if n == 0:
        return row | {"note": remark("nobody evaluable") + shared["note"]}
    lower, upper = INTERVALS[method](int(events), int(n))
    return row | {
        "estimate": events / n,
        "lower": lower,
        "upper": upper,
        "note": _bound(int(events), int(n)) + shared["note"],
    }


def _bound(events: int, n: int) -> Remarks:
    """Say the one-sided bound where nobody, or everybody, had the event."""
    if 0 < events < n:
        return NONE
    lower, upper = one_sided_bound(events, n)
    side, bound = ("upper", upper) if events == 0 else ("lower", lower)
    return remark("one-sided bound", side=side, bound=f"{bound:.3f}")


def disjoint_levels(group: Membership) -> tuple[list[str], np.ndarray]:
    """Return levels that hold every patient at most once, and their members as booleans (n, levels).

    Patients of several levels make a level of their own, last; levels without patients are left out.
    """
    several = group.members.sum(axis=1) > 1
    members = np.column_stack([group.members & ~several[:, None], several])
    kept = members.any(axis=0)
    return [level for level, keep in zip((*group.levels, SEVERAL), kept, strict=True) if keep], members[:, kept]


def _tests(design: Design, cases: pd.DataFrame, codebook: Codebook, group: Membership) -> list[Row]:
    """Make the rows of all tests between the levels of a grouping."""
    levels, members = disjoint_levels(group)
    n = design.outcome["n"]
    inside = members.any(axis=1)
    shared: Row = {"by": group.by, "level": compared(levels), "n": n[inside].sum(), "source": "raw"}
    shared |= {"kind": "P value", "unit": "P value"}
    rows = []
    for end in at_least(design.model):
        events = counted(design, end)
        words = f"no difference in the rate of {end.words or success_words(design, cases)} between {group.by} levels"
        about = shared | {"estimand": words, "at": end.at, "events": events[inside].sum()}
        if len(levels) < 2:
            rows.append(about | {"method": "Pearson chi-square", "note": remark("fewer than two levels")})
        else:
            counts = np.column_stack([events @ members, (n - events) @ members])
            rows += _two_tests(about, counts, levels) + _effect_sizes(about, counts, levels)
    if len(levels) < 2:
        return rows
    _, events = patients_and_events(design)
    shared["events"] = events[inside].sum()
    coded = coded_table(design, cases, codebook, members)
    if coded is not None and len(design.model.outcome.levels) > 2:
        column = design.model.outcome.column
        words = f"no difference in {column} ({', '.join(design.model.outcome.levels)}) between {group.by} levels"
        rows += _two_tests(shared | {"estimand": words}, coded, levels)
    return rows


def compared(levels: list[str]) -> str:
    """Name what a test compares: "A vs B" for two levels, B the earlier one."""
    return f"{levels[1]} vs {levels[0]}" if len(levels) == 2 else "all levels"


def pairs(levels: list[str]) -> list[tuple[int, int, str]]:
    """Return every pair of levels, the later one first, and its name; none where a reader would be lost in them."""
    if len(levels) > MOST_PAIRED:
        return []
    both = itertools.combinations(range(len(levels)), 2)
    return [(later, earlier, f"{levels[later]} vs {levels[earlier]}") for earlier, later in both]


def _effect_sizes(about: Row, counts: np.ndarray, levels: list[str]) -> list[Row]:
    """Make the rows of the difference and the ratios of two rates, of every pair of levels: (levels, outcomes)."""
    of, rows = f", {about['at']}" if about["at"] else "", []
    for a, b, pair in pairs(levels):
        first, second = ((int(events), int(events + others)) for events, others in counts[[a, b]])
        shared = about | {"level": pair, "n": counts[[a, b]].sum(), "events": counts[[a, b], 0].sum()}
        for name, (size, method, unit) in EFFECT_SIZES.items():
            estimate, lower, upper = size(first, second)
            number = {"estimate": estimate, "lower": lower, "upper": upper, "interval": "95% CI"}
            what = {"estimand": f"{name}{of}", "method": method, "kind": unit, "unit": unit}
            said = remark("same outcomes") if np.isnan(estimate) else NONE
            rows.append(shared | what | number | {"note": said})
    return rows


def coded_table(design: Design, cases: pd.DataFrame, codebook: Codebook, members: np.ndarray) -> np.ndarray | None:
    """Count the full coded outcome, (levels, codes); None where the cases hold counts instead of codes."""
    outcome = design.model.outcome
    if outcome.column not in cases.columns:
        return None
    at = {label: i for i, label in enumerate(patient_labels(cases, codebook))}
    codes = [str(cases[outcome.column].iloc[at[patient]]) for patient in design.patients]
    chosen = np.array([[code == level for level in outcome.levels] for code in codes], dtype=float)
    return np.asarray(members.T @ (chosen * design.outcome["n"][:, None]))


def _two_tests(shared: Row, table: np.ndarray, levels: list[str]) -> list[Row]:
    """Make the rows of the chi-square and the exact test of one table, (levels, outcomes)."""
    own = remark("several", level=SEVERAL) if SEVERAL in levels else NONE
    chi = pearson(table)
    first = shared | {
        "method": "Pearson chi-square",
        "estimate": chi.p,
        "note": _chi_square(chi) + own,
    }
    exact = fisher_freeman_halton(table)
    if exact.p is None:
        many = f"{exact.tables:.3g} tables{'' if exact.counted else ' or more'}"
        p, error = _sampled(table)
        how = remark("sampled tables", count=f"{SAMPLED:,}", seed=SEED, tables=many, error=f"{error:.1g}")
        return [first, shared | {"method": "Fisher-Freeman-Halton, sampled", "estimate": p, "note": how + own}]
    how = remark("enumerated", tables=exact.tables)
    return [first, shared | {"method": "Fisher-Freeman-Halton", "estimate": exact.p, "note": how + own}]


def _sampled(table: np.ndarray) -> tuple[float, float]:
    """Return the P value of the exact test by tables drawn at random, and its Monte Carlo error."""
    from scipy import stats  # a second to load

    law = stats.MonteCarloMethod(n_resamples=SAMPLED, rng=stream(SEED, Stream.TABLES))
    # of a table whose probability is a number in an array, the P value is one too
    p = float(np.squeeze(stats.fisher_exact(without_empty(table.astype(np.int64)), method=law).pvalue))
    return p, float(np.sqrt(p * (1 - p) / SAMPLED))


def _chi_square(chi: ChiSquare) -> Remarks:
    """Say statistic, degrees of freedom and expected counts, and warn of small ones."""
    if np.isnan(chi.p):
        return remark("same outcomes")
    lowest, cells = chi.expected.min(), chi.expected.size
    listed = "" if cells > 8 else f" ({', '.join(f'{e:.3g}' for e in chi.expected.ravel())})"
    counts = {"listed": listed, "smallest": f"{lowest:.3g}", "few": chi.few, "cells": cells, "limit": FEW}
    found = remark("chi-square", statistic=f"{chi.statistic:.4g}", df=chi.df) + remark("expected counts", **counts)
    return found + (remark("doubtful") if chi.few else NONE)
