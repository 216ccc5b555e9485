"""The right side of a formula becomes the terms of a model file; what no file says alike is refused by its name."""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd

from casepool.cases.codebook import Codebook, entry_of
from casepool.cases.column import NUMBERS
from casepool.cases.roles import EXPOSURE, RESECTION
from casepool.cases.tables import missing_column
from casepool.errors import CasepoolError
from casepool.modelling.formulas.parsing import Node
from casepool.modelling.specification.files import RESERVED

Table = dict[str, Any]
LABELS = ("C", "factor", "as.factor")
"""Functions that say no more than that a column holds labels."""
OWN_COLUMN = "compute it as a column of the cases, and name that"
KNOTTED = 'write the column alone, and in the file kind = "smooth" with knots = [...]'
ALONE = 'write (1 | column), and in the file borrowing = "none"'
CALLS = {
    **dict.fromkeys(("s", "t2", "te", "bs", "ns", "cs", "poly", "hsgp"), ("a curve", KNOTTED)),
    "gp": ("a Gaussian process", KNOTTED),
    "mo": ("a monotonic effect", "write the column alone: labels become a category, numbers a straight line"),
    "offset": ("an offset", "say a target rate as `target` in [outcome] of the file"),
    "scale": ("a scaled number", "write the column alone: `centre` and `scale` of the file say what its effect is per"),
    "center": ("a centred number", "write the column alone: `centre` of the file says from where its effect counts"),
    "mm": ("membership of several groups", "give the column the type set in the codebook, and write (1 | column)"),
    "ar": ("a correlation in time", "leave it out: outcomes of patients are independent given the terms"),
}
"""Functions on the right side that formulas of others have: what they ask for, and what to do instead."""
OPERATORS = {
    ":": ("an interaction", "make a column of the combined labels, and write (1 | column)"),
    "*": ("an interaction", "write `+`, or make a column of the combined labels and write (1 | column)"),
    "/": ("a nested factor", "make a column of the combined labels, and write (1 | outer) + (1 | column)"),
    "**": ("interactions", "write `+`"),
    "-": ("a term to be left out, or no intercept", f"write the terms there are, or {ALONE}"),
}
"""Operators that join terms otherwise than by `+`: what they ask for, and what to do instead."""


def refusal(what: str, node: Node, remedy: str) -> CasepoolError:
    """Return the refusal of a part of a formula."""
    return CasepoolError(f"the formula asks for {what}", value=str(node), remedy=remedy)


def terms_of(right: Node, cases: pd.DataFrame, book: Codebook, *, timed: bool) -> dict[str, Table]:
    """Return the terms of a model file by their names.

    Parameters
    ----------
    right : Node
        What stands right of `~`.
    cases : pandas.DataFrame
        Typed, of n patients.
    book : Codebook
        Of the cases.
    timed : bool
        Whether the outcome is a time to an event, which a treatment that starts during follow-up is no trait of.

    Raises
    ------
    CasepoolError
        For whatever is no plain column and no ``(1 | column)``.
    """
    read: dict[str, Table] = {}
    for node in right.spread("+"):
        if str(node) == "1":
            continue
        column, table = _term(node, cases, book)
        if timed and book.columns[column].role in (EXPOSURE, RESECTION):
            remedy = (
                "write the formula without it, and add an [exposure] to the file, or patients who live longer have it"
            )
            raise CasepoolError("this starts during follow-up, and is no term", value=column, remedy=remedy)
        if read.setdefault(column, table) != table:
            raise CasepoolError("the formula has two terms of one column", value=column, remedy="keep one of them")
    terms: dict[str, Table] = {}
    for column, table in read.items():
        name = _name(column, terms)
        terms[name] = table | ({"column": column} if name != column else {})
    return terms


