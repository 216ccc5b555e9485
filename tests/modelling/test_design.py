"""Laws of a design: what the table's order, labels and types may not change."""

import numpy as np
import pandas as pd
import pytest

from casepool._resources import bundled
from casepool.cases import codebook_of, read_cases
from casepool.errors import CasepoolError
from casepool.modelling import list_models, make_design, model, model_from_dict
from casepool.modelling.design.likelihood import data_of, linear_predictor
from casepool.modelling.design.touched import touched
from casepool.modelling.families.arrays import NUMPY
from casepool.remarks import note_of

from ..small import normal, survival_model
from .small import assert_same_design, by_patient, parameters, response_model, table

CSV = bundled("data") / "alk_crizotinib" / "cases.csv"
OF_CASES = [name for name in list_models() if not model(name).outcome.table]
"""Models whose rows are those of the cases, so that a row keeps its name wherever it stands."""


def any_values(chosen, cases, seed=20210721):
    """Some parameters that fit a model's design, effects as ``{label: value}``."""
    generator = np.random.default_rng(seed)
    design = make_design(chosen, cases)
    values, labelled = {"intercept": 0.4} | ({"selection_effect": 0.7} if chosen.selection else {}), {}
    for name, term in design.terms.items():
        coded = term.coded
        if coded.levels:
            labels = coded.levels if coded.term.kind == "group" else coded.coefficients
            labelled[f"{name}_effect"] = dict(zip(labels, generator.normal(size=len(labels)), strict=True))
            shares = generator.dirichlet(np.ones(len(coded.levels)))
            labelled[f"{name}_share"] = dict(zip(coded.levels, shares, strict=True))
        else:
            values |= {f"{name}_effect": 0.3, f"{name}_mean": -0.5, f"{name}_spread": 0.9}
    if design.model.is_ordinal:
        values |= {"first_cutpoint": -1.2, "cutpoint_gap": [1.4, 0.6]}
    if design.model.outcome.time:
        values |= {"intercept": -3.5, "shape": 0.8, "surgery_effect": -0.6, "surgery_log_intensity": -3.4}
    return values, labelled


def evaluate(chosen, cases, values, labelled, rename=lambda name, label: label):
    """Log-likelihood by patient, the labelled values put into the order of this table's levels."""
    design = make_design(chosen, cases)
    placed = dict(values)
    for key, of in labelled.items():
        coded = design.terms[key.rpartition("_")[0]].coded
        labels = coded.levels if key.endswith("_share") or coded.term.kind == "group" else coded.coefficients
        renamed = {rename(key.rpartition("_")[0], label): value for label, value in of.items()}
        placed[key] = [renamed[label] for label in labels]
    return dict(zip(design.patients, by_patient(chosen, cases, **placed), strict=True))


@pytest.mark.parametrize("name", list_models())
def test_the_order_of_patients_changes_nothing(alk, name):
    chosen = model(name)
    values, labelled = any_values(chosen, alk)
    first = evaluate(chosen, alk, values, labelled)
    for seed in (1, 2):
        shuffled = alk.sample(frac=1, random_state=seed)
        again = evaluate(chosen, shuffled, values, labelled)
        assert sum(again.values()) == pytest.approx(sum(first.values()), abs=1e-9)
        assert name not in OF_CASES or again == pytest.approx(first, abs=1e-12)


@pytest.mark.parametrize("name", ["objective_response", "complete_response", "disease_control"])
def test_the_names_of_levels_change_nothing(alk, name):
    chosen = model(name)
    values, labelled = any_values(chosen, alk)

    def renamed(term, label):
        return label[::-1] if term in ("histology", "partner") else label

    other = alk.copy()
    other["histology"] = [renamed("histology", label) for label in alk["histology"]]
    other["partner"] = [";".join(renamed("partner", m) for m in cell.split(";")) for cell in alk["partner"]]
    first = evaluate(chosen, alk, values, labelled)
    assert evaluate(chosen, other, values, labelled, renamed) == pytest.approx(first, abs=1e-12)


