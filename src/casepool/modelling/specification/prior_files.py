"""One prior of a model file, read: its distribution and numbers, or what a clinician states on a scale of its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from casepool.arguments import is_number
from casepool.errors import CasepoolError
from casepool.modelling.families.arrays import NUMPY
from casepool.modelling.families.baselines import LOG_LOG_2
from casepool.modelling.families.distributions import DISTRIBUTIONS
from casepool.modelling.families.medians import intercept_at
from casepool.modelling.families.priors import Z_UPPER, Prior
from casepool.modelling.families.registry import FAMILIES
from casepool.modelling.specification.values import check_size

Link = Callable[[float], float]
WEIGHTS_WITHIN = 1e-6
"""How far from 1 the weights of a mixture may sum up."""

SCALES: dict[str, Link] = {"probability": lambda p: math.log(p / (1 - p)), "ratio": math.log}
"""Clinical scales a prior may be stated on, each with its way to the scale of the linear predictor."""


def read_prior(plain: Mapping[str, Any], *, file: str, key: str, scales: Mapping[str, Link] = SCALES) -> Prior:
    """Make a prior of one table of a model file, whose ``from`` may be one of `scales`.

    Raises
    ------
    CasepoolError
        For an unknown distribution or parameter, a missing or impossible one, or a ``why`` that is no text.
    """
    values = dict(plain)
    why = values.pop("why", "")
    if not isinstance(why, str):
        raise CasepoolError("`why` must be text", file=file, column=key, value=why, remedy="give the reason as text")
    elicited: dict[str, Any] = dict(values) if "from" in values else {}
    if elicited:
        values = _elicit(elicited, file=file, key=key, scales=scales)
    dist = values.pop("dist", None)
    if not isinstance(dist, str) or dist not in DISTRIBUTIONS:
        raise CasepoolError(
            "unknown or missing distribution",
            file=file,
            column=key,
            value=dist,
            remedy=f"set dist to one of {', '.join(DISTRIBUTIONS)}",
        )
    wanted = DISTRIBUTIONS[dist].parameters
    if set(values) != set(wanted):
        raise CasepoolError(
            f"{dist} takes {' and '.join(wanted) or 'nothing'}, not {', '.join(sorted(values)) or 'nothing'}",
            file=file,
            column=key,
            remedy="give exactly these parameters",
        )
    numbers = {name: _number(values[name], name, dist, file, key) for name in wanted}
    if DISTRIBUTIONS[dist].has_components:
        _check_components(numbers, file, key)
    if problem := DISTRIBUTIONS[dist].problem(numbers):
        raise CasepoolError(problem, file=file, column=key, value=numbers, remedy="correct them")
    return Prior(dist, numbers, why, elicited)


def _number(value: Any, name: str, dist: str, file: str, key: str) -> float | tuple[float, ...]:
    """Return a parameter of a distribution, of a mixture one number for each component."""
    own = DISTRIBUTIONS[dist]
    numbers = value if isinstance(value, list) and value and own.has_components else [value]
    positive = name in own.positive_numbers
    listed = own.has_components and not isinstance(value, list)
    if listed or not all(is_number(x) and (x > 0 or not positive) for x in numbers):
        sort = f"{'positive ' if positive else ''}number"
        wanted = f"a list of {sort}s, one a component" if own.has_components else f"a {sort}"
        raise CasepoolError(f"{name} must be {wanted}", file=file, column=key, value=value, remedy="correct it")
    check_size(value, file=file, key=f"{key}.{name}")
    return tuple(map(float, numbers)) if own.has_components else float(value)


def _check_components(values: Mapping[str, Any], file: str, key: str) -> None:
    """Refuse a mixture whose lists differ in length, or whose weights do not sum to 1."""
    sizes = {name: len(numbers) for name, numbers in values.items()}
    if len(set(sizes.values())) > 1:
        told = ", ".join(f"{size} {name}" for name, size in sizes.items())
        raise CasepoolError(f"a mixture with {told}", file=file, column=key, remedy="give each component one of each")
    total = math.fsum(values["weights"])
    if abs(total - 1) > WEIGHTS_WITHIN:
        where, remedy = f"{key}.weights", f"make them sum to 1 within {WEIGHTS_WITHIN:g}"
        raise CasepoolError("the weights do not sum to 1", file=file, column=where, value=total, remedy=remedy)


def _elicit(elicited: Mapping[str, Any], *, file: str, key: str, scales: Mapping[str, Link]) -> dict[str, Any]:
    """Turn a median and a 97.5% limit on the scale a clinician thinks in into a normal on the link scale."""
    link = scales.get(str(elicited["from"]))
    numbers = [elicited.get(name) for name in ("median", "upper")]
    spare = set(elicited) - {"from", "median", "upper"}
    if link is None or spare or not all(map(is_number, numbers)):
        raise CasepoolError(
            "a prior from the clinical scale has `from`, `median` and `upper` (the 97.5% limit), no more",
            file=file,
            column=key,
            value=dict(elicited),
            remedy=f"set from to one of {', '.join(scales)}",
        )
    for name in ("median", "upper"):
        check_size(elicited[name], file=file, key=f"{key}.{name}")
    try:
        median, upper = (link(float(x)) for x in numbers if x is not None)
        ordered = median != upper and elicited["median"] < elicited["upper"]
    except CasepoolError:
        raise
    except (ValueError, ZeroDivisionError):
        median, upper, ordered = 0.0, 0.0, False
    if not ordered:
        raise CasepoolError(
            f"median and upper must be a {elicited['from']}, the median below the upper limit",
            file=file,
            column=key,
            value=dict(elicited),
            remedy="correct them",
        )
    return {"dist": "Normal", "mu": median, "sigma": abs(upper - median) / Z_UPPER}


def of_median_time(
    family: str, effects: str, priors: Mapping[str, Prior], knots: tuple[float, ...], file: str
) -> Callable[[float], float]:
    """Return what turns a median survival into the intercept, the family's parameters at their priors' medians.

    Raises
    ------
    CasepoolError
        When it is called, if the prior of one of these has no median, or one that no computation can hold.
    """
    own = FAMILIES[family]

    @np.errstate(over="ignore", divide="ignore", invalid="ignore")
    def intercept(median: float) -> float:
        values, key = {}, "priors.intercept"
        for parameter in () if own.shape_keys else own.parameters_of(effects):
            key = f"priors.{parameter.name}"
            if not priors[parameter.name].distribution.has_quantiles:
                problem = "an intercept stated as a median survival needs a prior with a median here"
                raise CasepoolError(problem, file=file, column=key, remedy="use another distribution")
            values[parameter.name] = priors[parameter.name].quantile([0.5])
        found = float(np.ravel(intercept_at(own, effects, values, math.log(median), knots, NUMPY))[0])
        if not math.isfinite(found):
            problem = f"at this prior's median no intercept has a median survival of {median:g}"
            raise CasepoolError(problem, file=file, column=key, remedy="give it a smaller median")
        return found

    return intercept


def of_waiting_time(median: float) -> float:
    """Return the log intensity at which half have begun an exposure by `median`."""
    return LOG_LOG_2 - math.log(median)