def column_of(node: Node, cases: pd.DataFrame, book: Codebook, wanted: str = "a column") -> str:
    """Return the column that a part of a formula names.

    Raises
    ------
    CasepoolError
        If it is none, or the cases have none of this name.
    """
    if node.kind != "name":
        raise CasepoolError(f"the formula needs {wanted} here", value=str(node), remedy=OWN_COLUMN)
    if node.text not in cases.columns:
        raise missing_column(cases, book, node.text, "the formula")
    return node.text


def _term(node: Node, cases: pd.DataFrame, book: Codebook) -> tuple[str, Table]:
    """Return one term, and the column it reads."""
    if node.kind == "group" and node.parts[0].is_op("|"):
        column = _group(node, cases, book)
        return column, {"kind": "group", "borrowing": "partial"}
    if node.kind == "call" and node.text in LABELS and len(node.parts) == 1:
        return column_of(node.parts[0], cases, book), {"kind": "category"}
    _refuse(node)
    column = column_of(node, cases, book)
    return column, _number(column, cases, book) if book.columns[column].type in NUMBERS else {"kind": "category"}


def _group(node: Node, cases: pd.DataFrame, book: Codebook) -> str:
    """Return the column of ``(1 | column)``."""
    effects, group = node.parts[0].parts
    if effects.kind != "number" or effects.text != "1":
        raise refusal(
            "slopes that differ by group", node, f"write (1 | {group}): levels differ by where they lie alone"
        )
    if group.kind != "name":
        _refuse(group)
    return column_of(group, cases, book)


def _refuse(node: Node) -> None:
    """Refuse what is no column, by its name."""
    inner = node.parts[0] if node.kind == "group" else node
    if inner.kind == "binary" and inner.text in OPERATORS:
        raise refusal(OPERATORS[inner.text][0], node, OPERATORS[inner.text][1])
    if inner.kind == "call":
        raise refusal(*_called(inner))
    if str(inner) in ("-1", "0"):
        raise refusal("no intercept", node, ALONE)
    if inner.kind != "name":
        raise refusal("what is computed", node, OWN_COLUMN)


def _called(node: Node) -> tuple[str, Node, str]:
    what, remedy = CALLS.get(node.text, (f"a function of a column, {node.text}()", OWN_COLUMN))
    return what, node, remedy


def _number(column: str, cases: pd.DataFrame, book: Codebook) -> Table:
    """Return the term of a number: per a power of ten near its standard deviation, from about its median.

    Of a column of 0 and 1 the effect is that of 1 against 0. Within the range the codebook gives, if it gives one.
    """
    values = cases[column].to_numpy(dtype=float, na_value=np.nan)
    known = values[np.isfinite(values)]
    bounds = book.columns[column].range
    if len(known) < len(values) and not bounds:
        remedy = f"add range = [low, high] to {entry_of(column)}, or drop these rows"
        problem = "numbers are missing, and modelling them needs the range they may have"
        raise CasepoolError(problem, file=book.name, column=column, remedy=remedy)
    table: Table = {"kind": "linear", "centre": 0.0, "scale": 1.0}
    if not set(known) <= {0.0, 1.0}:
        scale = _round_scale(float(known.std()))
        table |= {"centre": _tidy(round(float(np.median(known)) / scale) * scale), "scale": scale}
    return table | ({"bounds": list(bounds)} if bounds else {})


def _round_scale(spread: float) -> float:
    """Return the power of ten nearest to a standard deviation, on a scale of ratios; 1 where there is none."""
    return _tidy(10.0 ** round(math.log10(spread))) if spread > 0 else 1.0


def _tidy(number: float) -> float:
    return float(f"{number:.12g}") + 0.0


def _name(column: str, taken: Collection[str]) -> str:
    """Return a name for a term on a column: the column's own where that is usable, and nobody else's."""
    name = re.sub(r"\W+", "_", column, flags=re.ASCII).strip("_")
    name = name if re.match(r"[A-Za-z]", name) else f"term_{name}".rstrip("_")
    name = f"{name}_term" if name in RESERVED else name
    return next(each for each in (name, *(f"{name}_{k}" for k in range(2, 99))) if each not in taken)
