"""Of a table that is not public nothing that may tell who somebody is leaves it: not one of these words does."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest
import xarray as xr
from matplotlib.text import Text

import casepool as cp
from tests.small import half_normal, normal, response_model

CANARY = "zzcanary"
CODEBOOK = f"""
public = false
id = "patient"
publication = "{CANARY}_paper"
title = "Cases"

[columns.patient]
type = "text"
[columns.site]
type = "category"
levels = ["limb", "trunk"]
[columns.sex]
type = "category"
levels = ["F", "M"]
[columns.response]
type = "ordered"
levels = ["no", "yes"]
[columns.{CANARY}_nickname]
type = "category"
[columns.{CANARY}_remark]
type = "text"
[columns.{CANARY}_born]
type = "date"
role = "birth"
[columns.{CANARY}_diagnosed]
type = "date"
[columns.{CANARY}_seen]
type = "date"
role = "time"
[file]
time_zero = "{CANARY}_diagnosed"
[columns.{CANARY}_paper]
type = "category"

[codings.evaluable.strict]
why = "patient {CANARY}7 died of {CANARY}"
drop = ["{CANARY}7"]
"""
MODEL = response_model(
    {"site": {"kind": "group"}, "sex": {"kind": "category"}},
    {"intercept": normal(1.5), "site_sd": half_normal(1.0), "sex_effect": normal(1.0)},
)


def leaks(text: str) -> bool:
    """Whether a word that must not leave is in a text, or one of the dates."""
    return CANARY in text.lower() or re.search(r"\b19[5-8]\d-[01]\d", text) is not None


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve patients in a folder whose name, cells, columns and codings hold what must not leave."""
    folder = tmp_path_factory.mktemp("clinics") / f"{CANARY}_clinic"
    folder.mkdir()
    (folder / "codebook.toml").write_text(CODEBOOK, encoding="utf-8")
    pd.DataFrame(
        {
            "patient": [f"{CANARY}{i}" for i in range(12)],
            "site": ["limb"] * 10 + ["trunk"] * 2,
            "sex": ["F", "M", "M"] * 4,
            "response": ["yes", "no", "yes", "yes"] * 3,
            f"{CANARY}_nickname": [f"{CANARY}{i % 3}" for i in range(12)],
            f"{CANARY}_remark": [f"{CANARY} was seen {i} times" for i in range(12)],
            f"{CANARY}_born": [f"19{50 + i}-01-05" for i in range(12)],
            f"{CANARY}_diagnosed": [f"1985-0{1 + i % 9}-1{i % 10}" for i in range(12)],
            f"{CANARY}_seen": [f"198{6 + i % 3}-11" for i in range(12)],
            f"{CANARY}_paper": [f"{CANARY} {i % 2}" for i in range(12)],
        }
    ).to_csv(folder / "cases.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def fit(folder: Path) -> xr.DataTree:
    return cp.fit(MODEL, folder, seed=1, engine="lockstep", progress=False)


def test_a_fit_holds_none(fit: xr.DataTree, tmp_path: Path) -> None:
    assert not leaks(str(fit.to_dict()))
    assert not leaks(json.dumps({str(key): str(value) for key, value in fit.attrs.items()}))
    assert not leaks(cp.save_fit(fit, tmp_path / "fit.nc").read_bytes().decode("latin-1"))


def test_tables_hold_none(fit: xr.DataTree, folder: Path) -> None:
    tables = [
        *(cp.estimates(fit, by, target=target) for by in (None, "site", "sex") for target in ("observed", "new")),
        *(cp.contrast(fit, by) for by in ("site", "sex")),
        *(cp.classical(MODEL, folder, by) for by in (None, "site", "sex")),
        cp.ranking(fit, "site"),
        cp.ledger(fit, "site"),
        cp.aliasing(fit),
        cp.power_scaling(fit),
        cp.coefficients(fit),
        cp.check(fit, progress=False),
        cp.leave_out(fit, "site", progress=False),
        *(cp.characteristics(folder, by) for by in (None, "site")),
        cp.flow(fit),
        cp.predict(fit, pd.DataFrame({"in_fit": ["1", "2"]})),
        cp.variants(fit, "site", cases=folder, progress=False),
    ]
    for table in tables:
        assert not leaks(table.to_csv())


def test_a_page_holds_none(fit: xr.DataTree, tmp_path: Path) -> None:
    page = cp.report(fit, tmp_path / "page.html", progress=False).read_text(encoding="utf-8")
    assert not leaks(page)


def test_a_page_made_beside_the_table_holds_none(
    fit: xr.DataTree, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There the whole table is at hand, and the page tells of every patient in it."""
    monkeypatch.chdir(folder.parent)
    page = cp.report(fit, tmp_path / "page.html", progress=False).read_text(encoding="utf-8")
    assert "the full table was at hand" in page
    assert not leaks(page)


def test_figures_hold_none(fit: xr.DataTree, folder: Path) -> None:
    raw = cp.classical(MODEL, folder, "site")
    for table in (cp.estimates(fit, "site"), cp.compare(cp.estimates(fit, "site"), raw)):
        texts = [text.get_text() for text in cp.plot_forest(table).figure.findobj(Text)]
        assert not [text for text in texts if leaks(text)]


def test_a_multiverse_and_its_journal_hold_none(folder: Path, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    asked = {"by": "sex", "seed": 1, "engine": "lockstep", "journal": journal, "progress": False}
    assert not leaks(cp.multiverse(MODEL, folder, **asked).to_csv())
    assert not leaks(journal.read_text(encoding="utf-8"))


@pytest.mark.parametrize("column", [f"{CANARY}_nickname", f"{CANARY}_paper", f"{CANARY}_remark"])
def test_nothing_is_split_by_labels_nobody_listed(fit: xr.DataTree, folder: Path, column: str) -> None:
    for asked in (lambda: cp.estimates(fit, column), lambda: cp.classical(MODEL, folder, column)):
        with pytest.raises(cp.CasepoolError, match="not public") as refused:
            asked()
        assert f"{CANARY}0" not in str(refused.value)
