"""The diagnostics of a fit: what its engine has is drawn, what it has not is said."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from matplotlib.axes import Axes

import casepool as cp
from casepool.checking.importance import weighed
from casepool.estimation.draws import open_draws
from casepool.inference import diagnostics
from casepool.plotting.diagnostics import HIGHEST_K

FITS = Path(__file__).parents[1] / "oracle" / "fits"
SAID = {"lockstep": ("no trace", "no energy", "nested R-hat"), "exact": ("no trace", "Pareto k", "Kish")}
TRACE = "draws in their order"


@pytest.fixture(scope="module")
def fits(response_fit: xr.DataTree) -> dict[str, xr.DataTree]:
    """A fit by each engine: that of nuts has far too few draws."""
    exact = cp.fit("basket_berry", "sarcoma_imatinib", seed=1, engine="exact", progress=False)
    return {"lockstep": response_fit, "exact": exact, "nuts": cp.open_fit(FITS / "objective_response.nc")}


@pytest.fixture(scope="module")
def figures(fits: dict[str, xr.DataTree]) -> dict[str, Axes]:
    return {engine: cp.plot_diagnostics(fit) for engine, fit in fits.items()}


def titles(ax: Axes) -> list[str]:
    return [panel.get_title(loc="left") for panel in ax.child_axes]


def words(ax: Axes) -> str:
    return " ".join(" ".join(text.get_text() for panel in ax.child_axes for text in panel.texts).split())


@pytest.mark.parametrize("engine", ["lockstep", "exact"])
def test_what_an_engine_has_not_is_said(engine: str, figures: dict[str, Axes]) -> None:
    assert not any(TRACE in title or "energy" in title for title in titles(figures[engine]))
    assert all(said in words(figures[engine]) for said in SAID[engine])


def test_nuts_shows_traces_and_energy_and_that_it_failed(figures: dict[str, Axes]) -> None:
    found = titles(figures["nuts"])
    assert sum(TRACE in title for title in found) == 3
    assert sum("energy" in title for title in found) == 1
    assert "did not converge" in figures["nuts"].get_title(loc="left")
    assert "convergence: fail" in words(figures["nuts"])


@pytest.mark.parametrize("engine", ["lockstep", "exact", "nuts"])
def test_every_panel_holds_something(engine: str, figures: dict[str, Axes]) -> None:
    for panel in figures[engine].child_axes:
        assert panel.lines or panel.collections or panel.texts


def test_pareto_k_are_those_of_the_patients(fits: dict[str, xr.DataTree], figures: dict[str, Axes]) -> None:
    k = weighed(open_draws(fits["lockstep"])).k
    [panel] = [panel for panel in figures["lockstep"].child_axes if "Pareto" in panel.get_title(loc="left")]
    dots = [line for line in panel.lines if line.get_marker() == "o"]
    at = {int(x): float(y) for line in dots for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)}
    assert at == dict(enumerate(np.minimum(k, HIGHEST_K)))


def test_the_numbers_drawn_are_those_with_fewest_effective_draws(fits: dict[str, xr.DataTree], figures) -> None:
    posterior = fits["lockstep"]["posterior"].to_dataset()
    told = {}
    for name, values in posterior.data_vars.items():
        draws = values.to_numpy().reshape(*values.shape[:2], -1)
        told[name] = np.fmin(diagnostics.ess_bulk(draws), diagnostics.ess_tail(draws)).min()
    fewest = min(told, key=told.get)
    assert titles(figures["lockstep"])[0].startswith(fewest)
