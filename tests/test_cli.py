"""The command line mirrors the Python names, refuses in one line, and leaves with the right status."""

import inspect
import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import casepool as cp
from casepool._resources import bundled
from casepool.cli import main
from casepool.commands import COMMANDS, WRITTEN
from casepool.inference import engines
from casepool.modelling.specification.printing import describe
from casepool.presenting.files import table_text
from tests.inference.toys import toy


def run(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        main(list(arguments))
    out, err = capsys.readouterr()
    return left.value.code or 0, out, err


def test_lists_and_shows(capsys) -> None:
    status, out, _ = run("datasets", capsys=capsys)
    assert status == 0
    assert [line.split("  ")[0] for line in out.splitlines()] == cp.list_datasets()
    status, out, _ = run("models", capsys=capsys)
    assert [line.split("  ")[0] for line in out.splitlines()] == cp.list_models()
    status, out, _ = run("show", "objective_response", capsys=capsys)
    assert status == 0
    assert out == f"{describe(cp.model('objective_response'))}\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["show"], "missing argument 'MODEL'; casepool show --help says what it takes"),
        (["shwo"], "no such command 'shwo'"),
        (["show", "objective_response", "--colour"], "no such option: --colour; casepool show --help"),
        (["fit", "m", "--data", "d", "--out", "o", "--seed", "one"], "invalid value for '--seed'"),
        (["--colour"], "no such option: --colour; casepool --help"),
    ],
)
def test_words_that_no_command_takes_are_refused_in_one_line(words, said, capsys) -> None:
    status, out, err = run(*words, capsys=capsys)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"casepool: {said}")


def test_no_words_at_all_print_the_help(capsys) -> None:
    status, out, err = run(capsys=capsys)
    assert status == 2
    assert "Answers of a fit:" in out + err


