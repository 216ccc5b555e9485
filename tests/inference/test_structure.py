"""Which fits share a compiled graph: the key is read off the nouns, and never lets two structures share one."""

import copy
import functools
from dataclasses import fields

import pandas as pd
import pytensor
import pytest

from casepool.cases.codebook import Codebook
from casepool.cases.column import Column
from casepool.cases.linked_tables import LinkedRows, LinkedTable
from casepool.cases.tables import typed
from casepool.inference.graph import build_design, structure_key
from casepool.modelling import Model, make_design, model_from_dict
from casepool.modelling.families.priors import Prior
from casepool.modelling.specification.exposure import Exposure
from casepool.modelling.specification.outcome import Outcome
from casepool.modelling.terms.joint import JOINT_KINDS
from casepool.modelling.terms.kinds import KINDS
from tests.small import fixed, half_normal, normal

RESPONSES = pd.DataFrame(
    {
        "patient": list("abcdefgh"),
        "best": ["PD", "SD", "PR", "PR", "SD", "PD", "PR", "SD"],
        "next": ["SD", "SD", "PR", "PR", "PR", "PD", "PR", "SD"],
        "kind": ["x", "y", "z", "x", "y", "z", "x", "y"],
        "other": ["x", "y", "y", "x", "y", "x", "x", "y"],
        "age": [10.0, None, 30.0, 44.0, 5.0, 61.0, 18.0, 25.0],
        "weight": [10.0, 20.0, 30.0, 44.0, 5.0, 61.0, 18.0, 25.0],
        "size": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0],
        "events": [0, 1, 0, 1, 1, 0, 1, 0],
        "some": [0, 0, 0, 1, 1, 0, 1, 0],
        "n": [1, 1, 1, 1, 1, 1, 1, 1],
        "many": [2, 1, 2, 1, 1, 1, 1, 1],
        "rate": [0.2, 0.3] * 4,
    }
)
FOLLOWED = pd.DataFrame(
    {
        "patient": list("abcdef"),
        "time": [10.0, 20.0, 30.0, 40.0, 5.0, 12.0],
        "end": [11.0, 22.0, 33.0, 44.0, 6.0, 13.0],
        "event": [False, True, False, True, True, True],
        "relapse": [True, True, False, True, False, True],
        "status": ["alive", "dead", "alive", "lost", "dead", "lost"],
        "lower": [10.0, 15.0, 30.0, 35.0, 4.0, 12.0],
        "upper": [None, 20.0, None, 40.0, 5.0, 12.0],
        "later": [None, 21.0, None, 42.0, 6.0, 12.0],
        "lowest": [9.0, 14.0, 30.0, 35.0, 3.0, 12.0],
        "entry": [0.0, 1.0, 0.0, 0.0, 2.0, 0.0],
        "surgery": [True, True, True, False, False, False],
        "graft": [True, False, True, False, False, False],
        "first": [2.0, 4.0, 0.0, None, None, None],
        "second": [3.0, 5.0, 1.0, None, None, None],
        "last": [3.0, 16.0, 30.0, None, None, None],
        "end_of_it": [4.0, 17.0, 30.0, None, None, None],
    }
)
CODES = ["PD", "SD", "PR"]
FIXED = {"dist": "Fixed", "value": 0.5, "why": "convention"}


def with_tables():
    """Cases with a table of events beside them, and two tables unlisted from cells."""
    lists = {"drugs": ["a;b", "a", "b", "a;b"], "answers": ["PR;SD", "PD", "PR", "SD;PR"]}
    lists["others"] = ["PR;PR", "SD", "PD", "SD;PD"]
    cases = pd.DataFrame({"patient": list("wxyz"), "paper": ["p", "p", "q", "r"], "months": [3, 5, 8, 2], **lists})
    kinds = {"patient": Column("text"), "paper": Column("category"), "months": Column("number")} | dict.fromkeys(
        lists, Column("list")
    )
    tables = {"events": LinkedTable(file="events.csv", unit="paper")}
    tables |= {name: LinkedTable(lists={"drug": "drugs", "answer": column})
               for name, column in (("lines", "answers"), ("later", "others"))}  # fmt: skip
    cells = {"patient": ("w", "x", "y"), "event": ("rash", "fever", "rash"), "grade": ("3", "3", "1")}
    book = Codebook(public=True, columns=kinds, tables=tables, linked={"events": LinkedRows(cells, (2, 3, 4))})
    return typed(cases, book)


