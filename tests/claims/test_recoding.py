from dataclasses import replace

import pytest

from casepool.cases import codebook_of, list_datasets, load
from casepool.cases.recoding import recoded
from casepool.errors import CasepoolError


def without_roles(frame):
    """The codebook but for what its columns are to the rules: a column that is overwritten loses its role."""
    book = codebook_of(frame)
    columns = {name: replace(column, role="", exposure="", counts=()) for name, column in book.columns.items()}
    return replace(book, columns=columns)


@pytest.mark.parametrize("name", list_datasets())
def test_every_declared_coding_can_be_applied_and_changes_something(name):
    cases = load(name)
    for decision, choices in codebook_of(cases).codings.items():
        for choice in choices:
            frame, dropped = recoded(cases, decision, choice)
            told = codebook_of(frame).linked != codebook_of(cases).linked
            assert dropped or told or not frame.equals(cases), (decision, choice)
            assert replace(without_roles(frame), linked={}) == replace(without_roles(cases), linked={})
            assert frame.dtypes.equals(cases.dtypes)


def test_a_column_can_be_read_instead_of_another():
    frame, dropped = recoded(load("alk_crizotinib"), "surgery", "any_text")
    assert frame["surgery_any"].equals(frame["surgery_any_text"].rename("surgery_any"))
    assert dropped == ()


def test_cells_can_be_overwritten_and_patients_dropped():
    cases = load("alk_crizotinib")
    frame, _ = recoded(cases, "case_5", "responder")
    assert frame.loc[4, "best_response"] == "PR"
    frame, dropped = recoded(cases, "adjuvant", "left_out")
    assert dropped == ("10", "12")
    assert len(frame) == 33


def test_the_recorded_choice_changes_nothing():
    cases = load("alk_crizotinib")
    frame, dropped = recoded(cases, "surgery", "as_recorded")
    assert frame.equals(cases)
    assert dropped == ()


@pytest.mark.parametrize(
    ("decision", "choice", "said"),
    [("surgry", "any", "no such decision"), ("surgery", "whatever", "no such choice of 'surgery'")],
)
def test_what_the_codebook_does_not_declare_is_refused(decision, choice, said):
    with pytest.raises(CasepoolError, match=said):
        recoded(load("alk_crizotinib"), decision, choice)


def with_coding(coding):
    cases = load("alk_imt_trials")
    cases.attrs["codebook"]["codings"] = {"a": {"b": coding}}
    return cases


@pytest.mark.parametrize(
    ("coding", "said"),
    [
        ({"drop": ["CREATED"]}, "not in the table"),
        ({"set": [{"trial": "CREATE", "evnts": 8}]}, "no such column"),
        ({"set": [{"events": 8}]}, "identifier of a patient"),
        ({"use": {"events": "response"}}, "no such column"),
        ({"put": []}, "unknown key"),
        ({"set": [{"trial": "CREATE", "events": -8}]}, "from 0 to 1000"),
    ],
)
def test_a_coding_that_does_not_fit_the_table_is_refused(coding, said):
    with pytest.raises(CasepoolError, match=said):
        recoded(with_coding(coding), "a", "b")
