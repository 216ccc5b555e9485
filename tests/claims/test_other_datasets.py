"""The two tables of counts: transcribed right, codings said, and fit for the models that fit their columns."""

from dataclasses import replace

import pytest

from casepool.cases import load
from casepool.cases.recoding import recoded
from casepool.frequentist.answers import classical
from casepool.modelling import make_design, model

SARCOMA = {
    "Angiosarcoma": (2, 15), "Ewing sarcoma": (0, 13), "Fibrosarcoma": (1, 12), "Leiomyosarcoma": (6, 28),
    "Liposarcoma": (7, 29), "MFH": (3, 29), "Osteosarcoma": (5, 26), "MPNST": (1, 5), "Rhabdomyosarcoma": (0, 2),
    "Synovial sarcoma": (3, 20),
}  # fmt: skip
TRIALS = {"CREATE": (6, 12), "ADVL0912": (12, 14), "A8081013": (5, 7)}


def only(term):
    asked = model("objective_response")
    kept = {"histology": asked.terms["histology"]}
    return replace(asked, terms={term: replace(kept["histology"], name=term, column=term)})


@pytest.mark.parametrize(
    ("name", "by", "counts"), [("sarcoma_imatinib", "histology", SARCOMA), ("alk_imt_trials", "trial", TRIALS)]
)
def test_the_counts_reach_the_answers(name, by, counts):
    table = classical(only(by), name, by=by)
    exact = table[table["method"] == "Clopper-Pearson"].set_index("level")
    assert {level: (row["events"], row["n"]) for level, row in exact.iterrows()} == counts
    assert exact["estimand"].str.contains("events").all()
    assert make_design(only(by), load(name)).outcome["n"].sum() == sum(n for _, n in counts.values())


def test_create_has_two_readings():
    frame, _ = recoded(load("alk_imt_trials"), "create", "update_2021")
    assert frame.set_index("trial").loc["CREATE", ["events", "n", "year"]].tolist() == [8, 12, 2021]
    assert frame["events"].sum() - load("alk_imt_trials")["events"].sum() == 2


def test_the_abstract_of_the_sarcoma_trial_has_larger_denominators():
    frame, _ = recoded(load("sarcoma_imatinib"), "denominator", "abstract")
    assert frame["n"].sum() == 189
    assert frame["events"].sum() == 28
