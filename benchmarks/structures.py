"""Models whose engines are put to the test, and tables of them without outcomes yet: one for every kind of structure.

Every level and colour is in every table, so that all tables of a structure share one compiled graph.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from casepool.modelling import Model, model_from_dict

CODES = ("PD", "SD", "PR", "CR")
COLOURS = ("red", "green", "blue", "white")
SHORTEST = 0.05
"""Months of follow-up that everybody has at least."""


def normal(mu: float, sigma: float) -> dict[str, Any]:
    """Write a normal prior."""
    return {"dist": "Normal", "mu": mu, "sigma": sigma, "why": "benchmark"}


HALF = {"dist": "HalfNormal", "sigma": 1.0, "why": "benchmark"}
POSITIVE = {"dist": "LogNormal", "mu": 0.0, "sigma": 0.5, "why": "benchmark"}
GAP = {"dist": "Gamma", "alpha": 2.0, "beta": 0.8, "why": "benchmark"}
LINE = {"intercept": normal(0.0, 1.5)}
HAZARD, TIME = {"intercept": normal(-3.5, 1.5)}, {"intercept": normal(3.2, 1.2)}
SPREAD, OWN = {"kind_sd": HALF}, {"kind_own": normal(0.0, 2.0)}
KIND, COLOUR = {"kind": {"kind": "group"}}, {"colour": {"kind": "group"}}
AGE = {"age": {"kind": "linear", "centre": 18, "scale": 10, "bounds": [0, 110]}}
CURVE = {"age": {**AGE["age"], "kind": "smooth", "knots": [6, 15, 30, 50]}}
SLOPE = {"age_effect": normal(0.0, 0.5)}
SURGERY = {"surgery_effect": normal(0.0, 1.0), "surgery_log_intensity": normal(-3.4, 1.5)}
DATED = {"surgery": {"column": "surgery", "earliest": "first", "latest": "last", "dating": "intensity"}}
COUNTS = {"events": "events", "n": "n"}
RESPONSE = {"column": "response", "levels": [*CODES], "success": ["PR", "CR"]}
FOLLOWED = {"time": "time", "event": "event", "unit": "months"}


@dataclass(frozen=True)
class Structure:
    """A model and the kind of table it is asked of.

    Parameters
    ----------
    name : str
    model : Model
    levels : int
        Of the factor ``kind``.
    incomplete : bool
        Whether some ages and labels of ``kind`` are missing in every table.
    """

    name: str
    model: Model
    levels: int = 6
    incomplete: bool = False

    @cached_property
    def labels(self) -> list[str]:
        """Labels of the factor ``kind``."""
        return [f"k{number:03d}" for number in range(self.levels)]

    @property
    def counted(self) -> bool:
        """Whether a row of a table stands for many patients."""
        return self.model.outcome.events == "events"

    def blank(self, sizes: np.ndarray, rng: np.random.Generator, *, together: bool = False) -> pd.DataFrame:
        """Make a table without outcomes yet.

        Parameters
        ----------
        sizes : integer array (levels,)
            Patients of every level of ``kind``, one at least.
        rng : numpy.random.Generator
            Draws ages and colours.
        together : bool
            Whether colour and age nearly follow from ``kind``.
        """
        whose = np.arange(self.levels) if self.counted else np.repeat(np.arange(self.levels), sizes)
        if self.counted and "colour" in self.model.terms:
            whose = np.repeat(whose, len(COLOURS))
        count = len(whose)
        shade = rng.integers(len(COLOURS), size=count)
        age = np.round(rng.uniform(1.0, 75.0, count), 1)
        if together:
            kept = rng.random(count) < 0.9
            shade = np.where(kept, whose % len(COLOURS), shade)
            age = np.where(kept, np.round(5.0 + 60.0 * whose / self.levels + rng.uniform(0.0, 1.0, count), 1), age)
        shade[: len(COLOURS)] = np.arange(len(COLOURS))[:count]
        if self.counted and "colour" in self.model.terms:
            shade = np.tile(np.arange(len(COLOURS)), self.levels)
        frame = pd.DataFrame({"patient": np.arange(1, count + 1), "kind": np.array(self.labels)[whose]})
        frame = frame.assign(colour=np.array(COLOURS)[shade], age=age)
        return frame.assign(n=np.maximum(sizes[whose] // (len(whose) // self.levels), 1)) if self.counted else frame

    def told(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return a table with the codebook that lists the levels of its factors."""
        lists = {"kind": self.labels, "colour": [*COLOURS]}
        columns: dict[str, Any] = {name: {"type": "category", "levels": levels} for name, levels in lists.items()}
        columns |= {name: {"type": "number", "role": "none"} for name in frame.select_dtypes("number").columns}
        columns |= {name: {"type": "boolean", "role": "none"} for name in frame.select_dtypes("bool").columns}
        columns |= {"response": {"type": "category"}} if "response" in frame else {}
        frame.attrs["codebook"] = {"name": "simulated", "columns": columns | {"patient": {"type": "integer"}}}
        return frame


