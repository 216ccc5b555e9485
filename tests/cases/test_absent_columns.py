"""What a codebook names must be there: refused when the table is read, before any sampler is asked."""

import tomllib

import pandas as pd
import pytest

import casepool as cp
from casepool.cases.codebook import codebook_from_dict
from casepool.errors import CasepoolError

FRAME = pd.DataFrame({"patient": [1, 2], "centre": ["x", "y"], "dose": [1.0, 2.0]})
CODEBOOK = '[columns.centre]\ntype = "category"\n'
ABSENT = [
    ('publication = "nope"\n', "`publication` of the codebook"),
    ('id = "nope"\n', "`id` of the codebook"),
    ('[columns.nope]\ntype = "number"\n', "the codebook"),
    ('[codings.a.b]\nuse = {nope = "centre"}\n', "[codings.a.b]"),
    ('[codings.a.b]\nuse = {centre = "nope"}\n', "[codings.a.b]"),
    ("[codings.a.b]\nset = [{patient = 1, nope = 3}]\n", "[codings.a.b]"),
]


def folder(tmp_path, codebook, frame=FRAME):
    frame.to_csv(tmp_path / "cases.csv", index=False)
    (tmp_path / "codebook.toml").write_text(codebook)
    return tmp_path


@pytest.mark.parametrize(("lines", "key"), ABSENT)
def test_a_column_that_is_not_there_is_refused_by_the_key_that_names_it(lines, key, tmp_path):
    text = lines + CODEBOOK if not lines.startswith("[") else CODEBOOK + lines
    said = cp.validate(folder(tmp_path, text))
    (row,) = said[said["severity"] == "error"].to_dict("records")
    assert row["column"] == "nope"
    assert f"which {key} names" in row["problem"]
    assert row["remedy"] == "the columns are patient, centre, dose"
    for read in (lambda: cp.read_cases(tmp_path), lambda: cp.read_cases(FRAME, tmp_path / "codebook.toml")):
        with pytest.raises(CasepoolError, match="'nope'"):
            read()


def test_a_frame_without_a_column_carries_nothing_that_names_it():
    text = 'publication = "centre"\n' + CODEBOOK
    text += '[codings.a.b]\nuse = {centre = "dose"}\n[codings.c.d]\nuse = {dose = "dose"}\n'
    frame = cp.read_cases(FRAME, codebook_from_dict(tomllib.loads(text)))
    less = cp.read_cases(frame.drop(columns="centre"))
    assert less.attrs["codebook"]["publication"] == ""
    assert list(less.attrs["codebook"]["codings"]) == ["c"]
    assert cp.read_cases(frame).attrs["codebook"] == frame.attrs["codebook"]


@pytest.mark.parametrize("name", ["nope", "nope.toml", "objective_response.toml", "", "a" * 300 + ".toml"])
def test_report_lists_models_that_are_there(name, tmp_path):
    path = folder(tmp_path, f'report = ["objective_response", "{name}"]\n' + CODEBOOK)
    with pytest.raises(CasepoolError, match="there is no such model") as refused:
        cp.read_cases(path)
    assert refused.value.column == "report"
    assert refused.value.value == name
    if name == "nope.toml":
        (tmp_path / name).write_text("")
        assert len(cp.read_cases(path)) == 2


@pytest.mark.parametrize(("key", "value"), [("sheet", "one"), ("separator", ";;"), ("decimal", ";"), ("encoding", "x")])
def test_a_key_of_the_file_is_read_or_refused(key, value, tmp_path):
    with pytest.raises(CasepoolError, match=value):
        cp.read_cases(folder(tmp_path, CODEBOOK + f'[file]\n{key} = "{value}"\n'))


@pytest.mark.parametrize("key", ["separator", "encoding"])
def test_a_workbook_has_none_of_the_keys_of_a_text_file(key, tmp_path):
    book = codebook_from_dict({"file": {key: ","}})
    FRAME.to_excel(tmp_path / "cases.xlsx", index=False)
    with pytest.raises(CasepoolError, match=f"a workbook has no {key}"):
        cp.read_cases(tmp_path / "cases.xlsx", book)
