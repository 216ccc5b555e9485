"""Who the patients are: a table of their characteristics, of everyone and by group, counted and never tested."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from casepool.arguments import name_of
from casepool.cases.codebook import Codebook
from casepool.cases.column import LABELLED, NUMBERS, Column
from casepool.cases.reading import resolve_typed
from casepool.cases.role_inference import presumed
from casepool.cases.roles import EXPOSURE, RESECTION, TRAIT
from casepool.cases.tables import bare, missing_column, row_name
from casepool.errors import CasepoolError
from casepool.modelling.design.encoding import labels_of
from casepool.modelling.specification.cautions import guard, lowered
from casepool.modelling.specification.exposure import Exposure
from casepool.remarks import NONE, Remarks, note_of, remark
from casepool.tables import EVERYONE, AnswerTable, level_order, marked_private
from casepool.writing import FEW

COLUMNS = (
    "variable", "label", "level", "kind", "by", "group", "n", "patients", "percent", "median", "lower_quartile",
    "upper_quartile", "smallest", "largest", "unit", "note",
)  # fmt: skip
UNKNOWN = "(not recorded)"
"""Level of patients of whom a variable is not recorded, and group of those whose group is not."""
SIZE = "n"
"""Column that says how many patients a row stands for, where a table has it."""
QUARTILES = {"median": 0.5, "lower_quartile": 0.25, "upper_quartile": 0.75}
RANGE = {"smallest": 0.0, "largest": 1.0}


@dataclass(frozen=True)
class Group:
    """Some of the patients, by a name.

    Parameters
    ----------
    name : str
    inside : boolean array (rows,)
    note : tuple of remarks
        What is wrong with comparing it with another, if anything.
    """

    name: str
    inside: np.ndarray
    note: Remarks = NONE


def characteristics(
    cases: str | Path | pd.DataFrame, by: str | None = None, *, columns: Sequence[str] | None = None, n: str = SIZE
) -> pd.DataFrame:
    """Describe the patients: the table of characteristics that a paper opens with.

    There are no P values: patients of a case series were not dealt to groups, so that none tests a randomisation, and
    with few patients a large P value is no evidence that groups are alike. What may explain a difference between
    groups belongs into a model.

    Parameters
    ----------
    cases : str, path or pandas.DataFrame
        A dataset's name, a folder or file, or a frame.
    by : str, optional
        An exposure that the codebook names, or any labelled column: the patients of each of its levels, and those of
        whom it is not recorded, are described beside everyone.
    columns : sequence of str, optional
        What is described, in this order; default the columns with the role ``trait``, and without any those with
        labels or numbers that have no role at all.
    n : str
        The column that says how many patients a row stands for; by default "n" where the table has it.
        Of such a table numbers are described only where they are asked for, as they need not be the patients'.

    Returns
    -------
    pandas.DataFrame
        One row a variable, level and group, everyone first. ``kind`` says what a row is: "patients" (how many the group
        has), "level", "number" or "missing". ``n`` counts patients: of the group, of the level, of whom the number is
        known, or of whom nothing is; ``patients`` are those counted among: all, those of whom the variable is known, or
        the group; ``percent`` is the one over the other. A number has ``median``, quartiles (linear between ranks),
        ``smallest`` and ``largest``, in ``unit``. Levels stand in the codebook's order where they have one, else the
        largest first. A patient with several members in a set counts in each.

        Of a table that is not public small counts are marked where it is written; columns whose labels the codebook
        does not list, and numbers it does not name, are left out; smallest and largest are withheld, as they are
        somebody's, and all numbers of fewer than 3 patients.

    Raises
    ------
    CasepoolError
        For a column that is not there, has neither labels nor numbers, names patients, or may not be shown.

    See Also
    --------
    flow, classical, write_table

    Notes
    -----
    Groups by an exposure are made of what became of patients: at time zero nobody knew who would be in which, and
    ``note`` says so. Whoever died early cannot be among those exposed later.

    Examples
    --------
    >>> import casepool as cp
    >>> table = cp.characteristics("alk_crizotinib", by="surgery")
    >>> rows = table[(table["variable"] == "sex") & (table["level"] == "F")].set_index("group")
    >>> rows.loc["everyone", ["n", "patients"]].tolist()
    [13.0, 31.0]
    """
    name_of(n, "n")
    if by is not None:
        name_of(by, "by", "name an exposure or a labelled column, or leave it out")
    return characteristics_of(*resolve_typed(cases), by, columns=columns, n=n)


def characteristics_of(
    frame: pd.DataFrame,
    codebook: Codebook,
    by: str | None = None,
    *,
    columns: Sequence[str] | None = None,
    n: str = SIZE,
) -> pd.DataFrame:
    """Describe as `characteristics` does, of typed cases."""
    frame = bare(frame)
    weights = _weights(frame, codebook, n)
    exposures = _exposures(frame, codebook)
    named = exposures.get(by or "", by or "")
    counted = bool((weights != 1).any())
    chosen = _chosen(frame, codebook, columns, {named, n}, counted=counted)
    groups = _groups(frame, codebook, exposures, by, counted=counted)
    rows = list(_sizes(groups, weights))
    for name in chosen:
        kind = codebook.columns[name]
        tell = _numbers if kind.type in NUMBERS else _levels
        rows += [
            {"variable": name, "label": kind.label or name.replace("_", " "), "unit": kind.unit, **row}
            for row in tell(frame, codebook, name, groups, weights)
        ]
    public = codebook.public
    filled = [row | {"by": by or "", "note": note_of(row["note"], public=public)} for row in rows]
    table = AnswerTable(filled, columns=list(COLUMNS))
    texts = ("variable", "label", "level", "unit")
    table = table.astype(dict.fromkeys(COLUMNS[6:14], "float64") | dict.fromkeys(texts, "object"))
    table = table.fillna(dict.fromkeys(texts, "")).astype(dict.fromkeys(texts, "str"))
    return marked_private(table, public=public)


def _weights(frame: pd.DataFrame, codebook: Codebook, n: str) -> np.ndarray:
    """Return how many patients every row stands for."""
    if n not in frame.columns and n != SIZE:
        raise missing_column(frame, codebook, n, "`n`")
    if n not in frame.columns or codebook.columns[n].type not in NUMBERS:
        return np.ones(len(frame))
    counts = frame[n].to_numpy(dtype=float, na_value=np.nan)
    bad = ~((counts >= 0) & (counts == np.floor(counts)))
    if bad.any():
        row = int(np.argmax(bad))
        raise CasepoolError(
            "a number of patients must be whole and not negative",
            file=codebook.name,
            row=row_name(frame, codebook, row),
            column=n,
            value=counts[row],
            remedy='correct it, or name another column, n="..."',
        )
    return counts


def _exposures(frame: pd.DataFrame, codebook: Codebook) -> dict[str, str]:
    """Return the column that says who had an exposure, by the exposure's name and its own."""
    kinds = {name: kind for name, kind in codebook.columns.items() if name in frame.columns and name != codebook.id}
    values = {name: [None if pd.isna(cell) else cell for cell in frame[name]] for name in kinds}
    found: dict[str, str] = {}
    for name, kind in (kinds | presumed(kinds, values)).items():
        if kind.role in (EXPOSURE, RESECTION) and kind.type == "boolean":
            found |= {name: name} | ({kind.exposure: name} if kind.exposure else {})
    return found


