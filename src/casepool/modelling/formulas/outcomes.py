"""The left side of a formula becomes the ``[outcome]`` of a model file, in the spellings of brms, Bambi and R."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from casepool.cases.cells import FALSE, ONE, TRUE, ZERO, is_missing
from casepool.cases.codebook import Codebook, entry_of
from casepool.cases.rules import is_named_after_censoring
from casepool.cases.units import named_unit
from casepool.errors import CasepoolError
from casepool.modelling.design.outcome_codes import code_of
from casepool.modelling.families.registry import FAMILIES
from casepool.modelling.formulas.parsing import Node
from casepool.modelling.formulas.terms import Table, column_of
from casepool.modelling.specification.outcome_keys import UNITS

CENSORED = ("none", "right")
"""How brms and Bambi spell a time that is an event's, and one of the last follow-up."""
SURVIVAL = "write Surv(time, event), censored(time, status) or time | cens(censored)"
ROWS = 'leave it out: a row that stands for n patients is n = "..." in [outcome] of the file'


@dataclass(frozen=True)
class Stated:
    """What is said of an outcome besides the formula.

    Parameters
    ----------
    cases : pandas.DataFrame
        Typed.
    book : Codebook
        Of the cases.
    family, unit : str
    levels, success : tuple of str
        Codes of the outcome, worst first, and those that are a success; empty where the codebook is to say them.
    """

    cases: pd.DataFrame
    book: Codebook
    family: str
    unit: str = ""
    levels: tuple[str, ...] = ()
    success: tuple[str, ...] = ()

    def column(self, node: Node, wanted: str = "a column") -> str:
        """Return the column that a part of the formula names."""
        return column_of(node, self.cases, self.book, wanted)

    def codes(self, column: str) -> tuple[str, ...]:
        """Return the codes a column may hold: those said, those of its codebook, or plainly no and yes, 0 and 1, 2.

        Raises
        ------
        CasepoolError
            If nobody says them: labels of a table are not put into a file that nobody has looked at.
        """
        own = self.book.columns[column]
        if self.levels or own.levels:
            return self.levels or own.levels
        if own.type == "boolean":
            return ("no", "yes")
        found = sorted({code_of(value, ()) for value in self.cases[column] if not is_missing(value, ())})
        if known := next((codes for codes in PLAIN if found and set(found) <= set(codes)), ()):
            return known
        remedy = f'pass levels=["...", "..."], worst first, or add levels to {entry_of(column)}'
        raise CasepoolError("the codes of the outcome are not said", file=self.book.name, column=column, remedy=remedy)


PLAIN = (("0", "1"), ("1", "2"), CENSORED, ("no", "yes"), ("FALSE", "TRUE"))
"""Pairs of codes that need no codebook to be understood, the event or the success last."""


def outcome_of(left: Node, stated: Stated) -> Table:
    """Return the table of the outcome in a model file.

    Raises
    ------
    CasepoolError
        For a form that no model file has, and for what neither the formula nor the codebook says.
    """
    survival = FAMILIES[stated.family].is_survival
    found = _survival(left, stated) if survival else _response(left, stated)
    if found is None:
        problem = f"the formula's outcome is none of the family {stated.family}"
        remedy = SURVIVAL if survival else "write a column, events | trials(n) or p(events, n)"
        raise CasepoolError(problem, value=str(left), remedy=remedy)
    if survival and stated.success:
        raise CasepoolError("`success` is of a response", value=list(stated.success), remedy=SURVIVAL)
    return found | ({"unit": _unit(found.get("time") or found["lower"], stated)} if survival else {})


def _unit(column: str, stated: Stated) -> str:
    """Return the unit of time of the model: the one asked for, or the column's."""
    unit = stated.unit or stated.book.columns[column].unit or named_unit(column)
    if not unit:
        remedy = f'pass unit="months", or another of {", ".join(UNITS)}'
        raise CasepoolError("the unit of time is not said", file=stated.book.name, column=column, remedy=remedy)
    return unit


def _response(left: Node, stated: Stated) -> Table | None:
    """Return a coded response, or events of n; None of anything else."""
    if left.kind in ("name", "level"):
        return _coded(left, stated)
    if left.is_op("|") and left.parts[1].kind == "call":
        (n,) = _only(left.parts[1], "trials", 1)
        return _events(left.parts[0], n, stated)
    if left.kind == "call" and left.text in ("p", "prop", "proportion"):
        events, n = _only(left, left.text, 2)
        return _events(events, n, stated)
    return None


def _events(events: Node, n: Node, stated: Stated) -> Table:
    if stated.success or stated.levels:
        remedy = "leave out `success` and `levels`"
        raise CasepoolError("events of n have no codes", value=str(events), remedy=remedy)
    return {"events": stated.column(events), "n": stated.column(n, "a column of how many patients")}


def _coded(left: Node, stated: Stated) -> Table:
    """Return a response in codes: its levels, and of which family may need to know, those that are a success."""
    column = stated.column(Node("name", left.text))
    levels, ordinal = stated.codes(column), FAMILIES[stated.family].is_ordinal
    chosen = tuple(part.text for part in left.parts)
    if chosen and stated.success and set(chosen) != set(stated.success):
        problem = f"the formula has {chosen[0]} for a success, and `success` says otherwise"
        raise CasepoolError(problem, value=list(stated.success), remedy="keep one of them")
    success = stated.success or chosen or stated.book.columns[column].counts
    success = success or (levels[1:] if levels in PLAIN and not ordinal else ())
    if not success and not ordinal:
        said = f"of {', '.join(levels)}" if levels else ""
        remedy = f'pass success=["..."]: some {said}, and not all'
        raise CasepoolError(
            "which codes are a success is not said", file=stated.book.name, column=column, remedy=remedy
        )
    return {"column": column, "levels": list(levels)} | ({"success": list(success)} if success else {})


