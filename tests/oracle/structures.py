"""Named models with small tables: one for every way a model can be put together.

`structures` returns them by name. A name says what is special about it.
"""

from functools import cache

import pandas as pd

import casepool as cp
from casepool.modelling import model_from_dict

CODES = ["PD", "SD", "PR", "CR"]
LETTERS = dict(zip("psrc", CODES, strict=True))
AT_FIRST = {
    **dict.fromkeys(("basket_berry", "basket_exnex", "basket_independent", "basket_pooled"), "sarcoma_imatinib"),
    **dict.fromkeys(("best_response", "best_response_by_age_group"), "alk_crizotinib"),
    **dict.fromkeys(("complete_response", "complete_response_by_surgery"), "alk_crizotinib"),
    **dict.fromkeys(("death_of_complications", "death_of_disease", "disease_control"), "alk_crizotinib"),
    **dict.fromkeys(("disease_free_by_surgery", "objective_response"), "alk_crizotinib"),
    **dict.fromkeys(("objective_response_by_age_group", "overall_survival"), "alk_crizotinib"),
    **dict.fromkeys(("overall_survival_baseline", "time_on_crizotinib"), "alk_crizotinib"),
}
"""Every bundled model that 0.1.0 had, with the bundled table it belongs to."""
LATER = [name for name in cp.list_models() if name not in AT_FIRST]
BUNDLED = AT_FIRST | dict.fromkeys(LATER, "alk_crizotinib")
"""Every bundled model."""


def prior(dist, **parameters):
    return {"dist": dist, **parameters, "why": "test"}


def said(scale, median, upper):
    """A prior stated on the clinical scale."""
    return {"from": scale, "median": median, "upper": upper, "why": "test"}


def normal(sigma, mu=0.0):
    return prior("Normal", mu=mu, sigma=sigma)


HALF = prior("HalfNormal", sigma=1.0)
STANDARD = normal(1.0)
SHAPE = prior("LogNormal", mu=0.0, sigma=0.5)


# Tables


def with_columns(frame, **columns):
    """The table with a codebook that describes some of its columns."""
    frame = frame.copy()
    frame.attrs["codebook"] = {"columns": columns}
    return frame


def people():
    """Sixteen patients of a response, nothing missing."""
    return pd.DataFrame(
        {
            "patient": [f"p{i}" for i in range(1, 17)],
            "response": [LETTERS[letter] for letter in "rscprrscprsrcprs"],
            "kind": list("AABBCCAABBCCDDAB"),
            "side": ["left" if letter == "l" else "right" for letter in "lrllrrlrlrllrlrl"],
            "sex": list("FMFMFMMFFMFMMFFM"),
            "age": [3.0, 12.0, 30.0, 44.0, 5.0, 61.0, 18.0, 9.0, 27.0, 35.5, 50.0, 2.5, 16.0, 71.0, 22.0, 40.0],
            "partner": ["X", "Y", "X", "Z", "Y", "X", "Z", "Z", "X", "Y", "X", "Y", "Z", "X", "Y", "Z"],
            "rate": [0.2, 0.3, 0.2, 0.4, 0.3, 0.2, 0.2, 0.3, 0.4, 0.3, 0.2, 0.3, 0.4, 0.3, 0.2, 0.4],
        }
    )


def incomplete():
    """The same patients with an outcome, labels and numbers missing."""
    frame = people()
    frame["response"] = frame["response"].where(frame["patient"] != "p4")
    frame["kind"] = frame["kind"].where(~frame["patient"].isin(["p2", "p9"]))
    frame["sex"] = frame["sex"].where(frame["patient"] != "p9")
    frame["age"] = frame["age"].where(~frame["patient"].isin(["p1", "p9"]))
    return frame


def members():
    """The same patients, some with several partners in one cell."""
    frame = people()
    cells = ["X", "Y", "X;Y", "Z", "Y;Z", "X", None, "Z", "X;Y;Z", "Y", "X", "X;Y", "Z", "X", "Y", "Z"]
    return with_columns(frame.assign(partner=cells), partner={"type": "set", "separator": ";"})


