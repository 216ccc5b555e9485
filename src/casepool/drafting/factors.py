"""The factors of a draft: columns that describe a patient, or those that were asked for."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from statistics import quantiles
from typing import Any

from casepool.cases.column import LABELLED
from casepool.cases.role_inference import AGE
from casepool.cases.tables import missing_column
from casepool.cases.units import DAYS
from casepool.drafting.looking import Table
from casepool.drafting.names import safe_name
from casepool.drafting.words import FOLLOW_UP, HAPPENED, RESPONSE, bare, is_factor, is_named
from casepool.errors import CasepoolError
from casepool.modelling.specification.outcome import Outcome
from casepool.modelling.terms.labels import Category, Group
from casepool.modelling.terms.numbers import Linear
from casepool.modelling.terms.term import Term

MOST_LEVELS, MOST_FACTORS = 20, 4
"""Levels a factor has, and factors a draft takes of itself, at most."""
TO_BORROW = 3
"""Levels from which on it can be told how far levels differ; fewer are a plain category."""
LIFE, DECADE = (0.0, 110.0), 10.0
"""Years between which an age lies, and per which its effect is told."""
OUTCOMES = (*RESPONSE, *FOLLOW_UP, *HAPPENED)


def factors(table: Table, outcome: Outcome, used: Collection[str]) -> list[str]:
    """Return the columns a draft takes for factors: an age, then traits of patients, then treatments, as they stand.

    In a public table of counts a row is a group, and what names it a factor.
    """
    if outcome.events and table.record.codebook.public and _is_factor(table, table.patients):
        return [table.patients]
    named = {name: _surely(table, name) for name in table.names if name not in used}
    chosen = sorted((name for name, surely in named.items() if surely), key=lambda name: -named[name])
    ages = [name for name in chosen if named[name] == _AGE][:1]
    others = [name for name in chosen if named[name] < _AGE and not (ages and is_named(AGE, name))]
    return [*ages, *others[:MOST_FACTORS]]


def spare(table: Table, used: Collection[str]) -> list[str]:
    """Return the columns that could be factors as well: they have levels, and may be known only later."""
    free = [name for name in table.names if name not in used and table.free(name)]
    named = [name for name in free if any(is_named(pattern, name) for pattern in OUTCOMES)]
    return [name for name in free if name not in named and _is_factor(table, name)]


def terms_of(table: Table, columns: Sequence[str], taken: Collection[str]) -> dict[str, Term]:
    """Make a term of each column.

    Raises
    ------
    CasepoolError
        For a column that is not there, or cannot be a factor.
    """
    terms: dict[str, Term] = {}
    for column in dict.fromkeys(columns):
        if column not in table.record.columns:
            raise _absent(table, column)
        name = safe_name(bare(column), (*taken, *terms))
        terms[name] = _term(table, column, name, "" if name == column else column)
    return terms


_AGE = 3


def _surely(table: Table, name: str) -> int:
    """Tell how surely a column is a factor, 0 if not: an age, a trait by its role or name, a treatment."""
    if not table.free(name):
        return 0
    if _is_age(table, name):
        return _AGE
    surely = 2 if table.column(name).role else is_factor(name)
    return surely * _is_factor(table, name)


def _is_age(table: Table, name: str) -> bool:
    """Tell whether a column is called an age and holds numbers that can be ages in its unit."""
    if not (table.is_number(name) and is_named(AGE, name) and is_factor(name)):
        return False
    low, high = _years(table, name, LIFE)
    ages = [float(value) for value in _numbers(table, name)]
    return len(set(ages)) > 1 and all(low <= age <= high for age in ages)


def _is_factor(table: Table, name: str) -> bool:
    kind = table.column(name).type if name in table.record.columns else ""
    return kind in (*LABELLED, "integer") and 2 <= len(table.codes(name)) <= MOST_LEVELS


def _absent(table: Table, column: str) -> CasepoolError:
    import pandas as pd

    return missing_column(pd.DataFrame(columns=[*table.record.columns]), table.record.codebook, column, "`by`")


def _term(table: Table, column: str, name: str, source: str) -> Term:
    kind = table.column(column).type
    if _is_age(table, column):
        low, high = _years(table, column, table.column(column).range or LIFE)
        decade = _years(table, column, (0.0, DECADE))[1]
        centre = round(_middle(table, column) / decade) * decade
        return Linear(name, source, centre=centre, scale=decade, bounds=(low, high))
    if kind == "number" or (kind == "integer" and not is_factor(column)):
        return _number(table, column, name, source)
    codes = table.codes(column)
    if kind == "list" or not 1 <= len(codes) <= len(table.cells(column)):
        raise table.refuse(f"the column {column!r} cannot be a factor", "name a column of labels or numbers in `by`")
    if len(codes) < TO_BORROW and kind != "set":
        return Category(name, source)
    return Group(name, source)


def _number(table: Table, column: str, name: str, source: str) -> Linear:
    """Make a straight line of a number: from a round middle, per a round half of the spread of its values."""
    values = [float(value) for value in _numbers(table, column)]
    if not values:
        raise table.refuse(f"the column {column!r} is empty", "name another one in `by`")
    tenths = quantiles(values, n=10, method="inclusive") if len(values) > 1 else values * 9
    scale = _round((tenths[-1] - tenths[0]) / 2) or 1.0
    return Linear(name, source, "drop", centre=_round(_middle(table, column)), scale=scale)


def _numbers(table: Table, name: str) -> Iterator[Any]:
    yield from table.cells(name)


def _middle(table: Table, name: str) -> float:
    """Return the median of a column of numbers, none of which is an outcome."""
    values = sorted(float(value) for value in _numbers(table, name))
    return values[len(values) // 2]


def _years(table: Table, name: str, years: tuple[float, float]) -> tuple[float, float]:
    """Return a span of years in the unit of an age, which is years where the table tells none."""
    days = DAYS.get(table.record.unit(name) or "years", DAYS["years"])
    low, high = (round(limit * DAYS["years"] / days, 1) for limit in years)
    return low, high


def _round(number: float) -> float:
    """Return a number with one digit."""
    return round(number, -math.floor(math.log10(abs(number)))) if number else 0.0
