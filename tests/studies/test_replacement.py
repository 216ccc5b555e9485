"""Printed, recomputed and Bayesian answers stand side by side, and bad entries are refused."""

import shutil

import pytest

import casepool as cp
from casepool._resources import bundled
from casepool.studies.replacement import pick, read_replacements


@pytest.fixture(scope="module")
def table():
    return cp.replacement("alk_crizotinib", seed=1, progress=False).set_index("question")


def test_every_question_has_all_three_answers(table) -> None:
    assert len(table) == 8
    assert (table["printed"].str.len() > 0).all()
    assert (table["recomputed"].str.len() > 0).all()
    assert ((table["lower"] < table["estimate"]) & (table["estimate"] < table["upper"])).all()
    assert (table["verdict"] == "pass").all()
    assert table["sentence"].str.contains("95% CrI").all()


def test_the_headline_rows(table) -> None:
    age = table.filter(like="children", axis=0).iloc[0]
    assert age["printed"] == "0.809"
    assert age["recomputed"] == "Fisher-Freeman-Halton: P 0.809"
    assert "neither show nor exclude" in age["sentence"]
    assert age["sentence"].startswith("Cumulative odds ratio")
    assert "27 patients with 23 events" in age["sentence"]
    like_for_like = table.filter(like="like for like", axis=0).iloc[0]
    assert like_for_like["recomputed"].endswith("P 1")
    assert like_for_like["lower"] < 1 < like_for_like["upper"]
    free = table.filter(like="freedom from disease", axis=0).iloc[0]
    assert free["lower"] > 1
    live = table.filter(like="live longer", axis=0).iloc[0]
    assert live["estimand"] == "hazard ratio"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('claims = ["table2_p"]', 'claims = ["table9_p"]', "no such claim"),
        ('model = "disease_control"', 'model = "disease_contrl"', "did you mean 'disease_control'"),
        ('raw = { method = "Clopper-Pearson" }', "raw = { colour = 1 }", "unknown key 'colour'"),
        ('question = "How many respond to crizotinib?"', 'question = ""', "the value is missing"),
        ('kind = "ratio", at = ""', 'kind = "ratio", at = []', "must be a number or text"),
        ("last = true", "last = 1", "true or false"),
        ('answer = { table = "estimates" }', 'answer = { table = "estimates", level = 7 }', "must be text"),
    ],
)
def test_bad_entries_are_refused_with_their_place(tmp_path, old: str, new: str, said: str) -> None:
    folder = shutil.copytree(bundled("data") / "alk_crizotinib", tmp_path / "copy")
    text = (folder / "published.toml").read_text()
    assert old in text
    (folder / "published.toml").write_text(text.replace(old, new, 1))
    with pytest.raises(cp.CasepoolError, match=said):
        read_replacements(folder)


def test_rows_are_picked_by_typed_columns_alone() -> None:
    """So that no wording of an estimand decides which number answers the bundled paper's questions."""
    for entry in read_replacements(bundled("data") / "alk_crizotinib"):
        assert "estimand" not in {*entry.raw, *entry.answer}


def test_of_several_rows_the_first_is_picked_or_the_last() -> None:
    """A comparison's risk ratio comes first and the odds ratio of the model last; words may be asked for too."""
    entry = read_replacements(bundled("data") / "alk_crizotinib")[4]
    table = cp.contrast(cp.fit(entry.model, "alk_crizotinib", seed=1, progress=False), entry.by)
    ratio = {"table": "contrast", "kind": "ratio"}
    assert pick(table, ratio, entry)["estimand"] == "risk ratio"
    assert pick(table, ratio | {"last": True}, entry)["estimand"] == "odds ratio"
    assert pick(table, {"estimand": "odds"}, entry)["estimand"] == "odds ratio"
    with pytest.raises(cp.CasepoolError, match="no row of the answers"):
        pick(table, ratio | {"unit": "months"}, entry)
