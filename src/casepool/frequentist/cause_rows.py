"""Rows of one cause beside others that end follow-up: its incidence per level, and Gray's test between levels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from casepool.cases.codebook import Codebook
from casepool.errors import CasepoolError
from casepool.frequentist.competing import aalen_johansen, gray_test
from casepool.frequentist.response_rows import compared, disjoint_levels
from casepool.modelling.design.design import Design
from casepool.modelling.design.grouping import Membership, membership
from casepool.modelling.design.making import patient_labels
from casepool.remarks import NONE, Count, remark

Row = dict[str, Any]


def cause_rows(
    design: Design,
    cases: pd.DataFrame,
    codebook: Codebook,
    by: str | None,
    times: list[float],
    competing: Sequence[str],
) -> list[Row]:
    """Return the incidence of the model's event where other ends compete with it.

    Parameters
    ----------
    design : Design
    cases : pandas.DataFrame
        The typed table the design was made from.
    codebook : Codebook
    by : str or None
        A factor of the model, a labelled column, or everyone.
    times : list of float
    competing : sequence of str
        Codes of the event's column that are other ends.

    Raises
    ------
    CasepoolError
        For codes that are no other ends, and an exposure, whose arms are no groups of patients.
    """
    if by in design.model.exposures:
        raise CasepoolError("an exposure makes no groups of patients whose incidence could be told", column="by",
                            value=by, remedy="leave `by` or `competing` out")  # fmt: skip
    cause = _causes(design, cases, codebook, competing)
    everyone = Membership("", ("everyone",), np.ones((cause.size, 1), dtype=bool), is_term=False)
    group = everyone if by is None else membership(design, cases, by, codebook)
    note = group.remarks(design)
    rows: list[Row] = []
    for i, level in enumerate(group.levels):
        inside = group.members[:, i]
        shared = {"by": group.by, "level": level, "source": "raw", "note": note, "n": float(inside.sum())}
        rows += _incidences(design, inside, cause, times, competing, shared)
    return rows if by is None else [*rows, _test(design, group, cause)]


def _causes(design: Design, cases: pd.DataFrame, codebook: Codebook, competing: Sequence[str]) -> np.ndarray:
    """Return 1 for patients with the model's event, 2 for another end, 0 for neither."""
    outcome = design.model.outcome
    others = [code for code in outcome.levels if code not in outcome.event_levels]
    if not outcome.event_levels:
        raise CasepoolError("the event of the model is not in codes, so that no others compete", column="competing",
                            file=design.model.name, remedy="write levels and event_levels in [outcome]")  # fmt: skip
    for code in competing:
        if code not in others:
            raise CasepoolError("there is no such other code of the event", column="competing", value=code,
                                file=design.model.name, remedy=f"choose of {', '.join(others)}")  # fmt: skip
    at = {label: i for i, label in enumerate(patient_labels(cases, codebook))}
    codes = [str(cases[outcome.event].iloc[at[patient]]) for patient in design.patients]
    other = np.array([code in competing for code in codes], dtype=bool)
    return np.where(design.outcome["event"] == 1, 1, np.where(other, 2, 0))


def _incidences(
    design: Design, inside: np.ndarray, cause: np.ndarray, times: list[float], competing: Sequence[str], shared: Row
) -> list[Row]:
    outcome, own = design.model.outcome, cause[inside]
    curve = aalen_johansen(design.outcome["time"][inside], own, design.outcome["entry"][inside])
    others = remark("other ends", n=Count(int((own == 2).sum())), codes=" or ".join(dict.fromkeys(competing)))
    rows = []
    for t in times:
        found, low, high = curve.at(t)
        what = {"estimand": f"P({outcome.called} by {t:g} {outcome.unit})", "at": t, "unit": "probability"}
        how = remark("incidence limits") if not np.isnan(low) else NONE
        if np.isnan(found):
            how = (
                remark("no patient")
                if np.isnan(curve.end)
                else remark("beyond", last=f"{curve.end:g}", unit=outcome.unit)
            )
        number = {
            "estimate": found,
            "lower": low,
            "upper": high,
            "interval": "95% CI",
            "events": float((own == 1).sum()),
        }
        rows.append(shared | what | number | {"method": "Aalen-Johansen", "note": how + others + shared["note"]})
    return rows


def _test(design: Design, group: Membership, cause: np.ndarray) -> Row:
    levels, members = disjoint_levels(group)
    inside = members.any(axis=1)
    row: Row = {"by": group.by, "level": compared(levels), "source": "raw", "method": "Gray", "kind": "P value"}
    row |= {"unit": "P value", "n": float(inside.sum()), "events": float((cause[inside] == 1).sum())}
    row |= {"estimand": f"no difference in the incidence of {design.model.outcome.called} between {group.by} levels"}
    if (design.outcome["entry"][inside] > 0).any():
        return row | {"note": remark("not computed", reason="some patients entered late")}
    label = np.array(levels)[members[inside].argmax(axis=1)] if levels else np.zeros(0, dtype=str)
    test = gray_test(design.outcome["time"][inside], cause[inside], label)
    if np.isnan(test.p):
        return row | {"note": remark("fewer than two arms")}
    return row | {"estimate": test.p, "note": remark("log-rank", statistic=f"{test.statistic:.4g}", df=test.df)}
