"""The draws behind every number of a fit's default tables, on a scale on which means and spreads tell most."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from unittest import mock

import numpy as np
import xarray as xr
from scipy import special

from benchmarks.engines import Moments, distance, moments
from casepool.checking.reported import reported
from casepool.estimation.draws import open_draws

MAKING_ROWS = ("response", "exchangeability", "survival", "contrasts")
"""Modules of `casepool.estimation` whose rows default tables hold."""
NEVER = 1e-4
"""Nearest to 0, and to 1, that a probability comes on its way to a logit: a table shows no more."""
SEPARATES = " vs "
"""Stands in the level of a number that compares two."""
ALLOWED = 0.15
"""Standard deviations a mean may be off besides Monte Carlo error; of a spread, in its logarithm."""


@dataclass(frozen=True)
class Numbers:
    """Numbers of the default tables of one fit.

    Parameters
    ----------
    names : tuple of str
    chances : boolean array (numbers,)
        Which are posterior probabilities, whose spread follows from their mean.
    moments : Moments
    """

    names: tuple[str, ...]
    chances: np.ndarray
    moments: Moments


def numbers(fit: xr.DataTree) -> Numbers:
    """Summarise every number of a fit's default tables that is finite in all draws.

    Probabilities are compared as logits, ratios, rates and times as logarithms, differences of probabilities as they
    are, and of times as the inverse hyperbolic sine: their tails may be so heavy that they have no standard deviation.
    """
    with _recorded() as told:
        reported(open_draws(fit))
    kept = {name: own for name, own in told.items() if np.isfinite(own[1]).all()}
    chances = np.array([chance for chance, _ in kept.values()])
    return Numbers(tuple(kept), chances, moments(np.stack([draws for _, draws in kept.values()], axis=-1)))


def worst(candidate: Numbers, reference: Numbers) -> tuple[str, float]:
    """Return the number that is off most, and by how much in units of what is allowed: above 1 is off.

    A number is compared if it is finite in all draws of both.
    """
    names = [name for name in reference.names if name in set(candidate.names)]
    ours, theirs = _chosen(candidate, names), _chosen(reference, names)
    off = distance(ours.moments, theirs.moments, ALLOWED)
    off[1, theirs.chances] = 0.0
    what, number = np.unravel_index(off.argmax(), off.shape)
    return f"{('mean', 'sd')[what]} of {names[number]}", float(off.max())


def _chosen(told: Numbers, names: list[str]) -> Numbers:
    places = [told.names.index(name) for name in names]
    chosen = Moments(**{key: array[places] for key, array in vars(told.moments).items()})
    return Numbers(tuple(names), told.chances[places], chosen)


@contextmanager
def _recorded() -> Iterator[dict[str, tuple[bool, np.ndarray]]]:
    """Keep the draws that tables are made of instead of summarising them: whether a chance, and draws, by name."""
    told: dict[str, tuple[bool, np.ndarray]] = {}

    def rows_of(draws: np.ndarray, rows: list[dict[str, Any]], **_: Any) -> list[dict[str, Any]]:
        for place, row in enumerate(rows):
            told[_name(row)] = (False, _scaled(draws[..., place], row))
        return [{**row, "estimate": np.nan} for row in rows]

    def row_of(holds: np.ndarray, row: Mapping[str, Any], **_: Any) -> dict[str, Any]:
        told[_name(row)] = (True, np.asarray(holds, dtype=float))
        return dict(row)

    with ExitStack() as patches:
        for place in MAKING_ROWS:
            module = import_module(f"casepool.estimation.{place}")
            for name, instead in (("posterior_rows", rows_of), ("probability_row", row_of)):
                if hasattr(module, name):
                    patches.enter_context(mock.patch.object(module, name, instead))
        yield told


def _name(row: Mapping[str, Any]) -> str:
    return ", ".join(str(row.get(key, "")) for key in ("estimand", "by", "level", "at") if row.get(key, "") != "")


def _scaled(draws: np.ndarray, row: Mapping[str, Any]) -> np.ndarray:
    if row["unit"] == "probability":
        return np.asarray(special.logit(np.clip(draws, NEVER, 1.0 - NEVER)))
    if row["unit"] != "ratio" and SEPARATES in row["level"]:
        return draws if row["unit"] == "difference" else np.arcsinh(draws)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(draws))
