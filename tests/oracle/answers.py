"""What is asked of every saved fit, and how an answer is written down: shared by `make.py` and `test_tables.py`.

Every answer needs neither a sampler nor a refit. A refusal is an answer too.
"""

import json
import math
import tomllib
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

import casepool as cp
from casepool.modelling import make_design
from tests.oracle.structures import AT_FIRST, structures

FOLDER = Path(__file__).parent
SMALL = (
    *("two_exnex", "target_column", "exnex_beside_terms", "all_terms", "missing_several", "missing_smooth"),
    *("cumulative_exnex", "cumulative_two_levels", "adjacent_by_category", "exponential_exposed"),
    *("weibull_accelerated_exposed", "gompertz", "log_normal_between", "log_logistic_median"),
    *("piecewise_exponential_exposed", "m_spline", "frailty_exnex", "exposure_landmark", "exposure_uniform"),
    "exposure_frailty_missing",
)
"""Structures that are fitted besides the bundled models."""
FITS = (*AT_FIRST, *SMALL)
BRIEFLY = (
    *("complete_response", "disease_control", "disease_free_by_surgery"),
    *("basket_berry", "basket_pooled", "basket_independent"),
)
"""Bundled models so like another that less is asked of them."""
LEDGERS = (
    *("objective_response", "basket_exnex", "two_exnex", "exnex_beside_terms", "all_terms", "cumulative_exnex"),
    *("overall_survival", "frailty_exnex"),
)
CHECKS = (
    *("objective_response", "overall_survival", "overall_survival_baseline", "basket_exnex"),
    *("all_terms", "missing_several", "two_exnex", "adjacent_by_category", "exposure_frailty_missing"),
    *("frailty_exnex", "log_normal_between", "m_spline", "target_column"),
)
"""Where a ledger is asked for, and where a check, which take longer than the rest."""
UNANSWERED = (("gompertz", "classical"), ("gompertz", "classical at"), ("exposure_landmark", "classical surgery"))
"""Where 0.1.0 stumbled over a search that finds no root, instead of answering or refusing."""
UNPRINTED = ("gompertz", "gompertz_exposed", "gompertz_between", "exposure_gompertz")
"""Models 0.1.0 printed for ever, looking for a median that a falling hazard never reaches."""
TOGETHER = {
    "causes": ("death_of_disease", "death_of_complications"),
    "baskets": ("basket_berry", "basket_exnex", "basket_independent", "basket_pooled"),
    "survivals": ("gompertz", "m_spline"),
}
"""Fits that are asked together."""
LABELLED = dict.fromkeys(("objective_response", "best_response_by_age_group", "overall_survival"), ("sex",))
"""A column of the table that is no term of these models, and yet can be asked for."""
SINCE = ("kind", "prior", "dating", "coding", "told", "learnt", "prior_estimate", "prior_lower", "prior_upper")
"""Columns that an estimate table has had only since."""
ROWS = 12
"""Of a longer table every second, third, ... row is kept, so that at most so many are."""
TARGETS = ("observed", "standardised", "new")
LEADING = ("chain", "draw")
PASSING = ("created", "seconds", "versions", "machine", "inference_library")
"""Attributes of a fit that say when and by what it was made."""


# New patients: known, with labels nobody had, with nothing known, and with several labels in a cell


KNOWN = {
    "histology": "IMT", "partner": "TPM3", "age": 12.0, "sex": "F", "surgery_any": "yes", "kind": "A", "side": "left",
    "group": "a", "colour": "x", "rate": 0.3, "trial": "CREATE",
}  # fmt: skip
OWN_LABELS = {"sarcoma_imatinib": {"histology": "MFH"}, "small": {"partner": "X"}}
NOBODY = dict.fromkeys(("histology", "partner", "kind", "side", "group", "colour", "trial"), "Nobody's")


def newcomers(name):
    """Return tables of new patients for one structure, by what is special about them."""
    known = KNOWN | OWN_LABELS.get(AT_FIRST.get(name, "small"), {})
    unseen, empty = known | NOBODY, dict.fromkeys(known)
    several = known | {"partner": "TPM3;EML4" if name in AT_FIRST else "X;Y", "age": None}
    both = [known | {"patient": "first"}, unseen | {"patient": "second", "rate": 0.1}]
    one = {"unseen": unseen, "empty": empty | {"rate": 0.3}, "several": several}
    return {key: pd.DataFrame([row | {"patient": key}]) for key, row in one.items()} | {"two": pd.DataFrame(both)}


# What is asked


