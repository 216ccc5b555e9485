"""When the reported strategy starts: as the model file says, 0 included, or as the cases as recorded have it."""

import re
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import casepool as cp
from casepool.cases import Codebook, Column
from casepool.estimation.curves import begins_at, strategies
from casepool.estimation.draws import open_draws
from casepool.inference.fit_contents import cases_of, model_of
from casepool.inference.fitting import again
from casepool.modelling import make_design, model_from_dict
from casepool.modelling.specification.model import model_dict
from tests.small import normal, survival_model

OLD = Path(__file__).parents[1] / "oracle" / "fits" / "exposure_uniform.nc"
FIRST = [2.0, 4, None, 9, None, 11, None, None]
LAST = [2.0, 8, None, 15, None, 11, None, None]
"""Starts at 2 and 11, in intervals with the middles 6 and 12, and of one patient at any time: the median is 8.5."""


def cases(first: list | None = None, last: list | None = None, **columns: object) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "patient": [f"P{i}" for i in range(8)],
            "time": [30.0, 40, 20, 35, 90, 31, 12, 33],
            "event": [True, True, False, True, False, True, True, False],
            "surgery": [True, True, False, True, True, True, False, False],
            "first": FIRST if first is None else first,
            "last": LAST if last is None else last,
            **columns,
        }
    )


def asked(**exposure: object) -> cp.Model:
    dated = {"earliest": "first", "latest": "last", "dating": "uniform"}
    return survival_model({"intercept": normal(1.5, -3), "surgery_effect": normal(1)}, exposure=dated | exposure)


def fitted(model: cp.Model, table: pd.DataFrame | None = None) -> xr.DataTree:
    return cp.fit(model, cases() if table is None else table, seed=1, engine="auto", draws=250, progress=False)


def start_of(fit: xr.DataTree) -> float:
    """Where the strategy begins that `survival` reports."""
    return strategies(open_draws(fit), None)[1].switch


@pytest.fixture(scope="module")
def open_fit() -> xr.DataTree:
    return fitted(asked())


@pytest.mark.parametrize("start", [None, 0.0, 6.0])
def test_an_unset_start_is_none_and_0_is_kept_on_every_round_trip(start: float | None, tmp_path: Path) -> None:
    model = asked(**({} if start is None else {"report_start": start}))
    plain = model_dict(model)
    assert model.exposures["surgery"].report_start == start
    assert plain["exposure"]["surgery"].get("report_start") == start
    for written in (plain, tomllib.loads(model.to_toml())):
        assert model_from_dict(written, name=model.name) == model
    path = cp.save_fit(fitted(model), tmp_path / "fit.nc")
    kept = cp.open_fit(path or tmp_path / "fit.nc")
    assert model_of(kept).exposures["surgery"].report_start == start
    assert start_of(kept) == (8.5 if start is None else start)


def test_a_whole_number_is_a_start_too_and_none_before_time_zero() -> None:
    assert asked(report_start=3).exposures["surgery"].report_start == 3.0
    with pytest.raises(cp.CasepoolError, match="must not be negative"):
        asked(report_start=-1.0)
    with pytest.raises(cp.CasepoolError, match="must be a number"):
        asked(report_start="soon")


def test_a_fit_of_0_1_0_without_the_key_keeps_0_and_so_do_its_refits() -> None:
    old = cp.open_fit(OLD)
    assert model_of(old).exposures["surgery"].report_start == 0.0
    assert start_of(old) == 0.0
    assert not cp.survival(old)["note"].str.contains("as recorded").any()
    assert start_of(fitted(model_of(old), cases_of(old))) == 0.0


@pytest.mark.parametrize(
    ("first", "last", "start"),
    [
        (FIRST, LAST, 8.5),
        ([2.0, 4, None, 9, 1, 11, None, None], [2.0, 8, None, 15, 1, 11, None, None], 6.0),
        ([None] * 8, [None] * 8, 17.5),  # nobody dated: the middles of 30, 40, 35, 90 and 31
    ],
)
def test_the_default_is_the_median_of_known_starts_and_of_middles_of_intervals(first, last, start) -> None:
    assert make_design(asked(), cases(first, last)).typical_start == start


def test_where_nobody_was_exposed_it_is_time_zero() -> None:
    design = make_design(asked(), cases(surgery=[False] * 8))
    assert design.typical_start == 0.0


def test_patients_left_out_leave_it_where_it_was() -> None:
    design = make_design(asked(), cases())
    assert design.of_patients(np.arange(8) > 1).typical_start == design.typical_start == 8.5


def test_the_row_says_a_start_that_nobody_chose_and_no_other(open_fit: xr.DataTree) -> None:
    said = "a start at 8.5 months, the median known or mid-interval start of the cases as recorded"
    table = cp.survival(open_fit)
    assert table["estimand"].str.contains("month 8.5").any()
    assert table.loc[table["by"] == "surgery", "note"].str.contains(said).all()
    assert not cp.survival(open_fit, start=5.0)["note"].str.contains("as recorded").any()
    assert not cp.survival(fitted(asked(report_start=5.0)))["note"].str.contains("as recorded").any()


