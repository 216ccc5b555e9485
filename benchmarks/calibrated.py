"""The models whose calibration is asked for: one study a family, at the shape of the bundled table."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import pandas as pd

import casepool as cp
from casepool.modelling import Model, model_from_dict
from casepool.modelling.families.names import own_of, sd_of
from casepool.modelling.specification.model import model_dict

DATASET = "alk_crizotinib"


@dataclass(frozen=True)
class Study:
    """One model and the kind of table it is calibrated on.

    Parameters
    ----------
    name : str
    model : Model
    tables : int
        How many are promised.
    copies : int
        How often the bundled table's patients are repeated: 10 are about 300 patients in the fit.
    dates : str
        Of an exposure: "hidden" in intervals, or "known"; "" without one.
    late : bool
        Whether some patients enter late.
    visits : bool
        Whether events are only known to lie between visits.
    """

    name: str
    model: Model
    tables: int
    copies: int = 1
    dates: str = ""
    late: bool = False
    visits: bool = False

    @property
    def survival(self) -> bool:
        """Whether the outcome is a time to an event."""
        return self.model.is_survival

    def patients(self) -> pd.DataFrame:
        """Return the bundled table, repeated, with the columns the studies add; not to be changed in place."""
        return _patients(self.copies)


@cache
def _patients(copies: int) -> pd.DataFrame:
    frame = cp.load(DATASET)
    book = dict(frame.attrs["codebook"])
    whole = pd.concat([frame] * copies, ignore_index=True)
    whole["patient"] = range(1, len(whole) + 1)
    whole["entry"] = 0.1 * (whole["os_months"] > 0.1)
    whole["seen_alive"] = 0.5 * whole["os_months"]
    whole["seen_dead"] = whole["os_months"].where(whole["death"].fillna(False).astype(bool))
    own = {name: {"type": "number", "unit": "months"} for name in ("entry", "seen_alive", "seen_dead")}
    read = ("age", "sex", "histology", "partner", "best_response", "os_months", "death", "surgery_any")
    dates = ("surgery_earliest", "surgery_latest")
    columns = {**{name: book["columns"][name] for name in (*read, *dates)}, **own, "patient": {"type": "integer"}}
    whole = whole[list(columns)]
    whole.attrs["codebook"] = {**book, "columns": columns}
    return whole


def _normal(mu: float, sigma: float) -> dict[str, Any]:
    return {"dist": "Normal", "mu": mu, "sigma": sigma, "why": "benchmark"}


HALF_NORMAL = {"dist": "HalfNormal", "sigma": 1.0, "why": "benchmark"}
SHAPE = {"dist": "LogNormal", "mu": 0.0, "sigma": 0.5, "why": "benchmark"}
SURGERY = {"surgery_effect": _normal(0.0, 1.0), "surgery_log_intensity": _normal(-3.4, 1.5)}
HAZARD, TIME = _normal(-3.5, 1.5), _normal(3.2, 1.2)
"""Priors of the intercept under proportional and under accelerated effects, in months."""
SPREAD = {"dist": "LogNormal", "mu": 0.0, "sigma": 0.5, "why": "benchmark"}
CUTS, KNOTS = [6.0, 18.0], [6.0, 18.0, 60.0]


def _survival(family: str, priors: dict[str, Any], *, group: bool = False, **top: Any) -> Model:
    outcome = {"time": "os_months", "event": "death", "unit": "months"}
    plain: dict[str, Any] = {"family": family, "outcome": outcome | top.pop("outcome", {}), **top}
    plain["exposure"] = {
        "surgery": {"column": "surgery_any", "start": "surgery_earliest", "dating": "intensity", "report_start": 6.0}
    }
    plain["priors"] = priors | SURGERY
    if group:
        plain["terms"] = {"histology": {"kind": "group", "borrowing": "partial"}}
        plain["priors"] |= {"histology_sd": HALF_NORMAL}
    return model_from_dict(plain, name=f"{family}, calibration")


def _between_visits() -> Model:
    """Make a model of events between visits, without an exposure."""
    return model_from_dict(
        {
            "family": "log_normal",
            "effects": "accelerated",
            "outcome": {"lower": "seen_alive", "upper": "seen_dead", "unit": "months"},
            "terms": {"histology": {"kind": "group", "borrowing": "partial"}},
            "priors": {"intercept": TIME, "scale": SPREAD, "histology_sd": HALF_NORMAL},
        },
        name="log_normal, calibration",
    )


def _adjacent() -> Model:
    """Make a model of the second link, with effects by category of a factor whose labels are partly missing."""
    levels = ["PD", "SD", "PR", "CR"]
    return model_from_dict(
        {
            "family": "ordinal",
            "link": "adjacent",
            "outcome": {"column": "best_response", "levels": levels, "success": ["PR", "CR"]},
            "terms": {
                "histology": {"kind": "group", "borrowing": "partial"},
                "sex": {"kind": "category", "by_category": True},
                "age": {"kind": "linear", "centre": 18, "scale": 10, "bounds": [0, 110]},
            },
            "priors": {
                "first_cutpoint": _normal(-1.0, 1.0),
                "cutpoint_gap": _normal(0.8, 1.0),
                "histology_sd": HALF_NORMAL,
                "sex_effect": _normal(0.0, 1.0),
                "age_effect": _normal(0.0, 0.5),
            },
        },
        name="ordinal adjacent, calibration",
    )


def studies() -> dict[str, Study]:
    """Return every study by name, in the order they are run."""
    late = {"outcome": {"entry": "entry"}}
    pieces = {"hazard_sd": HALF_NORMAL}
    response, ordinal, weibull = cp.model("objective_response"), cp.model("best_response"), cp.model("overall_survival")
    listed = [
        Study("bernoulli", response, 1000),
        Study("ordinal", ordinal, 1000),
        Study("weibull", weibull, 1000, dates="hidden"),
        Study("exponential", _survival("exponential", {"intercept": HAZARD}, group=True, effects="proportional"), 300,
              dates="known"),
        Study("gompertz", _survival("gompertz", {"intercept": HAZARD, "shape": _normal(0.0, 0.05)},
              effects="proportional", **late), 300, dates="known", late=True),
        Study("log_normal", _between_visits(), 300, visits=True),
        Study("log_logistic", _survival("log_logistic", {"intercept": TIME, "scale": SPREAD}, effects="accelerated",
              **late), 300, dates="known", late=True),
        Study("piecewise_exponential", _survival("piecewise_exponential", {"intercept": HAZARD, **pieces},
              effects="proportional", cuts=CUTS), 300, dates="known"),
        Study("m_spline", _survival("m_spline", {"intercept": _normal(0.5, 1.5), **pieces}, effects="proportional",
              knots=KNOTS), 300, dates="known"),
        Study("weibull_accelerated", _survival("weibull", {"intercept": TIME, "shape": SHAPE}, group=True,
              effects="accelerated"), 300, dates="known"),
        Study("ordinal_adjacent", _adjacent(), 300),
        Study("bernoulli_300_patients", response, 100, copies=10),
        Study("ordinal_300_patients", ordinal, 100, copies=10),
        Study("weibull_300_patients", weibull, 100, copies=10, dates="hidden"),
    ]  # fmt: skip
    return {study.name: study for study in listed}


def borrowing_studies() -> dict[str, Study]:
    """Return the bernoulli study under the other ways of borrowing, on both crossed factors."""
    listed = []
    for borrowing in ("robust", "exnex"):
        plain = model_dict(cp.model("objective_response"))
        for name, weights in (("histology", {"EIMT": 0.8}), ("partner", {"EML4": 0.2})):
            plain["terms"][name] = {"kind": "group", "borrowing": borrowing}
            if borrowing == "exnex":
                plain["terms"][name] |= {"own": "effect", "exchangeable": weights | {"other": 0.5}}
                plain["priors"][own_of(name)] = _normal(0.0, 2.0)
        listed.append(Study(f"bernoulli_{borrowing}", model_from_dict(plain, name=f"bernoulli, {borrowing}"), 300))
    return {study.name: study for study in listed}


def small_studies() -> dict[str, Study]:
    """Return cheaper studies, in which planted faults are looked for."""
    plain = model_dict(cp.model("objective_response"))
    plain["terms"].pop("partner")
    plain["priors"].pop("partner_sd")
    plain["terms"]["sex"] = {"kind": "category"}
    plain["priors"]["sex_effect"] = _normal(0.0, 1.0)
    ordinal = model_dict(cp.model("best_response"))
    for name in ("histology", "partner"):
        ordinal["terms"].pop(name)
        ordinal["priors"].pop(sd_of(name))
    exponential = _survival("exponential", {"intercept": HAZARD}, effects="proportional")
    listed = [
        Study("bernoulli_small", model_from_dict(plain, name="bernoulli, small"), 100),
        Study("ordinal_small", model_from_dict(ordinal, name="ordinal, small"), 100),
        Study("exponential_small", exponential, 100, dates="known"),
    ]
    return {study.name: study for study in listed}