def groupings(name):
    """Return what the patients of a structure can be grouped by: terms, then exposures, then any other column."""
    model, _ = structures()[name]
    plain = tomllib.loads(model.to_toml())
    return [*plain.get("terms", {}), *plain.get("exposure", {}), *LABELLED.get(name, ())]


def survives(name):
    """Whether a structure is a survival model."""
    return structures()[name][0].family not in ("bernoulli", "ordinal")


def compared(name):
    """Return by what levels are compared in pairs: not by a factor of a dozen levels."""
    return [by for by in groupings(name) if by != "partner"]


def of_response(name, fit):
    """Return what is asked of a response model, as calls by name."""
    first, *rest = [*groupings(name), "nowhere"]
    asked = {f"estimates {target}": partial(cp.estimates, fit, target=target) for target in TARGETS}
    for target in TARGETS:
        asked[f"estimates {first} {target}"] = partial(cp.estimates, fit, first, target=target)
    for target in TARGETS if name in CHECKS else ("standardised",):
        asked[f"contrast {first} {target}"] = partial(cp.contrast, fit, first, target=target)
    asked |= {f"estimates {by}": partial(cp.estimates, fit, by, ci_prob=0.8) for by in rest}
    asked |= {f"estimates {by} new": partial(cp.estimates, fit, by, target="new") for by in rest}
    asked |= {f"contrast {by}": partial(cp.contrast, fit, by, rope=(-0.1, 0.1)) for by in compared(name)[1:]}
    asked |= {f"ranking {by}": partial(cp.ranking, fit, by) for by in compared(name)}
    asked[f"ranking {first} new"] = partial(cp.ranking, fit, first, target="new")
    asked |= {f"predict {who}": partial(cp.predict, fit, table) for who, table in newcomers(name).items()}
    return asked | {"survival": partial(cp.survival, fit)}


def of_survival(name, fit):
    """Return what is asked of a survival model, as calls by name."""
    asked = {
        "survival": partial(cp.survival, fit),
        "survival at": partial(cp.survival, fit, at=[3.0, 10.0], restricted_to=20.0, ci_prob=0.8),
        "survival start": partial(cp.survival, fit, at=[12.0], start=2.0),
        "estimates": partial(cp.estimates, fit),
    }
    for by in [*groupings(name), "nowhere"]:
        asked[f"survival {by}"] = partial(cp.survival, fit, by)
        asked[f"contrast {by}"] = partial(cp.contrast, fit, by)
    return asked


def checked(fit):
    """Return what `check` asked before engines had false accepts to be counted."""
    found = cp.check(fit, progress=False)
    return found[found["question"] != "false accepts"].reset_index(drop=True)


METHODS = (
    "(exact|permutation) log-rank|Newcombe|Koopman|conditional exact|reverse Kaplan-Meier|Cox, [^,]*$"
    "|maximum likelihood, ordinal"
)
"""Methods that 0.1.0 did not have, whole or from their beginning; it compared no levels of a factor by Cox."""


def then(*asked, **at):
    """Return what `classical` answered by the methods of 0.1.0."""
    found = cp.classical(*asked, **at)
    return found[~found["method"].str.match(METHODS)].reset_index(drop=True)


def of_both(name, fit):
    """Return what is asked of every model, `check` at the end: it marks the fit, and so the tables after it."""
    model, cases = structures()[name]
    without = partial(then, model, cases)
    asked = {"classical": without}
    if survives(name) or name in CHECKS:
        asked["classical at"] = partial(without, at=[6.0])
    asked |= {f"classical {by}": partial(without, by) for by in groupings(name)}
    asked = {what: call for what, call in asked.items() if (name, what) not in UNANSWERED}
    if name in LEDGERS and not survives(name):
        asked |= {f"ledger {by}": partial(cp.ledger, fit, by) for by in compared(name)}
    asked |= {"aliasing": partial(cp.aliasing, fit), "power_scaling": partial(cp.power_scaling, fit)}
    if name in CHECKS:
        asked["check"] = partial(checked, fit)
        asked["once checked"] = partial(cp.survival if survives(name) else cp.estimates, fit)
    return asked


def answers(name, fit):
    """Return every answer about one fit, written down, by what was asked."""
    asked = (of_survival if survives(name) else of_response)(name, fit) | of_both(name, fit)
    if name in BRIEFLY:
        by = groupings(name)[0]
        kept = ("estimates new", f"estimates {by} observed", f"contrast {by} standardised", "aliasing")
        asked = {what: asked[what] for what in kept}
    return {what: told_of(call) for what, call in asked.items()}


