"""What a reader of the bundled page sees in a browser: at three widths, in both schemes, without script, in print."""

import os
from pathlib import Path

import pytest
import xarray as xr

import casepool as cp
from tests.reporting.browser import browser, measured, printed
from tests.reporting.pages import Page

IN_GATE = "CASEPOOL_GATE" in os.environ
"""There a browser that is missing fails."""
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (browser() or IN_GATE), reason="there is no Chromium here; the gate installs one"),
]
WIDTHS = (1280, 820, 390)


@pytest.fixture(scope="module")
def path(page: Page, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("browser") / "page.html"
    path.write_text(page.source, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def seen(path: Path) -> dict:
    return measured(path, WIDTHS)


def test_it_is_short_and_its_questions_stand_on_the_first_screen(path: Path, seen: dict) -> None:
    wide = seen[1280]
    assert 1000 < wide["words"] <= 4500
    assert 200 < wide["ql"] <= 800
    assert path.stat().st_size < 1_000_000


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_the_window_cut_or_too_small(seen: dict, width: int) -> None:
    found = seen[width]
    assert found["wide"] <= found["client"]
    assert found["cut"] == found["outside"] == found["small"] == []


def test_words_have_contrast_in_both_schemes(path: Path, seen: dict) -> None:
    dark = measured(path, (1280,), dark=True)[1280]
    assert dark["background"] != seen[1280]["background"]
    assert seen[1280]["faint"] == dark["faint"] == []


def test_every_position_of_a_lever_shows_one_table_and_of_the_filter_its_rows(seen: dict, path: Path) -> None:
    without = measured(path, (1280,), script=False)[1280]
    for found in (seen[1280], without):
        levers = [states for kind, *states in found["levers"] if kind == "lever"]
        assert levers
        assert all(set(states) == {1} for states in levers)
        [rows] = [states for kind, *states in found["levers"] if kind == "filter"]
        assert sum(rows[:-1]) == rows[-1]
    assert without["copy"] == 0 < seen[1280]["copy"]
    assert without["text"].replace("Copy", "").split() == seen[1280]["text"].replace("Copy", "").split()


def test_no_name_of_code_is_seen(seen: dict) -> None:
    words = seen[1280]["text"].split()
    assert [word for word in words if "_" in word] == []
    assert not {*words} & {name for name in cp.list_models() if "_" in name}
    assert "pass" not in words


def test_it_prints_on_few_sheets(path: Path, tmp_path: Path) -> None:
    assert 3 < printed(path, tmp_path / "page.pdf") <= 16


def test_labels_that_are_code_do_nothing(private_fit: xr.DataTree, tmp_path: Path) -> None:
    path = cp.report(private_fit, tmp_path / "private.html", progress=False)
    found = measured(path, (390,))[390]
    assert found["wide"] <= found["client"]
    assert "alert(1)" in found["text"]