TERMS = {
    "kind": {"kind": "group", "borrowing": "exnex"},
    "other": {"kind": "category"},
    "age": {"kind": "linear", "centre": 18, "scale": 10, "bounds": [0, 110]},
    "weight": {"kind": "banded", "cuts": [20], "labels": ["low", "high"], "bounds": [0, 110]},
    "size": {"kind": "smooth", "knots": [1, 3, 6, 9], "centre": 4, "scale": 2, "bounds": [0, 10]},
}
PRIORS = {"kind_sd": half_normal(1), "kind_own": normal(1)} | {
    f"{name}_effect": normal(1) for name in ("other", "age", "weight", "size")
}
RESPONSE = {
    "family": "bernoulli",
    "outcome": {"column": "best", "levels": CODES, "success": ["PR"]},
    "terms": TERMS,
    "priors": {"intercept": normal(1.5), "size_wiggle_sd": half_normal(1)} | PRIORS,
}
COUNTS = RESPONSE | {"outcome": {"events": "events", "n": "n"}}
ORDINAL = RESPONSE | {
    "family": "ordinal",
    "link": "adjacent",
    "priors": {"first_cutpoint": normal(1), "cutpoint_gap": half_normal(1), "size_wiggle_sd": half_normal(1)} | PRIORS,
}
HAZARD = {
    "family": "weibull",
    "effects": "proportional",
    "outcome": {"time": "time", "event": "event"},
    "exposure": {"surgery": {"column": "surgery", "earliest": "first", "latest": "last"}},
    "priors": {
        "intercept": {"from": "median_time", "median": 20, "upper": 90},
        "shape": {"dist": "LogNormal", "mu": 0, "sigma": 0.5},
        "surgery_effect": normal(1),
        "surgery_log_intensity": normal(1, -3),
    },
}
STATUS = {"time": "time", "event": "status", "levels": ["alive", "dead", "lost"], "event_levels": ["dead"]}
VISITS = {"lower": "lower", "upper": "upper"}
PIECES = HAZARD | {
    "family": "piecewise_exponential",
    "cuts": [8.0, 15.0],
    "priors": {**HAZARD["priors"], "hazard_sd": half_normal(1), "shape": None},
}
BASES = {"response": RESPONSE, "counts": COUNTS, "ordinal": ORDINAL, "survival": HAZARD, "pieces": PIECES}
TABLES = {"survival": FOLLOWED, "pieces": FOLLOWED}
BASES |= {"status": HAZARD | {"outcome": STATUS}, "visits": HAZARD | {"outcome": VISITS, "exposure": {}}}
BASES["visits"]["priors"] = {key: HAZARD["priors"][key] for key in ("intercept", "shape")}
TABLES |= {"status": FOLLOWED, "visits": FOLLOWED}
PLACE = {"kind": "group", "column": "other"}
BENDS, CELLS = {"kind": "slope", "of": "age", "by": "kind"}, {"kind": "interaction", "of": ["kind", "weight"]}
TWO_NUMBERS = {"age": TERMS["age"] | {"missing": "drop"}, "size": {"kind": "linear"}}
BASES["joint"] = RESPONSE | {
    "terms": TERMS | TWO_NUMBERS | {"kind": {"kind": "group"}, "place": PLACE, "bends": BENDS, "cells": CELLS},
    "priors": {"intercept": normal(1.5), "kind_sd": half_normal(1), "place_sd": half_normal(1)} | {
        name: half_normal(0.5) for name in ("bends_sd", "cells_sd")} | {
        f"{name}_effect": normal(1) for name in ("other", "age", "weight", "size")},
}  # fmt: skip

JOINT = {"from": "trials", "method": "joint", "mean": normal(2), "between": half_normal(1)}


def trials(studies):
    """Counts of so many studies."""
    return {"trials": {"studies": [{"study": f"s{i}", "events": i, "n": 4 + i} for i in range(studies)]}}


GROUP = {"kind": "group", "borrowing": "partial"}
EVENTS = {
    "family": "bernoulli",
    "outcome": {"table": "events", "per": "type"},
    "terms": {"type": GROUP | {"column": "event", "missing": "drop"}},
    "priors": {"intercept": normal(1.5), "type_sd": half_normal(1), "reporting": FIXED},
}
LINES = {
    "family": "bernoulli",
    "outcome": {"table": "lines", "column": "answer", "levels": CODES, "success": ["PR"]},
    "terms": {"drug": GROUP},
    "priors": {"intercept": normal(1.5), "drug_sd": half_normal(1)},
}
BASES |= {"events": EVENTS, "lines": LINES}
TABLES |= dict.fromkeys(("events", "lines"), with_tables())

