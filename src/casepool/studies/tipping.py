"""How far the answer about an exposure leans on when it is taken to have begun."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from casepool.arguments import numbers_of, seed_of
from casepool.cases import Column
from casepool.cases.codebook import Codebook
from casepool.cases.reading import resolve_typed
from casepool.cases.tables import bare, typed_by
from casepool.errors import CasepoolError
from casepool.estimation.contrasts import contrast_of
from casepool.estimation.draws import open_draws
from casepool.inference.convergence import worst
from casepool.inference.fitting import Plan, of_study, planned, together
from casepool.modelling import Design, Model
from casepool.modelling import model as get_model
from casepool.modelling.design.making import design_of_typed, patient_labels
from casepool.remarks import remark, with_remarks
from casepool.tables import estimate_table

FRACTIONS = tuple(round(0.1 * step, 1) for step in range(11))
"""Places within the interval of every date: 0 its start, 1 its end."""
BETWEEN_REFITS = "between neighbouring refits"
"""What the limits of a tipping point are."""


def tipping(
    model: str | Path | Model,
    cases: str | Path | pd.DataFrame,
    *,
    seed: int = 1,
    engine: str | None = None,
    fractions: Sequence[float] = FRACTIONS,
    progress: bool = True,
    **settings: Any,
) -> pd.DataFrame:
    """Refit with every unknown date of the exposure moved from the start of its interval to the end.

    Parameters
    ----------
    model : str or pathlib.Path or Model
        A survival model with an exposure whose dates are known to lie in intervals.
    cases : str or pathlib.Path or pandas.DataFrame
        A bundled dataset's name, a folder, a file, or a frame.
    seed : int
        Of every fit.
    engine : str, optional
        As of `fit`; one for all fits.
    fractions : sequence of float
        Places within the intervals, from 0 to 1, rising.
    progress : bool
    **settings
        As of `fit`.

    Returns
    -------
    pandas.DataFrame
        An estimate table: for every fraction (``at``) the hazard (or time) ratio and its probability of lying on
        the better side of 1; last the fraction at which the interval first reaches 1: between the two neighbouring
        refits that are its limits, interpolated, and without a number if it never does. An exposure without dates may
        begin anywhere in follow-up.

    Raises
    ------
    CasepoolError
        If the model has no exposure that starts during follow-up, or no date is unknown.

    See Also
    --------
    exposure_sensitivity, plot_tipping

    Examples
    --------
    >>> import casepool as cp
    >>> table = cp.tipping("overall_survival", "alk_crizotinib", fractions=[0.0, 1.0])
    >>> table["estimate"].round(2).tolist()[:2]
    [0.27, 0.98]
    """
    seed, places = seed_of(seed), _places(fractions)
    chosen, (frame, codebook) = get_model(model), resolve_typed(cases)
    plan = planned(seed=seed, engine=engine, progress=progress, **settings)
    return tipping_of(design_of_typed(chosen, frame, codebook), frame, codebook, plan, places)


def tipping_of(
    design: Design, frame: pd.DataFrame, codebook: Codebook, plan: Plan, places: Sequence[float]
) -> pd.DataFrame:
    """Refit as `tipping` does, a model laid on typed cases."""
    chosen, plan = design.model, of_study(plan, design.model, frame, codebook)
    name, early, late = _intervals(design, frame, codebook)
    moved = [_at(chosen, frame, codebook, name, early + place * (late - early)) for place in places]
    tables = []
    for place, fit in zip(places, together(plan, moved), strict=True):
        table = contrast_of(open_draws(fit), name)
        table = table.assign(at=place, model=chosen.name, dating=f"{place:g} of the interval")
        tables.append(with_remarks(table, remark("dates moved", place=f"{place:g}")))
    whole = pd.concat(tables, ignore_index=True)
    return pd.concat(
        [whole, estimate_table([_tips(whole)], posterior=True, public=whole.attrs.get("public", True))],
        ignore_index=True,
    )


def _places(fractions: Sequence[float]) -> list[float]:
    places = numbers_of(fractions, "fractions", "leave them out")
    if len(places) < 2 or places != sorted(set(places)) or not (places[0] >= 0 and places[-1] <= 1):
        raise CasepoolError(
            "fractions must be two or more rising numbers from 0 to 1", value=fractions, remedy="leave them out"
        )
    return places


def _intervals(design: Design, frame: pd.DataFrame, codebook: Codebook) -> tuple[str, np.ndarray, np.ndarray]:
    """Return the exposure's name, and each row's first and last possible date, NaN where never or left out."""
    model = design.model
    name, exposure = next(iter(model.exposures.items()), ("", None))
    if exposure is None or not exposure.begins:
        raise CasepoolError(
            f"the model {model.name!r} has no exposure that starts during follow-up",
            remedy='use a model with [exposure.<name>] and as = "time_varying"',
        )
    place = {label: row for row, label in enumerate(patient_labels(bare(frame), codebook))}
    early, late = np.full((2, len(frame)), np.nan)
    ever = np.isfinite(design.earliest)
    rows = [place[patient] for patient, exposed in zip(design.patients, ever, strict=True) if exposed]
    early[rows], late[rows] = design.earliest[ever], design.latest[ever]
    if not np.nanmax(late - early, initial=0.0) > 0:
        raise CasepoolError(
            f"every date of {name!r} is known, so there is nothing to move", remedy="use contrast(fit, by=...)"
        )
    return name, early, late


def _at(
    model: Model, frame: pd.DataFrame, codebook: Codebook, name: str, dates: np.ndarray
) -> tuple[Model, pd.DataFrame, Codebook]:
    """Return the model, and the table and its codebook, with the exposure known to begin at `dates`."""
    column = f"{name}_begins"
    while column in frame.columns:
        column += "_"
    book = replace(codebook, columns={**codebook.columns, column: Column("number", unit=model.outcome.unit)})
    exposure = replace(model.exposures[name], earliest="", latest="", start=column)
    return replace(model, exposures={name: exposure}), *typed_by(bare(frame).assign(**{column: dates}), book)


def _tips(table: pd.DataFrame) -> dict[str, Any]:
    """Say at which fraction the interval first reaches 1, on the side that the earliest dates leave clear."""
    ratios = table[table["unit"] == "ratio"]
    place = ratios["at"].to_numpy(float)
    side = "upper" if ratios["estimate"].iloc[0] < 1 else "lower"
    margin = np.log(ratios[side].to_numpy(float)) * (1 if side == "upper" else -1)  # above 0: the interval holds 1
    words = f"fraction at which the {side} limit first passes 1"
    first = int(np.argmax(margin >= 0))
    row: dict[str, Any] = {
        **{key: ratios[key].iloc[0] for key in ("by", "level", "n", "events", "source", "model")},
        "estimand": words,
        "method": "linear interpolation between refits",
        "verdict": worst(*ratios["verdict"]),
        "unit": "fraction",
        "kind": "bound",
    }
    if not (margin >= 0).any():
        return row | {"note": remark("excluded everywhere")}
    if first == 0:
        return row | {"estimate": place[0], "note": remark("held at once")}
    (low, high), (before, after) = place[first - 1 : first + 1], margin[first - 1 : first + 1]
    limits = {"lower": low, "upper": high, "interval": BETWEEN_REFITS}
    return row | limits | {"estimate": low + (high - low) * before / (before - after)}
