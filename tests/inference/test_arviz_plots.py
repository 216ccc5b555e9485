"""What the documentation says of ArviZ's plots, and of the rest of its schema."""

from importlib.metadata import version
from pathlib import Path

import arviz as az
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import casepool as cp
from benchmarks import arviz_plots
from tests.small import normal, survival_model

PAGE = Path(__file__).parents[2] / "docs" / "arviz.md"
DRAWN = {"counts": "exact", "ordinal": "lockstep", "survival": "lockstep"}


@pytest.fixture(scope="module")
def fits() -> dict[str, xr.DataTree]:
    """With few draws: what is asked is whether anything is drawn."""
    found = {}
    for kind, engine in DRAWN.items():
        cases = arviz_plots.DATASETS.get(kind, "alk_crizotinib")
        asked = {"seed": 1, "engine": engine, "draws": 100, "chains": 2, "predictive": True, "progress": False}
        found[kind] = cp.fit(arviz_plots.KINDS[kind], cases, **asked)
    return found


def test_the_page_says_how_every_plot_is_asked_for() -> None:
    """A plot that a newer ArviZ adds, or drops, is one that somebody has to look at."""
    assert set(arviz_plots.USES) == set(arviz_plots.every_plot())
    assert "\n".join(arviz_plots.documented()) in PAGE.read_text(encoding="utf-8")


@pytest.mark.filterwarnings("ignore:Reference value 0", "ignore:Your data appears to have")  # draws are few
@pytest.mark.parametrize("kind", DRAWN)
@pytest.mark.parametrize("name", arviz_plots.USES)
def test_every_plot_that_applies_is_drawn(name: str, kind: str, fits: dict[str, xr.DataTree]) -> None:
    if arviz_plots.refusals(name, kind, DRAWN[kind]):
        return
    with az.rc_context({"plot.backend": "none"}):
        arviz_plots.draw(name, fits[kind], kind)


def test_the_follow_up_of_replicates_is_laid_beside_the_times_seen(fits: dict[str, xr.DataTree]) -> None:
    fit = fits["survival"]
    seen, replicated = fit["observed_data"]["followed"], fit["posterior_predictive"]["followed"]
    assert seen.equals(fit["observed_data"]["outcome"].rename("followed"))
    assert set(replicated.dims) - {"chain", "draw"} == set(seen.dims)
    censored = (fit["constant_data"]["event"] == 0).to_numpy()
    assert (replicated.to_numpy()[..., censored] <= seen.to_numpy()[censored]).all()


@pytest.mark.parametrize("kind", DRAWN)
def test_groups_have_the_attributes_of_arvizs_schema(kind: str, fits: dict[str, xr.DataTree]) -> None:
    theirs = az.dict_to_dataset({"x": np.zeros((2, 3))}, inference_library=cp).attrs
    for name, group in fits[kind].children.items():
        assert set(group.attrs) >= set(theirs), name
        assert group.attrs["inference_library"] == "casepool"
        assert group.attrs["inference_library_version"] == version("casepool")
        assert group.attrs["sample_dims"] == [dim for dim in ("chain", "draw") if dim in group.dims]


def test_schemas_attributes_survive_a_file(fits: dict[str, xr.DataTree], tmp_path: Path) -> None:
    opened = cp.open_fit(cp.save_fit(fits["counts"], tmp_path / "fit.nc"))
    for name, group in fits["counts"].children.items():
        kept = opened[name].attrs
        assert {key: np.asarray(own).tolist() for key, own in kept.items()} == {
            key: np.asarray(own).tolist() for key, own in group.attrs.items()
        }


def test_a_row_that_tells_nothing_is_what_loo_stumbles_over() -> None:
    """The remedy of the page: the same score as without the patient."""
    table = pd.DataFrame({"patient": list("abcd"), "time": [5.0, 8.0, 12.0, 0.0], "event": [True, False, True, False]})
    fit = cp.fit(survival_model({"intercept": normal(1.0, -3.0)}), table, seed=1, engine="lockstep", progress=False)
    with pytest.raises(ValueError, match="tail values are the same"):
        az.loo(fit)
    rows = fit["log_likelihood"].to_dataset()
    told = fit.copy()
    told["log_likelihood"] = rows.isel(patient=rows["outcome"].std(("chain", "draw")).to_numpy() > 0)
    assert az.loo(told).n_data_points == 3
