"""Statistics that compare groups: tests of a table of counts, tests of survival."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from casepool.claims.arms import labels_in_order
from casepool.claims.rows import label_of, members, need, number, selected
from casepool.claims.statistic import Answer, Arguments, Choice, Data, Evidence, Sources, Statistic, listed
from casepool.claims.survivals import EVENTS, OF_EVENTS, as_events, follow_up
from casepool.errors import CasepoolError
from casepool.frequentist.contingency import FEW, likelihood_ratio, pearson, without_empty
from casepool.frequentist.cox import fit_cox
from casepool.frequentist.exact import fisher_freeman_halton
from casepool.frequentist.logrank import log_rank, mantel_byar
from casepool.modelling.specification.cautions import guard
from casepool.remarks import Count

TESTS = (
    Choice("pearson", "Pearson chi-square test"),
    Choice("pearson_corrected", "chi-square test with continuity correction"),
    Choice("likelihood_ratio", "likelihood-ratio chi-square test"),
    Choice("exact", "Fisher-Freeman-Halton exact test"),
    Choice("exact_mid_p", "Fisher-Freeman-Halton exact test, mid-p"),
)


def _read_table(sources: Sources, arguments: Arguments) -> Data:
    """Count rows against columns; or take a table as printed."""
    if "counts" in arguments:
        printed = tuple(tuple(int(cell) for cell in row) for row in arguments["counts"])
        return printed, ("printed counts",), (), ()
    if not {"rows", "columns"} <= set(arguments):
        raise CasepoolError("a contingency test needs rows and columns, or counts", remedy="name two columns")
    table = sources.table(arguments.get("table", ""))
    inside = selected(table, arguments.get("where", {}))
    rows, columns = (labels_in_order(table, inside, arguments[side]) for side in ("rows", "columns"))
    counts = np.zeros((len(rows), len(columns)), dtype=int)
    left_out = []
    for i in inside:
        row, column = (members(table.rows[i][arguments[side]]) for side in ("rows", "columns"))
        if len(row) == len(column) == 1:
            counts[rows.index(row[0]), columns.index(column[0])] += 1
        else:
            left_out.append(table.labels[i])
    return tuple(map(tuple, counts.tolist())), rows, columns, tuple(left_out)


def _contingency(data: Data, choices: Mapping[str, str]) -> Answer | None:
    counts = np.array(data[0], dtype=int).reshape(len(data[0]), -1)
    test = choices["test"]
    if test == "pearson_corrected" and without_empty(counts).shape != (2, 2):
        return None
    chi = pearson(counts, correction=test == "pearson_corrected")
    if test.startswith("exact"):
        exact = fisher_freeman_halton(counts, mid=test == "exact_mid_p")
        if exact.p is None:
            return None
        return Answer((exact.p,), (*_shown(data), f"; {exact.tables} tables enumerated"))
    found = likelihood_ratio(counts) if test == "likelihood_ratio" else chi
    cells = f"{found.few} of {found.expected.size} expected counts below {FEW}"
    if found.few:
        cells += f" (smallest {found.expected.min():.3g}): the approximation is doubtful"
    said = f"chi-square {found.statistic:.4g}, df {found.df}, P {found.p:.3g}; {cells}"
    return Answer((found.p,), (*_shown(data), f"; {said}"))


def _read_cross_table(sources: Sources, arguments: Arguments) -> Data:
    """Count rows against columns, all labels or just those asked for in their order."""
    counts, rows, columns, left_out = _read_table(sources, arguments)
    kept = [_places(own, arguments.get(name), name) for own, name in ((rows, "row_labels"), (columns, "column_labels"))]
    cells = tuple(tuple(counts[i][j] if i >= 0 and j >= 0 else 0 for j in kept[1]) for i in kept[0])
    names = [tuple(arguments.get(name, own)) for own, name in ((rows, "row_labels"), (columns, "column_labels"))]
    return cells, *names, left_out


def _places(labels: tuple[str, ...], wanted: list[str] | None, name: str) -> list[int]:
    """Return where wanted labels stand, -1 for one that nobody has."""
    if wanted is None:
        return list(range(len(labels)))
    if not set(wanted) & set(labels):
        raise CasepoolError(f"no label of {name} is in the column", value=wanted, remedy=f"it has {', '.join(labels)}")
    return [labels.index(label) if label in labels else -1 for label in wanted]


def _cross_table(data: Data, choices: Mapping[str, str]) -> Answer:
    """Write all cells row by row: patients, or percent of them."""
    counts = np.array(data[0], dtype=float).reshape(len(data[1]), -1)
    totals = {"rows": counts.sum(axis=1, keepdims=True), "columns": counts.sum(axis=0, keepdims=True)}
    of = totals.get(choices["cells"], counts.sum())
    with np.errstate(invalid="ignore"):
        cells = counts if choices["cells"] == "patients" else 100 * counts / of
    return Answer(tuple(cells.ravel().tolist()), _shown(data))


def _shown(data: Data) -> Evidence:
    """Write a table of counts, row by row."""
    counts, rows, columns, left_out = data
    if not columns:
        return ("counts as printed: " + "; ".join("/".join(map(str, row)) for row in counts),)
    totals = [sum(column) for column in zip(*counts, strict=True)]
    shown: list[str | Count] = [f"{' / '.join(columns)}: "]
    for row, cells in [*zip(rows, counts, strict=True), ("total", totals)]:
        shown += [f"{row} ", Count(cells[0]), *(part for cell in cells[1:] for part in ("/", Count(cell))), ", "]
    return (*shown[:-1], f"; left out: {listed(left_out)}" if left_out else "")


def _read_arms(sources: Sources, arguments: Arguments) -> Data:
    """Read follow-up, the arm of every patient, and when an exposure began."""
    people, left_out = follow_up(sources, arguments)
    table = sources.table()
    need(table, arguments["by"])
    at = dict(zip(table.labels, table.rows, strict=True))
    dates = [arguments.get(name, "") for name in ("earliest", "latest")]
    out = []
    for label, time, event in people:
        arm = members(at[label][arguments["by"]])
        if len(arm) != 1:
            left_out = (*left_out, label)
            continue
        known = [number(table, at[label], date) if date else None for date in dates]
        low, high = (0.0, time) if None in known else known
        out.append((label, time, event, label_of(arm[0]), low, high))
    return tuple(out), all(dates), left_out


def _survival_test(data: Data, choices: Mapping[str, str]) -> Answer | None:
    people, dated, left_out = data
    test, arms = choices["test"], sorted({person[3] for person in people})
    exposure = arms == ["false", "true"]
    if len(arms) < 2 or (test == "cox" and len(arms) > 2) or (test.startswith("mantel") and not (dated and exposure)):
        return None
    time = np.array([person[1] for person in people])
    event = as_events(np.array([person[2] for person in people]), choices["events"])
    arm = np.array([person[3] for person in people])
    counts: list[str | Count] = []
    for a in arms:
        patients, events = Count(int((arm == a).sum())), Count(int(event[arm == a].sum()))
        counts += [f"{', ' if counts else ''}{a}: ", patients, " patients, ", events, " events"]
    counts.append(f"; left out: {listed(left_out)}" if left_out else "")
    if test == "log_rank":
        p = log_rank(time, event, arm).p
    elif test == "cox":
        p = _cox_p(time, event, arm == arms[1])
    else:
        p = mantel_byar(time, event, _switch(people, test.removeprefix("mantel_byar_"))).p
    guarded = exposure and dated and not test.startswith("mantel")
    return Answer((p,), (f"P {p:.3g}; ", *counts, f"; it {guard()}" if guarded else ""))


def _cox_p(time: np.ndarray, event: np.ndarray, second: np.ndarray) -> float:
    fit = fit_cox(time, event, second.astype(float))
    fit = fit_cox(time, event, second.astype(float), penalised=True) if any(fit.monotone) else fit
    return float(fit.profile_p[0])


DATES: dict[str, Callable[[float, float], float]] = {
    "earliest": lambda low, high: low,
    "middle": lambda low, high: (low + high) / 2,
    "latest": lambda low, high: high,
}


def _switch(people: Data, dating: str) -> np.ndarray:
    """Return when each patient's exposure began; inf if never."""
    return np.array([DATES[dating](low, high) if arm == "true" else np.inf for _, _, _, arm, low, high in people])


