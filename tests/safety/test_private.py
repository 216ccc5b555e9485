"""Of a table that is not public, identifiers and free text stay where they are, and small counts are marked."""

import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import xarray as xr

import casepool as cp
from casepool.cases import Column, codebook_of
from casepool.inference.fit_contents import used_columns
from tests.reporting.pages import Page
from tests.small import half_normal, normal, survival_model

SECRETS = (b"Smith", b"Jones", b"remark", b"nickname")


@pytest.fixture(scope="module")
def table(private_survival: xr.DataTree) -> pd.DataFrame:
    return cp.survival(private_survival, by="site", at=[6.0])


def test_a_saved_fit_holds_numbers_for_patients_and_no_free_text(private_survival: xr.DataTree, tmp_path: Path) -> None:
    raw = cp.save_fit(private_survival, tmp_path / "fit.nc").read_bytes()
    assert not [secret for secret in SECRETS if secret in raw]
    labels = cp.open_fit(tmp_path / "fit.nc")["patients"]["patient"].values
    assert list(labels) == [str(i + 1) for i in range(24)]
    assert not [secret for secret in SECRETS if secret.decode() in str(private_survival.to_dict())]


def test_a_public_table_keeps_its_identifiers(survival_fit: xr.DataTree) -> None:
    assert (
        survival_fit["patients"]["patient"].values.tolist() == cp.load("alk_crizotinib")["patient"].astype(str).tolist()
    )


@pytest.mark.parametrize("n", [6, 9, 24])
def test_a_folder_of_a_table_hands_no_column_of_a_person_to_a_fit(tmp_path: Path, n: int) -> None:
    """Few names, birthdays and sentences, repeated or not, look like labels."""
    persons = pd.DataFrame(
        {
            "surname": [f"Smith-{i % (n - 1)}" for i in range(n)],
            "born": [f"{1950 + i % (n - 1)}-01-05" for i in range(n)],
            "remark": [f"Dr Jones saw this patient {i % 3} times in all" for i in range(n)],
            "nickname": ["Jo", "Al", "Bo"] * (n // 3),
        }
    )
    course = pd.DataFrame(
        {"time": range(1, n + 1), "event": [True, False, False] * (n // 3), "site": ["a", "b", "b"] * (n // 3)}
    )
    folder = cp.new_dataset(tmp_path / "clinic", course.join(persons))
    assert not re.search(r"Smith|19\d\d-|Jones", (folder / "codebook.toml").read_text("utf-8"))
    cases = cp.read_cases(folder)
    model = survival_model({"intercept": normal(1.5, -3), "site_sd": half_normal(1)}, terms={"site": {"kind": "group"}})
    assert used_columns(model, cases) == ["time", "event", "site"]
    listed = replace(
        book := codebook_of(cases), columns=book.columns | {"nickname": Column("category", levels=("Jo", "Al", "Bo"))}
    )
    assert "nickname" in used_columns(model, cp.read_cases(cases, listed))


@pytest.mark.parametrize("column", ["remark", "patient"])
def test_a_model_that_reads_them_is_refused(private_cases: pd.DataFrame, column: str) -> None:
    priors = {"intercept": normal(1.5, -3), "who_sd": half_normal(1)}
    model = survival_model(priors, terms={"who": {"kind": "group", "column": column}})
    with pytest.raises(cp.CasepoolError, match=rf"column '{column}'.*not public.*category"):
        cp.fit(model, private_cases, seed=1, progress=False)


def test_it_reproduces(private_survival: xr.DataTree, tmp_path: Path) -> None:
    found = cp.verify(cp.open_fit(cp.save_fit(private_survival, tmp_path / "fit.nc")), progress=False)
    assert set(found["verdict"]) == {"pass"}


def test_a_report_shows_neither_and_tells_no_small_count(private_survival: xr.DataTree, tmp_path: Path) -> None:
    page = Page(cp.report(private_survival, tmp_path / "report.html", progress=False))
    assert not [secret for secret in SECRETS if secret.decode() in page.source]
    assert "<5 stands for counts of 1 to 4" in page.text
    counts = re.findall(r"(?<![\d.,†])([12]) (?:of \d+(?! question| below)|patients?|events?|exposed)", page.text)
    assert not counts
    assert re.search(r"<5 (with|of)", page.text)


def test_a_report_from_the_folder_shows_neither(private_cases, private_survival, tmp_path, monkeypatch) -> None:
    """The full table lies in the working folder, with the remarks."""
    folder = tmp_path / "a clinic"
    folder.mkdir()
    private_cases.to_csv(folder / "cases.csv", index=False)
    book = codebook_of(private_cases)
    columns = "\n".join(
        f'[columns.{name}]\ntype = "{c.type}"' for name, c in book.columns.items() if name != "nickname"
    )
    (folder / "codebook.toml").write_text(f"public = false\n{columns}\n[columns.nickname]\ntype = 'text'\n")
    monkeypatch.chdir(tmp_path)
    page = Page(cp.report(private_survival, tmp_path / "report.html", progress=False))
    assert "the full table was at hand" in page.text
    assert not [secret for secret in SECRETS if secret.decode() in page.source]


@pytest.mark.parametrize("ending", ["html", "tex", "md"])
def test_a_written_table_marks_counts_of_one_and_two_but_not_zero(table, tmp_path: Path, ending: str) -> None:
    few = table.assign(n=[float(i) for i in range(len(table))])
    text = cp.write_table(few, tmp_path / f"t.{ending}").read_text(encoding="utf-8")
    assert {"1†", "2†"} <= set(re.findall(r"[012]†", text))
    assert "0†" not in text
    assert "fewer than 3 patients" in text
    public = cp.write_table(few, tmp_path / f"t.{ending}", public=True).read_text(encoding="utf-8")
    assert "†" not in public


def test_a_csv_file_says_so_in_a_column_of_its_own(table: pd.DataFrame, tmp_path: Path) -> None:
    few = table.assign(n=[float(i) for i in range(len(table))], events=0.0)
    read = pd.read_csv(cp.write_table(few, tmp_path / "t.csv"), keep_default_na=False)
    assert (read["few"] != "").tolist() == [i in (1, 2) for i in range(len(table))]
    assert read["n"].tolist() == few["n"].tolist()


def test_tables_of_every_kind_know(private_survival: xr.DataTree, private_cases: pd.DataFrame, table) -> None:
    from casepool.inference.fit_contents import model_of

    raw = cp.classical(model_of(private_survival), private_cases, by="site")
    for made in (table, raw, cp.contrast(private_survival, "site"), cp.compare(table, raw), table[table["n"] > 1]):
        assert made.attrs["public"] is False


def test_figures_mark_numbers_at_risk(private_survival: xr.DataTree) -> None:
    below = [text.get_text() for text in cp.plot_survival(private_survival, by="site").texts]
    assert {"1†", "2†"} & set(below)
    assert not {"1", "2"} & set(below)


def test_a_coding_of_a_private_table_still_finds_its_patients(private_cases: pd.DataFrame) -> None:
    book = codebook_of(private_cases)
    codings = {"first": {"out": {"why": "a test", "drop": ["Smith-000"]}}}
    cases = cp.read_cases(private_cases.copy(), replace(book, codings=codings))
    assert len(cp.recode(cases, first="out")) == 23
