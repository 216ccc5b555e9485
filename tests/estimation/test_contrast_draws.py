"""The draws behind a contrast give every number of its table again."""

import numpy as np
import pytest
import xarray as xr

import casepool as cp

ABOUT = ["estimand", "level", "at", "kind", "unit"]


@pytest.mark.parametrize(
    ("name", "by"),
    [("age_fit", "age"), ("ordinal_age_fit", "age"), ("survival_fit", "surgery"), ("response_fit", "sex")],
)
def test_quantiles_of_the_draws_are_the_rows_of_the_table(name: str, by: str, request: pytest.FixtureRequest) -> None:
    fit = request.getfixturevalue(name)
    asked = {"target": "observed"} if by == "sex" else {}
    table = cp.contrast(fit, by, **asked).query("kind in ('difference', 'ratio')")
    draws = cp.contrast_draws(fit, by, **asked)
    assert draws.dims == ("contrast", "chain", "draw")
    assert (
        draws.sizes["chain"] * draws.sizes["draw"] == fit["posterior"].sizes["chain"] * fit["posterior"].sizes["draw"]
    )
    rows = list(zip(*(draws[name].values.tolist() for name in ABOUT), strict=True))
    assert rows == list(table[ABOUT].itertuples(index=False, name=None))
    for column, q in (("estimate", 0.5), ("lower", 0.025), ("upper", 0.975)):
        assert draws.quantile(q, ["chain", "draw"]).values == pytest.approx(table[column].to_numpy())


def test_the_share_within_a_region_is_the_probability_the_table_gives(age_fit: xr.DataTree) -> None:
    low, high = -0.1, 0.2
    draws = cp.contrast_draws(age_fit, "age")
    difference = draws.isel(contrast=(draws["estimand"] == "risk difference").values)
    inside = float(((difference > low) & (difference < high)).mean())
    table = cp.contrast(age_fit, "age", rope=(low, high)).set_index("estimand")["estimate"]
    assert table["P(risk difference between -0.1 and 0.2)"] == inside
    assert 0 < inside < 1


def test_draws_stand_beside_those_of_the_fit(age_fit: xr.DataTree) -> None:
    """A draw of a contrast is of the same draw of the parameters: a difference and its coefficient rise together."""
    fit = age_fit["posterior"]
    draws = cp.contrast_draws(age_fit, "age", target="observed")
    difference = draws.isel(contrast=(draws["estimand"] == "risk difference").values).squeeze()
    effect = fit["age_effect"].squeeze().transpose("chain", "draw")
    assert np.corrcoef(difference.values.ravel(), effect.values.ravel())[0, 1] > 0.5
