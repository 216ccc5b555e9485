"""Machines that are not at hand, simulated: Windows' names and open files, drives without locks, narrow consoles."""

import codecs
import errno
import io
import os
import sys
import threading
from pathlib import Path

import filelock
import pytest

import casepool as cp
from casepool import arguments, writing
from casepool.cli import main
from casepool.cli.streams import forgiving
from casepool.errors import CasepoolError
from casepool.remarks import WORDS
from casepool.studies import journal
from casepool.writing import RARE_NOTE, write_atomically

TABLE = cp.classical("objective_response", "alk_crizotinib", "sex", progress=False)


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def refusal(call, *given, **more) -> str:
    with pytest.raises(CasepoolError) as refused:
        call(*given, **more)
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize(
    "name",
    [
        "CON",
        "con.csv",
        "NUL",
        "nul.tar.gz",
        "COM1.csv",
        "lpt9",
        "a:b.csv",
        "trailing.",
        "space ",
        "what?.csv",
        "AUX /x.csv",
    ],
)
def test_names_that_windows_lacks_are_refused_there_and_nowhere_else(name: str, tmp_path: Path, monkeypatch) -> None:
    assert arguments.path_of(tmp_path / name) == tmp_path / name
    monkeypatch.setattr(arguments, "WINDOWS", True)
    said = refusal(arguments.path_of, tmp_path / name)
    assert "Windows has no file of this name" in said
    assert "choose another one" in said


