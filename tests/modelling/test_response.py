"""Responses: what is missing is summed over, against enumeration and quadrature written out here."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, special, stats

from casepool.errors import CasepoolError
from casepool.modelling import make_design, model
from casepool.modelling.design.likelihood import patient_mean
from casepool.modelling.families.arrays import NUMPY

from .small import RESPONSE, by_patient, parameters, response_model, table, total

GROUP = {"kind": "group"}
COUNTS = {
    "column": "response",
    "levels": ["PD", "SD", "PR", "CR"],
    "success": ["PR", "CR"],
    "events": "events",
    "n": "n",
}

INTERCEPT = 0.7
HISTOLOGY = {"EIMT": 0.4, "IMT": -0.9, "PSC": 0.2}
PARTNER = {"CLTC": -0.3, "EML4": 1.1, "RANBP2": 0.5, "TPM3": -0.8}
SEX = {"F": 0.0, "M": 0.65}
BAND = {"under 12": 0.0, "12 to 39": -0.5, "40 and over": 0.9}
SHARES = {
    "histology": dict(zip(HISTOLOGY, (0.5, 0.3, 0.2), strict=True)),
    "partner": dict(zip(PARTNER, (0.1, 0.2, 0.3, 0.4), strict=True)),
    "sex": dict(zip(SEX, (0.45, 0.55), strict=True)),
    "age": dict(zip(BAND, (0.25, 0.6, 0.15), strict=True)),
}
EFFECTS = {"histology": HISTOLOGY, "partner": PARTNER, "sex": SEX, "age": BAND}

ROWS = [
    # histology, partner, sex, age, response; None is missing
    ("EIMT", "RANBP2", "M", 44.0, "PR"),
    ("IMT", "TPM3", "F", 8.0, "CR"),
    ("PSC", "EML4", "M", 61.0, "PD"),
    ("IMT", "CLTC", "M", 24.0, "SD"),
    (None, "EML4", "F", 12.0, "PR"),
    ("IMT", None, "F", 39.5, "PD"),
    ("EIMT", "RANBP2", None, 17.0, "PR"),
    ("IMT", "EML4;TPM3;CLTC", "F", None, "CR"),
    (None, None, "M", 40.0, "SD"),
    (None, "TPM3;RANBP2", None, None, "PD"),
    (None, None, None, None, "CR"),
    ("PSC", "CLTC", None, None, "CR"),
]


def band_of(age):
    return "under 12" if age < 12 else "12 to 39" if age < 40 else "40 and over"


def logistic(x):
    return 1 / (1 + math.exp(-x))


def known_or_every(name, value):
    """The labels a patient may have, each with its probability and effect."""
    if value is None:
        return [(SHARES[name][label], EFFECTS[name][label]) for label in EFFECTS[name]]
    members = [band_of(value)] if name == "age" else value.split(";")
    return [(1.0, sum(EFFECTS[name][member] for member in members) / len(members))]


def enumerated(row):
    """Log probability of one patient's response, every combination of what is missing added up."""
    *covariates, response = row
    options = [known_or_every(name, value) for name, value in zip(EFFECTS, covariates, strict=True)]
    probability = 0.0
    for combination in itertools.product(*options):
        p = logistic(INTERCEPT + sum(effect for _, effect in combination))
        weight = math.prod(share for share, _ in combination)
        probability += weight * (p if response in ("PR", "CR") else 1 - p)
    return math.log(probability)


def crossed():
    """A table with every kind of missing label, its model, and the parameters enumerated above."""
    chosen = response_model(
        {
            "histology": GROUP,
            "partner": GROUP,
            "sex": {"kind": "category"},
            "age": {"kind": "banded", "cuts": [12, 40], "labels": list(BAND)},
        }
    )
    cases = pd.DataFrame(ROWS, columns=["histology", "partner", "sex", "age", "response"])
    cases.insert(0, "patient", [f"p{i}" for i in range(len(cases))])
    values = {"intercept": INTERCEPT}
    for name, effects in EFFECTS.items():
        labels = list(effects) if name in ("histology", "partner") else list(effects)[1:]
        values[f"{name}_effect"] = [effects[label] for label in labels]
        values[f"{name}_share"] = list(SHARES[name].values())
    return chosen, cases, values