@pytest.mark.parametrize(("start", "noted"), [(0.0, True), (1.9, True), (2.0, False), (9.0, False), (15.1, True)])
def test_a_strategy_that_starts_where_no_patient_did_is_noted(start: float, noted: bool) -> None:
    """Without the patient of whom no date is known, starts lie between 2 and 15."""
    dated = cases(surgery=[True, True, False, True, False, True, False, False])
    found = cp.survival(fitted(asked(report_start=start), dated))["note"]
    assert found.str.contains("is one that no patient of the fit had").all() == noted
    assert found.str.contains("is one that no patient of the fit had").any() == noted


def test_refits_of_a_fit_start_where_it_does(open_fit: xr.DataTree) -> None:
    variant = replace(model_of(open_fit), priors=model_of(open_fit).priors | asked().priors)
    assert [start_of(fit) for fit in again(open_fit, [variant, None], progress=False)] == [8.5, 8.5]


def test_a_multiverse_starts_alike_whatever_a_coding_makes_of_the_dates() -> None:
    later = [None if a is None else a + 3.0 for a in FIRST], [None if b is None else b + 3.0 for b in LAST]
    columns = {name: Column("number", unit="months") for name in ("time", "first", "last", "first_late", "last_late")}
    columns |= {"event": Column("boolean"), "surgery": Column("boolean")}
    late = {"why": "as the text has it", "use": {"first": "first_late", "last": "last_late"}}
    book = Codebook(name="small", columns=columns, codings={"dates": {"late": late}})
    table = cp.read_cases(cases(first_late=later[0], last_late=later[1]), book)
    told = cp.multiverse(
        asked(), table, by="surgery", seed=1, engine="auto", estimand="survival", draws=250, progress=False
    )
    strategy = told["estimand"].str.extract(r"at month ([\d.]+) if")[0].dropna()
    assert set(told["dates"]) == {"as_recorded", "late"}
    assert set(strategy) == {"8.5"}
    assert start_of(fitted(asked(), cases(*later))) == 11.5


def test_an_ever_never_comparison_has_no_start() -> None:
    fit = fitted(asked(**{"as": "baseline"}))
    opened = open_draws(fit)
    assert begins_at(opened, opened.model.exposures["surgery"], None) == 0.0
    assert "report_start" not in fit.attrs
    assert model_of(fit).exposures["surgery"].report_start is None


def private(count: int, *, known: bool = True) -> pd.DataFrame:
    """Cases that are not public, of whom `count` were exposed, with known dates or in intervals."""
    exposed = [place < count for place in range(8)]
    first = [3.37 + 2.5 * place if ever else None for place, ever in enumerate(exposed)]
    last = first if known else [None if a is None else a + 1.5 for a in first]
    columns = {name: Column("number", unit="months") for name in ("time", "first", "last")}
    columns |= {"event": Column("boolean"), "surgery": Column("boolean")}
    return cp.read_cases(cases(first, last, surgery=exposed), Codebook(public=False, columns=columns))


@pytest.mark.parametrize(("count", "known"), [(1, True), (2, False)])
def test_of_a_private_table_the_start_of_one_or_two_patients_is_withheld(count: int, known: bool, tmp_path) -> None:
    """The median of one is that patient's own date, and of two, for who knows one of them, the other's."""
    fit = fitted(asked(), private(count, known=known))
    fit = cp.open_fit(cp.save_fit(fit, tmp_path / "fit.nc"))
    told = cp.survival(fit)
    assert start_of(fit) == 0.0
    assert (
        told["note"].str.contains("at time zero, as fewer than 3 patients have a known one and theirs is withh").all()
    )
    own = [f"{3.37 + shift:g}" for shift in (0, 0.75, 1.25, 2.0, 2.5, 3.25)]
    for table in (told, cp.contrast(fit, "surgery"), *map(cp.survival, again(fit, [None], progress=False))):
        assert not re.search(
            rf"(?<![\d.])({'|'.join(map(re.escape, own))})(?!\d)", table[["estimand", "note"]].to_csv()
        )
    asked_for = cp.survival(fit, start=5.0)
    assert asked_for["estimand"].str.contains("month 5 if").any()
    assert not asked_for["note"].str.contains("withheld").any()


def test_of_three_patients_or_where_the_file_says_it_the_start_is_told() -> None:
    assert start_of(fitted(asked(), private(3))) == pytest.approx(5.87)
    assert start_of(fitted(asked(report_start=3.37), private(1))) == 3.37
    assert make_design(asked(), cases([3.25] + [None] * 7, [3.25] + [None] * 7)).typical_start == 3.25


@pytest.mark.parametrize("public", [True, False])
def test_the_last_follow_up_is_told_of_public_tables_alone(public: bool) -> None:
    table = cases(surgery=[True] * 4 + [False] * 4).drop(columns=["first", "last"]).replace({"time": {90: 93.75}})
    columns = {"time": Column("number", unit="months"), "event": Column("boolean"), "surgery": Column("boolean")}
    table = cp.read_cases(table, Codebook(public=public, columns=columns))
    model = survival_model({"intercept": normal(1.5, -3), "surgery_effect": normal(1)}, exposure={"as": "baseline"})
    fit = fitted(model, table)
    told = [cp.survival(fit, at=[6, 120.0]), cp.classical(model, table, "surgery", at=[6, 120.0])]
    for each in told:
        assert each["note"].str.contains("beyond the last follow-up").any()
        assert ("93.75" in each[["estimand", "note"]].to_csv()) == public
    axes = cp.plot_survival(fit)
    assert ("93.75" in axes.get_title(loc="left")) == public
