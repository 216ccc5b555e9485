"""A journal gives back what was put in, or nothing: cut, changed and foreign files, and two writers."""

import json
import math
from pathlib import Path

import pytest
from filelock import FileLock

import casepool as cp
from casepool.studies.journal import open_journal

ROWS = [{"level": "A vs B", "estimate": 0.1 + 0.2, "lower": math.nan, "upper": math.inf, "note": 'a "quoted" ü'}]
KEYS = ("one", "two", "three")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "journal.jsonl"
    with open_journal(path) as journal:
        for key in KEYS:
            journal.add(key, ROWS)
    return path


def known(path: Path) -> dict:
    with open_journal(path, progress=False) as journal:
        return dict(journal.known)


def test_what_is_finished_comes_back(path: Path) -> None:
    assert list(known(path)) == list(KEYS)
    assert repr(known(path)["one"]) == repr(ROWS)


def test_every_line_is_json(path: Path) -> None:
    entries = [json.loads(line) for line in path.read_text().splitlines() if line]
    assert [entry["key"] for entry in entries] == list(KEYS)


def test_a_journal_cut_anywhere_gives_back_its_whole_lines(path: Path) -> None:
    raw = path.read_bytes()
    for end in range(0, len(raw), 3):
        path.write_bytes(raw[:end])
        found = known(path)
        assert list(found) == list(KEYS[: len(found)])
        assert len(found) >= raw[:end].count(b"\n\n")
        assert all(repr(rows) == repr(ROWS) for rows in found.values())


def test_a_changed_byte_costs_its_line_and_no_other(path: Path, capsys: pytest.CaptureFixture) -> None:
    raw = path.read_bytes()
    for place in range(len(raw)):
        if raw[place : place + 1] == b"\n" or place < 10:
            continue
        path.write_bytes(raw[:place] + bytes([raw[place] ^ 4]) + raw[place + 1 :])
        found = known(path)
        assert len(found) == 2
        assert all(repr(rows) == repr(ROWS) for rows in found.values())
    with open_journal(path):
        pass
    assert "1 lines cut short or changed are not used" in capsys.readouterr().err


def test_an_answer_behind_one_cut_short_is_whole(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])
    with open_journal(path, progress=False) as journal:
        journal.add("four", ROWS)
    assert list(known(path)) == ["one", "two", "four"]


def test_a_second_writer_gets_one_clear_error_and_then_its_turn(path: Path) -> None:
    with (
        open_journal(path) as journal,
        pytest.raises(cp.CasepoolError, match=r"journal\.jsonl: another process is writing this journal; wait"),
        open_journal(path),
    ):
        raise AssertionError("two writers")
    journal.add("four", ROWS)
    assert len(known(path)) == 4


def test_the_lock_holds_between_processes(path: Path) -> None:
    with open_journal(path):
        assert not _free(path)
    assert _free(path)


def _free(path: Path) -> bool:
    lock = FileLock(f"{path}.lock", timeout=0)
    try:
        lock.acquire()
    except TimeoutError:
        return False
    lock.release()
    return True


@pytest.mark.parametrize("content", ["patient,age\n1,2\n", "# notes", '[1, 2]\n{"x": 1}'])
def test_another_file_is_refused_and_left_as_it_is(tmp_path: Path, content: str) -> None:
    path = tmp_path / "cases.csv"
    path.write_text(content)
    with pytest.raises(cp.CasepoolError, match="no journal"), open_journal(path):
        pass
    assert path.read_text() == content


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(cp.CasepoolError, match="cannot write there"), open_journal(tmp_path / "no" / "j"):
        pass
    assert not list(tmp_path.iterdir())


def test_without_a_file_answers_are_kept_in_memory() -> None:
    with open_journal(None) as journal:
        journal.add("one", ROWS)
        assert journal.known == {"one": ROWS}
