"""The ``[outcome]`` of a model file: which keys belong together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tomli_w

from casepool.errors import CasepoolError
from casepool.modelling.families.registry import FAMILIES, Family
from casepool.modelling.specification.outcome import PER, Outcome
from casepool.modelling.specification.values import converted, one_of
from casepool.toml_files import check_keys

RESPONSE_KEYS = ("column", "levels", "success", "events", "n", "target", "table", "per", "where", "time", "unit")
SURVIVAL_KEYS = ("time", "event", "lower", "upper", "levels", "event_levels", "unit", "entry", "what", "free")
UNKNOWN = "?"
"""Stands in a draft for codes that its table cannot tell."""
UNITS = ("days", "weeks", "months", "years")


def read_keys(plain: Mapping[str, Any], *, family: str, file: str) -> Outcome:
    """Make an outcome of its table in a model file, refusing keys that do not belong together.

    Raises
    ------
    CasepoolError
        For the first thing wrong.
    """
    of = FAMILIES[family]
    check_keys(plain, list(SURVIVAL_KEYS if of.is_survival else RESPONSE_KEYS), file=file, table="outcome")
    outcome = Outcome(**converted(Outcome, plain, file=file, table="outcome"))
    _refuse_open(outcome, file)
    _check_table(outcome, of, file)
    if outcome.per:
        return outcome
    if of.is_survival:
        _check_survival(outcome, file)
    elif of.is_ordinal:
        _check_ordinal(outcome, file)
    else:
        _check_response(outcome, file)
    return outcome


def _check_table(outcome: Outcome, family: Family, file: str) -> None:
    """Refuse keys of a table beside the cases that do not belong together."""
    place = {"file": file, "column": "outcome"}
    if (outcome.per or outcome.where) and not outcome.table:
        raise CasepoolError("`per` and `where` are of a table beside the cases", remedy="name it in `table`", **place)
    if outcome.time and not outcome.per and not family.is_survival:
        raise CasepoolError("the time of a response is of events counted in a table beside the cases",
                            remedy="remove `time`, or set `table` and `per`", **place)  # fmt: skip
    if outcome.per:
        one_of(outcome.per, PER, file=file, key="outcome.per")
        one_of(outcome.unit, UNITS, file=file, key="outcome.unit")
        if family.is_ordinal or outcome.column or outcome.events or outcome.n or outcome.target:
            raise CasepoolError("events of a table are counted from its rows", remedy="remove column, events, n and "
                                'target, and use the family "bernoulli"', **place)  # fmt: skip


def _refuse_open(outcome: Outcome, file: str) -> None:
    """Refuse a draft in which it still has to be said which codes count."""
    for key in ("success", "event_levels"):
        codes = getattr(outcome, key)
        if UNKNOWN in codes and UNKNOWN not in outcome.levels:
            raise CasepoolError(
                "it still has to be said which codes count",
                file=file,
                column=f"outcome.{key}",
                value=UNKNOWN,
                remedy=f"write those of {', '.join(outcome.levels)} that do, say as one of these lines",
                paste="\n".join(f"{key} = [{tomli_w.dumps({'x': level})[4:].strip()}]" for level in outcome.levels),
            )


def _check_survival(outcome: Outcome, file: str) -> None:
    place = {"file": file, "column": "outcome"}
    given = tuple(key for key in ("time", "event", "lower", "upper") if getattr(outcome, key))
    if given not in (("time", "event"), ("lower", "upper")):
        raise CasepoolError(
            "a survival outcome needs `time` and `event`, or `lower` and `upper`", remedy="name two columns", **place
        )
    if outcome.lower and outcome.levels:
        raise CasepoolError("`levels` belong to `event`", remedy="remove levels and event_levels", **place)
    one_of(outcome.unit, UNITS, file=file, key="outcome.unit")
    if bool(outcome.levels) != bool(outcome.event_levels) or not set(outcome.event_levels) <= set(outcome.levels):
        raise CasepoolError(
            "`event_levels` must be among `levels`, and neither stands alone",
            remedy="correct them",
            **place,
        )


def _check_response(outcome: Outcome, file: str) -> None:
    place = {"file": file, "column": "outcome"}
    if not outcome.column and not outcome.events:
        raise CasepoolError("a response needs `column`, or `events`", remedy="name the column", **place)
    if outcome.column and (not outcome.success or not set(outcome.success) < set(outcome.levels)):
        raise CasepoolError(
            "`success` must be some of `levels`, and not all",
            remedy="list every code, worst first, in levels",
            **place,
        )


def _check_ordinal(outcome: Outcome, file: str) -> None:
    place = {"file": file, "column": "outcome"}
    if outcome.events or outcome.target:
        raise CasepoolError(
            "an ordinal outcome is a coded column: events of n, and a target rate, know of success and failure only",
            remedy="give a row for each category with its `n`, or use the family bernoulli",
            **place,
        )
    if not outcome.column or len(outcome.levels) < 2:
        raise CasepoolError(
            "an ordinal outcome needs `column` and two or more `levels`",
            remedy="list every code, worst first, in levels",
            **place,
        )
    best = outcome.levels[len(outcome.levels) - len(outcome.success) :]
    if set(outcome.success) != set(best) or len(best) == len(outcome.levels):
        raise CasepoolError(
            "`success` of an ordinal outcome must be the best of `levels`, and not all",
            remedy="list every code, worst first, in levels, or leave `success` out: better than the worst",
            **place,
        )
