"""Statistics of numbers measured on patients: means and their spread, tests between groups, correlations."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import numpy as np
from scipy import stats

from casepool.claims.arms import ARMS, arms_of
from casepool.claims.rows import Table, number, selected
from casepool.claims.statistic import Answer, Arguments, Choice, Data, Evidence, Sources, Statistic, listed
from casepool.remarks import Count

NOTHING = (math.nan, math.nan, math.nan)
CONFIDENCE = 0.95
MOST_EXACT = 50
"""Patients of a group from which on a rank test is taken as normal."""


def _known(table: Table, places: list[int] | tuple[int, ...], arguments: Arguments) -> tuple[list[float], list[str]]:
    """Return the numbers of some rows, another column taken off where asked, and the rows without."""
    values, without = [], []
    for i in places:
        value = number(table, table.rows[i], arguments["column"])
        taken = number(table, table.rows[i], arguments["minus"]) if "minus" in arguments else 0.0
        if value is None or taken is None:
            without.append(table.labels[i])
        else:
            values.append(value - taken)
    return values, without


def _read_numbers(sources: Sources, arguments: Arguments) -> Data:
    table = sources.table(arguments.get("table", ""))
    values, without = _known(table, selected(table, arguments.get("where", {})), arguments)
    return tuple(values), tuple(without)


def _counted(values: np.ndarray, without: tuple[str, ...]) -> Evidence:
    return Count(values.size), " values", f"; empty in {listed(without)}" if without else ""


def _mean_spread(data: Data, choices: Mapping[str, str]) -> Answer:
    values = np.array(data[0], dtype=float)
    size, how = values.size, choices["spread"]
    if size < (1 if how == "population" else 2):
        return Answer((float(values.mean()) if size else math.nan, math.nan), _counted(values, data[1]))
    spread = values.std(ddof=0 if how == "population" else 1) / (math.sqrt(size) if how == "standard_error" else 1.0)
    return Answer((float(values.mean()), float(spread)), _counted(values, data[1]))


def _mean_limits(data: Data, choices: Mapping[str, str]) -> Answer:
    values = np.array(data[0], dtype=float)
    told = (math.nan, math.nan)
    if values.size > 1:
        law = stats.t(values.size - 1) if choices["limits"] == "t" else stats.norm
        reach = float(law.ppf((1 + CONFIDENCE) / 2)) * float(values.std(ddof=1)) / math.sqrt(values.size)
        told = (float(values.mean()) - reach, float(values.mean()) + reach)
    return Answer(told, _counted(values, data[1]))


QUANTILES = (
    Choice("linear", "quartiles as R and Excel have them (type 7)"),
    Choice("weibull", "quartiles as SPSS and Minitab have them (type 6)"),
    Choice("averaged_inverted_cdf", "quartiles as SAS and Stata have them (type 2)"),
    Choice("hazen", "quartiles of Hazen (type 5)"),
    Choice("tukey", "Tukey's hinges"),
)


def _quartiles(data: Data, choices: Mapping[str, str]) -> Answer:
    values = np.sort(np.array(data[0], dtype=float))
    if not values.size:
        return Answer((math.nan, math.nan), _counted(values, data[1]))
    if choices["quartiles"] == "tukey":
        half = (values.size + 1) // 2
        low, high = float(np.median(values[:half])), float(np.median(values[-half:]))
    else:
        low, high = (float(np.quantile(values, q, method=choices["quartiles"])) for q in (0.25, 0.75))  # type: ignore[call-overload]
    return Answer((low, high), _counted(values, data[1]))


def _read_groups(sources: Sources, arguments: Arguments) -> Data:
    """Read the numbers of two groups; without groups, those of everyone, to be held against zero."""
    table = sources.table(arguments.get("table", ""))
    inside = selected(table, arguments.get("where", {}))
    if "by" not in arguments:
        values, without = _known(table, inside, arguments)
        return (tuple(values),), ("everyone",), f"; empty in {listed(without)}" if without else ""
    arms = arms_of(table, inside, arguments)
    own = [_known(table, places, arguments) for places in arms.places]
    out = [*arms.left_out, *(label for _, without in own for label in without)]
    return tuple(tuple(values) for values, _ in own), arms.names, f"; left out: {listed(out)}" if out else ""


def _shown(groups: list[np.ndarray], names: tuple[str, ...], left_out: str) -> Evidence:
    said: list[str | Count] = []
    for name, values in zip(names, groups, strict=True):
        mean = f", mean {values.mean():.4g}" if values.size else ""
        said += [f"{', ' if said else ''}{name}: ", Count(values.size), f" values{mean}"]
    return *said, left_out


def _test_of_means(data: Data, choices: Mapping[str, str]) -> Answer:
    groups, test = [np.array(values, dtype=float) for values in data[0]], choices["test"]
    one = len(groups) == 1  # of one group, or of pairs, there is one t test by either name
    evidence = _shown(groups, data[1], data[2])
    if min(values.size for values in groups) < 2:
        return Answer((math.nan,), evidence)
    if test.startswith("rank"):
        p = _rank_test(groups, corrected=test == "rank")
    elif one:
        p = stats.ttest_1samp(groups[0], 0.0).pvalue
    else:
        p = stats.ttest_ind(*groups, equal_var=test == "student").pvalue
    return Answer((float(p),), (f"P {p:.3g}; ", *evidence))


def _rank_test(groups: list[np.ndarray], *, corrected: bool) -> float:
    """Return the P value of Wilcoxon's test of one group, or of Mann and Whitney's of two, as R has them."""
    ranked = np.abs(groups[0]) if len(groups) == 1 else np.concatenate(groups)
    distinct = np.unique(ranked).size == ranked.size and not (len(groups) == 1 and (ranked == 0).any())
    exact = corrected and distinct and max(values.size for values in groups) < MOST_EXACT
    if len(groups) == 1:
        method: Literal["exact", "approx"] = "exact" if exact else "approx"
        return float(stats.wilcoxon(groups[0], correction=corrected, method=method).pvalue)
    how = "exact" if exact else "asymptotic"
    return float(stats.mannwhitneyu(*groups, method=how, use_continuity=corrected).pvalue)


def _mean_difference(data: Data, choices: Mapping[str, str]) -> Answer:
    groups = [np.array(values, dtype=float) for values in data[0]]
    evidence = _shown(groups, data[1], data[2])
    if min(values.size for values in groups) < 2:
        return Answer(NOTHING, evidence)
    if len(groups) == 1:
        found, middle = stats.ttest_1samp(groups[0], 0.0), float(groups[0].mean())
    else:
        found = stats.ttest_ind(*groups, equal_var=choices["variances"] == "equal")
        middle = float(groups[0].mean() - groups[1].mean())
    limits = found.confidence_interval(CONFIDENCE)
    return Answer((middle, float(limits.low), float(limits.high)), evidence)


def _read_pairs(sources: Sources, arguments: Arguments) -> Data:
    table = sources.table(arguments.get("table", ""))
    pairs, without = [], []
    for i in selected(table, arguments.get("where", {})):
        x, y = (number(table, table.rows[i], arguments[name]) for name in ("column", "with"))
        if x is None or y is None:
            without.append(table.labels[i])
        else:
            pairs.append((x, y))
    return tuple(pairs), tuple(without)


def _correlated(data: Data, choices: Mapping[str, str]) -> tuple[float, float, float, float, Evidence]:
    """Return a correlation, its limits by Fisher's transformation, and its P value."""
    pairs = np.array(data[0], dtype=float).reshape(-1, 2)
    evidence = _counted(pairs[:, 0], data[1])
    if len(pairs) < 3 or (pairs == pairs[0]).all(axis=0).any():
        return *NOTHING, math.nan, evidence
    x, y = pairs.T
    if choices["of"] == "kendall":
        found = stats.kendalltau(x, y)
        return float(found.statistic), math.nan, math.nan, float(found.pvalue), evidence
    found = stats.pearsonr(x, y) if choices["of"] == "pearson" else stats.spearmanr(x, y)
    r = float(found.statistic)
    if len(pairs) == 3 or abs(r) >= 1:
        return r, math.nan, math.nan, float(found.pvalue), evidence
    reach = float(stats.norm.ppf((1 + CONFIDENCE) / 2)) / math.sqrt(len(pairs) - 3)
    low, high = math.tanh(math.atanh(r) - reach), math.tanh(math.atanh(r) + reach)
    return r, low, high, float(found.pvalue), evidence