def test_missing_labels_are_summed_over_as_by_enumeration():
    chosen, cases, values = crossed()
    assert by_patient(chosen, cases, **values) == pytest.approx([enumerated(row) for row in ROWS], abs=1e-8)


def test_the_levels_of_the_enumeration_are_the_designs():
    chosen, cases, _ = crossed()
    design = make_design(chosen, cases)
    for name, effects in EFFECTS.items():
        assert design.terms[name].coded.levels == tuple(effects)


def test_recorded_labels_count_every_patient_with_one():
    chosen, cases, _ = crossed()
    recorded = make_design(chosen, cases).terms["histology"].recorded
    assert dict(zip(HISTOLOGY, recorded, strict=True)) == {"EIMT": 2, "IMT": 4, "PSC": 2}


def test_the_mean_over_what_is_missing_is_weighted_by_shares_alone():
    chosen, cases, values = crossed()
    design = make_design(chosen, cases)
    rows = np.arange(len(design.patient_of_row), dtype=float)
    same = patient_mean(design, np.full(len(rows), 0.3), parameters(**values), NUMPY)
    assert same == pytest.approx(np.full(len(ROWS), 0.3), abs=1e-12)


LINEAR = {"kind": "linear", "centre": 18, "scale": 10, "bounds": [0, 110]}


@pytest.mark.parametrize("slope", [-0.7, 0.0, 0.3])
@pytest.mark.parametrize(("mean", "spread"), [(-1.0, 0.8), (0.5, 1.5), (-2.0, 0.1)])
@pytest.mark.parametrize("response", ["CR", "PD"])
def test_a_missing_number_is_integrated_out(slope, mean, spread, response):
    cases = table(age=[30.0, np.nan, 5.0], response=["PR", response, "SD"])
    chosen = response_model({"age": LINEAR})
    got = by_patient(chosen, cases, intercept=INTERCEPT, age_effect=slope, age_mean=mean, age_spread=spread)

    def density(z):
        age = 110 * logistic(mean + spread * z)
        p = logistic(INTERCEPT + slope * (age - 18) / 10)
        return stats.norm.pdf(z) * (p if response == "CR" else 1 - p)

    expected = math.log(integrate.quad(density, -12, 12, epsabs=1e-13, epsrel=1e-12, limit=400)[0])
    assert got[1] == pytest.approx(expected, abs=1e-8)


def test_a_number_missing_beside_many_labels_is_integrated_over_fewer_nodes():
    """48 nodes by 50 labels thin to a quarter of the nodes; the probability stays right, and at a value exact."""
    labels = [f"level {i:02d}" for i in range(50)]
    cases = table(histology=[*labels, None], age=[30.0] * 50 + [np.nan], response=["PR"] * 51)
    effects, share = np.linspace(-2.0, 1.5, 50), np.linspace(1.0, 2.0, 50) / 75.0
    chosen = response_model({"age": LINEAR, "histology": {"kind": "group"}})
    values = {"intercept": INTERCEPT, "age_mean": -1.0, "age_spread": 0.8, "age_effect": 0.3}
    values |= {"histology_effect": effects, "histology_share": share}
    got = by_patient(chosen, cases, **values)

    def density(z):
        age = 110 * logistic(-1.0 + 0.8 * z)
        return stats.norm.pdf(z) * share @ special.expit(INTERCEPT + 0.3 * (age - 18) / 10 + effects)

    assert got[-1] == pytest.approx(math.log(integrate.quad(density, -12, 12, epsabs=1e-13)[0]), abs=1e-5)
    design = make_design(chosen, cases)
    assert len(design.patient_of_row) == 50 + 50 * 12
    at = design.at_value("age", 48.0)
    assert len(at.patient_of_row) == 50 + 50
    assert at.log_weight == pytest.approx(np.zeros(100), abs=1e-12)


def test_a_missing_number_is_integrated_well_where_the_response_is_nearly_a_step():
    cases = table(age=[30.0, np.nan], response=["PR", "CR"])
    got = by_patient(
        response_model({"age": LINEAR}), cases, intercept=0.0, age_effect=2.0, age_mean=0.5, age_spread=1.5
    )

    def density(z):
        return stats.norm.pdf(z) * logistic(2.0 * (110 * logistic(0.5 + 1.5 * z) - 18) / 10)

    assert got[1] == pytest.approx(math.log(integrate.quad(density, -12, 12, limit=400)[0]), abs=1e-3)


