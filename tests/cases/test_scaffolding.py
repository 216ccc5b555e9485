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
def test_every_edge_table_makes_a_folder_that_is_read_but_for_bad_cells_or_is_refused(tmp_path, edge):
    path = written(tmp_path, edge.table)
    try:
        folder = cp.new_dataset(tmp_path / "made", path)
    except CasepoolError:
        assert sorted(p.name for p in tmp_path.iterdir()) == ["mine.csv"]
        return
    before, after = cp.validate(path), cp.validate(folder)
    assert after.query("severity == 'error'")["rule"].isin(["type"]).all()
    if after.query("severity == 'error'").empty:
        made = cp.read_cases(folder)
        assert len(made)
        if before.query("severity == 'error'").empty:
            plain = cp.read_cases(path)
            made.attrs = plain.attrs = {}
            meant = set(before.loc[before["rule"] == "mostly numbers", "column"])  # numbers in the folder
            kept = [name for name in plain if name not in meant]
            pd.testing.assert_frame_equal(made[kept], plain[kept])


SETTLED = ("12+", "unknown", "?", "n.d.")
ODD = {
    "patient": list("abcdef"),
    "os_months": ["3", "12+", "4.5", "7", "9", "2020-03-01"],
    "count": ["3", "12", "4", "unknown", "9", "1"],
    "partner": ["x;y", "x/y", "y", "?", "x", "y"],
    "group": ["x", "y", "x and y", "x", "y", "n.d."],
    "remark": ["one", "2-Sep", "three", "unknown", "five", "six"],
    "known": ["yes", "no", "yes", "yes", "no", "maybe"],
    "born": ["2020-01-01", "2020-02-01", "2020-03-01", "2020-04-01", "2020-05-01", "2020-06-01"],
    "total": [None] * 6,
}


def test_a_new_folder_hides_nothing_that_validate_found(tmp_path):
    """Each finding stands in the codebook as a comment and is found again: a bad cell of a number as an error.

    But for what the codebook settles: cells that say nothing, and the sign of who was still followed.
    """
    frame = pd.DataFrame(ODD)
    before = cp.validate(frame).query("severity != 'note'")
    folder = cp.new_dataset(tmp_path / "made", frame)
    after = cp.validate(folder).query("severity != 'note'")
    places = [{(*place,) for place in found[["row", "column"]].astype(str).to_numpy()} for found in (before, after)]
    settled = {(str(row + 1), name) for name in ODD for row, cell in enumerate(ODD[name]) if cell in SETTLED}
    assert set(places[0]) - set(places[1]) == settled
    assert set(places[1]) <= set(places[0])
    assert set(after.query("severity == 'error'")["column"]) == {"os_months"}
    text = (folder / "codebook.toml").read_text("utf-8")
    still = [(*place,) not in settled for place in before[["row", "column"]].astype(str).to_numpy()]
    open_rows = before.loc[still, "row"]
    assert all(f"# warning: the DataFrame, row {row}" in text for row in open_rows.dropna())
    columns = tomllib.loads(text)["columns"]
    assert columns["os_months"]["type"] == "number"
    assert columns["count"]["type"] == "integer"


@pytest.mark.parametrize("frame", [pd.DataFrame({"x": [1, 1]}), pd.DataFrame({"case": ["a", "b"], "x": [1, 1]})])
def test_the_id_of_a_new_folder_names_a_column(frame, tmp_path):
    made = tomllib.loads((cp.new_dataset(tmp_path / "made", frame) / "codebook.toml").read_text("utf-8"))
    assert made.get("id") == ("case" if "case" in frame else None)
    named = cp.new_dataset(tmp_path / "indexed", frame[["x"]].set_axis(["p1", "p2"]))
    assert cp.read_cases(named)["patient"].tolist() == ["p1", "p2"]


def test_what_is_said_of_the_file_stands_in_the_new_codebook(tmp_path):
    folder = cp.new_dataset(tmp_path / "made", written(tmp_path, "Table 1\n" + FINE))
    assert "# warning: mine.csv: the header was found in line 2" in (folder / "codebook.toml").read_text("utf-8")


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
    assert "the patient appears twice" in " ".join(capsys.readouterr().out.split())
