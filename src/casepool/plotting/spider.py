"""The spider plot: every patient's change over time, from baseline on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from casepool.cases.codebook import Codebook
from casepool.cases.reading import as_path, read_typed, resolve_typed
from casepool.cases.tables import codebook_of, typed_by
from casepool.cases.units import named_unit
from casepool.errors import CasepoolError
from casepool.escaping import printable
from casepool.numbers import counted
from casepool.plotting.changes import (
    THRESHOLDS,
    Levels,
    change_axis,
    held_by,
    level_legend,
    levels_in,
    numbers_in,
    one_level,
    percentages,
    thresholds_of,
)
from casepool.plotting.lettering import drawn, drawn_apart
from casepool.plotting.style import MARKERS, axes_on, canvas_of
from casepool.writing import count_text

WIDTH, HEIGHT = 7.5, 4.6
MOST_NAMED = 15
"""Patients above which lines bear no names."""
LONGEST_NAME = 16
ASKER = "plot_spider"


@dataclass(frozen=True)
class Course:
    """One patient's changes, in the order of time."""

    name: str
    times: np.ndarray
    changes: np.ndarray


def plot_spider(
    assessments: pd.DataFrame | str | Path,
    cases: pd.DataFrame | str | Path | None = None,
    *,
    patient: str | None = None,
    time: str | None = None,
    change: str | None = None,
    size: str | None = None,
    by: str | None = None,
    thresholds: Sequence[float] = THRESHOLDS,
    ax: Axes | None = None,
    figsize: tuple[float, float] | None = None,
) -> Axes:
    """Draw one line a patient: the change from baseline, in percent, over time.

    Parameters
    ----------
    assessments : pandas.DataFrame or str or pathlib.Path
        A table with one row an assessment, several a patient: a file or a frame.
    cases : pandas.DataFrame or str or pathlib.Path, optional
        The table with one row a patient, where `by` is a column of it: a dataset's name, a folder, a file or a frame.
        If it is not public, neither are the assessments.
    patient : str, optional
        Column of the assessments that says whose they are; default what the codebook calls ``id``: ``patient``.
    time : str, optional
        Column with the time of the assessment; default the one with the role ``evaluation``, or the column ``time``.
    change : str, optional
        Column with the change from baseline in percent. Default the one with the role ``change``. Lines then begin at
        time 0 with no change, unless a patient has a row at or before it.
    size : str, optional
        Column with a size, say the sum of diameters, where no change is recorded. Default the one with the role
        ``size``. A patient's first assessment is the baseline.
    by : str, optional
        A labelled column, of the assessments or of `cases`, that lines are coloured by.
    thresholds : sequence of float
        Changes at which dashed lines stand; as of RECIST 1.1 unless others, or none, are given.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a figure of its own.
    figsize : tuple of float, optional
        Width and height in inches of a figure of its own, in the place of those it needs; not with `ax`.

    Returns
    -------
    matplotlib.axes.Axes
        Up to 15 patients of a public table are named where their lines end.

    Raises
    ------
    CasepoolError
        If it is not said whose an assessment is, when it was and what it found; for two of one patient at one time, a
        size that nothing can be compared with, and labels of a table that is not public.

    See Also
    --------
    plot_waterfall, plot_swimmer

    Examples
    --------
    >>> import casepool as cp
    >>> import pandas as pd
    >>> scans = pd.DataFrame({"case": [1, 1, 1, 2, 2], "weeks": [0, 6, 12, 0, 8], "mm": [52, 31, 18, 40, 44]})
    >>> ax = cp.plot_spider(scans, patient="case", time="weeks", size="mm")
    >>> ax.get_ylabel()
    'mm, change from first assessment'
    """
    canvas = canvas_of(ax, figsize)
    lines = thresholds_of(thresholds)
    frame, book = _long(assessments)
    whole = None if cases is None else resolve_typed(cases)
    if whole is not None:
        book = replace(book, public=book.public and whole[1].public)
    ids = _needed(frame, book, patient, ("", book.id), "patient", "says whose an assessment is")
    when = _needed(frame, book, time, ("evaluation", "time"), "time", "says when an assessment was")
    measured = _measured(frame, book, change, size)
    courses = _courses(frame, book, ids, when, measured)
    levels = _levels(courses, (frame, book, ids), whole, by)
    ax = axes_on(canvas, WIDTH, HEIGHT)
    _draw(ax, courses, levels, named=book.public and len(courses) <= MOST_NAMED)
    label = book.label_of(measured.name)
    change_axis(ax, f"{label}, change from first assessment" if measured.is_size else label, lines)
    unit = book.columns[when].unit or named_unit(when)
    since = f"{unit.capitalize()} since baseline" if unit else drawn(book.label_of(when), 60)
    left = frame[ids].nunique() - len(courses)
    lost = f"; {count_text(left, not book.public)} without an assessment not drawn" if left else ""
    ax.set_xlabel(f"{since} ({counted(len(courses), 'patient')}{lost})")
    level_legend(ax, levels)
    return ax


def _long(given: pd.DataFrame | str | Path) -> tuple[pd.DataFrame, Codebook]:
    """Read a table in which a patient has several rows, so that nothing in it names rows."""
    if not isinstance(given, pd.DataFrame):
        path = as_path(given)
        frame, book = read_typed(path, Codebook(name=printable(path.name), id=""))
        return frame, replace(book, id=Codebook.id)
    told = codebook_of(given) or Codebook(name="the assessments")
    frame, book = typed_by(given, replace(told, id=""))
    return frame, replace(book, id=told.id)


