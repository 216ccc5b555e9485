"""Levels stand in one order, whatever the order of the table they are read from."""

import pandas as pd
import pytest
import xarray as xr

import casepool as cp
from casepool.estimation.draws import open_draws
from casepool.estimation.level_order import in_order, own_order
from casepool.tables import level_order


def test_everyone_then_the_largest_then_by_name_then_nobody_then_the_unseen(response_fit: xr.DataTree) -> None:
    table = in_order(
        pd.concat([cp.estimates(response_fit, "partner", target="new"), cp.estimates(response_fit, target="new")])
    )
    levels, n = table["level"].tolist(), table["n"].tolist()
    assert levels[0] == "everyone"
    assert levels[-1] == "(unseen level)"
    inside = list(zip(n, levels, strict=True))[1:-1]
    assert inside == sorted(inside, key=lambda pair: (-pair[0], pair[1]))
    assert len({count for count, _ in inside}) < len(inside)  # some are equal, so that names decide


def test_the_order_of_rows_before_does_not_matter(response_fit: xr.DataTree) -> None:
    table = cp.estimates(response_fit, "partner")
    for seed in (1, 2):
        shuffled = table.sample(frac=1, random_state=seed)
        assert in_order(shuffled)["level"].tolist() == in_order(table)["level"].tolist()


def test_levels_with_an_order_of_their_own_keep_it(age_fit: xr.DataTree, survival_fit: xr.DataTree) -> None:
    """Children before adults, although there are more adults; never before ever operated."""
    groups = cp.estimates(age_fit, "age")
    assert groups.loc[0, "n"] < groups.loc[1, "n"]
    assert in_order(groups, own_order(open_draws(age_fit), "age"))["level"].tolist() == ["under 18", "18 and over"]
    assert in_order(groups)["level"].tolist() == ["18 and over", "under 18"]
    assert own_order(open_draws(survival_fit), "surgery") == ("never operated", "operated")
    assert own_order(open_draws(age_fit), "histology") == ()


def test_no_row_is_lost_and_times_stay_together(survival_fit: xr.DataTree) -> None:
    table = cp.survival(survival_fit, at=[12, 24])
    ordered = in_order(table, own_order(open_draws(survival_fit), "surgery"))
    assert sorted(ordered["estimand"]) == sorted(table["estimand"])
    values = ordered[ordered["kind"] == "value"]
    assert values["level"].tolist() == sorted(values["level"])  # "never operated" before "operated": two runs
    for level in ("never operated", "operated"):
        before = table[(table["level"] == level) & (table["kind"] == "value")]
        assert values[values["level"] == level]["estimand"].tolist() == before["estimand"].tolist()


@pytest.mark.parametrize("n", [[0, 0, 3], [0.0, 0.0, 1.0]])
def test_a_level_without_patients_stands_behind_those_with(n: list[float]) -> None:
    assert level_order(["a", "(unseen level)", "z"], n) == [2, 0, 1]