def baskets():
    """A table of counts, with target rates."""
    return pd.DataFrame(
        {
            "patient": [f"row {i}" for i in range(1, 7)],
            "group": list("abcdef"),
            "colour": list("xyxyzz"),
            "events": [6, 0, 2, 0, 7, 3],
            "n": [6, 2, 4, 9, 10, 5],
            "rate": [0.3, 0.2, 0.3, 0.1, 0.4, 0.25],
        }
    )


def crossed():
    """A table of counts of two crossed factors."""
    events, n = [3, 1, 0, 4, 0, 2, 5, 2, 6], [4, 3, 2, 4, 5, 4, 5, 6, 6]
    columns = {"patient": [f"row {i}" for i in range(1, 10)], "side": list("aaabbbccc"), "colour": list("xyz") * 3}
    return pd.DataFrame(columns | {"events": events, "n": n})


def categories():
    """Counts by category of an ordered response."""
    columns = {"group": list("aabbcde"), "response": ["PD", "CR", "SD", "CR", "PD", "SD", "CR"]}
    return pd.DataFrame({"patient": [f"row {i}" for i in range(1, 8)]} | columns | {"n": [2, 3, 1, 4, 2, 6, 1]})


def followed():
    """Twelve patients followed in time, with entry, covariates, limits and an exposure's dates."""
    time = [3.0, 6.0, 8.0, 20.0, 15.0, 30.0, 9.0, 1.5, 24.0, 40.0, 12.0, 5.5]
    event = [True, False, True, False, True, True, False, True, False, True, True, False]
    return pd.DataFrame(
        {
            "patient": list("abcdefghijkl"),
            "time": time,
            "event": event,
            "status": ["DOD", "AWD", "DOC", "NED", "DOD", "DOD", "AWD", "DOC", "NED", "DOD", "DOD", "AWD"],
            "entry": [0.0, 0.5, 0.0, 1.0, 0.0, 2.0, 0.5, 0.0, 0.0, 3.0, 1.0, 0.0],
            "kind": list("AABBCCABCABC"),
            "sex": list("FMMFFMFMFMMF"),
            "age": [3.0, 20.0, 35.0, 61.0, 8.0, 44.0, 0.7, 15.0, 27.0, 50.0, 12.0, 33.0],
            "surgery": [False, True, False, True, True, True, False, False, True, True, False, True],
            "first": [None, 1.0, None, 2.0, 7.0, 4.0, None, None, 0.0, 5.0, None, 3.5],
            "last": [None, 2.0, None, 5.0, 12.0, 10.0, None, None, 24.0, 5.0, None, 5.5],
            "start": [None, 1.5, None, 4.0, 9.0, 7.5, None, None, 10.0, 5.0, None, 4.0],
        }
    )


def unsure():
    """The same patients with labels, numbers and dates missing."""
    frame = followed()
    frame["kind"] = frame["kind"].where(~frame["patient"].isin(["d", "k"]))
    frame["age"] = frame["age"].where(~frame["patient"].isin(["b", "d"]))
    for column in ("first", "last"):
        frame[column] = frame[column].where(frame["patient"] != "f")
    return frame


def between():
    """Patients whose events lie between visits: exact, right-, left- and interval-censored."""
    return pd.DataFrame(
        {
            "patient": list("abcdefghij"),
            "lower": [4.0, 4.0, 0.0, None, 13.0, 22.6, 2.0, 8.0, 5.0, 12.0],
            "upper": [4.0, 7.3, 1.9, 5.5, None, 55.2, 2.4, 8.0, None, 18.0],
            "kind": list("AABBCCABCA"),
            "surgery": [False, True, False, False, True, True, False, True, False, False],
            "first": [None, 1.0, None, None, 2.0, 6.0, None, 3.0, None, None],
            "last": [None, 3.5, None, None, 9.0, 20.0, None, 3.0, None, None],
        }
    )


# Models


def bernoulli(terms, priors, **outcome):
    outcome = {"column": "response", "levels": CODES, "success": ["PR", "CR"]} | outcome
    return {"family": "bernoulli", "outcome": outcome, "terms": terms, "priors": priors}


def of_counts(terms, priors, **outcome):
    return {
        "family": "bernoulli",
        "outcome": {"events": "events", "n": "n"} | outcome,
        "terms": terms,
        "priors": priors,
    }


def ordinal(terms, priors, *, link="cumulative", gap=HALF, **outcome):
    outcome = {"column": "response", "levels": CODES} | outcome
    return {"family": "ordinal", "link": link, "outcome": outcome, "terms": terms, "priors": gap_of(gap) | priors}


