"""Laws of the command line: every command has a group and an example that parses, completion finds what is there."""

import ast
import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest
import typer

import casepool as cp
from casepool import completing, progress
from casepool.cli import app, main
from casepool.cli.examples import FURTHER, GROUPS, example_of, grouped
from casepool.cli.options import choices_of
from casepool.commands import COMMANDS
from casepool.estimation.material import gather
from casepool.progress import BARS, doing, steps, time_left
from casepool.reporting.made import methods
from tests import command_page
from tests.small import counts, normal, response_model

GROUP = typer.main.get_command(app)
NO_COMMANDS = {
    "load": "a table of cases, which is read by naming it", "read_cases": "the same", "recode": "--coding does it",
    "basket_posteriors": "takes arrays of many tables", "contrast_draws": "draws, not rows to print",
}  # fmt: skip
"""Public functions that answer with a table and are no commands, and why."""


def said(*words: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        main(list(words))
    return left.value.code or 0, *capsys.readouterr()


@cache
def _tables(place: Path) -> set[str]:
    """Name the functions of a module, or of a folder's modules, that return a table."""
    found = set()
    for path in place.glob("*.py") if place.is_dir() else [place.with_suffix(".py")]:
        for one in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(one, ast.FunctionDef) and one.returns and ast.unparse(one.returns) == "pd.DataFrame":
                found.add(one.name)
    return found


def test_every_public_function_that_answers_with_a_table_is_a_command_or_has_a_reason() -> None:
    source, tables = Path(cp.__file__).parent, set()
    for one in ast.parse((source / "__init__.pyi").read_text(encoding="utf-8")).body:
        if isinstance(one, ast.ImportFrom):
            tables |= _tables(source / one.module.replace(".", "/")) & {alias.name for alias in one.names}
    commands = {name.replace("-", "_") for name in GROUP.commands}
    assert {"contrast", "validate", "compare"} <= tables & commands
    assert tables - commands <= set(NO_COMMANDS), tables - commands - set(NO_COMMANDS)
    assert not set(NO_COMMANDS) & commands
    assert set(COMMANDS) <= set(cp.__all__)


def test_every_command_stands_in_one_group_of_the_help(capsys) -> None:
    listed = [name for group in GROUPS.values() for name in group]
    assert sorted(listed) == sorted(GROUP.commands)
    assert FURTHER not in grouped(GROUP.commands)
    assert grouped(["new", "strange"]) == {"Data": ["new"], FURTHER: ["strange"]}
    _, out, _ = said("--help", capsys=capsys)
    assert re.findall(r"^(\S.*):$", out, flags=re.MULTILINE) == ["Options", *GROUPS]


@pytest.mark.parametrize("name", sorted(GROUP.commands))
def test_the_help_of_a_command_ends_with_an_example_that_parses(name: str, capsys) -> None:
    status, out, _ = said(name, "--help", capsys=capsys)
    program, command, *words = shlex.split(example_of(name))
    assert (status, program, command) == (0, "casepool", name)
    assert out.rstrip().splitlines()[-2:] == ["Example:", f"  {example_of(name)}"]
    parsed = GROUP.commands[name].make_context(name, words)
    assert {key for key, value in parsed.params.items() if value not in (None, [], False)} or not words


@pytest.mark.parametrize("columns", [40, 60, 80, 120, 200])
def test_no_width_of_a_terminal_cuts_the_help(columns: int, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    _, out, _ = said("--help", capsys=capsys)
    told = re.sub(r"-\s+", "-", " ".join(out.split()))  # a line may break behind a hyphen
    for name, command in GROUP.commands.items():
        assert re.sub(r"-\s+", "-", " ".join(command.help.split("\n\n")[0].split())) in told, name
    assert max(map(len, out.splitlines())) <= max(columns, 50)
    assert "..." not in out.replace("[ARGS]...", "")


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_no_width_of_a_terminal_cuts_a_table(columns: int, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("classical", "objective_response", "--data", "alk_crizotinib", "--by", "histology", "--quiet")
    told = {}
    for width in (columns, 10_000):
        monkeypatch.setenv("COLUMNS", str(width))
        told[width] = re.sub(r"\s", "", said(*words, capsys=capsys)[1])
    numbers = re.findall(r"\d+\.\d+", told[10_000])
    assert numbers
    assert all(number in told[columns] for number in numbers)


def test_the_version_is_told(capsys) -> None:
    assert said("--version", capsys=capsys) == (0, f"casepool {cp.__version__}\n", "")


def test_completion_lists_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for file in ("mine.toml", "codebook.toml", "t.csv", "fit.nc", ".hidden.csv"):
        (tmp_path / file).write_text('[codings.site.right]\nwhy = "x"\n' if file == "codebook.toml" else "")
    (tmp_path / "my_disease").mkdir()
    (tmp_path / "my_disease" / "inner.csv").write_text("")
    assert completing.model_names("") == [*cp.list_models(), "mine.toml", "my_disease/"]
    assert completing.dataset_names("") == [*cp.list_datasets(), "my_disease/", "t.csv"]
    assert completing.dataset_names("my_disease/in") == ["my_disease/inner.csv"]
    assert completing.dataset_names("nowhere/") == completing.fit_names("x\0/") == []
    assert completing.fit_names("f") == ["fit.nc"]
    assert completing.model_names("objective_response_b") == ["objective_response_by_age_group"]
    table = cp.codings("alk_crizotinib")
    own = [f"{row['decision']}={row['choice']}" for _, row in table.iterrows()]
    assert set(own) | {"site=right"} <= set(completing.coding_names(""))


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("casepool sho", {"show"}),
        ("casepool show overall_survival_b", {"overall_survival_baseline"}),
        ("casepool fit overall_survival --data alk", {"alk_crizotinib"}),
        ("casepool fit overall_survival --engine lock", {"lockstep"}),
        ("casepool plot fit.nc water", {"waterfall"}),
    ],
)
def test_a_shell_is_told_what_a_word_may_become(words: str, wanted: set[str]) -> None:
    asked = {"_CASEPOOL_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
    code = (
        "import sys\nfrom casepool.cli import main\ntry:\n    main([])\nfinally:\n"
        "    heavy = {'pymc', 'arviz', 'pandas', 'numpy', 'scipy', 'matplotlib'} & set(sys.modules)\n"
        "    print(*heavy, file=sys.stderr)"
    )
    words = [sys.executable, "-c", code]
    run = subprocess.run(words, capture_output=True, text=True, env={**os.environ, **asked}, check=False)
    assert (run.returncode, run.stderr.strip()) == (0, "")
    assert wanted <= set(run.stdout.split())


@pytest.mark.parametrize("text", ["surgery", "=x", "surgery=", ""])
def test_a_coding_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(cp.CasepoolError, match="DECISION=CHOICE"):
        choices_of([text])


def test_a_decision_is_made_once() -> None:
    with pytest.raises(cp.CasepoolError, match="made twice"):
        choices_of(["a=b", "a=c"])


def test_codings_are_laid_on_the_cases_of_a_command(capsys) -> None:
    words = ("classical", "overall_survival", "--data", "alk_crizotinib", "--by", "surgery", "--csv", "--quiet")
    _, recorded, _ = said(*words, capsys=capsys)
    _, out, _ = said(*words, "--coding", "surgery=any_text", capsys=capsys)
    there = cp.classical(
        "overall_survival", cp.recode(cp.load("alk_crizotinib"), surgery="any_text"), "surgery", progress=False
    )
    assert out != recorded
    assert out.strip() == cp.presenting.files.table_text(there, "csv").strip()
    status, _, err = said(*words, "--coding", "surgery=nothing", capsys=capsys)
    assert (status, err.count("\n")) == (2, 1)
    assert "any_text" in err


def test_a_quick_fit_of_a_coding_and_a_start_says_so_wherever_its_numbers_are(capsys, tmp_path: Path) -> None:
    file = str(tmp_path / "fit.nc")
    words = ["fit", "overall_survival", "--data", "alk_crizotinib", "--out", file, "--quick", "--start", "3"]
    status, out, _ = said(*words, "--coding", "surgery=any_text", "--engine", "lockstep", "--quiet", capsys=capsys)
    assert (status, "quick" in out) == (0, True)
    fit = cp.open_fit(file)
    assert fit["posterior"].sizes["draw"] == 250
    assert fit.name.endswith("quick")
    assert fit.attrs["dataset"] == "alk_crizotinib (surgery = any_text)"
    survival = cp.survival(fit, "surgery", at=[12])
    assert survival["note"].str.contains("a quick fit for a first look, 250 draws a chain").all()
    pandas = cp.survival(fit, "surgery", at=[12], start=3.0)
    assert survival["estimate"].tolist() == pandas["estimate"].tolist()
    assert cp.verify(fit, progress=False)["verdict"].isin(["pass"]).all()
    assert "A quick fit for a first look" in methods(gather(fit), [])
    _, out, _ = said("compare", file, "--by", "surgery", "--at", "12", "--csv", capsys=capsys)
    assert {"Simon-Makuch", "posterior"} <= set(re.findall(r"Simon-Makuch|posterior", out))
    status, _, err = said("fit", "objective_response", *words[2:], "--force", capsys=capsys)
    assert (status, "leave out --start" in err) == (2, True)


def test_priors_that_nobody_has_confirmed_are_said_of_a_fit(capsys) -> None:
    prior = {**normal(1.5), "why": "convention: replace; weakly informative"}
    for given, wanted in ((prior, True), ({**prior, "why": "convention; weakly informative"}, False)):
        model = response_model({}, {"intercept": given})
        fit = cp.fit(model, counts([3], [5]), seed=1, engine="lockstep", draws=100)
        told = "a convention that nobody has confirmed yet is the prior of intercept"
        assert (told in capsys.readouterr().err) == wanted
        assert cp.estimates(fit)["note"].str.contains(told, regex=False).all() == wanted


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@contextmanager
def on_a_terminal(monkeypatch: pytest.MonkeyPatch, after: float) -> Iterator[Terminal]:
    """Let standard error be a terminal, which pytest takes back between a fixture and its test."""
    stream = Terminal()
    with monkeypatch.context() as patched:
        patched.setenv("TERM", "xterm")
        patched.setenv("COLUMNS", "100")
        patched.setattr(sys, "stderr", stream)
        patched.setattr(progress, "AFTER", after)
        yield stream
        assert sys.stderr is stream
    assert (BARS.display, BARS.depth) == (None, 0)


def test_a_bar_counts_what_is_done_and_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    done = []
    with on_a_terminal(monkeypatch, 0.0) as terminal:
        for piece in steps(True, ["a", "b", "c"], "combinations"):
            BARS.timer.join()
            doing(True, "one of them")
            for inner in steps(True, [1, 2], "refits"):
                done.append((piece, inner))
                BARS.display.refresh()
    told = terminal.getvalue()
    assert len(done) == 6
    assert {"combinations", "refits", "1/3", "2/3", "1/2"} <= set(re.findall(r"combinations|refits|\d/\d", told))
    assert "one of them" not in told


def test_work_that_is_soon_done_draws_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with on_a_terminal(monkeypatch, 60.0) as terminal:
        assert list(steps(True, [1, 2, 3], "fits")) == [1, 2, 3]
        assert list(steps(True, [1], "fits")) == [1]
    assert terminal.getvalue() == ""


def test_a_bar_goes_away_where_the_work_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def work() -> None:
        for piece in steps(True, [1, 0], "fits"):
            1 / piece

    with on_a_terminal(monkeypatch, 0.0), pytest.raises(ZeroDivisionError):
        work()


def test_where_there_is_no_terminal_counts_are_lines(capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "AFTER", -1.0)
    assert list(steps(True, iter("abc"), "combinations", 3)) == ["a", "b", "c"]
    assert capsys.readouterr().err == "casepool: combinations: 1 of 3, about 0:00 left\n"
    assert list(steps(False, iter("abc"), "combinations", 3)) == ["a", "b", "c"]
    doing(True, "now")
    assert capsys.readouterr().err == "casepool: now\n"


@pytest.mark.parametrize(("seconds", "text"), [(7, "0:07"), (125, "2:05"), (3725, "1:02:05"), (0.4, "0:00")])
def test_the_time_left_reads_as_on_a_clock(seconds: float, text: str) -> None:
    assert time_left(seconds) == text


def test_the_page_on_commands_is_what_they_say() -> None:
    assert command_page.PAGE.read_text(encoding="utf-8") == command_page.written(), "python -m tests.command_page"
