"""What a report tells of an ordinal model: success, never the first category that comes."""

import xarray as xr

import casepool as cp
from casepool.estimation.draws import open_draws
from casepool.estimation.material import gather
from casepool.reporting.answers import answer, of_success
from casepool.reporting.blocks import Table
from casepool.reporting.questions import chapters_of
from casepool.reporting.response_folds import folds


def test_a_report_tells_of_success(ordinal_age_fit: xr.DataTree) -> None:
    fitted = open_draws(ordinal_age_fit)
    told = of_success(cp.estimates(ordinal_age_fit, "age"), fitted)
    assert list(told["events"]) == [9, 14]
    raw = of_success(cp.classical(fitted.model, "alk_crizotinib", "age"), fitted)
    assert list(raw.loc[raw["method"] == "Wilson", "events"]) == [9, 14]
    pairs = of_success(cp.contrast(ordinal_age_fit, "age"), fitted)
    assert list(pairs["kind"]) == ["difference", "ratio", "ratio", "probability", "ratio", "probability"]


def test_a_plain_response_is_told_as_it_is(age_fit: xr.DataTree) -> None:
    table = cp.estimates(age_fit, "age")
    assert of_success(table, open_draws(age_fit)).equals(table)


def test_a_report_tells_of_every_category(ordinal_age_fit: xr.DataTree) -> None:
    material = gather(ordinal_age_fit)
    [chapter] = chapters_of(material, [answer(material.fits[0], material, progress=False)])
    blocks = [block for fold in folds(material, chapter) for block in fold.blocks]
    tables = {block.caption: block.rows for block in blocks if isinstance(block, Table)}
    by_age = tables["Every category, age"]
    names = ["PD", "SD", "PR", "CR", "at least SD (SD or PR or CR)", "at least PR (PR or CR)", "at least CR"]
    assert [row[0].text for row in by_age] == [f"{g}: {name}" for g in ("under 18", "18 and over") for name in names]
    assert all("%" in cell.text for row in by_age for cell in row[2:])
