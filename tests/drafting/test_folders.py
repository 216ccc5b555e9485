"""From a spreadsheet to a page: `new` writes models beside the cells, says what is open, and `report` fits them."""

import re
import tomllib

import pandas as pd
import pytest

import casepool as cp
from casepool.cases import codebook_of
from casepool.cli import main
from casepool.modelling import make_design
from tests.drafting.tables import N, cycled, english, german
from tests.reporting.pages import Page


def run(*arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    said = capsys.readouterr()
    return ended.value.code, said.out, said.err


def edited(path, pattern, line):
    text, n = re.subn(rf"(?m)^{pattern}$", line, path.read_text("utf-8"))
    assert n == 1
    path.write_text(text, encoding="utf-8")


def test_a_workbook_becomes_models_that_take_all_its_patients(tmp_path, capsys):
    """What `new` asks for are two lines; before these the models are refused with what to write."""
    english().to_excel(tmp_path / "mine.xlsx", index=False)
    folder = tmp_path / "made"
    status, said, _ = run("new", folder, "--from", tmp_path / "mine.xlsx", capsys=capsys)
    assert status == 0
    assert said.splitlines()[-1] == f"next: casepool validate {folder}, then casepool report {folder}"
    asked = [line for line in said.splitlines() if line.startswith("to say")]
    assert len(asked) == 2
    status, said, _ = run("validate", folder, capsys=capsys)
    assert (status, "outcome.event_levels" in said) == (2, True)
    page = tmp_path / "page.html"
    status, _, error = run("report", folder, "--out", page, capsys=capsys)
    assert (status, 'event_levels = ["2"]' in error) == (2, True)
    edited(folder / "survival.toml", "event_levels = .*", 'event_levels = ["2"]')
    status, _, error = run("report", folder, "--out", page, capsys=capsys)
    missing = re.search(r'missing = \["", "NA", "NE"\]', error)
    assert (status, bool(missing)) == (2, True)
    edited(folder / "codebook.toml", "missing = .*", missing[0])
    assert run("validate", folder, capsys=capsys)[0] == 0
    cases = cp.read_cases(folder)
    listed = codebook_of(cases).report
    assert listed == ("response.toml", "ordinal.toml", "survival.toml")
    designs = [make_design(cp.model(folder / name), cases) for name in listed]
    evaluable = sum(code != "NE" for code in english()["Best response"])
    assert [len(design.patients) for design in designs] == [evaluable, evaluable, N]
    assert designs[2].outcome["event"].sum() == (english()["Status"] == 2).sum()


def test_a_german_table_becomes_a_page_without_an_edit(tmp_path, capsys):
    """One cheap fit: the response by histology alone, drafted anew as a user would who wants less."""
    table = german()[["Pat.-Nr.", "Histologie", "Ansprechen"]]
    table.to_csv(tmp_path / "meine.csv", sep=";", index=False)
    folder, page = tmp_path / "made", tmp_path / "page.html"
    status, said, _ = run("new", folder, "--from", tmp_path / "meine.csv", capsys=capsys)
    assert (status, "to say" in said) == (0, False)
    assert sorted(path.name for path in folder.iterdir()) == ["cases.csv", "codebook.toml", "response.toml"]
    status, _, _ = run("report", folder, "--out", page, "--engine", "exact", "--quiet", capsys=capsys)
    assert status == 0
    text = Page(page).text
    responders = table[table["Ansprechen"] == "ja"]["Histologie"].value_counts()
    for label, n in table["Histologie"].value_counts().items():
        shown = responders[label] if responders[label] >= 5 else "<5"  # the table is not public
        assert f"{shown} of {n}" in text
    assert "Ansprechen (yes) by histologie" in text


def test_dates_of_an_exposure_are_taken_along(tmp_path):
    folder = cp.new_dataset(tmp_path / "made", german())
    cases = cp.read_cases(folder)
    design = make_design(cp.model(folder / "survival.toml"), cases)
    assert design.exposed.tolist() == (german()["OP"] == "ja").tolist()
    assert design.earliest[design.exposed].tolist() == german()["OP frühestens (Monate)"].dropna().tolist()
    assert design.latest[design.exposed].tolist() == german()["OP spätestens (Monate)"].dropna().tolist()
    assert [exposure.called for exposure in design.model.exposures.values()] == ["OP"]


def test_dates_become_follow_up_event_and_exposure(tmp_path):
    """A table of dates as hospitals keep it: diagnosis, operation, last contact, and the state then."""
    zero = pd.Timestamp("2019-01-15")
    days = pd.Series(range(40, 40 + 31 * N, 31))
    operated = days.index % 2 == 0
    frame = pd.DataFrame(
        {
            "Patient": [f"P{i}" for i in range(N)],
            "Diagnosed": [f"{zero + pd.Timedelta(days=7 * i):%Y-%m-%d}" for i in range(N)],
            "Surgery": ["yes" if done else "no" for done in operated],
            "Surgery date": [
                f"{zero + pd.Timedelta(days=7 * i + 20):%Y-%m-%d}" if operated[i] else "" for i in range(N)
            ],
            "Last contact": [f"{zero + pd.Timedelta(days=7 * i + int(days[i])):%Y-%m-%d}" for i in range(N)],
            "Status": ["dead" if i % 3 == 0 else "alive" for i in range(N)],
        }
    )
    folder = cp.new_dataset(tmp_path / "made", frame)
    design = make_design(cp.model(folder / "survival.toml"), cp.read_cases(folder))
    assert design.outcome["time"] * (365.25 / 12) == pytest.approx(days.to_numpy(), abs=1e-6)
    assert design.outcome["event"].tolist() == [float(i % 3 == 0) for i in range(N)]
    assert design.earliest[operated] * (365.25 / 12) == pytest.approx(20, abs=1e-6)
    assert not design.exposed[~operated].any()


def test_what_could_not_be_drafted_stands_in_the_codebook(tmp_path):
    frame = pd.DataFrame({"patient": range(N), "age": range(30, 30 + N), "response": cycled("yes", "no")})
    text = (cp.new_dataset(tmp_path / "made", frame) / "codebook.toml").read_text("utf-8")
    assert re.search(r"(?m)^# no survival model: no column of numbers is a follow-up .* role = \"time\"", text)
    assert tomllib.loads(text)["report"] == ["response.toml"]
    bare = (cp.new_dataset(tmp_path / "bare", frame[["patient", "age"]]) / "codebook.toml").read_text("utf-8")
    assert "report" not in tomllib.loads(bare)
    assert "# no response or ordinal model: " in bare


def test_cases_that_are_named_twice_are_refused(tmp_path, capsys):
    arguments = ("report", tmp_path, "--data", "sarcoma_imatinib", "--out", tmp_path / "page.html")
    status, _, error = run(*arguments, capsys=capsys)
    assert (status, "the cases are named twice" in error) == (2, True)


def test_the_command_writes_what_the_function_returns(tmp_path, capsys):
    folder = cp.new_dataset(tmp_path / "made", german()[["Pat.-Nr.", "Alter (Jahre)", "verstorben"]])
    (tmp_path / "table.csv").write_text(german().to_csv(index=False), encoding="utf-8")
    table = tmp_path / "table.csv"
    arguments = ("draft", "survival", table, "--median", "24", "--by", "Geschlecht")
    status, said, _ = run(*arguments, capsys=capsys)
    assert (status, said.rstrip()) == (0, cp.draft("survival", table, median=24, by="Geschlecht").rstrip())
    assert run(*arguments, "--out", folder / "mine.toml", capsys=capsys)[0] == 0
    assert cp.model(folder / "mine.toml").priors["intercept"].elicited["median"] == 24
    german().to_csv(folder / "cases.csv", index=False)
    (folder / "codebook.toml").write_text('id = "Pat.-Nr."\npublic = false\n', encoding="utf-8")
    assert run("draft", "response", folder, capsys=capsys)[0] == 0
    assert cp.model(folder / "response.toml").outcome.success == ("yes",)
    status, _, error = run("draft", "response", folder, capsys=capsys)
    assert (status, "never replaced" in error) == (2, True)
