"""What the documentation shows runs: README's script, docstring examples, the keys docs/files.md lists."""

import doctest
import importlib
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

import casepool as cp
from casepool.arguments import ASKED
from casepool.cases.codebook import codebook_from_dict
from casepool.modelling.specification.values import CHOICES
from tests import readme

ROOT = Path(__file__).parents[1]
SOURCE = Path(cp.__file__).parent


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", path.read_text(encoding="utf-8"), flags=re.DOTALL)


def test_the_script_of_the_readme_runs_and_prints_what_the_readme_shows(readme_run: Path) -> None:
    assert (readme_run / "report.html").stat().st_size > 100_000
    answers = (readme_run / "printed.txt").read_text(encoding="utf-8")
    assert answers == readme.shown(), "python -m tests.readme writes the printed answers into README"


def test_the_scripts_of_the_page_on_models_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    for script in blocks(ROOT / "docs" / "models_in_python.md", "python"):
        exec(compile(script, "models_in_python.md", "exec"), {})
    assert "[terms.sex]" in capsys.readouterr().out
    assert cp.model("mine.toml").family == "bernoulli"


def test_the_scripts_of_the_page_on_figures_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = ROOT / "docs" / "figures.md"
    exec(compile("\n".join(blocks(page, "python")), page.name, "exec"), {})
    assert {path.name for path in tmp_path.iterdir()} == {"forest.svg", "waterfall.svg"}
    named = set(re.findall(r"plot_\w+", page.read_text(encoding="utf-8")))
    assert named == {name for name in cp.__all__ if name.startswith("plot_")}


@pytest.mark.filterwarnings("ignore:Estimated shape parameter of Pareto")  # a row is a whole basket
def test_the_walk_of_a_pymc_developer_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    """In PyTensor's quick mode, as compiling says nothing of the words on the page."""
    import pytensor

    monkeypatch.chdir(tmp_path)
    script = "\n".join(blocks(ROOT / "docs" / "arviz.md", "python"))
    names: dict = {}
    with pytensor.config.change_flags(mode="FAST_COMPILE"):
        exec(compile(script, "arviz.md", "exec"), names)
    assert "adopted: not drawn by casepool" in set(names["fit"].attrs) | set(capsys.readouterr().out.split("\n"))


def test_every_command_the_readme_names_exists() -> None:
    from casepool.cli import app

    known = {command.name or command.callback.__name__ for command in app.registered_commands}
    named = set(re.findall(r"(?:`|run )casepool (\w+)", (ROOT / "README.md").read_text(encoding="utf-8")))
    assert {"report", "validate", "show"} <= named & known
    assert named <= known


KEPT = cache(cp.fit)


@pytest.fixture
def fitted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let examples that fit the same model to the same table share the fit."""
    monkeypatch.setattr(cp, "fit", KEPT)


SHOWN = [path for path in sorted(SOURCE.rglob("*.py")) if ">>> " in path.read_text(encoding="utf-8")]


@pytest.mark.usefixtures("fitted_once")
@pytest.mark.parametrize("path", SHOWN, ids=lambda p: str(p.relative_to(SOURCE)))
def test_examples_in_docstrings_run(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "88")
    name = ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts)
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert result.attempted > 0
    assert result.failed == 0


def test_the_codebook_the_documentation_shows_is_legal() -> None:
    _, book = blocks(ROOT / "docs" / "files.md", "toml")[:2]
    made = codebook_from_dict(tomllib.loads(book))
    assert made.columns["partner"].type == "set"
    assert set(made.codings) == {"surgery", "case_5", "adjuvant"}
    engines = re.search(r"^engine .*$", book, flags=re.MULTILINE)[0]
    assert all(engine in engines for engine in ASKED)


def test_the_documentation_lists_every_choice_a_model_file_has() -> None:
    text = blocks(ROOT / "docs" / "files.md", "toml")[0]
    for key, choices in CHOICES.items():
        assert re.search(rf"^{key}\s*=", text, flags=re.MULTILINE), key
        for choice in choices:
            assert choice in text, (key, choice)


def test_the_worked_example_of_dates_is_what_is_read_and_fitted(tmp_path: Path) -> None:
    page = ROOT / "docs" / "dates.md"
    (cells,), (book, model) = blocks(page, "csv"), blocks(page, "toml")
    (tmp_path / "clinic").mkdir()
    for name, text in {"clinic/cases.csv": cells, "clinic/codebook.toml": book, "dated.toml": model}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    cases = cp.read_cases(tmp_path / "clinic")
    header, _, *rows = [
        [cell.strip() for cell in line.strip().strip("|").split("|")]
        for line in page.read_text(encoding="utf-8").splitlines()
        if line.startswith("|")
    ]
    shown = [[f"{v:.1f}" if isinstance(v, float) else str(v) for v in row] for row in cases[header].to_numpy(object)]
    assert [[cell.replace("nan", "") for cell in row] for row in shown] == rows
    fit = cp.fit(tmp_path / "dated.toml", cases, seed=1, engine="lockstep", progress=False)
    assert len(fit["patients"]["patient"]) == len(rows)
