"""Model files: the bundled ones, one of every family and kind of term besides, and what is wrong with them."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Callable
from functools import cache
from pathlib import Path as File
from typing import Any

import pandas as pd

import casepool as cp
from benchmarks.hostile import ACCEPT, EITHER, REFUSE, Outcome, Rng, attempt, held, line_faults, refused
from benchmarks.hostile_toml import OF_TEXT, Path, Plain, Text, inside, leaves, put, unknown_key, wrong_type
from casepool.modelling import make_design
from casepool.modelling.specification.printing import describe

MODELS = File(__file__).parent.parent / "models"


def _normal(mu: float = 0.0, sigma: float = 1.0) -> Plain:
    return {"dist": "Normal", "mu": mu, "sigma": sigma, "why": "convention"}


def _half(sigma: float = 1.0) -> Plain:
    return {"dist": "HalfNormal", "sigma": sigma, "why": "convention"}


RESPONSE = {"column": "best_response", "levels": ["PD", "SD", "PR", "CR"], "success": ["PR", "CR"]}
SURVIVAL = {"time": "os_months", "event": "death", "unit": "months"}
WRITTEN: dict[str, Plain] = {
    "pieces": {
        "family": "piecewise_exponential",
        "cuts": [6, 12, 24],
        "outcome": SURVIVAL,
        "priors": {"intercept": _normal(-3), "hazard_sd": _half()},
    },
    "quantiles": {
        "family": "piecewise_exponential",
        "pieces": 4,
        "outcome": SURVIVAL,
        "priors": {"intercept": _normal(-3), "hazard_sd": _half()},
    },
    "splines": {
        "family": "m_spline",
        "knots": [6, 18, 36],
        "outcome": SURVIVAL,
        "priors": {"intercept": _normal(-3), "hazard_sd": _half()},
    },
    "gompertz": {
        "family": "gompertz",
        "outcome": SURVIVAL,
        "priors": {"intercept": _normal(-3), "shape": _normal(0, 0.1)},
    },
    "accelerated": {
        "family": "log_logistic",
        "effects": "accelerated",
        "outcome": SURVIVAL,
        "terms": {"sex": {"kind": "category", "reference": "F"}},
        "priors": {"intercept": _normal(3), "scale": {"dist": "LogNormal", "mu": 0, "sigma": 0.5, "why": "convention"}}
        | {"sex_effect": _normal()},
    },
    "between": {
        "family": "exponential",
        "outcome": {"lower": "surgery_earliest", "upper": "surgery_latest", "unit": "months"},
        "priors": {"intercept": _normal(-3)},
    },
    "exnex": {
        "family": "bernoulli",
        "outcome": RESPONSE,
        "terms": {"histology": {"kind": "group", "borrowing": "exnex", "exchangeable": {"EIMT": 0.8, "other": 0.5}}},
        "priors": {"intercept": _normal(), "histology_sd": _half(), "histology_own": _normal()},
    },
    "robust": {
        "family": "bernoulli",
        "outcome": RESPONSE,
        "terms": {"histology": {"kind": "group", "borrowing": "robust", "df": 4, "missing": "drop"}},
        "priors": {"intercept": _normal(), "histology_sd": _half()},
    },
    "smooth": {
        "family": "bernoulli",
        "outcome": RESPONSE,
        "terms": {
            "age": {"kind": "smooth", "knots": [6, 15, 30, 50], "centre": 18, "scale": 10, "bounds": [0, 110]},
            "band": {"kind": "banded", "column": "age", "cuts": [18], "labels": ["young", "old"], "bounds": [0, 110]},
        },
        "priors": {"intercept": _normal(), "age_effect": _normal(), "age_wiggle_sd": _half(), "band_effect": _normal()},
    },
    "adjacent": {
        "family": "ordinal",
        "link": "adjacent",
        "outcome": {key: RESPONSE[key] for key in ("column", "levels")},
        "terms": {"sex": {"kind": "category", "reference": "F", "by_category": True}},
        "priors": {"first_cutpoint": _normal(), "cutpoint_gap": _normal(), "sex_effect": _normal()},
    },
    "landmark": {
        "family": "weibull",
        "outcome": SURVIVAL,
        "exposure": {
            "surgery": {
                "column": "surgery_any",
                "earliest": "surgery_earliest",
                "latest": "surgery_latest",
                "dating": "uniform",
                "as": "landmark",
                "landmark": 6.0,
            }
        },
        "priors": {"intercept": _normal(-3), "surgery_effect": _normal()}
        | {"shape": {"dist": "LogNormal", "mu": 0, "sigma": 0.5, "why": "convention"}},
    },
}


@cache
def plains() -> dict[str, Plain]:
    """Return all models by name: the bundled ones, and those written here."""
    return {file.stem: tomllib.loads(file.read_text()) for file in sorted(MODELS.glob("*.toml"))} | WRITTEN


KEYWORDS = (
    "family",
    "link",
    "effects",
    "unit",
    "kind",
    "borrowing",
    "own",
    "missing",
    "dating",
    "undated",
    "as",
    "dist",
    "from",
)
EITHER_TYPE = ("target", "reference", "exchangeable", "report_start")


def _loose(at: Path, new: Any) -> bool:
    """Tell where a key takes values of several types; a number may belong to a level, and a column be named by one."""
    return at[-1] in EITHER_TYPE or (isinstance(new, str) and at[-1] in ("column", "title", "why"))


def other_type(rng: Rng, t: Text) -> None:
    """Give a key a value of another type."""
    wrong_type(rng, t, _loose)
    tables_within = any(isinstance(v, dict) for p in t.plain["priors"].values() for v in dict(p).values())
    if tables_within:  # a key of a prior that is a table looks like a prior by level
        t.must(t.verdict)


def other_key(rng: Rng, t: Text) -> None:
    """Add a key that the documents do not have."""
    unknown_key(rng, t, lambda at: at in (("terms",), ("exposure",)) or "exchangeable" in at or at[-1:] == ("priors",))


def keyword(rng: Rng, t: Text) -> None:
    """Write another word where one of a few belongs."""
    at, old = rng.choice([(at, value) for at, value in leaves(t.plain) if at[-1] in KEYWORDS])
    word = rng.choice([f"{old}x", str(old).upper() if str(old).upper() != old else f" {old}", "", "nothing", f"{old} "])
    put(t.plain, at, word)
    t.must(REFUSE, str(at[-1]))


def unknown_prior(rng: Rng, t: Text) -> None:
    """Give a prior of a parameter that the model has not."""
    name = rng.choice(["nothing_sd", "intercepts", "shape_", "patient_effect", "hazard"])
    t.plain["priors"][name] = _normal()
    t.must(REFUSE, name)


def missing_priors(rng: Rng, t: Text) -> None:
    """Leave out priors: all are told at once."""
    needed = [name for name in t.plain["priors"] if not name.endswith(("_share", "_mean", "_spread"))]
    gone = rng.sample(needed, rng.randint(1, len(needed)))
    for name in gone:
        del t.plain["priors"][name]
    t.must(REFUSE, *gone)


def median_without_shape(rng: Rng, t: Text) -> None:
    """State a median survival, and no prior of the shape that bends it."""
    t.plain = copy.deepcopy(plains()["overall_survival"])
    del t.plain["priors"]["shape"]
    if rng.random() < 0.5:
        t.plain["family"] = rng.choice(["gompertz", "log_normal", "log_logistic"])
        t.plain["effects"] = "accelerated" if t.plain["family"].startswith("log") else "proportional"
    t.must(REFUSE, "scale" if t.plain["family"].startswith("log") else "shape")


def without_key(rng: Rng, t: Text) -> None:
    """Leave out a key that a model cannot do without."""
    needed = {"family", "kind", "dist", "time", "mu", "sigma", "median", "upper", "alpha", "beta"}
    at = rng.choice([at for at, _ in leaves(t.plain) if at[-1] in needed and at != ("outcome", "upper")])
    del inside(t.plain, at[:-1])[at[-1]]
    t.must(REFUSE, str(at[-1]))


def extreme(rng: Rng, t: Text) -> None:
    """Put a number beyond what the documents allow, or just within."""
    at = rng.choice([at for at, _ in leaves(t.plain["priors"]) if at[-1] in ("mu", "sigma", "alpha", "beta", "median")])
    within = at[-1] in ("mu", "sigma") and rng.random() < 0.4
    value = rng.choice([1e9, 1e-9] if within else [1e300, 1e-300, 1.1e9, 0.9e-9, 5e-324, 1.7e308])
    put(t.plain["priors"], at, value)
    whole = inside(t.plain["priors"], at[:-1])
    bent = whole.get("dist") == "LogNormal" or "evidence" in t.plain  # which may be out of a computation's reach
    t.must(EITHER if within and bent else ACCEPT if within else REFUSE, *([] if within else [str(at[-1])]))


def many(rng: Rng, t: Text) -> None:
    """Ask for more cuts, knots or pieces than the documents allow."""
    name, key = rng.choice([("pieces", "cuts"), ("quantiles", "pieces"), ("splines", "knots"), ("smooth", "knots")])
    t.plain = copy.deepcopy(plains()[name])
    n = rng.choice([201, 3_000, 100_000])
    at: Path = ("terms", "age", key) if name == "smooth" else (key,)
    put(t.plain, at, n if key == "pieces" else [i / 10 for i in range(1, n + 1)])
    t.must(REFUSE, key)


NONSENSE: list[tuple[str, Path, list[Any]]] = [
    ("robust", ("terms", "histology", "df"), [0, -1]),
    ("exnex", ("terms", "histology", "exchangeable"), [-0.5, 2, {"EIMT": 3.0}, "x"]),
    ("exnex", ("priors", "histology_sd", "sigma"), [0, -1]),
    ("exnex", ("priors", "intercept", "sigma"), [0, -1]),
    ("objective_response", ("terms", "age", "scale"), [0]),
    ("objective_response", ("terms", "age", "bounds"), [[110, 0], [5, 5], [0], [0, 1, 2], [], ["a", "b"]]),
    ("objective_response", ("outcome", "success"), [["XX"], ["PR", "XX"]]),
    ("objective_response", ("outcome", "levels"), [["PD", "PD", "PR", "CR"], []]),
    ("time_on_crizotinib", ("outcome", "event_levels"), [["XX"], ["PD", "XX"]]),
    ("pieces", ("cuts",), [[12, 6], [6, 6], [-1, 6], [0, 6], []]),
    ("quantiles", ("pieces",), [0, -1, 1.5]),
    ("splines", ("knots",), [[18, 6], [6, 6], [-1, 6], []]),
    ("smooth", ("terms", "age", "knots"), [[6, 15], [15, 6, 30], [6, 6, 30], []]),
    ("smooth", ("terms", "band", "labels"), [["one"], ["a", "b", "c"], ["a", "a"]]),
    ("smooth", ("terms", "band", "cuts"), [[], [18, 18], [50, 18]]),
    ("landmark", ("exposure", "surgery", "landmark"), [0, -1]),
    ("overall_survival", ("exposure", "surgery", "report_start"), [-1]),
    ("overall_survival", ("priors", "intercept", "upper"), [23, 1]),
    ("overall_survival", ("priors", "intercept", "median"), [0, -3]),
    ("basket_berry", ("outcome", "target"), [0, 1, 1.5, -0.2]),
]
"""Values that are of the right type and make no sense: the model, the key, the values."""


def nonsense(rng: Rng, t: Text) -> None:
    """Give a key a value of its type that makes no sense."""
    name, at, values = rng.choice(NONSENSE)
    t.plain = copy.deepcopy(plains()[name])
    put(t.plain, at, copy.deepcopy(rng.choice(values)))
    t.must(REFUSE, str(at[-1]))


def reserved(rng: Rng, t: Text) -> None:
    """Call a term what the tables of answers call a column of their own."""
    t.plain = copy.deepcopy(plains()["robust"])
    name = rng.choice(["patient", "category", "time", "chain", "draw"])
    t.plain["terms"] = {name: {"column": "histology"} | t.plain["terms"]["histology"]}
    t.plain["priors"] = {"intercept": _normal(), f"{name}_sd": _half()}
    t.must(REFUSE, name)


def contradiction(rng: Rng, t: Text) -> None:
    """Give keys that exclude each other, or belong to another family or kind."""
    name, at, value = rng.choice(
        [
            ("pieces", ("pieces",), 4),
            ("pieces", ("knots",), [1, 2, 3]),
            ("gompertz", ("cuts",), [6]),
            ("gompertz", ("link",), "cumulative"),
            ("robust", ("effects",), "proportional"),
            ("accelerated", ("effects",), "proportional"),
            ("between", ("outcome", "time"), "os_months"),
            ("between", ("outcome", "event"), "death"),
            ("best_response", ("outcome", "events"), "events"),
            ("best_response", ("terms", "age", "by_category"), True),
            ("robust", ("terms", "histology", "cuts"), [3]),
            ("robust", ("terms", "histology", "reference"), "EIMT"),
            ("accelerated", ("terms", "sex", "df"), 3),
            ("robust", ("exposure",), {"surgery": {"column": "surgery_any"}}),
            ("overall_survival", ("exposure", "surgery", "landmark"), 6.0),
            ("overall_survival", ("exposure", "surgery", "start"), "surgery_month"),
        ]
    )
    t.plain = copy.deepcopy(plains()[name])
    put(t.plain, at, value)
    t.must(REFUSE, str(at[-1]))


def nothing(rng: Rng, t: Text) -> None:
    """Change nothing."""


OF_MODELS: list[Callable[[Rng, Text], None]] = [
    *(other_type, other_type, other_key, keyword, unknown_prior, missing_priors, median_without_shape, without_key),
    *(extreme, many, nonsense, nonsense, reserved, contradiction, nothing),
]


def model_file(rng: Rng) -> Text:
    """Return a model file and what must become of it."""
    t = Text(copy.deepcopy(plains()[rng.choice(sorted(plains()))]))
    change: Any = rng.choice(OF_MODELS if rng.random() < 0.75 else OF_TEXT)
    change(rng, t)
    t.mutation = change.__name__
    return t


def model_outcome(case: Text, folder: File) -> Outcome:
    """Read a model file, print it, write it back and lay it on cases."""
    path = folder / "my model.toml"
    path.write_bytes(case.written())
    outcome = Outcome(case.mutation, case.verdict)
    read, outcome.wrong = attempt(cp.model, path)
    held(outcome, read, (path.name, *case.told))
    if refused(read):
        return outcome
    text, wrong = attempt(describe, read)
    outcome.wrong += wrong
    if not refused(text):
        outcome.wrong += [said for line in text.splitlines() for said in line_faults(line.replace("\t", " "))[:1]]
    again = attempt(lambda: tomllib.loads(read.to_toml()))[0]
    if case.verdict == ACCEPT and not refused(again):
        there = dict(leaves(again))
        outcome.wrong += [
            f"{at} was {value!r} and is written back as {there.get(at)!r}"
            for at, value in leaves(case.plain)
            if at in there and there[at] != value
        ]
    outcome.wrong += attempt(make_design, read, cp.load("alk_crizotinib"))[1]
    return outcome


CODES: list[tuple[tuple[Any, Any], str]] = [
    (("dead", "alive"), REFUSE),
    (("1:DECEASED", "0:LIVING"), REFUSE),
    ((1, 2), REFUSE),
    (("DOD", "AWD"), REFUSE),
    (("yes", "no"), ACCEPT),
    ((1, 0), ACCEPT),
    (("true", "false"), ACCEPT),
]


def event_codes(rng: Rng) -> Outcome:
    """Lay a survival model that tells no codes on a table whose event has some."""
    (one, other), verdict = rng.choice(CODES)
    n = rng.randint(4, 9)
    frame = pd.DataFrame(
        {"os_months": range(1, n + 1), "death": [one, other, *(rng.choice([one, other]) for _ in range(n - 2))]}
    )
    outcome = Outcome("event_codes", verdict)
    model = cp.model("overall_survival")
    plain = tomllib.loads(model.to_toml())
    del plain["exposure"]
    plain["priors"] = {name: prior for name, prior in plain["priors"].items() if "surgery" not in name}
    from casepool.modelling import model_from_dict

    design, outcome.wrong = attempt(lambda: make_design(model_from_dict(plain, name="x"), cp.read_cases(frame)))
    return held(outcome, design, ("death", "event_levels", "levels"))


def yes_and_no(rng: Rng) -> Outcome:
    """Lay a response of the codes no and yes on answers that are read as true and false where nothing is said."""
    from casepool.modelling import model_from_dict

    words = rng.choice([["no", "yes"], ["No", "Yes"]])
    frame = pd.DataFrame({"patient": list("abcd"), "response": [words[0], words[1], words[1], words[0]]})
    plain = {
        "family": "bernoulli",
        "outcome": {"column": "response", "levels": words, "success": [words[1]]},
        "priors": {"intercept": _normal()},
    }
    outcome = Outcome("yes_and_no", EITHER)
    design, outcome.wrong = attempt(lambda: make_design(model_from_dict(plain, name="x"), cp.read_cases(frame)))
    held(outcome, design)
    if refused(design) and "True" in str(design):
        outcome.wrong.append(f"refused by a word nobody wrote: {design}")
    return outcome