def gap_of(gap):
    return {"cutpoint_gap": gap} if gap else {}


def lasting(family, priors, *, surgery=None, outcome=None, **top):
    """A survival model; `surgery` are the keys of its exposure besides the column."""
    chosen = {"time": "time", "event": "event", "unit": "months", "free": "alive"} | (outcome or {})
    plain = {"family": family, "outcome": {key: value for key, value in chosen.items() if value}, "priors": priors}
    if surgery is not None:
        plain["exposure"] = {"surgery": {"column": "surgery", "done": "operated", **surgery}}
    return plain | top


GROUP = {"kind": "group"}
EXNEX = {"kind": "group", "borrowing": "exnex"}
AGE = {"kind": "linear", "centre": 18, "scale": 10, "bounds": [0, 110]}
BAND = {"kind": "banded", "column": "age", "cuts": [10, 18], "labels": ["child", "youth", "adult"], "bounds": [0, 110]}
CURVE = {"kind": "smooth", "column": "age", "knots": [6, 15, 30, 50], "centre": 18, "scale": 10, "bounds": [0, 110]}
LINE = {"intercept": normal(1.5)}
ORDERED = {"first_cutpoint": normal(1.2, -0.8)}
EFFECT = {"surgery_effect": STANDARD}
INTENSITY = EFFECT | {"surgery_log_intensity": normal(1.5, -3.4)}
HAZARD, TIME = {"intercept": normal(1.5, -3.0)}, {"intercept": normal(1.2, 2.5)}
INTERVAL = {"earliest": "first", "latest": "last"}
VISITS = {"time": None, "event": None, "lower": "lower", "upper": "upper"}


def borrowings():
    """One factor of counts, under every way of borrowing."""
    spread = {"group_sd": HALF}
    own = {"group_own": normal(2.0, 0.3)}
    by_level = {"group_own": normal(2.0, 0.3) | {"b": normal(1.0, -1.0), "e": normal(0.7, 0.5)}}
    ways = {
        "none": (GROUP | {"borrowing": "none"}, own),
        "none_own_by_level": (GROUP | {"borrowing": "none"}, by_level),
        "complete": (GROUP | {"borrowing": "complete"}, LINE),
        "partial": (GROUP, LINE | spread),
        "robust": (GROUP | {"borrowing": "robust", "df": 3.0}, LINE | spread),
        "exnex": (EXNEX | {"own": "level"}, LINE | spread | own),
        "exnex_effect": (EXNEX | {"own": "effect", "exchangeable": 0.3}, LINE | spread | own),
        "exnex_by_level": (EXNEX | {"exchangeable": {"a": 0.9, "d": 0.2, "other": 0.6}}, LINE | spread | by_level),
        "exnex_surely": (EXNEX | {"own": "effect", "exchangeable": 1.0}, LINE | spread | own),
    }
    return {f"counts_{name}": (of_counts({"group": term}, priors), baskets()) for name, (term, priors) in ways.items()}


def several_factors():
    """Factors beside each other and beside other terms."""
    weights = {"x": 0.8, "other": 0.4}
    two = {
        "side": EXNEX | {"own": "effect", "exchangeable": 0.6},
        "colour": EXNEX | {"own": "effect", "exchangeable": weights},
    }
    own = {"side_own": normal(2.0), "colour_own": normal(1.5, 0.3)}
    free = {"side_sd": HALF, "colour_sd": prior("HalfStudentT", nu=3.0, sigma=0.8)}
    apart = {"side": GROUP | {"borrowing": "none"}, "colour": GROUP | {"borrowing": "robust"}}
    beside = {"kind": EXNEX, "sex": {"kind": "category"}, "age": AGE}
    priors = LINE | {"kind_sd": HALF, "kind_own": normal(1.5), "sex_effect": STANDARD, "age_effect": normal(0.5)}
    none_exnex = {"side": GROUP | {"borrowing": "none"}, "colour": EXNEX | {"own": "effect"}}
    pooled = {"side": GROUP | {"borrowing": "complete"}, "colour": GROUP}
    return {
        "two_exnex": (of_counts(two, LINE | own | free), crossed()),
        "none_beside_robust": (of_counts(apart, {"side_own": normal(2.0), "colour_sd": HALF}), crossed()),
        "none_beside_exnex": (of_counts(none_exnex, own | {"colour_sd": HALF}), crossed()),
        "complete_beside_partial": (of_counts(pooled, LINE | {"colour_sd": HALF}), crossed()),
        "exnex_beside_terms": (bernoulli(beside, priors), people()),
    }