def _correlation(data: Data, choices: Mapping[str, str]) -> Answer:
    r, low, high, _, evidence = _correlated(data, choices)
    return Answer((r, low, high), evidence)


def _correlation_test(data: Data, choices: Mapping[str, str]) -> Answer:
    r, _, _, p, evidence = _correlated(data, choices)
    return Answer((p,), (f"correlation {r:.4g}; ", *evidence))


CORRELATIONS = (
    Choice("pearson", "Pearson's correlation"),
    Choice("spearman", "Spearman's rank correlation"),
    Choice("kendall", "Kendall's tau-b"),
)
OF_GROUPS = (*ARMS, "minus", "where", "table")
MEASUREMENTS: dict[str, Statistic] = {
    "mean_spread": Statistic(
        "pair",
        _read_numbers,
        _mean_spread,
        ("column",),
        ("minus", "where", "table"),
        {
            "spread": (
                Choice("deviation", "the standard deviation"),
                Choice("standard_error", "the standard error of the mean"),
                Choice("population", "the standard deviation, divided by n"),
            )
        },
    ),
    "mean_limits": Statistic(
        "pair",
        _read_numbers,
        _mean_limits,
        ("column",),
        ("minus", "where", "table"),
        {"limits": (Choice("t", "limits of Student's t"), Choice("normal", "normal limits"))},
    ),
    "quartiles": Statistic(
        "pair", _read_numbers, _quartiles, ("column",), ("minus", "where", "table"), {"quartiles": QUANTILES}
    ),
    "test_of_means": Statistic(
        "number",
        _read_groups,
        _test_of_means,
        ("column",),
        OF_GROUPS,
        {
            "test": (
                Choice("student", "Student's t test, equal variances"),
                Choice("welch", "t test of unequal variances (Welch); of one group or of pairs Student's"),
                Choice("rank", "Mann-Whitney test (of one group Wilcoxon's), exact where no values are tied"),
                Choice("rank_uncorrected", "Mann-Whitney test (of one group Wilcoxon's), normal without correction"),
            )
        },
    ),
    "mean_difference": Statistic(
        "limited",
        _read_groups,
        _mean_difference,
        ("column",),
        OF_GROUPS,
        {"variances": (Choice("unequal", "unequal variances (Welch)"), Choice("equal", "equal variances (Student)"))},
    ),
    "correlation": Statistic(
        "limited", _read_pairs, _correlation, ("column", "with"), ("where", "table"), {"of": CORRELATIONS}
    ),
    "correlation_test": Statistic(
        "number", _read_pairs, _correlation_test, ("column", "with"), ("where", "table"), {"of": CORRELATIONS}
    ),
}
"""Statistics of measured numbers."""
