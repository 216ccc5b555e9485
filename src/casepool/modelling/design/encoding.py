"""Terms read from cases: a column becomes labels or numbers, and these what the term's kind makes of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import special

from casepool.cases.cells import is_missing
from casepool.cases.codebook import Codebook
from casepool.cases.column import LABELLED
from casepool.cases.columns import spelling_problems
from casepool.cases.problems import refuse
from casepool.cases.tables import Examined, placed, row_name
from casepool.errors import CasepoolError
from casepool.modelling.families.names import effect_of, own_of
from casepool.modelling.specification.model import Model
from casepool.modelling.terms.labels import Group
from casepool.modelling.terms.term import Coded, ColumnRead, Term


def code_term(term: Term, cases: pd.DataFrame, codebook: Codebook) -> Coded:
    """Read a term's column.

    Raises
    ------
    CasepoolError
        If a value cannot be what the term needs: with row, column and value.
    """
    read = (_numbers if term.reads_numbers else _labels)(term, cases, codebook)
    _refuse_unbounded(term, read, cases, codebook)
    try:
        return term.encode(read)
    except CasepoolError as error:  # which knows the column, and not the table
        raise CasepoolError(
            error.problem, file=codebook.name, column=error.column, value=error.value, remedy=error.remedy
        ) from None


def _refuse_unbounded(term: Term, read: ColumnRead, cases: pd.DataFrame, codebook: Codebook) -> None:
    """Refuse a missing number that is to be modelled, and has no bounds to be modelled within."""
    missing = np.isnan(read.values)
    if term.is_number and missing.any() and term.missing == "model" and term.limits is None:
        raise CasepoolError(
            "values are missing, and modelling them needs bounds",
            file=codebook.name,
            row=row_name(cases, codebook, int(np.argmax(missing))),
            column=term.source,
            remedy='add bounds = [low, high] to the term, or missing = "drop"',
        )


def refuse_strange_levels(model: Model, term: Term, levels: tuple[str, ...], codebook: Codebook) -> None:
    """Refuse a prior, or a probability of being exchangeable, for a level that no patient has and no codebook names."""
    keys: dict[str, str] = {}
    if isinstance(term, Group) and isinstance(term.exchangeable, Mapping):
        keys = {f"terms.{term.name}.exchangeable.{level}": level for level in term.exchangeable if level != "other"}
    own = (own_of(term.name), effect_of(term.name))
    parts = [(key, *key.partition(".")) for key in model.priors]
    keys |= {f"priors.{key}": level for key, head, dot, level in parts if dot and head in own}
    known = dict.fromkeys((*levels, *codebook.columns[term.source].levels))
    reference = f"{effect_of(term.name)}.{levels[0] if levels else ''}"
    if reference in model.priors:
        problem = "the reference of a term has no effect, and so no prior"
        remedy = f"name one of {', '.join(level for level in known if level != levels[0])}, or another reference"
        raise CasepoolError(problem, file=model.name, column=f"priors.{reference}", remedy=remedy)
    for key, level in keys.items():
        if level not in known:
            raise CasepoolError(
                f"the column {term.source!r} has no such level",
                file=model.name,
                column=key,
                remedy=f"it has {', '.join(known)}; levels nobody has yet are declared in the codebook",
            )


def ordered_levels(labels: set[str], declared: tuple[str, ...]) -> tuple[str, ...]:
    """Order levels as the codebook declares them, the rest by name."""
    return tuple(level for level in declared if level in labels) + tuple(sorted(labels - set(declared)))


def members_of(value: object, separator: str | None) -> tuple[str, ...]:
    """Return the labels one cell holds, sorted; none if it is empty."""
    if is_missing(value, ()):
        return ()
    parts = str(value).split(separator) if separator else [str(value)]
    return tuple(sorted({part.strip() for part in parts if part.strip()}))


def labels_of(cases: pd.DataFrame, codebook: Codebook, column: str) -> tuple[list[tuple[str, ...]], tuple[str, ...]]:
    """Return every patient's labels in a column, and the column's levels in order."""
    kind = codebook.columns[column]
    separator = kind.separator if kind.type == "set" else None
    if kind.type == "boolean":
        flags = [members_of(v if v is pd.NA else "yes" if v else "no", None) for v in cases[column]]
        return flags, ordered_levels({flag[0] for flag in flags if flag}, ("no", "yes"))
    cells = [members_of(value, separator) for value in cases[column]]
    return cells, ordered_levels({member for cell in cells for member in cell}, kind.levels)


def _labels(term: Term, cases: pd.DataFrame, codebook: Codebook) -> ColumnRead:
    """Read a column of labels."""
    kind = codebook.columns[term.source].type
    if kind not in (*LABELLED, "integer", "text"):
        raise CasepoolError(
            f"a {term.kind} term needs labels, and this column is of type {kind}",
            file=codebook.name,
            column=term.source,
            remedy="use a linear or banded term, or give the column the type category",
        )
    if kind == "text":
        words = [None if is_missing(value, ("",)) else str(value) for value in cases[term.source]]
        twins = spelling_problems(words, codebook.columns[term.source], term.source)
        refuse(placed(list(twins), Examined(cases, codebook, {}, [])))
    cells, levels = labels_of(cases, codebook, term.source)
    if not levels:
        raise CasepoolError("the column is empty", file=codebook.name, column=term.source, remedy="remove the term")
    return ColumnRead(cells, levels, np.zeros(0))


def _numbers(term: Term, cases: pd.DataFrame, codebook: Codebook) -> ColumnRead:
    """Read a numeric column, refusing what is outside the term's bounds."""
    kind = codebook.columns[term.source].type
    if kind not in ("number", "integer"):
        raise CasepoolError(
            f"a {term.kind} term needs numbers, and this column is of type {kind}",
            file=codebook.name,
            column=term.source,
            remedy="use a group or category term, or correct the column",
        )
    values = cases[term.source].to_numpy(dtype=float, na_value=np.nan)
    bounds = term.limits
    if bounds is not None:
        outside = (values < bounds[0]) | (values > bounds[1])
        if outside.any():
            position = int(np.argmax(outside))
            raise CasepoolError(
                f"outside the bounds {bounds[0]:g} to {bounds[1]:g} of the term {term.name!r}",
                file=codebook.name,
                row=row_name(cases, codebook, position),
                column=term.source,
                value=float(values[position]),
                remedy="correct the value, or the term's bounds",
            )
    return ColumnRead([], (), np.asarray(values))


def logit_in(values: np.ndarray, bounds: tuple[float, float]) -> np.ndarray:
    """Return the logit of a number's place between its bounds, kept off the ends by a millionth."""
    place = (values - bounds[0]) / (bounds[1] - bounds[0])
    return np.asarray(special.logit(np.clip(place, 1e-6, 1 - 1e-6)))
