"""What `check` says of how often an engine accepts wrong draws: by engine, from the record that ships."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import tomli_w

import casepool as cp
from casepool.checking import verdicts
from casepool.inference import evidence
from casepool.inference.convergence import NOT_ASKED
from tests.inference.toys import MODEL, TABLE

GOOD, POOR = {"accepted": 1234, "false": 0, "upper": 0.0024}, {"accepted": 700, "false": 3, "upper": 0.0111}
SHORT = {"accepted": 100, "false": 0, "upper": 0.0295}
RECORD = {
    "date": "2026-11-28", "version": "0.2.0", "commit": "abc1234", "draw_seed": 7, "level": 0.95, "structure": {},
    "all": GOOD, "engine": {"exact": GOOD, "lockstep": POOR},
}  # fmt: skip


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Write a record, or none, to where `check` reads it, and return what it then says of a fit."""
    path = tmp_path / "false_accepts.toml"
    monkeypatch.setattr(verdicts, "false_accepts", partial(evidence.false_accepts, path))
    fits = {engine: cp.fit(MODEL, TABLE, engine=engine, seed=1, progress=False) for engine in ("exact", "lockstep")}

    def of(engine: str, record: dict | None):
        path.unlink(missing_ok=True)
        if record is not None:
            path.write_text(tomli_w.dumps(record), encoding="utf-8")
        return cp.check(fits[engine], progress=False).set_index("question").loc["false accepts"]

    return of


def test_an_engine_is_judged_by_its_own_count_where_that_found_it_wrong_and_else_by_the_whole(asked) -> None:
    record = RECORD | {"fingerprint": evidence.fingerprint()}
    exact, lockstep = asked("exact", record | {"engine": {"exact": SHORT}}), asked("lockstep", record)
    assert (exact["verdict"], exact["value"]) == ("pass", GOOD["upper"])
    assert "of 1,234 tables whose draws the engines accepted none had a wrong answer" in exact["sentence"]
    assert "none of the 100 drawn by exact (less than 2.95%)" in exact["sentence"]
    assert (lockstep["verdict"], lockstep["value"]) == ("concern", POOR["upper"])
    assert "3 of the 700 drawn by lockstep (less than 1.11%)" in lockstep["sentence"]


def test_without_a_count_that_holds_it_is_not_asked_and_says_why(asked) -> None:
    current = RECORD | {"fingerprint": evidence.fingerprint()}
    found = {
        "was not counted": [asked("exact", None), asked("exact", current | {"engine": {"lockstep": POOR}})],
        "changed since the count of 2026-11-28": [asked("lockstep", RECORD | {"fingerprint": "0" * 16})],
    }
    for said, rows in found.items():
        for row in rows:
            assert (row["verdict"], said in row["sentence"]) == (NOT_ASKED, True)
            assert np.isnan(row["value"])
    assert "3 of the 700 drawn by lockstep" in found["changed since the count of 2026-11-28"][0]["sentence"]


def test_of_nuts_it_is_not_asked() -> None:
    assert verdicts._accepted("nuts", None)[0] == NOT_ASKED