OF_THE_PRIORS = [
    ("response", {"priors.intercept": {"dist": "StudentT", "nu": 3, "mu": 0, "sigma": 1}}),
    ("response", {"priors.intercept": normal(0.2, 1.0)}),
    ("response", {"priors.intercept": normal(1.5) | {"why": "another"}}),
    ("response", {"priors.intercept": {"from": "probability", "median": 0.3, "upper": 0.8}}),
    ("survival", {"priors.intercept": normal(2.0)}),
    ("survival", {"priors.intercept.upper": 70}),
]
CHANGES = {
    Model: {
        "name": [("response", {})],
        "title": [("response", {"title": "another"})],
        "family": [("survival", {"family": "log_logistic", "effects": None, "priors.scale": half_normal(1)} | {
            "priors.shape": None})],
        "outcome": [("counts", {"outcome.events": "some"})],
        "effects": [("survival", {"effects": "accelerated"})],
        "terms": [("response", {"terms.size": None, "priors.size_effect": None, "priors.size_wiggle_sd": None})],
        "exposures": [("survival", {"exposure": {}, "priors.surgery_effect": None} | {
            "priors.surgery_log_intensity": None})],
        "priors": OF_THE_PRIORS,
        "link": [("ordinal", {"link": "cumulative"})],
        "cuts": [("pieces", {"cuts": [7.0, 16.0]}), ("pieces", {"cuts": [7.0, 16.0, 20.0]})],
        "pieces": [("pieces", {"cuts": None, "pieces": 3}), ("pieces", {"cuts": None, "pieces": 2})],
        "knots": [("pieces", {"cuts": None, "family": "m_spline", "knots": [8.0, 20.0]})],
        "joint": [("joint", {"terms.bends": None, "priors.bends_sd": None})],
        "trials": [(base, {"evidence": trials(n), "priors.intercept": JOINT | {"method": way}}) for base, n, way in (
            ("response", 3, "joint"), ("response", 3, "predictive"), ("counts", 2, "joint"))],
        "selection": [(base, {"selection": {"rows": "cases"}, "priors.selection_effect": ratio})
            for base in ("response", "ordinal") for ratio in (normal(1), fixed(0.5))],
    },
    Prior: dict.fromkeys(("dist", "parameters", "why", "elicited"), OF_THE_PRIORS),
    Outcome: {
        "column": [("ordinal", {"outcome.column": "next"})],
        "levels": [("ordinal", {"outcome.levels": ["XX", *CODES]})],
        "success": [("response", {"outcome.success": ["SD", "PR"]})],
        "events": [("counts", {"outcome.events": "some"})],
        "n": [("counts", {"outcome.n": "many"})],
        "target": [("counts", {"outcome.target": 0.3}), ("counts", {"outcome.target": "rate"})],
        "time": [("survival", {"outcome.time": "end"}), ("events", {"outcome.time": "months"})],
        "lower": [("visits", {"outcome.lower": "lowest"})],
        "upper": [("visits", {"outcome.upper": "later"})],
        "event": [("survival", {"outcome.event": "relapse"})],
        "event_levels": [("status", {"outcome.event_levels": ["dead", "lost"]})],
        "unit": [("survival", {"outcome.unit": "weeks"})],
        "entry": [("survival", {"outcome.entry": "entry"})],
        "what": [("survival", {"outcome.what": "relapse"})],
        "free": [("survival", {"outcome.free": "well"})],
        "table": [("lines", {"outcome.table": "later"})],
        "per": [("events", {"outcome.per": "patient and type"}), ("events", {
            "outcome.per": "patient", "terms": {}, "priors.type_sd": None})],
        "where": [("events", {"outcome.where": {"grade": [3]}})],
    },
    Exposure: {
        "name": [("survival", {"exposure": {"graft": HAZARD["exposure"]["surgery"]}} | {
            "priors.graft_effect": normal(1), "priors.graft_log_intensity": normal(1, -3),
            "priors.surgery_effect": None, "priors.surgery_log_intensity": None})],
        "column": [("survival", {"exposure.surgery.column": "graft"})],
        "earliest": [("survival", {"exposure.surgery.earliest": "second"})],
        "latest": [("survival", {"exposure.surgery.latest": "end_of_it"})],
        "start": [("survival", {"exposure.surgery": {"column": "surgery", "start": "first"}})],
        "dating": [("survival", {"exposure.surgery.dating": dating}) for dating in ("uniform", "early", "late")],
        "undated": [("survival", {"exposure.surgery.undated": "refuse"})],
        "as_": [("survival", {"exposure.surgery.as": "baseline"})],
        "landmark": [("survival", {"exposure.surgery.as": "landmark", "exposure.surgery.landmark": 4.0})],
        "report_start": [("survival", {"exposure.surgery.report_start": 6.0})],
        "what": [("survival", {"exposure.surgery.what": "a graft"})],
        "done": [("survival", {"exposure.surgery.done": "grafted"})],
    },
    "group": {
        "name": [("response", {"terms.kind": None, "terms.new": TERMS["kind"] | {"column": "kind"}} | {
            "priors.new_sd": half_normal(1), "priors.new_own": normal(1), "priors.kind_sd": None,
            "priors.kind_own": None})],
        "column": [("response", {"terms.kind.column": "other"})],
        "missing": [("response", {"terms.kind.missing": "drop"})],
        "borrowing": [("response", {"terms.kind.borrowing": way, "priors.kind_own": None}) for way in (
            "partial", "robust")] + [("response", {"terms.kind.borrowing": "complete", "priors.kind_own": None} | {
            "priors.kind_sd": None})] + [("response", {"terms.kind.borrowing": "none", "priors.kind_sd": None} | {
            "priors.intercept": None})],
        "exchangeable": [("response", {"terms.kind.exchangeable": share}) for share in (0.3, {"x": 0.2, "other": 1})],
        "own": [("response", {"terms.kind.own": "effect"})],
        "df": [("response", {"terms.kind.borrowing": "robust", "terms.kind.df": 7.0, "priors.kind_own": None})],
    },
    "category": {
        "name": [("response", {"terms.other": None, "terms.new": {"kind": "category", "column": "other"}} | {
            "priors.new_effect": normal(1), "priors.other_effect": None})],
        "column": [("response", {"terms.other.column": "kind"})],
        "missing": [("response", {"terms.other.missing": "drop"})],
        "reference": [("response", {"terms.other.reference": "y"})],
        "by_category": [("ordinal", {"terms.other.by_category": True})],
    },
    "linear": {
        "name": [("response", {"terms.age": None, "terms.new": TERMS["age"] | {"column": "age"}} | {
            "priors.new_effect": normal(1), "priors.age_effect": None})],
        "column": [("response", {"terms.age.column": "weight"})],
        "missing": [("response", {"terms.age.missing": "drop"})],
        "centre": [("response", {"terms.age.centre": 20.0})],
        "scale": [("response", {"terms.age.scale": 5.0})],
        "bounds": [("response", {"terms.age.bounds": [0, 100]})],
        "by_category": [("ordinal", {"terms.age.by_category": True})],
    },
    "banded": {
        "name": [("response", {"terms.weight": None, "terms.new": TERMS["weight"] | {"column": "weight"}} | {
            "priors.new_effect": normal(1), "priors.weight_effect": None})],
        "column": [("response", {"terms.weight.column": "age"})],
        "missing": [("response", {"terms.weight.missing": "drop"})],
        "cuts": [("response", {"terms.weight.cuts": [15]}), ("response", {
            "terms.weight.cuts": [15, 30], "terms.weight.labels": ["low", "middle", "high"]})],
        "labels": [("response", {"terms.weight.labels": ["light", "heavy"]})],
        "bounds": [("response", {"terms.weight.bounds": [0, 100]})],
        "by_category": [("ordinal", {"terms.weight.by_category": True})],
    },
    "smooth": {
        "name": [("response", {"terms.size": None, "terms.new": TERMS["size"] | {"column": "size"}} | {
            "priors.new_effect": normal(1), "priors.new_wiggle_sd": half_normal(1), "priors.size_effect": None,
            "priors.size_wiggle_sd": None})],
        "column": [("response", {"terms.size.column": "age", "terms.size.bounds": [0, 110]})],
        "missing": [("response", {"terms.size.missing": "drop"})],
        "centre": [("response", {"terms.size.centre": 5.0})],
        "scale": [("response", {"terms.size.scale": 3.0})],
        "bounds": [("response", {"terms.size.bounds": [0, 20]})],
        "knots": [("response", {"terms.size.knots": [1, 4, 6, 9]}), ("response", {"terms.size.knots": [1, 4, 9]})],
    },
    "slope": {
        "name": [("joint", {"terms.bends": None, "terms.new": BENDS, "priors.new_sd": half_normal(1)} | {
            "priors.bends_sd": None})],
        "of": [("joint", {"terms.bends.of": "size"})],
        "by": [("joint", {"terms.bends.by": "place"})],
        "borrowing": [("joint", {"terms.bends.borrowing": "none", "priors.bends_sd": None} | {
            "priors.age_effect": None, "priors.bends_slope": normal(1)})],
    },
    "interaction": {
        "name": [("joint", {"terms.cells": None, "terms.new": CELLS, "priors.new_sd": half_normal(1)} | {
            "priors.cells_sd": None})],
        "of": [("joint", {"terms.cells.of": of}) for of in (["weight", "kind"], ["other", "weight"])],
        "borrowing": [("joint", {"terms.cells.borrowing": "none", "priors.cells_sd": None} | {
            "priors.cells_effect": normal(1)})],
    },
}  # fmt: skip
EVERY = [(noun, field, *case) for noun, own in CHANGES.items() for field, cases in own.items() for case in cases]
NOUNS = {noun: noun if isinstance(noun, type) else (KINDS | JOINT_KINDS)[noun] for noun in CHANGES}


