"""The models whose calibration is asked for: a study of every family, borrowing, exposure and kind of term."""

from __future__ import annotations

from typing import Any

import casepool as cp
from benchmarks.study import TIME as TIME_ON
from benchmarks.study import Study
from casepool.modelling import Model, model_from_dict
from casepool.modelling.families.names import own_of, sd_of
from casepool.modelling.specification.model import model_dict

FEWER = 300
"""Tables of a study whose fits take a second and more, or of terms and evidence that few models have."""
Plain = dict[str, Any]


def _normal(mu: float, sigma: float) -> Plain:
    return {"dist": "Normal", "mu": mu, "sigma": sigma, "why": "benchmark"}


HALF_NORMAL = {"dist": "HalfNormal", "sigma": 1.0, "why": "benchmark"}
SHAPE = {"dist": "LogNormal", "mu": 0.0, "sigma": 0.5, "why": "benchmark"}
GOMPERTZ = _normal(0.0, 0.05)
HAZARD, TIME = _normal(-3.5, 1.5), _normal(3.2, 1.2)
"""Priors of the intercept under proportional and under accelerated effects, in months."""
SPREAD = {"dist": "LogNormal", "mu": 0.0, "sigma": 0.5, "why": "benchmark"}
SLOPE, OWN = _normal(0.0, 0.5), _normal(0.0, 2.0)
CUTS, KNOTS = [6.0, 18.0], [6.0, 18.0, 60.0]
LANDMARK = 6.0
SHARES = {"histology": {"EIMT": 0.8}, "partner": {"EML4": 0.2}}
"""How likely levels of exnex factors are exchangeable."""
LEVELS = ["PD", "SD", "PR", "CR"]
RESPONSE = {"column": "best_response", "levels": LEVELS, "success": ["PR", "CR"]}
LATE = {"entry": "entry"}
BETWEEN = {"lower": "seen_alive", "upper": "seen_dead", "unit": "months"}
PIECES = {"intercept": HAZARD, "hazard_sd": HALF_NORMAL}
SPLINES = {"intercept": _normal(0.5, 1.5), "hazard_sd": HALF_NORMAL}
LINEAR = {"kind": "linear", "centre": 18, "scale": 10, "bounds": [0, 110]}
SMOOTH = {**LINEAR, "kind": "smooth", "knots": [6, 18, 35, 55]}
BANDED = {"kind": "banded", "cuts": [18, 40], "labels": ["child", "adult", "older"], "bounds": [0, 110]}
CURVED = {"age_effect": SLOPE, "age_wiggle_sd": HALF_NORMAL}
SEX = {"sex_effect": _normal(0.0, 1.0)}
ORDINAL = {"first_cutpoint": _normal(-1.0, 1.0), "cutpoint_gap": {"dist": "Gamma", "alpha": 2.0, "beta": 0.8,
           "why": "benchmark"}}  # fmt: skip
STEPS = {"first_cutpoint": _normal(-1.0, 1.0), "cutpoint_gap": _normal(0.8, 1.0)}


def _model(plain: Plain, name: str) -> Model:
    return model_from_dict(plain, name=f"{name}, calibration")


def _group(borrowing: str = "partial", name: str = "histology") -> tuple[Plain, Plain]:
    """Write a factor that borrows in this way, and its priors."""
    term: Plain = {"kind": "group", "borrowing": borrowing}
    if borrowing == "exnex":
        term |= {"own": "effect", "exchangeable": SHARES[name] | {"other": 0.5}}
    priors = {sd_of(name): HALF_NORMAL} if borrowing in ("partial", "robust", "exnex") else {}
    return {name: term}, priors | ({own_of(name): OWN} if borrowing in ("none", "exnex") else {})


def _surgery(dating: str = "intensity", **keys: Any) -> tuple[Plain, Plain]:
    """Write an exposure, and its priors."""
    begins = "as" not in keys
    plain = {"column": "surgery_any", "earliest": "surgery_earliest", "latest": "surgery_latest", "dating": dating}
    priors = {"surgery_effect": _normal(0.0, 1.0)}
    if begins and dating == "intensity":
        priors |= {"surgery_log_intensity": _normal(-3.4, 1.5)}
    return {"surgery": {**plain, **({"report_start": 6.0} if begins else {}), **keys}}, priors