COMPARISONS: dict[str, Statistic] = {
    "contingency_test": Statistic(
        "number",
        _read_table,
        _contingency,
        optional=("rows", "columns", "where", "table", "counts"),
        choices={"test": TESTS},
    ),
    "cross_table": Statistic(
        "numbers",
        _read_cross_table,
        _cross_table,
        ("rows", "columns"),
        ("where", "table", "row_labels", "column_labels"),
        {
            "cells": (
                Choice("patients", "patients in every cell"),
                Choice("columns", "percent of each column"),
                Choice("rows", "percent of each row"),
                Choice("all", "percent of all"),
            )
        },
    ),
    "survival_test": Statistic(
        "number",
        _read_arms,
        _survival_test,
        ("time", "event", "by"),
        ("where", "earliest", "latest", *OF_EVENTS),
        {
            "test": (
                Choice("log_rank", "log-rank test, of an exposure ever against never"),
                Choice(
                    "cox",
                    "likelihood-ratio test of a Cox model (Firth where separated)",
                ),
                Choice("mantel_byar_earliest", "Mantel-Byar test, exposure at its earliest date"),
                Choice("mantel_byar_middle", "Mantel-Byar test, exposure at its middle date"),
                Choice("mantel_byar_latest", "Mantel-Byar test, exposure at its latest date"),
            ),
            "events": EVENTS,
        },
    ),
}
"""Statistics that compare groups."""