def answers_together(name, fits):
    """Return every answer about several fits, written down, by what was asked."""
    asked = {
        "cumulative_incidence": partial(cp.cumulative_incidence, fits),
        "cumulative_incidence at": partial(cp.cumulative_incidence, fits, at=[6.0]),
        "compare_models": partial(cp.compare_models, fits, refits=False, progress=False),
        "one": partial(cp.compare_models, fits[:1], refits=False, progress=False),
    }
    by = {"baskets": "histology", "survivals": "sex"}.get(name)
    if by:
        asked["compare_models by"] = partial(cp.compare_models, fits, by, refits=False, progress=False)
    if name == "baskets":
        asked["compare"] = lambda: cp.compare(*(cp.estimates(fit, "histology") for fit in fits))
    return {what: told_of(call) for what, call in asked.items()}


def facts(fit):
    """Return what a fit consists of, without its draws: groups, their variables, labels and attributes."""
    groups, labels = {}, {}
    for path, node in fit.subtree_with_keys:
        data = node.to_dataset()
        groups[path] = {str(name): list(values.dims) for name, values in data.data_vars.items()}
        labels |= {f"{path} {name}": cells(data[name].to_numpy()) for name in data.coords if name not in LEADING}
    held = {key: [name for name in labels if labels[name] == labels[key]] for key in labels}
    labels = {", ".join(names): labels[key] for key, names in held.items() if names[0] == key}
    return {"groups": groups, "labels": labels, "attrs": {k: v for k, v in fit.attrs.items() if k not in PASSING}}


def about_structures(printed=str):
    """Return of every structure its described and its written model, and who is in its design."""
    found = {}
    for name, (model, cases) in structures().items():
        design = make_design(model, cases)
        who = {"patients": list(design.patients), "left_out": dict(design.left_out), "rows": len(design.patient_of_row)}
        found[name] = {"text": "" if name in UNPRINTED else printed(model), "toml": model.to_toml(), **who}
    return found


# How it is written down


def told_of(call):
    """Make an answer, and write it down; of a refusal its class and what it says."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # draws that are all alike have no effective number
            table = call()
    except cp.CasepoolError as error:
        return {"refused": type(error).__name__, "says": str(error)}
    return table_of(table)


def table_of(table):
    """Write a table down by column: how many rows it has, and every one, or of a long one evenly spaced ones."""
    if "about" in table.columns:  # what the data tell was judged, as sampling and fit are
        judged = table["told"].map({"the data decide": "pass", "data and prior together": "pass"}).fillna("concern")
        table = table.assign(verdict=table["verdict"].mask(table["about"] == "information", judged))
        table = table[table["question"] != "what the data tell"]
    kept = table.iloc[:: math.ceil(len(table) / ROWS) or 1]
    since = SINCE if "estimand" in table.columns else ("about", "told") if "sentence" in table.columns else ()
    named = [name for name in table.columns if name not in since]
    return {"rows": len(table), "columns": {name: column(cells(kept[name])) for name in named}}


def column(values):
    """Write one value for a column where all are equal, and each of few texts once: which of them every row has."""
    kinds = list(dict.fromkeys(values)) if all(isinstance(value, str) for value in values) else values
    if len(kinds) == 1:
        return kinds[0]
    if len(kinds) > len(values) / 2:
        return values
    return {"texts": kinds, "which": [kinds.index(value) for value in values]}


def cells(values):
    """Write values as JSON has them: numbers that are none as text."""
    return [cell(value) for value in values]


def cell(value):
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, tuple | list):
        return cells(value)
    return value if isinstance(value, bool | int | float | str | None) else str(value)


def differences(stored, made, where=""):
    """Say where two things written down differ: numbers by more than 1e-9 of the larger of 1 and their size."""
    if isinstance(stored, dict) and isinstance(made, dict):
        lost = [f"{where}: keys {sorted(stored.keys() ^ made.keys())}"] if stored.keys() != made.keys() else []
        both = stored.keys() & made.keys()
        return lost + [
            text for key in stored if key in both for text in differences(stored[key], made[key], f"{where}/{key}")
        ]
    if isinstance(stored, list) and isinstance(made, list) and len(stored) == len(made):
        pairs = enumerate(zip(stored, made, strict=True))
        return [text for i, (a, b) in pairs for text in differences(a, b, f"{where}/{i}")]
    return [] if alike(stored, made) else [f"{where}: {stored!r} became {made!r}"]


def alike(stored, made):
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in (stored, made))
    return abs(stored - made) <= 1e-9 * max(1.0, abs(stored)) if numbers else stored == made


def written(path, content):
    """Write JSON, one answer a line."""
    lines = [f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in content.items()]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))
