"""Codes of an outcome: read as the model means them, or refused with what the model lacks."""

import tomllib

import numpy as np
import pandas as pd
import pytest

import casepool as cp
from casepool.cases import codebook_of
from casepool.errors import CasepoolError
from casepool.modelling import make_design
from tests.small import normal, response_model, survival_model

TIME = [3.0, 5.0, 8.0, 9.0]


def design(codes, name="event", **outcome):
    frame = pd.DataFrame({"time": TIME, name: codes})
    return make_design(survival_model({"intercept": normal(1)}, outcome={"event": name, **outcome}), frame)


@pytest.mark.parametrize(
    ("codes", "events"),
    [
        (["dead", "alive", "alive", "dead"], [1, 0, 0, 1]),
        (["1:DECEASED", "0:LIVING", "0:LIVING", "0:LIVING"], [1, 0, 0, 0]),
        ([1, 2, 2, 1], [0, 1, 1, 0]),
        (["DOD", "NED", "AWD", "DOC"], [1, 0, 0, 1]),
    ],
)
def test_an_event_in_codes_is_refused_with_the_keys_that_read_it(codes, events):
    with pytest.raises(CasepoolError, match="in codes") as refused:
        design(codes)
    assert "correct the cell" not in str(refused.value)
    keys = refused.value.remedy.removeprefix("add ").partition(" to [outcome]")[0].replace(" and ", "\n")
    np.testing.assert_array_equal(design(codes, **tomllib.loads(keys)).outcome["event"], events)


@pytest.mark.parametrize("codes", [[True, False, True, None], [1, 0, 1, 0], ["yes", "no", "no", "yes"]])
def test_truths_are_no_codes(codes):
    assert design(codes).outcome["event"][:2].tolist() == [1, 0]


def test_a_single_wrong_cell_is_named_with_its_row():
    with pytest.raises(CasepoolError, match=r"row 4.*expected true or false"):
        design(["yes", "no", "no", "perhaps"])


@pytest.mark.parametrize("name", ["cnsr", "CNSR", "os_censored", "censored"])
def test_an_indicator_of_censoring_is_no_event(name):
    """Unless the codes of the event are told, or the codebook says that it is the event."""
    with pytest.raises(CasepoolError, match="named after censoring"):
        design([1, 0, 0, 1], name)
    told = design([1, 0, 0, 1], name, levels=["0", "1"], event_levels=["0"])
    assert told.outcome["event"].tolist() == [0, 1, 1, 0]
    frame = pd.DataFrame({"time": TIME, name: [1, 0, 0, 1]})
    book = {"time": cp.cases.Column("number"), name: cp.cases.Column("boolean", role="event")}
    read = cp.read_cases(frame, cp.cases.Codebook(columns=book))
    assert make_design(survival_model({"intercept": normal(1)}, outcome={"event": name}), read).outcome["event"][0] == 1


@pytest.mark.parametrize("levels", [["no", "yes"], ["N", "Y"], ["0", "1"], ["false", "true"]])
def test_answers_guessed_true_or_false_are_the_codes_of_the_model(levels):
    """A column of yes and no is guessed to be true or false, and the model may call these as it will."""
    frame = pd.DataFrame({"patient": list("abcd"), "response": ["yes", "no", "yes", "no"]})
    model = response_model({}, {"intercept": normal(1)}, levels=levels, success=levels[1:])
    assert codebook_of(cp.read_cases(frame)).columns["response"].type == "boolean"
    assert make_design(model, frame).outcome["events"].tolist() == [1, 0, 1, 0]
