"""Numbers still followed: counted patient by patient, and bounded by every date an exposure may have begun at."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import casepool as cp

AT = [0.0, 2.0, 6.0, 12.0, 24.0, 30.0, 48.0]


@pytest.fixture(scope="module")
def table(survival_fit: xr.DataTree) -> pd.DataFrame:
    return cp.followed(survival_fit, at=AT).set_index(["at", "level"])


@pytest.fixture(scope="module")
def cases() -> pd.DataFrame:
    cases = cp.load("alk_crizotinib")
    return cases[cases["os_months"].notna()].reset_index(drop=True)


def test_whoever_is_followed_to_a_time_counts_there(table: pd.DataFrame, cases: pd.DataFrame) -> None:
    for time in AT:
        wanted = (cases["os_months"] >= time).sum()
        assert table.loc[(time, "everyone"), ["n", "least", "most"]].tolist() == [wanted] * 3


def test_arms_add_up_to_everyone_and_bounds_are_reached(table: pd.DataFrame, cases: pd.DataFrame) -> None:
    """Wherever dates lie within their intervals the exposed are within the bounds, which the ends reach."""
    ever = cases["surgery_any"].fillna(False).to_numpy(bool)
    time = cases["os_months"].to_numpy(float)
    early = np.where(ever, cases["surgery_earliest"].fillna(0.0).to_numpy(float), np.inf)
    late = np.where(ever, np.fmin(cases["surgery_latest"].to_numpy(float, na_value=np.nan), time), np.inf)
    rng = np.random.default_rng(1)
    places = [0.0, 1.0, *rng.random((20, len(time)))]
    for at in AT[1:]:
        counts = []
        for place in places:
            begins = np.where(ever, early + place * (np.where(ever, late, 0.0) - np.where(ever, early, 0.0)), np.inf)
            counts.append(int(((begins < at) & (time >= at)).sum()))
        least, most = table.loc[(at, "operated"), ["least", "most"]]
        assert (most, least) == (counts[0], counts[1])
        assert all(least <= count <= most for count in counts)
        other = table.loc[(at, "never operated")]
        assert other["least"] + most == other["most"] + least == table.loc[(at, "everyone"), "n"]


def test_a_number_is_given_only_where_it_is_known(table: pd.DataFrame) -> None:
    known = table["least"] == table["most"]
    assert (table.loc[known, "n"] == table.loc[known, "least"]).all()
    assert table.loc[~known, "n"].isna().all()
    assert 0 < known.sum() < len(known)


def test_levels_of_a_column_add_up_and_nobody_comes_back(survival_fit: xr.DataTree) -> None:
    table = cp.followed(survival_fit, "histology", at=AT)
    sums = table[table["level"] != "everyone"].groupby("at")["n"].sum()
    assert sums.tolist() == table[table["level"] == "everyone"]["n"].tolist()
    for _, own in table.groupby("level"):
        assert own["n"].is_monotonic_decreasing


def test_groups_fixed_at_baseline_have_no_bounds(baseline_fit: xr.DataTree) -> None:
    table = cp.followed(baseline_fit, at=[0.0])
    assert table["n"].tolist() == [28, 18, 10]
    assert (table["least"] == table["most"]).all()


def test_times_are_those_of_the_survival_table(survival_fit: xr.DataTree, response_fit: xr.DataTree) -> None:
    told = cp.survival(survival_fit).query("unit == 'probability' and kind == 'value'")["at"]
    assert list(dict.fromkeys(cp.followed(survival_fit)["at"])) == list(dict.fromkeys(told))
    with pytest.raises(cp.CasepoolError, match="no survival model"):
        cp.followed(response_fit)