def changed(plain, edits):
    """A model file with some keys set, or taken away where they are None."""
    found = copy.deepcopy(plain)
    for path, value in edits.items():
        *way, last = path.split(".")
        table = functools.reduce(lambda inner, key: inner[key], way, found)
        table[last] = value
    return pruned(found)


def pruned(table):
    return {k: pruned(v) if isinstance(v, dict) else v for k, v in table.items() if v is not None}


def laid(base, edits, name="mine"):
    return make_design(model_from_dict(changed(BASES[base], edits), name=name), TABLES.get(base, RESPONSES))


def text_of(design):
    """The graph of the density as text, its data by name: equal texts differ in their data alone."""
    built = build_design(design)
    whole = pytensor.dprint(built.logp(), file="str", id_type="", print_type=True)
    return whole, [variable.name for variable in built.value_vars]


@functools.cache
def text_of_base(base):
    return text_of(laid(base, {}))


@pytest.mark.parametrize("noun", CHANGES, ids=str)
def test_every_field_of_every_noun_is_changed_below(noun) -> None:
    assert set(CHANGES[noun]) == {field.name for field in fields(NOUNS[noun])}


@pytest.mark.parametrize(("noun", "field", "base", "edits"), EVERY, ids=str)
def test_a_change_leaves_the_graph_or_changes_its_key(noun, field, base, edits) -> None:
    other = laid(base, edits, name="another" if field == "name" and noun is Model else "mine")
    if structure_key(other) == structure_key(laid(base, {})):
        assert text_of(other) == text_of_base(base)