def test_known_numbers_do_not_depend_on_the_model_of_missing_ones():
    cases = table(age=[30.0, np.nan, 5.0], response=["PR", "PR", "SD"])
    chosen = response_model({"age": LINEAR})
    one, other = (
        by_patient(chosen, cases, intercept=INTERCEPT, age_effect=0.4, age_mean=m, age_spread=s)
        for m, s in ((0.0, 1.0), (-2.0, 0.3))
    )
    assert one[[0, 2]] == pytest.approx(other[[0, 2]], abs=1e-14)
    assert one[[0, 2]] == pytest.approx(
        [math.log(logistic(INTERCEPT + 0.4 * 1.2)), math.log(1 - logistic(INTERCEPT - 0.4 * 1.3))], abs=1e-12
    )


def test_recorded_numbers_inform_missing_ones_on_the_logit_of_their_bounds():
    cases = table(age=[55.0, np.nan, 27.5], response=["PR", "PR", None])
    recorded = make_design(response_model({"age": LINEAR}), cases).terms["age"].recorded
    assert recorded == pytest.approx([0.0], abs=1e-12)


def test_missing_numbers_and_labels_of_one_patient_multiply():
    cases = table(age=[30.0, 61.0, np.nan], histology=["IMT", "EIMT", None], response=["PR", "SD", "CR"])
    chosen = response_model({"age": LINEAR, "histology": GROUP})
    values = {"intercept": INTERCEPT, "age_effect": 0.3, "age_mean": -1.0, "age_spread": 0.8}
    effects, shares = (0.4, -0.9), (0.35, 0.65)
    got = by_patient(chosen, cases, histology_effect=effects, histology_share=shares, **values)
    probability = 0.0
    for effect, share in zip(effects, shares, strict=True):
        alone = by_patient(response_model({"age": LINEAR}), cases, **{**values, "intercept": INTERCEPT + effect})
        probability += share * math.exp(alone[2])
    assert got[2] == pytest.approx(math.log(probability), abs=1e-10)


def test_missing_may_be_dropped_instead_and_is_listed():
    cases = table(age=[30.0, np.nan, 5.0], histology=["IMT", "IMT", None], response=["PR", "PR", "SD"])
    terms = {"age": LINEAR | {"missing": "drop"}, "histology": GROUP | {"missing": "drop"}}
    design = make_design(response_model(terms), cases)
    assert design.patients == ("1",)
    assert dict(design.left_out) == {"2": "no age", "3": "no histology"}


def test_the_six_partners_of_case_14_average(alk):
    chosen = model("objective_response")
    design = make_design(chosen, alk)
    levels = design.terms["partner"].coded.levels
    members = ["TPM3", "MPRIP", "KLC1", "KIF5B", "EML4", "HIP1"]
    assert set(members) < set(levels)
    effect = dict(zip(levels, np.linspace(-2.0, 3.0, len(levels)), strict=True))
    histology = design.terms["histology"].coded.levels
    got = by_patient(
        chosen,
        alk,
        intercept=0.2,
        age_effect=0.1,
        age_mean=0.0,
        age_spread=1.0,
        histology_effect=np.zeros(len(histology)),
        partner_effect=list(effect.values()),
    )
    mean = sum(effect[member] for member in members) / 6
    expected = math.log(logistic(0.2 + mean + 0.1 * (37 - 18) / 10))
    assert got[design.patients.index("14")] == pytest.approx(expected, abs=1e-12)


def test_every_row_of_a_factor_weighs_one(alk):
    design = make_design(model("objective_response"), alk)
    for name in ("histology", "partner"):
        assert design.terms[name].matrix.sum(axis=1) == pytest.approx(1.0, abs=1e-12)