def targets():
    """Target rates: a number, a column that is a basket's, and one that is the patient's."""
    priors = LINE | {"group_sd": HALF}
    own = {"kind": GROUP}
    return {
        "target_number": (of_counts({"group": GROUP}, priors, target=0.25), baskets()),
        "target_column": (of_counts({"group": GROUP}, priors, target="rate"), baskets()),
        "target_of_patients": (bernoulli(own, LINE | {"kind_sd": HALF}, target="rate"), people()),
    }


def terms():
    """Every kind of term of a response, complete."""
    sex = {"sex": {"kind": "category", "reference": "M"}}
    return {
        "intercept_only": (bernoulli({}, LINE), people()),
        "category": (bernoulli(sex, LINE | {"sex_effect": STANDARD}), people()),
        "linear": (bernoulli({"age": AGE}, LINE | {"age_effect": normal(0.5)}), people()),
        "banded": (bernoulli({"band": BAND}, LINE | {"band_effect": STANDARD}), people()),
        "smooth": (
            bernoulli({"curve": CURVE}, LINE | {"curve_effect": normal(0.5), "curve_wiggle_sd": HALF}),
            people(),
        ),
        "all_terms": (
            bernoulli(
                {"kind": GROUP, "side": GROUP | {"borrowing": "robust"}, **sex, "band": BAND, "curve": CURVE},
                LINE
                | {"kind_sd": HALF, "side_sd": HALF, "sex_effect": STANDARD, "band_effect": STANDARD}
                | {"curve_effect": normal(0.5), "curve_wiggle_sd": HALF},
            ),
            people(),
        ),
        "set_group": (bernoulli({"partner": GROUP}, LINE | {"partner_sd": HALF}), members()),
        "set_category": (
            bernoulli({"partner": {"kind": "category"}}, LINE | {"partner_effect": STANDARD}),
            members(),
        ),
        "set_exnex": (bernoulli({"partner": EXNEX}, LINE | {"partner_sd": HALF, "partner_own": STANDARD}), members()),
    }


def missing():
    """Missing covariates: modelled by default, with priors of their own, several at once, and left out."""
    kind = LINE | {"kind_sd": HALF}
    line, curve = {"age_effect": normal(0.5)}, {"curve_effect": normal(0.5), "curve_wiggle_sd": HALF}
    nuisance = {
        "kind_share": prior("Dirichlet", concentration=2.0),
        "age_mean": prior("StudentT", nu=4.0, mu=-1.0, sigma=1.0),
        "age_spread": prior("Exponential", lam=1.5),
    }
    drop = {"missing": "drop"}
    sex = {"sex": {"kind": "category"}}
    return {
        "missing_label": (bernoulli({"kind": GROUP}, kind), incomplete()),
        "missing_category": (bernoulli(sex, LINE | {"sex_effect": STANDARD}), incomplete()),
        "missing_band": (bernoulli({"band": BAND}, LINE | {"band_effect": STANDARD}), incomplete()),
        "missing_number": (bernoulli({"age": AGE}, LINE | line), incomplete()),
        "missing_smooth": (bernoulli({"curve": CURVE}, LINE | curve), incomplete()),
        "missing_several": (
            bernoulli({"kind": GROUP, **sex, "age": AGE}, kind | line | {"sex_effect": STANDARD} | nuisance),
            incomplete(),
        ),
        "missing_exnex": (bernoulli({"kind": EXNEX}, kind | {"kind_own": normal(1.5)}), incomplete()),
        "missing_dropped": (bernoulli({"kind": GROUP | drop, "age": AGE | drop}, kind | line), incomplete()),
        "missing_some_dropped": (bernoulli({"kind": GROUP | drop, "age": AGE}, kind | line), incomplete()),
    }