def _known() -> tuple[Plain, Plain]:
    """Write an exposure whose one date is known."""
    plain, priors = _surgery()
    (own,) = plain.values()
    own["start"] = own.pop("earliest")
    own.pop("latest")
    return plain, priors


def _survival(
    family: str,
    priors: Plain,
    *parts: tuple[Plain, Plain],
    surgery: tuple[Plain, Plain] | None = None,
    outcome: Plain | None = None,
    effects: str = "proportional",
    **top: Any,
) -> Model:
    """Make a model of times, of terms with their priors."""
    followed = {"time": "os_months", "event": "death", "unit": "months"}
    read = outcome if outcome and "lower" in outcome else followed | (outcome or {})
    plain: Plain = {"family": family, "effects": effects, "outcome": read, "priors": dict(priors), **top}
    for term, own in parts:
        plain["terms"] = plain.get("terms", {}) | term
        plain["priors"] |= own
    if surgery:
        plain["exposure"], own = surgery
        plain["priors"] |= own
    return _model(plain, family)


def _response(family: str, priors: Plain, *parts: tuple[Plain, Plain], **top: Any) -> Model:
    """Make a model of responses, of terms with their priors."""
    plain: Plain = {"family": family, "outcome": RESPONSE, "terms": {}, "priors": dict(priors), **top}
    for term, own in parts:
        plain["terms"] |= term
        plain["priors"] |= own
    return _model(plain, family)


def _crossed(borrowing: str) -> Model:
    """Return the bundled model of responses, its two factors borrowing in another way."""
    plain = model_dict(cp.model("objective_response"))
    for name in ("histology", "partner"):
        term, priors = _group(borrowing, name)
        plain["terms"] |= term
        plain["priors"] |= priors
    return model_from_dict(plain, name=f"bernoulli, {borrowing}")


def families() -> list[Study]:
    """Return a study of every family and form, the bundled models at ten times the patients too."""
    response, ordinal, weibull = cp.model("objective_response"), cp.model("best_response"), cp.model("overall_survival")
    exponential = {"intercept": HAZARD}
    spread = {"intercept": TIME, "scale": SPREAD}
    sex, age = {"kind": "category", "by_category": True}, LINEAR
    terms = {"sex": sex, "age": age}, {**SEX, "age_effect": SLOPE}
    return [
        Study("bernoulli", response),
        Study("ordinal", ordinal),
        Study("weibull", weibull, dates="hidden"),
        Study("exponential", _survival("exponential", exponential, _group(), surgery=_known()), dates="known"),
        Study("exponential_accelerated", _survival("exponential", {"intercept": TIME}, _group("robust"),
              effects="accelerated")),
        Study("gompertz", _survival("gompertz", {"intercept": HAZARD, "shape": GOMPERTZ}, surgery=_known(),
              outcome=LATE), dates="known", late=True),
        Study("log_normal", _survival("log_normal", spread, _group(), outcome=BETWEEN, effects="accelerated"),
              visits=True),
        Study("log_logistic", _survival("log_logistic", spread, surgery=_known(), outcome=LATE, effects="accelerated"),
              dates="known", late=True),
        Study("piecewise_exponential", _survival("piecewise_exponential", PIECES, surgery=_known(), cuts=CUTS),
              dates="known"),
        Study("m_spline", _survival("m_spline", SPLINES, surgery=_known(), knots=KNOTS), dates="known"),
        Study("weibull_accelerated", _survival("weibull", {"intercept": TIME, "shape": SHAPE}, _group(),
              surgery=_known(), effects="accelerated"), dates="known"),
        Study("ordinal_adjacent", _response("ordinal", STEPS, _group(), terms, link="adjacent")),
        Study("bernoulli_300_patients", response, FEWER, copies=10),
        Study("ordinal_300_patients", ordinal, FEWER, copies=10),
        Study("weibull_300_patients", weibull, FEWER, copies=10, dates="hidden"),
    ]  # fmt: skip


