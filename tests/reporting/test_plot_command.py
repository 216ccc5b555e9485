"""The command that writes figures: what it takes, where it writes, and what it refuses."""

from pathlib import Path

import pandas as pd
import pytest
import xarray as xr

import casepool as cp
from casepool.cli import main
from casepool.commands import FIGURES
from casepool.estimation.draws import open_draws
from casepool.plotting.files import KINDS, forest_table


def run(*words: object, capsys) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        main(["plot", *map(str, words)])
    said = capsys.readouterr()
    return left.value.code or 0, said.out, said.err


@pytest.fixture(scope="module")
def saved(response_fit: xr.DataTree, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cp.save_fit(response_fit, tmp_path_factory.mktemp("fits") / "response.nc")


def test_help_names_every_kind() -> None:
    assert set(FIGURES) == set(KINDS)


@pytest.mark.parametrize("form", ["svg", "pdf", "png"])
def test_a_figure_is_written_by_the_ending_and_replaces_its_like_alone(form: str, tmp_path, capsys) -> None:
    out = tmp_path / f"bars.{form}"
    line = ("alk_crizotinib", "waterfall", "--out", out)
    assert run(*line, capsys=capsys)[0] == 0
    first = out.read_bytes()
    assert run(*line, capsys=capsys)[0] == 0
    assert out.read_bytes() == first
    out.write_bytes(b"mine")
    status, _, said = run(*line, capsys=capsys)
    assert (status, out.read_bytes()) == (2, b"mine")
    assert "casepool did not write" in said
    assert run(*line, "--force", capsys=capsys)[0] == 0
    assert out.read_bytes() == first
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


def test_the_forest_of_a_fit_has_everyone_every_level_and_a_new_patient(response_fit: xr.DataTree) -> None:
    table = forest_table(open_draws(response_fit), "histology")
    told = cp.estimates(response_fit, by="histology")
    assert set(told["level"]) | {"everyone", "(unseen level)"} == set(table.loc[table["interval"] != "", "level"])
    same = table[(table["source"] == "shrunk") & table["level"].isin(told["level"])].set_index("level")["estimate"]
    assert same.dropna().to_dict() == told.set_index("level")["estimate"].dropna().to_dict()


def test_a_fit_that_failed_is_drawn_marked_and_left_with_status_3(tmp_path: Path, capsys) -> None:
    failed = Path(__file__).parents[1] / "oracle" / "fits" / "overall_survival.nc"
    status, out, _ = run(failed, "survival", "--out", tmp_path / "s.svg", capsys=capsys)
    assert (status, out) == (3, f"wrote {tmp_path / 's.svg'}\n")


def test_cases_are_drawn_by_columns_that_are_named(tmp_path: Path, capsys) -> None:
    table = pd.DataFrame({"patient": ["a", "a"], "week": [0, 4], "diameter": [30.0, 10.0]})
    table.to_csv(tmp_path / "long.csv", index=False)
    columns = ("--column", "time=week", "--column", "size=diameter")
    assert run(tmp_path / "long.csv", "spider", *columns, "--out", tmp_path / "s.png", capsys=capsys)[0] == 0
    assert run("alk_crizotinib", "waterfall", "--out", tmp_path / "w.png", capsys=capsys)[0] == 0
    line = ("alk_crizotinib", "swimmer", "--model", "overall_survival", "--out", tmp_path / "l.png")
    assert run(*line, capsys=capsys)[0] == 0


def test_the_survival_of_patients_of_a_file_is_drawn(survival_fit: xr.DataTree, tmp_path: Path, capsys) -> None:
    saved, new, out = cp.save_fit(survival_fit, tmp_path / "fit.nc"), tmp_path / "new.csv", tmp_path / "s.svg"
    new.write_text("patient,alive_at\nKim,24\n", encoding="utf-8")
    assert run(saved, "survival", "--patients", new, "--out", out, capsys=capsys)[0] == 0
    assert "Kim" in out.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("effect",), "effect asks for --by"),
        (("forest", "--start", "3"), "forest takes no --start; it takes --by"),
        (("diagnostics", "--by", "age"), "diagnostics takes no --by; leave it out"),
        (("forest", "--column", "size=x"), "no such column"),
        (("waterfall",), "this is a saved fit; waterfall is drawn of cases"),
        (("violin",), "unknown kind of figure"),
        (("survival",), "no survival model"),
        (("forest", "--patients", "new.csv"), "forest takes no --patients; it takes --by"),
    ],
)
def test_what_a_kind_does_not_take_is_refused_in_one_line(words: tuple, said: str, saved, tmp_path, capsys) -> None:
    status, _, error = run(saved, *words, "--out", tmp_path / "x.svg", capsys=capsys)
    assert status == 2
    assert said in error
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("out", ["x.jpg", "x", "none/x.svg"])
def test_places_and_forms_are_refused_before_anything_is_drawn(out: str, saved: Path, tmp_path: Path, capsys) -> None:
    assert run(saved, "forest", "--out", tmp_path / out, capsys=capsys)[0] == 2
    assert not list(tmp_path.iterdir())


def test_a_forest_of_what_is_no_fit_is_refused(tmp_path: Path, capsys) -> None:
    status, _, said = run("alk_crizotinib", "forest", "--out", tmp_path / "x.svg", capsys=capsys)
    assert status == 2
    assert "alk_crizotinib: this is no saved fit" in said


def test_cases_are_drawn_under_a_coding_and_a_fit_has_its_own(saved: Path, tmp_path: Path, capsys) -> None:
    line = ("alk_crizotinib", "waterfall", "--column", "change=best_change", "--out", tmp_path / "w.svg")
    plain = line if run(*line, capsys=capsys)[0] == 0 else (*line[:2], *line[4:])
    assert run(*plain, capsys=capsys)[0] == 0
    recorded = (tmp_path / "w.svg").read_bytes()
    assert run(*plain, "--coding", "adjuvant=left_out", capsys=capsys)[0] == 0
    assert (tmp_path / "w.svg").read_bytes() != recorded
    status, _, said = run(saved, "forest", "--coding", "adjuvant=left_out", "--out", tmp_path / "f.svg", capsys=capsys)
    assert (status, (tmp_path / "f.svg").exists()) == (2, False)
    assert "leave out --coding" in said