def ordered():
    """Ordered categories under both links."""
    kind = {"kind_sd": HALF}
    own = {"group_own": normal(1.5, 0.3)}
    two = {"levels": ["worse", "better"]}
    halves = people().assign(response=["better" if code in ("PR", "CR") else "worse" for code in people()["response"]])
    by = {"by_category": True}
    steps = {"kind": GROUP, "sex": {"kind": "category"} | by, "age": AGE | by, "band": BAND | by}
    effects = {"sex_effect": STANDARD, "age_effect": normal(0.5), "band_effect": normal(0.7)}
    free = normal(1.0, 0.5)
    counted = {"levels": ["PD", "SD", "CR"], "n": "n"}
    plain = {"sex": {"kind": "category"} | by, "kind": GROUP}
    pooled = {"group": GROUP | {"borrowing": "complete"}}
    return {
        "cumulative": (ordinal({"kind": GROUP, "age": AGE}, ORDERED | kind | {"age_effect": normal(0.5)}), people()),
        "cumulative_none": (ordinal({"group": GROUP | {"borrowing": "none"}}, own, **counted), categories()),
        "cumulative_complete": (ordinal(pooled, ORDERED, **counted), categories()),
        "cumulative_robust": (
            ordinal({"group": GROUP | {"borrowing": "robust"}}, ORDERED | {"group_sd": HALF}, **counted),
            categories(),
        ),
        "cumulative_exnex": (ordinal({"group": EXNEX}, ORDERED | own | {"group_sd": HALF}, **counted), categories()),
        "cumulative_two_levels": (
            ordinal({"kind": GROUP}, ORDERED | kind, gap=None, success=["better"], **two),
            halves,
        ),
        "cumulative_gamma_gaps": (
            ordinal({"kind": GROUP}, ORDERED | kind, gap=prior("Gamma", alpha=2.0, beta=0.8), success=["CR"]),
            incomplete(),
        ),
        "cumulative_fixed_gaps": (ordinal({"kind": GROUP}, ORDERED | kind, gap=prior("Fixed", value=1.3)), people()),
        "cumulative_curve": (
            ordinal({"curve": CURVE}, ORDERED | {"curve_effect": normal(0.5), "curve_wiggle_sd": HALF}),
            people(),
        ),
        "adjacent": (ordinal({"kind": GROUP}, ORDERED | kind, link="adjacent", gap=free), people()),
        "adjacent_by_category": (ordinal(steps, ORDERED | kind | effects, link="adjacent", gap=free), people()),
        "adjacent_by_category_missing": (
            ordinal(plain, ORDERED | kind | {"sex_effect": STANDARD}, link="adjacent", gap=free),
            incomplete(),
        ),
        "adjacent_two_levels": (
            ordinal({"sex": {"kind": "category"} | by}, ORDERED | {"sex_effect": STANDARD}, link="adjacent", gap=None)
            | {"outcome": {"column": "response"} | two},
            halves,
        ),
    }


def distributions():
    """Priors of every kind, and those stated on a clinical scale."""
    three = {"kind": GROUP, "side": GROUP, "age": AGE}
    kinds = {
        "student": {
            "intercept": prior("StudentT", nu=4.0, mu=0.5, sigma=1.2),
            "kind_sd": prior("HalfStudentT", nu=3.0, sigma=0.8),
            "side_sd": prior("Exponential", lam=1.5),
            "age_effect": prior("StudentT", nu=5.0, mu=0.0, sigma=0.4),
        },
        "positive": {
            "intercept": prior("Gamma", alpha=2.0, beta=1.5),
            "kind_sd": prior("Gamma", alpha=2.0, beta=3.0),
            "side_sd": prior("LogNormal", mu=-0.5, sigma=0.6),
            "age_effect": prior("Beta", alpha=2.0, beta=3.0),
        },
        "flat": {
            "intercept": prior("Flat"),
            "kind_sd": HALF,
            "side_sd": prior("Fixed", value=0.7),
            "age_effect": prior("Flat"),
        },
        "fixed": {
            "intercept": prior("Fixed", value=-0.5),
            "kind_sd": prior("Fixed", value=1.2),
            "side_sd": HALF,
            "age_effect": prior("Fixed", value=0.25),
        },
        "clinical": {
            "intercept": said("probability", 0.4, 0.9),
            "kind_sd": HALF,
            "side_sd": HALF,
            "age_effect": said("ratio", 1.2, 2.5),
        },
    }
    return {f"priors_{name}": (bernoulli(three, priors), people()) for name, priors in kinds.items()}