def borrowings() -> list[Study]:
    """Return studies of every way of borrowing: alone, of counts and of patients, and beside other terms."""
    robust = model_dict(cp.model("basket_berry"))
    robust["terms"]["histology"]["borrowing"] = "robust"
    sex = {"sex": {"kind": "category"}}, SEX
    return [
        Study("counts_partial", cp.model("basket_berry"), counted=True),
        Study("counts_robust", model_from_dict(robust, name="basket_berry, robust"), counted=True),
        Study("counts_exnex", cp.model("basket_exnex"), counted=True),
        Study("counts_none", cp.model("basket_independent"), counted=True),
        Study("counts_complete", cp.model("basket_pooled"), counted=True),
        Study("patients_exnex", _response("bernoulli", {"intercept": _normal(0.0, 1.5)}, _group("exnex"))),
        Study("bernoulli_robust", _crossed("robust")),
        Study("bernoulli_exnex", _crossed("exnex"), FEWER),
        Study("ordinal_none", _response("ordinal", {"cutpoint_gap": ORDINAL["cutpoint_gap"]}, _group("none"), sex)),
        Study("exponential_exnex", _survival("exponential", {"intercept": HAZARD}, _group("exnex"))),
        Study("weibull_exnex", _survival("weibull", {"intercept": HAZARD, "shape": SHAPE}, _group("exnex")), FEWER),
        Study("m_spline_none", _survival("m_spline", {"hazard_sd": HALF_NORMAL}, _group("none"), surgery=_known(),
              knots=KNOTS), dates="known"),
    ]  # fmt: skip


def terms() -> list[Study]:
    """Return studies of the kinds of terms that no other study has, with labels and numbers missing."""
    intercept = {"intercept": _normal(0.0, 1.5)}
    curve, bands = ({"age": SMOOTH}, CURVED), ({"age": BANDED}, {"age_effect": _normal(0.0, 1.0)})
    lost = {"age": SMOOTH | {"missing": "drop"}}, CURVED
    steps = {"age": LINEAR | {"by_category": True, "missing": "drop"}}, {"age_effect": SLOPE}
    band = {"band": BANDED | {"column": "age", "by_category": True, "missing": "drop"}}, {"band_effect": SLOPE}
    return [
        Study("smooth", _response("bernoulli", intercept, _group(), lost)),
        Study("smooth_missing", _response("bernoulli", intercept, _group(), curve), FEWER),
        Study("ordinal_smooth", _response("ordinal", ORDINAL, _group("robust"), lost)),
        Study("banded", _response("bernoulli", intercept, _group(), bands)),
        Study("missing_label", _response("bernoulli", intercept, _group("partial", "grade"), bands)),
        Study("ordinal_steps", _response("ordinal", STEPS, steps, band, link="adjacent")),
    ]


def of_two() -> list[Study]:
    """Return studies of slopes by level and of interactions, borrowing or not."""
    intercept, age = {"intercept": _normal(0.0, 1.5)}, {"age": LINEAR | {"missing": "drop"}}
    both = {"kind": "slope", "of": "age", "by": "histology"}, {"kind": "interaction", "of": ["histology", "sex"]}
    sex = {"sex": {"kind": "category", "missing": "drop"}}, SEX
    slope, cell = ({"age_by_histology": both[0]}, {"age_by_histology_sd": HALF_NORMAL}), ({"cell": both[1]}, {
        "cell_sd": HALF_NORMAL})  # fmt: skip
    alone = {"age_by_histology": both[0] | {"borrowing": "none"}}, {"age_by_histology_slope": SLOPE}
    apart = {"cell": both[1] | {"borrowing": "none"}}, {"cell_effect": SLOPE}
    return [
        Study("slopes", _response("bernoulli", intercept, _group(), (age, {"age_effect": SLOPE}), slope), FEWER),
        Study("slopes_none", _response("ordinal", ORDINAL, _group(), (age, {}), alone), FEWER),
        Study("interaction", _response("ordinal", ORDINAL, _group(), sex, cell), FEWER),
        Study("interaction_none", _response("bernoulli", intercept, _group("robust"), sex, apart), FEWER),
    ]


