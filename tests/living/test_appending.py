"""A row goes below those of a file in the file's own writing, every byte of which stays; else it is refused."""

import io
from pathlib import Path

import pandas as pd
import pytest

import casepool as cp
from casepool.cases.appending import with_rows
from casepool.cases.codebook import Codebook, codebook_from_dict
from tests.living.datasets import ROWS, files, grown, small

PLAIN = "patient,age,note\n1,30.5,a\n2,41.25,b\n"
NEW = {"patient": 3, "age": 7.75, "note": 'é, "two"; and\n one more'}
WRITTEN = {
    "commas": PLAIN.encode(),
    "no last line end": PLAIN.removesuffix("\n").encode(),
    "line ends of Windows": PLAIN.replace("\n", "\r\n").encode(),
    "line ends of old": PLAIN.replace("\n", "\r").encode(),
    "tabs": PLAIN.replace(",", "\t").encode(),
    "semicolons": PLAIN.replace(",", ";").encode(),
    "decimal commas": PLAIN.replace(",", ";").replace(".", ",").encode(),
    "a mark": PLAIN.encode("utf-8-sig"),
    "UTF-16": PLAIN.encode("utf-16"),
    "UTF-16, the other way": b"\xfe\xff" + PLAIN.encode("utf-16-be"),
    "Windows-1252": PLAIN.replace("a\n", "ä\n").encode("cp1252"),
    "the separator told": b"sep=;\n" + PLAIN.replace(",", ";").encode(),
    "a title": b"Patients of 2024\n\n" + PLAIN.encode(),
    "an empty column": PLAIN.replace("\n", ",\n").encode(),
    "empty rows below": PLAIN.encode() + b"\n\n",
}


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize("number", [1, 2])
def test_a_row_is_read_back_as_it_was_given(name: str, number: int) -> None:
    data, path, book = WRITTEN[name], Path("cases.csv"), Codebook()
    rows = [NEW | {"patient": 3 + i} for i in range(number)]
    content, sheet = with_rows(data, path, book, rows)
    assert content.startswith(data)
    before, after = with_rows(data, path, book, [])[1].frame, sheet.frame
    pd.testing.assert_frame_equal(after[:2], before)
    for i in range(number):
        assert after.loc[2 + i, ["patient", "age", "note"]].tolist() == [str(3 + i), "7.75", NEW["note"]]
    assert content.count(b"\r\n") in (0, len(after) + 1, content.count(b"\n"))


def test_a_letter_that_the_encoding_lacks_is_refused() -> None:
    with pytest.raises(cp.CasepoolError, match=r"cases\.csv.*cp1252.*'Ж'.*UTF-8"):
        with_rows(WRITTEN["Windows-1252"], Path("cases.csv"), Codebook(), [NEW | {"note": "Ж"}])


def workbook() -> bytes:
    held = io.BytesIO()
    pd.read_csv(io.StringIO(PLAIN)).to_excel(held, index=False)
    return held.getvalue()


def parquet() -> bytes:
    held = io.BytesIO()
    pd.read_csv(io.StringIO(PLAIN)).to_parquet(held)
    return held.getvalue()


@pytest.mark.parametrize(("made", "kind"), [(workbook, "an Excel workbook"), (parquet, "a Parquet file")])
def test_other_formats_are_refused_by_name(made, kind: str) -> None:
    with pytest.raises(cp.CasepoolError, match=f"this is {kind}, to which no row is added.*CSV.*was="):
        with_rows(made(), Path("cases.csv"), Codebook(), [NEW])


@pytest.mark.parametrize(
    ("data", "file"),
    [(PLAIN + "* as seen by two readers at the time,,\n", {}), (PLAIN, {"last": 3})],
    ids=["a note below", "a last row"],
)
def test_what_ends_a_table_is_refused(data: str, file: dict) -> None:
    book = codebook_from_dict({"file": file} if file else {})
    with pytest.raises(cp.CasepoolError, match=r"would not be read as one of the table.*remove what stands below"):
        with_rows(data.encode(), Path("cases.csv"), book, [NEW])