def test_counts_differ_from_patients_by_the_binomial_coefficient_alone():
    chosen = response_model({"histology": GROUP}, COUNTS)
    sizes = {"EIMT": (7, 9), "IMT": (0, 4), "PSC": (3, 3)}
    patients = table(
        histology=[name for name, (_, n) in sizes.items() for _ in range(n)],
        response=[["SD", "PR"][i < events] for events, n in sizes.values() for i in range(n)],
    )
    counts = table(histology=list(sizes), events=[e for e, _ in sizes.values()], n=[n for _, n in sizes.values()])
    ways = sum(math.log(math.comb(n, events)) for events, n in sizes.values())
    for effects in ([0.0, 0.0, 0.0], [1.2, -0.4, 2.0]):
        values = {"intercept": INTERCEPT, "histology_effect": effects}
        assert total(chosen, counts, **values) - ways == pytest.approx(total(chosen, patients, **values), abs=1e-10)


def test_what_counts_and_patients_tell_of_missing_covariates_is_the_same():
    """The distribution of a missing label or number is learnt from patients, not from rows of the table."""
    terms = {
        "histology": GROUP,
        "sex": {"kind": "category"},
        "age": {"kind": "linear", "centre": 18, "scale": 10, "bounds": [0, 110]},
    }
    chosen = response_model(terms, COUNTS)
    rows = [("F", 20.0, 10, 30), ("F", 80.0, 1, 3), ("M", 30.0, 2, 2), (None, 40.0, 1, 1), ("M", None, 0, 1)]
    sexes, ages, events, n = zip(*rows, strict=True)
    counts = table(histology=["A"] * 5, sex=list(sexes), age=list(ages), events=list(events), n=list(n))
    one = [(sex, age, "PR" if i < k else "SD") for sex, age, k, m in rows for i in range(m)]
    patients = table(
        histology=["A"] * len(one),
        sex=[sex for sex, _, _ in one],
        age=[age for _, age, _ in one],
        response=[response for _, _, response in one],
    )
    designs = [make_design(chosen, frame) for frame in (counts, patients)]
    later = [
        design.of_patients(np.arange(len(design.patients)) >= k) for design, k in zip(designs, (1, 30), strict=True)
    ]
    for counted, single in (designs, later):
        for name in ("sex", "age"):
            assert counted.terms[name].recorded == pytest.approx(single.terms[name].recorded)
    assert make_design(chosen, counts).terms["sex"].recorded.tolist() == [33.0, 3.0]


def test_counts_are_binomial():
    chosen = response_model({"histology": GROUP}, COUNTS)
    counts = table(histology=["A", "B", "C"], events=[0, 5, 12], n=[3, 9, 12])
    got = by_patient(chosen, counts, intercept=0.3, histology_effect=[-1.0, 0.0, 2.0])
    p = [logistic(0.3 + u) for u in (-1.0, 0.0, 2.0)]
    assert got == pytest.approx(stats.binom([3, 9, 12], p).logpmf([0, 5, 12]), abs=1e-10)


def test_a_row_of_no_patients_is_left_out():
    chosen = response_model({"histology": GROUP}, COUNTS)
    design = make_design(chosen, table(histology=["A", "B"], events=[0, 2], n=[0, 4]))
    assert dict(design.left_out) == {"1": "no patients"}


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"events": [1, 5], "n": [3, 4]}, ["row 2 (patient 2)", "'events'", "5", "0 to 4"]),
        ({"events": [1, -1], "n": [3, 4]}, ["row 2 (patient 2)", "'events'", "-1", "0 to 4"]),
        ({"events": [1, 0.5], "n": [3, 4]}, ["row 2 (patient 2)", "'events'", "0.5", "0 to 4"]),
        ({"events": [1, np.nan], "n": [3, 4]}, ["row 2 (patient 2)", "'events'", "0 to 4"]),
        ({"events": [1, 1], "n": [3, 2.5]}, ["row 2 (patient 2)", "'n'", "2.5", "whole number"]),
        ({"events": [1, 1], "n": [3, np.nan]}, ["row 2 (patient 2)", "'n'", "whole number"]),
        ({"events": [1, 1]}, ["'n'", "no such column"]),
        ({"events": [1, 1], "n": [3, 4], "response": ["PR", "SD"]}, ["told twice", "remove"]),
        ({"other": [1, 1]}, ["'response'", "no such column"]),
        ({"response": ["PR", "RP"]}, ["row 2 (patient 2)", "'response'", "'RP'", "PD, SD, PR, CR"]),
        ({"response": ["PR", "SD"], "n": [1, 0]}, ["row 2 (patient 2)", "'n'", "0", "whole number from 1"]),
    ],
)  # fmt: skip
def test_impossible_responses_are_refused(columns, said):
    chosen = response_model({}, COUNTS)
    with pytest.raises(CasepoolError) as refusal:
        make_design(chosen, table(**columns))
    assert "\n" not in str(refusal.value)
    for words in said:
        assert words in str(refusal.value)