@pytest.mark.parametrize("name", OF_CASES)
def test_guessed_types_give_the_design_of_the_codebook(alk, name):
    chosen = model(name)
    with_codebook = make_design(chosen, alk)
    assert_same_design(with_codebook, make_design(chosen, read_cases(CSV)))
    assert_same_design(with_codebook, make_design(chosen, pd.read_csv(CSV)))
    assert_same_design(with_codebook, make_design(chosen, pd.read_csv(CSV, dtype=str, keep_default_na=False)))


@pytest.mark.parametrize("name", list_models())
def test_unused_columns_may_be_dropped(alk, name):
    chosen = model(name)
    read = {*chosen.columns()}
    if chosen.outcome.table:
        beside = codebook_of(alk).tables[chosen.outcome.table]
        read |= {beside.unit, *beside.lists.values(), *beside.carry, "stopped_because"}
    used = alk[["patient", *(column for column in alk.columns if column in read - {"patient"})]]
    assert_same_design(make_design(chosen, alk), make_design(chosen, used))


@pytest.mark.parametrize("name", list_models())
def test_making_a_design_leaves_the_table_alone(alk, name):
    before = alk.copy(deep=True)
    make_design(model(name), alk)
    pd.testing.assert_frame_equal(alk, before)
    assert alk.attrs == before.attrs
    if name not in OF_CASES:
        return
    bare = pd.read_csv(CSV)
    before = bare.copy(deep=True)
    make_design(model(name), bare)
    pd.testing.assert_frame_equal(bare, before)
    assert bare.attrs == {}


def test_draws_lead_in_every_model(alk):
    """The likelihood of several draws at once is that of each."""
    for name in list_models():
        chosen = model(name)
        values, labelled = any_values(chosen, alk)
        draws = {key: np.stack([np.asarray(v), np.asarray(v) * 1.1]) for key, v in values.items()}
        draws |= {key: np.stack([list(of.values()), list(of.values())]) for key, of in labelled.items()}
        together = by_patient(chosen, alk, **draws)
        for i in range(2):
            alone = by_patient(chosen, alk, **{key: v[i] for key, v in draws.items()})
            np.testing.assert_allclose(together[i], alone, rtol=0, atol=1e-12)


def test_setting_everybody_to_a_level_moves_the_predictor_by_that_level_alone():
    chosen = response_model({"histology": {"kind": "group"}})
    design = make_design(chosen, table(histology=["A", "B", None], response=["PR", "SD", "PR"]))
    values = parameters(intercept=0.5, histology_effect=[1.0, -2.0], histology_share=[0.5, 0.5])
    for level, effect in (("A", 1.0), ("B", -2.0)):
        eta = linear_predictor(data_of(design.at_level("histology", level)), values, NUMPY)
        assert eta == pytest.approx(0.5 + effect, abs=1e-12)
    assert design.terms["histology"].matrix.sum() == 4


def test_too_many_combinations_are_refused():
    names = [f"f{i}" for i in range(6)]
    chosen = response_model({name: {"kind": "group"} for name in names})
    levels = {name: [None, *(f"l{i}" for i in range(10))] for name in names}
    with pytest.raises(CasepoolError, match=r'patient 1.*missing = "drop"'):
        make_design(chosen, table(response=["PR"] * 11, **levels))


@pytest.mark.parametrize(
    ("terms", "columns", "said"),
    [
        ({"age": {"kind": "linear"}}, {"age": ["a", "b"]}, ["'age'", "numbers"]),
        ({"age": {"kind": "linear"}}, {"age": [3.0, np.nan]}, ["row 2 (patient 2)", "'age'", "bounds"]),
        ({"age": {"kind": "linear", "bounds": [0, 110]}}, {"age": [3.0, -5.0]}, ["row 2 (patient 2)", "'age'", "-5"]),
        ({"age": {"kind": "linear"}}, {"ages": [3.0, 4.0]}, ["'age'", "did you mean 'ages'"]),
        ({"sex": {"kind": "group"}}, {"sex": [1.5, 2.5]}, ["'sex'", "labels"]),
        ({"sex": {"kind": "category", "reference": "X"}}, {"sex": ["F", "M"]}, ["'sex'", "'X'", "F, M"]),
        ({"sex": {"kind": "category"}}, {"sex": [None, None]}, ["'sex'", "empty"]),
    ],
)  # fmt: skip
def test_a_column_that_cannot_be_the_term_is_refused(terms, columns, said):
    with pytest.raises(CasepoolError) as refusal:
        make_design(response_model(terms), table(response=["PR", "SD"], **columns))
    assert "\n" not in str(refusal.value)
    for words in said:
        assert words in str(refusal.value)