def test_priors_that_are_missing_stand_below_the_line_ready_to_paste(capsys, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('family = "weibull"\noutcome = { time = "t", event = "e" }\n')
    status, out, err = run("show", str(file), capsys=capsys)
    line, empty, paste = err.split("\n", 2)
    assert (status, out, empty) == (2, "", "")
    assert line.startswith("casepool: mine.toml, column 'priors.intercept': the model needs 2 more priors; add")
    file.write_text(file.read_text() + paste)
    assert run("show", str(file), capsys=capsys)[0] == 0


def test_help_takes_no_sampler_along() -> None:
    code = (
        "import sys, casepool.cli; sys.exit(bool({'pymc', 'pytensor', 'nutpie', 'arviz', 'pandas'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_fit_then_estimates(capsys, tmp_path: Path) -> None:
    out_file = tmp_path / "fit.nc"
    arguments = ["--data", "alk_crizotinib", "--out", str(out_file), "--seed", "1", "--quiet"]
    status, out, _ = run("fit", "objective_response_by_age_group", *arguments, capsys=capsys)
    assert status == 0
    assert "seed 1" in out
    status, out, _ = run("estimates", str(out_file), "--by", "age", "--csv", capsys=capsys)
    assert status == 0
    printed = pd.read_csv(pd.io.common.StringIO(out))
    there = cp.estimates(cp.open_fit(out_file), "age")
    assert printed["estimate"].tolist() == pytest.approx(there["estimate"].tolist())
    status, out, _ = run("check", str(out_file), capsys=capsys)
    assert status == 0
    checked = cp.check(cp.open_fit(out_file))
    assert out == f"{checked}\n"
    heads = [line for line in out.splitlines() if not line.startswith(" ")]
    assert all(line.startswith(verdict) for line, verdict in zip(heads, checked["verdict"], strict=True))


def test_estimates_of_a_survival_fit_mirror_the_function(survival_fit, capsys, tmp_path: Path) -> None:
    file = str(cp.save_fit(survival_fit, tmp_path / "fit.nc"))
    _, out, _ = run("estimates", file, "--csv", capsys=capsys)
    printed, there = pd.read_csv(pd.io.common.StringIO(out)), cp.estimates(survival_fit)
    assert printed["estimand"].tolist() == there["estimand"].tolist()
    assert printed["estimate"].tolist() == pytest.approx(there["estimate"].tolist())
    status, _, err = run("estimates", file, "--target", "new", capsys=capsys)
    assert status == 2
    assert "leave `target` out" in err


def test_a_fit_that_did_not_converge_leaves_with_3(capsys, tmp_path: Path) -> None:
    arguments = ["--data", "alk_crizotinib", "--out", str(tmp_path / "bad.nc"), "--draws", "20", "--quiet"]
    status, _, err = run("fit", "objective_response_by_age_group", *arguments, capsys=capsys)
    assert status == 3
    assert "did not converge" in err
    status, out, _ = run("estimates", str(tmp_path / "bad.nc"), "--by", "age", capsys=capsys)
    assert status == 3
    assert out.count("fail") == 2


@pytest.mark.parametrize(
    ("command", "status", "said"),
    [
        ("fit objective_response --data alk_crizotinib --out FILE --engine fast", 2, "unknown engine"),
        ("fit objective_response --data alk_crizotinib --out FILE --engine exact --tune 500", 2, "tune"),
        ("report --out FILE --engine fast", 2, "unknown engine"),
        ("tipping overall_survival --data alk_crizotinib --engine fast", 2, "unknown engine"),
        ("replacement alk_crizotinib --engine fast", 2, "unknown engine"),
        ("multiverse overall_survival alk_crizotinib --by surgery --engine fast", 2, "unknown engine"),
    ],
)
def test_every_command_that_fits_takes_an_engine(capsys, tmp_path: Path, command: str, status: int, said: str) -> None:
    found, _, err = run(*command.replace("FILE", str(tmp_path / "out")).split(), capsys=capsys)
    assert found == status
    assert said in err
    assert "Traceback" not in err


def test_the_engine_that_is_named_draws(capsys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        engines.DRAWING,
        "exact",
        lambda design, seed, *, chains, draws, progress: toy("exact", design, seed, chains, draws),
    )
    out = tmp_path / "fit.nc"
    arguments = ["--data", "alk_crizotinib", "--out", str(out), "--engine", "exact", "--draws", "600", "--quiet"]
    assert run("fit", "objective_response_by_age_group", *arguments, capsys=capsys)[0] in (0, 3)
    assert json.loads(cp.open_fit(out).attrs["engine"])["run"] == "exact"


def test_audit_in_every_format(capsys) -> None:
    table = cp.audit("alk_crizotinib")
    status, out, _ = run("audit", "alk_crizotinib", "--format", "json", capsys=capsys)
    assert status == 0
    assert [row["claim"] for row in json.loads(out)] == table["claim"].tolist()
    _, out, _ = run("audit", "alk_crizotinib", "--format", "markdown", capsys=capsys)
    assert len(out.splitlines()) == len(table) + 2
    assert {line.replace("\\|", "").count("|") for line in out.splitlines()} == {len(table.columns) + 1}
    _, out, _ = run("audit", "alk_crizotinib", "--format", "html", capsys=capsys)
    assert out.count("<tr") == len(table) + 1
    _, out, _ = run("audit", "alk_crizotinib", capsys=capsys)
    assert out.splitlines()[-1].startswith(f"{len(table)} claims")


def corrupted(tmp_path: Path, change) -> str:
    table = pd.read_csv(bundled("data") / "alk_crizotinib" / "cases.csv", dtype=str, keep_default_na=False)
    change(table)
    path = tmp_path / "mine.csv"
    table.to_csv(path, index=False)
    return str(path)


def put(who: int, **cells: str):
    def change(table: pd.DataFrame) -> None:
        for column, value in cells.items():
            table.loc[table["patient"] == str(who), column] = value

    return change


@pytest.mark.parametrize(
    ("model", "change", "said"),
    [
        (
            "objective_response",
            lambda t: t.__setattr__("columns", [c.replace("histology", "histlogy") for c in t.columns]),
            ["histology", "did you mean"],
        ),
        ("objective_response", put(3, best_response="XX"), ["row 3", "best_response", "XX", "use one of"]),
        ("objective_response", put(7, age="-5"), ["row 7", "line 8", "age", "-5", "below zero"]),
        ("overall_survival", put(13, os_months=""), ["row 13", "os_months", "event without a time"]),
        ("overall_survival", put(14, surgery_latest="99"), ["row 14", "surgery_latest", "99", "last follow-up"]),
        ("objective_response", put(4, patient="3"), ["row 4", "patient", "appears twice", "row 3"]),
        ("objective_respons", put(1), ["objective_respons", "did you mean 'objective_response'"]),
    ],
)
def test_bad_input_is_one_line_and_status_2(capsys, tmp_path: Path, model: str, change, said: list[str]) -> None:
    path = corrupted(tmp_path, change)
    status, _, err = run("fit", model, "--data", path, "--out", str(tmp_path / "x.nc"), "--quiet", capsys=capsys)
    assert status == 2
    refusals = [line for line in err.splitlines() if line.startswith("casepool: ")]
    assert len(refusals) == 1
    assert all(word in refusals[0] for word in said), refusals[0]
    assert "Traceback" not in err
    assert not (tmp_path / "x.nc").exists()


def test_a_missing_folder_is_refused_before_the_work(capsys, tmp_path: Path) -> None:
    status, _, err = run("report", "--out", str(tmp_path / "no" / "r.html"), capsys=capsys)
    assert status == 2
    assert "folder" in err


def test_a_report_finds_model_files_beside_the_codebook(
    capsys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model asks for a column the table lacks, so it was found, and nothing is fitted."""
    (tmp_path / "table.csv").write_text("patient,age\n1,30\n", encoding="utf-8")
    folder = cp.new_dataset(tmp_path / "made", tmp_path / "table.csv")
    monkeypatch.chdir(tmp_path)
    arguments = ("report", "--data", "made", "--out", str(tmp_path / "r.html"))
    status, _, err = run(*arguments, capsys=capsys)
    assert status == 2
    assert 'report = ["my_model.toml"]' in err
    book = (folder / "codebook.toml").read_text(encoding="utf-8")
    (folder / "codebook.toml").write_text(book.replace("# report =", "report ="), encoding="utf-8")
    (folder / "my_model.toml").write_text(cp.model("objective_response").to_toml(), encoding="utf-8")
    status, _, err = run(*arguments, capsys=capsys)
    assert status == 2
    assert "which the model 'my_model' names" in err


@pytest.fixture(scope="module")
def kept(age_fit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cp.save_fit(age_fit, tmp_path_factory.mktemp("kept") / "age.nc")


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("contrast FIT --by age --target observed", lambda f: cp.contrast(f, "age", target="observed")),
        ("ranking FIT --by age", lambda f: cp.ranking(f, "age")),
        ("ledger FIT --by age", lambda f: cp.ledger(f, "age")),
        ("aliasing FIT", cp.aliasing),
        ("power-scaling FIT", cp.power_scaling),
        ("coefficients FIT", cp.coefficients),
        (
            "contrast FIT --by age --rope 0.5 2 --rope-of odds*ratio",
            lambda f: cp.contrast(f, "age", rope={"odds ratio": (0.5, 2.0)}),
        ),
        (
            "classical objective_response --data alk_crizotinib --by sex",
            lambda _: cp.classical("objective_response", "alk_crizotinib", "sex"),
        ),
        ("codings alk_crizotinib", lambda _: cp.codings("alk_crizotinib")),
    ],
)
def test_commands_print_what_the_functions_answer(capsys, kept: Path, age_fit, command: str, answer) -> None:
    words = [word.replace("FIT", str(kept)).replace("*", " ") for word in command.split()]
    status, out, _ = run(*words, "--csv", capsys=capsys)
    assert status == 0
    assert out.strip() == table_text(answer(age_fit), "csv").strip()


def test_new_patients_are_read_from_a_file(capsys, kept: Path, age_fit, tmp_path: Path) -> None:
    new = tmp_path / "new.csv"
    new.write_text("patient,age\na,12\nb,50\n")
    status, out, _ = run("predict", str(kept), str(new), "--csv", capsys=capsys)
    assert status == 0
    there = cp.predict(age_fit, pd.DataFrame({"patient": ["a", "b"], "age": [12, 50]}))
    assert pd.read_csv(pd.io.common.StringIO(out))["estimate"].tolist() == pytest.approx(there["estimate"].tolist())


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("ledger FIT --by sex --at 24", lambda f, _: cp.ledger(f, "sex", at=24)),
        (
            "predict FIT NEW --at 30 --at 36 --start 3 --restricted-to 40",
            lambda f, new: cp.predict(f, new, at=[30, 36], start=3, restricted_to=40),
        ),
    ],
)
def test_commands_of_survival_print_what_the_functions_answer(
    capsys, survival_fit, tmp_path: Path, command: str, answer
) -> None:
    """A file's cells name a patient of the fit and say when one is alive; empty ones say nothing."""
    saved, new = cp.save_fit(survival_fit, tmp_path / "survival.nc"), tmp_path / "new.csv"
    new.write_text("patient,in_fit,alive_at\na,,\nb,,12.5\nc,1,24\n")
    words = command.replace("FIT", str(saved)).replace("NEW", str(new)).split()
    status, out, _ = run(*words, "--csv", capsys=capsys)
    assert status == 0
    there = pd.DataFrame({"patient": ["a", "b", "c"], "in_fit": [None, None, "1"], "alive_at": [None, 12.5, 24]})
    assert out.strip() == table_text(answer(survival_fit, there), "csv").strip()


@pytest.mark.parametrize("ending", ["csv", "docx", "xlsx"])
def test_commands_write_what_the_functions_write(capsys, kept: Path, age_fit, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"t.{ending}"
    for command, table in (("estimates", cp.estimates(age_fit, "age")), ("contrast", cp.contrast(age_fit, "age"))):
        status, out, err = run(command, str(kept), "--by", "age", "--out", str(path), capsys=capsys)
        assert (status, out) == (0, f"wrote {path}\n"), err
        cp.write_table(table, tmp_path / f"u.{ending}")
        assert len(path.read_bytes()) == pytest.approx((tmp_path / f"u.{ending}").stat().st_size, abs=20)


@pytest.mark.parametrize("name", ["t.pdf", "no/t.docx", "cases.csv", "mine.xlsx"])
def test_a_table_that_cannot_be_written_is_refused_before_any_work(capsys, tmp_path: Path, monkeypatch, name) -> None:
    (tmp_path / "cases.csv").write_text("patient\n1\n")
    (tmp_path / "mine.xlsx").write_text("mine")
    monkeypatch.setattr(cp.frequentist.answers, "classical", None)
    read = str(tmp_path / "cases.csv")
    words = ("classical", "objective_response", "--data", read, "--out", str(tmp_path / name), "--force")
    status, out, err = run(*words, capsys=capsys)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert name in err
    assert (tmp_path / "mine.xlsx").read_text() == "mine"


def test_what_every_row_says_stands_below_the_table(capsys, kept: Path, age_fit) -> None:
    _, out, _ = run("estimates", str(kept), "--by", "age", capsys=capsys)
    assert out == f"{cp.estimates(age_fit, 'age')}\n"
    told, _, further = out.partition("Further columns: ")
    below = told.splitlines()[-2:]
    assert below[0].startswith("left out: 3 patients (no best_response)")
    assert below[1:] == ["drawn by lockstep"]
    assert {"mean", "sd", "prior_lower"} < set(further.replace(",", "").split())


def footnotes(out: str) -> tuple[list[str], dict[str, str], list[str]]:
    """The table's lines, its numbered footnotes, and what stands below them without a number."""
    lines = out.partition("Further columns: ")[0].splitlines()
    numbered = [line.split(": ", 1) for line in lines if line.split(": ", 1)[0].isdigit()]
    first = next(i for i, line in enumerate(lines) if line.startswith(f"{numbered[0][0]}: "))
    head = next(i for i, line in enumerate(lines) if line.startswith("level"))
    return lines[head + 1 : first - 1], dict(numbered), lines[first + len(numbered) :]


def test_a_terminal_is_told_all_that_the_rows_note(capsys, kept: Path, age_fit) -> None:
    _, out, _ = run("estimates", str(kept), "--by", "histology", capsys=capsys)
    table = cp.estimates(age_fit, "histology")
    rows, numbered, common = footnotes(out)
    for line, note in zip(rows, table["note"], strict=True):
        marks = line.split("  ")[-1].strip().split(",") if line[-1].isdigit() else []
        assert {numbered[mark] for mark in marks} | set(common) == set(note.split("; "))
    assert len(set(numbered.values())) == len(numbered)


def test_a_terminal_is_told_of_new_patients_what_is_not_known(capsys, kept: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.csv"
    new.write_text("patient,age\na,12\nb,\n")
    _, out, _ = run("predict", str(kept), str(new), capsys=capsys)
    assert "age missing" in out


def test_a_terminal_shows_what_tells_rows_apart(capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")  # where no name is broken into two lines
    _, out, _ = run("classical", "objective_response", "--data", "alk_crizotinib", "--by", "sex", capsys=capsys)
    assert {"Clopper-Pearson", "Wilson"} <= set(out.split())


OF_THE_COMMAND_LINE = {*WRITTEN, "coding", "rope_of"}
"""Options that are no arguments of the function: how it is told, on what cases, and of which estimand a region is."""


def test_what_a_command_takes_are_the_arguments_of_its_function() -> None:
    for name, command in COMMANDS.items():
        own = inspect.signature(getattr(cp, name)).parameters
        rest = {"quick"} if any(one.kind is one.VAR_KEYWORD for one in own.values()) else set()  # settings of `fit`
        keys = set(command.signature().parameters) - OF_THE_COMMAND_LINE
        assert {"progress" if key == "quiet" else key for key in keys} <= {*own, *rest}, name
