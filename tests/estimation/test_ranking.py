"""Ranks of levels, and regions of practical equivalence."""

import numpy as np
import pytest
import xarray as xr

import casepool as cp
from casepool.tables import COLUMNS, POSTERIOR_COLUMNS


def test_rank_probabilities_sum_to_one_over_levels_and_over_ranks(response_fit: xr.DataTree) -> None:
    table = cp.ranking(response_fit, "histology")
    assert tuple(table.columns) == COLUMNS + POSTERIOR_COLUMNS
    ranks = table[table["estimand"].str.startswith("P(rank)")]
    for column in ("level", "at"):
        np.testing.assert_allclose(ranks.groupby(column, sort=False)["estimate"].sum(), 1, rtol=1e-12)
    best = table[table["estimand"].str.startswith("P(highest")].set_index("level")["estimate"]
    assert (best == ranks[ranks["at"] == 1].set_index("level")["estimate"]).all()


def test_small_levels_of_like_rates_may_have_any_rank(response_fit: xr.DataTree) -> None:
    rows = cp.ranking(response_fit, "histology")
    rows = rows[rows["unit"] == "rank"].set_index("level")
    assert len(rows) == 7
    assert (rows["lower"] == 1).all()
    assert (rows["upper"] == 7).all()
    assert rows.loc["EIMT", "mean"] < rows.loc["IMT", "mean"]


def test_levels_that_are_the_same_patients_share_their_ranks(response_fit: xr.DataTree) -> None:
    table = cp.ranking(response_fit, "partner", target="observed").set_index("level")
    best = table[table["estimand"].str.startswith("P(highest")]["estimate"]
    assert best["HIP1"] == best["KLC1"] == best["MPRIP"]
    assert best.sum() == pytest.approx(1, rel=1e-12)


def test_two_levels_rank_as_their_contrast_says(age_fit: xr.DataTree) -> None:
    ranks = cp.ranking(age_fit, "age")
    best = ranks[ranks["estimand"].str.startswith("P(highest")].set_index("level")["estimate"]
    superior = cp.contrast(age_fit, "age").set_index("estimand")["estimate"]
    earlier, later = best.index
    assert best[later] == superior[f"P({later} reaches PR or CR more often than {earlier})"]


def test_equivalence_is_the_share_of_differences_inside_and_only_told_when_asked(age_fit: xr.DataTree) -> None:
    assert not cp.contrast(age_fit, "age")["estimand"].str.contains("between").any()
    asked = {rope: cp.contrast(age_fit, "age", rope=rope).set_index("estimand") for rope in ((-0.2, 0.2), (-1.0, 1.0))}
    assert asked[-1.0, 1.0].loc["P(risk difference between -1 and 1)", "estimate"] == 1
    row = asked[-0.2, 0.2].loc["P(risk difference between -0.2 and 0.2)"]
    assert 0 < row["estimate"] < 1
    assert np.isnan(row["lower"])
    halves = [cp.contrast(age_fit, "age", rope=rope).set_index("estimand") for rope in ((-0.2, 0.0), (0.0, 0.2))]
    parts = sum(half[half.index.str.contains("between")]["estimate"].iloc[0] for half in halves)
    assert parts == pytest.approx(row["estimate"], rel=1e-12)


@pytest.mark.parametrize("rope", [(0.1, -0.1), (0.1,), 0.1, ("a", "b"), (-2, 2)])
def test_a_region_that_is_none_is_refused(age_fit: xr.DataTree, rope: object) -> None:
    with pytest.raises(cp.CasepoolError, match="rope"):
        cp.contrast(age_fit, "age", rope=rope)


def test_a_survival_contrast_asks_of_its_ratio(survival_fit: xr.DataTree) -> None:
    with pytest.raises(cp.CasepoolError, match="rope of the hazard ratio"):
        cp.contrast(survival_fit, "surgery", rope=(-0.1, 0.1))
    with pytest.raises(cp.CasepoolError, match="rope names an estimand that is not told"):
        cp.contrast(survival_fit, "surgery", rope={"risk difference": (-0.1, 0.1)})
    asked = [cp.contrast(survival_fit, "surgery", rope=own).set_index("estimand")["estimate"]
             for own in ((0.5, 2.0), {"hazard ratio": (0.001, 1.0)})]  # fmt: skip
    ratio = cp.contrast_draws(survival_fit, "surgery")
    assert asked[0]["P(hazard ratio between 0.5 and 2)"] == float(((ratio > 0.5) & (ratio < 2)).mean())
    below = asked[1]
    assert below["P(hazard ratio between 0.001 and 1)"] == pytest.approx(below["P(hazard ratio < 1)"], abs=0.002)