REFUSED = {
    "an unknown column": ({"patient": "i", "sight": "limb"}, r"column 'sight'.*did you mean 'site'"),
    "an identifier there is": (
        {"patient": "a", "site": "limb"},
        r"row 9, line 10.*'patient'.*twice, first in row 1",
    ),
    "no identifier": ({"site": "limb"}, r"row 9.*column 'patient'"),
    "an unknown code": ({"patient": "i", "response": "maybe"}, r"row 9.*column 'response'.*one of no, yes.*'maybe'"),
    "no number": ({"patient": "i", "months": "few"}, r"row 9.*column 'months'.*'few'"),
    "a near-twin": ({"patient": "i", "site": "Limb"}, r"column 'site'.*'Limb'"),
    "an event without a time": ({"patient": "i", "died": True}, r"row 9.*months"),
    "a table": ({"patient": {"a": 1}}, "column 'patient'.*stands in no cell"),
    "an infinity": ({"patient": "i", "months": float("inf")}, "column 'months'.*stands in no cell"),
    "a list in a cell of one": ({"patient": "i", "site": ["limb"]}, "column 'site'.*stands in no cell"),
    "nothing": ({}, "this is no case"),
    "an empty list": ([], "this is no case"),
    "the same twice": ([{"patient": "i"}, {"patient": "i"}], "appears twice"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_case_that_cannot_be_is_refused_and_nothing_is_written(tmp_path: Path, name: str) -> None:
    folder, (case, said) = small(tmp_path / "made", "response", "survival"), REFUSED[name]
    before = files(folder)
    with pytest.raises(cp.CasepoolError, match=said) as refusal:
        grown(folder, case)
    assert "\n" not in str(refusal.value)
    assert files(folder) == before


ELSE = {
    "a decision": ({"coding": {"case_z": "x"}}, "case_z"),
    "a choice": ({"coding": {"case_b": "x"}}, "case_b.*x"),
    "a model": ({"priors": {"other": {"site_sd": {"why": "w"}}}}, "no reported model.*response"),
    "a prior": ({"priors": {"response": {"sight_sd": {"dist": "HalfNormal", "sigma": 1, "why": "w"}}}}, "sight_sd"),
    "no reason": ({"priors": {"response": {"site_sd": {"dist": "HalfNormal", "sigma": 1}}}}, "needs a reason"),
    "no priors": ({"priors": {"response": {}}}, "no priors of models"),
    "no table": ({"was": "nowhere.csv"}, "nowhere.csv.*no such file"),
}


@pytest.mark.parametrize("name", ELSE)
def test_what_else_cannot_be_is_refused_and_nothing_is_written(tmp_path: Path, name: str) -> None:
    folder, (asked, said) = small(tmp_path / "made"), ELSE[name]
    before = files(folder)
    with pytest.raises(cp.CasepoolError, match=said):
        grown(folder, **asked)
    assert files(folder) == before


def test_a_folder_that_is_none_or_reports_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(cp.CasepoolError, match=r"no dataset's folder.*a bundled dataset is copied first"):
        grown("alk_crizotinib")
    folder = small(tmp_path / "made")
    book = (folder / "codebook.toml").read_text("utf-8").replace('report = ["response.toml"]', "")
    (folder / "codebook.toml").write_text(book, "utf-8")
    with pytest.raises(cp.CasepoolError, match=r"codebook\.toml, column 'report': the codebook lists no models"):
        grown(folder)
    for told in (cp.history, cp.verify):
        with pytest.raises(cp.CasepoolError, match=r"history\.jsonl: this dataset has no history"):
            told(folder)


def test_a_cell_that_makes_a_guessed_column_another_is_refused(tmp_path: Path) -> None:
    folder = small(tmp_path / "made")
    book = (folder / "codebook.toml").read_text("utf-8").replace('[columns.months]\ntype = "number"\n', "")
    (folder / "codebook.toml").write_text(book, "utf-8")
    with pytest.raises(cp.CasepoolError, match=r"column 'months'.*read as number so far.*columns\.months"):
        grown(folder, {"patient": "i", "months": "few"})


def test_a_case_file_says_the_same_as_a_mapping(tmp_path: Path) -> None:
    one, other = (small(tmp_path / name, "response") for name in ("one", "other"))
    file = tmp_path / "case.toml"
    file.write_text('[[case]]\npatient = "i"\nsite = "limb"\nmonths = 3.5\n[[case]]\npatient = "j"\ndied = false\n')
    grown(one, file)
    grown(other, [{"patient": "i", "site": "limb", "months": 3.5}, {"patient": "j", "died": False}])
    assert (one / "cases.csv").read_text("utf-8") == (other / "cases.csv").read_text("utf-8")
    assert (one / "cases.csv").read_text("utf-8") == ROWS + "i,limb,,3.5,,\nj,,,,false,\n"
    file.write_text('patient = "k"\nsight = 1\n')
    with pytest.raises(cp.CasepoolError, match=r"sight.*case\.toml|case\.toml.*sight"):
        grown(one, file)
