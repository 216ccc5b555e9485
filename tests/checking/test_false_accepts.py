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


def test_every_engine_is_judged_by_its_own_count(asked) -> None:
    record = RECORD | {"fingerprint": evidence.fingerprint()}
    exact, lockstep = asked("exact", record), asked("lockstep", record)
    assert (exact["verdict"], exact["value"]) == ("pass", GOOD["upper"])
    assert "of 1,234 tables" in exact["sentence"]
    assert "none" in exact["sentence"]
    assert "0.24%" in exact["sentence"]
    assert (lockstep["verdict"], lockstep["value"]) == ("concern", POOR["upper"])
    assert "of 700 tables whose draws lockstep accepted 3 had" in lockstep["sentence"]
    assert "1.11%" in lockstep["sentence"]


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
    assert "3 had a wrong answer" in found["changed since the count of 2026-11-28"][0]["sentence"]


def test_of_nuts_it_is_not_asked() -> None:
    assert verdicts._accepted("nuts", None)[0] == NOT_ASKED
