"""A journal holds what was found, not how it was said: it is read in the words of today, of whatever table it is."""

import importlib
import json
from pathlib import Path

import pandas as pd
import pytest
import xarray as xr

import casepool as cp
from casepool import remarks
from casepool.cases import Codebook, Column
from casepool.remarks import NONE, Count, Patients, note_of, plain_remarks, read_remarks, remark
from casepool.studies.journal import line_of, read_journal
from tests.small import half_normal, normal, response_model
from tests.test_remarks import reworded

FEW = {"draws": 200, "chains": 2, "engine": "lockstep", "progress": False}
WORLDS = importlib.import_module("casepool.studies.worlds")


def cases(*, public: bool) -> pd.DataFrame:
    sites = Column("set", separator=";", levels=("limb", "trunk"))
    book = Codebook(columns={"response": Column("ordered", levels=("no", "yes")), "site": sites}, public=public)
    site = ["limb;trunk", *["limb", "trunk"] * 5, None]
    frame = {"patient": [f"Smith-{i}" for i in range(12)], "response": ["yes", "yes", "no"] * 4, "site": site}
    return cp.read_cases(pd.DataFrame(frame), book)


MODEL = response_model(
    {"site": {"kind": "group", "column": "site"}}, {"intercept": normal(1.5), "site_sd": half_normal(1.0)}
)


@pytest.fixture(scope="module", params=[True, False], ids=["public", "private"])
def fit(request: pytest.FixtureRequest) -> xr.DataTree:
    return cp.fit(MODEL, cases(public=request.param), seed=1, **FEW)


@pytest.fixture(scope="module")
def journal(fit: xr.DataTree, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("journal") / "journal"
    asked(fit, path)
    return path


def asked(fit: xr.DataTree, journal: Path | None, *, progress: bool = False) -> pd.DataFrame:
    return cp.variants(fit, "site", estimand="estimates", journal=journal, progress=progress)


def no_fit(*args: object, **kwargs: object) -> None:
    raise AssertionError("drawn anew")


def test_its_answers_are_read_in_the_words_of_today(
    fit: xr.DataTree, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WORLDS, "fit_by", no_fit)
    before = asked(fit, journal)
    monkeypatch.setattr(remarks, "WORDS", reworded())
    now = asked(fit, journal)
    assert before["note"].str.contains("count in each").all()
    assert now["note"].str.contains("«").all()
    assert not now["note"].str.contains("count in each").any()
    pd.testing.assert_frame_equal(now.drop(columns="note"), before.drop(columns="note"))


def test_it_says_what_an_answer_without_a_journal_says(fit: xr.DataTree, journal: Path) -> None:
    pd.testing.assert_frame_equal(asked(fit, journal), asked(fit, None))


def test_it_holds_no_words_and_of_a_private_table_no_identifier(fit: xr.DataTree, journal: Path) -> None:
    text = journal.read_text(encoding="utf-8")
    public = cp.estimates(fit).attrs.get("public", True)
    assert "count in each" not in text
    assert "in several levels" in text
    assert ("Smith" in text) == public
    lines = [json.loads(line) for line in text.splitlines() if line]
    assert {line.get("public", True) for line in lines} == {public}
    assert asked(fit, journal)["note"].str.contains("†").any() != public


def test_an_older_one_of_sentences_is_asked_anew_and_that_is_said(
    fit: xr.DataTree, journal: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    known, _ = read_journal(journal)
    old = tmp_path / "old"
    lines = [line_of(key, [row | {"note": "as it was said"} for row in rows]) for key, rows in known.items()]
    old.write_bytes(b"\n".join(lines))
    table = asked(fit, old, progress=True)
    assert capsys.readouterr().err.count(f"{old}: {len(known)} answers of an earlier form are not used") == 1
    pd.testing.assert_frame_equal(table, asked(fit, journal))
    pd.testing.assert_frame_equal(asked(fit, old), table)


@pytest.mark.parametrize(
    "wrong", [None, 7, "text", [["nonsense", {}]], [["at risk", {}]], [["at risk", {"n": {}}]], [1]]
)
def test_what_are_no_remarks_of_today_is_no_answer(wrong: object) -> None:
    with pytest.raises(ValueError, match="no remarks"):
        read_remarks(wrong)
    assert WORLDS._read([dict.fromkeys(WORLDS.COLUMNS, "") | {"note": wrong}]) is None


@pytest.mark.parametrize("public", [True, False])
@pytest.mark.parametrize(
    "slot",
    [
        3, 0.25, "a; b", float("nan"), Count(2, "relapse"), Count(0), Count(float("nan")), Patients(("p7", "p9")),
        remark("left out for", n=Count(1, "patient"), reason="no sex") + remark("at risk", n=2), NONE,
    ],
)  # fmt: skip
def test_remarks_come_back_from_json_saying_the_same(slot: object, public: bool) -> None:
    said = remark("incomplete", parts=slot) + remark("no patient")
    back = read_remarks(json.loads(json.dumps(plain_remarks(said, public=public))))
    assert note_of(back, public=public) == note_of(said, public=public)
