"""Statistics of two rates or hazards: their difference or ratio, with limits; and a rate with its limits."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import lru_cache

import numpy as np
from scipy import stats

from casepool.claims.arms import ARMS, arms_of
from casepool.claims.counts import DENOMINATORS, read_share, share_of
from casepool.claims.rows import need, number, selected
from casepool.claims.statistic import Answer, Arguments, Choice, Data, Sources, Statistic, listed
from casepool.claims.survivals import EVENTS, OF_EVENTS, as_events, check_events, had_event
from casepool.errors import CasepoolError
from casepool.frequentist.cox import CoxFit, fit_cox
from casepool.frequentist.effect_sizes import Counts, Found, odds_ratio, risk_difference, risk_ratio
from casepool.frequentist.logrank import log_rank
from casepool.frequentist.proportions import clopper_pearson, wilson
from casepool.remarks import Count

Z = float(stats.norm.ppf(0.975))
NOTHING = (math.nan, math.nan, math.nan)
TURNED = (
    Choice("as_named", "the two groups as they are named"),
    Choice("turned", "the two groups the other way round"),
)


def _read_two_rates(sources: Sources, arguments: Arguments) -> Data:
    """Count events and patients of two groups; or take them as printed: [[events, others], [events, others]]."""
    if "counts" in arguments:
        counts = arguments["counts"]
        if [len(row) for row in counts] != [2, 2]:
            raise CasepoolError(
                "counts must be two groups of patients with and without the event",
                value=counts,
                remedy="write counts = [[3, 7], [1, 9]]",
            )
        (a, b), (c, d) = ((int(cell) for cell in row) for row in counts)
        return ((a, a + b), (c, c + d)), ("first printed group", "second printed group"), ""
    if not {"by", "where"} <= set(arguments):
        raise CasepoolError("two rates need by and where, or counts", remedy="name the groups and the event")
    table = sources.table(arguments.get("table", ""))
    arms = arms_of(table, selected(table, arguments.get("among", {})), arguments)
    had = set(selected(table, arguments["where"]))
    return tuple((len(had & set(own)), len(own)) for own in arms.places), arms.names, arms.said


def _two_rates(ways: Mapping[str, Callable[[Counts, Counts], Found]], *, ratio: bool) -> Callable[..., Answer | None]:
    def compute(data: Data, choices: Mapping[str, str]) -> Answer | None:
        (first, second), names, left_out = data
        told = ways[choices["method"]](first, second) if first[1] and second[1] else NOTHING
        said: list[str | Count] = [f"{names[0]}: ", Count(first[0]), " of ", Count(first[1])]
        said += [f", {names[1]}: ", Count(second[0]), " of ", Count(second[1]), left_out]
        return Answer(_turned(told, ratio=ratio) if choices["direction"] == "turned" else told, tuple(said))

    return compute


def _turned(told: Found, *, ratio: bool) -> Found:
    """Return a ratio or difference, and its limits, with the two groups in each other's place."""
    middle, low, high = told
    if not ratio:
        return -middle, -high, -low
    return _inverse(middle), _inverse(high), _inverse(low)


def _inverse(value: float) -> float:
    return math.inf if value == 0 else 1 / value


def _about(estimate: float, error: float) -> Found:
    """Return a log ratio and its Wald limits as ratios."""
    return math.exp(estimate), math.exp(estimate - Z * error), math.exp(estimate + Z * error)


def _woolf(first: Counts, second: Counts, added: float = 0.0) -> Found:
    """Return the ratio of the products of a two by two table, with the limits of Woolf (1955)."""
    cells = [value + added for a, n in (first, second) for value in (a, n - a)]
    if min(cells) == 0:
        a, b, c, d = cells
        return (a * d / (b * c) if b * c else math.inf if a * d else math.nan), math.nan, math.nan
    a, b, c, d = cells
    return _about(math.log(a * d / (b * c)), math.sqrt(sum(1 / cell for cell in cells)))


def _product_exact(first: Counts, second: Counts) -> Found:
    """Return the ratio of the products with the exact limits of Fisher's test."""
    return _woolf(first, second)[0], *odds_ratio(first, second)[1:]


