"""What has no end, no writer or no bounds is refused at once, in one line that names it."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

import casepool as cp
from casepool import toml_files
from casepool.cases import delimited, sheet, workbooks
from casepool.errors import CasepoolError
from casepool.toml_files import read_toml

DEVICES = ["/dev/zero", "/dev/null", "/dev/stdin"]


def refused(call, *arguments, seconds=3.0):
    begun = time.process_time()
    with pytest.raises(CasepoolError) as error:
        call(*arguments)
    assert time.process_time() - begun < seconds
    assert "\n" not in str(error.value)
    return error.value


@pytest.mark.parametrize("call", [cp.read_cases, read_toml, cp.model])
def test_what_is_no_file_is_not_opened(tmp_path, call):
    os.mkfifo(tmp_path / "pipe.toml")
    (tmp_path / "folder.toml").mkdir()
    for path in [tmp_path / "pipe.toml", *map(Path, DEVICES)]:
        if call is not cp.model or path.suffix:
            assert "no file" in refused(call, path).problem
    if call is not cp.read_cases:
        assert "folder" in refused(call, tmp_path / "folder.toml").problem


def test_a_large_file_is_refused_in_its_own_words(tmp_path, monkeypatch):
    """Not as one that is "not readable (...)"."""
    monkeypatch.setattr("casepool.cases.reading.MOST_BYTES", 10_000_000)
    with (tmp_path / "t.csv").open("wb") as file:
        file.truncate(10_000_001)
    assert refused(cp.read_cases, tmp_path / "t.csv").problem == "the file is larger than 10 MB"


@pytest.mark.parametrize("row", ["1\n", ",\n", "\n", "," * 1000 + "\n"])
def test_a_text_of_too_many_cells_is_refused_while_it_is_read(tmp_path, monkeypatch, row):
    monkeypatch.setattr(delimited, "MOST_CELLS", 10_000)
    (tmp_path / "t.csv").write_text("a\n" + row * (30_000 // len(row)) * 2)
    refused(cp.read_cases, tmp_path / "t.csv")
    assert sheet.MOST_CELLS == workbooks.MOST_CELLS


@pytest.mark.parametrize(
    ("text", "said", "key"),
    [
        ("x = " + "[" * 500_000, "nested deeper", None),
        ("x = " + "[" * 50 + "]" * 50, "nested deeper", "x" + ".0" * 20),
        (".".join(["a"] * 400_000) + " = 1", "nested deeper", None),
        (".".join(["'a'"] * 400_000) + " = 1", "nested deeper", None),
        ("x = " + "{a = " * 300 + "1" + "}" * 300, "nested deeper", None),
        ("[x]\ny = " + "9" * 400, "64 bits", "x.y"),
        ("x = [1, -" + "9" * 19 + "0]", "64 bits", "x.1"),
        ('title = "a\\u001b[31m"', "control character U+001B", "title"),
        ('["a\\u009b"]\nb = 1', "control character U+009B", "a\u009b"),
        ("x = " + "9" * 5000, "not readable", None),
        ("#" + "x" * 2_000_001, "larger than 2 MB", None),
    ],
    ids=range(11),
)
def test_toml_without_bounds_is_refused_by_its_key(tmp_path, text, said, key):
    (tmp_path / "t.toml").write_text(text)
    error = refused(read_toml, tmp_path / "t.toml")
    assert said in error.problem
    assert key is None or error.column == key
    assert "\x1b" not in str(error)
    assert "\x9b" not in str(error)


def test_what_files_hold_is_within_the_limits(tmp_path):
    """A word of a million letters and prose with points are no keys of many parts."""
    text = f'why = "{"a" * 1_000_000}"\nwhere = "{"e.g. " * 1_000}"\nn = {2**63 - 1}\n'
    (tmp_path / "t.toml").write_text(text)
    begun = time.process_time()
    assert len(read_toml(tmp_path / "t.toml")) == 3
    assert time.process_time() - begun < 2
    assert toml_files.DEEPEST > 10


@pytest.mark.parametrize("name", ["utf\0-8", "zip", "rot13", "idna", "nothing", "undefined"])
def test_an_encoding_of_no_text_is_refused(tmp_path, name):
    (tmp_path / "t.csv").write_text("patient,x\na,\u00e9\n")
    book = cp.cases.Codebook(file={"encoding": name})
    assert "not readable as" in refused(cp.read_cases, tmp_path / "t.csv", book).problem


def test_a_name_that_is_no_utf8_is_read_and_written(tmp_path):
    """One line on a terminal, and the answer of a table whose name a terminal cannot show."""
    path = os.fsencode(tmp_path) + b"/m\xffne.csv"
    Path(os.fsdecode(path)).write_bytes(b"patient,x\na,1\nb,2\n")
    read = cp.read_cases(os.fsdecode(path))
    assert cp.cases.codebook_of(read).name.encode("utf-8")
    for last in (b"", b"x"):
        ran = subprocess.run(
            [sys.executable, "-c", "from casepool.cli import main; main()", "validate", path + last],
            capture_output=True,
            check=False,
        )
        assert ran.returncode == (2 if last else 0)
        assert b"Traceback" not in ran.stderr
        assert ran.stdout.decode("utf-8")


parquet = pytest.importorskip("pyarrow.parquet")


def test_a_repeated_text_of_a_parquet_file_is_one_object(tmp_path):
    """Also where the file keeps it once: a thousand cells take the memory of one, for texts and bytes alike."""
    import pyarrow as pa

    for kind in (pa.string(), pa.large_string(), pa.binary()):
        parquet.write_table(pa.table({"a": pa.array(["x" * 10_000] * 1_000, kind)}), tmp_path / "t.parquet")
        cells = workbooks.read_parquet((tmp_path / "t.parquet").read_bytes(), tmp_path / "t.parquet").frame["a"]
        assert len({id(cell) for cell in cells.tolist()}) == 1


def test_a_repeated_text_counts_as_often_as_it_is_there(tmp_path):
    """Against the limit, though the file keeps it once; cells that are empty count nothing."""
    import pyarrow as pa

    for cells, fine in ((["x" * 20_000] * 1_000, True), (["x" * 20_000, None] * 2_000, False)):
        parquet.write_table(pa.table({"a": pa.array(cells)}), tmp_path / "t.parquet")
        assert (tmp_path / "t.parquet").stat().st_size < 100_000
        if fine:
            assert len(cp.read_cases(tmp_path / "t.parquet")) == 1_000
        else:
            assert "unpacks to 40 MB" in refused(cp.read_cases, tmp_path / "t.parquet").problem


def test_a_parquet_file_that_pandas_did_not_write_keeps_its_names(tmp_path):
    """Of which it holds no word of pandas: of columns of text too, and where one name stands twice."""
    import pyarrow as pa

    cells = {"patient": ["a", "b", "a b"], "group": ["x", None, "x"], "age": [1.5, None, 3.0]}
    parquet.write_table(pa.table(cells), tmp_path / "t.parquet")
    read = cp.read_cases(tmp_path / "t.parquet")
    assert list(read) == list(cells)
    assert read["group"].fillna("").tolist() == ["x", "", "x"]


def test_cells_of_several_values_are_refused_by_their_column(tmp_path):
    pd.DataFrame({"a": [[1, 2], [3]]}).to_parquet(tmp_path / "t.parquet")
    assert "'a' hold more than one value" in refused(cp.read_cases, tmp_path / "t.parquet").problem