def evidence() -> list[Study]:
    """Return studies of selective publication, of trials that share a model with the cases, and of adverse events."""
    published = {"selection": {"rows": "published"}}
    intercept, chosen = {"intercept": _normal(0.0, 1.5)}, {"selection_effect": _normal(0.0, 0.7)}
    joint = model_dict(cp.model("objective_response_selection"))
    reporting = {"reporting": {"dist": "Beta", "alpha": 4.0, "beta": 2.0, "why": "benchmark"}}
    types, cells = (model_dict(cp.model(f"adverse_events_by_{name}")) for name in ("type", "patient_and_type"))
    cells["outcome"]["time"], cells["priors"]["intercept"] = TIME_ON, _normal(-5.0, 1.0)
    types["priors"] |= reporting
    cells["priors"] |= reporting
    return [
        Study("selection", _response("bernoulli", intercept | chosen, _group(), **published), FEWER),
        Study("selection_ordinal", _response("ordinal", STEPS | chosen, _group(), link="adjacent", **published), FEWER),
        Study("joint_trials", _model(joint | published, "joint_trials"), FEWER),
        Study("types", _model(types, "types"), FEWER, rows="type"),
        Study("rates", _model(cells, "rates"), FEWER, rows="cell"),
    ]


def exposures() -> list[Study]:
    """Return studies of every way an exposure may count and be dated, beside terms of several kinds."""
    line, bands, curve = ({"age": own | {"missing": "drop"}} for own in (LINEAR, BANDED, SMOOTH))
    sex = {"sex": {"kind": "category"}}, SEX
    weibull, spread = {"intercept": HAZARD, "shape": SHAPE}, {"intercept": TIME, "scale": SPREAD}
    landmark = {"as": "landmark", "landmark": LANDMARK}
    return [
        Study("weibull_uniform", _survival("weibull", weibull, _group("robust"), surgery=_surgery("uniform")),
              dates="hidden"),
        Study("log_normal_uniform", _survival("log_normal", spread, surgery=_surgery("uniform"),
              effects="accelerated"), dates="hidden"),
        Study("piecewise_landmark", _survival("piecewise_exponential", PIECES, (line, {"age_effect": SLOPE}),
              surgery=_surgery("uniform", **landmark), cuts=CUTS), dates="hidden"),
        Study("weibull_landmark", _survival("weibull", weibull, surgery=_surgery("early", **landmark))),
        Study("exponential_baseline", _survival("exponential", {"intercept": HAZARD}, _group(), sex,
              surgery=_surgery(**{"as": "baseline"}))),
        Study("gompertz_early", _survival("gompertz", {"intercept": HAZARD, "shape": GOMPERTZ},
              (bands, {"age_effect": SLOPE}), surgery=_surgery("early"))),
        Study("log_logistic_late", _survival("log_logistic", spread, (curve, CURVED), surgery=_surgery("late"),
              effects="accelerated")),
        Study("visits_surgery", _survival("weibull", weibull, _group(), surgery=_known(), outcome=BETWEEN),
              dates="known", visits=True),
    ]  # fmt: skip


def studies() -> dict[str, Study]:
    """Return every study by name."""
    return {study.name: study for study in (*families(), *borrowings(), *terms(), *of_two(), *evidence(), *exposures())}


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
    exponential = _survival("exponential", {"intercept": HAZARD}, surgery=_known())
    listed = [
        Study("bernoulli_small", model_from_dict(plain, name="bernoulli, small"), 100),
        Study("ordinal_small", model_from_dict(ordinal, name="ordinal, small"), 100),
        Study("exponential_small", exponential, 100, dates="known"),
    ]
    return {study.name: study for study in listed}
