"""A design of some of its patients: the same graph, the likelihood of those patients, what they record."""

import numpy as np
import pandas as pd
import pytest

from casepool.inference.graph import input_values, structure_key
from casepool.inference.predictive import prior_draws
from casepool.modelling import make_design
from casepool.modelling.design.likelihood import data_of, log_likelihood
from casepool.modelling.families.arrays import NUMPY
from tests.small import half_normal, normal, response_model, survival_model

TABLE = pd.DataFrame(
    {
        "patient": list("abcdefg"),
        "events": [1, 0, 1, 1, 0, 1, 0],
        "n": 1,
        "kind": ["A", "B", None, "C", "A", "B", "C"],
        "age": [10.0, None, 30.0, 44.0, 5.0, 61.0, 18.0],
    }
)


def two_terms():
    terms = {"kind": {"kind": "group"}, "age": {"kind": "linear", "centre": 18, "scale": 10, "bounds": [0, 110]}}
    return response_model(terms, {"intercept": normal(1.5), "kind_sd": half_normal(1), "age_effect": normal(0.5)})


def exposed():
    priors = {"intercept": normal(1, -3), "surgery_effect": normal(1), "surgery_log_intensity": normal(1, -3)}
    return survival_model(priors, exposure={"earliest": "first", "latest": "last"})


FOLLOWED = pd.DataFrame(
    {
        "patient": list("abcde"),
        "time": [10.0, 20.0, 30.0, 40.0, 5.0],
        "event": [False, True, False, True, True],
        "surgery": [True, True, True, False, False],
        "first": [2.0, 4.0, 0.0, None, None],
        "last": [2.0, 16.0, 30.0, None, None],
    }
)


@pytest.mark.parametrize(("model", "table"), [(two_terms, TABLE), (exposed, FOLLOWED)])
def test_the_likelihood_is_that_of_the_patients_kept(model, table: pd.DataFrame) -> None:
    whole = make_design(model(), table)
    drawn = prior_draws(whole, np.random.default_rng(1), (1, 6))
    full = log_likelihood(data_of(whole), drawn, NUMPY)
    rng = np.random.default_rng(2)
    for _ in range(8):
        kept = rng.random(len(table)) < 0.6
        if not kept.any():
            continue
        some = whole.of_patients(kept)
        assert log_likelihood(data_of(some), drawn, NUMPY) == pytest.approx(full[..., kept], abs=1e-12)
        assert some.patients == tuple(table["patient"][kept])
        assert some.parameters == whole.parameters


def test_it_is_the_design_of_a_table_without_the_others_outcomes() -> None:
    kept = np.array([True, False, True, True, True, False, True])
    blank = TABLE.assign(events=TABLE["events"].where(kept, 0), n=kept.astype(int))
    some, other = make_design(two_terms(), TABLE).of_patients(kept), make_design(two_terms(), blank)
    for name, values in input_values(other).items():
        if name in ("age_recorded", "kind_recorded"):
            assert sorted(input_values(some)[name]) == pytest.approx(sorted(values), abs=1e-12)
        elif name not in ("rows_data", "log_weight_data") and "node" not in name:
            assert input_values(some)[name].shape[1:] == values.shape[1:]
    assert input_values(some)["kind_recorded"].tolist() == input_values(other)["kind_recorded"].tolist()


def test_the_graph_stays_even_without_the_patients_whose_values_are_missing() -> None:
    whole = make_design(two_terms(), TABLE)
    one_left = np.array([True, False, True, True, True, True, True])  # a label is still missing, no age is
    assert structure_key(whole.of_patients(one_left)) == structure_key(whole)
    complete = whole.of_patients(np.array([True, False, False, True, True, True, True]))
    assert complete.parameters == whole.parameters