def _groups(
    frame: pd.DataFrame, codebook: Codebook, exposures: dict[str, str], by: str | None, *, counted: bool
) -> list[Group]:
    """Return everyone, and the groups asked for."""
    everyone = Group(EVERYONE, np.ones(len(frame), dtype=bool))
    if by is None:
        return [everyone]
    name = exposures.get(by, by)
    _refuse(frame, codebook, name, LABELLED, "`by`", counted=counted)
    cells, levels = labels_of(frame, codebook, name)
    inside = {level: np.array([level in cell for cell in cells]) for level in levels}
    note = remark("several groups") if codebook.columns[name].type == "set" else NONE
    names = {level: level for level in levels}
    if by in exposures:
        kind = codebook.columns[name]
        own = Exposure(kind.exposure or name, name).worded(kind.what or lowered(kind.label), kind.done)
        names = dict(zip(("no", "yes"), own.arms, strict=True))
        note = remark("guard", caution=guard(who=own.who, what=own.called))
    order = _order(codebook.columns[name], levels, [float(inside[level].sum()) for level in levels])
    found = [Group(names[level], inside[level], note) for level in order]
    unknown = np.array([not cell for cell in cells])
    return [everyone, *found, *([Group(UNKNOWN, unknown)] if unknown.any() else [])]


def _order(kind: Column, levels: Sequence[str], n: Sequence[float]) -> list[str]:
    own = levels if kind.type in ("ordered", "boolean") else ()
    return [levels[place] for place in level_order(levels, n, own)]


def _refuse(
    frame: pd.DataFrame, codebook: Codebook, name: str, types: Sequence[str], wanted_by: str, *, counted: bool
) -> None:
    """Refuse a column that is not there, names patients, is of no such type, or may not be shown."""
    if name not in frame.columns:
        raise missing_column(frame, codebook, name, wanted_by)
    kind = codebook.columns[name].type
    problem, remedy = "", ""
    if _names_patients(codebook, name, counted=counted):
        problem, remedy = "the column names patients, which a table of characteristics does not", "name another column"
    elif kind not in types:
        problem, remedy = f"a column of type {kind} is not counted here", f"name one of type {', '.join(types)}"
    elif not may_describe(codebook, name):
        problem = "the table is not public, and the codebook does not say what may be shown of this column"
        remedy = "give the column an entry, with its `levels`" if kind in LABELLED else "give the column an entry"
    if problem:
        raise CasepoolError(problem, file=codebook.name, column=name, remedy=remedy)


