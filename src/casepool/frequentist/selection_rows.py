"""Selective publication without a model: what a printed rate means if successes were published more readily."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from casepool.arguments import numbers_of, path_of, times_of, whole_number
from casepool.cases.reading import resolve_typed
from casepool.errors import CasepoolError
from casepool.frequentist.curves import kaplan_meier, survival_at
from casepool.frequentist.proportions import clopper_pearson
from casepool.modelling import Model
from casepool.modelling import model as get_model
from casepool.modelling.design.making import design_of_typed
from casepool.modelling.design.times import default_times
from casepool.modelling.specification.trials import Study, read_trials
from casepool.remarks import NONE, remark
from casepool.tables import EVERYONE, estimate_table

RATIOS = (1.0, 2.0, 3.0, 5.0)
POOLED = "all of them"
Row = dict[str, Any]


def selection_curve(
    events: int, n: int, *, psi: Sequence[float] = RATIOS, trials: str | Path | None = None
) -> pd.DataFrame:
    """Tell the unselected rate behind a published one, were a success published so many times as readily.

    Parameters
    ----------
    events, n : int
        Published cases with the event, and all published cases.
    psi : sequence of float
        How many times as readily a case is published if it had the event.
    trials : str or pathlib.Path, optional
        A bundled dataset, or a CSV file of study, events and n: unselected patients.

    Returns
    -------
    pandas.DataFrame
        An estimate table. For every ratio in ``at`` the rate ``events / (events + (n - events) psi)`` with
        Clopper-Pearson limits carried by the same shift of the log odds. With trials, the ratio at which the curve
        meets all of them together and each: the odds of the cases over theirs; infinite where a trial saw no event.

    Raises
    ------
    CasepoolError
        For counts that are none, or a ratio that is not positive.

    See Also
    --------
    selection, selection_survival

    Notes
    -----
    By Bayes' theorem the log odds among published cases are those of unselected ones plus log psi, whatever the number
    of unpublished ones (Copas and Shi 2000 choose studies by their result; here it is patients).

    References
    ----------
    Copas J, Shi JQ (2000). Meta-analysis, funnel plots and sensitivity analysis. Biostatistics 1:247-262.
    doi:10.1093/biostatistics/1.3.247

    Examples
    --------
    >>> import casepool as cp
    >>> cp.selection_curve(26, 30, psi=[1, 3])["estimate"].round(3).tolist()
    [0.867, 0.684]
    """
    size = whole_number(n, "n", 1)
    count, ratios = whole_number(events, "events", 0, size), ratios_of(psi)
    source = None if trials is None else str(path_of(trials, "a dataset's name or a CSV file"))
    studies = () if source is None else read_trials({"file": source}, file="trials", folder=None).studies
    return curve_of(count, size, ratios, studies)


def curve_of(count: int, size: int, ratios: Sequence[float], studies: Sequence[Study] = ()) -> pd.DataFrame:
    """Tell what `selection_curve` does, of trials that are read."""
    bound = remark("bound only") if count in (0, size) else NONE
    limits = clopper_pearson(count, size)
    rows: list[Row] = [
        {
            "estimand": "unselected rate, if published so many times as readily with the event",
            "level": EVERYONE, "at": f"{ratio:g}", "n": size, "events": count, "source": "raw",
            "method": "Clopper-Pearson, shifted", "estimate": shifted(count / size, ratio),
            "lower": shifted(limits[0], ratio), "upper": shifted(limits[1], ratio), "interval": "95% CI",
            "unit": "probability", "note": bound,
        }
        for ratio in ratios
    ]  # fmt: skip
    rows += _meetings(count, size, studies) if studies else []
    return estimate_table(rows)


def shifted(p: float, ratio: float) -> float:
    """Return the unselected probability behind a published one."""
    return p / (p + (1 - p) * ratio)


def ratios_of(psi: Any) -> list[float]:
    """Return ratios of publication, refusing those that are none."""
    remedy = "give ratios above 0, say [1, 3]"
    ratios = numbers_of(psi, "psi", remedy, "ratios above 0")
    if min(ratios) <= 0:
        raise CasepoolError("`psi` needs one or more ratios above 0", value=psi, remedy=remedy)
    return ratios


def _meetings(events: int, n: int, studies: Sequence[Study]) -> list[Row]:
    """Return the ratios at which the curve meets trials."""
    whole = (POOLED, sum(y for _, y, _ in studies), sum(size for _, _, size in studies))
    return [
        {
            "estimand": "ratio of publication at which the cases' rate is that of the trial", "by": "study",
            "level": name, "n": size, "events": y, "source": "raw", "method": "odds ratio", "kind": "ratio",
            "estimate": _over(events * (size - y), (n - events) * y), "unit": "ratio",
        }
        for name, y, size in (whole, *studies)
    ]  # fmt: skip


def _over(a: float, b: float) -> float:
    return a / b if b else float("inf") if a else float("nan")


def selection_survival(
    model: str | Path | Model,
    cases: str | Path | pd.DataFrame,
    *,
    psi: Sequence[float] = RATIOS,
    at: Sequence[float] | None = None,
) -> pd.DataFrame:
    """Tell survival were those alive at the report published so many times as readily as those who died.

    Parameters
    ----------
    model : str or pathlib.Path or Model
        Of survival; says what the event is, and nothing else of it is used.
    cases : str or pathlib.Path or pandas.DataFrame
        A bundled dataset's name, a folder, a file, or a frame.
    psi : sequence of float
        How many times as readily.
    at : sequence of float, optional
        Times in the model's unit; default the codebook's `at`, else round numbers that follow-up reaches.

    Returns
    -------
    pandas.DataFrame
        An estimate table, ``at`` the time and ``coding`` the ratio: Kaplan-Meier in which every event weighs as many
        patients as the ratio says. No limits: deaths and follow-up are censored by the writing itself, so the table
        knows nothing of the ratio.

    Raises
    ------
    CasepoolError
        For cases the model refuses, a response model, or a ratio that is not positive.

    See Also
    --------
    selection, selection_curve

    References
    ----------
    Copas J, Shi JQ (2000). Meta-analysis, funnel plots and sensitivity analysis. Biostatistics 1:247-262.
    doi:10.1093/biostatistics/1.3.247

    Examples
    --------
    >>> import casepool as cp
    >>> table = cp.selection_survival("overall_survival", "alk_crizotinib", psi=[1.0, 3.0], at=[24])
    >>> table["estimate"].round(2).tolist()
    [0.73, 0.49]
    """
    ratios, asked = ratios_of(psi), get_model(model)
    frame, codebook = resolve_typed(cases)
    if not asked.is_survival:
        raise CasepoolError(
            f"{asked.name!r} is a response model", remedy="use a model with [selection], or selection_curve"
        )
    design = design_of_typed(asked, frame, codebook)
    times = times_of(default_times(design, codebook) if at is None else at)
    outcome, rows = design.outcome, []
    happened, staying = outcome["event"] == 1, design.model.outcome.staying
    for ratio in ratios:
        curve = kaplan_meier(outcome["time"], happened, outcome["entry"], np.where(happened, ratio, 1.0))
        for t, alive in zip(times, survival_at(curve, times), strict=True):
            rows.append(
                {
                    "estimand": f"{staying}, if published so many times as readily without the event",
                    "level": EVERYONE, "at": f"{t:g}", "n": len(happened), "events": happened.sum(), "source": "raw",
                    "method": "Kaplan-Meier, events weighed", "coding": f"psi {ratio:g}", "estimate": alive,
                    "unit": "probability",
                }
            )  # fmt: skip
    return estimate_table(rows, public=codebook.public)
