"""`new_dataset` writes a folder that is read as the table was, and asks for what it cannot know."""

import tomllib

import pandas as pd
import pytest

import casepool as cp
from casepool.cli import main
from casepool.errors import CasepoolError
from tests.cases.edge_tables import EDGES, FINE


def written(tmp_path, text):
    path = tmp_path / "mine.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return path


@pytest.mark.parametrize("edge", EDGES, ids=[edge.name for edge in EDGES])
def test_every_edge_table_makes_a_folder_that_is_read_or_is_refused(tmp_path, edge):
    path = written(tmp_path, edge.table)
    try:
        folder = cp.new_dataset(tmp_path / "made", path)
    except CasepoolError:
        assert sorted(p.name for p in tmp_path.iterdir()) == ["mine.csv"]
        return
    assert cp.validate(folder).query("severity == 'error'").empty
    made = cp.read_cases(folder)
    assert len(made)
    if cp.validate(path).query("severity == 'error'").empty:
        plain = cp.read_cases(path)
        made.attrs = plain.attrs = {}
        pd.testing.assert_frame_equal(made, plain)


def test_twins_become_aliases(tmp_path):
    folder = cp.new_dataset(tmp_path / "made", written(tmp_path, "patient,group\n1,IMT\n2,IMT\n3,imt\n"))
    assert tomllib.loads((folder / "codebook.toml").read_text("utf-8"))["columns"]["group"]["aliases"] == {"imt": "IMT"}
    assert cp.read_cases(folder)["group"].tolist() == ["IMT"] * 3


def test_columns_of_any_name_are_written(tmp_path):
    frame = pd.DataFrame({"a b": [1], 'qu"ote': ["x"], "é.ü": ["y"], "new\nline": [2.5], "[x]": ["z"]})
    made = cp.read_cases(cp.new_dataset(tmp_path / "made", frame))
    assert list(made.columns) == list(frame.columns)


def test_nothing_is_overwritten(tmp_path):
    path = written(tmp_path, FINE)
    (tmp_path / "made").mkdir()
    folder = cp.new_dataset(tmp_path / "made", path)
    before = (folder / "codebook.toml").read_bytes()
    with pytest.raises(CasepoolError, match="already"):
        cp.new_dataset(folder, path)
    assert (folder / "codebook.toml").read_bytes() == before


def test_the_commands_mirror_the_functions(tmp_path, capsys):
    path = written(tmp_path, FINE)

    def status(*arguments):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        return ended.value.code

    made = tmp_path / "made"
    assert status("new", str(made), "--from", str(path)) == 0
    assert status("new", str(made), "--from", str(path)) == 2
    assert status("validate", str(made)) == 0
    said = capsys.readouterr().out
    assert "'death': taken for the event by its name" in said
    assert "1 note in 3 rows of 5 columns" in said
    assert status("validate", str(path), "--codebook", str(made / "codebook.toml"), "--csv") == 0
    assert capsys.readouterr().out.startswith("severity,rule,file,row")
    written(tmp_path, FINE + "1,,,,\n")
    assert status("validate", str(path)) == 2
    assert "the patient appears twice" in capsys.readouterr().out