OWN = {
    "exponential": {},
    "weibull": {"shape": SHAPE},
    "gompertz": {"shape": normal(0.05)},
    "log_normal": {"scale": HALF},
    "log_logistic": {"scale": SHAPE},
    "piecewise_exponential": {"hazard_sd": HALF},
    "m_spline": {"hazard_sd": HALF},
}
PLACES = {"piecewise_exponential": {"cuts": [4.0, 10.0]}, "m_spline": {"knots": [6.0, 14.0, 30.0]}}
PROPORTIONAL = ("exponential", "weibull", "gompertz", "piecewise_exponential", "m_spline")
FORMS = [(family, "proportional") for family in PROPORTIONAL]
FORMS += [(family, "accelerated") for family in ("exponential", "weibull", "log_normal", "log_logistic")]


def short(family, effects):
    return family if effects == "proportional" or family.startswith("log_") else f"{family}_accelerated"


def families():
    """Every survival family: with covariates, with an exposure and late entry, between visits, with a median stated."""
    found = {}
    for family, effects in FORMS:
        name, own = short(family, effects), OWN[family]
        top = {"effects": effects} | PLACES.get(family, {})
        zero = HAZARD if effects == "proportional" else TIME
        sex = {"terms": {"sex": {"kind": "category"}, "age": {"kind": "linear", "centre": 20, "scale": 10}}}
        covariates = {"sex_effect": STANDARD, "age_effect": normal(0.4)}
        found[name] = (lasting(family, zero | own | covariates, **top, **sex), followed())
        exposed = {"surgery": {"start": "start", "dating": "uniform"}, "outcome": {"entry": "entry"}}
        found[f"{name}_exposed"] = (lasting(family, zero | own | EFFECT, **exposed, **top), followed())
        found[f"{name}_between"] = (lasting(family, zero | own, outcome=VISITS, **top), between())
        stated = {"intercept": said("median_time", 12, 90)} | own
        found[f"{name}_median"] = (lasting(family, stated, **top), followed())
    return found


def frailty():
    """Factors in survival, and what may be missing there."""
    kind = {"terms": {"kind": GROUP}}
    weibull = HAZARD | {"shape": SHAPE}
    spread = {"kind_sd": HALF}
    codes = {"event": "status", "levels": ["NED", "AWD", "DOC", "DOD"], "event_levels": ["DOD"]}
    both = {"terms": {"kind": GROUP | {"borrowing": "robust"}, "age": AGE}}
    none = {"terms": {"kind": GROUP | {"borrowing": "none"}}}
    quarters = {"pieces": 3} | kind
    days = with_columns(followed().assign(time=followed()["time"] * 30.4375), time={"type": "number", "unit": "days"})
    curved = {"terms": {"curve": CURVE}}
    curve = {"curve_effect": normal(0.5), "curve_wiggle_sd": HALF}
    exnex = spread | {"kind_own": normal(1.5, -3.0)}
    return {
        "frailty": (lasting("weibull", weibull | spread, **kind), followed()),
        "frailty_exnex": (lasting("weibull", weibull | exnex, terms={"kind": EXNEX}), followed()),
        "frailty_none": (lasting("exponential", {"kind_own": normal(1.5, -3.0)}, **none), followed()),
        "frailty_missing": (lasting("weibull", weibull | spread | {"age_effect": normal(0.4)}, **both), unsure()),
        "frailty_accelerated": (
            lasting("log_normal", TIME | {"scale": HALF} | spread, effects="accelerated", **kind),
            followed(),
        ),
        "frailty_pieces": (
            lasting("piecewise_exponential", HAZARD | {"hazard_sd": HALF} | spread, **quarters),
            followed(),
        ),
        "survival_curve": (lasting("exponential", HAZARD | curve, **curved), followed()),
        "causes": (lasting("weibull", weibull, outcome=codes), followed()),
        "causes_other": (lasting("weibull", weibull, outcome=codes | {"event_levels": ["DOC"]}), followed()),
        "days": (lasting("weibull", weibull), days),
        "late_entry": (lasting("weibull", weibull, outcome={"entry": "entry"}), followed()),
    }