def test_a_table_without_anybody_evaluable_is_refused():
    with pytest.raises(CasepoolError, match="no patient has what the model 'small' needs"):
        make_design(response_model({}), table(response=[None, None]))


def test_patients_touched_by_a_choice_are_counted_kept_or_left_out():
    cases = table(age=[30.0, None, 5.0, None], histology=["A", "B", None, "A"], response=["PR", "SD", "PR", None])
    terms = {"age": {"kind": "linear", "bounds": [0, 110]}, "histology": {"kind": "group"}}
    kept = note_of(touched(make_design(response_model(terms), cases)))
    assert kept == (
        "1 patient without age (integrated over its distribution), 1 patient without histology (summed over its "
        "levels); left out: 1 patient (no response)"
    )
    terms["age"]["missing"] = "drop"
    complete = note_of(touched(make_design(response_model(terms), cases)))
    assert complete == (
        "1 patient without histology (summed over its levels); left out: 1 patient (no age), 1 patient (no response)"
    )
    assert not touched(make_design(response_model(terms), cases.iloc[:1]))


def test_patients_of_a_table_of_counts_are_counted_not_its_rows() -> None:
    counts = pd.DataFrame(
        {"patient": list("abcd"), "sex": ["f", None, "m", "m"], "events": [1, 20, 0, 3], "n": [4, 50, 0, 9]}
    )
    terms = {"sex": {"kind": "category", "missing": "drop"}}
    design = make_design(response_model(terms, {"events": "events", "n": "n"}), counts)
    assert note_of(touched(design)) == "left out: 50 patients (no sex), 1 row (no patients)"


@pytest.mark.parametrize("cells", [["F", "F", "F"], ["F", None, "F"]])
def test_a_category_of_one_level_adds_nothing_and_says_so(cells):
    cases = table(sex=cells, response=["PR", "PD", "SD"])
    chosen = response_model({"sex": {"kind": "category", "reference": "M"}})
    design = make_design(chosen, cases)
    assert [own.name for own in design.parameters] == ["intercept"]
    values = {"intercept": 0.4}
    np.testing.assert_array_equal(by_patient(chosen, cases, **values), by_patient(response_model({}), cases, **values))
    assert note_of(touched(design)) == "all patients have sex 'F': the term adds nothing"


@pytest.mark.parametrize(
    ("as_", "surgery", "said"),
    [
        ("time_varying", [False, False], "all patients of the fit are 'without surgery'"),
        ("time_varying", [True, True], "surgery is told from their own time before it alone"),
        ("baseline", [True, True], "what is said of surgery is the prior's alone"),
        ("baseline", [True, False], ""),
    ],
)
def test_an_exposure_that_nobody_or_everybody_has_is_pointed_out(as_, surgery, said):
    cases = table(time=[5.0, 9.0], event=[True, False], surgery=surgery)
    priors = {"intercept": normal(1.0), "surgery_effect": normal(1.0)}
    chosen = survival_model(priors, exposure={"as": as_, "dating": "uniform"})
    note = note_of(touched(make_design(chosen, cases)))
    assert said in note
    assert bool(said) == bool(note)


def test_events_without_numbers_of_patients_are_of_one_patient_each():
    plain = {"family": "bernoulli", "outcome": {"events": "events"}, "priors": {"intercept": normal(1)}}
    cases = pd.DataFrame({"patient": list("abcd"), "events": [1, 0, 1, 1]})
    design = make_design(model_from_dict(plain, name="plain"), cases)
    assert design.outcome["n"].tolist() == [1, 1, 1, 1]
    assert design.outcome["events"].tolist() == [1, 0, 1, 1]
    assert "one patient a row" in str(design.model.outcome)
    with pytest.raises(CasepoolError, match="not a number of events among 1 patients"):
        make_design(design.model, cases.assign(events=[2, 0, 1, 1]))
