"""How many patients are still followed at the times of a survival table, and within what bounds they were exposed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from casepool.arguments import name_of
from casepool.estimation.arms import times_of
from casepool.estimation.draws import Fitted, open_draws
from casepool.frequentist.counting_process import Spells, as_spells, only, split_at_switch
from casepool.modelling.families.ties import TIED
from casepool.modelling.specification.exposure import Exposure
from casepool.tables import EVERYONE

COLUMNS = ("by", "level", "at", "unit", "n", "least", "most")


def followed(fit: xr.DataTree, by: str | None = None, *, at: Sequence[float] | None = None) -> pd.DataFrame:
    """Count the patients still followed and event-free at times: the numbers at risk below survival curves.

    Parameters
    ----------
    fit : xarray.DataTree
        Of a survival model.
    by : str, optional
        The exposure (default where the model has one), a factor of the model, or any labelled column of the cases.
    at : sequence of float, optional
        Times in the model's unit; default those of `survival`.

    Returns
    -------
    pandas.DataFrame
        For every time a row for everyone and one for each level or arm. ``n`` counts those who entered before the time
        and had neither event nor end of follow-up before it; at time 0 everyone followed from then on. An exposure that
        begins during follow-up counts from its start on, and its arms are of those not yet and already exposed: where
        dates are known between two only, ``least`` and ``most`` are the numbers if all exposures began as late, or as
        early, as they may, and ``n`` is empty where these differ. Otherwise all three are the same number.

    Raises
    ------
    CasepoolError
        For a response fit, an unknown grouping, or times that are none.

    See Also
    --------
    survival, flow

    Examples
    --------
    >>> import casepool as cp
    >>> fit = cp.fit("overall_survival", "alk_crizotinib", seed=1, draws=100, progress=False)
    >>> cp.followed(fit, at=[12])[["level", "n", "least", "most"]].values.tolist()
    [['everyone', 19.0, 19.0, 19.0], ['never operated', nan, 10.0, 19.0], ['operated', nan, 0.0, 9.0]]
    """
    if by is not None:
        name_of(by, "by", "name the exposure, a factor or a column, or leave it out")
    return followed_of(open_draws(fit), by, at=at)


def followed_of(fitted: Fitted, by: str | None = None, *, at: Sequence[float] | None = None) -> pd.DataFrame:
    """Count as `followed` does, of a fit that is open."""
    times = np.array(times_of(fitted, at))
    exposure = next(iter(fitted.model.exposures.values()), None)
    out = fitted.design.outcome
    everyone = _at_risk(as_spells(out["time"], out["event"], out["entry"]), times)
    counted = [(EVERYONE, everyone, everyone)]
    if exposure is not None and by in (None, exposure.name):
        by = exposure.name
        counted += _by_exposure(fitted, exposure, times, everyone)
    elif by is not None:
        group = fitted.membership(by)
        each = [(level, group.members[:, i]) for i, level in enumerate(group.levels)]
        counted += [(level, *(_of(fitted, inside, times),) * 2) for level, inside in each]
    rows: list[dict[str, Any]] = []
    for i, time in enumerate(times):
        for level, least, most in counted:
            known = least[i] if least[i] == most[i] else np.nan
            row = {"by": by or "", "level": level, "at": float(time), "unit": fitted.unit}
            rows.append({**row, "n": known, "least": least[i], "most": most[i]})
    return fitted.table(rows, COLUMNS).astype(dict.fromkeys(("n", "least", "most"), "float64"))


def _at_risk(spells: Spells, times: np.ndarray) -> np.ndarray:
    return np.asarray(spells.at_risk(times * (1 - TIED)), dtype=float)


def _of(fitted: Fitted, inside: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Count some of the patients."""
    out = {name: fitted.design.outcome[name][inside] for name in ("time", "event", "entry")}
    return _at_risk(as_spells(out["time"], out["event"], out["entry"]), times)


def _by_exposure(
    fitted: Fitted, exposure: Exposure, times: np.ndarray, everyone: np.ndarray
) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Count those not yet and those already exposed, at the least and at the most."""
    without, with_ = exposure.compared_arms(fitted.unit)
    design = fitted.design
    if not exposure.begins:
        ever = _of(fitted, design.exposed, times)
        return [(without, everyone - ever, everyone - ever), (with_, ever, ever)]
    least, most = (_exposed(fitted, switch, times) for switch in (design.latest, design.earliest))
    return [(without, everyone - most, everyone - least), (with_, least, most)]


def _exposed(fitted: Fitted, switch: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Count those exposed by then if all exposures began at `switch`."""
    out = fitted.design.outcome
    spells, exposed = split_at_switch(out["time"], out["event"], switch, out["entry"])
    return _at_risk(only(spells, exposed), times)