def _katz(first: Counts, second: Counts) -> Found:
    """Return a ratio of rates with the limits of Katz and others (1978), on the log scale."""
    (a, n), (b, m) = first, second
    if a == 0 or b == 0:
        return (a * m / (b * n) if b else math.inf if a else math.nan), math.nan, math.nan
    return _about(math.log(a * m / (b * n)), math.sqrt(1 / a - 1 / n + 1 / b - 1 / m))


def _wald_difference(first: Counts, second: Counts) -> Found:
    (a, n), (b, m) = first, second
    p, q = a / n, b / m
    reach = Z * math.sqrt(p * (1 - p) / n + q * (1 - q) / m)
    return p - q, p - q - reach, p - q + reach


def _normal(a: int, n: int, added: float = 0.0) -> tuple[float, float]:
    """Return the normal limits of a rate; with two events and two others added those of Agresti and Coull (1998)."""
    p = (a + added) / (n + 2 * added)
    reach = Z * math.sqrt(p * (1 - p) / (n + 2 * added))
    return p - reach, p + reach


def _jeffreys(a: int, n: int) -> tuple[float, float]:
    low, high = stats.beta.ppf([0.025, 0.975], a + 0.5, n - a + 0.5)
    return (float(low) if a else 0.0), (float(high) if a < n else 1.0)


RATES: dict[str, Callable[[int, int], tuple[float, float]]] = {
    "clopper_pearson": clopper_pearson,
    "wilson": wilson,
    "normal": _normal,
    "agresti_coull": lambda a, n: _normal(a, n, Z**2 / 2),
    "jeffreys": _jeffreys,
}


def _rate(data: Data, choices: Mapping[str, str]) -> Answer | None:
    share = share_of(data, choices)
    if share is None:
        return None
    found, among, evidence = share
    if not among:
        return Answer(NOTHING, evidence)
    return Answer((found / among, *RATES[choices["limits"]](int(found), int(among))), evidence)


def _read_hazards(sources: Sources, arguments: Arguments) -> Data:
    """Read follow-up of two groups, and the covariates the ratio is adjusted for."""
    table = sources.table()
    arms = arms_of(table, selected(table, arguments.get("where", {})), arguments)
    adjusted = arguments.get("adjusted", [])
    check_events(table, arguments)
    for column in adjusted:
        need(table, column)
    people, left_out = [], list(arms.left_out)
    for i in sorted(i for own in arms.places for i in own):
        row = table.rows[i]
        time, event = number(table, row, arguments["time"]), had_event(table, row, arguments)
        covariates = [_value(row[column]) for column in adjusted]
        if time is None or event is None or None in covariates:
            left_out.append(table.labels[i])
        else:
            people.append((time, event, i in arms.places[0], tuple(covariates)))
    return tuple(people), arms.names, tuple(left_out)


def _value(cell: object) -> float | None:
    """Return a covariate: a number, or yes and no as 1 and 0."""
    if isinstance(cell, str | tuple):
        raise CasepoolError("a covariate must be numbers, or yes and no", value=cell, remedy="leave it out of adjusted")
    return None if cell is None else float(cell)  # type: ignore[arg-type]


def _hazard_ratio(data: Data, choices: Mapping[str, str]) -> Answer | None:
    people, names, left_out = data
    how, limits = choices["method"], choices["limits"]
    time, event, first = _columns(people, choices["events"])
    if how == "observed_expected" and (limits == "profile" or any(person[3] for person in people)):
        return None
    try:
        told = _observed_expected(time, event, first) if how == "observed_expected" else _cox(people, choices)
    except CasepoolError:  # no event, or the groups cannot be told apart at any
        told = NOTHING
    said: list[str | Count] = []
    for name, own in zip(names, (first.astype(bool), ~first.astype(bool)), strict=True):
        said += [f"{', ' if said else ''}{name}: ", Count(int(own.sum())), " patients, "]
        said += [Count(int(event[own].sum())), " events"]
    said.append(f"; left out: {listed(left_out)}" if left_out else "")
    return Answer(_turned(told, ratio=True) if choices["direction"] == "turned" else told, tuple(said))