def _made(name: str, plain: dict[str, Any], **kind: Any) -> Structure:
    return Structure(name, model_from_dict(plain, name=name), **kind)


def _response(
    name: str, terms: dict[str, Any], priors: dict[str, Any], *, counts: bool = False, **kind: Any
) -> Structure:
    outcome = COUNTS if counts else RESPONSE
    return _made(name, {"family": "bernoulli", "outcome": outcome, "terms": terms, "priors": priors}, **kind)


def _ordinal(name: str, terms: dict[str, Any], priors: dict[str, Any], **kind: Any) -> Structure:
    cuts = {"first_cutpoint": normal(-1.0, 1.5), "cutpoint_gap": GAP}
    return _made(name, {"family": "ordinal", "outcome": RESPONSE, "terms": terms, "priors": cuts | priors}, **kind)


def _survival(
    name: str, family: str, priors: dict[str, Any], *, effects: str = "proportional", **top: Any
) -> Structure:
    outcome = top.pop("outcome", FOLLOWED)
    plain = {"family": family, "effects": effects, "outcome": outcome, "priors": priors} | top
    return _made(name, plain)


def _borrowing(way: str, **keys: Any) -> dict[str, Any]:
    return {"kind": {"kind": "group", "borrowing": way, **keys}}


def one_factor() -> list[Structure]:
    """Return a response by one factor, borrowed in every way, of counts and of patients."""
    return [
        _response("counts_partial", KIND, LINE | SPREAD, counts=True),
        _response("counts_robust", _borrowing("robust"), LINE | SPREAD, counts=True),
        _response("counts_exnex", _borrowing("exnex", own="level"), LINE | SPREAD | OWN, counts=True),
        _response("counts_none", _borrowing("none"), OWN, counts=True),
        _response("counts_partial_40", KIND, LINE | SPREAD, counts=True, levels=40),
        _response("patients_partial", KIND, LINE | SPREAD),
        _response("patients_exnex", _borrowing("exnex", own="effect"), LINE | SPREAD | OWN),
        _response("patients_complete", _borrowing("complete"), LINE),
        _response("patients_missing_label", KIND, LINE | SPREAD, incomplete=True),
    ]


def several_terms() -> list[Structure]:
    """Return responses with more than one factor."""
    crossed = LINE | SPREAD | {"colour_sd": HALF}
    return [
        _response("crossed_counts", KIND | COLOUR, crossed, counts=True),
        _response("crossed_age_missing", KIND | COLOUR | AGE, crossed | SLOPE, incomplete=True),
        _response("smooth_age", KIND | CURVE, LINE | SPREAD | SLOPE | {"age_wiggle_sd": HALF}),
        _ordinal("ordinal_age", KIND | AGE, SPREAD | SLOPE),
        _ordinal("ordinal_crossed", KIND | COLOUR, SPREAD | {"colour_sd": HALF}),
    ]


def survivals() -> list[Structure]:
    """Return times to an event."""
    pieces, late = {"hazard_sd": HALF}, FOLLOWED | {"entry": "entry"}
    between = {"lower": "lower", "upper": "upper", "unit": "months"}
    shape, scale = {"shape": POSITIVE}, {"scale": POSITIVE}
    return [
        _survival("exponential", "exponential", HAZARD | SPREAD, terms=KIND),
        _survival("exponential_robust", "exponential", HAZARD | SPREAD, terms=_borrowing("robust")),
        _survival("weibull_late_entry", "weibull", HAZARD | SPREAD | shape, terms=KIND, outcome=late),
        _survival("piecewise", "piecewise_exponential", HAZARD | SPREAD | pieces, terms=KIND, cuts=[6.0, 18.0]),
        _survival("m_spline", "m_spline", {"intercept": normal(0.5, 1.5)} | SPREAD | pieces, terms=KIND,
                  knots=[6.0, 18.0, 60.0]),
        _survival("weibull_surgery", "weibull", HAZARD | shape | SURGERY, exposure=DATED),
        _survival("exponential_surgery", "exponential", HAZARD | SPREAD | SURGERY, terms=KIND, exposure=DATED),
        _survival("between_visits", "log_normal", TIME | SPREAD | scale, effects="accelerated", terms=KIND,
                  outcome=between),
    ]  # fmt: skip


def structures() -> dict[str, Structure]:
    """Return every structure by name."""
    return {own.name: own for own in (*one_factor(), *several_terms(), *survivals())}
