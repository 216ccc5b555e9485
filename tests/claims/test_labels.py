"""What a reader calls claims, questions, decisions and choices: read, refused where it is none, kept on the way."""

import pytest

import casepool as cp
from casepool._resources import bundled
from casepool.cases import codebook_of
from casepool.cases.codebook import codebook_from_dict
from casepool.claims.files import read_claims
from casepool.studies.replacement import read_replacements

CLAIM = '[[claim]]\nid = "a"\nwhere = "Abstract"\nprinted = "1"\nconvention = "count"\nstatistic = "count"\n'
FOLDER = bundled("data") / "alk_crizotinib"


def test_every_bundled_claim_question_and_choice_has_a_label_a_reader_can_say() -> None:
    claims, questions = read_claims(FOLDER), read_replacements(FOLDER)
    labels = [one.label for one in (*claims, *questions)]
    for name in cp.list_datasets():
        table = cp.codings(name)
        labels += [*table["decision_label"], *table.loc[table["choice"] != "as_recorded", "label"]]
    assert all(label and "_" not in label for label in labels)
    assert len({claim.label for claim in claims}) == len(claims)
    assert all(len(question.label.split()) <= 6 for question in questions)
    names = {*codebook_of(cp.load("alk_crizotinib")).columns, *cp.list_models()}
    assert not [label for label in labels if any(name in label.split() for name in names if "_" in name)]


def test_the_label_of_a_decision_is_no_choice_and_comes_back() -> None:
    book = codebook_of(cp.load("alk_crizotinib"))
    assert "label" not in book.codings["surgery"]
    assert book.decisions["surgery"] == "Who counts as operated"
    assert codebook_from_dict(book.to_dict()) == book
    kept = cp.codings(cp.recode(cp.load("alk_crizotinib"), surgery="any_text"))
    assert kept.equals(cp.codings("alk_crizotinib"))


def test_a_choice_may_be_called_label() -> None:
    book = codebook_from_dict({"codings": {"who": {"label": {"why": "a reason", "drop": [1]}}}})
    assert list(book.codings["who"]) == ["label"]
    assert not book.decisions


@pytest.mark.parametrize("label", ["", "  ", 5, ["a"]])
@pytest.mark.parametrize("place", ["decision", "choice"])
def test_a_label_that_is_no_text_is_refused_by_its_key(label: object, place: str) -> None:
    choices = {"label": label} if place == "decision" else {"all": {"label": label}}
    key = f"codings.who{'.all' * (place == 'choice')}.label"
    with pytest.raises(cp.CasepoolError, match=f"{key}.*must be text that is not empty"):
        codebook_from_dict({"codings": {"who": choices}})


@pytest.mark.parametrize("label", ['""', "5"])
def test_a_claim_whose_label_is_no_text_is_refused_by_its_row(tmp_path, label: str) -> None:
    (tmp_path / "published.toml").write_text(f"{CLAIM}label = {label}\n")
    with pytest.raises(cp.CasepoolError, match=r"claim 'a'.*label.*must be text that is not empty"):
        read_claims(tmp_path)
