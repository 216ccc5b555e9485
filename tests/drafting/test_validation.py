"""`validate` of a folder looks at its model files: all of them, and all that is still to be said."""

import re
from pathlib import Path

import pandas as pd
import pytest

import casepool as cp
from casepool.cli import main

WHOLE = cp.model("objective_response").to_toml()
CELLS = "patient,best_response,histology,partner,age\na,PR,EIMT,RANBP2,3\nb,SD,IMT,TPM3,40\nc,PD,IMT,TPM3,50\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "cases.csv").write_text(CELLS, encoding="utf-8")
    book = 'report = ["good.toml"]\n[columns.best_response]\ntype = "category"\n[columns.partner]\ntype = "set"\n'
    (tmp_path / "codebook.toml").write_text(book, encoding="utf-8")
    (tmp_path / "good.toml").write_text(WHOLE, encoding="utf-8")
    return tmp_path


def of_models(folder: Path) -> pd.DataFrame:
    found = cp.validate(folder)
    return found[found["rule"] == "model file"]


def test_a_folder_whose_models_fit_its_table_has_no_problem_of_them(folder: Path) -> None:
    assert of_models(folder).empty, of_models(folder).to_dict("records")


def test_all_that_is_still_to_be_said_is_said_at_once(folder: Path) -> None:
    text = re.sub(r"success = \[[^]]*\]", 'success = ["?"]', WHOLE).replace('column = "best_response"', 'column = "?"')
    assert text.count('"?"') == 2
    (folder / "good.toml").write_text(text, encoding="utf-8")
    (folder / "other.toml").write_text(text, encoding="utf-8")
    (folder / "broken.toml").write_text('family = "nothing"\n', encoding="utf-8")
    (folder / "settings.toml").write_text("[tool]\nx = 1\n", encoding="utf-8")  # no model
    found = of_models(folder)
    told = found.groupby("file")["column"].agg(sorted).to_dict()
    assert told == {
        "good.toml": ["outcome.column", "outcome.success"],
        "other.toml": ["outcome.column", "outcome.success"],
        "broken.toml": ["family"],
    }
    assert found.groupby("file")["severity"].agg(set).to_dict() == {
        "good.toml": {"error"},
        "other.toml": {"warning"},
        "broken.toml": {"warning"},
    }


def test_a_listed_model_that_its_table_does_not_fit_is_an_error(folder: Path, capsys) -> None:
    text = (
        WHOLE.replace("[terms.age]", "[terms.ago]").replace("age_effect", "ago_effect").replace("age_mean", "ago_mean")
    )
    text = text.replace("age_spread", "ago_spread")
    (folder / "good.toml").write_text(text, encoding="utf-8")
    [(_, found)] = of_models(folder).iterrows()
    assert found["severity"] == "error"
    assert "ago" in found["value"] + found["column"] + found["problem"]
    with pytest.raises(SystemExit) as left:
        main(["validate", str(folder)])
    assert left.value.code == 2
    assert "ago" in capsys.readouterr().out


def test_a_drafted_folder_says_what_is_open_and_which_priors_nobody_confirmed(tmp_path: Path) -> None:
    cells = "patient,os_months,dead,sex\n" + "".join(f"p{i},{i + 1}.5,{i % 2},{'FM'[i % 2]}\n" for i in range(12))
    (tmp_path / "t.csv").write_text(cells, encoding="utf-8")
    folder = cp.new_dataset(tmp_path / "made", tmp_path / "t.csv")
    found = of_models(folder)
    assert set(found["severity"]) == {"note"}
    assert set(found["column"]) == {f"priors.{name}" for name in cp.model(folder / "survival.toml").unconfirmed}
    assert len(found) > 1


FAULTS = {
    "colour": ('title = "', 'colour = "red"\ntitle = "'),
    "terms.histology.kind": ('[terms.histology]\nkind = "group"', '[terms.histology]\nkind = "gruop"'),
    "terms.age.scale": ("scale = 10.0", 'scale = "ten"'),
    "priors.age_effect": ('[priors.age_effect]\ndist = "Normal"', '[priors.age_effect]\ndist = "Norml"'),
}


def test_every_part_of_a_model_file_that_is_wrong_is_named_at_once(folder: Path) -> None:
    assert of_models(folder).empty
    told = []
    for key, (right, wrong) in FAULTS.items():
        assert WHOLE.count(right) == 1, key
        (folder / "good.toml").write_text(WHOLE.replace(right, wrong), encoding="utf-8")
        told += of_models(folder)[["column", "problem"]].to_numpy().tolist()
    assert len(told) == len(FAULTS)
    text = WHOLE
    for right, wrong in FAULTS.values():
        text = text.replace(right, wrong)
    (folder / "good.toml").write_text(text, encoding="utf-8")
    assert sorted(of_models(folder)[["column", "problem"]].to_numpy().tolist()) == sorted(told)