@pytest.mark.parametrize(
    ("base", "one", "two"),
    [
        ("response", {"priors.intercept": normal(0.2, 1.0), "outcome.success": ["SD", "PR"]}, {"title": "another"}),
        ("response", {"terms.kind.exchangeable": 0.3, "terms.kind.column": "kind"}, {"terms.weight.cuts": [15]}),
        ("survival", {"exposure.surgery.dating": "early", "priors.surgery_log_intensity": None}, {
            "exposure.surgery.dating": "late", "priors.surgery_log_intensity": None}),
        ("survival", {"outcome.event": "relapse", "outcome.unit": "weeks"}, {"exposure.surgery.report_start": 3.0}),
        ("pieces", {"cuts": [7.0, 16.0]}, {"cuts": None, "pieces": 3}),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_data_shares_one_graph(base, one, two) -> None:
    assert structure_key(laid(base, one)) == structure_key(laid(base, two))


def test_the_number_of_rows_is_data_and_the_number_of_levels_is_not() -> None:
    model = model_from_dict(pruned(RESPONSE), name="mine")
    whole, fewer = (make_design(model, table) for table in (RESPONSES, RESPONSES.iloc[:6]))
    assert structure_key(whole) == structure_key(fewer)
    without = make_design(model, RESPONSES[RESPONSES["kind"] != "z"])
    assert structure_key(without) != structure_key(whole)


def test_what_counts_as_a_success_and_how_many_trials_are_told_apart_where_the_graph_is() -> None:
    """Success is data to a selection; studies are parameters where they share the model, and none where they do not."""
    chosen = {"selection": {"rows": "cases"}, "priors.selection_effect": normal(1)}
    one, two = (laid("ordinal", chosen | {"outcome.success": success}) for success in (["PR"], ["SD", "PR"]))
    assert structure_key(one) == structure_key(two)
    assert text_of(one) == text_of(two)
    keys = [
        [structure_key(laid("response", {"evidence": trials(n), "priors.intercept": JOINT | {"method": method}}))
            for n in (2, 3)]
        for method in ("joint", "predictive")
    ]  # fmt: skip
    assert keys[0][0] != keys[0][1]
    assert keys[1][0] == keys[1][1]