@pytest.mark.parametrize("name", ["conrad.csv", "null.csv", "COM10.csv", "a.b.csv", "äöü.csv", ".hidden", "../x.csv"])
def test_all_other_names_are_taken_on_windows_too(name: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(arguments, "WINDOWS", True)
    assert arguments.path_of(tmp_path / name) == tmp_path / name


@pytest.fixture
def held_open(monkeypatch: pytest.MonkeyPatch):
    """Let a file refuse to be replaced as often as is said, as one does on Windows that is open elsewhere."""
    monkeypatch.setattr(writing, "WAITS", (0.0, 0.0, 0.0))
    real, tries = os.replace, []

    def hold(times: float) -> list[Path]:
        def replace(source, target, **more):
            if len(tries) < times:
                tries.append(Path(target))
                raise PermissionError(errno.EACCES, "Permission denied")
            return real(source, target, **more)

        monkeypatch.setattr(os, "replace", replace)
        monkeypatch.setattr(Path, "replace", replace)
        return tries

    return hold


def test_a_file_that_is_open_for_a_moment_is_replaced_when_it_is_not(held_open, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("old", encoding="utf-8")
    tries = held_open(2)
    write_atomically(path, b"new")
    assert (len(tries), path.read_bytes(), names_in(tmp_path)) == (2, b"new", ["t.csv"])


def test_a_file_that_stays_open_is_whole_and_the_refusal_names_another(held_open, tmp_path: Path) -> None:
    path = cp.write_table(TABLE, tmp_path / "t.csv")
    before = path.read_bytes()
    held_open(float("inf"))
    said = refusal(cp.write_table, TABLE.head(1), path)
    assert "t_new.csv" in said
    assert "as it was" in said
    assert (path.read_bytes(), names_in(tmp_path)) == (before, ["t.csv"])


def test_the_command_line_says_so_in_one_line(held_open, tmp_path: Path, capsys) -> None:
    path = cp.write_table(TABLE, tmp_path / "t.csv")
    held_open(float("inf"))
    words = [
        "classical",
        "objective_response",
        "--data",
        "alk_crizotinib",
        "--by",
        "sex",
        "--quiet",
        "--out",
        str(path),
    ]
    with pytest.raises(SystemExit) as left:
        main(words)
    out, err = capsys.readouterr()
    assert (left.value.code, out, err.count("\n")) == (2, "", 1)


@pytest.mark.parametrize("number", journal.NO_LOCKS)
def test_a_journal_on_a_drive_without_locks_still_has_one_writer(number: int, tmp_path: Path, monkeypatch) -> None:
    def refuse(self: filelock.FileLock) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(filelock.FileLock, "_acquire", refuse)
    path = tmp_path / "answers.journal"
    with journal.open_journal(path) as first:
        first.add("key", [{"x": 1}])
        said: list[str] = []

        def second() -> None:  # in a thread of its own, as a lock of one's own may be taken twice
            with pytest.raises(CasepoolError) as refused, journal.open_journal(path):
                pass
            said.append(str(refused.value))

        other = threading.Thread(target=second)
        other.start()
        other.join()
        assert "another process is writing this journal" in said[0]
        assert ".lock" in said[0]
    with journal.open_journal(path) as again:
        assert again.known == {"key": [{"x": 1}]}


def test_another_fault_of_a_lock_is_no_reason_to_do_without(tmp_path: Path, monkeypatch) -> None:
    def refuse(self: filelock.FileLock) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(filelock.FileLock, "_acquire", refuse)

    def ask() -> None:
        with journal.open_journal(tmp_path / "answers.journal"):
            pass

    assert "Read-only file system" in refusal(ask)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp437", "utf-8"])
@pytest.mark.parametrize(
    "words",
    [
        ["classical", "objective_response", "--data", "alk_crizotinib", "--by", "histology", "--quiet"],
        ["show", "overall_survival"],
        ["codings", "alk_crizotinib"],
        ["show", "ne\N{LATIN SMALL LETTER I WITH CIRCUMFLEX}\N{GREEK SMALL LETTER OMEGA}"],
    ],
)
def test_every_console_prints_every_table_and_refusal(encoding: str, words: list[str], monkeypatch) -> None:
    streams = {
        name: io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict") for name in ("stdout", "stderr")
    }
    for name, stream in streams.items():
        monkeypatch.setattr(sys, name, stream)
    with pytest.raises(SystemExit) as left:
        main(words)
    told = {}
    for name, stream in streams.items():
        stream.flush()
        told[name] = stream.buffer.getvalue().decode(encoding)
    assert left.value.code in (0, None, 2)
    assert bool(told["stderr"]) == (left.value.code == 2)
    assert "\\u20" not in told["stdout"]  # signs of our own are written in letters that are there


def test_signs_of_our_own_have_letters_for_every_console() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="strict")
    forgiving(stream)
    own = " ".join([*WORDS.values(), RARE_NOTE, "1\N{MINUS SIGN}2 – 3 … ≥ ≤ ×"])
    stream.write(own)
    stream.flush()
    written = stream.buffer.getvalue().decode("ascii")
    assert "\\" not in written
    stream.write("Ω")
    stream.flush()
    assert stream.buffer.getvalue().decode("ascii") == written + "\\u03a9"


@pytest.mark.parametrize("names", [("Cases.csv", "Codebook.toml"), ("CASES.CSV", "CODEBOOK.TOML")])
def test_a_folder_reads_alike_where_capitals_count_and_where_not(names: tuple[str, str], tmp_path: Path) -> None:
    (tmp_path / names[0]).write_text("patient,age\na,3\n", encoding="utf-8")
    (tmp_path / names[1]).write_text(
        'title = "Ours"\n[columns.age]\nrange = [0, 2]\ntype = "number"\n', encoding="utf-8"
    )
    assert "from 0 to 2" in refusal(cp.read_cases, tmp_path)
    assert (cp.validate(tmp_path)["severity"] == "error").sum() == 1
    (tmp_path / "cases.csv").write_text("patient,age\na,1\n", encoding="utf-8")  # the exact name goes first
    assert cp.read_cases(tmp_path)["age"].tolist() == [1]


@pytest.mark.parametrize("lines", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE])
def test_line_ends_and_byte_order_marks_of_windows_change_nothing(lines: str, mark: bytes, tmp_path: Path) -> None:
    encoding = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}.get(mark, "utf-8")
    cells = lines.join(["patient,name,age", "1,Zoë,3", "2,Ådne,4", ""])
    (tmp_path / "cases.csv").write_bytes(mark + cells.encode(encoding))
    if lines != "\r":  # TOML has no such line end
        book = lines.join(['title = "Zoë"', "[columns.age]", 'type = "number"', ""])
        (tmp_path / "codebook.toml").write_bytes(mark + book.encode(encoding))
    frame = cp.read_cases(tmp_path)
    assert frame["name"].tolist() == ["Zoë", "Ådne"]
    assert frame["age"].tolist() == [3, 4]