def _needed(
    frame: pd.DataFrame, book: Codebook, asked: str | None, known_by: tuple[str, str], key: str, says: str
) -> str:
    """Return a column that must be there: the one asked for, or the one known by its role or its name."""
    role, usual = known_by
    name = held_by(frame, book, role, asked, ASKER, key) or (usual if usual in frame.columns else "")
    if not name:
        raise CasepoolError(f"no column {says}", file=book.name, remedy=f'name it: {key}="..."')
    return name


@dataclass(frozen=True)
class Measured:
    """What was measured: the values of a column, which are sizes or changes already."""

    name: str
    values: np.ndarray
    is_size: bool


def _measured(frame: pd.DataFrame, book: Codebook, change: str | None, size: str | None) -> Measured:
    """Find the column of changes, or of sizes: the one asked for before the one with the role."""
    if change is not None and size is not None:
        raise CasepoolError("change and size are both given", value=size, remedy="give the one that was recorded")
    changes = "" if size is not None else held_by(frame, book, "change", change, ASKER)
    if changes:
        return Measured(changes, percentages(frame, book, changes), is_size=False)
    sizes = held_by(frame, book, "size", size, ASKER)
    if not sizes:
        raise CasepoolError(
            "no column says what an assessment found",
            file=book.name,
            remedy='name it: change="..." (percent from baseline) or size="..." (say, the sum of diameters)',
        )
    return Measured(sizes, numbers_in(frame, book, sizes), is_size=True)


def _courses(frame: pd.DataFrame, book: Codebook, ids: str, when: str, measured: Measured) -> list[Course]:
    """Put every patient's assessments in order, and compare them with the first where they are sizes."""
    times, rows = numbers_in(frame, book, when), np.flatnonzero(~np.isnan(measured.values))
    names = ["" if pd.isna(cell) else str(cell) for cell in frame[ids]]
    of_patient: dict[str, list[int]] = {}
    seen: set[tuple[str, float]] = set()
    for row in map(int, rows):
        key = (names[row], float(times[row]))
        _refuse(not names[row], "an assessment of nobody", "fill the cell", book, row, ids)
        _refuse(np.isnan(times[row]), "an assessment without a time", "fill the cell", book, row, when)
        _refuse(key in seen, f"a second assessment of {ids} {names[row]} then", "keep one", book, row, when, times[row])
        seen.add(key)
        of_patient.setdefault(names[row], []).append(row)
    if not of_patient:
        raise CasepoolError("no assessment is recorded", file=book.name, column=measured.name, remedy="fill its cells")
    return [
        _course(name, sorted(own, key=times.__getitem__), times, measured, book) for name, own in of_patient.items()
    ]


def _course(name: str, rows: list[int], times: np.ndarray, measured: Measured, book: Codebook) -> Course:
    """Return one patient's changes; where changes are recorded, there is none at time zero."""
    at, values = times[rows], measured.values[rows]
    if not measured.is_size:
        before = at[0] > 0
        return Course(name, np.insert(at, 0, 0.0) if before else at, np.insert(values, 0, 0.0) if before else values)
    for row, value in zip(rows, values, strict=True):
        _refuse(value < 0, "a size below 0", "correct the cell", book, row, measured.name, value)
    _refuse(values[0] == 0, "a first size of 0, with which none can be compared",
            "leave the patient out", book, rows[0], measured.name, values[0])  # fmt: skip
    return Course(name, at, 100 * (values / values[0] - 1))


def _refuse(wrong: Any, problem: str, remedy: str, book: Codebook, row: int, column: str, value: Any = None) -> None:
    if wrong:
        raise CasepoolError(problem, file=book.name, row=f"row {row + 1}", column=column, value=value, remedy=remedy)


def _levels(
    courses: list[Course],
    long: tuple[pd.DataFrame, Codebook, str],
    whole: tuple[pd.DataFrame, Codebook] | None,
    by: str | None,
) -> Levels:
    """Return every patient's level, of a column of the assessments, or of the table with one row a patient."""
    if by is None:
        return one_level(len(courses))
    frame, book, ids = long
    if whole is not None and by not in frame.columns:
        frame, book, ids = *whole, whole[1].id
    split = held_by(frame, book, "", by, ASKER, "by")
    levels = levels_in(frame, book, split)
    if ids not in frame.columns:
        raise CasepoolError("no column says who a patient is", file=book.name, column=ids, remedy="add it")
    found: dict[str, list[int]] = {}
    for row, name in enumerate(frame[ids]):
        found.setdefault(str(name), []).append(row)
    for course in courses:
        if len({levels.of[row] for row in found.get(course.name, [])}) != 1:
            problem = f"patient {course.name} has {'several levels' if course.name in found else 'no row'}"
            remedy = "give every patient that was assessed one level"
            raise CasepoolError(problem, file=book.name, column=split, remedy=remedy)
    return levels.among([found[course.name][0] for course in courses])


def _draw(ax: Axes, courses: list[Course], levels: Levels, *, named: bool) -> None:
    """Draw the lines, in the colour and with the marker of their level, and name them where they end."""
    markers = {level: MARKERS[i % len(MARKERS)] for i, level in enumerate(levels.colours)}
    shown = drawn_apart((course.name for course in courses), LONGEST_NAME)
    for course, level in zip(courses, levels.of, strict=True):
        ax.plot(course.times, course.changes, color=levels.colours[level], marker=markers[level], markersize=4,
                linewidth=1.2, alpha=0.85)  # fmt: skip
        if named:
            ax.annotate(shown[course.name], (course.times[-1], course.changes[-1]), (4, 0), va="center", fontsize=7,
                        textcoords="offset points", color=levels.colours[level])  # fmt: skip
