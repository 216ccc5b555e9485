"""The count of false accepts that ships: read whole, refused where it is none, and stale once an engine has changed."""

import ast
from dataclasses import replace
from pathlib import Path

import pytest
import tomli_w

import casepool as cp
from casepool.inference import evidence

FOLDER = Path(evidence.__file__).parent
COUNT = {"accepted": 1200, "false": 1, "upper": 0.0039}
PLAIN = {
    "date": "2026-11-28", "version": "0.2.0", "commit": "abc1234", "draw_seed": 7, "fingerprint": "0" * 16,
    "level": 0.95, "all": COUNT, "engine": {"exact": COUNT}, "structure": {"counts_exnex": COUNT},
}  # fmt: skip


def test_a_record_is_read_as_it_was_written(tmp_path) -> None:
    path = tmp_path / "record.toml"
    path.write_text(tomli_w.dumps(PLAIN), encoding="utf-8")
    found = evidence.false_accepts(path)
    assert (found.all, found.engine["exact"]) == (evidence.Count(**COUNT), evidence.Count(**COUNT))
    assert (found.draw_seed, found.level, list(found.structure)) == (7, 0.95, ["counts_exnex"])
    assert not found.current
    assert replace(found, fingerprint=evidence.fingerprint()).current


def test_without_a_count_there_is_no_record_and_other_files_are_refused(tmp_path) -> None:
    assert evidence.false_accepts(tmp_path / "none.toml") is None
    (tmp_path / "other.toml").write_text("tables = 3", encoding="utf-8")
    with pytest.raises(cp.CasepoolError, match="tables"):
        evidence.false_accepts(tmp_path / "other.toml")


@pytest.mark.parametrize("name", evidence.ENGINE_FILES)
def test_a_change_of_any_engine_file_changes_the_fingerprint(name, tmp_path) -> None:
    for own in evidence.ENGINE_FILES:
        (tmp_path / own).write_text("x = 1\n", encoding="utf-8")
    before = evidence.fingerprint(tmp_path)
    (tmp_path / name).write_bytes(b'"""Words."""\r\nx = 1  # more\r\n"""Of x."""\r\n')
    assert evidence.fingerprint(tmp_path) == before
    (tmp_path / name).write_text("x = 2\n", encoding="utf-8")
    assert evidence.fingerprint(tmp_path) != before


ENGINES = [path for path in (FOLDER / "exact.py", FOLDER / "lockstep.py") if path.exists()]


@pytest.mark.parametrize("engine", ENGINES, ids=lambda path: path.stem)
def test_every_file_of_an_engine_counts(engine) -> None:
    """What an engine imports of this room, directly or through another file, is in the list."""
    reached, waiting = set(), [engine]
    while waiting:
        path = waiting.pop()
        reached.add(path.name)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = []
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("casepool.inference"):
                modules = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            for module in modules:
                own = FOLDER / f"{module.removeprefix('casepool.inference').lstrip('.')}.py"
                waiting += [own] if own.is_file() and own.name not in reached else []
    assert reached <= set(evidence.ENGINE_FILES)