def _cox(people: Data, choices: Mapping[str, str]) -> Found:
    fit = _fitted(people, choices["method"], choices["events"])
    low, high = (fit.wald if choices["limits"] == "wald" else fit.profile)[0]
    with np.errstate(over="ignore"):
        return float(np.exp(fit.coefficients[0])), float(np.exp(low)), float(np.exp(high))


def _columns(people: Data, events: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    time, event, first = (np.array([person[k] for person in people]) for k in range(3))
    return time, as_events(event.astype(bool), events), first


@lru_cache(maxsize=64)
def _fitted(people: Data, how: str, events: str) -> CoxFit:
    """Fit the model once, whichever limits and direction are asked for."""
    time, event, first = _columns(people, events)
    x = np.column_stack([first.astype(float), np.array([person[3] for person in people]).reshape(len(people), -1)])
    return fit_cox(time, event, x, penalised=how == "firth", ties="efron" if how == "firth" else how)


def _observed_expected(time: np.ndarray, event: np.ndarray, first: np.ndarray) -> Found:
    """Return the ratio of Peto and others (1977): observed less expected events, by their variance."""
    test = log_rank(time, event, first)
    if np.isnan(test.p) or not test.statistic:
        return NOTHING
    away = float((test.observed - test.expected)[-1])
    variance = away**2 / test.statistic
    return _about(away / variance, 1 / math.sqrt(variance))


RATIOS: dict[str, Statistic] = {
    "rate": Statistic(
        "limited",
        read_share,
        _rate,
        ("where",),
        ("among", "table"),
        {
            "limits": (
                Choice("clopper_pearson", "exact limits (Clopper-Pearson)"),
                Choice("wilson", "score limits (Wilson)"),
                Choice("normal", "normal limits (Wald)"),
                Choice("agresti_coull", "Agresti-Coull limits"),
                Choice("jeffreys", "Jeffreys limits"),
            ),
            "denominator": DENOMINATORS,
        },
        share=True,
    ),
    "odds_ratio": Statistic(
        "limited",
        _read_two_rates,
        _two_rates(
            {
                "conditional": odds_ratio,
                "woolf": _woolf,
                "product_exact": _product_exact,
                "half_added": lambda first, second: _woolf(first, second, 0.5),
            },
            ratio=True,
        ),
        (),
        (*ARMS, "where", "among", "table", "counts"),
        {
            "method": (
                Choice("woolf", "ratio of the products, Woolf's limits"),
                Choice("conditional", "conditional likelihood, exact limits (as Fisher's test)"),
                Choice("product_exact", "ratio of the products, exact limits"),
                Choice("half_added", "one half added to every cell"),
            ),
            "direction": TURNED,
        },
    ),
    "risk_ratio": Statistic(
        "limited",
        _read_two_rates,
        _two_rates({"katz": _katz, "koopman": risk_ratio}, ratio=True),
        (),
        (*ARMS, "where", "among", "table", "counts"),
        {
            "method": (Choice("katz", "log limits (Katz)"), Choice("koopman", "score limits (Koopman)")),
            "direction": TURNED,
        },
    ),
    "risk_difference": Statistic(
        "limited",
        _read_two_rates,
        _two_rates({"wald": _wald_difference, "newcombe": risk_difference}, ratio=False),
        (),
        (*ARMS, "where", "among", "table", "counts"),
        {
            "method": (Choice("wald", "normal limits (Wald)"), Choice("newcombe", "limits of Newcombe's method 10")),
            "direction": TURNED,
        },
        share=True,
    ),
    "hazard_ratio": Statistic(
        "limited",
        _read_hazards,
        _hazard_ratio,
        ("time", "event", "by"),
        ("level", "reference", "where", "adjusted", *OF_EVENTS),
        {
            "method": (
                Choice("efron", "Cox model, ties as Efron"),
                Choice("breslow", "Cox model, ties as Breslow"),
                Choice("exact", "Cox model, exact ties"),
                Choice("firth", "Cox model with Firth's penalty"),
                Choice("observed_expected", "observed over expected events (Peto)"),
            ),
            "limits": (Choice("wald", "Wald limits"), Choice("profile", "profile likelihood limits")),
            "direction": TURNED,
            "events": EVENTS,
        },
    ),
}
"""Statistics of rates and of two groups."""