def test_several_patients_of_a_row_need_not_share_a_missing_value():
    chosen = response_model({"histology": GROUP}, COUNTS)
    with pytest.raises(CasepoolError, match=r"row 2 \(patient 2\), column 'histology'.*several patients"):
        make_design(chosen, table(histology=["A", None], events=[1, 2], n=[2, 4]))


def test_the_target_rate_is_an_offset():
    chosen = response_model({}, RESPONSE | {"target": "rate"})
    cases = table(response=["PR", "SD"], rate=[0.2, 0.6])
    assert np.exp(by_patient(chosen, cases, intercept=0.0)) == pytest.approx([0.2, 0.4], abs=1e-12)
    with pytest.raises(CasepoolError, match=r"row 2 \(patient 2\), column 'rate'.*between 0 and 1"):
        make_design(chosen, cases.assign(rate=[0.2, 1.0]))


def test_reversing_the_meaning_of_success_and_every_sign_changes_nothing():
    chosen, cases, values = crossed()
    flipped = response_model(
        {
            "histology": GROUP,
            "partner": GROUP,
            "sex": {"kind": "category"},
            "age": {"kind": "banded", "cuts": [12, 40], "labels": list(BAND)},
        },
        RESPONSE | {"success": ["PD", "SD"]},
    )
    other = {name: -np.asarray(v) if name.endswith(("effect", "intercept")) else v for name, v in values.items()}
    assert by_patient(flipped, cases, **other) == pytest.approx(by_patient(chosen, cases, **values), abs=1e-10)


def test_wider_definitions_of_success_are_never_less_likely(alk):
    """Disease control holds objective response, and that complete response: patient by patient."""
    events = [
        dict(zip(design.patients, design.outcome["events"], strict=True))
        for design in (
            make_design(model(f"{name}"), alk)
            for name in ("complete_response", "objective_response", "disease_control")
        )
    ]
    assert [sum(e.values()) for e in events] == [sum(alk["best_response"] == "CR"), 26, 29]
    assert all(len(e) == 30 for e in events)
    for complete, objective, control in zip(*(e.values() for e in events), strict=True):
        assert complete <= objective <= control


def test_age_groups_are_those_the_table_records(alk):
    design = make_design(model("objective_response_by_age_group"), alk)
    term = design.terms["age"].coded
    assert term.levels == ("under 18", "18 and over")
    assert term.coefficients == ("18 and over",)
    for group, value in zip(alk["age_group"], term.values, strict=True):
        assert (None if value < 0 else term.levels[value]) == (group if isinstance(group, str) else None)


def test_a_value_at_a_cut_is_in_the_upper_band():
    chosen = response_model({"age": {"kind": "banded", "cuts": [18], "labels": ["under 18", "18 and over"]}})
    design = make_design(chosen, table(age=[17.999, 18.0], response=["PR", "PR"]))
    assert design.terms["age"].matrix.ravel().tolist() == [0.0, 1.0]


def test_patients_without_a_response_are_left_out_with_the_reason(alk):
    assert dict(make_design(model("objective_response"), alk).left_out) == dict.fromkeys(
        ["5", "10", "12"], "no best_response"
    )


def test_a_coded_response_of_several_patients_is_that_of_each():
    chosen = response_model({}, RESPONSE | {"n": "n"})
    counted = table(response=["PR", "SD"], n=[3, 2])
    spread = table(response=["PR", "PR", "PR", "SD", "SD"], n=[1] * 5)
    assert total(chosen, counted, intercept=0.7) == pytest.approx(total(chosen, spread, intercept=0.7), abs=1e-12)