def _names_patients(codebook: Codebook, name: str, *, counted: bool) -> bool:
    """Whether a column identifies patients; in a table of counts that of the rows may be a label of theirs."""
    return name == codebook.id and not (counted and codebook.public and codebook.columns[name].type in LABELLED)


def may_describe(codebook: Codebook, name: str) -> bool:
    """Whether a column's labels, or the middle of its numbers, may be shown: of a private table where it is named.

    What was made of a private patient's dates is not.
    """
    if codebook.columns[name].type in NUMBERS:
        return codebook.public or name not in (*codebook.guessed, *codebook.dated)
    return codebook.may_show(name)


def _chosen(
    frame: pd.DataFrame, codebook: Codebook, columns: Sequence[str] | None, apart: set[str], *, counted: bool
) -> list[str]:
    """Return the columns to describe: those asked for, else traits, else whatever has no role; `apart` are others'."""
    if columns is not None:
        if (
            isinstance(columns, str)
            or not isinstance(columns, Sequence)
            or not all(isinstance(x, str) for x in columns)
        ):
            raise CasepoolError("`columns` are a list of names", value=columns, remedy='pass ["age", "sex"], say')
        for name in columns:
            _refuse(frame, codebook, name, (*LABELLED, *NUMBERS), "`columns`", counted=counted)
        return list(dict.fromkeys(columns))
    types = LABELLED if counted else (*LABELLED, *NUMBERS)
    fit = [
        name
        for name, kind in codebook.columns.items()
        if name in frame.columns
        and kind.type in types
        and name not in {*apart, codebook.publication}
        and not _names_patients(codebook, name, counted=counted)
        and may_describe(codebook, name)
    ]
    traits = [name for name in fit if codebook.columns[name].role == TRAIT]
    return traits or [name for name in fit if not codebook.columns[name].role]


def _sizes(groups: Sequence[Group], weights: np.ndarray) -> Iterator[dict[str, Any]]:
    """Yield how many patients each group has."""
    for group in groups:
        yield _row("patients", "", group, float(weights[group.inside].sum()), float(weights.sum()))


def _row(kind: str, level: str, group: Group, n: float, patients: float, note: Remarks = NONE) -> dict[str, Any]:
    percent = 100 * n / patients if patients and kind != "number" else np.nan
    shared = {"kind": kind, "level": level, "group": group.name, "note": note + group.note}
    return {**shared, "n": n, "patients": patients, "percent": percent}


def _missing(missing: np.ndarray, groups: Sequence[Group], weights: np.ndarray) -> Iterator[dict[str, Any]]:
    """Yield how many patients of each group have no value, if any has none."""
    if weights[missing].sum() > 0:
        for group in groups:
            lost = float(weights[group.inside & missing].sum())
            yield _row("missing", UNKNOWN, group, lost, float(weights[group.inside].sum()))


def _levels(
    frame: pd.DataFrame, codebook: Codebook, name: str, groups: Sequence[Group], weights: np.ndarray
) -> Iterator[dict[str, Any]]:
    """Yield how many patients of each group have each level, of those of whom it is known."""
    cells, levels = labels_of(frame, codebook, name)
    known = np.array([bool(cell) for cell in cells])
    members = {level: np.array([level in cell for cell in cells]) for level in levels}
    note = remark("several members") if (np.array([len(cell) for cell in cells]) > 1).any() else NONE
    sizes = [float(weights[members[level]].sum()) for level in levels]
    for level in _order(codebook.columns[name], levels, sizes):
        for group in groups:
            n, of = (float(weights[group.inside & own].sum()) for own in (members[level], known))
            yield _row("level", level, group, n, of, note)
    yield from _missing(~known, groups, weights)


def _numbers(
    frame: pd.DataFrame, codebook: Codebook, name: str, groups: Sequence[Group], weights: np.ndarray
) -> Iterator[dict[str, Any]]:
    """Yield what is known of a number in each group."""
    values = frame[name].to_numpy(dtype=float, na_value=np.nan)
    known = np.isfinite(values)
    told = QUARTILES | (RANGE if codebook.public else {})
    for group in groups:
        own = group.inside & known
        n = float(weights[own].sum())
        row = _row("number", "", group, n, float(weights[group.inside].sum()))
        if not codebook.public:
            row["note"] = remark("range withheld") + row["note"]
        if n and (codebook.public or n >= FEW):
            row |= dict(zip(told, _quantiles(values[own], weights[own], np.array([*told.values()])), strict=True))
        yield row
    yield from _missing(~known, groups, weights)


def _quantiles(values: np.ndarray, weights: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return quantiles of values each of which stands so many times, linear between ranks."""
    order = np.argsort(values, kind="stable")
    ranks = np.cumsum(weights[order])
    place = at * (ranks[-1] - 1)
    low, high = (values[order][np.searchsorted(ranks, ends(place), side="right")] for ends in (np.floor, np.ceil))
    return np.asarray(low + (place - np.floor(place)) * (high - low))