def exposures():
    """Every way an exposure is dated and counted."""
    weibull = HAZARD | {"shape": SHAPE}
    modelled, given = weibull | INTENSITY, weibull | EFFECT
    stated = {"intercept": said("median_time", 23, 430), "shape": SHAPE, "surgery_effect": said("ratio", 1.0, 7.1)}
    waiting = {"surgery_log_intensity": said("median_time", 21, 400)}
    landmark = INTERVAL | {"as": "landmark", "landmark": 6.0, "dating": "uniform"}
    visits = {"outcome": VISITS}
    spline = {"intercept": normal(1.5, 0.5), "hazard_sd": HALF} | INTENSITY
    frail = {"terms": {"kind": GROUP}}
    return {
        "exposure_intensity": (lasting("weibull", modelled, surgery=INTERVAL | {"report_start": 6.0}), followed()),
        "exposure_uniform": (lasting("weibull", given, surgery=INTERVAL | {"dating": "uniform"}), followed()),
        "exposure_early": (lasting("weibull", given, surgery=INTERVAL | {"dating": "early"}), followed()),
        "exposure_late": (lasting("weibull", given, surgery=INTERVAL | {"dating": "late"}), followed()),
        "exposure_start": (lasting("weibull", modelled, surgery={"start": "start"}), followed()),
        "exposure_undated": (lasting("weibull", modelled, surgery=INTERVAL), unsure()),
        "exposure_baseline": (lasting("weibull", given, surgery=INTERVAL | {"as": "baseline"}), followed()),
        "exposure_landmark": (lasting("weibull", given, surgery=landmark), followed()),
        "exposure_stated": (lasting("weibull", stated | waiting, surgery=INTERVAL), followed()),
        "exposure_between": (lasting("weibull", modelled, surgery=INTERVAL, **visits), between()),
        "exposure_between_uniform": (
            lasting("exponential", HAZARD | EFFECT, surgery=INTERVAL | {"dating": "uniform"}, **visits),
            between(),
        ),
        "exposure_frailty_missing": (
            lasting("weibull", modelled | {"kind_sd": HALF}, surgery=INTERVAL, **frail),
            unsure(),
        ),
        "exposure_spline": (lasting("m_spline", spline, surgery=INTERVAL, **PLACES["m_spline"]), followed()),
        "exposure_accelerated": (
            lasting("log_logistic", TIME | {"scale": SHAPE} | INTENSITY, surgery=INTERVAL, effects="accelerated"),
            followed(),
        ),
        "exposure_gompertz": (
            lasting("gompertz", HAZARD | {"shape": normal(0.05)} | INTENSITY, surgery=INTERVAL),
            followed(),
        ),
    }


def others():
    """The bundled trials of counts; late entry beside what else bounds the time."""
    priors = {"intercept": normal(1.5, 1.0), "trial_sd": HALF}
    weibull = HAZARD | {"shape": SHAPE}
    late = {"entry": "entry"}
    entered = between().assign(entry=[1.0, 5.0, 0.5, 3.0, 13.0, 0.0, 2.0, 0.0, 1.5, 4.0])
    found = followed().assign(start=[None, 0.3, None, 4.0, 9.0, 1.5, None, None, 10.0, 5.0, None, 4.0])
    landmark = {"as": "landmark", "landmark": 6.0, "undated": "follow_up"}
    return {
        "alk_imt_trials": (of_counts({"trial": GROUP}, priors), cp.load("alk_imt_trials")),
        "between_late_entry": (lasting("weibull", weibull, outcome=VISITS | late), entered),
        "exposure_late_entry": (
            lasting("weibull", weibull | INTENSITY, surgery={"start": "start"}, outcome=late),
            found,
        ),
        "exposure_landmark_between": (
            lasting("weibull", weibull | EFFECT, surgery=landmark, outcome=VISITS),
            between(),
        ),
    }


SMALL = (borrowings, several_factors, targets, terms, missing, ordered, distributions, families, frailty, exposures)


@cache
def structures():
    """Every structure by its name: a model, and cases it can be fitted to; not to be changed in place."""
    found = {name: (cp.model(name), cp.load(dataset)) for name, dataset in AT_FIRST.items()}
    for made in (*SMALL, others):
        found |= {name: (model_from_dict(plain, name=name), cases) for name, (plain, cases) in made().items()}
    return found