def _survival(left: Node, stated: Stated) -> Table | None:
    """Return a time to an event, by one of three spellings; None of anything else."""
    if left.is_op("|"):
        return _of_brms(left.parts[0], left.parts[1], stated)
    if left.kind == "call" and left.text == "censored":
        time, status = _only(left, "censored", 2)
        return {"time": stated.column(time)} | _uncensored(status, stated)
    if left.kind == "call" and left.text == "Surv":
        return _of_r(left, stated)
    return None


def _of_brms(time: Node, more: Node, stated: Stated) -> Table:
    """Return ``time | cens(censored) + trunc(lb = entry)``."""
    found: Table = {"time": stated.column(time)}
    for part in more.spread("+"):
        if part.kind == "call" and part.text == "cens":
            (censored,) = _only(part, "cens", 1)
            found |= _uncensored(censored, stated)
        elif (
            part.kind == "call" and part.text == "trunc" and [str(a.parts[0]) for a in part.parts if a.parts] == ["lb"]
        ):
            found["entry"] = stated.column(part.parts[0].parts[1])
        else:
            raise _no_outcome(part, SURVIVAL)
    if "event" not in found:
        raise CasepoolError("the formula does not say who is censored", value=str(time), remedy=SURVIVAL)
    return found


def _of_r(left: Node, stated: Stated) -> Table:
    """Return ``Surv(time, event)``, ``Surv(entry, time, event)`` or ``Surv(lower, upper, type = "interval2")``."""
    plain = [part for part in left.parts if part.kind != "assign"]
    named = {str(part.parts[0]): part.parts[1].text for part in left.parts if part.kind == "assign"}
    if named == {"type": "interval2"} and len(plain) == 2:
        lower, upper = (stated.column(part) for part in plain)
        return {"lower": lower, "upper": upper}
    if named or len(plain) not in (2, 3):
        raise _no_outcome(left, SURVIVAL)
    *entry, time, event = plain
    found = {"time": stated.column(time)} | _event(event, stated)
    return found | ({"entry": stated.column(entry[0])} if entry else {})


def _event(node: Node, stated: Stated) -> Table:
    """Return who has the event: a column of true and false, one in codes, or ``column == "code"``."""
    if node.is_op("=="):
        column = stated.column(node.parts[0])
        return _of_codes(column, (node.parts[1].text,), stated)
    column = stated.column(node)
    if is_named_after_censoring(column) and stated.book.columns[column].role != "event":
        remedy = f"write time | cens({column}), or Surv(time, {column} == ...) with the code that is the event"
        raise CasepoolError("named after censoring, and true would be taken for the event", value=column, remedy=remedy)
    codes, counts = stated.codes(column), stated.book.columns[column].counts
    if counts:
        return _of_codes(column, counts, stated)
    if {code.lower() for code in codes} <= {*TRUE, *FALSE, *ONE, *ZERO} and len(codes) == 2:
        return {"event": column}
    if codes == ("1", "2"):
        return _of_codes(column, ("2",), stated)
    remedy = f'write Surv(time, {column} == "...") with one of {", ".join(codes)}'
    raise CasepoolError("which code is the event is not said", file=stated.book.name, column=column, remedy=remedy)


def _uncensored(node: Node, stated: Stated) -> Table:
    """Return who has the event where a column says who has not: ``cens(1 - event)`` is turned back."""
    if node.is_op("-") and str(node.parts[0]) == "1":
        return _event(node.parts[1], stated)
    column = stated.column(node)
    codes = stated.codes(column)
    if strange := set(codes) - {*CENSORED, *FALSE, *TRUE, *ZERO, *ONE} - {"FALSE", "TRUE"}:
        remedy = 'name times between which the event lies, by Surv(lower, upper, type = "interval2")'
        problem = f"the codes of censoring are none and right, and here is {min(strange)} too"
        raise CasepoolError(problem, file=stated.book.name, column=column, remedy=remedy)
    none = [code for code in codes if code.lower() in (CENSORED[0], *FALSE, *ZERO)]
    return _of_codes(column, tuple(none), stated)


def _of_codes(column: str, events: Sequence[str], stated: Stated) -> Table:
    levels = stated.codes(column)
    if not set(events) < set(levels):
        remedy = f"choose from {', '.join(levels)}"
        raise CasepoolError("this is no code of the event's column", column=column, value=list(events), remedy=remedy)
    return {"event": column, "levels": list(levels), "event_levels": list(events)}


def _only(call: Node, name: str, number: int) -> tuple[Node, ...]:
    """Return the arguments of a function of the left side, refusing another one, and others than columns."""
    if call.text != name or len(call.parts) != number:
        raise _no_outcome(
            call, "write events | trials(n), or p(events, n)" if name not in ("cens", "censored") else SURVIVAL
        )
    return call.parts


def _no_outcome(node: Node, remedy: str) -> CasepoolError:
    """Return the refusal of a part of the left side."""
    remedy = ROWS if node.text in ("weights", "weighted") else remedy
    return CasepoolError("the formula asks for what no outcome has", value=str(node), remedy=remedy)
