"""Where output may go: what is refused before any work, and what a replaced file keeps."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import xarray as xr

import casepool as cp
from casepool.cli import main
from casepool.inference import fitting
from casepool.studies.journal import Journal, line_of, read_journal
from tests.small import counts, normal, response_model

TABLE = pd.DataFrame({"patient": ["a"], "time": [3.0]})


@pytest.fixture(scope="module")
def fit() -> xr.DataTree:
    model = response_model({}, {"intercept": normal(1.5)})
    return cp.fit(model, counts([3], [5]), seed=1, engine="lockstep", progress=False)


TABLES = ("csv", "html", "tex", "md", "docx", "xlsx")


def writers(fit: xr.DataTree) -> dict:
    """What writes a file, by the ending it writes."""
    table = cp.estimates(fit)
    found = {ending: lambda path, **own: cp.write_table(table, path, **own) for ending in TABLES}
    return found | {
        "nc": lambda path, **own: cp.save_fit(fit, path, **own),
        "page": lambda path, **own: cp.report(fit, path, progress=False, **own),
    }


@pytest.mark.parametrize("kind", [kind for kind in (*TABLES, "nc", "page") if kind != "xlsx"])
def test_only_a_file_of_its_own_kind_is_replaced_unless_asked_to(kind: str, fit: xr.DataTree, tmp_path: Path) -> None:
    write, path = writers(fit)[kind], tmp_path / f"file.{'html' if kind == 'page' else kind}"
    write(path)
    write(path)
    path.write_text("patient,time\nmine,3\n", encoding="utf-8")
    with pytest.raises(cp.CasepoolError, match=r"casepool did not write.*overwrite=True"):
        write(path)
    assert path.read_text(encoding="utf-8").startswith("patient")
    path.chmod(0o640)
    write(path, overwrite=True)
    assert path.stat().st_mode & 0o777 == 0o640
    assert not path.read_bytes().startswith(b"patient")


def test_a_workbook_is_replaced_by_its_own_kind_alone(fit: xr.DataTree, tmp_path: Path) -> None:
    path = tmp_path / "table.xlsx"
    for _ in range(2):
        cp.write_table(cp.estimates(fit), path)
    TABLE.to_excel(path, index=False)
    kept = path.read_bytes()
    for overwrite in (False, True):
        with pytest.raises(cp.CasepoolError, match=r"did not write is never replaced"):
            cp.write_table(cp.estimates(fit), path, overwrite=overwrite)
    assert path.read_bytes() == kept


@pytest.mark.parametrize("ending", [".toml", ".xlsx", ".parquet"])
def test_models_codebooks_and_tables_are_never_replaced(ending: str, fit: xr.DataTree, tmp_path: Path) -> None:
    path = tmp_path / f"mine{ending}"
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(cp.CasepoolError, match="never replaced"):
        cp.save_fit(fit, path, overwrite=True)
    assert path.read_text(encoding="utf-8") == "mine"


def test_a_fit_is_written_under_a_name_that_is_no_utf8(fit: xr.DataTree, tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/m\xffne.nc"))
    assert cp.open_fit(cp.save_fit(fit, path)).attrs["model"] == fit.attrs["model"]


def test_links_are_written_through_and_what_is_no_file_is_refused(fit: xr.DataTree, tmp_path: Path) -> None:
    link, real = tmp_path / "link.nc", tmp_path / "real.nc"
    link.symlink_to(real)
    assert cp.save_fit(fit, link) == link
    assert link.is_symlink()
    assert cp.open_fit(real).attrs["model"] == fit.attrs["model"]
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for other, said in (("pipe", "no ordinary file"), ("", "this is a folder"), ("loop", "cannot write there")):
        with pytest.raises(cp.CasepoolError, match=said):
            cp.save_fit(fit, tmp_path / other, overwrite=True)
    with pytest.raises(cp.CasepoolError, match="no ordinary file"):
        cp.report(fit, "/dev/null", progress=False)
    with pytest.raises(cp.CasepoolError, match="no file can have this name"):
        cp.save_fit(fit, Path("/".join(["a" * 200] * 25)))


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_the_command_line_replaces_none_of_its_inputs_and_draws_nothing(
    force: list[str], tmp_path: Path, capsys, monkeypatch
) -> None:
    monkeypatch.setattr(fitting, "run", None)
    cases, model = tmp_path / "cases.csv", tmp_path / "mine.toml"
    cases.write_text("patient,response\na,no\n", encoding="utf-8")
    (tmp_path / "codebook.toml").write_text('title = "t"\n', encoding="utf-8")
    model.write_text(response_model({}, {"intercept": normal(1.5)}).to_toml(), encoding="utf-8")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    for data, out in ((cases, cases), (tmp_path, cases), (tmp_path, tmp_path / "codebook.toml"), (cases, model)):
        with pytest.raises(SystemExit) as stopped:
            main(["fit", str(model), "--data", str(data), "--out", str(out), *force])
        assert stopped.value.code == 2
        assert "would replace what is read" in capsys.readouterr().err or out.name == "codebook.toml"
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is full")
def test_a_full_standard_output_is_said_in_one_line_and_a_narrow_one_stops_nothing() -> None:
    run = f'{sys.executable} -c \'from casepool.cli import main; main(["show", "objective_response"])\''
    full = subprocess.run(["bash", "-c", f"{run} > /dev/full"], capture_output=True, text=True, check=False)
    assert full.returncode == 2
    assert full.stderr.splitlines() == [
        "casepool: standard output cannot be written (No space left on device); send it elsewhere"
    ]
    narrow = {**os.environ, "PYTHONIOENCODING": "ascii"}
    again = f'{sys.executable} -c \'from casepool.cli import main; main(["audit", "alk_crizotinib"])\''
    done = subprocess.run(["bash", "-c", again], capture_output=True, text=True, check=False, env=narrow)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_deleted_working_folder_is_said_in_one_line(fit: xr.DataTree, tmp_path: Path, monkeypatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    for ask in (
        lambda: cp.save_fit(fit, "fit.nc"),
        lambda: cp.open_fit("fit.nc"),
        lambda: cp.new_dataset("new", TABLE),
    ):
        with pytest.raises(cp.CasepoolError, match="the current folder is no more"):
            ask()
    assert cp.report(fit, tmp_path / "page.html", progress=False).exists()


def test_a_full_disk_leaves_no_half_of_a_new_dataset(tmp_path: Path, monkeypatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(cp.CasepoolError, match="No space left on device"):
        cp.new_dataset(tmp_path / "new", TABLE)
    assert not list(tmp_path.iterdir())


def test_lines_of_a_journal_with_a_right_checksum_and_no_answer_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    Journal(path, {}).add("good", [{"x": 1}])
    with path.open("ab") as file:
        for rows in ([], {}, 3, [1], "text"):
            file.write(line_of("bad", rows) + b"\n")
    assert read_journal(path) == ({"good": [{"x": 1}]}, 5)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(cp.CasepoolError, match="no ordinary file"):
        read_journal(tmp_path / "pipe")


def test_a_frame_or_an_array_is_no_flag(fit: xr.DataTree, tmp_path: Path) -> None:
    model = response_model({}, {"intercept": normal(1.5)})
    for given in (TABLE, TABLE["time"].to_numpy(), "yes", 1, None):
        asked = (
            lambda given=given: cp.fit(model, counts([3], [5]), seed=1, progress=given),
            lambda given=given: cp.fit(model, counts([3], [5]), seed=1, predictive=given),
            lambda given=given: cp.report(fit, tmp_path / "page.html", progress=given),
            lambda given=given: cp.check(fit, refits=given),
            lambda given=given: cp.compare_models([fit, fit], refits=given),
            lambda given=given: cp.save_fit(fit, tmp_path / "fit.nc", overwrite=given),
        )
        for ask in asked:
            with pytest.raises(cp.CasepoolError, match="is true or false"):
                ask()
