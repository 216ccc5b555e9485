"""A history shows whether it was changed: any byte, any line but the last taken out, any two exchanged."""

import itertools
from pathlib import Path

import pandas as pd
import pytest

import casepool as cp
from casepool.living import verifying
from casepool.living.chain import FILE, FORMAT, INSIDE, KEYS, append, canonical, faults, lines_in, lines_of, signed
from tests.living.datasets import small


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A dataset with a history of four short lines."""
    folder = small(tmp_path / "made")
    parent = ""
    for number in range(1, 5):
        parent = append(folder, line(number), parent)["id"]
    return folder


def line(number: int) -> dict:
    """A line that holds next to nothing, and all that a line has."""
    empty = {key: kind() for kind, keys in KEYS.items() for key in keys}
    return empty | {"format": FORMAT, "line": number, "time": "é", "versions": {"number": 0.1 * number}}


def found(raw: bytes) -> list[int]:
    return [number for number, _, _ in faults(lines_in(raw))]


def test_what_was_appended_is_in_order(folder: Path) -> None:
    assert [line["line"] for line in lines_of(folder)] == [1, 2, 3, 4]
    assert [line["parent"] for line in lines_of(folder)] == ["", *(line["id"] for line in lines_of(folder)[:3])]


def test_any_changed_byte_is_found_and_its_line_named(folder: Path) -> None:
    raw = b"".join((folder / FILE).read_bytes().splitlines(keepends=True)[:2])
    for place, byte in enumerate(raw):
        line = raw[:place].count(b"\n") + 1
        for other in {byte ^ 1, byte ^ 128, 10, 32} - {byte}:
            assert line in found(raw[:place] + bytes([other]) + raw[place + 1 :]), (place, other)
        assert found(raw[:place] + raw[place + 1 :])[:1] == [line]


def test_a_line_taken_out_or_exchanged_is_found(folder: Path) -> None:
    lines = (folder / FILE).read_bytes().splitlines(keepends=True)
    for gone in range(3):
        assert found(b"".join(lines[:gone] + lines[gone + 1 :])) == [gone + 1]
    assert found(b"".join(lines[:3])) == []  # of the last line the others know nothing
    for one, other in itertools.combinations(range(4), 2):
        swapped = lines.copy()
        swapped[one], swapped[other] = lines[other], lines[one]
        assert {one + 1, other + 1} <= set(found(b"".join(swapped)))
    assert found(b"".join([*lines, lines[1]])) == [5]


def test_an_id_kept_outside_finds_the_last_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "_last", lambda *_, **__: iter(()))
    kept, earlier = lines_of(folder)[-1]["id"], lines_of(folder)[1]["id"]

    def verdicts(known: str) -> pd.Series:
        return cp.verify(folder, known=known, progress=False).set_index("part")["verdict"]

    assert verdicts(kept).to_dict() == {"lines": "pass", "known line": "pass"}
    assert verdicts(earlier)["known line"] == "pass"  # what was appended since is no error
    lines = (folder / FILE).read_bytes().splitlines(keepends=True)
    (folder / FILE).write_bytes(b"".join(lines[:-1]))
    assert verdicts(kept).to_dict() == {"lines": "pass", "known line": "fail"}
    with pytest.raises(cp.CasepoolError, match="64 digits"):
        cp.verify(folder, known=kept[:8])


def test_nothing_is_added_to_a_history_that_was_changed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "_last", lambda *_, **__: iter(()))
    raw = (folder / FILE).read_bytes().replace(b'"line":2', b'"line":7')
    (folder / FILE).write_bytes(raw)
    with pytest.raises(cp.CasepoolError, match=r"history\.jsonl: line 2 is not as it was written"):
        cp.add(folder, {"patient": "z"}, seed=1, progress=False)
    table = cp.verify(folder, progress=False).set_index("part")
    assert table.loc[["line 2", "lines"], "verdict"].tolist() == ["fail", "fail"]


@pytest.mark.parametrize("key", [key for keys in KEYS.values() for key in keys])
def test_a_line_of_other_content_is_none_however_well_it_is_signed(key: str) -> None:
    """Whoever signs a line that casepool cannot read gets a refusal and no traceback."""
    for wrong in (None, 1.5, [1], {"a": 1}, {"a": []}):
        good = isinstance(wrong, next(kind for kind, keys in KEYS.items() if key in keys))
        inside = wrong.values() if isinstance(wrong, dict) else wrong
        if not good or (key in INSIDE and not all(isinstance(one, INSIDE[key]) for one in inside)):
            assert found(canonical(signed(line(1) | {key: wrong}, "")) + b"\n") == [1], wrong
    assert found(canonical(signed(line(1), "")) + b"\n") == []
